"""The mouth: lips as curves steered by the pose, skin warped along them, teeth and tongue between.

The closed lips of the head layer are cut along the line where they meet. The skin above and the skin below are
stretched separately, column by column, between key heights (nose, outer lip, lip line | lip line, outer lip, chin,
neck), so that lips close exactly and nothing is ever faded from one shape to another.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet import layers
from podcast.puppet.pose import INDEX, MOUTH
from podcast.puppet.rig import Mouth, Placed, Rig

_COLUMNS = 41  # samples of a lip curve
_GRID = 6  # pixels between the nodes of the warp

# Reach of the channels, in head heights (found by looking; a wide open jaw of speech shows about a tenth)
_LIFT_RAISE = 0.022
_LIFT_JAW = 0.010
_DROP_LOWER = 0.024
_CHIN = 0.70  # the chin's fall against the lower lip's
_SMILE = 0.028
_WIDE = 0.16  # growth of the mouth's width
_PUCKER = 0.42  # shrinkage
_PART = 0.020  # lips of OO stand apart with the jaw nearly shut
_TUCK = 0.016  # the upper lip's lift over a tucked lower lip
_HIDE = 0.030
_TIP = 0.022  # fall of the raised tongue: its tip just under the upper teeth
_NOSE = 0.050  # region above the lips: below the nose, which stays as it is
_NECK = 0.13  # region below the chin
_CHEEK = 0.28  # region beside the middle


@dataclass(frozen=True)
class Shape:
    """The lips of one pose over columns t = -1 … 1; pixels relative to the middle of the lip line."""

    half: float  # half width of the mouth
    upper: np.ndarray  # y of the inner edge of the upper lip
    lower: np.ndarray
    jaw: float  # fall of the chin, pixels


def gap(pose: np.ndarray, drop: float) -> tuple[float, float]:
    """Return how far the middles of the upper lip rise and of the lower lip fall, in head heights."""
    c = {name: float(pose[INDEX[name]]) for name in MOUTH}
    up = _LIFT_JAW * c["jaw"] + _LIFT_RAISE * c["raise"] + 0.3 * _PART * c["pucker"]
    down = drop * c["jaw"] + _DROP_LOWER * c["lower"] + 0.7 * _PART * c["pucker"] + 0.012 * c["tongue"]
    tuck = c["tuck"]
    up, down = up * (1 - 0.3 * tuck) + _TUCK * tuck, down * (1 - tuck) - 0.002 * tuck
    shut = 1 - min(max(c["press"], 0.0), 1.0)
    return max(up * shut, 0.0), down * shut


class MouthPart:
    """Draws the mouth into the head layer; holds what a rig and a size determine."""

    def __init__(self, rig: Rig, head: np.ndarray, origin: tuple[float, float], scale: float) -> None:
        """Prepare for a head layer (h, w, 4) whose corner lies at `origin` in scaled canvas pixels."""
        spec: Mouth = rig.spec.mouth
        self.height = rig.head_height * scale
        self.drop = spec.drop
        curves = [np.array(c, np.float64) * scale - origin for c in (spec.top, spec.line, spec.low)]
        line = curves[1]
        self.x = float(line[[0, -1], 0].mean())
        self.y = float(np.interp(self.x, line[:, 0], line[:, 1]))
        self.half = float(line[-1, 0] - line[0, 0]) / 2
        self.t = np.linspace(-1, 1, _COLUMNS)
        at = self.x + self.t * self.half
        self.top, self.line, self.low = (np.interp(at, c[:, 0], c[:, 1]) - self.y for c in curves)
        ends = np.abs(self.t) > 0.999
        self.top[ends] = self.low[ends] = self.line[ends]
        self.chin = rig.spec.chin * scale - origin[1] - self.y
        self._box(head)
        self.source = np.ascontiguousarray(head[self.rows, self.cols])
        self.work = self.source.copy()
        self._cavity(rig, spec, scale, origin)

    def _box(self, head: np.ndarray) -> None:
        h, w = head.shape[:2]
        y0 = max(0, int(self.y + self.top.min() - _NOSE * self.height))
        y1 = min(h, int(self.y + self.chin + _NECK * self.height))
        x0, x1 = max(0, int(self.x - _CHEEK * self.height)), min(w, int(self.x + _CHEEK * self.height) + 1)
        x1, y1 = x1 - (x1 - x0) % _GRID, y1 - (y1 - y0) % _GRID
        self.rows, self.cols = slice(y0, y1), slice(x0, x1)
        self.size = x1 - x0, y1 - y0
        self.cx, self.cy = self.x - x0, self.y - y0  # the mouth's middle in the box
        # One cell more on every side: resize lays nodes at the cells' middles and does not extrapolate.
        gw, gh = self.size[0] // _GRID + 2, self.size[1] // _GRID + 2
        self.gx = ((np.arange(gw) - 0.5) * _GRID - 0.5 - self.cx).astype(np.float32)
        self.gy = ((np.arange(gh) - 0.5) * _GRID - 0.5 - self.cy).astype(np.float32)[:, None]

    def _cavity(self, rig: Rig, spec: Mouth, scale: float, origin: tuple[float, float]) -> None:
        """Prepare cavity, teeth and tongue in box pixels; with room for the jaw's fall."""
        colour = np.array([[[*(int(spec.cavity[i : i + 2], 16) for i in (1, 3, 5)), 255]]], np.uint8)
        self.dark = layers.premultiplied_yuv(colour)[0, 0]

        def part(placed: Placed | None) -> tuple[np.ndarray, float, float] | None:
            if placed is None:
                return None
            layer, x, y = layers.sized(rig, placed, scale)
            return layer, x - origin[0] - self.cols.start, y - origin[1] - self.rows.start

        self.teeth_upper, self.teeth_lower, self.tongue = map(part, (spec.teeth_upper, spec.teeth_lower, spec.tongue))

    def shape(self, pose: np.ndarray) -> Shape:
        """Return the lips of a pose."""
        c = {name: float(pose[INDEX[name]]) for name in MOUTH}
        up, down = gap(pose, self.drop)
        half = self.half * (1 + _WIDE * c["wide"] - _PUCKER * c["pucker"] + 0.06 * max(c["smile"], 0) - 0.04 * c["jaw"])
        round_ = 0.56 + 0.12 * c["wide"] - 0.10 * c["pucker"]
        open_ = np.clip(1 - np.abs(self.t) ** (2.4 + 0.5 * c["wide"]), 0, 1) ** round_
        bend = -_SMILE * self.height * c["smile"] * np.abs(self.t) ** 2.1
        corner = 0.30 * down * self.height * self.t**2 * (down > 0)  # corners fall a little with the jaw
        flat = 1 - 0.5 * c["pucker"]
        middle = self.line * flat + bend + corner
        upper = middle - up * self.height * open_
        lower = middle + np.where(open_ > 0, (down * self.height - corner) * open_, 0)
        shut = 1 - 0.6 * min(max(c["press"], 0.0), 1.0)
        return Shape(
            half,
            np.minimum(upper, lower) if down >= 0 else upper,
            np.maximum(lower, upper),
            c["jaw"] * self.drop * _CHIN * self.height * shut * (1 - 0.35 * c["tuck"]),
        )

    def draw(self, pose: np.ndarray, head: np.ndarray) -> None:
        """Draw the mouth of a pose into the head layer, in place."""
        c = {name: float(pose[INDEX[name]]) for name in MOUTH}
        shape = self.shape(pose)
        upper_map, lower_map = self._maps(shape, c)
        first = max(0, int(self.cy + shape.upper.min()) - 2)  # rows above belong to the upper lip's skin alone
        last = min(self.size[1], int(self.cy + shape.lower.max()) + 4)  # rows below to the lower lip's
        out = self.work
        cv2.remap(self.source, lower_map[first:], None, cv2.INTER_LINEAR, out[first:], cv2.BORDER_REPLICATE)
        skin = cv2.remap(self.source, upper_map[:last], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out[:first] = skin[:first]
        x = self.cx + self.t * shape.half
        self._between(out, shape, x, c)
        edge_x = np.concatenate([[-2, -2], x, [self.size[0] + 2, self.size[0] + 2]])
        left, right = self.cy + shape.upper[0], self.cy + shape.upper[-1]
        edge_y = np.concatenate([[-2, left], self.cy + shape.upper, [right, -2]]) - first
        mask = layers.polygon((self.size[0], last - first), edge_x, edge_y)
        layers.mix(out[first:last], skin[first:last], mask)
        head[self.rows, self.cols] = out

    def _between(self, out: np.ndarray, shape: Shape, x: np.ndarray, c: dict[str, float]) -> None:
        if (shape.lower - shape.upper).max() < 0.35:
            return
        y0 = max(0, int(self.cy + shape.upper.min()) - 1)
        y1 = min(self.size[1], int(self.cy + shape.lower.max()) + 3)
        x0, x1 = max(0, int(x[0]) - 1), min(self.size[0], int(x[-1]) + 3)
        if x1 <= x0 or y1 <= y0:
            return
        size = x1 - x0, y1 - y0
        up, low = self.cy + shape.upper - y0, self.cy + shape.lower - y0
        mask = layers.polygon(size, np.concatenate([x, x[::-1]]) - x0, np.concatenate([up, low[::-1]]))
        inside = np.empty((size[1], size[0], 4), np.uint8)
        inside[:] = self.dark
        tip = min(max(c["tongue"], 0.0), 1.0)
        fall = shape.jaw + _HIDE * c["pucker"] * self.height  # rounded lips cover the lower teeth
        raised = fall - tip * (fall - _TIP * self.height)
        for part, dy, opacity in (
            (self.tongue, raised, 1.0),
            (self.teeth_lower, fall, 1.0),
            (self.tongue, raised, tip),
            (self.teeth_upper, 0.0, 1.0),
        ):
            if part is not None and opacity > 0:
                layer, px, py = part
                _put(
                    inside, layer if opacity >= 1 else cv2.convertScaleAbs(layer, alpha=opacity), px - x0, py + dy - y0
                )
        if c["pucker"] > 0:  # and put the rest into their shadow
            night = np.empty_like(inside)
            night[:] = self.dark
            layers.mix(inside, night, np.full(inside.shape[:2], round(min(c["pucker"], 1.0) * 150), np.uint8))
        deep = 0.020 * self.height
        lit = layers.polygon(
            size, np.concatenate([x, x[::-1]]) - x0, np.concatenate([up + deep * 0.6, low[::-1] + deep])
        )
        lit = cv2.GaussianBlur(lit, (0, 0), max(deep * 0.55, 0.6))
        lit = cv2.add(cv2.convertScaleAbs(lit, alpha=0.62), 97)
        shade = np.empty_like(inside)
        shade[:] = self.dark // np.array([3, 1, 1, 1], np.uint8)
        layers.mix(shade, inside, lit)
        layers.mix(out[y0:y1, x0:x1], shade, mask)

    def _maps(self, shape: Shape, c: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Return maps (h, w, 2) from the box to its source, above and below the lips."""
        height, gx = self.height, self.gx
        t = gx / shape.half
        reach = max(_CHEEK * height - 2 * _GRID, shape.half + 1)  # nothing moves at the region's edge
        at = np.clip(t, -1, 1)
        beyond = np.maximum(np.abs(gx) - shape.half, 0)
        fade = np.clip(1 - beyond / (reach - shape.half), 0, 1)
        fade = fade * fade * (3 - 2 * fade)
        top, line, low = (np.interp(at, self.t, a) for a in (self.top, self.line, self.low))
        upper, lower = np.interp(at, self.t, shape.upper), np.interp(at, self.t, shape.lower)
        upper, lower = line + (upper - line) * fade, line + (lower - line) * fade
        press, tuck, pucker, wide = c["press"], c["tuck"], c["pucker"], c["wide"]
        thick_up = 1 - 0.35 * press + 0.20 * pucker - 0.15 * wide - 0.15 * c["raise"] - 0.06 * c["jaw"]
        thick_low = 1 - 0.35 * press + 0.20 * pucker - 0.12 * wide - 0.50 * tuck - 0.06 * c["jaw"]
        out_up, out_low = upper - (line - top) * thick_up, lower + (low - line) * thick_low
        lateral = np.clip(1 - (gx / reach) ** 2, 0, 1) ** 1.5
        chin = self.chin + shape.jaw * lateral
        roof, floor = -self.cy - 0.5, self.size[1] - self.cy - 0.5
        y = self.gy
        above = _ladder(y, [np.full_like(top, roof), out_up, upper], [np.full_like(top, roof), top, line])
        keys = [lower, np.minimum(out_low, chin - 2), chin, np.full_like(top, floor)]
        below = _ladder(y, keys, [line, low, np.full_like(top, self.chin), np.full_like(top, floor)])
        stretch = np.where(
            np.abs(gx) < shape.half, gx * (self.half / shape.half - 1), np.sign(gx) * (self.half - shape.half) * fade
        )
        calm_up = np.clip((y - roof) / (out_up - roof), 0, 1)
        calm_low = np.clip((floor - y) / (floor - out_low), 0, 1) ** 1.5
        return self._fine(stretch * calm_up, above), self._fine(stretch * calm_low, below)

    def _fine(self, dx: np.ndarray, y: np.ndarray) -> np.ndarray:
        maps = np.empty((*y.shape, 2), np.float32)
        maps[..., 0], maps[..., 1] = self.gx + dx + self.cx, y + self.cy
        framed = cv2.resize(maps, None, fx=_GRID, fy=_GRID, interpolation=cv2.INTER_LINEAR)
        return framed[_GRID:-_GRID, _GRID:-_GRID]


def _ladder(y: np.ndarray, there: list[np.ndarray], here: list[np.ndarray]) -> np.ndarray:
    """Map y (rows, 1) by pieces through the keys (columns each): `there` in the result, `here` in the source."""
    out = None
    for i, (a, b, sa, sb) in enumerate(zip(there, there[1:], here, here[1:], strict=False)):
        length = np.maximum(b - a, 1e-3)
        slope = np.where(b - a < 0.5, 1.0, (sb - sa) / length)
        rel = y - a
        low = None if i == 0 else 0.0
        high = None if i == len(there) - 2 else length
        piece = slope * (rel if low is None and high is None else np.clip(rel, low, high))
        out = here[0] + piece if out is None else out + piece
    assert out is not None
    return out


def _put(under: np.ndarray, layer: np.ndarray, x: float, y: float) -> None:
    """Put a layer on a layer at a fractional position, in place."""
    h, w = under.shape[:2]
    moved = layers.place(layer, x, y, (w, h))
    under[:] = layers.over(under, moved)
