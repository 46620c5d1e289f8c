"""Words -> captions: what is read together, in which lines and when. Pure.

The same captions are burned into the picture and written as .srt and .vtt.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from podcast.episode import SAMPLE_RATE, Word

LINGER = SAMPLE_RATE * 6 // 10  # samples a caption stays after its last word, if nothing follows
BRIDGE = SAMPLE_RATE * 8 // 10  # a shorter gap to the next caption is filled: captions must not flicker
_COLUMNS = ((1.25, 40), (0.8, 32), (0.0, 24))  # per line, in frames of at least that aspect ratio
LEAST = SAMPLE_RATE  # samples a caption should be seen (Netflix timed text style guide: 5/6 s)

_SENTENCE, _CLAUSE = ".!?…。！？؟।", ",;:—–)，、；：،؛"
_CLOSING = "\"'”’»)]}」』）】"
# Short words that belong to what follows them, in the most frequent languages.
_PARTICLES = """
    a an the of to in on at by for from with and or but nor so yet as if than that which who is are was were be i my
    your his her its our their this these those very not no der die das ein eine und oder im am zu von mit le la les un
    une des de du et ou à en dans que qui el los las una y o con por para lo il gli di e da
"""
_FORWARD = frozenset(_PARTICLES.split())


@dataclass(frozen=True)
class Shape:
    """How much is read at once: columns per line (a wide character takes two) and lines."""

    columns: int = 40
    lines: int = 2


@dataclass(frozen=True)
class Token:
    """A word, or a part of one that is too long for a line; times in samples as in `Word`."""

    text: str
    start: int
    end: int
    word: int  # index of the word
    joined: bool = False  # no blank before it


@dataclass(frozen=True)
class Caption:
    """What is read together; `start` and `end` in samples."""

    lines: tuple[tuple[Token, ...], ...]
    start: int
    end: int

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens in reading order."""
        return tuple(token for line in self.lines for token in line)

    @property
    def text(self) -> str:
        """The lines, separated by line feeds."""
        return "\n".join(line_text(line) for line in self.lines)


def shape_for(width: int, height: int) -> Shape:
    """Return the shape that suits a frame of that size."""
    return Shape(next(columns for aspect, columns in _COLUMNS if width / height > aspect))


def line_text(line: Sequence[Token]) -> str:
    """Return the text of a line."""
    return "".join(("" if token.joined or i == 0 else " ") + token.text for i, token in enumerate(line))


def columns(text: str) -> int:
    """Return the width of a text in columns: marks take none, wide characters two."""
    marks = sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
    return len(text) - marks + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def unspaced(char: str) -> bool:
    """Return whether the character's script is written without blanks between words."""
    wide = unicodedata.east_asian_width(char) in "WF" and not "\uac00" <= char <= "\ud7a3"
    return wide or any(a <= char <= b for a, b in (("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff")))


def caption_blocks(words: Sequence[Word], shape: Shape | None = None, until: int | None = None) -> tuple[Caption, ...]:
    """Return the captions of one utterance: every word once, in order.

    `until` (samples) is the end of what may be shown, for instance of the slot.
    """
    shape = shape or Shape()
    tokens = _tokens(words, shape.columns)
    if not tokens:
        return ()
    blocks = [_lines(block, shape) for block in _blocks(tokens, shape)]
    limit = until if until is not None else tokens[-1].end + LINGER
    return tuple(_timed(block, blocks[i + 1 : i + 2], limit) for i, block in enumerate(blocks))


def _timed(lines: tuple[tuple[Token, ...], ...], following: list, limit: int) -> Caption:
    start, end = lines[0][0].start, lines[-1][-1].end
    then = following[0][0][0].start if following else limit
    stay = max(end + LINGER, start + LEAST)
    end = max(end, then if following and then - end <= BRIDGE else min(stay, then))
    return Caption(lines, start, max(end, start + 1))


def _tokens(words: Sequence[Word], most: int) -> list[Token]:
    tokens: list[Token] = []
    for index, word in enumerate(words):
        text = " ".join(word.text.split())
        for i, (part, start, end) in enumerate(_parts(text, word.start, word.end, most)):
            before = tokens[-1].text[-1:] if tokens else ""
            glued = i > 0 or bool(before and part and unspaced(before) and unspaced(part[0]))
            tokens.append(Token(part, start, end, index, glued))
    return tokens


