"""The other half of `produce`: what the configuration means for each stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import av

from podcast import device
from podcast.audio import WavWriter, decode
from podcast.avatar import cast, host_gender, is_picture, portrait
from podcast.cache import Cache, digest_of_file
from podcast.casting import Gender, choose, gender_of
from podcast.config import Config
from podcast.engines import music_engine, speech_engine
from podcast.engines.base import SpeechEngine
from podcast.episode import Look, Mix, MusicSpan, Presenter, Script, Speaker
from podcast.errors import ConfigError, EngineError, MediaError, PodcastError
from podcast.ffmpeg import Choice, Encoder, Picture, choose_encoder, find_program
from podcast.graphics import fonts, images
from podcast.graphics.studio import STYLES
from podcast.mix import Mastering
from podcast.narration import Cards, Pauses
from podcast.process import WorkerPool
from podcast.publish import Publication, slug
from podcast.puppet.face_nets import FACE_WEIGHTS, FaceNets
from podcast.puppet.rig import host_names
from podcast.puppet.template import template_names, template_path
from podcast.reporter import Reporter, Stage
from podcast.rights import confirm
from podcast.sound.ducking import Ducking
from podcast.timeline import Insert
from podcast.weights import fetch

_DRAFT_SIDE = 640  # pixels, the longer side
_DRAFT_QUALITY = 28.0
_LOUDNESS_TOLERANCE = 0.3  # LU
_NEURAL = "the built-in voice speaks; neural voices sound more human and are engines that one can install"


def known_speakers(config: Config) -> tuple[Speaker, ...]:
    """Return the speakers that the configuration declares for every script."""
    return tuple(
        Speaker(" ".join(label.upper().split()), s.name or label.title(), s.voice, s.avatar, s.language)
        for label, s in config.speakers.items()
    )


# ---------------------------------------------------------------- sound


def voice(config: Config, script: Script, reporter: Reporter, stage: Stage) -> dict[str, Any]:
    """Return what `narrate` needs to know."""
    tts = config.tts
    engine = speech_engine(tts.engine)
    stage.engine, stage.note = engine.info.name, "chosen" if tts.engine != "auto" else "the best that is installed"
    if engine.info.name == "espeak":
        reporter.tell(_NEURAL)
    options = dict(getattr(tts, engine.info.name, {}))
    if tts.rate != 1.0:
        options.setdefault("rate", tts.rate)
    return {"engine": engine, "lexicon": tts.lexicon, "options": options, "voices": voices(config, script, engine),
            "pauses": Pauses().scaled(tts.pause), **_clock(config, reporter, stage)}


def own_voice(config: Config, reporter: Reporter, stage: Stage) -> dict[str, Any]:
    """Return what `narrate_recording` needs to know."""
    stage.engine, stage.note = "recording", "aligned with the built-in voice"
    return {"engine": speech_engine("espeak"), "tell": reporter.warn, **_clock(config, reporter, stage)}


def _clock(config: Config, reporter: Reporter, stage: Stage) -> dict[str, Any]:
    video = config.video
    cards = Cards(Cards.title if video.title_card else 0.0, outro=Cards.outro if video.outro_card else 0.0)
    return {"rate": video.rate, "cards": cards, "music_alone": config.music.enabled,
            "progress": partial(_count, reporter, stage)}


def voices(config: Config, script: Script, engine: SpeechEngine) -> dict[str, str]:
    """Return the voice of every speaker: given, or one that fits the name and the host that was asked for.

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


def music(config: Config, reporter: Reporter, stage: Stage) -> dict[str, Any]:
    """Return what `score` needs to know."""
    chosen = config.music
    engine = music_engine(chosen.engine)
    stage.engine = engine.info.name
    return {"engine": engine, "music_file": chosen.file, "seed": chosen.seed,
            "options": dict(getattr(chosen, engine.info.name, {})), "default_description": chosen.description,
            "progress": partial(reporter.reach, stage)}


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


def clip(file: Path | None, picture: Picture, cache: Cache) -> Insert | None:
    """Return a finished video of the user, its sound made ready.

    Raises:
        MediaError: it is missing or no video.
    """
    if file is None:
        return None
    if not file.is_file():
        raise MediaError("there is no such video", "mend video.intro or video.outro", str(file))
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise MediaError("there are no pictures in this file", "name a video", str(file))
            length = float(container.duration or 0) / av.time_base
            sound = bool(container.streams.audio)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"cannot be read as a video ({error})", "name an mp4, mov, webm ...", str(file)) from error
    digest = digest_of_file(file)
    frames = max(1, round(length * picture.rate))
    return Insert(file, digest, frames, _clip_sound(file, digest, cache) if sound else None)


