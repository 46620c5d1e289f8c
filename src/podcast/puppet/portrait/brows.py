"""What brows, frown and cheeks do to the skin, as displacements on a coarse grid over the head."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.portrait.cutout import Cutout
from podcast.puppet.portrait.geometry import CHEEKS, EYES, EyeMarks, fall
from podcast.puppet.portrait.glasses import find_rims
from podcast.puppet.pose import INDEX, REST

_BROW_UP, _BROW_DOWN, _FROWN = 0.066, 0.030, 0.024  # travel, face heights
_LASHES = 0.14  # of an eye's width: the strip above the lid that brows leave as it is ...
_LASHES_MOST = 0.40  # ... and how much of what lies between brow and lid it takes at most
_THICK = -0.045, 0.015  # where a brow's darkest row may lie below its landmarks, face heights
_USUAL = 0.020  # how far a brow reaches below its landmarks where its edge is not seen, face heights
_BRIGHT, _SEEN = 0.75, 12.0  # of the way from a brow's darkness to the skin's brightness, at an edge; grey levels
_SMOOTH = 0.12  # along a brow, its lengths
_STRETCHED = 6.0  # most that skin under a brow is stretched
_THIN = 0.010  # face heights of skin between brow and lid that there are at least
_CHEEK = 0.020
_CLEAR, _STRETCH = 0.008, 3.0  # glasses: what is kept of the skin above rims, face heights, and how far it stretches
_ALIKE = 0.03  # face heights along a brow within which glasses let it rise alike
_ARCHED = 1.6  # of the room above rims that is usual along a brow: its ends, nearer to them, rise less
_COLUMNS, _ROWS = 33, 64  # places along and across a brow at which its lower edge is looked for
_EXPRESSIONS = ("brow_l", "brow_r", "frown", "cheeks")


def travels(pose: np.ndarray) -> np.ndarray:
    """Return how far each of the fields of `expressions` is gone along in a pose, float32 (4,)."""
    return np.array([_travel(pose, name) for name in _EXPRESSIONS], np.float32)


def _travel(pose: np.ndarray, name: str) -> float:
    if name == "cheeks":
        return max(float(pose[INDEX["smile"]] - REST[INDEX["smile"]]), 0.0)
    value = float(pose[INDEX[name]])
    return value * _BROW_DOWN / _BROW_UP if name.startswith("brow") and value < 0 else value


class _Brow:
    """Where a brow is: `dx` along it from its middle, `dy` below the line of its landmarks, pixels."""

    def __init__(self, cutout: Cutout, marks: EyeMarks, up: np.ndarray) -> None:
        lm = cutout.landmarks[:, :2]
        self.up, self.right, self.face = up, np.array([-up[1], up[0]]), cutout.face_height
        points = lm[list(marks.brow)]
        self.middle, self.half = points.mean(0), float(np.linalg.norm(points[-1] - points[0]) / 2)
        self.inner = points[-1] if marks is EYES[0] else points[0]
        order = np.argsort((points - self.middle) @ self.right)
        self._x, self._y = (points[order] - self.middle) @ self.right, (points[order] - self.middle) @ -up
        lids = lm[list(marks.upper)] - self.middle
        self._lid = np.maximum.accumulate(lids @ self.right), lids @ -up
        self.lashes = _LASHES * float(np.linalg.norm(lm[marks.upper[0]] - lm[marks.upper[-1]]))
        self._columns = np.linspace(-1.3 * self.half, 1.3 * self.half, _COLUMNS)
        self._edge, self._end = self._bare(cutout.layer[..., 0])
        edge, end = self.bare_at(np.linspace(-self.half, self.half, _COLUMNS))
        self.room = float(np.mean(end - edge))

    def height(self, dx: np.ndarray) -> np.ndarray:
        """Return how far the landmarks' line lies below the brow's middle."""
        return np.interp(dx, self._x, self._y)

    def lid_at(self, dx: np.ndarray) -> np.ndarray:
        """Return the `dy` of the upper lid's edge."""
        return np.maximum(np.interp(dx, *self._lid) - self.height(dx), 0.015 * self.face)

    def bare_at(self, dx: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the `dy` between which there is bare skin, under the brow and above shadows, folds and lashes."""
        last = self._above_lashes(dx)
        edge = np.minimum(np.interp(dx, self._columns, self._edge), last - _THIN * self.face)
        end = np.interp(dx, self._columns, self._end)
        return edge, np.clip(end, edge + _THIN * self.face, last)

    def _above_lashes(self, dx: np.ndarray) -> np.ndarray:
        lid = self.lid_at(dx)
        return np.asarray(lid - np.minimum(self.lashes, _LASHES_MOST * lid))

    def _bare(self, luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return for columns where it is bright again below the hair, and where this bright skin ends."""
        last = self._above_lashes(self._columns)
        dy = np.linspace(_THICK[0] * self.face, np.maximum(last, 0.0), _ROWS)  # (rows, columns)
        down = (self.height(self._columns) + dy)[..., None] * -self.up
        places = self.middle + self._columns[:, None] * self.right + down
        u, v = (places[..., i].astype(np.float32) for i in (0, 1))
        seen = cv2.remap(luma.astype(np.float32), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        seen = cv2.GaussianBlur(seen, (0, 0), 1.0)
        hair = np.where(dy <= np.minimum(_THICK[1] * self.face, 0.7 * last), seen, np.inf)
        rows = np.arange(_ROWS)[:, None]
        below = np.where(rows >= hair.argmin(0), seen, -np.inf)
        dark, bright = hair.min(0), below.max(0)
        bare = below >= dark + _BRIGHT * (bright - dark)
        first = bare.argmax(0)
        beyond = ~bare & (rows > first)
        ended = np.where(beyond.any(0), beyond.argmax(0), _ROWS - 1)
        unseen = bright - dark < _SEEN
        edge = np.where(unseen, _USUAL * self.face, np.take_along_axis(dy, first[None], 0)[0])
        end = np.where(unseen, last, np.take_along_axis(dy, ended[None], 0)[0])
        return self._evened(edge), self._evened(end)

    def _evened(self, rows: np.ndarray) -> np.ndarray:
        within = np.abs(self._columns) <= self.half
        rows = np.interp(self._columns, self._columns[within], rows[within])
        width = _SMOOTH * 2 * self.half / float(self._columns[1] - self._columns[0])
        return cv2.GaussianBlur(rows[None], (0, 0), width, borderType=cv2.BORDER_REPLICATE)[0]


def expressions(cutout: Cutout, up: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return displacement fields (4, h, w, 2) of brows, frown and cheeks at full travel, pixels.

    Glasses keep their shape: brows move as far as there is skin between them and the rims, cheeks do not move.
    """
    lm, face, rims = cutout.landmarks, cutout.face_height, find_rims(cutout)
    cell = float(x[0, 1] - x[0, 0])
    fields = np.zeros((len(_EXPRESSIONS), *x.shape, 2), np.float32)
    for i, eye in enumerate(EYES):
        brow = _Brow(cutout, eye, up)
        dx = (x - brow.middle[0]) * brow.right[0] + (y - brow.middle[1]) * brow.right[1]
        dy = (x - brow.middle[0]) * -up[0] + (y - brow.middle[1]) * -up[1] - brow.height(dx)
        edge, skin = brow.bare_at(dx)
        # of the place shown, not of the place it comes from: monotonous at any travel
        travel = min(_BROW_UP * face, (_STRETCHED - 1) * brow.room)
        lift = fall(np.abs(dx) / brow.half, 0.75, 1.75) * np.where(dy < 0, fall(-dy / face, 0.10, 0.30), 1.0)
        free = np.clip((skin - dy) / (skin - edge + travel), 0, 1)
        if rims is not None:
            room = np.maximum(rims.clearance(x, y) + dy - _CLEAR * face, 1e-3)  # from brow to rim
            travel = np.minimum(travel, _ARCHED * float(np.median(room[np.abs(dx) < brow.half])))
            alike = (0, 0), _ALIKE * face / cell
            travel = np.minimum(cv2.GaussianBlur(np.minimum(travel, _STRETCH * room), *alike), _STRETCH * room)
            free = np.minimum(free, np.clip((room - dy) / (room + travel), 0, 1))
        lift = lift * free
        fields[i] = (lift * travel)[..., None] * up
        near = np.exp(-((x - brow.inner[0]) ** 2 + (y - brow.inner[1]) ** 2) / (0.6 * brow.half) ** 2)
        near = near * fall(dy / brow.lid_at(dx), 0.25, 0.95)
        if rims is not None:
            near = near * free * travel / (_BROW_UP * face)
        inwards = brow.right * (1 if i == 0 else -1)
        fields[2] += (near * _FROWN * face)[..., None] * (inwards - 0.8 * up)
        cheek = lm[CHEEKS[i], :2]
        round_ = np.exp(-((x - cheek[0]) ** 2 + (y - cheek[1]) ** 2) / (0.13 * face) ** 2)
        if rims is None:
            fields[3] += (round_ * _CHEEK * face)[..., None] * up
    return fields
