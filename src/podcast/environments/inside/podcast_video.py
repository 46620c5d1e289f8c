"""Clips as workers write them; for environments that have PyAV, NumPy and OpenCV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np

QUALITY = "12"  # x264's constant rate factor: no loss that can be seen; the clip is encoded once more
_AVX512 = 14  # OpenCV's number for it


class Writer:
    """An MP4 without sound; closed by leaving the `with` block. The same frames always give the same bytes."""

    def __init__(self, path: Path, width: int, height: int, rate: Fraction, like: Any = None) -> None:
        """Begin a clip; `like` is a codec context whose colours it has."""
        self.container = av.open(str(path), "w")
        self.stream: Any = self.container.add_stream("libx264", rate=rate)
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, "yuv420p"
        own = self.stream.codec_context
        own.time_base = 1 / rate  # the stream's own is the muxer's to choose
        if like is not None:
            own.colorspace, own.color_primaries, own.color_trc = like.colorspace, like.color_primaries, like.color_trc
        # One thread, and not AVX-512, whose macroblock tree reads memory that nobody has set.
        own.thread_count = 1
        tuning = "asm=avx2" if cv2.checkHardwareSupport(_AVX512) else "threads=1"
        self.stream.options = {"crf": QUALITY, "preset": "veryfast", "x264-params": tuning}
        self.count = 0

    def __enter__(self) -> Writer:
        return self

    def add(self, frame: Any) -> None:
        """Write the next frame: an av.VideoFrame, or a picture (RGB, uint8, (h, w, 3))."""
        if isinstance(frame, np.ndarray):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        frame.pts, frame.time_base = self.count, self.stream.codec_context.time_base
        self.container.mux(self.stream.encode(frame))
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.container.mux(self.stream.encode())
        self.container.close()
