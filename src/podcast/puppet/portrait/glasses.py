"""Glasses: whether there are any, and where their upper rims run, so that brows move without bending them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet.portrait.cutout import Cutout
from podcast.puppet.portrait.geometry import EYES

_SIDE = 256  # px of a face height at which rims are looked for
_WIDE, _HIGH, _ABOVE = 260, 150, 72  # px of the place looked at, and what of it lies above the corners of the eyes
_TALLEST = 16  # px, most that a bold rim is thicker than what was found of it
_BROW = 6  # px from a brow's line to its lower edge
_BELOW = 20  # px below the corners of the eyes down to which a bridge is looked for
_REACH = 0.13  # half width of the bridge looked at, distances of the inner corners of the eyes
_WEAK = 0.5  # of the bridge's darkness, from which what hangs together with it is rim
_COLUMNS = 0.3  # share of the columns in which a rim has to be found


@dataclass(frozen=True)
class _Kind:
    """Rims that are looked for together; noses and brows must not be taken for them."""

    bridge: int  # px, more than the bridge's thickness
    rim: int  # px, more than the rims' thickness
    above: int  # px above the corners of the eyes from which a bridge is looked for
    dark: float  # of a bridge against the nose, grey levels ...
    darker: float  # ... and share of the nose's


_THIN = _Kind(11, 11, 26, 18.0, 0.13)  # bare noses showed at most 8 and 0.06
_BOLD = _Kind(27, 27, 19, 80.0, 0.6)  # bare noses showed at most 49 and 0.34 there


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
    matrix = cv2.invertAffineTransform(back)
    reach = max(4, int(_REACH * np.linalg.norm(inner[1] - inner[0]) / scale))
    tops = _tops(seen, reach, _under_brows(lm, matrix))
    return None if tops is None else Rims(matrix, tops, scale)


def _axis(lm: np.ndarray) -> np.ndarray:
    """Return the unit vector from the left eye's middle to the right one's."""
    left, right = (lm[[eye.upper[0], eye.upper[-1]]].mean(0) for eye in EYES)
    return (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)


def _under_brows(lm: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return for the columns looked at the row from which a dark line is no brow any more."""
    rows = np.zeros(_WIDE)
    for eye in EYES:
        u, v = matrix[:, :2] @ lm[list(eye.brow)].T + matrix[:, 2:]
        order = np.argsort(u)
        columns = slice(max(int(u.min()), 0), max(int(u.max()) + 1, 0))
        rows[columns] = np.interp(np.arange(_WIDE)[columns], u[order], v[order]) + _BROW
    return np.clip(rows, 0, _HIGH - 1).astype(int)


def _tops(seen: np.ndarray, reach: int, lowest: np.ndarray) -> np.ndarray | None:
    """Return the rows of the rims' upper edge, found from the bridge, a dark line across the nose.

    None of them lies above the rows given.
    """
    rim = _found(seen, reach, _THIN)
    if rim is None:
        rim = _found(seen, reach, _BOLD)
    if rim is None:
        return None
    rim &= np.arange(_HIGH)[:, None] >= lowest
    known = np.flatnonzero(rim.any(0))
    tops = np.interp(np.arange(_WIDE), known, np.maximum(_climbed(seen, rim, known), lowest[known]))
    return cv2.GaussianBlur(np.minimum(cv2.erode(tops[None], np.ones((1, 7))), tops[None]), (0, 0), 2.0)[0]


def _found(seen: np.ndarray, reach: int, kind: _Kind) -> np.ndarray | None:
    """Return where there are rims of a kind, bool, or None."""
    first, last = _ABOVE - kind.above, _ABOVE + _BELOW
    columns = slice(_WIDE // 2 - reach, _WIDE // 2 + reach + 1)
    line = cv2.dilate(_darker(seen, kind.bridge), np.ones((5, 1), np.uint8))[first:last, columns]
    strength = np.quantile(line, 0.15, axis=1)
    row = int(strength.argmax())
    if strength[row] < max(kind.dark, kind.darker * float(seen[first:last, columns].mean())):
        return None
    return _joined(_darker(seen, kind.rim) > _WEAK * strength[row], (slice(first + row - 3, first + row + 4), columns))


def _darker(seen: np.ndarray, size: int) -> np.ndarray:
    """Return by how much what is thinner than `size` is darker than what is around."""
    return cv2.morphologyEx(seen, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _joined(dark: np.ndarray, bridge: tuple[slice, slice]) -> np.ndarray | None:
    """Return what hangs together with the bridge, bool, None if it is no pair of rims."""
    _, labels = cv2.connectedComponents(
        cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    )
    near = labels[bridge]
    rim = np.isin(labels, np.unique(near[near > 0]))
    return rim if rim.any(0).sum() >= _COLUMNS * _WIDE else None


def _climbed(seen: np.ndarray, rim: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return for columns the row of a rim's upper edge: a bold rim's darkness goes on above what was found of it."""
    rows = rim.argmax(0)[columns]
    level = 0.5 * (float(np.median(seen[rim])) + float(np.median(seen)))
    for _ in range(_TALLEST):
        above = np.maximum(rows - 1, 0)
        rows = np.where(seen[above, columns] < level, above, rows)
    return rows.astype(float)
