"""The mastered mix as a file to listen to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import av.error
import numpy as np

from podcast.audio import decode, read_wav
from podcast.episode import SAMPLE_RATE, Mix
from podcast.errors import MediaError, PodcastError

_CODECS = {  # suffix: (muxer, encoder, sample format); None: the AAC packets are copied
    ".mp3": ("mp3", "libmp3lame", "fltp"),
    ".wav": ("wav", "pcm_s24le", "s32"),
    ".flac": ("flac", "flac", "s32"),
    ".m4a": ("ipod", None, ""),
}
_MP3_RATE = 192_000  # bit/s
_BLOCK = 10 * SAMPLE_RATE  # samples read at a time
_SLACK = SAMPLE_RATE // 10  # samples by which a codec's padding may change the length


def export(mix: Mix, path: Path, title: str = "", artist: str = "") -> Path:
    """Write the mix as .mp3, .wav, .flac or .m4a under `path`, which appears only when it is whole; return it.

    Raises:
        MediaError: the suffix is unknown, or the written file does not decode to the mix's length.
        PodcastError: the folder cannot be written or the disk is full.
    """
    if path.suffix.lower() not in _CODECS:
        raise MediaError(f"no sound format is known by the suffix {path.suffix!r}",
                         f"end the name in one of {', '.join(_CODECS)}", str(path))
    tags = {name: text for name, text in (("title", title), ("artist", artist)) if text}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix.lower(), dir=path.parent)
        os.close(handle)
        try:
            _write(mix, Path(name), tags)
            _verify(Path(name), mix.length)
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:  # PyAV's errors from the operating system are OSErrors, too
        raise PodcastError(f"the sound could not be written ({error.strerror or error})",
                           "free some space or choose another folder with -o", str(path)) from error
    return path


def _write(mix: Mix, path: Path, tags: dict[str, str]) -> None:
    muxer, encoder, sample_format = _CODECS[path.suffix]
    with av.open(str(path), "w", format=muxer) as out:
        out.metadata.update(tags)
        if encoder is None:
            _copy(mix.aac, out)
            return
        stream = out.add_stream(encoder, rate=SAMPLE_RATE, layout="stereo")
        stream.codec_context.format = sample_format
        if path.suffix == ".mp3":
            stream.codec_context.bit_rate = _MP3_RATE
        for frame in _frames(mix):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _copy(aac: Path, out: av.container.OutputContainer) -> None:
    with av.open(str(aac)) as source:
        track = source.streams.audio[0]
        stream = out.add_stream_from_template(track)
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)


def _frames(mix: Mix) -> Iterator[av.AudioFrame]:
    for start in range(0, mix.length, _BLOCK):
        block = read_wav(mix.audio, start, min(_BLOCK, mix.length - start))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.reshape(1, -1)), format="flt", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        yield frame


def _verify(path: Path, length: int) -> None:
    found = sum(len(block) for block in decode(path))
    if abs(found - length) > _SLACK:
        raise MediaError(f"{found / SAMPLE_RATE:.1f} s of {length / SAMPLE_RATE:.1f} s of sound could be read back",
                         "try another format", str(path))
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
