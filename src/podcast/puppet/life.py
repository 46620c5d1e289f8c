"""A head that lives: postures, drift, nods and beats; and the breath of the body that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from podcast.puppet.curves import minimum_jerk, pulses, smoothstep, steps
from podcast.puppet.prosody import Accent

Move = tuple[float, float, float]  # start s, duration s, target
Pulse = tuple[float, float, float, float]  # start s, peak s, end s, height

SETTLE = 0.85  # s, the last move of a slot, back to rest
_HOLD_LEAST, _HOLD_MEAN = 0.7, 0.9  # s between postures: 0.7 and an exponential rest, 1.6 on average
_LEAST_CHANGE = 0.7  # of a posture, in standard deviations
_MOVE_LEAST, _MOVE_MOST = 0.40, 0.85  # s; Hadar et al. 1983: slow head movements of talkers are below 1.8 Hz
_SHORT = 1.3  # s; shorter slots have no postures
_DRIFT_LOW, _DRIFT_HIGH, _DRIFT_PARTS = 0.22, 1.7, 8  # Hz
_DRIFT_FADE = 0.4  # periods in which a part of the drift comes and goes; the fast ones take 0.25 s
_FASTEST_FADE = 0.25  # s
_NOD_BEFORE, _NOD_LATE, _NOD_AFTER = 0.20, 0.03, 0.42  # s around the middle of a stressed vowel
_NOD_EVERY = 0.65  # s, least time between nods
_WAIT_MOST, _FALL_LEAST = 0.30, 0.18  # s, by which a pulse may be late; in which the head can come down
_BREATH = 3.7  # s, cycle at rest: 16 a minute (Barrett et al. 2019)
_INHALE_QUIET, _INHALE_SPEECH = 0.42, 0.45  # share of a quiet cycle; s in speech (Winkworth et al. 1995)


def postures(rng: np.random.Generator, end: float, spread: float, onsets: Sequence[float] = ()) -> list[Move]:
    """Return moves between random targets of a standard deviation, begun at onsets where one is near, ended at 0."""
    settle = min(SETTLE, 0.45 * end)
    moves: list[Move] = []
    time, now = rng.uniform(0.0, 0.5), 0.0
    while end >= _SHORT and time < end - settle - 0.3:
        begin = min((o for o in onsets if 0 <= o - time < 0.35), default=time)
        duration = min(rng.uniform(_MOVE_LEAST, _MOVE_MOST), end - begin)
        target = float(np.clip(rng.normal(0, spread), -2.2 * spread, 2.2 * spread))
        if abs(target - now) < _LEAST_CHANGE * spread:  # too little to be seen: across the middle instead
            target = now - float(np.copysign(rng.uniform(_LEAST_CHANGE, 2 * _LEAST_CHANGE), now)) * spread
        now = target
        moves.append((begin, duration, target))
        time = begin + _HOLD_LEAST + rng.exponential(_HOLD_MEAN)
    return [m for m in moves if m[0] + m[1] <= end] + [(end - settle, settle, 0.0)]


def drift(t: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return `count` tracks of 1/f noise of about unit size, (count, frames); each part fades at its own pace."""
    end = max(t[-1], 1e-6)
    f = np.geomspace(_DRIFT_LOW, _DRIFT_HIGH, _DRIFT_PARTS) * rng.uniform(0.9, 1.1, _DRIFT_PARTS)
    fade = np.minimum(np.maximum(_DRIFT_FADE / f, _FASTEST_FADE), end / 2)[:, None]
    shape = smoothstep(np.minimum(t, end - t) / fade)
    phase = rng.uniform(0, 2 * np.pi, (count, _DRIFT_PARTS, 1))
    size = 1 / f / np.sqrt(0.5 * (1 / f**2).sum()) * min(end / 1.5, 1.0)
    return np.asarray((size[:, None] * shape * np.sin(2 * np.pi * f[:, None] * t + phase)).sum(1))


def chosen(rng: np.random.Generator, accents: Sequence[Accent], eagerness: float) -> list[Accent]:
    """Return the accents that the head marks: mostly the heavy ones, never two in quick succession."""
    kept: list[Accent] = []
    lots = rng.random(len(accents))
    for accent, lot in sorted(zip(accents, lots, strict=True), key=lambda pair: -pair[0].weight):
        if lot < (0.25 + 0.6 * accent.weight) * eagerness and all(abs(k.time - accent.time) > _NOD_EVERY for k in kept):
            kept.append(accent)
    return sorted(kept, key=lambda accent: accent.time)


