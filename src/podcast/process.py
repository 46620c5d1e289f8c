"""The only door to other processes: programs run to their end, and a pool of workers of our own.

Programs get argv lists, an explicit environment, a process group of their own and a log; they are interrupted,
then terminated, then killed. Workers die with the process that started them, however it ends.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from podcast.errors import PodcastError

T = TypeVar("T")
R = TypeVar("R")

_GRACE = 3.0  # s between interrupt, terminate and kill
_TAIL = 2000  # characters of a log that an error shows
# One thread per worker: the pool already fills the cores, and OpenMP's spinning threads would fight over them.
_SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ProgramError(PodcastError):
    """A program that failed: carries its command, exit status and the end of what it wrote."""


@dataclass(frozen=True)
class Finished:
    """A program that ended well: what it wrote."""

    stdout: bytes
    stderr: bytes


def run_program(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run a program to its end.

    Args:
        argv: the program and its arguments; never a shell line.
        timeout: seconds, after which the whole process group is stopped.
        input: bytes for its standard input; none: it is closed.
        env: the whole environment; none: ours.
        cwd: working directory.

    Raises:
        ProgramError: it cannot be started, ran too long or ended with a status other than 0.
    """
    child = start_program(argv, env=env, cwd=cwd)
    try:
        stdout, stderr = child.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        stop(child)
        raise ProgramError(f"{Path(argv[0]).name} did not end within {timeout:g} s") from late
    except BaseException:
        stop(child)
        raise
    if child.returncode:
        raise ProgramError(f"{Path(argv[0]).name} ended with status {child.returncode}: {_tail(stderr or stdout)}")
    return Finished(stdout, stderr)


# Runs a program with one output, and ends it with its process group when our end of its standard input closes: so
# nothing that is started here outlives us, however we end.
_GUARD = """
import os, signal, subprocess, sys, threading
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
def watch():
    while os.read(0, 64):
        pass
    if os.name == "nt":
        subprocess.call(["taskkill", "/F", "/T", "/PID", str(child.pid)])
    else:
        os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
status = child.wait()
os._exit(status if status >= 0 else 128 - status)
"""


