"""FFmpeg: which encoder works here (by proof), and encoding, joining and checking video.

FFmpeg's libraries come with PyAV and are always there. A program `ffmpeg` on the machine is tried only for hardware
encoders that the library lacks or whose driver it rejects.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
import cv2

from podcast import device
from podcast.canvas import Canvas
from podcast.errors import MediaError, PodcastError
from podcast.process import run_program, start_program, stop

av.logging.set_level(av.logging.FATAL)

_PROBE_FRAMES = 12
_PROBE_TIMEOUT = 20.0  # s
# superfast with the macroblock tree and a short look-ahead: veryfast's quality and size for a quarter less CPU.
_X264 = "mbtree=1:rc-lookahead=10:bframes=2:open-gop=0:scenecut=0:sync-lookahead=0"
_AVX512 = 13  # OpenCV's number for it (CpuFeatures, CPU_AVX_512F)
_REORDER = 2  # frames that B-frames may be decoded ahead of their display
_SYNC_TOLERANCE = 0.06  # s: a frame and an AAC packet
_CLOCK = 90_000  # Hz, of the video track; every usual frame rate divides it
_MP4 = {"movflags": "+faststart+negative_cts_offsets", "use_editlist": "0", "video_track_timescale": str(_CLOCK)}
_BT709 = {"color_range": "tv", "colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}


@dataclass(frozen=True)
class Picture:
    """What the encoder is asked for: even width and height in pixels, frames per second, quality as a CRF."""

    width: int
    height: int
    rate: Fraction
    quality: float = 20.0
    draft: bool = False

    @property
    def gop(self) -> int:
        """Frames between key frames: half a second, as YouTube asks."""
        return max(1, round(self.rate / 2))


@dataclass(frozen=True)
class Encoder:
    """An H.264 encoder and where it lives: in the library (`program` is None) or in a program."""

    name: str
    program: Path | None = None

    @property
    def hardware(self) -> bool:
        """Whether a chip other than the CPU does the work."""
        return self.name != "libx264"


@dataclass(frozen=True)
class Choice:
    """The encoder that was chosen, and why the others were not: (encoder, reason)."""

    encoder: Encoder
    refused: tuple[tuple[str, str], ...] = ()


def options(encoder: Encoder, picture: Picture) -> dict[str, str]:
    """Return the encoder's options in FFmpeg's names; the same everywhere, so that pieces join."""
    quality, gop = f"{picture.quality:g}", str(picture.gop)
    if encoder.name == "libx264":
        preset = "ultrafast" if picture.draft else "superfast"
        extra = "open-gop=0:scenecut=0" if picture.draft else _X264
        params = f"{extra}:keyint={gop}:min-keyint={gop}:threads=1{_instructions()}"
        profile = "baseline" if picture.draft else "high"
        return {"preset": preset, "crf": quality, "x264-params": params, "profile": profile}
    common = {"g": gop, "bf": "2", "profile": "high"}
    return common | {
        "h264_nvenc": {"preset": "p4", "rc": "vbr", "cq": quality, "b": "0", "forced-idr": "1", "no-scenecut": "1"},
        "h264_videotoolbox": {"q": str(max(1, round(100 - 2 * picture.quality))), "allow_sw": "0"},
        "h264_qsv": {"global_quality": quality, "preset": "faster"},
        "h264_vaapi": {"qp": quality},
        "h264_amf": {"rc": "cqp", "qp_i": quality, "qp_p": quality, "quality": "balanced"},
    }[encoder.name]


def _instructions() -> str:
    # With AVX-512, x264's macroblock tree reads memory that it has not set: equal frames gave different bytes,
    # in one run out of two. AVX2 is as fast.
    return ":asm=avx2" if cv2.checkHardwareSupport(_AVX512) else ""


# ---------------------------------------------------------------- encoding


class LibrarySink:
    """Encode frames in this process, through FFmpeg's library, into an mp4 piece."""

    def __init__(self, encoder: Encoder, picture: Picture, path: Path) -> None:
        self._container = av.open(str(path), "w", format="mp4")
        rate = picture.rate
        stream = self._container.add_stream(encoder.name, rate=rate, options=options(encoder, picture))
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / rate
        context.thread_count = 1
        context.color_range = 1  # tv
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        self._stream, self.frames = stream, 0

    def write(self, canvas: Canvas) -> None:
        """Encode one frame."""
        frame = av.VideoFrame.from_numpy_buffer(canvas.planar, "yuv420p")
        frame.pts, frame.time_base = self.frames, self._stream.codec_context.time_base
        self.frames += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the piece."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


