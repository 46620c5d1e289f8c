"""Eyes and brows: iris, highlight and lid in each eye's box, brows above."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet import layers
from podcast.puppet.rig import Brow, Eye, Rig

_CREASE = 0.40  # height of the folded lid, openings, where the rig says nothing
_SHADE = 0.42  # darkness of the lid's shadow on the eye
_LID_IN = 0.10  # blink at which the drawn lid has fully replaced the open one
_BROW_LIFT = 0.030  # head heights
_FROWN_IN = 0.014
_FROWN_DOWN = 0.012
_FROWN_TILT = 9.0  # degrees
_RAISE_TILT = 2.5
_LID_FOLLOW = 0.24  # the upper lid comes down with a lowered gaze, share of a blink
_SHINE_SHARE = 0.25  # how far the highlight follows the iris


class EyePart:
    """Draws one eye into the head layer."""

    def __init__(self, rig: Rig, eye: Eye, head: np.ndarray, origin: tuple[float, float], scale: float) -> None:
        upper, lower = (np.array(c, np.float64) * scale - origin for c in (eye.upper, eye.lower))
        tall = float(lower[:, 1].max() - upper[:, 1].min())
        crease = eye.crease * scale if eye.crease is not None else _CREASE * tall
        x0, x1 = int(upper[0, 0] - 0.35 * tall), int(upper[-1, 0] + 0.35 * tall) + 2
        y0, y1 = int(upper[:, 1].min() - crease - 0.30 * tall), int(lower[:, 1].max() + 0.25 * tall) + 2
        self.rows, self.cols = slice(max(0, y0), y1), slice(max(0, x0), x1)
        self.base = head[self.rows, self.cols].copy()
        self.h, self.w = self.base.shape[:2]
        corner = np.array([self.cols.start, self.rows.start])
        upper, lower = upper - corner, lower - corner
        self.mask = layers.polygon(
            (self.w, self.h),
            np.concatenate([upper[:, 0], lower[::-1, 0]]),
            np.concatenate([upper[:, 1], lower[::-1, 1]]),
        )
        rows, cols = (np.flatnonzero(self.mask.any(axis)) for axis in (1, 0))
        self.open = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
        self.slit = np.array([cols[0], rows[0]])  # where the opening's box begins
        self.mask = np.ascontiguousarray(self.mask[self.open])
        self.iris, _, _ = layers.sized(rig, eye.iris, scale)
        self.centre = np.array(eye.centre) * scale - origin - corner
        self.travel = np.array(eye.travel) * scale
        self.shine = self._part(rig, eye.shine, scale, origin, corner + self.slit)
        self._shade(tall)
        self._lid(rig, eye, scale, origin, corner, upper, lower, crease)

    def _part(
        self, rig: Rig, placed: object, scale: float, origin: tuple[float, float], corner: np.ndarray
    ) -> tuple[np.ndarray, float, float] | None:
        if placed is None:
            return None
        layer, x, y = layers.sized(rig, placed, scale)  # type: ignore[arg-type]
        return layer, x - origin[0] - corner[0], y - origin[1] - corner[1]

    def _shade(self, tall: float) -> None:
        shadow = cv2.GaussianBlur(255 - self.mask, (0, 0), max(0.09 * tall, 0.6))
        down = np.array([[1, 0, 0], [0, 1, 0.11 * tall]], np.float64)
        shadow = cv2.warpAffine(shadow, down, self.mask.shape[::-1], borderValue=255)
        alpha = cv2.convertScaleAbs(cv2.multiply(shadow, self.mask, scale=1 / 255), alpha=_SHADE)
        self.shade = np.dstack([np.full_like(alpha, 16), np.full_like(alpha, 128), np.full_like(alpha, 128), alpha])
        self.shade = np.dstack([layers.masked(self.shade, alpha)[..., :3], alpha])

    def _lid(
        self,
        rig: Rig,
        eye: Eye,
        scale: float,
        origin: tuple[float, float],
        corner: np.ndarray,
        upper: np.ndarray,
        lower: np.ndarray,
        crease: float,
    ) -> None:
        self.lid = None
        part = self._part(rig, eye.lid, scale, origin, corner)
        if part is None:
            return
        self.lid = layers.place(part[0], part[1], part[2], (self.w, self.h))
        columns = np.arange(self.w)
        self.upper = np.interp(columns, upper[:, 0], upper[:, 1]).astype(np.float32)
        self.lower = np.interp(columns, lower[:, 0], lower[:, 1]).astype(np.float32)
        self.fold = self.upper - np.float32(crease)
        self.lash = np.float32(max(1.5, 0.012 * rig.head_height * scale))
        self.map_x = np.tile(columns.astype(np.float32), (self.h, 1))
        self.row = np.arange(self.h, dtype=np.float32)[:, None]

    def draw(self, head: np.ndarray, blink: float, gaze_x: float, gaze_y: float) -> None:
        """Draw the eye into the head layer, in place."""
        blink = max(blink, _LID_FOLLOW * gaze_y)
        patch = self.base.copy()
        if blink < 0.98 or self.lid is None:
            size = self.mask.shape[1], self.mask.shape[0]
            move = self.travel * (gaze_x, gaze_y)
            ih, iw = self.iris.shape[:2]
            x, y = self.centre - self.slit + move - np.array([iw, ih]) / 2
            inner = layers.over(layers.place(self.iris, x, y, size), self.shade)
            if self.shine is not None:
                layer, sx, sy = self.shine
                glint = layers.place(layer, sx + _SHINE_SHARE * move[0], sy + _SHINE_SHARE * move[1], size)
                inner = layers.over(inner, glint)
            patch[self.open] = layers.over(patch[self.open], layers.masked(inner, self.mask))
        if blink > 0.01 and self.lid is not None:
            patch = layers.over(patch, self._lowered(blink))
        head[self.rows, self.cols] = patch

    def _lowered(self, blink: float) -> np.ndarray:
        edge = self.upper + (self.lower - self.upper) * np.float32(blink)
        bottom = edge - self.lash
        stretch = np.maximum(self.lower - self.lash - self.fold, 0.5) / np.maximum(bottom - self.fold, 0.5)
        rel = self.row - bottom
        source = self.lower - self.lash + np.minimum(rel, rel * stretch)  # stretched above the lash, as it is below
        np.copyto(source, self.row, where=self.row < self.fold)
        lid = cv2.remap(self.lid, self.map_x, source, cv2.INTER_LINEAR)
        return lid if blink >= _LID_IN else cv2.convertScaleAbs(lid, alpha=blink / _LID_IN)


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
