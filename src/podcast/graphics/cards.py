"""Title, chapter and outro cards: text over a dark, blurred backdrop, with a quiet animation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from podcast.canvas import to_yuv
from podcast.graphics.brand import ground, sound_wave
from podcast.graphics.fonts import Face
from podcast.graphics.layout import Rect
from podcast.graphics.panels import stage
from podcast.graphics.shapes import Placed, ease, rounded, solid
from podcast.graphics.text import ellipsis, fit, lettering, mask
from podcast.graphics.theme import Theme, legible, rgb

_ENTER, _LEAVE = 0.7, 0.4  # seconds
_STAGGER = 0.12  # seconds between the parts of a card
_RISE = 0.022  # of the frame's height: how far parts travel
_GLOW, _FOOT = 0.34, 0.20  # shares of the glow and of the wave in a card's background
_BRIGHTEST = 132.0  # of 255: white letters keep a contrast of 4.5:1
_GRAIN = 0.7  # standard deviation, of 255
_VEIL = 0.35  # seconds over which a card covers and uncovers the scene


@dataclass(frozen=True)
class Part:
    """A layer of a card and its place at rest; parts enter one after the other."""

    layer: np.ndarray
    x: int
    y: int
    grows: bool = False  # a rule that is drawn from the left instead of rising


@dataclass(frozen=True)
class CardAnimation:
    """A card: a still background, and parts that come and go. Equal states look equal."""

    background: np.ndarray  # picture
    parts: tuple[Part, ...]
    frames: int
    rate: Fraction
    region: Rect  # everything that ever changes lies inside
    rise: int
    stays: bool = False  # until the end: nothing follows

    def at(self, frame: int) -> tuple[int, ...]:
        """Return the state: how far each part has come, in thousandths."""
        return tuple(self._presence(i, frame) for i in range(len(self.parts)))

    def placed(self, state: tuple[int, ...]) -> tuple[Placed, ...]:
        """Return the layers of a state."""
        return tuple(p for part, come in zip(self.parts, state, strict=True) for p in self._place(part, come / 1000))

    def veil(self, frame: int) -> float:
        """Return how much of the scene behind is covered by the card (0 … 1), for a dissolve at its ends."""
        edge = max(1.0, _VEIL * float(self.rate))
        return min(1.0, ease(frame / edge), ease((self.frames - 1 - frame) / edge))

    def _presence(self, i: int, frame: int) -> int:
        come = (frame - (_VEIL * 0.4 + _STAGGER * i) * float(self.rate)) / (_ENTER * float(self.rate))
        go = (self.frames - 1 - frame - _VEIL * 0.3 * float(self.rate)) / (_LEAVE * float(self.rate))
        return round(1000 * min(ease(come), 1.0 if self.stays else ease(go)))

    def _place(self, part: Part, come: float) -> tuple[Placed, ...]:
        if come <= 0:
            return ()
        if part.grows:
            shown = max(1, round(part.layer.shape[1] * come))
            start = (part.layer.shape[1] - shown) // 2
            return (Placed(np.ascontiguousarray(part.layer[:, start : start + shown]), part.x + start, part.y),)
        return (Placed(part.layer, part.x, part.y + round(self.rise * (1 - come)), come),)


def card_background(backdrop: np.ndarray, size: tuple[int, int], accent: str) -> np.ndarray:
    """Return RGB float32: the room far out of focus, in a glow of the accent colour, over the foot of a sound wave."""
    w, h = size
    glow = cv2.resize(ground(w // 4, h // 4, accent), size, interpolation=cv2.INTER_CUBIC)
    room = stage(backdrop, size, accent)
    foot = _wave(size)[..., None]
    picture = 0.55 * room + _GLOW * glow + foot * (rgb(accent) * _FOOT)
    calm = np.minimum(1, _BRIGHTEST / np.maximum(picture.max(2, keepdims=True), 1))
    grain = np.random.default_rng(0).standard_normal((h, w, 1)).astype(np.float32)
    return picture * calm + grain * _GRAIN


def _wave(size: tuple[int, int]) -> np.ndarray:
    """Return the coverage of wide bars that rise from the lower edge, float32 (h, w)."""
    w, h = size
    count = 31 if w > h else 19
    step = w / count
    alpha = np.zeros((h, w), np.float32)
    for n, tall in enumerate(sound_wave(count, np.random.default_rng(5))):
        bar, rise = max(2, round(step * 0.56)), max(2, round((0.02 + 0.16 * tall) * h))
        x = round((n + 0.22) * step)
        part = rounded(bar, 2 * rise, bar / 2)[:rise, : w - x]
        alpha[h - rise :, x : x + part.shape[1]] = part * np.linspace(1, 0.25, rise, dtype=np.float32)[:, None]
    return alpha


def title_card(title: str, byline: str, backdrop: np.ndarray, size: tuple[int, int], frames: int, rate: Fraction,
               theme: Theme | None = None) -> CardAnimation:  # fmt: skip
    """Return the card that opens an episode; `backdrop` is RGB of any size."""
    return _card(title, byline, "", backdrop, size, frames, rate, theme or Theme(), 0.092)


def chapter_card(title: str, number: str, backdrop: np.ndarray, size: tuple[int, int], frames: int, rate: Fraction,
                 theme: Theme | None = None) -> CardAnimation:  # fmt: skip
    """Return the card that opens a chapter; `number` is shown above ("2", or "" for none)."""
    return _card(title, "", number, backdrop, size, frames, rate, theme or Theme(), 0.075)


def outro_card(title: str, byline: str, backdrop: np.ndarray, size: tuple[int, int], frames: int, rate: Fraction,
               theme: Theme | None = None) -> CardAnimation:  # fmt: skip
    """Return the card that ends an episode: title and author, no words in any language."""
    return replace(_card(title, byline, "", backdrop, size, frames, rate, theme or Theme(), 0.066), stays=True)


def _card(title: str, below: str, above: str, backdrop: np.ndarray, size: tuple[int, int], frames: int,
          rate: Fraction, theme: Theme, em: float) -> CardAnimation:  # fmt: skip
    parts = _parts(title, below, above, size, theme, em)
    rise = 2 * round(_RISE * size[1] / 2)
    left, top = min(p.x for p in parts), min(p.y for p in parts)
    right = max(p.x + p.layer.shape[1] for p in parts)
    bottom = max(p.y + p.layer.shape[0] for p in parts) + rise
    x0, y0 = max(0, left) // 2 * 2, max(0, top) // 2 * 2
    region = Rect(x0, y0, min(size[0], -(-right // 2) * 2) - x0, min(size[1], -(-bottom // 2) * 2) - y0)
    background = to_yuv(card_background(backdrop, size, theme.accent))
    return CardAnimation(background, tuple(parts), frames, rate, region, rise)


def _parts(title: str, below: str, above: str, size: tuple[int, int], theme: Theme, em: float) -> list[Part]:
    w, h = size
    unit = min(w * 0.72, h) if w >= h else w * 0.95
    room = round(w * (0.74 if w > h else 0.84))
    bold = theme.font_bold or theme.font
    face, lines = fit(title, Face(max(14, round(em * unit * 1.25)), True, bold), (room, round(h * 0.42)), 12, 4)
    small = Face(max(10, round(0.037 * unit)), False, theme.font)
    gap, reach = round(0.034 * unit), max(2, face.size // 10)
    rule = solid(rounded(round(0.11 * unit), max(3, round(0.0075 * unit)), 0.004 * unit), theme.accent)
    stack: list[tuple[np.ndarray, int, bool]] = []  # layer, padding, grows
    if above:
        number = Face(max(12, round(0.058 * unit)), True, bold)
        stack.append((lettering(mask([ellipsis(above, number, room)], number), legible(theme.accent)), 0, False))
    stack.append((lettering(mask(lines, face, align="centre"), theme.text, 0.5, reach), reach, False))
    stack.append((rule, 0, True))
    if below:
        stack.append((lettering(mask([ellipsis(below, small, room)], small), theme.muted), 0, False))
    gaps = gap * (len(stack) - 1)
    y = (h - sum(layer.shape[0] - 2 * pad for layer, pad, _ in stack) - gaps) // 2
    parts = []
    for layer, pad, grows in stack:
        parts.append(Part(layer, (w - layer.shape[1]) // 2, y - pad, grows))
        y += layer.shape[0] - 2 * pad + gap
    return parts
