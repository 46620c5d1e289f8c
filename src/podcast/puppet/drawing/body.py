"""Shoulders, clothes and the microphone: distance fields and painters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from podcast.puppet.drawing.face import Face
from podcast.puppet.drawing.light import linear
from podcast.puppet.drawing.paint import Painter, Surface, grain
from podcast.puppet.drawing.sdf import Noise, Points, Scene, bell, carve, ellipsoid, join, limb, step

BOTTOM = 1.42  # y where the drawn body ends
_RISE = 0.045  # the trunk is modelled this much lower than it sits
_FOLDS = Noise(31, 4.0)


@dataclass(frozen=True)
class Outfit:
    """What is worn; `kind` is one of `KINDS`, colours in CSS."""

    kind: str
    outer: str
    inner: str = "#e8e2d6"
    trim: str = ""  # ribs, lapels; the outer colour if empty
    build: float = 1.0  # breadth of the shoulders


def torso(f: Face, p: Points, build: float) -> np.ndarray:
    """Return the distance to neck, shoulders and chest."""
    x, y, z = p
    q = (np.abs(x), y, z)
    b = build
    d = limb(p, (0, 0.28, -0.11), (0, 1.05, -0.17), f.neck, f.neck + 0.012)
    d = join(d, limb(q, (0.15, 0.30, -0.10), (0.03, 0.88, 0.0), 0.02, 0.022), 0.06)
    d = join(d, limb(q, (0.06, 0.66, -0.17), (0.52 * b, 0.93, -0.18), 0.085, 0.115), 0.16)
    d = join(d, ellipsoid(p, (0, 1.50, -0.20), (0.56 * b, 0.74, 0.33)), 0.14)
    d = join(d, limb(q, (0.60 * b, 1.02, -0.18), (0.72 * b, 1.75, -0.16), 0.155, 0.165), 0.10)
    bone = limb(q, (0.05, 0.885, 0.025), (0.40 * b, 0.86, -0.06), 0.012, 0.014)
    return join(d, bone, 0.05)


def _folded(d: np.ndarray, p: Points, depth: float) -> np.ndarray:
    x, y, _ = p
    ax = np.sqrt(x * x + 0.02) * (1 + 0.15 * np.tanh(x * 6))  # not the same on both sides, no seam in the middle
    soft = _FOLDS(ax * 30 + y * 18, ax * 12 - y * 26 + 300)
    arm = np.sin(y * 34 + 9 * np.abs(x) + 2 * np.sin(x * 7)) * step(0.50, 0.66, np.abs(x))
    return d - np.float32(depth) * (soft * 0.9 + 0.35 * arm)


def _level(z: np.ndarray, front: float) -> np.ndarray:
    """Height of a neckline: on the trapezius at the sides, `front` at the throat."""
    return 0.605 + np.float32(front - 0.605) * step(-0.16, 0.05, z)


def _hole(f: Face, p: Points, wide: float, front: float) -> np.ndarray:
    """Negative in the opening for the neck."""
    x, y, z = p
    high, near = (y - _level(z, front)) * np.float32(0.8), np.hypot(x, z + 0.125) - np.float32(f.neck + wide)
    return -join(-high, -near, 0.13)


def _leaf(p: Points, *corners: tuple[float, float]) -> np.ndarray:
    """Negative inside a convex polygon of |x| and y, in front."""
    x, y, z = p
    ax = np.abs(x)
    ring = [*corners, corners[0]]
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))
    edges = []
    for (x0, y0), (x1, y1) in pairwise(ring):
        length = float(np.hypot(x1 - x0, y1 - y0)) * float(np.sign(area))
        edges.append(((ax - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / np.float32(length))
    return np.maximum(np.maximum.reduce(edges), -0.22 - z)


def _vee(p: Points, low: float, slope: float, base: float = 0.0) -> np.ndarray:
    """Negative inside a V-shaped opening in front, its point at y = low."""
    x, y, z = p
    half = np.maximum(low - y, 0) * slope + base
    return np.maximum((np.abs(x) - half) * np.float32(0.85), np.maximum(y - low - (9 if base else 0), -0.16 - z))


def _band(cloth: np.ndarray, hole: np.ndarray, wide: float, thick: float) -> np.ndarray:
    """A rib along the edge of an opening."""
    return -join(-(cloth - np.float32(thick)), -(np.abs(hole - np.float32(wide / 2)) - np.float32(wide / 2)), 0.012)


def _sweater(f: Face, o: Outfit, p: Points) -> dict[str, np.ndarray]:
    d = torso(f, p, o.build)
    hole = _hole(f, p, 0.110, 0.835)
    plain = d - np.float32(0.022)
    cloth = carve(_folded(plain, p, 0.010), hole, 0.015)
    return {"skin": d, "outer": cloth, "trim": _band(plain, hole, 0.052, 0.010)}


def _jacket(f: Face, o: Outfit, p: Points) -> dict[str, np.ndarray]:
    d = torso(f, p, o.build)
    hole = _hole(f, p, 0.110, 0.850)
    tee = carve(_folded(d - np.float32(0.014), p, 0.006), hole, 0.010)
    tee = np.minimum(tee, _band(d - np.float32(0.014), hole, 0.034, 0.007))
    coat = _folded(d - np.float32(0.048), p, 0.013)
    x, y, z = p
    half = 0.120 + 0.12 * step(0.75, 1.40, y) + 0.012 * np.sin(y * 9)
    coat = carve(coat, np.maximum(np.abs(x) - half, -0.16 - z), 0.02)
    coat = carve(coat, _hole(f, p, 0.05, 0.72), 0.02)
    leaf = _leaf(p, (0.126, 0.560), (0.225, 0.600), (0.285, 0.890), (0.118, 0.950))
    fold = d - np.float32(0.064) - 0.010 * step(0.02, -0.06, leaf)
    collar = -join(-fold, -(leaf + np.float32(0.006)) * np.float32(0.8), 0.018)
    pocket = np.maximum(np.abs(np.abs(x) - 0.40) - 0.105, np.abs(y - 1.27) - 0.115)
    seam = 0.006 * bell(pocket, 0.006) + 0.006 * bell(pocket + 0.016, 0.004)
    flap = 0.006 * step(0.006, -0.006, np.maximum(np.abs(np.abs(x) - 0.40) - 0.110, np.abs(y - 1.175) - 0.03))
    return {"skin": d, "inner": tee, "outer": coat + seam * (z > -0.1) - flap * (z > -0.1), "trim": collar}


def _blazer(f: Face, o: Outfit, p: Points) -> dict[str, np.ndarray]:
    d = torso(f, p, o.build)
    x, y, z = p
    ax = np.abs(x)
    blouse = _folded(d - np.float32(0.012), p, 0.006)
    blouse = carve(blouse, _vee(p, 1.02, 0.50), 0.012)
    blouse = carve(blouse, _hole(f, p, 0.05, 0.74), 0.012)
    coat = _folded(d - np.float32(0.045), p, 0.010)
    coat = carve(coat, _vee(p, 1.36, 0.40), 0.015)
    coat = carve(coat, _hole(f, p, 0.060, 0.72), 0.02)
    inner = np.maximum(1.36 - y, 0) * 0.40
    outer = 0.235 + 0.11 * bell(y - 0.99, 0.12) - 0.50 * np.maximum(y - 1.02, 0) - 0.30 * np.maximum(0.93 - y, 0)
    notch = bell(y - 0.985, 0.016) * step(0.20, 0.23, ax) * 0.1
    strip = np.maximum(np.maximum(inner - ax, ax - outer + notch), np.maximum(0.66 - y, -0.22 - z))
    lapel = np.maximum(d - np.float32(0.066) - 0.008 * step(0.2, 0.0, outer - ax), strip * np.float32(0.7))
    return {"skin": d, "inner": blouse, "outer": coat, "trim": lapel - np.float32(0.004)}


def _cardigan(f: Face, o: Outfit, p: Points) -> dict[str, np.ndarray]:
    d = torso(f, p, o.build)
    x, y, z = p
    shirt = _folded(d - np.float32(0.016), p, 0.005)
    shirt = carve(shirt, _vee(p, 0.90, 0.55), 0.010)
    placket = np.maximum(d - np.float32(0.024), np.maximum(np.abs(x) - 0.026, 0.90 - y))
    buttons = np.minimum(
        ellipsoid(p, (0, 0.985, 0.085), (0.011, 0.011, 0.03)), ellipsoid(p, (0, 1.13, 0.11), (0.011, 0.011, 0.03))
    )
    stand = np.hypot(x, z + 0.125) - np.float32(f.neck + 0.024)
    rim = _level(z, 0.835) - 0.035
    stand = np.maximum(np.abs(stand) - 0.009, np.maximum(rim - y, y - rim - 0.12))
    leaf = _leaf(p, (0.165, 0.600), (0.225, 0.640), (0.118, 0.975), (0.006, 0.890))
    fold = d - np.float32(0.040) - 0.012 * step(0.02, -0.05, leaf)
    collar = np.minimum(-join(-fold, -(leaf + np.float32(0.006)) * np.float32(0.8), 0.014), stand)
    knit = _folded(d - np.float32(0.046), p, 0.010)
    edge = _vee(p, 1.30, 0.40)
    knit = carve(knit, edge, 0.012)
    knit = carve(knit, _hole(f, p, 0.060, 0.73), 0.02)
    rib = np.maximum(np.maximum(-edge, edge - 0.050), d - np.float32(0.064))
    rib = np.maximum(rib, np.maximum(0.70 - y, y - 1.36))
    return {
        "skin": d,
        "inner": np.minimum(np.minimum(shirt, placket), collar),
        "button": buttons,
        "outer": knit,
        "trim": np.maximum(rib, -z - 0.2) - np.float32(0.004),
    }


KINDS: dict[str, Callable[[Face, Outfit, Points], dict[str, np.ndarray]]] = {
    "sweater": _sweater,
    "jacket": _jacket,
    "blazer": _blazer,
    "cardigan": _cardigan,
}


def scene(f: Face, o: Outfit) -> Scene:
    """Return the body's scene: skin and clothes."""
    return lambda p: KINDS[o.kind](f, o, (p[0], p[1] + np.float32(_RISE), p[2]))


