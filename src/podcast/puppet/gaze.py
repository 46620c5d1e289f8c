"""Eyes that live: blinks, glances and the small saccades between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from podcast.puppet.curves import smoothstep, steps

# Blinks. Bentivoglio et al. 1997: 26 a minute in conversation, 17 at rest; intervals are skewed, near log-normal.
BLINK_SPEAKING, BLINK_IDLE = 3.0, 3.7  # s, median of the time between blinks is below this mean
_BLINK_SPREAD = 0.55  # of the logarithm
_BLINK_LEAST = 0.7  # s
_DOUBLE, _DOUBLE_GAP = 0.07, 0.34  # share of blinks that come twice, s between the two
_CLOSING, _SHUT, _OPENING = 0.085, 0.015, 0.215  # s; VanderWerf et al. 2003: opening takes two to three times closing
_BLINK_PULL = 0.45  # s, within which a phrase's end or a glance attracts a blink (Evinger et al. 1994)
_BURN_IN = 30.0  # s, so that a slot begins at a random moment between two blinks

# Saccades: duration = 21 ms + 2.2 ms per degree, the "main sequence" (Carpenter 1988).
_SACCADE, _SACCADE_PER_DEGREE = 0.021, 0.0022
_FIXATION = 1.1  # s between the small saccades over a viewer's face
_SCAN_X, _SCAN_Y = 1.0, 0.6  # degrees, their spread
GAZE_X, GAZE_Y = 25.0, 18.0  # degrees at channel value 1
_AWAY_EVERY = 4.5  # s between glances away while speaking (Kendon 1967: away when beginning, back when ending)
_AWAY_LEAST, _AWAY_MOST = 0.4, 0.9  # s
_RETURN = 0.30  # s before the end of a slot by which gaze is back on the camera
_SHORT = 1.6  # s; shorter slots have no glances


@dataclass(frozen=True)
class Look:
    """Gaze goes to a direction (degrees right and down, as the viewer sees it) at a time in seconds."""

    time: float
    x: float
    y: float


def blinks(t: np.ndarray, rng: np.random.Generator, mean: float, attractors: Sequence[float]) -> np.ndarray:
    """Return how far the lids are shut, 0 … 1, for frame times t; every blink shuts them for one frame at least."""
    first, last = _CLOSING + 0.03, t[-1] - _SHUT - _OPENING
    lids = np.zeros_like(t)
    for time in _blink_times(rng, mean, t[-1]):
        moment = min((a for a in attractors if abs(a - time) < _BLINK_PULL), key=lambda a: abs(a - time), default=time)
        if last <= first or not first - 0.3 <= moment <= last + 0.3:
            continue
        shut = t[np.argmin(np.abs(t - np.clip(moment, first, last)))]
        closing = smoothstep((t - shut + _CLOSING) / _CLOSING)
        opening = smoothstep(np.clip((shut + _SHUT + _OPENING - t) / _OPENING, 0.0, 1.0) ** 1.3)
        np.maximum(lids, np.minimum(closing, opening), out=lids)
    return lids


def _blink_times(rng: np.random.Generator, mean: float, end: float) -> list[float]:
    count = int(2 * (end + _BURN_IN) / mean) + 8
    middle = np.log(mean) - _BLINK_SPREAD**2 / 2
    waits = np.maximum(rng.lognormal(middle, _BLINK_SPREAD, count), _BLINK_LEAST)
    twice = rng.random(count) < _DOUBLE
    times = np.cumsum(waits) - _BURN_IN - rng.random() * mean
    inside = (times >= 0) & (times <= end)
    return sorted([*times[inside], *(times[inside & twice] + _DOUBLE_GAP)])


def scan(rng: np.random.Generator, end: float, at: tuple[float, float] = (0.0, 0.0), start: float = 0.0) -> list[Look]:
    """Return small saccades around a direction from `start` to `end`."""
    looks, time = [], start + rng.uniform(0.3, 1.0) * _FIXATION
    while time < end:
        looks.append(Look(time, at[0] + rng.normal(0, _SCAN_X), at[1] + rng.normal(0, _SCAN_Y)))
        time += max(rng.gamma(3.0, _FIXATION / 3), 0.25)
    return looks


def glances(rng: np.random.Generator, end: float, moments: Sequence[float]) -> list[Look]:
    """Return glances away and back; they begin at some of `moments` (phrases' beginnings) or anywhere."""
    looks: list[Look] = []
    if end < _SHORT:
        return looks
    time = rng.exponential(_AWAY_EVERY)
    while time < end:
        near = min(moments, key=lambda m: abs(m - time), default=time)
        begin = near if abs(near - time) < 0.8 else time
        back = begin + rng.uniform(_AWAY_LEAST, _AWAY_MOST)
        free = not looks or begin > looks[-1].time + 0.5
        x = rng.choice((-1.0, 1.0)) * rng.uniform(5.0, 13.0)
        y = rng.choice((-1.0, 1.0), p=(0.4, 0.6)) * rng.uniform(1.0, 6.0)
        if free and begin > 0.15 and back < end - _RETURN:
            looks += [Look(begin, x, y), Look(back, rng.normal(0, 0.4), 0.0)]
        time = max(time, begin) + 0.5 + rng.exponential(_AWAY_EVERY)
    return looks


def merge(looks: Sequence[Look], filler: Sequence[Look]) -> list[Look]:
    """Return the looks with those of `filler` that do not fall into a glance away."""
    away = [(a.time - 0.15, b.time + 0.25) for a, b in zip(looks[::2], looks[1::2], strict=False)]
    kept = [f for f in filler if not any(a < f.time < b for a, b in away)]
    return sorted([*looks, *kept], key=lambda look: look.time)


def directions(t: np.ndarray, looks: Sequence[Look]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the eyes look, degrees right and down, back on the camera at the end."""
    end = t[-1]
    usable = [look for look in looks if look.time < end - 0.12]
    usable.append(Look(end - 0.1, 0.0, 0.0))
    moves_x, moves_y, x, y = [], [], 0.0, 0.0
    for look in usable:
        duration = _SACCADE + _SACCADE_PER_DEGREE * float(np.hypot(look.x - x, look.y - y))
        moves_x.append((look.time, duration, look.x))
        moves_y.append((look.time, duration, look.y))
        x, y = look.x, look.y
    return steps(t, moves_x), steps(t, moves_y)


def in_head(x: np.ndarray, y: np.ndarray, yaw: np.ndarray, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gaze channels: the eyes turn against the head and stay on their target (vestibulo-ocular reflex)."""
    return np.clip((x - yaw) / GAZE_X, -1.0, 1.0), np.clip((y - pitch) / GAZE_Y, -1.0, 1.0)
