"""A portrait in its place: every frame the mouth and eyes are drawn, the head is turned, the trunk sways."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from podcast.canvas import to_rgb, to_yuv
from podcast.puppet.facemap import FaceMap
from podcast.puppet.portrait.cutout import behind, cut_out, head_centre_of, head_height_of, place
from podcast.puppet.portrait.eyes import eyes_of
from podcast.puppet.portrait.head import HeadWarp
from podcast.puppet.portrait.mouth import MouthWarp
from podcast.puppet.portrait.strips import Strip, moved, put_strips, strips_of
from podcast.puppet.pose import CHANNELS, INDEX, MOUTH, REST
from podcast.puppet.pose import EYES as EYE_CHANNELS
from podcast.puppet.render import Figure
from podcast.puppet.turn import Box

Background = Literal["replace", "keep", "blur"]

_BREATH, _LEAN = 0.008, 0.012  # rise of the shoulders and sway of the trunk, head heights
_PHASES = 4  # sub-pixel positions of the trunk per axis
_FACE_STEPS = 256  # mouth and eyes are drawn again when a channel moved by a step
_SIGNED = {"smile", "gaze_x", "gaze_y", "brow_l", "brow_r", "lean"}
_DEGREES = {"yaw": 45.0, "pitch": 45.0, "roll": 45.0, "head_x": 0.07, "head_y": 0.07}  # sane input; limited later
_LOW = np.array([-_DEGREES.get(n, 1.0 * (n in _SIGNED)) for n in CHANNELS], np.float32)
_HIGH = np.array([_DEGREES.get(n, 1.0) for n in CHANNELS], np.float32)
_MOUTH = [INDEX[n] for n in MOUTH]
_EYES = [INDEX[n] for n in EYE_CHANNELS[:4]] + [INDEX["smile"]]
_BLUR = 0.05  # of a blurred background, head heights


def portrait_size(face: FaceMap, head_height: float) -> Figure:
    """Return how much room a portrait takes; left and top are counted from the middle of the head."""
    scale, centre = head_height / head_height_of(face), head_centre_of(face)
    h, w = face.matte.shape
    rows, cols = np.flatnonzero((face.matte > 0.5).any(1)), np.flatnonzero((face.matte > 0.5).any(0))
    x0, x1 = (float(cols[0]), float(cols[-1]) + 1) if len(cols) else (0.0, float(w))
    y0, y1 = (float(rows[0]), float(rows[-1]) + 1) if len(rows) else (0.0, float(h))
    lift = _BREATH * head_height
    left, top = (x0 - centre[0]) * scale, (y0 - centre[1]) * scale
    return Figure((x1 - x0) * scale, (y1 - y0) * scale - lift, float(left), float(top))


class PortraitFigure:
    """A portrait in a region of the frame; `draw` gives the region's picture for a pose."""

    def __init__(
        self,
        face: FaceMap,
        background: np.ndarray,
        head_height: float,
        centre: tuple[float, float],
        own_background: Background = "replace",
    ) -> None:
        """Prepare a portrait.

        `background` is the YUV picture (h, w, 3) of the region; `head_height` (chin to crown) and `centre` (the
        middle between them) are pixels in it. `own_background` puts the picture's own background in its stead.

        `dirty` is the part (x0, y0, x1, y1) of the region that any pose can change, `changed` the part in which the
        latest picture may differ from the one before; both on even pixels.
        """
        self.height = head_height
        self.h, self.w = background.shape[:2]
        placement = place(face, head_height, centre)
        self._background = self._behind(face, background, placement, own_background)
        self.cutout = cutout = cut_out(face, placement, (self.w, self.h), own_background == "replace")
        self._layer = cutout.layer.copy()
        self.mouth = MouthWarp(cutout)
        self.eyes = eyes_of(cutout)
        self.head = HeadWarp(cutout)
        self._stage, self._out = self._background.copy(), self._background.copy()
        self._mouth_state: tuple[int, ...] | None = None
        self._eye_state: tuple[int, ...] | None = None
        self._sway: tuple[int, int] | None = None
        self._phases: dict[tuple[int, int], list[Strip]] = {}
        self._still, self._still_at = self._still_part()
        self._trunk = self._trunk_box()
        self._touched: Box = (0, 0, self.w, self.h)
        self.dirty = self._extents()
        self.changed = self.dirty
        self.draw(REST)

    def _behind(self, face: FaceMap, background: np.ndarray, placement, own: Background) -> np.ndarray:  # type: ignore[no-untyped-def]
        if own == "replace":
            return np.ascontiguousarray(background)
        picture = behind(face, placement, (self.w, self.h))
        if own == "blur":
            soft = cv2.GaussianBlur(to_rgb(picture), (0, 0), max(1.0, _BLUR * self.height))
            picture = to_yuv(soft.astype(np.float32))
        return picture

    def draw(self, pose: np.ndarray) -> np.ndarray:
        """Return the region's YUV picture (h, w, 3) for a pose (len(CHANNELS),); valid until the next call.

        Channels beyond their ranges are cut off; turns beyond what the picture holds are bent back.
        """
        if pose.shape != (len(CHANNELS),):
            raise ValueError(f"a pose has {len(CHANNELS)} channels, not {pose.shape}")
        pose = self.head.limited(np.clip(pose, _LOW, _HIGH))
        self._draw_face(pose)
        dx, dy = self._draw_trunk(pose)
        move = self.head.move(pose, (dx / _PHASES, dy / _PHASES))
        box = self.head.extent(move, (self.w, self.h))
        x0, y0, x1, y1 = region = _join(self._touched, box)
        for part in _around(region, box):
            self._out[part] = self._stage[part]
        if box[2] > box[0] and box[3] > box[1]:  # what follows the head, over the background alone
            x0, y0, x1, y1 = box
            place = slice(y0, y1), slice(x0, x1)
            strips = self.head.strips(self._layer, move, pose, box)
            put_strips(self._out[place], strips, self._background[place], self._stage[place])
        self._touched, self.changed = box, _even(region, self.w, self.h)
        return self._out

    def _draw_face(self, pose: np.ndarray) -> None:
        state = tuple(np.rint(pose[_MOUTH] * _FACE_STEPS).astype(int).tolist())
        exact = np.rint(pose * _FACE_STEPS) / np.float32(_FACE_STEPS)  # the step is drawn: no frame depends on others
        if state != self._mouth_state:
            self._mouth_state = state
            self.mouth.draw(exact, self._layer)
            self._eye_state = None
        eye_state = tuple(np.rint(pose[_EYES] * _FACE_STEPS).astype(int).tolist())
        if eye_state != self._eye_state:
            self._eye_state = eye_state
            for eye in self.eyes:
                eye.draw(exact, self._layer)

    def _draw_trunk(self, pose: np.ndarray) -> tuple[int, int]:
        """Bring the stage (background and still part of the person) up to date; return the sway in phases."""
        dx = float(pose[INDEX["lean"]]) * _LEAN * self.height
        dy = -float(pose[INDEX["breath"]]) * _BREATH * self.height
        state = round(dx * _PHASES), round(dy * _PHASES)
        x0, y0, x1, y1 = self._trunk
        if state != self._sway and x1 > x0 and y1 > y0:
            px, py = (int(at) * _PHASES + by for at, by in zip(self._still_at, state, strict=True))
            phase = self._phase(px % _PHASES, py % _PHASES)
            strips = moved(phase, px // _PHASES - x0, py // _PHASES - y0, (x1 - x0, y1 - y0))
            ground = self._background[y0:y1, x0:x1]
            put_strips(self._stage[y0:y1, x0:x1], strips, ground, ground)
            self._touched = _join(self._touched, self._trunk)
        self._sway = state
        return state

    def _still_part(self) -> tuple[np.ndarray, tuple[int, int]]:
        """Return what of the person does not follow the head, cut to what is there, and its corner in the region."""
        layer = self.cutout.layer * self.head.still()[..., None]
        rows, cols = (np.flatnonzero(layer[..., 3].any(axis)) for axis in (1, 0))
        if not len(rows):
            return layer[:1, :1], (0, 0)
        x, y = (int(v) for v in self.cutout.origin)
        part = layer[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        return np.ascontiguousarray(part), (x + int(cols[0]), y + int(rows[0]))

    def _phase(self, fx: int, fy: int) -> list[Strip]:
        """Return the still part at a sub-pixel position."""
        if (fx, fy) not in self._phases:
            size = self._still.shape[1] + 1, self._still.shape[0] + 1
            move = np.array([[1, 0, fx / _PHASES], [0, 1, fy / _PHASES]])
            self._phases[fx, fy] = strips_of(cv2.warpAffine(self._still, move, size) if fx or fy else self._still)
        return self._phases[fx, fy]

    def _trunk_box(self) -> Box:
        """Return what sway and breath can change."""
        (x, y), (h, w) = self._still_at, self._still.shape[:2]
        px, py = int(_LEAN * self.height) + 3, int(_BREATH * self.height) + 3
        return max(0, x - px), max(0, y - py), min(self.w, x + w + px), min(self.h, y + h + py)

    def _extents(self) -> Box:
        """Return the even-aligned part of the region that a pose can change."""
        box: Box = (self.w, self.h, 0, 0)
        pose = REST.copy()
        for sx in (-1, 0, 1):
            for sy in (-1, 0, 1):
                for name, limit in _DEGREES.items():
                    pose[INDEX[name]] = limit * (sy if name in ("pitch", "head_y") else sx)
                move = self.head.move(
                    self.head.limited(pose), (sx * _LEAN * self.height, -_BREATH * self.height * (sy < 0))
                )
                box = _join(box, self.head.extent(move, (self.w, self.h)))
        return _even(_join(box, self._trunk), self.w, self.h)


def _around(outer: Box, inner: Box) -> list[tuple[slice, slice]]:
    """Return rows and columns of what lies in the outer box around the inner one, which it contains."""
    (x0, y0, x1, y1), (a0, b0, a1, b1) = outer, inner
    if a1 <= a0 or b1 <= b0:
        return [(slice(y0, y1), slice(x0, x1))]
    middle = slice(b0, b1)
    return [
        (slice(y0, b0), slice(x0, x1)),
        (middle, slice(x0, a0)),
        (middle, slice(a1, x1)),
        (slice(b1, y1), slice(x0, x1)),
    ]


def _join(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _even(box: Box, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box
    return x0 // 2 * 2, y0 // 2 * 2, min(width, -(-x1 // 2) * 2), min(height, -(-y1 // 2) * 2)
