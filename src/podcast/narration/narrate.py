"""Speak a script: sentence by sentence, in parallel, each one once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from podcast.audio import read_wav, resample, write_wav
from podcast.cache import Cache
from podcast.engines.base import SpeechEngine
from podcast.episode import Narration, Script, Turn, Utterance
from podcast.errors import ScriptError
from podcast.narration.levels import levelled, loudness
from podcast.narration.schedule import Cards, Pauses, schedule
from podcast.narration.utterance import Job, Line, address, load, make, prepare, remarks_on
from podcast.narration.voices import assign_voices, language_of, reference_level
from podcast.text import check_lexicon, sentences

WAIT = 0.5  # s between looks for an interruption

Progress = Callable[[int, int, bool], None]


class Pool(Protocol):
    """Where work is done: a process pool, or anything else that takes work."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Take a piece of work."""
        ...


def narrate(
    script: Script,
    *,
    engine: SpeechEngine,
    cache: Cache,
    pool: Pool,
    rate: Fraction,
    voices: Mapping[str, str] | None = None,
    lexicon: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    pauses: Pauses | None = None,
    cards: Cards | None = None,
    music_alone: bool = True,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Narration:
    """Return the narration of a script: utterances in the cache, on a clock of whole frames.

    `voices` maps `Speaker.id` to a voice and goes before the script's own; `lexicon` maps words to their
    pronunciation; `options` are the engine's. `progress` is told (done, all, reused) after every utterance;
    `tell` hears, a line each, of words that an engine without times of its own left out or added.

    Raises:
        ScriptError: nothing in the script can be said.
        EngineError: the engine refuses a voice, an option, a language or a phone.
        ConfigError: a pronunciation is not closed.
    """
    check_lexicon(lexicon or {})
    chosen = assign_voices(script, engine, voices)
    lines = list(_lines(script, chosen, lexicon or {}))
    if not lines:
        raise ScriptError.at(script.path, 0, "nothing in this script is spoken", "Write some sentences into it.")
    jobs = _jobs(lines, engine, options or {}, cache)
    utterances = _made(jobs, cache, pool, progress or _silent)
    spoken = [(line.turn, utterance) for line, utterance in zip(lines, utterances, strict=True)]
    if tell and not engine.info.timings:
        for line, utterance in zip(lines, utterances, strict=True):
            for remark in remarks_on(utterance):
                tell(f"line {line.line}: {remark} ({line.text})")
    return schedule(script, spoken, rate, pauses or Pauses(), cards or Cards(), music_alone)


def sample(
    engine: SpeechEngine,
    voice: str,
    text: str,
    into: Path,
    language: str = "en",
    options: Mapping[str, Any] | None = None,
) -> Path:
    """Let a voice say a text; return the wav file (mono 48 kHz, levelled) in the folder `into`."""
    said = prepare(text, language, {})
    with TemporaryDirectory() as folder:
        spoken = (said.text if engine.info.ipa else said.plain) if said else ""
        speech = engine.synthesize(spoken, voice, language, options or {}, Path(folder))
        sound = resample(read_wav(speech.audio)[:, 0], speech.rate)
    into.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() or c in "-+" else "_" for c in f"{engine.info.name}-{voice}")
    write_wav(into / f"{name}.wav", levelled(sound, loudness(sound)))
    return into / f"{name}.wav"


def _silent(done: int, total: int, reused: bool) -> None:
    """Tell nobody."""


def _lines(script: Script, voices: Mapping[str, str], lexicon: Mapping[str, str]) -> Iterator[Line]:
    speakers = {speaker.id: speaker for speaker in script.speakers}
    for index, turn in enumerate(script.turns):
        language = language_of(speakers[turn.speaker], script)
        yield from _turn_lines(index, turn, voices[turn.speaker], language, lexicon)


def _turn_lines(
    index: int, turn: Turn, voice: str, language: str, lexicon: Mapping[str, str]
) -> Iterator[Line]:
    for sentence in sentences(turn.text, language):
        if said := prepare(sentence, language, lexicon):
            yield Line(index, turn.speaker, sentence, said, turn.line, voice, language)


def _jobs(lines: Sequence[Line], engine: SpeechEngine, options: Mapping[str, Any], cache: Cache) -> list[Job]:
    levels = {
        key: reference_level(engine, *key, options, cache)
        for key in dict.fromkeys((line.voice, line.language) for line in lines)
    }
    given = tuple(sorted(options.items()))
    return [Job(engine, line, given, levels[line.voice, line.language]) for line in lines]


def _made(jobs: Sequence[Job], cache: Cache, pool: Pool, progress: Progress) -> list[Utterance]:
    """Return the utterances in order; equal ones are made once."""
    addresses = [address(job, cache) for job in jobs]
    by_address = dict(zip(addresses, jobs, strict=True))
    entries = {a: entry for a in by_address if (entry := cache.get(a))}
    total, done = len(by_address), 0
    for _ in entries:
        done += 1
        progress(done, total, True)
    missing = {a: job for a, job in by_address.items() if a not in entries}
    cache.hits, cache.misses = cache.hits + len(entries), cache.misses + len(missing)
    for found, entry in _finished(missing, cache, pool):
        entries[found] = entry
        done += 1
        progress(done, total, False)
    return [load(entries[a], job, a) for a, job in zip(addresses, jobs, strict=True)]


def _finished(missing: Mapping[str, Job], cache: Cache, pool: Pool) -> Iterator[tuple[str, Path]]:
    waiting = {pool.submit(make, job, cache): a for a, job in missing.items()}
    try:
        while waiting:
            done, _ = wait(waiting, timeout=WAIT, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()
    finally:
        for future in waiting:
            future.cancel()
