"""Signed distance fields in numpy, and a coarse-to-fine march along parallel rays.

Space: x to the viewer's right, y down, z towards the viewer; the unit is the height of the skull and face,
top of the skull at y = -0.5, chin at y = 0.5. A point set is a tuple of three float32 arrays.
The smooth unions and the ellipsoid bound are the well-known polynomial forms (Quilez, "distance functions").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

Points = tuple[np.ndarray, np.ndarray, np.ndarray]
Scene = Callable[[Points], dict[str, np.ndarray]]  # the distance to each material

FAR = np.float32(-1.2)  # z where a ray gives up
NEAR = np.float32(0.9)  # z where rays start
_HIT = 0.0012  # a hit, in head units: under a pixel at 700 px per unit
_CHUNK = 1 << 15  # points per call of the scene: stays in the processor's cache


def ellipsoid(p: Points, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    """Return the (bounded) distance to an ellipsoid."""
    x, y, z = ((a - np.float32(c)) / np.float32(r) for a, c, r in zip(p, centre, radii, strict=True))
    k0 = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / np.float32(radii[0]), y / np.float32(radii[1]), z / np.float32(radii[2])
    return k0 * (k0 - 1) / np.maximum(np.sqrt(x * x + y * y + z * z), np.float32(1e-4))


def ball(p: Points, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """Return the distance to a ball."""
    x, y, z = (a - np.float32(c) for a, c in zip(p, centre, strict=True))
    return np.sqrt(x * x + y * y + z * z) - np.float32(radius)


def limb(p: Points, a: tuple[float, float, float], b: tuple[float, float, float], ra: float, rb: float) -> np.ndarray:
    """Return the distance to a capsule from `a` to `b` whose radius goes from `ra` to `rb`."""
    ab = [np.float32(v - u) for u, v in zip(a, b, strict=True)]
    rel = [c - np.float32(u) for c, u in zip(p, a, strict=True)]
    t = np.clip(sum(r * d for r, d in zip(rel, ab, strict=True)) / np.float32(sum(d * d for d in ab)), 0, 1)
    x, y, z = (r - t * d for r, d in zip(rel, ab, strict=True))
    return np.sqrt(x * x + y * y + z * z) - (np.float32(ra) + t * np.float32(rb - ra))


def join(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Return the smooth union with a fillet of size `k`."""
    h = np.maximum(np.float32(k) - np.abs(a - b), 0) / np.float32(k)
    return np.minimum(a, b) - h * h * np.float32(k * 0.25)


