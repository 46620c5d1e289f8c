"""Script and narration -> MusicBed: what plays when, composed or taken from the author's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from podcast.audio import WavWriter, decode
from podcast.cache import Cache, digest_of_file, key
from podcast.engines import music_engine
from podcast.engines.base import Music, MusicEngine
from podcast.episode import SAMPLE_RATE, MusicBed, MusicCue, MusicSpan, Narration, Script, samples, samples_at, seconds
from podcast.errors import MediaError
from podcast.sound.loudness import LOUDNESS_HOP, Meter

VERSION = 1  # of cached music and prepared files
DEFAULT_DESCRIPTION = "warm, gentle, unobtrusive background"
BED_LUFS = -20.0  # loudness that composed music has and files are brought to
CROSS = 2.0  # seconds over which one music gives way to the next
STOP_FADE = 4.0  # seconds of a fade-out that the author asked for without a length
END_FADE = 1.5  # seconds at the end of a last chord's ring
FILE_FADE = 0.5  # seconds at the beginning of a file that starts the episode
LENGTHS = (6.0, 15.0, 30.0, 60.0, 120.0)  # seconds asked of an engine, so that a changed sentence changes no music
_FILE_OVERLAP = 2.0  # seconds of cross-fade where a file repeats
_FILE_PEAK = -3.0  # dBFS that a file's peaks reach at most
_SILENCE = 10 ** (-60 / 20)  # full scale below which a file's beginning and end are silence
_LOOP_DROP = 4.0  # dB below its usual level where a file has begun to fade out
_ALONE = samples(6.0)  # for which a music plays at least when it is stopped where it begins
_SHORTEST = samples(0.25)  # of a stretch of music that is worth playing

Progress = Callable[[float], None]


class Pool(Protocol):
    """Something that works in other processes, as `concurrent.futures.Executor` does."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """Start `fn(*args)` and return a future."""
        ...


@dataclass(frozen=True)
class Stretch:
    """A time in which one music plays, in samples; a description or a file."""

    start: int
    end: int
    description: str
    file: Path | None
    fade_in: int
    fade_out: int
    gain_db: float
    final: bool  # it lasts until the episode's end

    @property
    def source(self) -> tuple[str, Path | None]:
        """What plays."""
        return self.description, self.file


def score(
    script: Script,
    narration: Narration,
    *,
    cache: Cache,
    pool: Pool,
    engine: MusicEngine | None = None,
    music_file: Path | None = None,
    level_db: float = 0.0,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    default_description: str = DEFAULT_DESCRIPTION,
    progress: Progress | None = None,
) -> MusicBed:
    """Return the music of the episode: the script's cues, or one gentle bed where it has none.

    Music is made in `pool`, different cues at once, and cached one by one; by the embedded composer if no `engine` is
    given. `music_file` replaces all descriptions; cues that stop the music still do. `level_db` is added to the gain
    of every span (0: -20 LUFS). A cue's `solo` moves nothing here: the pause before the words, in which the mix does
    not duck, is the narration's.

    Raises:
        EngineError: the engine refused an option or failed.
        MediaError: one of the author's files is missing or holds no sound.
    """
    stretches = plan(script.music, narration, music_file, default_description)
    composing = partial(_compose_job, engine or music_engine(), seed, dict(options or {}))
    jobs = {_job_key(s): _file_job(s.file) if s.file else composing(s) for s in stretches}
    made = _make_all(jobs, cache, pool, progress or (lambda _: None))
    return MusicBed(tuple(_span(s, *made[_job_key(s)], level_db) for s in stretches))


# ---------------------------------------------------------------- what plays when


def plan(cues: tuple[MusicCue, ...], narration: Narration, music_file: Path | None = None,
         default_description: str = DEFAULT_DESCRIPTION) -> list[Stretch]:  # fmt: skip
    """Return the stretches of music in order; neighbours overlap by their cross-fade."""
    if not cues or (cues[0].stop and cues[0].before > 0):
        cues = (MusicCue(0, 0), *cues)
    found: list[Stretch] = []
    for cue, start in zip(cues, _starts(cues, narration), strict=True):
        before = found[-1] if found and found[-1].final else None
        if cue.stop:
            if before and start == before.start:
                start += _ALONE  # a jingle: "[MUSIC: theme] [MUSIC: fade out]"
            if before and start < narration.length:
                _end(found, start, cue.fade_out if cue.fade_out is not None else STOP_FADE, narration.length)
            continue
        stretch = _stretch(cue, start, before, narration.length, music_file, default_description)
        if before and (stretch.source, stretch.gain_db) == (before.source, before.gain_db) and not cue.solo:
            continue
        if found and found[-1].start == start:
            found.pop()  # it would have no time
        elif found and found[-1].end > start:
            _end(found, start, None, narration.length)
        found.append(stretch)
    return [s for s in found if s.end - s.start >= _SHORTEST]


def _starts(cues: tuple[MusicCue, ...], narration: Narration) -> list[int]:
    """Return where each cue begins: with the card before its turn or, if another cue has that, with the words."""
    starts: list[int] = []
    for before, group in groupby(cues, key=lambda c: c.before):
        together = len(list(group))
        card, words = _places(before, narration)
        starts += [card] * max(together - 1, 1) + [words] * (together > 1)
    return starts


def _places(before: int, narration: Narration) -> tuple[int, int]:
    """Return where the card (or the words) and the words of a turn begin; behind the last: where all words end."""
    spoken = narration.speech()
    following = [slot for slot in narration.slots if slot.turn >= before] or list(narration.slots[-1:])
    words = [slot for slot in following if slot.kind == "speech" and slot.turn >= before]
    behind = spoken[-1][1] if spoken else 0
    if not following or (following[0].kind == "speech" and not words):
        return behind, behind
    card = samples_at(following[0].start, narration.rate)
    return card, samples_at(words[0].start, narration.rate) if words else card


def _stretch(
    cue: MusicCue, start: int, before: Stretch | None, end: int, music_file: Path | None, default: str
) -> Stretch:
    file = music_file or cue.file
    description = "" if file else cue.description
    if not file and not description:
        file, description = (before.file, before.description) if before else (None, default)
    usual = (FILE_FADE if file else 0.0) if before is None else (CROSS if file else CROSS / 3)
    fade_in = cue.fade_in if cue.fade_in is not None else usual
    fade_out = cue.fade_out if cue.fade_out is not None else 0.0
    return Stretch(start, end, description, file, samples(fade_in), samples(fade_out), cue.gain_db or 0.0, True)


def _end(found: list[Stretch], at: int, fade: float | None, limit: int) -> None:
    """Let the music that plays fade out from `at` on, over the next one's beginning."""
    last = found[-1]
    length = samples(fade) if fade is not None else last.fade_out or samples(CROSS)
    end = min(at + length, limit, last.end)
    found[-1] = Stretch(
        last.start, end, last.description, last.file, last.fade_in, min(length, end - last.start), last.gain_db, False
    )


