"""Word and phone times of a sound that has none, from another voice that says the same with exact times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from podcast.alignment.doubts import SHORT, Finding, findings
from podcast.alignment.features import HOP, LEVEL, SPEECH_LEVEL, features, matched, mel
from podcast.alignment.knots import PAD, Knots, snap
from podcast.alignment.room import in_room_of
from podcast.alignment.silence import SHORTEST, silences
from podcast.alignment.speaker import like
from podcast.alignment.warp import Path, Terms, warp
from podcast.episode import Phone, Word

FREE = 800  # frames (8 s) up to which the way may go anywhere
REACH = 0.2  # of the length, and at least 4 s: how far from the straight line otherwise, until the way touches it
NEAR = 80  # frames: how far the second way may be from the first
BEND = 0.05  # a step in one sound alone costs so much more: frames of speech that fit differ by 0.7
PAUSE = 0.1  # how much more than silence costs a pause between words costs that the reference has not
HELD = 8  # frames, from which it is one
ROUGH = 3  # of so many frames, one is compared with nonsense
WINDING = 0.1  # how strange it is that a way winds twice as much as one through other words
DOUBTFUL = 0.93  # relative cost of one sentence among others, from which a second look is due


@dataclass(frozen=True)
class Reference:
    """A voice with exact times: mono 48 kHz sound, words and phones in samples from its start."""

    sound: np.ndarray
    words: tuple[Word, ...]
    phones: tuple[Phone, ...] = ()


@dataclass(frozen=True)
class Alignment:
    """The reference's words and phones with the sound's times, and what is doubtful about them."""

    words: tuple[Word, ...]
    phones: tuple[Phone, ...]
    cost: float  # how strange the sound is for this text: 0.4 … 0.9 for the same text, about 1 for another
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

    Mel cepstra, dynamic time warping, a second time when the reference has learned the speaker's spectrum, and words
    beside pauses snapped to the edges of the sound's silences. Memory is proportional to the length; beyond 30 s the
    way keeps near the straight line.
    """
    power = mel(sound)
    ours, theirs = matched(in_room_of(mel(reference.sound), power), power, PAD)
    others = [features(frames)[::ROUGH] for frames in _nonsense(ours)]
    ours, theirs = features(ours), features(theirs)
    terms = _terms(reference.words, len(ours), theirs)
    first = _way(ours, theirs, terms)
    decoys = [_way(other, theirs[::ROUGH], Terms(bend=BEND)) for other in others]
    way = _again(ours, theirs, first, terms)
    knots = Knots(way, len(reference.sound), len(sound))
    quiet = _with_pauses(silences(power, SHORTEST), way, terms, theirs[:, LEVEL], len(sound))
    snap(knots, reference.words, quiet, len(sound))
    words = tuple(Word(w.text, *knots.span(w.start, w.end)) for w in reference.words)
    phones = _paused([Phone(p.symbol, *knots.span(p.start, p.end)) for p in reference.phones], knots.gaps)
    cost = _strangeness(first, decoys)
    doubts = findings(reference.words, words, quiet, cost, way, power) if words else ()
    usual = float(np.mean([decoy.cost for decoy in decoys]))
    return Alignment(words, phones, cost, doubts, _costs(first, reference.words, max(usual, 1e-6)))


def _nonsense(power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return padded rows of `mel` backwards, and backwards from the middle: the same sounds, but no text."""
    back = power[::-1]
    inner = back[PAD:-PAD]
    half = len(inner) // 2
    return back, np.concatenate([back[:PAD], inner[half:], inner[:half], back[-PAD:]])


def _terms(words: Sequence[Word], rows: int, theirs: np.ndarray) -> Terms:
    """Return the terms by which the sound may pause between any two words of the reference."""
    pauses = np.zeros(rows, bool)
    pauses[[min(rows - 1, w.start // HOP + PAD) for w in words[1:]]] = True
    silent = theirs[:PAD].mean(0)
    pause = (np.linalg.norm(theirs - silent, axis=1) + PAUSE).astype(np.float32)
    return Terms(pauses=pauses, pause=pause, bend=BEND)


def _way(a: np.ndarray, b: np.ndarray, terms: Terms) -> Path:
    longest = max(len(a), len(b))
    if longest <= FREE:
        return warp(a, b, terms=terms)
    centre, reach = np.arange(len(a)) * (len(b) / len(a)), max(FREE // 2, round(REACH * longest))
    while (way := warp(a, b, centre, reach, terms)).at_edge > 0 and reach < longest:
        reach *= 2
    return way


def _again(ours: np.ndarray, theirs: np.ndarray, way: Path, terms: Terms) -> Path:
    """Return the way near to another one when the reference has learned from it how the sound's speaker sounds."""
    said = ~terms.waits(way.rows)
    _, index = np.unique(way.rows, return_inverse=True)
    centre = np.bincount(index, way.columns) / np.bincount(index)
    return warp(like(ours, theirs, (way.rows[said], way.columns[said])), theirs, centre, NEAR, terms)


def _with_pauses(
    quiet: Sequence[tuple[int, int]], way: Path, terms: Terms, loud: np.ndarray, length: int
) -> list[tuple[int, int]]:
    """Return the silences, and those between words in which the way waits though noise fills them."""
    out = list(quiet)
    for row in np.unique(way.rows[terms.waits(way.rows)]):
        columns = way.columns[np.searchsorted(way.rows, row) : np.searchsorted(way.rows, row, "right")]
        start, end = (max(0, min(length, int(c - PAD) * HOP)) for c in (columns[0], columns[-1]))
        silent = np.median(loud[columns]) < SPEECH_LEVEL
        if silent and end - start >= HELD * HOP and not any(a < end and b > start for a, b in quiet):
            out.append((start, end))
    return sorted(out)


def _strangeness(way: Path, decoys: Sequence[Path]) -> float:
    """Return how much a way costs and winds, relative to ways through nonsense."""
    strain = _strain(way) / max(1e-6, float(np.mean([_strain(d) for d in decoys])))
    winding = _winding(way) / max(1e-6, float(np.mean([_winding(d) for d in decoys])))
    return strain + WINDING * (winding - 1)


def _strain(way: Path) -> float:
    """Return the root mean square of a way's costs: another text has places that fit nowhere, a noisy one has not."""
    return float(np.sqrt(np.mean(way.costs**2)))


def _winding(way: Path) -> float:
    """Return the share of steps that go on in one sound alone."""
    return float(np.mean((np.diff(way.rows) == 0) | (np.diff(way.columns) == 0)))


def _costs(way: Path, words: Sequence[Word], usual: float) -> tuple[float, ...]:
    """Return the mean cost of every word's part of the way, relative to the usual cost of other words."""
    sums = np.concatenate([[0], np.cumsum(way.costs)])
    steps = np.searchsorted(way.rows, [[w.start // HOP + PAD, w.end // HOP + PAD + 1] for w in words])
    return tuple(float((sums[b] - sums[a]) / max(1, b - a) / usual) for a, b in steps)


def _paused(phones: Sequence[Phone], gaps: Iterable[tuple[int, int]]) -> tuple[Phone, ...]:
    """Return the phones, with pauses where only the sound has them."""
    whole = [*phones, *(Phone("", a, b) for a, b in gaps)] if phones else []
    return tuple(p for p in sorted(whole, key=lambda p: (p.start, p.end)) if p.end > p.start)
