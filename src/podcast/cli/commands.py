"""What the commands do: call the rooms, print what they say."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from rich.markup import escape

from podcast.cache import Cache
from podcast.cli.screen import ScreenReporter, err, out, show, table
from podcast.config import Loaded, as_dict, load_config
from podcast.errors import PodcastError

Settings = Sequence[tuple[str, Any]]
_TEMPLATES = Path(__file__).parent.parent / "templates"


def print_json(data: Any) -> None:
    """Print plain data as JSON, for machines."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n")


# ---------------------------------------------------------------- create


def create_episode(
    script: Path, name: str | None, mode: str, draft: bool, recording: Path | None, config: Path | None,
    settings: Settings, as_json: bool, quiet: bool, verbose: bool,
) -> None:
    """Make one episode and say where it is."""
    from podcast.produce import Request, create

    loaded = load_config(config, settings)
    with ScreenReporter(quiet or as_json, verbose) as reporter:
        episode = create(Request(script, name, mode, draft, recording), loaded, reporter)
    if as_json:
        print_json({**asdict(episode), "warnings": reporter.warnings})
    else:
        _tell_result(episode, quiet)


def _tell_result(episode: Any, quiet: bool) -> None:
    main = episode.video or episode.audio
    if quiet:
        out.print(str(main), soft_wrap=True, highlight=False, markup=False)
        return
    minutes, seconds = divmod(round(episode.seconds), 60)
    size = main.stat().st_size / 1e6
    sound = f"{episode.loudness:.1f} LUFS" if episode.loudness > -70 else "silent"
    out.print(f"[bold green]done[/] {escape(episode.title)}  {minutes}:{seconds:02d}, {size:.1f} MB, {sound}")
    out.print(str(main), soft_wrap=True, highlight=False, markup=False)


def create_batch(
    scripts: Sequence[Path], mode: str, draft: bool, at_once: int, config: Path | None, settings: Settings,
    as_json: bool, quiet: bool,
) -> int:
    """Make several episodes; return how many failed."""
    from podcast.batch import create_all, find_scripts
    from podcast.cli.live import BatchScreen

    loaded = load_config(config, settings)
    found = find_scripts(scripts)
    with BatchScreen(found, quiet or as_json) as screen:
        results = create_all(found, mode, draft, loaded, at_once, screen.reporter)
    failed = [r for r in results if r.error]
    if as_json:
        print_json([r.as_dict() for r in results])
    else:
        made = table("script", "result", "length", "where")
        for r in results:
            length = f"{r.episode.seconds:.0f} s" if r.episode else ""
            where = str(r.episode.video or r.episode.audio) if r.episode else r.error.splitlines()[0]
            made.add_row(str(r.script), "[red]failed[/]" if r.error else "[green]done[/]", length, escape(where))
        show(made)
        out.print(f"{len(results) - len(failed)} done, {len(failed)} failed")
    return len(failed)


# ---------------------------------------------------------------- check


def check_script(path: Path, config: Path | None, settings: Settings, as_json: bool) -> None:
    """Show how a script is understood."""
    from podcast.script import outline, read_script
    from podcast.wiring import known_speakers, missing_letters

    loaded = load_config(config, settings)
    script = read_script(path, known_speakers(loaded.config))
    config_in_force = loaded.refined(script.settings, str(path))
    summary = outline(script)
    if lost := missing_letters(script, config_in_force.video.font):
        err.print(f"[bold yellow]warning:[/] {escape(lost)}")
    if as_json:
        print_json({"script": asdict(script), "outline": asdict(summary)})
        return
    from podcast.cli.outline import show_outline

    show_outline(script, summary)


# ---------------------------------------------------------------- folders


