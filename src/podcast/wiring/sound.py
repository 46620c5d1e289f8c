"""What is heard: what the configuration means for voices, music and mix."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from podcast.avatar import host_gender
from podcast.cache import Cache
from podcast.casting import Gender, choose, gender_of
from podcast.config import Config
from podcast.engines import music_engine, speech_engine
from podcast.engines.base import EngineInfo, SpeechEngine
from podcast.episode import Mix, MusicBed, Narration, Script
from podcast.errors import EngineError
from podcast.mix import Mastering
from podcast.music import score
from podcast.narration import Cards, Pauses, narrate
from podcast.narration.recording import narrate_recording
from podcast.process import WorkerPool
from podcast.puppet.rig import host_names
from podcast.reporter import Reporter, Stage
from podcast.sound.ducking import Ducking
from podcast.wiring.engines import EMBEDDED_VOICE, Chosen, embedded_music, embedded_speech

_LOUDNESS_TOLERANCE = 0.3  # LU
_CALLERS = 2  # threads that call an engine outside: while it speaks, what it said before is aligned


def speak(
    script: Script, config: Config, chosen: Chosen, cache: Cache, pool: WorkerPool, reporter: Reporter, stage: Stage
) -> Narration:
    """Return the narration; where another engine fails at its work, by the built-in voice.

    Raises:
        EngineError: the engine failed, and the configuration forbids a fallback.
    """
    if price := getattr(chosen.engine, "cost", None):  # of what is not kept already; told before it is spent
        reporter.tell(f"{chosen.engine.info.name}: at most {price([turn.text for turn in script.turns])}")
    try:
        return _speak(script, config, chosen, cache, pool, reporter, stage)
    except EngineError as error:
        if chosen.engine.info.name == EMBEDDED_VOICE or config.tts.fallback == "none":
            raise
        reporter.warn(f"{error}\nthe built-in voice speaks instead")
        embedded = embedded_speech(config, f"{chosen.engine.info.name} failed")
        return _speak(script, config, embedded, cache, pool, reporter, stage, lost=chosen.engine)


def _speak(
    script: Script, config: Config, chosen: Chosen, cache: Cache, pool: WorkerPool, reporter: Reporter, stage: Stage,
    lost: SpeechEngine | None = None,
) -> Narration:
    engine: SpeechEngine = chosen.engine
    stage.engine, stage.note, stage.done, stage.made, stage.reused = engine.info.name, chosen.why, 0, 0, 0
    with callers(engine.info, pool) as workers:
        return narrate(
            script, engine=engine, cache=cache, pool=workers, lexicon=config.tts.lexicon, options=chosen.options,
            voices=voices(config, script, engine, lost), pauses=Pauses().scaled(config.tts.pause), tell=reporter.warn,
            **_clock(config, reporter, stage))


@contextmanager
def callers(info: EngineInfo, pool: WorkerPool, at_once: int = _CALLERS) -> Iterator[WorkerPool | Executor]:
    """Give the processes in which an engine works, or threads that call one that has a process of its own."""
    if not info.outside:
        yield pool
        return
    threads = ThreadPoolExecutor(at_once)
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def listen(
    script: Script, recording: Path, config: Config, cache: Cache, pool: WorkerPool, reporter: Reporter, stage: Stage
) -> Narration:
    """Return the narration that somebody has recorded.

    Raises:
        MediaError: the recording cannot be read, or says something else.
    """
    stage.engine, stage.note = "recording", "aligned with the built-in voice"
    return narrate_recording(script, recording, engine=speech_engine(EMBEDDED_VOICE), cache=cache, pool=pool,
                             tell=reporter.warn, **_clock(config, reporter, stage))


def _clock(config: Config, reporter: Reporter, stage: Stage) -> dict[str, Any]:
    video = config.video
    cards = Cards(Cards.title if video.title_card else 0.0, outro=Cards.outro if video.outro_card else 0.0)
    return {"rate": video.rate, "cards": cards, "music_alone": config.music.enabled,
            "progress": partial(_count, reporter, stage)}


def voices(config: Config, script: Script, engine: SpeechEngine, lost: SpeechEngine | None = None) -> dict[str, str]:
    """Return the voice of every speaker: given, or one that fits the name and the host that was asked for.

    Args:
        config: for the voice and host that are asked for.
        script: for the speakers.
        engine: that speaks.
        lost: the engine that should have spoken; the voices that were given are its own, and only their gender counts.

    Raises:
        EngineError: the engine does not speak a speaker's language.
    """
    given = {s.id: s.voice for s in script.speakers if s.voice}
    undecided = [s.id for s in script.speakers if s.id not in given]
    if config.tts.voice and undecided:
        given[undecided[0]] = config.tts.voice
    hosts = {s.id: s.avatar or (s.id.lower() if s.id.lower() in host_names() else "") for s in script.speakers}
    if config.avatar.host and undecided:
        hosts[undecided[0]] = hosts[undecided[0]] or config.avatar.host
    wanted = {s.id: host_gender(hosts[s.id]) or gender_of(s.name) for s in script.speakers}
    offered = {s.id: engine.voices(s.language or script.language) for s in script.speakers}
    if lost is not None:
        wanted |= {id: found for id, voice in given.items() if (found := lost.gender(voice))}
        given = {id: voice for id, voice in given.items() if voice in offered[id]}
    chosen: dict[str, str] = {}
    for speaker in script.speakers:  # languages differ, and with them what is offered
        if not offered[speaker.id] and speaker.id not in given:
            language = speaker.language or script.language
            raise EngineError(f"{engine.info.name} has no voice for the language {language!r}",
                              "use a tag such as en, de, pt-br; `podcast voices -l TAG` shows what there is",
                              f"language of {speaker.name}")
        chosen |= choose([speaker], offered[speaker.id], {**given, **chosen}, wanted, engine.gender)
    return {s.id: chosen[s.id] for s in script.speakers}


def genders(script: Script, config: Config, engine: SpeechEngine) -> dict[str, Gender]:
    """Return the gender of every speaker's voice."""
    return {id: engine.gender(voice) for id, voice in voices(config, script, engine).items()}


