"""Installing an engine: environment, upstream's code and weights, proved on this machine; the marker comes last."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from podcast.environments import build
from podcast.environments.build import build_venv, is_built
from podcast.environments.downloads import RECORD, fetch_weight, known
from podcast.environments.interpreters import UnsuitedError
from podcast.environments.manifest import wanted_weights
from podcast.environments.places import (
    FORMAT,
    MARKER,
    environment_of,
    environments_folder,
    held,
    read_json,
    read_marker,
    remove_tree,
    weights_folder,
    write_whole,
)
from podcast.environments.plan import Plan, check_room, missing_weights, plan_for
from podcast.environments.source import fetch_source, source_flaw
from podcast.environments.spec import EngineSpec, Environment, Variant, WeightFile
from podcast.environments.transfer import nothing
from podcast.errors import EngineError

PROVED = ("engaged", "cpu")  # verdicts of a proof that succeeded
_PASSING = ("out-of-memory", "no-runtime")  # verdicts that another minute may change


class Proof(Protocol):
    """What was found out about an environment on a device."""

    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def device(self) -> str: ...  # noqa: D102
    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def remedy(self) -> str: ...  # noqa: D102


def _yes(_: Plan) -> bool:
    return True


@dataclass(frozen=True)
class Means:
    """How an engine is installed: where its parts come from, who is asked and told, and what proves it."""

    prove: Callable[[Environment, str], Proof]  # tries an environment on "cuda", "mps" or "cpu"
    check: Callable[[Environment, str], None] = nothing  # raises EngineError if the worker fails on that device
    present: Callable[[], str] = lambda: "cpu"  # the device for "auto"
    cards: Callable[[], str] = lambda: ""  # cards and their driver: what they refused is not built again for them
    source: str | None = None  # a copy of upstream: address, repository, folder or archive
    weights: Path | None = None  # a folder with copies of weights
    wheels: Path | None = None  # a folder with packages
    offline: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)  # weights for these are fetched now, others at need
    voices: Sequence[str] = ()  # of a speech engine: weights of these are fetched, none: those of its standard voice
    tell: Callable[[str], None] = nothing
    warn: Callable[[str], None] = nothing
    progress: Callable[[str, float], None] = nothing  # a step's name and how far it is, 0 … 1
    agree: Callable[[Plan], bool] = _yes  # asked before anything is fetched


def install(spec: EngineSpec, data: Path, means: Means, device: str = "auto") -> Environment:
    """Return an environment of an engine that proved itself on a device of this machine; make it where needed.

    Variants are tried in order; one that does not prove itself makes room for the next. If none does, the first that
    works on the processor is kept. An installation that was interrupted is continued; while another process installs
    the same engine, this one waits.

    Args:
        spec: the engine's pins.
        data: the data folder.
        means: where things come from and who is told.
        device: "auto" (the GPU that a driver presents, else the processor), "cuda", "mps" or "cpu".

    Raises:
        EngineError: a part cannot be fetched or is not as pinned, too little room, nothing proved itself.
    """
    with held(spec.name, data, means.tell):
        wanted, needs = _wanted(spec, device, means), wanted_weights(spec, means.options, means.voices)
        for env in environments_made(spec, data):
            if wanted in env.variant.devices and not missing_weights(spec, data, needs):
                proof = means.prove(env, wanted)
                if proof.verdict in PROVED:
                    mark(env, proof)
                    return env
        return _first_that_proves(spec, data, means, wanted)


def _wanted(spec: EngineSpec, device: str, means: Means) -> str:
    found = means.present() if device == "auto" else device
    if any(found in variant.devices for variant in spec.variants):
        return found
    if device != "auto":
        means.warn(f"{spec.name} has no environment for {device}: the processor is used")
    return "cpu"


def candidates(spec: EngineSpec, device: str) -> list[Variant]:
    """Return the variants for a device in the order in which they are tried.

    For the processor, those that are made for nothing else come first: they carry no gigabytes for GPUs.
    """
    suited = [variant for variant in spec.variants if device in variant.devices]
    return sorted(suited, key=lambda v: v.devices != ("cpu",)) if device == "cpu" else suited


def _first_that_proves(spec: EngineSpec, data: Path, means: Means, wanted: str) -> Environment:
    refused: list[tuple[Environment, EngineError]] = []
    for on in dict.fromkeys((wanted, "cpu")):
        for variant in candidates(spec, on):
            env = environment_of(spec, variant, data)
            problem = _try(env, data, means, on)
            if problem is None:
                _drop([other for other, _ in refused if other.folder != env.folder], means)
                if on != wanted:
                    means.warn(f"{spec.name} runs on the processor: {refused[0][1].problem}. {refused[0][1].remedy}")
                return env
            means.tell(f"{variant.name} on {on}: {problem.problem}")
            refused.append((env, problem))
    if refused:
        raise refused[0][1]
    raise EngineError(f"{spec.name} has no environment for this machine", "its engine.yaml must name the device cpu")


def _try(env: Environment, data: Path, means: Means, device: str) -> EngineError | None:
    """Make an environment and prove it on a device; return why it is refused, None if it is good and marked."""
    notes, cards = environments_folder(data) / f".{env.spec.name}.refused.json", means.cards()
    noted = read_json(notes).get(f"{env.digest} {device}", {})
    if noted and noted["cards"] == cards and not is_built(env):
        return EngineError(noted["problem"], noted["remedy"])
    try:
        _realise(env, data, means)
    except UnsuitedError as error:
        return error
    means.progress("health check", 0.0)
    try:
        mark(env, health(env, device, means))
    except DisprovedError as error:
        note = {"cards": cards, "problem": error.problem, "remedy": error.remedy}
        write_whole(notes, {**read_json(notes), f"{env.digest} {device}": note})
        return error
    except EngineError as error:
        return error
    means.progress("health check", 1.0)
    return None


class DisprovedError(EngineError):
    """A device that does not do an environment's work, for a reason that stays until card or driver are changed."""


