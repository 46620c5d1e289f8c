"""A script as it is spoken: what is in the wav files, when, and how often work is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcast.audio import read_wav, write_wav
from podcast.cache import Cache
from podcast.engines import SPEECH_ENGINES, speech_engine
from podcast.engines.base import EngineInfo, Speech
from podcast.episode import (
    SAMPLE_RATE,
    Chapter,
    MusicCue,
    Narration,
    Script,
    Speaker,
    Turn,
    Utterance,
    Word,
    samples_at,
)
from podcast.errors import ConfigError, EngineError, PodcastError, ScriptError
from podcast.narration import Cards, Pauses, assign_voices, narrate, sample
from podcast.narration.schedule import LEAD, schedule
from podcast.narration.utterance import author_words
from podcast.process import WorkerPool
from podcast.text import normalize

ESPEAK = speech_engine()
RATE = Fraction(25)
NO_CARDS = Cards(0, 0, 0)


class Inline:
    """Does work at once."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def script(*turns: str | Turn, **fields: Any) -> Script:
    """Return a script of turns "SPEAKER: text"."""
    made = tuple(
        t if isinstance(t, Turn) else Turn(t.split(": ", 1)[0], t.split(": ", 1)[1], i + 1) for i, t in enumerate(turns)
    )
    speakers = fields.pop("speakers", None) or tuple(
        Speaker(id, id.title()) for id in dict.fromkeys(t.speaker for t in made)
    )
    return Script(Path("test.txt"), fields.pop("title", ""), made, speakers, **fields)


def run(text: Script, folder: Path, **wanted: Any) -> Narration:
    wanted = {"engine": ESPEAK, "pool": Inline(), "rate": RATE, "cards": NO_CARDS, **wanted}
    return narrate(text, cache=Cache(folder), **wanted)


def utterances(narration: Narration) -> list[Utterance]:
    return [slot.utterance for slot in narration.slots if slot.utterance]


def sound(utterance: Utterance) -> np.ndarray:
    return read_wav(utterance.audio)[:, 0]


DIALOGUE = script(
    "ANNA: Welcome back, everyone! Today we look at 3 machines, e.g. the one from 1998.",
    "BEN: Thanks, Anna. It costs $3.50, and it was built on 20 Nov 2026. Would you buy one?",
    "ANNA: Perhaps; it depends on what it does.",
)


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Narration:
    return run(DIALOGUE, tmp_path_factory.mktemp("cache"))


# ---------------------------------------------------------------- what is in the files


def test_every_utterance_is_a_48_khz_file_of_its_length(dialogue: Narration) -> None:
    for utterance in utterances(dialogue):
        assert len(sound(utterance)) == utterance.length > SAMPLE_RATE // 4


def test_the_words_are_the_authors_with_times_in_order(dialogue: Narration) -> None:
    said = [word.text for utterance in utterances(dialogue) for word in utterance.words]
    assert said == " ".join(turn.text for turn in DIALOGUE.turns).split()
    for utterance in utterances(dialogue):
        times = [t for word in utterance.words for t in (word.start, word.end)]
        assert times == sorted(times) and times[0] >= 0 and times[-1] <= utterance.length
        assert all(word.end > word.start for word in utterance.words)


def test_words_begin_within_40_ms_of_their_sound(dialogue: Narration) -> None:
    checked = 0
    for utterance in utterances(dialogue):
        heard = np.abs(sound(utterance))
        starts = {word.start for word in utterance.words}
        assert np.argmax(heard > 0.01) <= 0.040 * SAMPLE_RATE
        for pause in (p for p in utterance.phones if not p.symbol and p.end in starts):
            middle = (pause.start + pause.end) // 2
            onset = middle + int(np.argmax(heard[middle:] > 0.015))
            assert abs(onset - pause.end) <= 0.040 * SAMPLE_RATE
            checked += 1
    assert checked >= 4


def test_phones_fill_the_utterance(dialogue: Narration) -> None:
    for utterance in utterances(dialogue):
        assert utterance.phones[0].start == 0
        assert 0 <= utterance.length - utterance.phones[-1].end <= 0.05 * SAMPLE_RATE
        assert all(a.end == b.start for a, b in pairwise(utterance.phones))
        assert utterance.phones[-1].symbol


