"""A presenter's look, and the painters of skin, eyes, hair and what is worn on the head."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from podcast.puppet.drawing.face import Face, eyeballs, lid_edges, lip_edges, skin
from podcast.puppet.drawing.hair import STYLES, beard_cover, coil_relief
from podcast.puppet.drawing.light import linear
from podcast.puppet.drawing.paint import Painter, Surface, grain, strand_relief
from podcast.puppet.drawing.sdf import Points, Scene, bell, step


@dataclass(frozen=True)
class Look:
    """Everything about a presenter's head that is not shape."""

    face: Face
    hair: str
    skin: str = "#c68863"
    blush: str = "#b5543f"
    lips: str = "#a94f47"
    hair_colour: str = "#1d1410"
    hair_shine: float = 0.5
    brow_colour: str = "#1d1410"
    iris: str = "#5a3a1e"
    beard: str = ""  # colour, none if empty
    freckles: float = 0.0
    shadow: str = ""  # eye shadow colour, none if empty
    lashes: float = 0.006  # thickness of the lash line
    earrings: bool = False
    glasses: str = ""  # "square", "round" or none
    glasses_colour: str = "#2a1a10"
    spots: float = 0.0  # age spots
    stubble: float = 0.0
    extras: tuple[str, ...] = field(default=())


def scene(look: Look, shut: bool = False, hair: bool = True) -> Scene:
    """Return the head's scene: skin, eyes, hair, beard, earrings."""
    f, style = look.face, STYLES[look.hair]

    def parts(p: Points) -> dict[str, np.ndarray]:
        d = skin(f, p, shut)
        out = {"skin": d, "eye": eyeballs(f, p)}
        if hair:
            out["hair"] = style.volume(f, p, d)
        if look.beard:
            out["beard"] = (
                d
                + np.float32(0.008)
                - np.float32(0.034)
                * beard_cover(f, p[0], p[1])
                * step(-0.10, 0.0, p[2] - 0.10 * step(0.40, 0.46, p[1]))
            )
        if look.earrings:
            out["metal"] = _earrings(f, p)
        return out

    return parts


def _earrings(f: Face, p: Points) -> np.ndarray:
    x, y, z = np.abs(p[0]) - (f.skull - 0.018), p[1] - 0.232, p[2] - 0.005
    ring = np.hypot(np.hypot(x * 1.2, y) - 0.058, z) - 0.0080
    return np.minimum(ring, np.hypot(np.hypot(x, y + 0.07), z - 0.01) - 0.012).astype(np.float32)


def painters(look: Look, shut: bool = False) -> dict[str, Painter]:
    """Return the painter of each material of `scene`."""
    return {
        "skin": lambda x, y, z, parts: _skin(look, x, y, z, parts, shut),
        "eye": lambda x, y, z, parts: _eye(look, x, y, z),
        "hair": lambda x, y, z, parts: _hair(look, x, y, z),
        "beard": lambda x, y, z, parts: _beard(look, x, y, z),
        "metal": lambda x, y, z, parts: _metal(x),
    }


def _mix(a: np.ndarray, b: np.ndarray, m: np.ndarray) -> np.ndarray:
    return a + (b - a) * m[..., None]


