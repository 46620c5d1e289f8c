"""Fit the face mesh and the irises to a face in a picture, and follow them through a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from podcast.puppet.crops import Place, cut, rotation, to_picture
from podcast.puppet.detection import Detection, features, find_faces, surest
from podcast.puppet.face_nets import IRIS_SIDE, MESH_SIDE, FaceNets
from podcast.puppet.facemap import MESH, Trust

_MARGIN = 1.5  # crop side over face size: what the mesh was trained on
_EYE_MARGIN = 2.3  # crop side over eye width: what the iris network was trained on
_EYE_SHIFTS = (-0.04, 0.04)  # eye widths down, of two crops of an eye in a clip: what one misreads, the other may not
_ROUNDS = 2  # the second crop is cut by the first mesh
_CROPS = ((1.0, 0.0), (0.93, 0.05), (1.07, -0.05))  # (size, turn in rad) of the crops whose meshes are averaged
_TRIALS = ((0.8, 0.0), (1.3, 0.0), (1.0, 0.3), (1.0, -0.3))  # crops so far off that only a face's mesh stays in place
_CHECK_MARGIN = 2.2  # side of the crop in which the detector looks again, in face heights
_LOST = 0.5  # presence below which a tracked face is taken for lost
_SWIFT = 0.06  # crop sides that a face moved or grew since the last frame: it is fitted again where it is now
_EAGER = 0.8  # of the way that crops follow their meshes from frame to frame: wholly, each jitters with the other
_ASTRAY = 0.15  # face heights between the features of mesh and detector: after a cut the mesh fits noses as eyes
_SELDOM = 10  # frames without a face after which small ones are looked for again: that takes long
_ONE = 1.5  # face heights that a face may have moved while it was lost and still be the same
_IRIS_POINTS = 5
_LEFT_EYE, _RIGHT_EYE = (33, 133), (362, 263)  # corners, left to right as the viewer sees them
_NOSE, _LIPS = (1,), (13, 14)
_FOREHEAD, _CHIN = 10, 152
_MOUTH = (61, 291, 0, 17, 191, 80, 81, 82, 13, 312, 311, 310, 415, 95, 88, 178, 87, 14, 317, 402, 318, 324)
_UPPER = (33, 133, 362, 263, 6, 168, 4)
# The rim of the eye in the iris network's order, as mesh points: lower lid from the outer corner, then upper lid.
_LEFT_RIM = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
_RIGHT_RIM = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)


@dataclass(frozen=True, eq=False)
class Fit:
    """A mesh laid on a face."""

    landmarks: np.ndarray  # float32 (478, 3) px
    trust: Trust


def fit(rgb: np.ndarray, place: Place, nets: FaceNets) -> Fit:
    """Fit mesh and irises to a still picture, uint8 (h, w, 3); the meshes of a few crops are averaged."""
    for _ in range(_ROUNDS):
        place = place_of(_mesh(rgb, place, nets)[0])
    mesh = np.mean([_mesh(rgb, _vary(place, *crop), nets)[0] for crop in _CROPS], 0)
    return Fit(_with_irises(rgb, mesh, nets), _trust(rgb, mesh, nets))


def trust(rgb: np.ndarray, place: Place, nets: FaceNets) -> Trust:
    """Return how far what was found is a human face, without the care that `fit` takes."""
    return _trust(rgb, _mesh(rgb, place_of(_mesh(rgb, place, nets)[0]), nets)[0], nets)


def _trust(rgb: np.ndarray, mesh: np.ndarray, nets: FaceNets) -> Trust:
    height = _height(mesh)
    trials = [_mesh(rgb, _vary(place_of(mesh), *trial), nets) for trial in _TRIALS]
    spread = np.mean([np.linalg.norm((points - mesh)[:, :2], axis=1) for points, _ in trials], 0) / height
    seen = surest(rgb, _check(mesh), nets)
    apart = np.linalg.norm(seen - _features(mesh), axis=1).max()
    return Trust(
        presence=min(presence for _, presence in trials),
        spread=float(spread.mean()),
        mouth=float(spread[list(_MOUTH)].mean()),
        upper=float(spread[list(_UPPER)].mean()),
        dissent=float(apart) / height,
    )


def _height(mesh: np.ndarray) -> float:
    return max(float(np.linalg.norm(mesh[_FOREHEAD, :2] - mesh[_CHIN, :2])), 1.0)


def _check(mesh: np.ndarray) -> Place:
    """Return where the detector should look for what a mesh was laid on."""
    middle = mesh[:, :2].mean(0)
    return Place(float(middle[0]), float(middle[1]), _height(mesh) * _CHECK_MARGIN, place_of(mesh).turn)


def _features(mesh: np.ndarray) -> np.ndarray:
    return np.array([mesh[list(group), :2].mean(0) for group in (_LEFT_EYE, _RIGHT_EYE, _NOSE, _LIPS)])


class Tracker:
    """Follows one face through the frames of a video; looks for it anew only when it is lost."""

    def __init__(self, nets: FaceNets) -> None:
        self._nets = nets
        self._place: Place | None = None  # of the next crop; none: the face is lost
        self._missed = 0  # frames in a row without a face
        self._last: Place | None = None  # where it was seen last

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        """Return the landmarks of the face in the next frame, float32 (478, 3) in pixels, or none if there is none."""
        found = self._follow(rgb) if self._place else None
        if found is not None:
            return found
        faces = find_faces(rgb, self._nets, small=self._missed % _SELDOM == 0)
        self._missed = 0 if faces else self._missed + 1
        self._place = self._same(faces).place if faces else None
        return self._follow(rgb) if faces else None

    def _same(self, faces: list[Detection]) -> Detection:
        """Return the face that is where the lost one was, or the largest."""
        if self._last is None:
            return faces[0]
        x, y, reach = self._last.x, self._last.y, _ONE * self._last.side / _MARGIN
        near = [face for face in faces if np.hypot(face.x - x, face.y - y) < reach]
        return min(near, key=lambda face: np.hypot(face.x - x, face.y - y), default=faces[0])

    def _follow(self, rgb: np.ndarray) -> np.ndarray | None:
        assert self._place is not None
        place, share = self._place, _EAGER
        points, presence = _mesh(rgb, place, self._nets)
        if presence >= _LOST and _is_far(place_of(points), place):
            place, share = place_of(points), 1.0
            points, presence = _mesh(rgb, place, self._nets)
        held = presence >= _LOST and not self._is_astray(rgb, points)
        self._place = _between(place, place_of(points), share) if held else None
        self._last = self._place or self._last
        return _with_irises(rgb, points, self._nets, _EYE_SHIFTS) if held else None

    def _is_astray(self, rgb: np.ndarray, mesh: np.ndarray) -> bool:
        """Return whether the detector sees faces where the mesh lies, and none of them as the mesh has it."""
        seen = features(rgb, _check(mesh), self._nets)
        apart = np.linalg.norm(seen - _features(mesh), axis=2).max(1) / _height(mesh)
        return bool(len(apart)) and float(apart.min()) > _ASTRAY


def _between(start: Place, end: Place, share: float) -> Place:
    turn = float(np.remainder(end.turn - start.turn + np.pi, 2 * np.pi) - np.pi)
    x, y, side = (a + share * (b - a) for a, b in ((start.x, end.x), (start.y, end.y), (start.side, end.side)))
    return Place(x, y, side, start.turn + share * turn)


def _is_far(place: Place, last: Place) -> bool:
    moved = max(abs(place.x - last.x), abs(place.y - last.y), abs(place.side - last.side))
    return moved > _SWIFT * last.side


def place_of(points: np.ndarray) -> Place:
    """Return where the mesh's next crop should lie: its bounding square, turned along the eyes, with a margin."""
    dx, dy = points[_RIGHT_EYE[1], :2] - points[_LEFT_EYE[0], :2]
    turn = float(np.arctan2(dy, dx))
    upright = points[:MESH, :2] @ rotation(turn)  # turned back
    low, high = upright.min(0), upright.max(0)
    x, y = rotation(turn) @ ((low + high) / 2)
    return Place(float(x), float(y), float(max(high - low)) * _MARGIN, turn)


