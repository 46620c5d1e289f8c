"""A face out of a frame and back: only what the network changed is added, through one mask, in the video's own colours.

Frames stay as they are stored (YUV 4:2:0). The difference that a network makes is a difference in YUV too, so what the
mask leaves out keeps its bytes.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from alignment import SIDE

MIDDLE, REACH = (256.0, 275.0), (205.0, 228.0)  # pixels of the square: an ellipse from hairline to chin
CORE = 0.62  # of the ellipse, within which the mask is 1; from there it falls to 0 at its rim
TONE = 40.0  # pixels of the square: changes of light and colour that are wider stay out, the frame's own are kept
STILL = 3.0  # levels of 255: where the face differs by less, it is still, and its change is kept
GRAIN, AROUND = 2.0, 4.0  # pixels of the square: finer is grain; as wide is "where"
_CHROMA = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])  # from chroma's pixels to luma's

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@lru_cache(2)
def colours(bt709: bool) -> np.ndarray:
    """Return the matrix from Y'CbCr (limited range, less its zero, of 255) to R'G'B' of 255: ITU-R BT.601 or BT.709."""
    red, blue = (0.2126, 0.0722) if bt709 else (0.299, 0.114)
    green = 1 - red - blue
    full = np.array([
        [1, 0, 2 * (1 - red)],
        [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
        [1, 2 * (1 - blue), 0],
    ])  # fmt: skip
    return full @ np.diag([255 / 219, 255 / 224, 255 / 224])


@lru_cache(1)
def mask() -> np.ndarray:
    """Return the weight of the square's pixels, float32 (512, 512, 1)."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    far = np.hypot((x - MIDDLE[0]) / REACH[0], (y - MIDDLE[1]) / REACH[1])
    ramp = np.clip((1 - far) / (1 - CORE), 0, 1)
    return (ramp * ramp * (3 - 2 * ramp))[..., None]


def cut(planes: Planes, place: np.ndarray, bt709: bool) -> np.ndarray:
    """Return the aligned face of a frame, float32 (512, 512, 3), RGB, 0 to 1."""
    size = float(np.hypot(place[0, 0], place[1, 0]))
    sides = []
    for index, plane in enumerate(planes):
        here = place if index == 0 else _after(place, _CHROMA)
        shrunk = size if index == 0 else 2 * size
        plane = _blurred(plane, 1 / shrunk) if shrunk < 1 else plane
        sides.append(cv2.warpAffine(plane, here, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    yuv = np.stack(sides, -1).astype(np.float32) - (16, 128, 128)
    return np.clip(yuv @ colours(bt709).T / 255, 0, 1).astype(np.float32)


def _after(place: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the affine map that does `first`, then `place`."""
    return np.c_[place[:, :2] @ first[:, :2], place[:, :2] @ first[:, 2] + place[:, 2]]


def _blurred(plane: np.ndarray, shrink: float) -> np.ndarray:
    """Return a plane without what a picture smaller by a factor can't hold."""
    return cv2.GaussianBlur(plane, (0, 0), 0.45 * float(np.sqrt(shrink**2 - 1)) + 1e-3)


class Change:
    """What the network changes, frame after frame, kept where the face is still.

    Networks answer a little grain with another skin. So a frame's face is compared with the one that the kept change
    belongs to, not with the last one: a slow drift is followed, a wavering is not.
    """

    def __init__(self) -> None:
        self._face: np.ndarray | None = None
        self._made: np.ndarray | None = None

    def forget(self) -> None:
        """Begin anew: the face was gone."""
        self._face = self._made = None

    def next(self, face: np.ndarray, restored: np.ndarray) -> np.ndarray:
        """Return the change for a frame, float32 (512, 512, 3), of 255, through the mask."""
        made = (restored - face) * np.float32(255)
        small = cv2.resize(made, (SIDE // 8, SIDE // 8), interpolation=cv2.INTER_AREA)
        broad = cv2.resize(cv2.GaussianBlur(small, (0, 0), TONE / 8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        made = made - broad
        smooth = cv2.GaussianBlur(face, (0, 0), GRAIN) * np.float32(255)
        if self._face is not None and self._made is not None:
            apart = cv2.GaussianBlur(np.abs(smooth - self._face).max(2), (0, 0), AROUND)
            kept = np.exp(-((apart / STILL) ** 4))[..., None].astype(np.float32)
            made = kept * self._made + (1 - kept) * made
            smooth = kept * self._face + (1 - kept) * smooth
        self._face, self._made = smooth, made
        return made * mask()


def add(planes: Planes, change: np.ndarray, place: np.ndarray, bt709: bool) -> None:
    """Add a change to a frame, in place."""
    yuv = (change @ np.linalg.inv(colours(bt709)).T.astype(np.float32)).astype(np.float32)
    size = float(np.hypot(place[0, 0], place[1, 0]))
    for index, plane in enumerate(planes):
        here = place if index == 0 else _after(place, _CHROMA)
        grown = size if index == 0 else 2 * size
        part = np.ascontiguousarray(yuv[..., index])
        part = _blurred(part, grown) if grown > 1 else part
        left, top, right, bottom = _box(here, plane.shape[1], plane.shape[0])
        if left >= right or top >= bottom:
            continue
        moved = _after(here, np.array([[1.0, 0, left], [0, 1.0, top]]))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        more = cv2.warpAffine(part, moved, (right - left, bottom - top), flags=flags)
        low, high = (16, 235) if index == 0 else (16, 240)
        area = plane[top:bottom, left:right]
        changed = np.rint(np.clip(area + more, low, high)).astype(np.uint8)
        area[...] = np.where(np.abs(more) < 0.5, area, changed)


def _box(place: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the part of a plane that the square covers: left, top, right, bottom."""
    back = cv2.invertAffineTransform(place)
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]]) @ back.T
    (left, top), (right, bottom) = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    return max(0, left), max(0, top), min(width, right + 1), min(height, bottom + 1)
