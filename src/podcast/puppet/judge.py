"""Say whether a picture can be a presenter, what is wrong with it, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from podcast.puppet.crops import Place, cut
from podcast.puppet.facemap import MESH, FaceMap
from podcast.puppet.faces import (
    FaceError,
    FaceNets,
    find_faces,
    is_human,
    is_mouth_hidden,
    read_face,
    read_picture,
)
from podcast.puppet.landmarks import trust

Severity = Literal["refuse", "warn", "note"]

# Bounds. Where no source is named they part 52 usable pictures (photographs, paintings, drawings, a statue) from the
# same pictures with the fault put in.
_SMALL, _TINY = 120.0, 64.0  # px, forehead to chin: worth a warning; too few for lips and lids
_TURNED, _AWAY = 24.0, 40.0  # degrees of yaw
_NODDED, _DOWN = 18.0, 30.0  # degrees of pitch off the usual
_TILTED, _LYING = 30.0, 60.0  # degrees of roll
_LEVEL = 9.0  # degrees: pitch that the mesh gives to a head held straight, median of the 52
_SOFT, _BLURRED = 0.072, 0.23  # details of 1 px, and of 1 to 4 px, over those of 6 to 16 px: see `_details`
_DIM, _DARK = 60.0, 35.0  # 0 … 255, median brightness of the face
_FLAT = 45.0  # 0 … 255, between the darkest and brightest twentieth of the face
_SHUT = 0.15  # height over width of an eye
_PARTED, _OPEN = 0.10, 0.35  # height over width of the gap between the lips
_LIP_LINE = 0.12  # how much darker the line between the lips is than what lies round it
_TOUCHING = 0.35  # of the face's width, hair that touches the upper edge
_CROPPED = 0.25  # face heights of room that a head needs above the hairline
_BESIDE = 0.02  # share of the landmarks that may lie outside of the picture
_BRIDGE_DARK, _RIM_DARK = 0.30, 0.12  # how much darker than the skin a spectacle bridge and a lower rim are

_LOOK = 1280  # px, longer side of the picture in which a lying face is looked for
_CROP = 256  # px, side of the upright crop that holds the face
_OVER = 1.1  # side of that crop, in face heights
_FOREHEAD, _CHIN = 10, 152
_UPPER_LIP = (80, 81, 82, 13, 312, 311, 310)
_LOWER_LIP = (88, 178, 87, 14, 317, 402, 318)
_BRIDGE = 168  # of the nose
_LIDS = ((159, 145, 33, 133), (386, 374, 362, 263))  # upper, lower, corners


@dataclass(frozen=True)
class Finding:
    """Something about a picture that its owner should know."""

    severity: Severity  # refuse: it cannot be used; warn: it will look worse; note: it is dealt with
    code: str  # a word for programs
    message: str  # what is so
    remedy: str = ""  # what would be right


def portrait_report(
    path: Path | str, nets: FaceNets, face: int | None = None
) -> tuple[tuple[Finding, ...], FaceMap | None]:
    """Read a picture and judge it.

    Returns:
        the findings, gravest first, and the face if there is one (even if it is refused).

    Raises:
        MediaError: the file is no picture that can be read.
    """
    try:
        found = read_face(path, face, nets=nets)
    except FaceError as error:
        return (_lying(path, nets) or Finding("refuse", "no face", error.problem, error.remedy),), None
    if not is_human(found.trust):
        lying = _lying(path, nets)
        return ((lying,) if lying else judge(found)), found
    return judge(found, chosen=face is not None), found


def judge(face: FaceMap, chosen: bool = False) -> tuple[Finding, ...]:
    """Return what speaks against a face, gravest first; nothing if it is fine.

    Args:
        face: as `read_face` gives it.
        chosen: the user named this one of several faces.
    """
    beforehand = [finding for check in (_check_frame, _check_sharpness) for finding in check(face)]
    if not is_human(face.trust):  # what is blurred or cropped has no features to agree on
        return tuple(finding for finding in beforehand if finding.severity == "refuse") or (_strange(),)
    if is_mouth_hidden(face.trust) and face.trust.spread > 0.028:  # a mask: nothing below the eyes can be believed
        return (_covered(),)
    findings = [finding for check in _CHECKS for finding in check(face)]
    if face.faces > 1 and not chosen:
        findings.append(_several(face))
    return tuple(sorted(findings, key=lambda finding: ("refuse", "warn", "note").index(finding.severity)))


def is_refused(findings: tuple[Finding, ...]) -> bool:
    """Return whether a picture cannot be used."""
    return any(finding.severity == "refuse" for finding in findings)


def head_angles(landmarks: np.ndarray) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees, signed as in `pose`; from the mesh's own depth, good to about 5°."""
    across, down = landmarks[454] - landmarks[234], landmarks[_CHIN] - landmarks[_FOREHEAD]
    yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
    pitch = np.arctan2(down[2], np.hypot(down[0], down[1]))
    roll = np.arctan2(across[1], across[0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)) - _LEVEL, float(np.degrees(roll))