def test_voices_are_equally_loud_and_leave_headroom(tmp_path: Path) -> None:
    lines = (
        "The weather in the north is cold and the nights are long.",
        "Nobody knew where the music came from, but everyone danced until the morning.",
    )
    voices = ESPEAK.voices("en")
    talk = script(*(f"S{i}: {line}" for i, _ in enumerate(voices) for line in lines))
    made = utterances(run(talk, tmp_path))
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    levels = [meter.integrated_loudness(sound(u).astype(np.float64)) for u in made]
    assert all(abs(level + 20) < 1.2 for level in levels)
    assert all(np.abs(sound(u)).max() < 10 ** (-3 / 20) for u in made)


def test_a_single_short_word_is_spoken_at_a_sane_level(tmp_path: Path) -> None:
    (made,) = utterances(run(script("A: No."), tmp_path))
    assert made.length < SAMPLE_RATE
    loud = 20 * np.log10(np.sqrt(np.mean(sound(made) ** 2)))
    assert -30 < loud < -14


# ---------------------------------------------------------------- the clock


def check_clock(narration: Narration) -> None:
    at = 0
    for slot in narration.slots:
        assert slot.start == at and slot.frames > 0
        at += slot.frames
        if slot.utterance:
            room = samples_at(slot.start + slot.frames, narration.rate) - samples_at(slot.start, narration.rate)
            assert slot.lead + slot.utterance.length <= room
    assert narration.frames == at


def gaps(narration: Narration) -> list[float]:
    """Return the seconds of silence between utterances."""
    return [(b[0] - a[1]) / SAMPLE_RATE for a, b in pairwise(narration.speech())]


def test_pauses_are_as_wanted(dialogue: Narration) -> None:
    check_clock(dialogue)
    speakers = [utterance.speaker for utterance in utterances(dialogue)]
    assert speakers == ["ANNA", "ANNA", "BEN", "BEN", "ANNA"]
    usual = Pauses()
    expected = (usual.sentence, usual.speaker, usual.sentence, usual.speaker)
    for gap, pause in zip(gaps(dialogue), expected, strict=True):
        assert gap == pytest.approx(pause, rel=usual.variation, abs=0.02 + usual.variation * pause)


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_an_authors_pause_is_kept_to_half_a_frame(rate: Fraction, tmp_path: Path) -> None:
    asked = (1.5, 0.0, 0.4)
    talk = script(*(Turn("A", f"Sentence number {n} is here.", 1, p) for n, p in zip("123", asked, strict=True)),
                  "A: The end is here.")  # fmt: skip
    narration = run(talk, tmp_path, rate=rate)
    check_clock(narration)
    for gap, wanted in zip(gaps(narration), asked, strict=True):
        if wanted:
            assert gap == pytest.approx(wanted, abs=0.51 / float(rate))
        else:  # the lead is the least
            assert 0 <= gap - LEAD / SAMPLE_RATE <= 1 / float(rate)


def test_cards_stand_where_they_belong(tmp_path: Path) -> None:
    talk = script(
        "A: First we say hello.", "A: Then we go on.", "A: And we end.",
        title="The Show", chapters=(Chapter("Start", 0, 1), Chapter("Middle", 1, 2)),
    )  # fmt: skip
    narration = run(talk, tmp_path, cards=Cards())
    check_clock(narration)
    kinds = [(slot.kind, slot.text) for slot in narration.slots]
    assert kinds == [
        ("title", "The Show"), ("speech", ""), ("chapter", "Middle"), ("speech", ""), ("speech", ""), ("outro", ""),
    ]  # fmt: skip
    assert [slot.frames for slot in narration.slots if slot.kind != "speech"] == [80, 55, 100]
    without = run(talk, tmp_path, cards=Cards(title=0, outro=0))
    assert [slot.kind for slot in without.slots] == ["chapter", "speech", "chapter", "speech", "speech"]


