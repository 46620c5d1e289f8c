"""The mix: narration and music become one mastered track.

Everything is streamed in blocks. First the mix is made as it is, its loudness is measured and the gain that
brings it to the target is found; then gain and limiter are applied, the result is encoded, decoded again and
measured as a listener hears it. Only what misses the target then is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from podcast.audio import WavWriter, read_wav
from podcast.cache import Cache, key
from podcast.episode import Mix, MusicBed, Narration, Slot
from podcast.sound.aac import AacWriter
from podcast.sound.control import HOP, amplitude, expand
from podcast.sound.ducking import Ducking, DuckingCurve
from podcast.sound.limiter import LIMIT_CONTEXT, limiter_gains
from podcast.sound.loudness import LOUDNESS_HOP, PEAK_CONTEXT, SILENCE, Meter, PeakMeter, hop_peaks, integrated
from podcast.sound.voice import VOICE_DELAY, VoiceChain

VERSION = 2
BLOCK = 50 * LOUDNESS_HOP  # samples: 5 s
TOLERANCE = 0.3  # LU around the target
_AIM = 0.2  # LU; a first result within this is kept
_CODEC_MARGIN = 0.4  # dB that encoding may add to the true peak; more is corrected by another pass
_MOST_GAIN = 40.0  # dB; what is quieter is rather noise than a quiet episode
_PASSES = 4  # masterings at most; the second nearly always suffices
_SOLVER_STEPS = 8
_SOLVED = 0.02  # LU
_MINUTE = 600  # hops of 100 ms that are foreseen at once, to bound the memory
_EDGE = 240  # samples: 5 ms fades at an utterance's ends
_PAN = 0.08  # how far two speakers sit from the middle, of 1: hardly noticed, and easier to tell apart
_PAN_TURN = 480  # samples: 10 ms on either side of the middle of a gap between two speakers

ReadMusic = Callable[[int, int], np.ndarray]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Mastering:
    """What the mix should sound like."""

    loudness: float = -16.0  # LUFS, integrated; Apple -16, Spotify and YouTube -14
    true_peak: float = -1.0  # dBTP at most, after AAC
    bit_rate: int = 384_000  # bit/s of AAC; from 320,000 on it is a limit and not an aim
    music_level_db: float = -4.0  # of the music where nobody speaks, below speech of the same loudness
    ducking: Ducking = field(default_factory=Ducking)


def master(
    narration: Narration,
    bed: MusicBed,
    *,
    cache: Cache,
    read_music: ReadMusic | None = None,
    mastering: Mastering | None = None,
    progress: Progress | None = None,
    block: int = BLOCK,
) -> Mix:
    """Return the mastered mix of the narration and the music bed.

    `read_music(start, length)` returns the bed's samples, float32 (length, 2), at a loudness near -20 LUFS, the same
    whatever the blocks; the utterances are expected there, too. `progress` gets 0 … 1. `block` (samples, a multiple
    of 4800) changes the memory that is needed and not the result. An episode without sound stays silent, and its
    loudness is minus infinity.

    Raises:
        PodcastError: the cache cannot be written.
        MediaError: an utterance cannot be read.
    """
    wanted = mastering or Mastering()
    report = _rising(progress or (lambda _: None))
    address = key("mix", VERSION, narration=_voices(narration), bed=_music(bed), wanted=asdict(wanted))
    music = read_music if bed.spans else None

    def make(draft: Path) -> None:
        raw = _Raw(draft / "raw.f32", narration.length)
        sketch = _mix(narration, music, wanted, raw, lambda done: report(0.3 * done), block)
        _master(raw, sketch, wanted, draft, lambda done: report(0.3 + 0.7 * done))
        raw.path.unlink()

    entry = cache.fetch(address, make)
    report(1.0)
    measured = json.loads((entry / "mix.json").read_text("utf-8"))
    loudness, peak = (SILENCE if measured[name] is None else measured[name] for name in ("loudness", "true_peak"))
    return Mix(entry / "mix.wav", narration.length, loudness, peak, address, entry / "mix.m4a")


def _rising(progress: Progress) -> Progress:
    """Return progress that stays where it is while something is made again."""
    furthest = 0.0

    def report(done: float) -> None:
        nonlocal furthest
        furthest = max(furthest, done)
        progress(furthest)

    return report


def _voices(narration: Narration) -> list[Any]:
    spoken = [(narration.speech_start(s), s.utterance) for s in narration.slots if s.utterance]
    return [narration.length, [(start, u.length, u.speaker, u.digest) for start, u in spoken]]


def _music(bed: MusicBed) -> list[dict[str, Any]]:
    """Return all that a bed's sound depends on: the pieces count by their digest, not by their place."""
    return [asdict(span) | {"audio": len(span.audio), "label": ""} for span in bed.spans]


