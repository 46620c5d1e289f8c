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
    dull: Callable[[Face, np.ndarray, np.ndarray], np.ndarray] | None = None  # where it shines less, 0 … 1


def _lumps(u: np.ndarray, v: np.ndarray, depth: float, across: float = 9.0, along: float = 3.0) -> np.ndarray:
    return np.float32(depth) * _CLUMPS(u * np.float32(across), v * np.float32(along))


def _blunt(d: np.ndarray, other: np.ndarray, k: float) -> np.ndarray:
    """Smooth intersection."""
    return -join(-d, -other, k)


def _fall(x: np.ndarray, y: np.ndarray, px: float, py: float, curl: float) -> Flow:
    """Strands that fan out from a point on the parting and bend as they fall."""
    dx, dy = x - np.float32(px), y - np.float32(py)
    r = np.hypot(dx, dy)
    return np.arctan2(dx, dy) * np.float32(1.35) + np.float32(curl) * r * np.sign(dx) + 3.0, r * 2.2


def _bob_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    return _fall(x, y, -0.095, -0.66, -0.50)


def _bob(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    ax = np.abs(x)
    q = (ax, y, z)
    d = ellipsoid(p, (0, -0.135, -0.09), (f.skull + 0.055, 0.445, 0.465))
    d = join(d, ellipsoid(q, (f.skull - 0.060, 0.13, -0.02), (0.142, 0.36, 0.26)), 0.12)
    d = join(d, limb(q, (f.skull + 0.010, 0.18, 0.03), (f.skull - 0.055, 0.40, 0.14), 0.072, 0.040), 0.08)
    u, v = _bob_flow(x, y, z)
    d = d - _lumps(u, v, 0.011, 11.0, 1.2) * step(-0.50, -0.1, y)
    strand = 0.008 * _EDGE(u * 60, v * 4)
    calm = strand * step(0.05, 0.20, np.abs(x + 0.105))
    right = x + np.float32(0.105)
    brow = -0.335 + np.where(right > 0, 1.02 * np.maximum(right, 0) ** 1.35, 6.5 * right * right) + calm
    side = f.skull - 0.082 + 0.035 * step(0.05, 0.30, y) - 0.03 * step(0.30, 0.42, y) + strand
    face = _blunt((brow - y) * np.float32(0.75), ax - side, 0.12)
    slant = np.float32(0.25) * (z - np.float32(0.25))  # a wider opening in front: no wall faces the light
    d = carve(d, np.maximum(face - slant, -0.02 - z), 0.075)
    d = carve(d, limb(p, (-0.095, -0.625, 0.30), (-0.095, -0.615, -0.1), 0.045, 0.045), 0.03)
    tips = y - 0.415 + 0.10 * np.maximum(0.33 - ax, 0) + 1.5 * strand
    return _blunt(d, tips, 0.10)


def _waves_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    u, v = _fall(-x, y, -0.11, -0.70, -0.45)
    return u + 0.050 * np.sin(y * 30 + 5 * np.abs(x)) * step(-0.45, 0.0, y), v


def _waves(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    ax = np.abs(x)
    q = (ax, y, z)
    d = ellipsoid(p, (0, -0.140, -0.09), (f.skull + 0.060, 0.440, 0.460))
    d = join(d, ellipsoid(q, (f.skull - 0.055, 0.05, -0.03), (0.150, 0.30, 0.25)), 0.12)
    u, v = _waves_flow(x, y, z)
    swell = np.sin(y * 30 + 5 * ax) * step(-0.40, 0.05, y)
    d = d - np.float32(0.012) * swell - _lumps(u, v, 0.012, 10.0, 1.2) * step(-0.50, -0.1, y)
    strand = 0.007 * _EDGE(u * 60, v * 4)
    left = -x + np.float32(0.11)
    brow = -0.330 + np.where(left > 0, 0.85 * np.maximum(left, 0) ** 1.30, 6.0 * left * left)
    side = f.skull - 0.072 + 0.020 * np.sin(y * 30) * step(-0.1, 0.1, y) + strand
    face = _blunt((brow - y) * np.float32(0.75), ax - side, 0.12)
    slant = np.float32(0.25) * (z - np.float32(0.25))
    d = carve(d, np.maximum(face - slant, -0.02 - z), 0.075)
    return _blunt(d, y - 0.275 + 1.5 * strand, 0.12)


def _crop_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    side = step(0.25, 0.34, np.abs(x))
    top = (x * 2.2 + 0.10 * np.sin(y * 17 + x * 9) + 0.5 * x * (y + 0.4)) * 1.7
    return top * (1 - side) + (z * 2.2 + np.abs(x) + y * 0.5) * 1.6 * side, y * 2 - z


def _crop(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    d = ellipsoid(p, (0, -0.135, -0.09), (f.skull + 0.016, 0.405, 0.425))
    d = join(d, ellipsoid(p, (0.0, -0.400, 0.05), (0.300, 0.135, 0.300)), 0.10)
    u, v = _crop_flow(x, y, z)
    tufts = np.abs(_CLUMPS(u * 16, v * 9)) * step(0.34, 0.26, np.abs(x)) * step(-0.20, -0.36, y)
    d = d - np.float32(0.030) * tufts - _lumps(u, v, 0.008, 8.0, 3.0) * step(-0.15, -0.35, y)
    rough = 0.022 * _EDGE(x * 130, y * 20)
    hairline = -0.290 - 0.012 * np.cos(x * 18) + rough + 3.0 * np.maximum(np.abs(x) - 0.250 + 0.3 * rough, 0)
    face = np.maximum(hairline - y, -z - 0.02 + 0.5 * (np.abs(x) - 0.25)) * np.float32(0.6)
    d = carve(d, face, 0.04)
    burn = ellipsoid((np.abs(x), y, z), (f.skull - 0.006, -0.03, 0.02), (0.018, 0.15, 0.075))
    return np.maximum(join(d, burn, 0.02), y - 0.15)


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
    rough = 0.014 * _EDGE(x * 150, y * 30)
    hairline = -0.285 + 0.018 * bell(x, 0.09) - 0.028 * bell(np.abs(x) - 0.17, 0.07) + rough
    hairline = hairline + 3.0 * np.maximum(np.abs(x) - 0.245 + 0.3 * rough, 0)
    face = np.maximum(hairline - y, -z - 0.02 + 0.5 * (np.abs(x) - 0.25)) * np.float32(0.6)
    d = carve(d, face, 0.05)
    burn = ellipsoid((np.abs(x), y, z), (f.skull - 0.004, -0.02, 0.02), (0.022, 0.16, 0.075))
    d = join(d, burn, 0.02)
    return np.maximum(d, y - 0.20)


_COILS, _FRIZZ = Noise(13, 2.0), Noise(14, 1.3)


def _coils_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    """Angles round the middle of the hair."""
    up = np.arctan2(y + 0.16, np.hypot(x, z + 0.10) + 1e-3)
    return np.arctan2(x, z + 0.10) * np.cos(up * 0.8), up


def coil_relief(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return puffs and single coils at angles (u, v), each 0 … 1 with creases at 0."""
    puff = np.sqrt(np.minimum(np.abs(_COILS(u * 42 + 200, v * 42 + 200)) * 1.3, 1))
    wu, wv = 3 * _FRIZZ(u * 60 + 90, v * 60), 3 * _FRIZZ(u * 60, v * 60 + 90)
    coil = np.minimum(np.abs(_FRIZZ(u * 120 + 250 + wu, v * 120 + 250 + wv)) * 1.4, 1)
    return puff, coil


def _coils(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    d = ellipsoid(p, (0, -0.195, -0.10), (f.skull + 0.105, 0.425, 0.44))
    d = join(d, ellipsoid((np.abs(x), y, z), (f.skull + 0.000, -0.02, -0.10), (0.122, 0.210, 0.25)), 0.10)
    puff, coil = coil_relief(*_coils_flow(x, y, z))
    big = np.sin(x * 13 + 2 * np.sin(y * 7)) * np.sin(y * 12 + 1.5 * np.sin(z * 8))
    d = d - np.float32(0.012) * big - np.float32(0.024) * puff - np.float32(0.012) * coil
    face = ellipsoid(p, (0, 0.150, 0.36), (f.skull - 0.050, 0.430, 0.40))
    return carve(d, face, 0.03) * np.float32(0.8)


def _combed_flow(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Flow:
    side = step(0.29, 0.36, np.abs(x))
    dx = x + np.float32(0.125)
    away = np.sqrt(dx * dx + 0.0015)
    top = 2.2 * y - 1.7 * away + 1.3 * away * away + 0.05 * np.sin(x * 19 + y * 7) + 2.0
    return (top * (1 - side) + (z * 2.0 + y * 0.5 + 1.0) * side) * 1.9, x * 2 + y


def _combed(f: Face, p: Points, skin: np.ndarray) -> np.ndarray:
    x, y, z = p
    d = ellipsoid(p, (0, -0.135, -0.09), (f.skull + 0.022, 0.410, 0.428))
    top = ellipsoid((x, y - 0.16 * (x + 0.10), z), (0.05, -0.405, 0.035), (0.305, 0.115, 0.300))
    d = join(d, top, 0.10)
    d = d - _lumps(*_combed_flow(x, y, z), 0.011, 8.0, 2.0)
    rough = 0.014 * _EDGE(x * 150, y * 30)
    hairline = -0.330 + 0.045 * bell(x + 0.02, 0.09) - 0.03 * bell(x - 0.17, 0.06) + rough
    hairline = hairline + 2.8 * np.maximum(np.abs(x) - 0.260 + 0.3 * rough, 0)
    face = np.maximum(hairline - y, -z - 0.02 + 0.5 * (np.abs(x) - 0.25)) * np.float32(0.6)
    d = carve(d, face, 0.035)
    d = carve(d, limb(p, (-0.125, -0.57, 0.34), (-0.125, -0.56, -0.05), 0.020, 0.020), 0.03)
    burn = ellipsoid((np.abs(x), y, z), (f.skull - 0.010, -0.03, 0.02), (0.018, 0.15, 0.07))
    d = join(d, burn, 0.02)
    return np.maximum(d, y - 0.17)


def _bob_dull(f: Face, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The inner edge beside the face, which would catch the light in a hard line."""
    return 0.85 * bell(np.abs(x) - f.skull + 0.065, 0.055) * step(-0.12, 0.06, y)


STYLES = {
    "bob": Style(_bob, _bob_flow, dull=_bob_dull),
    "waves": Style(_waves, _waves_flow, dull=_bob_dull),
    "crop": Style(_crop, _crop_flow),
    "quiff": Style(_quiff, _quiff_flow),
    "coils": Style(_coils, _coils_flow, curls=True),
    "combed": Style(_combed, _combed_flow),
}


def beard_cover(f: Face, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how thick a full beard grows at (x, y), 0 … 1."""
    ax = np.abs(x)
    top, _, low = lip_edges(f, ax)
    hairs = 0.7 * _EDGE(x * 330, y * 90) + 0.5 * _EDGE(x * 700 + 9, y * 160)
    cheek = 0.262 - 0.40 * np.maximum(ax - 0.12, 0) - 1.5 * np.maximum(ax - 0.235, 0) ** 1.1
    cover = step(-0.030, 0.045, y - cheek + 0.016 * hairs)
    lips = np.minimum(np.minimum(y - top, low - y), (f.mouth_w - ax) * 0.8)
    cover = cover * step(0.004, -0.012, lips + 0.003 * hairs)
    stache = step(f.nose_y + 0.034, f.nose_y + 0.056, y + 0.006 * hairs - 0.06 * ax + 0.012 * bell(ax, 0.012))
    cover = cover * np.where(ax < 0.15, stache, 1)
    return cover * step(0.345, 0.325, ax) * step(0.540, 0.455, y + 0.010 * hairs)
