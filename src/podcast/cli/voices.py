"""Voices: those that are built in, those of installed engines, and those that an engine would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from podcast.cli.commands import Settings, print_json
from podcast.cli.screen import ScreenReporter, out, show, table
from podcast.config import load_config
from podcast.engines import CLOUD_ENGINES, SPEECH_ENGINES, speech_engine
from podcast.engines.base import SpeechEngine
from podcast.engines.installed import EngineRoom
from podcast.engines.installed.speech import InstalledSpeech
from podcast.environments.manifest import nearest
from podcast.environments.spec import EngineSpec
from podcast.errors import EngineError
from podcast.narration import sample
from podcast.wiring import engine_room

Row = dict[str, Any]


def list_voices(
    language: str, say: str | None, into: Path, only: str | None, config: Path | None, settings: Settings,
    as_json: bool,
) -> None:
    """List voices; with `say`, let each one that can speak say it into a wav file."""
    loaded = load_config(config, settings).config
    with ScreenReporter(as_json) as reporter, engine_room(loaded) as room, room.heard(reporter):
        rows = [row for name in _names(room, only) for row in _rows(name, room, language, say, into)]
    if as_json:
        print_json(rows)
        return
    told: Sequence[str] = ["file"] if say else []
    made = table("engine", "voice", "about", "licence", *told)
    for row in rows:
        made.add_row(row["engine"], row["voice"], escape(row["about"]), row["licence"], *([row["file"]] if say else []))
    show(made)
    if missing := sorted({row["engine"] for row in rows if not row["installed"]}):
        out.print(f"\nnot installed: podcast engines install {missing[0]}", highlight=False)
    if not say:
        out.print('\nhear them: podcast voices --say "Hello"', highlight=False)


def _names(room: EngineRoom, only: str | None) -> list[str]:
    known = room.specs("speech")
    if only is None:
        return [*SPEECH_ENGINES, *(name for name in known if room.has(name, "speech"))]
    ours = [*SPEECH_ENGINES, *CLOUD_ENGINES]
    if only not in (*ours, *known):
        raise EngineError(f"no voice engine is called {only!r}", nearest(only, [*ours, *known]), "--engine")
    return [only]


def _rows(name: str, room: EngineRoom, language: str, say: str | None, into: Path) -> Iterator[Row]:
    ours = name in SPEECH_ENGINES or name in CLOUD_ENGINES
    if not ours and not room.has(name, "speech"):
        yield from _would_bring(room.specs("speech")[name], language)
        return
    engine: SpeechEngine = speech_engine(name) if ours else \
        InstalledSpeech(room.get(name, "speech", "--engine"))
    for voice in engine.voices(language):
        file = ""
        if say:
            into.mkdir(parents=True, exist_ok=True)
            file = str(sample(engine, voice, say, into, language))
        yield {"engine": name, "voice": voice, "about": engine.about(voice), "gender": engine.gender(voice),
               "licence": engine.info.licence, "installed": True, "file": file}


def _would_bring(spec: EngineSpec, language: str) -> Iterator[Row]:
    base = language.lower().partition("-")[0]
    for voice in spec.voices:
        if not voice.language or voice.language.lower().partition("-")[0] == base:
            terms = voice.licence or spec.licence.weights or spec.licence.code
            yield {"engine": spec.name, "voice": voice.name, "about": voice.about, "gender": voice.gender,
                   "licence": terms, "installed": False, "file": ""}
