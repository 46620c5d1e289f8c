"""The engine room: installed engines at work, each proved before, watched during, and accounted for after its work."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from podcast.environments.downloads import flaw, known
from podcast.environments.hub import Workers
from podcast.environments.install import Means, bring_weights, installed
from podcast.environments.manifest import check_options, engine_folders, load_spec, nearest, wanted_weights
from podcast.environments.places import MARKER, environments_folder, held
from podcast.environments.proving import prove_environment
from podcast.environments.spec import EngineKind, EngineSpec, Environment, WeightFile
from podcast.environments.worker import OutOfMemory, Setup, Worker
from podcast.errors import ConfigError, EngineError
from podcast.proof import CardReader, Proof, Step, Usage, Watch, ladder, open_reader, policy_for
from podcast.proof.ladder import told as told_of
from podcast.proof.watch import process_tree

OnSilence = Literal["warn", "fallback", "fail"]
Say = Callable[[str], None]
_BATCH, _SIZE = "batch_size", "size"  # options that an engine may have, by which less memory is needed


@dataclass(frozen=True)
class Wish:
    """What the user asks of the graphics card."""

    device: str = "auto"  # "cuda", "mps", "cpu"
    on_silent_cpu: OnSilence = "warn"
    require: bool = False


class SilentlyOnCpu(EngineError):  # noqa: N818
    """The card was to work and did not."""


@dataclass
class DeviceUse:
    """What a device was asked to do in a run, and what it did."""

    engine: str
    asked: str
    used: str
    verdict: str
    proof: str  # a sentence for a person
    remedy: str = ""
    certainty: str = ""
    watched: list[Usage] = field(default_factory=list)  # what the driver saw of the card's work, job by job
    steps: list[str] = field(default_factory=list)  # taken when memory ran out
    policy: dict[str, Any] = field(default_factory=dict)


def joined(watched: Sequence[Usage]) -> Usage:
    """Return what several jobs together took of a card."""
    told = [(usage.mean, usage.seconds) for usage in watched if usage.mean is not None]
    seconds = sum(length for _, length in told)
    mean = sum(share * length for share, length in told) / seconds if seconds else None
    return Usage(mean, max((u.peak for u in watched if u.peak is not None), default=None),
                 max((u.memory for u in watched), default=0), sum(u.seconds for u in watched),
                 any(u.silent for u in watched), all(u.certain for u in watched))


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
        self._ears: list[tuple[Say, Say]] = []
        self._reader = reader
        self.uses: list[DeviceUse] = []
        self._engines: dict[str, Installed] = {}
        self._lock = threading.Lock()
        self.workers = Workers()

    @property
    def reader(self) -> CardReader:
        """The driver's view of the cards; opened when it is first needed."""
        self._reader = self._reader or open_reader()
        return self._reader

    def __enter__(self) -> EngineRoom:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.workers.close(now=kind is not None)

    @contextmanager
    def heard(self, tell: Say, warn: Say) -> Iterator[None]:
        """Let somebody hear what may interest the user, and what the user should know."""
        self._ears.append((tell, warn))
        try:
            yield
        finally:
            self._ears.remove((tell, warn))

    def tell(self, text: str) -> None:
        """Say what may interest the user."""
        for tell, _ in tuple(self._ears):
            tell(text)

    def warn(self, text: str) -> None:
        """Say what the user should know."""
        for _, warn in tuple(self._ears):
            warn(text)

    def specs(self, kind: EngineKind) -> dict[str, EngineSpec]:
        """Return the engines of a kind that there are, installed or not; folders that can't be read are told."""
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
        if not any(environments_folder(self.data).glob(f"{name}-*/{MARKER}")):
            return False  # the usual case, without reading a manifest
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


