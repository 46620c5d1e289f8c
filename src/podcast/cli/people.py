"""Portraits and motion templates: what people bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape

from podcast.cli.commands import print_json
from podcast.cli.screen import ScreenReporter, out
from podcast.config import load_config
from podcast.errors import PodcastError

Settings = Sequence[tuple[str, Any]]
_MARKS = {"refuse": "[red]✗[/]", "warn": "[yellow]![/]", "note": "[cyan]·[/]"}


def check_portrait(
    picture: Path, face: int | None, sheet: Path | None, config: Path | None, settings: Settings, as_json: bool
) -> bool:
    """Print what is found in a picture and write its test sheet; return whether it can talk."""
    from PIL import Image

    from podcast.puppet.judge import portrait_report
    from podcast.puppet.portrait import portrait_sheet
    from podcast.wiring import face_nets

    loaded = load_config(config, settings)
    with ScreenReporter(quiet=as_json) as reporter:
        findings, found = portrait_report(picture, face_nets(loaded.config, reporter), face)
    fit = found is not None and not any(finding.severity == "refuse" for finding in findings)
    target = sheet or picture.with_name(f"{picture.stem}-sheet.png")
    if found is not None and fit:
        try:
            Image.fromarray(portrait_sheet(found)).save(target)
        except (OSError, ValueError) as error:
            raise PodcastError(f"cannot be written ({error})", "--sheet FILE.png", str(target)) from error
    if as_json:
        print_json({"fit": fit, "findings": [asdict(f) for f in findings], "sheet": str(target) if fit else ""})
        return fit
    for finding in findings:
        out.print(f"{_MARKS[finding.severity]} {escape(finding.message)}", highlight=False)
        if finding.remedy:
            out.print(f"  {escape(finding.remedy)}", style="dim", highlight=False)
    verdict = f"[green]it can talk[/]; test sheet: {escape(str(target))}" if fit else "[red]it cannot talk[/]"
    out.print(verdict, highlight=False, soft_wrap=True)
    return fit


def extract_motion(clip: Path, output: Path, config: Path | None, settings: Settings, quiet: bool) -> None:
    """Write a motion template and say what is in it."""
    from podcast.puppet.extract import extract
    from podcast.puppet.landmarks import Tracker
    from podcast.puppet.template import save_template
    from podcast.wiring import face_nets

    loaded = load_config(config, settings)
    with ScreenReporter(quiet) as reporter:
        tracker = Tracker(face_nets(loaded.config, reporter))
        with reporter.stage("motion") as stage:
            template = extract(clip, tracker, partial(reporter.reach, stage))
    try:
        save_template(output, template)
    except OSError as error:
        raise PodcastError(f"cannot be written ({error.strerror})", "choose another place with -o",
                           str(output)) from error
    if quiet:
        out.print(str(output), soft_wrap=True, highlight=False, markup=False)
        return
    seconds = len(template.tracks) / template.rate
    out.print(f"{float(seconds):.1f} s of motion: {output}", highlight=False, soft_wrap=True)
    out.print(f"use it: podcast create my.txt --avatar --set avatar.motion={output}", style="dim", highlight=False,
              soft_wrap=True)
