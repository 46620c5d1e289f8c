"""Engines: what is installed, and what `podcast engines ...` does about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Optional

import typer
from rich.markup import escape

from podcast.cli.commands import print_json
from podcast.cli.screen import ScreenReporter, out, show, table
from podcast.config import Config, load_config
from podcast.environments.install import Means, environments_made, install, installed
from podcast.environments.manifest import engine_folders, find_spec, load_spec
from podcast.environments.places import read_marker
from podcast.environments.plan import Plan, in_units
from podcast.environments.proving import cards, check_worker, present_device, prove_environment
from podcast.environments.spec import EngineSpec
from podcast.environments.upkeep import Flaw, needed, remove, remove_stale, repair, size_of, stale, verify
from podcast.errors import EngineError, PodcastError
from podcast.paths import SPEAKER
from podcast.reporter import Reporter, Stage
from podcast.wiring.engines import options_of

Settings = Sequence[tuple[str, Any]]
_ASK_FROM = 500_000_000  # bytes; less is fetched without a question


@dataclass(frozen=True)
class Asked:
    """What the command line says about where an engine's parts come from."""

    device: str = "auto"
    source: Optional[str] = None
    weights: Optional[Path] = None
    wheels: Optional[Path] = None
    offline: bool = False
    yes: bool = False


def _config(config: Path | None, settings: Settings) -> Config:
    return load_config(config, settings).config


# ---------------------------------------------------------------- list


