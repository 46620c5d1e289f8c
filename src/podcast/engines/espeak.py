"""The embedded voice: espeak-ng, finished so that one likes to listen, with exact word and phone times."""

from __future__ import annotations

import difflib
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Literal

from podcast.audio import write_wav
from podcast.engines import _espeak_library as library
from podcast.engines import _espeak_timing as timing
from podcast.engines import _espeak_voices as voices
from podcast.engines._espeak_phones import prepared
from podcast.engines._espeak_polish import DOWN, UP, polish
from podcast.engines.base import EngineInfo, Speech
from podcast.episode import SAMPLE_RATE
from podcast.errors import EngineError

GENDER_BOUNDARY = 150.0  # Hz of F0, between what listeners take for men and for women
FINISH = 3  # raised whenever the same text would sound otherwise than before

# option: (default, least, most)
OPTIONS: dict[str, tuple[float, float, float]] = {
    "rate": (1.0, 0.5, 2.0),  # of the voice's own pace
    "pitch": (0.0, -8.0, 8.0),  # semitones
    "expression": (1.0, 0.0, 2.0),  # of the voice's own range of pitch
    "warmth": (0.0, -6.0, 6.0),  # dB below 220 Hz
    "room": (1.0, 0.0, 2.0),  # of the small room's reflections
}

# Sentences differ a little, as people's do; the text decides how.
PITCH_VARIATION = 0.35  # semitones
SPAN_VARIATION = 0.08
PACE_VARIATION = 0.03
QUESTION_PITCH = 0.3  # semitones higher
EXCLAMATION_SPAN = 1.08

# s that the voice stops for within a sentence, by the mark before; the library's own pauses are short.
PAUSES = {",": 0.23, ";": 0.32, ":": 0.30, ".": 0.42, "!": 0.42, "?": 0.42, ")": 0.20}
ELLIPSIS_PAUSE = 0.50
PAUSE_VARIATION = 0.12


class Espeak:
    """espeak-ng as a `SpeechEngine`."""

    @cached_property
    def info(self) -> EngineInfo:
        """What the engine says of itself."""
        note = "built in; neural voices are engines that can be installed"
        languages = tuple(sorted(voices.language_files()))
        return EngineInfo("espeak", library.version(), "GPL-3.0-or-later", languages=languages, timings=True,
                          ipa=True, note=note)  # fmt: skip

    def identity(self) -> str:
        """Return the versions of the library, its data and our finish."""
        return f"espeak-ng {library.version()}, data {version_of('espeakng-loader')}, finish {FINISH}"

    def voices(self, language: str) -> tuple[str, ...]:
        """Return the recommended voices of a language, the best first, men and women in turn."""
        return voices.names_for(language)

    def gender(self, voice: str) -> Literal["female", "male", ""]:
        """Return what a listener takes a voice for: voices above 150 Hz are taken for women's."""
        return "female" if voices.find(voice).pitch > GENDER_BOUNDARY else "male"

    def about(self, voice: str) -> str:
        """Return a few words about a voice."""
        return voices.find(voice).about

    def synthesize(self, text: str, voice: str, language: str, options: Mapping[str, Any], into: Path) -> Speech:
        """Speak `text` into `speech.wav` (48 kHz); equal arguments give equal bytes.

        Phonemes may stand in the text as `[[/IPA/]]` or `[[mnemonics]]`.

        Raises:
            EngineError: an unknown voice, language, option or phone.
        """
        settings, chosen = check(options), voices.find(voice, language)
        manner = _manner(text, chosen, settings)
        ready = prepared(text, chosen.language)
        raw = timing.with_lead_in(_spoken(ready, voices.voice_file(chosen, manner.pitch, manner.span), manner.wpm))
        phones = timing.repaired(raw.phones, raw.samples, raw.rate)
        wanted = _wanted_pauses(ready, phones, raw.rate, manner)
        samples, phones = timing.lengthened(raw.samples, phones, wanted)
        sound = polish(samples, chosen.eq, chosen.level, settings["warmth"], settings["room"])
        write_wav(into / "speech.wav", sound, SAMPLE_RATE)
        names = [token for _, token in timing.tokens_of(text)]
        words, sounds = timing.scaled(names, timing.word_times(ready, phones), phones, UP, DOWN)
        return Speech(into / "speech.wav", SAMPLE_RATE, words, sounds)


