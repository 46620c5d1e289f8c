"""How `podcast check` shows a script."""

from __future__ import annotations

from rich.markup import escape

from podcast.cli.screen import out, show, table
from podcast.episode import MusicCue, Script
from podcast.script import Outline


def show_outline(script: Script, summary: Outline) -> None:
    """Print who says what, cues, the estimated length, and every line that nobody says, with the reason."""
    out.print(f"[bold]{escape(script.title or '(no title)')}[/]  about {_clock(summary.seconds)}, "
              f"{summary.words} words", highlight=False)
    _show_speakers(summary)
    _show_turns(script, summary)
    _show_unspoken(script)


def _show_speakers(summary: Outline) -> None:
    made = table("speaker", "name", "turns", "words", "about")
    for share in summary.shares:
        made.add_row(escape(share.speaker.id), escape(share.speaker.name), str(share.turns), str(share.words),
                     _clock(share.seconds))
    out.print()
    show(made)


def _show_turns(script: Script, summary: Outline) -> None:
    made = table("at", "line", "", "")
    for index in range(len(script.turns) + 1):
        at = summary.turns[index] if index < len(script.turns) else summary.seconds
        for chapter in script.chapters:
            if chapter.before == index:
                made.add_row(_clock(at), str(chapter.line), "[bold]chapter[/]", f"[bold]{escape(chapter.title)}[/]")
        for cue in script.music:
            if cue.before == index:
                made.add_row(_clock(at), str(cue.line), "[magenta]music[/]", escape(_describe(cue)))
        for image in script.images:
            if image.before == index:
                made.add_row(_clock(at), str(image.line), "[blue]image[/]", escape(image.file.name if image.file
                                                                                   else "none"))
        if index < len(script.turns):
            turn = script.turns[index]
            pause = f"  [dim](pause {turn.pause_after:g} s)[/]" if turn.pause_after else ""
            made.add_row(_clock(at), str(turn.line), f"[cyan]{escape(turn.speaker)}[/]", escape(turn.text) + pause)
    out.print()
    show(made)


def _describe(cue: MusicCue) -> str:
    parts = ["fade out" if cue.stop else str(cue.file.name if cue.file else cue.description)]
    parts += [f"{cue.gain_db:+g} dB"] if cue.gain_db is not None else []
    parts += [f"fade in {cue.fade_in:g} s"] if cue.fade_in is not None else []
    parts += [f"fade out {cue.fade_out:g} s"] if cue.fade_out is not None else []
    parts += [f"alone for {cue.solo:g} s"] if cue.solo is not None else []
    return ", ".join(parts)


def _show_unspoken(script: Script) -> None:
    if not script.unspoken:
        return
    made = table("line", "not spoken", "why")
    for piece in script.unspoken:
        made.add_row(str(piece.line), escape(piece.text), piece.reason)
    out.print()
    show(made)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
