"""The account of a run: what was asked, what did it and under which licences, for the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from podcast import __version__
from podcast.config import Config, Loaded, as_dict
from podcast.engines.installed import DeviceUse, EngineRoom, joined
from podcast.episode import Mix, Presenter, Script
from podcast.ffmpeg import Choice, Picture
from podcast.publish import Published
from podcast.puppet.rig import load_spec
from podcast.report import (
    DeviceReport,
    Difference,
    EncoderReport,
    Licence,
    Refused,
    Report,
    SoundReport,
    StageReport,
    VideoReport,
    versions,
)
from podcast.reporter import Reporter, Stage
from podcast.wiring.engines import Chosen, embedded_music, embedded_speech
from podcast.wiring.sound import voices

_NOT_FREE = "forbids commercial use"


def account(
    published: Published, loaded: Loaded, config: Config, script: Script, mix: Mix, choice: Choice | None,
    wanted: Picture, presenters: Sequence[Presenter], reporter: Reporter, room: EngineRoom, chosen: Sequence[Chosen],
) -> Report:
    """Return the report of an episode."""
    episode, checked = published.episode, published.checked
    video = encoded = None
    if choice and checked:
        refused = tuple(Refused(name.removeprefix("h264_"), why) for name, why in choice.refused)
        why = "it proved itself" if choice.encoder.hardware else "no hardware encoder works here" if refused else ""
        encoded = EncoderReport(choice.encoder.name, why, refused)
        video = VideoReport(checked.width, checked.height, str(wanted.rate), checked.frames, checked.offset)
    uses = {use.engine: use for use in room.uses}
    stages = tuple(_stage(stage, uses.get(stage.engine)) for stage in reporter.stages)
    return Report(
        script.title, time.strftime("%Y-%m-%dT%H:%M:%S%z"), episode.seconds, ("podcast", *sys.argv[1:]),
        {"script": str(script.path)}, _differences(loaded, config, script), stages, encoded,
        SoundReport(mix.loudness, mix.true_peak, config.mix.loudness), video, versions(),
        _licences(config, script, presenters, reporter, room, chosen), (*reporter.warnings, *published.notes),
        tuple(f.name for f in episode.files),
    )


def _stage(stage: Stage, use: DeviceUse | None) -> StageReport:
    told = StageReport(stage.name, stage.engine, stage.device, stage.note, stage.seconds, stage.made, stage.reused)
    if use is None:
        return told
    seen = joined(use.watched) if use.watched else None
    proof = DeviceReport(use.asked, use.used, use.verdict, use.proof, use.remedy, seen.mean if seen else None,
                         seen.memory if seen else None, tuple(use.steps), use.policy)
    return replace(told, device=use.used, proof=proof)


def _differences(loaded: Loaded, config: Config, script: Script) -> tuple[Difference, ...]:
    typed, written = {k for k, _ in loaded.settings}, {k for k, _ in script.settings}
    defaults, found = _flat(as_dict(Config())), []
    for key, value in _flat(as_dict(config)).items():
        if value != defaults.get(key) and key != "data":
            source = "command line" if key in typed else "front matter" if key in written else \
                str(loaded.file.name if loaded.file else "")
            found.append(Difference(key, value, defaults.get(key), source))
    return tuple(found)


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _licences(
    config: Config, script: Script, presenters: Sequence[Presenter], reporter: Reporter, room: EngineRoom,
    chosen: Sequence[Chosen],
) -> tuple[Licence, ...]:
    """Return the ledger: every engine, its code and its weights, and what else is in an episode."""
    at_work = {stage.name: stage.engine for stage in reporter.stages}  # not what was chosen, if that failed
    speech, music = chosen
    found = [Licence(f"podcast {__version__}", "Apache-2.0"),
             *_of_voices(config, script, speech, at_work["narration"])]
    if config.music.enabled:
        info = (music if at_work["music"] == music.engine.info.name else embedded_music(config, "")).engine.info
        found.append(Licence(f"music {info.name} {info.version}", info.licence, info.note))
    for spec in room.used():
        code, weights, free = spec.licence.code, spec.licence.weights, spec.licence.commercial
        found.append(Licence(f"engine {spec.name} {spec.version}, code", code, spec.licence.note))
        found += [Licence(f"engine {spec.name} {spec.version}, weights", weights,
                          "" if free else _NOT_FREE)] if weights else []
    found += [Licence(f"presenter {p.name}", "the picture's own") if p.is_portrait else
              Licence(f"presenter {p.figure.name}", load_spec(p.figure).licence) for p in presenters]
    return (*found, Licence("font FiraGO", "OFL-1.1"), Licence("FFmpeg with x264", "GPL-2.0-or-later",
                                                               "the programs; not what is made with them"))


def _of_voices(config: Config, script: Script, speech: Chosen, at_work: str) -> list[Licence]:
    if at_work == "recording":
        return [Licence("recording", "its speaker's own")]
    engine, lost = speech.engine, None
    if at_work != engine.info.name:
        engine, lost = embedded_speech(config, "").engine, engine
    found = [Licence(f"voice {engine.info.name} {engine.info.version}", engine.info.licence, engine.info.note)]
    if terms := getattr(engine, "terms", None):  # of each voice: the engine is installed, and they have several owners
        for voice in dict.fromkeys(voices(config, script, engine, lost).values()):
            licence, free = terms(voice)
            found.append(Licence(f"voice {Path(voice).name}", licence, "" if free else _NOT_FREE))
    return found
