"""The head's turn: every pixel moves by its depth; a coarse grid holds the inverse, one remap does the rest."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.pose import INDEX
from podcast.puppet.rig import Rig

LIMITS = {"yaw": 20.0, "pitch": 12.0, "roll": 12.0, "head_x": 0.07, "head_y": 0.07}  # where a pose is cut off
_GRID, _CELL = 10.0, 1 / 45  # between the nodes: pixels, and head heights where heads are small
_ROUNDS, _ROUNDS_PER_TURN = 2, 18.0  # of the search for depths; more by the turn's sine, where slopes get steep in it
_CHIN_BOW = 3.7  # how fast the chin's edge rises to the sides: head heights per square of them
# Without a depth map a head is an egg with a nose: half widths, half heights and depths, head heights.
_EGG, _NOSE, _EGG_BACK = (0.40, 0.58, 0.42), (0.055, 0.075, 0.15), 0.04
_NOSE_AT = 0.62  # of the way from the eyes to the mouth
_STEEPEST = 0.12  # least of what a turn leaves of a length: bounds the search's steps

Box = tuple[int, int, int, int]


class Move:
    """A turn, forth from the layer to the region and back; places are relative to the pivot."""

    def __init__(self, pose: np.ndarray, height: float, sway: tuple[float, float]) -> None:
        """Take head channels from a pose; `height` of the head and `sway` of the body are pixels."""
        c = {n: min(max(float(pose[INDEX[n]]), -limit), limit) for n, limit in LIMITS.items()}
        yaw, pitch, roll = (np.radians(c[n]) for n in ("yaw", "pitch", "roll"))
        sy, cy, sp, cp, sr, cr = (f(a) for a in (yaw, pitch, roll) for f in (np.sin, np.cos))
        turn = np.array([[cy, 0, sy], [-sy * sp, cp, cy * sp]])  # x and y after yaw and pitch
        whole = (np.array([[cr, -sr], [sr, cr]]) @ turn).astype(np.float32)
        self.xy, self.z = whole[:, :2], whole[:, 2]
        self.undo = np.linalg.inv(self.xy)
        self.sway = np.float32(sway[0]), np.float32(sway[1])
        self.by = np.float32(c["head_x"] * height + sway[0]), np.float32(c["head_y"] * height + sway[1])

    def forth(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where places of the layer go; `w` is how far they follow the head."""
        a = self.xy
        tx = a[0, 0] * x + a[0, 1] * y + self.z[0] * z + self.by[0]
        ty = a[1, 0] * x + a[1, 1] * y + self.z[1] * z + self.by[1]
        sx, sy = x + self.sway[0], y + self.sway[1]
        return sx + (tx - sx) * w, sy + (ty - sy) * w

    def back(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where places of the region come from, given depth and follow there."""
        a = self.undo
        qx, qy = x - self.by[0] - self.z[0] * z, y - self.by[1] - self.z[1] * z
        sx, sy = x - self.sway[0], y - self.sway[1]
        tx, ty = a[0, 0] * qx + a[0, 1] * qy, a[1, 0] * qx + a[1, 1] * qy
        return sx + (tx - sx) * w, sy + (ty - sy) * w


class Turner:
    """Turns a head layer; holds depth and follow on a coarse grid over it."""

    def __init__(self, rig: Rig, head: np.ndarray, origin: tuple[float, float], scale: float) -> None:
        """Prepare for a head layer (h, w, 4) whose corner lies at `origin` in scaled canvas pixels."""
        h, w = head.shape[:2]
        self.cell = max(min(_GRID, _CELL * rig.head_height * scale), 2.0)
        gw, gh = max(2, round(w / self.cell)), max(2, round(h / self.cell))
        self.pivot = np.array(rig.spec.pivot) * scale - origin
        self.size = np.float32(w / gw), np.float32(h / gh)  # of a cell
        x = (np.arange(gw, dtype=np.float32) + 0.5) * self.size[0]
        y = (np.arange(gh, dtype=np.float32) + 0.5) * self.size[1]
        canvas = (x + origin[0]) / scale, (y + origin[1]) / scale
        depth = _depth(rig, *canvas) * np.float32(scale)
        slope_y, slope_x = np.gradient(depth)  # pixels per cell
        self.grid = np.dstack([depth, _follow(rig, *canvas), slope_x, slope_y]).astype(np.float32)
        self.chin = np.float32(rig.spec.chin * scale - origin[1]), np.float32(_CHIN_BOW / (rig.head_height * scale))
        self.range = np.float32(depth.min()), np.float32(depth.max())
        self.start = np.float32(0.1 * rig.head_height * scale)  # a likely depth
        solid = (
            cv2.dilate(cv2.resize(head[..., 3], (gw, gh), interpolation=cv2.INTER_AREA), np.ones((3, 3), np.uint8)) > 0
        )
        gx, gy = np.meshgrid(x - 0.5 - self.pivot[0], y - 0.5 - self.pivot[1])
        self.nodes = tuple(a[solid].astype(np.float32) for a in (gx, gy, self.grid[..., 0], self.grid[..., 1]))

    def extent(self, move: Move, at: np.ndarray, size: tuple[int, int]) -> Box:
        """Return the part of a region of `size` that the turned head covers, its pivot at `at`."""
        x, y = move.forth(*self.nodes)
        pad = 1.1 * self.cell
        x0, x1 = float(x.min() + at[0]) - pad, float(x.max() + at[0]) + pad
        y0, y1 = float(y.min() + at[1]) - pad, float(y.max() + at[1]) + pad
        return max(0, int(x0)), max(0, int(y0)), min(size[0], int(x1) + 1), min(size[1], int(y1) + 1)

    def draw(self, head: np.ndarray, move: Move, at: np.ndarray, box: Box) -> np.ndarray:
        """Return the turned layer in a box of the region, its pivot at `at`."""
        w, h = box[2] - box[0], box[3] - box[1]
        gw, gh = max(2, round(w / self.cell)), max(2, round(h / self.cell))
        x = (np.arange(gw, dtype=np.float32) + np.float32(0.5)) * np.float32(w / gw) - np.float32(0.5 - box[0] + at[0])
        y = (np.arange(gh, dtype=np.float32) + np.float32(0.5)) * np.float32(h / gh) - np.float32(0.5 - box[1] + at[1])
        self._nodes = self._inverse(move, np.tile(x, (gh, 1)), np.tile(y[:, None], (1, gw)))
        maps = cv2.resize(self._nodes, (w, h), interpolation=cv2.INTER_LINEAR)
        return cv2.remap(head, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)

    def over_chin(self, box: Box, top: float) -> tuple[np.ndarray, int, int] | None:
        """Return what of the latest drawing, made in this box, is face and not neck, and its corner in the box.

        It is a mask, uint8 (h, w), of what lies below row `top` of the region; None where the face ends above.
        """
        w, h = box[2] - box[0], box[3] - box[1]
        down = len(self._nodes) / h
        begin = max(0, int((int(top) - box[1]) * down) - 1)  # the row of nodes before it
        x, y = self._nodes[begin:, :, 0] - np.float32(self.pivot[0]), self._nodes[begin:, :, 1]
        above = self.chin[0] - self.chin[1] * x * x - y  # pixels over the edge of the chin
        rows, cols = (np.flatnonzero((above > 0).any(axis)) for axis in (1, 0))
        if not len(rows):
            return None
        across = above.shape[1] / w
        y0, y1 = max(0, int(top) - box[1]), min(h, int((begin + rows[-1] + 1.5) / down) + 1)
        x0, x1 = max(0, int((cols[0] - 0.5) / across)), min(w, int((cols[-1] + 1.5) / across) + 1)
        if y0 >= y1:
            return None
        grid = np.array([[across, 0, (x0 + 0.5) * across - 0.5], [0, down, (y0 + 0.5) * down - begin - 0.5]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        mask = cv2.warpAffine(above, grid, (x1 - x0, y1 - y0), flags=how, borderMode=cv2.BORDER_REPLICATE)
        return cv2.convertScaleAbs(np.clip(mask + np.float32(0.5), 0, 1), alpha=255), x0, y0

    def _inverse(self, move: Move, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the place in the head layer (h, w, 2) of nodes (x, y) relative to the pivot in the region.

        Seen along a node's ray, the depth of the layer there less the depth on the ray falls all the way as long as
        nothing folds: Newton's method finds where it is nil, and halves its bounds where it would leave them.
        """
        (width, height), (px, py) = self.size, (np.float32(v) for v in self.pivot)
        half = np.float32(0.5)
        tx, ty = move.back(x, y, np.float32(0), np.float32(1))  # type: ignore[arg-type]  # all turned, without depth
        bx, by = x - move.sway[0], y - move.sway[1]  # not turned
        tx, ty = (tx - bx) / width, (ty - by) / height  # from here on, places are counted in cells
        bx, by = (bx + px + half) / width - half, (by + py + half) / height - half
        kx, ky = move.undo @ move.z / self.size  # shift for a pixel of depth
        low, high = (np.full_like(x, bound) for bound in self.range)
        depth, follow = np.full_like(x, self.start), np.ones_like(x)
        for _ in range(_ROUNDS + int(_ROUNDS_PER_TURN * float(np.hypot(*move.z)))):
            u, v = bx + follow * (tx - kx * depth), by + follow * (ty - ky * depth)
            here = cv2.remap(self.grid, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            there, follow, slope_x, slope_y = cv2.split(here)
            above = depth - there
            over = above > 0
            np.copyto(high, depth, where=over)
            np.copyto(low, depth, where=~over)
            depth -= above / np.maximum(1 + follow * (slope_x * kx + slope_y * ky), np.float32(_STEEPEST))
            np.copyto(depth, (low + high) * half, where=(depth < low) | (depth > high))
        u, v = bx + follow * (tx - kx * depth), by + follow * (ty - ky * depth)
        return np.dstack([(u + half) * width - half, (v + half) * height - half])


def _depth(rig: Rig, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the depth at canvas columns and rows, canvas pixels; an egg with a nose where the rig brings none."""
    layer = rig.spec.layers.depth
    if layer is not None:
        grey = _sample(rig.picture(layer), layer.at, layer.scale, x, y)
        return layer.far + (layer.near - layer.far) * grey / np.float32(255)
    height, mouth, eyes = rig.head_height, rig.spec.mouth.line, rig.spec.eyes
    middle = mouth[len(mouth) // 2]
    eye_line = (eyes.left.centre[1] + eyes.right.centre[1]) / 2 if eyes else rig.spec.crown + 0.5 * height
    tip = middle[0], eye_line + _NOSE_AT * (middle[1] - eye_line)
    egg_x = (x - rig.spec.pivot[0]) / (_EGG[0] * height)
    egg_y = (y - rig.spec.crown - 0.5 * height) / (_EGG[1] * height)
    nose_x, nose_y = (x - tip[0]) / (_NOSE[0] * height), (y - tip[1]) / (_NOSE[1] * height)
    egg = _EGG[2] * np.clip(1 - egg_x[None] ** 2 - egg_y[:, None] ** 2, 0, 1)
    nose = _NOSE[2] * np.exp(-0.5 * (nose_x[None] ** 2 + nose_y[:, None] ** 2))
    return ((egg + nose - _EGG_BACK) * height).astype(np.float32)


def _follow(rig: Rig, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far canvas columns and rows follow the head, 0 … 1."""
    layer = rig.spec.layers.follow
    if layer is not None:
        return _sample(rig.picture(layer), layer.at, layer.scale, x, y) / np.float32(255)
    top, base = rig.spec.neck
    ramp = np.clip((base - y) / (base - top), 0, 1)
    return np.tile((ramp * ramp * (3 - 2 * ramp))[:, None], (1, len(x))).astype(np.float32)


def _sample(grey: np.ndarray, at: tuple[float, float], scale: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    soft = cv2.blur(grey.astype(np.float32), (3, 3))
    u, v = np.meshgrid((x - at[0]) / scale - 0.5, (y - at[1]) / scale - 0.5)
    u, v = u.astype(np.float32), v.astype(np.float32)
    return cv2.remap(soft, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
