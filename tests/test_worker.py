"""Warm workers: whatever an engine does, a job ends in a right result or a clear error, and nothing stays behind."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from podcast.audio import read_wav, write_wav
from podcast.environments.hub import Workers
from podcast.environments.logbook import Logbook
from podcast.environments.manifest import load_spec
from podcast.environments.results import check_audio, check_video
from podcast.environments.session import INSIDE, Limits
from podcast.environments.spec import Environment
from podcast.environments.worker import Hooks, OutOfMemory, Refusal, Setup, Worker
from podcast.errors import EngineError, MediaError
from podcast.process import run_program

FIXTURE = Path(__file__).parent / "engines" / "fixture"
LIMITS = Limits(start=60, heartbeat=2, loading=4, cancel=1, grace=2)
SETUP = Setup("cpu", 1, {}, {"FIXTURE_HEARTBEAT": "0.1"})
FRAMES, SIZE = 20, 64
LONG = 10**6  # frames of a job that must be cut short
PATIENCE = 60  # s after which a test gives up

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run_program([sys.executable, "-m", "venv", "--without-pip", folder], timeout=PATIENCE)
    return folder / "bin" / "python"


@pytest.fixture
def environment(python: Path, tmp_path: Path) -> Environment:
    spec = load_spec(FIXTURE)
    (tmp_path / "out").mkdir()
    (tmp_path / "scratch").mkdir()
    sound = np.sin(np.arange(16000) / 9)[:, None] * np.linspace(0, 1, 16000)[:, None]
    write_wav(tmp_path / "voice.wav", sound.astype(np.float32), 16000)
    return Environment(spec, spec.variants[0], "digest", tmp_path, python, None, tmp_path / "weights")


@pytest.fixture
def groups() -> Iterator[list[int]]:
    """The process groups of all workers of a test; all of them are empty when it ends."""
    pids: list[int] = []
    yield pids
    assert soon(lambda: not any(members(group) for group in pids))


def following(groups: list[int]) -> Hooks:
    return Hooks(on_start=lambda worker, pid: groups.append(pid))


@pytest.fixture
def worker(environment: Environment, groups: list[int], tmp_path: Path) -> Iterator[Worker]:
    scratch = tmp_path / "scratch"
    with Worker(environment, SETUP, scratch=scratch, limits=LIMITS, hooks=following(groups)) as made:
        yield made
    assert list(scratch.iterdir()) == []


def members(group: int) -> list[int]:
    """Return the living processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def soon(condition: Callable[[], bool], patience: float = 5.0) -> bool:
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def picture_job(folder: Path, mood: str = "good", frames: int = FRAMES, **options: Any) -> dict[str, Any]:
    return {"picture": "face.png", "audio": folder / "voice.wav", "frames": frames, "rate": [25, 1], "seed": 0,
            "options": {"mood": mood, "size": SIZE, **options}, "into": folder / "out"}  # fmt: skip


def speech_job(folder: Path, text: str = "well said", mood: str = "good", **options: Any) -> dict[str, Any]:
    return {"text": text, "voice": "", "language": "en", "seed": 0, "options": {"mood": mood, **options},
            "into": folder / "out"}  # fmt: skip


def run(worker: Worker, job: dict[str, Any]) -> dict[str, Any]:
    """Run a job; one that never ends is cancelled, which fails the test."""
    flag = threading.Event()
    timer = threading.Timer(PATIENCE, flag.set)
    timer.start()
    try:
        return worker.run(job, cancel=flag)
    finally:
        timer.cancel()


def kind(worker: Worker, name: str, stall: float = 30) -> Worker:
    spec = replace(worker.environment.spec, kind=name, stall=stall)  # type: ignore[arg-type]
    worker.environment = replace(worker.environment, spec=spec)
    return worker


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir())


# ---------------------------------------------------------------------------------------------------- good ones


