"""The look that all graphics share."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from podcast.errors import ConfigError

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_LEGIBLE = 0.36  # least relative luminance of lettering on a dark plate (about 7:1 on black at 60 %)


@dataclass(frozen=True)
class Theme:
    """Colours are "#rrggbb"; `radius` is in hundredths of the frame's shorter side."""

    accent: str = "#ffb347"
    text: str = "#ffffff"
    muted: str = "#c9c4bd"
    plate: str = "#14120f"
    plate_opacity: float = 0.66
    radius: float = 2.4
    font: Path | None = None
    font_bold: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "str" and not _HEX.fullmatch(value):
                remedy = 'write it as "#rrggbb", for example "#ffb347"'
                raise ConfigError(f"{value!r} is not a colour", remedy, field.name)
        if not 0 <= self.plate_opacity <= 1:
            raise ConfigError(f"{self.plate_opacity} is no opacity", "use a number from 0 to 1", "plate_opacity")

    def corner(self, width: int, height: int) -> int:
        """Return the radius of corners, in pixels, in a frame of that size."""
        return max(4, round(min(width, height) * self.radius / 100))


def rgb(css: str) -> np.ndarray:
    """Return "#rrggbb" as float32 (3,) in 0 … 255."""
    return np.array([int(css[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def css(colour: np.ndarray) -> str:
    """Return RGB in 0 … 255 as "#rrggbb"."""
    return "#" + "".join(f"{int(np.clip(round(float(c)), 0, 255)):02x}" for c in colour)


def luminance(css_colour: str) -> float:
    """Return the relative luminance, 0 … 1 (WCAG 2)."""
    c = rgb(css_colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def mix(a: str, b: str, share: float) -> str:
    """Return the colour that lies `share` of the way from `a` to `b`."""
    return css(rgb(a) + (rgb(b) - rgb(a)) * share)


def legible(css_colour: str, least: float = _LEGIBLE) -> str:
    """Return the colour, lightened until it can be read on a dark plate."""
    share = 0.0
    while luminance(mix(css_colour, "#ffffff", share)) < least:
        share += 0.05
    return mix(css_colour, "#ffffff", share)
