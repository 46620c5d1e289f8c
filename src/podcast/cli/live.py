"""The live table of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.live import Live
from rich.table import Table

from podcast.cli.screen import Drawn, err, table
from podcast.reporter import Reporter, Stage


class _Row(Reporter):
    """One script's line."""

    def __init__(self, screen: BatchScreen, script: Path) -> None:
        super().__init__()
        self.screen, self.script, self.stage_now = screen, script, "waits"

    def changed(self, stage: Stage) -> None:
        """Show the stage and how far it is; without a terminal, a line when the last one is done."""
        if stage.name == "publish" and stage.seconds and not self.screen.live and not self.screen.quiet:
            err.print(f"{self.script.name}: done")
        share = f" {100 * stage.done / stage.total:.0f}%" if stage.total else ""
        left = stage.remaining()
        self.stage_now = stage.name + share + (f", {left:.0f} s left" if left else "")
        self.screen.update()

    def warned(self, message: str) -> None:
        """Print a warning above the table, with the script it is about."""
        if not self.screen.quiet:
            err.print(f"[yellow]{self.script.name}:[/] {message}")


class BatchScreen(Drawn):
    """All scripts of a batch, a line each, while they are worked on."""

    def __init__(self, scripts: Sequence[Path], quiet: bool) -> None:
        self.quiet = quiet
        self._rows = {script: _Row(self, script) for script in scripts}
        self.live = Live(console=err, refresh_per_second=4) if not quiet and err.is_terminal else None

    def reporter(self, script: Path) -> Reporter:
        """Return who reports for a script."""
        return self._rows[script]

    def update(self) -> None:
        """Draw the table anew."""
        if isinstance(self.live, Live):
            self.live.update(self._table())

    def _table(self) -> Table:
        made = table("script", "stage", "warnings")
        for script, row in self._rows.items():
            made.add_row(script.name, row.stage_now, str(len(row.warnings) or ""))
        return made
