"""A voice engine that is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from podcast.audio import wav_rate
from podcast.engines.base import Speech
from podcast.engines.installed.engine import Installed
from podcast.engines.installed.info import info_of
from podcast.environments.spec import EngineVoice
from podcast.episode import Phone, Word
from podcast.errors import EngineError
from podcast.paths import SPEAKER, named_file

MODEL = ".onnx"  # what a voice's own network ends in, where the engine's runtime is ONNX Runtime


class InstalledSpeech:
    """Lets the engine's worker speak; see `SpeechEngine`."""

    def __init__(self, engine: Installed) -> None:
        self.engine = engine
        self.info = info_of(engine.spec)

    def identity(self) -> str:
        """Return the pins, weights and worker by their digests."""
        return self.engine.identity()

    def voices(self, language: str) -> tuple[str, ...]:
        """Return the voices for a language, those of the same region first."""
        wanted = language.lower()
        base = wanted.partition("-")[0]
        near = [v for v in self.engine.spec.voices if not v.language or v.language.lower().partition("-")[0] == base]
        spoken = {tag.lower().partition("-")[0] for tag in self.info.languages}
        if spoken and base not in spoken:
            return ()
        allowed = [v for v in near if v.commercial or not self.engine.room.commercial_safe]
        return tuple(v.name for v in sorted(allowed, key=lambda v: bool(v.language) and v.language.lower() != wanted))

    def about(self, voice: str) -> str:
        """Return a few words about a voice; "" if this engine has none of that name and can't take the file."""
        found = self._voice(voice)
        return found.about if found else "your own" if self._takes(named_file(voice)[0]) else ""

    def _takes(self, file: Path | None) -> bool:
        """Tell whether a file can be a voice: a model of the engine's kind, or a sample of a person to be imitated."""
        if file is None:
            return False
        return self.engine.spec.clones if file.suffix.lower() != MODEL else self.engine.spec.runtime == "onnxruntime"

    def gender(self, voice: str) -> Literal["female", "male", ""]:
        """Return what a listener takes a voice for, as the manifest tells."""
        found = self._voice(voice)
        return found.gender if found else ""

    def _voice(self, name: str) -> EngineVoice | None:
        return next((v for v in self.engine.spec.voices if v.name == name.partition(SPEAKER)[0]), None)

    def terms(self, voice: str) -> tuple[str, bool]:
        """Return a voice's licence, and whether what it says may be used commercially.

        An imitated voice is as free as the least of all.
        """
        found = self._voice(voice)
        if found is None:
            return "as of the engine's weights that imitate", all(v.commercial for v in self.engine.spec.voices)
        return found.licence or self.engine.spec.licence.weights, found.commercial

    def samples(self, voices: Iterable[str]) -> list[Path]:
        """Return the voices that are sound files of people to be imitated."""
        named = [named_file(voice)[0] for voice in voices if self._voice(voice) is None]
        return [path for path in named if path and path.suffix.lower() != MODEL and self._takes(path)]

    def synthesize(self, text: str, voice: str, language: str, options: Mapping[str, Any], into: Path) -> Speech:
        """Speak a text; the voice's own files are brought at its first use.

        Raises:
            EngineError: there is no such voice, its licence forbids the use, or the engine refused or failed.
        """
        found = self._voice(voice)
        file, speaker = named_file(voice) if found is None else (None, "")
        if found is None and not self._takes(file):
            known = ", ".join(self.voices(language)[:6]) or "none for this language"
            raise EngineError(f"{self.info.name} has no voice {voice!r}", f"it has {known}", "voice")
        terms, free = self.terms(voice)
        if self.engine.room.commercial_safe and not free:
            raise EngineError(f"the licence of the voice {voice} ({terms}) forbids commercial use",
                              f"it may use {', '.join(self.voices(language)[:6])}", "commercial_safe")
        if not (file and file.suffix.lower() == MODEL):
            self.engine.bring_voice(found)
        named = f"{file}{speaker}" if file else voice  # a sample, or the user's own model
        value = self.engine.run({"text": text, "voice": named, "language": language, "options": dict(options),
                                 "seed": 0, "into": str(into)})
        audio = Path(value["files"]["audio"])
        rate = wav_rate(audio)
        words = tuple(Word(w, round(a * rate), round(b * rate)) for w, a, b in value.get("words", ()))
        phones = tuple(Phone(p, round(a * rate), round(b * rate)) for p, a, b in value.get("phones", ()))
        fits = len(words) == len(text.split())  # else the words are found by alignment
        return Speech(audio, rate, words if fits else (), phones if fits else ())
