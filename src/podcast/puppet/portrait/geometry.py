"""Which landmarks are what, smooth steps, and coarse grids of displacements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np

from podcast.puppet.facemap import FaceMap
from podcast.puppet.portrait.strips import longest

# Landmarks of the face mesh, left to right as the viewer sees an unmirrored face
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
FOREHEAD, CHIN, NOSE_BASE, NOSE_TIP = 10, 152, 2, 1
EARS = (234, 454)  # where the face meets the ears
JAW = (172, 397)
CHEEKS = (50, 280)

_CROWN = (1.18, 1.50)  # chin to crown in face heights: least and most that is believed
_CROWN_USUAL = 1.30
_STRAND = 0.15  # face heights that are cut at least; single strands may end at the edge
_TOUCH = 0.5  # face heights to either side of the forehead in which the upper edge may cut hair
_BOXES = 1.5  # px, from which on boxes blur as a Gaussian does


@dataclass(frozen=True)
class EyeMarks:
    """Landmarks of an eye, from its left to its right end."""

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    brow: tuple[int, ...]
    iris: int  # four points of its rim follow


EYES = (
    EyeMarks((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133),
             (46, 53, 52, 65, 55), 468),
    EyeMarks((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263),
             (285, 295, 282, 283, 276), 473),
)  # fmt: skip


def rise(x: np.ndarray | float, start: float, end: float) -> np.ndarray:
    """Return a smooth step from 0 at `start` to 1 at `end`."""
    t = np.clip((np.asarray(x) - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def fall(x: np.ndarray | float, start: float, end: float) -> np.ndarray:
    """Return a smooth step from 1 at `start` to 0 at `end`."""
    return 1 - rise(x, start, end)


def up_of(face: FaceMap) -> np.ndarray:
    """Return the unit vector from chin to forehead in the picture."""
    axis = face.landmarks[FOREHEAD, :2] - face.landmarks[CHIN, :2]
    return axis / max(float(np.linalg.norm(axis)), 1e-6)


def crown_of(face: FaceMap) -> tuple[np.ndarray, bool]:
    """Return where the crown of the hair is (x, y), and whether the picture's upper edge cuts it off.

    The matte is followed from the forehead upwards; hats and high hair are believed up to 1.5 face heights.
    """
    chin, up = face.landmarks[CHIN, :2], up_of(face)
    h, w = face.matte.shape
    for step in np.arange(_CROWN[0], _CROWN[1], 0.01):
        x, y = chin + up * (step * face.height)
        if y < 0 or not 0 <= x < w:
            return chin + up * (max(float(step) + 0.04, _CROWN_USUAL) * face.height), True
        if face.matte[min(int(y), h - 1), int(x)] < 0.5:
            return chin + up * (float(step) * face.height), False
    return chin + up * (_CROWN[1] * face.height), False


def touches_top(face: FaceMap) -> bool:
    """Tell whether the picture's upper edge cuts hair or hat above the head, however high these are."""
    reach, x = _TOUCH * face.height, face.landmarks[FOREHEAD, 0]
    row = face.matte[min(1, len(face.matte) - 1), max(0, int(x - reach)) : max(1, int(x + reach))]
    start, end = longest(row > 0.5)
    return end - start > _STRAND * face.height


def combined(weights: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return the weighted sum of fields (n, ...)."""
    return (weights @ fields.reshape(len(fields), -1)).reshape(fields.shape[1:])


class Nodes:
    """A coarse grid over a box of pixels; its bilinear enlargement is exact at the pixels' middles."""

    def __init__(self, x0: int, y0: int, width: int, height: int, step: int) -> None:
        self.step, self.width, self.height = step, width, height
        self.nx, self.ny = -(-width // step) + 2, -(-height // step) + 2  # one spare node on every side
        xs = x0 + (np.arange(self.nx) - 0.5) * step - 0.5
        ys = y0 + (np.arange(self.ny) - 0.5) * step - 0.5
        self.x, self.y = (a.astype(np.float32) for a in np.meshgrid(xs, ys))
        self.places = np.dstack([self.x, self.y])

    @cached_property
    def cells(self) -> np.ndarray:
        """The nodes' own places (h, w, 2), counted in steps."""
        return np.dstack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (self.nx, self.ny))))

    def enlarge(self, values: np.ndarray, start: int = 0, end: int | None = None) -> np.ndarray:
        """Return node values at every pixel of the box, or of its rows from `start` to `end`."""
        end = self.height if end is None else end
        first, last = start // self.step, -(-end // self.step)
        part = self.enlarged(values[first : last + 2], self.width, end - first * self.step)
        return part[start - first * self.step :]

    def enlarged(self, values: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return node values at the pixels from the second node's cell on."""
        s, (h, w) = self.step, values.shape[:2]
        full = cv2.resize(values, (w * s, h * s), interpolation=cv2.INTER_LINEAR)
        return full[s : s + height, s : s + width]

    def sample(self, field: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return field values (n, channels) at points (n, 2)."""
        u = ((points[:, 0] - self.x[0, 0]) / self.step).astype(np.float32)[None]
        v = ((points[:, 1] - self.y[0, 0]) / self.step).astype(np.float32)[None]
        return cv2.remap(field, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]

    def nearest(self, picture: np.ndarray) -> np.ndarray:
        """Return what a picture of the box has at the nodes."""
        rows, cols = ((np.arange(n) - 1) * self.step for n in (self.ny, self.nx))
        h, w = picture.shape[:2]
        return picture[np.ix_(np.clip(rows + self.step // 2, 0, h - 1), np.clip(cols + self.step // 2, 0, w - 1))]

    def inverse(self, field: np.ndarray, rounds: int = 4) -> np.ndarray:
        """Return where every node comes from when each place p goes to p + field(p)."""
        cells = field * np.float32(1 / self.step)
        back = cells
        for _ in range(rounds):
            back = cv2.remap(cells, self.cells - back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self.places - back * np.float32(self.step)


def soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Return a uint8 mask blurred as by a Gaussian; a wide one is made of two boxes of the same variance."""
    if sigma < _BOXES:
        return cv2.GaussianBlur(mask, (0, 0), sigma)
    side = np.sqrt(6 * sigma**2 + 1)
    small = int((side - 1) // 2) * 2 + 1
    wide = 2 * round((np.sqrt(max(12 * sigma**2 + 2 - small**2, 1)) - 1) / 2) + 1
    return cv2.blur(cv2.blur(mask, (small, small)), (wide, wide))


def closed_curve(points: np.ndarray, between: int = 6) -> np.ndarray:
    """Return a closed Catmull-Rom curve (n * between, 2) through points (n, 2)."""
    return np.asarray(_catmull_rom(len(points), between) @ points)


@cache
def _catmull_rom(n: int, between: int) -> np.ndarray:
    """Return the weights (n * between, n) of n points in the points of a closed curve."""
    p = np.eye(n)
    p0, p1, p2, p3 = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = (np.arange(between) / between)[None, :, None]
    a, b, c, d = (v[:, None] for v in (p0, p1, p2, p3))
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return (0.5 * curve).reshape(-1, n)
