"""Small operations on layers and pictures that the puppet's parts share."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.canvas import to_yuv
from podcast.puppet.rig import Placed, Rig

_GREY = 128  # chroma of no colour


def sized(rig: Rig, placed: Placed, scale: float) -> tuple[np.ndarray, float, float]:
    """Return a layer at the target size and the position of its corner, target pixels (floats).

    The picture is premultiplied before it is scaled, so that transparent pixels lend no colour.
    """
    rgba = rig.picture(placed)
    k = placed.scale * scale
    size = max(1, round(rgba.shape[1] * k)), max(1, round(rgba.shape[0] * k))
    alpha = cv2.cvtColor(rgba[..., 3], cv2.COLOR_GRAY2RGB)
    premultiplied = np.dstack([cv2.multiply(np.ascontiguousarray(rgba[..., :3]), alpha, scale=1 / 255), rgba[..., 3]])
    small = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
    return premultiplied_yuv(small), placed.at[0] * scale, placed.at[1] * scale


def premultiplied_yuv(rgba: np.ndarray) -> np.ndarray:
    """Return a layer from premultiplied RGBA, uint8."""
    yuv = to_yuv(np.ascontiguousarray(rgba[..., :3])).astype(np.int16)  # the offset came unscaled: put it right
    missing = (255 - rgba[..., 3]).astype(np.int16)
    yuv[..., 0] -= (missing * 16 + 127) // 255
    yuv[..., 1:] -= ((missing * _GREY + 127) // 255)[..., None]
    return np.dstack([np.clip(yuv, 0, 255).astype(np.uint8), rgba[..., 3]])


def place(layer: np.ndarray, dx: float, dy: float, size: tuple[int, int]) -> np.ndarray:
    """Return a layer moved by (dx, dy), with fractions, on an empty layer of `size` (w, h)."""
    shift = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    return cv2.warpAffine(layer, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def over(under: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Return layer over layer, both (h, w, 4) and of one size."""
    keep = cv2.cvtColor(cv2.bitwise_not(layer[..., 3]), cv2.COLOR_GRAY2BGRA)
    keep[..., 3] = keep[..., 0]
    return cv2.add(cv2.multiply(under, keep, scale=1 / 255), layer)


def masked(layer: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a layer times a uint8 mask (h, w)."""
    return cv2.multiply(layer, cv2.merge([mask, mask, mask, mask]), scale=1 / 255)


def polygon(size: tuple[int, int], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return an anti-aliased mask (h, w) of a polygon given in pixel coordinates."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    points = np.rint(np.stack([x, y], -1) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
    return mask


def mix(under: np.ndarray, upon: np.ndarray, mask: np.ndarray) -> None:
    """Blend two layers by a mask (h, w), in place of the first."""
    m = cv2.merge([mask, mask, mask, mask])
    under[:] = cv2.add(cv2.multiply(under, cv2.bitwise_not(m), scale=1 / 255), cv2.multiply(upon, m, scale=1 / 255))
