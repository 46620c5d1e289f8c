"""A look-ahead limiter whose gain depends on its surroundings only, so that blocks of any size agree."""

from __future__ import annotations

import numpy as np

from podcast.sound.control import HOPS_PER_SECOND, amplitude

_LOOK_AHEAD = 4  # hops: the gain begins to fall 8 ms before a peak and arrives in time
_RELEASE = 60.0  # dB per second: 3 dB are given back within 50 ms, without a jump
_DEEPEST = 30.0  # dB: a deeper reduction may be forgotten early at a block's edge
LIMIT_CONTEXT = round(_DEEPEST / _RELEASE * HOPS_PER_SECOND) + 2 * _LOOK_AHEAD  # hops, on either side
_SMOOTHER = np.hanning(2 * _LOOK_AHEAD + 3)[1:-1] / np.hanning(2 * _LOOK_AHEAD + 3).sum()


def limiter_gains(peaks: np.ndarray, ceiling: float) -> np.ndarray:
    """Return the gains (hops + 1) at the hops' boundaries that keep peaks (hops) under the ceiling.

    The required reduction in dB falls off after a peak at a constant rate, is held over the smoother's length and
    then smoothed, so no gain exceeds what its hops require. Exact `LIMIT_CONTEXT` hops away from either end.
    """
    required = 20 * np.log10(np.maximum(1.0, peaks.astype(np.float64) / ceiling))
    if not required.any():
        return np.ones(len(peaks) + 1)
    edges = np.concatenate([required[:1], np.maximum(required[:-1], required[1:]), required[-1:]])
    slope = np.arange(len(edges)) * (_RELEASE / HOPS_PER_SECOND)
    released = np.maximum(np.maximum.accumulate(edges + slope) - slope, 0)
    from scipy.ndimage import correlate1d, maximum_filter1d  # loaded by the mastering alone

    held = maximum_filter1d(released, len(_SMOOTHER), mode="nearest")
    return np.asarray(amplitude(-correlate1d(held, _SMOOTHER, mode="nearest")))