def run_logged(
    argv: Sequence[str | Path],
    log: Path,
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run a program to its end; all that it writes is appended to a log as it comes.

    Args:
        argv: the program and its arguments; never a shell line.
        log: the file; its folder is made.
        timeout: seconds, after which the whole process group is stopped.
        env: the whole environment; none: ours.
        cwd: working directory.
        on_line: is told every line, from another thread, and also those that a carriage return ends, which are
            not logged.

    Raises:
        ProgramError: it cannot be started, ran too long or ended with a status other than 0; tells the end of the log
            in its problem and where the log is in its remedy.
    """
    name = Path(argv[0]).name
    if not shutil.which(str(argv[0]), path=None if env is None else env.get("PATH")):
        raise ProgramError(f"cannot start {argv[0]} (not found)")
    log.parent.mkdir(parents=True, exist_ok=True)
    child = start_program([sys.executable, "-I", "-c", _GUARD, *argv], env=env, cwd=cwd)
    written: list[str] = []
    reader = threading.Thread(target=_log_lines, args=(child, log, written, on_line), daemon=True)
    reader.start()
    try:
        child.wait(timeout)
    except subprocess.TimeoutExpired as late:
        raise ProgramError(f"{name} did not end within {timeout:g} s", f"its log is {log}") from late
    finally:
        stop(child)
        reader.join(_GRACE)
        child.stdin.close()  # type: ignore[union-attr]
    if child.returncode:
        tail = "".join(written)[-_TAIL:].strip()
        raise ProgramError(f"{name} ended with status {child.returncode}: {tail}", f"its log is {log}")


def _log_lines(
    child: subprocess.Popen[bytes], log: Path, written: list[str], on_line: Callable[[str], None] | None
) -> None:
    text = io.TextIOWrapper(child.stdout, "utf-8", "replace", newline="")  # type: ignore[type-var]
    with text as lines, log.open("a", encoding="utf-8") as file:
        for line in lines:
            if not line.endswith("\r"):  # what is written over it tells the same
                file.write(line.rstrip("\r\n") + "\n")
                file.flush()
                written.append(line)
                del written[:-50]  # the error shows the end alone
            if on_line and line.strip():
                on_line(line.strip())


def start_program(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program with pipes on all three streams, in a process group of its own; it inherits `keep` (POSIX)."""
    group: dict[str, Any] = {"start_new_session": True, "pass_fds": tuple(keep)}
    if os.name == "nt":
        group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    try:
        return subprocess.Popen(
            [str(a) for a in argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ if env is None else env),
            cwd=cwd,
            **group,
        )
    except OSError as error:
        raise ProgramError(f"cannot start {argv[0]} ({error.strerror})") from error


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a program and its process group: interrupt, terminate, kill, and wait until it is gone."""
    signals = [signal.SIGINT, signal.SIGTERM] if os.name != "nt" else []
    for number in signals:
        if child.poll() is not None:
            break
        _signal_group(child, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE)
    if child.poll() is None:
        _signal_group(child, getattr(signal, "SIGKILL", signal.SIGTERM))
    child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            child.kill()
        else:
            os.killpg(child.pid, number)


def is_running(pid: int) -> bool:
    """Tell whether there is a process of this number; where that cannot be asked harmlessly (Windows), True."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


class Guarded:
    """A long-lived program with pipes on all three streams; its whole process group dies with us, however we end.

    On POSIX a guard, a tiny process in the same group, sees by a pipe that we are gone. On Windows the program itself
    has to end when its standard input does.

    Args:
        argv: the program and its arguments.
        guard: the script that starts the program and leaves the guard in its group.
        env: the whole environment.
        cwd: working directory.

    Raises:
        ProgramError: it cannot be started.
    """

    def __init__(self, argv: Sequence[str | Path], *, guard: Path, env: Mapping[str, str], cwd: Path) -> None:
        self._life: int | None = None
        if os.name == "nt":
            self._child = start_program(argv, env=env, cwd=cwd)
        else:
            ours, self._life = os.pipe()
            try:
                before: list[str | Path] = [sys.executable, "-I", "-S", guard, str(ours)]
                self._child = start_program([*before, *argv], env=env, cwd=cwd, keep=(ours,))
            except ProgramError:
                os.close(self._life)
                raise
            finally:
                os.close(ours)
        self.pid = self._child.pid
        assert self._child.stdin and self._child.stdout and self._child.stderr
        self.stdin, self.stdout, self.stderr = self._child.stdin, self._child.stdout, self._child.stderr

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self._child.poll()

    def wait(self, timeout: float) -> int | None:
        """Wait at most `timeout` seconds for its end and return the exit status, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._child.wait(timeout)
        return None

    def kill(self) -> None:
        """End the program and everything in its process group, also what it left behind when it ended by itself."""
        if os.name == "nt":
            with contextlib.suppress(ProgramError):
                run_program(["taskkill", "/F", "/T", "/PID", str(self.pid)], timeout=_GRACE)
        elif self._life is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, nothing but zombies
                os.killpg(self.pid, signal.SIGKILL)
            os.close(self._life)
            self._life = None
        self.wait(_GRACE)  # a program that a driver holds cannot be waited for


def _tail(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()[-_TAIL:]


class WorkerPool:
    """Worker processes that start at the first piece of work and stay warm until `close`.

    A thread-safe `submit`, so that several episodes of a batch share one pool.
    """

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., R], /, *args: Any) -> Future[R]:
        """Run a picklable function in a worker."""
        with self._lock:
            if self._pool is None:
                self._pool = _start_pool(self.workers)
            return self._pool.submit(function, *args)

    def run_all(self, calls: Iterable[tuple[Callable[..., R], tuple[Any, ...]]]) -> Iterator[tuple[int, R]]:
        """Run calls in the workers and yield (index, result) as they finish.

        Raises:
            PodcastError: a worker was killed from outside (out of memory, usually).
        """
        waiting = {self.submit(function, *args): i for i, (function, args) in enumerate(calls)}
        try:
            while waiting:
                done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)  # time-outs let Ctrl-C in on Windows
                for future in done:
                    yield waiting.pop(future), future.result()
        except BrokenProcessPool as broken:
            raise PodcastError(
                "a worker process was killed, most likely because memory ran out",
                "run it again with fewer workers (--set workers=1): finished work is kept",
            ) from broken
        finally:
            for future in waiting:
                future.cancel()

    def close(self, now: bool = False) -> None:
        """End the workers; `now` also ends what they are doing."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if not now:
            pool.shutdown(cancel_futures=True)
        else:
            _kill_pool(pool)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(now=kind is not None)


def _start_pool(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    kept = {name: os.environ.get(name) for name in _SINGLE_THREAD}
    os.environ.update(_SINGLE_THREAD)
    try:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker)
        pool.submit(os.getpid)  # starts the workers while the environment is set
        return pool
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _kill_pool(pool: ProcessPoolExecutor) -> None:
    """End a pool's processes and its thread, so that nothing of it is left for the interpreter's exit to trip over.

    The private names are the same in Python 3.10 to 3.13; the public way (`kill_workers`) begins with 3.14.
    """
    manager: threading.Thread | None = getattr(pool, "_executor_manager_thread", None)
    processes, answers = list((pool._processes or {}).values()), cast(Any, pool._result_queue)
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    with contextlib.suppress(OSError):
        answers._writer.close()  # else the thread waits for ever for the rest of an answer that a kill cut short
    if manager is not None:
        manager.join(_GRACE)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def _die_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
