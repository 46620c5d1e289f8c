"""Curves that motion is made of; all are vectorised over time and have no velocity where they begin and end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Return 3x² - 2x³ with x clipped to 0 … 1."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def minimum_jerk(x: np.ndarray) -> np.ndarray:
    """Return the position 0 … 1 of a reach over the time 0 … 1 (Flash and Hogan 1985)."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * x * (10.0 + x * (6.0 * x - 15.0)))


def steps(t: np.ndarray, moves: Sequence[tuple[float, float, float]]) -> np.ndarray:
    """Return a track that starts at 0 and moves to each target by minimum jerk.

    `moves` are (start, duration, target) in seconds and the track's unit, ordered by start; a move may begin
    before the one before it has ended.
    """
    if not moves:
        return np.zeros_like(t)
    start, duration, target = np.array(moves, float).T
    change = np.diff(target, prepend=0.0)
    return np.asarray(change @ minimum_jerk((t - start[:, None]) / np.maximum(duration, 1e-6)[:, None]))


def pulses(t: np.ndarray, events: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    """Return the sum of pulses (start, peak, end, height): smooth up, smooth down."""
    if not events:
        return np.zeros_like(t)
    start, peak, end, height = (column[:, None] for column in np.array(events, float).T)
    up = minimum_jerk((t - start) / np.maximum(peak - start, 1e-6))
    down = minimum_jerk((end - t) / np.maximum(end - peak, 1e-6))
    return np.asarray((height * np.where(t < peak, up, down)).sum(0))


def window(t: np.ndarray, end: float, fade: float) -> np.ndarray:
    """Return 0 at time 0 and at `end`, 1 between, with fades of at most `fade` seconds."""
    fade = max(min(fade, end / 2), 1e-6)
    return smoothstep(np.minimum(t, end - t) / fade)


def soft_limit(x: np.ndarray, limit: float) -> np.ndarray:
    """Return x bent so that it stays inside ± limit; small values are kept nearly as they are."""
    return np.asarray(limit * np.tanh(x / limit))


def ceiling(x: np.ndarray, step: float | np.ndarray) -> np.ndarray:
    """Return the least track that is nowhere below x and moves by at most `step` per frame (axis 0)."""
    y = x
    for k in range(1, _reach(x, step)):
        drop = k * np.asarray(step)
        y = y.copy() if y is x else y
        np.maximum(y[k:], x[:-k] - drop, out=y[k:])
        np.maximum(y[:-k], x[k:] - drop, out=y[:-k])
    return y


def limit_speed(x: np.ndarray, step: float | np.ndarray) -> np.ndarray:
    """Return a track near x, without delay, that moves by at most `step` per frame (axis 0)."""
    return np.asarray(0.5 * (ceiling(x, step) - ceiling(-x, step)))


def _reach(x: np.ndarray, step: float | np.ndarray) -> int:
    if len(x) < 2:
        return 1
    frames = float(np.max((x.max(0) - x.min(0)) / np.asarray(step)))
    return min(int(np.ceil(frames)) + 1, len(x))
