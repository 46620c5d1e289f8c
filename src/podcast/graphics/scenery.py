"""The things in a drawn studio: walls, slats, shelves, books, plants, lamps, neon, a window at night.

A `Scene` is kept in linear light: what surfaces reflect, the light that falls on them, and what glows by
itself. Distances are in scene units: the origin is the frame's centre, u to the right, v down, and the
visible height (of a landscape frame) is 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from podcast.graphics.shapes import shifted
from podcast.graphics.theme import rgb

Colour = tuple[float, float, float]
_DESK = 0.52  # scene units: where an upright frame has its desk
_SHIFT = 4  # fractional bits of drawing coordinates


def linear(css_colour: str) -> np.ndarray:
    """Return a colour as linear light, float32 (3,) in 0 … 1 (gamma 2.2)."""
    return (rgb(css_colour) / 255) ** np.float32(2.2)


@dataclass
class Scene:
    """A picture in the making; `albedo`, `light` and `glow` are float32 (h, w, 3), linear."""

    width: int
    height: int
    unit: float  # pixels per scene unit
    rng: np.random.Generator
    middle: float = 0.5  # where the origin is: a share of the height
    albedo: np.ndarray = field(init=False)
    light: np.ndarray = field(init=False)
    glow: np.ndarray = field(init=False)
    u: np.ndarray = field(init=False)  # (1, w)
    v: np.ndarray = field(init=False)  # (h, 1)

    def __post_init__(self) -> None:
        """Begin with a dark, empty room."""
        shape = self.height, self.width, 3
        self.albedo, self.light, self.glow = (np.zeros(shape, np.float32) for _ in range(3))
        self.u = ((np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.unit)[None]
        self.v = ((np.arange(self.height, dtype=np.float32) + 0.5 - self.height * self.middle) / self.unit)[:, None]

    @property
    def right(self) -> float:
        """The frame's right edge in scene units; the left one is its negative."""
        return self.width / 2 / self.unit

    @property
    def bottom(self) -> float:
        """The lower edge of what is seen, in scene units: of the frame, or the desk of an upright one."""
        return min(self.height * (1 - self.middle) / self.unit, _DESK)

    @property
    def top(self) -> float:
        """The frame's upper edge in scene units."""
        return -self.height * self.middle / self.unit

    def points(self, uv: np.ndarray) -> np.ndarray:
        """Return scene coordinates (n, 2) as fixed-point pixels for OpenCV."""
        pixels = np.asarray(uv, float) * self.unit + (self.width / 2, self.height * self.middle) - 0.5
        return np.rint(pixels * 2**_SHIFT).astype(np.int32)

    def length(self, distance: float) -> float:
        """Return a distance in pixels."""
        return distance * self.unit


class Plane:
    """Things at one depth, drawn in sRGB before they are lit."""

    def __init__(self, scene: Scene) -> None:
        """Begin with nothing."""
        self.scene = scene
        self.ink = np.zeros((scene.height, scene.width, 3), np.uint8)
        self.mask = np.zeros((scene.height, scene.width), np.uint8)

    def polygon(self, uv: np.ndarray, colour: np.ndarray) -> None:
        """Fill a polygon given in scene units."""
        points = [self.scene.points(uv)]
        cv2.fillPoly(self.ink, points, np.clip(colour, 0, 255).tolist(), cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.mask, points, 255, cv2.LINE_AA, _SHIFT)

    def box(self, u0: float, v0: float, u1: float, v1: float, colour: np.ndarray) -> None:
        """Fill a rectangle."""
        self.polygon(np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)]), colour)

    def set_into(self, lift: float = 0.02, shadow: float = 0.6, soft: float = 0.0) -> None:
        """Light the things and put them into the scene; they cast a soft shadow `lift` units to below.

        `soft` blurs what stands nearer to the camera than the wall.
        """
        scene, ink, mask = self.scene, self.ink, self.mask
        if not mask.any():
            return
        if soft:
            size = 2 * max(1, round(scene.length(soft))) + 1
            solid = mask[..., None] * np.float32(1 / 255)
            spread = cv2.blur(cv2.blur(ink * solid, (size, size)), (size, size))
            mask = cv2.blur(cv2.blur(mask, (size, size)), (size, size))
            ink = spread / np.maximum(mask[..., None] * np.float32(1 / 255), 1 / 255)
        reach = scene.length(lift)
        dark = cv2.GaussianBlur(shifted(mask, reach / 2, reach), (0, 0), max(1.0, reach))
        scene.light *= 1 - dark[..., None] * np.float32(shadow / 255)
        alpha = mask[..., None] * np.float32(1 / 255)
        scene.albedo += ((ink * np.float32(1 / 255)) ** np.float32(2.2) - scene.albedo) * alpha
        scene.light *= 1 + 0.25 * alpha


