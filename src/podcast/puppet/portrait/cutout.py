"""The person cut out of the picture at the size in which it is shown: layer, landmarks, and what lies behind."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.canvas import to_layer, to_yuv
from podcast.puppet.facemap import FaceMap
from podcast.puppet.portrait.geometry import CHIN, FOREHEAD, OVAL, crown_of, fall, rise, touches_top

_MARGIN = 0.10  # of the picture beyond the region that a moving head may bring in, head heights
_ROOM = 0.04  # around the landmarks, head heights
_DOME = 0.16  # height of the corners that a crown of our own rounds off, head heights
_CAP = 0.6  # height of a crown of our own, half widths of what the edge cuts
_BROW_MIDDLE = 9  # landmark amid the forehead, between the brows
_LOW = 0.11  # room between forehead and the picture's edge below which skin reaches it, head heights
_BARE, _SIDE = 0.30, 0.02  # half width of a forehead, and the least of hair or hat beside it, head heights
_SHADE = 0.05  # in which skin at the edge passes into hair or hat above, head heights
_FEATHER = 0.008  # least softness of the outline, head heights
_SOLID, _CLEAR = 0.90, 0.10  # matte values that count as all and nothing
_ENLARGED = 1.25  # from which scale on a matte's own pixels would be seen
_NEAR = 2.0  # pixels of the picture in which an enlarged matte's edge is looked for
_NARROW, _WIDE = 0.004, 0.045  # half width of a soft edge without and with contrast, head heights
_CONTRAST = (0.03, 0.10)  # standard deviation of grey, 0 … 1


@dataclass(frozen=True, eq=False)
class Cutout:
    """A person at the size of the region, `origin` being the layer's corner there."""

    layer: np.ndarray  # uint8 (h, w, 4), premultiplied YUV and alpha
    landmarks: np.ndarray  # float64 (478, 3), pixels of the layer
    origin: np.ndarray  # whole pixels
    head_height: float  # pixels
    face_height: float  # forehead to chin, pixels
    picture: np.ndarray  # uint8 (h, w, 3) RGB of the layer's box, with its background
    floor: float = np.inf  # row of the layer at which the picture ends


@dataclass(frozen=True)
class Placement:
    """Where a picture goes: place in the region = picture place * scale + shift."""

    scale: float
    shift: np.ndarray

    def to_region(self, points: np.ndarray) -> np.ndarray:
        """Return places in the region, both counted at the pixels' middles."""
        return points * self.scale + self.shift


def head_height_of(face: FaceMap) -> float:
    """Return chin to crown in pixels of the picture."""
    return float(np.linalg.norm(crown_of(face)[0] - face.landmarks[CHIN, :2]))


def head_centre_of(face: FaceMap) -> np.ndarray:
    """Return the middle between chin and crown, in the picture."""
    return (crown_of(face)[0] + face.landmarks[CHIN, :2]) / 2


def place(face: FaceMap, head_height: float, centre: tuple[float, float]) -> Placement:
    """Return the placement that gives the head its height and its middle."""
    scale = head_height / head_height_of(face)
    return Placement(scale, np.asarray(centre, np.float64) - head_centre_of(face) * scale)


