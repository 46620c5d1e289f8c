"""Which encoder works here: none is believed before it has encoded frames that decode again."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error

from podcast import device
from podcast.canvas import Canvas
from podcast.errors import PodcastError
from podcast.ffmpeg.encode import Encoder, Picture, open_sink
from podcast.ffmpeg.join import count_frames
from podcast.process import run_program

_PROBE_FRAMES = 12
_TIMEOUT = 20.0  # s, for a program to tell its version


@dataclass(frozen=True)
class Choice:
    """The encoder that was chosen, and why the others were not: (encoder, reason)."""

    encoder: Encoder
    refused: tuple[tuple[str, str], ...] = ()


_HARDWARE = ("h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "h264_vaapi")


def _absent(name: str) -> str:
    """Return why an encoder cannot work on this machine, as far as can be told without trying; "" if it may."""
    render_node = os.name == "nt" or any(Path("/dev/dri").glob("renderD*")) if Path("/dev/dri").exists() else False
    needs = {
        "h264_nvenc": (lambda: device.has_library("libcuda.so.1", "nvcuda.dll"), "no NVIDIA driver is installed"),
        "h264_videotoolbox": (lambda: platform.system() == "Darwin", "only on macOS"),
        "h264_qsv": (lambda: os.name == "nt" or render_node, "no Intel GPU (no render node)"),
        "h264_amf": (lambda: device.has_library("libamfrt64.so.1", "amfrt64.dll"), "no AMD driver is installed"),
        "h264_vaapi": (lambda: bool(render_node), "no GPU with VA-API (no render node)"),
    }
    present, reason = needs[name]
    return "" if present() else reason


def probe(encoder: Encoder, picture: Picture, folder: Path) -> str:
    """Encode frames with the production settings, decode and count them; return "" or why it failed."""
    path = folder / f"probe-{encoder.name}.mp4"
    canvas = Canvas(picture.width, picture.height)
    try:
        sink = open_sink(encoder, picture, path)
        for i in range(_PROBE_FRAMES):
            canvas.planar[:] = 16 + 8 * i
            sink.write(canvas)
        sink.close()
        found = count_frames(path)
    except (av.error.FFmpegError, PodcastError, ValueError, OSError) as error:
        return str(error).splitlines()[0] or type(error).__name__
    return "" if found == _PROBE_FRAMES else f"only {found} of {_PROBE_FRAMES} test frames came out"


def choose_encoder(
    asked: str, picture: Picture, folder: Path, program: Path | None = None,
    run: Callable[..., Any] = lambda function, *args: function(*args),
) -> Choice:
    """Choose the encoder: a hardware one only if it encoded test frames that decode.

    Args:
        asked: "auto", "x264" or the name of a hardware encoder ("nvenc", "videotoolbox", "qsv", "vaapi", "amf").
        picture: the production settings.
        folder: for the test pieces.
        program: an ffmpeg program to try where the library fails.
        run: how to call the probe; a worker process keeps a crashing driver away from us.

    Raises:
        PodcastError: a hardware encoder was asked for by name and does not work.
    """
    if asked in ("x264", "libx264"):
        return Choice(Encoder("libx264"), (("hardware", "x264 was asked for"),))
    wanted = _HARDWARE if asked == "auto" else (f"h264_{asked.removeprefix('h264_')}",)
    if not set(wanted) <= set(_HARDWARE):
        names = ", ".join(["auto", "x264", *(h.removeprefix("h264_") for h in _HARDWARE)])
        raise PodcastError(f"unknown video encoder {asked!r}", f"choose one of: {names}")
    refused: list[tuple[str, str]] = []
    for name in wanted:
        reason = _absent(name)
        if not reason:
            for candidate in _homes(name, program):
                reason = run(probe, candidate, picture, folder)
                if not reason:
                    return Choice(candidate, tuple(refused))
        refused.append((name, reason or "not in this FFmpeg"))
    if asked != "auto":
        raise PodcastError(f"the encoder {asked} does not work here: {refused[0][1]}", "use video.encoder: auto")
    return Choice(Encoder("libx264"), tuple(refused))


def _homes(name: str, program: Path | None) -> list[Encoder]:
    inside = [Encoder(name)] if name in av.codecs_available else []
    return inside + ([Encoder(name, program)] if program else [])


def find_program(configured: str | None) -> Path | None:
    """Return the ffmpeg program: the configured one, else the one on PATH, else None.

    Raises:
        PodcastError: the configured program is not there.
    """
    if configured:
        found = shutil.which(configured)
        if not found:
            raise PodcastError(f"no ffmpeg program at {configured}", "mend video.ffmpeg, or remove it: it is optional",
                               "config: video.ffmpeg")
        return Path(found)
    found = shutil.which("ffmpeg")
    return Path(found) if found else None


def program_version(program: Path) -> str:
    """Return the first line of what `ffmpeg -version` prints."""
    out = run_program([program, "-hide_banner", "-version"], timeout=_TIMEOUT).stdout
    return out.decode("utf-8", "replace").splitlines()[0]


def library_versions() -> dict[str, str]:
    """Return the versions of PyAV and of FFmpeg's libraries."""
    versions = {name: ".".join(map(str, v)) for name, v in av.library_versions.items()}
    return {"PyAV": av.__version__, **versions}
