"""A podcast studio drawn by code: lit, with depth, out of focus, without banding.

The scene is composed in linear light at moderate size (nothing fine survives the lens blur), blurred with
a disc as a lens does, given bloom, tone-mapped, enlarged and dithered with fine grain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from podcast.errors import ConfigError
from podcast.graphics import scenery as sc
from podcast.graphics.scenery import Plane, Scene, linear

Style = Literal["studio", "night", "daylight", "minimal"]

_RENDERED = (300, 540)  # least and largest height of the rendered scene, in pixels
_PORTRAIT = 0.62  # scene unit as a share of the height, in a 9:16 frame
_UPRIGHT = 0.6  # aspect ratio below which a frame is a whole upright video, with the desk in its lower third …
_UPRIGHT_MIDDLE = 0.36  # … so that the scene's origin is at this share of its height
_GRAIN = 0.9  # standard deviation, of 255: hides the steps of 8 bits
_WARM = "#ffdcb8"


def backdrop(width: int, height: int, style: str = "studio", accent: str = "#ffb347", seed: int = 0) -> np.ndarray:
    """Return the studio as RGB float32 (height, width, 3) in 0 … 255; the same arguments give the same picture.

    `accent` colours the practical lights; `seed` moves the furniture. Raises ConfigError for an unknown style.
    """
    if style not in STYLES:
        raise ConfigError(f"no studio is called {style!r}", f"choose one of {', '.join(STYLES)}", "background")
    rng = np.random.default_rng([seed, *style.encode()])
    scale = min(1.0, max(_RENDERED[0], min(_RENDERED[1], height, width * 0.75)) / height)
    scale = max(scale, _RENDERED[0] / height)
    w, h = max(16, round(width * scale)), max(16, round(height * scale))
    aspect = width / height
    unit = h * (1.0 if aspect >= 1 else max(_PORTRAIT, aspect**0.83))
    scene = Scene(w, h, unit, rng, _UPRIGHT_MIDDLE if aspect < _UPRIGHT else 0.5)
    blur, exposure = STYLES[style](scene, accent)
    picture = _develop(scene, blur, exposure)
    way = cv2.INTER_CUBIC if width > w else cv2.INTER_AREA
    full = cv2.resize(picture, (width, height), interpolation=way)
    grain = cv2.resize(rng.standard_normal((256, 256)).astype(np.float32), (256, 256))
    full += np.tile(grain, (-(-height // 256), -(-width // 256)))[:height, :width, None] * np.float32(_GRAIN)
    return np.clip(full, 0, 255, out=full)


def _develop(scene: Scene, blur: float, exposure: float) -> np.ndarray:
    """Return the scene as the camera sees it: focus, bloom, vignette, film curve; 0 … 255."""
    radiance = cv2.max(scene.albedo * scene.light + scene.glow, 0.0)
    radius = max(1, round(scene.length(blur)))
    radiance = cv2.filter2D(radiance, cv2.CV_32F, _disc(radius))
    bright = cv2.resize(np.maximum(radiance - 0.7, 0), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    for reach, share in ((0.012, 0.10), (0.045, 0.09), (0.14, 0.10)):
        soft = cv2.GaussianBlur(bright, (0, 0), max(0.5, scene.length(reach) / 4))
        radiance += cv2.resize(soft, (scene.width, scene.height)) * np.float32(share)
    x = scene.u / scene.right
    y = np.linspace(-1, 1, scene.height, dtype=np.float32)[:, None]
    vignette = 1 - 0.42 * np.clip((x**2 + y**2) / 2, 0, 1) ** 1.3
    radiance *= vignette[..., None] * np.float32(exposure)
    return 255 * _film(radiance) ** np.float32(1 / 2.2)


def _disc(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return disc / disc.sum()


def _film(x: np.ndarray) -> np.ndarray:
    """Return a filmic curve, 0 … 1 (K. Narkowicz, "ACES filmic tone mapping curve", 2015)."""
    return np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)


# ---------------------------------------------------------------- styles


def _studio(scene: Scene, accent: str) -> tuple[float, float]:
    edge, warm, hue = scene.right, linear(_WARM), linear(accent)
    sc.plaster(scene, "#6b625a", 0.05)
    sc.slats(scene, "#85705f", -edge * 0.47, edge + 0.1)
    scene.light += np.float32(0.055) * np.array([0.80, 0.92, 1.0], np.float32)
    sc.pool(scene, 0.02, -0.08, 0.50, warm, 0.58, 0.95)
    for u in (-edge * 0.74, -0.04, edge * 0.70):
        sc.scallop(scene, u, scene.top - 0.06, warm, 0.85)
    sc.pool(scene, edge * 1.02, 0.46, 0.60, hue, 0.50)
    sc.pool(scene, -edge * 1.05, 0.55, 0.50, hue, 0.34)
    sc.neon_wave(scene, edge * 0.66, -0.235, 0.25, accent, 0.85)
    _shelves(scene, -edge * 1.02, -edge * 0.52, accent)
    _corner_plant(scene, edge * 0.90, scene.bottom + 0.02, 0.50)
    return 0.0085, 1.15


def _shelves(scene: Scene, left: float, right: float, accent: str) -> None:
    """Mount two shelves with books, a plant and a lamp, lit from beneath."""
    plane, span = Plane(scene), right - left
    for v in (-0.16, 0.13):
        sc.board(plane, left, right, v, 0.018, "#8a6b52")
    sc.books(plane, left + 0.30 * span, left + 0.74 * span, -0.16, 0.17)
    sc.pot(plane, left + 0.87 * span, -0.16, 0.062, 0.06, "#d8cbb8")
    sc.bush(plane, left + 0.87 * span, -0.215, 0.15, "#4f7a4a", 13, 0.30)
    sc.books(plane, left + 0.10 * span, left + 0.44 * span, 0.13, 0.16)
    sc.pot(plane, left + 0.72 * span, 0.13, 0.05, 0.035, "#3a3330")
    plane.set_into(0.022, 0.6)
    for v in (-0.14, 0.15):
        sc.pool(scene, (left + right) / 2, v + 0.02, 0.24, linear(_WARM), 0.55, 0.28)
    sc.globe(scene, left + 0.72 * span, 0.055, 0.045, "#ffb46b", 1.25)


def _corner_plant(scene: Scene, u: float, floor: float, size: float, colour: str = "#46604a") -> None:
    plane = Plane(scene)
    sc.bush(plane, u, floor, size, colour, 19, 0.24)
    plane.set_into(0.035, 0.5, soft=0.009)


def _night(scene: Scene, accent: str) -> tuple[float, float]:
    edge, hue = scene.right, linear(accent)
    sc.city(scene, 0.26)
    scene.glow[:] = cv2.filter2D(scene.glow, cv2.CV_32F, _disc(max(2, round(scene.length(0.013)))))
    wall = Plane(scene)
    post = max(0.012, edge * 0.012)
    for u in (-edge * 0.72, 0.0 - edge * 0.06, edge * 0.56):
        wall.box(u - post, -1.2, u + post, 1.2, sc.rgb("#23262d"))
    wall.box(-2, 0.30, 2, 0.33, sc.rgb("#4a4038"))
    wall.box(-2, 0.33, 2, 2, sc.rgb("#3a3f4c"))
    wall.box(edge * 0.60, -2, 2, 2, sc.rgb("#4d5464"))
    _hide_glow(scene, wall)
    wall.set_into(0.0, 0.0)
    scene.light += np.float32(0.05) * np.array([0.7, 0.8, 1.0], np.float32)
    sc.pool(scene, 0, 0.1, 0.6, linear("#9fb4ff"), 0.16)
    sc.pool(scene, edge * 0.8, -0.4, 0.5, linear("#9fb4ff"), 0.30)
    sc.pool(scene, -edge * 0.7, 0.5, 0.7, hue, 0.7)
    sc.tube(scene, (edge * 0.80, -0.36, edge * 0.80, 0.20), 0.011, accent, 0.75)
    sill = Plane(scene)
    sc.pot(sill, -edge * 0.84, 0.302, 0.075, 0.07, "#51453c")
    sc.blades(sill, -edge * 0.84, 0.24, 0.26, "#4c6b52")
    sc.books(sill, -edge * 0.50, -edge * 0.36, 0.302, 0.11)
    sc.pot(sill, edge * 0.42, 0.302, 0.06, 0.03, "#3a3330")
    _hide_glow(scene, sill)
    sill.set_into(0.015, 0.5)
    sc.globe(scene, edge * 0.42, 0.225, 0.052, "#ffb46b", 1.1)
    return 0.006, 1.25


def _hide_glow(scene: Scene, plane: Plane) -> None:
    scene.glow *= 1 - plane.mask[..., None] * np.float32(1 / 255)


def _daylight(scene: Scene, accent: str) -> tuple[float, float]:
    edge, sun = scene.right, linear("#ffe6c4")
    sc.plaster(scene, "#cfc6b8", 0.025)
    scene.light += np.float32(0.34) * np.array([0.86, 0.94, 1.0], np.float32)
    sc.pool(scene, -edge * 0.9, -0.3, 0.9, sun, 0.28)
    scene.light += _sunbeam(scene)[..., None] * sun * np.float32(0.62)
    sc.pool(scene, edge, 0.5, 0.55, linear(accent), 0.14)
    plane = Plane(scene)
    left, right = edge * 0.46, edge * 1.04
    span = right - left
    for v in (-0.20, 0.09):
        sc.board(plane, left, right, v, 0.017, "#c79f72")
    sc.books(plane, left + 0.12 * span, left + 0.50 * span, -0.20, 0.15)
    sc.pot(plane, left + 0.74 * span, -0.20, 0.07, 0.075, "#f1ece2")
    sc.bush(plane, left + 0.74 * span, -0.27, 0.16, "#6a9a5b", 14, 0.3)
    sc.pot(plane, left + 0.22 * span, 0.09, 0.058, 0.09, "#b9694a")
    sc.books(plane, left + 0.46 * span, left + 0.92 * span, 0.09, 0.14)
    plane.set_into(0.026, 0.42)
    _art(scene, -edge * 0.30 - 0.12, -0.34, accent)
    _corner_plant(scene, -edge * 0.90, scene.bottom + 0.04, 0.62, "#64825c")
    return 0.0075, 1.05


def _sunbeam(scene: Scene) -> np.ndarray:
    """Return the light that falls through a window on a wall: slanted panes, softer with distance."""
    u, v = scene.u + 0.30 * scene.v, scene.v - 0.42 * scene.u
    wide, tall = 0.30, 0.34
    x, y = (u + scene.right * 0.52) / wide, (v + 0.46) / tall
    inside = (np.floor(x) >= 0) & (np.floor(x) < 3) & (np.floor(y) >= 0) & (np.floor(y) < 2)
    frame = (np.abs(x - np.floor(x) - 0.5) < 0.46) & (np.abs(y - np.floor(y) - 0.5) < 0.46)
    beam = (inside & frame).astype(np.float32)
    leaves = np.clip(sc.noise(scene, 0.09, 0.13) * 0.8 + 0.75, 0.25, 1)
    return cv2.GaussianBlur(beam * leaves, (0, 0), max(1.0, scene.length(0.012)))


def _art(scene: Scene, u: float, v: float, accent: str) -> None:
    """Hang a framed print of two soft shapes."""
    plane = Plane(scene)
    plane.box(u - 0.105, v - 0.008, u + 0.105, v + 0.278, sc.rgb("#b88f63"))
    plane.box(u - 0.097, v, u + 0.097, v + 0.27, sc.rgb("#f4efe6"))
    t = np.linspace(0, 2 * np.pi, 40)
    plane.polygon(np.stack([u - 0.015 + 0.05 * np.cos(t), v + 0.11 + 0.05 * np.sin(t)], 1), sc.rgb(accent) * 0.92)
    arch = np.stack([u + 0.02 + 0.045 * np.cos(t[:21]), v + 0.18 - 0.045 * np.sin(t[:21])], 1)
    plane.polygon(np.concatenate([arch, [(u - 0.025, v + 0.235), (u + 0.065, v + 0.235)]]), sc.rgb("#5f6f6a"))
    plane.set_into(0.014, 0.45)


def _minimal(scene: Scene, accent: str) -> tuple[float, float]:
    hue = linear(accent)
    sc.plaster(scene, "#4b4a4d", 0.03)
    scene.light += np.float32(0.09) * np.array([0.92, 0.96, 1.0], np.float32)
    sc.pool(scene, -0.35, -0.35, 0.75, np.ones(3, np.float32), 0.30)
    sc.pool(scene, 0.0, scene.bottom * 1.1, 0.7, hue, 0.45, 0.5)
    u, v, radius = 0.0, -0.06, min(0.40, scene.right * 0.78)
    r = np.hypot(scene.u - u, scene.v - v)
    rim = np.exp(-np.maximum(r - radius, 0) / 0.085) * (r > radius)
    scene.light += (rim * 1.55)[..., None] * hue
    disc = np.clip((radius - r) * scene.unit + 0.5, 0, 1)[..., None]
    tilt = np.clip(0.62 - 0.9 * (scene.u - u) * 0.5 - 0.9 * (scene.v - v), 0.1, 1.4)[..., None]
    scene.light = scene.light * (1 - disc) + disc * (tilt * 0.52 + 0.10)
    scene.albedo += (linear("#57555a") * (0.7 + 0.3 * hue / max(float(hue.max()), 1e-3)) - scene.albedo) * disc
    return 0.004, 1.1


STYLES: dict[str, Callable[[Scene, str], tuple[float, float]]] = {
    "studio": _studio,
    "night": _night,
    "daylight": _daylight,
    "minimal": _minimal,
}
