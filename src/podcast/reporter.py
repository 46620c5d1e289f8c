"""What a run tells while it works, and what it remembers for the report."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stage:
    """One stage of a run: how far it is, and what it did."""

    name: str
    total: float = 0.0  # pieces of work; 0: not known
    done: float = 0.0
    made: int = 0
    reused: int = 0  # taken from the cache
    seconds: float = 0.0  # wall time
    engine: str = ""
    device: str = "CPU"
    note: str = ""  # why this engine and device
    started: float = field(default_factory=time.monotonic)

    def remaining(self) -> float | None:
        """Return the estimated seconds left, None before there is anything to estimate from."""
        spent, made = time.monotonic() - self.started, self.done - self.reused
        if made <= 0 or self.total <= self.done:
            return None
        return spent / made * (self.total - self.done)


class Reporter:
    """Collect stages, warnings and notes; subclasses show them. Methods may be called from any thread."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str, total: float = 0.0) -> Iterator[Stage]:
        """Time a stage; its fields may be set within."""
        stage = Stage(name, total)
        with self._lock:
            self.stages.append(stage)
        self.changed(stage)
        try:
            yield stage
        finally:
            stage.seconds = time.monotonic() - stage.started
            self.changed(stage)

    def step(self, stage: Stage, pieces: float = 1.0, reused: bool = False) -> None:
        """Tell that pieces of a stage's work are done."""
        with self._lock:
            stage.done += pieces
            if reused:
                stage.reused += 1
            else:
                stage.made += 1
        self.changed(stage)

    def reach(self, stage: Stage, share: float) -> None:
        """Tell how far a stage is, 0 … 1, where its pieces are not counted."""
        with self._lock:
            stage.total, stage.done = 1.0, share
        self.changed(stage)

    def warn(self, message: str) -> None:
        """Tell something that the user should know; said once."""
        with self._lock:
            if message in self.warnings:
                return
            self.warnings.append(message)
        self.warned(message)

    def tell(self, message: str) -> None:
        """Tell something that may interest the user; said once."""
        with self._lock:
            if message in self.notes:
                return
            self.notes.append(message)
        self.told(message)

    def confirm(self, question: str) -> bool | None:
        """Ask the user; None where nobody can be asked."""
        return None

    def changed(self, stage: Stage) -> None:
        """Show a stage's state; the base class stays silent."""

    def warned(self, message: str) -> None:
        """Show a warning."""

    def told(self, message: str) -> None:
        """Show a note."""
