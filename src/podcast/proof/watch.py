"""During a run: look at the worker's processes through the driver, and say at once if the card does no work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from podcast.proof.nvml import BUSY_NOISE, CARD_NOISE, CardReader, Sight, look

INTERVAL = 0.5  # s between looks
PATIENCE = 6.0  # s of rendering after which a card must have been seen at work
IDLE = 0.01  # utilisation below which nothing was done: drivers tell whole percents


@dataclass(frozen=True)
class Usage:
    """What a worker's processes took of the card while they rendered."""

    mean: float | None = None  # utilisation 0..1; None: not told
    peak: float | None = None
    memory: int = 0  # bytes, the peak
    seconds: float = 0.0  # that were watched
    silent: bool = False  # the card did no work
    certain: bool = False  # processes were told; else it is the card's own change

    def as_text(self) -> str:
        """Return it in a few words."""
        if self.silent:
            return "the card did no work"
        if self.mean is None:
            return f"{self.memory / 1e9:.1f} GB at most" if self.memory else "not told"
        return f"{self.mean:.0%} of the card, {self.memory / 1e9:.1f} GB at most"


class Watch:
    """A thread that samples while it is entered.

    `rendering` says that real work has begun: loading weights keeps no card busy and is not counted.
    """

    def __init__(
        self, reader: CardReader, pids: Callable[[], Collection[int]], on_silent: Callable[[Usage], None] | None = None,
        *, patience: float = PATIENCE, interval: float = INTERVAL, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader, self._pids, self._on_silent = reader, pids, on_silent
        self._patience, self._interval, self._clock = patience, interval, clock
        self._before = reader.sample()
        self._sights: list[Sight] = []
        self._began: float | None = None
        self._told = False
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="gpu-watch", daemon=True)

    def rendering(self) -> None:
        """Say that real work has begun; saying it again does nothing."""
        with self._lock:
            if self._began is None:
                self._began = self._clock()

    def step(self) -> None:
        """Look once; calls back if the card has done no work for `patience` seconds of rendering."""
        sample = self._reader.sample()
        with self._lock:
            if self._began is None or not sample:
                return
            self._sights.append(look(self._before, [sample], self._pids()))
            late = self._clock() - self._began >= self._patience
            silent = late and not self._told and self._silent()
            self._told = self._told or silent
        if silent and self._on_silent:
            self._on_silent(self.usage())

    def usage(self) -> Usage:
        """Return what was seen so far."""
        if self._began is None or not self._sights:
            return Usage()
        told = [s.busy for s in self._sights if s.busy is not None]
        seconds = self._clock() - self._began
        return Usage(sum(told) / len(told) if told else None, max(told) if told else None,
                     max(s.memory for s in self._sights), seconds, seconds >= self._patience and self._silent(),
                     all(s.named for s in self._sights))

    def _silent(self) -> bool:
        """Tell whether no look ever saw work.

        Memory alone is no work: a worker that loaded its weights onto the card and computes on the processor is what
        has to be noticed. Where utilisation is not told (parts of a card, some Windows drivers), memory has to do.
        """
        told = [s.busy for s in self._sights if s.busy is not None]
        if told:
            least = IDLE if all(s.named for s in self._sights) else BUSY_NOISE
            return max(told) < least
        return not any(s.seen or s.memory > CARD_NOISE for s in self._sights)

    def _run(self) -> None:
        while not self._end.wait(self._interval):
            self.step()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def process_tree(root: int) -> set[int]:
    """Return a process and its descendants (Linux; elsewhere the process alone)."""
    found, waiting = {root}, [root]
    while waiting:
        more = _children(waiting.pop()) - found
        found |= more
        waiting += more
    return found


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):  # every thread may have started some
        try:
            found |= {int(child) for child in listed.read_text().split()}
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return found
