"""Word and phone times of a sound that has none, from another voice that says the same with exact times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from podcast.alignment.features import HOP, QUIETEST, features, level, matched, mel
from podcast.alignment.silence import silences
from podcast.alignment.warp import Path, warp
from podcast.episode import Phone, Word, samples

PAD = 30  # frames of background around both sounds
FREE = 800  # frames (8 s) up to which the way may go anywhere
REACH = 0.2  # of the length, and at least 4 s: how far from the straight line otherwise, until the way touches it
WRONG, WRONG_SHORT = 0.945, 1.0  # relative cost: the same text costs up to 0.89, in noise 0.95; another from 0.90 on
SUSPECT, MISSED = 0.86, 0.15  # relative cost and share of words with findings that together mean another text
DOUBTFUL = 0.93  # relative cost of one sentence among others, from which a second look is due
SHORT = samples(2.0)  # what is shorter is a matter of chance
SQUEEZED = 0.25  # of a word's own length: below it, the word is not there
LOUD = 0.35  # of the way from the background's level to that of speech: what is added is at least so loud
ADDED = 40  # frames (0.4 s) of speech, at least, that are reported as added
HELD = 0.25  # of the reference's pace: slower than that for so long, the way waits for speech that is not in the text
EARLY = samples(0.006)  # the way is late by so much: a sound is heard before it is clear
PACE_BOUNDS = (0.4, 2.5)  # of the speakers' paces, within which they are compensated
REFERENCE_PAUSE = samples(0.06)  # in the reference, that is looked for in the sound
OWN_PAUSE = samples(0.14)  # in the sound alone: longer than the closure of a stop
SHORTEST = samples(0.05)  # of a silence
SNAP = samples(0.1)  # how far a word's edge is moved to the edge of a silence

Kind = Literal["wrong", "dropped", "added"]


@dataclass(frozen=True)
class Reference:
    """A voice with exact times: mono 48 kHz sound, words and phones in samples from its start."""

    sound: np.ndarray
    words: tuple[Word, ...]
    phones: tuple[Phone, ...] = ()


@dataclass(frozen=True)
class Finding:
    """Words of the text that the sound does not say ("dropped"), or words around which it says more ("added").

    "wrong": the sound says something else altogether. `first` and `last` are indices of words.
    """

    kind: Kind
    words: tuple[str, ...]
    first: int
    last: int
    start: int  # samples, in the sound
    end: int

    def __str__(self) -> str:
        text = " ".join(self.words)
        if self.kind == "dropped":
            return f"not heard: {text!r}"
        return f"more is said at {text!r} than is written" if self.kind == "added" else "something else is said"


@dataclass(frozen=True)
class Alignment:
    """The reference's words and phones with the sound's times, and what is doubtful about them."""

    words: tuple[Word, ...]
    phones: tuple[Phone, ...]
    cost: float  # relative to the reference played backwards: 0.4 … 0.9 for the same text, about 1 for another
    findings: tuple[Finding, ...] = ()
    costs: tuple[float, ...] = ()  # of every word, relative like `cost`

    def doubtful(self, first: int, last: int) -> bool:
        """Whether the words `first` … `last` (exclusive), a sentence, may be other words: to be aligned alone."""
        lengths = np.array([w.end - w.start for w in self.words[first:last]], float)
        long = lengths.sum() >= SHORT
        return bool(long and lengths @ np.array(self.costs[first:last]) > DOUBTFUL * lengths.sum())

    @property
    def wrong(self) -> bool:
        """Whether the sound says something else."""
        return any(f.kind == "wrong" for f in self.findings)


def align(sound: np.ndarray, reference: Reference) -> Alignment:
    """Return when `sound` (float32 mono 48 kHz) says the words and phones of `reference`.

    Mel cepstra, dynamic time warping, and words beside pauses snapped to the edges of the sound's silences.
    Memory is proportional to the length; beyond 30 s the way keeps near the straight line.
    """
    power = mel(sound)
    ours, theirs = matched(mel(reference.sound), power, PAD)
    backwards = features(ours[::-1])[::2]
    ours, theirs = features(ours), features(theirs)
    way = _way(ours, theirs)
    other = _way(backwards, theirs[::2])
    cost = _strain(way) / max(_strain(other), 1e-6)
    knots = _Knots(way, len(reference.sound), len(sound))
    quiet = silences(power, SHORTEST)
    _snap(knots, reference, quiet, len(sound))
    words = tuple(Word(w.text, *knots.span(w.start, w.end)) for w in reference.words)
    phones = _paused([Phone(p.symbol, *knots.span(p.start, p.end)) for p in reference.phones], knots.gaps)
    findings = _findings(reference.words, words, quiet, cost, way, power) if words else ()
    return Alignment(words, phones, cost, findings, _costs(way, reference.words, max(other.cost, 1e-6)))


def _strain(way: Path) -> float:
    """Return the root mean square of a way's costs: another text has places that fit nowhere, a noisy one has not."""
    return float(np.sqrt(np.mean(way.costs**2)))