# ---------------------------------------------------------------- the mix as it is


@dataclass(frozen=True)
class _Raw:
    """The mix before mastering on the disk: float32 stereo without a header; silence lies around it."""

    path: Path
    length: int

    def read(self, start: int, end: int) -> np.ndarray:
        inner = max(start, 0), min(end, self.length)
        found = np.zeros((max(0, inner[1] - inner[0]), 2), np.float32)
        if len(found):
            found = np.fromfile(self.path, np.float32, found.size, offset=inner[0] * 8).reshape(-1, 2)
        return np.pad(found, ((inner[0] - start, end - start - (inner[0] - start) - len(found)), (0, 0)))


@dataclass(frozen=True)
class _Sketch:
    """What is known of the mix after it was made."""

    energies: np.ndarray  # K-weighted, per 100 ms
    peaks: np.ndarray  # sample peak of every hop


def _blocks(length: int, block: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, block):
        yield start, min(block, length - start)


def _mix(narration: Narration, music: ReadMusic | None, wanted: Mastering, raw: _Raw, progress: Progress,
         block: int) -> _Sketch:
    """Write the mix before mastering and measure it."""
    voice, meter, peaks = _Voice(narration), Meter(), np.zeros(-(-raw.length // HOP), np.float32)
    curve = DuckingCurve(narration.speech(), wanted.ducking)
    level = amplitude(wanted.music_level_db)
    with raw.path.open("wb") as file:
        for start, length in _blocks(raw.length, block):
            hops = -(-length // HOP)
            mixed = voice.next(hops)[:length]
            if music:
                mixed += music(start, length) * (expand(curve.gains(start, hops))[:length, None] * np.float32(level))
            file.write(mixed.data)
            meter.add(mixed)
            peaks[start // HOP : start // HOP + hops] = _sample_peaks(mixed)
            progress((start + length) / raw.length)
    return _Sketch(meter.energies(), peaks)


def _sample_peaks(mixed: np.ndarray) -> np.ndarray:
    level = np.abs(mixed)
    whole = np.pad(np.maximum(level[:, 0], level[:, 1]), (0, -len(mixed) % HOP))  # quicker than max(1) on two columns
    return np.asarray(whole.reshape(-1, HOP).max(1))


class _Voice:
    """All speech through the voice chain, panned, in order."""

    def __init__(self, narration: Narration) -> None:
        self._narration = narration
        self._spoken = [(narration.speech_start(s), s) for s in narration.slots if s.utterance]
        self._chain, self._position = VoiceChain(), 0
        self._pan = _pan_curve(narration)
        self._chain.process(read_speech(self._spoken, 0, VOICE_DELAY))

    def next(self, hops: int) -> np.ndarray:
        """Return the next samples, float32 (hops * HOP, 2)."""
        start, length = self._position, hops * HOP
        self._position += length
        mono = self._chain.process(read_speech(self._spoken, start + VOICE_DELAY, length)).astype(np.float32)
        side = expand(np.interp(start + np.arange(hops + 1) * HOP, *self._pan))
        return np.stack([mono * (1 - side), mono * (1 + side)], 1)


def read_speech(spoken: list[tuple[int, Slot]], start: int, length: int) -> np.ndarray:
    """Return the speech from sample `start` on, float32 mono (length,), with tiny fades at utterance ends."""
    found = np.zeros(length, np.float32)
    for at, slot in spoken:
        utterance = slot.utterance
        if utterance is None or at >= start + length or at + utterance.length <= start:
            continue
        first, last = max(start, at), min(start + length, at + utterance.length)
        part = read_wav(utterance.audio, first - at, last - first)[:, 0]
        place = np.arange(first - at, first - at + len(part))
        edge = np.minimum(place + 1, utterance.length - place) / _EDGE
        found[first - start : first - start + len(part)] += part * np.minimum(edge, 1).astype(np.float32)
    return found


def _pan_curve(narration: Narration) -> tuple[list[int], list[float]]:
    """Return times and places of the speakers between left (-) and right (+), for interpolation."""
    spoken = [(start, end, s.utterance.speaker) for (start, end), s in
              zip(narration.speech(), (s for s in narration.slots if s.utterance), strict=True) if s.utterance]
    order = list(dict.fromkeys(speaker for *_, speaker in spoken))
    spread = np.linspace(-_PAN, _PAN, len(order)) if len(order) > 1 else [0.0]
    places = dict(zip(order, map(float, spread), strict=False))
    times, values = [0], [places[spoken[0][2]] if spoken else 0.0]
    for (_, end, before), (start, _, after) in pairwise(spoken):
        if before != after:
            middle = (end + start) // 2
            times += [middle - _PAN_TURN, middle + _PAN_TURN]
            values += [places[before], places[after]]
    return times, values


# ---------------------------------------------------------------- mastering


@dataclass(frozen=True)
class _Heard:
    """What a listener gets: measured after encoding and decoding."""

    loudness: float  # LUFS
    true_peak: float  # dBTP
    rate: float  # bit/s


def _master(raw: _Raw, sketch: _Sketch, wanted: Mastering, draft: Path, progress: Progress) -> None:
    """Write mix.wav, mix.m4a and mix.json; repeat with corrected aims while the result misses the target."""
    ceiling = wanted.true_peak - _CODEC_MARGIN
    gain = _solve_gain(sketch, wanted.loudness, ceiling)
    for _ in range(_PASSES):
        with AacWriter(draft / "mix.m4a", raw.length, wanted.bit_rate) as aac:
            heard = _render(raw, gain, ceiling, draft / "mix.wav", aac, progress)
        error = wanted.loudness - heard.loudness if heard.loudness > SILENCE and gain < _MOST_GAIN else 0.0
        if abs(error) <= _AIM and heard.true_peak <= wanted.true_peak:
            break
        ceiling -= max(0.0, heard.true_peak - wanted.true_peak + 0.05)
        gain = min(gain + error, _MOST_GAIN)
    finite = {name: round(value, 3) if np.isfinite(value) else None for name, value in asdict(heard).items()}
    (draft / "mix.json").write_text(json.dumps(finite), "utf-8")


def _render(raw: _Raw, gain: float, ceiling: float, wav: Path, aac: AacWriter, progress: Progress) -> _Heard:
    """Write the mix with gain and limiter applied and measure what is heard of it."""
    meter, peak, left = Meter(), PeakMeter(), raw.length

    def listen(frames: Iterable[np.ndarray]) -> None:
        nonlocal left
        heard = np.concatenate([*frames, np.zeros((0, 2), np.float32)])[:left]
        left -= len(heard)
        meter.add(heard)
        peak.add(heard)

    with WavWriter(wav, 2, bits=24) as out:
        for start, length in _blocks(raw.length, BLOCK):
            limited = _limit(raw, start, length, gain, ceiling)
            out.write(limited)
            listen(aac.write(limited))
            progress((start + length) / raw.length)
    listen(aac.finish())
    return _Heard(meter.integrated(), peak.dbtp(), aac.rate)


def _limit(raw: _Raw, start: int, length: int, gain: float, ceiling: float) -> np.ndarray:
    """Return a block with gain and limiter applied; it depends on its surroundings, not on other blocks."""
    hops, around = -(-length // HOP), LIMIT_CONTEXT * HOP + PEAK_CONTEXT
    loud = raw.read(start - around, start + hops * HOP + around) * np.float32(amplitude(gain))
    highest = float(amplitude(ceiling))
    gains = limiter_gains(hop_peaks(loud, highest), highest)[LIMIT_CONTEXT : LIMIT_CONTEXT + hops + 1]
    return loud[around : around + length] * expand(gains)[:length, None]


def _solve_gain(sketch: _Sketch, target: float, ceiling: float) -> float:
    """Return the gain in dB that brings the limited mix to the target; 0 for silence.

    The limiter's effect is foreseen from energies and peaks alone, without touching a sample.
    """
    loudness = integrated(sketch.energies)
    gain = 0.0 if loudness == SILENCE else min(target - loudness, _MOST_GAIN)
    for _ in range(_SOLVER_STEPS):
        kept = _kept(sketch.peaks, float(amplitude(ceiling - gain)), len(sketch.energies))
        error = target - integrated(sketch.energies * kept) - gain
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
