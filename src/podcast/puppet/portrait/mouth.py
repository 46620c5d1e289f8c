"""The mouth: skin above and below the lip line moved by two fields that meet at the corners, the inside between."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet.layers import mix
from podcast.puppet.portrait.cutout import Cutout
from podcast.puppet.portrait.geometry import (
    CHIN,
    FOREHEAD,
    JAW,
    LOWER_INNER,
    LOWER_OUTER,
    NOSE_BASE,
    UPPER_INNER,
    UPPER_OUTER,
    Nodes,
    combined,
    fall,
    rise,
    soft,
)
from podcast.puppet.portrait.inside import Inside, teeth_in
from podcast.puppet.pose import INDEX, REST

_CELLS = 48  # nodes along a face height
_JAW = 0.135, 0.46  # fall of the lower lip at jaw = 1: face heights, and at most this much of the mouth's width
_MOVES = ("jaw", "wide", "pucker", "smile", "squeeze", "raise", "lower", "tuck", "shut", "part")
_PARTED = 0.065  # gap in mouth widths from which a mouth counts as open
_TEETH = 0.04, 0.12  # or from which on, where so much of what is between the lips is teeth
_LINE = 0.55  # darkness of the line between lips that were apart
_FIRM = 1.3  # pressed lips go beyond the gap that the mesh reports: it sees open mouths too small
_UPPER_SHUT = 0.2  # of the gap is closed by the upper lip; the jaw and the lower lip do the rest
_USUAL = 0.26  # width of a mouth at rest, face heights
_SQUEEZE = 0.35  # of what presses lips together, where they had to come together first: they would vanish
_GATHER = 0.36, 0.50  # narrowing of rounded lips: of a mouth at rest, and at most
# Dark corners of a smile: how far they may reach, of the way from the inner to the outer landmark (what goes on farther
# is a beard's or a fold's shadow), and how many grey levels they are below the skin beside.
_FARTHEST, _DARKER = 1.3, 50.0
_ROUNDED = 0.7  # half widths over which the narrowing of rounded lips fades, so that they stay full
_ROUND_SHUT = 0.95  # how far rounded lips close the gap that the picture shows
_WIDEN = 0.17, 1.2, 1.7  # of half the width; fades from a smile of so many usual widths on
_STILL = 0.1  # px, most that a move moves what is not drawn anew
_CORNER = 0.20  # how far the corners and cheeks follow the jaw


@dataclass(frozen=True, eq=False)
class MouthShape:
    """The mouth of the picture in its own axes: x to the right along the lips, y down, origin amid the lips."""

    middle: np.ndarray  # layer pixels
    across: np.ndarray  # unit vectors
    down: np.ndarray
    left: float  # half widths, pixels
    right: float
    nose: float  # heights from the lip line, pixels
    chin: float
    jaw: float  # half width of the jaw
    face: float
    upper: np.ndarray  # inner contours (11, 2)
    lower: np.ndarray
    upper_full: np.ndarray  # thickness of the lips along the contours
    lower_full: np.ndarray
    parted: bool  # whether the picture shows what is between the lips

    @property
    def half(self) -> float:
        """Half the width of the mouth, pixels."""
        return (self.left + self.right) / 2

    @property
    def gap(self) -> np.ndarray:
        """How far the lips stand apart in the picture along the contour, pixels."""
        return np.maximum(self.lower[:, 1] - self.upper[:, 1], 0)

    @property
    def drop(self) -> float:
        """Fall of the lower lip at jaw = 1, pixels."""
        return min(_JAW[0] * self.face, _JAW[1] * 2 * self.half)

    @property
    def gather(self) -> float:
        """By how much of their width lips are drawn together at pucker = 1: smiles have farther to go."""
        return float(np.clip(1 - (1 - _GATHER[0]) * _USUAL * self.face / (2 * self.half), *_GATHER))

    def local(self, points: np.ndarray) -> np.ndarray:
        """Return layer places in the mouth's axes."""
        offset = points - self.middle
        return np.stack([offset @ self.across, offset @ self.down], -1)

    def to_layer(self, points: np.ndarray) -> np.ndarray:
        """Return places in the mouth's axes as layer places."""
        return self.middle + points[..., :1] * self.across + points[..., 1:] * self.down

    def line(self, x: np.ndarray) -> np.ndarray:
        """Return the height of the lip line."""
        middle = (self.upper + self.lower) / 2
        return np.interp(x, middle[:, 0], middle[:, 1])


