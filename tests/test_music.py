"""The music of an episode: cues on its clock, caching, the author's files, and the block reader."""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcast.audio import write_wav
from podcast.bed import placements, render_music
from podcast.cache import Cache
from podcast.engines import music_engine
from podcast.episode import SAMPLE_RATE, MusicBed, MusicCue, MusicSpan, Narration, Script, Slot, Turn, Utterance
from podcast.errors import EngineError, MediaError
from podcast.music import BED_LUFS, CROSS, plan, score
from podcast.sound.loudness import Meter

RATE = Fraction(25)
S = SAMPLE_RATE


class Here:
    """A pool of this process that counts what it was given."""

    def __init__(self) -> None:
        self.jobs = 0

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
        self.jobs += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        return future


def narration(*lengths: float, title: float = 4.0, chapter: int | None = None, outro: float = 6.0) -> Narration:
    """A title card, utterances of so many seconds each (turns), a card before turn `chapter`, an end card."""
    slots, at = [Slot("title", 0, round(title * 25), 0)], round(title * 25)
    for turn, length in enumerate(lengths):
        if turn == chapter:
            slots.append(Slot("chapter", at, 75, turn))
            at += 75
        frames = round(length * 25)
        spoken = Utterance("A", "words", 1, Path("x.wav"), frames * 1920 - 9600, (), (), "d")
        slots.append(Slot("speech", at, frames, turn, spoken))
        at += frames
    return Narration((*slots, Slot("outro", at, round(outro * 25), len(lengths))), RATE)


def script(*cues: MusicCue, turns: int = 3) -> Script:
    return Script(Path("s.txt"), "T", tuple(Turn("A", "words", i + 1) for i in range(turns)), (), (), cues)


def seconds(*samples: int) -> tuple[float, ...]:
    return tuple(round(s / S, 2) for s in samples)


# ---------------------------------------------------------------- when


def test_cues_begin_with_their_turn_or_its_card_and_cross_fade() -> None:
    told = narration(10, 20, 30, chapter=1)
    one, two, three = plan((MusicCue(0, 1, "calm"), MusicCue(1, 2, "dark"), MusicCue(2, 3, "happy")), told)
    assert seconds(one.start, two.start, three.start) == (0, 14, 37)  # the second with the chapter's card
    assert seconds(one.end, two.end) == (14 + CROSS, 37 + CROSS) and three.end == told.length
    assert one.fade_out == two.fade_out == CROSS * S and two.fade_in > 0 == one.fade_in


def test_a_stop_fades_out_and_the_next_cue_begins_anew() -> None:
    told = narration(10, 10, 10, 10)
    cues = (MusicCue(0, 1, "calm"), MusicCue(1, 2, stop=True, fade_out=3.0), MusicCue(3, 3, "calm"))
    first, second = plan(cues, told)
    assert seconds(first.start, first.end, first.fade_out, second.start) == (0, 17, 3, 34)


def test_equal_neighbours_continue_and_no_cues_means_one_bed() -> None:
    told = narration(10, 10, 10)
    assert len(plan((MusicCue(0, 1, "calm"), MusicCue(1, 2, "calm"), MusicCue(2, 3, "")), told)) == 1
    (only,) = plan((), told)
    assert (only.start, only.end) == (0, told.length) and only.description
    assert plan((MusicCue(0, 1, stop=True),), told) == []
    (until,) = plan((MusicCue(2, 9, stop=True),), told)
    assert seconds(until.start, until.end) == (0, 28)


def test_a_music_that_is_stopped_where_it_begins_is_a_jingle() -> None:
    told = narration(10, 20)
    _, jingle = plan((MusicCue(0, 1, "calm"), MusicCue(1, 2, "theme"), MusicCue(1, 2, stop=True)), told)
    assert seconds(jingle.start, jingle.end) == (14, 24)
    (*_, outro) = plan((MusicCue(0, 1, "calm"), MusicCue(2, 2, "theme"), MusicCue(2, 2, stop=True)), told)
    assert seconds(outro.start) == (34,) and outro.end == told.length and outro.final


