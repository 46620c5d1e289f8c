"""A motion template from a clip of a real person: head, eyes and brows, frame by frame, through a face tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import butter, sosfiltfilt

from podcast.errors import MediaError
from podcast.puppet.face_tracks import KEPT, measure
from podcast.puppet.template import COLUMN, LEAST, TRACKS, MotionTemplate

VERSION = 4  # of the extraction; part of the key of what is made from a clip
LONGEST = 120.0  # s of a clip that are used: more makes no presenter livelier, and memory stays bounded
_SHOWN = 0.8  # share of the frames with a face from which a lack of faces is not what is wrong with a clip
_FASTEST = 30  # frames per second of a template at most; a blink still takes four
_WIDEST = 720  # pixels of a frame's longer side that the tracker sees
_GAP = 0.4  # s without a face that are bridged
_JUMP_TURN, _JUMP_PLACE = 20.0, 0.33  # degrees and face heights from frame to frame: a cut in the clip
_GRID, _BESIDE = 24, 7  # points across a frame by which it is compared with the last; frames on both sides beside it
_CHANGE, _CHANGED_BY = 14.0, 5.0  # 0 … 255, mean difference at a cut, and over the usual one
_MISFIT = 3.0  # times the usual error of the skull: the tracker saw something else
_SMOOTH = {"yaw": 6.0, "pitch": 6.0, "roll": 6.0, "head_x": 4.0, "head_y": 4.0, "brow_l": 5.0, "brow_r": 5.0,
           "frown": 3.0, "gaze_x": 9.0, "gaze_y": 6.0}  # fmt: skip  # Hz; lids are left as they are
_DRIFT = 2.0  # s (standard deviation) of the mean that a head's place is relative to: cameras move, people sit down
_SWAY = 0.5  # Hz, below which a moving head takes the trunk along ...
_REACH, _MOSTLY = 0.06, 90  # head heights from its mean place within which a head is for so much per cent of the time
_LEAN = 0.06  # ... which leans wholly at this many head heights


class FaceTracker(Protocol):
    """Follows a face from frame to frame."""

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        """Return the landmarks of the face, (478, 3) pixels, or None where there is none."""


def extract(
    clip: Path, tracker: FaceTracker, progress: Callable[[float], None] | None = None, name: str = ""
) -> MotionTemplate:
    """Return the motion of the person in a clip; of a long clip the first `LONGEST` seconds.

    `progress` is told the share that is done. The clip is read frame by frame; of each frame the places of a few
    landmarks are kept, 0.7 kB, and of frames after `LONGEST` nothing.

    Raises `MediaError` for a file that is no video, or in which no face is seen for `LEAST` seconds in a row.
    """
    times, points, changes, last = [], [], [], None
    for time, share, rgb in _frames(clip):
        found = tracker.track(rgb)
        times.append(time)
        small = rgb[:: max(rgb.shape[0] // _GRID, 1), :: max(rgb.shape[1] // _GRID, 1)].astype(np.float32)
        changes.append(0.0 if last is None else float(np.abs(small - last).mean()))
        last = small
        points.append(np.full((len(KEPT), 3), np.nan, np.float32) if found is None else np.float32(found[list(KEPT)]))
        if progress:
            progress(share)
    if not times or all(np.isnan(p[0, 0]) for p in points):
        raise MediaError("no face was found in this clip", "use one that shows one person's face, well lit", str(clip))
    rate = _rate(np.array(times))
    template = template_from(np.array(points), np.array(times), rate, name or clip.stem, f"taken from {clip.name}",
                             _cuts(np.array(changes)))  # fmt: skip
    if template is None:
        raise MediaError(*_why_not(np.array(points), times[-1] - times[0]), str(clip))
    if progress:
        progress(1.0)
    return template


def template_from(
    points: np.ndarray, times: np.ndarray, rate: Fraction, name: str = "", source: str = "",
    cuts: np.ndarray | None = None,
) -> MotionTemplate | None:
    """Return the template of landmarks (frames, 478, 3), or their `KEPT`, at times in s; NaN where no face was seen.

    Gaps of `_GAP` are bridged, at longer ones and at cuts of the clip the motion is split; `cuts` (frames,) are true
    where another picture begins. None is returned where no part is long enough.
    """
    seen = np.flatnonzero(np.isfinite(points).all((1, 2)))
    if len(seen) < 3:
        return None
    tracks, errors, places = measure(points[seen])
    good = errors <= max(_MISFIT * float(np.median(errors)), 0.02)
    seen, tracks, places = seen[good], tracks[good], places[good]
    scenes = np.cumsum(np.zeros(len(points)) if cuts is None else cuts)
    parts = [
        part
        for part in np.split(np.arange(len(seen)), _breaks(times[seen], tracks, places, scenes[seen]))
        if times[seen[part[-1]]] - times[seen[part[0]]] >= LEAST
    ]
    if not parts:
        return None
    even = [_even(times[seen[part]], tracks[part], rate) for part in parts]
    starts = np.cumsum([0, *(len(run) for run in even[:-1])])
    return MotionTemplate(name, rate, np.concatenate(even).astype(np.float32), source, tuple(int(s) for s in starts))


def _why_not(points: np.ndarray, seconds: float) -> tuple[str, str]:
    """Return what keeps a clip with faces in it from being a template, and what would be right."""
    if seconds < LEAST:
        return f"this clip lasts only {seconds:.1f} s", f"use one of {LEAST:g} s or more"
    if float(np.isfinite(points).all((1, 2)).mean()) < _SHOWN:
        return f"no face is seen for {LEAST:g} s in a row", "use a clip that shows the face all the time"
    return (f"the picture is cut, or the head leaps, more often than every {LEAST:g} s",
            "use one take of a person who speaks calmly")  # fmt: skip


# ---------------------------------------------------------------- the clip


def _frames(clip: Path) -> Iterator[tuple[float, float, np.ndarray]]:
    """Yield time, share of the clip and RGB picture of the frames, at most `_FASTEST` per second."""
    try:
        with av.open(str(clip)) as container:
            if not container.streams.video:
                raise MediaError("there is no picture in this file", "give a video of a speaking person", str(clip))
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            end = min(_seconds(container, stream), LONGEST)
            first, due = None, 0.0
            for frame in container.decode(stream):
                first = float(frame.time or 0.0) if first is None else first
                time = float(frame.time or 0.0) - first
                if time > LONGEST:
                    return
                if time >= due - 0.25 / _FASTEST:
                    due = max(due + 1.0 / _FASTEST, time)
                    yield time, min(time / end, 1.0), _picture(frame)
    except FileNotFoundError as error:
        raise MediaError("there is no such clip", "give a video such as mp4, mov or webm", str(clip)) from error
    except av.FFmpegError as error:
        raise MediaError("this clip cannot be read: it is no video, or a damaged or unfinished one",
                         "give a whole file such as mp4, mov or webm", str(clip)) from error


def _seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if stream.duration and stream.time_base:
        return max(float(stream.duration * stream.time_base), 0.1)
    return max(container.duration / av.time_base, 0.1) if container.duration else LONGEST


def _picture(frame: av.VideoFrame) -> np.ndarray:
    scale = min(1.0, _WIDEST / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    quarter = round(getattr(frame, "rotation", 0) / 90) % 4  # telephones store how they were held
    return np.ascontiguousarray(np.rot90(rgb, quarter))


def _rate(times: np.ndarray) -> Fraction:
    """Return the frame rate of the clip, or `_FASTEST`."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1.0 / _FASTEST
    return min(Fraction(1 / max(usual, 1e-3)).limit_denominator(1001), Fraction(_FASTEST))