def carve(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Return `a` without `b`, with a fillet of size `k`."""
    return -join(-a, b, k)


def step(lo: float, hi: float, x: np.ndarray) -> np.ndarray:
    """Return the smooth step from 0 at `lo` to 1 at `hi`."""
    t = np.clip((x - np.float32(lo)) / np.float32(hi - lo), 0, 1)
    return t * t * (3 - 2 * t)


def bell(x: np.ndarray, width: float) -> np.ndarray:
    """Return exp(-(x/width)²)."""
    t = x / np.float32(width)
    return np.exp(-t * t)


class Noise:
    """Smooth, tiling value noise in two dimensions from a fixed seed; values about -1 … 1."""

    SIZE = 512

    def __init__(self, seed: int, grain: float = 1.5) -> None:
        field = np.random.default_rng(seed).standard_normal((self.SIZE, self.SIZE)).astype(np.float32)
        field = cv2.GaussianBlur(np.tile(field, (2, 2)), (0, 0), grain)
        half = slice(self.SIZE // 2, self.SIZE // 2 + self.SIZE)  # the middle of four tiles is periodic
        field = field[half, half]
        self.field = np.clip(field / (2 * field.std()), -1.5, 1.5)

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the noise at (u, v); one grain is about 3 units."""
        shape = np.broadcast(u, v).shape
        size = np.float32(self.SIZE)
        u = np.ascontiguousarray(np.broadcast_to(np.mod(u, size), shape).reshape(1, -1), np.float32)
        v = np.ascontiguousarray(np.broadcast_to(np.mod(v, size), shape).reshape(1, -1), np.float32)
        wide = 1 << 14  # remap's widest picture is below 2^15
        parts = [
            cv2.remap(self.field, u[:, i : i + wide], v[:, i : i + wide], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
            for i in range(0, u.shape[1], wide)
        ]
        return np.concatenate(parts, 1).reshape(shape)


class View(NamedTuple):
    """A window on the scene, in head units, and its sampling."""

    x0: float
    y0: float
    x1: float
    y1: float
    scale: float  # pixels per unit

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return round((self.y1 - self.y0) * self.scale), round((self.x1 - self.x0) * self.scale)

    def finer(self, times: int) -> View:
        """Return the same window with `times` as many samples per axis, to the sample."""
        h, w = self.shape
        return View(self.x0, self.y0, self.x0 + w / self.scale, self.y0 + h / self.scale, self.scale * times)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y of the pixel centres, float32 (h, w) each."""
        h, w = self.shape
        x = np.float32(self.x0) + (np.arange(w, dtype=np.float32) + 0.5) / np.float32(self.scale)
        y = np.float32(self.y0) + (np.arange(h, dtype=np.float32) + 0.5) / np.float32(self.scale)
        return np.tile(x, (h, 1)), np.tile(y[:, None], (1, w))


def _nearest(scene: Scene, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    parts = scene((x, y, z))
    return np.minimum.reduce(list(parts.values()))


def _surface(scene: Scene, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    """Lift rays that start inside the matter out of it, in place."""
    deep = np.arange(len(z))
    for _ in range(6):
        d = _nearest(scene, x[deep], y[deep], z[deep])
        deep = deep[d < 0.002]
        if not len(deep):
            return
        z[deep] += np.float32(0.02) - 1.2 * np.minimum(d[d < 0.002], 0)


def _descend(scene: Scene, x: np.ndarray, y: np.ndarray, z: np.ndarray, steps: int, slack: float) -> np.ndarray:
    """March flat arrays of rays down from z; returns z of the hits, FAR for misses."""
    out = np.full_like(z, FAR)
    for i in range(0, len(z), _CHUNK):
        part = slice(i, i + _CHUNK)
        live = np.arange(len(z))[part]
        cx, cy, cz = x[part].copy(), y[part].copy(), z[part].copy()
        _surface(scene, cx, cy, cz)
        for _ in range(steps):
            d = _nearest(scene, cx, cy, cz)
            hit = d < slack
            out[live[hit]] = (cz - d)[hit]
            cz = cz - d * np.float32(0.85)
            keep = ~hit & (cz > FAR)
            live, cx, cy, cz = live[keep], cx[keep], cy[keep], cz[keep]
            if not len(live):
                break
        else:
            d = _nearest(scene, cx, cy, cz)
            near = d < 4 * slack
            out[live[near]] = (cz - d)[near]
    return out


def march(scene: Scene, view: View) -> np.ndarray:
    """Return the depth z of the first surface on every pixel's ray, float32 (h, w), FAR where there is none."""
    x, y = view.grid()
    h, w = x.shape
    if view.scale <= 160:
        start = np.full(h * w, NEAR, np.float32)
        return _descend(scene, x.ravel(), y.ravel(), start, 70, _HIT * 2).reshape(h, w)
    coarse = march(scene, view._replace(scale=view.scale / 4))
    high = cv2.dilate(coarse, np.ones((3, 3), np.uint8))
    start = cv2.resize(high, (w, h), interpolation=cv2.INTER_NEAREST) + np.float32(0.012)
    out = np.full(h * w, FAR, np.float32)
    rays = np.flatnonzero(start.ravel() > FAR + 0.1)
    out[rays] = _descend(scene, x.ravel()[rays], y.ravel()[rays], start.ravel()[rays], 45, _HIT)
    return out.reshape(h, w)


def materials(scene: Scene, view: View, z: np.ndarray) -> dict[str, np.ndarray]:
    """Return the distance to every material at the surface, each float32 (h, w)."""
    x, y = view.grid()
    flat = [a.ravel() for a in (x, y, z)]
    parts = [
        scene((flat[0][i : i + _CHUNK], flat[1][i : i + _CHUNK], flat[2][i : i + _CHUNK]))
        for i in range(0, z.size, _CHUNK)
    ]
    return {name: np.concatenate([part[name] for part in parts]).reshape(z.shape) for name in parts[0]}