def engine() -> Espeak:
    """Return the engine."""
    return Espeak()


def check(options: Mapping[str, Any]) -> dict[str, float]:
    """Return all options with their defaults filled in.

    Raises:
        EngineError: an unknown key (names the nearest), or a value that is no number within its bounds.
    """
    settings = {name: default for name, (default, _, _) in OPTIONS.items()}
    for name, value in options.items():
        if name not in OPTIONS:
            nearest = difflib.get_close_matches(name, OPTIONS, 1, 0.0)[0]
            raise EngineError(f"espeak has no option {name!r}", f"Did you mean {nearest!r}?", f"tts.espeak.{name}")
        _, least, most = OPTIONS[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            problem = f"{value!r} is not a number from {least:g} to {most:g}"
            raise EngineError(problem, f"Write for example {name}: {OPTIONS[name][0]:g}.", f"tts.espeak.{name}")
        settings[name] = float(value)
    return settings


@dataclass(frozen=True)
class _Manner:
    """How one sentence is spoken."""

    pitch: float  # Hz
    span: float
    wpm: int
    pace: float  # of the default
    chances: tuple[float, ...]  # -1 ... 1, from the text


def _manner(text: str, voice: voices.EspeakVoice, settings: Mapping[str, float]) -> _Manner:
    chances = tuple(byte / 127.5 - 1 for byte in hashlib.sha256(text.encode("utf-8", "replace")).digest())
    ending = text.rstrip(" )'")[-1:]
    semitones = settings["pitch"] + PITCH_VARIATION * chances[0] + (QUESTION_PITCH if ending == "?" else 0)
    liveliness = settings["expression"] * (1 + SPAN_VARIATION * chances[1])
    liveliness *= EXCLAMATION_SPAN if ending == "!" else 1
    pace = settings["rate"] * (1 + PACE_VARIATION * chances[2])
    span = 1 + (voice.span - 1) * liveliness
    return _Manner(voice.pitch * 2 ** (semitones / 12), span, round(voice.wpm * pace), settings["rate"], chances)


def _spoken(text: str, voice_file: str, wpm: int) -> library.RawSpeech:
    with tempfile.TemporaryDirectory(prefix="voice-") as folder:
        file = Path(folder) / "voice"
        file.write_text(voice_file, "utf-8")
        return library.speak(text, file, library.Prosody(wpm))


def _wanted_pauses(text: str, phones: Sequence[library.RawPhone], rate: int, manner: _Manner) -> list[int]:
    """Return the least length of each phone that is a pause within the text, 0 for all others."""
    tokens = [token for _, token in timing.tokens_of(text)]
    wanted, token = [], ""
    last = max((i for i, p in enumerate(phones) if p.symbol), default=-1)
    for index, (phone, owner) in enumerate(zip(phones, timing.owners(text, phones), strict=True)):
        if phone.symbol:
            token = tokens[owner] if owner < len(tokens) else ""
        is_inner = not phone.symbol and token and index < last
        wanted.append(round(_pause(token) * rate * _varied(manner, index)) if is_inner else 0)
    return wanted


def _varied(manner: _Manner, index: int) -> float:
    return (1 + PAUSE_VARIATION * manner.chances[index % len(manner.chances)]) / manner.pace


def _pause(token: str) -> float:
    token = token.rstrip("'\"")
    return ELLIPSIS_PAUSE if token.endswith("...") else PAUSES.get(token[-1:], 0.0)
