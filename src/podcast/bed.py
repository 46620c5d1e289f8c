"""The music bed's samples: what sounds when, read block by block from the pieces on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from podcast.audio import read_wav
from podcast.episode import SAMPLE_RATE, MusicBed, MusicSpan

_CUT = round(0.12 * SAMPLE_RATE)  # samples of fade before an outro's first beat; its attack covers what is cut off


@dataclass(frozen=True)
class Placement:
    """A piece (or its beginning) in its place on the episode's clock, in samples."""

    audio: Path
    at: int
    length: int
    rise: int = 0  # of the fade at its beginning
    fall: int = 0  # of the fade at its end


def render_music(bed: MusicBed, start: int, length: int) -> np.ndarray:
    """Return the bed's samples from `start` on, float32 (length, 2); the same ones whatever the blocks.

    Raises:
        MediaError: a piece cannot be read.
    """
    out = np.zeros((length, 2), np.float32)
    for span in bed.spans:
        a, b = max(start, span.start), min(start + length, span.end)
        if a < b:
            out[a - start : b - start] += _read_span(span, a, b)
    return out


@lru_cache(64)
def placements(span: MusicSpan) -> tuple[Placement, ...]:
    """Return the pieces of a span in their places: in order, then repeated, then the tail.

    A tail begins on the first bar line from which it ends at or after the span's end, so that its last chord rings
    exactly until the end. A span too short for its tail goes without.
    """
    tail_at = _tail_start(span)
    stop = span.end if tail_at is None else tail_at
    body = [i for i in range(len(span.audio)) if i != span.tail]
    places, at, turn = [], span.start, 0
    while at < stop and body:
        index = body[turn]
        places.append(Placement(span.audio[index], at, span.lengths[index]))
        at += max(span.lengths[index] - span.overlap, span.lengths[index] // 2, 1)
        turn = turn + 1 if turn + 1 < len(body) else span.loop_from
        if turn >= len(body):
            break
    if tail_at is None or span.tail is None:
        return _joined(span, places)
    tail = Placement(span.audio[span.tail], tail_at, span.lengths[span.tail])
    return _joined(span, [_cut(span, place, tail_at) for place in places] + [tail])


def _tail_start(span: MusicSpan) -> int | None:
    if span.tail is None:
        return None
    latest = span.end - span.start - span.lengths[span.tail]
    if latest <= 0:
        return None
    return span.start + (-(-latest // span.bar) * span.bar if span.bar else latest)


def _cut(span: MusicSpan, place: Placement, tail_at: int) -> Placement:
    """Return a piece that makes room for the tail."""
    end = tail_at if span.joint == "add" else tail_at + span.overlap
    if place.at + place.length <= end:
        return place
    return Placement(place.audio, place.at, end - place.at, 0, _CUT if span.joint == "add" else 0)


def _joined(span: MusicSpan, places: list[Placement]) -> tuple[Placement, ...]:
    """Return the pieces with cross-fades at their joints where the span wants them."""
    if span.joint == "add":
        return tuple(places)
    last = len(places) - 1
    return tuple(
        Placement(p.audio, p.at, p.length, span.overlap if i else 0, span.overlap if i < last else 0)
        for i, p in enumerate(places)
    )


def _read_span(span: MusicSpan, a: int, b: int) -> np.ndarray:
    out = np.zeros((b - a, 2), np.float32)
    for place in placements(span):
        first, last = max(a, place.at), min(b, place.at + place.length)
        if first < last:
            sound = read_wav(place.audio, first - place.at, last - first)
            sound = _faded(sound, first - place.at, place.length, place.rise, place.fall, power=True)
            out[first - a : first - a + len(sound)] += sound
    out = _faded(out, a - span.start, span.end - span.start, span.fade_in, span.fade_out, power=False)
    return out * np.float32(10 ** (span.gain_db / 20))


def _faded(sound: np.ndarray, at: int, length: int, rise: int, fall: int, power: bool) -> np.ndarray:
    """Return a stretch of something `length` samples long, that begins `at` samples into it, with its fades.

    With `power` two fades that cross keep the power, else they are raised cosines, which sound smoother alone.
    """
    if at < rise:
        sound = sound * _curve((np.arange(at, at + len(sound)) + 0.5) / rise, power)
    if at + len(sound) > length - fall:
        sound = sound * _curve((length - np.arange(at, at + len(sound)) - 0.5) / fall, power)
    return sound


def _curve(place: np.ndarray, power: bool) -> np.ndarray:
    sine = np.sin(np.clip(place, 0.0, 1.0) * (np.pi / 2))
    return (sine if power else sine * sine).astype(np.float32)[:, None]