def _clip_sound(file: Path, digest: str, cache: Cache) -> MusicSpan:
    def make(folder: Path) -> None:
        with WavWriter(folder / "sound.wav", 2) as out:
            for block in decode(file):
                out.write(block)
        (folder / "length").write_text(str(out.length))

    entry = cache.fetch(cache.key("clip-sound", 1, video=digest), make)
    length = int((entry / "length").read_text())
    return MusicSpan(0, length, (entry / "sound.wav",), (length,), digest, label=file.name)


# ---------------------------------------------------------------- pictures


def picture(config: Config, draft: bool) -> Picture:
    """Return size, rate and quality of the video."""
    width, height = config.video.size
    if draft:
        scale = min(1.0, _DRAFT_SIDE / max(width, height))
        width, height = (round(side * scale / 2) * 2 for side in (width, height))
    return Picture(width, height, config.video.rate, _DRAFT_QUALITY if draft else config.video.quality, draft)


def encoder(config: Config, wanted: Picture, cache: Cache, pool: WorkerPool) -> Choice:
    """Return the encoder that proved itself; the proof is kept until driver or libraries change."""
    program = find_program(config.video.ffmpeg)
    address = cache.key("encoder", 1, asked=config.video.encoder, picture=asdict(wanted), av=av.__version__,
                        driver=device.driver_identity(), program=str(program))

    def make(folder: Path) -> None:
        choice = choose_encoder(config.video.encoder, wanted, folder, program,
                                lambda function, *args: pool.submit(function, *args).result())
        found = {"name": choice.encoder.name, "program": str(choice.encoder.program or ""), "refused": choice.refused}
        (folder / "choice.json").write_text(json.dumps(found), "utf-8")

    found = json.loads((cache.fetch(address, make) / "choice.json").read_text("utf-8"))
    home = Path(found["program"]) if found["program"] else None
    return Choice(Encoder(found["name"], home), tuple((name, why) for name, why in found["refused"]))


def told(choice: Choice, stage: Stage) -> Choice:
    """Note the encoder and why it was chosen."""
    stage.engine, stage.device = choice.encoder.name, "GPU" if choice.encoder.hardware else "CPU"
    refused = "; ".join(f"{name.removeprefix('h264_')}: {why}" for name, why in choice.refused)
    stage.note = "it proved itself" if choice.encoder.hardware else refused
    return choice


def presenters(config: Config, script: Script, mode: str, cache: Cache, reporter: Reporter) -> tuple[Presenter, ...]:
    """Return who is seen: somebody for each speaker, or nobody.

    Raises:
        ConfigError: a host or a renderer that is not there.
        PodcastError: a portrait that cannot be used, and the configuration forbids a fallback.
    """
    avatar = config.avatar
    if mode != "video" or not avatar.enabled:
        return ()
    if avatar.engine != "puppet":
        missing = f"the renderer {avatar.engine!r} is not installed"
        if avatar.fallback == "none":
            raise ConfigError(missing, "use avatar.engine: puppet, or avatar.fallback: puppet", "avatar.engine")
        reporter.warn(f"{missing}: the built-in one is used")
    confirm(config, list(_pictures(config, script).values()), [], reporter)
    seen = _portraits(config, script, cache, reporter)
    return cast(script.speakers, genders(script, config, speech_engine(config.tts.engine)), seen, avatar.host)


def _portraits(config: Config, script: Script, cache: Cache, reporter: Reporter) -> dict[str, Presenter]:
    """Return the presenters that are pictures; a picture that cannot be used is told and, if allowed, left out."""
    wanted = _pictures(config, script)
    found: dict[str, Presenter] = {}
    for speaker in script.speakers:
        if speaker.id in wanted:
            try:
                found[speaker.id] = _portrait(config, speaker, wanted[speaker.id], cache, reporter)
            except PodcastError as error:
                if config.avatar.fallback == "none":
                    raise
                reporter.warn(f"{error.where}: {error.problem}; a drawn presenter is used instead")
    return found


def _pictures(config: Config, script: Script) -> dict[str, Path]:
    """Return the pictures that are to speak, by `Speaker.id`."""
    wanted = {s.id: Path(s.avatar) for s in script.speakers if s.avatar and is_picture(s.avatar)}
    if config.avatar.source_image and not script.speakers[0].avatar:
        wanted[script.speakers[0].id] = config.avatar.source_image
    return wanted


