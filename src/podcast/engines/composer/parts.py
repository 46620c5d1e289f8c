"""How the parts are played: each function turns voiced chords into the notes of one role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from podcast.engines.composer.cue import Settings
from podcast.engines.composer.drums import KITS, VARIANTS
from podcast.engines.composer.harmony import Event
from podcast.engines.composer.score import Note, Stroke
from podcast.engines.composer.struck import STRUCK

_SOFT_DRUMS = frozenset({"shaker", "hat", "tick", "brush", "sweep", "ride", "crackle", "swell"})
_PAD_RING = 1.5  # s that a last chord is held beyond its bar
_STRUM = 0.014  # s from string to string
_EIGHTHS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)
_STABS = ((0.0, 2.5), (0.0, 1.5, 3.5), (0.5, 2.0), (1.5, 3.0))
_STRUMS = ((0.0, 0.9), (1.0, 0.6), (1.5, 0.45), (2.5, 0.5), (3.0, 0.7), (3.5, 0.45))  # beat, accent


@dataclass(frozen=True)
class Hand:
    """What a player of a part knows: the piece, the section's length and character, and a source of chance."""

    settings: Settings
    bars: int
    density: float
    rng: np.random.Generator
    last: bool = False  # the section ends the piece: its last chord is left to ring

    @property
    def beats(self) -> int:
        """The section's length in beats."""
        return self.bars * self.settings.beats

    def velocity(self, accent: float = 1.0) -> float:
        """Return how hard the next note is played."""
        base = 0.42 + 0.35 * self.settings.energy
        return float(np.clip(base * accent + self.rng.normal(0, 0.035), 0.12, 1.0))

    def late(self) -> float:
        """Return by how many seconds the next note is late; driving music is played tighter."""
        sigma = 0.003 + 0.008 * (1 - self.settings.energy)
        return float(np.clip(self.rng.normal(0, sigma), -2 * sigma, 2 * sigma))


Player = Callable[[Hand, tuple[Event, ...]], list[Note]]


