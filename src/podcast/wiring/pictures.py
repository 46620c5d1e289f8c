"""What is shown and published: what the configuration means for frames, encoder and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import av

from podcast import device
from podcast.audio import WavWriter, decode
from podcast.cache import Cache, digest_of_file
from podcast.config import Config
from podcast.episode import Look, MusicSpan, Presenter, Script
from podcast.errors import ConfigError, MediaError
from podcast.ffmpeg import Choice, Encoder, Picture, choose_encoder, find_program
from podcast.graphics import fonts, images
from podcast.graphics.studio import STYLES
from podcast.process import WorkerPool
from podcast.publish import Publication, slug
from podcast.reporter import Reporter, Stage
from podcast.timeline import Insert

_DRAFT_SIDE = 640  # pixels, the longer side
_DRAFT_QUALITY = 28.0


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
