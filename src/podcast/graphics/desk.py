"""The desk in front of a host: polished wood that mirrors the room; in upright frames its front, too."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.canvas import to_rgb, to_yuv
from podcast.graphics.layout import Rect
from podcast.graphics.theme import rgb

_WOOD = np.array([74.0, 54.0, 42.0], np.float32)  # walnut, in the light of a room of middle brightness
_MIDDLE = 90.0  # mean level, of 255, of such a room
_TOP = 0.06  # of the shorter side: depth of the surface as it is seen
_GRAIN = 0.8  # standard deviation, of 255


def put_desk(picture: np.ndarray, rect: Rect, accent: str) -> None:
    """Paint the desk over a picture, in place; its far edge is the upper edge of `rect`."""
    h, short = picture.shape[0], min(picture.shape[:2])
    room = to_rgb(np.ascontiguousarray(picture[max(0, rect.y - h // 3) : rect.y : 4, ::4])).astype(np.float32)
    light = float(np.clip(room.mean() / _MIDDLE, 0.35, 1.9))
    surface = round(_TOP * short) if rect.h > 3 * _TOP * short else rect.h
    desk = np.empty((rect.h, rect.w, 3), np.float32)
    desk[:surface] = _surface(room, (rect.w, surface), light)
    if rect.h > surface:
        desk[surface:] = _front((rect.w, rect.h - surface), light, accent, 1.6 * short)
    edge = max(1, round(0.0022 * h))
    desk[:edge] = desk[:edge] * 1.4 + 26 * light
    grain = np.random.default_rng(0).standard_normal((rect.h, rect.w, 1)).astype(np.float32)
    picture[rect.y : rect.bottom] = to_yuv(np.clip(desk + grain * _GRAIN, 0, 255))


def _surface(room: np.ndarray, size: tuple[int, int], light: float) -> np.ndarray:
    """Return the polished top: grain, and the room in it, upside down and blurred."""
    w, h = size
    mirrored = cv2.GaussianBlur(room[::-1], (0, 0), sigmaX=w / 4 / 40, sigmaY=max(1.0, room.shape[0] / 10))
    mirrored = cv2.resize(mirrored[: max(2, room.shape[0] // 2)], (w, h), interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(1).standard_normal((max(2, h // 3), max(2, w // 90))).astype(np.float32)
    figure = np.exp(cv2.resize(noise, (w, h), interpolation=cv2.INTER_CUBIC) * 0.06)[..., None]
    near = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    mirrored *= min(1.0, _MIDDLE / max(float(mirrored.mean()), 1.0))  # a white wall must not bleach the wood
    return _WOOD * light * figure * (0.92 - 0.25 * near) + mirrored * (0.34 * (1 - near) + 0.10)


def _front(size: tuple[int, int], light: float, accent: str, unit: float) -> np.ndarray:
    """Return the front, in shade, with a line of light under its upper edge."""
    w, h = size
    y = np.arange(h, dtype=np.float32)[:, None, None] / np.float32(unit)
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :, None]
    shade = _WOOD * light * (0.30 - 0.16 * np.clip(y / 0.2, 0, 1))
    lip = np.clip(1 - y / 0.004, 0, 1)
    shine = np.exp(-y / 0.035) * (1 - 0.35 * x**2)
    lit = shade + rgb(accent) * (0.42 * shine) * (1 - lip)
    line = np.exp(-(((y - 0.0065) / 0.0022) ** 2)) * (1 - 0.2 * x**2)
    return lit * (1 - 0.55 * lip) + (rgb(accent) * 0.75 + 60) * line