# ---------------------------------------------------------------- repair


def _cuts(changes: np.ndarray) -> np.ndarray:
    """Return whether another picture begins with a frame: it changes far more than its neighbours do."""
    if len(changes) <= _BESIDE:
        return np.zeros(len(changes), bool)
    around = np.pad(changes, _BESIDE, mode="reflect")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(around, 2 * _BESIDE + 1), axis=1)
    return np.asarray(changes > np.maximum(_CHANGE, _CHANGED_BY * usual))


def _breaks(times: np.ndarray, tracks: np.ndarray, places: np.ndarray, scenes: np.ndarray) -> np.ndarray:
    """Return the frames before which the face was lost for long, or the clip was cut."""
    turn = np.abs(np.diff(tracks[:, [COLUMN[n] for n in ("yaw", "pitch", "roll")]], axis=0)).max(1)
    lost = (np.diff(times) > _GAP) | (turn > _JUMP_TURN) | (np.diff(scenes) > 0)
    return np.flatnonzero(lost | (np.linalg.norm(np.diff(places, axis=0), axis=1) > _JUMP_PLACE)) + 1


def _even(times: np.ndarray, tracks: np.ndarray, rate: Fraction) -> np.ndarray:
    """Return tracks at an even rate, gaps bridged, spikes removed, smoothed without delay."""
    at = times[0] + np.arange(int((times[-1] - times[0]) * rate) + 1) / float(rate)
    out = np.stack([np.interp(at, times, column) for column in tracks.T], 1)
    for name in ("head_x", "head_y"):
        out[:, COLUMN[name]] = _within_reach(_without_drift(out[:, COLUMN[name]], float(rate)))
    for name, cut in _SMOOTH.items():
        column = median_filter(out[:, COLUMN[name]], 3, mode="nearest")
        out[:, COLUMN[name]] = _low_pass(column, cut, float(rate))
    for name in ("gaze_x", "gaze_y", "brow_l", "brow_r"):
        out[:, COLUMN[name]] = np.clip(out[:, COLUMN[name]], -1.0, 1.0)  # the filter may swing over
    out[:, COLUMN["lean"]] = np.clip(_low_pass(out[:, COLUMN["head_x"]], _SWAY, float(rate)) / _LEAN, -1.0, 1.0)
    out[:, COLUMN["frown"]] = np.clip(out[:, COLUMN["frown"]], 0.0, 1.0)
    assert out.shape[1] == len(TRACKS)
    return out


def _without_drift(x: np.ndarray, rate: float) -> np.ndarray:
    """Return a track around its own slow mean; its ends, which have no mean around them, around a line first."""
    t = np.linspace(-1.0, 1.0, len(x))
    x = x - np.polyval(np.polyfit(t, x, 1), t)
    return np.asarray(x - gaussian_filter1d(x, _DRIFT * rate, mode="reflect"))


def _within_reach(x: np.ndarray) -> np.ndarray:
    """Return a place scaled to what a presenter's head does: what travels farther is a camera, or someone who walks."""
    usual = float(np.percentile(np.abs(x), _MOSTLY))
    return np.asarray(x / max(usual / _REACH, 1.0))


def _low_pass(x: np.ndarray, cut: float, rate: float) -> np.ndarray:
    if cut >= 0.45 * rate or len(x) < 10:
        return x
    return np.asarray(sosfiltfilt(butter(2, cut, fs=rate, output="sos"), x))
