"""Captions in the picture: white words on a soft dark plate, the spoken word in the accent colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from podcast.captions import Caption, Token
from podcast.episode import samples_at
from podcast.graphics import text as setting
from podcast.graphics.fonts import Face, right_to_left
from podcast.graphics.layout import LANDSCAPE, PORTRAIT, Rect
from podcast.graphics.shapes import Placed, over, plate
from podcast.graphics.text import lettering, line_height, pitch
from podcast.graphics.theme import Theme, legible

_EM = {"wide": 0.044, "square": 0.046, "tall": 0.062}  # of the shorter side (tall: of the width)
_LEAST_EM = 13  # pixels: smaller letters cannot be read after encoding
_SHADOW = 0.75  # opacity
_REST = -1  # no word is being spoken

State = tuple[int, int]  # caption, token in it (or _REST)


@dataclass(frozen=True)
class _Set:
    """A caption, set: both versions, where it goes, and every token's box."""

    plain: np.ndarray
    lit: np.ndarray
    x: int
    y: int
    boxes: tuple[Rect, ...]
    inked: bool  # False: no font has any of its characters


class CaptionStrip:
    """The captions of one slot. Equal states look equal; `None` shows nothing.

    `lead` is the number of samples of the slot before the utterance, `rect` the region that is never left.
    """

    def __init__(self, blocks: Sequence[Caption], rect: Rect, frame: tuple[int, int], rate: Fraction,
                 lead: int = 0, theme: Theme | None = None, top: bool = False) -> None:  # fmt: skip
        """Choose the size of the letters for a `frame` of (width, height)."""
        self.blocks, self.rect, self.rate, self.lead = tuple(blocks), rect, rate, lead
        self.theme, self.top = theme or Theme(), top
        self.face = Face(_em(*frame), True, self.theme.font_bold or self.theme.font)
        self._set: tuple[int, _Set] | None = None

    @property
    def region(self) -> Rect:
        """What may change."""
        return self.rect

    def at(self, frame: int) -> State | None:
        """Return the state at a frame of the slot."""
        now = samples_at(frame, self.rate) - self.lead
        for i, block in enumerate(self.blocks):
            if block.start <= now < block.end:
                begun = [k for k, token in enumerate(block.tokens) if token.start <= now]
                last = begun[-1] if begun else _REST
                ended = begun and now >= block.tokens[last].end and last == len(block.tokens) - 1
                return i, _REST if ended else last
        return None

    def layer(self, state: State) -> np.ndarray:
        """Return what a state looks like; its place is `placed(state)`."""
        done = self._setting(state[0])
        if state[1] == _REST:
            return done.plain
        layer = done.plain.copy()
        box = done.boxes[state[1]]
        part = slice(box.y, box.bottom), slice(box.x, box.right)
        layer[part] = done.lit[part]
        return layer

    def placed(self, state: State | None) -> tuple[Placed, ...]:
        """Return the layers of a state."""
        if state is None:
            return ()
        done = self._setting(state[0])
        if not done.inked:
            return ()
        return (Placed(self.layer(state), done.x, done.y),)

    def _setting(self, index: int) -> _Set:
        if self._set is None or self._set[0] != index:
            self._set = index, self._compose(self.blocks[index])
        return self._set[1]

    def _compose(self, block: Caption) -> _Set:
        pad_x, pad_y = round(self.face.size * 0.55), round(self.face.size * 0.22)
        face = self._fitting(block, self.rect.w - 2 * pad_x)
        lines = [_positions(line, face) for line in block.lines]
        ink_w = max(width for _, width in lines)
        w = min(self.rect.w, ink_w + 2 * pad_x)
        h = min(self.rect.h, line_height(face) + (len(lines) - 1) * pitch(face) + 2 * pad_y)
        ink = np.zeros((h, w), np.uint8)
        boxes = []
        for i, (line, (places, used)) in enumerate(zip(block.lines, lines, strict=True)):
            left, top = (w - used) // 2, pad_y + i * pitch(face)
            for token, (x, wide) in zip(line, places, strict=True):
                _ink(ink, token.text, left + x, top, face)
                edge = max(2, face.size // 12)
                boxes.append(_clip(Rect(left + x - edge, top, wide + 2 * edge, line_height(face)), w, h))
        x = self.rect.x + (self.rect.w - w) // 2
        y = self.rect.y if self.top else self.rect.bottom - h
        plain, lit = (self._dress(ink, hue, face) for hue in (self.theme.text, legible(self.theme.accent)))
        return _Set(plain, lit, x, y, tuple(boxes), bool(ink.any()))

    def _fitting(self, block: Caption, room: int) -> Face:
        widest = max(_positions(line, self.face)[1] for line in block.lines)
        scale = min(1.0, room / widest)
        high = line_height(self.face) + (len(block.lines) - 1) * pitch(self.face) + 0.44 * self.face.size
        scale = min(scale, self.rect.h / high)
        return self.face if scale == 1 else self.face.at(max(6, int(self.face.size * scale)))

    def _dress(self, ink: np.ndarray, colour: str, face: Face) -> np.ndarray:
        h, w = ink.shape
        layer = plate(w, h, 0.32 * face.size, self.theme.plate, self.theme.plate_opacity)
        reach = max(2, face.size // 9)
        words = lettering(ink, colour, _SHADOW, reach)
        over(layer, words[reach:-reach, reach:-reach])
        return layer


def _em(width: int, height: int) -> int:
    aspect = width / height
    kind = "wide" if aspect > LANDSCAPE else "square" if aspect > PORTRAIT else "tall"
    return max(_LEAST_EM, round(_EM[kind] * min(width, height)))


def _clip(box: Rect, w: int, h: int) -> Rect:
    x0, y0 = max(0, box.x), max(0, box.y)
    return Rect(x0, y0, max(0, min(box.right, w) - x0), max(0, min(box.bottom, h) - y0))


def _ink(ink: np.ndarray, words: str, x: int, top: int, face: Face) -> None:
    mask = setting.mask([words], face)
    h, w = ink.shape
    box = _clip(Rect(x, top, mask.shape[1], mask.shape[0]), w, h)
    part = mask[box.y - top : box.bottom - top, box.x - x : box.right - x]
    target = ink[box.y : box.bottom, box.x : box.right]
    np.maximum(target, part, out=target)


def _positions(line: Sequence[Token], face: Face) -> tuple[list[tuple[int, int]], int]:
    """Return (x, width) of every token from the line's left end, and the line's width.

    Tokens of the line's direction run along; a stretch of the other direction keeps its own order.
    """
    backwards = right_to_left(" ".join(t.text for t in line))
    widths = [setting.width(t.text, face) for t in line]
    blank = setting.width(" ", face)
    order = _visual_order([_direction(t.text, backwards) for t in line], backwards)
    places, x = [(0, 0)] * len(line), 0
    for n, i in enumerate(order):
        later = max(order[n - 1], i) if n and abs(order[n - 1] - i) == 1 else i
        x += blank if x and widths[i] and not line[later].joined else 0
        places[i] = (x, widths[i])
        x += widths[i]
    return places, max(1, x)


def _visual_order(backwards: list[bool], base: bool) -> list[int]:
    """Return the order, from left to right, of tokens of which some are written from right to left."""
    stretches: list[list[int]] = []
    for i, direction in enumerate(backwards):
        if stretches and backwards[i - 1] == direction:
            stretches[-1].append(i)
        else:
            stretches.append([i])
    turned = [s[::-1] if backwards[s[0]] else s for s in stretches]
    return [i for s in (turned[::-1] if base else turned) for i in s]


def _direction(words: str, otherwise: bool) -> bool:
    """Return whether a token is written from right to left; digits and marks follow the line."""
    return right_to_left(words) if any(c.isalpha() for c in words) else otherwise
