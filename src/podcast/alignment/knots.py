"""From a way through two sounds to times in the second; words beside pauses begin and end where it is silent."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from podcast.alignment.features import HOP
from podcast.alignment.silence import SHORTEST
from podcast.alignment.warp import Path
from podcast.episode import Word, samples

PAD = 30  # frames of background around both sounds
EARLY = samples(0.006)  # the way is late by so much: a sound is heard before it is clear
REFERENCE_PAUSE = samples(0.06)  # in the reference, that is looked for in the sound
OWN_PAUSE = samples(0.14)  # in the sound alone: longer than the closure of a stop
SNAP = samples(0.1)  # how far a word's edge is moved to the edge of a silence


class Knots:
    """A rising map from samples of the reference to samples of the sound, corrected at some places."""

    def __init__(self, way: Path, length: int, other: int) -> None:
        rows, index = np.unique(way.rows, return_inverse=True)
        columns = np.bincount(index, way.columns) / np.bincount(index)
        self._at, self._to = (rows - PAD) * HOP, (columns - PAD) * HOP
        self._length, self._other = length, other
        self._fixed: dict[int, tuple[int, int]] = {}  # reference: where what ends there ends, what begins begins
        self.gaps: list[tuple[int, int]] = []  # pauses that the reference has not

    def plain(self, at: int) -> int:
        """Return where a sample of the reference is in the sound by the way alone."""
        return int(np.clip(round(float(np.interp(at, self._at, self._to))) - EARLY, 0, self._other))

    def fix(self, at: int, end: int, start: int) -> None:
        """Decide where what ends at `at` ends and what begins there begins."""
        self._fixed[at] = (end, start)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return (start, end) in the sound of a span of the reference, within the corrected places around it."""
        low, high = self._bounds(start, end)
        a = self._fixed[start][1] if start in self._fixed else self.plain(start)
        b = self._fixed[end][0] if end in self._fixed else self.plain(end)
        a = min(max(a, low), high)
        return a, max(a, min(max(b, low), high))

    def _bounds(self, start: int, end: int) -> tuple[int, int]:
        places = sorted(self._fixed)
        before, after = bisect_left(places, start + 1) - 1, bisect_left(places, end)
        low = self._fixed[places[before]][1] if before >= 0 else 0
        high = self._fixed[places[after]][0] if after < len(places) else self._other
        return low, max(low, high)


def snap(knots: Knots, words: Sequence[Word], quiet: Sequence[tuple[int, int]], length: int) -> None:
    """Move the words beside pauses to the edges of the sound's silences."""
    if not words:
        return
    lead = [b for a, b in quiet if a <= HOP]
    first = lead[0] if lead and lead[0] - knots.plain(words[0].start) > -2 * SNAP else knots.plain(words[0].start)
    knots.fix(words[0].start, first, first)
    floor = first
    for before, after in pairwise(words):
        floor = _snap_between(knots, before, after, quiet, floor)
    trail = [a for a, b in quiet if b >= length - 2 * HOP and a > floor]
    end = knots.plain(words[-1].end)
    last = trail[-1] if trail and trail[-1] - end < 2 * SNAP else end
    knots.fix(words[-1].end, max(last, floor), max(last, floor))


def _snap_between(
    knots: Knots, before: Word, after: Word, quiet: Sequence[tuple[int, int]], floor: int
) -> int:
    """Correct the joint of two words if the sound is silent there; return the last corrected place."""
    paused = after.start - before.end >= REFERENCE_PAUSE
    left, right = knots.plain(before.end), knots.plain(after.start)
    least, reach = (SHORTEST, SNAP) if paused else (OWN_PAUSE, SNAP // 2)
    near = [s for s in quiet if s[0] >= floor and s[1] - s[0] >= least and s[1] > left - reach and s[0] < right + reach]
    if not near:
        return floor
    start, end = max(near, key=lambda s: s[1] - s[0])
    if not paused:
        knots.gaps.append((start, end))
        knots.fix(before.end, start, end)
        return end
    start = start if abs(start - left) < reach or start < left else max(left, floor)
    end = end if abs(end - right) < reach or end > right else right
    knots.fix(before.end, max(start, floor), max(start, floor))
    knots.fix(after.start, max(end, start, floor), max(end, start, floor))
    return max(end, start, floor)
