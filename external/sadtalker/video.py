"""Frames to a video file, one at a time."""

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
FEATHER = 0.06  # of the pasted region's shorter side, over which it fades into the picture


class Writer:
    """An MP4 without sound; closed by leaving the `with` block."""

    def __init__(self, path: Path, width: int, height: int, rate: Fraction) -> None:
        self.container = av.open(str(path), "w")
        self.stream: Any = self.container.add_stream("libx264", rate=rate)
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, "yuv420p"
        self.stream.codec_context.time_base = 1 / rate
        # One thread, and not AVX-512, whose macroblock tree reads memory that nobody has set: the same frames always
        # give the same bytes.
        tuning = "asm=avx2" if cv2.checkHardwareSupport(_AVX512) else "threads=1"
        self.stream.codec_context.thread_count = 1
        self.stream.options = {"crf": QUALITY, "preset": "veryfast", "x264-params": tuning}
        self.count = 0

    def __enter__(self) -> Writer:
        return self

    def add(self, image: np.ndarray) -> None:
        """Write one frame: RGB, uint8."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = self.count, self.stream.codec_context.time_base
        self.container.mux(self.stream.encode(frame))
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.container.mux(self.stream.encode())
        self.container.close()


class Canvas:
    """Where an animated face goes: alone at its size, or back into its picture through a mask made once."""

    def __init__(self, whole: np.ndarray, box: tuple[int, int, int, int], size: int, paste: bool) -> None:
        self.box, self.paste = box, paste
        left, top, right, bottom = box
        if paste:
            self.height, self.width = (n // 2 * 2 for n in whole.shape[:2])
            self.whole = whole[: self.height, : self.width]
            self.mask = _feathered(box, whole.shape[1], whole.shape[0])
        else:
            self.width = size // 2 * 2
            self.height = max(2, round(size * (bottom - top) / (right - left)) // 2 * 2)

    def frame(self, face: np.ndarray) -> np.ndarray:
        """Return the frame with this face (RGB, uint8, square)."""
        if not self.paste:
            return cv2.resize(face, (self.width, self.height), interpolation=_way(face, self.width))
        left, top, right, bottom = self.box
        grown = cv2.resize(face, (right - left, bottom - top), interpolation=_way(face, right - left))
        out = self.whole.copy()
        right, bottom = min(right, self.width), min(bottom, self.height)
        under, mask = out[top:bottom, left:right], self.mask[: bottom - top, : right - left, None]
        over = grown[: bottom - top, : right - left]
        out[top:bottom, left:right] = np.rint(under + (over.astype(np.float32) - under) * mask).astype(np.uint8)
        return out


def _way(face: np.ndarray, width: int) -> int:
    return cv2.INTER_AREA if width < face.shape[1] else cv2.INTER_CUBIC


def _feathered(box: tuple[int, int, int, int], width: int, height: int) -> np.ndarray:
    """Return the weight of the face in its box, 0 to 1; edges that are the picture's own do not fade."""
    left, top, right, bottom = box
    fade = max(2.0, FEATHER * min(right - left, bottom - top))
    x, y = np.arange(right - left) + 0.5, np.arange(bottom - top) + 0.5
    far = np.float32(fade)
    sides = (x if left > 0 else far + x, x[::-1] if right < width else far + x)
    ends = (y if top > 0 else far + y, y[::-1] if bottom < height else far + y)
    across = np.minimum(np.minimum(*sides) / fade, 1)
    down = np.minimum(np.minimum(*ends) / fade, 1)
    ramp = np.outer(down, across).astype(np.float32)
    return ramp * ramp * (3 - 2 * ramp)
