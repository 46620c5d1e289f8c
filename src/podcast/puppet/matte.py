"""Cut a person out: a coarse matte from a network, drawn to the picture's own edges."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.face_nets import MATTE_SIDE, FaceNets
from podcast.puppet.facemap import MESH

_LOOKS = (6.0, 4.0, 2.8)  # sides of the close looks at body, shoulders and head, in face heights
_OTHER = 0.8  # share of the area of the wider look above which a closer one would see the same
_SHARE = 0.3  # the face's of a look's side from which the network sees all it can see
_EDGE = 0.10  # width of the band in which edges are looked for, in face heights
_SMOOTH = 1e-4  # of the guided filter: variance (of 0 … 1 colours) that is taken for noise
_INSIDE, _OUTSIDE = 0.85, 0.22  # matte values that are taken for all and nothing
_GAP = 0.04  # face heights: gaps and spikes below that are the network's, not the person's
_HOLE = 0.02  # share of the body below which a hole is filled
_SURE_FACE = 0.03  # face heights from the mesh's outline to what is face for certain
_SCENERY, _LIKELY, _PERSON = 0.3, 0.6, 0.9  # the looks' mean: for certain scenery below, likely the person, certainly
_ROUNDS = 2  # of learning the colours and cutting
_TOLD = (0.3, 0.6)  # share of the matte's variance that colours explain: below they are not heeded, above fully
_NOSE = 1
_COARSE = 384  # px, longer side of the picture in which the body is decided: what the network sees, and half more
_FINE = 512  # px, longer side of the picture in which the guided filter's coefficients are found


def read_matte(rgb: np.ndarray, landmarks: np.ndarray, nets: FaceNets) -> np.ndarray:
    """Return the matte of the person whose face is given, float32 (h, w) in steps of 1/255.

    The network looks at the whole picture and closer at body, shoulders and head; what it leaves open is decided by
    colours; then a colour guided filter (He, Sun and Tang 2010, on a reduced picture as in their fast variant of
    2015) takes over the edges, where colours tell them.
    """
    height = float(np.linalg.norm(landmarks[10, :2] - landmarks[152, :2]))
    seen = _look(rgb, landmarks, height, nets)
    body = _body(rgb, seen, landmarks, height)
    fine, told = _guided(rgb, body, height * _EDGE)
    fine = body + (fine - body) * np.clip((told - _TOLD[0]) / (_TOLD[1] - _TOLD[0]), 0, 1)
    alpha = _in_band(np.clip((fine - _OUTSIDE) / (_INSIDE - _OUTSIDE), 0, 1), body, height * _EDGE)
    alpha = np.maximum(alpha, _face(rgb.shape[:2], landmarks, height))
    return np.rint(alpha * 255).astype(np.float32) / np.float32(255)


def _look(rgb: np.ndarray, landmarks: np.ndarray, height: float, nets: FaceNets) -> np.ndarray:
    """Return the mean of what the network sees in several boxes around the face, float32 (h, w).

    No box reaches beyond the picture: borders that are made up are taken for scenery, and then much else is too.
    """
    h, w = rgb.shape[:2]
    total, weights = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    for x0, y0, x1, y1 in _boxes((h, w), landmarks, height):
        weight = _window((x0, y0, x1, y1), (h, w)) * _worth(height / max(x1 - x0, y1 - y0))
        small = cv2.resize(rgb[y0:y1, x0:x1], (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA)
        mirrored = nets.matte(np.ascontiguousarray(small[:, ::-1]))[:, ::-1]
        seen = cv2.resize((nets.matte(small) + mirrored) / 2, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        total[y0:y1, x0:x1] += weight * seen
        weights[y0:y1, x0:x1] += weight
    return total / weights


def _boxes(shape: tuple[int, int], landmarks: np.ndarray, height: float) -> list[tuple[int, int, int, int]]:
    """Return the whole picture and closer looks (x0, y0, x1, y1) that differ from it and from one another."""
    h, w = shape
    boxes = [(0, 0, w, h)]
    x, y = landmarks[:MESH, :2].mean(0)
    for side in _LOOKS:
        wide, high = min(w, round(side * height)), min(h, round(side * height))
        x0 = int(np.clip(round(x - wide / 2), 0, w - wide))
        y0 = int(np.clip(round(y - high / 2), 0, h - high))
        if wide * high < _OTHER * (boxes[-1][2] - boxes[-1][0]) * (boxes[-1][3] - boxes[-1][1]):
            boxes.append((x0, y0, x0 + wide, y0 + high))
    return boxes


def _worth(share: float) -> float:
    """Return how much a look is trusted whose face has this share of its side."""
    return float(np.clip(share / _SHARE, 0.1, 1.0)) ** 2


def _window(box: tuple[int, int, int, int], shape: tuple[int, int]) -> np.ndarray:
    """Return weights that fall to nearly nothing at those edges of a box that are not the picture's, float32."""
    x0, y0, x1, y1 = box

    def ramp(length: int, start: bool, end: bool) -> np.ndarray:
        place, room = np.arange(length, dtype=np.float32), np.full(length, max(1.0, 0.15 * length), np.float32)
        near = np.minimum(place if start else room, place[::-1] if end else room)
        return np.clip(near / room, 1e-3, 1)

    return np.multiply.outer(ramp(y1 - y0, y0 > 0, y1 < shape[0]), ramp(x1 - x0, x0 > 0, x1 < shape[1]))


