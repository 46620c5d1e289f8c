"""Motifs: short ideas that are invented, sung over the chords, and varied when they return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from podcast.engines.composer.cue import Settings
from podcast.engines.composer.harmony import Event, scale_of
from podcast.engines.composer.parts import Hand, fit
from podcast.engines.composer.score import Note
from podcast.engines.composer.struck import STRUCK
from podcast.engines.composer.sustained import SUSTAINED

_CELLS = {  # two bars of (beat, beats); sparse ones first
    4: (((0, 2), (2, 2), (4, 4)), ((0, 3), (3, 1), (4, 4)), ((1, 1), (2, 2), (4, 1), (5, 3)), ((0, 1.5), (1.5, 0.5),
        (2, 2), (4, 3)),
        ((0, 1), (1, 1), (2, 1.5), (3.5, 0.5), (4, 3)), ((0, 0.5), (0.5, 1), (1.5, 1), (2.5, 1.5), (4, 1), (5, 2)),
        ((0.5, 0.5), (1, 0.5), (1.5, 1.5), (3, 1), (4, 1.5), (5.5, 2))),
    3: (((0, 3), (3, 3)), ((0, 2), (2, 1), (3, 3)), ((0, 1), (1, 1), (2, 1), (3, 2)), ((0, 1.5), (1.5, 0.5), (2, 1),
        (3, 3))),
}  # fmt: skip


@dataclass(frozen=True)
class Motif:
    """A short idea that returns: a rhythm over two bars and its contour in steps of the scale."""

    rhythm: tuple[tuple[float, float], ...]
    contour: tuple[int, ...]


def invent(settings: Settings, rng: np.random.Generator) -> Motif:
    """Return a motif: mostly steps, one leap, an arch or a fall."""
    cells = _CELLS[settings.beats]
    reach = max(2, round(len(cells) * (0.35 + 0.65 * settings.density)))
    rhythm = cells[int(rng.integers(reach))]
    contour, place = [0], 0
    leap = int(rng.integers(1, len(rhythm)))
    direction = 1 if rng.random() < 0.6 else -1
    for i in range(1, len(rhythm)):
        step = int(rng.integers(2, 5)) if i == leap else 1
        place += direction * step
        contour.append(place)
        if i == leap or rng.random() < 0.3:
            direction = -direction
    return Motif(rhythm, tuple(contour))


def vary(motif: Motif, kind: str) -> Motif:
    """Return the motif's variant: "inverted", "ending" (another last tone), "head" (its beginning), or itself."""
    if kind == "inverted":
        return Motif(motif.rhythm, tuple(-c for c in motif.contour))
    if kind == "ending":
        return Motif(motif.rhythm, (*motif.contour[:-1], motif.contour[-1] + (2 if motif.contour[-1] <= 0 else -2)))
    if kind == "head":
        return Motif(motif.rhythm[:2], motif.contour[:2])
    return motif


def sing(hand: Hand, events: tuple[Event, ...], motif: Motif, bar: int, accent: float, lift: int = 0) -> list[Note]:
    """Write the motif from `bar` on: long and stressed tones become chord tones, the others tones of the scale."""
    instrument = hand.settings.motif
    known = STRUCK.get(instrument) or SUSTAINED[instrument]
    low, high = max(known.low, 62), min(known.high, 86)
    anchor = fit(events[0].voices[-1] + 5, max(low, 67), max(low, 67) + 12)
    notes, before = [], None
    for (beat, beats), step in zip(motif.rhythm, motif.contour, strict=True):
        at = bar * hand.settings.beats + beat
        event = _at(events, at)
        stressed = beats >= 1 or at % 1 == 0
        tones = event.chord.pitches if stressed else scale_of(hand.settings, event.chord)
        wanted = anchor + (step + lift) * 12 / 7
        pitch = _closest(tones, wanted, low, high, None if stressed else before)
        notes.append(Note("motif", at, beats * 1.1, pitch, hand.velocity(accent), hand.late(), 0.12))
        before = pitch
    return notes


def _at(events: tuple[Event, ...], beat: float) -> Event:
    return next((e for e in reversed(events) if e.start <= beat + 1e-6), events[0])


def _closest(tones: tuple[int, ...], wanted: float, low: int, high: int, avoid: int | None) -> int:
    offers = [p for p in range(low, high + 1) if p % 12 in tones and p != avoid]
    return min(offers, key=lambda p: abs(p - wanted))
