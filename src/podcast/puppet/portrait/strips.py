"""Layers in strips, so that only edges are blended: what hides the picture behind is copied, what is empty is left out.

The picture is the same, byte for byte, as that of blending everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

_ROWS = 48  # of a strip of a picture that stays as it is


@dataclass(frozen=True, eq=False)
class Strip:
    """Some rows of a layer; beside them there is nothing of it."""

    rows: slice  # of the box that the layer is meant for
    left: int  # column of the box at which `layer` begins
    layer: np.ndarray  # uint8 (rows, width, 4); may be valid until the next strip only
    solid: slice  # columns of `layer` in which it hides all that is behind


def strips_of(layer: np.ndarray) -> list[Strip]:
    """Return a layer in strips, from above to below; rows left out are empty."""
    strips = []
    for start in range(0, len(layer), _ROWS):
        part = layer[start : start + _ROWS]
        columns = np.flatnonzero(part[..., 3].any(0))
        if len(columns):
            left, right = int(columns[0]), int(columns[-1]) + 1
            solid = slice(*longest((part[:, left:right, 3] == 255).all(0)))
            strips.append(Strip(slice(start, start + len(part)), left, part[:, left:right], solid))
    return strips


def longest(flags: np.ndarray) -> tuple[int, int]:
    """Return start and end of the longest run of true flags."""
    padded = np.zeros(len(flags) + 2, bool)
    padded[1:-1] = flags
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    runs = zip(edges[::2], edges[1::2], strict=True)
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def moved(strips: Iterable[Strip], x: int, y: int, size: tuple[int, int]) -> Iterable[Strip]:
    """Yield strips moved by (x, y), without what then lies outside of a box of `size` (width, height)."""
    for strip in strips:
        top, left = strip.rows.start + y, strip.left + x
        r0, c0 = max(-top, 0), max(-left, 0)
        part = strip.layer[r0 : max(size[1] - top, 0), c0 : max(size[0] - left, 0)]
        if part.size:
            solid = (min(max(at - c0, 0), part.shape[1]) for at in (strip.solid.start, strip.solid.stop))
            yield Strip(slice(top + r0, top + r0 + len(part)), left + c0, part, slice(*solid))


def put_strips(target: np.ndarray, strips: Iterable[Strip], ground: np.ndarray, beside: np.ndarray) -> None:
    """Fill a target with strips, given from above to below, put on a picture, all of equal size.

    `ground` is the picture below the strips, `beside` the one where there are none.
    """
    row = 0
    for strip in strips:
        target[row : strip.rows.start] = beside[row : strip.rows.start]
        row = strip.rows.stop
        left, right = strip.left, strip.left + strip.layer.shape[1]
        out, near, below, solid = target[strip.rows], beside[strip.rows], ground[strip.rows, left:right], strip.solid
        out[:, :left], out[:, right:] = near[:, :left], near[:, right:]
        out = out[:, left:right]
        for edge in (slice(0, solid.start), slice(solid.stop, right - left)):
            if edge.stop > edge.start:
                _put_over(out[:, edge], below[:, edge], strip.layer[:, edge])
        if solid.stop > solid.start:
            cv2.cvtColor(strip.layer[:, solid], cv2.COLOR_BGRA2BGR, dst=out[:, solid])
    target[row:] = beside[row:]


def _put_over(target: np.ndarray, picture: np.ndarray, layer: np.ndarray) -> None:
    """Put a layer on a picture into a target of equal size."""
    keep = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(layer, 3)), cv2.COLOR_GRAY2BGR)
    below = cv2.multiply(picture, keep, dst=keep, scale=1 / 255)
    cv2.add(below, cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR), dst=target)