def _face(shape: tuple[int, ...], landmarks: np.ndarray, height: float) -> np.ndarray:
    """Return what is inside of the face's outline for certain, float32 (h, w) with a soft edge."""
    points = landmarks[:MESH, :2]
    smaller = points.mean(0) + (points - points.mean(0)) * (1 - 2 * _SURE_FACE)
    solid = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(solid, cv2.convexHull(np.rint(smaller).astype(np.int32)), 255, cv2.LINE_AA)
    return cv2.GaussianBlur(solid, (0, 0), max(0.7, height * _SURE_FACE / 2)).astype(np.float32) / 255


def _body(rgb: np.ndarray, seen: np.ndarray, landmarks: np.ndarray, height: float) -> np.ndarray:
    """Decide what the network left open: one solid body around the face, float32 (h, w) with soft edges.

    Works on a reduced picture, whose grain is the network's own.
    """
    factor = max(1.0, max(seen.shape) / _COARSE)
    size = (max(1, round(seen.shape[1] / factor)), max(1, round(seen.shape[0] / factor)))
    colours, small = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (rgb, seen))
    hull = cv2.convexHull(np.rint(landmarks[:MESH, :2] / factor).astype(np.int32))
    reach = max(1, round(height / factor * _GAP))
    solid = _by_colour(colours, cv2.fillConvexPoly(small, hull, 1.0))
    round_brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    room = cv2.copyMakeBorder(solid, *(reach + 1,) * 4, cv2.BORDER_CONSTANT, value=0)  # no gap to the edge is closed
    inner = (slice(reach + 1, -reach - 1),) * 2
    solid = np.ascontiguousarray(cv2.morphologyEx(room, cv2.MORPH_CLOSE, round_brush)[inner])
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, round_brush)
    solid = _filled(_connected(solid, landmarks[_NOSE, :2] / factor))
    soft = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), max(0.6, reach / 4))
    return cv2.resize(soft, seen.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _by_colour(rgb: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return what is the person's, uint8 (h, w): what the looks agree on, and between it what colours and edges tell.

    Method: GrabCut (Rother, Kolmogorov and Blake 2004), begun from the network's opinion.
    """
    labels = np.where(seen > _LIKELY, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[seen > _PERSON] = cv2.GC_FGD
    labels[seen < _SCENERY] = cv2.GC_BGD
    if (labels == cv2.GC_BGD).any():
        models = np.zeros((1, 65)), np.zeros((1, 65))  # OpenCV's form: five colours each with weight, mean and spread
        cv2.setRNGSeed(0)  # colours are grouped from random beginnings
        cv2.grabCut(rgb, labels, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)


def _connected(solid: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Keep only what hangs together with a point."""
    _, labels = cv2.connectedComponents(solid)
    x, y = np.clip(np.rint(point), 0, [solid.shape[1] - 1, solid.shape[0] - 1]).astype(int)
    return (labels == labels[y, x]).astype(np.uint8)


def _filled(solid: np.ndarray) -> np.ndarray:
    """Fill holes: background that no way leads to from the picture's edge, unless it is large (an arm akimbo)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - solid, connectivity=4)
    h, w = solid.shape
    for label in range(1, count):
        x, y, wide, high, area = stats[label]
        inner = x > 0 and y > 0 and x + wide < w and y + high < h
        if inner and area < _HOLE * solid.sum():
            solid[labels == label] = 1
    return solid


def _in_band(alpha: np.ndarray, body: np.ndarray, reach: float) -> np.ndarray:
    """Let edges be found only near the body's edge: what lies deeper is solid, what lies farther off is nothing."""
    factor = max(1.0, max(body.shape) / _COARSE)
    size = (max(1, round(body.shape[1] / factor)), max(1, round(body.shape[0] / factor)))
    inner = (cv2.resize(body, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inner, cv2.DIST_L2, 3)
    depth = cv2.resize(depth * factor / reach, body.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(alpha, np.clip(depth - 1, 0, 1), 1 - np.clip(-depth - 1, 0, 1))


def _guided(rgb: np.ndarray, matte: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the matte drawn to the picture's edges, and how far (0 … 1) colours tell inside from outside."""
    h, w = matte.shape
    factor = max(1.0, max(h, w) / _FINE)
    size = (round(w / factor), round(h / factor))
    colours = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    radius = max(2, round(reach / factor))
    slope, offset, told = _coefficients(colours, cv2.resize(matte, size, interpolation=cv2.INTER_AREA), radius)
    fine = cv2.resize(offset, (w, h), interpolation=cv2.INTER_LINEAR)
    for channel in range(3):
        grown = cv2.resize(slope[..., channel], (w, h), interpolation=cv2.INTER_LINEAR)
        fine += grown * (rgb[..., channel].astype(np.float32) / 255)
    return fine, cv2.resize(told, (w, h), interpolation=cv2.INTER_LINEAR)


def _coefficients(colours: np.ndarray, matte: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return slope (h, w, 3) and offset (h, w) of the local linear model matte = slope · colour + offset.

    The third is the share of the matte's variance that the model explains, 0 … 1 (h, w).
    """

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    colour, alpha = mean(colours), mean(matte)
    outer = colours[..., :, None] * colours[..., None, :]
    spread = mean(outer.reshape(*matte.shape, 9)[..., :4]), mean(outer.reshape(*matte.shape, 9)[..., 4:8])
    ninth = mean(outer[..., 2, 2])
    second = np.concatenate([*spread, ninth[..., None]], -1).reshape(*matte.shape, 3, 3)
    covariance = second - colour[..., :, None] * colour[..., None, :] + _SMOOTH * np.eye(3, dtype=np.float32)
    with_alpha = mean(colours * matte[..., None]) - colour * alpha[..., None]
    slope = np.linalg.solve(covariance, with_alpha[..., None])[..., 0].astype(np.float32)
    offset = alpha - (slope * colour).sum(-1)
    variance = mean(matte * matte) - alpha * alpha
    explained = np.clip((slope * with_alpha).sum(-1), 0, None) / np.maximum(variance, 1e-4)
    weight = variance + np.float32(1e-4)
    return mean(slope), mean(offset), np.clip(mean(explained * weight) / mean(weight), 0, 1)