def test_music_gets_the_time_it_wants_alone(tmp_path: Path) -> None:
    talk = script("A: First we say hello.", "A: Then we go on.", music=(MusicCue(0, 1, solo=5), MusicCue(1, 2, solo=3)))
    plain, waiting = run(talk, tmp_path, music_alone=False), run(talk, tmp_path)
    check_clock(waiting)
    assert waiting.speech()[0][0] - plain.speech()[0][0] == 5 * SAMPLE_RATE
    assert gaps(waiting)[0] - gaps(plain)[0] == pytest.approx(3, abs=0.05)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400_000), st.none() | st.floats(0, 9), st.booleans()), min_size=1, max_size=8),
    st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)]),
    st.sampled_from([Cards(), NO_CARDS, Cards(1, 0, 2)]),
)
def test_any_episode_has_a_whole_clock(
    turns: list[tuple[int, float | None, bool]], rate: Fraction, cards: Cards
) -> None:
    talk = script(*(Turn("A", "x", i, pause) for i, (_, pause, _) in enumerate(turns)), title="T")
    spoken = [
        (i, Utterance("A", f"Words {i}.", i, Path("x"), length, (), (), ""))
        for i, (length, _, heard) in enumerate(turns) if heard
    ]  # fmt: skip
    narration = schedule(talk, spoken, rate, Pauses(), cards)
    check_clock(narration)
    assert all(gap >= 0.119 for gap in gaps(narration))


# ---------------------------------------------------------------- voices


def test_speakers_get_different_voices_and_keep_their_own() -> None:
    talk = script("A: x", "B: x", "C: x", "D: x", speakers=(
        Speaker("A", "A"), Speaker("B", "B", "owen"), Speaker("C", "C"), Speaker("D", "D", language="de")))  # fmt: skip
    voices = assign_voices(talk, ESPEAK, {"C": "grace"})
    assert voices["B"] == "owen" and voices["C"] == "grace" and voices["D"].startswith("de")
    assert len(set(voices.values())) == 4


def test_a_crowd_shares_the_voices_evenly() -> None:
    talk = script(*(f"S{i}: x" for i in range(20)))
    used = list(assign_voices(talk, ESPEAK).values())
    assert len(set(used)) == len(ESPEAK.voices("en"))
    assert max(map(used.count, used)) - min(map(used.count, used)) <= 1


# ---------------------------------------------------------------- done once


def test_two_runs_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    one = run(DIALOGUE, tmp_path / "one")
    pool = WorkerPool(2)
    try:
        two = run(DIALOGUE, tmp_path / "two", pool=pool)
    finally:
        pool.close()
    assert [u.digest for u in utterances(one)] == [u.digest for u in utterances(two)]
    for a, b in zip(utterances(one), utterances(two), strict=True):
        assert a.audio.read_bytes() == b.audio.read_bytes()
        assert (a.words, a.phones) == (b.words, b.phones)


