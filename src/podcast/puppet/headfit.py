"""How a head is turned: its skull's landmarks laid on their own mean shape, and how the rest then lies in the head.

Points are landmarks in MediaPipe's numbering, (n, 3), x to the right, y down, depth negative towards the viewer, all
in one unit. A camera far away is assumed (weak perspective).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Points that move with the skull and with nothing else: forehead's rim, temples, nose, corners of the eyes. Those
# before the ears follow the jaw a little and hide nods: without them people's skulls fit better.
SKULL = (10, 67, 297, 103, 332, 54, 284, 21, 251, 127, 356, 168, 6, 197, 195, 5, 4, 1, 122, 351, 196, 419, 33, 133,
         362, 263)  # fmt: skip
FOREHEAD, CHIN = 10, 152
_ROUNDS = 4
_SHAPED = 90  # frames from which the shape is taken
_TILT, _UNSURE = 4.0, 1.5  # degrees: most by which the axis of turns is tilted; spread of turns that tell little of it
_DENSE, _DENSEST = 3.0, 400  # degrees over which a pose counts as the same; frames that are compared


class Turns(NamedTuple):
    """A head over time: points = scale · rotation @ shape + place; all in float64."""

    shape: np.ndarray  # (points, 3) of the neutral pose, centred on the skull
    rotations: np.ndarray  # (frames, 3, 3)
    scales: np.ndarray  # (frames,)
    places: np.ndarray  # (frames, 3), of the skull's centre
    errors: np.ndarray  # (frames,), root mean square of what the skull does not fit, over the face's height
    height: float  # forehead to chin in the unit of the shape


def turns(points: np.ndarray, numbers: Sequence[int] | None = None) -> Turns:
    """Return how a head turns in landmarks (frames, n, 3), relative to its most frequent pose.

    `numbers` says which landmarks they are; none: all, in their order.
    """
    known = list(range(points.shape[1]) if numbers is None else numbers)
    skull, (top, chin) = [known.index(n) for n in SKULL], (known.index(n) for n in (FOREHEAD, CHIN))
    towards = points.astype(np.float64) * (1.0, 1.0, -1.0)
    shape = _mean_shape(towards, skull)
    rotations, scales, places = _fit(shape[skull], towards[:, skull])
    neutral = _neutral(rotations)
    shape = shape @ neutral.T
    rotations = rotations @ neutral.T
    laid = scales[:, None, None] * (shape[skull] @ rotations.transpose(0, 2, 1)) + places[:, None]
    height = float(np.linalg.norm(shape[top] - shape[chin]))
    errors = np.sqrt(((laid - towards[:, skull])[..., :2] ** 2).sum(2).mean(1)) / (height * scales)
    return Turns(shape, rotations, scales, places, errors, height)


def angles(rotations: np.ndarray) -> np.ndarray:
    """Return yaw, pitch and roll, degrees (frames, 3), by the conventions of `pose`."""
    yaw = np.arctan2(-rotations[:, 2, 0], rotations[:, 2, 2])
    pitch = np.arcsin(np.clip(-rotations[:, 2, 1], -1.0, 1.0))
    roll = np.arctan2(-rotations[:, 0, 1], rotations[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], 1))


def angles_about_neck(rotations: np.ndarray) -> np.ndarray:
    """Return `angles` with the axis of turns tilted, by `_TILT` at most, to where turns show the fewest nods."""
    turn = angles(rotations)
    yaw, pitch = (turn[:, i] - np.median(turn[:, i]) for i in (0, 1))
    slope = float(yaw @ pitch / (yaw @ yaw + len(yaw) * _UNSURE**2))
    tilt = float(np.clip(-np.degrees(np.arctan(slope)), -_TILT, _TILT))
    return np.asarray(angles(rotations @ rotation(0.0, 0.0, tilt).T) + np.array([0.0, 0.0, tilt]))


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation of a pose, degrees; x right, y down, z towards the viewer."""
    (sy, sp, sr), (cy, cp, cr) = np.sin(np.radians((yaw, pitch, roll))), np.cos(np.radians((yaw, pitch, roll)))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(tilt @ nod @ turn)


def in_head(points: np.ndarray, head: Turns) -> np.ndarray:
    """Return landmarks (frames, n, 3) with the head's turn and place undone, in face heights."""
    towards = points.astype(np.float64) * (1.0, 1.0, -1.0)
    moved = (towards - head.places[:, None]) / head.scales[:, None, None]
    return np.asarray(moved @ head.rotations / head.height)


def _mean_shape(towards: np.ndarray, skull: list[int]) -> np.ndarray:
    """Return the median of the frames laid on each other, its skull centred and of unit size."""
    some = towards[:: max(len(towards) // _SHAPED, 1)]
    shape = some[len(some) // 2]
    for _ in range(_ROUNDS):
        shape = shape - shape[skull].mean(0)
        shape = shape / np.sqrt((shape[skull] ** 2).sum())
        rotations, scales, places = _fit(shape[skull], some[:, skull])
        shape = np.median((some - places[:, None]) @ rotations / scales[:, None, None], 0)
    shape = shape - shape[skull].mean(0)
    return np.asarray(shape / np.sqrt((shape[skull] ** 2).sum()))


def _fit(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rotations, scales and places of b (frames, n, 3) over a (n, 3) by least squares (Umeyama 1991)."""
    places = b.mean(1)
    spread = (b - places[:, None]).transpose(0, 2, 1) @ (a - a.mean(0))
    u, s, vt = np.linalg.svd(spread)
    sign = np.ones((len(b), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotations = u * sign[:, None] @ vt
    scales = (s * sign).sum(1) / ((a - a.mean(0)) ** 2).sum()
    return rotations, scales, places


def _neutral(rotations: np.ndarray) -> np.ndarray:
    """Return the pose that the head takes most often, among the frames where it is calm, at its usual tilt.

    The tilt says about which axis the head turns: where it is wrong, turns are taken for nods.
    """
    turn = angles(rotations)
    speed = np.linalg.norm(np.gradient(turn, axis=0), axis=1) if len(turn) > 1 else np.zeros(1)
    calm = np.flatnonzero(speed <= np.median(speed))
    calm = calm[:: max(len(calm) // _DENSEST, 1)]
    apart = np.linalg.norm(turn[calm][:, None] - turn[calm][None], axis=2)
    near = np.exp(-0.5 * (apart / _DENSE) ** 2)
    peak = near[int(near.sum(1).argmax())]
    u, _, vt = np.linalg.svd((rotations[calm] * peak[:, None, None]).sum(0))
    yaw, pitch, _ = angles((u @ vt)[None])[0]
    return rotation(float(yaw), float(pitch), float(np.median(turn[:, 2])))
