"""Landmarks of a face over time, as channels of `pose`: what the head, the lids, the eyes and the brows do."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, median_filter

from podcast.puppet.headfit import CHIN, FOREHEAD, SKULL, Turns, angles_about_neck, in_head, turns
from podcast.puppet.template import TRACKS

_MARKS = (  # landmarks, left first as the viewer sees them
    ((33, 133), (362, 263)),  # corners of the eyes, left to right
    ((160, 159, 158), (385, 386, 387)),  # upper lids, left to right
    ((144, 145, 153), (380, 374, 373)),  # lower lids
    ((468, 469, 471), (473, 474, 476)),  # irises, middle and sides; lids hide the upper and lower ends
    ((70, 63, 105, 66, 107, 46, 53, 52, 65, 55), (336, 296, 334, 293, 300, 285, 295, 282, 283, 276)),  # brows
    ((107, 55), (336, 285)),  # inner ends of the brows
)
KEPT = tuple(sorted({FOREHEAD, CHIN, *SKULL, *(n for pair in _MARKS for ids in pair for n in ids)}))  # all that is read
_CORNERS, _UPPER, _LOWER, _IRIS, _BROWS, _INNER = (
    tuple(tuple(KEPT.index(n) for n in ids) for ids in pair) for pair in _MARKS
)

_HEAD = 1.25  # head heights (crown to chin) are this many face heights (hairline to chin)
_PIVOT = (0.0, 0.62, -0.35)  # of the neck, from the skull's centre, face heights: down and back
# An eyeball of 12 mm radius turned by 25° or 18° moves its iris by 5.1 or 3.7 mm; the lids' corners are 30 mm apart.
# The iris network tells too little of it: measured on portraits with known gaze, and on people who keep their eyes
# on the camera while the head turns. Up and down, where lids hide the iris, both lids are witnesses as well: they go
# with the eye, while a squint, which moves them against each other, cancels out.
_GAZE_X, _GAZE_Y = 0.169 * 0.62, 0.124 * 0.45  # eye widths at channel value 1
_LIDS_TELL = 0.6  # weight of either lid, the iris having 1
_LIDS_NOD = 0.018 / 10.0  # eye widths per degree by which lids seem to rise when the head nods, in clips and portraits
_FAR_EYE = 0.6, 0.95  # widths, over the other eye's, of an eye that counts for nothing and for all
_OPEN = 70  # percentile: most of the time eyes are open
_SHUT = 0.5  # percentile of the lids in a clip with blinks
_HALF_SHUT, _NEVER_SHUT = 0.6, 0.3  # share of the open eye: nobody blinked above the first; the second stands in
_SHUT_GAP, _NARROW_GAP = 0.11, 0.15  # eye widths between lids that are shut for certain, and that are not
_SQUINT = 0.4  # of the way from open to shut, the most that is held by lids that are not shut: a laugh, bright light
_LID_NOISE = 0.12  # of the way from open to shut
_BLINK, _BLINKING = 0.55, 0.30  # a lid that comes this far shuts; the iris is not seen from here on
_BESIDE = 2  # frames beside a blink in which the lids still tell nothing of the gaze
_QUICK = 21  # frames; what comes and goes within half of them is quick
_BROW_LEAST, _BROW_MOST = 0.022, 0.05  # face heights of a raise of 1: what this person does, within these bounds
_BROW_STRONG = 99  # percentile of this person's raises
_FROWN = 0.030  # face heights by which the inner ends of the brows come together


def measure(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a face does in landmarks (frames, 478, 3), or in the `KEPT` of them.

    The tracks (frames, len(TRACKS)) are relative to how this person usually looks. With them come the error of each
    frame (see `Turns`) and the place of the head in face heights (frames, 2).
    """
    points = points if points.shape[1] == len(KEPT) else points[:, KEPT]
    head = turns(points, KEPT)
    face = _upright(in_head(points, head))
    out = {name: np.zeros(len(points)) for name in TRACKS}
    turn = angles_about_neck(head.rotations)
    clear = _clearness(points)
    near = clear / clear.sum(1, keepdims=True)
    lids = (np.stack([_lids(face, side) for side in (0, 1)], 1) * near).sum(1)
    out["yaw"], out["pitch"], out["roll"] = _cleared(turn, lids).T
    out["blink_l"] = out["blink_r"] = _whole_blinks(lids)
    out["gaze_x"], out["gaze_y"] = _gaze(face, near, lids < _BLINKING, turn[:, 1])
    out["brow_l"], out["brow_r"] = _brows(face, lids, clear)
    out["frown"] = _frown(face, lids)
    out["head_x"], out["head_y"] = _cleared(_shift(head), lids).T
    places = head.places[:, :2] / (head.scales * head.height)[:, None]
    return np.stack([out[name] for name in TRACKS], 1), head.errors, places


def _upright(face: np.ndarray) -> np.ndarray:
    """Return landmarks in the head with the eyes level, whichever way the camera or the neck was held."""
    ends = np.array(_CORNERS)
    x, y = np.median(face[:, ends[:, 1]].mean(1) - face[:, ends[:, 0]].mean(1), axis=0)[:2]
    level = np.array([[x, -y, 0], [y, x, 0], [0, 0, np.hypot(x, y)]]) / max(float(np.hypot(x, y)), 1e-6)
    return np.asarray(face @ level)


def _clearness(points: np.ndarray) -> np.ndarray:
    """Return how well each eye is seen, up to 1 (frames, 2): the far one of a turned head is seen badly."""
    ends = np.array(_CORNERS)
    width = np.linalg.norm(points[:, ends[:, 1], :2] - points[:, ends[:, 0], :2], axis=2)
    share = width / np.maximum(width.max(1, keepdims=True), 1e-6)
    return np.asarray(np.clip((share - _FAR_EYE[0]) / (_FAR_EYE[1] - _FAR_EYE[0]), 0.05, 1.0))


