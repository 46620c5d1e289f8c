"""The mix: narration and music become one mastered track.

Everything is streamed in blocks. First the mix is made as it is, its loudness is measured and the gain that
brings it to the target is found; then gain and limiter are applied, the result is encoded, decoded again and
measured as a listener hears it. Only what misses the target then is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from podcast.audio import read_wav
from podcast.cache import Cache, key
from podcast.episode import Mix, MusicBed, Narration, Slot
from podcast.sound.control import HOP, amplitude, expand
from podcast.sound.ducking import Ducking, DuckingCurve
from podcast.sound.loudness import SILENCE
from podcast.sound.mastering import BLOCK, Heard, Progress, RawMix, RawWriter, Target, blocks, bring_to
from podcast.sound.voice import VOICE_DELAY, VoiceChain

VERSION = 3
_EDGE = 240  # samples: 5 ms fades at an utterance's ends
_PAN = 0.08  # how far two speakers sit from the middle, of 1: hardly noticed, and easier to tell apart
_PAN_TURN = 480  # samples: 10 ms on either side of the middle of a gap between two speakers

ReadMusic = Callable[[int, int], np.ndarray]


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
        raw = _mix(narration, music, wanted, draft / "raw.f32", lambda done: report(0.3 * done), block)
        heard = bring_to(Target(wanted.loudness, wanted.true_peak, wanted.bit_rate), raw, draft / "mix.wav",
                         draft / "mix.m4a", lambda done: report(0.3 + 0.7 * done))
        raw.path.unlink()
        (draft / "mix.json").write_text(json.dumps(_finite(heard)), "utf-8")

    entry = cache.fetch(address, make)
    report(1.0)
    measured = json.loads((entry / "mix.json").read_text("utf-8"))
    loudness, peak = (SILENCE if measured[name] is None else measured[name] for name in ("loudness", "true_peak"))
    return Mix(entry / "mix.wav", narration.length, loudness, peak, address, entry / "mix.m4a")


def _finite(heard: Heard) -> dict[str, float | None]:
    """Return what JSON can hold: nothing instead of minus infinity."""
    return {name: round(value, 3) if np.isfinite(value) else None for name, value in asdict(heard).items()}


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


def _mix(narration: Narration, music: ReadMusic | None, wanted: Mastering, path: Path, progress: Progress,
         block: int) -> RawMix:
    """Write the mix before mastering and measure it."""
    voice, curve = _Voice(narration), DuckingCurve(narration.speech(), wanted.ducking)
    level = np.float32(amplitude(wanted.music_level_db))
    with RawWriter(path, narration.length) as out:
        for start, length in blocks(narration.length, block):
            hops = -(-length // HOP)
            mixed = voice.next(hops)[:length]
            if music:
                mixed += music(start, length) * (level * expand(curve.gains(start, hops))[:length, None])
            out.write(mixed)
            progress((start + length) / narration.length)
        return out.finished()


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
