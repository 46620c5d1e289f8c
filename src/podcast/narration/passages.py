"""A long recording in passages: a few sentences between two clear pauses, each aligned on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from podcast.alignment import Alignment, Finding, Reference, align
from podcast.alignment.outline import FRAME, Place
from podcast.alignment.silence import ABOVE_NOISE, silences
from podcast.alignment.vocal import phones_from_sound
from podcast.audio import read_wav
from podcast.episode import Phone, Utterance, Word, samples

LONG = samples(8.0)  # a passage ends at the first clear pause after it
CLEAR = samples(0.25)  # a pause at which a passage may end
REACH = samples(0.7)  # how far from its rough place a pause is looked for
WORTH = samples(1.0)  # what a pause gains by its length, at most
NEARNESS = 0.7  # of its distance, that it loses
ASIDE = samples(1.0)  # of speech between two sentences, that is taken for words which are not in the script
GAP = samples(0.15)  # between sentences of the reference
BEFORE, AFTER = samples(0.08), samples(0.12)  # of the room that are kept around an utterance
SHORTEST = samples(0.12)  # of a pause

Span = tuple[int, int]


@dataclass(frozen=True)
class Passage:
    """Sentences (by index) in samples `start` … `end` of the recording, and an aside after them that ends later."""

    sentences: tuple[int, ...]
    start: int
    end: int
    aside: Span | None = None


@dataclass(frozen=True)
class Said:
    """A sentence in the recording: words and phones in samples from the recording's start."""

    index: int
    start: int
    end: int
    words: tuple[Word, ...]
    phones: tuple[Phone, ...]
    remarks: tuple[str, ...] = ()
    wrong: bool = False
    cost: float = 0.0  # of the alignment, of its passage: 1 is as bad as the text said backwards


