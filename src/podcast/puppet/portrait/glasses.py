"""Glasses: whether there are any, and where their upper rims run, so that brows move without bending them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet.portrait.cutout import Cutout
from podcast.puppet.portrait.geometry import EYES

_SIDE = 256  # px of a face height at which rims are looked for
_WIDE, _HIGH, _ABOVE = 260, 150, 72  # px of the place looked at, and what of it lies above the corners of the eyes
_THICK = 11  # px, more than a rim's thickness
_BRIDGE = 26, 20  # px above and below the corners of the eyes between which a bridge is looked for
_REACH = 0.13  # half width of the bridge looked at, distances of the inner corners of the eyes
_DARK, _DARKER = 18.0, 0.13  # of a bridge against the nose, grey levels and share; bare noses showed at most 8 and 0.06
_WEAK = 0.5  # of the bridge's darkness, from which what hangs together with it is rim
_COLUMNS = 0.3  # share of the columns in which a rim has to be found


@dataclass(frozen=True, eq=False)
class Rims:
    """The upper edge of the glasses."""

    matrix: np.ndarray  # float64 (2, 3) from layer pixels to the place looked at
    tops: np.ndarray  # float64 (_WIDE,): rows there
    scale: float  # layer pixels for each pixel there

    def clearance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return how far places of the layer lie above the rims, pixels."""
        u, v = (row[0] * x + row[1] * y + row[2] for row in self.matrix)
        return (np.interp(u, np.arange(_WIDE), self.tops) - v) * self.scale


def find_rims(cutout: Cutout) -> Rims | None:
    """Return the rims of the glasses in a picture, None without glasses (or with rims too thin and light to bend)."""
    lm = cutout.landmarks[:, :2]
    inner, scale = (lm[EYES[0].upper[-1]], lm[EYES[1].upper[0]]), cutout.face_height / _SIDE
    across = _axis(lm)
    axes = np.stack([across, (-across[1], across[0])], 1) * scale
    back = np.column_stack([axes, (inner[0] + inner[1]) / 2 - axes @ (_WIDE / 2, _ABOVE)])
    grey = cv2.cvtColor(cutout.picture, cv2.COLOR_RGB2GRAY)
    if scale > 1:
        grey = cv2.GaussianBlur(grey, (0, 0), 0.45 * scale)
    seen = cv2.warpAffine(
        grey, back, (_WIDE, _HIGH), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    dark = cv2.morphologyEx(seen, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THICK, _THICK)))
    matrix = cv2.invertAffineTransform(back)
    reach = max(4, int(_REACH * np.linalg.norm(inner[1] - inner[0]) / scale))
    tops = _tops(seen, dark, reach)
    return None if tops is None else Rims(matrix, tops, scale)


def _axis(lm: np.ndarray) -> np.ndarray:
    """Return the unit vector from the left eye's middle to the right one's."""
    left, right = (lm[[eye.upper[0], eye.upper[-1]]].mean(0) for eye in EYES)
    return (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)


def _tops(seen: np.ndarray, dark: np.ndarray, reach: int) -> np.ndarray | None:
    """Return the rows of the rims' upper edge, found from the bridge, a dark line across the nose."""
    first, last = _ABOVE - _BRIDGE[0], _ABOVE + _BRIDGE[1]
    columns = slice(_WIDE // 2 - reach, _WIDE // 2 + reach + 1)
    line = cv2.dilate(dark, np.ones((5, 1), np.uint8))[first:last, columns]
    strength = np.quantile(line, 0.15, axis=1)
    row = int(strength.argmax())
    if strength[row] < max(_DARK, _DARKER * float(seen[first:last, columns].mean())):
        return None
    solid = (dark > _WEAK * strength[row]).astype(np.uint8)
    _, labels = cv2.connectedComponents(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))
    bridge = labels[max(first + row - 3, 0) : first + row + 4, columns]
    rim = np.isin(labels, np.unique(bridge[bridge > 0]))
    known = np.flatnonzero(rim.any(0))
    if len(known) < _COLUMNS * _WIDE:
        return None
    tops = np.interp(np.arange(_WIDE), known, rim.argmax(0)[known].astype(float))
    return cv2.GaussianBlur(np.minimum(cv2.erode(tops[None], np.ones((1, 7))), tops[None]), (0, 0), 2.0)[0]