def painters(o: Outfit, skin: Painter) -> dict[str, Painter]:
    """Return the painter of each material; the skin's is the head's."""
    knit = o.kind in ("sweater", "cardigan")
    trim = o.trim or o.outer
    return {
        "skin": skin,
        "outer": lambda x, y, z, parts: _cloth(o.outer, x, y, z, knit),
        "inner": lambda x, y, z, parts: _cloth(o.inner, x, y, z, False),
        "trim": lambda x, y, z, parts: _cloth(trim, x, y, z, False, rib=knit),
        "button": lambda x, y, z, parts: _cloth("#d9d4c8", x, y, z, False),
    }


def _cloth(css: str, x: np.ndarray, y: np.ndarray, z: np.ndarray, knit: bool, rib: bool = False) -> Surface:
    weave = 0.5 * grain(x, y * 0.4, 420) + 0.5 * grain(x * 0.4, y, 420)
    relief = 0.0005 * weave
    tone = 0.06 * weave + 0.05 * grain(x, y, 25)
    if knit:
        column = np.sin(x * 330)
        stitch = np.sin(y * 300 + 2.2 * np.abs(column)) * 0.5 + 0.5 * np.abs(column)
        relief, tone = relief + 0.0014 * stitch, tone + 0.10 * (stitch - 0.4)
    if rib:
        ribs = np.sin(x * 260 + y * 90)
        relief, tone = relief + 0.0012 * ribs, tone + 0.07 * ribs
    a = linear(css) * (1 + tone)[..., None]
    return Surface(a, relief, (0.18, 0.16, 0.15), 0.018, 8.0, 0.55)


