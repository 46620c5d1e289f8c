"""What is seen between the lips: cavity, upper teeth fixed to the skull, lower teeth and tongue fixed to the jaw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from podcast.canvas import blend, to_layer, to_yuv
from podcast.puppet.portrait.cutout import Cutout, fill
from podcast.puppet.portrait.geometry import CHEEKS, EYES, closed_curve, fall, rise, soft
from podcast.puppet.pose import INDEX

if TYPE_CHECKING:
    from podcast.puppet.portrait.mouth import MouthShape

_WIDE, _HIGH, _ABOVE = 1.5, 1.5, 0.5  # the sprites' box in mouth widths: width, height, share above the lip line
_BLACK = np.array([16.0, 128.0, 128.0])
_LIGHT = 0.35 + 0.65 * np.clip((np.arange(256) / 255 - 0.2) / 0.55, 0, 1)  # by how far the outline is away
_RIM = 0.5  # of the lips' dark inner edge
_OWN_RIM = 0.25  # of it where the picture shows that edge
_SHRUNK = 0.2  # of the gap between lips: what of it may be lip at either edge
_COVER = 0.07  # of the teeth by rounded lips, mouth widths
_WIDEST = 0.30  # of a mouth that teeth and tongue go by, face heights: smiles are wider, teeth are not
_HIDES = 0.1, 0.8  # rounding of lips over which what the picture shows inside gives way to what is behind rounded lips
_HIGHER = 0.12  # mouth widths by which teeth that the picture shows go on behind the upper lip
_UPPER_EDGE = 0.13  # mouth widths below the lip line where drawn upper teeth end for certain
_TOOTHY, _TALL = 0.2, 0.09  # share of what the picture shows inside that is teeth, and mouth widths of its gap ...
_GREY = 0.1  # colour of lips that have none to be told by
# ... from which on they are kept in open mouths; else they give way over so many mouth widths that the lips part.
_OPENS = 0.02, 0.12
_SLIVER = 0.05  # mouth widths, below which a gap between lips is none
_TOOTH = np.array([255.0, 247.0, 232.0])  # RGB of a tooth in white light


class Inside:
    """Draws the inside of the mouth into the layer."""

    def __init__(self, cutout: Cutout, shape: MouthShape) -> None:
        self.shape, self.width = shape, 2 * shape.half
        w, h = int(_WIDE * self.width), int(_HIGH * self.width)
        self.size, self.origin = (w, h), np.array([w / 2, h * _ABOVE / _HIGH])
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        x, y = x - np.float32(self.origin[0]), (y - np.float32(self.origin[1])) / self.width
        x = x / np.float32(2) / np.where(x < 0, np.float32(shape.left), np.float32(shape.right))  # turned like the lips
        self.unit = min(self.width, _WIDEST * shape.face)
        x, y = x * np.float32(self.width / self.unit), y * np.float32(self.width / self.unit)
        tones = _Tones(cutout, shape)
        self.cavity = _yuv(tones.cavity * (0.5 + 0.9 * np.clip((y + 0.05) / 0.5, 0, 1))[..., None])
        self.upper = _teeth(x, y, tones.tooth, 0.40, True)
        self.lower = _teeth(x, y, tones.tooth * 0.80, 0.33, False)
        self.tongue = _tongue(x, y, tones.tongue)
        self.lip = _yuv(tones.lip[None, None] * 0.55)[0, 0]
        self._dark, self._edge = (
            np.full((h, w, 4), np.rint(colour), np.uint8)
            for colour in (np.r_[_BLACK, 255.0], _RIM * np.r_[self.lip, 255.0])
        )
        self._lights = np.rint(255 * _LIGHT).astype(np.uint8)
        self.toothy = False
        self.own = self._own(cutout, tones.lip)

    def _own(self, cutout: Cutout, lip: np.ndarray) -> np.ndarray | None:
        """Return the inside that the picture shows, as a layer, where it shows one."""
        s = self.shape
        if not s.parted:
            return None
        matrix, flags = self._to_layer_matrix(np.zeros(2)), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        layer = cv2.warpAffine(cutout.layer, matrix, self.size, flags=flags)
        soft = max(1.0, 0.012 * self.width)
        edge = np.minimum(soft, _SHRUNK * s.gap)[:, None] * (0.0, 1.0)  # corners are too narrow to lose as much
        sure = _filled(self.size, closed_curve(np.vstack([s.upper + edge, (s.lower - edge)[::-1][1:-1]])) + self.origin)
        rgb = cv2.warpAffine(cutout.picture, matrix, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        tall = float(s.gap.max()) > _TALL * self.width
        self.toothy = tall and teeth_in(rgb[sure > 200].astype(float), lip) > _TOOTHY
        layer[..., :3] = np.clip(fill(layer[..., :3].astype(np.float32), sure < 250) + 0.5, 0, 255)
        above = max(1, round(_HIGHER * self.width))  # the upper lip may be raised
        sure = cv2.dilate(sure, np.ones((above + 1, 1), np.uint8), anchor=(0, 0))
        reach = 2 * int(np.ceil(soft)) + 1  # so that it ends under the lips, not beside them
        alpha = cv2.GaussianBlur(cv2.dilate(sure, np.ones((reach, reach), np.uint8)), (0, 0), soft)
        return cv2.multiply(layer, _four(alpha), scale=1 / 255)

    def _to_layer_matrix(self, corner: np.ndarray) -> np.ndarray:
        """Return the affine map from sprite pixels to layer pixels less `corner`."""
        s = self.shape
        axes = np.stack([s.across, s.down], 1)
        return np.column_stack([axes, s.middle - axes @ self.origin - corner])

    def draw(self, pose: np.ndarray, upper: np.ndarray, lower: np.ndarray, target: np.ndarray) -> None:
        """Draw what is seen between the inner contours (11, 2), given in the mouth's axes."""
        gap = float((lower[:, 1] - upper[:, 1]).max())
        if gap < 0.012 * self.width:
            return
        outline = closed_curve(np.vstack([upper, lower[::-1][1:-1]])) + self.origin
        pad = 0.05 * self.width + 2
        x0, y0 = np.clip(np.floor(outline.min(0) - pad), 0, np.array(self.size) - 2).astype(int)
        x1, y1 = np.clip(np.ceil(outline.max(0) + pad), (x0 + 2, y0 + 2), self.size).astype(int)
        box = slice(int(y0), int(y1)), slice(int(x0), int(x1))
        shown = self._between(pose, outline - (x0, y0), gap, box)
        self._paste(shown, np.array([x0, y0], float), target)

    def _between(self, pose: np.ndarray, outline: np.ndarray, gap: float, box: tuple[slice, slice]) -> np.ndarray:
        """Return the layer of what is seen within an outline.

        It is darker under the upper lip and towards the corners, with the lips' dark inner edge around.
        """
        size, width = (box[0].stop - box[0].start, box[1].stop - box[1].start), self.width
        mask = _opened(_filled(size, outline), min(_SLIVER * width, 0.35 * gap))
        alpha = soft(mask, max(0.7, 0.010 * width))
        lit = _filled(size, outline + np.array([0, min(0.035 * width, 0.22 * gap)]))
        lit = soft(lit, float(np.clip(0.30 * gap, 0.012 * width, 0.05 * width)))
        k = 2 * max(1, round(0.014 * width)) + 1
        wide = soft(cv2.dilate(mask, np.ones((k, k), np.uint8)), max(0.8, 0.012 * width))
        rim = cv2.subtract(wide, alpha)
        own, rest = None, alpha  # what is not covered by the inside that the picture shows
        if self.own is not None:  # it brings its own shade
            own = cv2.multiply(self.own[box], _four(alpha), scale=self._kept(pose, gap) / 255)
            rest = cv2.subtract(alpha, cv2.extractChannel(own, 3))
            rim = cv2.convertScaleAbs(rim, alpha=_OWN_RIM)
        light = cv2.multiply(rest, cv2.LUT(lit, self._lights), scale=1 / 255)
        shown = cv2.multiply(self._parts(pose, gap, box), _four(light), scale=1 / 255)
        for colour, share in ((self._dark, cv2.subtract(rest, light)), (self._edge, rim)):
            shown = cv2.add(shown, cv2.multiply(colour[: size[0], : size[1]], _four(share), scale=1 / 255))
        shown = shown if own is None else cv2.add(shown, own)
        fade = float(rise(gap / width, 0.012, 0.045))
        return shown if fade >= 1 else cv2.convertScaleAbs(shown, alpha=fade)

    def _kept(self, pose: np.ndarray, gap: float) -> float:
        """Return how much is left, 0 … 1, of the inside that the picture shows; teeth stay as the mouth opens."""
        if self.own is None:
            return 0.0
        open_ = (gap - float(self.shape.gap.max())) / self.width + _OPENS[1] * float(pose[INDEX["tuck"]])  # teeth of F
        shown = 1.0 if self.toothy else float(fall(open_, *_OPENS))
        return shown * float(fall(pose[INDEX["pucker"]], *_HIDES))

    def _parts(self, pose: np.ndarray, gap: float, box: tuple[slice, slice]) -> np.ndarray:
        """Return cavity, tongue and teeth of a pose in a box of the sprites, (h, w, 4)."""
        c = {name: float(pose[INDEX[name]]) for name in ("jaw", "lower", "tongue", "pucker", "raise", "press")}
        picture = self.cavity[box].copy()
        fall_, unit = c["jaw"] * (1 - c["press"]) * self.shape.drop + 0.03 * c["lower"] * self.width, self.unit
        cover = _COVER * c["pucker"] * unit  # the lips of OO stand before the teeth ...
        hidden = 1 - 0.5 * c["pucker"]  # ... and shade them
        _over(picture, self.lower, box, 0.95 * fall_ + 0.015 * unit + cover, hidden)
        tip = c["tongue"] * (0.85 * fall_ + 0.16 * unit)
        _over(picture, self.tongue, box, 0.58 * fall_ + 0.02 * unit - 0.8 * tip, 1.0)
        _over(picture, self.upper, box, -self._above_own(self._kept(pose, gap)) - cover, hidden)
        return cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA)

    def _above_own(self, kept: float) -> float:
        """Return how far the drawn upper teeth keep above the lower edge of what the picture shows, pixels."""
        if self.own is None:
            return 0.0
        usual = 0.5 * float(self.shape.gap[5])
        return usual + kept * max(_UPPER_EDGE * self.unit - float(self.shape.lower[5, 1]) - usual, 0.0)

    def _paste(self, layer: np.ndarray, corner: np.ndarray, target: np.ndarray) -> None:
        h, w = layer.shape[:2]
        matrix = self._to_layer_matrix(np.zeros(2))
        ends = np.array([[0, 0], [w, 0], [0, h], [w, h]]) + corner
        places = ends @ matrix[:, :2].T + matrix[:, 2]
        x0, y0 = np.maximum(np.floor(places.min(0)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(places.max(0)), target.shape[1::-1]).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        move = np.column_stack([matrix[:, :2], matrix[:, :2] @ corner + matrix[:, 2] - (x0, y0)])
        placed = cv2.warpAffine(layer, move, (int(x1 - x0), int(y1 - y0)))
        part = target[y0:y1, x0:x1]
        alpha = cv2.extractChannel(placed, 3)
        cv2.add(cv2.multiply(part, _four(cv2.bitwise_not(alpha)), scale=1 / 255), placed, dst=part)


class _Tones:
    """Colours (RGB floats) for what the picture does not show, in the light that it shows."""

    def __init__(self, cutout: Cutout, shape: MouthShape) -> None:
        self._rgb, lm = cutout.picture, cutout.landmarks[:, :2]
        skin = np.median([self._at(lm[i], 0.02 * cutout.face_height) for i in (*CHEEKS, 4, 199)], 0)
        self.lip = np.median([self._at(lm[i], 0.008 * cutout.face_height) for i in (17, 84, 314)], 0)
        eyes = [self._bright(lm[list(e.upper + e.lower[::-1])]) for e in EYES]
        light = float(np.clip(np.mean(skin) * 1.12, 70, 215))
        tint = 0.4 * skin / max(float(skin.mean()), 1) + 0.6 * np.mean(eyes, 0) / max(float(np.mean(eyes)), 1)
        tooth = light * (0.7 * tint + 0.3 * _TOOTH / _TOOTH.mean())
        if shape.parted:
            own = self._bright(shape.to_layer(np.vstack([shape.upper, shape.lower[::-1]])))
            tooth = own if own.mean() > 0.55 * light and teeth_in(own[None], self.lip) else tooth
        self.tooth = np.clip(tooth, 0, 238)
        red = float(np.clip((self.lip.max() - self.lip.min()) / max(float(self.lip.max()), 1) / 0.5, 0, 1))
        self.tongue = light * 0.62 * (red * np.array([1.0, 0.42, 0.40]) + (1 - red) * 0.75)
        self.cavity = light / 170 * (red * np.array([38.0, 13.0, 15.0]) + (1 - red) * 20.0)

    def _at(self, place: np.ndarray, radius: float) -> np.ndarray:
        h, w = self._rgb.shape[:2]
        r = max(1, round(radius))
        x, y = int(np.clip(place[0], r, max(w - r - 1, r))), int(np.clip(place[1], r, max(h - r - 1, r)))
        return np.median(self._rgb[y - r : y + r + 1, x - r : x + r + 1].reshape(-1, 3), 0)

    def _bright(self, outline: np.ndarray) -> np.ndarray:
        mask = np.zeros(self._rgb.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 255)
        pixels = self._rgb[mask > 0].astype(float)
        if len(pixels) < 8:
            return np.array([205.0, 200.0, 195.0])
        luma = pixels.mean(1)
        return pixels[luma >= np.quantile(luma, 0.8)].mean(0)


def teeth_in(rgb: np.ndarray, lip: np.ndarray) -> float:
    """Return the share of colours (n, 3) that are paler than the lips and no darker, which is what teeth are."""
    light, lips = rgb.mean(-1) / max(float(lip.mean()), 1), float(_colourful(lip))
    teeth = light > 1.25 if lips < _GREY else (light > 0.75) & (_colourful(rgb) < 0.62 * lips)
    return float(teeth.mean()) if len(rgb) else 0.0


def _colourful(rgb: np.ndarray) -> np.ndarray:
    return np.asarray((rgb.max(-1) - rgb.min(-1)) / np.maximum(rgb.max(-1), 1))


def _filled(size: tuple[int, int], outline: np.ndarray) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def _opened(mask: np.ndarray, narrowest: float) -> np.ndarray:
    """Return a mask without what is narrower, pixels: lips touch in their corners."""
    side = 2 * round(narrowest / 2) + 1
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def _four(mask: np.ndarray) -> np.ndarray:
    return cv2.merge([mask, mask, mask, mask])


def _yuv(rgb: np.ndarray) -> np.ndarray:
    return to_yuv(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))


