"""One life of a worker's process: started, talked to, watched, ended."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podcast.environments.logbook import Logbook
from podcast.process import Guarded

INSIDE = Path(__file__).with_name("inside")
PROTOCOL = 1
_LONGEST = 8 << 20  # bytes of a line on the protocol's descriptor; times of an hour of speech need 2 MB
_TICK = 0.25  # s between looks at a process that says nothing
_CHUNK = 1 << 16  # bytes of a log that are taken at once


@dataclass(frozen=True)
class Limits:
    """After how many seconds a worker is given up."""

    start: float = 120.0  # until it answers hello; importing a framework from a cold disk takes long
    heartbeat: float = 15.0  # without any sign of life
    loading: float = 90.0  # the same while models are loaded: the import of a library can hold the interpreter
    cancel: float = 3.0  # for a job to heed its cancelling
    grace: float = 3.0  # to end after bye


class Broken(Exception):  # noqa: N818
    """The worker died, hung or broke the protocol: its process is of no more use."""

    def __init__(self, reason: str, killed: bool = False, greeted: bool = True) -> None:
        super().__init__(reason)
        self.killed = killed  # by a signal that was not ours: the system's answer to a lack of memory
        self.greeted = greeted  # it had said hello: its environment is not wholly broken


class Reported(Exception):  # noqa: N818
    """The worker reported an error of its job."""

    def __init__(self, kind: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.remedy = kind, message, remedy


@dataclass(frozen=True)
class Listener:
    """Who hears of a job while it runs, and who may end it."""

    progress: Callable[[float, str], None] = lambda done, text: None
    loaded: Callable[[], None] = lambda: None
    unwanted: Callable[[], bool] = lambda: False


class Session:
    """A running worker process and the conversation with it. One thread at a time may `ask`."""

    def __init__(
        self, python: Path, worker: Path, env: Mapping[str, str], folder: Path, log: Logbook, limits: Limits
    ) -> None:
        self.log, self._limits = log, limits
        self._messages: queue.Queue[dict[str, Any] | Broken] = queue.Queue()
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._greeted = False
        self._number = 0
        argv: list[str | Path] = [python, "-u", worker]
        self._process = Guarded(argv, guard=INSIDE / "podcast_guard.py", env=env, cwd=folder)
        self.pid = self._process.pid
        pumps = (self._speak, self._hear, self._keep_log)
        self._threads = [threading.Thread(target=pump, daemon=True) for pump in pumps]
        for thread in self._threads:
            thread.start()

    def hello(self, args: Mapping[str, Any], listener: Listener) -> dict[str, Any]:
        """Greet the worker and return what it says of itself.

        Raises:
            Broken: it does not answer, or speaks another protocol.
        """
        try:
            value = self.ask("hello", args, listener, stall=self._limits.start, heartbeat=self._limits.start)
        except Broken as broken:
            raise Broken(str(broken), broken.killed, greeted=False) from None
        self._greeted = True
        if value.get("protocol") != PROTOCOL:
            raise Broken(f"it speaks protocol {value.get('protocol')}, we speak {PROTOCOL}", greeted=False)
        self.pid = int(value.get("pid", self.pid))  # on Windows an environment's python starts another
        return value

    def ask(
        self, do: str, args: Mapping[str, Any], listener: Listener, stall: float, heartbeat: float | None = None
    ) -> Any:
        """Send a request and wait for its answer.

        Args:
            do: "hello", "run" or "verify".
            args: anything that JSON can hold; paths become strings.
            listener: hears of progress; is asked whether the job is still wanted.
            stall: seconds without progress after which the worker is taken for hung.
            heartbeat: seconds without a sign of life; none: as the limits say.

        Raises:
            Broken: it died, hung or broke the protocol; it also does not heed its cancelling.
            Reported: it reports an error; the kind "cancelled" if the listener did not want the job any more.
        """
        number = self._send(do, args)
        quiet = heartbeat or self._limits.heartbeat
        clock, last, loading = _Clock(), None, False
        while True:
            self._look(clock, stall, self._limits.loading if loading else quiet)
            if listener.unwanted() and not clock.cancelled:
                clock.cancelled = True
                self._send("cancel", {"id": number})
            message = self._next(clock)
            if message is None or message["event"] == "heartbeat":
                continue
            if message.get("id") != number:
                raise Broken(f"it answered request {message.get('id')!r} instead of {number}")
            clock.idle = 0.0 if message != last else clock.idle  # the same words twice are no progress
            last, event = message, message["event"]
            if event == "progress":
                listener.progress(*_progress(message))
            elif event == "loading":
                loading = True
            elif event == "loaded":
                loading = False
                listener.loaded()
            elif event == "result":
                return message.get("value")
            elif event == "error":
                raise Reported(*(str(message.get(key, "")) for key in ("kind", "message", "remedy")))
            else:
                raise Broken(f"it sent an unknown event {event!r}")

    def _send(self, do: str, args: Mapping[str, Any]) -> int:
        self._number += 1
        line = json.dumps({"id": self._number, "do": do, "args": dict(args)}, default=str) + "\n"
        self._requests.put(line.encode())
        return self._number

    def _next(self, clock: _Clock) -> dict[str, Any] | None:
        try:
            message = self._messages.get(timeout=_TICK)
        except queue.Empty:
            status = self._process.poll()
            if status is not None:
                raise _death(status) from None
            clock.quiet_tick()
            return None
        if isinstance(message, Broken):
            raise message
        clock.heard()
        return message

    def _look(self, clock: _Clock, stall: float, quiet: float) -> None:
        if clock.quiet > quiet:
            raise Broken(f"it gave no sign of life for {quiet:g} s")
        if clock.idle > stall:
            raise Broken(f"it made no progress for {stall:g} s")
        if clock.waiting > self._limits.cancel:
            raise Broken("it did not heed its cancelling")

    def _speak(self) -> None:
        """Send requests (a thread: a worker that was stopped takes none, and the pipe fills)."""
        with contextlib.suppress(OSError):  # it is dead, which the next look finds out
            while line := self._requests.get():
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def _hear(self) -> None:
        """Take lines from the protocol's descriptor (a thread)."""
        while line := self._process.stdout.readline(_LONGEST):
            message = _parse(line)
            if message is not None:
                self._messages.put(message)
            elif self._greeted:
                self._messages.put(Broken(f"it wrote {line[:60]!r} on the descriptor of the protocol"))
                return
            else:  # printed before it imported podcast_worker
                self.log.write(line)

    def _keep_log(self) -> None:
        """Take what the worker prints (a thread)."""
        while data := self._process.stderr.read1(_CHUNK):  # type: ignore[attr-defined]
            self.log.write(data)

    def end(self, politely: bool = False) -> None:
        """End the process with all that it started; politely: it is told, and given a moment."""
        if politely and self._process.poll() is None:
            self._send("bye", {})
            self._process.wait(self._limits.grace)
        self._process.kill()
        self._requests.put(None)
        for thread in self._threads:  # a child that left the group may hold the pipes: the threads are daemons
            thread.join(self._limits.grace)
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not any(thread.is_alive() for thread in self._threads):
            self._process.stdout.close()
            self._process.stderr.close()
        self.log.close()


class _Clock:
    """Seconds of silence, counted in ticks: a machine that slept, or a host that was stopped, blames nobody."""

    def __init__(self) -> None:
        self.quiet = self.idle = self.waiting = 0.0
        self.cancelled = False
        self._last = time.monotonic()

    def _step(self) -> float:
        now = time.monotonic()
        spent, self._last = min(now - self._last, 4 * _TICK), now
        self.idle += spent
        self.waiting += spent if self.cancelled else 0.0
        return spent

    def quiet_tick(self) -> None:
        self.quiet += self._step()

    def heard(self) -> None:
        self._step()
        self.quiet = 0.0


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("event"), str) else None


def _progress(message: Mapping[str, Any]) -> tuple[float, str]:
    try:
        return float(message["done"]), str(message.get("text", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise Broken("its progress is not a number") from error


def _death(status: int) -> Broken:
    if status < 0:
        return Broken(f"it was killed by signal {-status}", killed=status == -9)
    return Broken(f"it ended with status {status} before its answer")
