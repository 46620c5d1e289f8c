"""Alignment: words and phones of other voices, through noise and music, and what is not said."""

from __future__ import annotations

import shutil
import subprocess
import wave
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.alignment import Reference, align, phones_from_sound
from podcast.alignment.features import HOP, mel_of
from podcast.alignment.warp import Terms, warp
from podcast.audio import decode, read_wav, resample
from podcast.engines import speech_engine
from podcast.episode import SAMPLE_RATE, Phone
from podcast.puppet.visemes import segments

TEXTS = (
    "The old fisherman put his boat on the shore, looked at the evening sky, and smiled.",
    "Artificial intelligence is changing how we make podcasts, and the tools are getting better every month.",
    "Do you remember the summer when we walked along the river until midnight?",
    "However, nobody knows exactly why the price dropped, or whether it will stay low.",
)
SAMPLES = Path(__file__).parents[2] / "shared/samples"
MEDIAN, MOST = 20.0, 80.0  # ms, of the error of words' starts: half of them, 95 percent of them


@cache
def spoken(text: str, voice: str = "owen", rate: float = 1.0, pitch: float = 0.0) -> Reference:
    with TemporaryDirectory() as folder:
        speech = speech_engine().synthesize(text, voice, "en", {"rate": rate, "pitch": pitch}, Path(folder))
        return Reference(read_wav(speech.audio)[:, 0], speech.words, speech.phones)


def with_noise(sound: np.ndarray, snr: float) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal(len(sound) + 3).astype(np.float32)
    return mixed(sound, np.convolve(noise, np.full(4, 0.25), "valid"), snr)


def with_music(sound: np.ndarray, snr: float = 15.0) -> np.ndarray:
    at = np.arange(len(sound)) / SAMPLE_RATE
    notes = enumerate((110, 165, 220, 277, 440))
    beat = [np.sin(2 * np.pi * f * at) * (np.sin(4 * np.pi * at + i) > 0) for i, f in notes]
    return mixed(sound, np.sum(beat, 0), snr)


def mixed(sound: np.ndarray, other: np.ndarray, snr: float) -> np.ndarray:
    power = (sound[np.abs(sound) > 0.01] ** 2).mean()
    return (sound + other * np.sqrt(power / (other**2).mean()) * 10 ** (-snr / 20)).astype(np.float32)


def in_a_room(sound: np.ndarray) -> np.ndarray:
    tail = np.random.default_rng(2).standard_normal(7200) * np.exp(-np.arange(7200) / 1500) * 0.08
    tail[0] = 1
    size = 1 << int(np.ceil(np.log2(len(sound) + len(tail))))
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)].astype(np.float32)


def bright(sound: np.ndarray) -> np.ndarray:
    return np.append(sound[0], sound[1:] - 0.7 * sound[:-1]).astype(np.float32)


def with_pink(sound: np.ndarray, snr: float = 10.0) -> np.ndarray:
    size = len(sound) // 2 + 1
    spectrum = np.random.default_rng(5).standard_normal((2, size)) / np.sqrt(np.arange(1, size + 1))
    return mixed(sound, np.fft.irfft(spectrum[0] + 1j * spectrum[1], len(sound)), snr)


def in_a_hard_room(sound: np.ndarray) -> np.ndarray:
    """Return a sound far from the microphone, in 0.6 s of reverberation that is as loud as the sound itself."""
    tail = np.random.default_rng(3).standard_normal(23_040) * 10 ** (-3 * np.arange(23_040) / 28_800)
    tail[:240] = 0
    tail /= np.sqrt((tail**2).sum())
    tail[0] = 1
    size = 1 << int(np.ceil(np.log2(len(sound) + len(tail))))
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)].astype(np.float32)


def with_babble(sound: np.ndarray, snr: float = 10.0) -> np.ndarray:
    """Return a sound among eight that talk, forwards and backwards."""
    random, out = np.random.default_rng(6), np.zeros(len(sound))
    for voice, way in (("arthur", 1), ("grace", -1)):
        for text in TEXTS:
            other = np.tile(spoken(text, voice).sound[::way], 4)
            at = random.integers(0, max(1, len(other) - len(sound)))
            out += other[at : at + len(sound)] / other.std()
    return mixed(sound, out, snr)