def cut_out(face: FaceMap, placement: Placement, size: tuple[int, int], alone: bool = True) -> Cutout:
    """Return the person as a layer that covers a region of `size` (width, height) and a little more.

    `alone` rounds off shoulders that the picture's sides cut, for a person who is shown without the picture.
    """
    scale, head = placement.scale, head_height_of(face) * placement.scale
    margin = int(np.ceil(_MARGIN * head))
    h, w = face.matte.shape
    corners = placement.to_region(np.array([[-0.5, -0.5], [w - 0.5, h - 0.5]]))
    crown, cut = crown_of(face)
    cut = cut or touches_top(face)
    missing = int(np.ceil(max(corners[0, 1] - placement.to_region(crown)[1], 0.05 * head))) if cut else 0
    x0, y0 = np.maximum(np.floor(corners[0]).astype(int) - (0, max(missing, 0)), -margin)
    x1 = min(int(np.ceil(corners[1, 0])), size[0] + margin)
    y1 = min(int(np.ceil(corners[1, 1])) + int(0.02 * head) + 2, size[1] + margin)  # breath lifts the lower edge
    # the face is whole even where the region or the picture cuts it off: what is drawn in it needs room
    places = placement.to_region(face.landmarks[:, :2].astype(np.float64))
    x0, y0 = np.minimum((x0, y0), np.floor(places.min(0) - _ROOM * head).astype(int))
    x1, y1 = np.maximum((x1, y1), np.ceil(places.max(0) + _ROOM * head).astype(int))
    box = int(x0), int(y0), max(int(x1 - x0), 2), max(int(y1 - y0), 2)
    rgb = shown(face.image, placement, box, cv2.BORDER_REFLECT)
    alpha = _refine(shown(face.matte, placement, box), rgb, head, scale)
    landmarks = face.landmarks.astype(np.float64) * scale
    landmarks[:, :2] = placement.to_region(face.landmarks[:, :2].astype(np.float64)) - (x0, y0)
    alpha = _with_face(alpha, landmarks, head)
    if alone:
        alpha = _shoulders(alpha, corners - (x0, y0), landmarks, head)
    known = int(np.ceil(corners[0, 1])) - int(y0)
    if missing > 0 and known > 0:
        rgb, alpha = _crowned(rgb, alpha, known, missing, landmarks, head)
    layer = to_layer(np.dstack([_clean_edges(rgb, alpha, scale), alpha * 255]))
    return Cutout(layer, landmarks, np.array([x0, y0]), head, face.height * scale, rgb, float(corners[1, 1] - y0))


def shown(
    image: np.ndarray, placement: Placement, box: tuple[int, int, int, int], beyond: int = cv2.BORDER_REPLICATE
) -> np.ndarray:
    """Return a box (x, y, width, height) of the region filled from the picture, its edge repeated beyond."""
    scale, source = placement.scale, image
    moved = scale, placement.shift - box[:2]
    if scale < 0.7:  # a proper reduction first
        reduced = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        source = cv2.resize(image, reduced, interpolation=cv2.INTER_AREA)
        step = reduced[0] / image.shape[1]
        moved = scale / step, placement.shift - box[:2] + (0.5 - 0.5 * step) / step * scale
    matrix = np.array([[moved[0], 0, moved[1][0]], [0, moved[0], moved[1][1]]])
    kind = cv2.INTER_CUBIC if image.ndim == 3 else cv2.INTER_LINEAR
    return cv2.warpAffine(source, matrix, box[2:], flags=kind, borderMode=beyond)


