"""Web pages as scripts: their tags become the marks of a script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from podcast.episode import Unspoken
from podcast.script.lines import Line

_PAGE = re.compile(r"\s*(?:<!doctype html|<html\b|<head\b|<body\b|<article\b|<(?:p|h[1-6]|div|ul|ol)\b[^>]*>)", re.I)
_SILENT = re.compile(r"<(script|style|head|nav|template|svg)\b", re.I)  # with all that is in them
_BLOCK = re.compile(
    r"<(?P<close>/)?(?P<tag>p|div|h[1-6]|li|ul|ol|tr|table|section|article|header|footer|main|blockquote|html|body|"
    r"!doctype|hr|br)\b[^>]*>", re.I)  # fmt: skip


def page_lines(lines: Sequence[Line]) -> tuple[list[Line], list[Unspoken]]:
    """Return the lines of a web page as a script has them, and what of it is not for the ear; other texts unchanged."""
    text = "\n".join(line.text for line in lines)
    if not _PAGE.match(text):
        return list(lines), []
    numbers = [line.number for line in lines]
    aside: list[Unspoken] = []
    heard, at = "", 0
    for begin, end in _silences(text):
        aside.append(Unspoken(numbers[text.count("\n", 0, begin)], " ".join(text[begin:end].split()), "markup"))
        heard += text[at:begin] + "\n" * text.count("\n", begin, end)  # so that lines keep their numbers
        at = end
    heard += text[at:]
    kept: list[Line] = []
    begun = ""  # the mark of an element that waits for its words
    for number, line in zip(numbers, heard.split("\n"), strict=True):
        at = 0
        for tag in _BLOCK.finditer(line):
            aside.append(Unspoken(number, tag[0], "markup"))
            if words := line[at : tag.start()].strip():
                kept.append(Line(number, begun + words))
                begun = ""
            if tag["tag"].lower() != "br":
                kept.append(Line(number, ""))
                begun = _mark(tag)
            at = tag.end()
        if words := line[at:].strip():
            kept.append(Line(number, begun + words))
            begun = ""
    return kept, aside


def _silences(text: str) -> Iterator[tuple[int, int]]:
    """Yield where an element that is not for the ear begins and ends; one that is never closed is no such element."""
    at, open_ended = 0, set()
    while begin := _SILENT.search(text, at):
        tag = begin[1].lower()
        close = None if tag in open_ended else re.compile(rf"</{tag}\s*>", re.I).search(text, begin.end())
        at = close.end() if close else begin.end()
        if close:
            yield begin.start(), close.end()
        else:
            open_ended.add(tag)


def _mark(tag: re.Match[str]) -> str:
    """Return what a script writes where an element begins."""
    name = tag["tag"].lower()
    if tag["close"]:
        return ""
    if name == "li":
        return "- "
    return "#" * int(name[1]) + " " if re.fullmatch("h[1-6]", name) else ""
