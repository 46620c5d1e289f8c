"""The log of a worker: everything that it prints, in a bounded number of bytes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

LIMIT = 2 << 20  # bytes of a log and of the part before it that is kept
_KEPT = 20  # logs of earlier workers
_TAIL_BYTES = 16 << 10  # read for the tail
_TAIL_LINES = 12


class Logbook:
    """A file that is turned over when it is full: what came before is kept once, as `<name>.1`."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path, self._limit = path, limit
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget(path.parent)
        self._file: BinaryIO = path.open("wb")
        self._size = 0
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Append bytes; after `close` they are dropped."""
        with self._lock:
            if self._file.closed:
                return
            if self._size + len(data) > self._limit:
                self._turn_over()
            self._file.write(data)
            self._file.flush()
            self._size += len(data)

    def _turn_over(self) -> None:
        self._file.close()
        self.path.replace(self._before)
        self._file = self.path.open("wb")
        self._size = 0

    @property
    def _before(self) -> Path:
        return self.path.with_name(self.path.name + ".1")

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """Return the last lines as a terminal would show them: progress bars only in their last state."""
        with self._lock:
            data = _end(self.path)
            if len(data) < _TAIL_BYTES and self._before.exists():
                data = _end(self._before) + data
        text = data[-_TAIL_BYTES:].decode("utf-8", "replace").replace("\r\n", "\n")
        shown = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
        return "\n".join([line for line in shown if line][-lines:])

    def close(self) -> None:
        """Close the file; it stays where it is."""
        with self._lock:
            self._file.close()


def _end(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()


def _forget(folder: Path) -> None:
    """Remove all but the newest logs."""
    logs = sorted(folder.glob("worker-*.log"), key=lambda p: p.name)
    for old in logs[: -_KEPT + 1]:
        old.unlink(missing_ok=True)
        old.with_name(old.name + ".1").unlink(missing_ok=True)
