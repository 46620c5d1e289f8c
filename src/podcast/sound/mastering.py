"""Mastering: one gain and a limiter that bring a mix to a loudness and below a true peak, as it is heard after AAC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from podcast.audio import WavWriter
from podcast.sound.aac import AacWriter
from podcast.sound.control import HOP, amplitude, expand
from podcast.sound.limiter import LIMIT_CONTEXT, limiter_gains
from podcast.sound.loudness import LOUDNESS_HOP, PEAK_CONTEXT, SILENCE, Meter, PeakMeter, hop_peaks, integrated

BLOCK = 50 * LOUDNESS_HOP  # samples: 5 s
_AIM = 0.2  # LU; a result within this is kept
_CODEC_MARGIN = 0.4  # dB that encoding may add to the true peak; more is corrected by another pass
_MOST_GAIN = 40.0  # dB; what is quieter is rather noise than a quiet episode
_PASSES = 6  # at most; the first usually suffices
_SOLVER_STEPS = 8
_SOLVED = 0.02  # LU
_MINUTE = 600  # hops of 100 ms that are foreseen at once, to bound the memory

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Target:
    """What the result should be, measured after AAC."""

    loudness: float  # LUFS, integrated
    true_peak: float  # dBTP at most
    bit_rate: int  # bit/s of AAC


@dataclass(frozen=True)
class Heard:
    """What a listener gets: measured after encoding and decoding; minus infinity for silence."""

    loudness: float  # LUFS
    true_peak: float  # dBTP
    rate: float  # bit/s


@dataclass(frozen=True)
class RawMix:
    """A mix before mastering, on the disk as float32 stereo without a header, and what is known of it."""

    path: Path
    length: int  # samples
    energies: np.ndarray  # K-weighted mean square of every 100 ms
    peaks: np.ndarray  # sample peak of every hop

    def read(self, start: int, end: int) -> np.ndarray:
        """Return samples `start` … `end`, float32 (n, 2); silence lies around the mix."""
        first, last = max(start, 0), min(end, self.length)
        found = np.zeros((0, 2), np.float32)
        if last > first:
            found = np.fromfile(self.path, np.float32, 2 * (last - first), offset=8 * first).reshape(-1, 2)
        return np.pad(found, ((first - start, end - first - len(found)), (0, 0)))


class RawWriter:
    """Write a mix before mastering block by block and measure it; use it as a context manager."""

    def __init__(self, path: Path, length: int) -> None:
        self._path, self._length, self._at, self._meter = path, length, 0, Meter()
        self._peaks = np.zeros(-(-length // HOP), np.float32)
        self._file = path.open("wb")

    def __enter__(self) -> RawWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._file.close()

    def write(self, block: np.ndarray) -> None:
        """Append samples, float32 (n, 2); all blocks but the last are whole numbers of hops."""
        self._file.write(np.ascontiguousarray(block, np.float32).data)
        self._meter.add(block)
        level = np.abs(block)
        level = np.pad(np.maximum(level[:, 0], level[:, 1]), (0, -len(block) % HOP))  # quicker than max(1)
        first = self._at // HOP
        self._peaks[first : first + len(level) // HOP] = level.reshape(-1, HOP).max(1)
        self._at += len(block)

    def finished(self) -> RawMix:
        """Return the mix once it is written."""
        self._file.flush()
        return RawMix(self._path, self._length, self._meter.energies(), self._peaks)


def blocks(length: int, block: int = BLOCK) -> Iterator[tuple[int, int]]:
    """Yield (start, length) of the blocks that make up `length` samples."""
    for start in range(0, length, block):
        yield start, min(block, length - start)


def bring_to(target: Target, raw: RawMix, wav: Path, aac: Path, progress: Progress) -> Heard:
    """Write the mastered mix as wav (24 bits) and as AAC; repeat with corrected aims while it misses the target."""
    ceiling, aim = target.true_peak - _CODEC_MARGIN, target.loudness
    for left in reversed(range(_PASSES)):
        gain = _solve_gain(raw, aim, ceiling)
        with AacWriter(aac, raw.length, target.bit_rate) as track:
            heard = _render(raw, gain, ceiling, wav, track, progress)
        error = target.loudness - heard.loudness if heard.loudness > SILENCE and gain < _MOST_GAIN else 0.0
        if not left or (abs(error) <= _AIM and heard.true_peak <= target.true_peak):
            break
        ceiling -= max(0.0, heard.true_peak - target.true_peak + 0.05)
        aim += error  # what the encoder takes away is asked for on top
    return heard


def _render(raw: RawMix, gain: float, ceiling: float, wav: Path, aac: AacWriter, progress: Progress) -> Heard:
    """Write the mix with gain and limiter applied and measure what is heard of it."""
    meter, peak, left = Meter(), PeakMeter(), raw.length

    def listen(frames: Iterable[np.ndarray]) -> None:
        nonlocal left
        heard = np.concatenate([*frames, np.zeros((0, 2), np.float32)])[:left]
        left -= len(heard)
        meter.add(heard)
        peak.add(heard)

    with WavWriter(wav, 2, bits=24) as out:
        for start, length in blocks(raw.length):
            limited = _limit(raw, start, length, gain, ceiling)
            out.write(limited)
            listen(aac.write(limited))
            progress((start + length) / raw.length)
    listen(aac.finish())
    return Heard(meter.integrated(), peak.dbtp(), aac.rate)


def _limit(raw: RawMix, start: int, length: int, gain: float, ceiling: float) -> np.ndarray:
    """Return a block with gain and limiter applied; it depends on its surroundings, not on other blocks."""
    hops, around = -(-length // HOP), LIMIT_CONTEXT * HOP + PEAK_CONTEXT
    loud = raw.read(start - around, start + hops * HOP + around) * np.float32(amplitude(gain))
    highest = float(amplitude(ceiling))
    gains = limiter_gains(hop_peaks(loud, highest), highest)[LIMIT_CONTEXT : LIMIT_CONTEXT + hops + 1]
    return loud[around : around + length] * expand(gains)[:length, None]


def _solve_gain(raw: RawMix, wanted: float, ceiling: float) -> float:
    """Return the gain in dB that brings the limited mix to the target; 0 for silence.

    The limiter's effect is foreseen from energies and peaks alone, without touching a sample.
    """
    loudness = integrated(raw.energies)
    gain = 0.0 if loudness == SILENCE else min(wanted - loudness, _MOST_GAIN)
    for _ in range(_SOLVER_STEPS):
        kept = _kept(raw.peaks, float(amplitude(ceiling - gain)), len(raw.energies))
        error = wanted - integrated(raw.energies * kept) - gain
        if abs(error) < _SOLVED or not np.isfinite(error):
            break
        gain = min(gain + error, _MOST_GAIN)
    return gain


def _kept(peaks: np.ndarray, ceiling: float, count: int) -> np.ndarray:
    """Return the share of the energy of every 100 ms that the limiter keeps."""
    per = LOUDNESS_HOP // HOP
    kept = np.ones(count)
    for first in range(0, count, _MINUTE):
        last = min(first + _MINUTE, count)
        before = min(LIMIT_CONTEXT, first * per)
        gains = limiter_gains(peaks[first * per - before : last * per + LIMIT_CONTEXT], ceiling)[before:]
        squares = np.pad(gains[:-1] ** 2, (0, max(0, (last - first) * per - len(gains) + 1)), constant_values=1)
        kept[first:last] = squares[: (last - first) * per].reshape(-1, per).mean(1)
    return kept
