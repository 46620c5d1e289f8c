"""Eyes and brows: iris, highlight and lid in each eye's box, brows above."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet import layers
from podcast.puppet.rig import Brow, Eye, Placed, Rig

_CREASE = 0.40  # height of the folded lid, openings, where the rig says nothing
_SHADE = 0.42  # darkness of the lid's shadow on the eye
# Blinks over which the drawn lid replaces the open one; until then, and no further than to the last, the open one is
# stretched down, so that both have their edge in one place.
_LID_FROM, _LID_FULL, _STRETCHED = 0.15, 0.45, 0.5
_UNDER_LASH, _UNDER_SHUT = 0.0005, 0.014  # how far the drawn lid is seen below its edge, open and shut, head heights
_LASH = 0.012  # height of the lashes, head heights
_SQUINT = 0.26  # rise of the lower lid, openings
_BROW_LIFT = 0.035  # head heights
_FROWN_IN = 0.014
_FROWN_DOWN = 0.012
_FROWN_TILT = 9.0  # degrees
_RAISE_TILT = 2.5
# How far the lids go along with the iris up and down, shares of its way: in people the upper lid follows nearly all
# the way down and most of the way up, the lower one a third (Becker and Fuchs 1988).
_UPPER_DOWN, _UPPER_UP, _LOWER_DOWN, _LOWER_UP = 0.85, 0.65, 0.35, 0.20
_MOVED = 0.1  # pixels; lids that have moved less are drawn where they are
_SHINE_SHARE = 0.25  # how far the highlight follows the iris


class EyePart:
    """Draws one eye into the head layer."""

    def __init__(self, rig: Rig, eye: Eye, head: np.ndarray, origin: tuple[float, float], scale: float) -> None:
        upper, lower = (np.array(c, np.float64) * scale - origin for c in (eye.upper, eye.lower))
        self.tall = float(lower[:, 1].max() - upper[:, 1].min())
        crease = eye.crease * scale if eye.crease is not None else _CREASE * self.tall
        x0, x1 = int(upper[0, 0] - 0.35 * self.tall), int(upper[-1, 0] + 0.35 * self.tall) + 2
        y0, y1 = int(upper[:, 1].min() - crease - 0.30 * self.tall), int(lower[:, 1].max() + 0.40 * self.tall) + 2
        self.rows, self.cols = slice(max(0, y0), y1), slice(max(0, x0), x1)
        self.travel = np.array(eye.travel) * scale
        self.base = head[self.rows, self.cols].copy()
        self.h, self.w = self.base.shape[:2]
        self.corner = np.add(origin, (self.cols.start, self.rows.start))  # of the box, scaled canvas pixels
        upper, lower = (np.array(c, np.float64) * scale - self.corner for c in (eye.upper, eye.lower))
        self._edges(upper, lower, crease, rig.head_height * scale)
        self._opening(upper, lower)
        self.iris, _, _ = layers.sized(rig, eye.iris, scale)
        self.centre = np.array(eye.centre) * scale - self.corner - self.slit
        self.shade = self._shade()
        self.shine = self._part(rig, eye.shine, scale)
        lid = self._part(rig, eye.lid, scale)
        self.lid = None if lid is None else layers.place(*lid, (self.w, self.h))

    def _part(self, rig: Rig, placed: Placed | None, scale: float) -> tuple[np.ndarray, float, float] | None:
        if placed is None:
            return None
        layer, x, y = layers.sized(rig, placed, scale)
        return layer, x - self.corner[0], y - self.corner[1]

    def _edges(self, upper: np.ndarray, lower: np.ndarray, crease: float, height: float) -> None:
        """Prepare the lids' edges per column of the box."""
        columns = np.arange(self.w, dtype=np.float32)
        self.upper = np.interp(columns, upper[:, 0], upper[:, 1]).astype(np.float32)
        self.lower = np.interp(columns, lower[:, 0], lower[:, 1]).astype(np.float32)
        self.fold = self.upper - np.float32(crease)
        self.height = height
        self.lash = np.float32(max(1.5, _LASH * height))
        middle, half = (upper[0, 0] + upper[-1, 0]) / 2, (upper[-1, 0] - upper[0, 0]) / 2
        self.bow = np.clip(1 - ((columns - middle) / half) ** 2, 0, 1).astype(np.float32)
        self.map_x = np.tile(columns, (self.h, 1))
        self.row = np.arange(self.h, dtype=np.float32)[:, None]
        last = np.float32(self.h - 1)
        fade = np.minimum(self.row / np.maximum(self.upper, 1), (last - self.row) / np.maximum(last - self.lower, 1))
        self.fade = np.clip(fade, 0, 1)  # of what moves with the lids, to the box's edges

    def _opening(self, upper: np.ndarray, lower: np.ndarray) -> None:
        """Prepare the opening's mask and the small box around it."""
        x = np.concatenate([upper[:, 0], lower[::-1, 0]])
        mask = layers.polygon((self.w, self.h), x, np.concatenate([upper[:, 1], lower[::-1, 1]]))
        rows, cols = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        top = max(0, int(rows[0] - _UPPER_UP * self.travel[1]) - 1)
        bottom = min(self.h, int(rows[-1] + _LOWER_DOWN * self.travel[1]) + 3)
        self.open = slice(top, bottom), slice(cols[0], cols[-1] + 1)
        self.slit = np.array([cols[0], top])
        self.mask = np.ascontiguousarray(mask[self.open])

    def _shade(self) -> np.ndarray:
        """Return the upper lid's shadow on the eye as a layer."""
        shadow = cv2.GaussianBlur(255 - self.mask, (0, 0), max(0.09 * self.tall, 0.6))
        down = np.array([[1, 0, 0], [0, 1, 0.11 * self.tall]], np.float64)
        shadow = cv2.warpAffine(shadow, down, self.mask.shape[::-1], borderValue=255)
        alpha = cv2.convertScaleAbs(shadow, alpha=_SHADE)
        black = np.empty((*alpha.shape, 4), np.uint8)
        black[:] = 16, 128, 128, 255
        return layers.masked(black, alpha)

    def draw(self, head: np.ndarray, blink: float, gaze_x: float, gaze_y: float, squint: float = 0.0) -> None:
        """Draw the eye into the head layer, in place; `squint` (0 … 1) raises the lower lid."""
        way = gaze_y * float(self.travel[1])
        shut = max(blink if self.lid is not None else 0.0, min(_UPPER_DOWN * way / self.tall, _STRETCHED))
        fallen = (_LOWER_DOWN if way > 0 else _LOWER_UP) * way - _SQUINT * self.tall * min(squint, 1.0)
        lower = self.lower + self.bow * np.float32(fallen)
        upper = self.upper + self.bow * np.float32(_UPPER_UP * min(way, 0.0))
        if max(abs(way), abs(fallen), shut * self.tall) > _MOVED:
            patch, mask, shade = self._parted(upper + (lower - upper) * np.float32(min(shut, _STRETCHED)), lower)
        else:
            patch, mask, shade = self.base.copy(), self.mask, self.shade
        if shut < 0.98:
            ball = layers.masked(self._ball(gaze_x, way, shade), mask)
            patch[self.open] = layers.over(patch[self.open], ball)
        if shut > _LID_FROM and self.lid is not None:
            patch = layers.over(patch, self._lowered(shut, upper, lower))
        head[self.rows, self.cols] = patch

    def _parted(self, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the skin, the opening's mask and the lid's shadow with the lids' edges moved to other rows."""
        above, below = self.upper - upper, self.lower - lower  # from where skin and edges come
        share = np.clip((self.row - upper) / np.maximum(lower - upper, 0.5), 0, 1)
        source = self.row + (above + (below - above) * share) * self.fade
        patch = cv2.remap(self.base, self.map_x, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        there = self.map_x[self.open] - np.float32(self.slit[0]), source[self.open] - np.float32(self.slit[1])
        mask = cv2.remap(self.mask, *there, cv2.INTER_LINEAR)
        return patch, mask, cv2.remap(self.shade, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _ball(self, gaze_x: float, way: float, shade: np.ndarray) -> np.ndarray:
        """Return iris, shadow and highlight as a layer over the opening's box; `way` is down, in pixels."""
        size = self.mask.shape[1], self.mask.shape[0]
        move = np.array([self.travel[0] * gaze_x, way])
        x, y = self.centre + move - np.array(self.iris.shape[1::-1]) / 2
        ball = layers.over(layers.place(self.iris, x, y, size), shade)
        if self.shine is None:
            return ball
        layer, x, y = self.shine
        x, y = np.array([x, y]) - self.slit + _SHINE_SHARE * move
        return layers.over(ball, layers.place(layer, x, y, size))

    def _lowered(self, shut: float, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Return the upper lid: its skin stretched from the fold down to the lashes, which keep their size."""
        edge = upper + (lower - upper) * np.float32(shut)
        bottom = edge - self.lash
        stretch = np.maximum(self.lower - self.lash - self.fold, 0.5) / np.maximum(bottom - self.fold, 0.5)
        rel = self.row - bottom
        source = self.lower - self.lash + np.minimum(rel, rel * stretch)
        np.copyto(source, self.row, where=self.row < self.fold)
        lid = cv2.remap(self.lid, self.map_x, source, cv2.INTER_LINEAR)
        below = _UNDER_LASH + (_UNDER_SHUT - _UNDER_LASH) * max(0.0, 10 * shut - 9)
        seen = min((shut - _LID_FROM) / (_LID_FULL - _LID_FROM), 1.0)
        cut = np.clip(edge + np.float32(below * self.height + 0.5) - self.row, 0, 1) * np.float32(255 * seen)
        return layers.masked(lid, cut.astype(np.uint8))


class BrowPart:
    """Draws one brow into the head layer."""

    def __init__(self, rig: Rig, brow: Brow, origin: tuple[float, float], scale: float, left: bool) -> None:
        self.layer, x, y = layers.sized(rig, brow, scale)
        self.x, self.y, self.left = x - origin[0], y - origin[1], left
        self.height = rig.head_height * scale
        self.lift = brow.lift * scale if brow.lift is not None else _BROW_LIFT * self.height
        h, w = self.layer.shape[:2]
        pad = int(self.lift + (_FROWN_DOWN + _FROWN_IN) * self.height) + 3
        x0, y0 = max(0, int(self.x) - pad), max(0, int(self.y) - pad)
        self.rows, self.cols = slice(y0, int(self.y) + h + pad), slice(x0, int(self.x) + w + pad)

    def draw(self, head: np.ndarray, raised: float, frown: float) -> None:
        """Blend the brow over the head layer, in place."""
        h, w = self.layer.shape[:2]
        inward = 1 if self.left else -1
        angle = inward * (_FROWN_TILT * frown - _RAISE_TILT * raised)
        spin = cv2.getRotationMatrix2D((w * (0.35 if self.left else 0.65), h / 2), -angle, 1.0)
        spin[0, 2] += self.x - self.cols.start + inward * _FROWN_IN * frown * self.height
        spin[1, 2] += self.y - self.rows.start - self.lift * raised + _FROWN_DOWN * frown * self.height
        target = head[self.rows, self.cols]
        moved = cv2.warpAffine(self.layer, spin, (target.shape[1], target.shape[0]), flags=cv2.INTER_LINEAR)
        target[:] = layers.over(target, moved)
