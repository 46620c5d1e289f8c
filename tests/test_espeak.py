"""The embedded voice: what it says, when, and how it sounds."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from podcast.audio import read_wav
from podcast.engines import SPEECH_ENGINES, speech_engine
from podcast.engines import _espeak_library as library
from podcast.engines._espeak_phones import mnemonics, prepared
from podcast.engines._espeak_voices import CURATED
from podcast.engines.base import Speech
from podcast.episode import SAMPLE_RATE
from podcast.errors import EngineError
from podcast.process import WorkerPool

ENGINE = speech_engine("espeak")
SENTENCES = (
    "Today, we talk about machines that learn: how they see, what they miss, and why it matters.",
    "Well, perhaps; but then again, most people never ask, do they?",
    "Stop, look, and listen. Then cross, but keep both eyes open!",
    "A man of the world, as a rule, has to be at a table in an hour.",
)
PARAGRAPH = " ".join(
    (
        "The quick brown fox jumps over the lazy dog near the river bank.",
        "Yesterday we asked six people what they thought about music, and most said it makes the day feel shorter.",
        "How does a machine learn to see? It looks at millions of pictures and slowly finds the patterns that matter.",
    )
)


def speak(text: str, into: Path, voice: str = "", language: str = "en", **options: Any) -> tuple[Speech, np.ndarray]:
    speech = ENGINE.synthesize(text, voice, language, options, into)
    return speech, read_wav(speech.audio)[:, 0]


def digest(text: str, voice: str = "owen") -> str:
    with TemporaryDirectory() as folder:
        return sha256(ENGINE.synthesize(text, voice, "en", {}, Path(folder)).audio.read_bytes()).hexdigest()


# ---------------------------------------------------------------- the same text, the same bytes


def test_the_same_text_gives_the_same_bytes_whatever_was_said_before() -> None:
    alone = digest(SENTENCES[0])
    digest("Something else entirely.", "clara")
    assert digest(SENTENCES[0]) == alone
    assert [digest(s) for s in reversed(SENTENCES)][::-1] == [digest(s) for s in SENTENCES]
    assert digest(SENTENCES[0], "clara") != alone


def test_other_processes_and_threads_give_the_same_bytes() -> None:
    expected = [digest(s) for s in SENTENCES]
    pool = WorkerPool(2)
    try:
        assert [f.result() for f in [pool.submit(digest, s) for s in SENTENCES]] == expected
    finally:
        pool.close()
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(digest, SENTENCES)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="holds the library by POSIX means")
def test_a_library_that_stays_loaded_is_no_harm() -> None:
    import ctypes

    import espeakng_loader

    expected = digest(SENTENCES[1])
    held = ctypes.CDLL(espeakng_loader.get_library_path())  # another part of the process may hold it
    assert [digest(SENTENCES[1]) for _ in range(2)] == [expected] * 2
    del held


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own account of memory")
def test_memory_does_not_grow_with_the_number_of_texts() -> None:
    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    for text in SENTENCES:
        digest(text)
    before = resident()
    for text in SENTENCES * 8:
        digest(text)
    assert resident() - before < 10  # MB; a library that is not cleaned up leaves one per text


# ---------------------------------------------------------------- times


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("voice", ["owen", "grace"])
def test_times_fit_the_sound(text: str, voice: str, tmp_path: Path) -> None:
    speech, sound = speak(text, tmp_path, voice)
    assert [w.text for w in speech.words] == text.split()
    assert speech.phones[0].start >= 0 and speech.phones[-1].end <= len(sound) + 1
    for before, after in zip(speech.phones, speech.phones[1:], strict=False):
        assert before.start < before.end == after.start
    for first, second in zip(speech.words, speech.words[1:], strict=False):
        assert first.start < first.end <= second.start
    ends = {p.start for p in speech.phones} | {p.end for p in speech.phones}
    assert sum(w.start in ends for w in speech.words) >= 0.7 * len(speech.words)


@pytest.mark.parametrize("text", SENTENCES)
def test_words_after_a_pause_begin_with_the_sound(text: str, tmp_path: Path) -> None:
    speech, sound = speak(text, tmp_path, "clara", room=0.0)
    starts = {w.start for w in speech.words}
    pauses = [p for p in speech.phones if not p.symbol and p.end in starts]
    assert pauses
    for pause in pauses:
        middle = (pause.start + pause.end) // 2
        onset = middle + int(np.argmax(np.abs(sound[middle:]) > 0.01))
        assert abs(onset - pause.end) <= 0.040 * SAMPLE_RATE


def test_pauses_are_silent_and_long_enough_to_breathe(tmp_path: Path) -> None:
    for text in SENTENCES:
        speech, sound = speak(text, tmp_path, "owen", room=0.0)
        for pause in [p for p in speech.phones if not p.symbol][:-1]:
            assert pause.end - pause.start >= 0.18 * SAMPLE_RATE
            inner = sound[pause.start + 1500 : pause.end - 1500]
            assert np.sqrt(np.mean(inner**2)) < 10 ** (-60 / 20)


def test_stops_begin_with_a_quiet_closure(tmp_path: Path) -> None:
    speech, sound = speak("A happy apple keeper took a copper teapot up a step.", tmp_path, "owen", room=0.0)
    voiceless = [p for p in speech.phones if p.symbol in ("p", "t", "k")]
    quiet = 0
    for stop in voiceless:
        assert stop.end - stop.start >= 0.02 * SAMPLE_RATE
        closure = sound[stop.start + 200 : stop.start + 1200]
        quiet += bool(np.sqrt(np.mean(closure**2)) < 0.25 * np.sqrt(np.mean(sound**2)))
    assert len(voiceless) >= 10 and quiet >= 0.9 * len(voiceless)


def test_a_stop_at_the_very_beginning_has_its_closure_too(tmp_path: Path) -> None:
    speech, sound = speak("Pick two.", tmp_path, "owen", room=0.0)
    first = speech.phones[0]
    assert first.symbol == "p"
    closure = sound[first.start : first.start + round(0.025 * SAMPLE_RATE)]
    assert np.abs(closure).max() < 0.01 and np.abs(sound[first.start : first.end]).max() > 0.02


def test_no_sound_is_lost_at_the_end_of_a_clause(tmp_path: Path) -> None:
    speech, _ = speak("All is well. Call me, Bill.", tmp_path)
    assert [p.symbol for p in speech.phones].count("l") >= 4


def test_every_phone_is_ipa(tmp_path: Path) -> None:
    speech, _ = speak("The F B I's A P I is new to us.", tmp_path)
    assert not {p.symbol for p in speech.phones} & {";", "@", "E", "I", "eI", "_"}


# ---------------------------------------------------------------- how it sounds


def f0(sound: np.ndarray) -> float:
    """Return the median F0 in Hz by autocorrelation of 40 ms frames."""
    slow, rate, found = sound[::4], SAMPLE_RATE // 4, []
    for frame in slow[: len(slow) // 480 * 480].reshape(-1, 480):
        if frame.std() < 0.03:
            continue
        peaks = np.correlate(frame - frame.mean(), frame - frame.mean(), "full")[479:]
        lag = 40 + int(np.argmax(peaks[40:200]))
        if peaks[lag] > 0.5 * peaks[0]:
            found.append(rate / lag)
    return float(np.median(found))


def band(sound: np.ndarray, low: float, high: float) -> float:
    hz, power = welch(sound, SAMPLE_RATE, nperseg=4096)
    return float(10 * np.log10(power[(hz >= low) & (hz < high)].sum()))


def test_the_curated_voices_differ_and_are_as_they_say(tmp_path: Path) -> None:
    measured = []
    for voice in CURATED:
        speech, sound = speak(PARAGRAPH, tmp_path, voice.name)
        assert np.abs(sound).max() < 10 ** (-3 / 20)
        assert abs(f0(sound) / voice.pitch - 1) < 0.12
        pace = len(speech.words) / (speech.phones[-1].end / SAMPLE_RATE) * 60
        assert 145 <= pace <= 180
        measured.append(20 * np.log10(np.sqrt(np.mean(sound**2))))
    assert max(measured) - min(measured) < 3


@pytest.mark.parametrize("voice", [v.name for v in CURATED])
def test_the_long_term_spectrum_is_that_of_speech(voice: str, tmp_path: Path) -> None:
    _, sound = speak(PARAGRAPH, tmp_path, voice)
    speech_band = band(sound, 350, 900)
    # Byrne et al. 1994, relative to 350-900 Hz, in octaves: presence and sibilance
    assert abs(band(sound, 1400, 2800) - speech_band + 12) < 4
    assert abs(band(sound, 2800, 5600) - speech_band + 16) < 5
    assert abs(band(sound, 5600, 9000) - speech_band + 19) < 5


def test_options_do_what_they_say(tmp_path: Path) -> None:
    plain, sound = speak(PARAGRAPH, tmp_path, "owen")
    quick, _ = speak(PARAGRAPH, tmp_path, "owen", rate=1.25)
    assert 1.15 < plain.phones[-1].end / quick.phones[-1].end < 1.33
    _, high = speak(PARAGRAPH, tmp_path, "owen", pitch=4)
    assert abs(f0(high) / f0(sound) / 2 ** (4 / 12) - 1) < 0.06
    _, warm = speak(PARAGRAPH, tmp_path, "owen", warmth=6)
    assert band(warm, 100, 200) - band(sound, 100, 200) > 2.5


@pytest.mark.parametrize(
    ("voice", "options", "nearest"),
    [
        ("wen", {}, "owen"),
        ("en-us+f33", {}, "en-us+f3"),
        ("owen", {"rat": 1}, "rate"),
        ("owen", {"rate": 9}, "rate"),
        ("owen", {"pitch": "high"}, "pitch"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right(
    voice: str, options: dict[str, Any], nearest: str, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=r"(?s)\n.*" + nearest.replace("+", r"\+")):
        ENGINE.synthesize("Hello.", voice, "en", options, tmp_path)


def test_an_unknown_engine_is_named_with_the_nearest() -> None:
    with pytest.raises(EngineError, match="espeak"):
        speech_engine("speak")
    assert list(SPEECH_ENGINES) == ["espeak"] or "espeak" in SPEECH_ENGINES


# ---------------------------------------------------------------- languages and phonemes


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Guten Tag, heute sprechen wir über Flüsse."),
        ("fr-FR", "Bonjour à tous, nous parlons des rivières."),
        ("es-MX", "Hola a todos, hoy hablamos de ríos."),
        ("pt", "Olá, hoje vamos falar sobre rios."),
        ("ru", "Сегодня мы поговорим о реках."),
        ("hi", "आज हम नदियों के बारे में बात करेंगे।"),
        ("zh", "今天我们来谈谈河流。"),
        ("ar", "مرحبا بكم في هذا البرنامج"),
    ],
)
def test_other_languages_speak_with_times(language: str, text: str, tmp_path: Path) -> None:
    voices = ENGINE.voices(language)
    assert len(voices) >= 2
    speech, sound = speak(text, tmp_path, voices[0], language)
    assert len(speech.words) == len(text.split())
    assert len(sound) > SAMPLE_RATE
    assert all(a.end <= b.start for a, b in zip(speech.words, speech.words[1:], strict=False))
    assert not any(set(p.symbol) & set("@;_") for p in speech.phones)


def test_a_voice_of_english_speaks_another_language_when_asked(tmp_path: Path) -> None:
    german, _ = speak("Ich spreche Deutsch.", tmp_path, "owen", "de")
    assert any("ç" in p.symbol or "ʃ" in p.symbol for p in german.phones)


def test_an_unknown_language_has_no_voices(tmp_path: Path) -> None:
    assert ENGINE.voices("tlh") == ()
    with pytest.raises(EngineError, match="tlh"):
        ENGINE.synthesize("nuqneH", "", "tlh", {}, tmp_path)


def test_ipa_is_spoken_as_written(tmp_path: Path) -> None:
    speech, _ = speak("I like [[/ˈleɪtɛk/]] a lot.", tmp_path)
    word = next(w for w in speech.words if "[[" in w.text)
    said = "".join(p.symbol for p in speech.phones if word.start <= p.start < word.end)
    assert said.replace("ɾ", "t") == "lˈeɪtɛk"
    with pytest.raises(EngineError, match="ʘ"):
        mnemonics("ʘa")


def test_letters_are_spelled_as_letters() -> None:
    assert prepared("an A P I", "en-us") == "an [[,eI]] [[p,i:]] [['aI]]"
    assert prepared("many G P U's", "en-us").endswith("[[j'u:z]]")
    assert prepared("I am A man", "en-us") == "I am A man"


def test_open_questions_fall_and_others_rise(tmp_path: Path) -> None:
    def end(text: str) -> float:
        speech, sound = speak(text, tmp_path, "clara")
        vowel = [p for p in speech.phones if p.symbol][-1]
        return f0(np.pad(sound[vowel.start : vowel.end], (0, 6000)))

    assert end("Where did you go yesterday?") < 0.85 * end("You went to the market yesterday?")


WORDS = st.lists(st.text(alphabet="abcdeghilmnoprstuwy'-.,!?()[]<&#19éжа漢", min_size=1, max_size=8), max_size=10)


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_any_text_has_a_time_for_every_token(words: list[str]) -> None:
    text = " ".join(words)
    with TemporaryDirectory() as folder:
        speech = ENGINE.synthesize(text, "owen", "en", {}, Path(folder))
        length = len(read_wav(speech.audio))
    assert [w.text for w in speech.words] == text.split()
    times = [t for w in speech.words for t in (w.start, w.end)]
    assert times == sorted(times) and all(0 <= t <= length + 1 for t in times)
    assert all(p.start < p.end for p in speech.phones)


def test_a_long_data_path_is_shortened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90) / ("y" * 90)
    deep.mkdir(parents=True)
    (deep / "data").symlink_to(library.data_folder(), target_is_directory=True)
    monkeypatch.setattr("espeakng_loader.get_data_path", lambda: str(deep / "data"))
    library.data_folder.cache_clear()
    try:
        assert len(str(library.data_folder())) <= library.LONGEST_DATA_PATH
        assert (library.data_folder() / "phontab").exists()
    finally:
        monkeypatch.undo()
        library.data_folder.cache_clear()