def list_engines(config: Path | None, settings: Settings, as_json: bool) -> None:
    """Show every engine that can be installed, and what is installed."""
    loaded = _config(config, settings)
    rows = [_row(name, folder, loaded.data) for name, folder in engine_folders(loaded.engines_path).items()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("no engines: what is built in needs none; docs/engines.md tells how to add one")
        return
    made = table("engine", "kind", "what", "state", "disk", "licence")
    for row in rows:
        made.add_row(row["name"], row.get("kind", ""), escape(row.get("summary", "")), escape(_state(row)),
                     in_units(row["bytes"]) if row.get("bytes") else "", escape(row.get("licence", "")))
    show(made)
    out.print("\npodcast engines install NAME shows what it will fetch, then fetches it", style="dim", highlight=False)


def _row(name: str, folder: Path, data: Path) -> dict[str, Any]:
    try:
        spec = load_spec(folder)
    except EngineError as error:
        return {"name": name, "folder": str(folder), "problem": error.problem, "where": error.where}
    env = installed(spec, data)
    marker = read_marker(env.folder) if env else {}
    terms = spec.licence.code if spec.licence.commercial else f"{spec.licence.code}, not for commercial use"
    return {
        "name": name, "kind": spec.kind, "summary": spec.summary, "version": spec.version, "licence": terms,
        "folder": str(folder), "installed": env is not None, "variant": env.variant.name if env else "",
        "device": marker.get("device", ""), "digest": env.digest if env else "",
        "environment": str(env.folder) if env else "", "bytes": size_of(spec, data),
        "stale": [str(one.folder) for one in stale(spec, data)],
    }  # fmt: skip


def _state(row: dict[str, Any]) -> str:
    if "problem" in row:
        return f"broken: {row['problem']}"
    old = f", {len(row['stale'])} of other pins (remove --stale)" if row["stale"] else ""
    return (f"installed: {row['variant']}, {row['device']}" if row["installed"] else "not installed") + old


# ---------------------------------------------------------------- install, verify, repair, remove


def install_engine(
    name: str, asked: Asked, config: Path | None, settings: Settings, as_json: bool, quiet: bool
) -> None:
    """Install an engine and say what was proved."""
    loaded = _config(config, settings)
    spec = find_spec(name, loaded.engines_path)
    with ScreenReporter(quiet or as_json) as reporter, _means(asked, reporter, quiet or as_json) as means:
        means = replace(means, options=_options(loaded, spec), voices=_voices(loaded, spec))
        env = install(spec, loaded.data, means, asked.device)
    marker = read_marker(env.folder)
    if as_json:
        print_json({**_row(name, spec.folder, loaded.data), "proof": marker.get("sentence"),
                    "warnings": reporter.warnings})
    elif not quiet:
        out.print(f"[bold green]installed[/] {name} ({env.variant.name}): {escape(str(marker.get('sentence')))}",
                  highlight=False, soft_wrap=True)
        if not spec.licence.commercial:
            out.print(f"[yellow]not for commercial use[/] {escape(spec.licence.note)}", highlight=False, soft_wrap=True)


def _options(config: Config, spec: EngineSpec) -> dict[str, Any]:
    section = {"speech": config.tts, "music": config.music}.get(spec.kind, config.avatar)
    return options_of(config, section, spec.name)


def _voices(config: Config, spec: EngineSpec) -> list[str]:
    """Return the engine's voices that the configuration names; where weights must be free, one that is."""
    named = {voice.partition(SPEAKER)[0] for voice in (config.tts.voice, *(s.voice for s in config.speakers.values()))
             if voice}
    free = [voice.name for voice in spec.voices if voice.commercial][:1] if config.commercial_safe else []
    return [voice.name for voice in spec.voices if voice.name in named] or free


@contextmanager
def _means(asked: Asked, reporter: ScreenReporter, silent: bool) -> Iterator[Means]:
    """Yield how parts are brought, with a line on the screen for each step."""
    steps = _Steps(reporter)

    def agree(plan: Plan) -> bool:
        if not silent:
            reporter.tell(_plan_text(plan))
        if asked.yes or silent or plan.need < _ASK_FROM or not sys.stdin.isatty():
            return True
        if reporter.live:
            reporter.live.stop()
        agreed = typer.confirm("fetch it?", default=True, err=True)
        if reporter.live:
            reporter.live.start()
        return agreed

    try:
        yield Means(
            prove_environment, check_worker, present_device, cards,
            source=asked.source, weights=asked.weights, wheels=asked.wheels, offline=asked.offline,
            tell=reporter.tell, warn=reporter.warn, progress=steps.at, agree=agree,
        )  # fmt: skip
    finally:
        steps.close()


def _plan_text(plan: Plan) -> str:
    more = f" ({in_units(plan.peak)} for a while)" if plan.peak - plan.need > _ASK_FROM else ""
    room = f"needs {in_units(plan.need)} of disk{more}, {in_units(plan.free)} are free"
    lines = [f"  {line}" for line in (*plan.fetch, room)]
    return "\n".join([f"{plan.engine} ({plan.variant}) will fetch:", *lines])


class _Steps:
    """One stage on the screen for each step; the next begins when a step of another name is told."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._name = ""
        self._stage: Any = None
        self._entered: Stage | None = None

    def at(self, name: str, share: float) -> None:
        """Take what `Means.progress` is told."""
        if name != self._name:
            self.close()
            self._name, self._stage = name, self._reporter.stage(name)
            self._entered = self._stage.__enter__()
        if self._entered:
            self._reporter.reach(self._entered, share)

    def close(self) -> None:
        """End the step that is shown."""
        if self._stage is not None:
            self._stage.__exit__(None, None, None)
        self._name, self._stage, self._entered = "", None, None


def verify_engine(name: str, device: str, config: Path | None, settings: Settings, as_json: bool) -> bool:
    """Compare an engine with its pins, prove it on a device, and let its worker do its test."""
    loaded = _config(config, settings)
    spec = find_spec(name, loaded.engines_path)
    flaws = verify(spec, loaded.data)
    proof: dict[str, Any] = {}
    problem: PodcastError | None = None
    if not flaws:
        env = environments_made(spec, loaded.data)[0]
        kept = str(read_marker(env.folder).get("device", "cpu")).partition(":")[0]
        found = prove_environment(env, kept if device == "auto" else device, refresh=True)
        proof = asdict(found)
        try:
            if found.holds:
                check_worker(env, found.device)
            else:
                problem = EngineError(found.sentence, found.remedy)
        except EngineError as error:
            problem = error
    if as_json:
        print_json({"name": name, "good": not flaws and not problem, "flaws": [asdict(flaw) for flaw in flaws],
                    "proof": proof, "problem": problem.problem if problem else ""})
    else:
        _tell_verified(name, flaws, proof, problem)
    return not flaws and not problem


def _tell_verified(name: str, flaws: list[Flaw], proof: dict[str, Any], problem: PodcastError | None) -> None:
    for flaw in flaws:
        out.print(f"[red]✗[/] {escape(flaw.part)} {escape(flaw.what)}", highlight=False, soft_wrap=True)
    if flaws:
        out.print(f"podcast engines repair {name}", style="dim", highlight=False)
    elif problem:
        out.print(f"[red]✗[/] {escape(str(problem))}", highlight=False, soft_wrap=True)
    else:
        out.print(f"[green]✓[/] {name}: all parts are as pinned; {escape(proof['sentence'])}", highlight=False,
                  soft_wrap=True)


def repair_engine(name: str, asked: Asked, config: Path | None, settings: Settings, as_json: bool) -> None:
    """Mend what is broken, and only that."""
    loaded = _config(config, settings)
    spec = find_spec(name, loaded.engines_path)
    with ScreenReporter(as_json) as reporter, _means(asked, reporter, as_json) as means:
        mended = repair(spec, loaded.data, means)
    if as_json:
        print_json({"name": name, "mended": [asdict(flaw) for flaw in mended]})
        return
    for flaw in mended:
        out.print(f"mended   {escape(flaw.part)}: it {escape(flaw.what)}", highlight=False, soft_wrap=True)
    if not mended:
        out.print(f"{name}: nothing was broken", highlight=False)


def remove_engine(
    name: str, old_only: bool, keep_weights: bool, config: Path | None, settings: Settings, as_json: bool
) -> None:
    """Remove an engine, or what is left of its former pins."""
    loaded = _config(config, settings)
    with ScreenReporter(as_json) as reporter:
        if old_only:
            freed = remove_stale(find_spec(name, loaded.engines_path), loaded.data, reporter.tell)
        else:
            freed = remove(name, loaded.data, reporter.tell, keep_weights)
    if not freed and not old_only:
        raise _not_there(name, loaded)
    if as_json:
        print_json({"name": name, "freed": freed})
    else:
        out.print(f"{in_units(freed)} freed", highlight=False)


def _not_there(name: str, loaded: Config) -> EngineError:
    spec: EngineSpec = find_spec(name, loaded.engines_path)  # names the nearest if it is a slip of the pen
    return needed(spec, loaded.data)
