"""Light on a depth map: normals, ambient occlusion, soft shadows, scattering under the skin, tone curve."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.drawing.sdf import FAR


def _unit(v: tuple[float, float, float]) -> np.ndarray:
    a = np.array(v, np.float32)
    return a / np.linalg.norm(a)


KEY = _unit((-0.50, -0.62, 0.72))
FILL = _unit((0.75, -0.10, 0.65))
RIM = _unit((0.85, -0.35, -0.25))
RIM_LEFT = _unit((-0.90, -0.45, -0.30))
KEY_COLOUR = np.array([1.00, 0.95, 0.87], np.float32) * 1.72
FILL_COLOUR = np.array([0.70, 0.80, 1.00], np.float32) * 0.34
RIM_COLOUR = np.array([0.85, 0.92, 1.00], np.float32) * 1.40
SKY = np.array([0.62, 0.70, 0.86], np.float32) * 0.62
GROUND = np.array([0.75, 0.58, 0.48], np.float32) * 0.34


def linear(css: str) -> np.ndarray:
    """Return "#rrggbb" as linear light, float32 (3,)."""
    s = np.array([int(css[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4).astype(np.float32)


def display(light: np.ndarray) -> np.ndarray:
    """Return sRGB 0 … 255 (float32) from linear light, through a soft shoulder."""
    x = np.maximum(light, 0)
    x = x * (1 + x / 3.2) / (1 + x * 0.62)  # straight at the bottom, a soft shoulder above 0.6
    x = np.clip(x, 0, 1)
    return (np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055) * 255).astype(np.float32)


def normals(z: np.ndarray, scale: float) -> np.ndarray:
    """Return unit normals (h, w, 3) of a depth map; at steps of depth the flatter side decides."""

    def slope(axis: int) -> np.ndarray:
        ahead = np.diff(z, axis=axis, append=np.take(z, [-1], axis))
        behind = np.diff(z, axis=axis, prepend=np.take(z, [0], axis))
        both = np.where(
            np.abs(ahead) < np.abs(behind) * 0.5,
            ahead,
            np.where(np.abs(behind) < np.abs(ahead) * 0.5, behind, (ahead + behind) / 2),
        )
        return both * np.float32(scale)

    n = np.stack([-slope(1), -slope(0), np.ones_like(z)], -1)
    return n / np.linalg.norm(n, axis=-1, keepdims=True)


def occlusion(z: np.ndarray, inside: np.ndarray, scale: float) -> np.ndarray:
    """Return how open the surface is to the sky, 0 … 1, from the depth against its blurred surroundings."""
    open_ = np.ones_like(z)
    for radius, weight in ((0.012, 0.35), (0.03, 0.5), (0.08, 0.55), (0.18, 0.35)):
        base = np.where(inside, z, 0)
        r = radius * scale
        shrink = max(1, int(r / 3))
        size = (max(1, z.shape[1] // shrink), max(1, z.shape[0] // shrink))

        def soft(a: np.ndarray, size: tuple[int, int] = size, r: float = r / shrink) -> np.ndarray:
            small = cv2.GaussianBlur(cv2.resize(a, size, interpolation=cv2.INTER_AREA), (0, 0), max(r, 0.5))
            return cv2.resize(small, (z.shape[1], z.shape[0]), interpolation=cv2.INTER_LINEAR)

        around = soft(base) / np.maximum(soft(inside.astype(np.float32)), 1e-3)
        open_ *= 1 - np.clip((around - z) / radius, 0, 1) * weight
    crest = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))  # a crest one sample wide would shine as a thread
    return cv2.GaussianBlur(cv2.erode(open_, crest), (0, 0), 1.5)


def shadow(
    z: np.ndarray, inside: np.ndarray, scale: float, to_light: np.ndarray, reach: float = 0.5, softness: float = 9.0
) -> np.ndarray:
    """Return 0 (in shadow) … 1 (lit) by walking over the depth map towards the light."""
    lit = np.ones_like(z)
    ground = np.where(inside, z, FAR).astype(np.float32)
    distance = 0.015
    while distance < reach:
        dx, dy = to_light[0] * distance * scale, to_light[1] * distance * scale
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        there = cv2.warpAffine(
            ground,
            shift,
            (z.shape[1], z.shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=float(FAR),
        )
        clear = (z + to_light[2] * distance - there) / distance
        thick = there - (z + to_light[2] * distance) > 0.5  # far in front: not a contact
        lit = np.minimum(lit, np.where(thick, 1, np.clip(0.5 + clear * softness * 0.5, 0, 1)))
        distance *= 1.13
    return lit


def scatter(light: np.ndarray, weight: np.ndarray, scale: float) -> np.ndarray:
    """Blur diffuse light inside the skin, red furthest; `weight` (h, w) is 1 on skin."""
    out = light.copy()
    for channel, radius in enumerate((0.016, 0.008, 0.005)):
        r = radius * scale
        soft = cv2.GaussianBlur(light[..., channel] * weight, (0, 0), r)
        soft /= np.maximum(cv2.GaussianBlur(weight, (0, 0), r), 1e-3)
        out[..., channel] += (soft - light[..., channel]) * weight * 0.8
    return out


def diffuse(n: np.ndarray, lit: np.ndarray, ao: np.ndarray, wrap: np.ndarray) -> np.ndarray:
    """Return the diffuse light (h, w, 3); `wrap` (3,) lets a colour creep round the terminator."""
    key = n @ KEY
    out = np.zeros_like(n)
    for c in range(3):
        w = float(wrap[c])
        facing = np.clip((key + w) / (1 + w), 0, 1)
        veil = lit ** np.float32(1 / (1 + 1.2 * w))
        out[..., c] = facing * veil * KEY_COLOUR[c]
    fill = np.clip((n @ FILL + 0.3) / 1.3, 0, 1)
    up = (0.5 - 0.5 * n[..., 1])[..., None]
    bounce = ao[..., None] ** np.array([0.8, 1.0, 1.1], np.float32)
    ambient = (SKY * up + GROUND * (1 - up)) * bounce
    return out * (0.35 + 0.65 * bounce) + fill[..., None] * FILL_COLOUR * bounce + ambient


def gloss(n: np.ndarray, to_light: np.ndarray, power: float) -> np.ndarray:
    """Return a normalised highlight (h, w) for a viewer straight ahead."""
    half = to_light + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    return np.clip(n @ half, 0, 1) ** np.float32(power)


def edge(n: np.ndarray) -> np.ndarray:
    """Return the rim light (h, w, 3): both back lights on surfaces turned away from the viewer."""
    grazing = np.clip(1 - n[..., 2], 0, 1) ** 2.2 * np.clip(0.75 - n[..., 1], 0, 1)
    right = np.clip(n @ RIM + 0.1, 0, 1) * grazing
    left = np.clip(n @ RIM_LEFT + 0.05, 0, 1) * grazing * 0.45
    return (right + left)[..., None] * RIM_COLOUR


def strands(t: np.ndarray, to_light: np.ndarray, power: float) -> np.ndarray:
    """Return the highlight of hair with tangents `t` (h, w, 3) (Kajiya and Kay, 1989)."""
    half = to_light + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    along = t @ half
    return np.clip(1 - along * along, 0, 1) ** np.float32(power / 2)
