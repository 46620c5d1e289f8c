"""Finished videos of the user, played at the episode's size and rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2

from podcast.canvas import Canvas, to_yuv
from podcast.episode import Look


def play(video: Path, look: Look, frames: int) -> Iterator[Canvas]:
    """Yield a finished video's frames at the episode's size and rate, letterboxed; the last one is held."""
    canvas = Canvas(look.width, look.height)
    canvas.y[:], canvas.u[:], canvas.v[:] = 16, 128, 128
    sent = 0
    with av.open(str(video)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            due = min(frames, round(float(frame.time or 0) * look.rate) + 1)
            if due > sent:
                _letterbox(frame, canvas)
            while sent < due:
                sent += 1
                yield canvas
    while sent < frames:
        sent += 1
        yield canvas


def _letterbox(frame: av.VideoFrame, canvas: Canvas) -> None:
    rgb = frame.to_ndarray(format="rgb24")
    scale = min(canvas.width / rgb.shape[1], canvas.height / rgb.shape[0])
    w, h = (max(2, int(side * scale) // 2 * 2) for side in (rgb.shape[1], rgb.shape[0]))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas.paint(to_yuv(cv2.resize(rgb, (w, h), interpolation=way)), (canvas.width - w) // 4 * 2,
                 (canvas.height - h) // 4 * 2)
