"""The author's own recording: every sentence found, its timing kept, and what differs from the script told."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache as remember
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import pytest

from podcast.audio import read_wav, wav_length, write_wav
from podcast.cache import Cache
from podcast.engines import SPEECH_ENGINES, speech_engine
from podcast.engines.base import EngineInfo, Speech
from podcast.episode import SAMPLE_RATE, Chapter, Narration, Script, Speaker, Turn, Utterance, Word, samples_at
from podcast.errors import EngineError, MediaError, ScriptError
from podcast.mix import read_speech
from podcast.narration import Cards, narrate, narrate_recording
from podcast.narration.levels import loudness
from podcast.narration.schedule import LEAD, schedule_recorded
from tests.test_narration import Inline

RATE = Fraction(30_000, 1001)
ESPEAK = speech_engine()
TURNS = (
    ("HOST", "The old fisherman put his boat on the shore. Six children were waiting there in the evening sun."),
    ("GUEST", "Artificial intelligence is changing how we make podcasts, and it costs about $20."),
    ("HOST", "Do you remember the summer when we walked along the river until midnight? Nobody knows exactly why."),
    ("GUEST", "Researchers at the university published a study on battery chemistry. Thank you for listening."),
)
SENTENCES = tuple(s.strip(" .?") + ("?" if "summer" in s else ".") for _, t in TURNS
                  for s in t.replace("? ", ". ").split(". "))  # fmt: skip
ASIDE = "By the way, I must tell you something funny which happened to me in the kitchen this morning."


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Share what is spoken for comparison."""
    return Cache(tmp_path_factory.mktemp("cache"))


def script(**fields: Any) -> Script:
    turns = tuple(Turn(speaker, text, 2 * i + 1) for i, (speaker, text) in enumerate(TURNS))
    return Script(Path("test.txt"), "", turns, (Speaker("HOST", "Ann"), Speaker("GUEST", "Bob")), **fields)


@remember
def said(text: str, voice: str, rate: float) -> tuple[np.ndarray, tuple[Word, ...]]:
    with TemporaryDirectory() as folder:
        speech = ESPEAK.synthesize(text, voice, "en", {"rate": rate}, Path(folder))
        return read_wav(speech.audio)[:, 0], speech.words


def recorded(
    path: Path, sentences: tuple[str, ...] = SENTENCES, gain: float = 0.3, cough: bool = True
) -> list[list[int]]:
    """Write a recording with pauses of its own, a cough and hiss; return the starts of the words by sentence."""
    random = np.random.default_rng(4)
    parts, starts, at = [np.zeros(40_000, np.float32)], [], 40_000
    for index, text in enumerate(sentences):
        sound, words = said(text, "en-gb-x-rp+f4" if index % 3 else "grace", 1.1)
        pause = np.zeros(int(random.uniform(0.25, 1.6) * SAMPLE_RATE), np.float32)
        if index == 1 and cough:
            pause = np.zeros(60_000, np.float32)
            pause[25_000:34_000] = random.standard_normal(9_000) * np.hanning(9_000) * 0.3
        starts.append([w.start + at for w in words])
        parts += [sound, pause]
        at += len(sound) + len(pause)
    whole = np.concatenate(parts) * gain
    whole += random.standard_normal(len(whole)).astype(np.float32) * 0.002 * gain
    write_wav(path, whole)
    return starts


def run(text: Script, recording: Path, cache: Cache, **wanted: Any) -> tuple[Narration, list[str]]:
    told: list[str] = []
    options = {"engine": ESPEAK, "pool": Inline(), "rate": RATE, "cards": Cards(0, 0, 0), "tell": told.append, **wanted}
    return narrate_recording(text, recording, cache=cache, **options), told


def heard(narration: Narration) -> list[tuple[int, Utterance]]:
    return [(narration.speech_start(s), s.utterance) for s in narration.slots if s.utterance]


def test_every_word_of_a_recording(tmp_path: Path, cache: Cache) -> None:
    starts = recorded(tmp_path / "own.wav")
    narration, told = run(script(), tmp_path / "own.wav", cache)
    assert told == []
    found = heard(narration)
    assert [u.text for _, u in found] == list(SENTENCES)
    assert [u.speaker for _, u in found] == ["HOST", "HOST", "GUEST", "HOST", "HOST", "GUEST", "GUEST"]
    assert "$20." in [w.text for w in found[2][1].words]
    error = [at + u.words[0].start - t[0] for (at, u), t in zip(found, starts, strict=True)]
    shift = np.median(error)  # the episode begins a lead before the first sentence
    for (at, utterance), true in zip(found, starts, strict=True):
        if len(utterance.words) == len(true):  # "$20" is two words when it is spoken
            error += [at + w.start - t for w, t in zip(utterance.words, true, strict=True)]
    off = np.abs(np.array(error) - shift) * 1000 / SAMPLE_RATE
    assert np.median(off) <= 20 and np.percentile(off, 95) <= 80