def passages(places: Sequence[Place], power: np.ndarray, length: int) -> list[Passage]:
    """Return the passages of a recording, from rough places and the rows of `mel` that they were found with."""
    heard = [i for i, place in enumerate(places) if place.heard]
    quiet = silences_of(power)
    found: list[Passage] = []
    taken: list[int] = []
    start = _edge(places[heard[0]].start, quiet, 0) if heard else 0
    for i, j in zip(heard, [*heard[1:], -1], strict=True):
        taken.append(i)
        if j < 0:
            found.append(Passage(tuple(taken), start, max(start, _edge(places[i].end, quiet, length))))
            break
        joint = _joint(places[i].end, places[j].start, quiet)
        if joint is None or not (joint[0] != joint[1] or (_is_clear(joint[0]) and joint[0][0] - start >= LONG)):
            continue
        (a, b), (c, d) = joint
        aside = (b, c) if c > b else None
        found.append(Passage(tuple(taken), start, (a + b) // 2 if aside is None else b, aside))
        taken, start = [], (c + d) // 2 if aside is None else c
    return found


def silences_of(power: np.ndarray) -> list[Span]:
    """Return the pauses in samples, of pooled rows of `mel`."""
    scale = FRAME // (FRAME // 4)  # `silences` counts in frames of `mel`
    return [(a * scale, b * scale) for a, b in silences(power, SHORTEST // scale, ABOVE_NOISE)]


def spoken(first: int, last: int, quiet: Sequence[Span]) -> bool:
    """Return whether more than an aside is said in samples first … last."""
    return last - first - sum(max(0, min(b, last) - max(a, first)) for a, b in quiet) > ASIDE


def _is_clear(pause: Span) -> bool:
    return pause[1] - pause[0] >= CLEAR


def _joint(end: int, start: int, quiet: Sequence[Span]) -> tuple[Span, Span] | None:
    """Return the pause between two sentences, twice; or the ones before and after what is said between them."""
    start = max(start, end)
    if spoken(end, start, quiet):
        left, right = _nearest(end, end, quiet), _nearest(start, start, quiet)
        return (left, right) if left and right and left[1] <= right[0] else None
    best = _nearest(end, start, quiet)
    return (best, best) if best else None


def _nearest(first: int, last: int, quiet: Sequence[Span]) -> Span | None:
    """Return the pause that is long and near to first … last."""

    def worth(pause: Span) -> float:
        return min(pause[1] - pause[0], WORTH) - NEARNESS * max(0, first - pause[1], pause[0] - last)

    near = [s for s in quiet if s[1] > first - REACH and s[0] < last + REACH]
    return max(near, key=worth) if near else None


def _edge(at: int, quiet: Sequence[Span], outer: int) -> int:
    """Return where the recording's first passage begins or its last one ends: in the pause outside of it."""
    best = _nearest(at, at, quiet)
    if best is None:
        return outer
    return max(best[0], best[1] - CLEAR) if outer == 0 else min(best[1], best[0] + CLEAR)


# ---------------------------------------------------------------- one passage


def said(passage: Passage, sound: np.ndarray, references: Sequence[Utterance]) -> list[Said]:
    """Return the sentences of a passage, given its sound and the references of its sentences."""
    reference, firsts = _joined(references)
    found = align(sound, reference)
    out = []
    for number, index in enumerate(passage.sentences):
        first, last = firsts[number], firsts[number + 1]
        words = tuple(_moved(w, passage.start) for w in found.words[first:last])
        if not words:
            continue
        start, end = words[0].start, max(words[-1].end, words[0].start + 1)
        phones = tuple(_moved(p, passage.start) for p in found.phones)
        phones = tuple(p for p in phones if p.start >= start and p.end <= end)
        remarks = tuple(dict.fromkeys(str(f) for f in _of(found, first, last)))
        wrong = found.wrong
        if len(references) > 1 and found.doubtful(first, last):
            alone, _ = _joined(references[number : number + 1])
            first_sample, last_sample = start - BEFORE - passage.start, end + AFTER - passage.start
            wrong = align(sound[max(0, first_sample) : last_sample], alone).wrong
        out.append(Said(index, start, end, words, phones, remarks, wrong, found.cost))
    return out


def _moved(item, by: int):  # type: ignore[no-untyped-def]  # a Word or a Phone; the same comes back
    return replace(item, start=item.start + by, end=item.end + by)


def _of(found: Alignment, first: int, last: int) -> Iterator[Finding]:
    return (f for f in found.findings if f.kind != "wrong" and first <= f.first < last)


def _joined(references: Sequence[Utterance]) -> tuple[Reference, list[int]]:
    """Return the references one after the other, and the index of each one's first word."""
    words: list[Word] = []
    sounds, phones, firsts, at = [], [], [], 0
    for utterance in references:
        sound = read_wav(utterance.audio)[:, 0]
        firsts.append(len(words))
        words += [_moved(w, at) for w in utterance.words]
        phones += [_moved(p, at) for p in utterance.phones]
        sounds += [sound, np.zeros(GAP, np.float32)]
        at += len(sound) + GAP
    return Reference(np.concatenate(sounds), tuple(words), tuple(phones)), [*firsts, len(words)]


def with_aside(sentence: Said, aside: Span, sound: np.ndarray) -> Said:
    """Return a sentence that also holds the words after it, which are not in the script; the lips follow them."""
    pause = (Phone("", sentence.end, aside[0]),) if aside[0] > sentence.end else ()
    phones = tuple(_moved(p, aside[0]) for p in phones_from_sound(sound))
    remarks = (*sentence.remarks, "more is said after it than is written")
    return replace(sentence, end=aside[1], phones=(*sentence.phones, *pause, *phones), remarks=remarks)


def with_room(sentences: Sequence[Said], length: int) -> list[Said]:
    """Return sentences with the room around them, as far as that of the neighbours allows."""
    out = []
    for k, s in enumerate(sentences):
        before = sentences[k - 1].end if k else 0
        after = sentences[k + 1].start if k + 1 < len(sentences) else length
        start = max(s.start - BEFORE, (before + s.start + 1) // 2 if k else 0)
        end = min(s.end + AFTER, (s.end + after) // 2 if k + 1 < len(sentences) else length)
        out.append(replace(s, start=max(start, min(before, s.start)), end=max(end, start + 1)))
    return out
