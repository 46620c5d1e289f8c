"""What the sound does not say, and where it says more than the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from podcast.alignment.features import HOP, QUIETEST, level, noise_of
from podcast.alignment.knots import OWN_PAUSE, PAD
from podcast.alignment.warp import Path
from podcast.episode import Word, samples

# Strangeness: that of the same text is up to 0.91 in quiet and rooms, 0.96 in noise; of another 0.91 to 1.05 (95 %).
WRONG, WRONG_NOISY, WRONG_SHORT = 0.92, 0.96, 1.0
QUIET, NOISY = 26.0, 18.0  # dB that speech is above its background, where the first two of these bounds hold
SUSPECT, MISSED = 0.91, 0.15  # strangeness and share of words with findings that together mean another text
SHORT = samples(2.0)  # what is shorter is a matter of chance
SQUEEZED = 0.25  # of a word's own length: below it, the word is not there
LOUD = 0.35  # of the way from the background's level to that of speech: what is added is at least so loud …
DEPTH = 28.0  # … and at most so many dB below that of speech: where pauses are muted, the room is far above them
ADDED = 40  # frames (0.4 s) of speech, at least, that are reported as added
HELD = 0.25  # of the reference's pace: slower than that for so long, the way waits for speech that is not in the text
PACE_BOUNDS = (0.4, 2.5)  # of the speakers' paces, within which they are compensated

Kind = Literal["wrong", "dropped", "added"]


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


def findings(
    wanted: Sequence[Word], found: Sequence[Word], quiet: Sequence[tuple[int, int]], cost: float, way: Path,
    power: np.ndarray,
) -> tuple[Finding, ...]:
    """Return what the sound does not say, and where it says more."""
    wrong = Finding("wrong", tuple(w.text for w in wanted), 0, len(wanted) - 1, found[0].start, found[-1].end)
    short = wanted[-1].end - wanted[0].start < SHORT
    if cost > (WRONG_SHORT if short else _bound(power)):
        return (wrong,)
    lengths = np.array([max(1, w.end - w.start) for w in wanted], float)
    spoken = np.array([_spoken(w, quiet) for w in found], float)
    pace = float(np.clip(np.median(spoken / lengths), *PACE_BOUNDS))
    dropped = _runs("dropped", spoken < SQUEEZED * pace * lengths, found)
    both = sorted([*dropped, *_added(way, wanted, _quiet(power, quiet), pace)], key=lambda f: (f.first, f.start))
    missed = sum(f.last - f.first + 1 for f in both)
    return (wrong,) if cost > SUSPECT and missed > MISSED * len(wanted) and not short else tuple(both)


def _bound(power: np.ndarray) -> float:
    """Return the strangeness from which the sound is another text, by how clearly speech is heard."""
    contrast = float(np.percentile(level(power), 95) - level(noise_of(power)[None])[0])
    return float(np.interp(contrast, (NOISY, QUIET), (WRONG_NOISY, WRONG)))


def _added(way: Path, wanted: Sequence[Word], quiet: np.ndarray, pace: float) -> list[Finding]:
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
    silent: np.ndarray = loud < max(low + LOUD * (top - low), top - DEPTH)
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
