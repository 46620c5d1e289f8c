"""A script while it is being read: words, cues and what is set aside, in order."""

from __future__ import annotations

from dataclasses import replace

from podcast.episode import Chapter, ImageCue, MusicCue, Turn, Unspoken
from podcast.script.blocks import Block
from podcast.script.inline import Pause, Piece
from podcast.script.lines import Line
from podcast.script.music_cues import GoesOn

_ENDS = tuple(".!?…:;。！？")  # after these a cut is no cut within a sentence
_FULL_STOPS = ".!?…"


class Draft:
    """What was understood so far."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.chapters: list[Chapter] = []
        self.ranks: list[int] = []  # of the chapters' headings
        self.music: list[MusicCue] = []
        self.images: list[ImageCue] = []
        self.unspoken: list[Unspoken] = []

    def aside(self, line: int, text: str, reason: str) -> None:
        """Note a piece that nobody says."""
        if text.strip():
            self.unspoken.append(Unspoken(line, " ".join(text.split()), reason))

    def aside_all(self, block: Block, reason: str) -> None:
        """Note that nobody says a block."""
        if block.number:
            self.aside(block.line, block.number + ".", reason)
        for line in block.lines:
            self.aside(line.number, line.text, reason)

    def chapter(self, title: str, block: Block) -> None:
        """Add a chapter; one without words of its own gives way, or heads the next of lower rank."""
        before = len(self.turns)
        if self.chapters and self.chapters[-1].before == before:
            last, rank = self.chapters.pop(), self.ranks.pop()
            if rank < block.level:
                title, block = f"{last.title}: {title}", replace(block, lines=(Line(last.line, ""),), level=rank)
            else:
                self.aside(last.line, last.title, "heading without text")
        self.chapters.append(Chapter(title, before, block.line))
        self.ranks.append(block.level)

    def drop_last_chapter(self) -> None:
        """Drop a chapter that nothing follows."""
        while self.chapters and self.chapters[-1].before == len(self.turns):
            last = self.chapters.pop()
            self.aside(last.line, last.title, "heading without text")

    def trail(self, marks: str) -> None:
        """Give the point after a pause to the words before it: "Wait [PAUSE]."."""
        last = self.turns[-1]
        if marks[0] in _FULL_STOPS and last.text[-1] not in _FULL_STOPS:
            self.turns[-1] = replace(last, text=last.text + marks)

    def join_cut_sentences(self, begin: int) -> None:
        """Let a sentence that a cue cuts in two go on without a pause."""
        for i in range(begin, len(self.turns) - 1):
            turn = self.turns[i]
            if turn.pause_after is None and turn.text.rstrip("\"'”’»)")[-1:] not in _ENDS:
                self.turns[i] = replace(turn, pause_after=0.0)

    def cue(self, piece: Piece) -> None:
        """Let a pause, music or a picture take effect after the last words."""
        before = len(self.turns)
        if isinstance(piece, Pause):
            self._pause(piece)
        elif isinstance(piece, MusicCue):
            self.music.append(replace(piece, before=before))
        elif isinstance(piece, ImageCue):
            self.images.append(replace(piece, before=before))
        elif isinstance(piece, GoesOn) and not (self.music and not self.music[-1].stop):
            self.music.append(replace(piece.cue, before=before))

    def _pause(self, pause: Pause) -> None:
        """Lengthen the pause after the last words; before the first ones, that of the music alone."""
        if self.turns:
            last = self.turns[-1]
            self.turns[-1] = replace(last, pause_after=(last.pause_after or 0.0) + pause.seconds)
        elif self.music and not self.music[-1].stop:
            cue = self.music[-1]
            self.music[-1] = replace(cue, solo=(cue.solo or 0.0) + pause.seconds)