# ---------------------------------------------------------------- surfaces


def noise(scene: Scene, cell_u: float, cell_v: float) -> np.ndarray:
    """Return smooth noise, float32 (h, w) of unit variance, its grains of that size in scene units."""
    rows = max(2, int(scene.height / max(1.0, scene.length(cell_v))))
    columns = max(2, int(scene.width / max(1.0, scene.length(cell_u))))
    grains = scene.rng.standard_normal((rows, columns)).astype(np.float32)
    return cv2.resize(grains, (scene.width, scene.height), interpolation=cv2.INTER_CUBIC)


def plaster(scene: Scene, colour: str, roughness: float = 0.05) -> None:
    """Cover the wall with painted plaster."""
    texture = noise(scene, 0.35, 0.3) * roughness + noise(scene, 0.012, 0.012) * roughness * 0.6
    scene.albedo[:] = linear(colour) * np.exp(texture)[..., None]


def slats(scene: Scene, colour: str, left: float, right: float, period: float = 0.036) -> None:
    """Cover the wall between two columns with vertical wooden slats on black felt."""
    at = (scene.u - left) / period
    number = np.floor(at).astype(int)
    x = at - number
    tones = np.exp(scene.rng.standard_normal(number.max() - number.min() + 1).astype(np.float32) * 0.13)
    tone = tones[number - number.min()]
    slat = np.clip((0.36 - np.abs(x - 0.5)) * 24, 0, 1)  # 72 % wood, 28 % gap
    round_ = 0.74 + 0.52 * np.clip((x - 0.14) / 0.72, 0, 1) * np.clip((0.93 - x) / 0.2, 0.3, 1)
    grain = np.exp(noise(scene, 0.004, 0.30) * 0.12 + noise(scene, 0.03, 0.8) * 0.08)
    wood = grain * (tone * round_ * slat + (1 - slat) * 0.045)
    inside = np.clip((scene.u - left) * scene.unit, 0, 1) * np.clip((right - scene.u) * scene.unit, 0, 1)
    scene.albedo += (wood[..., None] * linear(colour) - scene.albedo) * inside[..., None]


def panels(scene: Scene, colour: str, u0: float, v0: float, size: float, columns: int, rows: int) -> None:
    """Put square acoustic panels of felt on the wall, each with a bevelled edge and a shadow."""
    plane, base = Plane(scene), rgb(colour)
    gap = 0.06 * size
    for row in range(rows):
        for column in range(columns):
            u, v = u0 + column * size, v0 + row * size
            tone = base * (1 + 0.10 * scene.rng.standard_normal())
            a, b = gap / 2, size - gap / 2
            plane.box(u + a, v + a, u + b, v + b, tone * 0.72)
            plane.box(u + a, v + a, u + b - 0.03 * size, v + b - 0.035 * size, tone * 1.22)
            plane.box(u + a + 0.03 * size, v + a + 0.03 * size, u + b - 0.03 * size, v + b - 0.035 * size, tone)
    plane.set_into(0.012, 0.55)


# ---------------------------------------------------------------- light


