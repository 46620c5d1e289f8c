"""The worker's side of the conversation between `podcast` and an engine that lives in an environment of its own.

Stands alone: the standard library of Python 3.8 or later, nothing else. Import it before anything that prints.

    from podcast_worker import Refused, cancelled, progress, serve

    def load(device, setup):               # once, at the first job; what it returns is kept warm
        return load_model(setup["weights"], device)

    def run(state, args, progress):        # one job: files into args["into"], which is empty
        if not args["text"]:
            raise Refused("input", "there is nothing to say")
        for i in range(n):
            progress(i / n, f"part {i} of {n}")
        return {"files": {"audio": "speech.wav"}}

    serve(load, run)

Requests come as JSON lines on standard input, answers leave on what was standard output. Both descriptors are taken
away when this module is imported: afterwards standard input is empty, and standard output is the log.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

PROTOCOL = 1
HEARTBEAT = 2.0  # s
KINDS = ("input", "options", "out-of-memory", "internal")
# What the allocators of PyTorch (CUDA, MPS, CPU), cuBLAS, cuDNN, ONNX Runtime, C++ and the system say.
_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "failed to allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "bad_alloc",
    "bad allocation",
)


class Refused(Exception):  # noqa: N818 (the word a worker's author reads)
    """A job that cannot be done, for a reason that the user can mend.

    Args:
        kind: "input" (the picture, the sound, the text), "options", "out-of-memory" or "internal".
        message: one sentence that says what is wrong.
        remedy: what to do about it; may be empty.
    """

    def __init__(self, kind: str, message: str, remedy: str = "") -> None:
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        super().__init__(message)
        self.kind, self.message, self.remedy = kind, message, remedy


class Cancelled(BaseException):
    """The host no longer wants the job. Not an `Exception`: upstream's own handlers must let it through."""