class ProgramSink:
    """Encode frames through a program ffmpeg, fed raw 4:2:0 pictures."""

    def __init__(self, encoder: Encoder, picture: Picture, path: Path) -> None:
        raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{picture.width}x{picture.height}", "-r",
               str(picture.rate), "-color_range", "tv", "-colorspace", "bt709", "-i", "pipe:0"]
        device_args, upload = _device_arguments(encoder)
        coded = [a for k, v in options(encoder, picture).items() for a in (f"-{k}" if k != "b" else "-b:v", v)]
        tags = [a for k, v in _BT709.items() for a in (f"-{k}", v)]
        self._child = start_program([str(encoder.program), "-hide_banner", "-v", "error", "-y", *device_args, *raw,
                                     *upload, "-c:v", encoder.name, *coded, *tags, "-f", "mp4", str(path)])
        self.frames = 0

    def write(self, canvas: Canvas) -> None:
        """Encode one frame."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(canvas.planar.data)
        except BrokenPipeError:
            self.close()  # tells why
        self.frames += 1

    def close(self) -> None:
        """Finish the piece.

        Raises:
            MediaError: the program failed.
        """
        try:
            _, errors = self._child.communicate(timeout=_PROBE_TIMEOUT)
        except BaseException:
            stop(self._child)
            raise
        if self._child.returncode:
            raise MediaError(f"ffmpeg failed: {errors.decode('utf-8', 'replace').strip()[-400:]}")


def _device_arguments(encoder: Encoder) -> tuple[list[str], list[str]]:
    if encoder.name == "h264_vaapi":
        return ["-vaapi_device", "/dev/dri/renderD128"], ["-vf", "format=nv12,hwupload"]
    return [], []


def open_sink(encoder: Encoder, picture: Picture, path: Path) -> LibrarySink | ProgramSink:
    """Return where to write the frames of a piece."""
    return ProgramSink(encoder, picture, path) if encoder.program else LibrarySink(encoder, picture, path)


# ---------------------------------------------------------------- the proof


_HARDWARE = ("h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "h264_vaapi")


def _absent(name: str) -> str:
    """Return why an encoder cannot work on this machine, as far as can be told without trying; "" if it may."""
    render_node = os.name == "nt" or any(Path("/dev/dri").glob("renderD*")) if Path("/dev/dri").exists() else False
    needs = {
        "h264_nvenc": (lambda: device.has_library("libcuda.so.1", "nvcuda.dll"), "no NVIDIA driver is installed"),
        "h264_videotoolbox": (lambda: platform.system() == "Darwin", "only on macOS"),
        "h264_qsv": (lambda: os.name == "nt" or render_node, "no Intel GPU (no render node)"),
        "h264_amf": (lambda: device.has_library("libamfrt64.so.1", "amfrt64.dll"), "no AMD driver is installed"),
        "h264_vaapi": (lambda: bool(render_node), "no GPU with VA-API (no render node)"),
    }
    present, reason = needs[name]
    return "" if present() else reason


def probe(encoder: Encoder, picture: Picture, folder: Path) -> str:
    """Encode frames with the production settings, decode and count them; return "" or why it failed."""
    path = folder / f"probe-{encoder.name}.mp4"
    canvas = Canvas(picture.width, picture.height)
    try:
        sink = open_sink(encoder, picture, path)
        for i in range(_PROBE_FRAMES):
            canvas.planar[:] = 16 + 8 * i
            sink.write(canvas)
        sink.close()
        found = count_frames(path)
    except (av.error.FFmpegError, PodcastError, ValueError, OSError) as error:
        return str(error).splitlines()[0] or type(error).__name__
    return "" if found == _PROBE_FRAMES else f"only {found} of {_PROBE_FRAMES} test frames came out"


def choose_encoder(
    asked: str, picture: Picture, folder: Path, program: Path | None = None,
    run: Callable[..., Any] = lambda function, *args: function(*args),
) -> Choice:
    """Choose the encoder: a hardware one only if it encoded test frames that decode.

    Args:
        asked: "auto", "x264" or the name of a hardware encoder ("nvenc", "videotoolbox", "qsv", "vaapi", "amf").
        picture: the production settings.
        folder: for the test pieces.
        program: an ffmpeg program to try where the library fails.
        run: how to call the probe; a worker process keeps a crashing driver away from us.

    Raises:
        PodcastError: a hardware encoder was asked for by name and does not work.
    """
    if asked in ("x264", "libx264"):
        return Choice(Encoder("libx264"), (("hardware", "x264 was asked for"),))
    wanted = _HARDWARE if asked == "auto" else (f"h264_{asked.removeprefix('h264_')}",)
    if not set(wanted) <= set(_HARDWARE):
        names = ", ".join(["auto", "x264", *(h.removeprefix("h264_") for h in _HARDWARE)])
        raise PodcastError(f"unknown video encoder {asked!r}", f"choose one of: {names}")
    refused: list[tuple[str, str]] = []
    for name in wanted:
        reason = _absent(name)
        if not reason:
            for candidate in _homes(name, program):
                reason = run(probe, candidate, picture, folder)
                if not reason:
                    return Choice(candidate, tuple(refused))
        refused.append((name, reason or "not in this FFmpeg"))
    if asked != "auto":
        raise PodcastError(f"the encoder {asked} does not work here: {refused[0][1]}", "use video.encoder: auto")
    return Choice(Encoder("libx264"), tuple(refused))


def _homes(name: str, program: Path | None) -> list[Encoder]:
    inside = [Encoder(name)] if name in av.codecs_available else []
    return inside + ([Encoder(name, program)] if program else [])


def find_program(configured: str | None) -> Path | None:
    """Return the ffmpeg program: the configured one, else the one on PATH, else None.

    Raises:
        PodcastError: the configured program is not there.
    """
    if configured:
        found = shutil.which(configured)
        if not found:
            raise PodcastError(f"no ffmpeg program at {configured}", "mend video.ffmpeg, or remove it: it is optional",
                               "config: video.ffmpeg")
        return Path(found)
    found = shutil.which("ffmpeg")
    return Path(found) if found else None


def program_version(program: Path) -> str:
    """Return the first line of what `ffmpeg -version` prints."""
    out = run_program([program, "-hide_banner", "-version"], timeout=_PROBE_TIMEOUT).stdout
    return out.decode("utf-8", "replace").splitlines()[0]


def library_versions() -> dict[str, str]:
    """Return the versions of PyAV and of FFmpeg's libraries."""
    versions = {name: ".".join(map(str, v)) for name, v in av.library_versions.items()}
    return {"PyAV": av.__version__, **versions}


# ---------------------------------------------------------------- joining and checking


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


def encoder_identity(encoder: Encoder, picture: Picture) -> str:
    """Return what the bytes of an encoded piece depend on besides its frames."""
    home = str(encoder.program) if encoder.program else f"PyAV {av.__version__}"
    settings = ":".join(f"{k}={v}" for k, v in sorted(options(encoder, picture).items()))
    return f"{encoder.name} {home} {picture.width}x{picture.height}@{picture.rate} {settings}"
