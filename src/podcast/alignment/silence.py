"""Where nobody speaks."""

from __future__ import annotations

import numpy as np

from podcast.alignment.features import HOP, level

DEPTH = 38.0  # dB below the level of speech: silence in a quiet room
ABOVE_NOISE = 6.0  # dB over the quietest frames: silence in a noisy one
HEADROOM = 14.0  # dB below the level of speech that silence is at least
QUIETEST = 3  # percentile of the frames' levels that is taken for the noise


def silences(power: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """Return (start, end) in samples of the stretches of at least `shortest` samples in which nobody speaks."""
    loud = level(power)
    quiet = loud < threshold(loud)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    spans = zip(edges[::2] * HOP, edges[1::2] * HOP, strict=True)
    return [(int(a), int(b)) for a, b in spans if b - a >= shortest]


def threshold(loud: np.ndarray) -> float:
    """Return the level (dB) under which a frame is silent: by the noise, within bounds by the speech."""
    top, noise = np.percentile(loud, 95), np.percentile(loud, QUIETEST)
    return float(min(max(top - DEPTH, noise + ABOVE_NOISE), top - HEADROOM))