def pool(scene: Scene, u: float, v: float, reach: float, colour: np.ndarray, power: float, squash: float = 1.0) -> None:
    """Add a soft pool of light."""
    d2 = ((scene.u - u) / reach) ** 2 + ((scene.v - v) / (reach * squash)) ** 2
    scene.light += (power * np.exp(-d2))[..., None] * colour


def falloff(scene: Scene, u: float, v: float, near: float, colour: np.ndarray, power: float) -> None:
    """Add the light of a lamp at a distance `near` before the wall: inverse square."""
    d2 = (scene.u - u) ** 2 + (scene.v - v) ** 2
    scene.light += (power * near**2 / (near**2 + d2))[..., None] * colour


def scallop(scene: Scene, u: float, v: float, colour: np.ndarray, power: float, spread: float = 0.42) -> None:
    """Add the light that a spot close to the wall throws down (or up, for a negative spread)."""
    down = np.maximum((scene.v - v) * np.sign(spread), 1e-3)
    cone = np.exp(-(((scene.u - u) / (0.035 + abs(spread) * down)) ** 2))
    onset = np.clip(down / 0.05, 0, 1)
    scene.light += (power * onset * cone * 0.02 / (0.02 + down**2 * 0.6))[..., None] * colour


def neon_wave(scene: Scene, u: float, v: float, size: float, css_colour: str, power: float) -> None:
    """Hang a neon sign on the wall: the bars of a sound wave, with its light around."""
    tube = np.zeros((scene.height, scene.width), np.uint8)
    heights = (0.26, 0.52, 0.34, 0.86, 0.58, 1.0, 0.44, 0.70, 0.30)
    step = size / (len(heights) - 1)
    thick = max(1, round(scene.length(0.15 * step * 2)))
    for i, tall in enumerate(heights):
        x = u - size / 2 + i * step
        ends = scene.points(np.array([(x, v - tall * size * 0.30), (x, v + tall * size * 0.30)]))
        cv2.line(tube, ends[0].tolist(), ends[1].tolist(), 255, thick, cv2.LINE_AA, _SHIFT)
    glass = tube.astype(np.float32) / 255
    hue = linear(css_colour)
    core = hue * 0.9 + 0.1 * hue.max()
    scene.glow += glass[..., None] * core * (2.4 * power)
    for reach, share in ((0.022, 0.7), (0.07, 0.9), (0.20, 1.4)):
        scene.light += _spread(scene, glass, reach)[..., None] * hue * (share * power * 3)


def _spread(scene: Scene, glass: np.ndarray, reach: float) -> np.ndarray:
    """Return a blur by `reach` units; made small first, since nothing fine survives it."""
    shrink = max(1, int(scene.length(reach) / 3))
    small = cv2.resize(glass, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(0.6, scene.length(reach) / shrink))
    return cv2.resize(small, (scene.width, scene.height), interpolation=cv2.INTER_LINEAR)


def tube(scene: Scene, ends: tuple[float, float, float, float], thick: float, css_colour: str, power: float) -> None:
    """Mount a straight light tube (u0, v0, u1, v1) with its wash of light."""
    lit = np.zeros((scene.height, scene.width), np.uint8)
    a, b = scene.points(np.array([ends[:2], ends[2:]]))
    cv2.line(lit, a.tolist(), b.tolist(), 255, max(1, round(scene.length(thick))), cv2.LINE_AA, _SHIFT)
    glass, hue = lit.astype(np.float32) / 255, linear(css_colour)
    scene.glow += glass[..., None] * (hue * 0.88 + 0.12 * hue.max()) * (2.2 * power)
    for reach, share in ((0.03, 0.8), (0.10, 1.2), (0.26, 1.6)):
        scene.light += _spread(scene, glass, reach)[..., None] * hue * (share * power * 3)


