"""Where an animated face goes in its picture."""

from __future__ import annotations

import cv2
import numpy as np

FEATHER = 0.06  # of the pasted region's shorter side, over which it fades into the picture


class Canvas:
    """Where an animated face goes: alone at its size, or back into its picture through a mask made once."""

    def __init__(self, whole: np.ndarray, box: tuple[int, int, int, int], size: int, paste: bool) -> None:
        self.box, self.paste = box, paste
        left, top, right, bottom = box
        if paste:
            self.height, self.width = (n // 2 * 2 for n in whole.shape[:2])
            self.whole = whole[: self.height, : self.width]
            self.mask = _feathered(box, whole.shape[1], whole.shape[0])
        else:
            self.width = size // 2 * 2
            self.height = max(2, round(size * (bottom - top) / (right - left)) // 2 * 2)

    def frame(self, face: np.ndarray) -> np.ndarray:
        """Return the frame with this face (RGB, uint8, square)."""
        if not self.paste:
            return cv2.resize(face, (self.width, self.height), interpolation=_way(face, self.width))
        left, top, right, bottom = self.box
        grown = cv2.resize(face, (right - left, bottom - top), interpolation=_way(face, right - left))
        out = self.whole.copy()
        right, bottom = min(right, self.width), min(bottom, self.height)
        under, mask = out[top:bottom, left:right], self.mask[: bottom - top, : right - left, None]
        over = grown[: bottom - top, : right - left]
        out[top:bottom, left:right] = np.rint(under + (over.astype(np.float32) - under) * mask).astype(np.uint8)
        return out


def _way(face: np.ndarray, width: int) -> int:
    return cv2.INTER_AREA if width < face.shape[1] else cv2.INTER_CUBIC


def _feathered(box: tuple[int, int, int, int], width: int, height: int) -> np.ndarray:
    """Return the weight of the face in its box, 0 to 1; edges that are the picture's own do not fade."""
    left, top, right, bottom = box
    fade = max(2.0, FEATHER * min(right - left, bottom - top))
    x, y = np.arange(right - left) + 0.5, np.arange(bottom - top) + 0.5
    far = np.float32(fade)
    sides = (x if left > 0 else far + x, x[::-1] if right < width else far + x)
    ends = (y if top > 0 else far + y, y[::-1] if bottom < height else far + y)
    across = np.minimum(np.minimum(*sides) / fade, 1)
    down = np.minimum(np.minimum(*ends) / fade, 1)
    ramp = np.outer(down, across).astype(np.float32)
    return ramp * ramp * (3 - 2 * ramp)
