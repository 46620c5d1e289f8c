"""Setting text: measuring, wrapping, fitting, and drawing it as masks and layers."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from podcast.canvas import to_layer
from podcast.graphics.fonts import Face, primary, right_to_left, runs
from podcast.graphics.shapes import shifted
from podcast.graphics.theme import rgb

LEADING = 1.22  # distance of baselines per em
_NEVER_FIRST = set("、。，．・：；？！）」』】〕》〉”’…ー々,.;:?!)]}»%")
_NEVER_LAST = set("（「『【〔《〈“‘([{«")


@lru_cache(maxsize=8192)
def width(text: str, face: Face) -> int:
    """Return the advance width of a line, in pixels."""
    return int(np.ceil(sum(font.getlength(piece) for piece, font in runs(text, face))))


def ascent(face: Face) -> int:
    """Return the height above the baseline, in pixels, that a line of this face needs."""
    return primary(face).getmetrics()[0]


def line_height(face: Face) -> int:
    """Return the height of a line from ascender to descender, in pixels."""
    return sum(primary(face).getmetrics())


def pitch(face: Face) -> int:
    """Return the distance of baselines, in pixels."""
    return round(face.size * LEADING)


def height(lines: int, face: Face) -> int:
    """Return the height of that many lines, in pixels."""
    return line_height(face) + (lines - 1) * pitch(face)


def _wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF" or "\u0e00" <= char <= "\u0eff" or "\u1000" <= char <= "\u109f"


def _breakable(before: str, after: str) -> bool:
    if unicodedata.category(after) in ("Mn", "Mc", "Me") or after in _NEVER_FIRST or before in _NEVER_LAST:
        return False
    return _wide(before) or _wide(after)


def pieces(text: str) -> list[str]:
    """Return the text cut where a line may be broken; blanks stay at the end of a piece."""
    cut: list[str] = []
    for word in text.split():
        cut.append("")
        for i, char in enumerate(word):
            if i and _breakable(word[i - 1], char):
                cut.append("")
            cut[-1] += char
        cut[-1] += " "
    return cut


def _cut_to(piece: str, face: Face, limit: int) -> list[str]:
    if width(piece.rstrip(), face) <= limit or len(piece) < 3:
        return [piece]
    end = len(piece) - 1
    while end > 1 and (width(piece[:end], face) > limit or unicodedata.category(piece[end]) in ("Mn", "Mc", "Me")):
        end -= 1
    return [piece[:end], *_cut_to(piece[end:], face, limit)]


def wrap(text: str, face: Face, limit: int) -> list[str]:
    """Return the text in lines no wider than `limit` pixels; longer words are cut."""
    lines: list[str] = []
    for piece in (part for whole in pieces(text) for part in _cut_to(whole, face, limit)):
        if lines and width((lines[-1] + piece).rstrip(), face) <= limit:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.rstrip() for line in lines]


def balance(text: str, face: Face, limit: int) -> list[str]:
    """Return the text wrapped into as few lines as `limit` allows, all of about the same length."""
    lines = wrap(text, face, limit)
    low, high = limit // 2, limit
    while len(lines) > 1 and high - low > 8:
        middle = (low + high) // 2
        tried = wrap(text, face, middle)
        if len(tried) <= len(lines):
            lines, high = tried, middle
        else:
            low = middle
    return lines


def fit(text: str, face: Face, size: tuple[int, int], least: int, most_lines: int = 4) -> tuple[Face, list[str]]:
    """Return the largest face up to `face.size` whose lines fit in `size` (width, height), and the lines.

    At `least` pixels per em what is too long ends in an ellipsis.
    """
    for em in range(face.size, least, -max(1, face.size // 24)):
        lines = balance(text, face.at(em), size[0])
        whole = all(width(p.rstrip(), face.at(em)) <= size[0] for p in pieces(text))
        if len(lines) <= most_lines and height(len(lines), face.at(em)) <= size[1] and whole:
            return face.at(em), lines
    face = face.at(least)
    lines = wrap(text, face, size[0])
    room = max(1, min(most_lines, 1 + (size[1] - line_height(face)) // pitch(face)))
    if len(lines) > room:
        lines = [*lines[: room - 1], ellipsis(" ".join(lines[room - 1 :]), face, size[0])]
    return face, lines


def ellipsis(text: str, face: Face, limit: int) -> str:
    """Return the text, cut and ended by an ellipsis where it is wider than `limit` pixels."""
    if width(text, face) <= limit:
        return text
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if width(text[:middle].rstrip() + "…", face) <= limit else (low, middle)
    return text[:low].rstrip() + "…"


def write(mask: Image.Image, x: float, baseline: float, text: str, face: Face) -> None:
    """Draw a line into an "L" image, its left end at x."""
    draw = ImageDraw.Draw(mask)
    for piece, font in runs(text, face):
        draw.text((x, baseline), piece, fill=255, font=font, anchor="ls")
        x += font.getlength(piece)


def mask(lines: list[str], face: Face, box_width: int | None = None, align: str = "left") -> np.ndarray:
    """Return lines of text as alpha, uint8 (h, w); `align` is left, centre or right ("left" follows the script)."""
    widths = [width(line, face) for line in lines]
    box = box_width or max(widths, default=1)
    image = Image.new("L", (max(1, box), height(max(1, len(lines)), face)))
    for i, (line, used) in enumerate(zip(lines, widths, strict=True)):
        side = "right" if align == "left" and right_to_left(line) else align
        x = {"left": 0.0, "centre": (box - used) / 2, "right": float(box - used)}[side]
        write(image, x, ascent(face) + i * pitch(face), line, face)
    return np.asarray(image)


def lettering(alpha: np.ndarray, colour: str, shadow: float = 0.0, spread: int = 0, opacity: float = 1.0) -> np.ndarray:
    """Return a mask as a layer in one colour over its own soft shadow, padded by `spread` on every side.

    `shadow` is the shadow's opacity, `spread` its reach in pixels.
    """
    alpha = np.pad(alpha, spread)
    ink = alpha.astype(np.float32) * (opacity / 255)
    dark = np.zeros_like(ink)
    if shadow and spread:
        blurred = cv2.GaussianBlur(ink, (0, 0), spread / 2.6)
        dark = np.minimum(1, shifted(blurred, 0, spread / 6) * 1.6) * shadow * (1 - ink)
    total = ink + dark
    share = np.divide(ink, total, out=np.zeros_like(ink), where=total > 1e-4)
    return to_layer(np.dstack([share[..., None] * rgb(colour), total * 255]))
