"""The author's own recording of the whole script: cut into sentences, timed and levelled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from podcast.alignment.features import level as level_of
from podcast.alignment.features import mel, mel_of
from podcast.alignment.outline import POOLED, outline
from podcast.audio import WavWriter, decode, read_wav, write_wav
from podcast.cache import Cache, digest_of, digest_of_file
from podcast.engines.base import SpeechEngine
from podcast.episode import SAMPLE_RATE, Narration, Phone, Script, Utterance, Word, samples
from podcast.errors import EngineError, MediaError, ScriptError
from podcast.narration.levels import SILENT, amplified
from podcast.narration.narrate import Pool, Progress, _jobs, _lines, _made, _silent
from podcast.narration.passages import Said, passages, said, silences_of, spoken, with_aside, with_room
from podcast.narration.schedule import Cards, schedule_recorded
from podcast.narration.utterance import Line
from podcast.narration.voices import language_of
from podcast.sound.loudness import Meter

RECORDING_VERSION = 4
STRANGE = 0.90  # mean cost of all alignments: readers of the right text cost 0.79 to 0.89, of another one 0.91 to 0.99
HEARD = 0.5  # share of the script that a recording must say, by sentences
FADE = samples(0.03)  # at the end of an utterance that no pause of the recording joins to its neighbour
JOINT = 240  # samples that joined utterances overlap: the mix fades edges over as many, so their sum has no dip
PAUSE = samples(4.0)  # a pause of the recording that is carried over, at most: where it is longer, music may rise
STIR = 15.0  # dB below the level of speech: a pause in which nothing is louder is the room's (and breath)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Source:
    """A recording and what it should say."""

    recording: Path
    lines: tuple[Line, ...]
    references: tuple[Utterance, ...]
    parted: tuple[int, ...] = ()  # indices of the lines before which the episode has time of its own


def narrate_recording(
    script: Script,
    recording: Path,
    *,
    engine: SpeechEngine,
    cache: Cache,
    pool: Pool,
    rate: Fraction,
    cards: Cards | None = None,
    music_alone: bool = True,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Narration:
    """Return the narration of a script that somebody has recorded, with the slots that `narrate` makes.

    `engine` is a voice with exact times that says the same for comparison; it is not heard. The recording's own
    pauses are kept. `tell` hears of sentences that are missing or are said differently, one line each; a missing
    sentence has no slot. `progress` is told as by `narrate`.

    Raises:
        MediaError: the recording cannot be read, or says something else than the script.
        ScriptError: nothing in the script is spoken.
        EngineError: the engine does not speak a language of the script, and so cannot be compared with.
    """
    source = _source(script, recording, engine, cache, pool, progress or _silent)
    source = replace(source, parted=_parted(script, source.lines, cards or Cards(), music_alone))
    entry = cache.fetch(_address(source, cache), lambda into: _cut(source, into))
    found = json.loads((entry / "times.json").read_text("utf-8"))
    for text in _remarks(source.lines, found):
        (tell or _nobody)(text)
    _check(recording, found)
    spoken = [(line.turn, _utterance(line, entry, times), times["start"])
              for line, times in zip(source.lines, found, strict=True) if times["heard"]]  # fmt: skip
    return schedule_recorded(script, spoken, rate, cards or Cards(), music_alone=music_alone)


def _nobody(text: str) -> None:
    """Hear nothing."""


def _source(
    script: Script, recording: Path, engine: SpeechEngine, cache: Cache, pool: Pool, progress: Progress
) -> _Source:
    lines = tuple(_lines(script, {s.id: _reference_voice(engine, language_of(s, script)) for s in script.speakers}, {}))
    if not lines:
        raise ScriptError.at(script.path, 0, "nothing in this script is spoken", "Write some sentences into it.")
    return _Source(recording, lines, tuple(_made(_jobs(lines, engine, {}, cache), cache, pool, progress)))


def _parted(script: Script, lines: Sequence[Line], cards: Cards, music_alone: bool) -> tuple[int, ...]:
    """Return the indices of the lines before which a card is shown or music plays alone."""
    turns = {c.before for c in script.chapters if cards.chapter > 0}
    turns |= {cue.before for cue in script.music if cue.solo and music_alone}
    spoken = [-1, *(line.turn for line in lines)]
    return tuple(i for i, (a, b) in enumerate(pairwise(spoken)) if any(a < turn <= b for turn in turns))


def _reference_voice(engine: SpeechEngine, language: str) -> str:
    if own := engine.voices(language):
        return own[0]
    raise EngineError(f"a recording in {language!r} cannot be compared with the script: {engine.info.name} does not "
                      "speak that language", "Correct the script's language (a code such as en, de).", "language")


def _address(source: _Source, cache: Cache) -> str:
    return cache.key("recording", RECORDING_VERSION, recording=digest_of_file(source.recording),
                     references=[u.digest for u in source.references], parted=source.parted)  # fmt: skip


def _utterance(line: Line, entry: Path, times: dict[str, Any]) -> Utterance:
    words = tuple(Word(*w) for w in times["words"])
    phones = tuple(Phone(*p) for p in times["phones"])
    audio = entry / times["file"]
    return Utterance(line.speaker, line.text, line.line, audio, times["length"], words, phones, times["digest"])


def _remarks(lines: Sequence[Line], found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for line, times in zip(lines, found, strict=True):
        for remark in times["remarks"]:
            yield f"line {line.line}: {remark} ({line.text})"


def _check(recording: Path, found: Sequence[dict[str, Any]]) -> None:
    right = sum(times["heard"] and not times["wrong"] for times in found)
    costs = [times["cost"] for times in found if times["heard"]]
    strange = right < len(found) and bool(costs) and sum(costs) / len(costs) > STRANGE
    if strange or right < HEARD * len(found):
        problem = f"this recording does not say this script: {right} of {len(found)} sentences were recognised"
        raise MediaError(problem, "Give the recording of this very script, or leave out --narration.", str(recording))


# ---------------------------------------------------------------- the work


def _cut(source: _Source, into: Path) -> None:
    """Write a wav file of every sentence that is heard, and all times."""
    whole = into / "whole.wav"
    power, level, length = _decoded(source.recording, whole)
    places = outline(power, [_pooled(u.audio) for u in source.references])
    sentences: list[Said] = []
    found = passages(places, power, length)
    for passage in found:
        sound = _read(whole, passage.start, passage.end)
        sentences += said(passage, sound, [source.references[i] for i in passage.sentences])
        if passage.aside and sentences:
            sentences[-1] = with_aside(sentences[-1], passage.aside, _read(whole, *passage.aside))
    times = [_missing() for _ in source.lines]
    roomy = with_room(sentences, length)
    joins = [_is_joined(a, b, whole, source.parted) for a, b in pairwise(roomy)]
    for k, sentence in enumerate(roomy):
        before, joined = k > 0 and joins[k - 1], k < len(joins) and joins[k]
        kept = replace(sentence, end=roomy[k + 1].start + JOINT) if joined else sentence
        sound = _faded(amplified(_read(whole, kept.start, kept.end), level), not before, not joined)
        times[sentence.index] = _written(kept, sound, into)
    if sentences:
        quiet = silences_of(power)
        first, last = times[sentences[0].index], times[sentences[-1].index]
        first["remarks"] += ["what is said before it is left out"] * spoken(0, found[0].start, quiet)
        last["remarks"] += ["what is said after it is left out"] * spoken(found[-1].end, length, quiet)
    whole.unlink()
    (into / "times.json").write_text(json.dumps(times, ensure_ascii=False), "utf-8")


def _decoded(recording: Path, whole: Path) -> tuple[np.ndarray, float, int]:
    """Write the recording as a mono wav; return rows of `mel`, loudness (LUFS) and length, in one pass."""
    meter = Meter()
    with WavWriter(whole, 1, bits=24) as out:

        def blocks() -> Iterator[np.ndarray]:
            for block in _large(decode(recording, 1)):
                meter.add(np.concatenate([block, np.zeros_like(block)], 1))  # mono: one channel counts
                out.write(block[:, 0])
                yield block[:, 0]

        rows = list(mel_of(blocks(), POOLED))
        length = out.length
    level = meter.integrated() if rows else SILENT
    if not isfinite(level) or level <= SILENT:
        raise MediaError("this recording is silent", "Give a recording of the script.", str(recording))
    return np.concatenate(rows), level, length


def _large(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield blocks of a second or more: codecs give packets, and every block has its price."""
    waiting: list[np.ndarray] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= SAMPLE_RATE:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _pooled(audio: Path) -> np.ndarray:
    return np.concatenate(list(mel_of(iter([read_wav(audio)[:, 0]]), POOLED)))


