"""Programs and workers: stopped when told, gone when we are gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import podcast.process
from podcast.errors import PodcastError, ScriptError
from podcast.process import Guarded, ProgramError, WorkerPool, run_logged, run_program

PYTHON = sys.executable
GUARD = Path(podcast.process.__file__).parent / "environments" / "inside" / "podcast_guard.py"


def test_output_comes_back() -> None:
    done = run_program([PYTHON, "-c", "import sys; print(sys.stdin.read().upper())"], timeout=30, input=b"hello")
    assert done.stdout.strip() == b"HELLO"


def test_a_failure_tells_status_and_reason() -> None:
    with pytest.raises(ProgramError, match=r"status 3: (.|\n)*the reason"):
        run_program([PYTHON, "-c", "import sys; print('the reason', file=sys.stderr); sys.exit(3)"], timeout=30)


def test_a_missing_program_is_told() -> None:
    with pytest.raises(ProgramError, match="cannot start"):
        run_program(["/no/such/program"], timeout=5)


def test_a_log_has_everything_but_what_a_carriage_return_replaces(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('10%\\r20%\\rdone', flush=True); print('why', file=sys.stderr); sys.exit(4)"
    with pytest.raises(ProgramError, match=r"status 4: done\nwhy\nits log is .*log$"):
        run_logged([PYTHON, "-c", code], tmp_path / "log", timeout=30, on_line=lines.append)
    assert lines == ["10%", "20%", "done", "why"]
    assert (tmp_path / "log").read_text() == "done\nwhy\n"


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_a_hanging_program_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = ("import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(note)!r}, 'w').write(str(child.pid)); time.sleep(60)")
    with pytest.raises(ProgramError, match="did not end"):
        run_program([PYTHON, "-c", code], timeout=2)
    assert _gone(int(note.read_text()))


def _gone(pid: int, patience: float = 10) -> bool:
    for _ in range(int(patience * 20)):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def _fail() -> None:
    raise ScriptError.at("a.txt", 3, "bad", "mend it")


def test_errors_come_back_from_workers_whole(pool: WorkerPool) -> None:
    with pytest.raises(ScriptError) as caught:
        pool.submit(_fail).result()
    assert (caught.value.where, caught.value.remedy) == ("a.txt:3", "mend it")


def test_every_call_is_answered(pool: WorkerPool) -> None:
    answers = dict(pool.run_all((pow, (n, 2)) for n in range(20)))
    assert answers == {n: n * n for n in range(20)}


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_killed_worker_is_told() -> None:
    with WorkerPool(1) as workers, pytest.raises(PodcastError, match="worker process was killed"):
        list(workers.run_all([(os._exit, (9,))]))


@pytest.mark.parametrize("call", [(pow, 2, 3), (time.sleep, 60), (bytes, 10_000_000)])
def test_an_error_ends_the_pool_before_the_interpreter(call: tuple[Any, ...]) -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyError), WorkerPool(2) as workers:
        calls = [workers.submit(*call) for _ in range(6)]
        raise KeyError
    assert set(threading.enumerate()) <= before  # a thread left would print its error after ours
    assert all(call.done() for call in calls)


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import os, sys, time\nfrom podcast.process import WorkerPool\n"
        "if __name__ == '__main__':\n"
        "    pool = WorkerPool(2)\n    a = pool.submit(time.sleep, 60)\n"
        "    print(*pool._pool._processes, flush=True)\n    a.result()\n"
    )
    parent = subprocess.Popen([PYTHON, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    time.sleep(2)  # the workers have begun
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert len(children) == 2
    assert all(_gone(pid) for pid in children)


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_what_a_guarded_program_left_behind_dies(tmp_path: Path) -> None:
    code = ("import subprocess, sys\n"
            "wait = [sys.executable, '-c', 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)']\n"
            "print(subprocess.Popen(wait, stdout=subprocess.DEVNULL).pid)\n")
    program = Guarded([PYTHON, "-c", code], guard=GUARD, env=dict(os.environ), cwd=tmp_path)
    child = int(program.stdout.read())
    assert program.wait(10) == 0  # it ended by itself, its child did not
    assert not _gone(child, patience=0.2)
    program.kill()
    program.kill()  # again: nothing happens
    assert _gone(child)


@pytest.mark.skipif(os.name == "nt", reason="the guard is POSIX")
def test_a_guarded_program_does_not_wait_for_its_guard(tmp_path: Path) -> None:
    code = "import os\ntry: os.wait()\nexcept ChildProcessError: print('no child', os.getpid() == os.getpgrp())"
    program = Guarded([PYTHON, "-c", code], guard=GUARD, env=dict(os.environ), cwd=tmp_path)
    assert program.stdout.read().strip() == b"no child True"
    program.kill()
