"""The account of a run: what was asked, what did it and under which licences, for the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from podcast import __version__
from podcast.config import Config, Loaded, as_dict
from podcast.engines import music_engine, speech_engine
from podcast.episode import Mix, Presenter, Script
from podcast.ffmpeg import Choice, Picture
from podcast.publish import Published
from podcast.puppet.rig import load_spec
from podcast.report import (
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
from podcast.reporter import Reporter


def account(
    published: Published, loaded: Loaded, config: Config, script: Script, mix: Mix, choice: Choice | None,
    wanted: Picture, presenters: Sequence[Presenter], reporter: Reporter,
) -> Report:
    """Return the report of an episode."""
    episode, checked = published.episode, published.checked
    video = encoded = None
    if choice and checked:
        refused = tuple(Refused(name.removeprefix("h264_"), why) for name, why in choice.refused)
        why = "it proved itself" if choice.encoder.hardware else "no hardware encoder works here" if refused else ""
        encoded = EncoderReport(choice.encoder.name, why, refused)
        video = VideoReport(checked.width, checked.height, str(wanted.rate), checked.frames, checked.offset)
    stages = tuple(StageReport(s.name, s.engine, s.device, s.note, s.seconds, s.made, s.reused)
                   for s in reporter.stages)
    return Report(
        script.title, time.strftime("%Y-%m-%dT%H:%M:%S%z"), episode.seconds, ("podcast", *sys.argv[1:]),
        {"script": str(script.path)}, _differences(loaded, config, script), stages, encoded,
        SoundReport(mix.loudness, mix.true_peak, config.mix.loudness), video, versions(),
        _licences(config, presenters), (*reporter.warnings, *published.notes), tuple(f.name for f in episode.files),
    )


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


def _licences(config: Config, presenters: Sequence[Presenter]) -> tuple[Licence, ...]:
    speech, composer = speech_engine(config.tts.engine).info, music_engine(config.music.engine).info
    found = [Licence(f"podcast {__version__}", "Apache-2.0"),
             Licence(f"voice {speech.name} {speech.version}", speech.licence, speech.note)]
    if config.music.enabled:
        found.append(Licence(f"music {composer.name} {composer.version}", composer.licence, composer.note))
    found += [Licence(f"presenter {p.name}", "the picture's own") if p.figure.suffix == ".npz" else
              Licence(f"presenter {p.figure.name}", load_spec(p.figure).licence) for p in presenters]
    return (*found, Licence("font FiraGO", "OFL-1.1"), Licence("FFmpeg with x264", "GPL-2.0-or-later",
                                                               "the programs; not what is made with them"))