def _parts(text: str, start: int, end: int, most: int) -> list[tuple[str, int, int]]:
    """Cut what is wider than a line, and long unspaced text, its time shared out by length."""
    limit = min(most, 12) if text and unspaced(text[0]) else most
    if columns(text) <= limit:
        return [(text, start, end)] if text else []
    parts, used = [""], 0
    for char in text:
        full = columns(parts[-1] + char) > limit and unicodedata.category(char) not in ("Mn", "Mc", "Me", "Po", "Pe")
        if full or columns(parts[-1]) > limit:
            parts.append("")
        parts[-1] += char
    times = []
    for part in parts:
        at = start + (end - start) * used // len(text)
        used += len(part)
        times.append((part, at, start + (end - start) * used // len(text)))
    return times


# ---------------------------------------------------------------- where to break


def _break_cost(before: Token, after: Token) -> float:
    """Return how bad it is to part two tokens: negative where the sentence pauses."""
    if after.joined and before.word == after.word:
        return 4.0
    bare = before.text.rstrip(_CLOSING)
    last = bare[-1:] or before.text[-1:]
    pause = min(1.0, (after.start - before.end) / (0.4 * SAMPLE_RATE))
    cost = 1.0 - 1.5 * max(0.0, pause)
    if last in _SENTENCE:
        cost -= 6.0
    elif last in _CLAUSE or before.text[-1:] in _CLAUSE:
        cost -= 3.5
    elif bare.casefold() in _FORWARD:
        cost += 2.5
    elif after.text.casefold() in _FORWARD:
        cost -= 0.6
    return cost


def _offsets(tokens: Sequence[Token]) -> list[int]:
    """Return at which column each token would end if all stood in one line."""
    ends, at = [], 0
    for token in tokens:
        at += columns(token.text) + (not token.joined)
        ends.append(at)
    return ends


def _span(ends: list[int], tokens: Sequence[Token], a: int, b: int) -> int:
    """Return the columns that tokens a … b - 1 take in a line."""
    return ends[b - 1] - (ends[a - 1] if a else 0) - (not tokens[a].joined)


def _blocks(tokens: list[Token], shape: Shape) -> list[list[Token]]:
    """Cut into captions by dynamic programming over the cost of every break."""
    ends, room = _offsets(tokens), shape.columns * shape.lines
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(tokens)
    for b in range(1, len(tokens) + 1):
        for a in range(b - 1, -1, -1):
            used = _span(ends, tokens, a, b)
            if b - a > 1 and (used > room or not _fits(ends, tokens, a, b, shape)):
                break
            cost = best[a][0] + _block_cost(tokens, a, b, used / room)
            if cost < best[b][0]:
                best[b] = cost, a
    cuts, b = [], len(tokens)
    while b:
        cuts.append((best[b][1], b))
        b = best[b][1]
    return [tokens[a:b] for a, b in reversed(cuts)]


def _fits(ends: list[int], tokens: Sequence[Token], a: int, b: int, shape: Shape) -> bool:
    lines, first = 1, a
    for i in range(a + 1, b):
        if _span(ends, tokens, first, i + 1) > shape.columns:
            lines, first = lines + 1, i
    return lines <= shape.lines


def _block_cost(tokens: Sequence[Token], a: int, b: int, fill: float) -> float:
    seen = (tokens[b].start if b < len(tokens) else tokens[b - 1].end + LINGER) - tokens[a].start
    cost = 2.0 + 5.0 * max(0.0, 1 - seen / LEAST) + 3.0 * max(0.0, 0.35 - fill) / 0.35
    pauses = sum(max(0.0, -3.0 - _break_cost(tokens[i - 1], tokens[i])) for i in range(a + 1, b))
    return cost + 0.5 * pauses + (_break_cost(tokens[b - 1], tokens[b]) if b < len(tokens) else 0.0)


def _lines(tokens: list[Token], shape: Shape) -> tuple[tuple[Token, ...], ...]:
    """Cut a caption into lines: balanced, broken where the sentence allows, as few as possible."""
    ends = _offsets(tokens)
    if shape.lines == 1 or _span(ends, tokens, 0, len(tokens)) <= shape.columns or len(tokens) < 2:
        return (tuple(tokens),)
    best: list[list[tuple[float, int]]] = [[(0.0, 0)] + [(float("inf"), 0)] * len(tokens)]
    for _ in range(shape.lines):
        row = [(float("inf"), 0)] * (len(tokens) + 1)
        for b in range(1, len(tokens) + 1):
            for a in range(b - 1, -1, -1):
                used = _span(ends, tokens, a, b)
                if used > shape.columns and b - a > 1:
                    break
                cost = best[-1][a][0] + (2.5 * used / shape.columns) ** 2
                cost += _break_cost(tokens[b - 1], tokens[b]) if b < len(tokens) else 0.0
                row[b] = min(row[b], (cost, a))
        best.append(row)
    count = min(n for n in range(1, shape.lines + 1) if best[n][-1][0] < float("inf"))
    lines, b = [], len(tokens)
    for n in range(count, 0, -1):
        a = best[n][b][1]
        lines.append(tuple(tokens[a:b]))
        b = a
    return tuple(reversed(lines))
