"""Measure what shows in a face: sharpness, openings, the line between the lips, glasses."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.crops import Place, cut
from podcast.puppet.facemap import MESH, FaceMap

FOREHEAD, CHIN = 10, 152
LIDS = ((159, 145, 33, 133), (386, 374, 362, 263))  # upper, lower, corners
CROP = 256  # px, side of the upright crop that holds the face
OVER = 1.1  # side of that crop, in face heights
_UPPER_LIP = (80, 81, 82, 13, 312, 311, 310)
_LOWER_LIP = (88, 178, 87, 14, 317, 402, 318)
_BRIDGE = 168  # of the nose
_BRIDGE_DARK, _RIM_DARK = 0.30, 0.12  # how much darker than the skin a spectacle bridge and a lower rim are


def gap(landmarks: np.ndarray, upper: int, lower: int, left: int, right: int) -> float:
    """Return the height of an opening over its width."""
    height = np.linalg.norm(landmarks[upper, :2] - landmarks[lower, :2])
    return float(height / max(np.linalg.norm(landmarks[left, :2] - landmarks[right, :2]), 1e-3))


def upright(face: FaceMap) -> tuple[np.ndarray, np.ndarray]:
    """Return the face upright at a fixed size, grey float32 (256, 256), and the landmarks in it."""
    top, bottom = face.landmarks[FOREHEAD, :2], face.landmarks[CHIN, :2]
    middle, down = (top + bottom) / 2, bottom - top
    place = Place(float(middle[0]), float(middle[1]), face.height * OVER, float(np.arctan2(-down[0], down[1])))
    crop, back = cut(face.image, place, CROP)
    way = cv2.invertAffineTransform(back)
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32), face.landmarks[:, :2] @ way[:, :2].T + way[:, 2]


def inside(points: np.ndarray) -> np.ndarray:
    """Return what of the upright crop is face, bool (256, 256), a little within its outline."""
    mask = np.zeros((CROP, CROP), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[:MESH]).astype(np.int32)), 1)
    return cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0


def details(face: FaceMap) -> tuple[float, float]:
    """Return the spread of fine and of middling details over that of coarse ones, in the face at 256 px."""
    grey, points = upright(face)
    face_only = inside(points)

    def between(small: float, large: float) -> float:
        less = cv2.GaussianBlur(grey, (0, 0), small) if small else grey
        return float((less - cv2.GaussianBlur(grey, (0, 0), large))[face_only].std())

    coarse = max(between(6, 16), 1e-3)
    return between(0, 1) / coarse, between(1, 4) / coarse


def lip_line(face: FaceMap) -> float:
    """Return how much darker the line between the lips is than the darker side of it, as a share."""
    grey, points = upright(face)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.2)
    found = []
    for upper, lower in zip(_UPPER_LIP, _LOWER_LIP, strict=True):
        x, y = (points[upper] + points[lower]) / 2
        reach = int(np.linalg.norm(points[upper] - points[lower]) / 2) + 4
        column = np.clip(np.arange(-20, 21) + y, 0, CROP - 1).astype(np.float32)[None]
        line = cv2.remap(grey, np.full_like(column, x), column, cv2.INTER_LINEAR)[0]
        around = min(float(np.median(line[2:13])), float(np.median(line[28:39])))
        found.append((around - float(line[20 - reach : 21 + reach].min())) / max(around, 20.0))
    return float(np.median(found))


def has_glasses(face: FaceMap) -> bool:
    """Return whether a dark bridge crosses the nose and a dark rim runs below an eye; rimless ones are not seen."""
    grey, points = upright(face)
    (x, y), reach = points[_BRIDGE], np.linalg.norm(points[133] - points[362]) * 0.22
    bridge = _rows(grey, x, reach, y - 18, y + 34, 75)
    if bridge.size == 0 or _dip(bridge, bridge.size) < _BRIDGE_DARK:
        return False
    return any(_has_rim(grey, points, lids) for lids in LIDS)


def _has_rim(grey: np.ndarray, points: np.ndarray, lids: tuple[int, int, int, int]) -> bool:
    _, lower, left, right = lids
    (x, y), width = points[lower], np.linalg.norm(points[left] - points[right])
    below = _rows(grey, x, width * 0.25, y + width * 0.22, y + width * 1.1, 65)
    return _dip(below, 6) > _RIM_DARK


def _rows(grey: np.ndarray, x: float, reach: float, top: float, bottom: float, share: float) -> np.ndarray:
    """Return how bright each row of a box is: a percentile of it, so that a dark row is dark along most of the box."""
    box = grey[max(int(top), 0) : max(int(bottom), 0), max(int(x - reach), 0) : max(int(x + reach), 0) + 1]
    return np.percentile(box, share, axis=1) if box.size else np.zeros(0)


def _dip(rows: np.ndarray, reach: int) -> float:
    """Return the deepest dark line across the rows, as a share of what lies up to `reach` rows on both sides."""
    if rows.size == 0:
        return 0.0
    if reach >= rows.size:
        around = float(np.median(rows))
        return (around - float(rows.min())) / max(around, 20.0)
    index = np.arange(rows.size)
    around = np.minimum(rows[np.maximum(index - reach, 0)], rows[np.minimum(index + reach, rows.size - 1)])
    return float(((around - rows) / np.maximum(rows, 30.0)).max())
