"""What covers, cards and thumbnails have in common: a dark ground that glows in the accent colour, a sound wave."""

from __future__ import annotations

from colorsys import hsv_to_rgb, rgb_to_hsv

import numpy as np

from podcast.graphics.theme import rgb

_VIOLET = 280 / 360  # the hue that dark tones turn to: shadows look richer when they are not just darker


def shade(accent: str, turn: float, saturation: float, value: float) -> np.ndarray:
    """Return RGB float32 (3,): the accent's hue, turned towards violet by up to `turn` degrees, in another tone."""
    r, g, b = (float(c) / 255 for c in rgb(accent))
    hue, own, _ = rgb_to_hsv(r, g, b)
    away = (_VIOLET - hue + 0.5) % 1 - 0.5  # the short way round the wheel
    step = max(-turn / 360, min(turn / 360, away))
    return np.array(hsv_to_rgb((hue + step) % 1, saturation * min(1.0, 0.2 + own), value), np.float32) * 255


def ground(width: int, height: int, accent: str) -> np.ndarray:
    """Return RGB float32 (height, width, 3): dark, glowing from below, and a little from the upper right."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    deep, mid, bright = shade(accent, 60, 0.85, 0.13), shade(accent, 26, 0.9, 0.62), shade(accent, 4, 0.95, 0.98)
    glow = np.exp(-((x * 0.70) ** 2 + ((y - 1.04) * 1.35) ** 2) * 1.5)[..., None]
    core = np.exp(-((x * 0.95) ** 2 + ((y - 1.12) * 2.1) ** 2) * 1.7)[..., None]
    side = np.exp(-(((x - 0.95) * 0.9) ** 2 + ((y - 0.02) * 1.4) ** 2) * 2.0)[..., None] * 0.45
    picture = deep + (mid - deep) * np.clip(glow + side, 0, 1)
    return picture + (bright - picture) * core * 0.75


def sound_wave(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the heights of the bars of a sound wave that swells and fades, (count,) in 0 … 1."""
    a, b, c = rng.uniform(0, 2 * np.pi, 3)
    i = np.arange(count)
    wave = np.abs(np.sin(i * 0.55 + a) * 0.6 + np.sin(i * 1.31 + b) * 0.5 + np.sin(i * 2.3 + c) * 0.3)
    return np.clip(wave, 0.12, 1) * np.sin(np.pi * (i + 0.8) / (count + 0.6))