def globe(scene: Scene, u: float, v: float, radius: float, css_colour: str, power: float) -> None:
    """Hang or stand a lamp of frosted glass."""
    r = np.hypot(scene.u - u, scene.v - v)
    ball = np.clip((radius - r) * scene.unit + 0.5, 0, 1)
    body = 0.62 + 0.38 * np.sqrt(np.maximum(0, 1 - (r / radius) ** 2))
    hue = linear(css_colour)
    scene.albedo *= 1 - ball[..., None]
    scene.glow *= 1 - ball[..., None]
    scene.glow += (ball * body)[..., None] * (hue * 0.6 + 0.4) * (1.5 * power)
    falloff(scene, u, v, 0.10, hue, 1.5 * power)


# ---------------------------------------------------------------- things

_BOOKS = (
    "#84564a", "#4a5d68", "#c9bda8", "#8d7a58", "#5b6864", "#6b535d", "#a3705c", "#d6cdbd", "#55595f", "#7d8a76",
)  # fmt: skip


def books(plane: Plane, left: float, right: float, floor: float, tall: float) -> None:
    """Stand books on a shelf, some of them leaning."""
    rng, u = plane.scene.rng, left
    while u < right - 0.015:
        wide = rng.uniform(0.013, 0.032)
        high = tall * rng.uniform(0.68, 1.0)
        colour = rgb(_BOOKS[rng.integers(len(_BOOKS))]) * rng.uniform(0.8, 1.1)
        lean = 0.0 if rng.random() < 0.85 else rng.uniform(0.01, 0.03)
        edges = np.array([0.0, 0.18, 0.45, 0.8, 1.0]) * wide
        for a, b, tone in zip(edges[:-1], edges[1:], (0.62, 1.0, 1.15, 0.8), strict=True):
            quad = np.array(
                [(u + a + lean, floor - high), (u + b + lean, floor - high), (u + b, floor), (u + a, floor)]
            )
            plane.polygon(quad, colour * tone)
        if rng.random() < 0.6:
            band = floor - high * rng.uniform(0.72, 0.84)
            shift = lean * 0.78
            plane.box(u + 0.2 * wide + shift, band, u + 0.85 * wide + shift, band + 0.012, rgb("#d9c08a"))
        u += wide + 0.0015 + lean


def board(plane: Plane, left: float, right: float, v: float, thick: float, colour: str) -> None:
    """Mount a shelf: its upper edge at v."""
    plane.box(left, v, right, v + thick, rgb(colour) * 0.8)
    plane.box(left, v, right, v + 0.3 * thick, rgb(colour) * 1.35)


def pot(plane: Plane, u: float, floor: float, wide: float, tall: float, colour: str) -> None:
    """Stand a tapered pot."""
    for a, b, tone in ((-1, -0.6, 0.62), (-0.6, -0.1, 0.92), (-0.1, 0.45, 1.16), (0.45, 0.8, 0.95), (0.8, 1, 0.72)):
        quad = [(u + a * wide / 2, floor - tall), (u + b * wide / 2, floor - tall), (u + b * wide * 0.38, floor),
                (u + a * wide * 0.38, floor)]  # fmt: skip
        plane.polygon(np.array(quad), rgb(colour) * tone)


def leaf(
    plane: Plane, u: float, v: float, angle: float, long: float, wide: float, droop: float, colour: np.ndarray
) -> None:
    """Draw a leaf from its stem at (u, v); `angle` 0 points up, `droop` bends it to the side."""
    t = np.linspace(0, 1, 14)
    turn = angle + droop * t**1.5
    steps = np.stack([np.sin(turn), -np.cos(turn)], 1) * (long / 13)
    spine = np.array([u, v]) + np.cumsum(steps, 0) - steps[0]
    normal = np.stack([np.cos(turn), np.sin(turn)], 1)
    half = (wide / 2 * np.sin(np.pi * np.clip(t, 0.02, 0.995) ** 0.8) ** 0.9)[:, None]
    plane.polygon(np.concatenate([spine + normal * half, spine[::-1]]), colour * 0.78)
    plane.polygon(np.concatenate([spine - normal * half, spine[::-1]]), colour * 1.12)
    rib = np.concatenate([spine + normal * 0.02 * wide, (spine - normal * 0.02 * wide)[::-1]])
    plane.polygon(rib, colour * 1.5)