def microphone(p: Points) -> dict[str, np.ndarray]:
    """Return the distance to a broadcast microphone on its arm, at the lower right."""
    x, y, _ = p
    a, b = (0.50, 1.02, 0.32), (0.62, 1.17, 0.30)
    grille = limb(p, a, b, 0.082, 0.082)
    grille = np.maximum(grille, -((x - a[0]) * 0.62 + (y - a[1]) * 0.78 + 0.055))
    body = limb(p, (0.60, 1.145, 0.30), (0.73, 1.305, 0.28), 0.076, 0.066)
    ring = limb(p, (0.592, 1.135, 0.302), (0.602, 1.147, 0.300), 0.087, 0.087)
    yoke = limb(p, (0.66, 1.225, 0.21), (0.88, 1.30, 0.20), 0.022, 0.024)
    arm = limb(p, (0.88, 1.30, 0.20), (1.06, 1.75, 0.18), 0.026, 0.026)
    return {"grille": grille, "metal": np.minimum(body, np.minimum(yoke, arm)), "ring": ring}


def mic_painters() -> dict[str, Painter]:
    """Return the painters of `microphone`."""

    def grille(x: np.ndarray, y: np.ndarray, z: np.ndarray, parts: dict[str, np.ndarray]) -> Surface:
        u, v = x * 0.78 - y * 0.62, x * 0.62 + y * 0.78
        mesh = np.sin(u * 420) * np.sin(v * 420)
        a = linear("#34363b") * (1 + 0.55 * mesh)[..., None]
        return Surface(a, 0.0020 * mesh, (0.1, 0.1, 0.1), 0.20, 20.0, 0.9)

    def plain(css: str, shine: float) -> Painter:
        return lambda x, y, z, parts: Surface(
            np.broadcast_to(linear(css), (*x.shape, 3)).copy(), 0.0, (0.05, 0.05, 0.05), shine, 24.0, 1.0
        )

    return {"grille": grille, "metal": plain("#1d1f23", 0.55), "ring": plain("#b9975a", 0.9)}
