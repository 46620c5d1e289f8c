"""One sentence: spoken, trimmed, levelled and timed; runs in a worker process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from podcast.audio import read_wav, resample, write_wav
from podcast.cache import Cache
from podcast.engines.base import Speech, SpeechEngine
from podcast.episode import SAMPLE_RATE, Phone, Utterance, Word, samples
from podcast.narration.levels import levelled
from podcast.narration.timing import timed, timing_identity
from podcast.narration.voices import voice_identity
from podcast.text import Normalized, normalize

UTTERANCE_VERSION = 1
TAIL = samples(0.045)  # after the last phone: the end of the room's reflections
FADE_IN, FADE_OUT = samples(0.001), samples(0.010)  # so that nothing clicks, and no burst is softened
THRESHOLD = 0.01  # of the peak: where speech begins, for engines without times
MARGIN = samples(0.03)  # kept around it


@dataclass(frozen=True)
class Line:
    """A sentence to be spoken."""

    turn: int  # index into Script.turns
    speaker: str  # Speaker.id
    text: str  # the author's
    said: Normalized
    line: int
    voice: str
    language: str


@dataclass(frozen=True)
class Job:
    """All that a worker needs to make an utterance."""

    engine: SpeechEngine
    line: Line
    options: tuple[tuple[str, Any], ...]
    voice_level: float  # LUFS

    @property
    def spoken(self) -> str:
        """The text that the engine gets."""
        return self.line.said.text if self.engine.info.ipa else self.line.said.plain


def prepare(text: str, language: str, lexicon: Mapping[str, str]) -> Normalized | None:
    """Return a sentence as it is said, or None if nothing of it can be."""
    said = normalize(text, language, lexicon)
    return said if said.plain else None


def address(job: Job, cache: Cache) -> str:
    """Return the content address of an utterance; it knows nothing of the sentence's place in the script."""
    line = job.line
    pieces = [[p.text if job.engine.info.ipa else p.plain, p.first, p.last] for p in line.said.pieces]
    return cache.key(
        "utterance", UTTERANCE_VERSION, engine=[job.engine.info.name, job.engine.identity()],
        voice=voice_identity(line.voice), language=line.language, options=dict(job.options),
        words=line.said.words, pieces=pieces, level=round(job.voice_level, 2), **_timing(job),
    )  # fmt: skip


def _timing(job: Job) -> dict[str, Any]:
    """Return what the times depend on, for engines that give none."""
    return {} if job.engine.info.timings else {"timing": timing_identity(job.line.language)}


def make(job: Job, cache: Cache) -> Path:
    """Make an utterance's entry and return its folder."""
    return cache.put(address(job, cache), lambda into: _record(job, into))


def _record(job: Job, into: Path) -> None:
    with TemporaryDirectory() as folder:
        speech = job.engine.synthesize(job.spoken, job.line.voice, job.line.language, dict(job.options), Path(folder))
        sound = read_wav(speech.audio)[:, 0]
    sound, speech = resample(sound, speech.rate), _at_our_rate(speech)
    first, last = _extent(sound, speech)
    sound = levelled(_faded(sound[first:last]), job.voice_level)
    words, phones = _moved(speech, first, len(sound))
    remarks: list[str] = []
    if not words:
        words, phones, remarks = timed(job.spoken, job.line.language, sound)
    shown = author_words(job.line.said, words, not job.engine.info.ipa)
    write_wav(into / "speech.wav", sound)
    times = {"length": len(sound), "words": [[w.text, w.start, w.end] for w in shown],
             "phones": [[p.symbol, p.start, p.end] for p in phones], "remarks": remarks}  # fmt: skip
    (into / "times.json").write_text(json.dumps(times, ensure_ascii=False), "utf-8")


def load(entry: Path, job: Job, digest: str) -> Utterance:
    """Return the utterance that an entry of the cache holds."""
    times = json.loads((entry / "times.json").read_text("utf-8"))
    words = tuple(Word(text, start, end) for text, start, end in times["words"])
    phones = tuple(Phone(symbol, start, end) for symbol, start, end in times["phones"])
    line = job.line
    return Utterance(line.speaker, line.text, line.line, entry / "speech.wav", times["length"], words, phones, digest)


def remarks_on(utterance: Utterance) -> list[str]:
    """Return what is doubtful about an utterance that was timed by alignment."""
    times = json.loads((utterance.audio.parent / "times.json").read_text("utf-8"))
    return list(times.get("remarks", ()))


# ---------------------------------------------------------------- sound


def _extent(sound: np.ndarray, speech: Speech) -> tuple[int, int]:
    """Return the first and last sample of speech: by the phones, or else by the level."""
    spoken = [p for p in speech.phones if p.symbol]
    if spoken:
        return min(spoken[0].start, len(sound)), min(spoken[-1].end + TAIL, len(sound))
    loud = np.flatnonzero(np.abs(sound) > THRESHOLD * np.abs(sound).max(initial=0.0))
    if not len(loud):
        return 0, len(sound)
    return max(0, int(loud[0]) - MARGIN), min(len(sound), int(loud[-1]) + MARGIN)


def _faded(sound: np.ndarray) -> np.ndarray:
    sound = sound.copy()
    if len(sound) > FADE_IN + FADE_OUT:
        sound[:FADE_IN] *= np.linspace(0, 1, FADE_IN, dtype=np.float32)
        sound[-FADE_OUT:] *= np.linspace(1, 0, FADE_OUT, dtype=np.float32)
    return sound


# ---------------------------------------------------------------- times


def _at_our_rate(speech: Speech) -> Speech:
    """Return the times of speech in samples at 48 kHz."""
    if speech.rate == SAMPLE_RATE:
        return speech

    def at(sample: int) -> int:
        return round(sample * SAMPLE_RATE / speech.rate)

    words = tuple(Word(w.text, at(w.start), at(w.end)) for w in speech.words)
    phones = tuple(Phone(p.symbol, at(p.start), at(p.end)) for p in speech.phones)
    return Speech(speech.audio, SAMPLE_RATE, words, phones)


def _moved(speech: Speech, first: int, length: int) -> tuple[list[Word], list[Phone]]:
    """Return words and phones relative to the trimmed sound and within it."""

    def at(sample: int) -> int:
        return min(max(sample - first, 0), length)

    phones = [Phone(p.symbol, at(p.start), at(p.end)) for p in speech.phones]
    while phones and not phones[-1].symbol:
        phones.pop()  # the silence after the last word is the schedule's
    return [Word(w.text, at(w.start), at(w.end)) for w in speech.words], [p for p in phones if p.end > p.start]


def author_words(said: Normalized, spoken: Sequence[Word], plain: bool = False) -> tuple[Word, ...]:
    """Return the author's words with the times of what was said for them.

    `spoken` are the blank-separated tokens of `said.text` (of `said.plain` if `plain`), in order.
    """
    out: list[Word] = []
    index = 0
    for piece in said.pieces:
        count = len((piece.plain if plain else piece.text).split())
        taken, index = spoken[index : index + count], index + count
        last = out[-1].end if out else 0
        start, end = (max(last, taken[0].start), max(last, taken[-1].end)) if taken else (last, last)
        out += _shared(said.words[piece.first : piece.last], start, end)
    return tuple(out)


def _shared(words: Sequence[str], start: int, end: int) -> Iterator[Word]:
    """Give words that were spoken as one ("20 Nov 2026") their parts of its time."""
    total, passed = sum(len(word) for word in words), 0
    for word in words:
        since, passed = passed, passed + len(word)
        yield Word(word, start + (end - start) * since // total, start + (end - start) * passed // total)