CHANGES = {
    "clean": lambda x: x, "bright": bright, "room": in_a_room, "music": with_music,
    "pink": with_pink, "hard room": in_a_hard_room, "babble": with_babble,
    "20 dB": lambda x: with_noise(x, 20), "10 dB": lambda x: with_noise(x, 10),
}  # fmt: skip


def errors(found: Reference | object, true: list[float]) -> list[float]:
    return [abs(w.start - t) * 1000 / SAMPLE_RATE for w, t in zip(found.words, true, strict=True)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", CHANGES)
def test_words_of_other_voices(change: str) -> None:
    found: list[float] = []
    for voice, rate, pitch in (("arthur", 1.2, 2.0), ("en-gb-x-rp+f4", 0.9, -2.0)):
        for text in TEXTS:
            true = spoken(text, voice, rate, pitch)
            aligned = align(CHANGES[change](true.sound), spoken(text))
            assert not aligned.wrong, (change, voice, text, aligned.cost)
            assert [w.text for w in aligned.words] == [w.text for w in true.words]
            found += errors(aligned, [w.start for w in true.words])
    assert np.median(found) <= MEDIAN
    assert np.percentile(found, 95) <= MOST


def _festival(text: str, voice: str) -> tuple[np.ndarray, list[float]]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "said.scm"
        file.write_text(f"""(voice_{voice})
            (set! said (utt.synth (Utterance Text "{text}")))
            (utt.save.wave said "{folder}/said.wav" 'riff)
            (mapcar (lambda (w) (format t "%f\\n" (item.feat w 'word_start))) (utt.relation.items said 'Word))""")
        out = subprocess.run(["festival", "-b", str(file)], capture_output=True, text=True, check=True).stdout
        with wave.open(f"{folder}/said.wav") as made:
            rate = made.getframerate()
        return resample(read_wav(Path(folder) / "said.wav")[:, 0], rate), [float(t) * SAMPLE_RATE for t in out.split()]


@pytest.mark.skipif(not shutil.which("festival"), reason="festival is not installed")
@pytest.mark.parametrize("voice", ["kal_diphone", "cmu_us_slt_arctic_hts", "ked_diphone"])
def test_words_of_festival(voice: str) -> None:
    try:
        said = [_festival(text, voice) for text in TEXTS]
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(f"festival has no voice {voice}")
    found = [e for change in ("10 dB", "pink", "hard room", "babble")
             for (sound, true), text in zip(said, TEXTS, strict=True)
             for e in errors(align(CHANGES[change](sound), spoken(text)), true)]  # fmt: skip
    assert np.median(found) <= MEDIAN
    assert np.percentile(found, 95) <= MOST


@pytest.mark.parametrize("change", ["room", "hard room"])
def test_a_room_makes_nothing_late(change: str) -> None:
    late = []
    for text in TEXTS:
        true = spoken(text, "arthur", 1.2, 2.0)
        found = align(CHANGES[change](true.sound), spoken(text))
        late += [(a.start - b.start) * 1000 / SAMPLE_RATE for a, b in zip(found.words, true.words, strict=True)]
    assert -10 <= np.median(late) <= 15


def test_a_pause_of_the_speakers_own_in_noise() -> None:
    true, silence = spoken(TEXTS[2], "clara"), np.zeros(48_000, np.float32)
    cut = true.words[7].start
    sound = with_pink(np.concatenate([true.sound[:cut], silence, true.sound[cut:]]))
    found = align(sound, spoken(TEXTS[2]))
    assert not found.findings
    assert abs(found.words[7].start - (cut + len(silence))) < 0.05 * SAMPLE_RATE
    assert abs(found.words[6].end - cut) < 0.1 * SAMPLE_RATE


def test_phones_follow_each_other_within_the_sound() -> None:
    true = spoken(TEXTS[0], "clara")
    phones = align(true.sound, spoken(TEXTS[0])).phones
    assert all(0 <= p.start < p.end <= len(true.sound) for p in phones)
    assert all(a.end <= b.start for a, b in pairwise(phones))
    assert [p.symbol for p in phones if p.symbol] == [p.symbol for p in spoken(TEXTS[0]).phones if p.symbol]


def test_a_pause_of_the_speakers_own() -> None:
    true, silence = spoken(TEXTS[2], "clara"), np.zeros(24_000, np.float32)
    cut = true.words[7].start
    found = align(np.concatenate([true.sound[:cut], silence, true.sound[cut:]]), spoken(TEXTS[2]))
    assert abs(found.words[7].start - (cut + len(silence))) < 0.03 * SAMPLE_RATE
    assert found.words[6].end < cut + 0.05 * SAMPLE_RATE
    assert any(not p.symbol and p.end - p.start > 0.4 * SAMPLE_RATE for p in found.phones)
    assert not found.findings


@pytest.mark.parametrize(("change", "least"), [("clean", 7), ("hard room", 7), ("10 dB", 3)])
def test_another_text_is_noticed(change: str, least: int) -> None:
    sounds = [CHANGES[change](spoken(text, "clara").sound) for text in TEXTS]
    assert not any(align(sound, spoken(text)).wrong for sound, text in zip(sounds, TEXTS, strict=True))
    others = [align(sounds[(i + k) % 4], spoken(text)).wrong for i, text in enumerate(TEXTS) for k in (1, 2)]
    assert sum(others) >= least


def test_dropped_and_added_words_are_named() -> None:
    for text in TEXTS:
        words = text.split()
        less = " ".join(words[:5] + words[8:])
        dropped = [f for f in align(spoken(less, "clara").sound, spoken(text)).findings if f.kind == "dropped"]
        assert dropped and 3 <= dropped[0].first <= 8
        assert dropped[0].words[0] in str(dropped[0])
        added = [f for f in align(spoken(text, "clara").sound, spoken(less)).findings if f.kind == "added"]
        assert added and 3 <= added[0].first <= 6


def test_the_same_sound_is_aligned_exactly() -> None:
    true = spoken(TEXTS[1])
    assert max(errors(align(true.sound, true), [w.start for w in true.words])) < 15


# ---------------------------------------------------------------- the way


def _slow(a: np.ndarray, b: np.ndarray) -> float:
    """Return the least sum of distances, cell by cell."""
    best = np.full((len(a) + 1, len(b) + 1), np.inf)
    best[0, 0] = 0
    for i in range(len(a)):
        for j in range(len(b)):
            best[i + 1, j + 1] = np.linalg.norm(a[i] - b[j]) + min(best[i, j], best[i, j + 1], best[i + 1, j])
    return float(best[-1, -1])


def test_a_way_that_bends_less_and_waits_where_it_may() -> None:
    random = np.random.default_rng(3)
    a = np.cumsum(random.standard_normal((60, 3)), 0).astype(np.float32)
    b = np.concatenate([a[:30], np.zeros((25, 3), np.float32), a[30:]])
    pauses = np.arange(60) == 30
    pause = np.where((np.arange(85) >= 30) & (np.arange(85) < 55), np.float32(0.01), np.float32(np.inf))
    way = warp(a, b, terms=Terms(pauses=pauses, pause=pause, bend=0.5))
    assert set(way.rows[(way.columns >= 30) & (way.columns < 55)]) == {30}
    assert way.costs.sum() == pytest.approx(0.25, abs=0.05)
    plain, straight = (warp(a, a[::-1].copy(), terms=Terms(bend=bend)) for bend in (0.0, 100.0))
    assert len(straight.rows) < len(plain.rows) and len(straight.rows) == 60


def test_what_is_left_out_is_passed_over_in_a_pause() -> None:
    random = np.random.default_rng(4)
    a = random.standard_normal((90, 8)).astype(np.float32) * 3
    b = np.concatenate([a[:30], np.zeros((4, 8), np.float32), a[60:]])
    skip = np.where(np.abs(b).sum(1) == 0, np.float32(0.5), np.float32(np.inf))
    way = warp(a, b, terms=Terms(skip=skip))
    for row in (*range(30), *range(60, 90)):
        assert row - 30 * (row >= 60) + 4 * (row >= 60) in way.columns[way.rows == row]
    assert all(30 <= c < 34 for c in way.columns[(way.rows > 30) & (way.rows < 59)])


@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 9))
def test_the_way_is_the_cheapest(n: int, m: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.standard_normal((n, 3)).astype(np.float32), random.standard_normal((m, 3)).astype(np.float32)
    way = warp(a, b)
    assert way.costs.sum() == pytest.approx(_slow(a, b), rel=1e-4, abs=1e-4)
    assert (way.rows[0], way.columns[0], way.rows[-1], way.columns[-1]) == (0, 0, n - 1, m - 1)
    steps = np.stack([np.diff(way.rows), np.diff(way.columns)], 1)
    assert steps.size == 0 or (steps.max() <= 1 and steps.min() >= 0 and steps.sum(1).min() >= 1)


def test_a_band_and_blocks_find_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    a = np.cumsum(random.standard_normal((700, 4)), 0).astype(np.float32)
    b = a[np.sort(random.choice(700, 600, replace=False))]
    whole = warp(a, b)
    centre = np.arange(700) * (600 / 700)
    banded = warp(a, b, centre, 120)
    monkeypatch.setattr("podcast.alignment.warp._NOTED", 0)
    blockwise = warp(a, b, centre, 120)
    assert np.array_equal(whole.rows, banded.rows) and np.array_equal(whole.columns, banded.columns)
    assert np.array_equal(banded.rows, blockwise.rows) and np.array_equal(banded.columns, blockwise.columns)


def test_rows_of_a_stream_are_those_of_the_whole() -> None:
    sound = spoken(TEXTS[0]).sound
    parts = np.concatenate(list(mel_of(iter(np.array_split(np.tile(sound, 3), 40)), 4)))
    whole = np.concatenate(list(mel_of(iter([np.tile(sound, 3)]), 4)))
    assert parts.shape == whole.shape and np.allclose(parts, whole, rtol=1e-3, atol=1e-6)


# ---------------------------------------------------------------- without a text


def _jaw(phones: tuple[Phone, ...], length: int) -> np.ndarray:
    opening = np.zeros(length // HOP + 1)
    for s in segments(phones):
        opening[int(s.start) // HOP : int(s.end) // HOP] = s.openness or 0.0
    return np.convolve(opening, np.hanning(11), "same")


def _loudness(sound: np.ndarray) -> np.ndarray:
    views = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 3 * HOP // 2), 3 * HOP)[::HOP]
    return np.convolve(np.sqrt((views**2).mean(1)), np.hanning(11), "same")


def _lips_follow(sound: np.ndarray) -> None:
    phones = phones_from_sound(sound)
    assert phones[0].start == 0 and phones[-1].end == len(sound)
    assert all(a.end == b.start for a, b in pairwise(phones))
    jaw, loud = _jaw(phones, len(sound)), _loudness(sound)
    size = min(len(jaw), len(loud))
    lags = [np.corrcoef(jaw[10 + k : size - 10 + k], loud[10 : size - 10])[0, 1] for k in range(-8, 9)]
    assert max(lags) > 0.6
    assert abs(int(np.argmax(lags)) - 8) <= 4  # 40 ms: a frame


@pytest.mark.parametrize("voice", ["owen", "clara", "de+m7"])
def test_lips_follow_a_voice(voice: str) -> None:
    _lips_follow(spoken(TEXTS[0], voice).sound)


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs the sample clips")
def test_lips_follow_a_recording() -> None:
    _lips_follow(np.concatenate([b[:, 0] for b in decode(SAMPLES / "clips/RD_Radio31_000.wav", 1)]))


def test_silence_has_closed_lips() -> None:
    assert phones_from_sound(np.zeros(48_000, np.float32)) == (Phone("", 0, 48_000),)
    assert phones_from_sound(np.zeros(0, np.float32)) == ()
    voice = spoken(TEXTS[0]).sound
    phones = phones_from_sound(np.concatenate([voice, np.zeros(48_000, np.float32)]))
    assert not phones[-1].symbol and phones[-1].end - phones[-1].start > 40_000
