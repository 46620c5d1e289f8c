"""What brows, frown and cheeks do to the skin, as displacements on a coarse grid over the head."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.portrait.cutout import Cutout
from podcast.puppet.portrait.geometry import CHEEKS, EYES, fall
from podcast.puppet.portrait.glasses import find_rims
from podcast.puppet.pose import INDEX, REST

_BROW_UP, _BROW_DOWN, _FROWN = 0.066, 0.030, 0.024  # travel, face heights
_BROW_OWN = 0.65  # of the travel: how far above the brow's line it begins to be stretched
_LASHES = 0.16  # of an eye's width: the strip above the lid that brows leave as it is
_CHEEK = 0.020
_CLEAR, _STRETCH = 0.008, 3.0  # glasses: what is kept of the skin above rims, face heights, and how far it stretches
_ALIKE = 0.03  # face heights along a brow within which glasses let it rise alike
_ARCHED = 1.6  # of the room above rims that is usual along a brow: its ends, nearer to them, rise less
_EXPRESSIONS = ("brow_l", "brow_r", "frown", "cheeks")


def travels(pose: np.ndarray) -> np.ndarray:
    """Return how far each of the fields of `expressions` is gone along in a pose, float32 (4,)."""
    return np.array([_travel(pose, name) for name in _EXPRESSIONS], np.float32)


def _travel(pose: np.ndarray, name: str) -> float:
    if name == "cheeks":
        return max(float(pose[INDEX["smile"]] - REST[INDEX["smile"]]), 0.0)
    value = float(pose[INDEX[name]])
    return value * _BROW_DOWN / _BROW_UP if name.startswith("brow") and value < 0 else value


def expressions(cutout: Cutout, up: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return displacement fields (4, h, w, 2) of brows, frown and cheeks at full travel, pixels.

    Glasses keep their shape: brows move as far as there is skin between them and the rims, cheeks do not move.
    """
    lm, face, rims = cutout.landmarks, cutout.face_height, find_rims(cutout)
    right = np.array([-up[1], up[0]])
    fields = np.zeros((len(_EXPRESSIONS), *x.shape, 2), np.float32)
    for i, eye in enumerate(EYES):
        brow = lm[list(eye.brow), :2]
        middle, half = brow.mean(0), np.linalg.norm(brow[-1] - brow[0]) / 2
        dx = (x - middle[0]) * right[0] + (y - middle[1]) * right[1]
        along = np.sort((brow - middle) @ right)
        heights = ((brow - middle) @ -up)[np.argsort((brow - middle) @ right)]
        dy = (x - middle[0]) * -up[0] + (y - middle[1]) * -up[1] - np.interp(dx, along, heights)
        lids = lm[list(eye.upper), :2] - middle
        lid = np.interp(dx, np.maximum.accumulate(lids @ right), lids @ -up) - np.interp(dx, along, heights)
        lid = np.maximum(lid, 0.015 * face)  # from brow to lid
        side = fall(np.abs(dx) / half, 0.75, 1.75)
        travel = _BROW_UP * face  # of the place shown, not of the place it comes from: monotonous at any travel
        lift = side * np.where(dy < 0, fall(-dy / face, 0.10, 0.30), 1.0)
        skin = lid - np.minimum(_LASHES * _length(lm[[eye.upper[0], eye.upper[-1]], :2]), 0.45 * lid)
        free = np.clip((skin - dy) / (skin + _BROW_OWN * travel), 0, 1)
        if rims is not None:
            room = np.maximum(rims.clearance(x, y) + dy - _CLEAR * face, 1e-3)  # from brow to rim
            travel = min(travel, _ARCHED * float(np.median(room[np.abs(dx) < half])))
            alike = (0, 0), _ALIKE * face / float(x[0, 1] - x[0, 0])
            travel = np.minimum(cv2.GaussianBlur(np.minimum(travel, _STRETCH * room), *alike), _STRETCH * room)
            free = np.minimum(free, np.clip((room - dy) / (room + travel), 0, 1))
        lift = lift * free
        fields[i] = (lift * travel)[..., None] * up
        inner = brow[-1] if i == 0 else brow[0]
        near = np.exp(-((x - inner[0]) ** 2 + (y - inner[1]) ** 2) / (0.6 * half) ** 2)
        near = near * fall(dy / lid, 0.25, 0.95)
        if rims is not None:
            near = near * free * travel / (_BROW_UP * face)
        inwards = right * (1 if i == 0 else -1)
        fields[2] += (near * _FROWN * face)[..., None] * (inwards - 0.8 * up)
        cheek = lm[CHEEKS[i], :2]
        round_ = np.exp(-((x - cheek[0]) ** 2 + (y - cheek[1]) ** 2) / (0.13 * face) ** 2)
        if rims is None:
            fields[3] += (round_ * _CHEEK * face)[..., None] * up
    return fields


def _length(ends: np.ndarray) -> float:
    return float(np.linalg.norm(ends[1] - ends[0]))