class _Line:
    """The two descriptors of the conversation, taken from the process when this module is imported."""

    def __init__(self) -> None:
        self._requests = _private(0)
        self._answers = _private(1)
        self._lock = threading.Lock()
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)  # what anybody prints goes to the log

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message, ensure_ascii=True, separators=(",", ":"), default=str).encode("ascii") + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._answers, data) :]

    def receive(self) -> Iterator[dict[str, Any]]:
        rest = b""  # read without a buffered stream: its lock would be held while the interpreter ends
        while data := os.read(self._requests, 1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield json.loads(line.decode("utf-8"))


def _private(descriptor: int) -> int:
    """Duplicate a descriptor; programs that the worker starts do not inherit it, and Windows leaves its bytes alone."""
    copy = os.dup(descriptor)
    os.set_inheritable(copy, False)
    if os.name == "nt":
        import msvcrt

        msvcrt.setmode(copy, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
    return copy


class _Job:
    """What is being done now; shared by the three threads."""

    def __init__(self) -> None:
        self.id: int | None = None
        self.unwanted: set[int] = set()
        self.loaded = False
        self.state: Any = None


_line = _Line()
_job = _Job()


def progress(done: float, text: str = "") -> None:
    """Tell how much of the job is done (0 to 1), and a few words about it ("frame 100 of 400").

    Call it often: a worker without any progress for `stall` seconds is taken for hung.

    Raises:
        Cancelled: the job is no longer wanted. Let it through.
    """
    if cancelled():
        raise Cancelled
    _line.send({"id": _job.id, "event": "progress", "done": min(1.0, max(0.0, float(done))), "text": text})


def cancelled() -> bool:
    """Tell whether the job is no longer wanted."""
    return _job.id in _job.unwanted


def serve(
    load: Callable[[str, dict[str, Any]], Any],
    run: Callable[[Any, dict[str, Any], Callable[..., None]], dict[str, Any]],
    verify: Callable[[Any, dict[str, Any], Callable[..., None]], dict[str, Any]] | None = None,
) -> None:
    """Answer requests until the host says bye; end at once, in the middle of a job too, when the host is gone.

    Args:
        load: called with the device ("cuda:0", "mps", "cpu") and the setup (`threads`, `policy`, `source`: folder of
            upstream or None, `weights`: folder) before the first job; what it returns is kept.
        run: called with what `load` returned, the arguments of the job and `progress`; returns the value, whose
            `files` names what was written into the folder `args["into"]`.
        verify: the same for a small job that shows that the engine works; left out: loading is enough.
    """
    requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    threading.Thread(target=_beat, daemon=True).start()
    setup: dict[str, Any] = {}
    while True:
        request = requests.get()
        if request is None:
            return
        what, args = request["do"], request.get("args") or {}
        if what == "hello":
            setup.update(args)
            _answer(request["id"], _hello, setup)
        elif what == "run":
            _answer(request["id"], _work, load, run, setup, args)
        elif what == "verify":
            _answer(request["id"], _work, load, verify or _nothing, setup, args)
        else:
            _line.send({"id": request["id"], **_error("internal", f"the worker cannot {what!r}")})


def _hello(setup: dict[str, Any]) -> dict[str, Any]:
    return {
        "engine": setup.get("engine", ""),
        "version": setup.get("version", ""),
        "python": platform.python_version(),
        "pid": os.getpid(),
        "protocol": PROTOCOL,
    }


def _work(load: Callable[..., Any], function: Callable[..., Any], setup: dict[str, Any], args: dict[str, Any]) -> Any:
    if not _job.loaded:
        _line.send({"id": _job.id, "event": "loading"})
        _job.state = load(setup.get("device", "cpu"), dict(setup))
        _job.loaded = True
        _line.send({"id": _job.id, "event": "loaded"})
    return function(_job.state, args, progress)


def _nothing(*_: Any) -> dict[str, Any]:
    return {}


def _answer(number: int, work: Callable[..., Any], *given: Any) -> None:
    """Do the work of one request and send its result or its error."""
    _job.id = number
    try:
        if cancelled():
            raise Cancelled
        answer = {"event": "result", "value": work(*given)}
    except Cancelled:
        answer = _error("cancelled", "the job was cancelled")
    except Refused as refused:
        answer = _error(refused.kind, refused.message, refused.remedy)
    except BaseException as error:  # whatever upstream does, the host hears of it
        traceback.print_exc()
        answer = _error(*_diagnosis(error))
    sys.stdout.flush()
    sys.stderr.flush()
    if answer.get("kind") == "out-of-memory":
        _tidy()
    _line.send({"id": number, **answer})
    _job.id = None
    _job.unwanted.discard(number)


def _error(kind: str, message: str, remedy: str = "") -> dict[str, Any]:
    return {"event": "error", "kind": kind, "message": message, "remedy": remedy}


def _diagnosis(error: BaseException) -> tuple[str, str]:
    """Return the kind of a failure and the last line of its traceback."""
    if isinstance(error, SystemExit):
        return "internal", f"it called exit({error.code!r})"
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    return ("out-of-memory" if _is_memory(error) else "internal"), last


def _is_memory(error: BaseException | None) -> bool:
    """Tell whether memory ran out; frameworks are recognised by name, for none can be imported here."""
    while error is not None:
        names = {kind.__name__ for kind in type(error).__mro__}
        text = str(error).lower()
        if names & {"MemoryError", "OutOfMemoryError"} or any(words in text for words in _MEMORY_WORDS):
            return True
        error = error.__cause__
    return False


def _tidy() -> None:
    """Give back what a failed job left in the device's memory."""
    gc.collect()
    torch = sys.modules.get("torch")
    for device in ("cuda", "mps"):
        with contextlib.suppress(Exception):  # any PyTorch, with and without the device
            getattr(torch, device).empty_cache()


def _listen(requests: queue.Queue[dict[str, Any] | None]) -> None:
    """Take requests; cancelling goes past the queue. The end of the input means that the host is gone."""
    try:
        for request in _line.receive():
            if request["do"] == "cancel":
                _job.unwanted.add(request["args"]["id"])
            elif request["do"] == "bye":
                requests.put(None)
            else:
                requests.put(request)
    finally:
        _end()


def _beat() -> None:
    pause = threading.Event()
    while True:
        try:
            _line.send({"event": "heartbeat"})
        except OSError:
            _end()
        pause.wait(HEARTBEAT)


def _end() -> NoReturn:
    """End at once, with everything that was started from here."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
