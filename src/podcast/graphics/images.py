"""The user's pictures: read, turned upright, fitted; the logo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from podcast.canvas import to_layer
from podcast.errors import MediaError
from podcast.graphics.layout import Rect
from podcast.graphics.shapes import Placed, cover_fit
from podcast.graphics.theme import rgb

NEUTRAL = "#1d1b19"  # behind what is transparent
_LARGEST = 100_000_000  # pixels: more is a mistake or a decompression bomb


def read_rgba(path: Path) -> np.ndarray:
    """Return a picture, upright, as RGBA uint8 (h, w, 4). Raises MediaError."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > _LARGEST:
                raise MediaError(f"the picture is too large ({image.width}x{image.height})", "scale it down", str(path))
            return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    except FileNotFoundError as problem:
        raise MediaError("there is no such picture", "check the name and the folder", str(path)) from problem
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as problem:
        remedy = "use a PNG, JPEG or WebP picture"
        raise MediaError(f"cannot read the picture: {problem}", remedy, str(path)) from problem


def read_rgb(path: Path, under: str = NEUTRAL) -> np.ndarray:
    """Return a picture, upright, as RGB uint8 (h, w, 3); what is transparent shows the colour `under`."""
    rgba = read_rgba(path)
    if rgba[..., 3].min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * alpha + rgb(under) * (1 - alpha)).astype(np.uint8)


def from_image(path: Path, size: tuple[int, int], blur: float = 0.0, darken: float = 0.0) -> np.ndarray:
    """Return the user's picture as a background, RGB uint8, filling (width, height).

    `blur` is the radius in hundredths of the shorter side, `darken` 0 … 1.
    """
    picture = cover_fit(read_rgb(path), *size)
    if blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), max(0.5, blur / 100 * min(size)))
    return cv2.convertScaleAbs(picture, alpha=1 - darken) if darken > 0 else picture


def watermark(path: Path, rect: Rect, opacity: float = 0.85, align: str = "right") -> Placed:
    """Return a logo scaled into `rect`, at its left or right end."""
    rgba = read_rgba(path)
    rows, columns = np.flatnonzero(rgba[..., 3].any(1)), np.flatnonzero(rgba[..., 3].any(0))
    if not len(rows):
        raise MediaError("the logo is wholly transparent", "use another picture", str(path))
    rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(rect.w / rgba.shape[1], rect.h / rgba.shape[0])
    size = max(1, int(rgba.shape[1] * scale)), max(1, int(rgba.shape[0] * scale))
    layer = cv2.resize(to_layer(rgba), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x = rect.right - size[0] if align == "right" else rect.x
    return Placed(cv2.convertScaleAbs(layer, alpha=opacity), x, rect.y + (rect.h - size[1]) // 2)
