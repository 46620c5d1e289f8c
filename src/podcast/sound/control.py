"""Gains at control rate: one value per millisecond, interpolated linearly to samples."""

from __future__ import annotations

import numpy as np

HOP = 48  # samples between control points: 1 ms, shorter than the ear's resolution of level
HOPS_PER_SECOND = 1000


def expand(gains: np.ndarray) -> np.ndarray:
    """Return `hops + 1` gains at the hops' boundaries as float32 (hops * HOP,), linear in between."""
    ramp = np.arange(HOP, dtype=np.float32) / HOP
    points = gains.astype(np.float32)
    return (points[:-1, None] + np.diff(points)[:, None] * ramp).reshape(-1)


def amplitude(db: float | np.ndarray) -> float | np.ndarray:
    """Return decibels as a factor of amplitude."""
    return 10 ** (db / 20)


def decibels(factor: float) -> float:
    """Return a factor of amplitude as decibels; 0 is minus infinity."""
    return 20 * float(np.log10(factor)) if factor > 0 else float("-inf")
