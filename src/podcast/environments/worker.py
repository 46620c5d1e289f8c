"""The host's side of an engine: a warm process that is watched, replaced once when it fails, and never left behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

from podcast.environments.logbook import Logbook
from podcast.environments.results import check_result, find_files
from podcast.environments.session import INSIDE, Broken, Limits, Listener, Reported, Session
from podcast.environments.spec import Environment
from podcast.environments.surroundings import surroundings
from podcast.errors import EngineError, MediaError
from podcast.process import ProgramError, is_running

Progress = Callable[[float, str], None]

_ATTEMPTS = 2  # a worker is started once more, then its failure is reported
_POLL = 0.2  # s; waits are cut into pieces so that flags are heeded, and Ctrl-C gets in on Windows
_PREFIX = "podcast-worker-"
_numbers = itertools.count(1)


class OutOfMemory(EngineError):  # noqa: N818
    """The device's memory, or the machine's, was not enough: something smaller may work."""


class Refusal(EngineError):  # noqa: N818
    """The engine refused the job's input or options: trying again is of no use."""


@dataclass(frozen=True)
class Setup:
    """What a worker gets with `load`."""

    device: str = "cpu"  # "cuda:0", "mps", "cpu"
    threads: int = 1
    policy: Mapping[str, Any] = field(default_factory=dict)  # which optimisations are on
    variables: Mapping[str, str] = field(default_factory=dict)  # environment variables that the policy sets


@dataclass(frozen=True)
class Hooks:
    """Who wants to follow the processes of workers; called with the worker and the process's number."""

    on_start: Callable[[Worker, int], None] = lambda worker, pid: None  # it said hello
    on_loaded: Callable[[Worker, int], None] = lambda worker, pid: None  # its models are in the device's memory
    on_end: Callable[[Worker, int], None] = lambda worker, pid: None  # it is gone


