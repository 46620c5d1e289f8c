"""What an installation is about to fetch, and whether there is room for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from podcast.environments.build import PEAK, PIN, is_built
from podcast.environments.downloads import flaw, known
from podcast.environments.places import environments_folder, weights_folder
from podcast.environments.source import source_flaw
from podcast.environments.spec import EngineSpec, Environment, WeightFile
from podcast.errors import EngineError

_RESERVE = 200_000_000  # bytes of the disk that are left to others
_GB, _MB = 1e9, 1e6


def in_units(count: float) -> str:
    """Return bytes for a person: "2.1 GB", "12 MB"."""
    if count >= _GB:
        return f"{count / _GB:.1f} GB"
    return f"{count / _MB:.0f} MB" if count >= _MB else f"{count / 1000:.0f} kB"


@dataclass(frozen=True)
class Plan:
    """What an installation is about to fetch, and the room that it needs."""

    engine: str
    variant: str
    fetch: tuple[str, ...]  # a line for each part that is missing
    need: int  # bytes of disk
    peak: int  # bytes of disk while packages are unpacked
    free: int  # bytes of disk
    folder: Path


def missing_weights(spec: EngineSpec, data: Path, wanted: Iterable[WeightFile]) -> list[WeightFile]:
    """Return the weights that are not here, by their sizes."""
    folder = weights_folder(spec, data)
    return [weight for weight in wanted if flaw(weight, folder, quick=True)]


def plan_for(env: Environment, data: Path, wanted: Iterable[WeightFile], source: str | None) -> Plan:
    """Return what is missing of an environment and of the weights that are wanted; nothing is fetched."""
    spec, fetch, need, peak = env.spec, [], 0, 0.0
    if not is_built(env):
        count = len(PIN.findall(env.variant.lock.read_text("utf-8")))
        about = f", about {in_units(env.variant.disk)}" if env.variant.disk else ""
        fetch.append(f"environment {env.variant.name}: {count} package{'s' * (count != 1)}{about}")
        need += env.variant.disk
        peak = env.variant.disk * (PEAK - 1)
    if source_flaw(spec, data):
        fetch.append(f"code: {source or spec.upstream_url} at {spec.upstream_commit[:12]}")
    folder = weights_folder(spec, data)
    if missing := missing_weights(spec, data, wanted):
        pins = [known(weight, folder) for weight in missing]
        size, unknown = sum(p.size or 0 for p in pins), sum(p.size is None for p in pins)
        sizes = [in_units(size)] * bool(size) + [f"{unknown} of unknown size"] * bool(unknown)
        fetch.append(f"weights: {len(pins)} file{'s' * (len(pins) != 1)}, {' and '.join(sizes)}")
        need += size - sum(_arrived(folder / p.path) for p in pins)
    need = max(need, 0)
    return Plan(spec.name, env.variant.name, tuple(fetch), need, need + round(peak), _free(data),
                environments_folder(data))


def _arrived(place: Path) -> int:
    part = place.with_name(f"{place.name}.part")
    return part.stat().st_size if part.is_file() else 0


def _free(data: Path) -> int:
    folder = data.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(plan: Plan) -> None:
    """Compare what a plan needs with the room that there is.

    Raises:
        EngineError: it is too little.
    """
    if plan.need and plan.free < plan.peak + _RESERVE:
        raise EngineError(
            f"{plan.engine} needs {in_units(plan.peak)} of disk for its installation, {in_units(plan.free)} are free",
            "make room there, or choose another data folder: PODCAST_DATA_DIR", str(plan.folder),
        )  # fmt: skip