def measure(cutout: Cutout) -> MouthShape:
    """Return the mouth of a cut-out."""
    lm = cutout.landmarks[:, :2]
    across = lm[UPPER_INNER[-1]] - lm[UPPER_INNER[0]]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    down = np.array([-across[1], across[0]])
    middle = (lm[13] + lm[14]) / 2

    def local(ids: tuple[int, ...]) -> np.ndarray:
        offset = lm[list(ids)] - middle
        return np.stack([offset @ across, offset @ down], -1)

    upper, lower = local(UPPER_INNER), local(LOWER_INNER)
    gap = float((lower - upper)[:, 1].max() / max(upper[-1, 0] - upper[0, 0], 1e-6))
    parted = gap > _PARTED or (gap > _TEETH[0] and _shows_teeth(cutout))
    ends = zip((0, -1), local((UPPER_OUTER[0], UPPER_OUTER[-1])), strict=True)
    for end, outer in ends if parted else ():
        shift = _farther(cutout, middle, np.stack([across, down]), upper[end], outer)
        upper[end], lower[end] = upper[end] + shift, lower[end] + shift
    upper, lower = _ordered(upper), _ordered(lower)
    half = (upper[-1, 0] - upper[0, 0]) / 2
    thin = 0.05 * half
    marks = local((NOSE_BASE, CHIN, *JAW))
    return MouthShape(
        middle, across, down, max(-float(upper[0, 0]), 0.5 * half), max(float(upper[-1, 0]), 0.5 * half),
        max(-float(marks[0, 1]), 0.3 * half), max(float(marks[1, 1]), half), float(marks[3, 0] - marks[2, 0]) / 2,
        float(np.linalg.norm(lm[FOREHEAD] - lm[CHIN])), upper, lower,
        np.maximum(upper[:, 1] - local(UPPER_OUTER)[:, 1], thin),
        np.maximum(local(LOWER_OUTER)[:, 1] - lower[:, 1], thin), parted,
    )  # fmt: skip


