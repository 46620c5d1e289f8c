"""Examine this machine: what is there, what was proved to work, and what that means for an episode."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from podcast import device, ffmpeg
from podcast.errors import PodcastError
from podcast.process import WorkerPool

Verdict = Literal["good", "note", "bad"]
_GB = 1e9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    found: str
    meaning: str


def findings(size: tuple[int, int], rate: Fraction, configured: str | None, fonts: str) -> list[Finding]:
    """Return what was found, the processor first.

    Args:
        size: width and height that encoders are proved with.
        rate: frames per second.
        configured: the ffmpeg program that the configuration names.
        fonts: a warning about fonts, "" if all is well.
    """
    return [_processor(), _memory(), *_gpus(), *_ffmpeg(configured), *_encoders(size, rate, configured),
            _voice(), Finding("note" if fonts else "good", "fonts", fonts or "FiraGO, embedded", "")]


def _processor() -> Finding:
    cores = device.processors()
    meaning = f"{cores} shots are rendered at a time" if cores > 1 else "shots are rendered one after the other"
    return Finding("good", "processor", device.cpu().name, meaning)


def _memory() -> Finding:
    total = device.memory_bytes()
    short = 0 < total < 2 * _GB
    return Finding("note" if short else "good", "memory", f"{total / _GB:.1f} GB" if total else "not told",
                   "little: use workers: 1" if short else "")


def _gpus() -> list[Finding]:
    found = device.gpus()
    if not found:
        return [Finding("note", "GPU", "none found", "not needed: everything built in runs on the processor")]
    return [Finding("good", "GPU", gpu.name, f"{gpu.reason}; the encoders below tell what it is good for here")
            for gpu in found]


def _ffmpeg(configured: str | None) -> list[Finding]:
    versions = ", ".join(f"{name} {v}" for name, v in ffmpeg.library_versions().items()
                         if name in ("PyAV", "libavcodec", "libavformat"))
    rows = [Finding("good", "FFmpeg library", versions, "comes with podcast; decodes, encodes and joins")]
    try:
        program = ffmpeg.find_program(configured)
        text = ffmpeg.program_version(program) if program else "none"
        rows.append(Finding("note", "ffmpeg program", text, "optional: tried only for hardware encoders"))
    except PodcastError as error:
        rows.append(Finding("bad", "ffmpeg program", error.problem, error.remedy))
    return rows


def _encoders(size: tuple[int, int], rate: Fraction, configured: str | None) -> list[Finding]:
    picture = ffmpeg.Picture(*size, rate)
    with tempfile.TemporaryDirectory() as folder, WorkerPool(1) as pool:
        reason = ffmpeg.probe(ffmpeg.Encoder("libx264"), picture, Path(folder))
        rows = [Finding("bad" if reason else "good", "encoder x264", reason or "12 frames encoded and decoded",
                        "" if reason else "used unless a hardware encoder proves itself")]
        try:
            program = ffmpeg.find_program(configured)
        except PodcastError:
            program = None
        choice = ffmpeg.choose_encoder("auto", picture, Path(folder), program,
                                       lambda function, *args: pool.submit(function, *args).result())
    rows += [Finding("note", f"encoder {name.removeprefix('h264_')}", f"not usable: {why}", "")
             for name, why in choice.refused]
    if choice.encoder.hardware:
        rows.append(Finding("good", f"encoder {choice.encoder.name}", "12 frames encoded and decoded", "it is used"))
    return rows


def _voice() -> Finding:
    from podcast.engines import speech_engine

    info = speech_engine("espeak").info
    return Finding("good", "voice", f"espeak-ng {info.version}", "built in; neural voices are engines to install")
