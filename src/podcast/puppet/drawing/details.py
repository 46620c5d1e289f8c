"""Small parts drawn flat: iris, highlight, brows, teeth, tongue; and the glasses' scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from podcast.puppet.drawing import light
from podcast.puppet.drawing.face import Face
from podcast.puppet.drawing.light import linear
from podcast.puppet.drawing.paint import Painter, Surface, strand_relief
from podcast.puppet.drawing.sdf import Noise, Points, Scene, View, bell, join, limb, step

IRIS = 0.051  # radius, head units
_FIBRES = Noise(41, 1.4)


@dataclass(frozen=True)
class BrowShape:
    """One brow from the nose outwards, head units."""

    inner: float = 0.062  # x of the inner end
    outer: float = 0.252
    y: float = -0.082  # height of the inner end
    arch: float = 0.030
    tail: float = 0.014  # how far the outer end lies above the inner
    thick: float = 0.017
    dense: float = 1.0


def iris(css: str, per_unit: float) -> np.ndarray:
    """Return the iris as straight RGBA float32 0 … 255, centred."""
    n = int(2 * (IRIS + 0.004) * per_unit) // 2 * 2 + 2
    c = (np.arange(n * 4, dtype=np.float32) + 0.5) / 4 - n / 2
    x, y = np.meshgrid(c / per_unit / IRIS, c / per_unit / IRIS)
    r, a = np.hypot(x, y), np.arctan2(y, x)
    base = linear(css)
    fibre = 0.6 * _FIBRES(a * 24 + 100, r * 5) + 0.5 * _FIBRES(a * 60 + 37, r * 3)
    rgb = base * (1.15 + 0.45 * fibre * step(0.3, 0.6, r))[..., None]
    rgb = rgb * (0.55 + 1.25 * bell(x, 0.75) * bell(y - 0.62, 0.55))[..., None]
    rgb = rgb + 0.30 * base * (bell(r - 0.56, 0.14) * np.clip(0.5 + 0.5 * y, 0, 1))[..., None]
    rgb = rgb * (1 - 0.80 * step(0.80, 0.97, r))[..., None] * (1 - 0.45 * step(0.1, -0.9, y))[..., None]
    pupil = step(0.46, 0.40, r)[..., None]
    rgb = rgb * (1 - pupil) + linear("#07060a") * pupil
    alpha = step(1.0, 0.94, r) * 255
    return _fold(np.dstack([light.display(rgb), alpha]), 4)


def shine(per_unit: float) -> np.ndarray:
    """Return the eye's highlights as straight RGBA, centred on the eye."""
    n = int(0.11 * per_unit) // 2 * 2
    c = ((np.arange(n * 4, dtype=np.float32) + 0.5) / 4 - n / 2) / per_unit
    x, y = np.meshgrid(c, c)
    big = step(1.25, 0.75, np.hypot((x + 0.017) / 0.0125, (y + 0.019) / 0.0145)) * 0.95
    small = step(1.4, 0.6, np.hypot(x - 0.018, y - 0.020) / 0.006) * 0.45
    alpha = np.maximum(big, small) * 255
    return _fold(np.dstack([np.full_like(x, 255), np.full_like(x, 253), np.full_like(x, 250), alpha]), 4)


def _fold(fine: np.ndarray, k: int) -> np.ndarray:
    """Average k x k samples, colours weighted by alpha."""
    h, w = fine.shape[0] // k, fine.shape[1] // k
    blocks = fine.reshape(h, k, w, k, 4)
    alpha = blocks[..., 3:].mean((1, 3))
    colour = (blocks[..., :3] * blocks[..., 3:]).mean((1, 3)) / np.maximum(alpha, 1e-3)
    return np.dstack([colour, alpha]).astype(np.float32)


def brow(shape: BrowShape, css: str, view: View, side: int) -> np.ndarray:
    """Return a brow in a view as straight RGBA; `side` is -1 for the viewer's left."""
    x, y = view.finer(3).grid()
    t = (x * side - shape.inner) / (shape.outer - shape.inner)
    c = np.clip(t, 0, 1)
    middle = shape.y - shape.tail * c - shape.arch * np.abs(np.sin(np.pi * c**1.25)) ** 1.1
    thick = shape.thick * np.clip(0.62 + 0.9 * c, 0, 1) * (1 - 0.72 * step(0.45, 1.05, c))
    d = (y - middle) / np.maximum(thick, 1e-3)
    lean = 0.85 - 1.5 * c  # hairs stand at the inner end and lie down outwards
    u = (x * side) * (0.7 - 0.35 * c) + (y - middle) * lean * 1.2
    relief, tone = strand_relief(u, y * 3, 230)
    ragged = d + 0.28 * tone
    ends = step(-0.05, 0.10, t + 0.05 * tone) * step(1.05, 0.92, t)
    cover = step(1.10, 0.45, np.abs(ragged)) * ends * shape.dense
    rgb = linear(css) * (1.25 + 0.55 * relief - 0.35 * d)[..., None]
    return _fold(
        np.dstack([light.display(np.maximum(rgb, 0.002)), np.clip(cover * (0.94 + 0.25 * tone), 0, 1) * 255]), 3
    )


_WIDTHS = (0.0235, 0.0195, 0.0190, 0.0165, 0.0155)  # half an arch of teeth, from the middle


