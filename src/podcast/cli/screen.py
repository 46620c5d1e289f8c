"""What the terminal shows: stages with an estimate, warnings, tables."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from podcast.reporter import Reporter, Stage

out = Console()
err = Console(stderr=True, highlight=False)


class _Estimate(ProgressColumn):
    """Seconds left while a stage works, seconds taken when it is done."""

    def render(self, task: Task) -> Text:
        stage: Stage | None = task.fields.get("stage")
        if stage is None:
            return Text("")
        if stage.seconds:
            reused = f"  {stage.reused} kept" if stage.reused and not stage.made else ""
            reused = f"  {stage.made} made, {stage.reused} kept" if stage.reused and stage.made else reused
            return Text(f"{stage.seconds:.1f} s{reused}", style="green")
        left = stage.remaining()
        return Text("" if left is None else f"{left:.0f} s left", style="cyan")


def _bar() -> BarColumn:
    # Named colours: rich's own are grey on terminals of sixteen colours.
    return BarColumn(32, complete_style="cyan", finished_style="green", pulse_style="cyan")


class Drawn(AbstractContextManager["Any"]):
    """Something that is drawn anew on the terminal while it is entered; `live` is None where there is no terminal."""

    live: Progress | Live | None = None

    def __enter__(self) -> Any:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()


class ScreenReporter(Reporter, Drawn):
    """Show stages as they go on stderr; without a terminal, one line when a stage is done."""

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        super().__init__()
        self.quiet, self.verbose = quiet, verbose
        self._tasks: dict[int, TaskID] = {}
        self.live = None
        if not quiet and err.is_terminal:
            self.live = Progress(TextColumn("{task.description:<10}"), _bar(), _Estimate(), console=err)

    def changed(self, stage: Stage) -> None:
        """Show how far a stage is."""
        if isinstance(self.live, Progress):
            self._show(self.live, stage)
        elif stage.seconds and not self.quiet:
            kept = f"{stage.reused} kept" if stage.reused else ""
            made = f"{stage.made} made" if stage.made else ""
            err.print(f"{stage.name:<10} {stage.seconds:6.1f} s  {', '.join(p for p in (made, kept) if p)}".rstrip())
        if self.verbose and stage.seconds and stage.engine:
            why = f" ({stage.note})" if stage.note else ""
            err.print(f"  {stage.name}: {stage.engine} on the {stage.device}{why}", style="dim")

    def _show(self, live: Progress, stage: Stage) -> None:
        with self._lock:
            if id(stage) not in self._tasks:
                self._tasks[id(stage)] = live.add_task(stage.name, total=None, stage=stage)
            task = self._tasks[id(stage)]
        total = stage.total or (1 if stage.seconds else None)
        live.update(task, total=total, completed=total if stage.seconds else stage.done)

    def confirm(self, question: str) -> bool | None:
        """Ask on the terminal, while nothing is drawn there."""
        if self.quiet or self.live is None or not sys.stdin.isatty():
            return None
        self.live.stop()
        try:
            return typer.confirm(question, err=True)
        finally:
            self.live.start()

    def warned(self, message: str) -> None:
        """Show a warning."""
        if not self.quiet:
            err.print(Text("warning: ", style="bold yellow") + Text(message))

    def told(self, message: str) -> None:
        """Show a note."""
        if not self.quiet:
            err.print(Text(message, style="dim"))


def table(*columns: str, title: str = "") -> Table:
    """Return an empty table in the house's style."""
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def show(made: Table) -> None:
    """Print a table; without a terminal it is not cut at 80 columns."""
    console = out if out.is_terminal else Console(width=200, file=sys.stdout)
    console.print(made)
