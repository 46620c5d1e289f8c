"""Waveform, bars and circle: sound made visible, one slot at a time.

Every visualiser is at rest in the first and the last frame of its slot, because shots are joined. Levels
are absolute (decibels below full scale), so that all shots agree although each sees only its own sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np

from podcast.canvas import to_layer
from podcast.episode import SAMPLE_RATE, samples_at
from podcast.errors import ConfigError
from podcast.graphics.layout import Rect
from podcast.graphics.shapes import Placed
from podcast.graphics.theme import mix, rgb

Style = Literal["bars", "waveform", "circular"]
STYLES: tuple[Style, ...] = ("bars", "waveform", "circular")

_WINDOW = 2048  # samples (43 ms): short enough for syllables, 23 Hz resolution
_BAND = (110.0, 7500.0)  # Hz, where speech has its energy
_FLOOR_DB, _CEILING_DB = -58.0, -18.0  # of a band, after the tilt: 0 and 1
_TILT_DB = 4.5  # per octave above 200 Hz: speech falls by about that much
_CHUNK = 256  # frames analysed at once: bounds the memory of long slots
_REST = -1  # the last frame is at rest
_RAMP = 3  # frames at either end of a slot to and from rest
_SCOPE = 0.026  # seconds that the waveform shows
_SCOPE_TOP = 1100.0  # Hz, harmonics above only make it ragged
_SCOPE_POINTS = 160
_SCOPE_GAIN = 5.0


@dataclass(frozen=True)
class VisualizerStyle:
    """How a visualiser looks. `thickness` scales bars and lines, `smoothing` is 0 (nervous) … 1 (slow)."""

    style: Style = "bars"
    colour: str = "#ffb347"
    opacity: float = 0.9
    thickness: float = 1.0
    smoothing: float = 0.5
    columns: int = 64
    large: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.style not in STYLES:
            raise ConfigError(f"no visualiser is called {self.style!r}", f"choose one of {', '.join(STYLES)}", "style")
        for name, least, most in (("opacity", 0, 1), ("smoothing", 0, 1), ("thickness", 0.1, 5), ("columns", 8, 256)):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{getattr(self, name)} is out of range", f"use {least} to {most}", name)


# ---------------------------------------------------------------- levels


def _windows(samples: np.ndarray, frames: int, rate: Fraction, length: int) -> Iterator[np.ndarray]:
    """Yield the windows of `length` samples centred on the frames, float32 (up to _CHUNK, length) at a time."""
    padded = np.pad(np.asarray(samples, np.float32), length)
    half = SAMPLE_RATE / rate / 2
    centres = np.array([int(samples_at(i, rate) + half) for i in range(frames)], np.int64)
    centres = np.minimum(centres, len(samples) + length // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    for i in range(0, frames, _CHUNK):
        yield windows[centres[i : i + _CHUNK] + length - length // 2]


def _ends(frames: int) -> np.ndarray:
    """Return the factor that brings every visualiser to rest at the ends of a slot."""
    i = np.arange(frames)
    t = np.clip(np.minimum(i, frames - 1 - i) / _RAMP, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _smooth(levels: np.ndarray, smoothing: float) -> np.ndarray:
    """Fast attack, slow decay, in place along the first axis."""
    attack, decay = 0.35 + 0.6 * (1 - smoothing), 0.08 + 0.85 * (1 - smoothing) ** 1.5
    for i in range(1, len(levels)):
        step = levels[i] - levels[i - 1]
        levels[i] = levels[i - 1] + step * np.where(step > 0, attack, decay)
    return levels


def band_levels(samples: np.ndarray, frames: int, rate: Fraction, bands: int, smoothing: float) -> np.ndarray:
    """Return the level of each frequency band in each frame, float32 (frames, bands) in 0 … 1.

    `samples` is mono at 48 kHz from the slot's first frame on; bands are spaced by octaves.
    """
    if not frames:
        return np.zeros((0, bands), np.float32)
    window = np.hanning(_WINDOW).astype(np.float32)
    edges = np.geomspace(*_BAND, bands + 1) * _WINDOW / SAMPLE_RATE
    at = np.concatenate([_power_below(part * window, edges) for part in _windows(samples, frames, rate, _WINDOW)])
    density = np.maximum(np.diff(at, axis=1), 1e-12) / (_WINDOW * float((window**2).sum()) / 2)
    centre = np.sqrt(edges[1:] * edges[:-1]) * SAMPLE_RATE / _WINDOW
    db = 10 * np.log10(density * bands / 12) + _TILT_DB * np.log2(np.maximum(centre / 200, 1))
    levels = np.clip((db - _FLOOR_DB) / (_CEILING_DB - _FLOOR_DB), 0, 1) ** 1.6
    return _smooth(levels.astype(np.float32), smoothing) * _ends(frames)[:, None]


def _power_below(windows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the power of each window below each edge (in bins), so that narrow bands get their share of a bin."""
    spectrum = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    power = np.concatenate([np.zeros((len(windows), 1)), np.cumsum(spectrum, 1)], 1)
    whole = np.arange(power.shape[1])
    return np.stack([np.interp(edges, whole, row) for row in power])


