"""Where a long recording says each sentence of a text, roughly: enough to cut it into pieces for `align`.

Frames of 40 ms; long pauses are shortened first, so that only pace and wording differ; one way through the whole in a
band, which is widened if the way touches its edge. Half an hour needs about 100 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from podcast.alignment.features import HOP, features, level, matched
from podcast.alignment.silence import threshold
from podcast.alignment.warp import Path, Terms, warp

POOLED = 4  # frames of `mel` in one of these
FRAME = HOP * POOLED  # samples: 40 ms
GAP = 5  # frames of silence between sentences of the reference
PAUSE = 8  # frames of a pause that are kept
PAD = 8  # frames of background around both sounds
REACH, SHARE = 750, 0.04  # frames (30 s) and share of the length: how far the way may be from the straight line
EDGE = 0.01  # share of the way at the band's edge from which the band is widened
ANYTHING = 0.55  # of the usual distance of two frames: the cost of what is said between sentences
LEFT_OUT = 0.6  # likewise, of a sentence that is left out where nobody speaks
PAIRS = 2_000  # frames drawn to learn that distance
HEARD = 0.3  # of a sentence's usual length: below it, it was not said
HELD, HELD_PACE = 30, 0.2  # frames (1.2 s) of speech and share of the pace: something else is said meanwhile
JOINT = 20  # frames (0.8 s) around the end of a sentence in which such speech is taken to lie between sentences


@dataclass(frozen=True)
class Place:
    """Where a sentence is: samples of the recording, to about 0.1 s; and whether it was said at all."""

    start: int
    end: int
    heard: bool


def outline(recording: np.ndarray, sentences: Sequence[np.ndarray]) -> list[Place]:
    """Return the place of every sentence, given pooled rows of `mel` of the recording and of each sentence."""
    kept = _without_pauses(recording)
    reference = np.concatenate([np.pad(s, ((0, GAP), (0, 0))) for s in sentences])
    ours, theirs = (features(power) for power in matched(reference, recording[kept], PAD))
    loud = level(recording[kept])
    speech = loud >= threshold(loud)
    lengths = [len(s) for s in sentences]
    way = _way(ours, theirs, _terms(ours, theirs, lengths, ~speech))
    _, index = np.unique(way.columns, return_inverse=True)
    rows = np.bincount(index, way.rows) / np.bincount(index)  # of every column: all columns are on the way
    rows = rows[PAD:-PAD] - PAD
    return _places(rows, speech, kept, lengths)


def _places(rows: np.ndarray, speech: np.ndarray, kept: np.ndarray, lengths: Sequence[int]) -> list[Place]:
    ends = np.cumsum([n + GAP for n in lengths]) - GAP
    starts = ends - np.array(lengths)
    first, last = np.searchsorted(rows, starts), np.searchsorted(rows, ends)
    spoken = np.concatenate([[0], np.cumsum(speech)])
    pace = np.median([(spoken[b] - spoken[a]) / n for a, b, n in zip(first, last, lengths, strict=True)])
    for a, b in _held(rows, speech, float(pace)):
        joint = int(np.argmin(np.abs(ends - rows[(a + b) // 2])))
        if abs(ends[joint] - rows[(a + b) // 2]) < JOINT:
            last[joint] = min(last[joint], a)
            if joint + 1 < len(first):
                first[joint + 1] = max(first[joint + 1], b)
    heard = [spoken[max(a, b)] - spoken[a] > HEARD * pace * n for a, b, n in zip(first, last, lengths, strict=True)]
    at = np.append(kept, kept[-1] + 1) * FRAME
    return [Place(int(at[a]), int(at[max(a, b)]), bool(h)) for a, b, h in zip(first, last, heard, strict=True)]


def _held(rows: np.ndarray, speech: np.ndarray, pace: float) -> list[tuple[int, int]]:
    """Return (first, end) columns in which speech goes on and the reference does not."""
    places = np.flatnonzero(speech)
    held = np.zeros(len(places) + 1, np.int8)
    for k in np.flatnonzero((rows[places[HELD:]] - rows[places[:-HELD]]) * pace < HELD_PACE * HELD):
        held[k : k + HELD] = 1
    edges = np.flatnonzero(np.diff(np.concatenate([[0], held])))
    return [(int(places[a]), int(places[b - 1]) + 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _terms(ours: np.ndarray, theirs: np.ndarray, lengths: Sequence[int], silent: np.ndarray) -> Terms:
    """Return the bounds of costs: between sentences anything may be said, and in pauses a sentence be left out."""
    chance = np.random.default_rng(0).integers(0, (len(ours), len(theirs)), (PAIRS, 2))
    usual = float(np.linalg.norm(ours[chance[:, 0]] - theirs[chance[:, 1]], axis=1).mean())
    most = np.full(len(ours), np.inf, np.float32)
    ends = PAD + np.cumsum([n + GAP for n in lengths])
    most[:PAD], most[ends[-1] :] = ANYTHING * usual, ANYTHING * usual
    for end in ends:
        most[end - GAP : end] = ANYTHING * usual
    skip = np.full(len(theirs), np.inf, np.float32)
    skip[:PAD], skip[-PAD:] = LEFT_OUT * usual, LEFT_OUT * usual
    skip[PAD:-PAD][silent] = LEFT_OUT * usual
    return Terms(most, skip)


def _way(ours: np.ndarray, theirs: np.ndarray, terms: Terms) -> Path:
    reach = REACH + round(SHARE * max(len(ours), len(theirs)))
    centre = np.arange(len(ours)) * (len(theirs) / len(ours))
    while True:
        way = warp(ours, theirs, centre, reach, terms)
        if way.at_edge <= EDGE or reach >= max(len(ours), len(theirs)):
            return way
        reach *= 2


def _without_pauses(power: np.ndarray) -> np.ndarray:
    """Return the frames that are left when long pauses are shortened."""
    loud = level(power)
    quiet = np.concatenate([[0], (loud < threshold(loud)).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(quiet))
    keep = np.ones(len(power), bool)
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        keep[a + PAUSE // 2 : max(a + PAUSE // 2, b - PAUSE // 2)] = False
    return np.flatnonzero(keep)