def _refine(matte: np.ndarray, rgb: np.ndarray, head: float, scale: float) -> np.ndarray:
    """Return the matte as sharp as the picture: enlarged ones are drawn to its edges (guided filter, He 2010).

    Hair, or whatever else has contrast, keeps its soft edges; where an edge cannot be seen, a wide soft one is made
    narrow, since it would look like fog.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    alpha = np.clip((matte - _CLEAR) / (_SOLID - _CLEAR), 0, 1)
    if scale > _ENLARGED:
        alpha = _guided(alpha, grey, max(2, round(_NEAR * scale)))
    contrast = _spread(grey, max(2, round(0.02 * head)))
    inside = (alpha > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    wide = head * (_NARROW + (_WIDE - _NARROW) * rise(contrast, *_CONTRAST)).astype(np.float32)
    ramp = depth / wide
    alpha = np.clip(alpha, np.clip(ramp - 0.5, 0, 1), np.clip(ramp + 1.5, 0, 1))
    return cv2.GaussianBlur(alpha, (0, 0), max(0.6, 0.5 * _FEATHER * head * min(scale, 1.0))).astype(np.float32)


def _guided(matte: np.ndarray, grey: np.ndarray, radius: int) -> np.ndarray:
    def mean(a: np.ndarray) -> np.ndarray:
        return cv2.blur(a, (2 * radius + 1, 2 * radius + 1))

    mg, mm = mean(grey), mean(matte)
    slope = (mean(grey * matte) - mg * mm) / (mean(grey * grey) - mg * mg + 3e-4)
    return np.clip(mean(slope) * grey + mean(mm - slope * mg), 0, 1)


def _spread(grey: np.ndarray, radius: int) -> np.ndarray:
    """Return the standard deviation around each pixel."""
    size = 2 * radius + 1, 2 * radius + 1
    mean = cv2.blur(grey, size)
    return np.sqrt(np.maximum(cv2.blur(grey * grey, size) - mean * mean, 0))


def _with_face(alpha: np.ndarray, landmarks: np.ndarray, head: float) -> np.ndarray:
    """Return the matte with the face in it for certain, and nothing that does not hang together with it."""
    hull = cv2.convexHull(landmarks[:468, :2].astype(np.float32))
    face = np.zeros(alpha.shape, np.uint8)
    cv2.fillConvexPoly(face, np.rint(hull).astype(np.int32), 255, cv2.LINE_AA)
    face = cv2.GaussianBlur(cv2.erode(face, np.ones((3, 3), np.uint8), iterations=2), (0, 0), 1.0)
    alpha = np.maximum(alpha, face.astype(np.float32) / 255)
    _, labels = cv2.connectedComponents((alpha > 0.3).astype(np.uint8))
    x, y = np.clip(np.rint(landmarks[1, :2]).astype(int), 0, [alpha.shape[1] - 1, alpha.shape[0] - 1])
    own = (labels == labels[y, x]).astype(np.uint8)
    reach = 2 * max(1, round(0.015 * head)) + 1
    return alpha * cv2.blur(cv2.dilate(own, np.ones((reach, reach), np.uint8)).astype(np.float32), (3, 3))


def _crowned(
    rgb: np.ndarray, alpha: np.ndarray, known: int, missing: int, landmarks: np.ndarray, head: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return picture and matte with a crown where the picture's upper edge (row `known`) cut it off.

    The hair is mirrored at the edge, under a dome as high as `missing` rows.
    """
    rgb, alpha = rgb.copy(), alpha.copy()
    edge = min(known + 2, len(alpha) - 1)
    base = min(edge + round(_DOME * head), len(alpha) - 1)  # the dome begins here and rounds the corners off
    middle = int(np.clip(landmarks[FOREHEAD, 0], 0, alpha.shape[1] - 1))
    y, x = np.mgrid[0:base, 0 : alpha.shape[1]].astype(np.float32)
    rgb[:edge] = cv2.remap(rgb, x[:edge], _mirrored(edge, _hair_rows(rgb, edge, landmarks, head)), cv2.INTER_LINEAR)
    if landmarks[FOREHEAD, 1] - edge < _LOW * head:
        rgb[:edge] = _capped(rgb[:edge], alpha[edge] > 0.9, middle, head)
    alpha[:edge] = alpha[edge]
    soft = max(1.5, 0.012 * head)
    left, right = _run(alpha[base], middle)
    across = np.clip(np.abs(x - (left + right - 1) / 2) / max((right - left) / 2, 1.0), 0, 1)
    dome = base - (missing + base - edge) * np.sqrt(1 - across**2.3)
    alpha[:base] *= np.clip((y - dome) / soft + 0.5, 0, 1) * (across < 1)
    cut = np.flatnonzero(alpha[edge] > 0.5)
    left, right = (int(cut[0]), int(cut[-1]) + 1) if len(cut) else (middle, middle + 1)
    half = max((right - left) / 2, 1.0)  # what the edge cuts may be narrower than the dome: a cap of its own
    across = np.clip(np.abs(x[:edge] - (left + right - 1) / 2) / half, 0, 1)
    cap = edge - min(missing, _CAP * half) * np.sqrt(1 - across**2)
    alpha[:edge] *= np.clip((y[:edge] - cap) / soft + 0.5, 0, 1) * (across < 1)
    return rgb, alpha


