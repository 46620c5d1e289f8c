"""Materials and pictures: from a scene of distances to shaded RGBA and depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet.drawing import light
from podcast.puppet.drawing.sdf import FAR, Noise, Scene, View, march, materials, step

OVERSAMPLE = 2  # samples per pixel and axis

_STRANDS = Noise(21, 1.2)
_GRAIN = Noise(22, 1.0)


@dataclass
class Surface:
    """What a material paints: albedo, and how it answers light; all maps are (h, w) or (h, w, 3)."""

    albedo: np.ndarray
    relief: np.ndarray | float = 0.0  # added to z before the normals are taken, head units
    wrap: tuple[float, float, float] = (0.10, 0.10, 0.10)
    shine: np.ndarray | float = 0.0  # strength of the highlight
    power: float = 40.0
    rim: float = 0.5
    tangent: tuple[np.ndarray, np.ndarray] | None = None  # strand coordinates u, v
    glow: np.ndarray | float = 0.0  # scattering weight (skin)
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)  # colour of the highlight


Painter = Callable[[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]], Surface]


@dataclass(frozen=True)
class Shot:
    """A shaded picture: straight RGBA float32 0 … 255, and depth z (NaN outside)."""

    rgba: np.ndarray
    z: np.ndarray


def picture(scene: Scene, painters: dict[str, Painter], view: View, show: tuple[str, ...] | None = None) -> Shot:
    """Render a scene; materials not in `show` cast light and shadow but are left out."""
    fine = view.finer(OVERSAMPLE)
    z = march(scene, fine)
    parts = materials(scene, fine, z)
    inside = z > FAR
    names = list(parts)
    nearest = np.argmin(np.stack([parts[n] for n in names]), 0)
    x, y = fine.grid()
    rgb = np.zeros((*z.shape, 3), np.float32)
    which = {name: inside & (nearest == i) for i, name in enumerate(names)}
    surfaces = {name: painters[name](x, y, z, parts) for name in names if which[name].any()}
    bumpy = z.copy()
    for name, s in surfaces.items():
        bumpy += np.where(which[name], s.relief, 0).astype(np.float32)
    n = light.normals(bumpy, fine.scale)
    ao = light.occlusion(z, inside, fine.scale)
    lit = light.shadow(z, inside, fine.scale, light.KEY)
    for name, s in surfaces.items():
        mask = which[name]
        rgb[mask] = _shade(s, n, ao, lit, z, mask, fine.scale)[mask]
    seen = inside if show is None else inside & np.isin(nearest, [names.index(s) for s in show if s in names])
    alpha = seen.astype(np.float32)
    return Shot(_shrink(light.display(rgb), alpha), _depth(z, alpha > 0))


def _shade(
    s: Surface, n: np.ndarray, ao: np.ndarray, lit: np.ndarray, z: np.ndarray, mask: np.ndarray, scale: float
) -> np.ndarray:
    body = light.diffuse(n, lit, ao, np.array(s.wrap, np.float32))
    if np.any(s.glow):
        body = light.scatter(body, (mask * s.glow).astype(np.float32), scale)
    out = s.albedo * body
    open_ = (ao * (0.25 + 0.75 * lit))[..., None]
    tint = np.array(s.tint, np.float32)
    if s.tangent is not None:
        t = tangents(*s.tangent, z, scale)
        strength = np.asarray(s.shine, np.float32)[..., None]
        first = light.strands(t, light.KEY, s.power * 2)[..., None]
        second = light.strands(t, light.FILL, s.power)[..., None]
        facing = step(0.15, 0.75, n[..., 2:3])
        out = out + (first * 0.8 * tint + second * 0.25 * np.sqrt(s.albedo)) * strength * open_ * facing
    elif np.any(s.shine):
        spot = light.gloss(n, light.KEY, s.power) + 0.25 * light.gloss(n, light.FILL, s.power)
        out = out + (spot * s.shine)[..., None] * open_ * tint
    return out + light.edge(n) * s.rim * ao[..., None] * (0.25 + np.sqrt(s.albedo))


def tangents(u: np.ndarray, v: np.ndarray, z: np.ndarray, scale: float) -> np.ndarray:
    """Return unit vectors along the strands, perpendicular to the change of `u` on the surface."""
    gx, gy = np.gradient(u, axis=1), np.gradient(u, axis=0)
    length = np.maximum(np.hypot(gx, gy), 1e-6)
    tx, ty = cv2.GaussianBlur(-gy / length, (0, 0), 1.5), cv2.GaussianBlur(gx / length, (0, 0), 1.5)
    soft = cv2.GaussianBlur(np.maximum(z, -0.6), (0, 0), 3.0)
    tz = (np.gradient(soft, axis=1) * tx + np.gradient(soft, axis=0) * ty) * scale
    t = np.stack([tx, ty, np.clip(tz, -3, 3)], -1).astype(np.float32)
    return t / np.maximum(np.linalg.norm(t, axis=-1, keepdims=True), 1e-6)


def _shrink(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    h, w = alpha.shape
    size = (w // OVERSAMPLE, h // OVERSAMPLE)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(rgb * alpha[..., None], size, interpolation=cv2.INTER_AREA) / np.maximum(small[..., None], 1e-3)
    return np.dstack([colour, small * 255]).astype(np.float32)


def _depth(z: np.ndarray, inside: np.ndarray) -> np.ndarray:
    near = np.where(inside, z, np.nan)[::OVERSAMPLE, ::OVERSAMPLE]
    return near.astype(np.float32)


def strand_relief(u: np.ndarray, v: np.ndarray, fine: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the relief and the brightness of single strands at strand coordinates, each about -1 … 1."""
    coarse = _STRANDS(u * np.float32(fine * 0.30), v * np.float32(5))
    single = _STRANDS(u * np.float32(fine), v * np.float32(7))
    hair = _STRANDS(u * np.float32(fine * 2.3) + 70, v * np.float32(9))
    return 0.5 * coarse + 0.4 * single + 0.2 * hair, 0.4 * coarse + 0.4 * single + 0.35 * hair


def grain(x: np.ndarray, y: np.ndarray, per_unit: float) -> np.ndarray:
    """Return fine grain, about -1 … 1, `per_unit` noise cells to the head unit."""
    return _GRAIN(x * np.float32(per_unit), y * np.float32(per_unit))