def _over(picture: np.ndarray, sprite: _Sprite, box: tuple[slice, slice], dy: float, gain: float) -> None:
    """Blend a sprite, shifted down, on a box of the inside, in place; gain below 1 lets the cavity through."""
    whole = int(np.floor(dy))
    start, end = max(box[0].start, sprite.top + whole), min(box[0].stop, sprite.top + len(sprite.layer) + whole + 1)
    if end <= start:
        return
    shift = np.array([[1.0, 0, -box[1].start], [0, 1, dy + sprite.top - start]])
    moved = cv2.warpAffine(sprite.layer, shift, (picture.shape[1], end - start))
    blend(picture[start - box[0].start : end - box[0].start], moved, opacity=gain)


@dataclass(frozen=True, eq=False)
class _Sprite:
    """What moves as one, cut to the rows in which there is any of it."""

    layer: np.ndarray  # (rows, w, 4)
    top: int  # row of the sprites' box at which it begins


def _sprite(rgb: np.ndarray, alpha: np.ndarray) -> _Sprite:
    layer = to_layer(np.dstack([np.clip(rgb, 0, 255), alpha * 255]))
    rows = np.flatnonzero(layer[..., 3].any(1))
    top, end = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
    return _Sprite(np.ascontiguousarray(layer[top:end]), top)


