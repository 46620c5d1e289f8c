"""Headings: which of them are chapters, and lines of plain text that are as good as headings."""

from __future__ import annotations

import re
from collections.abc import Iterable

from podcast.script.blocks import Block

CHAPTER = 2  # the lowest rank of headings that are chapters, in scripts that have such
_PART = re.compile(
    r"(?:segment|section|scene|act|block) (?:\d{1,2}|[ivx]{1,4}|one|two|three|four|five|six)"
    r"(?:\s+[-–—]|[:.])\s+\S.{0,70}", re.I)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_LENGTH = r"\d{1,3}(?:\s*(?:-|–|—|to)\s*\d{1,3})?\s*(?:min(?:ute)?s?\.?|sec(?:ond)?s?\.?|[sm])"
_PLANNED = re.compile(  # how long the author wants a chapter: "(2:00–6:00)", "(5 minutes)", "[~2 min]"
    rf"\s*[(\[]\s*[~≈]?\s*(?:{_CLOCK}(?:\s*(?:-|–|—|to)\s*{_CLOCK})?|{_LENGTH})\s*[)\]]$", re.I)
_NO_TITLE_ENDS = (".", "…", "。", ":", ",")


def lowest_chapters(blocks: Iterable[Block]) -> int:
    """Return the lowest rank of headings that are chapters: two, or the next that is used where there is no second."""
    ranks = [b.level for b in blocks if b.kind == "heading"]
    if ranks.count(1) > 1 or CHAPTER in ranks:
        return CHAPTER
    return min((r for r in ranks if r > CHAPTER), default=CHAPTER)


def split_plan(title: str) -> tuple[str, str]:
    """Return a heading's words, and the time in brackets after them that the author wants to spend: "(2:00–6:00)"."""
    planned = _PLANNED.search(title)
    return (title[: planned.start()], planned[0].strip()) if planned and planned.start() else (title, "")


def part_title(block: Block) -> str:
    """Return the title of "Scene 2 — The Garden" on a line of its own; "" if a block is none."""
    text = block.lines[0].text.strip(" *_")
    fits = len(block.lines) == 1 and block.kind == "paragraph" and not text.endswith(_NO_TITLE_ENDS)
    return text if fits and _PART.fullmatch(text) else ""