def _capped(above: np.ndarray, person: np.ndarray, middle: int, head: float) -> np.ndarray:
    """Return the rows above a forehead that the edge touches with hair or hat from its sides, not with skin.

    Args:
        above: rows above the edge, uint8 (h, w, 3).
        person: columns that are the person's at the edge, bool (w,).
        middle: column of the forehead's middle.
        head: the head's height, pixels.
    """
    columns = np.arange(len(person))
    bare = np.abs(columns - middle) < _BARE * head
    sides = person & ~bare
    if min(sides[:middle].sum(), sides[middle:].sum()) < _SIDE * head:
        return above
    hair = fill(above, np.broadcast_to(~sides, above.shape[:2]))
    away = len(above) - np.arange(len(above), dtype=np.float32)[:, None]
    weight = rise(away, 0, _SHADE * head) * fall(np.abs(columns - middle), 0.7 * _BARE * head, _BARE * head)
    return np.clip(above + (hair - above) * weight[..., None], 0, 255).astype(np.uint8)


def _run(row: np.ndarray, middle: int) -> tuple[int, int]:
    """Return start and end of what a row of the matte covers around a column."""
    outside = np.flatnonzero(row < 0.5)
    return int(outside[outside < middle].max(initial=-1)) + 1, int(outside[outside > middle].min(initial=len(row)))


def _hair_rows(rgb: np.ndarray, edge: int, landmarks: np.ndarray, head: float) -> np.ndarray:
    """Return for each column how many rows from `edge` downwards are hair or hat rather than forehead (w,)."""
    lm = landmarks[:, :2]
    place = np.rint(lm[_BROW_MIDDLE]).astype(int)
    r = max(1, round(0.02 * head))
    patch = rgb[max(place[1] - r, 0) : place[1] + r + 1, max(place[0] - r, 0) : place[0] + r + 1].reshape(-1, 3)
    skin = np.median(patch, 0) if len(patch) else np.full(3, 255.0)
    end = int(np.clip(lm[FOREHEAD, 1], edge + 2, len(rgb)))
    part = cv2.GaussianBlur(rgb[edge:end].astype(np.float32), (0, 0), max(1.0, 0.006 * head))
    hair = cv2.blur(part[: max(2, r)].mean(0)[None], (4 * r + 1, 1))
    bare = np.linalg.norm(part - skin, axis=2) < np.linalg.norm(part - hair, axis=2)
    rows = np.where(bare.any(0), bare.argmax(0), end - edge).astype(np.float32)
    oval = lm[list(OVAL)][lm[list(OVAL), 1] < lm[_BROW_MIDDLE, 1]]
    if len(oval) > 1:
        oval = oval[np.argsort(oval[:, 0])]
        top = np.interp(np.arange(len(rows)), oval[:, 0], oval[:, 1], left=len(rgb), right=len(rgb))
        rows = np.minimum(rows, top - edge).astype(np.float32)
    wide = 2 * max(1, round(0.03 * head)) + 1
    return cv2.blur(cv2.erode(rows[None], np.ones((1, wide), np.uint8)), (wide, 1))[0]


def _mirrored(edge: int, rows: np.ndarray) -> np.ndarray:
    """Return the rows (edge, w) from which those above `edge` are taken: to and fro over the given number of rows."""
    room = np.maximum(rows, 2.0)[None]
    away = (edge - np.arange(edge, dtype=np.float32))[:, None] % (2 * room)
    return (edge + np.minimum(away, 2 * room - away)).astype(np.float32)


