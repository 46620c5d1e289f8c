"""`podcast doctor`: the machine, its devices, and what engines were proved to do on them."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from podcast.cli.commands import Settings, print_json
from podcast.cli.screen import err, out, show, table
from podcast.config import Config, Loaded, as_dict, load_config
from podcast.environments.install import installed
from podcast.environments.manifest import engine_folders, load_spec
from podcast.environments.proving import prove_environment
from podcast.errors import EngineError
from podcast.proof import Proof

_PERSONAL = ("speakers.", "publish.author", "publish.show")
_MARKS = {"good": "[green]✓[/]", "note": "[cyan]·[/]", "bad": "[red]✗[/]"}


def examine(config: Path | None, settings: Settings, as_json: bool, report: Path | None = None) -> None:
    """Tell what this machine has and what was proved to work; with `report`, write a file for a bug report."""
    from podcast import doctor
    from podcast.graphics import fonts

    loaded = load_config(config, settings)
    video, engines = loaded.config.video, engine_proofs(loaded)
    rows = doctor.findings(video.size, video.rate, video.ffmpeg, fonts.missing(["Aa"], video.font), engines=engines)
    if report:
        doctor.write_report(report, doctor.report_data(rows, engines, differences(loaded), loaded.secrets))
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    made = table("", "what", "found", "what that means")
    for row in rows:
        made.add_row(_MARKS[row.verdict], row.what, escape(row.found), escape(row.meaning))
    show(made)
    err.print(f"podcast on Python {platform.python_version()}, {platform.platform()}", style="dim")
    if report:
        out.print(f"written  {report}", highlight=False, soft_wrap=True, markup=False)


def engine_proofs(loaded: Loaded) -> Sequence[tuple[str, Proof]]:
    """Return the installed engines with their proofs; one that was never proved on this machine is proved now."""
    found = []
    for name, folder in engine_folders(loaded.config.engines_path).items():
        with contextlib.suppress(EngineError):  # a broken manifest is shown by `podcast engines list`
            if environment := installed(load_spec(folder), loaded.config.data):
                found.append((name, prove_environment(environment, loaded.config.gpu.device)))
    return found


def differences(loaded: Loaded) -> dict[str, Any]:
    """Return the settings that are not the default, by dotted key; people's names are left out."""
    defaults = _flat(as_dict(Config()))
    return {key: value for key, value in _flat(as_dict(loaded.config)).items()
            if defaults.get(key) != value and key != "data" and not key.startswith(_PERSONAL)}


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {prefix + key: value}
    return flat
