"""An enhancer of faces that is installed; where the face is, our own face mesh tells it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import av
import av.error
import numpy as np

from podcast.engines.installed.engine import Installed
from podcast.engines.installed.info import info_of
from podcast.errors import EngineError, PodcastError
from podcast.puppet.face_nets import FaceNets
from podcast.puppet.landmarks import Tracker

_VERSION = 2  # of where faces are found; raise it when the same clip would give other places
_WIDEST = 720  # pixels of a frame's longer side that the tracker sees
# Points of the face mesh whose middles are the eyes (their corners), the tip of the nose and the mouth's corners, left
# to right as the viewer sees them.
_FIVE = ((33, 133), (362, 263), (1,), (61,), (291,))


class FaceTracker(Protocol):
    """Follows a face from frame to frame."""

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        """Return the landmarks of the face, (478, 3) pixels, or None where there is none."""


class InstalledEnhancer:
    """Lets the engine's worker enhance clips; see `Enhancer`.

    Args:
        engine: the engine.
        options: its options.
        nets: opens the networks that read faces, when the first clip comes.
    """

    def __init__(self, engine: Installed, options: Mapping[str, Any], nets: Callable[[], FaceNets]) -> None:
        self.engine, self.options = engine, dict(options)
        self.info = info_of(engine.spec)
        self._open = nets
        self._nets: FaceNets | None = None

    def identity(self) -> str:
        """Return pins, weights, worker and options as one digest."""
        known = [_VERSION, self.engine.identity(), self.options]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def enhance(self, video: Path, into: Path) -> Path:
        """Write the clip with better faces; one without a face is copied.

        Raises:
            EngineError: the engine refused or failed, or faces can't be looked for.
        """
        points = five_points(video, Tracker(self._reading()))
        if not any(points):
            return Path(shutil.copyfile(video, into / f"unchanged{video.suffix}"))
        job = {"video": str(video), "landmarks": points, "options": self.options, "into": str(into)}
        return Path(self.engine.run(job)["files"]["video"])

    def enhance_picture(self, rgb: np.ndarray, landmarks: np.ndarray, into: Path) -> np.ndarray:
        """Return a picture with a better face, uint8 (h, w, 3).

        It goes through the worker as a clip of one frame, and what changed there is added: fine colour, which clips do
        not hold, is kept.

        Raises:
            EngineError: the engine refused or failed.
        """
        h, w = rgb.shape[:2]
        still = into / "still.mkv"
        _write_still(np.pad(rgb, ((0, h % 2), (0, w % 2), (0, 0)), "edge"), still)
        job = {"video": str(still), "landmarks": [five_of(landmarks)], "options": self.options, "into": str(into)}
        better = Path(self.engine.run(job)["files"]["video"])
        before, after = (next(_frames(file, widest=max(rgb.shape)))[0][:h, :w].astype(np.int16)
                         for file in (still, better))
        for file in (still, better):
            file.unlink()
        return np.clip(rgb + (after - before), 0, 255).astype(np.uint8)

    def _reading(self) -> FaceNets:
        try:
            self._nets = self._nets or self._open()
        except PodcastError as error:
            raise EngineError(f"{self.info.name}: {error.problem}", error.remedy, error.where) from error
        return self._nets


def five_points(video: Path, tracker: FaceTracker) -> list[list[list[float]] | None]:
    """Return, for each frame, [x, y] of both eyes, the nose and the mouth's corners in pixels; None without a face.

    Raises:
        EngineError: the clip cannot be read.
    """
    found: list[list[list[float]] | None] = []
    for rgb, scale in _frames(video):
        mesh = tracker.track(rgb)
        found.append(None if mesh is None else five_of(mesh / scale))
    return found


def five_of(mesh: np.ndarray) -> list[list[float]]:
    """Return the five points of a face mesh, in its unit."""
    return np.round([mesh[list(group), :2].mean(0) for group in _FIVE], 3).tolist()


def _write_still(rgb: np.ndarray, file: Path) -> None:
    """Write a picture as a clip of one frame, without loss but of fine colour (4:2:0); its sides are even."""
    with av.open(str(file), "w") as out:
        stream: Any = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = rgb.shape[1], rgb.shape[0], "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        out.mux(stream.encode())


def _frames(video: Path, widest: int = _WIDEST) -> Iterator[tuple[np.ndarray, float]]:
    """Yield each frame as RGB, and how much smaller it is than in the clip."""
    try:
        with av.open(str(video)) as container:
            for frame in container.decode(container.streams.video[0]):
                scale = min(1.0, widest / max(frame.width, frame.height))
                width, height = round(frame.width * scale), round(frame.height * scale)
                yield frame.to_ndarray(format="rgb24", width=width, height=height), width / frame.width
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise EngineError(f"the clip cannot be read ({error})", where=str(video)) from error