def _read(whole: Path, start: int, end: int) -> np.ndarray:
    return read_wav(whole, start, max(0, end - start))[:, 0]


def _is_joined(sentence: Said, following: Said, whole: Path, parted: Sequence[int]) -> bool:
    """Whether the recording's own pause is kept between two sentences: the room goes on, and no card comes between."""
    pause = following.start - sentence.end
    if pause > PAUSE or any(sentence.index < i <= following.index for i in parted):
        return False
    if pause < JOINT:
        return True
    speech = np.percentile(level_of(mel(_read(whole, sentence.start, sentence.end))), 95)
    return bool(level_of(mel(_read(whole, sentence.end, following.start))).max() < speech - STIR)


def _faded(sound: np.ndarray, begins: bool, ends: bool) -> np.ndarray:
    """Return sound that begins and ends softly (raised cosines), where it does."""
    size = min(FADE, len(sound) // 2)
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(size) + 0.5) / max(1, size))).astype(np.float32)
    if begins and size:
        sound[:size] *= rise
    if ends and size:
        sound[-size:] *= rise[::-1]
    return sound


def _missing() -> dict[str, Any]:
    return {"heard": False, "wrong": False, "remarks": ["not in the recording"]}


def _written(sentence: Said, sound: np.ndarray, into: Path) -> dict[str, Any]:
    """Write a sentence's sound; return its times, from its own first sample on."""
    file = f"{sentence.index:05}.wav"
    write_wav(into / file, sound)

    def at(sample: int) -> int:
        return min(max(sample - sentence.start, 0), len(sound))

    words = [[w.text, at(w.start), at(w.end)] for w in sentence.words]
    phones = [[p.symbol, at(p.start), at(p.end)] for p in sentence.phones]
    remarks = [*sentence.remarks, *(["something else seems to be said"] if sentence.wrong else [])]
    content = digest_of([words, phones, digest_of_file(into / file)])
    return {"heard": True, "wrong": sentence.wrong, "cost": sentence.cost, "remarks": remarks, "file": file,
            "start": sentence.start, "length": len(sound), "words": words, "phones": phones, "digest": content}
