"""A clip, frame by frame, in and out: as it is stored, YUV 4:2:0, and never more than one frame in memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from paste import Planes
from podcast_video import Writer
from podcast_worker import Refused

_BT709 = 1  # FFmpeg's number for its colours


class Reader:
    """A clip's frames; odd sides lose a pixel."""

    def __init__(self, file: Path) -> None:
        try:
            self.container = av.open(str(file))
            self.stream: Any = self.container.streams.video[0]
        except (av.error.FFmpegError, OSError, IndexError) as error:
            raise Refused("input", f"the clip {file.name} cannot be read: {error}", "give a video") from error
        self.name = file.name
        self.rate = Fraction(self.stream.average_rate or 25)
        self.width, self.height = self.stream.width // 2 * 2, self.stream.height // 2 * 2
        self.bt709 = int(self.stream.codec_context.colorspace) == _BT709

    def __iter__(self) -> Iterator[Planes]:
        try:
            for frame in self.container.decode(self.stream):
                yield self._planes(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise Refused("input", f"the clip {self.name} is damaged: {error}", "") from error
        finally:
            self.container.close()

    def _planes(self, frame: Any) -> Planes:
        if frame.format.name != "yuv420p":
            frame = frame.reformat(format="yuv420p")
        found = []
        for index, plane in enumerate(frame.planes):
            half = 1 if index == 0 else 2
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            found.append(rows[: self.height // half, : self.width // half].copy())
        return found[0], found[1], found[2]


def writer_like(file: Path, clip: Reader) -> Writer:
    """Return what writes a clip like the one that is read."""
    return Writer(file, clip.width, clip.height, clip.rate, clip.stream.codec_context)


def frame_of(planes: Planes) -> Any:
    """Return planes as a frame."""
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], "yuv420p")
    for plane, data in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = data
        plane.update(rows)
    return frame