def scope(samples: np.ndarray, frames: int, rate: Fraction, smoothing: float) -> np.ndarray:
    """Return the waveform of each frame, float32 (frames, points) in -1 … 1, its ends at zero.

    Each is aligned at its steepest upward zero crossing, so that it does not jitter.
    """
    if not frames:
        return np.zeros((0, _SCOPE_POINTS), np.float32)
    parts = [_traces(part) for part in _windows(samples, frames, rate, 2 * int(_SCOPE * SAMPLE_RATE))]
    wave = np.concatenate(parts) * _ends(frames)[:, None]
    gain = _smooth(np.abs(wave).max(1, keepdims=True).astype(np.float32), smoothing)
    peak = np.maximum(np.abs(wave).max(1, keepdims=True), 1e-6)
    return (wave * np.minimum(gain / peak, 4) * _ends(frames)[:, None]).astype(np.float32)


def _traces(windows: np.ndarray) -> np.ndarray:
    """Return the trace in each window: low-passed, aligned, soft-limited, tapered."""
    span = windows.shape[1] // 2
    spectrum = np.fft.rfft(windows, axis=1)
    hz = np.arange(spectrum.shape[1]) * SAMPLE_RATE / (2 * span)
    spectrum *= np.exp(-((hz / _SCOPE_TOP) ** 4)) * (hz > 60)
    soft = np.fft.irfft(spectrum, 2 * span, axis=1)
    search = soft[:, span // 2 : span + span // 2]
    crossing = np.where((search[:, :-1] <= 0) & (search[:, 1:] > 0), np.diff(search, axis=1), 0).argmax(1)
    index = crossing[:, None] + np.linspace(0, span - 1, _SCOPE_POINTS).astype(int)
    return np.tanh(_SCOPE_GAIN * np.take_along_axis(soft, index, 1)) * np.hanning(_SCOPE_POINTS) ** 0.7


# ---------------------------------------------------------------- drawing


class Visualizer:
    """The visualiser of one slot, drawn inside `rect`; `draw(i)` is valid until the next call."""

    def __init__(self, samples: np.ndarray, frames: int, rate: Fraction, rect: Rect,
                 style: VisualizerStyle | None = None) -> None:  # fmt: skip
        """Measure `samples` (mono, 48 kHz, from the slot's first frame on; may be shorter than the slot)."""
        self.rect, self.style, self.frames = rect, style or VisualizerStyle(), frames
        self._alpha = np.zeros((rect.h, rect.w), np.uint8)
        self._ink = _ink(rect, self.style)
        self._columns = self._fitting_columns()
        if self.style.style == "waveform":
            self.levels = scope(samples, frames, rate, self.style.smoothing)
        else:
            half = band_levels(samples, frames, rate, self._columns // 2, self.style.smoothing)
            self.levels = np.concatenate([half[:, ::-1], half], 1)  # low tones in the middle
        self._cap, self._middle = self._column_shapes()

    @property
    def region(self) -> Rect:
        """What may change."""
        return self.rect

    def at(self, frame: int) -> int:
        """Return a state: equal states look equal, -1 is rest."""
        return frame if self.levels[frame].any() else _REST

    def placed(self, state: int) -> tuple[Placed, ...]:
        """Return the layers of a state; at rest a visualiser is seen, too, so that it does not blink at joints."""
        return (Placed(self.draw(state), self.rect.x, self.rect.y),)

    def draw(self, frame: int) -> np.ndarray:
        """Return the layer of a frame, of the size of `rect`."""
        draw = {"bars": self._bars, "waveform": self._waveform, "circular": self._circular}[self.style.style]
        draw(frame)
        return cv2.multiply(cv2.merge([self._alpha] * 4), self._ink, scale=1 / 255)

    def _fitting_columns(self) -> int:
        least = 4.0 if self.style.style == "bars" else 3.0  # pixels per column
        across = self.rect.w if self.style.style == "bars" else 2.2 * self.rect.w
        return max(8, min(self.style.columns, int(across / least))) // 2 * 2

    def _column_shapes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the height of the round caps by pixel column, and the distance of each row from the middle."""
        w, h = self.rect.w, self.rect.h
        step = w / self._columns
        radius = max(0.9, min(0.5 * step - 0.5, 0.3 * step * self.style.thickness, h / 4))
        x = (np.arange(w, dtype=np.float32) + 0.5) % step - step / 2
        inside = np.sqrt(np.maximum(radius**2 - x**2, 0))
        edge = np.clip(radius + 0.5 - np.abs(x), 0, 1)
        cap = np.where(edge > 0, inside - radius + np.minimum(edge, 1) - 0.5, -np.float32(h)).astype(np.float32)
        rows = np.abs(np.arange(h, dtype=np.float32) + 0.5 - h / 2)[:, None]
        self._radius, self._of = radius, np.minimum((np.arange(w) / step).astype(int), self._columns - 1)
        return cap, rows

    def _bars(self, frame: int) -> None:
        reach = self._radius + self.levels[frame] * (self.rect.h / 2 - self._radius - 1)
        top = (reach[self._of] + self._cap + 0.5) * 255
        np.clip(top[None] - self._middle * 255, 0, 255, out=(out := np.empty(self._alpha.shape, np.float32)))
        self._alpha = out.astype(np.uint8)

    def _waveform(self, frame: int) -> None:
        w, h = self.rect.w, self.rect.h
        line = max(1, round(0.035 * h * self.style.thickness))
        reach = h / 2 - line
        self._alpha[:] = 0
        x = np.linspace(0, w - 1, _SCOPE_POINTS)
        for scale, strength in ((-0.45, 70), (0.7, 120), (1.0, 255)):
            y = h / 2 + reach * scale * self.levels[frame]
            points = np.rint(np.stack([x, y], 1) * 16).astype(np.int32)
            layer = self._alpha if strength == 255 else np.zeros_like(self._alpha)
            cv2.polylines(layer, [points], False, strength, line, cv2.LINE_AA, 4)
            if layer is not self._alpha:
                cv2.max(self._alpha, layer, self._alpha)

    def _circular(self, frame: int) -> None:
        side = min(self.rect.w, self.rect.h)
        inner = side * (0.405 if self.style.large else 0.30)
        line = max(1, round(2 * np.pi * inner / self._columns * 0.5 * self.style.thickness))
        reach = side / 2 - inner - line
        angle = 2 * np.pi * (np.arange(self._columns) + 0.5) / self._columns + np.pi / 2
        way = np.stack([np.cos(angle), np.sin(angle)], 1)
        middle = np.array([self.rect.w / 2, self.rect.h / 2])
        ends = middle + way * (inner + line / 2 + np.maximum(0.01, self.levels[frame])[:, None] * reach)
        self._alpha[:] = 0
        for a, b in zip(np.rint((middle + way * inner) * 16).astype(int), np.rint(ends * 16).astype(int), strict=True):
            cv2.line(self._alpha, a.tolist(), b.tolist(), 255, line, cv2.LINE_AA, 4)


def _ink(rect: Rect, style: VisualizerStyle) -> np.ndarray:
    """Return the colours behind the mask: from light in the middle to the full colour at the ends."""
    x = np.abs(np.linspace(-1, 1, rect.w, dtype=np.float32))[None, :, None]
    if style.style == "circular":
        x = np.abs(np.linspace(-1, 1, rect.h, dtype=np.float32))[:, None, None]
    light, deep = rgb(mix(style.colour, "#ffffff", 0.35)), rgb(mix(style.colour, "#000000", 0.08))
    shade = np.broadcast_to(light + (deep - light) * x, (rect.h, rect.w, 3))
    fade = np.ones((rect.h, rect.w, 1), np.float32)
    if style.style != "circular":
        fade *= np.clip((1 - x) / 0.12, 0.35, 1)
    return to_layer(np.dstack([shade, fade * 255 * style.opacity]))
