"""Who is seen, and how they move: what the configuration means for presenters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from podcast.avatar import Renderer, animate, cast, enhance, is_picture, portrait, render
from podcast.cache import Cache
from podcast.config import Config
from podcast.engines.base import SpeechEngine
from podcast.engines.installed import EngineRoom
from podcast.episode import AvatarClip, Narration, Presenter, Script, Speaker
from podcast.errors import EngineError, MediaError, PodcastError
from podcast.puppet.face_nets import FACE_WEIGHTS, FaceNets
from podcast.puppet.template import template_names, template_path
from podcast.reporter import Reporter, Stage
from podcast.rights import confirm
from podcast.weights import fetch
from podcast.wiring.engines import choose_enhancer, must_fail
from podcast.wiring.sound import genders


def known_speakers(config: Config) -> tuple[Speaker, ...]:
    """Return the speakers that the configuration declares for every script."""
    return tuple(
        Speaker(" ".join(label.upper().split()), s.name or label.title(), s.voice, s.avatar, s.language)
        for label, s in config.speakers.items()
    )


def presenters(
    config: Config, script: Script, mode: str, engine: SpeechEngine, cache: Cache, reporter: Reporter
) -> tuple[Presenter, ...]:
    """Return who is seen: somebody for each speaker, or nobody.

    Raises:
        ConfigError: a host that is not there.
        PodcastError: a portrait that cannot be used, and the configuration forbids a fallback.
    """
    if mode != "video" or not config.avatar.enabled:
        return ()
    confirm(config, list(_pictures(config, script).values()), [], reporter)
    seen = _portraits(config, script, cache, reporter)
    return cast(script.speakers, genders(script, config, engine), seen, config.avatar.host)


def enhanced(
    presenters: Sequence[Presenter], config: Config, room: EngineRoom, cache: Cache, reporter: Reporter
) -> tuple[Presenter, ...]:
    """Return presenters of the built-in renderer, their pictures made clearer if the configuration wants that.

    Raises:
        ConfigError: there is no such enhancer.
        EngineError: it can't work, and the configuration forbids a fallback.
    """
    portraits = [presenter for presenter in presenters if presenter.is_portrait]
    if presenters and not portraits and config.avatar.enhancer != "none":
        reporter.tell("avatar.enhancer is for portraits and rendered faces: drawn presenters stay as they are")
    enhancer = choose_enhancer(config.avatar.enhancer, config, room, reporter) if portraits else None
    if enhancer is None:
        return tuple(presenters)
    better: dict[str, Presenter] = {}
    with reporter.stage("portraits", len(portraits)) as stage:
        stage.engine, stage.note = enhancer.info.name, "chosen"
        try:
            for one in portraits:
                better[one.speaker], kept = enhance(one, enhancer, cache)
                reporter.step(stage, reused=kept)
        except EngineError as error:
            _not_enhanced(config, reporter, error)
            stage.note = "it failed: pictures stay as they are"
    return tuple(better.get(presenter.speaker, presenter) for presenter in presenters)


def clips(
    narration: Narration, presenters: Sequence[Presenter], renderer: Renderer | None, config: Config, folder: Path,
    cache: Cache, reporter: Reporter,
) -> dict[int, tuple[AvatarClip, ...]]:
    """Return everybody's clip for each slot, rendered if there is a renderer.

    Raises:
        EngineError: the renderer failed, and the configuration forbids a fallback.
    """
    alone, rendered = config.video.layout == "spotlight", {}
    if renderer and presenters:
        with reporter.stage("avatar") as stage:
            stage.engine, stage.note = renderer.engine.info.name, "chosen"
            try:
                rendered = render(narration, presenters, renderer, cache=cache, **_told(stage, reporter),
                                  not_enhanced=partial(_not_enhanced, config, reporter))
            except EngineError as error:
                if must_fail(error, config):
                    raise
                reporter.warn(f"{error}\nthe built-in renderer is used instead")
                stage.note = "it failed: the built-in renderer was used"
    return animate(narration, presenters, _motion(config), _template(config, folder), alone, rendered)


def _not_enhanced(config: Config, reporter: Reporter, error: EngineError) -> None:
    if must_fail(error, config):
        raise error
    reporter.warn(f"{error}\nfaces stay as they are")


def _told(stage: Stage, reporter: Reporter) -> dict[str, Any]:
    """Return how a renderer's progress is shown: in frames, those of the clip in the making too."""
    finished = 0.0

    def total(frames: int) -> None:
        stage.total = frames

    def step(frames: int, reused: bool) -> None:
        nonlocal finished
        finished += frames
        reporter.step(stage, finished - stage.done, reused)

    def progress(share: float, frames: int) -> None:
        stage.done = max(stage.done, finished + share * frames)
        reporter.changed(stage)

    return {"total": total, "step": step, "progress": progress}


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


def _motion(config: Config) -> dict[str, float]:
    """Return how the presenters move."""
    return {"energy": config.avatar.energy, "still": config.avatar.motion == "still"}


def _template(config: Config, folder: Path) -> Path | None:
    """Return the motion of a real person that the presenters follow, None for motion from the speech alone.

    Raises:
        MediaError: there is no such template.
    """
    wanted = config.avatar.motion
    if wanted in ("idle", "still"):
        return None
    return template_path(wanted) if wanted in template_names() else folder / Path(wanted).expanduser()


