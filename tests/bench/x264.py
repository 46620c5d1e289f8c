"""What x264 alone takes for the frames of a finished video."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import av
import numpy as np

from podcast.canvas import Canvas
from podcast.device import processors
from podcast.ffmpeg import Encoder, Picture, open_sink
from podcast.process import WorkerPool


def x264_alone(video: Path, picture: Picture) -> float:
    """Return the CPU seconds of x264 for a finished video's frames, in as many processes as an episode is made in.

    Processors that share caches are slower when all of them work: both sides must be measured so.
    """
    workers = processors()
    with WorkerPool(workers) as pool:
        return sum(spent for _, spent in pool.run_all((encode_part, (video, picture, i, workers))
                                                      for i in range(workers)))


def encode_part(video: Path, picture: Picture, part: int, parts: int) -> float:
    """Encode one part of a video's frames, decoded beforehand, a second at a time; return x264's CPU seconds."""
    spent, canvas = 0.0, Canvas(picture.width, picture.height)
    with tempfile.TemporaryDirectory() as folder, av.open(str(video)) as container:
        sink = open_sink(Encoder("libx264"), picture, Path(folder) / "again.mp4")
        held: list[np.ndarray] = []
        total = container.streams.video[0].frames
        for index, frame in enumerate(container.decode(video=0)):
            if not part * total // parts <= index < (part + 1) * total // parts:
                continue
            held.append(frame.to_ndarray(format="yuv420p"))
            if len(held) == 25:
                spent += _encode(sink, canvas, held)
        spent += _encode(sink, canvas, held)
        started = time.process_time()
        sink.close()
        spent += time.process_time() - started
    return spent


def _encode(sink, canvas: Canvas, held: list[np.ndarray]) -> float:  # type: ignore[no-untyped-def]
    spent = 0.0
    for pixels in held:
        canvas.planar[:] = pixels
        started = time.process_time()
        sink.write(canvas)
        spent += time.process_time() - started
    held.clear()
    return spent
