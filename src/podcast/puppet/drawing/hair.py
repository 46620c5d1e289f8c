"""Hair styles and beards: volumes around the skull, and the flow of their strands.

A style gives the distance to its volume, and for shading two coordinates at a surface point: `u` counts across
the strands, `v` runs along them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from podcast.puppet.drawing.face import Face, lip_edges
from podcast.puppet.drawing.sdf import Noise, Points, bell, carve, ellipsoid, join, limb, step

_CLUMPS = Noise(11, 3.0)
_EDGE = Noise(12, 2.0)

Flow = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Style:
    """A hair style: its volume, the flow of its strands and whether they curl."""

    volume: Callable[[Face, Points, np.ndarray], np.ndarray]
    flow: Callable[[np.ndarray, np.ndarray, np.ndarray], Flow]
    curls: bool = False


def _lumps(u: np.ndarray, v: np.ndarray, depth: float, across: float = 9.0, along: float = 3.0) -> np.ndarray:
    return np.float32(depth) * _CLUMPS(u * np.float32(across), v * np.float32(along))


def _bob_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    part = x + np.float32(0.09) * step(0.1, -0.45, y)
    around = np.arctan2(part, np.maximum(z + np.float32(0.30), 0.03) * (0.55 + 0.45 * step(-0.5, 0.1, y)))
    sweep = np.float32(0.35) * bell(y + 0.30, 0.25) * np.sign(part)
    return around * 3.0 + sweep * y, y * 2 + np.abs(x)


def _bob(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    q = (np.abs(x), y, z)
    d = ellipsoid(p, (0, -0.13, -0.09), (f.skull + 0.060, 0.445, 0.465))
    d = join(d, ellipsoid(q, (f.skull - 0.055, 0.14, -0.03), (0.135, 0.335, 0.24)), 0.12)
    tips = limb(q, (f.skull + 0.03, 0.20, 0.02), (f.skull - 0.045, 0.425, 0.10), 0.075, 0.035)
    d = join(d, tips, 0.08)
    d = d - _lumps(*_bob_flow(x, y, z), 0.008) * step(-0.55, -0.2, y)
    face = ellipsoid(p, (0.015, 0.20, 0.36), (f.skull - 0.075, 0.42, 0.36))
    fringe = ellipsoid((x + 0.30 * (y + 0.22), y, z), (-0.09, -0.20, 0.42), (0.16, 0.185, 0.26))
    d = carve(d, join(face, fringe, 0.05), 0.035)
    d = carve(d, limb(p, (-0.085, -0.62, 0.30), (-0.085, -0.60, -0.1), 0.045, 0.045), 0.03)
    under = np.maximum(y - 0.40 - 0.03 * np.cos(x * 5), -0.5)
    return np.maximum(d, under - 0.02)


def _quiff_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    bend = 0.35 * (y + 0.35) + 0.20 * np.sin(y * 6 + x * 4)
    side = step(0.27, 0.35, np.abs(x))
    top = (x * 2.6 + bend) * 1.6
    return top * (1 - side) + (z * 2.2 + np.abs(x) + y * 0.5) * 1.6 * side, y * 2 - z


def _quiff(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    d = ellipsoid(p, (0, -0.135, -0.09), (f.skull + 0.020, 0.405, 0.425))
    top = ellipsoid((x, y + 0.10 * x, z), (0.01, -0.395, 0.06), (0.315, 0.165, 0.305))
    d = join(d, top, 0.10)
    lift = limb((x, y, z), (-0.17, -0.39, 0.255), (0.20, -0.445, 0.235), 0.070, 0.088)
    d = join(d, lift, 0.07)
    d = d - _lumps(*_quiff_flow(x, y, z), 0.020, 7.0, 2.0) * step(-0.15, -0.35, y)
    hairline = -0.285 - 0.030 * bell(x, 0.10) + 0.9 * np.maximum(np.abs(x) - 0.235, 0) ** 1.0 * 2.6
    face = np.maximum(hairline - y, -z - 0.02 + 0.5 * (np.abs(x) - 0.25)) * np.float32(0.6)
    d = carve(d, face, 0.05)
    burn = ellipsoid((np.abs(x), y, z), (f.skull - 0.004, -0.02, 0.02), (0.022, 0.16, 0.075))
    d = join(d, burn, 0.02)
    return np.maximum(d, y - 0.20)


def _coils_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    return np.arctan2(x, -(y + 0.15)) * 2 + z, np.hypot(x, y + 0.15) * 3 + z


def _coils(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    d = ellipsoid(p, (0, -0.205, -0.10), (f.skull + 0.155, 0.470, 0.47))
    d = join(d, ellipsoid((np.abs(x), y, z), (f.skull + 0.02, 0.02, -0.10), (0.15, 0.24, 0.26)), 0.10)
    big = np.sin(x * 17 + 2 * np.sin(y * 9)) * np.sin(y * 16 + 1.5 * np.sin(z * 11)) * np.sin(z * 15 + x * 5 + 1)
    small = np.sin(x * 47 + 3 * np.sin(y * 19 + z * 9)) * np.sin(y * 45 + 3 * np.sin(z * 21 + 1)) * np.sin(z * 43 + x * 11)
    d = d - np.float32(0.016) * big - np.float32(0.011) * small
    face = ellipsoid(p, (0, 0.145, 0.36), (f.skull - 0.058, 0.415, 0.40))
    return carve(d, face, 0.04)


def _combed_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    part = x + 0.12
    side = step(0.28, 0.36, np.abs(x))
    sweep = (y + 0.45) * 3.2 - np.sign(part) * x * 1.0 + 1.2 * part * part + z * 0.9
    return sweep * (1 - side) + (z * 2.2 + y * 0.6) * side, x * 2 + y


def _combed(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    d = ellipsoid(p, (0, -0.135, -0.09), (f.skull + 0.022, 0.410, 0.428))
    top = ellipsoid((x, y - 0.16 * (x + 0.10), z), (0.05, -0.405, 0.035), (0.305, 0.115, 0.300))
    d = join(d, top, 0.10)
    d = d - _lumps(*_combed_flow(x, y, z), 0.011, 8.0, 2.0)
    hairline = -0.315 + 0.050 * bell(x + 0.03, 0.10) - 0.03 * bell(x - 0.16, 0.06) + 2.4 * np.maximum(np.abs(x) - 0.255, 0)
    face = np.maximum(hairline - y, -z - 0.02 + 0.5 * (np.abs(x) - 0.25)) * np.float32(0.6)
    d = carve(d, face, 0.035)
    d = carve(d, limb(p, (-0.125, -0.57, 0.34), (-0.125, -0.56, -0.05), 0.020, 0.020), 0.03)
    burn = ellipsoid((np.abs(x), y, z), (f.skull - 0.004, -0.03, 0.02), (0.020, 0.15, 0.07))
    d = join(d, burn, 0.02)
    return np.maximum(d, y - 0.17)


STYLES = {
    "bob": Style(_bob, _bob_flow),
    "quiff": Style(_quiff, _quiff_flow),
    "coils": Style(_coils, _coils_flow, curls=True),
    "combed": Style(_combed, _combed_flow),
}


def beard_cover(f: Face, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how thick a full beard grows at (x, y), 0 … 1."""
    ax = np.abs(x)
    top, line, low = lip_edges(f, ax)
    cheek = 0.235 - 0.55 * np.maximum(ax - 0.13, 0) - 0.9 * np.maximum(ax - 0.235, 0) + 0.25 * np.maximum(0.13 - ax, 0)
    rough = 0.012 * _EDGE(x * 260, y * 260)
    cover = step(-0.02, 0.05, y - cheek + rough)
    lips = np.minimum(y - top + 0.004, low + 0.004 - y)
    lips = np.minimum(lips, (f.mouth_w - 0.004 - ax) * 0.8)
    cover = cover * step(0.010, -0.012, lips + 0.5 * rough)
    soul = 1 - 0.75 * bell(ax - 0.038, 0.018) * bell(y - f.mouth_y - f.lip_low - 0.016, 0.010)
    stache = step(f.nose_y + 0.030, f.nose_y + 0.048, y + rough * 0.5 - 0.10 * ax)
    return cover * soul * np.where(ax < 0.14, stache, 1) * step(0.56, 0.50, y)