def bush(plane: Plane, u: float, floor: float, size: float, colour: str, leaves: int = 16, broad: float = 0.26) -> None:
    """Grow a plant with broad leaves that arch outwards."""
    rng = plane.scene.rng
    for i in range(leaves):
        angle = (i / (leaves - 1) - 0.5) * 2.1 * (1 if i % 2 else 0.72) + rng.normal(0, 0.12)
        long = size * rng.uniform(0.62, 1.0) * (1 - 0.2 * abs(angle))
        tone = rgb(colour) * rng.uniform(0.62, 1.2) * np.array([1.0, 1.0, rng.uniform(0.8, 1.15)])
        start = rng.uniform(0.0, 0.35) * long
        stem = (u + np.sin(angle * 0.6) * start, floor - np.cos(angle * 0.6) * start)
        stalk = [(u - 0.003, floor), (u + 0.003, floor), (stem[0] + 0.002, stem[1]), (stem[0] - 0.002, stem[1])]
        plane.polygon(np.array(stalk), rgb(colour) * 0.55)
        leaf(
            plane,
            *stem,
            angle,
            long,
            long * broad * rng.uniform(0.8, 1.2),
            np.sign(angle) * rng.uniform(0.3, 1.0),
            tone,
        )


def blades(plane: Plane, u: float, floor: float, size: float, colour: str, leaves: int = 9) -> None:
    """Grow a plant with upright blades."""
    rng = plane.scene.rng
    for _ in range(leaves):
        tone = rgb(colour) * rng.uniform(0.65, 1.15)
        angle = rng.normal(0, 0.16)
        leaf(
            plane,
            u + rng.normal(0, 0.12) * size * 0.3,
            floor,
            angle,
            size * rng.uniform(0.6, 1),
            size * 0.13,
            angle * 0.6,
            tone,
        )


def city(scene: Scene, v_ground: float) -> None:
    """Put a city at night behind a window: a sky that glows at the horizon, and lights out of focus."""
    rng = scene.rng
    height = np.clip((v_ground - scene.v) / (v_ground - scene.top), 0, 1)
    sky = np.array([0.010, 0.016, 0.040]) * (0.5 + height)[..., None] + np.exp(-height * 7)[..., None] * np.array(
        [0.13, 0.065, 0.05])  # fmt: skip
    scene.glow[:] = np.broadcast_to(sky, scene.glow.shape)
    u = -scene.right - 0.05
    while u < scene.right:
        wide, top = rng.uniform(0.05, 0.16), v_ground - rng.uniform(0.10, 0.46) * rng.uniform(0.5, 1)
        a, b = scene.points(np.array([(u, top), (u + wide, scene.bottom)])) >> _SHIFT
        block = scene.glow[max(0, a[1]) : max(0, b[1]), max(0, a[0]) : max(0, b[0])]
        block *= rng.uniform(0.14, 0.4)
        _windows(scene, u, top, wide, rng)
        u += wide * rng.uniform(0.8, 1.15)


def _windows(scene: Scene, u: float, top: float, wide: float, rng: np.random.Generator) -> None:
    hues = np.array([(1.0, 0.62, 0.28), (1.0, 0.80, 0.52), (0.62, 0.80, 1.0), (1.0, 0.42, 0.22)], np.float32)
    for _ in range(int(wide * 150)):
        at = u + rng.random() * wide, top + 0.02 + rng.random() ** 1.4 * (scene.bottom - top) * 0.8
        x, y = (scene.points(np.array([at]))[0] >> _SHIFT).tolist()
        if 0 <= x < scene.width and 0 <= y < scene.height:
            spot = max(1, round(scene.unit / 540 * 2))
            hue = hues[rng.choice(4, p=(0.42, 0.34, 0.14, 0.10))]
            scene.glow[y : y + spot, x : x + spot] += hue * (2 + 40 * rng.random() ** 3)
