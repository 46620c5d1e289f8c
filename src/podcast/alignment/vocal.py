"""Phones for a sound whose words nobody knows: what the mouth may plausibly do, from level and spectrum alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from podcast.alignment.features import BANDS, HIGHEST, HOP, LOWEST, level, mel
from podcast.alignment.silence import threshold
from podcast.episode import Phone

SMOOTH = 5  # frames the level is averaged over: a syllable is longer
RANGE = 26.0  # dB below the level of speech at which the mouth is all but closed
HISS_HZ = 2800.0  # above it lies most of the power of a fricative, below it that of a vowel
HISS = 0.5  # share of the power above it that makes a fricative, at least
FRICATIVES = 18  # percent of speech, at most: a bright microphone makes no fricatives
SHARP_HZ = 4200.0  # centroid of the hiss that tells s from ʃ
SHORTEST = 4  # frames (40 ms) of a phone
LONGEST = 12  # frames (120 ms), after which the mouth follows anew
DIP = 5.0  # dB that the level falls between two syllables when the lips or the tongue close
# Vowels by opening (rows) and by the brightness of their spectrum (columns: back, central, front).
VOWELS = (("u", "ʊ", "i"), ("ʊ", "ə", "ɪ"), ("ɔ", "ə", "ɛ"), ("ɔ", "ɜ", "ɛ"), ("ʌ", "ʌ", "æ"), ("ɑ", "a", "a"))
BRIGHT = (0.36, 0.52)  # centroids on the mel axis (0 … 1) between the columns, of what lies below HISS_HZ


def phones_from_sound(sound: np.ndarray) -> tuple[Phone, ...]:
    """Return phones (with pauses as "") that let lips follow any mono 48 kHz sound.

    Open vowels where it is loud, closures where it dips between syllables, fricatives where most power is high.
    Nothing is recognised: the phones are the mouth's, not the language's.
    """
    power = mel(sound)
    loud = level(power)
    if not len(sound) or loud.max() < -60:
        return (Phone("", 0, len(sound)),) if len(sound) else ()
    smooth = np.convolve(np.pad(loud, SMOOTH // 2, mode="edge"), np.full(SMOOTH, 1 / SMOOTH), "valid")
    labels = _labels(power, loud, smooth)
    bounds = _bounds(labels)
    found = [
        Phone(_majority(labels[a:b]), min(a * HOP, len(sound)), min(b * HOP, len(sound)))
        for a, b in pairwise(bounds)
    ]
    return tuple(p for p in found if p.end > p.start)


def _labels(power: np.ndarray, loud: np.ndarray, smooth: np.ndarray) -> list[str]:
    """Return the symbol of every frame."""
    hz = 700 * (10 ** (np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)[1:-1] / 2595) - 1)
    high = hz > HISS_HZ
    total = power.sum(1) + 1e-12
    hiss = power[:, high].sum(1) / total
    sharp = power[:, high] @ hz[high] / (power[:, high].sum(1) + 1e-12)
    low = power[:, ~high] ** 0.5  # as amplitudes, or the first formant alone decides
    bright = low @ np.linspace(0, 1, (~high).sum()) / (low.sum(1) + 1e-12)
    opening = np.clip(1 + (smooth - np.percentile(smooth, 95)) / RANGE, 0, 0.999)
    row, column = (opening * len(VOWELS)).astype(int), np.digitize(bright, BRIGHT)
    labels = [VOWELS[r][c] for r, c in zip(row, column, strict=True)]
    closed = _dips(smooth)
    silent = loud < threshold(loud)
    hissing = max(HISS, np.percentile(hiss[~silent], 100 - FRICATIVES) if not silent.all() else 1.0)
    for i in range(len(labels)):
        if silent[i]:
            labels[i] = ""
        elif hiss[i] > hissing:
            labels[i] = "s" if sharp[i] > SHARP_HZ else "ʃ"
        elif closed[i]:
            labels[i] = "m" if bright[i] < BRIGHT[0] else "n"
    return labels


def _dips(smooth: np.ndarray) -> np.ndarray:
    """Return the frames around minima of the level that lie `DIP` below both neighbouring syllables."""
    reach = LONGEST
    padded = np.pad(smooth, reach, mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(padded, reach + 1)
    before, after = views[: len(smooth)].max(1), views[reach : reach + len(smooth)].max(1)
    dip = np.minimum(before, after) - smooth
    lowest = smooth <= np.lib.stride_tricks.sliding_window_view(np.pad(smooth, 3, mode="edge"), 7).min(1) + 1.0
    return (dip > DIP) & lowest


def _bounds(labels: list[str]) -> list[int]:
    """Return the frames between phones: where the symbol changes, none too short, none too long."""
    bounds = [0]
    for i in range(1, len(labels)):
        length = i - bounds[-1]
        changed = labels[i] != labels[i - 1] or (length >= LONGEST and labels[i] != "")
        if changed and length >= SHORTEST:
            bounds.append(i)
    return [*bounds, len(labels)]


def _majority(labels: list[str]) -> str:
    return max(dict.fromkeys(labels), key=labels.count)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))
