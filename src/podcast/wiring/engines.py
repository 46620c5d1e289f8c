"""Which engines work on an episode: those that were asked for, the best that is installed, or the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from podcast.avatar import Renderer
from podcast.config import Config
from podcast.engines import CLOUD_ENGINES, MUSIC_ENGINES, SPEECH_ENGINES, music_engine, speech_engine
from podcast.engines.base import MusicEngine, SpeechEngine
from podcast.engines.installed import EngineRoom, SilentlyOnCpu, Wish
from podcast.episode import Script
from podcast.errors import ConfigError, EngineError
from podcast.reporter import Reporter
from podcast.rights import confirm

if TYPE_CHECKING:
    from podcast.engines.installed.enhancer import InstalledEnhancer
    from podcast.environments.spec import EngineKind

_PREFERRED = ("piper", "coqui")  # of the installed voices, where none is asked for: the first that suits the script
EMBEDDED_VOICE = "espeak"


@dataclass(frozen=True)
class Chosen:
    """An engine, its options, and why it was chosen."""

    engine: Any
    options: Mapping[str, Any]
    why: str


def engine_room(config: Config) -> EngineRoom:
    """Return where installed engines work, as the configuration wishes."""
    gpu = config.gpu
    return EngineRoom(config.data, config.engines_path, Wish(gpu.device, gpu.on_silent_cpu, gpu.require),
                      commercial_safe=config.commercial_safe)


def options_of(config: Config, section: BaseModel, name: str) -> dict[str, Any]:
    """Return what the configuration says to an engine: in its own section, or under `engines`."""
    own = getattr(section, name, None)
    given = own.model_dump(exclude_none=True) if isinstance(own, BaseModel) else dict(own or {})
    return {**given, **config.engines.get(name, {})}


# ---------------------------------------------------------------- voices


def choose_speech(
    config: Config, script: Script, recording: Path | None, room: EngineRoom, reporter: Reporter
) -> Chosen:
    """Return the voice engine of an episode.

    Raises:
        EngineError: there is none of that name; or it can't work, and the configuration forbids a fallback.
    """
    name = config.tts.engine
    if recording:
        return embedded_speech(config, "the recording is compared with it")
    if name == "auto":
        return _best_speech(config, script, room, reporter)
    if name in SPEECH_ENGINES or name in CLOUD_ENGINES:
        return _ours(config, name, "chosen")
    _known(name, "speech", room, [*SPEECH_ENGINES, *CLOUD_ENGINES, "auto"], "tts.engine")
    try:
        chosen = _installed_speech(config, name, room, "chosen")
    except EngineError as error:
        if config.tts.fallback == "none":
            raise
        reporter.warn(f"{_short(error)}: the built-in voice speaks")
        return embedded_speech(config, f"{name} can't work here")
    given = [speaker.voice or config.tts.voice or "" for speaker in script.speakers]
    confirm(config, [], chosen.engine.samples(given), reporter)
    return chosen


def embedded_speech(config: Config, why: str) -> Chosen:
    """Return the built-in voice."""
    return _ours(config, EMBEDDED_VOICE, why)


def _ours(config: Config, name: str, why: str) -> Chosen:
    """Return a voice that our own code asks: the embedded one, or one in the cloud."""
    given = options_of(config, config.tts, name)
    if name == EMBEDDED_VOICE and config.tts.rate != 1.0:
        given.setdefault("rate", config.tts.rate)
    return Chosen(speech_engine(name), given, why)


def _best_speech(config: Config, script: Script, room: EngineRoom, reporter: Reporter) -> Chosen:
    there = [name for name in _PREFERRED if room.has(name, "speech")]
    for name in there:
        try:
            chosen = _installed_speech(config, name, room, "the best that is installed")
        except EngineError as error:
            reporter.tell(f"{_short(error)}: another voice speaks")
            continue
        if suits(chosen.engine, config, script):
            reporter.tell(f"{name} speaks: the best voice that is installed")
            return chosen
    if not there:
        reporter.tell("the built-in voice speaks; neural voices sound more human: podcast engines install piper")
    return embedded_speech(config, "the best that suits" if there else "the best that is installed")


def suits(engine: SpeechEngine, config: Config, script: Script) -> bool:
    """Tell whether an engine speaks every language of a script and has every voice that is asked for."""
    for speaker in script.speakers:
        offered = engine.voices(speaker.language or script.language)
        asked = speaker.voice or (config.tts.voice if speaker == script.speakers[0] else None)
        if not offered or (asked and asked not in offered and not engine.about(asked)):
            return False
    return True


def _installed_speech(config: Config, name: str, room: EngineRoom, why: str) -> Chosen:
    from podcast.engines.installed.speech import InstalledSpeech

    engine = room.get(name, "speech", "tts.engine")
    given = options_of(config, config.tts, name)
    if config.tts.rate != 1.0 and "rate" in (engine.spec.options or {}):
        given.setdefault("rate", config.tts.rate)
    return Chosen(InstalledSpeech(engine), engine.options(given, f"tts.{name}"), why)


# ---------------------------------------------------------------- music


def choose_music(config: Config, room: EngineRoom, reporter: Reporter) -> Chosen:
    """Return the music engine of an episode.

    Raises:
        EngineError: there is none of that name; or it can't work, and the configuration forbids a fallback.
    """
    name = config.music.engine
    if name == "auto" or name in MUSIC_ENGINES or not config.music.enabled:
        return embedded_music(config, "chosen" if name in MUSIC_ENGINES else "needs nothing else")
    _known(name, "music", room, [*MUSIC_ENGINES, "auto"], "music.engine")
    try:
        from podcast.engines.installed.music import InstalledMusic

        engine = room.get(name, "music", "music.engine")
        options = engine.options(options_of(config, config.music, name), f"music.{name}")
        return Chosen(InstalledMusic(engine, options), options, "chosen")
    except EngineError as error:
        if config.music.fallback == "none":
            raise
        reporter.warn(f"{_short(error)}: the built-in composer plays")
        return embedded_music(config, f"{name} can't work here")


def embedded_music(config: Config, why: str) -> Chosen:
    """Return the built-in composer."""
    engine: MusicEngine = music_engine()
    return Chosen(engine, options_of(config, config.music, engine.info.name), why)


# ---------------------------------------------------------------- renderers


def choose_renderer(config: Config, room: EngineRoom, reporter: Reporter) -> Renderer | None:
    """Return the renderer of an episode, None for the built-in one.

    Raises:
        ConfigError: there is none of that name.
        EngineError: it can't work, and the configuration forbids a fallback.
    """
    name = config.avatar.engine
    if name == "puppet":
        return None
    _known(name, "avatar", room, ["puppet"], "avatar.engine")
    try:
        from podcast.engines.installed.avatar import InstalledAvatar

        engine = room.get(name, "avatar", "avatar.engine")
        given = options_of(config, config.avatar, name)
        enhancer = config.avatar.enhancer
        if given.pop("enhancer", "none") != "none" and enhancer == "none":
            enhancer = "gfpgan"  # the renderer's own switch means the same
        options = engine.options({k: str(v) if isinstance(v, Path) else v for k, v in given.items()}, f"avatar.{name}")
        return Renderer(InstalledAvatar(engine), options, enhancer=choose_enhancer(enhancer, config, room, reporter))
    except EngineError as error:
        if must_fail(error, config):
            raise
        reporter.warn(f"{_short(error)}: the built-in renderer is used")
        return None


def choose_enhancer(name: str, config: Config, room: EngineRoom, reporter: Reporter) -> InstalledEnhancer | None:
    """Return the enhancer of that name, None for "none" or where it can't work.

    Raises:
        ConfigError: there is none of that name.
        EngineError: it can't work, and the configuration forbids a fallback.
    """
    from podcast.wiring.people import face_nets  # people stand on engines

    if name == "none":
        return None
    _known(name, "enhancer", room, ["none"], "avatar.enhancer")
    try:
        from podcast.engines.installed.enhancer import InstalledEnhancer

        engine = room.get(name, "enhancer", "avatar.enhancer")
        options = engine.options(options_of(config, config.avatar, name), f"avatar.{name}")
        return InstalledEnhancer(engine, options, partial(face_nets, config, reporter))
    except EngineError as error:
        if must_fail(error, config):
            raise
        reporter.warn(f"{_short(error)}: faces stay as they are")
        return None


def must_fail(error: EngineError, config: Config) -> bool:
    """Tell whether a renderer's failure ends the run instead of falling back to the built-in one."""
    if isinstance(error, SilentlyOnCpu):
        return config.gpu.on_silent_cpu == "fail" or config.gpu.require
    return config.avatar.fallback == "none" or config.gpu.require


def _known(name: str, kind: EngineKind, room: EngineRoom, embedded: list[str], key: str) -> None:
    """Raise ConfigError for a name that no engine of a kind has: a slip of the pen is never a reason to fall back."""
    from podcast.environments.manifest import nearest

    there = [*embedded, *room.specs(kind)]
    if name not in there:
        raise ConfigError(f"there is no engine {name!r}", nearest(name, there), key)


def _short(error: EngineError) -> str:
    """Return an error in one line, with what mends it."""
    remedy = error.remedy.splitlines()[0] if error.remedy else ""
    return f"{error.problem} ({remedy})" if remedy else error.problem
