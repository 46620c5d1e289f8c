"""One installed engine: its jobs, its weights, and what is done when memory runs out or the card does nothing."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from podcast.engines.installed.room import EngineRoom
from podcast.engines.installed.use import DeviceUse, SilentlyOnCpu
from podcast.environments.downloads import flaw, known
from podcast.environments.install import Means, bring_weights
from podcast.environments.manifest import check_options, wanted_weights
from podcast.environments.places import held
from podcast.environments.plan import in_units
from podcast.environments.session import INSIDE
from podcast.environments.spec import EngineVoice, Environment, WeightFile
from podcast.environments.worker import OutOfMemory, Setup, Worker
from podcast.errors import ConfigError, EngineError
from podcast.proof import Proof, Step, Watch, ladder, policy_for
from podcast.proof.ladder import told as told_of
from podcast.proof.watch import process_tree

_TALK = ("podcast_worker", "podcast_guard")  # say how workers are talked to, not what they make
_BATCH, _SIZE, _CHUNK = "batch_size", "size", "chunk"  # options that an engine may have, by which less memory is needed


class Installed:
    """One engine, ready to work on the device that was proved."""

    def __init__(self, room: EngineRoom, environment: Environment, proof: Proof) -> None:
        self.room, self.environment, self.proof, self.spec = room, environment, proof, environment.spec
        self._milder: Step | None = None  # the step that had memory enough
        self._shrunk = 0  # pixels, if it is a smaller picture than was asked for
        self._bringing = threading.Lock()
        self._wanted = wanted_weights(self.spec)  # by the options of this run
        self.use = DeviceUse(self.spec.name, proof.asked, proof.device, proof.verdict, proof.sentence, proof.remedy,
                             proof.certainty, policy=dict(self._setup(proof.device).policy))
        room.uses.append(self.use)

    def bring_voice(self, voice: EngineVoice | None) -> None:
        """Bring what a voice needs that is not here yet; None: one that is imitated.

        Raises:
            EngineError: a file cannot be fetched, or is not as pinned.
        """
        self.bring(voice.weights if voice and voice.weights else self._wanted)

    def bring(self, files: Sequence[WeightFile]) -> None:
        """Bring weights that are not here yet, such as a voice's.

        Raises:
            EngineError: a file cannot be fetched, or is not as pinned.
        """
        with self._bringing:  # threads of a run first wait for each other, then for other processes
            missing = [file for file in files if flaw(file, self.environment.weights, quick=True)]
            if not missing:
                return
            size = sum(known(file, self.environment.weights).size or 0 for file in missing)
            self.room.tell(f"{self.spec.name} fetches weights" + (f": {in_units(size)}" if size else ""))
            with self.room.stage("weights") as reach, held(self.spec.name, self.room.data, self.room.tell):
                means = Means(self.room.prove, tell=self.room.tell, warn=self.room.warn,
                              progress=lambda step, share: reach(share))
                bring_weights(self.spec, self.room.data, missing, means)

    def worker(self) -> Worker:
        """Return the worker that the next job will go to."""
        device = self._milder.device if self._milder else ""
        return self.room.workers.get(self.environment, self._setup(device or self.proof.device))

    def identity(self) -> str:
        """Return the SHA-256 of what the output depends on besides the options: environment, worker, weights."""
        folder = self.spec.folder
        code = {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in sorted(folder.rglob("*.py"))}
        shared = [file for file in sorted(INSIDE.glob("podcast_*.py")) if file.stem not in _TALK]
        code |= {f.name: f.read_text("utf-8") for f in shared if any(f.stem in text for text in code.values())}
        weights = {weight.path: known(weight, self.environment.weights).sha256 for weight in self._wanted}
        data: list[Any] = [self.spec.name, self.spec.version, self.environment.digest, code, weights]
        if self._shrunk:  # must not be taken for the size that was asked for
            data.append(self._shrunk)
        return hashlib.sha256(json.dumps(data).encode()).hexdigest()

    def options(self, given: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the engine's options, those that are not given with their defaults, and bring weights they need.

        Raises:
            ConfigError: an unknown option (names the nearest), or a value that does not fit.
            EngineError: weights cannot be fetched.
        """
        try:
            chosen = check_options(self.spec, given, where)
        except EngineError as error:  # the user's slip, and no reason to fall back
            raise ConfigError(error.problem, error.remedy, error.where) from error
        self._wanted = wanted_weights(self.spec, chosen)
        if not any(voice.weights for voice in self.spec.voices):  # else they come with the voice that speaks
            self.bring(self._wanted)  # before anything is looked up by what they are
        return chosen

    def run(self, args: Mapping[str, Any], progress: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
        """Let the worker do a job; where memory runs out, with less at a time, smaller, or on the processor.

        Raises:
            EngineError: the engine refused or failed.
            SilentlyOnCpu: the card did nothing, and the user does not want to go on then.
        """
        try:
            return self._attempt(args, self._milder, progress)
        except OutOfMemory as error:
            last = error
        for step in self._steps(args):
            self._take(step, args)
            try:
                return self._attempt(args, step, progress)
            except OutOfMemory as error:
                last = error
        raise last

    def _steps(self, args: Mapping[str, Any]) -> Sequence[Step]:
        options, known_options = args.get("options", {}), self.spec.options or {}
        sizes = [int(size) for size in known_options[_SIZE].choices] if _SIZE in known_options else []
        steps = ladder(int(options.get(_BATCH, 1)), int(options.get(_SIZE, 0)), sizes, int(options.get(_CHUNK, 0)),
                       device=self.use.used.partition(":")[0])
        return steps[steps.index(self._milder) + 1 :] if self._milder in steps else steps

    def _take(self, step: Step, args: Mapping[str, Any]) -> None:
        self._milder = step
        self._shrunk = step.size if step.size < int(args.get("options", {}).get(_SIZE, 0)) else 0
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
            options |= {k: v for k, v in ((_BATCH, step.batch), (_SIZE, step.size), (_CHUNK, step.chunk))
                        if k in options}
            args = {**args, "options": options}
            self.bring(wanted_weights(self.spec, options))
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
                value = worker.run(args, heard, silent)
                for note in value.get("notes", ()):
                    self.room.tell(f"{self.spec.name}: {note}")
                return value
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
