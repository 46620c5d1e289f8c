"""The bass: one role, in the manner of the style, each root as near as can be to the one before."""

from __future__ import annotations

import numpy as np

from podcast.engines.composer.harmony import Event
from podcast.engines.composer.parts import Hand, split_last
from podcast.engines.composer.score import Note

_BASS_RANGE = (33, 45)  # MIDI: A1 … A2


def bass(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    """Play the bass in the manner of the style, each root as near as can be to the one before."""
    body, final = split_last(hand, events)
    manner = hand.settings.playing.bassline
    notes: list[Note] = []
    before = 38
    roots = []
    for event in events:
        before = _nearest(event.chord.bass, before)
        roots.append(before)
    if manner == "pedal" or hand.settings.bass == "drone":
        return _pedal(hand, events)
    for i, event in enumerate(body):
        following = roots[(i + 1) % len(roots)]
        notes += _bass_bar(hand, event, roots[i], following, manner)
    if final:
        notes.append(_bass_note(hand, final.start, final.beats + 12, roots[-1], 0.9))
    return notes


def _nearest(pitch_class: int, before: int) -> int:
    low, high = _BASS_RANGE
    return min(
        (p for p in range(low, high + 1) if p % 12 == pitch_class), key=lambda p: abs(p - before) + 0.2 * abs(p - 38)
    )


def _bass_note(hand: Hand, at: float, beats: float, pitch: int, accent: float) -> Note:
    return Note("bass", at, beats, pitch, hand.velocity(accent), hand.late() / 2, 0.0)


def _pedal(hand: Hand, events: tuple[Event, ...]) -> list[Note]:
    root = _nearest(hand.settings.tonic, 38)
    bars = 2 * hand.settings.beats
    return [_bass_note(hand, at, bars, root, 0.7) for at in range(0, hand.beats, bars)]


def _bass_bar(hand: Hand, event: Event, root: int, following: int, manner: str) -> list[Note]:
    """Return the bass of one chord."""
    fifth = _nearest(_fifth_of(event), root + 4)
    steps: list[tuple[float, float, int, float]]  # beat, beats, pitch, accent
    whole = event.beats
    if manner == "pulse":
        steps = [(b, 0.45, root, 0.85 if b == 0 else 0.62 if b % 1 == 0 else 0.52) for b in np.arange(0, whole, 0.5)]
    elif manner == "octaves":
        steps = [(b, 0.42, root + 12 * (b % 1 != 0), 0.7) for b in np.arange(0, whole, 0.5)]
    elif manner == "bounce":
        steps = [(0, 1.2, root, 0.85), (2, 1.0, fifth, 0.65)] + (
            [(3.5, 0.4, root, 0.5)] if hand.rng.random() < 0.5 else []
        )
    elif manner == "syncopated":
        steps = [
            (0, 1.3, root, 0.85),
            (1.5, 0.4, root, 0.45),
            (2.5, 1.2, fifth if hand.rng.random() < 0.4 else root, 0.65),
        ]
    elif manner == "walking":
        steps = _walk(hand, event, root, following)
    else:
        steps = [(0, whole, root, 0.8)]
        if hand.density > 0.5 and whole >= 4 and hand.rng.random() < 0.6:
            steps = [(0, whole - 1.5, root, 0.8), (whole - 1.5, 1.4, fifth, 0.55)]
    return [_bass_note(hand, event.start + b, min(n, whole - b), p, a) for b, n, p, a in steps if b < whole]


def _fifth_of(event: Event) -> int:
    """Return the pitch class of the fifth above the bass where the chord has it, or the bass itself."""
    fifth = (event.chord.bass + 7) % 12
    return fifth if fifth in event.chord.pitches else event.chord.bass


def _walk(hand: Hand, event: Event, root: int, following: int) -> list[tuple[float, float, int, float]]:
    """Return quarters from the root over chord tones to a half-tone beside the next root."""
    tones = sorted(p for p in range(root - 5, root + 10) if p % 12 in event.chord.pitches and p != root)
    count = int(event.beats)
    middle = sorted(
        hand.rng.choice(tones, size=min(max(count - 2, 0), len(tones)), replace=False), key=lambda p: abs(p - root)
    )
    if following < root:
        middle = middle[::-1]
    approach = following + (1 if hand.rng.random() < 0.5 else -1)
    line = [root, *(int(p) for p in middle), approach][:count] if count > 1 else [root]
    return [(float(i), 0.92, p, 0.8 if i == 0 else 0.65) for i, p in enumerate(line)]
