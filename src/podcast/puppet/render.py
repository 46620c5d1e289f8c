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
from podcast.puppet.pose import CHANNELS, EYES, HEAD, INDEX, MOUTH, REST
from podcast.puppet.rig import Rig

_BREATH = 0.008  # rise of the shoulders, head heights
_LEAN = 0.012  # sway of the trunk, head heights
_PHASES = 4  # sub-pixel positions of the body per axis
_GRID = 10  # pixels between the nodes of the turn
_ROUNDS = 3  # fixed-point rounds of the inverse turn
_EYE_STEPS, _MOUTH_STEPS = 256, 1024  # a pose is drawn again when it moved by a step
_TURN = {"yaw": 25.0, "pitch": 16.0, "roll": 16.0, "head_x": 0.12, "head_y": 0.12}  # limits of the rig
_MOUTH = [INDEX[n] for n in MOUTH]
_EYES = [INDEX[n] for n in EYES]
_HEAD = [INDEX[n] for n in HEAD]

Box = tuple[int, int, int, int]


class Figure(NamedTuple):
    """The extent of a figure at some head height, pixels; offsets are from the anchor (the pivot on the neck)."""

    width: float
    height: float
    left: float
    top: float


def figure_size(rig: Rig, head_height: float) -> Figure:
    """Return how much room a host takes; below `top + height` it has no picture, so that is the frame's lowest edge."""
    k = head_height / rig.head_height
    body, head = rig.spec.layers.body, rig.spec.layers.head
    bh, bw = (n * body.scale for n in rig.picture(body).shape[:2])
    hw = rig.picture(head).shape[1] * head.scale
    px, py = rig.spec.pivot
    left, right = min(body.at[0], head.at[0]), max(body.at[0] + bw, head.at[0] + hw)
    bottom = body.at[1] + bh - (_BREATH + 0.004) * rig.head_height
    return Figure((right - left) * k, (bottom - rig.spec.crown) * k, (left - px) * k, (rig.spec.crown - py) * k)


def aperture(rig: Rig, pose: np.ndarray) -> float:
    """Return the gap between the lips in the middle of the mouth, head heights."""
    up, down = lip_gap(pose, rig.spec.mouth.drop)
    return max(up + down, 0.0)


