"""Presenters that a renderer made: their frames are read from a video and put into the presenter's place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from podcast.canvas import to_rgb, to_yuv
from podcast.episode import AvatarClip
from podcast.errors import MediaError
from podcast.puppet.turn import Box

SUFFIX = ".mp4"  # of a figure that is a resting video
_LEAST_SEEN = 0.72  # share of the picture that must stay visible where it is cut to fill its place
_FACE_LINE = 0.4  # of the height: what stays in the middle when the picture is cut above and below
_SOFT = 0.02  # of the shorter side: width over which an inset picture's edge fades
_FILL_BLUR, _FILL_LIGHT = 0.03, 0.45  # of what fills the place around an inset picture: blur, brightness


def resting_index(frame: int, frames: int, length: int) -> int:
    """Return which frame of a resting video shows at `frame` of a slot; slots begin and end at the video's ends.

    Short slots run forth and back; longer ones repeat the video, a little faster or slower so that it ends in time.

    Args:
        frame: 0 … frames - 1.
        frames: of the slot.
        length: frames of the video, which begins and ends at rest.
    """
    repeats = round(frames / length)
    if repeats == 0:
        return min(frame, frames - 1 - frame, length - 1)
    return frame * repeats * length // frames % length


class RenderedFigure:
    """A rendered presenter in a region of the frame; `draw` puts a decoded frame in its place."""

    def __init__(self, video: Path, background: np.ndarray) -> None:
        """Prepare the place.

        `background` is the YUV picture (h, w, 3) of the region; it stays visible nowhere: the picture fills the
        region, or lies in front of its own blurred enlargement where filling would cut off too much.
        """
        self.h, self.w = background.shape[:2]
        self.dirty: Box = (0, 0, self.w, self.h)
        self.changed: Box = self.dirty
        first = next(iter(frames_in(video)))
        cover = max(self.w / first.width, self.h / first.height)
        seen = (self.w * self.h) / (first.width * first.height * cover**2)
        self._scale = cover if seen >= _LEAST_SEEN else min(self.w / first.width, self.h / first.height)
        self._size = tuple(max(2, round(side * self._scale / 2) * 2) for side in (first.width, first.height))
        self._out = self._fill(first) if seen < _LEAST_SEEN else np.empty_like(background)
        self._edge = self._soft_edge() if seen < _LEAST_SEEN else None
        self._behind = self._out.copy()
        self.draw(first)

    def draw(self, frame: av.VideoFrame) -> np.ndarray:
        """Return the region's YUV picture (h, w, 3) with a frame in it; valid until the next call."""
        picture = _yuv(frame, self._size)
        (w, h), (x, y) = self._size, self._corner()
        source = (slice(max(0, -y), min(h, self.h - y)), slice(max(0, -x), min(w, self.w - x)))
        x0, y0 = max(0, x), max(0, y)
        part = picture[source]
        target = slice(y0, y0 + part.shape[0]), slice(x0, x0 + part.shape[1])
        if self._edge is None:
            self._out[target] = part
        else:
            over = self._edge[source]
            cv2.blendLinear(np.ascontiguousarray(part), np.ascontiguousarray(self._behind[target]),
                            np.ascontiguousarray(over), np.ascontiguousarray(1 - over), self._out[target])
        return self._out

    def _corner(self) -> tuple[int, int]:
        w, h = self._size
        return round((self.w - w) / 4) * 2, round((self.h - h) * (_FACE_LINE if h > self.h else 0.5) / 2) * 2

    def _fill(self, frame: av.VideoFrame) -> np.ndarray:
        picture = to_rgb(_yuv(frame, (frame.width // 2 * 2, frame.height // 2 * 2)))
        cover = max(self.w / picture.shape[1], self.h / picture.shape[0])
        large = cv2.resize(picture, None, fx=cover, fy=cover, interpolation=cv2.INTER_LINEAR)
        y, x = (large.shape[0] - self.h) // 2, (large.shape[1] - self.w) // 2
        cut = cv2.resize(large[max(0, y):, max(0, x):][: self.h, : self.w], (self.w, self.h))
        soft = cv2.GaussianBlur(cut, (0, 0), max(2.0, _FILL_BLUR * max(self.h, self.w)))
        return to_yuv(soft.astype(np.float32) * _FILL_LIGHT)

    def _soft_edge(self) -> np.ndarray:
        """Return how visible the picture is, float32 (h, w): fading towards edges that lie inside the region."""
        w, h = self._size
        width = max(2.0, _SOFT * min(w, h))

        def ramp(length: int, inset: bool) -> np.ndarray:
            at = np.arange(length) + 0.5
            near = np.minimum(at, length - at) / width
            return np.clip(near, 0, 1) if inset else np.ones(length)

        rise = np.outer(ramp(h, h < self.h - 1), ramp(w, w < self.w - 1))
        return (rise * rise * (3 - 2 * rise)).astype(np.float32)


def _yuv(frame: av.VideoFrame, size: Sequence[int]) -> np.ndarray:
    """Return a decoded frame at a size, BT.709 limited range, uint8 (h, w, 3)."""
    scaled = frame.reformat(width=size[0], height=size[1], format="yuv444p", dst_colorspace="ITU709",
                            dst_color_range="MPEG", interpolation="BICUBIC")
    return np.ascontiguousarray(np.moveaxis(scaled.to_ndarray(), 0, -1))


def frames_in(video: Path) -> Iterator[av.VideoFrame]:
    """Yield the frames of a video.

    Raises:
        MediaError: it cannot be read.
    """
    try:
        with av.open(str(video)) as container:
            yield from container.decode(video=0)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise MediaError(f"cannot be read as a video ({error})", "remove it: it will be made again",
                         str(video)) from error


@lru_cache(maxsize=4)
def _resting(video: Path) -> tuple[av.VideoFrame, ...]:
    return tuple(frames_in(video))


def frames_of_clip(clip: AvatarClip, frames: int) -> Iterator[av.VideoFrame]:
    """Yield the frames of a rendered clip, one for each frame of its slot.

    Raises:
        MediaError: the video cannot be read, or is shorter than the slot.
    """
    assert clip.video is not None
    if clip.resting:
        kept = _resting(clip.video)
        yield from (kept[resting_index(frame, frames, len(kept))] for frame in range(frames))
        return
    count = 0
    for count, frame in enumerate(frames_in(clip.video), 1):  # noqa: B007
        yield frame
    if count < frames:
        raise MediaError(f"a rendered clip has {count} frames instead of {frames}",
                         "`podcast cache clear`, and make the episode again", str(clip.video))
