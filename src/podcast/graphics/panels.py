"""Cards and pictures on the background: shadows, rounded corners, the frame of the one who speaks."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.canvas import blend, colour, to_layer
from podcast.graphics.desk import put_desk
from podcast.graphics.layout import Layout, Rect
from podcast.graphics.shapes import Placed, cover_fit, distance, plate, rounded, solid
from podcast.graphics.theme import Theme, rgb

_BORDER = 0.004  # of the shorter side
_STAGE_LIGHT = 46.0  # mean level, of 255: dark enough for white letters, light enough for shadows
_GLOW = 0.03  # of the shorter side: its reach


def stage(backdrop: np.ndarray, size: tuple[int, int], accent: str) -> np.ndarray:
    """Return RGB float32: what lies behind cards, pictures and covers; the backdrop, far out of focus."""
    w, h = size
    small = cover_fit(backdrop.astype(np.float32), max(16, w // 8), max(16, h // 8))
    soft = cv2.GaussianBlur(small, (0, 0), max(w, h) / 8 / 50)
    x = np.linspace(-1, 1, small.shape[1], dtype=np.float32)[None]
    y = np.linspace(-1, 1, small.shape[0], dtype=np.float32)[:, None]
    edge = (1 - 0.5 * np.clip(x**2 * 0.6 + y**2 * 0.6, 0, 1))[..., None]
    light = np.exp(-(((x + 0.75) / 0.9) ** 2 + ((y - 0.95) / 0.8) ** 2))[..., None] * 0.16
    grey = soft.mean(2, keepdims=True)
    calm = (0.65 * soft + 0.35 * grey) * (_STAGE_LIGHT / max(float(grey.mean()), _STAGE_LIGHT)) * 0.9
    return cv2.resize(calm * edge + rgb(accent) * light, (w, h), interpolation=cv2.INTER_CUBIC)


def border(layout: Layout) -> int:
    """Return the width of the frame around a card, in pixels."""
    return max(2, round(_BORDER * min(layout.width, layout.height)))


def panel_background(background: np.ndarray, layout: Layout, theme: Theme, active: int | None = None) -> np.ndarray:
    """Return a picture: the background with the shadows of all cards and the glow of the one who speaks.

    Where a host fills the frame, it gets the desk.
    """
    done = background.copy()
    if layout.desk:
        put_desk(done, layout.desk, theme.accent)
    reach = max(4, round(_GLOW * min(layout.width, layout.height)))
    radius = theme.corner(layout.width, layout.height)
    for i, slot in enumerate(layout.hosts):
        if slot.card:
            _shadow(done, slot.rect, radius, reach)
            if i == active:
                _glow(done, slot.rect, radius, reach, theme.accent)
    if layout.picture:
        _shadow(done, layout.picture, radius, reach)
    return done


def _shadow(picture: np.ndarray, rect: Rect, radius: int, reach: int) -> None:
    blend(picture, plate(rect.w, rect.h, radius, "#000000", 0.8, reach), rect.x - reach, rect.y - reach)


def _glow(picture: np.ndarray, rect: Rect, radius: int, reach: int, accent: str) -> None:
    away = distance(rect.w + 2 * reach, rect.h + 2 * reach, radius, reach)
    halo = np.clip(1 - away / reach, 0, 1) ** 2.2 * 0.62
    blend(picture, solid(halo.astype(np.float32), accent), rect.x - reach, rect.y - reach)


def card_frame(background: np.ndarray, rect: Rect, radius: int, line: int, accent: str | None) -> tuple[Placed, ...]:
    """Return thin layers that give a card, painted as a rectangle, round corners and a frame.

    `background` is the picture that shows in the corners (with shadows and glow); `accent` is the frame's
    colour, or None for a faint one. Only the edges are covered, so it costs little per frame.
    """
    whole = np.zeros((rect.h, rect.w, 4), np.uint8)
    away = distance(rect.w, rect.h, radius)
    outside = np.clip(away + 0.5, 0, 1)[..., None]
    inside = 1 - outside[..., 0]
    stroke = np.clip(away + line + 0.5, 0, 1) * inside * (1.0 if accent else 0.35)
    behind = background[rect.y : rect.bottom, rect.x : rect.right]
    ink = np.array(colour(accent or "#ffffff"), np.float32)
    whole[..., :3] = np.rint(behind * outside + stroke[..., None] * ink)
    whole[..., 3] = np.rint(255 * (outside[..., 0] + stroke))
    r, side = min(radius + 2, rect.h // 2), line + 2
    parts = [(0, 0, rect.w, r), (0, rect.h - r, rect.w, r), (0, r, side, rect.h - 2 * r),
             (rect.w - side, r, side, rect.h - 2 * r)]  # fmt: skip
    return tuple(Placed(np.ascontiguousarray(whole[y : y + h, x : x + w]), rect.x + x, rect.y + y)
                 for x, y, w, h in parts if h > 0)  # fmt: skip


def picture_panel(picture: np.ndarray, rect: Rect, radius: int) -> Placed:
    """Return a picture as a panel with round corners that fills `rect`.

    A picture of another shape is shown whole over a dark, blurred copy of itself.
    """
    h, w = picture.shape[:2]
    scale = min(rect.w / w, rect.h / h)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    crop = 1 - size[0] * size[1] / (rect.w * rect.h)
    if crop < 0.12:
        canvas = cover_fit(picture, rect.w, rect.h).astype(np.float32)
    else:
        small = cover_fit(picture, max(8, rect.w // 8), max(8, rect.h // 8)).astype(np.float32)
        soft = cv2.GaussianBlur(small, (0, 0), max(1.0, rect.w / 8 / 14))
        canvas = cv2.resize(soft, (rect.w, rect.h), interpolation=cv2.INTER_CUBIC) * 0.42
        x, y = (rect.w - size[0]) // 2, (rect.h - size[1]) // 2
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        canvas[y : y + size[1], x : x + size[0]] = cv2.resize(picture, size, interpolation=way)
    return Placed(to_layer(np.dstack([canvas, rounded(rect.w, rect.h, radius) * 255])), rect.x, rect.y)
