"""Who speaks with which voice, and how loud a voice is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from podcast.audio import read_wav
from podcast.cache import Cache, digest_of_file
from podcast.engines.base import SpeechEngine
from podcast.episode import Script, Speaker
from podcast.errors import EngineError
from podcast.narration.levels import loudness
from podcast.paths import named_file
from podcast.text.numerals import base, cardinal

REFERENCE_VERSION = 1
# A voice's level is measured once over words that never change, so that editing a script changes no other gain.
REFERENCE = (
    "Hello, and welcome. The old fisherman put his boat on the shore, looked at the evening sky, and smiled. "
    "Six children were waiting there; they wanted to hear about the great storm of that year."
)
COUNTED = 20  # numbers that are the reference in languages other than English


def assign_voices(script: Script, engine: SpeechEngine, voices: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the voice of every speaker: the one given, the script's, or the next of the engine's own.

    Speakers without a voice get different ones for as long as there are any.

    Raises:
        EngineError: the engine has no voice for a speaker's language.
    """
    given = {s.id: (voices or {}).get(s.id) or s.voice for s in script.speakers}
    taken = [voice for voice in given.values() if voice]
    chosen: dict[str, str] = {}
    for speaker in script.speakers:
        chosen[speaker.id] = given[speaker.id] or _next(engine, language_of(speaker, script), taken)
        taken.append(chosen[speaker.id])
    return chosen


def language_of(speaker: Speaker, script: Script) -> str:
    """Return the language that a speaker speaks."""
    return speaker.language or script.language


def _next(engine: SpeechEngine, language: str, taken: list[str]) -> str:
    own = engine.voices(language)
    if not own:
        remedy = "Choose another engine (tts.engine) or correct the language (a code such as en, en-GB, de)."
        raise EngineError(f"{engine.info.name} has no voice for the language {language!r}", remedy, "language")
    return min(own, key=lambda voice: (taken.count(voice), own.index(voice)))


def voice_identity(voice: str) -> str:
    """Return what a voice is: its name, or the content of the sample that it is cloned from, or of the user's model."""
    file, speaker = named_file(voice)
    if file is None:
        return voice
    notes = Path(f"{file}.json")  # beside a model
    return digest_of_file(file) + (digest_of_file(notes) if notes.is_file() else "") + speaker


def reference_level(
    engine: SpeechEngine, voice: str, language: str, options: Mapping[str, Any], cache: Cache
) -> float:
    """Return the loudness (LUFS, mono) of a voice over the reference text; measured once, then remembered."""
    address = cache.key(
        "voice level", REFERENCE_VERSION, engine=engine.identity(), voice=voice_identity(voice), language=language,
        options=dict(options), text=_reference(language),
    )  # fmt: skip

    def measure(into: Path) -> None:
        with TemporaryDirectory() as folder:
            speech = engine.synthesize(_reference(language), voice, language, options, Path(folder))
            level = loudness(read_wav(speech.audio)[:, 0], speech.rate)
        (into / "level.txt").write_text(f"{level:.3f}", "utf-8")

    return float((cache.fetch(address, measure) / "level.txt").read_text("utf-8"))


def _reference(language: str) -> str:
    if base(language) == "en":
        return REFERENCE
    return ", ".join(cardinal(n, language) for n in range(1, COUNTED + 1)) + "."