# ---------------------------------------------------------------- making it

Job = tuple[str, Callable[[Path], None]]  # address in the cache, and what fills the entry


def _job_key(stretch: Stretch) -> tuple[str, Path | None, float]:
    return stretch.description, stretch.file, 0.0 if stretch.file else _asked(stretch)


def _asked(stretch: Stretch) -> float:
    """Return the length to ask an engine for: the least usual one that is long enough, or the longest."""
    wanted = seconds(stretch.end - stretch.start)
    return next((length for length in LENGTHS if length >= wanted), LENGTHS[-1])


def _compose_job(engine: MusicEngine, seed: int, options: dict[str, Any], stretch: Stretch) -> Job:
    asked = _asked(stretch)
    address = key(
        "music", VERSION, engine=engine.identity(), description=stretch.description, seconds=asked, seed=seed,
        options=options,
    )
    return address, partial(_compose, engine, stretch.description, asked, seed, options)


def _compose(
    engine: MusicEngine, description: str, length: float, seed: int, options: dict[str, Any], into: Path
) -> None:
    _describe(engine.generate(description, length, seed, options, into), BED_LUFS, None, into)


def _file_job(file: Path) -> Job:
    if not file.is_file():
        raise MediaError(
            "there is no such sound file", "correct its name in the script or in the configuration", str(file)
        )
    return key("music-file", VERSION, content=digest_of_file(file)), partial(_prepare, file)