def _portrait(config: Config, speaker: Speaker, picture: Path, cache: Cache, reporter: Reporter) -> Presenter:
    avatar = config.avatar
    made, findings = portrait(
        speaker, picture, partial(face_nets, config, reporter), cache, face=avatar.face, background=avatar.background,
        framing=avatar.framing)
    if made is None:
        worst = next(finding for finding in findings if finding.severity == "refuse")
        raise MediaError(worst.message, worst.remedy, str(picture))
    for finding in findings:
        if finding.severity == "warn":
            reporter.warn(f"{picture}: {finding.message}")
    return made


def face_nets(config: Config, reporter: Reporter) -> FaceNets:
    """Return the networks that read faces; they are fetched at the first use.

    Raises:
        WeightsError: they are not here and cannot be fetched.
    """
    with reporter.stage("models") as stage:
        files = fetch(FACE_WEIGHTS, config.data / "weights", say=reporter.tell, progress=partial(reporter.reach, stage))
    return FaceNets(files)


def motion(config: Config) -> dict[str, float]:
    """Return how the presenters move."""
    return {"energy": config.avatar.energy, "still": config.avatar.motion == "still"}


def template(config: Config, folder: Path) -> Path | None:
    """Return the motion of a real person that the presenters follow, None for motion from the speech alone.

    Raises:
        MediaError: there is no such template.
    """
    wanted = config.avatar.motion
    if wanted in ("idle", "still"):
        return None
    return template_path(wanted) if wanted in template_names() else folder / Path(wanted).expanduser()


def look(
    config: Config, script: Script, wanted: Picture, presenters: Sequence[Presenter], notice: str, reporter: Reporter
) -> Look:
    """Return what all shots share, `notice` (what is synthetic) with it; warn of letters that cannot be drawn.

    Raises:
        ConfigError: a studio or a font that is not there.
        MediaError: a picture that cannot be read.
    """
    video, shown = config.video, config.visualization
    background, digest = _background(video.background)
    if video.font:
        fonts.check(video.font)
    for file in (video.watermark, video.cover):
        if file:
            images.read_rgba(file)  # a broken picture is told before the work begins
    if lost := missing_letters(script, video.font):
        reporter.warn(lost)
    visualizer: dict[str, str | float] = {
        "style": shown.style, "colour": shown.color or video.accent, "thickness": shown.thickness,
        "opacity": shown.opacity, "position": shown.position,
    }
    visible = shown.enabled or not presenters  # a cover alone would be a still
    byline = " · ".join(part for part in (config.publish.show, config.publish.author or script.author) if part)
    return Look(
        wanted.width, wanted.height, wanted.rate, background, digest, video.accent, video.layout,
        video.captions == "burn", video.font, _digest(video.font), video.watermark, _digest(video.watermark),
        video.watermark_position, video.watermark_opacity, video.cover, _digest(video.cover),
        tuple(sorted(visualizer.items())) if visible else (), script.title, byline, script.language, notice,
    )


def _background(wanted: str) -> tuple[str, str]:
    if wanted in STYLES:
        return wanted, ""
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise ConfigError(f"no studio and no picture is called {wanted!r}",
                          f"use one of {', '.join(STYLES)} or a picture's path", "video.background")
    images.read_rgba(path)
    return str(path.absolute()), digest_of_file(path)


def _digest(file: Path | None) -> str:
    return digest_of_file(file) if file else ""


def image_digests(script: Script) -> Mapping[Path, str]:
    """Return the digest of every picture that the script shows.

    Raises:
        MediaError: a picture that cannot be read.
    """
    found = {cue.file for cue in script.images if cue.file}
    for file in found:
        images.read_rgba(file)
    return {file: digest_of_file(file) for file in found}


# ---------------------------------------------------------------- publishing


def publication(
    config: Config, script: Script, name: str | None, mode: str, draft: bool, notice: str
) -> Publication:
    """Return what is published, and where."""
    return Publication(
        config.data / "episodes", slug(name or script.path.stem), mode, draft,
        f".{config.publish.audio}", captions=config.video.captions != "off", thumbnail=config.publish.thumbnail,
        transcript=config.publish.transcript, author=config.publish.author or script.author, show=config.publish.show,
        disclosure=notice,
    )


def missing_letters(script: Script, font: Path | None) -> str:
    """Return a warning about characters that no font here can draw, or ""."""
    names = (speaker.name for speaker in script.speakers)
    return fonts.missing([script.title, *names, *(t.text for t in script.turns), *(c.title for c in script.chapters)],
                         font)