def beat(accent: Accent, height: float) -> list[Pulse]:
    """Return a nod (or another beat of the head) on an accent, with the small lift that prepares it."""
    top = accent.time + _NOD_LATE
    begin = top - _NOD_BEFORE
    lift = (begin - 0.22, begin, top, -0.25 * height)
    return [lift, (begin, top, top + _NOD_AFTER, height)]


def acknowledgement(rng: np.random.Generator, start: float, height: float) -> list[Pulse]:
    """Return one to three fading nods of a listener (Hadar et al. 1985: 2 to 4 Hz ordinary, here the slow end)."""
    count, period = int(rng.integers(1, 4)), rng.uniform(0.36, 0.46)
    return [
        (start + k * period, start + (k + 0.42) * period, start + (k + 1.15) * period, height * 0.68**k)
        for k in range(count)
    ]


def fitted(events: Sequence[Pulse], end: float) -> list[Pulse]:
    """Return the pulses that fit into 0 … end: an early one waits, a late one falls faster from less height."""
    kept = []
    for start, peak, stop, height in events:
        wait = max(-start, 0.0)
        a, p, b = start + wait, peak + wait, min(stop + wait, end)
        share = (b - p) / (stop - peak)
        if wait <= _WAIT_MOST and b - p >= _FALL_LEAST and share > 0.3:
            kept.append((a, p, b, height * share))
    return kept


def sway(t: np.ndarray, rng: np.random.Generator, spread: float) -> np.ndarray:
    """Return the slow sway of the trunk."""
    end = t[-1]
    if end < 2 * _SHORT:
        return np.zeros_like(t)
    back = rng.uniform(1.2, min(2.2, end / 2))
    return steps(t, [(0.05, min(1.4, end - back), float(rng.normal(0, spread))), (end - back, back, 0.0)])


def nods(t: np.ndarray, events: Sequence[Pulse]) -> np.ndarray:
    """Return the sum of the pulses that fit into the slot."""
    return pulses(t, fitted(events, t[-1]))


def breathing(t: np.ndarray, rng: np.random.Generator, depth: float) -> np.ndarray:
    """Return a whole number of quiet breaths, 0 … depth."""
    end = t[-1]
    if end < 0.8:
        return np.zeros_like(t)
    count = max(round(end / _BREATH), 1)
    cuts = np.linspace(0, end, count + 1)
    cuts[1:-1] += rng.uniform(-0.12, 0.12, count - 1) * end / count
    depths = depth * rng.uniform(0.85, 1.0, count) * min(end / count / 2.5, 1.0)
    return _breaths(t, cuts, np.diff(cuts) * _INHALE_QUIET, depths)


def speech_breathing(t: np.ndarray, phrases: Sequence[tuple[float, float]], depth: float) -> np.ndarray:
    """Return a breath before each phrase that follows a pause, deeper for a longer one, let out while it is said."""
    end = t[-1]
    starts = [0.0]
    for a, b in pairwise(phrases):
        breath = max(b[0] - _INHALE_SPEECH, a[1] - 0.1)
        if breath - starts[-1] > 1.2 and end - breath > 1.0:
            starts.append(breath)
    cuts = np.array([*starts, end])
    lengths = np.diff(cuts)
    depths = depth * (0.45 + 0.55 * np.minimum(lengths / 4.0, 1.0)) * np.minimum(lengths / 1.5, 1.0)
    return _breaths(t, cuts, np.minimum(_INHALE_SPEECH, 0.4 * lengths), depths)


def _breaths(t: np.ndarray, cuts: np.ndarray, inhale: np.ndarray, depths: np.ndarray) -> np.ndarray:
    lungs = np.zeros_like(t)
    for a, b, up, depth in zip(cuts, cuts[1:], inhale, depths, strict=False):
        part = (t >= a) & (t <= b)
        x = t[part] - a
        lungs[part] = depth * np.where(x < up, minimum_jerk(x / up), smoothstep((b - a - x) / (b - a - up)))
    return lungs
