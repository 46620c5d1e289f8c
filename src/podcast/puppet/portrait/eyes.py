"""The eyes: an iris that slides on a filled-in eyeball, and a lid drawn inside the opening; the skin around stays.

Only the opening and a narrow strip for the lashes above it change, so glasses, brows and make-up are never stretched.
"""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.portrait.cutout import Cutout, fill
from podcast.puppet.portrait.geometry import EyeMarks, fall, rise
from podcast.puppet.pose import INDEX, REST

_STEPS = 24  # lid positions between open and shut
_LASH = 0.10  # height of the strip that goes down with the lid, eye widths
_SLIDE = 0.86, 0.62  # shift of the iris at gaze 1, iris radii: sines of 25 and 18 degrees on a ball of two radii
_FOLLOW = 0.30  # how far the lid follows a glance down
_SQUINT = 0.35  # rise of the lower lid in a wide smile


class Eye:
    """Draws one eye into the layer."""

    def __init__(self, cutout: Cutout, marks: EyeMarks, side: str) -> None:
        self.side = side
        lm = cutout.landmarks[:, :2]
        upper, lower = lm[list(marks.upper)], lm[list(marks.lower)]
        axis = upper[-1] - upper[0]
        self.width = max(float(np.linalg.norm(axis)), 2.0)
        self.across = axis / self.width
        self.down = np.array([-self.across[1], self.across[0]])
        self.middle = (upper[0] + upper[-1]) / 2
        self._box(cutout.layer)
        self._measure(upper, lower, lm[list(marks.brow)])
        self._ball(lm[marks.iris], lm[marks.iris + 1 : marks.iris + 5])
        self.skin = self._lid_skin()
        self._lids: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def _box(self, layer: np.ndarray) -> None:
        h, w = layer.shape[:2]
        x0, y0 = np.clip(np.floor(self.middle - self.width * np.array([0.85, 0.75])), 0, (w - 4, h - 4)).astype(int)
        x1, y1 = np.clip(np.ceil(self.middle + self.width * np.array([0.85, 0.60])), (x0 + 4, y0 + 4), (w, h)).astype(int)
        self.rows, self.cols = slice(y0, y1), slice(x0, x1)
        self.source = np.ascontiguousarray(layer[self.rows, self.cols])
        py, px = np.mgrid[y0:y1, x0:x1]
        self.px, self.py = (px - x0).astype(np.float32), (py - y0).astype(np.float32)
        offset = np.dstack([px, py]) - self.middle
        self.x, self.y = (offset @ self.across).astype(np.float32), (offset @ self.down).astype(np.float32)

    def _local(self, points: np.ndarray) -> np.ndarray:
        offset = points - self.middle
        return np.stack([offset @ self.across, offset @ self.down], -1)

    def _measure(self, upper: np.ndarray, lower: np.ndarray, brow: np.ndarray) -> None:
        half, x = self.width / 2, self.x
        within = np.clip(x, -half, half)

        def curve(points: np.ndarray) -> np.ndarray:
            p = self._local(points)
            return np.polyval(np.polyfit(p[:, 0], p[:, 1], 4), within).astype(np.float32)

        self.top = curve(upper)
        self.low = np.maximum(curve(lower), self.top)
        along = self._local(brow)
        along = along[np.argsort(along[:, 0])]
        brow_y = np.interp(x, along[:, 0], along[:, 1])
        self.room = np.maximum(self.top - brow_y, 0.12 * self.width).astype(np.float32)  # from lid to brow
        self.lash = np.minimum(_LASH * self.width, 0.4 * self.room).astype(np.float32)
        self.open = (self.low - self.top) * fall(np.abs(x) / half, 0.90, 1.12).astype(np.float32)
        outline = np.vstack([upper, lower[::-1][1:-1]]) - (self.cols.start, self.rows.start)
        mask = np.zeros(x.shape, np.uint8)
        cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        self.inside = cv2.GaussianBlur(mask, (0, 0), max(0.7, 0.012 * self.width)).astype(np.float32) / 255

    def _ball(self, centre: np.ndarray, rim: np.ndarray) -> None:
        """Part the eyeball into white and iris, each completed where the other or a lid hides it."""
        self.radius = float(np.clip(np.linalg.norm(rim - centre, axis=1).mean(), 0.12 * self.width, 0.30 * self.width))
        cx, cy = centre - (self.cols.start, self.rows.start)
        away = np.hypot(self.px - cx, self.py - cy) / self.radius
        seen = self.inside > 0.6
        iris = fall(away, 1.02, 1.22)
        colours = self.source[..., :3].astype(np.float32)
        white = fill(colours, ~(seen & (away > 1.2)))
        white = np.where((self.inside > 0.02)[..., None], cv2.GaussianBlur(white, (0, 0), max(0.7, 0.03 * self.width)), colours)
        keep = (self.inside * (1 - fall(away, 1.12, 1.3)))[..., None]
        self.white = white * (1 - keep) + colours * keep
        # hidden parts of the iris are taken from its other side
        mirrored = cv2.remap(colours, self.px, (2 * cy - self.py).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        seen_there = cv2.remap(seen.astype(np.float32), self.px, (2 * cy - self.py).astype(np.float32), cv2.INTER_LINEAR) > 0.9
        own = cv2.GaussianBlur(cv2.erode(seen.astype(np.float32), np.ones((3, 3), np.uint8)), (0, 0), 0.8)[..., None]
        inner = (away < 1) & seen
        dark = colours[inner].mean(0) if inner.any() else np.array([60.0, 128, 128], np.float32)
        hidden = np.where(seen_there[..., None], mirrored, dark)
        self.iris = np.dstack([(colours * own + hidden * (1 - own)) * iris[..., None], iris]).astype(np.float32)

    def _lid_skin(self) -> np.ndarray:
        """Return the lid's colour (h, w, 3): what lies just above the lashes, column by column, without thin rims."""
        colours = self.source[..., :3].astype(np.float32)
        rows = []
        for share in (1.3, 1.7, 2.1, 2.5, 2.9):
            dy = self.top - self.lash * np.float32(share) - self.y
            rows.append(self._shifted(colours, dy))
        skin = np.median(rows, axis=0).astype(np.float32)
        wide = max(1.0, 0.09 * self.width)
        return cv2.GaussianBlur(skin, (0, 0), sigmaX=wide, sigmaY=wide)

    def _shifted(self, picture: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Return a picture taken from `dy` further down the eye's own axis."""
        u, v = self.px + dy * np.float32(self.down[0]), self.py + dy * np.float32(self.down[1])
        return cv2.remap(picture, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def draw(self, pose: np.ndarray, target: np.ndarray) -> None:
        """Draw the eye of a pose into a layer like the source."""
        gx, gy = float(pose[INDEX["gaze_x"]]), float(pose[INDEX["gaze_y"]])
        blink = float(np.clip(pose[INDEX[f"blink_{self.side}"]], 0, 1))
        shut = blink + _FOLLOW * max(gy, 0.0) * (1 - blink)
        squint = max(float(pose[INDEX["smile"]] - REST[INDEX["smile"]]), 0.0)
        part = target[self.rows, self.cols]
        part[..., :3] = self._with_iris(gx, gy) if shut < 0.97 else self.source[..., :3]
        key = round(shut * _STEPS), round(squint * 6)
        if key != (0, 0):
            if key not in self._lids:
                self._lids[key] = self._lid(key[0] / _STEPS, key[1] / 6)
            lid, alpha = self._lids[key]
            part[:] = cv2.blendLinear(lid, np.ascontiguousarray(part), alpha, 1 - alpha)

    def _with_iris(self, gx: float, gy: float) -> np.ndarray:
        """Return the open eye with the iris in its place."""
        colours = self.source[..., :3]
        if abs(gx) < 0.01 and abs(gy) < 0.01:
            return colours
        dx, dy = gx * _SLIDE[0] * self.radius, gy * _SLIDE[1] * self.radius
        move = dx * self.across + dy * self.down
        h, w = self.px.shape
        iris = cv2.warpAffine(self.iris, np.array([[1.0, 0, move[0]], [0, 1, move[1]]]), (w, h))
        ball = self.white * (1 - iris[..., 3:]) + iris[..., :3]
        inside = self.inside[..., None]
        return (colours * (1 - inside) + ball * inside + 0.5).astype(np.uint8)

    def _lid(self, shut: float, squint: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the lids at a position, and where they cover what is behind."""
        y, lash, half = self.y, self.lash, self.width / 2
        meet = self.top + shut * (self.open * np.float32(1.0) + np.float32(0.02 * self.width))
        base = self.low - np.float32(_SQUINT * squint) * self.open * (1 - shut) - 0.08 * shut * self.open
        meet = np.minimum(meet, np.maximum(base + 0.02 * self.width, self.top))
        colours = self.source[..., :3].astype(np.float32)
        strip = self._shifted(colours, self.top - meet)
        # lid skin between the crease and the lashes
        high = np.maximum(meet - self.top, 1e-3)
        t = np.clip((y - (self.top - lash)) / (high + 1e-3), 0, 1)
        bulge = 1 + 0.05 * np.sin(np.pi * t) - 0.10 * rise(t, 0.75, 1.0)
        lid = self.skin.copy()
        lid[..., 0] = 16 + (lid[..., 0] - 16) * bulge
        at_lash = (rise(y, meet - lash * 1.05, meet - lash * 0.55))[..., None]
        lid = lid * (1 - at_lash) + strip * at_lash
        line = np.exp(-(((y - meet) / (0.028 * self.width)) ** 2)) * 0.5 * rise(shut, 0.1, 0.7)
        lid[..., 0] = 16 + (lid[..., 0] - 16) * (1 - line * fall(np.abs(self.x) / half, 0.85, 1.05))
        side = fall(np.abs(self.x) / half, 0.98, 1.12)
        soft = max(0.8, 0.012 * self.width)
        from_top = rise(y, self.top - lash * 1.25, self.top - lash * 0.8)
        upper = from_top * np.clip((meet - y) / soft + 0.8, 0, 1) * side * (1.0 if shut > 0 else 0.0)
        lower = np.clip((y - base) / soft + 0.5, 0, 1) * fall(y - self.low, 0, 0.12 * self.width) * side
        below = self._shifted(colours, self.low - base)
        lower = lower * (1 - upper) * float(squint > 0 or shut > 0)
        whole = np.clip(upper + lower, 0, 1)
        mixed = (lid * upper[..., None] + below * lower[..., None]) / np.maximum(whole, 1e-3)[..., None]
        layer = np.dstack([np.clip(mixed + 0.5, 0, 255), np.full(y.shape, 255.0)]).astype(np.uint8)
        layer[..., 3] = self.source[..., 3]
        return layer, whole.astype(np.float32)