def init_folder(folder: Path, force: bool) -> None:
    """Write config.yaml and the examples; files that are there stay unless `force`."""
    files = {folder / "config.yaml": _TEMPLATES / "config.yaml"}
    for example in sorted(_examples().glob("*.txt")):
        files[folder / "creations" / example.name] = example
    for target, source in files.items():
        if target.exists() and not force:
            out.print(f"kept     {target}", highlight=False, soft_wrap=True)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        except OSError as error:
            raise PodcastError(f"cannot be written ({error.strerror})", "choose another folder: podcast init FOLDER",
                               str(target)) from error
        out.print(f"written  {target}", highlight=False, soft_wrap=True)
    out.print(f"\nnext: podcast create {folder / 'creations' / 'welcome.txt'} --avatar", highlight=False)


def _examples() -> Path:
    installed = _TEMPLATES / "creations"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "creations"


def list_episodes(config: Path | None, settings: Settings, as_json: bool) -> None:
    """List finished episodes, the newest first."""
    from podcast.publish import finished_episodes

    folder = load_config(config, settings).config.data / "episodes"
    found = finished_episodes(folder)
    if as_json:
        print_json(found)
        return
    made = table("name", "title", "length", "made", "file")
    for e in found:
        made.add_row(e["name"], escape(e["title"]), f"{e['seconds']:.0f} s", e["made"], e["file"])
    if found:
        show(made)
    else:
        out.print(f"no episodes in {folder}", highlight=False, soft_wrap=True)


# ---------------------------------------------------------------- hosts


def list_hosts(sheet: Path, as_json: bool) -> None:
    """List presenters and write a contact sheet."""
    from PIL import Image

    from podcast.puppet.rig import host_folder, host_names, load_rig
    from podcast.puppet.sheet import contact_sheet

    names = host_names()
    try:
        Image.fromarray(contact_sheet(names)).save(sheet)
    except (OSError, ValueError) as error:
        raise PodcastError(f"cannot be written ({error})", "--sheet FILE.png", str(sheet)) from error
    rigs = [load_rig(host_folder(name)) for name in names]
    if as_json:
        print_json([{"name": name, "about": rig.spec.about, "licence": rig.spec.licence}
                    for name, rig in zip(names, rigs, strict=True)])
        return
    made = table("name", "about")
    for name, rig in zip(names, rigs, strict=True):
        made.add_row(name, escape(rig.spec.about))
    show(made)
    out.print(f"\ncontact sheet: {sheet}", highlight=False, soft_wrap=True)


# ---------------------------------------------------------------- configuration and cache


def show_config(config: Path | None, settings: Settings, as_json: bool) -> None:
    """Print every key with its value; what came from the environment is masked."""
    loaded = load_config(config, settings)
    data = _masked(as_dict(loaded.config), loaded.secrets)
    if as_json:
        print_json(data)
    else:
        out.print(f"# {loaded.file or 'defaults: there is no config.yaml here'}", highlight=False, soft_wrap=True)
        out.print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), highlight=False, markup=False,
                  soft_wrap=True)


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: _masked(v, secrets) for k, v in value.items()}
    if isinstance(value, list):
        return [_masked(v, secrets) for v in value]
    return "***" if isinstance(value, str) and any(s and s in value for s in secrets) else value


def check_config(config: Path | None, settings: Settings) -> None:
    """Tell whether the configuration is right."""
    loaded = load_config(config, settings)
    out.print(f"{loaded.file or 'no config.yaml here: the defaults'}: right", highlight=False, soft_wrap=True)


def _cache(loaded: Loaded) -> Cache:
    return Cache(loaded.config.data / "cache", loaded.config.cache.max_gb)


def show_cache(config: Path | None, settings: Settings, as_json: bool) -> None:
    """Tell what the cache holds."""
    info = _cache(load_config(config, settings)).info()
    if as_json:
        print_json(asdict(info))
    else:
        out.print(f"{info.root}: {info.entries} entries, {info.bytes / 1e6:.1f} MB of at most "
                  f"{info.max_bytes / 1e9:.1f} GB", highlight=False, soft_wrap=True)


def clear_cache(config: Path | None, settings: Settings) -> None:
    """Remove what no running command uses."""
    freed = _cache(load_config(config, settings)).clear()
    out.print(f"{freed / 1e6:.1f} MB freed", highlight=False)
