"""Square crops of a picture, turned, mirrored and scaled to what a network wants, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Place:
    """A square in a picture."""

    x: float  # centre, px
    y: float
    side: float  # px
    turn: float = 0.0  # rad, clockwise as the viewer sees it


def rotation(angle: float) -> np.ndarray:
    """Return the matrix (2, 2) that turns by `angle` (rad, clockwise with y down)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def cut(
    rgb: np.ndarray, place: Place, side: int, mirror: bool = False, border: int = cv2.BORDER_REPLICATE
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square out.

    Returns:
        the crop (side, side, 3), and the affine transform (2, 3) from its pixels to the picture's.
    """
    scale = place.side / side
    linear = rotation(place.turn) * scale * ([-1, 1] if mirror else [1, 1])
    back = np.c_[linear, np.array([place.x, place.y]) - linear @ np.full(2, (side - 1) / 2)]
    source, way = _shrunk(rgb, place, back, int(scale))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(source, way, (side, side), flags=flags, borderMode=border), back


def to_picture(points: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Return points (n, 2) of a crop in pixels of the picture."""
    return points @ back[:, :2].T + back[:, 2]


def _shrunk(rgb: np.ndarray, place: Place, back: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Average blocks of pixels first where a crop is much finer than its network: interpolation would skip pixels."""
    if factor < 2:
        return rgb, back
    reach = int(place.side * 0.75) + factor
    h, w = rgb.shape[:2]
    x0, y0 = max(int(place.x) - reach, 0), max(int(place.y) - reach, 0)
    part = rgb[y0 : min(int(place.y) + reach, h), x0 : min(int(place.x) + reach, w)]
    if min(part.shape[:2]) < factor:
        return rgb, back
    small = cv2.resize(part, (part.shape[1] // factor, part.shape[0] // factor), interpolation=cv2.INTER_AREA)
    shrink = np.array([small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]])
    offset = (back[:, 2] - [x0, y0] + 0.5) * shrink - 0.5  # pixel centres
    return small, np.c_[back[:, :2] * shrink[:, None], offset]
