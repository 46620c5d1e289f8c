"""One host, one frame at a time: head layer drawn, turned by its depth, blended over body and background."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from podcast.canvas import blend
from podcast.puppet import layers
from podcast.puppet.eyes import BrowPart, EyePart
from podcast.puppet.mouth import MouthPart
from podcast.puppet.mouth import gap as lip_gap
from podcast.puppet.pose import CHANNELS, EYES, INDEX, MOUTH, REST
from podcast.puppet.rig import Placed, Rig
from podcast.puppet.turn import LIMITS, Box, Move, Turner

_BREATH = 0.008  # rise of the shoulders, head heights
_LEAN = 0.012  # sway of the trunk, head heights
_PHASES = 4  # sub-pixel positions of the body per axis
_SQUINT = 1.1  # a smile beyond the rest pose raises the lower lids
_EYE_STEPS, _MOUTH_STEPS = 64, 256  # a face is drawn again when a channel moved by a step, under a fifth of a pixel
_SIGNED = {"smile", "gaze_x", "gaze_y", "brow_l", "brow_r", "lean"}  # -1 … 1; the others 0 … 1
_LOW = np.array([-LIMITS[n] if n in LIMITS else -1.0 * (n in _SIGNED) for n in CHANNELS], np.float32)
_HIGH = np.array([LIMITS.get(n, 1.0) for n in CHANNELS], np.float32)
_MOUTH = [INDEX[n] for n in MOUTH]
_EYES = [INDEX[n] for n in EYES]

Sized = tuple[np.ndarray, float, float]  # a layer and its corner in the region


class Figure(NamedTuple):
    """The extent of a figure at some head height, pixels; left and top are counted from the anchor (the pivot)."""

    width: float
    height: float
    left: float
    top: float


def figure_size(rig: Rig, head_height: float) -> Figure:
    """Return how much room a host takes; its picture ends at `top + height`, so no frame may reach lower."""
    k = head_height / rig.head_height
    body, head = (_bounds(rig, placed) for placed in (rig.spec.layers.body, rig.spec.layers.head))
    px, py = rig.spec.pivot
    left, right, top = min(body[0], head[0]), max(body[2], head[2]), min(body[1], head[1])
    bottom = body[3] - (_BREATH + 0.004) * rig.head_height
    return Figure((right - left) * k, (bottom - top) * k, (left - px) * k, (top - py) * k)


def _bounds(rig: Rig, placed: Placed) -> tuple[float, float, float, float]:
    """Return what is visible of a layer, canvas pixels."""
    alpha = rig.picture(placed)[..., 3] > 16
    rows, cols = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    (x, y), k = placed.at, placed.scale
    if not len(rows):
        return x, y, x, y
    x0, y0, x1, y1 = int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1
    return x + x0 * k, y + y0 * k, x + x1 * k, y + y1 * k


def aperture(rig: Rig, pose: np.ndarray) -> float:
    """Return the gap between the lips in the middle of the mouth, head heights."""
    up, down = lip_gap(pose, rig.spec.mouth.drop)
    return max(up + down, 0.0)


class Puppet:
    """A host in a region of the frame; `draw` gives the region's picture for a pose."""

    def __init__(
        self, rig: Rig, background: np.ndarray, head_height: float, anchor: tuple[float, float], mirror: bool = False
    ) -> None:
        """Prepare a host.

        `background` is the YUV picture (h, w, 3) of the region; `head_height` (crown to chin) and `anchor` (the
        pivot on the neck) are pixels in it; `mirror` flips the host left to right.

        `dirty` is the part (x0, y0, x1, y1) of the region that any pose can change, `changed` the part in which the
        latest picture may differ from the one before; both on even pixels.
        """
        self.rig, self.mirror, self.height = rig, mirror, head_height
        self.scale = head_height / rig.head_height
        self.h, self.w = background.shape[:2]
        self._background = np.ascontiguousarray(background[:, ::-1] if mirror else background)
        self._pivot = np.array([self.w - anchor[0] if mirror else anchor[0], anchor[1]])
        self._phases: dict[tuple[str, int, int], np.ndarray] = {}
        self._load_body()
        self._load_head()
        self._stage, self._out = self._background.copy(), self._background.copy()
        self._flipped = np.empty_like(self._out) if mirror else self._out
        self._body_state: tuple[int, int] | None = None
        self._touched: Box = (0, 0, self.w, self.h)
        self.dirty, self._prop_last = self._extents()
        self.changed = self.dirty
        self.draw(REST)

    def _sized(self, placed: Placed) -> Sized:
        layer, x, y = layers.sized(self.rig, placed, self.scale)
        x0, y0 = self._pivot - np.array(self.rig.spec.pivot) * self.scale  # the canvas' corner in the region
        return layer, x + x0, y + y0

    def _load_body(self) -> None:
        parts = self.rig.spec.layers
        self._body = self._sized(parts.body)
        self._collar = self._sized(parts.collar) if parts.collar else None
        self._prop: tuple[np.ndarray, int, int] | None = None
        if parts.prop:
            layer, x, y = self._sized(parts.prop)
            self._prop = layer, round(x), round(y)

    def _load_head(self) -> None:
        rig, scale = self.rig, self.scale
        head, x, y = layers.sized(rig, rig.spec.layers.head, scale)
        self._head, self._plain = head, head.copy()
        self._mouth = MouthPart(rig, head, (x, y), scale)
        self._turner = Turner(rig, head, (x, y), scale)
        eyes, brows = rig.spec.eyes, rig.spec.brows
        self._eyes = [EyePart(rig, eye, head, (x, y), scale) for eye in (eyes.left, eyes.right)] if eyes else []
        self._brows = (
            [BrowPart(rig, brow, (x, y), scale, brow is brows.left) for brow in (brows.left, brows.right)]
            if brows
            else []
        )
        self._front = self._load_front(x, y)
        self._face = self._face_box()
        self._face_state: tuple[int, ...] | None = None
        self._mouth_state: tuple[int, ...] | None = None

    def _load_front(self, x: float, y: float) -> tuple[slice, slice, np.ndarray] | None:
        """Cut glasses or fringe to what is visible, in pixels of the head layer."""
        placed = self.rig.spec.layers.front
        if placed is None:
            return None
        layer, fx, fy = layers.sized(self.rig, placed, self.scale)
        whole = layers.place(layer, fx - x, fy - y, (self._head.shape[1], self._head.shape[0]))
        rows, cols = (np.flatnonzero(whole[..., 3].any(axis)) for axis in (1, 0))
        if not len(rows):
            return None
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
        return *box, np.ascontiguousarray(whole[box])

    def _face_box(self) -> tuple[slice, slice] | None:
        """The part of the head layer that eyes, brows and front change."""
        parts: list[EyePart | BrowPart] = [*self._eyes, *self._brows]
        boxes = [(p.rows, p.cols) for p in parts] + ([self._front[:2]] if self._front else [])
        if not boxes:
            return None
        rows, cols = zip(*boxes, strict=True)
        h, w = self._head.shape[:2]
        return (
            slice(min(r.start for r in rows), min(h, max(r.stop for r in rows))),
            slice(min(c.start for c in cols), min(w, max(c.stop for c in cols))),
        )

    def draw(self, pose: np.ndarray) -> np.ndarray:
        """Return the region's YUV picture (h, w, 3) for a pose (len(CHANNELS),); valid until the next call.

        Channels beyond their ranges are cut off.
        """
        if pose.shape != (len(CHANNELS),):
            raise ValueError(f"a pose has {len(CHANNELS)} channels, not {pose.shape}")
        pose = np.clip(pose, _LOW, _HIGH)
        self._draw_mouth(pose)
        self._draw_face(pose)
        move = Move(pose, self.height, self._draw_stage(pose))
        box = self._turner.extent(move, self._pivot, (self.w, self.h))
        # All is drawn anew where the head was or will be, and only there: nothing is ever blended twice.
        x0, y0, x1, y1 = region = _join(self._touched, box)
        self._out[y0:y1, x0:x1] = self._stage[y0:y1, x0:x1]
        head = None
        if box[2] > box[0] and box[3] > box[1]:
            head = self._turner.draw(self._head, move, self._pivot, box)
            blend(self._out, head, box[0], box[1])
        if self._collar is not None:
            self._blend_phase("collar", self._collar, move.sway, self._out, region)
            if head is not None:
                self._blend_chin(head, box, self._collar[2] + move.sway[1])
        if self._prop is not None and self._prop_last:
            layer, x, y = self._prop
            blend(self._out[y0:y1, x0:x1], layer, x - x0, y - y0)
        self._touched, self.changed = box, self._even(region)
        if self.mirror:
            cv2.flip(self._out, 1, self._flipped)
        return self._flipped

    def _draw_mouth(self, pose: np.ndarray) -> None:
        state = tuple(np.rint(pose[_MOUTH] * _MOUTH_STEPS).astype(int).tolist())
        if state == self._mouth_state:
            return
        self._mouth_state = state
        exact = pose.copy()  # the step is drawn, not the pose that led to it: no frame depends on those before
        exact[_MOUTH] = np.divide(state, _MOUTH_STEPS)
        self._mouth.draw(exact, self._head)
        box = self._mouth.rows, self._mouth.cols
        if self._face is not None and self._face[0].stop > box[0].start:  # glasses that reach down to it
            self._plain[box] = self._head[box]
            self._face_state = None

    def _draw_face(self, pose: np.ndarray) -> None:
        squint = _SQUINT * max(float(pose[INDEX["smile"]]) - float(REST[INDEX["smile"]]), 0.0)
        state = tuple(np.rint(np.append(pose[_EYES], squint) * _EYE_STEPS).astype(int).tolist())
        if state == self._face_state or self._face is None:
            return
        self._face_state = state
        self._head[self._face] = self._plain[self._face]
        c = {name: step / _EYE_STEPS for name, step in zip((*EYES, "squint"), state, strict=True)}
        for eye, side in zip(self._eyes, "lr", strict=False):
            eye.draw(self._head, c[f"blink_{side}"], c["gaze_x"], c["gaze_y"], c["squint"])
        for brow, side in zip(self._brows, "lr", strict=False):
            brow.draw(self._head, c[f"brow_{side}"], c["frown"])
        if self._front is not None:
            rows, cols, layer = self._front
            self._head[rows, cols] = layers.over(self._head[rows, cols], layer)

    def _draw_stage(self, pose: np.ndarray) -> tuple[float, float]:
        """Bring background and body up to date; returns the body's shift, pixels."""
        dx = float(pose[INDEX["lean"]]) * _LEAN * self.height
        dy = -float(pose[INDEX["breath"]]) * _BREATH * self.height
        state = round(dx * _PHASES), round(dy * _PHASES)
        sway = state[0] / _PHASES, state[1] / _PHASES
        if state != self._body_state:
            self._body_state = state
            x0, y0, x1, y1 = self._body_box
            self._stage[y0:y1, x0:x1] = self._background[y0:y1, x0:x1]
            self._blend_phase("body", self._body, sway, self._stage, (x0, y0, x1, y1))
            if self._prop is not None and not self._prop_last:
                blend(self._stage, *self._prop)
            self._touched = _join(self._touched, self._body_box)
        return sway

    def _blend_phase(self, name: str, part: Sized, sway: tuple[float, float], picture: np.ndarray, box: Box) -> None:
        """Blend a layer of the trunk at a sub-pixel position, inside a box."""
        layer, x, y = part
        px, py = round((x + sway[0]) * _PHASES), round((y + sway[1]) * _PHASES)
        key = (name, px % _PHASES, py % _PHASES)
        if key not in self._phases:
            size = layer.shape[1] + 1, layer.shape[0] + 1
            self._phases[key] = layers.place(layer, key[1] / _PHASES, key[2] / _PHASES, size)
        x0, y0, x1, y1 = box
        blend(picture[y0:y1, x0:x1], self._phases[key], px // _PHASES - x0, py // _PHASES - y0)

    def _blend_chin(self, head: np.ndarray, box: Box, top: float) -> None:
        """Blend the face again where it hangs over the collar, whose upper edge lies at `top`."""
        over = self._turner.over_chin(box, top)
        if over is not None:
            mask, x, y = over
            face = head[y : y + mask.shape[0], x : x + mask.shape[1]]
            blend(self._out, layers.masked(face, mask), box[0] + x, box[1] + y)

    @property
    def _body_box(self) -> Box:
        layer, x, y = self._body
        px, py = _LEAN * self.height + 2, _BREATH * self.height + 2
        box: Box = (
            max(0, int(x - px)),
            max(0, int(y - py)),
            min(self.w, int(x + layer.shape[1] + px) + 1),
            min(self.h, int(y + layer.shape[0] + 2) + 1),
        )
        if self._prop is None:
            return box
        prop, x, y = self._prop
        return _join(box, (max(0, x), max(0, y), min(self.w, x + prop.shape[1]), min(self.h, y + prop.shape[0])))

    def _extents(self) -> tuple[Box, bool]:
        """The even-aligned part of the region that a pose can change, and whether the head may come under the prop."""
        box: Box = (self.w, self.h, 0, 0)
        pose = REST.copy()
        for sx in (-1, 0, 1):
            for sy in (-1, 0, 1):
                for name, limit in LIMITS.items():
                    pose[INDEX[name]] = limit * (sy if name in ("pitch", "head_y") else sx)
                move = Move(pose, self.height, (sx * _LEAN * self.height, 0))
                box = _join(box, self._turner.extent(move, self._pivot, (self.w, self.h)))
        under = self._prop is not None and _meet(box, self._prop)
        return self._even(_join(box, self._body_box)), under

    def _even(self, box: Box) -> Box:
        """Return a box as the compositor sees it: mirrored if need be, on even pixels."""
        x0, y0, x1, y1 = box
        if self.mirror:
            x0, x1 = self.w - x1, self.w - x0
        return x0 // 2 * 2, y0 // 2 * 2, min(self.w, -(-x1 // 2) * 2), min(self.h, -(-y1 // 2) * 2)


def _join(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _meet(box: Box, placed: tuple[np.ndarray, int, int]) -> bool:
    layer, x, y = placed
    return x < box[2] and y < box[3] and x + layer.shape[1] > box[0] and y + layer.shape[0] > box[1]
