"""Exact times from espeak-ng's events: closures, pauses, and the words that phones belong to.

All times are samples at the library's rate until `scaled`.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from podcast.engines._espeak_library import RawPhone, RawSpeech
from podcast.episode import Phone, Word

STOPS = ("p", "b", "t", "d", "k", "ɡ", "g", "c", "ɟ", "q", "ʈ", "ɖ", "ʔ")  # and the affricates that begin with them
CLOSURE = 0.030  # s of closure before a burst, where the sound does not show it (where it does: a median of 41 ms)
LEAD_IN = 0.040  # s of silence before the first phone, so that it can have a closure
LONGEST_CLOSURE = 0.110  # s
SHORTEST_PHONE = 0.012  # s left of the phone before a closure
QUIET = 0.10  # of the phone before: what is below is closure
BLOCK = 0.002  # s, of the envelope in which a closure is sought
SILENT_SHARE = 0.4  # of a vowel goes to the phone that the library gives no length of its own
LONGEST_GAP = 0.030  # s between a pause and the phone after it: the library's onset of a stop


def with_lead_in(raw: RawSpeech) -> RawSpeech:
    """Return speech with silence before it."""
    lead = round(LEAD_IN * raw.rate)
    samples = np.concatenate([np.zeros(lead, raw.samples.dtype), raw.samples])
    phones = tuple(replace(p, start=p.start + lead, end=p.end + lead) for p in raw.phones)
    return replace(raw, samples=samples, phones=phones)


def repaired(phones: Sequence[RawPhone], samples: np.ndarray, rate: int) -> list[RawPhone]:
    """Return phones that follow each other without gap or overlap; a stop begins at its closure."""
    lengthy = list(_with_length(phones))
    joined = list(_pauses_joined(lengthy))
    closed = list(_gaps_closed(joined, rate))
    return _closures(closed, samples, rate)


def _with_length(phones: Iterable[RawPhone]) -> Iterator[RawPhone]:
    last: RawPhone | None = None
    for phone in phones:
        if phone.symbol and phone.end <= phone.start and last and last.symbol:
            cut = round(last.end - SILENT_SHARE * (last.end - last.start))
            last, phone = replace(last, end=cut), replace(phone, start=cut, end=last.end)
        if last and last.end > last.start:
            yield last
        last = phone
    if last and last.end > last.start:
        yield last


def _pauses_joined(phones: Iterable[RawPhone]) -> Iterator[RawPhone]:
    last: RawPhone | None = None
    for phone in phones:
        if last and not last.symbol and not phone.symbol:
            last = replace(last, end=phone.end)
            continue
        if last:
            yield last
        last = phone
    if last:
        yield last


def _gaps_closed(phones: Sequence[RawPhone], rate: int) -> Iterator[RawPhone]:
    for phone, following in zip(phones, [*phones[1:], None], strict=True):
        gap = following.start - phone.end if following else 0
        yield replace(phone, end=phone.end + gap) if gap <= LONGEST_GAP * rate else phone


def _closures(phones: list[RawPhone], samples: np.ndarray, rate: int) -> list[RawPhone]:
    """Move the start of every stop from its burst, where the event is, to where the sound stops before it."""
    out: list[RawPhone] = []
    for phone in phones:
        if out and phone.symbol.startswith(STOPS):
            start = _closure_start(out[-1], phone, samples, rate)
            out[-1] = replace(out[-1], end=start)
            phone = replace(phone, start=start)
        elif phone.symbol.startswith(STOPS):
            phone = replace(phone, start=max(0, phone.start - round(CLOSURE * rate)))
        out.append(phone)
    return out


def _closure_start(before: RawPhone, stop: RawPhone, samples: np.ndarray, rate: int) -> int:
    length = before.end - before.start
    if not before.symbol:
        return stop.start - min(round(CLOSURE * rate), length // 2)
    block = round(BLOCK * rate)
    earliest = max(stop.start - round(LONGEST_CLOSURE * rate), before.start + round(SHORTEST_PHONE * rate))
    blocks = (stop.start - earliest) // block
    if blocks < 1:
        return stop.start
    level = np.abs(samples[before.start : before.end].astype(np.int32)).max(initial=1)
    stretch = np.abs(samples[stop.start - blocks * block : stop.start].astype(np.int32)).reshape(blocks, block).max(1)
    loud = np.flatnonzero(stretch > QUIET * level)
    quiet = blocks - 1 - int(loud[-1]) if len(loud) else blocks
    if quiet * block >= CLOSURE * rate / 2:
        return stop.start - quiet * block
    return stop.start - min(round(CLOSURE * rate), length // 3, blocks * block)  # voiced through: as long as most


# ---------------------------------------------------------------- pauses


def lengthened(
    samples: np.ndarray, phones: Sequence[RawPhone], wanted: Sequence[int]
) -> tuple[np.ndarray, list[RawPhone]]:
    """Return sound and phones in which every pause within the text lasts at least `wanted` samples.

    `wanted` has one number per phone (0 for what is no pause). Silence is put in where the pause is quietest.
    """
    pieces, out, at, added = [], [], 0, 0
    for phone, length in zip(phones, wanted, strict=True):
        missing = max(0, length - (phone.end - phone.start))
        if missing:
            middle = _quietest(samples, phone)
            pieces += [samples[at:middle], np.zeros(missing, samples.dtype)]
            at = middle
        out.append(replace(phone, start=phone.start + added, end=phone.end + added + missing))
        added += missing
    return np.concatenate([*pieces, samples[at:]]), out


def _quietest(samples: np.ndarray, pause: RawPhone) -> int:
    quiet = np.flatnonzero(samples[pause.start : pause.end] == 0)
    return pause.start + int(quiet[len(quiet) // 2]) if len(quiet) else (pause.start + pause.end) // 2


# ---------------------------------------------------------------- words


def tokens_of(text: str) -> list[tuple[int, str]]:
    """Return (first character, token) of every blank-separated piece of a text."""
    return [(m.start(), m.group()) for m in re.finditer(r"\S+", text)]


def owners(text: str, phones: Sequence[RawPhone]) -> list[int]:
    """Return the index of the token that each phone belongs to."""
    starts = [start for start, _ in tokens_of(text)]
    found, highest = [], 0
    for phone in phones:
        at = phone.position
        at += at < len(text) and text[at].isspace()  # the event may point at the blank before the word
        highest = max(highest, bisect.bisect_right(starts, at) - 1)  # speech does not go back
        found.append(highest)
    return found


def word_times(text: str, phones: Sequence[RawPhone]) -> list[tuple[int, int]]:
    """Return (start, end) of every blank-separated token.

    The library speaks some neighbours as one ("of a"): they share their time by their letters. A token without
    any sound has no length, at the end of the one before.
    """
    tokens = [token for _, token in tokens_of(text)]
    spans: dict[int, tuple[int, int]] = {}
    for phone, owner in zip(phones, owners(text, phones), strict=True):
        if phone.symbol:
            start, end = spans.get(owner, (phone.start, phone.end))
            spans[owner] = (min(start, phone.start), max(end, phone.end))
    times: list[tuple[int, int]] = []
    for group in _groups(tokens, spans):
        times += _shared([tokens[i] for i in group], *_span(group, spans, times))
    return times


def _groups(tokens: Sequence[str], spans: dict[int, tuple[int, int]]) -> Iterator[list[int]]:
    """Yield runs of tokens: one with phones, and those after it that were spoken with it."""
    run: list[int] = []
    for index in range(len(tokens)):
        if index in spans and any(i in spans for i in run):
            yield run
            run = []
        run.append(index)
    if run:
        yield run


def _span(group: list[int], spans: dict[int, tuple[int, int]], times: list[tuple[int, int]]) -> tuple[int, int]:
    known = [spans[i] for i in group if i in spans]
    last = times[-1][1] if times else 0
    return (max(known[0][0], last), max(known[-1][1], last)) if known else (last, last)


def _shared(tokens: Sequence[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    weights = [sum(c.isalnum() for c in token) for token in tokens]
    total, passed = sum(weights) or 1, 0
    for weight in weights:
        yield start + (end - start) * passed // total, start + (end - start) * (passed + weight) // total
        passed += weight


def scaled(
    names: Sequence[str], times: Sequence[tuple[int, int]], phones: Sequence[RawPhone], up: int, down: int
) -> tuple[tuple[Word, ...], tuple[Phone, ...]]:
    """Return words and phones at another rate: times multiplied by up / down."""

    def at(sample: int) -> int:
        return (sample * up + down // 2) // down

    words = tuple(Word(name, at(a), at(b)) for name, (a, b) in zip(names, times, strict=True))
    return words, tuple(Phone(p.symbol, at(p.start), at(p.end)) for p in phones)
