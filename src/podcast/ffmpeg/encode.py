"""Encoding H.264: the settings, and where frames go: FFmpeg's library in this process, or a program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import cv2

from podcast.canvas import Canvas
from podcast.errors import MediaError
from podcast.process import start_program, stop

av.logging.set_level(av.logging.FATAL)  # what goes wrong is told by our own errors

_FINISH_TIMEOUT = 60.0  # s, for a program to write what it still holds
# superfast with the macroblock tree and a short look-ahead: veryfast's quality and size for a quarter less CPU.
_X264 = "mbtree=1:rc-lookahead=10:bframes=2:open-gop=0:scenecut=0:sync-lookahead=0"
_AVX512 = 13  # OpenCV's number for it (CpuFeatures, CPU_AVX_512F)
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
    }.get(encoder.name, {})


def _instructions() -> str:
    # With AVX-512, x264's macroblock tree reads memory that it has not set: equal frames gave different bytes,
    # in one run out of two. AVX2 is as fast.
    return ":asm=avx2" if cv2.checkHardwareSupport(_AVX512) else ""


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
            _, errors = self._child.communicate(timeout=_FINISH_TIMEOUT)
        except BaseException:
            stop(self._child)
            raise
        if self._child.returncode:
            raise MediaError(f"ffmpeg failed: {_cause(errors.decode('utf-8', 'replace'))}")


def _cause(said: str) -> str:
    """Return the first thing that ffmpeg complained about; what follows is only its consequence."""
    lines = (re.sub(r"^(\[[^\]]*\] )+", "", line).strip() for line in said.splitlines())
    return next((line for line in lines if line), "it did not say why")


def _device_arguments(encoder: Encoder) -> tuple[list[str], list[str]]:
    if encoder.name == "h264_vaapi":
        return ["-vaapi_device", "/dev/dri/renderD128"], ["-vf", "format=nv12,hwupload"]
    return [], []


def open_sink(encoder: Encoder, picture: Picture, path: Path) -> LibrarySink | ProgramSink:
    """Return where to write the frames of a piece."""
    return ProgramSink(encoder, picture, path) if encoder.program else LibrarySink(encoder, picture, path)


def encoder_identity(encoder: Encoder, picture: Picture) -> str:
    """Return what the bytes of an encoded piece depend on besides its frames."""
    home = str(encoder.program) if encoder.program else f"PyAV {av.__version__}"
    settings = ":".join(f"{k}={v}" for k, v in sorted(options(encoder, picture).items()))
    return f"{encoder.name} {home} {picture.width}x{picture.height}@{picture.rate} {settings}"
