"""Where the face is: five points a frame become the turn, size and place of a square, smoothed over the clip."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

SIDE = 512  # pixels of the square that the networks know
# Eyes, tip of the nose, corners of the mouth in the square, as the networks learned it (FFHQ's alignment).
TEMPLATE = np.array([[193.0, 239.9], [318.9, 240.2], [256.6, 314.0], [201.3, 371.4], [313.1, 371.2]])
TRUST = np.array([1.0, 1.0, 0.7, 0.4, 0.4])  # of the points: the mouth moves when it speaks
SMOOTH, STEADY = 0.06, 1.0  # s, deviations of the bells by which places of moving and of still faces are averaged
MOVES = 12.0  # pixels of the square by which the two averages differ where a face moves
BRIDGED = 0.4  # s without a face that are bridged
FADE = 0.2  # s in which the enhancement comes and goes where a face does


@dataclass(frozen=True)
class Track:
    """The face through a clip."""

    places: np.ndarray  # float64 (frames, 2, 3): from the frame's pixels to the square's; 0 where there is no face
    weights: np.ndarray  # float32 (frames,): 0 no face, 1 wholly there


def follow(points: list, rate: Fraction) -> Track:
    """Return the smoothed track of five points (x, y) a frame, or None where no face was seen.

    The square is put back where it was taken from, so smoothing never moves the face; it only lets it wander a little
    within the square.
    """
    fits = np.array([_fit(np.array(p, float)) if p is not None else (np.nan,) * 4 for p in points]).reshape(-1, 4)
    seen = np.isfinite(fits[:, 0])
    places, weights = np.zeros((len(fits), 2, 3)), np.zeros(len(fits), np.float32)
    for first, last in _runs(seen, round(BRIDGED * rate)):
        some = np.arange(first, last)
        known = some[seen[first:last]]
        whole = np.stack([np.interp(some, known, fits[known, k]) for k in range(4)], 1)
        places[first:last] = [_matrix(*row) for row in _calm(whole, float(rate))]
        weights[first:last] = _faded(last - first, first > 0, last < len(fits), max(1, round(FADE * rate)))
    return Track(places, weights)


def _fit(points: np.ndarray) -> tuple[float, float, float, float]:
    """Return centre (x, y), log size and turn of the similarity that brings the points nearest to the template."""
    share = TRUST / TRUST.sum()
    centre, goal = share @ points, share @ TEMPLATE
    p, q = (points - centre) @ (1, 1j), (TEMPLATE - goal) @ (1, 1j)
    z = (share * q) @ p.conj() / ((share * np.abs(p) ** 2).sum() + 1e-9)
    return float(centre[0]), float(centre[1]), float(np.log(max(abs(z), 1e-6))), float(np.angle(z))


def _matrix(x: float, y: float, size: float, turn: float) -> np.ndarray:
    goal = TRUST / TRUST.sum() @ TEMPLATE
    z = np.exp(size + 1j * turn)
    turned = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.c_[turned, goal - turned @ (x, y)]


def _runs(seen: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Return the stretches with a face, as (first, last + 1); short gaps between them are bridged."""
    where = np.flatnonzero(seen)
    if not len(where):
        return []
    breaks = np.flatnonzero(np.diff(where) > gap + 1)
    return list(zip(where[np.r_[0, breaks + 1]].tolist(), (where[np.r_[breaks, -1]] + 1).tolist(), strict=True))


def _calm(fits: np.ndarray, rate: float) -> np.ndarray:
    """Return fits (n, 4) averaged over time: long where the face is still, short where it moves."""
    quick, slow = _smoothed(fits, max(0.5, SMOOTH * rate), onward=True), _smoothed(fits, STEADY * rate)
    apart = (quick - slow) * (1, 1, SIDE / 4, SIDE / 4)  # a turn or growth, as it moves the rim of the face
    apart[:, :2] *= np.exp(slow[:, 2:3])  # pixels of the frame, as pixels of the square
    share = np.clip(np.linalg.norm(apart, axis=1, keepdims=True) / MOVES, 0, 1)
    share = _smoothed(share * share * (3 - 2 * share), max(0.5, SMOOTH * rate))
    return slow + (quick - slow) * share


def _smoothed(values: np.ndarray, deviation: float, onward: bool = False) -> np.ndarray:
    """Return values (n, k) averaged over time by a bell; at the ends they are mirrored, or go on as they came."""
    reach = min(int(3 * deviation) + 1, len(values) - 1)
    if reach < 1:
        return values
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    wide = np.pad(values, ((reach, reach), (0, 0)), "reflect", reflect_type="odd" if onward else "even")
    return np.stack([np.convolve(wide[:, k], bell / bell.sum(), "valid") for k in range(values.shape[1])], 1)


def _faded(length: int, begins: bool, ends: bool, fade: int) -> np.ndarray:
    steps = np.arange(1, length + 1) / (fade + 1)
    weight = np.minimum(steps if begins else 1, steps[::-1] if ends else 1) * np.ones(length)
    return np.minimum(weight, 1).astype(np.float32)
