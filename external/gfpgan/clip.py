"""A clip, frame by frame, in and out: as it is stored, YUV 4:2:0, and never more than one frame in memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error
import cv2
import numpy as np
from paste import Planes
from podcast_worker import Refused

QUALITY = "12"  # x264's constant rate factor: no loss that can be seen; the clip is encoded once more
_AVX512 = 14  # OpenCV's number for it
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


class Writer:
    """An MP4 without sound, like the clip that was read; closed by leaving the `with` block."""

    def __init__(self, file: Path, like: Reader) -> None:
        self.container = av.open(str(file), "w")
        self.stream: Any = self.container.add_stream("libx264", rate=like.rate)
        self.stream.width, self.stream.height, self.stream.pix_fmt = like.width, like.height, "yuv420p"
        self.stream.codec_context.time_base = 1 / like.rate
        told, own = like.stream.codec_context, self.stream.codec_context
        own.colorspace, own.color_primaries, own.color_trc = told.colorspace, told.color_primaries, told.color_trc
        # One thread, and not AVX-512, whose macroblock tree reads memory that nobody has set: the same frames always
        # give the same bytes.
        tuning = "asm=avx2" if cv2.checkHardwareSupport(_AVX512) else "threads=1"
        own.thread_count = 1
        self.stream.options = {"crf": QUALITY, "preset": "veryfast", "x264-params": tuning}
        self.count = 0

    def __enter__(self) -> Writer:
        return self

    def add(self, planes: Planes) -> None:
        """Write one frame."""
        frame = _frame(planes)
        frame.pts, frame.time_base = self.count, self.stream.codec_context.time_base
        self.container.mux(self.stream.encode(frame))
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.container.mux(self.stream.encode())
        self.container.close()


def _frame(planes: Planes) -> Any:
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], "yuv420p")
    for plane, data in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = data
        plane.update(rows)
    return frame