def _count(reporter: Reporter, stage: Stage, done: int, total: int, reused: bool) -> None:
    stage.total = total
    reporter.step(stage, done - stage.done, reused)


def compose(
    script: Script, narration: Narration, config: Config, chosen: Chosen, cache: Cache, pool: WorkerPool,
    reporter: Reporter, stage: Stage,
) -> MusicBed:
    """Return the music; where an installed engine fails at its work, by the built-in composer.

    Raises:
        EngineError: the engine failed, and the configuration forbids a fallback.
    """
    def by(used: Chosen) -> MusicBed:
        stage.engine, stage.note = used.engine.info.name, used.why
        together = int(used.options.get("batch_size") or 1)  # cues that the engine composes in one pass
        with callers(used.engine.info, pool, max(_CALLERS, together)) as workers:
            return score(script, narration, cache=cache, pool=workers, engine=used.engine, options=used.options,
                         music_file=config.music.file, seed=config.music.seed,
                         default_description=config.music.description, progress=partial(reporter.reach, stage))

    if not config.music.enabled:
        return MusicBed()
    try:
        return by(chosen)
    except EngineError as error:
        if chosen.engine.info.name == music_engine().info.name or config.music.fallback == "none":
            raise
        reporter.warn(f"{error}\nthe built-in composer plays instead")
        return by(embedded_music(config, f"{chosen.engine.info.name} failed"))


def mastering(config: Config) -> Mastering:
    """Return how the mix should sound."""
    chosen = config.music
    return Mastering(config.mix.loudness, bit_rate=config.mix.bitrate, music_level_db=chosen.level_db,
                     ducking=Ducking(depth_db=chosen.duck_db if chosen.ducking else 0.0))


def judge(mix: Mix, config: Config, reporter: Reporter) -> None:
    """Warn of a mix that missed its target: sound that is silent or nearly so."""
    if not isfinite(mix.loudness):
        reporter.warn("the episode is silent")
    elif abs(mix.loudness - config.mix.loudness) > _LOUDNESS_TOLERANCE:
        reporter.warn(f"the loudness is {mix.loudness:.1f} LUFS instead of {config.mix.loudness:g}: "
                      "there is not enough sound to bring it there")