class Puppet:
    """A host in a region of the frame; `draw` gives the region's picture for a pose."""

    def __init__(self, rig: Rig, background: np.ndarray, head_height: float, anchor: tuple[float, float],
                 mirror: bool = False) -> None:
        """Prepare a host.

        `background` is the YUV picture (h, w, 3) of the region; `head_height` (crown to chin) and `anchor` (the
        neck's pivot) are pixels in it; `mirror` flips the host left to right.
        """
        self.rig, self.mirror = rig, mirror
        self._background = np.ascontiguousarray(background[:, ::-1] if mirror else background)
        self.h, self.w = background.shape[:2]
        self.scale = head_height / rig.head_height
        self.height = head_height
        ax = self.w - anchor[0] if mirror else anchor[0]
        self.pivot = np.array([ax, anchor[1]])
        self._shift = self.pivot - np.array(rig.spec.pivot) * self.scale  # scaled canvas to region
        spec = rig.spec.layers
        self._load_body(spec)
        self._load_head(spec)
        self._stage = self._background.copy()
        self._out = np.empty_like(self._background)
        self._flipped = np.empty_like(self._background) if mirror else self._out
        self._body_state: tuple[int, int] | None = None
        self._touched: Box = (0, 0, self.w, self.h)
        self.dirty, self._prop_last = self._extents()
        self.draw(REST)

    # -- loading -------------------------------------------------------------------------------------------------

    def _at(self, layer: tuple[np.ndarray, float, float]) -> tuple[np.ndarray, float, float]:
        image, x, y = layer
        return image, x + self._shift[0], y + self._shift[1]

    def _load_body(self, spec: object) -> None:
        parts = self.rig.spec.layers
        self._body = self._at(layers.sized(self.rig, parts.body, self.scale))
        self._collar = self._at(layers.sized(self.rig, parts.collar, self.scale)) if parts.collar else None
        self._phases: dict[tuple[str, int, int], np.ndarray] = {}
        self._prop = None
        if parts.prop:
            image, x, y = self._at(layers.sized(self.rig, parts.prop, self.scale))
            self._prop = image, round(x), round(y)

    def _load_head(self, spec: object) -> None:
        rig, parts = self.rig, self.rig.spec.layers
        head, x, y = layers.sized(rig, parts.head, self.scale)
        origin = (x, y)
        self._head = head
        self._head_at = np.array([x, y]) + self._shift
        self._mouth = MouthPart(rig, head, origin, self.scale)
        eyes, brows = rig.spec.eyes, rig.spec.brows
        sides = ("left", "right")
        self._eyes = [EyePart(rig, getattr(eyes, s), head, origin, self.scale) for s in sides] if eyes else []
        self._brows = [BrowPart(rig, getattr(brows, s), origin, self.scale, s == "left") for s in sides] if brows else []
        self._front = None
        if parts.front:
            front, fx, fy = layers.sized(rig, parts.front, self.scale)
            whole = layers.place(front, fx - x, fy - y, (head.shape[1], head.shape[0]))
            ys, xs = np.nonzero(whole[..., 3].any(1))[0], np.nonzero(whole[..., 3].any(0))[0]
            self._front = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
            self._front_layer = np.ascontiguousarray(whole[self._front])
        self._face_box()
        self._plain = head.copy()
        self._face_state: tuple[int, ...] | None = None
        self._mouth_state: tuple[int, ...] | None = None
        self._grids(rig, head, origin)

    def _face_box(self) -> None:
        parts: list[EyePart | BrowPart] = [*self._eyes, *self._brows]
        boxes = [(p.rows, p.cols) for p in parts]
        if self._front is not None:
            boxes.append(self._front)
        h, w = self._head.shape[:2]
        if not boxes:
            self._face = None
            return
        self._face = (slice(min(r.start for r, _ in boxes), min(h, max(r.stop for r, _ in boxes))),
                      slice(min(c.start for _, c in boxes), min(w, max(c.stop for _, c in boxes))))

    def _grids(self, rig: Rig, head: np.ndarray, origin: tuple[float, float]) -> None:
        """Prepare depth and follow on a coarse grid over the head layer, relative to the pivot, pixels."""
        h, w = head.shape[:2]
        k = self.scale
        gw, gh = max(2, round(w / _GRID)), max(2, round(h / _GRID))
        self._step = np.array([w / gw, h / gh], np.float32)
        depth, follow = rig.spec.layers.depth, rig.spec.layers.follow
        y = (np.arange(gh, dtype=np.float32) + 0.5) * self._step[1] + origin[1]
        x = (np.arange(gw, dtype=np.float32) + 0.5) * self._step[0] + origin[0]
        alpha = cv2.resize(head[..., 3], (gw, gh), interpolation=cv2.INTER_AREA)
        if depth is not None:
            grey = _cover(rig.picture(depth), depth.at, depth.scale, origin, k, (w, h), (gw, gh))
            self._z = ((depth.far + (depth.near - depth.far) * grey / 255) * k).astype(np.float32)
        else:
            self._z = _egg(x, y, rig, k)
        if follow is not None:
            self._w = (_cover(rig.picture(follow), follow.at, follow.scale, origin, k, (w, h), (gw, gh)) / 255).astype(np.float32)
        else:
            top, base = (n * k for n in rig.spec.neck)
            ramp = np.clip((base - y) / (base - top), 0, 1)
            self._w = np.tile((ramp * ramp * (3 - 2 * ramp))[:, None], (1, gw)).astype(np.float32)
        self._zw = np.dstack([self._z, self._w])
        pivot = np.array(rig.spec.pivot) * k - origin
        gx, gy = np.meshgrid((np.arange(gw) + 0.5) * self._step[0] - 0.5, (np.arange(gh) + 0.5) * self._step[1] - 0.5)
        solid = cv2.dilate(alpha, np.ones((3, 3), np.uint8)) > 0
        self._nodes = gx[solid] - pivot[0], gy[solid] - pivot[1], self._z[solid], self._w[solid]
        self._local_pivot = pivot

    # -- drawing -------------------------------------------------------------------------------------------------

    def draw(self, pose: np.ndarray) -> np.ndarray:
        """Return the region's YUV picture (h, w, 3) for a pose (len(CHANNELS),); valid until the next call."""
        if pose.shape != (len(CHANNELS),):
            raise ValueError(f"a pose has {len(CHANNELS)} channels, not {pose.shape}")
        self._draw_face(pose)
        sway = self._draw_stage(pose)
        x0, y0, x1, y1 = self._touched
        self._out[y0:y1, x0:x1] = self._stage[y0:y1, x0:x1]
        self._touched = self._draw_head(pose, sway)
        if self._collar is not None:
            self._blend_phase("collar", self._collar, sway, self._out, self._touched)
        if self._prop is not None and self._prop_last:
            blend(self._out, *self._prop)
        if self.mirror:
            cv2.flip(self._out, 1, self._flipped)
        return self._flipped

    def _draw_face(self, pose: np.ndarray) -> None:
        """Bring mouth, eyes and brows of the head layer up to date."""
        mouth = tuple(np.rint(pose[_MOUTH] * _MOUTH_STEPS).astype(int).tolist())
        # What is drawn is the step, not the pose that led to it: a frame must not depend on those before it.
        pose = pose.copy()
        pose[_MOUTH] = np.divide(mouth, _MOUTH_STEPS)
        if mouth != self._mouth_state:
            self._mouth.draw(pose, self._head)
            self._mouth_state = mouth
            if self._overlap():
                self._plain[self._mouth.rows, self._mouth.cols] = self._head[self._mouth.rows, self._mouth.cols]
                self._face_state = None
        eyes = tuple(np.rint(pose[_EYES] * _EYE_STEPS).astype(int).tolist())
        if eyes == self._face_state or self._face is None:
            return
        self._face_state = eyes
        self._head[self._face] = self._plain[self._face]
        c = {name: step / _EYE_STEPS for name, step in zip(EYES, eyes, strict=True)}
        for part, side in zip(self._eyes, "lr", strict=False):
            part.draw(self._head, min(max(c[f"blink_{side}"], 0.0), 1.0), c["gaze_x"], c["gaze_y"])
        for brow, side in zip(self._brows, "lr", strict=False):
            brow.draw(self._head, c[f"brow_{side}"], c["frown"])
        if self._front is not None:
            target = self._head[self._front]
            target[:] = layers.over(target, self._front_layer)

    def _overlap(self) -> bool:
        return self._face is not None and self._face[0].stop > self._mouth.rows.start

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

    def _blend_phase(self, name: str, part: tuple[np.ndarray, float, float], sway: tuple[float, float],
                     picture: np.ndarray, box: Box) -> None:
        """Blend a layer of the trunk at a sub-pixel position, inside a box."""
        image, x, y = part
        px, py = round((x + sway[0]) * _PHASES), round((y + sway[1]) * _PHASES)
        key = (name, px % _PHASES, py % _PHASES)
        if key not in self._phases:
            size = image.shape[1] + 1, image.shape[0] + 1
            self._phases[key] = layers.place(image, key[1] / _PHASES, key[2] / _PHASES, size)
        x0, y0, x1, y1 = box
        blend(picture[y0:y1, x0:x1], self._phases[key], px // _PHASES - x0, py // _PHASES - y0)

    def _draw_head(self, pose: np.ndarray, sway: tuple[float, float]) -> Box:
        move = _Move(pose, self.height, sway)
        offset = self._head_at + self._local_pivot  # the pivot in the region
        box = self._extent(move, offset)
        x0, y0, x1, y1 = box
        if x1 <= x0 or y1 <= y0:
            return box
        size = x1 - x0, y1 - y0
        gw, gh = max(2, round(size[0] / _GRID)), max(2, round(size[1] / _GRID))
        gx = ((np.arange(gw, dtype=np.float32) + np.float32(0.5)) * np.float32(size[0] / gw) - np.float32(0.5 - x0 + offset[0]))
        gy = ((np.arange(gh, dtype=np.float32) + np.float32(0.5)) * np.float32(size[1] / gh) - np.float32(0.5 - y0 + offset[1]))
        maps = self._inverse(move, np.tile(gx, (gh, 1)), np.tile(gy[:, None], (1, gw)))
        maps = cv2.resize(maps, size, interpolation=cv2.INTER_LINEAR)
        turned = cv2.remap(self._head, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        blend(self._out, turned, x0, y0)
        return box

    def _inverse(self, move: _Move, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the place in the head layer (h, w, 2) of nodes (x, y) relative to the pivot in the region."""
        lx, ly = (np.float32(v) for v in self._local_pivot)
        sx, sy = move.back(x, y, np.float32(0.1 * self.height), np.float32(1))
        for _ in range(_ROUNDS):
            u, v = (sx + lx + 0.5) / self._step[0] - 0.5, (sy + ly + 0.5) / self._step[1] - 0.5
            zw = cv2.remap(self._zw, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            sx, sy = move.back(x, y, zw[..., 0], zw[..., 1])
        return np.dstack([sx + lx, sy + ly])

    def _extent(self, move: _Move, offset: np.ndarray) -> Box:
        x, y = move.forth(*self._nodes)
        pad = 1.2 * _GRID
        x0, x1 = x.min() + offset[0] - pad, x.max() + offset[0] + pad
        y0, y1 = y.min() + offset[1] - pad, y.max() + offset[1] + pad
        return max(0, int(x0)), max(0, int(y0)), min(self.w, int(x1) + 1), min(self.h, int(y1) + 1)

    # -- extents -------------------------------------------------------------------------------------------------

    @property
    def _body_box(self) -> Box:
        image, x, y = self._body
        px, py = _LEAN * self.height + 2, _BREATH * self.height + 2
        return (max(0, int(x - px)), max(0, int(y - py)),
                min(self.w, int(x + image.shape[1] + px) + 1), min(self.h, int(y + image.shape[0] + 2) + 1))

    def _extents(self) -> tuple[Box, bool]:
        """The even-aligned part of the region that a pose can change, and whether the head may come under the prop."""
        box: Box = (self.w, self.h, 0, 0)
        offset = self._head_at + self._local_pivot
        pose = REST.copy()
        for sx in (-1, 0, 1):
            for sy in (-1, 0, 1):
                for name, sign in (("yaw", sx), ("roll", sx), ("head_x", sx), ("pitch", sy), ("head_y", sy), ("lean", sx)):
                    pose[INDEX[name]] = sign * _TURN.get(name, 1.0)
                box = _join(box, self._extent(_Move(pose, self.height, (sx * _LEAN * self.height, 0)), offset))
        under = False
        if self._prop is not None:
            image, px, py = self._prop
            under = px < box[2] and py < box[3] and px + image.shape[1] > box[0] and py + image.shape[0] > box[1]
        x0, y0, x1, y1 = _join(box, self._body_box)
        if self.mirror:
            x0, x1 = self.w - x1, self.w - x0
        return (x0 // 2 * 2, y0 // 2 * 2, min(self.w, -(-x1 // 2) * 2), min(self.h, -(-y1 // 2) * 2)), under


class _Move:
    """A turn of the head: forth from layer to region, back from region to layer, relative to the pivot."""

    def __init__(self, pose: np.ndarray, height: float, sway: tuple[float, float]) -> None:
        c = {n: float(np.clip(pose[INDEX[n]], -_TURN[n], _TURN[n])) for n in _TURN}
        yaw, pitch, roll = (np.radians(c[n]) for n in ("yaw", "pitch", "roll"))
        sy, cy, sp, cp, sr, cr = (np.float32(f(a)) for a in (yaw, pitch, roll) for f in (np.sin, np.cos))
        turn = np.array([[cy, 0, sy], [-sy * sp, cp, cy * sp]], np.float32)  # x, y after yaw and pitch
        spin = np.array([[cr, -sr], [sr, cr]], np.float32)
        whole = spin @ turn
        self.xy, self.z = whole[:, :2], whole[:, 2]
        self.undo = np.linalg.inv(self.xy)
        self.sway = np.float32(sway[0]), np.float32(sway[1])
        self.by = np.float32(c["head_x"] * height) + self.sway[0], np.float32(c["head_y"] * height) + self.sway[1]

    def forth(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a = self.xy
        tx = a[0, 0] * x + a[0, 1] * y + self.z[0] * z + self.by[0]
        ty = a[1, 0] * x + a[1, 1] * y + self.z[1] * z + self.by[1]
        return x + self.sway[0] + (tx - x - self.sway[0]) * w, y + self.sway[1] + (ty - y - self.sway[1]) * w

    def back(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a = self.undo
        qx, qy = x - self.by[0] - self.z[0] * z, y - self.by[1] - self.z[1] * z
        sx, sy = x - self.sway[0], y - self.sway[1]
        tx, ty = a[0, 0] * qx + a[0, 1] * qy, a[1, 0] * qx + a[1, 1] * qy
        return sx + (tx - sx) * w, sy + (ty - sy) * w


def _join(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _cover(grey: np.ndarray, at: tuple[float, float], scale: float, origin: tuple[float, float], k: float,
           size: tuple[int, int], grid: tuple[int, int]) -> np.ndarray:
    """Sample a grey canvas picture at the nodes over the head layer, float32 (gh, gw)."""
    soft = cv2.blur(grey.astype(np.float32), (3, 3))
    x = ((np.arange(grid[0], dtype=np.float32) + 0.5) * size[0] / grid[0] + origin[0]) / k
    y = ((np.arange(grid[1], dtype=np.float32) + 0.5) * size[1] / grid[1] + origin[1]) / k
    u, v = np.meshgrid((x - at[0]) / scale - 0.5, (y - at[1]) / scale - 0.5)
    return cv2.remap(soft, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _egg(x: np.ndarray, y: np.ndarray, rig: Rig, k: float) -> np.ndarray:
    """Return the depth of a generic head, an ellipsoid between crown and chin."""
    height = rig.head_height * k
    middle = rig.spec.crown * k + 0.5 * height
    rel_x, rel_y = (x - rig.spec.pivot[0] * k) / (0.40 * height), (y - middle) / (0.56 * height)
    bulge = np.clip(1 - rel_x[None] ** 2 - rel_y[:, None] ** 2, 0, 1)
    return (0.42 * height * np.sqrt(bulge) ** 1.2).astype(np.float32)
