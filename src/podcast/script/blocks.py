"""Markdown's blocks: paragraphs, headings, list items, and what is not for the ear."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from podcast.episode import Unspoken
from podcast.errors import ScriptError
from podcast.script.lexicon import HEADER_KEYS, is_role
from podcast.script.lines import Line, has_words

Kind = Literal["paragraph", "heading", "item", "rule"]
_FENCE = re.compile(r"\s*(`{3,}|~{3,})(?P<info>[^`]*)$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:\s+(.*))?$")
_CLOSING_HASHES = re.compile(r"(?:^|\s)#+$")
_RULE = re.compile(r"\s*([-*_=~•·⁂#])(?:\s*\1){2,}\s*$|\s*[⁂§]\s*$")
_UNDERLINE = re.compile(r"\s{0,3}(={3,}|-{3,})\s*$")
_BULLET = re.compile(r"^\s*[-*+•‣◦▪–—]\s+(?:\[[ xX]\]\s+)?(?=\S)")
_NUMBER = re.compile(r"^\s*(\d{1,3})[.)]\s+(?=\S)")
_QUOTE = re.compile(r"^\s{0,3}(?:>\s?)+")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_DELIMITER = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-*:?\s*)+$")
_FOOTNOTE = re.compile(r"\s{0,3}\[\^[^\]\s]+\]:")
_LINK = re.compile(r"\s{0,3}\[([^\]^]+)\]:\s*<?(?:[a-z][a-z0-9+.-]*:|/|#|\.|[\w-]+\.\w)\S*>?(?:\s+[\"'(].*)?$", re.I)
_TITLE_LENGTH = 80  # characters; a longer line above dashes is prose above a rule
_NUMBER_REACH = 12  # lines between neighbours of a numbered list


@dataclass(frozen=True)
class Block:
    """Lines that belong together; `level` is a heading's, `number` a list item's."""

    kind: Kind
    lines: tuple[Line, ...]
    level: int = 0
    number: str = ""

    @property
    def line(self) -> int:
        """The number of the first line."""
        return self.lines[0].number

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Body:
    """A script's blocks, the names of its reference links, and what was set aside."""

    blocks: tuple[Block, ...]
    links: frozenset[str]
    unspoken: tuple[Unspoken, ...]


def read_blocks(lines: list[Line], path: Path) -> Body:
    """Return the blocks of a script's lines.

    Raises:
        ScriptError: a comment or a code block that is never closed (it would silence all that follows).
    """
    scan = _Scan(path)
    lines = scan.without_code_and_comments(lines)
    scan.read(lines)
    return Body(tuple(scan.blocks), frozenset(scan.links), tuple(scan.unspoken))


