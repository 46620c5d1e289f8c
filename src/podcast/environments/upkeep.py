"""Looking after installed engines: verify, repair, remove."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from podcast.environments.build import PINS, READY, build_venv, venv_flaw
from podcast.environments.downloads import flaw
from podcast.environments.install import Means, bring_weights, health, installed, mark
from podcast.environments.manifest import wanted_weights
from podcast.environments.places import (
    MARKER,
    bytes_of,
    digest_of,
    environment_of,
    environments_folder,
    held,
    read_json,
    read_marker,
    remove_tree,
    weights_folder,
)
from podcast.environments.source import fetch_source, source_flaw
from podcast.environments.spec import EngineSpec, Environment, WeightFile
from podcast.errors import EngineError


@dataclass(frozen=True)
class Flaw:
    """A part of an installed engine that is not as pinned."""

    part: str  # "environment", "code", or the path of a weights file
    what: str


def needed(spec: EngineSpec, data: Path, name: str = "") -> EngineError:
    """Return what to say where an engine is needed and not installed."""
    return EngineError(f"the engine {name or spec.name} is not installed", f"podcast engines install {spec.name}")


def verify(spec: EngineSpec, data: Path) -> list[Flaw]:
    """Compare every byte that can be compared with its pins; return what differs.

    Raises:
        EngineError: the engine is not installed.
    """
    env = installed(spec, data)
    if env is None:
        raise needed(spec, data)
    found = [Flaw("environment", venv_flaw(env)), Flaw("code", source_flaw(spec, data))]
    found += [Flaw(weight.path, flaw(weight, env.weights)) for weight in _present(spec, env.weights)]
    return [one for one in found if one.what]


def _present(spec: EngineSpec, folder: Path) -> list[WeightFile]:
    """Return the weights that the defaults need (not where a voice has its own) and those that were fetched besides."""
    own = any(voice.weights and all((folder / w.path).exists() for w in voice.weights) for voice in spec.voices)
    always = () if own else wanted_weights(spec)
    every = [*spec.weights, *(weight for voice in spec.voices for weight in voice.weights)]
    return [weight for weight in every if weight in always or (folder / weight.path).exists()]


def repair(spec: EngineSpec, data: Path, means: Means) -> list[Flaw]:
    """Mend what `verify` finds, and only that; return what was mended.

    Raises:
        EngineError: the engine is not installed, a part cannot be fetched, or it does not work even so.
    """
    env = _to_repair(spec, data)
    device = str(read_marker(env.folder).get("device", "cpu")).split(":")[0]
    with held(spec.name, data, means.tell):
        log = env.folder / "logs" / "install.log"
        broken = []
        if what := venv_flaw(env):
            broken.append(Flaw("environment", what))
            (env.folder / READY).unlink(missing_ok=True)
            build_venv(env, log, wheels=means.wheels, offline=means.offline, tell=means.tell,
                       progress=lambda share: means.progress("environment", share))  # fmt: skip
        if what := source_flaw(spec, data):
            broken.append(Flaw("code", what))
            fetch_source(spec, data, log, source=means.source, offline=means.offline,
                         progress=lambda share: means.progress("code", share))  # fmt: skip
        files = [(weight, flaw(weight, env.weights)) for weight in _present(spec, env.weights)]
        broken += [Flaw(weight.path, what) for weight, what in files if what]
        bring_weights(spec, data, [weight for weight, what in files if what], means)
        mark(env, health(env, device, means))
    return broken


def _to_repair(spec: EngineSpec, data: Path) -> Environment:
    """Return the environment that was installed last, even if its interpreter or code is gone."""
    marked = []
    for variant in spec.variants:
        env = environment_of(spec, variant, data)
        marker = read_marker(env.folder)
        if marker.get("digest") == env.digest:
            marked.append((float(marker.get("made", 0)), env))
    if not marked:
        raise needed(spec, data)
    return max(marked, key=lambda pair: pair[0])[1]


# ---------------------------------------------------------------- what is on the disk


@dataclass(frozen=True)
class Found:
    """An environment on the disk, whatever it was made from."""

    folder: Path
    engine: str
    variant: str
    digest: str
    finished: bool


def found_environments(name: str, data: Path) -> list[Found]:
    """Return all environments of an engine that lie on the disk, finished or not."""
    found = []
    for file in sorted(environments_folder(data).glob(f"*/{PINS}")):
        pins = read_json(file)
        if pins.get("engine") == name:
            found.append(Found(file.parent, name, str(pins.get("variant")), str(pins.get("digest")),
                               bool(read_marker(file.parent))))
    return found


def stale(spec: EngineSpec, data: Path) -> list[Found]:
    """Return environments of an engine that were made from other pins than today's."""
    current = {digest_of(spec, variant) for variant in spec.variants}
    return [one for one in found_environments(spec.name, data) if one.digest not in current]


def remove_stale(spec: EngineSpec, data: Path, tell: Callable[[str], None]) -> int:
    """Remove environments and code of other pins than today's; return the bytes that were freed.

    Raises:
        EngineError: a file is in use.
    """
    with held(spec.name, data, tell):
        folders = [one.folder for one in stale(spec, data)]
        current = f"{spec.name}-{spec.upstream_commit}"
        folders += [f for f in _sources(spec.name, data) if f.name.removesuffix(".json") != current]
        return _remove_all(folders)


def remove(name: str, data: Path, tell: Callable[[str], None], keep_weights: bool = False) -> int:
    """Remove an engine: its environments, code and weights; return the bytes that were freed.

    Args:
        name: the engine; its manifest may be gone.
        data: the data folder.
        tell: is told when another process has to be waited for.
        keep_weights: leave the weights.

    Raises:
        EngineError: a file is in use.
    """
    with held(name, data, tell):
        folders = [one.folder for one in found_environments(name, data)]
        folders += _sources(name, data)
        folders += [] if keep_weights else [data / "weights" / name]
        folders.append(environments_folder(data) / f".{name}.refused.json")
        return _remove_all(folders)


def _sources(name: str, data: Path) -> list[Path]:
    exact = re.compile(rf"\.?{re.escape(name)}-[0-9a-f]{{40}}(\.json|\.draft|\.tar\.gz(\.part.*)?|\.zip(\.part.*)?)?")
    folder = environments_folder(data) / "sources"
    return [path for path in folder.iterdir() if exact.fullmatch(path.name)] if folder.is_dir() else []


def _remove_all(paths: list[Path]) -> int:
    freed = 0
    for path in paths:
        if path.is_dir():
            freed += bytes_of(path)
            (path / MARKER).unlink(missing_ok=True)  # what is half removed is not believed
            remove_tree(path)
        elif path.exists():
            freed += path.stat().st_size
            path.unlink()
    return freed


def size_of(spec: EngineSpec, data: Path) -> int:
    """Return the bytes that everything of an engine takes on the disk."""
    places = [one.folder for one in found_environments(spec.name, data)] + _sources(spec.name, data)
    return sum(bytes_of(place) for place in [*places, weights_folder(spec, data)])