def _shows_teeth(cutout: Cutout) -> bool:
    """Tell whether there are teeth between lips that the mesh reports as hardly apart."""
    lm = cutout.landmarks[:, :2]
    outer, upper, lower = (lm[list(ids)][2:-2] for ids in (LOWER_OUTER, UPPER_INNER, LOWER_INNER))

    def seen(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        u, v = np.moveaxis(a + (b - a) * np.linspace(0.15, 0.85, 9)[:, None, None], -1, 0).astype(np.float32)
        return cv2.remap(cutout.picture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)

    lip = np.median(seen(lower, outer), axis=0)
    return teeth_in(seen(upper, lower).astype(float), lip) > _TEETH[1]


def _farther(
    cutout: Cutout, middle: np.ndarray, axes: np.ndarray, inner: np.ndarray, outer: np.ndarray
) -> np.ndarray:
    """Return how far the dark corner of an open mouth reaches beyond its landmark, in the mouth's axes."""
    luma = cv2.cvtColor(cutout.picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    way = outer - inner
    steps, beside = np.arange(-0.5, 2.55, 0.1), np.arange(-0.4, 0.45, 0.1) * np.linalg.norm(way)
    places = inner + steps[:, None, None] * way + beside[:, None] * (0.0, 1.0)
    u, v = np.moveaxis(middle + places @ axes, -1, 0).astype(np.float32)
    seen = cv2.remap(luma, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    line, skin = seen.min(1), float(np.median(seen[-8:]))
    dark = float(line[:6].mean())
    light = np.flatnonzero((line > (dark + skin) / 2) & (steps > 0))
    reached = float(steps[light[0]]) if len(light) else 0.0
    if skin - dark < _DARKER or not 0 < reached <= _FARTHEST:
        return np.zeros(2)
    return reached * way + (0.0, beside[int(seen[light[0] - 1].argmin())])


def _ordered(curve: np.ndarray) -> np.ndarray:
    """Return a contour whose x grows, as interpolation wants it; turned faces fold near the far corner."""
    curve = curve.copy()
    curve[:, 0] = np.maximum.accumulate(curve[:, 0] + np.arange(len(curve)) * 1e-4)
    return curve


class MouthWarp:
    """Draws the mouth of a pose into the layer."""

    def __init__(self, cutout: Cutout) -> None:
        self.source = cutout.layer
        self.shape = shape = measure(cutout)
        reach = max(2.65 * shape.half, 1.1 * shape.jaw)
        line = shape.line(np.linspace(-reach, reach, 32))
        top, end = line.min() - 1.15 * shape.nose, line.max() + 1.8 * shape.chin
        box = np.array([[-reach, top], [reach, top], [-reach, end], [reach, end]])
        corners = shape.to_layer(box)
        self._place(np.floor(corners.min(0)), np.ceil(corners.max(0)))
        self._place(*self._moving())
        upper, lower = shape.upper, shape.lower
        if not shape.parted:  # the line between closed lips belongs to the lips
            upper = lower = (shape.upper + shape.lower) / 2
        inner_up, inner_low = shape.to_layer(upper), shape.to_layer(lower)
        self.lips = inner_up, inner_low
        self.lip_moves = tuple(
            np.stack([self.grid.sample(field, points) for field in fields])
            for fields, points in ((self.above, inner_up), (self.below, inner_low))
        )
        self.inside = Inside(cutout, shape)

    def _place(self, start: np.ndarray, end: np.ndarray) -> None:
        """Settle the box that is drawn, at most from start to end (x, y) in pixels of the layer."""
        h, w = self.source.shape[:2]
        (x0, y0), (x1, y1) = np.maximum(start, 0).astype(int), np.minimum(end, (w, h)).astype(int)
        self.rows, self.cols = slice(int(y0), max(int(y1), int(y0) + 2)), slice(int(x0), max(int(x1), int(x0) + 2))
        self.size = self.cols.stop - self.cols.start, self.rows.stop - self.rows.start
        self.grid = Nodes(self.cols.start, self.rows.start, *self.size, max(4, round(self.shape.face / _CELLS)))
        self.above, self.below = self._fields()

    def _moving(self) -> tuple[np.ndarray, np.ndarray]:
        """Return start and end (x, y) of what moves in the box and is not empty, pixels of the layer."""
        most = np.maximum(*(np.linalg.norm(field, axis=-1).max(0) for field in (self.above, self.below)))
        reach = 2 * (self.grid.step + int(np.ceil(most.max()))) + 1
        seen = cv2.dilate(self.source[self.rows, self.cols, 3], np.ones((reach, reach), np.uint8))
        moves = (most > _STILL) & (self.grid.nearest(seen) > 0)
        rows, cols = np.flatnonzero(moves.any(1)), np.flatnonzero(moves.any(0))
        start, end = np.array([self.cols.start, self.rows.start]), np.array([self.cols.stop, self.rows.stop])
        if not len(rows):
            return start, end
        first, last = self.grid.places[rows[0], cols[0]], self.grid.places[rows[-1], cols[-1]]
        return np.maximum(start, first - self.grid.step), np.minimum(end, last + self.grid.step)

    def _fields(self) -> tuple[np.ndarray, np.ndarray]:
        """Return displacement fields (moves, h, w, 2) of the skin above and below the lip line, layer pixels."""
        s = self.shape
        places = s.local(self.grid.places.astype(np.float64))
        moves = _moves(s, places[..., 0], places[..., 1])
        axes = np.stack([s.across, s.down])
        above = np.stack([moves[name][0] @ axes for name in _MOVES])
        below = np.stack([moves[name][1] @ axes for name in _MOVES])
        u = np.abs(np.where(places[..., 0] < 0, places[..., 0] / s.left, places[..., 0] / s.right))
        agree = (rise(u, 0.96, 1.06) * (places[..., 1] - s.line(places[..., 0]) <= 0))[None, ..., None]
        below = below * (1 - agree) + above * agree  # beyond the corners there is one skin
        return above.astype(np.float32), below.astype(np.float32)

    def contours(self, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inner lip contours (11, 2) of a pose in the mouth's axes, pixels."""
        return self._contours(self._weights(pose))

    def _contours(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the contours as the eye takes them: never crossed."""
        upper, lower = (
            self.shape.local(p + combined(weights, m)) for p, m in zip(self.lips, self.lip_moves, strict=True)
        )
        middle = (upper + lower) / 2
        crossed = (upper[:, 1] > lower[:, 1])[:, None]
        return np.where(crossed, middle, upper), np.where(crossed, middle, lower)

    def _weights(self, pose: np.ndarray) -> np.ndarray:
        c = {name: float(pose[INDEX[name]]) for name in
             ("jaw", "wide", "pucker", "press", "tuck", "raise", "lower", "smile")}  # fmt: skip
        free = 1 - c["press"]
        jaw = c["jaw"] * free * (1 - 0.9 * c["tuck"])
        return np.array([
            jaw, c["wide"], c["pucker"], c["smile"] - float(REST[INDEX["smile"]]),
            c["press"] * (_SQUEEZE if self.shape.parted else 1.0),
            c["raise"] * free, c["lower"] * free * (1 - c["tuck"]), c["tuck"] * free,
            max(_FIRM * c["press"], 0.6 * c["tuck"], min(1.2 * c["pucker"], _ROUND_SHUT)), c["pucker"] * free,
        ], np.float32)  # fmt: skip

    def draw(self, pose: np.ndarray, target: np.ndarray) -> None:
        """Draw the mouth of a pose into a layer like the source."""
        weights = self._weights(pose)
        upper, lower = self._contours(weights)
        seam = self._seam(upper, lower)
        start, end = self._joint_rows(seam)
        cols = self._joint_columns(seam)
        above = self.grid.enlarge(self.grid.inverse(combined(weights, self.above)), 0, end)
        below = self.grid.enlarge(self.grid.inverse(combined(weights, self.below)), start)
        out = target[self.rows, self.cols]
        out[:start] = self._skin(above[:start])
        out[start:] = self._skin(below)
        top, low = self._skin(above[start:, cols]), np.ascontiguousarray(out[start:end, cols])
        out[start:end, cols] = self._joined(top, low, seam - (cols.start, start))
        press = float(pose[INDEX["press"]])
        if self.shape.parted and press > 0:
            self._darken_line(out[start:end, cols], seam[1:-1] - (cols.start, start), press)
        self.inside.draw(pose, upper, lower, target)

    def _darken_line(self, picture: np.ndarray, line: np.ndarray, press: float) -> None:
        """Draw the line between lips that the picture shows apart, in place."""
        mask = np.zeros(picture.shape[:2], np.uint8)
        width = max(1, round(0.03 * self.shape.half))
        cv2.polylines(mask, [np.rint(line * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.7, 0.02 * self.shape.half))
        light = 1 - mask.astype(np.float32) * np.float32(_LINE * press / 255)
        picture[..., 0] = 16 + (picture[..., 0] - np.float32(16)) * light

    def _seam(self, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Return the line between the skins from side to side (n, 2), pixels of the box."""
        s = self.shape
        middle = (upper + lower) / 2
        far = 6 * s.half + s.jaw
        ends = np.array([[middle[0, 0] - far, middle[0, 1]]]), np.array([[middle[-1, 0] + far, middle[-1, 1]]])
        return s.to_layer(np.vstack([ends[0], middle, ends[1]])) - (self.cols.start, self.rows.start)

    def _joint_rows(self, seam: np.ndarray) -> tuple[int, int]:
        height, pad = self.size[1], 0.15 * self.shape.half + 3
        x = np.array([0.0, self.size[0]])
        rows = np.r_[seam[1:-1, 1], np.interp(x, seam[:, 0], seam[:, 1])]
        start = int(np.clip(rows.min() - pad, 1, height - 2))  # there is always some skin above the joint
        return start, int(np.clip(rows.max() + pad, start + 1, height))

    def _joint_columns(self, seam: np.ndarray) -> slice:
        """Return the columns of the mouth; beside them the field below the lip line is that above it, too."""
        pad = 0.25 * self.shape.half + 3
        x0, x1 = seam[1:-1, 0].min() - pad, seam[1:-1, 0].max() + pad
        x0 = int(np.clip(x0, 0, self.size[0] - 2))
        return slice(x0, int(np.clip(x1, x0 + 2, self.size[0])))

    def _skin(self, maps: np.ndarray) -> np.ndarray:
        return cv2.remap(self.source, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _joined(self, top: np.ndarray, low: np.ndarray, seam: np.ndarray) -> np.ndarray:
        deep = seam[[-1, 0]] + (0, 4.0 * self.size[1])
        mask = np.zeros(top.shape[:2], np.uint8)
        outline = np.vstack([seam, deep])
        cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        mix(top, low, soft(mask, max(0.7, 0.016 * self.shape.half)))
        return top


def _moves(s: MouthShape, x: np.ndarray, y: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return for every move the displacement above and below the lip line in the mouth's axes, pixels.

    `u` counts half widths of the mouth from its middle, `v` nose heights above or chin heights below the lip line.
    """
    a, sideways = s.half, np.where(x < 0, -s.left, s.right)  # a turned face's far half is short and moves less
    u = np.abs(np.where(x < 0, x / s.left, x / s.right))
    over = y - s.line(x)
    v = np.where(over > 0, over / s.chin, over / s.nose)
    window = (
        fall(np.abs(x), 0.80 * max(2.6 * a, s.jaw), max(2.6 * a, 1.08 * s.jaw))
        * fall(-v, 0.75, 1.1)
        * fall(v, 1.35, 1.75)
    )
    arch = np.clip(1 - u**2, 0, 1)
    gap = np.interp(x, s.upper[:, 0], s.gap * s.parted, 0, 0)
    thick_up, thick_low = np.interp(x, s.upper[:, 0], s.upper_full), np.interp(x, s.lower[:, 0], s.lower_full)
    lip_up = np.where(over < 0, fall(-over, thick_up, 3.2 * thick_up), 1.0)
    lip_low = np.where(over > 0, fall(over, thick_low, 3.2 * thick_low), 1.0)
    deep_up, deep_low = np.clip(-over / thick_up, 0, 1), np.clip(over / thick_low, 0, 1)
    corner, zero = _CORNER * fall(u, 0.9, 2.6), np.zeros_like(x)

    lips = np.where(u < 1, _CORNER + (1 - _CORNER) * arch**0.75, corner)
    bone = fall(np.abs(x) / max(s.jaw, 2 * a), 0.35, 1.12)
    jaw_low = (lips + (bone - lips) * rise(v, 0.05, 0.7)) * (1 - 0.15 * rise(v, 0.15, 0.9)) * fall(v, 1.08, 1.75)
    jaw_low = jaw_low * fall(-v, 0.15, 1.0)
    jaw_up = np.where(u < 1, _CORNER - (_CORNER + 0.08) * arch**0.8, corner) * fall(-v, 0.1, 1.0) * fall(v, 0.3, 1.2)
    slide, near = np.where(u < 1, u, fall(u, 1.0, 2.3)), np.exp(-((np.where(v > 0, v * 0.95, v)) ** 2) / 0.35)
    draw_in, close = np.where(u < 1, u, fall(u, 1.0, 2.2)), np.exp(-((over / (_ROUNDED * a)) ** 2))
    lift = np.exp(-(((u - 1.05) / 0.8) ** 2)) * np.exp(-(((v + 0.1) / 0.75) ** 2))

    def both(dx: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return pair(dx, dy), pair(dx, dy)

    def pair(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return np.dstack([dx, dy]) * window[..., None]

    b = min(a, 0.6 * _USUAL * s.face)  # rounded lips are no wider in a smile
    wide = _WIDEN[0] * float(fall(2 * a / (_USUAL * s.face), *_WIDEN[1:]))
    pull = -0.10 * sideways * slide * near
    gather = -s.gather * sideways * draw_in * close
    return {
        "jaw": (pair(pull, s.drop * jaw_up), pair(pull, s.drop * jaw_low)),
        "wide": both(wide * sideways * slide * near, -0.03 * a * slide * near),
        "pucker": (
            pair(gather, -0.06 * a * arch * lip_up * deep_up),
            pair(gather, 0.07 * a * arch * lip_low * deep_low),
        ),
        "smile": both(0.10 * sideways * slide * near, -0.17 * a * lift),
        "squeeze": (pair(zero, 0.30 * thick_up * deep_up * lip_up * np.sqrt(arch)),
                    pair(zero, -0.30 * thick_low * deep_low * lip_low * np.sqrt(arch))),
        "raise": (pair(zero, -0.17 * a * arch * fall(-v, 0.35, 1.0)), pair(zero, zero)),
        "lower": (pair(zero, zero), pair(zero, 0.20 * a * arch * fall(v, 0.3, 0.9))),
        "tuck": (pair(zero, -0.10 * a * arch * lip_up),
                 pair(zero, -0.05 * a * arch * lip_low - 0.35 * thick_low * deep_low * lip_low * arch)),
        "shut": (pair(zero, _UPPER_SHUT * gap * fall(-v, 0.15, 0.95)),
                 pair(zero, -(1 - _UPPER_SHUT) * gap * fall(v, 0.2, 0.95))),
        "part": (pair(zero, -0.07 * b * np.sqrt(arch) * lip_up), pair(zero, 0.11 * b * np.sqrt(arch) * lip_low)),
    }  # fmt: skip