def _eye_width(face: np.ndarray, side: int) -> np.ndarray:
    left, right = _CORNERS[side]
    return np.linalg.norm(face[:, right] - face[:, left], axis=1)


def _lids(face: np.ndarray, side: int) -> np.ndarray:
    """Return how far the lids are shut, 0 … 1, by this person's own open and shut eyes."""
    gap = np.stack([face[:, b, 1] - face[:, a, 1] for a, b in zip(_UPPER[side], _LOWER[side], strict=True)])
    gap = gap.mean(0) / np.median(_eye_width(face, side))
    wide, shut = np.percentile(gap, _OPEN), np.percentile(gap, _SHUT)
    if shut > _HALF_SHUT * wide:
        shut = _NEVER_SHUT * wide
    share = np.clip((wide - gap) / max(wide - shut, 1e-6), 0.0, 1.0)
    held = median_filter(np.stack([share, gap], 1), (min(_QUICK, len(share)), 1), mode="constant")
    narrow = np.clip((held[:, 1] - _SHUT_GAP) / (_NARROW_GAP - _SHUT_GAP), 0.0, 1.0)
    share = share - narrow * np.maximum(held[:, 0] - _SQUINT, 0.0)
    return np.clip((share - _LID_NOISE) / (1 - _LID_NOISE), 0.0, 1.0)


def _whole_blinks(lids: np.ndarray) -> np.ndarray:
    """Return lids that shut wholly where they nearly do: a camera's frames fall beside the moment."""
    out = lids.copy()
    down = np.concatenate([[False], lids > 0.0, [False]])
    begins, ends = np.flatnonzero(down[1:] & ~down[:-1]), np.flatnonzero(down[:-1] & ~down[1:])
    for a, b in zip(begins, ends, strict=True):
        deepest = lids[a:b].max()
        if deepest >= _BLINK:
            depth = np.clip((lids[a:b] - _SQUINT) / (deepest - _SQUINT), 0.0, 1.0)
            out[a:b] = lids[a:b] + (1.0 - deepest) * depth
    return out


def _cleared(values: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """Return values (frames, n) without what blinks alone put into them.

    The mesh moves brows and forehead a little whenever lids shut; how much is fitted to the quick part of both.
    """
    width = min(_QUICK, len(lids))
    quick = lids - median_filter(lids, width, mode="nearest")
    power = float((quick**2).sum())
    if power < 1.0:  # fewer than a blink or two: nothing to fit
        return values
    swift = values - median_filter(values, (width, 1), mode="nearest")
    return np.asarray(values - lids[:, None] * (quick @ swift / power))


def _gaze(face: np.ndarray, near: np.ndarray, seen: np.ndarray, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gaze channels; 0 is where this person looks most."""
    if not seen.any():
        return np.zeros(len(face)), np.zeros(len(face))
    open_ = ~binary_dilation(~seen, iterations=_BESIDE)
    open_ = open_ if open_.any() else seen
    both = np.zeros((len(face), 2))
    for side in (0, 1):
        middle = face[:, list(_CORNERS[side])].mean(1)
        iris, upper, lower = (
            (face[:, list(ids)].mean(1) - middle)[:, :2] / float(np.median(_eye_width(face, side)))
            for ids in (_IRIS[side], _UPPER[side], _LOWER[side])
        )
        iris[:, 1] += _LIDS_TELL * (upper[:, 1] + lower[:, 1] + 2 * _LIDS_NOD * pitch)
        iris[:, 1] -= np.median(iris[open_, 1])  # eyes lie at unlike heights: changing weights must not move the gaze
        both += near[:, side, None] * iris / (_GAZE_X, _GAZE_Y)
    index = np.arange(len(face))
    x, y = (np.interp(index, index[open_], column[open_] - np.median(column[open_])) for column in both.T)
    return np.clip(x, -1.0, 1.0), np.clip(y, -1.0, 1.0)


def _brows(face: np.ndarray, lids: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return brows, raised over their usual height; 1 is a strong raise of this person.

    A brow that is seen badly goes with the other one, as brows mostly do.
    """
    raised = []
    for side in (0, 1):
        height = face[:, list(_CORNERS[side]), 1].mean(1) - face[:, list(_BROWS[side]), 1].mean(1)
        height = _cleared(height[:, None], lids)[:, 0]
        raised.append(height - np.median(height))
    raised = [clear[:, i] * raised[i] + (1 - clear[:, i]) * raised[1 - i] for i in (0, 1)]
    strong = np.clip(np.percentile(np.abs(np.mean(raised, 0)), _BROW_STRONG), _BROW_LEAST, _BROW_MOST)
    return np.clip(raised[0] / strong, -1.0, 1.0), np.clip(raised[1] / strong, -1.0, 1.0)


def _frown(face: np.ndarray, lids: np.ndarray) -> np.ndarray:
    apart = face[:, list(_INNER[1]), 0].mean(1) - face[:, list(_INNER[0]), 0].mean(1)
    apart = _cleared(apart[:, None], lids)[:, 0]
    return np.clip((np.median(apart) - apart) / _FROWN - 0.1, 0.0, 1.0)


def _shift(head: Turns) -> np.ndarray:
    """Return head_x and head_y, head heights: how the top of the neck moves, whatever the head does on it."""
    neck = head.places + head.scales[:, None] * head.height * (head.rotations @ np.array(_PIVOT))
    place = neck[:, :2] / (_HEAD * float(np.median(head.scales)) * head.height)
    return np.asarray(place - np.median(place, axis=0))
