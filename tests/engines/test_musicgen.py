"""MusicGen in its real environment, with models of random weights.

PODCAST_TEST_MUSICGEN_PYTHON names an interpreter that has the packages of external/musicgen's locks.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import wave
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.engines import real

from podcast.audio import read_wav, wav_rate, write_wav
from podcast.engines.installed.music import InstalledMusic
from podcast.environments.manifest import check_options, find_spec, wanted_weights
from podcast.environments.session import INSIDE
from podcast.environments.worker import OutOfMemory, Refusal, Worker
from podcast.errors import EngineError

HERE = Path(__file__).parent
ENGINE = HERE.parents[1] / "external/musicgen"
LEAST = 3.0  # s
RATE = 32000  # Hz
TEXTS = ["calm piano, 72 bpm", "fast drums and a dark, restless bass"]


def test_weights_forbid_commercial_use_and_each_model_brings_its_own() -> None:
    spec = find_spec("musicgen")
    assert not spec.licence.commercial
    small, melody = wanted_weights(spec), wanted_weights(spec, {"model": "melody"})
    assert {w.path.split("/")[0] for w in small} == {"small"}
    assert {w.path.split("/")[0] for w in melody} == {"melody"}
    assert all(w.urls for w in spec.weights)
    assert check_options(spec, {"model": "large"})["longest"] == 60


@pytest.fixture(scope="module")
def python() -> Path:
    return real.place("PODCAST_TEST_MUSICGEN_PYTHON")


@pytest.fixture(scope="module")
def weights(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real.random_weights("musicgen", python, tmp_path_factory.mktemp("musicgen"))


@pytest.fixture(scope="module")
def worker(python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with real.start("musicgen", python, weights, tmp_path_factory.mktemp("work")) as warm:
        yield warm


def job(into: Path, texts: list[str] = TEXTS[:1], seconds: float = LEAST, **options: Any) -> dict[str, Any]:
    into.mkdir(parents=True)
    seeds, melody = options.pop("seeds", [1, 2][: len(texts)]), options.pop("melody", None)
    chosen = check_options(find_spec("musicgen"), options)
    return {"descriptions": texts, "seconds": seconds, "seeds": seeds, "melody": melody, "options": chosen,
            "into": into}  # fmt: skip


def compose(worker: Worker, into: Path, *given: Any, **more: Any) -> list[bytes]:
    files = worker.run(job(into, *given, **more))["files"]
    return [Path(files[key]).read_bytes() for key in sorted(files, key=int)]


def test_music_is_as_long_as_asked_and_the_same_again(worker: Worker, tmp_path: Path) -> None:
    first = compose(worker, tmp_path / "a")
    other = compose(worker, tmp_path / "b", seeds=[2])
    again = compose(worker, tmp_path / "c")
    assert first == again and first != other
    made = tmp_path / "a/0.wav"
    assert wav_rate(made) == RATE
    assert LEAST <= len(read_wav(made)) / RATE <= LEAST + 2.01
    assert read_wav(made).std() > 0.01


def test_a_new_process_composes_the_same(worker: Worker, python: Path, weights: Path, tmp_path: Path) -> None:
    first = compose(worker, tmp_path / "a")
    with real.start("musicgen", python, weights, tmp_path) as fresh:
        assert compose(fresh, tmp_path / "b") == first


def test_cues_in_one_pass_are_those_of_several_passes(worker: Worker, tmp_path: Path) -> None:
    together = compose(worker, tmp_path / "a", TEXTS, batch_size=2)
    apart = compose(worker, tmp_path / "b", TEXTS, batch_size=1)
    alone = compose(worker, tmp_path / "c", TEXTS[1:], seeds=[2])
    assert together == apart and together[1] == alone[0] and together[0] != together[1]


def test_more_than_a_window_is_composed_and_what_was_known_stays(worker: Worker, tmp_path: Path) -> None:
    told: list[float] = []
    long = worker.run(job(tmp_path / "a", seconds=33.0), lambda done, text: told.append(done))
    short = read_wav(Path(worker.run(job(tmp_path / "b", seconds=26.0))["files"]["0"]))
    whole = read_wav(Path(long["files"]["0"]))
    assert 33.0 <= len(whole) / RATE <= 35.01
    same = slice(3 * RATE, 20 * RATE)  # neither an end nor what the second window composed anew
    gain = short[same].std() / whole[same].std()  # one gain where peaks would clip
    assert np.abs(short[same] - gain * whole[same]).max() < 0.01
    assert whole[31 * RATE :].std() > 0.01
    assert told == sorted(told) and len(told) > 100 and told[-1] > 0.99


def test_both_ears_hear_something_of_their_own(worker: Worker, tmp_path: Path) -> None:
    compose(worker, tmp_path / "a", model="stereo-small")
    sound = read_wav(tmp_path / "a/0.wav")
    assert sound.shape[1] == 2 and not np.array_equal(sound[:, 0], sound[:, 1])


def tune(file: Path, *tones: float) -> Path:
    time_line = np.arange(RATE) / RATE
    write_wav(file, np.concatenate([0.5 * np.sin(2 * np.pi * tone * time_line) for tone in tones])[:, None], RATE)
    return file


def test_a_melody_changes_what_is_composed(worker: Worker, tmp_path: Path) -> None:
    low, high = tune(tmp_path / "low.wav", 220, 247, 262), tune(tmp_path / "high.wav", 392, 330, 349)
    none, first, second, again = (
        compose(worker, tmp_path / name, model="melody", melody=str(file) if file else None)
        for name, file in (("a", None), ("b", low), ("c", high), ("d", low)))
    assert first == again and len({none[0], first[0], second[0]}) == 3


def answer(python: Path, question: str, *given: object) -> Any:
    """Ask a piece of the engine something; stdout belongs to the worker's protocol, so the answer is a file."""
    command = [python, HERE / "musicgen_ask.py", ENGINE, INSIDE, question, *map(str, given)]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stderr.splitlines()[-1])