def _strange() -> Finding:
    return Finding("refuse", "strange", "this is not clearly a human face: an animal, or a face half hidden or cut off",
                   "use a human face, drawn or photographed, with nothing in front of it")  # fmt: skip


def _covered() -> Finding:
    return Finding("refuse", "covered", "a hand or an object covers the mouth", "use a picture that shows the lips")


def _several(face: FaceMap) -> Finding:
    return Finding("note", "several", f"there are {face.faces} faces; the largest was taken",
                   "to take another, set its number, counted from the left")  # fmt: skip


def _lying(path: Path | str, nets: FaceNets) -> Finding | None:
    """Explain a picture in which only turning it shows a face."""
    rgb = read_picture(path).rgb
    scale = min(1.0, _LOOK / max(rgb.shape[:2]))
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for turns, way in ((1, "by 90° counter-clockwise"), (3, "by 90° clockwise"), (2, "upside down")):
        upright = np.ascontiguousarray(np.rot90(small, turns))
        faces = find_faces(upright, nets)
        if faces and is_human(trust(upright, faces[0].place, nets)):
            return Finding("refuse", "sideways", "the picture does not stand upright", f"turn it {way}")
    return None


def _check_size(face: FaceMap) -> Iterator[Finding]:
    height = face.height / face.scale
    if height < _SMALL:
        severity: Severity = "refuse" if height < _TINY else "warn"
        yield Finding(severity, "small", f"the face is only {height:.0f} pixels high",
                      f"use a picture whose face has {_SMALL:.0f} pixels or more from forehead to chin")  # fmt: skip


def _check_pose(face: FaceMap) -> Iterator[Finding]:
    yaw, pitch, roll = head_angles(face.landmarks)
    if abs(yaw) > _TURNED:
        side = "right" if yaw > 0 else "left"
        yield Finding("refuse" if abs(yaw) > _AWAY else "warn", "turned",
                      f"the head is turned {abs(yaw):.0f}° to the {side}",
                      "use a picture that looks at the camera: turned heads move less")  # fmt: skip
    if abs(pitch) > _NODDED:
        way = "down" if pitch > 0 else "up"
        yield Finding("refuse" if abs(pitch) > _DOWN else "warn", "nodded",
                      f"the head looks {way} by {abs(pitch):.0f}°", "use a picture taken at eye level")  # fmt: skip
    if abs(roll) > _LYING:
        way = "counter-clockwise" if roll > 0 else "clockwise"
        yield Finding("refuse", "sideways", "the picture does not stand upright", f"turn it by {abs(roll):.0f}° {way}")
    elif abs(roll) > _TILTED:
        yield Finding("warn", "tilted", f"the head is tilted by {abs(roll):.0f}°", "turn the picture upright")