class Worker:
    """A worker of an installed engine; starts at its first job. Jobs of several threads are done one by one.

    Args:
        environment: the installed engine.
        setup: device, threads, policy.
        scratch: folder for its private working directory; none: the system's.
        logs: folder of its logs; none: that of the environment.
        limits: after how long it is given up.
        hooks: who wants to follow its processes.
    """

    def __init__(
        self, environment: Environment, setup: Setup | None = None, *, scratch: Path | None = None,
        logs: Path | None = None, limits: Limits | None = None, hooks: Hooks | None = None,
    ) -> None:  # fmt: skip
        self.environment, self.setup = environment, setup or Setup()
        self.starts = self.loads = 0  # processes started, and how often one has loaded its models
        self._scratch, self._logs = scratch, logs or environment.folder / "logs"
        self._limits, self._hooks = limits or Limits(), hooks or Hooks()
        self._session: Session | None = None
        self._folder: Path | None = None
        self._logbook: Logbook | None = None
        self._announced = False  # to those who follow the processes
        self._turn = threading.Lock()
        self._closing = threading.Event()  # no further jobs
        self._stopping = threading.Event()  # nor the one that is being done
        self._unwanted = threading.Event()  # the job that is being done

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        session = self._session
        return session.pid if session else None

    @property
    def log(self) -> Path | None:
        """The log of the present or last process."""
        return self._logbook.path if self._logbook else None

    def run(
        self, args: Mapping[str, Any], progress: Progress | None = None, cancel: threading.Event | None = None
    ) -> dict[str, Any]:
        """Do a job and return its value; `files` are paths in `args["into"]`, looked at and whole.

        Args:
            args: as the contract of the engine's kind says; `into` is an existing folder. Nothing but finished
                files appears in it.
            progress: hears how much is done (0 to 1), and a few words.
            cancel: set it to end the job.

        Raises:
            Refusal: the engine refused the input or the options.
            EngineError: the worker failed twice.
            OutOfMemory: memory was not enough.
            CancelledError: the job was cancelled, or the worker closed.
        """
        return self._do("run", args, progress, cancel)

    def verify(self, args: Mapping[str, Any] | None = None, progress: Progress | None = None) -> dict[str, Any]:
        """Let the engine show that it works: load its models and do its own small test, if it has one.

        Raises:
            EngineError: as `run`; CancelledError too.
        """
        return self._do("verify", args or {}, progress, None)

    def cancel(self) -> None:
        """End the job that is being done now; its `run` raises CancelledError."""
        self._unwanted.set()

    def close(self, now: bool = False) -> None:
        """End the process when it has done its job; `now`: cancel the job. Jobs that wait are cancelled."""
        self._closing.set()
        if now:
            self._stopping.set()
        with self._waiting():
            self._end(politely=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(now=kind is not None)

    def _do(
        self, do: str, args: Mapping[str, Any], progress: Progress | None, cancel: threading.Event | None
    ) -> dict[str, Any]:
        with self._waiting(self._closing, cancel):
            self._unwanted.clear()
            flags = [self._stopping, self._unwanted, *([cancel] if cancel else [])]
            listener = Listener(progress or (lambda done, text: None), self._loaded,
                                lambda: any(flag.is_set() for flag in flags))
            reasons: list[Broken] = []
            for _ in range(_ATTEMPTS):
                with _job_folder(args) as part:
                    try:
                        return self._attempt(do, args, part, listener)
                    except Broken as broken:
                        reasons.append(broken)
                        self._end()
                        if listener.unwanted():
                            raise CancelledError from broken
                    except (Refusal, CancelledError):
                        raise  # it is as warm as before
                    except BaseException:  # Ctrl-C, or the listener's own: the job must not go on
                        self._end()
                        raise
            raise self._failure(reasons)

    def _attempt(self, do: str, args: Mapping[str, Any], part: Path | None, listener: Listener) -> dict[str, Any]:
        session = self._session or self._start(listener)
        sent = {**args, "into": part} if part else args
        try:
            value = session.ask(do, sent, listener, self.environment.spec.stall)
        except Reported as reported:
            raise self._reported(reported) from None
        if not isinstance(value, dict):
            raise Broken("its result is not a mapping")
        if part is None:
            return value
        try:
            files = find_files(value, part)
            if do == "run":
                check_result(self.environment.spec.kind, args, files)
        except MediaError as error:
            raise Broken(str(error)) from error
        return {**value, "files": _take_over(files, part.resolve(), Path(args["into"]))}

    def _reported(self, reported: Reported) -> Exception:
        name = self.environment.spec.name
        if reported.kind == "cancelled":
            return CancelledError()
        if reported.kind in ("input", "options"):
            return Refusal(reported.message, reported.remedy, name)
        if reported.kind == "out-of-memory":
            self._end()  # what a failed job still holds of the memory is best given back so
            return OutOfMemory(f"memory ran out ({reported.message})", reported.remedy or self._traces(), name)
        return Broken(f"it failed ({reported.message})")

    def _failure(self, reasons: list[Broken]) -> EngineError:
        """Make the error of a worker that failed at its last attempt too."""
        name, last = self.environment.spec.name, reasons[-1]
        if last.killed:
            problem = "its worker was killed from outside, most likely because memory ran out"
            return OutOfMemory(problem, self._traces(), name)
        if not last.greeted:
            remedy = f"podcast engines repair {name}\n{self._traces()}"
            return EngineError(f"its worker does not start: {last}", remedy, name)
        first = str(reasons[0])
        told = f"{first}, also after a new start" if first == str(last) else f"{first}; started again, {last}"
        return EngineError(f"its worker failed: {told}", self._traces(), name)

    def _traces(self) -> str:
        """Return where the log is and how it ends."""
        if self._logbook is None:
            return ""
        tail = self._logbook.tail()
        end = f"ends with:\n{indent(tail, '  | ')}" if tail else "is empty"
        return f"its log {self._logbook.path} {end}"

    def _start(self, listener: Listener) -> Session:
        spec, setup = self.environment.spec, self.setup
        self._folder = _private_folder(self._scratch)
        env = surroundings(spec.secrets, setup.threads, self._folder, INSIDE, setup.variables)
        moment = time.strftime("%Y%m%d-%H%M%S")
        device = setup.device.replace(":", "")
        self._logbook = Logbook(self._logs / f"worker-{moment}-{device}-{os.getpid()}-{next(_numbers)}.log")
        try:
            session = Session(self.environment.python, spec.worker, env, self._folder, self._logbook, self._limits)
        except ProgramError as error:
            self._logbook.close()
            raise EngineError(str(error), f"podcast engines repair {spec.name}", spec.name) from error
        self._session = session
        self.starts += 1
        session.hello(self._introduction(), listener)
        self._announced = True
        self._hooks.on_start(self, session.pid)
        return session

    def _introduction(self) -> dict[str, Any]:
        spec, setup = self.environment.spec, self.setup
        return {
            "engine": spec.name,
            "version": spec.version,
            "device": setup.device,
            "threads": setup.threads,
            "policy": dict(setup.policy),
            "source": self.environment.source,
            "weights": self.environment.weights,
        }

    def _loaded(self) -> None:
        self.loads += 1
        if self._session:
            self._hooks.on_loaded(self, self._session.pid)

    def _end(self, politely: bool = False) -> None:
        session, self._session = self._session, None
        if session:
            session.end(politely)
            if self._announced:
                self._announced = False
                self._hooks.on_end(self, session.pid)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @contextlib.contextmanager
    def _waiting(self, *flags: threading.Event | None) -> Iterator[None]:
        """Wait for our turn, or for a flag that says that it will not come."""
        while not self._turn.acquire(timeout=_POLL):
            _heed(flags)
        try:
            _heed(flags)
            yield
        finally:
            self._turn.release()


def _private_folder(scratch: Path | None) -> Path:
    """Make a working directory; its name holds our process number, by which those of dead hosts are found."""
    home = scratch or Path(tempfile.gettempdir())
    for folder in home.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)  # that of another user stays
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=home))


def _heed(flags: Iterable[threading.Event | None]) -> None:
    if any(flag and flag.is_set() for flag in flags):
        raise CancelledError


@contextlib.contextmanager
def _job_folder(args: Mapping[str, Any]) -> Iterator[Path | None]:
    """Make the folder of one attempt, inside of `into`: what fails leaves nothing there."""
    if "into" not in args:
        yield None
        return
    part = Path(tempfile.mkdtemp(prefix=".job-", dir=Path(args["into"]).absolute()))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _take_over(files: Mapping[str, Path], part: Path, into: Path) -> dict[str, Path]:
    """Move finished files from the folder of the attempt to where they were asked for."""
    taken = {}
    for name, path in files.items():
        taken[name] = into / path.relative_to(part)
        taken[name].parent.mkdir(parents=True, exist_ok=True)
        path.replace(taken[name])
    return taken