def _costs(way: Path, words: Sequence[Word], usual: float) -> tuple[float, ...]:
    """Return the mean cost of every word's part of the way, relative to the usual cost of other words."""
    sums = np.concatenate([[0], np.cumsum(way.costs)])
    steps = np.searchsorted(way.rows, [[w.start // HOP + PAD, w.end // HOP + PAD + 1] for w in words])
    return tuple(float((sums[b] - sums[a]) / max(1, b - a) / usual) for a, b in steps)


def _way(a: np.ndarray, b: np.ndarray) -> Path:
    longest = max(len(a), len(b))
    if longest <= FREE:
        return warp(a, b)
    centre, reach = np.arange(len(a)) * (len(b) / len(a)), max(FREE // 2, round(REACH * longest))
    while (way := warp(a, b, centre, reach)).at_edge > 0 and reach < longest:
        reach *= 2
    return way


class _Knots:
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


def _snap(knots: _Knots, reference: Reference, quiet: Sequence[tuple[int, int]], length: int) -> None:
    """Move the words beside pauses to the edges of the sound's silences."""
    words = reference.words
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
    knots: _Knots, before: Word, after: Word, quiet: Sequence[tuple[int, int]], floor: int
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


def _paused(phones: Sequence[Phone], gaps: Iterable[tuple[int, int]]) -> tuple[Phone, ...]:
    """Return the phones, with pauses where only the sound has them."""
    whole = [*phones, *(Phone("", a, b) for a, b in gaps)] if phones else []
    return tuple(p for p in sorted(whole, key=lambda p: (p.start, p.end)) if p.end > p.start)


# ---------------------------------------------------------------- what is doubtful


def _findings(
    wanted: Sequence[Word], found: Sequence[Word], quiet: Sequence[tuple[int, int]], cost: float, way: Path,
    power: np.ndarray,
) -> tuple[Finding, ...]:
    """Return what the sound does not say, and where it says more."""
    wrong = Finding("wrong", tuple(w.text for w in wanted), 0, len(wanted) - 1, found[0].start, found[-1].end)
    short = wanted[-1].end - wanted[0].start < SHORT
    if cost > (WRONG_SHORT if short else WRONG):
        return (wrong,)
    lengths = np.array([max(1, w.end - w.start) for w in wanted], float)
    spoken = np.array([_spoken(w, quiet) for w in found], float)
    pace = float(np.clip(np.median(spoken / lengths), *PACE_BOUNDS))
    dropped = _runs("dropped", spoken < SQUEEZED * pace * lengths, found)
    both = sorted([*dropped, *_added(way, wanted, _quiet(power, quiet), pace)], key=lambda f: (f.first, f.start))
    missed = sum(f.last - f.first + 1 for f in both)
    return (wrong,) if cost > SUSPECT and missed > MISSED * len(wanted) and not short else tuple(both)


def _added(
    way: Path, wanted: Sequence[Word], quiet: np.ndarray, pace: float
) -> list[Finding]:
    """Return where the way goes on in the sound's speech and hardly in the reference's."""
    columns, index = np.unique(way.columns, return_inverse=True)
    rows = np.bincount(index, way.rows) / np.bincount(index) - PAD
    at = (columns - PAD) * HOP
    silent = quiet[np.clip(columns - PAD, 0, len(quiet) - 1)]
    inside = (rows * HOP >= wanted[0].start) & (rows * HOP <= wanted[-1].end)
    at, rows = at[~silent & inside], rows[~silent & inside]
    held = np.zeros(len(at), bool)
    slow = np.flatnonzero((rows[ADDED:] - rows[:-ADDED]) * pace < HELD * ADDED)
    for first in slow:
        held[first : first + ADDED] = True
    starts = [w.start for w in wanted]
    found = []
    for a, b in _spans(held):
        word = max(0, bisect_right(starts, rows[(a + b) // 2] * HOP) - 1)
        found.append(Finding("added", (wanted[word].text,), word, word, int(at[a]), int(at[b - 1])))
    return found


def _quiet(power: np.ndarray, quiet: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return which frames are silent or no louder than a background is."""
    loud = level(power)
    low, top = np.percentile(loud, [QUIETEST, 95])
    silent: np.ndarray = loud < low + LOUD * (top - low)
    for start, end in quiet:
        silent[start // HOP : end // HOP] = True
    return silent


def _spoken(word: Word, quiet: Sequence[tuple[int, int]]) -> int:
    """Return how long a word is without the silences in it."""
    silent = sum(max(0, min(b, word.end) - max(a, word.start)) for a, b in quiet if b - a >= OWN_PAUSE)
    return word.end - word.start - silent


def _runs(kind: Kind, marked: np.ndarray, words: Sequence[Word]) -> list[Finding]:
    return [
        Finding(kind, tuple(w.text for w in words[a:b]), a, b - 1, words[a].start, words[b - 1].end)
        for a, b in _spans(marked)
    ]


def _spans(marked: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, end) of the runs of what is marked."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