def _skin(look: Look, x: np.ndarray, y: np.ndarray, z: np.ndarray, parts: dict[str, np.ndarray], shut: bool) -> Surface:
    f = look.face
    ax = np.abs(x)
    base, blush = linear(look.skin), linear(look.blush)
    a = np.broadcast_to(base, (*x.shape, 3)) * (1 + 0.045 * grain(x, y, 40) + 0.03 * grain(x + 3, y, 150))[..., None]
    cheeks = bell(ax - 0.205, 0.095) * bell(y - 0.165, 0.085)
    red = np.clip(
        0.55 * cheeks
        + 0.5 * bell(x, 0.055) * bell(y - f.nose_y, 0.05) * (z > 0.3)
        + 0.5 * step(f.skull - 0.03, f.skull + 0.03, ax) * bell(y - 0.08, 0.12)
        + 0.22 * bell(x, 0.1) * bell(y - f.chin_y, 0.05),
        0,
        1,
    )
    a = _mix(a, blush, red * 0.55)
    hollow = bell(ax - f.eye_x + 0.01, 0.085) * bell(y - f.eye_y, 0.062)
    a = a * (1 - 0.16 * hollow)[..., None]
    if look.freckles:
        a = a * (1 - look.freckles * _freckles(x, y, z))[..., None]
    if look.spots:
        spots = step(0.75, 1.1, grain(x + 1.7, y + 0.3, 26)) * (
            bell(y + 0.2, 0.12) + bell(ax - 0.27, 0.06) * bell(y - 0.08, 0.1)
        )
        a = a * (1 - 0.22 * look.spots * spots)[..., None]
    if look.stubble:
        shade = beard_cover(f, x, y) * (1 - 0.3 * np.abs(grain(x, y, 300)))
        a = _mix(a, linear("#55463f"), look.stubble * shade * 0.6)
    if look.beard:
        a = _mix(a, linear(look.beard) * 1.5, 0.75 * beard_cover(f, x, y))
    a, lips = _lips(look, a, x, y, z)
    a, lash = _lids(look, a, x, y, z, shut)
    pores = 0.00028 * grain(x, y, 330) + 0.0004 * grain(x, y, 120)
    creases = 0.0009 * lips * grain(x, np.zeros_like(y), 230)
    oil = 0.075 + 0.07 * bell(x, 0.06) * step(-0.4, 0.25, y) + 0.05 * cheeks
    shine = np.where(lips > 0, oil + 0.16 * lips, oil) * (1 - lash)
    return Surface(a, pores * (1 - lips) + creases, (0.42, 0.17, 0.11), shine, 26.0, 0.55, None, 1 - 0.9 * lash)


