"""The workers of a run: one for each environment and device, shared by everybody, closed at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from podcast.environments.session import Limits
from podcast.environments.spec import Environment
from podcast.environments.worker import Hooks, Progress, Setup, Worker


class Workers:
    """Keeps one warm worker per environment and device; a context manager that closes them all.

    Thread-safe: the threads of a batch share the workers, and jobs of one worker are done one by one.

    Args:
        scratch: folder for the workers' private working directories; none: the system's.
        limits: after how long a worker is given up.
        hooks: who wants to follow their processes.
    """

    def __init__(self, scratch: Path | None = None, limits: Limits | None = None, hooks: Hooks | None = None) -> None:
        self._make: Callable[[Environment, Setup], Worker] = lambda environment, setup: Worker(
            environment, setup, scratch=scratch, limits=limits, hooks=hooks
        )
        self._workers: dict[tuple[str, str], Worker] = {}
        self._lock = threading.Lock()

    def get(self, environment: Environment, setup: Setup) -> Worker:
        """Return the worker of an environment on a device; it starts at its first job.

        A worker with another setup on the same device gives way when its job is done: two of them would have to
        share the device's memory.
        """
        key = (environment.digest, setup.device)
        with self._lock:
            present = self._workers.get(key)
            if present and present.setup == setup:
                return present
            made = self._workers[key] = self._make(environment, setup)
        if present:
            present.close()
        return made

    def run(
        self, environment: Environment, setup: Setup, args: Mapping[str, Any], progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Do a job on the shared worker; see `Worker.run`."""
        return self.get(environment, setup).run(args, progress, cancel)

    def close(self, now: bool = False) -> None:
        """End all workers; `now`: cancel what they are doing."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
        closing = [threading.Thread(target=worker.close, args=(now,)) for worker in workers]
        for thread in closing:  # side by side: each may need its seconds of grace
            thread.start()
        for thread in closing:
            thread.join()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(now=kind is not None)
