"""The room a sound was made in: a voice without one is brought into it before the two are compared."""

from __future__ import annotations

import numpy as np

from podcast.alignment.features import BANDS, noise_of

# Power that a frame (10 ms) leaves to the next, and the share of the sound that goes that way. A room of 0.3 s
# (reverberation time) leaves 0.63, one of 0.6 s 0.79; share 1 is far from the microphone. The first is no room.
ROOMS = ((0.0, 0.0), (0.35, 0.5), (0.35, 1.0), (0.52, 0.6), (0.52, 1.0), (0.65, 0.6), (0.8, 0.3), (0.8, 0.6))
GROUPS = 8  # of bands, in which falls are looked at
FALL = 4  # frames: over which the level falls
STEEPEST = (3, 5, 10, 20, 30)  # percentiles of the changes of level: what a room softens
MASK = 3  # of the background's power, laid under both: below it nothing falls any further
CLEAR = 9.0  # dB over that, from which a frame may fall
LOUD = 25.0  # dB below the level of speech, likewise
FEWEST = 20  # of such frames: with less, nothing is known
DRY, DRY_AT_MOST = 1.2, 0.3  # of the best room's difference (and dB more), up to which there is none


def in_room_of(power: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return rows of `mel` as if spoken in the other's room; both say the same, so that their levels fall alike.

    What comes late by the room then comes late in both; else all times are late by what the room smears.
    """
    ours, theirs = (p.reshape(len(p), GROUPS, BANDS // GROUPS).sum(2) for p in (power, other))
    noise = noise_of(other).reshape(GROUPS, -1).sum(1)
    wanted, loud = _falls(theirs, noise), np.percentile(theirs.sum(1), 95)
    if wanted is None:
        return power
    differences = []
    for decay, share in ROOMS:
        wet = _smeared(ours, decay, share)
        falls = _falls(wet * (loud / max(np.percentile(wet.sum(1), 95), 1e-12)) + noise, noise)
        differences.append(np.inf if falls is None else float(np.abs(falls - wanted).mean()))
    best = int(np.argmin(differences))
    if differences[0] < DRY * differences[best] + DRY_AT_MOST:
        return power
    return _smeared(power, *ROOMS[best])


def _smeared(power: np.ndarray, decay: float, share: float) -> np.ndarray:
    if not share:
        return power
    from scipy.signal import lfilter  # slow to import, and most runs compare nothing

    tail = lfilter([1 - decay], [1, -decay], power, axis=0)
    out: np.ndarray = ((1 - share) * power + share * tail).astype(np.float32)
    return out


def _falls(power: np.ndarray, noise: np.ndarray) -> np.ndarray | None:
    """Return how steeply (dB) the level falls at its steepest, over all groups of bands."""
    loud, floor = 10 * np.log10(power + MASK * noise + 1e-9), 10 * np.log10(MASK * noise + 1e-9)
    speech = loud[:-FALL] > np.maximum(floor + CLEAR, np.percentile(loud, 95, axis=0) - LOUD)
    changes = (loud[FALL:] - loud[:-FALL])[speech]
    return np.percentile(changes, STEEPEST) if len(changes) >= FEWEST else None
