"""How far the music steps back, computed from the narration's own times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from podcast.episode import samples
from podcast.sound.control import HOP, amplitude


@dataclass(frozen=True)
class Ducking:
    """The way of the music's level around speech; times in seconds."""

    depth_db: float = 13.0  # under speech, below the music's own level
    fall: float = 0.35  # before a phrase
    hold: float = 0.15  # after a phrase
    rise: float = 1.0
    bridge: float = 1.6  # shorter gaps stay ducked: no pumping between sentences


def phrases(speech: Iterable[tuple[int, int]], bridge: int) -> list[tuple[int, int]]:
    """Return intervals of samples with the gaps shorter than `bridge` closed."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(speech):
        if joined and start - joined[-1][1] < bridge:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


class DuckingCurve:
    """The gain of the music at any time of the episode."""

    def __init__(self, speech: Iterable[tuple[int, int]], ducking: Ducking) -> None:
        self._depth = ducking.depth_db
        fall, hold, rise = (samples(max(0.0, t)) for t in (ducking.fall, ducking.hold, ducking.rise))
        shortest = max(samples(ducking.bridge), fall + hold + rise)  # a gap that holds both ramps
        corners = [(a - fall, a, b + hold, b + hold + rise) for a, b in phrases(speech, shortest)]
        self._times = np.array(corners, np.float64).reshape(-1)
        self._closeness = np.tile([0.0, 1.0, 1.0, 0.0], len(corners))

    def gains(self, start: int, hops: int) -> np.ndarray:
        """Return the factors (hops + 1) at the hops' boundaries from sample `start` on.

        Raised cosines in decibels.
        """
        if not len(self._times):
            return np.ones(hops + 1)
        times = start + np.arange(hops + 1) * HOP
        closeness = np.interp(times, self._times, self._closeness)
        return np.asarray(amplitude(-self._depth * (0.5 - 0.5 * np.cos(np.pi * closeness))))