def health(env: Environment, device: str, means: Means) -> Proof:
    """Return the proof of an environment on a device; its worker has done its own test there.

    Raises:
        EngineError: the device does not do the work, or the worker fails.
    """
    proof = means.prove(env, device)
    if proof.verdict not in PROVED:
        kind = EngineError if proof.verdict in _PASSING else DisprovedError
        raise kind(proof.sentence, proof.remedy, f"{env.spec.name} ({env.variant.name})")
    means.check(env, proof.device)
    return proof


def _drop(refused: Iterable[Environment], means: Means) -> None:
    """Give the room of environments back that did not prove themselves here."""
    for env in refused:
        if env.folder.exists() and not read_marker(env.folder):
            means.tell(f"{env.variant.name} is removed: it does not work on this machine")
            remove_tree(env.folder)


def _realise(env: Environment, data: Path, means: Means) -> None:
    """Bring all parts of an environment; those that are here and whole are left alone."""
    spec, log = env.spec, env.folder / "logs" / "install.log"
    needs = wanted_weights(spec, means.options, means.voices)
    plan = plan_for(env, data, needs, means.source)
    if plan.fetch:
        check_room(plan)
        if not means.agree(plan):
            raise EngineError(f"{spec.name} was not installed: nothing was fetched", "--yes fetches without asking")
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n=== {started} {spec.name} {env.variant.name}\n")
    if not is_built(env):
        means.progress("environment", 0.0)
    build_venv(env, log, wheels=means.wheels, offline=means.offline, tell=means.tell,
               progress=lambda share: means.progress("environment", share))  # fmt: skip
    if source_flaw(spec, data):
        means.progress("code", 0.0)
    fetch_source(spec, data, log, source=means.source, offline=means.offline,
                 progress=lambda share: means.progress("code", share))  # fmt: skip
    bring_weights(spec, data, needs, means)


def bring_weights(spec: EngineSpec, data: Path, files: Iterable[WeightFile], means: Means) -> None:
    """Fetch weights that are missing or damaged; the caller holds the engine's lock.

    Raises:
        EngineError: one cannot be fetched, or is not as pinned.
    """
    files, folder = list(files), weights_folder(spec, data)
    sizes = [known(weight, folder).size or 0 for weight in files]
    total, before = max(sum(sizes), 1), 0
    for weight, size in zip(files, sizes, strict=True):
        def at(have: int, before: int = before) -> None:
            means.progress("weights", min(1.0, (before + have) / total))

        fetch_weight(weight, folder, copies=[means.weights] if means.weights else [], offline=means.offline,
                     progress=at)  # fmt: skip
        before += size


# ---------------------------------------------------------------- the marker


def mark(env: Environment, proof: Proof) -> None:
    """Write the marker: from now on the environment is believed to be installed."""
    spec, made = env.spec, time.time()
    write_whole(env.folder / MARKER, {
        "format": FORMAT, "engine": spec.name, "version": spec.version, "variant": env.variant.name,
        "digest": env.digest, "commit": spec.upstream_commit, "made": made,
        "machine": [platform.system(), platform.machine()],
        "device": proof.device, "verdict": proof.verdict, "sentence": proof.sentence,
        "packages": read_json(env.folder / build.READY).get("packages", {}),
        "weights": read_json(env.weights / RECORD),
    })  # fmt: skip


def environments_made(spec: EngineSpec, data: Path) -> list[Environment]:
    """Return the environments of today's pins that are installed, the one that was installed last first."""
    made = []
    for variant in spec.variants:
        env = environment_of(spec, variant, data)
        marker = read_marker(env.folder)
        whole = marker.get("digest") == env.digest and is_built(env) and (env.source is None or env.source.is_dir())
        if whole:
            made.append((float(marker.get("made", 0)), env))
    return [env for _, env in sorted(made, key=lambda pair: -pair[0])]


def installed(spec: EngineSpec, data: Path) -> Environment | None:
    """Return the installed environment of an engine, None if there is none; quick, `verify` looks thoroughly."""
    return next(iter(environments_made(spec, data)), None)