def test_two_cues_before_one_turn_share_card_and_words() -> None:
    first, second = plan((MusicCue(0, 1, "intro theme"), MusicCue(0, 2, "soft bed")), narration(10, 10))
    assert seconds(first.start, second.start) == (0, 4)


def test_a_cue_behind_the_last_words_plays_on_the_end_card() -> None:
    told = narration(10, 10)
    _, last = plan((MusicCue(0, 1, "calm"), MusicCue(2, 9, "outro")), told)
    assert seconds(last.start, last.end) == (24, 30)


def test_the_authors_fades_and_gains_are_kept() -> None:
    cues = (MusicCue(0, 1, "calm", gain_db=-6, fade_in=2.5, fade_out=5.0), MusicCue(1, 2, "dark"))
    first, second = plan(cues, narration(20, 20))
    assert (first.gain_db, second.gain_db) == (-6, 0)
    assert seconds(first.fade_in, first.fade_out, first.end) == (2.5, 5.0, 29)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "calm", "dark", "stop"])), max_size=6))
def test_any_cues_make_an_orderly_bed(wishes: list[tuple[int, str]]) -> None:
    told = narration(3, 0.6, 12, 5, chapter=2)
    cues = tuple(MusicCue(b, 1, "" if d == "stop" else d, stop=d == "stop") for b, d in sorted(wishes))
    stretches = plan(cues, told)
    assert all(0 <= s.start < s.end <= told.length for s in stretches)
    assert all(a.start < b.start and a.end <= b.start + 5 * S for a, b in pairwise(stretches))


# ---------------------------------------------------------------- making and caching


def test_music_is_made_once_and_survives_a_changed_sentence(tmp_path: Path) -> None:
    cues, cache, pool = (MusicCue(0, 1, "calm harp"), MusicCue(2, 2, "dark")), Cache(tmp_path), Here()
    short, longer = narration(1, 1, 2, title=1, outro=1), narration(1, 1.4, 2, title=1, outro=1)
    score(script(*cues), short, cache=cache, pool=pool)
    assert pool.jobs == 2
    bed = score(script(*cues), longer, cache=cache, pool=pool, level_db=-3.0)
    assert pool.jobs == 2 and cache.hits == 2
    score(script(*cues), short, cache=cache, pool=pool, options={"tempo": 80})
    assert pool.jobs == 4 and {s.gain_db for s in bed.spans} == {-3.0}
    assert [s.label for s in bed.spans] == ["calm harp", "dark"] and bed.spans[0].digest != bed.spans[1].digest


def test_music_is_made_in_other_processes(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1) as pool:
        bed = score(script(MusicCue(0, 1, "calm")), narration(3, outro=1), cache=Cache(tmp_path), pool=pool)
    assert np.abs(render_music(bed, S, S)).max() > 0.01


def test_unknown_engines_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="composer"):
        score(script(), narration(5), cache=Cache(tmp_path), pool=Here(), engine=music_engine("compser"))
    with pytest.raises(EngineError, match="percussion"):
        score(script(), narration(5), cache=Cache(tmp_path), pool=Here(), options={"percusion": True})


def test_the_last_chord_rings_until_the_end_of_the_episode(tmp_path: Path) -> None:
    told = narration(40.2)
    (span,) = score(script(MusicCue(0, 1, "calm piano")), told, cache=Cache(tmp_path), pool=Here()).spans
    *_, body, tail = placements(span)
    assert tail.audio == span.audio[span.tail or 0] and (tail.at - span.start) % span.bar == 0
    assert told.length <= tail.at + tail.length < told.length + span.bar and body.at + body.length <= tail.at
    end = render_music(MusicBed((span,)), told.length - 4 * S, 4 * S)
    assert np.abs(end[:S]).max() > 0.01 and np.abs(end[-480:]).max() < 0.002


# ---------------------------------------------------------------- the author's own audio


def tone(length: float, silence: float = 0.0, level: float = 0.1) -> np.ndarray:
    """Return a chord with a beat of 2 Hz, and silence on either side."""
    t = np.arange(round(length * S)) / S
    chord = level * (np.sin(2 * np.pi * 220 * t) + np.sin(2 * np.pi * 330 * t)) * (0.7 + 0.3 * np.sin(4 * np.pi * t))
    gap = np.zeros(round(silence * S))
    return np.repeat(np.concatenate([gap, chord, gap]).astype(np.float32)[:, None], 2, 1)


