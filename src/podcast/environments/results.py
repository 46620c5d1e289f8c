"""What a worker says it made, looked at: the files are there, inside, whole, and of the right length."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from podcast.environments.spec import EngineKind
from podcast.errors import MediaError


def find_files(value: Any, into: Path) -> dict[str, Path]:
    """Return the files that the value of a job names, as absolute paths.

    Raises:
        MediaError: one is missing, empty, not a plain file or outside of `into`.
    """
    named = value.get("files", {}) if isinstance(value, dict) else None
    if not isinstance(named, dict) or not all(isinstance(path, str) for path in named.values()):
        raise MediaError("its result names no files")
    home = into.resolve()
    found = {name: (home / path).resolve() for name, path in named.items()}
    for name, path in found.items():
        if home not in path.parents:
            raise MediaError(f"its result {name!r} ({path}) is outside of the folder that it was given")
        if not path.is_file():
            raise MediaError(f"its result {name!r} ({path.name}) is missing")
        if not path.stat().st_size:
            raise MediaError(f"its result {name!r} ({path.name}) is empty")
    return found


def check_result(kind: EngineKind, args: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """Look at the files of a job.

    Args:
        kind: of the engine.
        args: of the job.
        files: as `find_files` returns them.

    Raises:
        MediaError: a file is not what the contract of this kind of engine says.
    """
    for name in {"speech": ("audio",), "avatar": ("video",), "enhancer": ("video",)}.get(kind, ()):
        if name not in files:
            raise MediaError(f"its result names no {name!r}")
    if kind == "avatar":
        check_video(files["video"], int(args["frames"]), Fraction(*args["rate"]))
    elif kind == "enhancer":
        frames, rate = measure_video(Path(args["video"]))
        check_video(files["video"], frames, rate)
    else:
        if not files:
            raise MediaError("its result names no files")
        for path in files.values():
            check_audio(path)


def check_video(path: Path, frames: int, rate: Fraction) -> None:
    """Decode a video to its end and count.

    Raises:
        MediaError: it does not decode, has another number of frames or another rate, or carries sound.
    """
    found, found_rate = measure_video(path)
    if found != frames:
        raise MediaError(f"{path.name} has {found} frames, {frames} were asked for")
    if found_rate != rate:
        raise MediaError(f"{path.name} has {found_rate} frames per second, {rate} were asked for")


def measure_video(path: Path) -> tuple[int, Fraction]:
    """Decode a video without sound and return its number of frames and its rate.

    Raises:
        MediaError: it does not decode or carries sound.
    """
    try:
        with av.open(str(path)) as container:
            if container.streams.audio:
                raise MediaError(f"{path.name} carries sound")
            if not container.streams.video:
                raise MediaError(f"{path.name} has no picture")
            stream = container.streams.video[0]
            count = sum(not frame.is_corrupt for frame in container.decode(stream))
            return count, Fraction(stream.average_rate or 0)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"{path.name} does not decode: {error}") from error


def check_audio(path: Path) -> float:
    """Decode a sound file to its end and return its length in seconds.

    Raises:
        MediaError: it does not decode, holds nothing, or less than its header says.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError(f"{path.name} has no sound")
            stream = container.streams.audio[0]
            seconds = sum(frame.samples for frame in container.decode(stream)) / stream.rate
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"{path.name} does not decode: {error}") from error
    if not seconds:
        raise MediaError(f"{path.name} holds no sound")
    if _is_cut(path):
        raise MediaError(f"{path.name} ends after {seconds:.2f} s, its header says more")
    return seconds


def _is_cut(path: Path) -> bool:
    """Tell whether a RIFF file is shorter than its header says; FFmpeg reads what there is and keeps silent."""
    with path.open("rb") as file:
        head = file.read(8)
    size = int.from_bytes(head[4:], "little")
    return head[:4] == b"RIFF" and size != _STREAMED and size + len(head) > path.stat().st_size


_STREAMED = 0xFFFFFFFF  # written by a program that could not go back to the header
