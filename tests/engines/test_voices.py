"""The voices that are installed, in their real environments, with models of random weights.

PODCAST_TEST_PIPER_PYTHON and PODCAST_TEST_COQUI_PYTHON name interpreters that have the packages of the locks.
"""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engines import real

from podcast.audio import read_wav, write_wav
from podcast.environments.manifest import find_spec
from podcast.environments.worker import Refusal, Worker

HERE = Path(__file__).parent
TEXT = "Hello there, this is one of a number of small tests. It was paid for, was it not?"
NEAR = 0.08  # s by which a caption may miss its word
WINDOW = 0.005  # s


def _say(worker: Worker, into: Path, text: str = TEXT, seed: int = 1, **more: Any) -> tuple[np.ndarray, dict[str, Any]]:
    into.mkdir(parents=True)
    args = {"text": text, "voice": "random", "language": "en", "options": {}, "seed": seed, "into": into} | more
    value = worker.run(args)
    return read_wav(Path(value["files"]["audio"]))[:, 0], value


def _in_order(times: list[list[Any]]) -> bool:
    whole = all(start <= end for _, start, end in times)
    return whole and all(a[2] <= b[1] + 1e-9 for a, b in itertools.pairwise(times))


def _onsets(sound: np.ndarray, rate: int) -> np.ndarray:
    """Return where sound begins after at least 50 ms of silence, in seconds."""
    hop = round(WINDOW * rate)
    level = np.abs(sound[: len(sound) // hop * hop]).reshape(-1, hop).max(axis=1) > 0.02 * np.abs(sound).max()
    quiet = 10
    starts = [i for i in range(len(level)) if level[i] and not level[max(0, i - quiet) : i].any()]
    return np.array(starts) * hop / rate


# ---------------------------------------------------------------- manifests


@pytest.mark.parametrize("engine", ["piper", "coqui"])
def test_voices_are_told_apart(engine: str) -> None:
    spec = find_spec(engine)
    names = [voice.name for voice in spec.voices]
    assert len(set(names)) == len(names) >= 2
    assert {voice.gender for voice in spec.voices} >= {"female", "male"}
    assert all(weight.urls and weight.path for voice in spec.voices for weight in voice.weights)
    for voice in spec.voices:
        assert not voice.language or voice.language.split("-")[0] in spec.languages


# ---------------------------------------------------------------- Piper


@pytest.fixture(scope="module")
def piper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    python, folder = real.place("PODCAST_TEST_PIPER_PYTHON"), tmp_path_factory.mktemp("piper")
    real.random_weights("piper", python, folder / "weights", "random")
    with real.start("piper", python, folder / "weights", folder) as worker:
        yield worker


def test_piper_tells_when_it_says_each_word(piper: Worker, tmp_path: Path) -> None:
    sound, value = _say(piper, tmp_path / "a")
    words, phones = value["words"], value["phones"]
    assert [word for word, _, _ in words] == TEXT.split()
    assert all(start < end for _, start, end in words) and _in_order(words) and _in_order(phones)
    assert phones[-1][2] <= len(sound) / value["rate"] + 1e-6
    onsets, starts = _onsets(sound, value["rate"]), np.array([start for _, start, _ in words])
    missed = np.abs(onsets[:, None] - starts[None]).min(axis=1)
    assert len(onsets) >= len(words) - 3  # "of a" and the like run together
    assert missed.max() < NEAR, dict(zip(onsets, missed, strict=True))


def test_piper_says_phones_that_mouths_understand(piper: Worker, tmp_path: Path) -> None:
    _, value = _say(piper, tmp_path / "a", "My papa fed bees.")
    said = "".join(symbol for symbol, _, _ in value["phones"])
    assert said.replace("ˈ", "").replace("ˌ", "").startswith("maɪpɑːp")
    assert "ˈb" not in said and "ˈiː" in said  # stress and length stand with their vowel


def test_piper_says_the_same_again(piper: Worker, tmp_path: Path) -> None:
    first, _ = _say(piper, tmp_path / "a")
    _say(piper, tmp_path / "b", "Something else.")
    again, _ = _say(piper, tmp_path / "c")
    other, _ = _say(piper, tmp_path / "d", seed=2)
    assert np.array_equal(first, again)
    assert len(other) != len(first) or not np.array_equal(first, other)


def test_piper_in_a_new_process_says_the_same(piper: Worker, tmp_path: Path) -> None:
    first, _ = _say(piper, tmp_path / "a")
    environment = piper.environment
    with real.start("piper", environment.python, environment.weights, tmp_path) as fresh:
        again, _ = _say(fresh, tmp_path / "b")
    assert np.array_equal(first, again)


def test_piper_speaks_faster(piper: Worker, tmp_path: Path) -> None:
    usual, _ = _say(piper, tmp_path / "a")
    fast, _ = _say(piper, tmp_path / "b", options={"rate": 2.0})
    assert len(fast) < 0.75 * len(usual)


def test_piper_refuses_a_voice_that_is_not_there(piper: Worker, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="'nobody' is not downloaded"):
        _say(piper, tmp_path / "a", voice="nobody")


def test_piper_verifies_itself(piper: Worker) -> None:
    value = piper.verify()
    assert value["repeatable"] and value["timings"] and value["seconds"] > 0.5


# ---------------------------------------------------------------- Coqui


@pytest.fixture(scope="module")
def coqui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    python, folder = real.place("PODCAST_TEST_COQUI_PYTHON"), tmp_path_factory.mktemp("coqui")
    real.random_weights("coqui", python, folder / "weights")
    with real.start("coqui", python, folder / "weights", folder) as worker:
        yield worker


@pytest.mark.parametrize("voice", ["letters", "phones", "choir#bob"])
def test_vits_tells_when_it_says_each_word(coqui: Worker, tmp_path: Path, voice: str) -> None:
    sound, value = _say(coqui, tmp_path / "a", voice=voice)
    words, phones = value["words"], value["phones"]
    assert [word for word, _, _ in words] == TEXT.split()
    assert all(start < end for _, start, end in words) and _in_order(words) and _in_order(phones)
    assert phones[-1][2] <= len(sound) / value["rate"] + 1e-6
    said = "".join(symbol for symbol, _, _ in phones).replace("ˈ", "").replace("ˌ", "")
    assert said.startswith("həloʊðɛɹ") and "tɛsts" in said


def test_vits_times_are_those_of_the_sound(coqui: Worker, tmp_path: Path) -> None:
    sound, value = _say(coqui, tmp_path / "a", voice="letters")
    onsets, starts = _onsets(sound, value["rate"]), np.array([start for _, start, _ in value["words"]])
    assert len(onsets) >= len(starts) - 1
    missed = np.abs(onsets[:, None] - starts[None]).min(axis=1)
    assert missed.max() < NEAR, dict(zip(onsets, missed, strict=True))


def test_vits_says_long_texts_in_pieces(coqui: Worker, tmp_path: Path) -> None:
    text = " ".join([TEXT] * 4)
    sound, value = _say(coqui, tmp_path / "a", text, voice="letters")
    assert value["pieces"] > 1
    assert [word for word, _, _ in value["words"]] == text.split() and _in_order(value["words"])
    onsets, starts = _onsets(sound, value["rate"]), np.array([start for _, start, _ in value["words"]])
    assert np.abs(onsets[:, None] - starts[None]).min(axis=1).max() < NEAR  # after each joint too


@pytest.mark.parametrize("voice", ["phones", "Random Voice"])
def test_coqui_says_the_same_again(coqui: Worker, tmp_path: Path, voice: str) -> None:
    first, _ = _say(coqui, tmp_path / "a", voice=voice)
    _say(coqui, tmp_path / "b", "Something else.", voice=voice)
    again, _ = _say(coqui, tmp_path / "c", voice=voice)
    other, _ = _say(coqui, tmp_path / "d", voice=voice, seed=2)
    assert np.array_equal(first, again)
    assert len(other) != len(first) or not np.array_equal(first, other)


def test_half_precision_changes_no_time_and_little_sound(coqui: Worker, tmp_path: Path) -> None:
    full, usual = _say(coqui, tmp_path / "a", voice="phones")
    python, weights = coqui.environment.python, coqui.environment.weights
    with real.start("coqui", python, weights, tmp_path, precision="bfloat16") as half:
        quick, value = _say(half, tmp_path / "b", voice="phones")
        cloned, _ = _say(half, tmp_path / "c", voice="Random Voice")
    assert value["words"] == usual["words"] and len(quick) == len(full)
    assert 10 * np.log10((full**2).mean() / ((full - quick) ** 2).mean()) > 25  # dB
    assert not np.array_equal(full, quick) and np.abs(cloned).max() > 0


def test_speakers_differ(coqui: Worker, tmp_path: Path) -> None:
    one, _ = _say(coqui, tmp_path / "a", voice="choir#ann")
    two, _ = _say(coqui, tmp_path / "b", voice="choir#cy")
    assert len(one) != len(two) or not np.array_equal(one, two)
    with pytest.raises(Refusal, match="no speaker 'dan'"):
        _say(coqui, tmp_path / "c", voice="choir#dan")


def test_xtts_imitates_a_sample_that_it_hears_once(coqui: Worker, tmp_path: Path) -> None:
    sample = tmp_path / "me.wav"
    noise = np.random.default_rng(1).normal(0, 0.1, 4 * 22050) * np.sin(np.arange(4 * 22050) / 3000)
    write_wav(sample, noise.astype(np.float32), 22050)
    cloned, value = _say(coqui, tmp_path / "a", voice=str(sample))
    assert value["words"] == [] and len(cloned) > 1000
    kept = list((coqui.environment.weights / "speakers").glob("*.pt"))
    own, _ = _say(coqui, tmp_path / "b", voice="Random Voice")
    assert len(kept) == 1 and not np.array_equal(own, cloned)
    before = kept[0].stat().st_mtime_ns
    again, _ = _say(coqui, tmp_path / "c", voice=str(sample))
    assert np.array_equal(cloned, again) and kept[0].stat().st_mtime_ns == before


@pytest.mark.parametrize(("seconds", "loud", "problem"), [(1.0, 0.1, "only 1.0 s"), (5.0, 0.0, "is silent")])
def test_xtts_refuses_samples_of_no_use(
    coqui: Worker, tmp_path: Path, seconds: float, loud: float, problem: str
) -> None:
    sample = tmp_path / "me.wav"
    write_wav(sample, (loud * np.sin(np.arange(round(seconds * 22050)) / 20)).astype(np.float32), 22050)
    with pytest.raises(Refusal, match=problem):
        _say(coqui, tmp_path / "a", voice=str(sample))


def test_xtts_leaves_its_checkpoint_alone(coqui: Worker, tmp_path: Path) -> None:
    file = coqui.environment.weights / "xtts_v2" / "model.pth"
    before = file.read_bytes()
    _say(coqui, tmp_path / "a", "Hello.", voice="Random Voice")
    assert file.read_bytes() == before


def test_xtts_speaks_no_other_language(coqui: Worker, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not speak 'eo'"):
        _say(coqui, tmp_path / "a", voice="Random Voice", language="eo")


def test_coqui_refuses_a_voice_that_is_not_there(coqui: Worker, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="'nobody' is not downloaded"):
        _say(coqui, tmp_path / "a", voice="nobody")


def test_archives_are_unpacked_once(coqui: Worker, tmp_path: Path) -> None:
    weights = coqui.environment.weights
    with zipfile.ZipFile(weights / "packed.zip", "w") as archive:
        for name in ("config.json", "model_file.pth"):
            archive.write(weights / "phones" / name, f"tts_models--xx/{name}")
    packed, _ = _say(coqui, tmp_path / "a", voice="packed")
    plain, _ = _say(coqui, tmp_path / "b", voice="phones")
    assert np.array_equal(packed, plain)
    assert sorted(p.name for p in (weights / "packed").iterdir()) == ["config.json", "model_file.pth"]