def _shoulders(alpha: np.ndarray, corners: np.ndarray, landmarks: np.ndarray, head: float) -> np.ndarray:
    """Return the matte with shoulders that the picture's sides cut off rounded down to the lower edge."""
    height, width = alpha.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    chin = float(landmarks[CHIN, 1])
    for edge, inward in (
        (float(corners[0, 0]), x - float(corners[0, 0])),
        (float(corners[1, 0]), float(corners[1, 0]) - x),
    ):
        if not 0 <= edge + (1 if edge < width / 2 else -1) <= width:
            continue
        column = alpha[:, 2 if edge < width / 2 else width - 3]
        rows = np.flatnonzero(column > 0.5)
        rows = rows[rows > chin]
        if not len(rows):
            continue
        top, deep = float(rows[0]), 0.30 * head
        down = np.clip((y - top + 0.25 * head) / max(height - top + 0.25 * head, 1), 0, 1)
        outline = deep * (1 - np.sqrt(np.clip(1 - (1 - down) ** 2, 0, 1))) * rise(y, top - 0.25 * head, top)
        cut = rise(y, top - 0.25 * head, top - 0.20 * head)  # nothing is cut square
        alpha = alpha * (1 - cut * fall(inward - outline, 0, 0.02 * head))
    return alpha.astype(np.float32)


def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return a float picture with the hole (bool) filled smoothly from its surroundings (push-pull pyramid)."""
    h, w = hole.shape
    known = (~hole).astype(np.float32)
    if min(h, w) < 4:
        mean = image[~hole].mean(0) if known.any() else np.full(image.shape[2], 128.0)
        return np.where(hole[..., None], mean, image).astype(np.float32)
    half = (w + 1) // 2, (h + 1) // 2
    weight = cv2.resize(known, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image.astype(np.float32) * known[..., None], half, interpolation=cv2.INTER_AREA)
    small = fill(small / np.maximum(weight, 1e-6)[..., None], weight < 0.02)
    smooth = cv2.GaussianBlur(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), (0, 0), 1.0)
    return np.where(hole[..., None], smooth, image).astype(np.float32)


def _clean_edges(rgb: np.ndarray, alpha: np.ndarray, scale: float) -> np.ndarray:
    """Return the colours of the person alone: where the matte is soft, what lies just inside is carried outwards.

    Of an enlarged picture the outermost pixels, in which the background shines through, count as soft.
    """
    reach = 2 * (round(scale) if scale > _ENLARGED else 0) + 1
    sure = cv2.erode(alpha, np.ones((reach, reach), np.uint8))
    soft = cv2.dilate((sure < 0.95).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    near = cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    inside = fill(rgb, soft)
    weight = cv2.blur(np.clip((1 - sure) / 0.12, 0, 1).astype(np.float32), (3, 3))[..., None] * near[..., None]
    return rgb * (1 - weight) + inside * weight


def behind(face: FaceMap, placement: Placement, size: tuple[int, int]) -> np.ndarray:
    """Return the picture's own background as a YUV picture of `size`, filled in where the person was."""
    box = (0, 0, *size)
    rgb = shown(face.image, placement, box)
    head = head_height_of(face) * placement.scale
    alpha = shown(face.matte, placement, box)
    reach = 2 * max(2, round(0.03 * head)) + 1
    person = cv2.dilate((alpha > 0.15).astype(np.uint8), np.ones((reach, reach), np.uint8))
    step = max(1, round(max(size) / 480))
    small = cv2.resize(rgb, (size[0] // step, size[1] // step), interpolation=cv2.INTER_AREA)
    hole = cv2.resize(person, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    filled = cv2.resize(fill(small, hole), size, interpolation=cv2.INTER_CUBIC)
    weight = cv2.GaussianBlur(person.astype(np.float32), (0, 0), max(1.0, 0.008 * head))[..., None]
    return to_yuv(np.clip(rgb * (1 - weight) + filled * weight, 0, 255))
