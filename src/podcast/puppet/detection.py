"""Find faces in a picture, large ones in one look, small ones in overlapping squares."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from podcast.puppet.crops import Place, cut, to_picture
from podcast.puppet.face_nets import DETECTOR_SIDE, FaceNets

_SURE = 0.5  # detector score from which a face counts, MediaPipe's own
_SAME = 0.3  # overlap (intersection over union) from which two boxes are one face
_EYES, _FEATURES = (2, 3), (2, 3, 4, 5)  # rows of the detector's pairs
_MESH_MARGIN = 1.5  # crop side for the mesh over box size
_PARTS = (1, 2, 4)  # squares of the picture's longer side over these are looked through
_PLAIN = 0.8  # score of a face that is seen plainly: below it, smaller squares are looked through as well
_NEAR = 2.4  # side over box size of the square in which a face is looked at again
_SHIFTED = 0.6  # box sizes that the second look may move it
_STEP = 0.5  # share of a square from one to the next
_DARK = cv2.BORDER_CONSTANT


@dataclass(frozen=True)
class Detection:
    """A face that the detector found."""

    x: float  # centre of its box, px
    y: float
    size: float  # side of its box, px: about from brows to chin
    turn: float  # rad, of the line through the eyes, clockwise
    score: float  # 0 … 1

    @property
    def place(self) -> Place:
        """Where the face mesh should look."""
        return Place(self.x, self.y, self.size * _MESH_MARGIN, self.turn)


def find_faces(rgb: np.ndarray, nets: FaceNets, least: float = _SURE, small: bool = True) -> list[Detection]:
    """Find the faces of a picture, uint8 (h, w, 3); the largest first.

    Small faces are only looked for where the larger squares show none plainly: a detector of 128² sees no face under
    a tenth of its square, and one little above it in the wrong size and turn. So each is looked at again from near.
    Without `small`, small ones are not looked for, which takes most of the time.
    """
    found: list[Detection] = []
    for parts in _PARTS:
        if parts > 2 and (not small or any(face.score >= _PLAIN for face in found)):
            break
        for square in _squares(rgb.shape[1], rgb.shape[0], parts):
            found += _look(rgb, square, nets, least)
    return sorted(_merge([_nearer(rgb, face, nets, least) for face in _merge(found)]), key=lambda face: -face.size)


def _nearer(rgb: np.ndarray, face: Detection, nets: FaceNets, least: float) -> Detection:
    """Return a face as it is seen in a square of its own, if it is seen there at least as surely."""
    seen = _look(rgb, Place(face.x, face.y, face.size * _NEAR), nets, least)
    same = [n for n in seen if np.hypot(n.x - face.x, n.y - face.y) < face.size * _SHIFTED]
    best = max(same, key=lambda near: near.score, default=face)
    return best if best.score >= face.score else face


def features(rgb: np.ndarray, square: Place, nets: FaceNets, least: float = _SURE) -> np.ndarray:
    """Return left eye, right eye, nose and mouth of every likely face in a square, (n, 4, 2) in pixels."""
    crop, back = cut(rgb, square, DETECTOR_SIDE, border=_DARK)
    scores, pairs = nets.detect(crop)
    points = pairs[scores >= least][:, list(_FEATURES)] * DETECTOR_SIDE - 0.5
    return to_picture(points.reshape(-1, 2), back).reshape(points.shape)


def surest(rgb: np.ndarray, square: Place, nets: FaceNets) -> np.ndarray:
    """Return left eye, right eye, nose and mouth of the likeliest face in a square, (4, 2) in pixels."""
    crop, back = cut(rgb, square, DETECTOR_SIDE, border=_DARK)
    scores, pairs = nets.detect(crop)
    return to_picture(pairs[scores.argmax(), list(_FEATURES)] * DETECTOR_SIDE - 0.5, back)


def _squares(width: int, height: int, parts: int) -> list[Place]:
    side = max(width, height) / parts

    def middles(length: int) -> np.ndarray:
        if length <= side:
            return np.array([length / 2])
        count = int(np.ceil((length - side) / (side * _STEP))) + 1
        return np.linspace(side / 2, length - side / 2, count)

    return [Place(float(x) - 0.5, float(y) - 0.5, side) for y in middles(height) for x in middles(width)]


def _look(rgb: np.ndarray, square: Place, nets: FaceNets, least: float) -> list[Detection]:
    crop, back = cut(rgb, square, DETECTOR_SIDE, border=_DARK)
    scores, pairs = nets.detect(crop)
    return [_detection(pairs[i] * DETECTOR_SIDE - 0.5, float(scores[i]), back) for i in np.flatnonzero(scores >= least)]


def _detection(pairs: np.ndarray, score: float, back: np.ndarray) -> Detection:
    x, y = to_picture(pairs[:1], back)[0]
    left, right = to_picture(pairs[list(_EYES)], back)
    size = float((pairs[1] + 0.5).max()) * float(np.hypot(*back[:, 0]))
    turn = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    return Detection(float(x), float(y), size, turn, score)


def _merge(found: list[Detection]) -> list[Detection]:
    """Keep the surest of each heap of overlapping boxes, placed at the heap's weighted mean."""
    left = sorted(found, key=lambda face: -face.score)
    kept = []
    while left:
        best = left[0]
        heap = [face for face in left if face is best or _overlap(best, face) > _SAME or _inside(face, best)]
        left = [face for face in left if face not in heap]
        weights = np.array([face.score for face in heap])
        mean = np.average([(face.x, face.y, face.size) for face in heap], axis=0, weights=weights)
        kept.append(Detection(float(mean[0]), float(mean[1]), float(mean[2]), best.turn, best.score))
    return kept


def _overlap(a: Detection, b: Detection) -> float:
    reach = (a.size + b.size) / 2
    wide = np.clip(reach - abs(a.x - b.x), 0, min(a.size, b.size))
    high = np.clip(reach - abs(a.y - b.y), 0, min(a.size, b.size))
    both = wide * high
    return float(both / (a.size**2 + b.size**2 - both))


def _inside(a: Detection, b: Detection) -> bool:
    """Whether the centre of one box lies well inside of the other: no two faces share a place."""
    return max(abs(a.x - b.x), abs(a.y - b.y)) < max(a.size, b.size) * 0.35
