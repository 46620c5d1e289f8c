"""Rounded plates, shadows, glows and gradients, antialiased, as layers."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from podcast.canvas import to_layer
from podcast.graphics.theme import rgb


class Placed(NamedTuple):
    """A layer, where its top left corner goes in the frame, and how much of it is seen."""

    layer: np.ndarray
    x: int
    y: int
    opacity: float = 1.0


def ease(t: float) -> float:
    """Return 0 … 1 with a fast start and a soft end (cubic)."""
    t = min(1.0, max(0.0, t))
    return 1 - (1 - t) ** 3


def rounded(width: int, height: int, radius: float, inset: float = 0.0) -> np.ndarray:
    """Return the coverage of a rounded rectangle, float32 (height, width), `inset` pixels inside the array."""
    return np.clip(0.5 - distance(width, height, radius, inset), 0, 1)


def distance(width: int, height: int, radius: float, inset: float = 0.0) -> np.ndarray:
    """Return the distance to the edge of a rounded rectangle, negative inside, float32 (height, width)."""
    half_w, half_h = width / 2 - inset, height / 2 - inset
    radius = min(radius, half_w, half_h)
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (half_w - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (half_h - radius)
    outside = np.hypot(np.maximum(x, 0)[None], np.maximum(y, 0)[:, None])
    return outside + np.minimum(np.maximum(x[None], y[:, None]), 0) - np.float32(radius)


def solid(coverage: np.ndarray, colour: str, opacity: float = 1.0) -> np.ndarray:
    """Return a coverage (float 0 … 1) as a layer of one colour."""
    ink = np.broadcast_to(rgb(colour), (*coverage.shape, 3))
    return to_layer(np.dstack([ink, coverage * (255 * opacity)]))


def over(below: np.ndarray, above: np.ndarray, x: int = 0, y: int = 0) -> None:
    """Put a layer on a layer of the same or larger size, in place."""
    h, w = above.shape[:2]
    target = below[y : y + h, x : x + w]
    keep = cv2.cvtColor(cv2.bitwise_not(above[..., 3]), cv2.COLOR_GRAY2BGRA)
    keep[..., 3] = keep[..., 0]
    target[:] = cv2.add(cv2.multiply(target, keep, scale=1 / 255), above)


def plate(width: int, height: int, radius: float, colour: str, opacity: float, shadow: int = 0) -> np.ndarray:
    """Return a rounded plate as a layer, padded on every side by the reach of its shadow."""
    body = rounded(width + 2 * shadow, height + 2 * shadow, radius, shadow) * opacity
    if not shadow:
        return solid(body, colour)
    dark = cv2.GaussianBlur(body, (0, 0), shadow / 2.5)
    dark = shifted(dark, 0, shadow / 4) * 0.55 * (1 - body)
    total = body + dark
    share = np.divide(body, total, out=np.zeros_like(body), where=total > 1e-4)
    return to_layer(np.dstack([share[..., None] * rgb(colour), total * 255]))


def shifted(plane: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Return a plane moved by fractions of pixels; what comes in is zero."""
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(plane, move, (plane.shape[1], plane.shape[0]))


def blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Return a Gaussian blur; a wide one is computed small, since nothing fine survives it."""
    shrink = max(1, int(sigma / 4))
    if shrink == 1:
        return cv2.GaussianBlur(plane, (0, 0), max(0.3, sigma))
    size = plane.shape[1], plane.shape[0]
    small = cv2.resize(plane, (-(-size[0] // shrink), -(-size[1] // shrink)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / shrink), size, interpolation=cv2.INTER_LINEAR)


def cover_fit(rgb_picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a picture scaled and cropped about its centre to fill (width, height)."""
    h, w = rgb_picture.shape[:2]
    scale = max(width / w, height / h)
    size = max(width, round(w * scale)), max(height, round(h * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(rgb_picture, size, interpolation=way)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(scaled[y : y + height, x : x + width])
