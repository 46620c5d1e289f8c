"""Small episodes for tests: made of nouns, with a tone for a voice."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from podcast.audio import write_wav
from podcast.episode import (
    SAMPLE_RATE,
    AvatarClip,
    Chapter,
    Look,
    Narration,
    Phone,
    Presenter,
    Script,
    Slot,
    Speaker,
    Turn,
    Utterance,
    Word,
)
from podcast.puppet.rig import host_folder, host_names, rig_digest

RATE = Fraction(25)
LEAD = 5760  # samples
PHONES = ("h", "ə", "l", "ˈoʊ", "m", "b", "ˈɑː", "f", "iː", "p", "ˈuː", "s", "ˈaɪ", "v", "ɛ")


def utterance(folder: Path, text: str, speaker: str = "A", seconds: float = 1.6) -> Utterance:
    """Return an utterance: a humming voice that says `text` in evenly spread words and phones."""
    length = int(seconds * SAMPLE_RATE)
    t = np.arange(length) / SAMPLE_RATE
    tone = 0.2 * np.sin(2 * np.pi * 180 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    audio = folder / f"{abs(hash((text, speaker)))}.wav"
    write_wav(audio, tone.astype(np.float32))
    tokens = text.split()
    words = tuple(Word(w, i * length // len(tokens), (i + 1) * length // len(tokens)) for i, w in enumerate(tokens))
    count = len(PHONES)
    phones = tuple(Phone(p, i * length // count, (i + 1) * length // count) for i, p in enumerate(PHONES))
    return Utterance(speaker, text, 1, audio, length, words, phones, f"digest of {speaker}: {text}")


def episode(folder: Path, said: list[tuple[str, str]], *, cards: bool = False,
            chapters: tuple[Chapter, ...] = ()) -> tuple[Script, Narration]:
    """Return script and narration of (speaker, text) pairs; with `cards`, title, chapters and outro."""
    ids = list(dict.fromkeys(speaker for speaker, _ in said))
    speakers = tuple(Speaker(i, f"Name of {i}") for i in ids)
    turns = tuple(Turn(speaker, text, n + 1) for n, (speaker, text) in enumerate(said))
    slots: list[Slot] = [Slot("title", 0, 40, 0, text="A title")] if cards else []
    for n, (speaker, text) in enumerate(said):
        for chapter in chapters:
            if chapter.before == n and cards:
                slots.append(Slot("chapter", 0, 30, n, text=chapter.title))
        slots.append(Slot("speech", 0, 48, n, utterance(folder, text, speaker), LEAD))
    if cards:
        slots.append(Slot("outro", 0, 40, len(said) - 1, text="A title"))
    placed, frame = [], 0
    for slot in slots:
        placed.append(replace(slot, start=frame))
        frame += slot.frames
    return Script(folder / "s.txt", "A title", turns, speakers, chapters), Narration(tuple(placed), RATE)


def look(width: int = 640, height: int = 360, **more: object) -> Look:
    """Return a small look."""
    return Look(width, height, RATE, "studio", "", "#f2a541", title="A title", byline="by Ada", **more)  # type: ignore[arg-type]


def presenters(script: Script) -> tuple[Presenter, ...]:
    """Return a host for each speaker."""
    names = host_names()
    return tuple(Presenter(s.id, s.name, host_folder(n), rig_digest(host_folder(n)))
                 for s, n in zip(script.speakers, names, strict=False))


def clips(script: Script, narration: Narration) -> dict[int, tuple[AvatarClip, ...]]:
    """Return everybody's clips in every slot."""
    seen = presenters(script)
    return {i: tuple(AvatarClip(p, f"{slot.utterance.digest if slot.utterance else slot.kind}") for p in seen)
            for i, slot in enumerate(narration.slots)}