def test_slots_are_whole_frames_and_hold_their_utterance(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav")
    narration, _ = run(script(), tmp_path / "own.wav", cache, cards=Cards(2.0, 1.0, 2.0))
    frame = 0
    for slot in narration.slots:
        assert slot.start == frame and slot.frames > 0
        frame += slot.frames
        if u := slot.utterance:
            assert u.length == wav_length(u.audio) == len(read_wav(u.audio))
            last = max(p.end for p in u.phones if p.symbol)  # what is heard of the pause may go on
            assert narration.speech_start(slot) + last <= samples_at(frame, RATE)
            assert all(0 <= w.start <= w.end <= u.length for w in u.words)
            assert all(0 <= p.start < p.end <= u.length for p in u.phones)
    assert narration.slots[-1].kind == "outro"


def test_the_recording_is_levelled_as_a_whole(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "loud.wav", gain=0.9)
    recorded(tmp_path / "quiet.wav", gain=0.02)
    loud, quiet = (heard(run(script(), tmp_path / f"{n}.wav", cache)[0]) for n in ("loud", "quiet"))
    for found in (loud, quiet):
        whole = np.concatenate([read_wav(u.audio)[:, 0] for _, u in found])
        assert loudness(whole) == pytest.approx(-20, abs=0.7)
    own = [np.abs(read_wav(u.audio)).max() for _, u in quiet]
    assert max(own) <= 0.71


def test_the_room_goes_on_between_sentences(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav", SENTENCES[2:], cough=False)
    text = replace(script(), turns=script().turns[1:])
    narration, _ = run(text, tmp_path / "own.wav", cache)
    slots = [(narration.speech_start(s), s) for s in narration.slots if s.utterance]
    (start, _), (last, end) = slots[0], slots[-1]
    heard = read_speech(slots, start, last + end.utterance.length - start)  # type: ignore[union-attr]
    room = np.sqrt((heard[: len(heard) // 240 * 240].reshape(-1, 240) ** 2).mean(1))[8:-8]
    assert room.min() > 0.6 * np.percentile(room, 2)  # hiss everywhere: 5 ms never fall out of it
    own = read_wav(tmp_path / "own.wav")[:, 0]
    size = 1 << 21
    shift = int(np.argmax(np.fft.irfft(np.fft.rfft(own, size) * np.conj(np.fft.rfft(heard, size)), size)))
    other, inner = own[shift : shift + len(heard)], slice(2000, -2000)
    gain = (heard[inner] @ other[inner]) / (other[inner] @ other[inner])
    quiet = np.abs(gain * other[inner]) < 0.4  # nothing is bent there
    assert np.abs(heard[inner] - gain * other[inner])[quiet].max() < 1e-3  # and it is the recording, sample by sample


def test_a_cough_and_a_card_part_utterances(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav")
    narration, _ = run(script(chapters=(Chapter("Later", 2, 5),)), tmp_path / "own.wav", cache, cards=Cards(0, 2.0, 0))
    found = heard(narration)
    ends = [b[0] - a[0] - a[1].length for a, b in pairwise(found)]
    assert [end < 0 for end in ends] == [True, False, False, True, True, True]
    for (_, utterance), parted in zip(found, [end >= 0 for end in ends], strict=False):
        edge = np.abs(read_wav(utterance.audio)[-96:, 0]).max()
        assert (edge < 1e-4) == parted


def test_cards_take_time_and_nothing_else_does(tmp_path: Path, cache: Cache) -> None:
    starts = recorded(tmp_path / "own.wav")
    chapters = (Chapter("Later", 2, 5),)
    plain = heard(run(script(chapters=chapters), tmp_path / "own.wav", cache)[0])
    carded, _ = run(script(chapters=chapters), tmp_path / "own.wav", cache, cards=Cards(0, 2.0, 0))
    assert [s.kind for s in carded.slots] == ["speech"] * 3 + ["chapter"] + ["speech"] * 4
    moved = [b - a for (a, _), (b, _) in zip(plain, heard(carded), strict=True)]
    assert moved[:3] == [0, 0, 0]
    assert len(set(moved[3:])) == 1 and abs(moved[3] - 2 * SAMPLE_RATE) < 2 * samples_at(1, RATE)
    assert len(starts) == 7


def test_a_missing_sentence_is_told(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav", SENTENCES[:3] + SENTENCES[4:])
    narration, told = run(script(), tmp_path / "own.wav", cache)
    assert [u.text for _, u in heard(narration)] == list(SENTENCES[:3] + SENTENCES[4:])
    assert len(told) == 1 and "line 5" in told[0] and SENTENCES[3] in told[0]


@pytest.mark.parametrize("index", [0, 2, 4])
def test_a_long_sentence_that_is_left_out_disturbs_no_other(tmp_path: Path, cache: Cache, index: int) -> None:
    starts = recorded(tmp_path / "own.wav", SENTENCES[:index] + SENTENCES[index + 1 :], cough=False)
    narration, told = run(script(), tmp_path / "own.wav", cache)
    found = heard(narration)
    assert [u.text for _, u in found] == list(SENTENCES[:index] + SENTENCES[index + 1 :])
    assert len(told) == 1 and "not in the recording" in told[0] and SENTENCES[index] in told[0]
    off = np.array([at + u.words[0].start - t[0] for (at, u), t in zip(found, starts, strict=True)])
    assert np.abs(off - np.median(off)).max() < 0.08 * SAMPLE_RATE


def test_a_recording_that_stops_in_the_middle(tmp_path: Path, cache: Cache) -> None:
    starts = recorded(tmp_path / "own.wav")
    whole = read_wav(tmp_path / "own.wav")[:, 0]
    write_wav(tmp_path / "own.wav", whole[: starts[5][3]])
    narration, told = run(script(), tmp_path / "own.wav", cache)
    assert [u.text for _, u in heard(narration)][:5] == list(SENTENCES[:5])
    assert sum("not in the recording" in text for text in told) == 2 - (len(heard(narration)) - 5)


def test_words_beyond_the_script_are_told_and_kept(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav", (*SENTENCES[:3], ASIDE, *SENTENCES[3:]))
    narration, told = run(script(), tmp_path / "own.wav", cache)
    found = [u for _, u in heard(narration)]
    assert [u.text for u in found] == list(SENTENCES)
    assert len(told) == 1 and "line 3" in told[0] and "more is said" in told[0]
    assert found[2].length - found[2].words[-1].end > 3 * SAMPLE_RATE
    assert max(p.end for p in found[2].phones) > found[2].words[-1].end + 3 * SAMPLE_RATE  # the lips go on


def test_words_before_and_after_the_script_are_left_out_and_told(tmp_path: Path, cache: Cache) -> None:
    starts = recorded(tmp_path / "own.wav", (ASIDE, *SENTENCES, ASIDE))
    narration, told = run(script(), tmp_path / "own.wav", cache)
    found = heard(narration)
    assert [u.text for _, u in found] == list(SENTENCES)
    assert len(told) == 2 and "before it" in told[0] and "after it" in told[1]
    assert abs(found[-1][0] - found[0][0] - (starts[-2][0] - starts[1][0])) < 0.1 * SAMPLE_RATE


def test_another_recording_is_refused(tmp_path: Path, cache: Cache) -> None:
    other = ("Completely different words are spoken here, about cooking and gardens.",
             "Bread needs flour, water, salt and a lot of patience.",
             "My neighbour grows tomatoes behind her house every single year.")  # fmt: skip
    recorded(tmp_path / "other.wav", other)
    with pytest.raises(MediaError, match="does not say this script"):
        run(script(), tmp_path / "other.wav", cache)
    write_wav(tmp_path / "silent.wav", np.zeros(96_000, np.float32))
    with pytest.raises(MediaError, match="silent"):
        run(script(), tmp_path / "silent.wav", cache)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(MediaError):
        run(script(), tmp_path / "text.wav", cache)


def test_scripts_that_cannot_be_compared(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav", SENTENCES[:1])
    with pytest.raises(EngineError, match="xx"):
        run(script(language="xx"), tmp_path / "own.wav", cache)
    with pytest.raises(ScriptError):
        run(Script(Path("test.txt"), "", (), ()), tmp_path / "own.wav", cache)


def test_the_same_recording_is_cut_once(tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(tmp_path / "own.wav")
    first, _ = run(script(), tmp_path / "own.wav", cache)
    (tmp_path / "own.wav").rename(tmp_path / "renamed.wav")
    monkeypatch.setattr("podcast.narration.recording._cut", None)
    again, _ = run(script(), tmp_path / "renamed.wav", cache)
    assert again == first


def test_a_compressed_stereo_recording(tmp_path: Path, cache: Cache) -> None:
    recorded(tmp_path / "own.wav")
    mono = read_wav(tmp_path / "own.wav")[:, 0]
    with av.open(str(tmp_path / "own.m4a"), "w") as out:
        stream = out.add_stream("aac", rate=44_100, layout="stereo")
        both = np.ascontiguousarray(np.stack([mono, 0.5 * mono]))
        frame = av.AudioFrame.from_ndarray(both, "fltp", "stereo")
        frame.sample_rate = SAMPLE_RATE
        for part in av.AudioResampler("fltp", "stereo", 44_100, 1024).resample(frame):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    narration, told = run(script(), tmp_path / "own.m4a", cache)
    assert [u.text for _, u in heard(narration)] == list(SENTENCES) and told == []


# ---------------------------------------------------------------- the clock


def _utterance(length: int) -> Utterance:
    return Utterance("HOST", "Word.", 1, Path("x.wav"), length, (), (), "")


def test_utterances_without_a_pause_between_catch_up() -> None:
    spans = [(0, 50_001), (50_001, 30_003), (80_004, 41_000), (150_000, 20_000)]
    narration = schedule_recorded(script(), [(0, _utterance(n), at) for at, n in spans], RATE, Cards(0, 0, 0))
    starts = [narration.speech_start(s) for s in narration.slots]
    late = [start - LEAD - at for start, (at, _) in zip(starts, spans, strict=True)]
    assert late[0] == late[3] == 0
    assert all(0 <= x <= 2 * samples_at(1, RATE) for x in late)


# ---------------------------------------------------------------- engines without times


class Mute:
    """A voice that gives no times."""

    def __init__(self, leaves_out: str = "") -> None:
        self.info = EngineInfo("mute", "1", "MIT")
        self._leaves_out = leaves_out

    def identity(self) -> str:
        return f"without {self._leaves_out}"

    def voices(self, language: str) -> tuple[str, ...]:
        return ("clara",)

    def about(self, voice: str) -> str:
        return ""

    def gender(self, voice: str) -> str:
        return ""

    def synthesize(self, text: str, voice: str, language: str, options: Any, into: Path) -> Speech:
        speech = ESPEAK.synthesize(text.replace(self._leaves_out, ""), "clara", "en", {"rate": 1.1}, into)
        return Speech(speech.audio, speech.rate)


def _narrated(engine: Any, cache: Cache, text: Script) -> tuple[list[Utterance], list[str]]:
    told: list[str] = []
    narration = narrate(text, engine=engine, cache=cache, pool=Inline(), rate=RATE, tell=told.append)
    return [u for _, u in heard(narration)], told


def test_a_voice_without_times_is_aligned(cache: Cache) -> None:
    assert "mute" not in SPEECH_ENGINES
    found, told = _narrated(Mute(), cache, script())
    assert told == []
    for utterance in found:
        assert " ".join(w.text for w in utterance.words) == utterance.text
        assert len([p for p in utterance.phones if p.symbol]) > 2 * len(utterance.words)
    true = ESPEAK
    with TemporaryDirectory() as folder:
        exact = true.synthesize(found[1].text, "clara", "en", {"rate": 1.1}, Path(folder)).words
    shift = exact[0].start - found[1].words[0].start
    off = [abs(a.start + shift - b.start) * 1000 / SAMPLE_RATE for a, b in zip(found[1].words, exact, strict=True)]
    assert np.median(off) <= 20 and max(off) <= 80


def test_words_that_a_voice_leaves_out_are_told(cache: Cache) -> None:
    _, told = _narrated(Mute(" when we walked along"), cache, script())
    assert len(told) == 1 and "line 5" in told[0] and "walked" in told[0]


def test_a_language_that_is_not_spoken_has_lips_all_the_same(cache: Cache) -> None:
    found, _ = _narrated(Mute(), cache, script(language="xx"))
    for utterance in found:
        assert len(utterance.words) == len(utterance.text.split())
        assert len([p for p in utterance.phones if p.symbol]) > 10