def _check_frame(face: FaceMap) -> Iterator[Finding]:
    h, w = face.matte.shape
    points = face.landmarks[:MESH, :2]
    outside = np.mean((points < 0).any(1) | (points[:, 0] > w - 1) | (points[:, 1] > h - 1))
    if outside > _BESIDE:
        yield Finding("refuse", "cropped", "part of the face lies outside of the picture",
                      "use a picture that shows the whole head")  # fmt: skip
        return
    touching = face.matte[: max(2, h // 200)].mean(0) > 0.5
    left, right = np.clip([points[:, 0].min(), points[:, 0].max()], 0, w).astype(int)
    share = touching[left:right].mean() if right > left else 0.0
    if share > _TOUCHING and points[_FOREHEAD, 1] < 2 * _CROPPED * face.height:
        yield Finding("warn", "top", "the head is cut off at the top",
                      "use a picture with some room above the hair")  # fmt: skip


def _check_light(face: FaceMap) -> Iterator[Finding]:
    crop, points = _upright(face)
    low, middle, high = np.percentile(crop[_hull(points)], [5, 50, 95])
    if middle < _DIM:
        yield Finding("refuse" if high < _DARK else "warn", "dark", "the face is very dark",
                      "use a picture taken in brighter light")  # fmt: skip
    elif high - low < _FLAT:
        yield Finding("warn", "flat", "the face has hardly any contrast", "use a clearer picture")


def _check_sharpness(face: FaceMap) -> Iterator[Finding]:
    fine, middle = _details(face)
    enlarged = min(1.0, face.height * _OVER / _CROP)  # a small face has no fine details to lose
    if fine < _SOFT * enlarged or middle < _BLURRED * enlarged:
        yield Finding("refuse" if middle < _BLURRED * enlarged else "warn", "blurred", "the face is blurred",
                      "use a sharper picture")  # fmt: skip


def _check_eyes(face: FaceMap) -> Iterator[Finding]:
    open_by = [_gap(face.landmarks, upper, lower, left, right) for upper, lower, left, right in _LIDS]
    if max(open_by) < _SHUT:
        yield Finding("warn", "eyes", "the eyes are closed", "use a picture with open eyes: it cannot open them")
    elif min(open_by) < _SHUT * 0.8:
        yield Finding("warn", "eyes", "one eye is closed", "use a picture with open eyes: it cannot open them")
    if _has_glasses(face):
        yield Finding("note", "glasses", "there are glasses: lids move behind them as far as the rims allow")


def _check_mouth(face: FaceMap) -> Iterator[Finding]:
    gap = _gap(face.landmarks, 13, 14, 78, 308)
    if gap < _OPEN and is_mouth_hidden(face.trust) and _lip_line(face) < _LIP_LINE:
        yield _covered()
    elif gap > _OPEN:
        yield Finding("warn", "mouth", "the mouth is wide open", "use a picture with a relaxed or closed mouth")
    elif gap > _PARTED:
        yield Finding("note", "parted", "the lips are parted: teeth that show are kept as they are")


_CHECKS: tuple[Callable[[FaceMap], Iterator[Finding]], ...] = (
    _check_size, _check_pose, _check_frame, _check_light, _check_sharpness, _check_eyes, _check_mouth,
)  # fmt: skip


def _gap(landmarks: np.ndarray, upper: int, lower: int, left: int, right: int) -> float:
    """Return the height of an opening over its width."""
    height = np.linalg.norm(landmarks[upper, :2] - landmarks[lower, :2])
    return float(height / max(np.linalg.norm(landmarks[left, :2] - landmarks[right, :2]), 1e-3))


def _upright(face: FaceMap) -> tuple[np.ndarray, np.ndarray]:
    """Return the face upright at a fixed size, grey float32 (256, 256), and the landmarks in it."""
    top, bottom = face.landmarks[_FOREHEAD, :2], face.landmarks[_CHIN, :2]
    middle, down = (top + bottom) / 2, bottom - top
    place = Place(float(middle[0]), float(middle[1]), face.height * _OVER, float(np.arctan2(-down[0], down[1])))
    crop, back = cut(face.image, place, _CROP)
    way = cv2.invertAffineTransform(back)
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32), face.landmarks[:, :2] @ way[:, :2].T + way[:, 2]


def _hull(points: np.ndarray) -> np.ndarray:
    mask = np.zeros((_CROP, _CROP), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[:MESH]).astype(np.int32)), 1)
    return cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0