def _make_all(jobs: Mapping[Any, Job], cache: Cache, pool: Pool, progress: Progress) -> dict[Any, tuple[str, Path]]:
    """Return (address, entry) of every job; those that are not in the cache are done in the pool, at once."""
    found = {name: cache.get(address) for name, (address, _) in jobs.items()}
    missing = {address: fill for name, (address, fill) in jobs.items() if found[name] is None}
    cache.hits += len(jobs) - len(missing)
    cache.misses += len(missing)
    waiting = {address: pool.submit(_fill, cache, address, fill) for address, fill in missing.items()}
    entries: dict[str, Path] = {}
    for address, future in waiting.items():
        progress(len(entries) / len(waiting))
        entries[address] = future.result()
    progress(1.0)
    return {name: (address, found[name] or entries[address]) for name, (address, _) in jobs.items()}


def _fill(cache: Cache, address: str, fill: Callable[[Path], None]) -> Path:
    return cache.put(address, fill)


def _describe(music: Music, loudness: float, loop_end: int | None, into: Path) -> None:
    """Write down, beside the pieces, how they are to be played."""
    known = asdict(music) | {
        "pieces": [piece.name for piece in music.pieces],
        "loudness": loudness,
        "loop_end": loop_end,
    }
    (into / "music.json").write_text(json.dumps(known), "utf-8")


def _span(stretch: Stretch, address: str, entry: Path, level_db: float) -> MusicSpan:
    """Return a stretch as a span over the pieces that were made for it."""
    music = json.loads((entry / "music.json").read_text("utf-8"))
    lengths = tuple(music["lengths"])
    if music["loop_end"] and lengths[0] < stretch.end - stretch.start:
        lengths = (music["loop_end"],)  # it has to repeat: go back before it fades away
    tail = music["tail"] if stretch.final else None
    fade_out = stretch.fade_out
    if stretch.final and not fade_out:
        fits = tail is not None and lengths[tail] < stretch.end - stretch.start
        fade_out = samples(END_FADE if fits or music["loop_from"] >= len(lengths) else STOP_FADE)
    room = stretch.end - stretch.start
    return MusicSpan(
        stretch.start, stretch.end, tuple(entry / name for name in music["pieces"]), lengths, address,
        music["loop_from"],
        music["overlap"], tail, music["joint"], music["bar"], min(stretch.fade_in, room // 2), min(fade_out, room),
        stretch.gain_db + level_db + BED_LUFS - music["loudness"], stretch.description or str(stretch.file),
    )  # fmt: skip


# ---------------------------------------------------------------- the author's own audio


def _prepare(file: Path, into: Path) -> None:
    """Decode a file block by block, find where its sound begins, ends and can repeat, and how loud it is."""
    meter, peak, length = Meter(), 0.0, 0
    with WavWriter(into / "music.wav", 2) as out:
        for block in decode(file):
            if not out.length and not (block := _from_first_sound(block)).size:
                continue
            level = np.max(np.abs(block), axis=1)
            if (loud := np.flatnonzero(level > _SILENCE)).size:
                length = out.length + int(loud[-1]) + 1
            peak = max(peak, float(level.max(initial=0.0)))
            meter.add(block)
            out.write(block)
    if not length:
        raise MediaError("there is nothing but silence in this file", "give another file", str(file))
    loop_end = _loop_end(meter.energies(), length)
    overlap = min(samples(_FILE_OVERLAP), loop_end // 4)
    loudness = max(meter.integrated(), BED_LUFS - _FILE_PEAK + 20 * float(np.log10(peak)))
    _describe(Music((into / "music.wav",), (length,), 0, overlap), loudness, loop_end, into)


def _from_first_sound(block: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.max(np.abs(block), axis=1) > _SILENCE)
    return block[loud[0] :] if loud.size else block[:0]


def _loop_end(energies: np.ndarray, length: int) -> int:
    """Return the sample up to which the music keeps its level; a fade-out behind it is not repeated."""
    window = max(1, round(_FILE_OVERLAP * SAMPLE_RATE / LOUDNESS_HOP))
    if len(energies) < 4 * window:
        return length
    level = 10 * np.log10(np.maximum(np.convolve(energies, np.full(window, 1 / window), "valid"), 1e-12))
    usual = float(np.median(level))
    kept = np.flatnonzero(level > usual - _LOOP_DROP)
    return max(min(length, (int(kept[-1]) + window) * LOUDNESS_HOP), length // 2)
