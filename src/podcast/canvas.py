"""Pictures in the encoder's colour space: BT.709, limited range, 8 bits.

A *picture* is uint8 (h, w, 3): Y, U, V at full resolution. A *layer* is uint8 (h, w, 4): Y, U, V each
multiplied by alpha, then alpha. Colour conversion is affine, so it commutes with interpolation and
blending: layers are converted once, and frames are composed without leaving this space.
"""

from __future__ import annotations

import cv2
import numpy as np

_KR, _KG, _KB = 0.2126, 0.7152, 0.0722  # BT.709
_MATRIX = np.array(
    [
        [_KR, _KG, _KB],
        [-_KR / (2 * (1 - _KB)), -_KG / (2 * (1 - _KB)), 0.5],
        [0.5, -_KG / (2 * (1 - _KR)), -_KB / (2 * (1 - _KR))],
    ]
) * np.array([[219.0], [224.0], [224.0]]) / 255.0
_OFFSET = np.array([16.0, 128.0, 128.0])
_INVERSE = np.linalg.inv(_MATRIX)
_DITHER = np.random.default_rng(709).random((64, 64, 1), np.float32) - 0.5  # against banding in soft gradients


def to_yuv(rgb: np.ndarray) -> np.ndarray:
    """Return a picture from RGB (h, w, 3), uint8 or float in 0 … 255; floats are dithered."""
    yuv = cv2.transform(rgb.astype(np.float32), np.c_[_MATRIX, _OFFSET].astype(np.float32))
    if rgb.dtype != np.uint8:
        h, w = rgb.shape[:2]
        yuv += np.tile(_DITHER, (-(-h // 64), -(-w // 64), 1))[:h, :w]
    return np.clip(np.rint(yuv), 0, 255).astype(np.uint8)


def to_rgb(yuv: np.ndarray) -> np.ndarray:
    """Return RGB uint8 (h, w, 3) from a picture."""
    rgb = cv2.transform(yuv.astype(np.float32) - _OFFSET.astype(np.float32), _INVERSE.astype(np.float32))
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def to_layer(rgba: np.ndarray) -> np.ndarray:
    """Return a layer from straight (not premultiplied) RGBA, uint8 or float in 0 … 255."""
    yuv = cv2.transform(rgba[..., :3].astype(np.float32), np.c_[_MATRIX, _OFFSET].astype(np.float32))
    alpha = rgba[..., 3:].astype(np.float32)
    return np.clip(np.rint(np.concatenate([yuv * alpha / 255, alpha], 2)), 0, 255).astype(np.uint8)


def colour(css: str) -> tuple[int, int, int]:
    """Return "#rrggbb" as (Y, U, V)."""
    rgb = np.array([[[int(css[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8)
    y, u, v = to_yuv(rgb)[0, 0]
    return int(y), int(u), int(v)


def blend(picture: np.ndarray, layer: np.ndarray, x: int = 0, y: int = 0, opacity: float = 1.0) -> None:
    """Put a layer on a picture, in place, its top left corner at (x, y); what lies outside is cut off."""
    h, w = picture.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + layer.shape[1], w), min(y + layer.shape[0], h)
    if x0 >= x1 or y0 >= y1 or opacity <= 0:
        return
    part = layer[y0 - y : y1 - y, x0 - x : x1 - x]
    if opacity < 1:
        part = cv2.convertScaleAbs(part, alpha=opacity)
    keep = cv2.cvtColor(cv2.bitwise_not(part[..., 3]), cv2.COLOR_GRAY2BGR)
    target = picture[y0:y1, x0:x1]
    target[:] = cv2.add(cv2.multiply(target, keep, scale=1 / 255), cv2.cvtColor(part, cv2.COLOR_BGRA2BGR))


class Canvas:
    """A frame as the encoder wants it: planar 4:2:0. Width and height are even."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.planar = np.empty((height * 3 // 2, width), np.uint8)
        self.y = self.planar[:height]
        chroma = self.planar[height:].reshape(2, height // 2, width // 2)
        self.u, self.v = chroma[0], chroma[1]

    def paint(self, picture: np.ndarray, x: int = 0, y: int = 0) -> None:
        """Put a picture at (x, y); position and size are even and lie inside the canvas."""
        h, w = picture.shape[:2]
        cv2.extractChannel(picture, 0, self.y[y : y + h, x : x + w])
        half = cv2.resize(picture, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
        region = slice(y // 2, (y + h) // 2), slice(x // 2, (x + w) // 2)
        cv2.extractChannel(half, 1, self.u[region])
        cv2.extractChannel(half, 2, self.v[region])
