"""The engines: what there is, by name. A module is loaded when its engine is asked for."""

from __future__ import annotations

import difflib
from importlib import import_module

from podcast.engines.base import MusicEngine, SpeechEngine
from podcast.errors import EngineError

# name: the module whose `engine()` makes it; the first is the embedded one
SPEECH_ENGINES: dict[str, str] = {"espeak": "podcast.engines.espeak"}
CLOUD_ENGINES: dict[str, str] = {"gtts": "podcast.engines.gtts"}  # voices that need the network: only if asked for
MUSIC_ENGINES: dict[str, str] = {"composer": "podcast.engines.composer"}


def speech_engine(name: str = "auto") -> SpeechEngine:
    """Return the voice engine of that name; "auto" is the best that needs nothing else.

    Raises:
        EngineError: there is none of that name; names the nearest.
    """
    made: SpeechEngine = _module(name, {**SPEECH_ENGINES, **CLOUD_ENGINES}, "tts.engine").engine()
    return made


def music_engine(name: str = "auto") -> MusicEngine:
    """Return the music engine of that name; "auto" is the best that needs nothing else.

    Raises:
        EngineError: there is none of that name; names the nearest.
    """
    made: MusicEngine = _module(name, MUSIC_ENGINES, "music.engine").engine()
    return made


def _module(name: str, table: dict[str, str], key: str):  # type: ignore[no-untyped-def]  # a module has no Protocol
    name = next(iter(table)) if name == "auto" else name
    if name not in table:
        nearest = difflib.get_close_matches(name, table, 1, 0.0)[0]
        remedy = f"Did you mean {nearest!r}? There are: {', '.join(table)}."
        raise EngineError(f"there is no engine {name!r}", remedy, key)
    return import_module(table[name])
