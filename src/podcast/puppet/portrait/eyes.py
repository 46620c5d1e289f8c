"""The eyes: an iris that slides on a filled-in eyeball, and a lid drawn inside the opening; the skin around stays.

Lids go with the gaze: the upper one falls and rises, the lower one sinks (Malbouisson et al. 2005). Only the opening
and a narrow strip of skin around it change, so glasses, brows and make-up are hardly ever stretched.
"""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.portrait.cutout import Cutout, fill
from podcast.puppet.portrait.geometry import EYES, EyeMarks, fall, rise
from podcast.puppet.pose import INDEX, REST

_STEPS = 24  # lid positions between open and shut
_LASH = 0.15  # height of the strip that goes down with the lid, eye widths
# Shift of the iris at gaze 1, iris radii: the sine of 25 degrees on a ball of two radii, and that of 18 with a quarter
# more, for of what is half hidden by the lids a viewer sees less.
_SLIDE = 0.86, 0.78
# How far the lids go along with the iris up and down, shares of its way: the upper one nearly all of it, the lower one
# a third (Becker and Fuchs 1988), here half in glances down, where it is the one that bares the eye.
_UPPER_DOWN, _UPPER_UP, _LOWER_DOWN, _LOWER_UP = 0.85, 0.70, 0.50, 0.33
_FALLEN = 0.5  # openings that a lid falls in a glance at most
_YIELD = 0.40  # of the room between lid and brow: the strip of skin that gives way to a lid
_SHADE, _SHADED = 0.35, 0.35  # of the lid on the eyeball, and how far down it reaches, openings
_ROUND, _ROUNDED = 0.16, 0.45  # how much darker white that a glance up bares is at the lower lid; from there, openings
_GLANCES = 16  # lid positions between a gaze ahead and up or down
_EDGE = 1.0, 1.2, 1.45  # heights above the lid, of the strip for the lashes, with whose colours a lid begins
_GRAIN = 9.0  # most of the skin's grain on a lid, grey levels
_WATERLINE = 0.05  # eye widths of the lower lid's edge, where landmarks leave some white, that shut lids hide
_GROWN = 0.04  # eye widths by which both eyes reach below their landmarks where they are drawn large
_WIDER = 1.35  # of half an eye: where the white of an eye that is drawn large may end
_SQUINT = 0.35  # rise of the lower lid in a wide smile