def fit(pitch: int, low: int, high: int) -> int:
    """Return the pitch moved by octaves into a range of at least an octave."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def _spread(pitch: int) -> float:
    return float(np.clip((pitch - 63) / 30, -0.5, 0.5))


def split_last(hand: Hand, events: tuple[Event, ...]) -> tuple[tuple[Event, ...], Event | None]:
    """Split off the last chord where it is to ring out."""
    return (events[:-1], events[-1]) if hand.last else (events, None)


def _chord(hand: Hand, role: str, event: Event, at: float, beats: float, accent: float, spread: float = _STRUM,
           voices: tuple[int, ...] | None = None, down: bool = False) -> list[Note]:  # fmt: skip
    pitches = voices or event.voices
    order = pitches[::-1] if down else pitches
    late = hand.late()
    return [Note(role, at, beats, p, hand.velocity(accent), late + i * spread, _spread(p)) for i, p in enumerate(order)]


def _ringing(hand: Hand, role: str, event: Event | None) -> list[Note]:
    if event is None:
        return []
    low = fit(event.voices[0] - 12, 43, 56)
    return _chord(hand, role, event, event.start, event.beats + 16, 0.95, 0.03, (low, *event.voices))


# ---------------------------------------------------------------- pad


def pad(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    """Hold every voice; a tone that stays is not struck again."""
    notes: list[Note] = []
    held: dict[int, int] = {}
    for event in events:
        now: dict[int, int] = {}
        for voice, pitch in enumerate(event.voices):
            if pitch in held:
                old = notes[held[pitch]]
                notes[held[pitch]] = replace(old, beats=event.start + event.beats - old.start)
                now[pitch] = held[pitch]
            else:
                now[pitch] = len(notes)
                notes.append(Note("pad", event.start, event.beats, pitch, 0.8, 0.0, (voice - 1.5) * 0.12))
        held = now
    if hand.last:
        longer = _PAD_RING * hand.settings.tempo / 60
        notes = [replace(n, beats=n.beats + longer) if i in held.values() else n for i, n in enumerate(notes)]
    return notes


# ---------------------------------------------------------------- keys


def _block(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    for event in events:
        notes += _chord(hand, "keys", event, event.start, event.beats, 0.85)
        if event.beats >= 3 and hand.density > 0.3:
            half = event.start + event.beats / 2
            notes += _chord(hand, "keys", event, half, event.beats / 2, 0.6, _STRUM, event.voices[2:])
    return notes


def _broken(hand: Hand, events: tuple[Event, ...], role: str = "keys", octave: int = 0) -> list[Note]:
    """Chord tones one after the other, as quarters or eighths, in a figure that stays for the section."""
    step = 1.0 if hand.density < 0.3 else 0.5
    figure = ((0, 2, 1, 3, 2, 1), (0, 1, 2, 3, 2, 1), (0, 2, 3, 1, 2, 3), (0, 1, 3, 2))[int(hand.rng.integers(4))]
    notes = []
    for event in events:
        for i in range(int(event.beats / step)):
            if i and hand.rng.random() > 0.72 + 0.4 * hand.density:
                continue
            pitch = event.voices[figure[i % len(figure)]] + octave
            at = event.start + i * step
            accent = 0.85 if i == 0 else 0.7 if at % 1 == 0 else 0.58
            notes.append(
                Note(
                    role,
                    at,
                    max(event.beats - i * step, step * 2),
                    pitch,
                    hand.velocity(accent),
                    hand.late(),
                    _spread(pitch),
                )
            )
    return notes


def _pulse(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    step = 0.5 if hand.density > 0.5 else 1.0
    for event in events:
        for i in range(int(event.beats / step)):
            accent = 0.8 if i == 0 else 0.62 if (i * step) % 2 == 0 else 0.45
            voices = event.voices[1:] if i else event.voices
            notes += _chord(hand, "keys", event, event.start + i * step, step * 0.9, accent, 0.004, voices)
    return notes


def _offbeat(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    for event in events:
        for beat in range(int(event.beats)):
            if beat % 2 or hand.density > 0.4:
                accent = 0.7 if beat % 2 else 0.5
                notes += _chord(hand, "keys", event, event.start + beat + 0.5, 0.4, accent, 0.006, event.voices[1:])
    return notes


def _stabs(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    for event in events:
        pattern = _STABS[int(hand.rng.integers(len(_STABS)))]
        for i, at in enumerate(p for p in pattern if p < event.beats):
            beats = 1.6 if i == 0 else 0.5
            notes += _chord(hand, "keys", event, event.start + at, min(beats, event.beats - at), 0.75 - 0.15 * i, 0.008)
    return notes


def _strum(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    for event in events:
        low = fit(event.voices[0] - 12, 43, 57)
        for at, accent in _STRUMS:
            if at >= event.beats or (accent < 0.5 and hand.density < 0.35):
                continue
            up = at % 1 != 0
            voices = event.voices[1:] if up else (low, *event.voices)
            notes += _chord(hand, "keys", event, event.start + at, 1.2, accent, 0.011, voices, down=up)
    return notes


def _swell(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    for i, event in enumerate(events):
        if i % 2 == 0 or hand.density > 0.35:
            notes += _chord(hand, "keys", event, event.start, event.beats, 0.6, 0.06)
    return notes


_COMPING: dict[str, Player] = {
    "block": _block, "broken": _broken, "pulse": _pulse, "offbeat": _offbeat, "stabs": _stabs,
    "strum": _strum, "swell": _swell,
}  # fmt: skip


def keys(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    """Accompany with chords in the manner of the style."""
    events, final = split_last(hand, events)
    manner = hand.settings.playing.comping
    if manner == "strum" and hand.settings.keys != "guitar":
        manner = "broken"
    return _COMPING[manner](hand, events) + _ringing(hand, "keys", final)


# ---------------------------------------------------------------- arpeggios


def _arp_pitch(hand: Hand, event: Event, index: int) -> int:
    octave, voice = divmod(index, len(event.voices))
    instrument = STRUCK[hand.settings.arp]
    return fit(event.voices[voice] + 12 * octave, instrument.low, min(instrument.high, 84))


def _sparse(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    notes = []
    for event in events:
        for i in range(int(event.beats * 2)):
            if hand.rng.random() < 0.10 + 0.25 * hand.density:
                pitch = _arp_pitch(hand, event, int(hand.rng.integers(2, 7)))
                notes.append(_arp_note(hand, event.start + i / 2, 2.0, pitch, 0.6, i))
    return notes


def _arp_note(hand: Hand, at: float, beats: float, pitch: int, accent: float, i: int) -> Note:
    return Note("arp", at, beats, pitch, hand.velocity(accent), hand.late(), 0.4 if i % 2 else -0.4)


def _figure(hand: Hand, events: tuple[Event, ...], step: float, figure: tuple[int, ...], ring: float) -> list[Note]:
    """Repeat a figure of chord tones (negative: a rest) in steps of equal length."""
    notes, i = [], 0
    for event in events:
        for k in range(int(event.beats / step)):
            index = figure[i % len(figure)]
            i += 1
            if index >= 0:
                accent = 0.75 if k == 0 else 0.6 if k % 2 == 0 else 0.48
                notes.append(_arp_note(hand, event.start + k * step, ring, _arp_pitch(hand, event, index), accent, i))
    return notes


def _ostinato(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    figures = ((0, 2, 3, 2), (0, 0, 2, 0, 3, 0, 2, 0), (0, 2, 4, 2, 3, 2, 4, 2), (0, -1, 2, 3, -1, 2, 3, 2))
    return _figure(hand, events, 0.5, figures[int(hand.rng.integers(len(figures)))], 0.6)


def _sequence(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    figures = (
        (0, 2, 1, 3, -1, 2, 4, 1),
        (0, -1, 2, 3, 1, -1, 3, 2),
        (0, 1, 2, 4, 3, 2, -1, 1),
        (0, -1, -1, 2, -1, 3, -1, 1),
    )
    step = 0.25 if hand.density > 0.45 else 0.5
    return _figure(hand, events, step, figures[int(hand.rng.integers(len(figures)))], 0.5)


def _cascade(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    """A run over two octaves at the beginning of a chord, then a few single tones."""
    notes = []
    for number, event in enumerate(events):
        count = 6 if number % 2 == 0 else 4
        order = range(count) if number % 4 != 3 else range(count)[::-1]
        for i, index in enumerate(order):
            notes.append(
                _arp_note(hand, event.start + i * 0.25, 3.0, _arp_pitch(hand, event, index), 0.62 - 0.02 * i, i)
            )
        for at in np.arange(count * 0.25 + 0.5, event.beats, 0.5):
            if hand.rng.random() < 0.7 * hand.density:
                pitch = _arp_pitch(hand, event, int(hand.rng.integers(2, 7)))
                notes.append(_arp_note(hand, event.start + float(at), 2.0, pitch, 0.5, int(2 * at)))
    return notes


def arp(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    """Play plucked figures over the chords in the manner of the style."""
    if hand.settings.arp not in STRUCK:
        return []
    body, final = split_last(hand, events)
    manner = hand.settings.playing.arpeggio
    notes = {"sparse": _sparse, "ostinato": _ostinato, "sequence": _sequence, "cascade": _cascade}.get(
        manner, _arpeggio
    )(hand, body)
    if final:
        notes += [
            _arp_note(hand, final.start + i * 0.25, 16, _arp_pitch(hand, final, i), 0.6 - 0.04 * i, i) for i in range(6)
        ]
    return notes


def _arpeggio(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    return [replace(n, role="arp", pan=-0.35 if n.start % 1 else 0.35) for n in _broken(hand, events, "arp", 12)]


# ---------------------------------------------------------------- percussion


def percussion(hand: Hand, light: bool) -> list[Stroke]:
    """Play the kit's patterns; `light` leaves out all that is heavy, as in an introduction or a breakdown."""
    steps, strokes = 4 * hand.settings.beats, []
    bars = hand.bars - 1 if hand.last else hand.bars
    for drum, written in KITS[hand.settings.kit].items():
        if light and drum not in _SOFT_DRUMS:
            continue
        patterns = written.split("|")
        for bar in range(bars):
            pattern = patterns[bar % len(patterns)][:steps]
            for step, mark in enumerate(pattern):
                if mark != "." and (mark > "3" or hand.density > 0.3):
                    strokes.append(_stroke(hand, drum, bar * hand.settings.beats + step / 4, int(mark) / 10))
    return strokes


def _stroke(hand: Hand, drum: str, at: float, strength: float) -> Stroke:
    velocity = float(np.clip(strength * (0.75 + 0.4 * hand.settings.energy) + hand.rng.normal(0, 0.03), 0.05, 1))
    return Stroke(drum, at, velocity, hand.late() / 2, int(hand.rng.integers(VARIANTS)))