class Refusing(Inline):
    """Does no work."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        raise AssertionError("work was done again")


def test_a_second_run_and_a_changed_sentence_do_only_what_is_new(tmp_path: Path) -> None:
    told: list[tuple[int, int, bool]] = []
    first = run(DIALOGUE, tmp_path)
    again = run(DIALOGUE, tmp_path, pool=Refusing(), progress=lambda *step: told.append(step))
    assert again == first
    assert told == [(i + 1, len(utterances(first)), True) for i in range(len(utterances(first)))]
    told.clear()
    changed = script(*(f"{t.speaker}: {t.text.replace('$3.50', '$4')}" for t in DIALOGUE.turns))
    other = run(changed, tmp_path, progress=lambda *step: told.append(step))
    assert [reused for _, _, reused in told].count(False) == 1
    assert sum(a.digest != b.digest for a, b in zip(utterances(first), utterances(other), strict=True)) == 1


def test_the_place_of_a_sentence_does_not_matter(tmp_path: Path) -> None:
    first = run(script("A: Hello to all of you."), tmp_path)
    moved = script("A: Something comes before.", Turn("A", "Hello to all of you.", 17))
    later = run(moved, tmp_path)
    assert utterances(later)[1].digest == utterances(first)[0].digest
    assert utterances(later)[1].line == 17


# ---------------------------------------------------------------- other engines, errors


class Beeper:
    """A voice without times, at 16 kHz, far too quiet, with silence at both ends."""

    info = EngineInfo("beeper", "1", "Apache-2.0")

    def identity(self) -> str:
        return "beeper 1"

    def voices(self, language: str) -> tuple[str, ...]:
        return ("high",)

    def synthesize(self, text: str, voice: str, language: str, options: Mapping[str, Any], into: Path) -> Speech:
        assert "[[" not in text
        tone = 0.02 * np.sin(np.arange(2000 * max(1, len(text.split()))) / 4).astype(np.float32)
        write_wav(into / "beep.wav", np.pad(tone, (8000, 8000)), 16_000)
        return Speech(into / "beep.wav", 16_000)


def engine() -> Beeper:
    return Beeper()


def test_an_engine_without_times_is_trimmed_levelled_and_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPEECH_ENGINES, "beeper", __name__)
    talk = script("A: One word after the other, and LaTeX.")
    (made,) = utterances(run(talk, tmp_path, engine=speech_engine("beeper"), lexicon={"LaTeX": "/ˈleɪtɛk/"}))
    assert made.length == pytest.approx(7 * 2000 * 3, abs=0.08 * SAMPLE_RATE)
    assert np.abs(sound(made)).max() > 0.05
    assert [w.text for w in made.words] == talk.turns[0].text.split()
    assert made.words[0].start == 0 and made.words[-1].end == made.length


def test_errors_name_what_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"test\.txt"):
        run(script("A: 😀 —"), tmp_path)
    with pytest.raises(EngineError, match="owen"):
        run(script("A: Hello there."), tmp_path, voices={"A": "oven"})
    with pytest.raises(EngineError, match="rate"):
        run(script("A: Hello there."), tmp_path, options={"rat": 2})
    with pytest.raises(ConfigError, match="lexicon"):
        run(script("A: Hello there."), tmp_path, lexicon={"hello": "/open"})
    with pytest.raises(EngineError, match="tlh"):
        run(script("A: Hello there.", language="tlh"), tmp_path)


def test_what_cannot_be_said_is_left_out_and_its_pause_kept(tmp_path: Path) -> None:
    talk = script(Turn("A", "Before the picture.", 1, 0.5), Turn("A", "😀", 2, 1.0), "A: After the picture.")
    narration = run(talk, tmp_path)
    assert [slot.turn for slot in narration.slots] == [0, 2]
    assert gaps(narration)[0] == pytest.approx(1.5, abs=0.03)


def test_a_sample_is_written(tmp_path: Path) -> None:
    file = sample(ESPEAK, "grace", "Hello, it is 5 pm.", tmp_path)
    assert file.suffix == ".wav" and len(read_wav(file)) > SAMPLE_RATE


def test_an_entry_holds_plain_data(tmp_path: Path) -> None:
    (made,) = utterances(run(script("A: Hello there, you."), tmp_path))
    times = json.loads((made.audio.parent / "times.json").read_text("utf-8"))
    assert times["length"] == made.length


# ---------------------------------------------------------------- words


WRITTEN = ("we", "paid", "$3.50", "on", "20", "Nov", "2026", "—", "😀", "GPUs.", "Dr.", "Smith", "5", "km", "1/2")
TOKENS = st.lists(st.sampled_from(WRITTEN), max_size=12)


@settings(max_examples=150, deadline=None)
@given(TOKENS, st.integers(1, 5000))
def test_author_words_are_complete_and_in_order(tokens: list[str], step: int) -> None:
    said = normalize(" ".join(tokens))
    spoken = [Word(word, i * step, (i + 1) * step) for i, word in enumerate(said.text.split())]
    words = author_words(said, spoken)
    assert [w.text for w in words] == tokens
    times = [t for w in words for t in (w.start, w.end)]
    assert times == sorted(times)
    assert not spoken or times[-1] == spoken[-1].end


def test_a_folder_that_cannot_be_used_is_named() -> None:
    with TemporaryDirectory() as folder:
        blocked = Path(folder) / "file"
        blocked.write_text("x")
        with pytest.raises(PodcastError, match="file"):
            run(script("A: Hello there."), blocked)
