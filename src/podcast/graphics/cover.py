"""Still pictures for the outside: square cover art and the 1280x720 thumbnail."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from podcast.graphics.brand import ground, sound_wave
from podcast.graphics.fonts import Face
from podcast.graphics.images import read_rgb
from podcast.graphics.layout import Rect
from podcast.graphics.shapes import blurred, cover_fit, rounded
from podcast.graphics.text import ellipsis, fit, height, mask, pitch
from podcast.graphics.theme import Theme, legible, mix, rgb

THUMBNAIL = (1280, 720)  # pixels: what YouTube asks for
_GROUND = 800  # pixels: nothing in a cover's ground is finer


def _ink(picture: np.ndarray, alpha: np.ndarray, x: int, y: int, colour: str, shadow: float = 0.0) -> None:
    """Set a mask into RGB float32, in place, over a soft shadow."""
    h, w = picture.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + alpha.shape[1], w), min(y + alpha.shape[0], h)
    cover = np.zeros((h, w), np.float32)
    cover[y0:y1, x0:x1] = alpha[y0 - y : y1 - y, x0 - x : x1 - x] / np.float32(255)
    if shadow:
        reach = max(2.0, h / 60)
        dark = np.minimum(blurred(cover, reach) * 1.5, 1)
        picture *= (1 - dark * np.float32(shadow))[..., None]
    target = picture[y0:y1, x0:x1]
    target += (rgb(colour) - target) * cover[y0:y1, x0:x1, None]


def _lines(title: str, face: Face, box: Rect, align: str, most: int = 4) -> tuple[np.ndarray, Face, int]:
    """Return the mask of a title that fits a box, its face and its height."""
    face, lines = fit(title, face, (box.w, box.h), max(12, face.size // 4), most)
    return mask(lines, face, box.w, align), face, height(len(lines), face)


def cover_art(title: str, author: str, size: int, theme: Theme | None = None, image: Path | None = None) -> np.ndarray:
    """Return square cover art, RGB float32 (size, size, 3) in 0 … 255: the user's picture, or one made from the title.

    Without a title it has no words, for use beside a title.
    Raises MediaError when the user's picture cannot be read.
    """
    theme = theme or Theme()
    if image is not None:
        return cover_fit(read_rgb(image), size, size).astype(np.float32)
    if not title:
        return emblem(size, theme.accent)
    picture = emblem(size, theme.accent, sum(title.encode()), 0.735)
    pad = round(0.085 * size)
    box = Rect(pad, round(0.10 * size), size - 2 * pad, round(0.40 * size))
    letters, face, used = _lines(title, Face(round(0.135 * size), True, theme.font_bold or theme.font), box, "left")
    _ink(picture, letters, box.x, box.y - round(0.02 * size), theme.text, 0.35)
    if author:
        small = Face(max(10, round(0.042 * size)), False, theme.font)
        y = box.y + used + round(0.02 * size) - (pitch(face) - face.size) // 2
        _ink(
            picture,
            mask([ellipsis(author, small, box.w)], small, box.w),
            box.x,
            y,
            mix(theme.text, theme.accent, 0.25),
            0.35,
        )
    return np.clip(picture, 0, 255)


def emblem(size: int, accent: str, seed: int = 0, middle: float = 0.5) -> np.ndarray:
    """Return cover art without words, RGB float32 (size, size, 3): a sound wave in a glow of the accent colour.

    `middle` is the height of the wave, 0 top … 1 bottom. It also looks well cut to a circle.
    """
    rng = np.random.default_rng(seed)
    glow = cv2.resize(
        ground(min(size, _GROUND), min(size, _GROUND), accent), (size, size), interpolation=cv2.INTER_CUBIC
    )
    grain = rng.standard_normal((256, 256, 1)).astype(np.float32) * 0.9
    picture = _bars(glow, accent, rng, middle)
    picture += np.tile(grain, (-(-size // 256), -(-size // 256), 1))[:size, :size]
    return np.clip(picture, 0, 255, out=picture)


def _bars(picture: np.ndarray, accent: str, rng: np.random.Generator, middle: float) -> np.ndarray:
    size, count = len(picture), 17
    step = size * 0.83 / count
    tall = size * (0.03 + 0.21 * sound_wave(count, rng))
    alpha = np.zeros((size, size), np.float32)
    for n in range(count):
        w, h = round(step * 0.54), round(2 * tall[n])
        left, top = round(size * 0.085 + (n + 0.23) * step), round(size * middle - tall[n])
        alpha[top : top + h, left : left + w] = rounded(w, h, w / 2)
    lift = blurred(alpha, size / 36)[..., None]
    lit = picture + rgb(mix(accent, "#ffffff", 0.2)) * (lift * np.float32(0.30))
    lit += (rgb(mix(accent, "#ffffff", 0.80)) - lit) * alpha[..., None]
    return lit


def thumbnail(title: str, backdrop: np.ndarray, theme: Theme | None = None, host: np.ndarray | None = None,
              author: str = "") -> np.ndarray:  # fmt: skip
    """Return RGB uint8 (720, 1280, 3): a big title, and a host at the right if one is given.

    `backdrop` is RGB of any size; `host` straight RGBA (h, w, 4), or RGB (h, w, 3), which becomes a rounded card.
    """
    theme, (w, h) = theme or Theme(), THUMBNAIL
    picture = cover_fit(backdrop, w, h).astype(np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), 5)
    x = np.linspace(0, 1, w, dtype=np.float32)[None, :, None]
    shade = np.clip(0.26 + 0.9 * np.clip((x - 0.42) / 0.5, 0, 1), 0, 0.95) if host is not None else np.float32(0.42)
    picture *= shade
    picture += rgb(theme.accent) * (np.exp(-(((x + 0.05) * 3.2) ** 2)) * 0.10)
    if host is not None:
        _place_host(picture, host, theme)
    _headline(picture, title, author, theme, 0.53 if host is not None else 0.86)
    picture[-12:] = rgb(theme.accent)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _headline(picture: np.ndarray, title: str, author: str, theme: Theme, share: float) -> None:
    h, w = picture.shape[:2]
    bold = theme.font_bold or theme.font
    box = Rect(64, 84, round(w * share), 460 if author else 520)
    letters, _, used = _lines(title, Face(132, True, bold), box, "left")
    y = max(box.y, (h - used - (70 if author else 0)) // 2 - 10)
    picture[y + 8 - 36 : y + 8 - 26, box.x : box.x + 120] = rgb(theme.accent)
    _ink(picture, letters, box.x, y, theme.text, 0.6)
    if author:
        small = Face(40, True, bold)
        _ink(
            picture,
            mask([ellipsis(author, small, box.w)], small, box.w),
            box.x,
            y + used + 12,
            legible(theme.accent),
            0.5,
        )


def _place_host(picture: np.ndarray, host: np.ndarray, theme: Theme) -> None:
    h, w = picture.shape[:2]
    if host.shape[2] == 3:
        wide = round(w * 0.345)
        tall = int(np.clip(wide * host.shape[0] / host.shape[1], wide * 0.6, h - 112))
        side = Rect(round(w * 0.61), (h - tall) // 2, wide, tall)
        card = cover_fit(host, side.w, side.h).astype(np.float32)
        alpha = rounded(side.w, side.h, 28)[..., None]
    else:
        columns = np.flatnonzero(host[..., 3].any(0))
        rows = np.flatnonzero(host[..., 3].any(1))
        if not len(rows):
            return
        cut = host[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
        cut[..., :3] *= cut[..., 3:] / 255
        scale = min(0.88 * h / cut.shape[0], 0.52 * w / cut.shape[1])
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        side = Rect(round(w * 0.75 - cut.shape[1] / 2), h - cut.shape[0], cut.shape[1], cut.shape[0])
        alpha = np.clip(cut[..., 3:] / 255, 0, 1)
        card = np.divide(cut[..., :3], alpha, out=np.zeros_like(cut[..., :3]), where=alpha > 1e-3)
    _halo(picture, side, theme.accent)
    x1 = min(w, side.right)
    target = picture[side.y : side.bottom, side.x : x1]
    target += (card[:, : x1 - side.x] - target) * alpha[:, : x1 - side.x]


def _halo(picture: np.ndarray, side: Rect, accent: str) -> None:
    h, w = picture.shape[:2]
    x = (np.arange(w, dtype=np.float32) - side.x - side.w / 2)[None] / (0.75 * side.w)
    y = (np.arange(h, dtype=np.float32) - side.y - side.h * 0.42)[:, None] / (0.62 * side.h)
    picture += rgb(accent) * (np.exp(-(x**2 + y**2) * 1.6) * 0.34)[..., None]
