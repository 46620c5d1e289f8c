"""Sound in and out of files: float32 samples, mono (n,) or (n, channels), full scale at ±1."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from math import gcd
from pathlib import Path

import av
import av.error
import numpy as np

from podcast.episode import SAMPLE_RATE
from podcast.errors import MediaError

_WIDTHS = {16: 2, 24: 3}  # bits: bytes


def _to_pcm(samples: np.ndarray, bits: int) -> bytes:
    full = 1 << (bits - 1)
    whole = np.clip(np.rint(samples * np.float32(full)), -full, full - 1).astype("<i4")
    if bits == 16:
        return whole.astype("<i2").tobytes()
    return whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()  # the low three of four bytes


def _from_pcm(data: bytes, width: int) -> np.ndarray:
    if width == 2:
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768
    raw = np.zeros((len(data) // 3, 4), np.uint8)
    raw[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return raw.view("<i4")[:, 0].astype(np.float32) / 2147483648


class WavWriter:
    """Write a wav file block by block; use it as a context manager."""

    def __init__(self, path: Path, channels: int, rate: int = SAMPLE_RATE, bits: int = 16) -> None:
        self.bits, self.length = bits, 0
        self._file = wave.open(str(path), "wb")
        self._file.setnchannels(channels)
        self._file.setsampwidth(_WIDTHS[bits])
        self._file.setframerate(rate)

    def write(self, samples: np.ndarray) -> None:
        """Append samples (n,) or (n, channels)."""
        self.length += len(samples)
        self._file.writeframesraw(_to_pcm(samples, self.bits))

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def write_wav(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE, bits: int = 16) -> None:
    """Write samples (n,) or (n, channels) as a PCM wav file of 16 or 24 bits."""
    with WavWriter(path, 1 if samples.ndim == 1 else samples.shape[1], rate, bits) as out:
        out.write(samples)


def read_wav(path: Path, start: int = 0, length: int | None = None) -> np.ndarray:
    """Return samples `start` … `start + length` of a PCM wav file, float32 (n, channels).

    Raises:
        MediaError: the file is no PCM wav of 16 or 24 bits.
    """
    try:
        with wave.open(str(path), "rb") as file:
            file.setpos(min(start, file.getnframes()))
            data = file.readframes(file.getnframes() if length is None else length)
            return _from_pcm(data, file.getsampwidth()).reshape(-1, file.getnchannels())
    except (wave.Error, EOFError) as error:
        raise MediaError(f"not a readable wav file ({error})", where=str(path)) from error


def wav_length(path: Path) -> int:
    """Return the number of samples per channel of a wav file."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes()


def wav_rate(path: Path) -> int:
    """Return the samples per second of a wav file."""
    with wave.open(str(path), "rb") as file:
        return file.getframerate()


def resample(samples: np.ndarray, from_rate: int, to_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Return samples at another rate (polyphase, linear phase)."""
    if from_rate == to_rate:
        return samples
    from scipy.signal import resample_poly  # half a second to load, and rarely needed

    divisor = gcd(from_rate, to_rate)
    return resample_poly(samples, to_rate // divisor, from_rate // divisor, axis=0).astype(np.float32)


def decode(path: Path, channels: int = 2) -> Iterator[np.ndarray]:
    """Yield the first audio track of any media file as float32 blocks (n, channels) at 48 kHz.

    Raises:
        MediaError: the file is missing, broken or has no sound.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("there is no sound in this file", "give an audio file (mp3, wav, m4a, flac, ogg ...)",
                                 str(path))
            layout = "stereo" if channels == 2 else "mono"
            resampler = av.AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE)
            for frame in container.decode(container.streams.audio[0]):
                for block in resampler.resample(frame):
                    yield block.to_ndarray().reshape(-1, channels)
            for block in resampler.resample(None):
                yield block.to_ndarray().reshape(-1, channels)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"cannot be read as sound ({error})", "give an audio file (mp3, wav, m4a, flac, ogg ...)",
                         str(path)) from error