def test_tones_are_found_in_a_recording(python: Path, tmp_path: Path) -> None:
    file = tune(tmp_path / "tune.wav", 440, 440, 261.63, 261.63)
    assert answer(python, "tones", file) == [235, 9, 0, 9, 0]  # A, C, and both again: it repeats


def test_codes_are_those_of_the_models_own_generation(python: Path, weights: Path) -> None:
    assert answer(python, "generation", weights) == {"small": True, "stereo-small": True, "melody": True}


def test_ends_are_level_and_beats_go_on_over_the_joint(python: Path) -> None:
    told = answer(python, "ends")
    assert 15.2 <= told["seconds"] <= 17.3 and told["off"] < 0.02
    assert told["faded"] < -5 and abs(told["steady"]) < 2.5


def test_half_precision_composes(python: Path, weights: Path, tmp_path: Path) -> None:
    with real.start("musicgen", python, weights, tmp_path, precision="bfloat16") as half:
        first, again = compose(half, tmp_path / "a"), compose(half, tmp_path / "b")
    assert first == again and read_wav(tmp_path / "a/0.wav").std() > 0.01


def test_a_model_that_is_not_there_is_refused(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"(?s)'medium' are not there.*engines repair musicgen"):
        compose(worker, tmp_path / "a", model="medium")
    assert compose(worker, tmp_path / "b")  # and the worker goes on