def encode(path: Path, sound: np.ndarray, codec: str, rate: int = 44_100) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        resampler = av.AudioResampler(stream.format, "stereo", rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.reshape(1, -1)), "flt", "stereo")
        frame.sample_rate = S
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.flac", "flac")])
def test_a_file_is_trimmed_levelled_and_repeated(tmp_path: Path, name: str, codec: str) -> None:
    file = encode(tmp_path / name, tone(10, silence=1.5, level=0.02), codec)
    bed = score(script(), narration(40), cache=Cache(tmp_path / "c"), pool=Here(), music_file=file)
    (span,) = bed.spans
    assert 9.7 < span.lengths[0] / S < 10.3 and span.joint == "fade" and span.overlap == 2 * S
    sound = render_music(bed, 0, span.end)
    meter = Meter()
    meter.add(sound[2 * S : -5 * S])
    assert meter.integrated() == pytest.approx(BED_LUFS, abs=1.0)
    power = (sound[2 * S : -5 * S] ** 2).mean(1)
    windows = power[: len(power) // S * S].reshape(-1, S).mean(1)
    assert windows.min() > 0.2 * np.median(windows)  # no hole at a joint
    assert np.abs(np.diff(sound, axis=0)).max() < 0.05  # no click


def test_a_fade_out_in_a_file_is_played_at_the_end_and_not_repeated(tmp_path: Path) -> None:
    sound = tone(30)
    sound[20 * S :] *= np.linspace(1, 0.002, 10 * S, dtype=np.float32)[:, None]
    write_wav(tmp_path / "song.wav", sound)
    cue = MusicCue(0, 1, file=tmp_path / "song.wav")
    (long,) = score(script(cue), narration(60), cache=Cache(tmp_path / "c"), pool=Here()).spans
    (short,) = score(script(cue), narration(10), cache=Cache(tmp_path / "c"), pool=Here()).spans
    assert 20 < long.lengths[0] / S < 26 and short.lengths[0] > 29 * S


def test_files_that_are_no_sound_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("This is no music at all. " * 99)
    write_wav(tmp_path / "silent.wav", np.zeros((S, 2), np.float32))
    for name, found in (("text.mp3", "text.mp3"), ("silent.wav", "silence"), ("missing.mp3", "no such")):
        with pytest.raises(MediaError, match=found) as caught:
            score(script(), narration(5), cache=Cache(tmp_path / "c"), pool=Here(), music_file=tmp_path / name)
        assert name in str(caught.value)


# ---------------------------------------------------------------- blocks


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> MusicBed:
    folder, rng = tmp_path_factory.mktemp("bed"), np.random.default_rng(0)
    paths = tuple(folder / f"{i}.wav" for i in range(3))
    lengths = (9_000, 12_345, 15_001)
    for path, length in zip(paths, lengths, strict=True):
        write_wav(path, rng.uniform(-0.2, 0.2, (length, 2)).astype(np.float32))
    fade = MusicSpan(100, 70_000, paths, lengths, "", 1, 2_000, None, "fade", 0, 3_000, 5_000, -3.0)
    return MusicBed((fade, replace(fade, start=60_000, end=130_003, joint="add", tail=2, bar=1_111)))


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 140_000), max_size=12))
def test_blocks_do_not_change_the_samples(bed: MusicBed, cuts: list[int]) -> None:
    whole = render_music(bed, 0, 140_000)
    edges = [0, *sorted(cuts), 140_000]
    parts = [render_music(bed, a, b - a) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert not whole[:100].any() and not whole[130_003:].any() and whole[130_003 - 2_000 : 130_003].any()


def test_a_piece_that_may_not_repeat_is_played_once(bed: MusicBed) -> None:
    once = replace(bed.spans[0], joint="add", loop_from=3, fade_in=0, fade_out=0)
    assert [p.audio for p in placements(once)] == list(once.audio)
