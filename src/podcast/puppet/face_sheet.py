"""Show what was read from a picture: its landmarks, and the person cut out."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.crops import Place, cut
from podcast.puppet.facemap import MESH, FaceMap

_OVER = 1.7  # side of the view, in face heights
_GREEN, _YELLOW = (60, 255, 90), (255, 230, 40)
_CHECKS, _LIGHT, _DARK = 32, 200, 150  # checks across, and their greys


def draw_face_map(face: FaceMap, side: int = 640) -> np.ndarray:
    """Return a sheet of two squares, RGB uint8 (side, 2 · side, 3): the face with its landmarks, and the cut-out."""
    return np.hstack([_landmarks(face, side), _cut_out(face, side)])


def _landmarks(face: FaceMap, side: int) -> np.ndarray:
    x, y = face.landmarks[:MESH, :2].mean(0)
    view, back = cut(face.image, Place(float(x), float(y), face.height * _OVER), side, border=cv2.BORDER_CONSTANT)
    way = cv2.invertAffineTransform(back)
    points = face.landmarks[:, :2] @ way[:, :2].T + way[:, 2]
    for number, point in enumerate(np.rint(points * 16).astype(int)):
        colour = _GREEN if number < MESH else _YELLOW
        cv2.circle(view, (int(point[0]), int(point[1])), max(16, side // 32), colour, -1, cv2.LINE_AA, 4)
    return view


def _cut_out(face: FaceMap, side: int) -> np.ndarray:
    h, w = face.matte.shape
    scale = side / max(h, w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    matte = cv2.resize(face.matte, size, interpolation=flags)[..., None]
    picture = cv2.resize(face.image, size, interpolation=flags)
    y, x = np.mgrid[:side, :side] * _CHECKS // side
    sheet = np.repeat(np.where((x + y) % 2, _LIGHT, _DARK).astype(np.float32)[..., None], 3, 2)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    part = sheet[top : top + size[1], left : left + size[0]]
    part[:] = part * (1 - matte) + picture * matte
    return np.rint(sheet).astype(np.uint8)
