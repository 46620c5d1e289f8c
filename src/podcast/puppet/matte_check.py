"""Whether a matte can be right: there is a skull above every face and a neck below it, and no person is all fringes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet.facemap import MESH, FaceMap
from podcast.puppet.picture import UNDER

_UNIT = 160  # px, the face's height in which mattes are looked at: the same for all pictures
_FOREHEAD, _CHIN = 10, 152
_SKULL = 0.12  # face heights above the forehead's landmark that any skull reaches; with hair it is 0.18 and more
_NECK = 0.24, 0.22  # half width (of the face's width) and length (of its height) of the thinnest neck
_SMALLEST = 150  # px² of an expected part below which the picture does not show it
_ROUND = 5.0  # px, what an outline is smoothed by to be compared with itself


@dataclass(frozen=True)
class MatteCheck:
    """What speaks against a matte."""

    skull: float  # share of the least skull that was cut off, 0 … 1
    neck: float  # share of the thinnest neck that was cut off; of turned heads it says nothing
    fringe: float  # length of the outline over that of the outline when smoothed


def check_matte(face: FaceMap) -> MatteCheck:
    """Measure a matte against what the landmarks make certain; parts that lie outside of the picture do not count.

    A cut-out of the user's own is not doubted.
    """
    own = face.matte == 0
    if own.any() and (face.image[own] == UNDER).all():
        return MatteCheck(0.0, 0.0, 1.0)
    scale = _UNIT / face.height
    size = max(1, round(face.matte.shape[1] * scale)), max(1, round(face.matte.shape[0] * scale))
    matte = cv2.resize(face.matte, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    skull, neck = _expected(face.landmarks[:MESH, :2].astype(np.float64) * scale, matte.shape)
    return MatteCheck(_lost(matte, skull), _lost(matte, neck), _fringe((matte > 0.5).astype(np.uint8)))


def _expected(points: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the skull above the face and the neck below it must be, bool (h, w) each."""
    up = (points[_FOREHEAD] - points[_CHIN]) / _UNIT
    across = np.array([-up[1], up[0]])
    half = np.ptp(points @ across) / 2
    skull, neck, face = (np.zeros(shape, np.uint8) for _ in range(3))
    middle = (points[_FOREHEAD] + points[_CHIN]) / 2
    turn = float(np.degrees(np.arctan2(across[1], across[0])))
    cv2.ellipse(skull, _rotated(middle, half, _UNIT * (0.5 + _SKULL), turn), 1, -1)
    throat = points[_CHIN] - up * _UNIT * _NECK[1] / 2
    cv2.ellipse(neck, _rotated(throat, half * 2 * _NECK[0], _UNIT * _NECK[1] / 2, turn), 1, -1)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    y, x = np.mgrid[: shape[0], : shape[1]]
    above = (x - points[_FOREHEAD, 0]) * up[0] + (y - points[_FOREHEAD, 1]) * up[1] > -0.1 * _UNIT
    return (skull > 0) & (face == 0) & above, (neck > 0) & (face == 0)


def _rotated(
    middle: np.ndarray, half_width: float, half_height: float, turn: float
) -> tuple[tuple[float, float], tuple[float, float], float]:
    return (float(middle[0]), float(middle[1])), (2 * float(half_width), 2 * float(half_height)), turn


def _lost(matte: np.ndarray, expected: np.ndarray) -> float:
    return float(1 - matte[expected].mean()) if expected.sum() >= _SMALLEST else 0.0


def _fringe(solid: np.ndarray) -> float:
    smooth = (cv2.GaussianBlur(solid.astype(np.float32), (0, 0), _ROUND) > 0.5).astype(np.uint8)
    return _length(solid) / max(_length(smooth), 1.0)


def _length(solid: np.ndarray) -> float:
    outlines, _ = cv2.findContours(solid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return float(sum(cv2.arcLength(outline, True) for outline in outlines))
