"""Word and phone times for voices that give none: by comparison with the embedded voice, or from the sound alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from podcast.alignment import Reference, align, phones_from_sound
from podcast.audio import read_wav
from podcast.engines import speech_engine
from podcast.episode import Phone, Word

TIMING_VERSION = 3


def timing_identity(language: str) -> list[object]:
    """Return what the times of a voice without times depend on."""
    engine = speech_engine()
    return [TIMING_VERSION, engine.info.name, engine.identity(), list(engine.voices(language)[:1])]


def timed(text: str, language: str, sound: np.ndarray) -> tuple[list[Word], list[Phone], list[str]]:
    """Return the blank-separated words of `text`, the phones, and what is doubtful, of mono 48 kHz `sound`.

    Where the language is not one of the embedded voice's, or the sound says something else, words are spread by
    their letters and the phones are those that the sound's level and spectrum suggest.
    """
    remarks: list[str] = []
    if reference := _reference(text, language):
        found = align(sound, reference)
        remarks = [str(finding) for finding in found.findings]
        if not found.wrong:
            return list(found.words), list(found.phones), remarks
    phones = list(phones_from_sound(sound))
    return spread(text, len(sound)), phones, remarks


def spread(text: str, length: int) -> list[Word]:
    """Spread the words of a text over so many samples, by their letters."""
    tokens = text.split()
    weights = np.cumsum([0, *(len(token) + 1 for token in tokens)]) / max(1, sum(len(t) + 1 for t in tokens))
    bounds = [round(float(w) * length) for w in weights]
    return [Word(token, bounds[i], bounds[i + 1]) for i, token in enumerate(tokens)]


def _reference(text: str, language: str) -> Reference | None:
    """Return the embedded voice saying the text, if it speaks the language and every word has its time."""
    engine = speech_engine()
    voices: Sequence[str] = engine.voices(language)
    if not voices or not text.split():
        return None
    with TemporaryDirectory() as folder:
        speech = engine.synthesize(text, voices[0], language, {}, Path(folder))
        sound = read_wav(speech.audio)[:, 0]
    if len(speech.words) != len(text.split()):
        return None
    return Reference(sound, speech.words, speech.phones)