class _Scan:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: list[Block] = []
        self.links: set[str] = set()
        self.unspoken: list[Unspoken] = []
        self.open: Block | None = None  # the paragraph or item that is being read
        self.lines: list[Line] = []  # its lines

    def without_code_and_comments(self, lines: list[Line]) -> list[Line]:
        kept, at = [], 0
        while at < len(lines):
            if fence := _FENCE.match(lines[at].text):
                at = self._skip_code(lines, at, fence[1])
                kept.append(Line(lines[at - 1].number, ""))
            elif "<!--" in lines[at].text:
                line, at = self._cut_comments(lines, at)
                kept.extend([line] if line.text.strip() else [])
            else:
                kept.append(lines[at])
                at += 1
        return kept

    def _skip_code(self, lines: list[Line], start: int, fence: str) -> int:
        closing = re.compile(rf"\s*{fence[0]}{{{len(fence)},}}\s*$")
        end = next((i for i in range(start + 1, len(lines)) if closing.match(lines[i].text)), None)
        if end is None:
            remedy = f"close it with a line of {fence}, or remove it: nothing after it would be spoken"
            raise ScriptError.at(self.path, lines[start].number, "a code block is never closed", remedy)
        self._set_aside(lines[start : end + 1], "code")
        return end + 1

    def _cut_comments(self, lines: list[Line], at: int) -> tuple[Line, int]:
        """Return the line at `at` without comments, joined to what follows a comment of several lines."""
        number, text = lines[at].number, lines[at].text
        while (begin := text.find("<!--")) >= 0:
            first = lines[at].number
            comment = text[begin:]
            while (end := comment.find("-->", 4)) < 0:
                at += 1
                if at == len(lines):
                    remedy = "write --> after it: nothing that follows would be spoken"
                    raise ScriptError.at(self.path, first, "the comment <!-- is never closed", remedy)
                comment += "\n" + lines[at].text
            self.unspoken.append(Unspoken(first, " ".join(comment[: end + 3].split()), "comment"))
            text = text[:begin] + comment[end + 3 :]
            number = lines[at].number if not text[:begin].strip() else number
        return Line(number, text), at + 1

    def _set_aside(self, lines: list[Line], reason: str) -> None:
        self.unspoken += [Unspoken(x.number, x.text.strip(), reason) for x in lines if x.text.strip()]

    def _flush(self) -> None:
        if self.open:
            self.blocks.append(replace(self.open, lines=tuple(self.lines)))
        self.open, self.lines = None, []

    def _begin(self, kind: Kind, line: Line, number: str = "") -> None:
        self._flush()
        self.open, self.lines = Block(kind, (line,), number=number), [line]

    def _add(self, block: Block) -> None:
        self._flush()
        self.blocks.append(block)

    def read(self, lines: list[Line]) -> None:
        lines = [replace(x, text=_QUOTE.sub("", x.text, count=1)) for x in lines]
        numbered, at = _numbered(lines), 0
        while at < len(lines):
            skipped = self._aside(lines, at)
            if skipped == at:
                self._line(lines[at], numbered.get(at, ""))
            at = max(skipped, at + 1)
        self._flush()

    def _aside(self, lines: list[Line], at: int) -> int:
        """Set tables, footnotes and link addresses aside; return the index after them (`at` if there are none)."""
        text = lines[at].text
        if link := _LINK.match(text):
            self.links.add(" ".join(link[1].split()).lower())
            self._set_aside(lines[at : at + 1], "link address")
            return at + 1
        end = at
        if _FOOTNOTE.match(text):
            end = at + 1
            while end < len(lines) and re.match(r" {2,}\S", lines[end].text):
                end += 1
            self._set_aside(lines[at:end], "footnote")
        elif _ROW.match(text) or ("|" in text and at + 1 < len(lines) and _DELIMITER.match(lines[at + 1].text)):
            while end < len(lines) and "|" in lines[end].text:
                end += 1
            self._set_aside(lines[at:end], "table")
        if end > at:
            self._flush()
        return end

    def _line(self, line: Line, number: str) -> None:
        text = line.text
        if not text.strip():
            self._flush()
        elif heading := _HEADING.match(text):
            title = _CLOSING_HASHES.sub("", heading[2] or "").strip()
            self._add(Block("heading", (Line(line.number, title),), len(heading[1])))
        elif self._underlines(text) and self.open:
            above, self.open = self.open, None
            self._add(replace(above, kind="heading", level=1 if "=" in text else 2))
        elif _RULE.match(text):
            self._add(Block("rule", (line,)))
        elif number:
            self._begin("item", Line(line.number, _NUMBER.sub("", text, count=1)), number)
        elif _BULLET.match(text):
            self._begin("item", Line(line.number, _BULLET.sub("", text, count=1)))
        elif self.open:
            self.lines.append(Line(line.number, text.strip()))
        else:
            self._begin("paragraph", Line(line.number, text.strip()))

    def _underlines(self, text: str) -> bool:
        """Return whether a line of === or --- makes a heading of the one above, rather than a rule below prose."""
        above = self.open
        if not _UNDERLINE.match(text) or not above or above.kind != "paragraph" or len(self.lines) > 1:
            return False
        title = above.text
        key = title.split(":")[0].strip(" *_") if ":" in title else ""
        if key.isupper() or is_role(key) or key.lower() in HEADER_KEYS:
            return False
        return has_words(title) and len(title) <= _TITLE_LENGTH and title[-1] not in ".,;:!?…\"'”»])*"


def _numbered(lines: list[Line]) -> dict[int, str]:
    """Return index → number of the lines of numbered lists: the next or the last number is near.

    A single "3. Juni" or "1984. It was a year" is prose.
    """
    found = [(i, int(m[1])) for i, m in ((i, _NUMBER.match(x.text)) for i, x in enumerate(lines)) if m]
    numbers = {}
    for a, b in pairwise(found):
        if b[1] == a[1] + 1 and b[0] - a[0] <= _NUMBER_REACH:
            numbers[a[0]], numbers[b[0]] = str(a[1]), str(b[1])
    return numbers
