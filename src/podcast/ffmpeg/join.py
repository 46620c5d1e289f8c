"""Joining pieces and sound into one mp4 without encoding anything again, and reading the result back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from podcast.errors import MediaError
from podcast.ffmpeg.encode import Picture

_REORDER = 2  # frames that B-frames may be decoded ahead of their display
_SYNC_TOLERANCE = 0.06  # s: a frame and an AAC packet
_CLOCK = 90_000  # Hz, of the video track; every usual frame rate divides it
_MP4 = {"movflags": "+faststart+negative_cts_offsets", "use_editlist": "0", "video_track_timescale": str(_CLOCK)}


def count_frames(path: Path) -> int:
    """Decode a video and return the number of its frames."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@dataclass(frozen=True)
class ChapterMark:
    """A chapter of the finished file; start and end in frames."""

    title: str
    start: int
    end: int


@dataclass(frozen=True)
class Track:
    """What `join` writes besides the pictures."""

    aac: Path | None = None
    chapters: tuple[ChapterMark, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    language: str = "und"


def join(pieces: list[tuple[Path, int]], rate: Fraction, track: Track, out: Path) -> None:
    """Join encoded pieces and the sound into one mp4, without encoding anything again.

    Composition offsets may be negative instead of an edit list, which platforms dislike; the sound has been advanced
    by its encoder's priming samples, so that both tracks start at zero.

    Args:
        pieces: (piece, frames), made with equal settings.
        rate: frames per second.
        track: sound, chapters and metadata.
        out: the file to write.

    Raises:
        MediaError: a piece's headers differ from the first one's, or its frames do not add up.
    """
    with av.open(str(pieces[0][0])) as first, av.open(
        str(out), "w", format="mp4",
        options=_MP4,
    ) as target:
        template = first.streams.video[0]
        video = target.add_stream_from_template(template)
        video.time_base = Fraction(1, _CLOCK)
        header = template.codec_context.extradata
        sound = av.open(str(track.aac)) if track.aac else None
        audio = target.add_stream_from_template(sound.streams.audio[0]) if sound else None
        for stream in (video, audio):
            if stream is not None:
                stream.metadata["language"] = track.language
        target.metadata.update(track.metadata)
        if track.chapters:
            target.set_chapters([
                {"id": i, "start": int(c.start * 1000 / rate), "end": int(c.end * 1000 / rate),
                 "time_base": Fraction(1, 1000), "metadata": {"title": c.title}}
                for i, c in enumerate(track.chapters)
            ])
        audio_packets = _audio_packets(sound, audio) if sound and audio else iter(())
        waiting = next(audio_packets, None)
        for packet in _video_packets(pieces, rate, header, video):
            while waiting is not None and waiting.dts * waiting.time_base <= packet.dts * packet.time_base:
                target.mux_one(waiting)
                waiting = next(audio_packets, None)
            target.mux_one(packet)
        while waiting is not None:
            target.mux_one(waiting)
            waiting = next(audio_packets, None)
        if sound:
            sound.close()


def _video_packets(pieces, rate, header, stream):  # type: ignore[no-untyped-def]
    base = 0
    tick = 1 / rate
    for path, frames in pieces:
        with av.open(str(path)) as container:
            source = container.streams.video[0]
            if source.codec_context.extradata != header:
                raise MediaError("was encoded with other settings than the first piece", "run `podcast cache clear`",
                                 str(path))
            seen = 0
            for packet in container.demux(source):
                if packet.pts is None:
                    continue
                pts = base + round(packet.pts * source.time_base / tick)
                # In decoding order, a constant delay behind: short pieces have less of it than long ones.
                packet.dts = round((base + seen - _REORDER) * tick * _CLOCK)
                packet.pts, packet.duration = round(pts * tick * _CLOCK), round(tick * _CLOCK)
                packet.time_base = Fraction(1, _CLOCK)
                packet.stream = stream
                seen += 1
                yield packet
            if seen != frames:
                raise MediaError(f"has {seen} frames instead of {frames}", "run `podcast cache clear`", str(path))
        base += frames


def _audio_packets(container, stream):  # type: ignore[no-untyped-def]
    shift = None
    for packet in container.demux(container.streams.audio[0]):
        if packet.dts is None:
            continue
        shift = packet.dts if shift is None else shift
        packet.pts -= shift
        packet.dts -= shift
        packet.stream = stream
        yield packet


@dataclass(frozen=True)
class Checked:
    """What a finished video really is."""

    width: int
    height: int
    frames: int
    rate: Fraction
    video_seconds: float
    audio_seconds: float
    offset: float  # s from the first picture to the first sound: the A/V sync error


def check_video(path: Path, picture: Picture, frames: int, sound: bool) -> Checked:
    """Read a finished video back: every packet, the tracks' lengths, and the last pictures decoded.

    Raises:
        MediaError: it is not what it should be.
    """
    problems = []
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        audio = container.streams.audio[0] if container.streams.audio else None
        length = frames / picture.rate
        lengths = [float((s.duration or 0) * s.time_base) if s else 0.0 for s in (video, audio)]
        if (video.width, video.height) != (picture.width, picture.height):
            problems.append(f"is {video.width}x{video.height}")
        if video.frames != frames:
            problems.append(f"has {video.frames} frames instead of {frames}")
        if sound and audio is None:
            problems.append("has no sound")
        elif audio is not None and abs(lengths[1] - float(length)) > _SYNC_TOLERANCE:
            problems.append(f"has {lengths[1]:.3f} s of sound to {float(length):.3f} s of pictures")
        last = _last_frame_time(container, video, float(length))
        if abs(last - float(length - 1 / picture.rate)) > 0.5 / picture.rate:
            problems.append(f"ends at {last:.3f} s instead of {float(length):.3f} s")
        offset = _start_offset(video, audio)
        found = Checked(video.width, video.height, video.frames, picture.rate, lengths[0], lengths[1], offset)
    if problems:
        raise MediaError("the finished video is wrong: it " + ", ".join(problems), "run it again", str(path))
    return found


def _last_frame_time(container: Any, video: Any, length: float) -> float:
    container.seek(int(max(0.0, length - 1) / video.time_base), stream=video)
    return max((frame.time for frame in container.decode(video)), default=-1.0)


def _start_offset(video: Any, audio: Any) -> float:
    if audio is None:
        return 0.0
    return float((audio.start_time or 0) * audio.time_base - (video.start_time or 0) * video.time_base)