def teeth(view: View, line: float, upper: bool) -> np.ndarray:
    """Return a row of teeth as straight RGBA; the edges that bite lie near y = `line`."""
    x, y = view.finer(3).grid()
    down = (y - line) if upper else (line + 0.008 - y)
    shrink = 1.0 if upper else 0.80
    ax = np.abs(x)
    edge = 0.0
    cover, shade = np.zeros_like(x), np.zeros_like(x)
    for i, width in enumerate(_WIDTHS):
        width = width * shrink
        centre = edge + width / 2
        reach = (0.019, 0.0165, 0.0175, 0.014, 0.012)[i] if upper else 0.010
        d = np.maximum(np.abs(ax - centre) - width / 2, down - reach)
        corner = (
            np.hypot(np.maximum(np.abs(ax - centre) - width / 2 + 0.006, 0), np.maximum(down - reach + 0.006, 0))
            - 0.006
        )
        d = np.maximum(d, corner)
        one = step(0.0006, -0.0006, d)
        bulge = 1 - 0.30 * step(-0.0055, 0.0, d) - 0.10 * bell(np.abs(ax - centre) - width / 2, 0.002)
        cover, shade = np.maximum(cover, one), np.where(one > 0.5, bulge, shade)
        edge += width
    round_ = np.clip(1 - (ax / (edge * 1.08)) ** 2, 0, 1) ** 0.8
    gum = step(-0.020, -0.028, down) if upper else step(-0.018, -0.024, down)
    rgb = linear("#efe8dc") * (shade * (0.30 + 0.80 * round_))[..., None] * (1.0 if upper else 0.72)
    rgb = rgb * (1 - gum)[..., None] + linear("#9c4b4b") * (gum * (0.3 + 0.7 * round_))[..., None]
    alpha = np.maximum(cover, gum * step(edge, edge - 0.01, ax)) * 255
    return _fold(np.dstack([light.display(rgb), alpha]), 3)


def tongue(view: View, line: float) -> np.ndarray:
    """Return the tongue as straight RGBA."""
    x, y = view.finer(3).grid()
    top = line - 0.016
    r = np.hypot(x / 0.070, np.minimum(y - top - 0.045, 0) / 0.045)
    light_ = (
        0.55 + 0.50 * bell(x, 0.05) * bell(y - top - 0.020, 0.028) - 0.22 * bell(x, 0.006) * step(top, top + 0.03, y)
    )
    rgb = linear("#c2605f") * light_[..., None]
    rgb = rgb + 0.16 * (bell(x + 0.018, 0.014) * bell(y - top - 0.014, 0.007))[..., None]
    return _fold(np.dstack([light.display(rgb), step(1.0, 0.95, r) * 255]), 3)


_LENSES = {"round": (0.118, 0.104, 2.4), "square": (0.122, 0.090, 4.0)}  # half width, half height, power of the rim
_STIFF = 0.5  # of the way from the face to the glasses; all of it would leave no room for the cheeks beside them


def _lens(f: Face, kind: str, ax: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far out of a lens places at |x| are, 1 on its rim, and the depth of the frame there."""
    wide, tall, square = _LENSES[kind]
    ex, ey = (ax - f.eye_x - 0.004) / wide, (y - f.eye_y - 0.012) / tall
    r = (np.abs(ex) ** square + np.abs(ey) ** square + 1e-6) ** (1 / square)
    return r, 0.372 - 0.96 * np.maximum(ax - 0.05, 0) ** 2


def behind_glasses(f: Face, kind: str, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the depth of a face that turns with glasses drawn on it: nearer to theirs, so that lenses keep a shape."""
    r, plane = _lens(f, kind, np.abs(x), y)
    return np.asarray(z + _STIFF * step(1.35, 0.95, r) * np.maximum(plane - z, 0))


def glasses(f: Face, kind: str) -> Scene:
    """Return the scene of spectacle frames on a face."""
    wide, tall, _ = _LENSES[kind]
    tube = 0.0085 if kind == "round" else 0.0075

    def parts(p: Points) -> dict[str, np.ndarray]:
        x, y, z = p
        ax = np.abs(x)
        r, plane = _lens(f, kind, ax, y)
        ring = np.hypot((r - 1) * min(wide, tall), (z - plane) * 0.8) - tube
        span = limb(
            (ax, y + 0.9 * ax * ax, z), (0.0, f.eye_y - 0.022, 0.385), (0.042, f.eye_y - 0.020, 0.372), 0.0075, 0.0075
        )
        out = f.eye_x + wide
        arm = limb(
            (ax, y, z), (out - 0.002, f.eye_y - 0.028, 0.318), (f.skull + 0.012, f.eye_y - 0.02, -0.05), 0.0085, 0.0085
        )
        return {"frame": join(np.minimum(ring, span), arm, 0.01).astype(np.float32)}

    return parts


def glasses_painter(css: str) -> dict[str, Painter]:
    """Return the painter of the frames."""

    def frame(x: np.ndarray, y: np.ndarray, z: np.ndarray, parts: dict[str, np.ndarray]) -> Surface:
        tone = 0.35 * _FIBRES(x * 160, y * 120)
        return Surface(linear(css) * (1 + tone)[..., None], 0.0, (0.05, 0.05, 0.05), 0.7 + 0 * x, 40.0, 0.8)

    return {"frame": frame}


def lens_glare(f: Face, view: View) -> np.ndarray:
    """Return faint reflections on the lenses as straight RGBA."""
    x, y = view.grid()
    ax = np.abs(x)
    r = np.hypot((ax - f.eye_x - 0.004) / 0.112, (y - f.eye_y - 0.012) / 0.098)
    u = (x - np.sign(x) * f.eye_x) * 0.8 + (y - f.eye_y) * 0.6
    streak = 0.75 * bell(u + 0.058, 0.016) + 0.45 * bell(u + 0.030, 0.006) + 0.22 * step(0.02, 0.10, u)
    alpha = step(1.0, 0.94, r) * streak * 0.16 * 255
    return np.dstack([np.full((*x.shape, 3), 255, np.float32), alpha]).astype(np.float32)