def test_a_video_comes_out_as_asked(worker: Worker, tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    value = worker.run(picture_job(tmp_path), lambda done, text: heard.append((done, text)))
    assert value["files"] == {"video": tmp_path / "out" / "video.y4m"}
    assert (value["width"], value["height"], value["device"]) == (SIZE, SIZE, "cpu")
    with av.open(str(value["files"]["video"])) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(pictures) == FRAMES
    assert [int(picture[-1, -1]) for picture in pictures] == sorted(int(p[-1, -1]) for p in pictures)  # ever louder
    assert [done for done, _ in heard] == [frame / FRAMES for frame in range(FRAMES)]
    assert heard[4][1] == f"frame 4 of {FRAMES}"


def test_speech_comes_out_with_its_times(worker: Worker, tmp_path: Path) -> None:
    value = kind(worker, "speech").run(speech_job(tmp_path, "well said"))
    assert [word for word, _, _ in value["words"]] == ["well", "said"]
    sound = read_wav(value["files"]["audio"])
    spectrum = np.abs(np.fft.rfft(sound[:, 0]))
    assert abs(np.argmax(spectrum) * 16000 / len(sound) - 220) < 3
    assert left(tmp_path) == ["speech.wav"]


def test_a_hundred_jobs_load_once(worker: Worker, tmp_path: Path) -> None:
    kind(worker, "speech")
    values = [worker.run(speech_job(tmp_path)) for _ in range(100)]
    assert [value["jobs"] for value in values] == list(range(1, 101))
    assert (worker.starts, worker.loads) == (1, 1)


@pytest.mark.parametrize("mood", ["slow", "chatter", "litter"])
def test_habits_that_do_no_harm(worker: Worker, tmp_path: Path, mood: str) -> None:
    value = run(kind(worker, "avatar", stall=1.5), picture_job(tmp_path, mood))  # slow: 2 s in all
    check_video(value["files"]["video"], FRAMES, Fraction(25))
    assert worker.starts == 1
    assert len(value.get("children", [])) == (2 if mood == "litter" else 0)  # `groups` sees that they are gone
    if mood == "chatter":
        text = worker.log.read_text("utf-8", "replace") if worker.log else ""
        assert "raw bytes" in text and "a program that was started" in text


def test_verify_loads_and_shows(worker: Worker) -> None:
    assert worker.verify() == {"device": "cpu", "answer": 42}
    assert worker.loads == 1


# ----------------------------------------------------------------------------------------------------- bad ones

AT_ONCE = {  # mood: what the error says
    "crash": "killed by signal 6",
    "leave": "ended with status 0 before its answer",
    "leave_politely": r"exit\(0\)",
    "bug": "KeyError: 'landmarks'",
    "babble": "wrote b'hello.* on the descriptor of the protocol",
    "drone": "wrote b'zzz.* on the descriptor of the protocol",
    "mistake": "answered request 4711",
    "cut": "has 13 frames, 20 were asked for",
    "empty": "is empty",
    "missing": "is missing",
    "outside": "outside of the folder",
    "linked": "outside of the folder",
    "nameless": "names no 'video'",
    "litter_and_leave": "ended with status 3",
}
LATE = {
    "hang": "no progress for 1.5 s",
    "repeat": "no progress for 1.5 s",
    "flood": "no progress for 1.5 s",
    "stubborn": "no progress for 1.5 s",
    "freeze": "no sign of life for 2 s",
    "deaf": "no sign of life for 2 s",
}


def impatient(worker: Worker, mood: str) -> Worker:
    return kind(worker, "avatar", stall=1.5 if "progress" in LATE.get(mood, "") else 30)


@pytest.mark.parametrize("mood", [*AT_ONCE, *LATE, "killed"])
def test_a_worker_that_fails_once_is_replaced(worker: Worker, tmp_path: Path, mood: str) -> None:
    value = run(impatient(worker, mood), picture_job(tmp_path, mood, once=str(tmp_path / "once")))
    check_video(value["files"]["video"], FRAMES, Fraction(25))
    assert (worker.starts, value["jobs"]) == (2, 1)
    assert left(tmp_path) == ["video.y4m"]


@pytest.mark.parametrize("mood", [*AT_ONCE, "hang", "freeze"])
def test_a_worker_that_fails_twice_is_reported(worker: Worker, tmp_path: Path, mood: str) -> None:
    with pytest.raises(EngineError, match={**AT_ONCE, **LATE}[mood]) as caught:
        run(impatient(worker, mood), picture_job(tmp_path, mood))
    assert caught.value.problem.startswith("its worker failed: ")
    assert "also after a new start" in caught.value.problem
    assert caught.value.where == "fixture"
    assert worker.starts == 2
    assert left(tmp_path) == []


def test_the_error_shows_the_end_of_the_log(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        run(worker, picture_job(tmp_path, "crash"))
    path = Path(re.findall(r"its log (\S+) ends with:", caught.value.remedy)[0])
    assert "something terrible happened" in path.read_text()
    assert "  | something terrible happened" in caught.value.remedy


def test_after_a_failure_the_next_job_is_fine(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        run(worker, picture_job(tmp_path, "bug"))
    assert run(worker, picture_job(tmp_path))["jobs"] == 1
    assert (worker.starts, worker.loads) == (3, 3)


@pytest.mark.parametrize("mood", ["memory", "memory_of_machine"])
def test_lack_of_memory_is_told_apart_and_not_tried_again(worker: Worker, tmp_path: Path, mood: str) -> None:
    with pytest.raises(OutOfMemory, match="memory ran out"):
        run(worker, picture_job(tmp_path, mood))
    assert (worker.starts, worker.pid, left(tmp_path)) == (1, None, [])  # a new process has all memory
    assert run(worker, picture_job(tmp_path))["jobs"] == 1


@pytest.mark.parametrize(
    ("message", "kind_of_error"),
    [
        ("CUDA error: out of memory", OutOfMemory),
        ("MPS backend out of memory (MPS allocated: 17 GB)", OutOfMemory),
        ("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory", OutOfMemory),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", OutOfMemory),
        ("Failed to allocate memory for requested buffer of size 4294967296", OutOfMemory),
        ("CUDA error: device-side assert triggered", EngineError),
        ("the memory of the host is fine", EngineError),
    ],
)
def test_frameworks_words_for_lack_of_memory(
    worker: Worker, tmp_path: Path, message: str, kind_of_error: type[EngineError]
) -> None:
    with pytest.raises(EngineError) as caught:
        run(worker, picture_job(tmp_path, message=message))
    assert type(caught.value) is kind_of_error
    assert message in caught.value.problem


def test_a_worker_that_the_system_kills_lacked_memory(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory, match="killed from outside"):
        run(worker, picture_job(tmp_path, "killed"))
    assert (worker.starts, left(tmp_path)) == (2, [])


def test_lack_of_memory_while_loading(environment: Environment, groups: list[int], tmp_path: Path) -> None:
    setup = replace(SETUP, policy={"load": "memory"})
    with Worker(environment, setup, limits=LIMITS, hooks=following(groups)) as worker, pytest.raises(OutOfMemory):
        run(worker, picture_job(tmp_path))
    assert (worker.starts, worker.loads) == (1, 0)


def test_what_is_refused_is_told_and_the_worker_stays_warm(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not go with this picture") as caught:
        run(worker, picture_job(tmp_path, "refuse"))
    assert caught.value.remedy == "take 64"
    with pytest.raises(Refusal, match="nothing to say"):
        run(worker, speech_job(tmp_path, " "))
    assert left(tmp_path) == []
    assert run(worker, picture_job(tmp_path))["jobs"] == 3
    assert (worker.starts, worker.loads) == (1, 1)


def test_a_broken_environment_names_the_repair(environment: Environment, tmp_path: Path) -> None:
    for python in (tmp_path / "no" / "python", FIXTURE / "engine.yaml"):
        worker = Worker(replace(environment, python=python), SETUP, limits=LIMITS)
        with worker, pytest.raises(EngineError) as caught:
            run(worker, picture_job(tmp_path))
        assert caught.value.remedy.startswith("podcast engines repair fixture\n")
        assert f"cannot start {python}" in caught.value.remedy


# --------------------------------------------------------------------------------------- cancelled and closed


def begun(worker: Worker, job: dict[str, Any], pool: ThreadPoolExecutor, **more: Any) -> Any:
    """Start a job in a thread and return when it has told its first progress."""
    started = threading.Event()
    future = pool.submit(worker.run, job, lambda done, text: started.set(), **more)
    assert started.wait(PATIENCE)
    return future


def test_a_cancelled_job_ends_and_the_worker_stays_warm(worker: Worker, tmp_path: Path) -> None:
    flag = threading.Event()
    with ThreadPoolExecutor() as pool:
        future = begun(worker, picture_job(tmp_path, "slow", frames=LONG), pool, cancel=flag)
        flag.set()
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
        future = begun(worker, picture_job(tmp_path, "slow", frames=LONG), pool)
        worker.cancel()
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
    assert left(tmp_path) == []
    assert run(worker, picture_job(tmp_path))["jobs"] == 3
    assert worker.starts == 1


def test_a_job_that_does_not_heed_is_killed(worker: Worker, tmp_path: Path) -> None:
    flag = threading.Event()
    threading.Timer(1.0, flag.set).start()
    with pytest.raises(CancelledError):
        worker.run(picture_job(tmp_path, "stubborn"), cancel=flag)
    assert (worker.starts, worker.pid, left(tmp_path)) == (1, None, [])


def test_closing_now_ends_the_job_and_those_that_wait(worker: Worker, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        doing = begun(worker, picture_job(tmp_path, "slow", frames=LONG), pool)
        waiting = pool.submit(worker.run, picture_job(tmp_path))
        worker.close(now=True)
        for future in (doing, waiting):
            with pytest.raises(CancelledError):
                future.result(PATIENCE)
    assert worker.pid is None
    with pytest.raises(CancelledError):
        worker.run(picture_job(tmp_path))


def test_a_listener_that_objects_ends_the_job(worker: Worker, tmp_path: Path, groups: list[int]) -> None:
    def object_(done: float, text: str) -> None:
        raise EngineError("the card does nothing")

    with pytest.raises(EngineError, match="the card does nothing"):
        worker.run(picture_job(tmp_path, "slow", frames=LONG), object_)
    assert soon(lambda: members(groups[0]) == [])
    assert left(tmp_path) == []


# ------------------------------------------------------------------------------------------------- the hub


def test_threads_share_a_worker(environment: Environment, groups: list[int], tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        shutil.copytree(tmp_path / "out", folder / "out")
        shutil.copy(tmp_path / "voice.wav", folder)
    with Workers(limits=LIMITS, hooks=following(groups)) as hub, ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(hub.run, environment, SETUP, picture_job(folder)) for folder in folders * 3]
        assert sorted(future.result()["jobs"] for future in futures) == list(range(1, 13))
        assert hub.get(environment, SETUP).loads == 1
    assert len(groups) == 1
    assert all(left(folder) == ["video.y4m"] for folder in folders)


def test_devices_and_setups_have_their_workers(environment: Environment, groups: list[int], tmp_path: Path) -> None:
    ended: list[int] = []
    hooks = Hooks(lambda worker, pid: groups.append(pid), on_end=lambda worker, pid: ended.append(pid))
    with Workers(limits=LIMITS, hooks=hooks) as hub:
        card = replace(SETUP, device="cuda:0")
        assert hub.run(environment, SETUP, picture_job(tmp_path))["device"] == "cpu"
        assert hub.run(environment, card, picture_job(tmp_path))["device"] == "cuda:0"
        assert (len(groups), ended) == (2, [])
        hub.run(environment, replace(card, policy={"half": False}), picture_job(tmp_path))
        assert ended == [groups[1]]  # two on one card would share its memory
    assert sorted(ended) == sorted(groups)


def test_a_run_that_fails_closes_what_it_began(environment: Environment, groups: list[int], tmp_path: Path) -> None:
    pool = ThreadPoolExecutor()
    with pytest.raises(ZeroDivisionError), Workers(limits=LIMITS, hooks=following(groups)) as hub:
        future = begun(hub.get(environment, SETUP), picture_job(tmp_path, "slow", frames=LONG), pool)
        raise ZeroDivisionError
    with pytest.raises(CancelledError):
        future.result(PATIENCE)
    assert soon(lambda: members(groups[0]) == [])


# ------------------------------------------------------------------------------------------ what the worker sees


def test_nothing_of_ours_reaches_the_worker(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "FIXTURE_TOKEN", "PYTHONPATH"):
        monkeypatch.setenv(name, "/our/own")
    value = run(worker, picture_job(tmp_path))
    seen = value["environment"]
    assert [name for name, text in seen.items() if text == "/our/own"] == ["FIXTURE_TOKEN"]  # its manifest asks for it
    assert seen["PYTHONPATH"] == str(INSIDE)
    assert seen["PYTHONNOUSERSITE"] == seen["OMP_NUM_THREADS"] == "1"
    assert seen["TMPDIR"] == value["cwd"] and Path(value["cwd"]).parent == tmp_path / "scratch"


MAY_NEED = {"podcast_video": {"av", "cv2", "numpy"}}  # of what lies inside, what an environment must have for it


def test_the_worker_s_side_stands_alone() -> None:
    """Old interpreters without a single package can speak the protocol: what needs packages is imported by nobody."""
    for path in INSIDE.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
        names = {(n.module if isinstance(n, ast.ImportFrom) else a.name) or ""
                 for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}  # fmt: skip
        allowed = {*sys.stdlib_module_names, "__future__", *MAY_NEED.get(path.stem, ())}
        assert {name.split(".")[0] for name in names} <= allowed, path.name


# ----------------------------------------------------------------------------------------------- our own death

HOST = """
import sys
from pathlib import Path
from dataclasses import replace
sys.path[:0] = {path!r}
from podcast.environments.spec import Environment
from podcast.environments.manifest import load_spec
from podcast.environments.hub import Workers
from podcast.environments.worker import Hooks, Setup
from tests.test_worker import FIXTURE, LIMITS, SETUP, picture_job
spec = load_spec(FIXTURE)
folder = Path({folder!r})
environment = Environment(spec, spec.variants[0], "digest", folder, Path({python!r}), None, folder)
def told(worker, pid):
    print(pid, flush=True)
if __name__ == "__main__":
    with Workers(folder, limits=replace(LIMITS, heartbeat=60), hooks=Hooks(told)) as hub:
        for mood in ("litter", {mood!r}):
            hub.run(environment, SETUP, picture_job(folder, mood), lambda done, text: None)
"""


def host(environment: Environment, mood: str) -> tuple[subprocess.Popen[str], int]:
    """Start a host that is busy with a job; return it and the process group of its worker."""
    folder = environment.folder
    root = str(Path(__file__).parents[1])
    script = folder / "host.py"
    script.write_text(HOST.format(path=[root, *sys.path], folder=str(folder), python=str(environment.python),
                                  mood=mood))  # fmt: skip
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    assert process.stdout is not None
    group = int(process.stdout.readline())
    out = folder / "out"
    assert soon(lambda: (out / "video.y4m").exists() and any(out.glob(".job-*/video.y4m")), PATIENCE)
    assert len(members(group)) == 4  # the worker, its guard and two children that heed no signal
    return process, group


@pytest.mark.parametrize("mood", ["hang", "freeze"])
def test_a_killed_host_leaves_no_worker(environment: Environment, mood: str) -> None:
    process, group = host(environment, mood)
    process.kill()
    process.communicate()
    assert soon(lambda: members(group) == [])


def test_the_next_host_clears_the_folders_of_a_killed_one(worker: Worker, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for owner in (gone.pid, os.getpid()):
        (tmp_path / "scratch" / f"podcast-worker-{owner}-abc").mkdir()
    run(worker, picture_job(tmp_path))
    kept = tmp_path / "scratch" / f"podcast-worker-{os.getpid()}-abc"
    assert kept.exists() and not (tmp_path / "scratch" / f"podcast-worker-{gone.pid}-abc").exists()
    kept.rmdir()


def test_ctrl_c_reaches_the_host_alone_which_ends_its_workers(environment: Environment) -> None:
    process, group = host(environment, "hang")
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, stderr = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in stderr.splitlines()[-1]
    assert soon(lambda: members(group) == [])
    assert left(environment.folder) == ["video.y4m"]  # of the first job


def test_a_worker_ends_by_itself_where_there_is_no_guard(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(INSIDE)}
    process = subprocess.Popen([sys.executable, "-u", str(FIXTURE / "worker.py")], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)  # fmt: skip
    assert process.stdin and process.stdout
    process.stdin.write(b'{"id": 1, "do": "hello", "args": {"policy": {}}}\n')
    process.stdin.write(b'{"id": 2, "do": "run", "args": {"text": "a", "options": {"mood": "hang"}, "into": "%s"}}\n'
                        % str(tmp_path).encode())  # fmt: skip
    process.stdin.flush()
    assert soon(lambda: (tmp_path / "speech.wav").exists(), PATIENCE)
    process.stdin.close()
    assert process.wait(PATIENCE) == 1
    process.stdout.close()


# ------------------------------------------------------------------------------------------- log and results


def test_a_log_stays_small_and_keeps_its_end(tmp_path: Path) -> None:
    log = Logbook(tmp_path / "worker-1.log", limit=1000)
    for number in range(1000):
        log.write(b"line %d\n" % number)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000
    assert log.tail(2) == "line 998\nline 999"
    assert len(log.tail(20).splitlines()) == 20  # beyond the turn
    log.write(b"  0%\r 50%\r100%\nthe end")
    assert log.tail(2) == "100%\nthe end"
    log.close()


def test_old_logs_are_forgotten(tmp_path: Path) -> None:
    for number in range(50):
        Logbook(tmp_path / f"worker-{number:03}.log").close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) <= 20
    assert names[-1] == "worker-049.log"


def y4m(path: Path, frames: int, rate: str = "25:1") -> Path:
    picture = b"FRAME\n" + bytes([90]) * (16 * 16 * 3 // 2)
    path.write_bytes(f"YUV4MPEG2 W16 H16 F{rate} Ip A1:1 C420jpeg\n".encode() + picture * frames)
    return path


def test_videos_are_counted(tmp_path: Path) -> None:
    path = y4m(tmp_path / "a.y4m", 7)
    check_video(path, 7, Fraction(25))
    with pytest.raises(MediaError, match="has 7 frames, 8 were asked for"):
        check_video(path, 8, Fraction(25))
    with pytest.raises(MediaError, match="has 25 frames per second, 30000/1001 were asked for"):
        check_video(path, 7, Fraction(30000, 1001))
    check_video(y4m(path, 7, "30000:1001"), 7, Fraction(30000, 1001))
    path.write_bytes(b"not a video")
    with pytest.raises(MediaError, match="does not decode"):
        check_video(path, 7, Fraction(25))


def test_videos_carry_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.zeros((1600, 1), np.float32), 16000)
    with pytest.raises(MediaError, match="carries sound"):
        check_video(path, 1, Fraction(25))


def test_sounds_are_read_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.full((16000, 1), 0.1, np.float32), 16000)
    assert check_audio(path) == 1.0
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(MediaError, match="its header says more"):
        check_audio(path)
    write_wav(path, np.zeros((0, 1), np.float32), 16000)
    with pytest.raises(MediaError):
        check_audio(path)
    with pytest.raises(MediaError, match="has no sound"):
        check_audio(y4m(tmp_path / "b.y4m", 1))
