"""The speaker's name: a plate that slides in, stays and leaves; a tag on a card; the chapter's chip."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from podcast.graphics.fonts import Face
from podcast.graphics.layout import Rect
from podcast.graphics.shapes import Placed, ease, over, plate, rounded, solid
from podcast.graphics.text import ellipsis, fit, height, lettering, mask
from podcast.graphics.theme import Theme, legible

ENTER, HOLD, LEAVE = 0.45, 4.0, 0.35  # seconds
_DELAY = 0.4  # seconds after the slot's start
_SLIDE = 0.35  # of the plate's height
_LEAST_SHOWN = 1.6  # seconds: nobody reads a name faster; shorter slots show none


def name_plate(name: str, role: str, rect: Rect, theme: Theme, radius: int) -> np.ndarray:
    """Return the plate of a lower third as a layer no larger than `rect`: name, maybe role, an accent bar."""
    bar, pad = max(3, round(0.055 * rect.h)), round(0.24 * rect.h)
    room = rect.w - bar - 2 * pad
    big = _face(rect.h * (0.40 if role else 0.46), True, theme)
    small = _face(rect.h * 0.26, False, theme)
    lines = [(mask([ellipsis(name, big, room)], big), theme.text)]
    if role:
        lines.append((mask([ellipsis(role, small, room)], small), legible(theme.accent)))
    w = min(rect.w, bar + 2 * pad + max(m.shape[1] for m, _ in lines))
    layer = plate(w, rect.h, radius, theme.plate, max(theme.plate_opacity, 0.78))
    y = (rect.h - sum(m.shape[0] for m, _ in lines)) // 2
    for m, colour in lines:
        _put(layer, lettering(m, colour), bar + pad, y)
        y += m.shape[0]
    over(layer, _accent_bar(bar, rect.h, w, radius, theme))
    return layer


def _accent_bar(bar: int, tall: int, across: int, radius: int, theme: Theme) -> np.ndarray:
    return solid(rounded(across, tall, radius)[:, :bar], theme.accent)


def _put(layer: np.ndarray, part: np.ndarray, x: int, y: int) -> None:
    """Put a part on a layer; rows outside are blank parts of letters' boxes and are cut off."""
    y0, y1 = max(0, y), min(layer.shape[0], y + part.shape[0])
    x1 = min(layer.shape[1], x + part.shape[1])
    over(layer, np.ascontiguousarray(part[y0 - y : y1 - y, : x1 - x]), x, y0)


def _face(size: float, bold: bool, theme: Theme) -> Face:
    return Face(max(8, round(size)), bold, (theme.font_bold or theme.font) if bold else theme.font)


class LowerThird:
    """The animated plate of one slot; `None` means that nothing is seen. Drawn inside `region` only."""

    def __init__(self, name: str, rect: Rect, frames: int, rate: Fraction, theme: Theme | None = None,
                 role: str = "", radius: int | None = None) -> None:  # fmt: skip
        """Draw the plate of a slot that lasts `frames`."""
        theme = theme or Theme()
        self.plate = name_plate(name, role, rect, theme, radius if radius is not None else round(0.16 * rect.h))
        self.rect, self._slide = rect, 2 * round(_SLIDE * rect.h / 2)
        self.region = Rect(max(0, rect.x - self._slide), rect.y, rect.w + min(rect.x, self._slide), rect.h)
        self._enter, self._leave = round(ENTER * rate), round(LEAVE * rate)
        self._from = round(_DELAY * rate)
        self._to = min(self._from + round(HOLD * rate), frames - 2)
        if self._to - self._from < _LEAST_SHOWN * rate:
            self._to = self._from

    def at(self, frame: int) -> int | None:
        """Return the state at a frame of the slot: how far the plate has come, in thousandths."""
        if not self._from < frame < self._to:
            return None
        come = (frame - self._from) / max(1, self._enter)
        go = (self._to - frame) / max(1, self._leave)
        return round(1000 * min(ease(come), ease(go)))

    def placed(self, state: int | None) -> tuple[Placed, ...]:
        """Return the layers of a state."""
        if not state:
            return ()
        x = max(self.rect.x - round(self._slide * (1 - state / 1000)), self.region.x)
        return (Placed(self.plate, x, self.rect.y, state / 1000),)


def name_tag(name: str, rect: Rect, theme: Theme, active: bool = False) -> Placed:
    """Return the name that stays on a host's card, at the left of `rect`; `active` while the host speaks."""
    face = _face(rect.h * 0.52, True, theme)
    pad = round(0.36 * rect.h)
    letters = mask([ellipsis(name, face, rect.w - 2 * pad)], face)
    w = min(rect.w, letters.shape[1] + 2 * pad)
    layer = plate(w, rect.h, 0.3 * rect.h, theme.accent if active else theme.plate, 0.95 if active else 0.62)
    colour = "#14120f" if active else theme.text
    _put(layer, lettering(letters, colour), (w - letters.shape[1]) // 2, (rect.h - letters.shape[0]) // 2)
    return Placed(layer, rect.x, rect.y)


def chapter_chip(title: str, rect: Rect, theme: Theme) -> Placed:
    """Return the chapter's title as a small pill at the left of `rect`, shortened where it must be."""
    face = _face(rect.h * 0.50, True, theme)
    pad, dot = round(0.42 * rect.h), max(4, round(0.2 * rect.h) // 2 * 2)
    letters = mask([ellipsis(title, face, rect.w - 3 * pad - dot)], face)
    w = min(rect.w, letters.shape[1] + dot + round(2.6 * pad))
    layer = plate(w, rect.h, rect.h / 2, theme.plate, theme.plate_opacity * 0.9)
    over(layer, solid(rounded(dot, dot, dot / 2), theme.accent), pad, (rect.h - dot) // 2)
    _put(layer, lettering(letters, theme.text, opacity=0.94), round(1.6 * pad) + dot, (rect.h - letters.shape[0]) // 2)
    return Placed(layer, rect.x, rect.y)


def title_block(title: str, byline: str, rect: Rect, theme: Theme, left: bool = False) -> Placed:
    """Return title and byline as one layer in the middle of `rect`; `left` sets them against its left edge."""
    small = _face(min(0.15 * rect.h, 0.045 * rect.w), False, theme)
    gap = round(0.25 * small.size) if byline else 0
    below = height(1, small) + gap if byline else 0
    big = _face(min(0.34 * rect.h, 0.105 * rect.w), True, theme)
    face, lines = fit(title, big, (rect.w, rect.h - below), max(10, big.size // 3), 3)
    layer = np.zeros((rect.h, rect.w, 4), np.uint8)
    align, used = "left" if left else "centre", height(len(lines), face)
    y = max(0, (rect.h - used - below) // 2)
    _put(layer, lettering(mask(lines, face, rect.w, align), theme.text), 0, y)
    if byline:
        letters = mask([ellipsis(byline, small, rect.w)], small, rect.w, align)
        _put(layer, lettering(letters, legible(theme.accent)), 0, y + used + gap)
    return Placed(layer, rect.x, rect.y)