def _details(face: FaceMap) -> tuple[float, float]:
    """Return the spread of fine and of middling details over that of coarse ones, in the face at 256 px."""
    grey, points = _upright(face)
    inside = _hull(points)

    def between(small: float, large: float) -> float:
        less = cv2.GaussianBlur(grey, (0, 0), small) if small else grey
        return float((less - cv2.GaussianBlur(grey, (0, 0), large))[inside].std())

    coarse = max(between(6, 16), 1e-3)
    return between(0, 1) / coarse, between(1, 4) / coarse


def _lip_line(face: FaceMap) -> float:
    """Return how much darker the line between the lips is than the darker side of it, as a share."""
    grey, points = _upright(face)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.2)
    found = []
    for upper, lower in zip(_UPPER_LIP, _LOWER_LIP, strict=True):
        x, y = (points[upper] + points[lower]) / 2
        reach = int(np.linalg.norm(points[upper] - points[lower]) / 2) + 4
        column = np.clip(np.arange(-20, 21) + y, 0, _CROP - 1).astype(np.float32)[None]
        line = cv2.remap(grey, np.full_like(column, x), column, cv2.INTER_LINEAR)[0]
        around = min(float(np.median(line[2:13])), float(np.median(line[28:39])))
        found.append((around - float(line[20 - reach : 21 + reach].min())) / max(around, 20.0))
    return float(np.median(found))


def _has_glasses(face: FaceMap) -> bool:
    """Return whether a dark bridge crosses the nose and a dark rim runs below an eye; rimless ones are not seen."""
    grey, points = _upright(face)
    (x, y), reach = points[_BRIDGE], np.linalg.norm(points[133] - points[362]) * 0.22
    bridge = _rows(grey, x, reach, y - 18, y + 34, 75)
    if bridge.size == 0 or _dip(bridge, bridge.size) < _BRIDGE_DARK:
        return False
    return any(_has_rim(grey, points, lids) for lids in _LIDS)


def _has_rim(grey: np.ndarray, points: np.ndarray, lids: tuple[int, int, int, int]) -> bool:
    _, lower, left, right = lids
    (x, y), width = points[lower], np.linalg.norm(points[left] - points[right])
    below = _rows(grey, x, width * 0.25, y + width * 0.22, y + width * 1.1, 65)
    return _dip(below, 6) > _RIM_DARK


def _rows(grey: np.ndarray, x: float, reach: float, top: float, bottom: float, share: float) -> np.ndarray:
    """Return how bright each row of a box is: a percentile of it, so that a dark row is dark along most of the box."""
    box = grey[max(int(top), 0) : max(int(bottom), 0), max(int(x - reach), 0) : max(int(x + reach), 0) + 1]
    return np.percentile(box, share, axis=1) if box.size else np.zeros(0)


def _dip(rows: np.ndarray, reach: int) -> float:
    """Return the deepest dark line across the rows, as a share of what lies up to `reach` rows on both sides."""
    if rows.size == 0:
        return 0.0
    if reach >= rows.size:
        around = float(np.median(rows))
        return (around - float(rows.min())) / max(around, 20.0)
    index = np.arange(rows.size)
    around = np.minimum(rows[np.maximum(index - reach, 0)], rows[np.minimum(index + reach, rows.size - 1)])
    return float(((around - rows) / np.maximum(rows, 30.0)).max())