def test_damaged_weights_are_told(python: Path, weights: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(weights, tmp_path / "weights")
    file = broken / "small/model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    (broken / "melody/config.json").write_text("{")
    with real.start("musicgen", python, broken, tmp_path) as one:
        for model in ("small", "melody"):
            with pytest.raises(Refusal, match=rf"(?s)'{model}'.* damaged.*engines repair musicgen"):
                compose(one, tmp_path / model, model=model)


def test_too_little_memory_is_told_as_such(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory):
        compose(worker, tmp_path / "a", seconds=1e9)
    assert compose(worker, tmp_path / "b")


def test_a_melody_needs_its_model_and_a_sound(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not follow a melody"):
        compose(worker, tmp_path / "a", melody=str(tune(tmp_path / "t.wav", 440)))
    (tmp_path / "no.wav").write_bytes(b"nothing")
    with pytest.raises(Refusal, match=r"no\.wav cannot be read"):
        compose(worker, tmp_path / "b", model="melody", melody=str(tmp_path / "no.wav"))


def test_a_worker_that_is_killed_is_replaced(python: Path, weights: Path, tmp_path: Path) -> None:
    with real.start("musicgen", python, weights, tmp_path) as one:
        killed = []

        def heard(done: float, text: str) -> None:
            if not killed and done > 0.2:
                killed.append(one.pid)
                os.kill(one.pid or 0, signal.SIGKILL)

        value = one.run(job(tmp_path / "a"), heard)
        assert killed and one.starts == 2 and Path(value["files"]["0"]).stat().st_size


def test_composing_can_be_cancelled(worker: Worker, tmp_path: Path) -> None:
    cancel = threading.Event()

    def heard(done: float, text: str) -> None:
        if done > 0.1:
            cancel.set()

    begun = time.monotonic()
    with pytest.raises(CancelledError):
        worker.run(job(tmp_path / "a", seconds=300.0), heard, cancel)
    assert time.monotonic() - begun < 300


def test_the_worker_verifies_itself(worker: Worker) -> None:
    value = worker.verify()
    assert value["repeatable"] and value["model"] == "small"


def test_behind_the_door_of_music_engines(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    engine = SimpleNamespace(spec=find_spec("musicgen"), run=worker.run)
    song = tune(tmp_path / "tune.wav", 440, 392)
    made = InstalledMusic(engine).generate(  # type: ignore[arg-type]
        TEXTS[0], 8.0, 1, {"model": "melody", "melody": str(song)}, tmp_path / "into")
    assert made.pieces[0].is_file() and made.overlap == 96000
    assert 10 * 48000 <= made.lengths[0] <= 12.02 * 48000
    with wave.open(str(made.pieces[0])) as piece:
        assert piece.getframerate() == 48000 and piece.getnchannels() == 2
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["music.wav"]


def test_cues_of_several_threads_are_composed_in_one_pass(worker: Worker, tmp_path: Path) -> None:
    jobs: list[Any] = []

    def run(args: dict[str, Any]) -> dict[str, Any]:
        jobs.append(args["descriptions"])
        return worker.run(args)

    door = InstalledMusic(SimpleNamespace(spec=find_spec("musicgen"), run=run))  # type: ignore[arg-type]
    options = check_options(find_spec("musicgen"), {"batch_size": 4})
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(3) as threads:
        asked = zip([*TEXTS, "a harp"], [1, 2, 3], folders, strict=True)
        made = list(threads.map(lambda a: door.generate(a[0], 3.0, a[1], options, a[2]), asked))
    assert len(jobs) == 1 and len(jobs[0]) == 3
    assert len({piece.pieces[0].read_bytes() for piece in made}) == 3
    assert all([path.name for path in folder.iterdir()] == ["music.wav"] for folder in folders)


def test_whoever_waits_hears_of_a_failure(tmp_path: Path) -> None:
    def run(args: dict[str, Any]) -> dict[str, Any]:
        raise EngineError("no strength left")

    door = InstalledMusic(SimpleNamespace(spec=find_spec("musicgen"), run=run))  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(door.generate, "x", 3.0, 1, {"batch_size": 2}, tmp_path) for _ in range(2)]:
            with pytest.raises(EngineError, match="no strength left"):
                future.result(timeout=60)


pytestmark = pytest.mark.engines