class Installed:
    """One engine, ready to work on the device that was proved."""

    def __init__(self, room: EngineRoom, environment: Environment, proof: Proof) -> None:
        self.room, self.environment, self.proof, self.spec = room, environment, proof, environment.spec
        self._milder: Step | None = None  # the step that had memory enough
        self.use = DeviceUse(self.spec.name, proof.asked, proof.device, proof.verdict, proof.sentence, proof.remedy,
                             proof.certainty, policy=dict(self._setup(proof.device).policy))
        room.uses.append(self.use)

    def bring(self, files: Sequence[WeightFile]) -> None:
        """Bring weights that are not here yet, such as a voice's.

        Raises:
            EngineError: a file cannot be fetched, or is not as pinned.
        """
        missing = [file for file in files if flaw(file, self.environment.weights, quick=True)]
        if missing:
            means = Means(self.room.prove, tell=self.room.tell, warn=self.room.warn)
            with held(self.spec.name, self.room.data, self.room.tell):
                bring_weights(self.spec, self.room.data, missing, means)

    def worker(self) -> Worker:
        """Return the worker that the next job will go to."""
        device = self._milder.device if self._milder else ""
        return self.room.workers.get(self.environment, self._setup(device or self.proof.device))

    def identity(self) -> str:
        """Return the SHA-256 of what the output depends on besides the options: environment, worker, weights."""
        code = {file.name: file.read_text("utf-8") for file in sorted(self.spec.folder.glob("*.py"))}
        weights = {weight.path: known(weight, self.environment.weights).sha256 for weight in self.spec.weights}
        data = [self.spec.name, self.spec.version, self.environment.digest, code, weights]
        return hashlib.sha256(json.dumps(data).encode()).hexdigest()

    def options(self, given: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the engine's options, those that are not given with their defaults.

        Raises:
            ConfigError: an unknown option (names the nearest), or a value that does not fit.
        """
        try:
            return check_options(self.spec, given, where)
        except EngineError as error:  # the user's slip, and no reason to fall back
            raise ConfigError(error.problem, error.remedy, error.where) from error

    def run(self, args: Mapping[str, Any], progress: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
        """Let the worker do a job; where memory runs out, with less at a time, smaller, or on the processor.

        Raises:
            EngineError: the engine refused or failed.
            SilentlyOnCpu: the card did nothing, and the user does not want to go on then.
        """
        self.bring(wanted_weights(self.spec, args.get("options", {})))
        try:
            return self._attempt(args, self._milder, progress)
        except OutOfMemory as error:
            last = error
        for step in self._steps(args):
            self._take(step)
            try:
                return self._attempt(args, step, progress)
            except OutOfMemory as error:
                last = error
        raise last

    def _steps(self, args: Mapping[str, Any]) -> Sequence[Step]:
        options, known_options = args.get("options", {}), self.spec.options or {}
        sizes = [int(size) for size in known_options[_SIZE].choices] if _SIZE in known_options else []
        steps = ladder(int(options.get(_BATCH, 1)), int(options.get(_SIZE, 0)), sizes,
                       device=self.use.used.partition(":")[0])
        return steps[steps.index(self._milder) + 1 :] if self._milder in steps else steps

    def _take(self, step: Step) -> None:
        self._milder = step
        sentence = told_of(step, self.spec.name)
        self.use.steps.append(sentence)
        self.room.warn(sentence)
        if step.device:
            self.use.used = step.device

    def _attempt(
        self, args: Mapping[str, Any], step: Step | None, progress: Callable[[float], None]
    ) -> dict[str, Any]:
        device = (step.device if step else "") or self.proof.device
        if step:
            options = dict(args.get("options", {}))
            options |= {k: v for k, v in ((_BATCH, step.batch), (_SIZE, step.size)) if k in options}
            args = {**args, "options": options}
        worker, silent = self.room.workers.get(self.environment, self._setup(device)), threading.Event()
        with ExitStack() as stack:
            watch = None
            if device.startswith("cuda"):
                watch = stack.enter_context(Watch(self.room.reader, lambda: process_tree(worker.pid or 0),
                                                  lambda usage: self._silence(silent)))

            def heard(done: float, text: str) -> None:
                if watch:
                    watch.rendering()
                progress(done)

            try:
                return worker.run(args, heard, silent)
            except CancelledError:
                if silent.is_set():
                    raise SilentlyOnCpu(self.use.proof, self._remedy, "gpu.on_silent_cpu") from None
                raise
            finally:
                if watch:
                    self.use.watched.append(watch.usage())

    def _setup(self, device: str) -> Setup:
        proof = self.proof if device == self.proof.device else replace(self.proof, device=device)
        policy = policy_for(proof, self.spec.precisions)
        told_worker = {**policy.flags, "precision": policy.precision}
        return Setup(device, policy.threads, told_worker, policy.environment())

    @property
    def _remedy(self) -> str:
        return f"podcast engines verify {self.spec.name}"

    def _silence(self, cancel: threading.Event) -> None:
        """Say that the card does nothing, and do what the user wants done then."""
        self.use.verdict, self.use.used = "silently-on-cpu", "cpu"
        self.use.proof = f"{self.spec.name} says that it works on {self.proof.device}, but the card does nothing"
        self.use.remedy = self._remedy
        if self.room.wish.require or self.room.wish.on_silent_cpu != "warn":
            cancel.set()
        else:
            self.room.warn(f"{self.use.proof}: it goes on, slowly ({self._remedy}; gpu.on_silent_cpu can end it)")
