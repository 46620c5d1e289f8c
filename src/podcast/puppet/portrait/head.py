"""The head's turn: every place moves by its depth as far as it follows the head; brows and cheeks ride on it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from podcast.puppet.portrait.brows import expressions, travels
from podcast.puppet.portrait.cutout import Cutout
from podcast.puppet.portrait.geometry import CHIN, EARS, FOREHEAD, OVAL, Nodes, combined, fall, rise
from podcast.puppet.portrait.strips import Strip, longest
from podcast.puppet.pose import INDEX
from podcast.puppet.turn import Box, Move

_NECK = -0.06, 0.36  # where the head's movement fades, head heights below the chin
_NECK_TOP, _NECK_SIDE = (-0.30, 0.10), (0.30, 0.48)  # and to the sides of the neck, below and beside
_FLOOR, _FLOOR_MOST = 0.6, 0.30  # and towards the picture's lower edge: of what lies below the chin, head heights
_CELLS = 56  # nodes of the grid along a head height
_ROUNDS = 4  # of the fixed-point iteration
_DEPTH_GAIN = (
    1.4  # the mesh is shallower than a head: ears half a face height behind the nose instead of three quarters
)
_SKULL_TOP, _SKULL_SIDE = 1.05, 0.45  # how far the skull goes on beyond the face, radii of its oval there
_STEEPEST = 2.5  # rise of the depth per pixel: four fifths of what would fold at the most turn
_TURNED_MOST = {"yaw": 24.0, "pitch": 17.0}  # degrees of turn, the picture's own included, that hold
_LEAST = {"yaw": 6.0, "pitch": 6.0}
_MOST = {"yaw": 18.0, "pitch": 11.0, "roll": 12.0}
_KNEE = 0.75  # where a limit begins to bend the movement
_STRIP = 180  # px, most height of a strip
_IN_VAIN = 16_000  # px that cost as much as one more strip
_FINE = 2  # cells of the cover for one of the grid
_RIM = 4  # cells of the cover around the layer in which it is known to be empty


def own_turn(landmarks: np.ndarray) -> tuple[float, float]:
    """Return yaw and pitch (degrees, as in the pose) in which the picture shows the head."""
    across = landmarks[EARS[1]] - landmarks[EARS[0]]
    yaw = np.degrees(np.arctan2(across[2], across[0]))
    upright = landmarks[FOREHEAD] - landmarks[CHIN]
    pitch = np.degrees(np.arctan2(-upright[2], -upright[1]))
    return float(yaw), float(pitch)


def soft_limit(value: float, low: float, high: float) -> float:
    """Return a value bent to stay between its limits, unchanged in their middle."""
    limit = high if value > 0 else -low
    knee = _KNEE * limit
    if abs(value) <= knee:
        return value
    return float(np.sign(value) * (knee + (limit - knee) * np.tanh((abs(value) - knee) / max(limit - knee, 1e-6))))


class HeadWarp:
    """Turns the layer of a cut-out; holds depth, follow and the brows' movements on a coarse grid over it."""

    def __init__(self, cutout: Cutout) -> None:
        lm, head = cutout.landmarks, cutout.head_height
        self.height = head
        h, w = cutout.layer.shape[:2]
        self.size = w, h
        self.up = _unit(lm[FOREHEAD, :2] - lm[CHIN, :2])
        neck = (lm[EARS[0], :2] + lm[EARS[1], :2]) / 2 * 0.5 + lm[CHIN, :2] * 0.5 - self.up * 0.05 * head
        self.pivot = np.array([neck[0], lm[CHIN, 1]])  # layer pixels
        self.at = self.pivot + cutout.origin  # region pixels
        step = self.step = max(4, round(head / _CELLS))
        gw, gh = max(4, round(w / step)), max(4, round(h / step))
        self.cell = np.float32(w / gw), np.float32(h / gh)
        xs = (np.arange(gw, dtype=np.float32) + 0.5) * self.cell[0] - 0.5
        ys = (np.arange(gh, dtype=np.float32) + 0.5) * self.cell[1] - 0.5
        x, y = np.meshgrid(xs, ys)
        self.depth = _depth(lm, cutout.face_height, x, y)
        below = ((x - lm[CHIN, 0]) * -self.up[0] + (y - lm[CHIN, 1]) * -self.up[1]) / head
        aside = np.abs((x - neck[0]) * -self.up[1] + (y - lm[CHIN, 1]) * self.up[0]) / head
        shoulder = rise(below, *_NECK_TOP) * rise(aside, *_NECK_SIDE)  # shoulders and what hangs over them stay
        room = max(_FLOOR * (cutout.floor - lm[CHIN, 1]), 0.05 * head)
        above = rise(cutout.floor - y, 0.0, min(room, _FLOOR_MOST * head))  # long hair ends where the picture does
        self.follow = (fall(below, *_NECK) * (1 - shoulder) * above).astype(np.float32)
        self.fields = np.dstack([self.depth, self.follow])
        self.basis = expressions(cutout, self.up, x, y) / np.array(self.cell)
        self.limits = _limits(lm)
        self._prepare(cutout, x, y)

    def _prepare(self, cutout: Cutout, x: np.ndarray, y: np.ndarray) -> None:
        gh, gw = x.shape
        alpha = cv2.resize(cutout.layer[..., 3], (gw, gh), interpolation=cv2.INTER_AREA)
        moving = (cv2.dilate(alpha, np.ones((3, 3), np.uint8)) > 0) & (self.follow > 0)
        self.cover = _cover(cutout.layer[..., 3], self.follow)
        gx, gy = (x - self.pivot[0])[moving], (y - self.pivot[1])[moving]
        self.nodes = tuple(a.astype(np.float32) for a in (gx, gy, self.depth[moving], self.follow[moving]))
        self.start = np.float32(self.depth[moving].mean())

    def limited(self, pose: np.ndarray) -> np.ndarray:
        """Return a pose with turns bent to what the picture holds."""
        pose = pose.copy()
        for name, (low, high) in self.limits.items():
            pose[INDEX[name]] = soft_limit(float(pose[INDEX[name]]), low, high)
        return pose

    def move(self, pose: np.ndarray, sway: tuple[float, float]) -> Move:
        """Return the movement of a limited pose; `sway` of the trunk in pixels."""
        return Move(pose, self.height, sway)

    def still(self) -> np.ndarray:
        """Return where the layer does not follow the head at all, bool (h, w) of the layer."""
        size = self.size[0], self.size[1]
        return cv2.resize((self.follow > 0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) == 0

    def extent(self, move: Move, size: tuple[int, int]) -> Box:
        """Return the part of a region of `size` that head and neck cover; all around it is still but for the sway."""
        x, y = move.forth(*self.nodes)
        pad = 1.2 * float(self.cell[0])
        x0, x1 = float(x.min() + self.at[0]) - pad, float(x.max() + self.at[0]) + pad
        y0, y1 = float(y.min() + self.at[1]) - pad, float(y.max() + self.at[1]) + pad
        return max(0, int(x0)), max(0, int(y0)), min(size[0], int(x1) + 1), min(size[1], int(y1) + 1)

    def strips(self, layer: np.ndarray, move: Move, pose: np.ndarray, box: Box) -> Iterator[Strip]:
        """Yield what follows the head in a box of the region, turned, from above to below; left out rows are still."""
        width, height, step = box[2] - box[0], box[3] - box[1], self.step
        nodes = Nodes(box[0], box[1], width, height, step)
        u, v = self._inverse(move, pose, nodes.x - np.float32(self.at[0]), nodes.y - np.float32(self.at[1]))
        seen, solid = self._covered(u, v)
        maps = self._from_cells(u, v)
        for start, end, first, last in _bands(_inner(seen, np.logical_or), step):
            used = slice(start, end + 2), slice(first, last + 2)  # a pixel lies between two of three nodes
            rows = slice(start * step, min(end * step, height))
            left, right = first * step, min(last * step, width)
            fine = nodes.enlarged(maps[used], right - left, rows.stop - rows.start)
            part = cv2.remap(layer, fine, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
            a, b = longest(_of_three(np.all(solid[used], 0), np.logical_and))
            yield Strip(rows, left, part, slice(min(a * step, right - left), min(b * step, right - left)))

    def _inverse(self, move: Move, pose: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where nodes (places relative to the pivot) come from, in cells of the grid.

        It is `move.back` at the depth that is found there, gathered and counted in cells so that each round costs
        little.
        """
        a, b = 1 / self.cell[0], 1 / self.cell[1]
        ux, uy = (move.undo @ move.z).astype(np.float32)
        ux, uy = np.float32(ux * a), np.float32(uy * b)
        sx, sy = x - move.sway[0], y - move.sway[1]
        qx, qy = x - move.by[0], y - move.by[1]
        tx, ty = (row[0] * qx + row[1] * qy for row in move.undo.astype(np.float32))
        gx, gy = (tx - sx) * a, (ty - sy) * b
        sx, sy = self._to_cells(sx + np.float32(self.pivot[0]), sy + np.float32(self.pivot[1]))
        mx, my = sx + gx - ux * self.start, sy + gy - uy * self.start
        for _ in range(_ROUNDS):
            depth, follow = cv2.split(self._sample(self.fields, mx, my))
            mx, my = sx + (gx - ux * depth) * follow, sy + (gy - uy * depth) * follow
        weights = travels(pose)
        if not weights.any():
            return mx, my
        away, down = cv2.split(self._sample(combined(weights, self.basis), mx, my))
        return mx - away, my - down  # these say where a place comes from, so they need no inverse

    def _covered(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return for nodes (places in cells) whether any of the head is near, and whether nothing else is."""
        scale, shift = np.float32(_FINE), np.float32(0.5 * _FINE - 0.5 + _RIM)
        near, whole = cv2.split(self._sample(self.cover, u * scale + shift, v * scale + shift))
        return near > 0, whole == 255

    def _from_cells(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return places in cells of the grid as places of the layer (h, w, 2), pixels."""
        half = np.float32(0.5)
        return cv2.merge([(u + half) * self.cell[0] - half, (v + half) * self.cell[1] - half])

    def _to_cells(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return places of the layer in cells of the grid, counted from the middle of the first."""
        half = np.float32(0.5)
        return (x + half) / self.cell[0] - half, (y + half) / self.cell[1] - half

    def _sample(self, field: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return cv2.remap(field, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _cover(alpha: np.ndarray, follow: np.ndarray) -> np.ndarray:
    """Return where any of the head is near, and where the person is all over, uint8 (h, w, 2), 0 or 255.

    It is finer than the grid and has a rim of empty cells. "Near" is so far that a pixel between nodes is what all the
    nodes around it are, unless the turn shrinks it to less than two thirds.
    """
    size = follow.shape[1] * _FINE, follow.shape[0] * _FINE
    seen, solid = (
        cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) for part in (alpha > 0, alpha == 255)
    )
    wide, near = np.ones((5, 5), np.uint8), np.ones((3, 3), np.uint8)
    moving = cv2.dilate(cv2.resize((follow > 0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), wide)
    whole = np.dstack([(seen > 0) * moving, solid > 1 - 1e-4]).astype(np.uint8) * np.uint8(255)
    whole = cv2.copyMakeBorder(whole, _RIM, _RIM, _RIM, _RIM, cv2.BORDER_CONSTANT, value=0)
    return np.dstack([cv2.dilate(whole[..., 0], near), cv2.erode(whole[..., 1], near)])


def _of_three(nodes: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Return for each cell what its own node and those beside it have (n - 2, ...)."""
    return join(join(nodes[:-2], nodes[1:-1]), nodes[2:])


def _inner(nodes: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Return for each cell what its own node and the eight around it have (h - 2, w - 2)."""
    return _of_three(_of_three(nodes, join).T, join).T


def _bands(seen: np.ndarray, step: int) -> list[tuple[int, int, int, int]]:
    """Return rows and columns (start, end, first, last) of boxes, from above to below, that hold all cells seen.

    A box ends where what it holds in vain costs more than another box, and at `_STRIP`.
    """
    lefts, rights = seen.argmax(1), seen.shape[1] - seen[:, ::-1].argmax(1)
    sizes = np.where(seen.any(1), rights - lefts, 0).tolist()
    high, spare = max(1, round(_STRIP / step)), _IN_VAIN / step**2
    bands: list[tuple[int, int, int, int]] = []
    start, left, right, held = 0, 0, 0, 0
    for row, (size, first, last) in enumerate(zip(sizes, lefts.tolist(), rights.tolist(), strict=True)):
        wider = (min(left, first), max(right, last)) if held else (first, last)
        whole = (wider[1] - wider[0]) * (row + 1 - start)
        if held and (not size or row - start >= high or whole - held - size > spare):
            bands.append((start, row, left, right))
            held, wider = 0, (first, last)
        if size:
            start = start if held else row
            (left, right), held = wider, held + size
    return [*bands, (start, len(sizes), left, right)] if held and sizes[-1] else bands


def _unit(v: np.ndarray) -> np.ndarray:
    return v / max(float(np.linalg.norm(v)), 1e-6)


def _limits(lm: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return how far a head may turn, less towards the side to which the picture shows it turned."""
    limits = {"roll": (-_MOST["roll"], _MOST["roll"])}
    for name, own in zip(("yaw", "pitch"), own_turn(lm), strict=True):
        room = _TURNED_MOST[name]
        low, high = min(max(room + own, _LEAST[name]), _MOST[name]), min(max(room - own, _LEAST[name]), _MOST[name])
        limits[name] = -low, high
    return limits


def _depth(lm: np.ndarray, face: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the depth at nodes (pixels, towards the viewer), zero at the ears and around the head.

    Within the face it is the mesh's. Beyond, the skull goes on: it falls off slowly towards the crown, so that hair
    moves with the forehead under it, and fast to the sides and below the chin.
    """
    near = _nearness(lm)
    points = lm[:468, :2].astype(np.float32)
    flat = np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)
    far = (flat**2).sum(1)[:, None] + (points**2).sum(1)[None] - 2 * flat @ points.T
    near_weight, wide_weight = np.exp(-far / (2 * (0.045 * face) ** 2)), np.exp(-far / (2 * (0.16 * face) ** 2))
    weight = near_weight + 0.004 * wide_weight + 1e-12
    inner = ((weight @ near) / weight.sum(1)).reshape(x.shape)
    beyond, edge, up = _around_face(lm, near, x, y)
    reach = _SKULL_SIDE + (_SKULL_TOP - _SKULL_SIDE) * rise(up, -0.2, 0.7)  # how far the skull goes on, oval radii
    outer = edge * np.clip(1 - (np.clip(beyond - 1, 0, None) / reach) ** 2, 0, 1) ** 1.5
    share = rise(beyond, 0.94, 1.06)
    depth = (inner * (1 - share) + outer * share).astype(np.float32)
    # heads turned aside have steeper far cheeks, and turn less towards where these would fold
    steepest = _STEEPEST / np.cos(np.radians(own_turn(lm)[0])) ** 3
    return cv2.GaussianBlur(_gentle(depth, float(steepest * (x[0, 1] - x[0, 0]))), (0, 0), 1.0)


def _nearness(lm: np.ndarray) -> np.ndarray:
    """Return how near to the viewer the mesh's points are, pixels, the mesh deepened along the nose, seen from above.

    Of a head that is turned aside it tells more depth than its pixels can show without tearing.
    """
    across = lm[EARS[1]] - lm[EARS[0]]
    ahead = _unit(np.array([across[2], 0.0, -across[0]]))
    places = lm[:468] - lm[list(EARS)].mean(0)
    near = -places[:, 2] - (_DEPTH_GAIN - 1) * (places @ ahead) * ahead[2]
    return (near * abs(ahead[2])).astype(np.float32)


def _around_face(
    lm: np.ndarray, near: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for nodes how far out they lie (1 on the face's oval), the oval's depth there, and the share of up."""
    oval = lm[list(OVAL), :2]
    centre = oval.mean(0)
    rim = oval - centre
    angle = np.unwrap(np.arctan2(rim[:, 1], rim[:, 0]))
    order = np.argsort(angle % (2 * np.pi))
    angles = (angle % (2 * np.pi))[order]
    smooth = cv2.GaussianBlur(np.tile(near[list(OVAL)], 3)[None], (0, 0), 2.0)[0][len(OVAL) : 2 * len(OVAL)]
    at = np.arctan2(y - centre[1], x - centre[0]) % (2 * np.pi)
    radius = np.interp(at, angles, np.linalg.norm(rim, axis=1)[order], period=2 * np.pi)
    edge = np.interp(at, angles, smooth[order], period=2 * np.pi)
    away = np.hypot(x - centre[0], y - centre[1])
    axis = _unit(lm[FOREHEAD, :2] - lm[CHIN, :2])
    up = ((x - centre[0]) * axis[0] + (y - centre[1]) * axis[1]) / np.maximum(away, 1e-3)
    return away / np.maximum(radius, 1e-3), edge, up


def _gentle(depth: np.ndarray, step: float) -> np.ndarray:
    """Return a depth without what would fold in a turn, no step from node to node larger than the one given.

    It lies amid the envelopes from above and below.
    """
    low = high = depth
    ring = np.ones((3, 3), np.uint8)
    for _ in range(_CELLS // 3):
        low, high = np.minimum(low, cv2.erode(low, ring) + step), np.maximum(high, cv2.dilate(high, ring) - step)
    return (low + high) / 2
