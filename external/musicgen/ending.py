"""Ends that loop: where music is cut so that its end runs into its beginning, and a steady level at both."""

from __future__ import annotations

import numpy as np

OVERLAP = 2.0  # s at both ends that the host lays over each other
SLACK = 2.0  # s of further music among which the end is chosen: a bar at 120 bpm
HOP = 0.01  # s
BANDS = (0, 200, 800, 3000, 16000)  # Hz
BODY = 6.0  # s beside an end whose level it should have
MOST = 6.0  # dB by which an end is raised or lowered
SLOWLY = 1.0  # s over which the level follows


def cut(sound: np.ndarray, rate: int, least: int) -> np.ndarray:
    """Return sound (samples, channels) without its last moments: the end whose beats fall on those of the beginning.

    Args:
        sound: with some slack at its end.
        rate: Hz.
        least: samples that must remain.
    """
    hop = round(HOP * rate)
    over = round(OVERLAP / HOP)
    beats = _beats(sound, rate, hop)
    if len(beats) < 2 * over or least >= len(sound):
        return sound
    head = beats[:over]
    ends = range(-(-least // hop), len(beats) + 1)
    likeness = [float(_alike(head, beats[end - over : end])) for end in ends]
    return sound[: ends[int(np.argmax(likeness))] * hop]


def _beats(sound: np.ndarray, rate: int, hop: int) -> np.ndarray:
    """Return how much louder a few bands become, frame by frame: (frames, bands)."""
    mono = sound.mean(1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(mono, (0, 2 * hop)), 3 * hop)[::hop][: len(mono) // hop]
    edges = np.searchsorted(np.fft.rfftfreq(3 * hop, 1 / rate), BANDS)
    window = np.hanning(3 * hop).astype(np.float32)
    power = np.concatenate([  # a minute at a time
        np.add.reduceat(np.abs(np.fft.rfft(frames[i : i + 6000] * window)) ** 2, edges[:-1], axis=1)
        for i in range(0, len(frames), 6000)
    ])  # fmt: skip
    level = np.log(power + 1e-6)
    return np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0)


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + 1e-9)


def steady(sound: np.ndarray, rate: int) -> np.ndarray:
    """Return sound whose ends are as loud as what is beside them: no fade, no sudden start."""
    over, body = round(OVERLAP * rate), round(BODY * rate)
    if len(sound) < 3 * over:
        return sound
    out = sound.copy()
    for end in (out, out[::-1]):  # the second is the ending, seen from behind
        aim = _level(end[over : over + body])
        steps = max(2, round(OVERLAP / SLOWLY) * 2)
        middles = (np.arange(steps) + 0.5) * over / steps
        levels = np.array([_level(end[round(m - over / steps / 2) : round(m + over / steps / 2)]) for m in middles])
        if aim < -60 or levels.max() < -60:
            continue  # silence is left alone
        gains = np.clip(aim - levels, -MOST, MOST)
        curve = np.interp(np.arange(over + over // steps), [*middles, over + over / steps], [*gains, 0.0])
        end[: len(curve)] *= (10 ** (curve / 20)).astype(np.float32)[:, None]
    return out


def _level(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))
