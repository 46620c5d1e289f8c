"""The engine room: installed engines at work, each proved before, watched during, and accounted for after its work.

Most runs use none: what an engine needs is loaded when one is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from podcast.engines.installed.use import DeviceUse, Wish
from podcast.errors import EngineError
from podcast.reporter import Reporter

if TYPE_CHECKING:
    from podcast.engines.installed.engine import Installed
    from podcast.environments.hub import Workers
    from podcast.environments.spec import EngineKind, EngineSpec, Environment
    from podcast.proof import CardReader, Proof


class EngineRoom:
    """The installed engines of a run or a batch; a context manager that ends their workers.

    Args:
        data: the data folder.
        folders: of engines besides those that ship.
        wish: what the user asks of the graphics card.
        commercial_safe: refuse engines whose weights forbid commercial use.
        reader: the driver's view of the cards; None: NVML.
    """

    def __init__(
        self, data: Path, folders: Sequence[Path] = (), wish: Wish | None = None, *, commercial_safe: bool = False,
        reader: CardReader | None = None,
    ) -> None:
        self.data, self.folders, self.wish, self.commercial_safe = data, folders, wish or Wish(), commercial_safe
        self._reporters: list[Reporter] = []
        self._reader = reader
        self.uses: list[DeviceUse] = []
        self._engines: dict[str, Installed] = {}
        self._lock = threading.Lock()
        self._workers: Workers | None = None

    @property
    def workers(self) -> Workers:
        """The warm workers."""
        from podcast.environments.hub import Workers

        self._workers = self._workers or Workers()
        return self._workers

    @property
    def reader(self) -> CardReader:
        """The driver's view of the cards; opened when it is first needed."""
        from podcast.proof import open_reader

        self._reader = self._reader or open_reader()
        return self._reader

    def __enter__(self) -> EngineRoom:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._workers is not None:
            self._workers.close(now=kind is not None)

    @contextmanager
    def heard(self, reporter: Reporter) -> Iterator[None]:
        """Let somebody hear what happens."""
        self._reporters.append(reporter)
        try:
            yield
        finally:
            self._reporters.remove(reporter)

    def tell(self, text: str) -> None:
        """Say what may interest the user."""
        for reporter in tuple(self._reporters):
            reporter.tell(text)

    def warn(self, text: str) -> None:
        """Say what the user should know."""
        for reporter in tuple(self._reporters):
            reporter.warn(text)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Let work be seen that has a length; what is yielded is told how far it is, 0 … 1."""
        with ExitStack() as stack:
            seen = [(one, stack.enter_context(one.stage(name))) for one in tuple(self._reporters)]

            def reach(share: float) -> None:
                for reporter, stage in seen:
                    reporter.reach(stage, share)

            yield reach

    def specs(self, kind: EngineKind) -> dict[str, EngineSpec]:
        """Return the engines of a kind that there are, installed or not; folders that can't be read are told."""
        from podcast.environments.manifest import engine_folders, load_spec

        found = {}
        for name, folder in engine_folders(self.folders).items():
            try:
                found[name] = load_spec(folder)
            except EngineError as error:
                self.tell(f"{name} is left out: {error}")
        return {name: spec for name, spec in found.items() if spec.kind == kind}

    def require(self) -> None:
        """Do nothing if no card is required, or one does work in this run.

        Raises:
            EngineError: it is required, and nothing that was chosen uses it.
        """
        if self.wish.require and not any(use.used.startswith(("cuda", "mps")) for use in self.uses):
            raise EngineError("nothing in this run works on a graphics card", "choose an engine that does (podcast "
                              "engines list), for example avatar.engine: sadtalker, or leave it out", "--require-gpu")

    def used(self) -> list[EngineSpec]:
        """Return the engines that were opened in this run."""
        return [engine.spec for engine in self._engines.values()]

    def has(self, name: str, kind: EngineKind) -> bool:
        """Tell whether an engine is installed; nothing is proved."""
        from podcast.environments.places import MARKER, environments_folder

        if not any(environments_folder(self.data).glob(f"{name}-*/{MARKER}")):
            return False  # the usual case, without reading a manifest
        from podcast.environments.install import installed
        from podcast.environments.manifest import engine_folders, load_spec

        folder = engine_folders(self.folders).get(name)
        spec = load_spec(folder) if folder else None
        return spec is not None and spec.kind == kind and installed(spec, self.data) is not None

    def get(self, name: str, kind: EngineKind, key: str) -> Installed:
        """Return an engine that is installed and proved.

        Args:
            name: of the engine.
            kind: what it has to be.
            key: where the configuration names it, for errors.

        Raises:
            EngineError: there is none of that name, it is not installed, the licence of its weights forbids the use,
                or no device works; names the command that mends it.
        """
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._open(name, kind, key)
            return self._engines[name]

    def _open(self, name: str, kind: EngineKind, key: str) -> Installed:
        from podcast.engines.installed.engine import Installed
        from podcast.environments.install import installed
        from podcast.environments.manifest import engine_folders, load_spec, nearest

        folders = engine_folders(self.folders)
        spec = load_spec(folders[name]) if name in folders else None
        if spec is None or spec.kind != kind:
            raise EngineError(f"there is no {kind} engine {name!r}", nearest(name, self.specs(kind)), key)
        if self.commercial_safe and not spec.licence.commercial:
            raise EngineError(f"the weights of {name} ({spec.licence.weights}) forbid commercial use",
                              _alternative(self.specs(kind), name), key)
        environment = installed(spec, self.data)
        if environment is None:
            raise EngineError(f"{name} is not installed", f"podcast engines install {name}", key)
        return Installed(self, environment, self._accepted(self.prove(environment, self.wish.device), name))

    def prove(self, environment: Environment, device: str) -> Proof:
        """Return what a device does in an environment."""
        from podcast.environments.proving import prove_environment

        return prove_environment(environment, device, reader=self.reader)

    def _accepted(self, proof: Proof, name: str) -> Proof:
        """Return the proof if it may be worked with; tell what it says where that differs from what was asked."""
        if self.wish.require and proof.verdict != "engaged":
            raise EngineError(f"no graphics card works for {name}: {proof.sentence}", proof.remedy, "--require-gpu")
        if not proof.works:
            raise EngineError(proof.sentence, proof.remedy, name)
        if not proof.holds:
            self.warn(f"{name}: {proof.sentence}" + (f" ({proof.remedy})" if proof.remedy else ""))
        return proof


def _alternative(known: Mapping[str, EngineSpec], name: str) -> str:
    free = [other for other, spec in known.items() if spec.licence.commercial and other != name]
    return f"use {' or '.join(free)}, or the built-in one" if free else "use the built-in one"