def _freckles(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    where = bell(np.abs(x) - 0.13, 0.13) * bell(y - 0.14, 0.08) * (z > 0.1)
    return step(0.62, 1.0, grain(x, y, 125)) * where


def _lips(look: Look, a: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    f = look.face
    top, line, low = lip_edges(f, x)
    soft = 0.006
    mask = (
        step(-soft, soft * 0.7, y - top)
        * step(-soft, soft * 0.7, low - y)
        * step(f.mouth_w * 1.02, f.mouth_w * 0.93, np.abs(x))
    )
    mask = mask * (z > 0.15)
    colour = linear(look.lips) * (1 - 0.30 * (y < line) - 0.05 * bell(y - low, 0.01))[..., None]
    dark = bell(y - line, 0.0045) * step(f.mouth_w * 1.05, f.mouth_w * 0.9, np.abs(x)) * (z > 0.15)
    a = _mix(a, colour, mask * 0.92)
    return _mix(a, linear("#2a0f0d"), dark * 0.75), mask


def _lids(
    look: Look, a: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, shut: bool
) -> tuple[np.ndarray, np.ndarray]:
    f = look.face
    ax = np.abs(x)
    top, low = lid_edges(f, ax)
    edge = low if shut else top
    t = (ax - f.eye_x) / f.eye_w
    span = step(1.10, 0.97, np.abs(t)) * (z > 0.1)
    if look.shadow:
        tint = step(-0.052, -0.004, y - edge) * step(0.004, -0.002, y - edge) * step(1.35, 0.8, np.abs(t))
        if shut:
            tint = step(-0.03, 0.02, y - top) * step(0.004, -0.002, y - edge) * step(1.3, 0.8, np.abs(t))
        a = _mix(a, linear(look.shadow), 0.6 * tint * (z > 0.1))
    if shut:  # the lid's rim above the lashes, and its fold
        fold = bell(y - top + 0.022, 0.006) * step(1.15, 0.7, np.abs(t)) * (z > 0.1)
        a = a * (1 - 0.16 * bell(y - edge + 0.012, 0.012) * span - 0.20 * fold)[..., None]
    thick = look.lashes * (0.55 + 0.45 * step(-0.9, 0.6, t))
    lash = step(1.35, 0.55, np.abs(y - edge + 0.4 * thick) / thick) * span
    wing_y = f.eye_y - f.eye_tilt * f.eye_w - 0.55 * (ax - f.eye_x - f.eye_w)
    wing = bell(y - wing_y, look.lashes * 0.55) * step(0.9, 1.0, t) * step(1.0 + look.lashes * 26, 1.0, t)
    lash = np.maximum(lash, wing * (look.lashes > 0.007)) * (z > 0.1)
    waterline = 0.0 if shut else bell(y - low - 0.002, 0.004) * span * 0.35
    a = _mix(a, linear("#7c3b33"), np.asarray(waterline, np.float32) * np.ones_like(x))
    return _mix(a, linear("#120b09"), lash), lash


def _eye(look: Look, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Surface:
    f = look.face
    ax = np.abs(x)
    r = np.hypot((ax - f.eye_x) / f.eye_w, (y - f.eye_y) / (f.eye_w * 0.9))
    a = np.broadcast_to(linear("#e9e6e4"), (*x.shape, 3)) * (1 - 0.30 * step(0.5, 1.05, r))[..., None]
    a = _mix(a, linear("#c98a7c"), 0.45 * bell(ax - f.eye_x + f.eye_w, 0.018))
    return Surface(a, 0.0, (0.30, 0.22, 0.20), 0.10, 120.0, 0.1, None, 0.0)


def _hair(look: Look, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Surface:
    style = STYLES[look.hair]
    u, v = style.flow(x, y, z)
    base = linear(look.hair_colour)
    if style.curls:
        puff, coil = coil_relief(u, v)
        a = base * (0.45 + 0.55 * puff + 0.9 * coil)[..., None]
        relief = 0.003 * grain(x, y, 260)
        return Surface(a, relief, (0.30, 0.25, 0.22), (0.05 + 0.16 * coil) * look.hair_shine, 9.0, 1.0)
    relief, tone = strand_relief(u, v, 105)
    a = base * (1 + 0.55 * tone)[..., None]
    shine = look.hair_shine * np.clip(0.65 + 0.75 * tone, 0.1, 1.6)
    if style.dull is not None:
        shine = shine * (1 - style.dull(look.face, x, y))
    return Surface(a, 0.0028 * relief, (0.22, 0.2, 0.18), shine, 34.0, 1.0, (u, v), tint=(1.0, 0.93, 0.86))


def _beard(look: Look, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Surface:
    f = look.face
    cover = beard_cover(f, x, y)
    ax = np.abs(x)
    wave = 0.05 * np.sin(x * 23 + 3 * np.sin(y * 14)) + 0.25 * ax * np.sin(y * 17 + 4 * ax)
    u = x * (2.0 - 1.1 * step(0.10, 0.50, y)) + wave
    relief, tone = strand_relief(u, y * 1.3, 150)
    short = grain(x + 0.25 * y * np.tanh(x * 12), y * 0.30, 300)
    tone = 0.55 * tone + 0.55 * short
    a = linear(look.beard) * (1 + 0.60 * tone + 0.35 * bell(y - 0.27, 0.05) * bell(ax, 0.12))[..., None]
    a = _mix(linear(look.skin) * 0.72 * np.ones_like(a), a, step(0.05, 0.42, cover + 0.18 * short))
    return Surface(
        a,
        0.0050 * relief + 0.0035 * short,
        (0.30, 0.25, 0.22),
        0.035 + 0.03 * tone,
        9.0,
        0.35,
        tint=(1.0, 0.90, 0.78),
    )


def _metal(x: np.ndarray) -> Surface:
    a = np.broadcast_to(linear("#c9932f"), (*x.shape, 3)).copy()
    return Surface(a, 0.0, (0.0, 0.0, 0.0), 1.6 + 0 * x, 22.0, 1.4, tint=(1.0, 0.85, 0.55))