def _vary(place: Place, size: float, turn: float) -> Place:
    return Place(place.x, place.y, place.side * size, place.turn + turn)


def _mesh(rgb: np.ndarray, place: Place, nets: FaceNets) -> tuple[np.ndarray, float]:
    crop, back = cut(rgb, place, MESH_SIDE)
    points, presence = nets.mesh(crop)
    depth = points[:, 2] * (place.side / MESH_SIDE)
    return np.c_[to_picture(points[:, :2] - 0.5, back), depth], presence


def _with_irises(rgb: np.ndarray, mesh: np.ndarray, nets: FaceNets, shifts: tuple[float, ...] = (0.0,)) -> np.ndarray:
    """Add five points for each iris, and set the rims of the lids to what the finer network sees.

    Its answers in crops that lie lower by `shifts`, eye widths, are averaged.
    """
    points = mesh.copy()
    irises = []
    for corners, rim, mirror in ((_LEFT_EYE, _LEFT_RIM, False), (_RIGHT_EYE, _RIGHT_RIM, True)):
        start, end = mesh[corners[0], :2], mesh[corners[1], :2]
        middle, along = (start + end) / 2, end - start
        turn, side = float(np.arctan2(along[1], along[0])), float(np.hypot(*along)) * _EYE_MARGIN
        down = np.array([-along[1], along[0]])
        centres = [middle + shift * down for shift in shifts]
        places = [Place(float(x), float(y), side, turn) for x, y in centres]
        seen = np.mean([_eye(rgb, place, mirror, nets) for place in places], 0)
        points[list(rim), :2] = seen[: len(rim)]
        depth = mesh[list(corners), 2].mean()
        irises.append(np.c_[seen[-_IRIS_POINTS:], np.full(_IRIS_POINTS, depth)])
    return np.concatenate([points, *irises]).astype(np.float32)


def _eye(rgb: np.ndarray, place: Place, mirror: bool, nets: FaceNets) -> np.ndarray:
    """Return the rim of an eye and the five points of its iris (n, 2) in pixels of the picture."""
    crop, back = cut(rgb, place, IRIS_SIDE, mirror)
    return to_picture(np.concatenate(nets.iris(crop)) - 0.5, back)