class Eye:
    """Draws one eye into the layer."""

    def __init__(self, cutout: Cutout, marks: EyeMarks, side: str, growth: float | None = None) -> None:
        """Prepare an eye that reaches `growth` eye widths below its landmarks, None: as far as its colours do."""
        self.side, self._given = side, growth
        lm = cutout.landmarks[:, :2]
        upper, lower = lm[list(marks.upper)], lm[list(marks.lower)]
        if growth:
            upper, lower = _widened(cutout.layer, upper, lower)
        axis = upper[-1] - upper[0]
        self.width = max(float(np.linalg.norm(axis)), 2.0)
        self.across = axis / self.width
        self.down = np.array([-self.across[1], self.across[0]])
        self.middle = (upper[0] + upper[-1]) / 2
        self._box(cutout.layer)
        self._measure(upper, lower, lm[list(marks.brow)])
        self._ball(lm[marks.iris], lm[marks.iris + 1 : marks.iris + 5])
        self.skin, self.edge, self.grain = self._lid_skin()
        self._lids: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._openings: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def _box(self, layer: np.ndarray) -> None:
        h, w = layer.shape[:2]
        x0, y0 = np.clip(np.floor(self.middle - self.width * np.array([0.85, 0.75])), 0, (w - 4, h - 4)).astype(int)
        x1, y1 = np.clip(np.ceil(self.middle + self.width * np.array([0.85, 0.60])), (x0 + 4, y0 + 4), (w, h)).astype(
            int
        )
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
        self.growth = self._lower_growth(self.low) if self._given is None else self._given
        self.low += np.float32(self.growth * self.width) * fall(np.abs(x) / half, 0.62, 1.08).astype(np.float32)
        along = self._local(brow)
        along = along[np.argsort(along[:, 0])]
        brow_y = np.interp(x, along[:, 0], along[:, 1])
        self.room = np.maximum(self.top - brow_y, 0.12 * self.width).astype(np.float32)  # from lid to brow
        self.lash = np.minimum(_LASH * self.width, 0.4 * self.room).astype(np.float32)
        self.open = (self.low - self.top) * fall(np.abs(x) / half, 0.90, 1.12).astype(np.float32)
        self.inside = self._between(self.top, self.low)

    def _lids_at(self, glance: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the edges of the lids in a glance up (-1) or down (1)."""
        way, bow = glance * _SLIDE[1] * self.radius, self.open / max(float(self.open.max()), 1e-3)
        upper = np.minimum(bow * np.float32(_UPPER_UP * max(-way, 0.0)), 0.5 * _YIELD * self.room)
        lower = bow * np.float32((_LOWER_DOWN if way > 0 else _LOWER_UP) * way)
        return self.top - upper, self.low + lower  # what falls over the eye is drawn as a lid

    def _between(self, top: np.ndarray, low: np.ndarray) -> np.ndarray:
        """Return how far each pixel lies between the lids, 0 … 1."""
        soft = max(0.8, 0.015 * self.width)
        edges = np.clip((self.y - top) / soft + 0.5, 0, 1) * np.clip((low - self.y) / soft + 0.5, 0, 1)
        return (edges * fall(np.abs(self.x) / (self.width / 2), 0.94, 1.02)).astype(np.float32)

    def _lower_growth(self, low: np.ndarray) -> float:
        """Return by how much the drawn eye reaches below its landmarks (large cartoon eyes), eye widths."""
        colours = self.source[..., :3].astype(np.float32)
        middle = np.abs(self.x) < 0.22 * self.width

        def band(share: float) -> np.ndarray:
            return colours[middle & (np.abs(self.y - low - share * self.width) < 0.012 * self.width + 0.5)].mean(0)

        shares = np.arange(-0.06, 0.27, 0.02)
        bands = np.array([band(float(share)) for share in shares])
        skin = bands[-3:].mean(0)
        differ = np.linalg.norm(bands - skin, axis=1)
        if differ[0] < 40:
            return 0.0
        eye = np.flatnonzero(differ > 0.35 * differ[0])
        last = next((i for i in range(len(shares)) if i not in eye), 0) - 1
        return max(float(shares[last]) - 0.01, 0.0) if last >= 0 else 0.0

    def _ball(self, centre: np.ndarray, rim: np.ndarray) -> None:
        """Part the eyeball into white and iris, each completed where the other or a lid hides it."""
        self.radius = float(np.clip(np.linalg.norm(rim - centre, axis=1).mean(), 0.12 * self.width, 0.30 * self.width))
        cx, cy = centre - (self.cols.start, self.rows.start)
        self.radius *= self._iris_growth(float(cx), float(cy))
        self.widest = self._between(self._lids_at(-1.0)[0], self._lids_at(1.0)[1])
        away = np.hypot(self.px - cx, self.py - cy) / self.radius
        seen = self.inside > 0.6
        iris = fall(away, 1.02, 1.22)
        colours = self.source[..., :3].astype(np.float32)
        bare = seen & (away > 1.3)
        if bare.any():  # lashes and the rim of the lid are no part of the white
            bare &= colours[..., 0] >= np.quantile(colours[..., 0][bare], 0.25)
        white = fill(colours, ~bare)
        white = np.where(
            (self.widest > 0.02)[..., None], cv2.GaussianBlur(white, (0, 0), max(0.7, 0.03 * self.width)), colours
        )
        keep = (self.inside * (1 - fall(away, 1.15, 1.6)))[..., None]
        white = white * (1 - keep) + colours * keep
        # hidden parts of the iris are taken from its other side
        mirrored = cv2.remap(
            colours, self.px, (2 * cy - self.py).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        seen_there = (
            cv2.remap(seen.astype(np.float32), self.px, (2 * cy - self.py).astype(np.float32), cv2.INTER_LINEAR) > 0.9
        )
        own = cv2.GaussianBlur(cv2.erode(seen.astype(np.float32), np.ones((3, 3), np.uint8)), (0, 0), 0.8)[..., None]
        inner = (away < 1) & seen
        dark = colours[inner].mean(0) if inner.any() else np.array([60.0, 128, 128], np.float32)
        hidden = np.where(seen_there[..., None], mirrored, dark)
        whole = np.dstack([(colours * own + hidden * (1 - own)) * iris[..., None], iris]).astype(np.float32)
        filled = np.argwhere(self.widest > 0.004)
        (r0, c0), (r1, c1) = (filled.min(0), filled.max(0) + 1) if len(filled) else ((0, 0), (2, 2))
        self.opening = slice(r0, r1), slice(c0, c1)
        self.white = np.ascontiguousarray(white[self.opening], np.float32)
        self.iris = np.ascontiguousarray(whole[self.opening])

    def _iris_growth(self, cx: float, cy: float) -> float:
        """Return how much larger the drawn iris is than its landmarks say: where dark gives way to white sideways."""
        away = np.hypot(self.px - cx, self.py - cy) / self.radius
        level = (self.inside > 0.9) & (np.abs(self.py - cy) < 0.45 * self.radius)
        bins = np.arange(0.0, 2.2, 0.1)
        luma = self.source[..., 0].astype(np.float32)
        rings = [luma[level & (away >= b) & (away < b + 0.1)] for b in bins]
        means = np.array([ring.mean() if len(ring) > 2 else np.nan for ring in rings])
        if np.isnan(means[:9]).any() or np.isnan(means[9:]).all():
            return 1.0
        dark, white = float(np.nanmean(means[4:9])), float(np.nanmax(means[9:]))
        beyond = np.flatnonzero(means[8:] > dark + 0.6 * (white - dark))
        if white - dark < 25 or not len(beyond):
            return 1.0
        return float(np.clip(bins[8 + beyond[0]] + 0.08, 0.95, 1.7))

    def _lid_skin(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the lid's colour (h, w, 3), what lies just above the lashes there, and the skin's grain (h, w).

        The colour is taken column by column between lashes and brow, without thin rims and creases; the grain from
        below the eye.
        """
        colours = self.source[..., :3].astype(np.float32)
        wide = max(1.0, 0.07 * self.width)

        def above(shares: tuple[float, ...]) -> np.ndarray:
            return np.stack([self._shifted(colours, self.top - self.room * np.float32(s) - self.y) for s in shares])

        rows = above((0.30, 0.37, 0.44, 0.51, 0.58, 0.65))
        order = np.argsort(rows[..., 0], axis=0)[2:5]  # rather bright: no rim, crease or shadow
        skin = np.take_along_axis(rows, order[..., None], axis=0).mean(0)
        shares = (np.float32(share * self.width) for share in (0.16, 0.2, 0.24))
        below = np.median([self._shifted(colours, self.low + share - self.y) for share in shares], axis=0)
        skin = cv2.GaussianBlur((0.75 * skin + 0.25 * below).astype(np.float32), (0, 0), wide)
        edge = np.mean([self._shifted(colours, self.top - self.lash * np.float32(s) - self.y) for s in _EDGE], axis=0)
        luma = colours[..., 0]
        fine = luma - cv2.GaussianBlur(luma, (0, 0), max(0.8, 0.03 * self.width))
        mirrored = 2 * (self.low - self.y) + np.float32(0.10 * self.width)
        grain = np.clip(self._shifted(fine, mirrored), -_GRAIN, _GRAIN)
        return skin, cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.7 * wide), grain

    def _shifted(self, picture: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Return a picture taken from `dy` further down the eye's own axis."""
        u, v = self.px + dy * np.float32(self.down[0]), self.py + dy * np.float32(self.down[1])
        return cv2.remap(
            picture, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    def draw(self, pose: np.ndarray, target: np.ndarray) -> None:
        """Draw the eye of a pose into a layer like the source."""
        gx, gy = float(pose[INDEX["gaze_x"]]), float(pose[INDEX["gaze_y"]])
        blink = float(np.clip(pose[INDEX[f"blink_{self.side}"]], 0, 1))
        shut = max(blink, self._fallen(gy))  # the motion may have lowered the lid already
        glance = gy * max(1 - 2 * blink, 0.0)
        squint = max(float(pose[INDEX["smile"]] - REST[INDEX["smile"]]), 0.0)
        part = target[self.rows, self.cols]
        self._draw_iris(gx, gy, round(glance * _GLANCES), part)
        key = round(shut * _STEPS), round(squint * 6), round(blink * _STEPS)
        if any(key):
            if key not in self._lids:
                self._lids[key] = self._lid(key[0] / _STEPS, key[1] / 6, key[2] / _STEPS)
            lid, alpha = self._lids[key]
            part[:] = cv2.blendLinear(lid, np.ascontiguousarray(part), alpha, 1 - alpha)

    def _fallen(self, glance: float) -> float:
        """Return how far a glance lowers the upper lid, openings."""
        tall = max(float(self.open.max()), 1e-3)
        return float(np.clip(_UPPER_DOWN * glance * _SLIDE[1] * self.radius / tall, 0.0, _FALLEN))

    def _draw_iris(self, gx: float, gy: float, glance: int, part: np.ndarray) -> None:
        """Draw the open eye with the iris in its place and the lids where a glance takes them, in place."""
        if abs(gx) < 0.01 and abs(gy) < 0.01:
            part[:] = self.source
            return
        if glance not in self._openings:
            self._openings[glance] = self._opened(glance / _GLANCES)
        skin, inside, base = self._openings[glance]
        part[:] = skin
        move = gx * _SLIDE[0] * self.radius * self.across + gy * _SLIDE[1] * self.radius * self.down
        iris = cv2.warpAffine(self.iris, np.array([[1.0, 0, move[0]], [0, 1, move[1]]]), self.white.shape[1::-1])
        ball = base + (iris[..., :3] - self.white * iris[..., 3:]) * inside
        rows, cols = self.opening
        part[rows, cols, :3] = np.clip(ball, 0, 255)

    def _opened(self, glance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the skin around an eye that glances up or down, the shaded opening, and the white in the skin."""
        top, low = self._lids_at(glance)
        reach = np.maximum(_YIELD * self.room, 1e-3)
        above = (self.top - top) * fall((top - self.y) / reach, 0.0, 1.0)
        below = (self.low - low) * fall((self.y - low) / reach, 0.0, 1.0)
        shift = np.where(2 * self.y < top + low, above, below)
        skin = self._shifted(self.source, shift.astype(np.float32))
        inside = self._between(top, low)[self.opening][..., None]
        colours = skin[self.opening][..., :3].astype(np.float32)
        lid = top + np.float32(self._fallen(glance)) * self.open
        light = 1 - _SHADE * (self._shadow(lid) - self._shadow(self.top))[self.opening][..., None]
        if glance < 0:  # the ball turns away from the light there, and white that is never seen is less white
            under = fall((low - self.y) / np.maximum(_ROUNDED * self.open, 1.0), 0.0, 1.0)
            light = light * (1 + _ROUND * glance * under[self.opening][..., None])
        lit = np.concatenate([light, np.ones_like(light), np.ones_like(light)], -1).astype(np.float32)
        white = self.white * lit
        white[..., :1] += 16 * (1 - light)
        return skin, inside * lit, white * inside + colours * (1 - inside) + np.float32(0.5)

    def _shadow(self, top: np.ndarray) -> np.ndarray:
        """Return where the upper lid shades the eyeball, 0 … 1."""
        return np.asarray(fall((self.y - top) / np.maximum(_SHADED * self.open, 1.0), 0.0, 1.0))

    def _lid(self, shut: float, squint: float, blink: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the lids at a position, and where they cover what is behind; glances leave the lower one alone."""
        y, lash, half = self.y, self.lash, self.width / 2
        meet = self.top + shut * (self.open * np.float32(1.0) + np.float32(0.02 * self.width))
        base = self.low - np.float32(_SQUINT * squint) * self.open * (1 - shut) - 0.02 * blink * self.open
        meet = np.minimum(meet, np.maximum(base + 0.02 * self.width, self.top))
        colours = self.source[..., :3].astype(np.float32)
        strip = self._shifted(colours, self.top - meet)
        # lid skin between the crease and the lashes
        high = np.maximum(meet - self.top, 1e-3)
        t = np.clip((y - (self.top - lash)) / (high + 1e-3), 0, 1)
        round_ = float(rise(shut, 0.2, 0.8))  # a lid that is hardly lowered shows no ball under it
        bulge = 1 + round_ * (0.11 * np.sin(np.pi * t) - 0.10 * rise(t, 0.75, 1.0))
        lid = self.skin + (self.edge - self.skin) * fall(t, 0.0, 0.75)[..., None].astype(np.float32)
        lid[..., 0] = 16 + (lid[..., 0] - 16) * bulge + self.grain
        at_lash = rise(y, meet - lash * 1.05, meet - lash * 0.55)
        bright = rise(strip[..., 0] - lid[..., 0], -8, 12)  # white does not go along
        at_lash = at_lash * (1 - rise(shut, 0.0, 0.5) * bright)
        lid = lid * (1 - at_lash[..., None]) + strip * at_lash[..., None]
        line = np.exp(-(((y - meet) / (0.040 * self.width)) ** 2)) * 0.82 * rise(shut, 0.1, 0.7)
        lid[..., 0] = 16 + (lid[..., 0] - 16) * (1 - line * fall(np.abs(self.x) / half, 0.85, 1.05))
        side = fall(np.abs(self.x) / half, 0.98, 1.12)
        soft = max(0.8, 0.012 * self.width)
        from_top = rise(y, self.top - lash * (1.25 + 0.45 * round_), self.top - lash * 0.8)
        upper = from_top * np.clip((meet - y) / soft + 0.8, 0, 1) * side * (1.0 if shut > 0 else 0.0)
        lower = np.clip((y - base) / soft + 0.5, 0, 1) * fall(y - self.low, 0, 0.12 * self.width) * side
        below = self._shifted(colours, self.low - base + np.float32(_WATERLINE * blink * self.width))
        lower = lower * (1 - upper) * (1.0 if squint > 0 else float(rise(blink, 0.0, 0.4)))
        whole = np.clip(upper + lower, 0, 1)
        mixed = (lid * upper[..., None] + below * lower[..., None]) / np.maximum(whole, 1e-3)[..., None]
        layer = np.dstack([np.clip(mixed + 0.5, 0, 255), np.full(y.shape, 255.0)]).astype(np.uint8)
        layer[..., 3] = self.source[..., 3]
        return layer, whole.astype(np.float32)


def _widened(layer: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lids (n, 2) of an eye that is drawn large with their ends where its white ends."""
    ends, middle = upper[[0, -1]], (upper[0] + upper[-1]) / 2
    colours = layer[..., :3].astype(np.float32)
    tall = float(np.linalg.norm(lower - upper, axis=1).max())
    across = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-6)
    down = np.array([-across[1], across[0]])
    rows = np.arange(-0.1, 0.45, 0.05)[:, None] * tall * down
    shares = np.arange(0.80, 1.62, 0.02)
    new = []
    for end in ends:
        u, v = np.moveaxis((middle + shares[:, None] * (end - middle))[:, None] + rows, -1, 0).astype(np.float32)
        seen = cv2.remap(colours, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        white, skin = np.median(seen[:4].reshape(-1, 3), axis=0), np.median(seen[-8:].reshape(-1, 3), axis=0)
        alike = np.linalg.norm(seen - white, axis=-1) < 0.5 * np.linalg.norm(seen - skin, axis=-1)
        ended = np.flatnonzero(~alike.any(1) & (shares > 1))
        reach = float(shares[ended[0]]) if len(ended) else 1.0
        new.append(middle + (reach if reach < _WIDER else 1.0) * (end - middle))
    stretch = np.linalg.norm(np.subtract(new, middle), axis=1) / np.linalg.norm(ends - middle, axis=1)

    def moved(points: np.ndarray) -> np.ndarray:
        x = (points - middle) @ across
        return points + (x * (np.where(x < 0, stretch[0], stretch[1]) - 1))[:, None] * across

    return moved(upper), moved(lower)


def eyes_of(cutout: Cutout) -> list[Eye]:
    """Return both eyes: drawn large if both are, for make-up or a shadow can make one seem so."""
    found = [eye.growth for eye in _pair(cutout, None)]
    return _pair(cutout, max(found) if min(found) >= _GROWN else 0.0)


def _pair(cutout: Cutout, growth: float | None) -> list[Eye]:
    return [Eye(cutout, marks, side, growth) for marks, side in zip(EYES, "lr", strict=True)]
