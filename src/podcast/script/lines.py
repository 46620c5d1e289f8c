"""The characters of a script: lines with their numbers, cleaned of what nobody sees."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_NEWLINE = re.compile(r"\r\r\n|\r\n|\r|\n")  # the first is what two careless conversions make
_LINE_BREAK = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # breaks that editors do not count as lines
_BLANKS = re.compile("[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# zero width space, word joiner, byte order mark, soft hyphen, directional marks; joiners (200c, 200d) shape words
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class Line:
    """A line of the file, or a part of one between form feeds; `number` counts from 1."""

    number: int
    text: str


def clean(text: str) -> str:
    """Return text with every kind of blank as a plain one, without invisible and control characters."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _BLANKS.sub(" ", text)))


def split_lines(text: str) -> list[Line]:
    """Return the lines of a text, whatever ends them; a form feed begins a new paragraph."""
    lines = []
    for number, raw in enumerate(_NEWLINE.split(text), 1):
        for index, part in enumerate(_LINE_BREAK.split(raw)):
            if index:
                lines.append(Line(number, ""))
            lines.append(Line(number, clean(part).rstrip()))
    return lines


def has_words(text: str) -> bool:
    """Return whether there is anything to say in a text."""
    return any(c.isalnum() for c in text)


def label_id(name: str) -> str:
    """Return a speaker's label as an id: upper case, single blanks."""
    return " ".join(name.split()).upper()
