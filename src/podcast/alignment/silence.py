"""Where nobody speaks."""

from __future__ import annotations

import numpy as np

from podcast.alignment.features import FLOOR, HOP, level, noise_of
from podcast.episode import samples

DEPTH = 38.0  # dB below the level of speech: silence in a quiet room
ABOVE_NOISE = 6.0  # dB over the quietest frames: silence in a noisy one, of frames of 40 ms or for a rough picture
BARELY = 1.0  # dB over them: the same where edges of words depend on it; 6 dB also take weak consonants
HEADROOM = 14.0  # dB below the level of speech that silence is at least
QUIETEST = 3  # percentile of the frames' levels that is taken for the noise
ABSENT = 0.15  # of the way from the quietest frames' presence to that of speech, below which nobody speaks …
LONG = 20  # … for so many frames: what is shorter may be a consonant that the noise hides
SHORTEST = samples(0.05)  # of a silence that moves the edges of words
CLEAREST = 15.0  # dB over the background that a band counts at most


def silences(power: np.ndarray, shortest: int, above: float = BARELY) -> list[tuple[int, int]]:
    """Return (start, end) in samples of the stretches of at least `shortest` samples in which nobody speaks.

    `above` is how far (dB) over the quietest frames silence may be.
    """
    loud = level(power)
    quiet = loud < threshold(loud, above)
    for first, last in _runs(_absent(power)):
        if last - first >= LONG:
            quiet[first:last] = True
    return [(a * HOP, b * HOP) for a, b in _runs(quiet) if (b - a) * HOP >= shortest]


def _absent(power: np.ndarray) -> np.ndarray:
    """Return which frames hardly rise over the background in any band: silent, however loud the background is."""
    noise = noise_of(power)
    wide = np.concatenate([power[:1], power, power[-1:]])
    smooth = (wide[:-2] + wide[1:-1] + wide[2:]) / 3  # over three frames
    least = FLOOR * power.max(initial=0.0) + 1e-12
    presence = np.clip(10 * np.log10((smooth + least) / (noise + least)), 0, CLEAREST).mean(1)
    low, high = np.percentile(presence, [QUIETEST, 90])
    absent: np.ndarray = presence < low + ABSENT * (high - low)
    return absent


def _runs(marked: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, end) of the runs of what is marked."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def threshold(loud: np.ndarray, above: float = ABOVE_NOISE) -> float:
    """Return the level (dB) under which a frame is silent: by the noise, within bounds by the speech."""
    top, noise = np.percentile(loud, 95), np.percentile(loud, QUIETEST)
    return float(min(max(top - DEPTH, noise + above), top - HEADROOM))