def _teeth(x: np.ndarray, y: np.ndarray, tone: np.ndarray, wide: float, upper: bool) -> _Sprite:
    """Return a row of teeth on an arch; `x` and `y` in mouth widths."""
    arc = (x / wide) ** 2
    edge = 0.105 * (1 - 0.40 * arc) if upper else 0.115 + 0.085 * 0.35 * arc - 0.085
    inside = rise(edge - y, -0.012, 0.012) if upper else rise(y - edge, -0.012, 0.012)
    alpha = inside * fall(np.abs(x), 0.84 * wide, wide) * (1 if upper else fall(y, 0.17, 0.23))
    place = np.arcsin(np.clip(x / wide, -1, 1)) / (np.pi / 2) * (4 if upper else 5)
    between = np.abs(place - np.rint(place))
    alpha = alpha * (1 - 0.7 * np.exp(-((between / 0.10) ** 2)) * fall(np.abs(edge - y), 0.0, 0.03))
    light = (1 - 0.60 * np.clip(np.abs(x / wide), 0, 1) ** 1.8) * (1 - 0.14 * np.exp(-((between / 0.05) ** 2)))
    light = light * (0.75 + 0.25 * rise(y if upper else -y, -0.03, 0.10))
    return _sprite(tone * 0.94 * light[..., None], alpha)


def _tongue(x: np.ndarray, y: np.ndarray, tone: np.ndarray) -> _Sprite:
    """Return a tongue; `x` and `y` in mouth widths."""
    ty = (y - 0.30) / 0.22
    alpha = fall((x / 0.30) ** 2 + ty**2, 0.62, 1.05)
    light = (
        0.55 + 0.45 * fall(np.abs(ty + 0.35), 0, 0.9) - 0.2 * np.exp(-((x / 0.02) ** 2)) * fall(np.abs(ty), 0.2, 0.9)
    )
    return _sprite(tone * light[..., None], alpha)
