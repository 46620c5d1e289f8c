"""Say whether a picture can be a presenter, what is wrong with it, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from podcast.puppet.facemap import MESH, FaceMap
from podcast.puppet.faces import (
    SPREAD,
    FaceError,
    FaceNets,
    find_faces,
    is_human,
    is_mouth_hidden,
    read_face,
    read_picture,
)
from podcast.puppet.features import (
    CHIN,
    CROP,
    FOREHEAD,
    LIDS,
    OVER,
    details,
    gap,
    has_glasses,
    inside,
    lip_line,
    upright,
)
from podcast.puppet.landmarks import trust
from podcast.puppet.matte_check import check_matte

Severity = Literal["refuse", "warn", "note"]

# Bounds. Where no source is named they part 52 usable pictures (photographs, paintings, drawings, a statue) from the
# same pictures with the fault put in.
_SMALL, _TINY = 120.0, 64.0  # px, forehead to chin: worth a warning; too few for lips and lids
_TURNED, _AWAY = 24.0, 40.0  # degrees of yaw
_NODDED, _DOWN = 18.0, 30.0  # degrees of pitch off the usual
_TILTED, _LYING = 30.0, 60.0  # degrees of roll
_LEVEL = 9.0  # degrees: pitch that the mesh gives to a head held straight, median of the 52
_SOFT, _BLURRED = 0.072, 0.23  # details of 1 px, and of 1 to 4 px, over those of 6 to 16 px: see `details`
_DIM, _DARK = 60.0, 35.0  # 0 … 255, median brightness of the face
_FLAT = 45.0  # 0 … 255, between the darkest and brightest twentieth of the face
_WHITE, _BLEACHED, _BURNT = 250.0, 0.25, 0.55  # 0 … 255 without drawing; share of the face that is so: bad; too bad
_GLASS, _MOST = 0.4, 75  # of the face's median brightness, below which three quarters of what surrounds an eye are dark
_ROUND_EYE = (0.65, 0.4)  # half axes of what surrounds an eye, in eye widths
_SHUT = 0.15  # height over width of an eye
_PARTED, _OPEN = 0.10, 0.35  # height over width of the gap between the lips
_LIP_LINE = 0.12  # how much darker the line between the lips is than what lies round it
_LOOSEST, _LOOSE_BY = 0.036, 2.5  # of `Trust`, lips that are covered, whatever line there is: fingers have some too
_TOUCHING = 0.35  # of the face's width, hair that touches the upper edge
_SCALPED, _THROATLESS, _FRAYED = 0.4, 0.6, 1.6  # of `MatteCheck`: 43 sound mattes have up to 0.24, 0.18 and 1.38
_STRAIGHT = 20.0  # degrees of yaw up to which the neck is below the chin
MATTE = "matte"  # the finding's code by which a presenter keeps the picture's background
CROPPED = 0.25  # face heights of room that a head needs above the hairline
_BESIDE = 0.02  # share of the landmarks that may lie outside of the picture

_CALM = 0.022  # of `Trust`, spread below which a turned picture shows a face beyond doubt: animals come near 0.028
_LOOK = 1280  # px, longer side of the picture in which a lying face is looked for


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
    lying = _lying(path, nets) if found.trust.spread > SPREAD or not is_human(found.trust) else None
    return (lying,) if lying else judge(found, chosen=face is not None), found


def judge(face: FaceMap, chosen: bool = False) -> tuple[Finding, ...]:
    """Return what speaks against a face, gravest first; nothing if it is fine.

    Args:
        face: as `read_face` gives it.
        chosen: the user named this one of several faces.
    """
    beforehand = [finding for check in (_check_frame, _check_sharpness, _check_light) for finding in check(face)]
    if not is_human(face.trust):  # what is blurred, cropped or burnt out has no features to agree on
        return tuple(finding for finding in beforehand if finding.severity == "refuse") or (_strange(),)
    if is_mouth_hidden(face.trust) and face.trust.spread > SPREAD:  # a mask: nothing below the eyes can be believed
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
    across, down = landmarks[454] - landmarks[234], landmarks[CHIN] - landmarks[FOREHEAD]
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
    for turns in (1, 3, 2):
        turned = np.ascontiguousarray(np.rot90(small, turns))
        faces = find_faces(turned, nets)
        if faces and (seen := trust(turned, faces[0].place, nets)).spread < _CALM and is_human(seen):
            lies = turns + round(faces[0].turn / (np.pi / 2))  # faces are found in pictures that still lie, too
            return _sideways(lies % 4) if lies % 4 else None
    return None


def _sideways(turns: int) -> Finding:
    """Return the finding about a picture that wants that many quarter turns counter-clockwise."""
    way = {1: "by 90° counter-clockwise", 2: "the other way up", 3: "by 90° clockwise"}[turns]
    return Finding("refuse", "sideways", "the picture does not stand upright", f"turn it {way}")


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
        yield _sideways(2 if abs(roll) > 135 else 1 if roll > 0 else 3)
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
    if share > _TOUCHING and points[FOREHEAD, 1] < 2 * CROPPED * face.height:
        yield Finding("warn", "top", "the head is cut off at the top",
                      "use a picture with some room above the hair")  # fmt: skip


def _check_matte(face: FaceMap) -> Iterator[Finding]:
    found = check_matte(face)
    straight = abs(head_angles(face.landmarks)[0]) < _STRAIGHT
    if found.skull > _SCALPED or (straight and found.neck > _THROATLESS) or found.fringe > _FRAYED:
        yield Finding("warn", MATTE, "the person cannot be cut out cleanly: the picture's own background is kept",
                      "use a picture taken before a plain background that differs from hair and clothes")  # fmt: skip


def _check_light(face: FaceMap) -> Iterator[Finding]:
    crop, points = upright(face)
    low, middle, high = np.percentile(crop[inside(points)], [5, 50, 95])
    burnt = float(np.mean(crop[inside(points)] >= _WHITE))
    if burnt > _BLEACHED:
        yield Finding("refuse" if burnt > _BURNT and not is_human(face.trust) else "warn", "bright",
                      "the face is overexposed: large parts of it are plain white",
                      "use a picture taken in softer light")  # fmt: skip
    elif middle < _DIM:
        yield Finding("refuse" if high < _DARK else "warn", "dark", "the face is very dark",
                      "use a picture taken in brighter light")  # fmt: skip
    elif high - low < _FLAT:
        yield Finding("warn", "flat", "the face has hardly any contrast", "use a clearer picture")


def _check_sharpness(face: FaceMap) -> Iterator[Finding]:
    fine, middle = details(face)
    enlarged = min(1.0, face.height * OVER / CROP)  # a small face has no fine details to lose
    if fine < _SOFT * enlarged or middle < _BLURRED * enlarged:
        yield Finding("refuse" if middle < _BLURRED * enlarged else "warn", "blurred", "the face is blurred",
                      "use a sharper picture")  # fmt: skip


def _check_eyes(face: FaceMap) -> Iterator[Finding]:
    if _has_sunglasses(face):
        yield Finding("warn", "sunglasses", "dark glasses hide the eyes", "use a picture that shows the eyes")
        return
    open_by = [gap(face.landmarks, upper, lower, left, right) for upper, lower, left, right in LIDS]
    if max(open_by) < _SHUT:
        yield Finding("warn", "eyes", "the eyes are closed", "use a picture with open eyes: it cannot open them")
    elif min(open_by) < _SHUT * 0.8:
        yield Finding("warn", "eyes", "one eye is closed", "use a picture with open eyes: it cannot open them")
    if has_glasses(face):
        yield Finding("note", "glasses", "there are glasses: lids move behind them as far as the rims allow")


def _has_sunglasses(face: FaceMap) -> bool:
    """Return whether both eyes lie in large dark spots, lids and what is around them included."""
    crop, points = upright(face)
    bright = float(np.median(crop[inside(points)]))
    y, x = np.mgrid[:CROP, :CROP]
    for _, _, left, right in LIDS:
        (cx, cy), width = (points[left] + points[right]) / 2, float(np.linalg.norm(points[left] - points[right]))
        spot = ((x - cx) / (_ROUND_EYE[0] * width)) ** 2 + ((y - cy) / (_ROUND_EYE[1] * width)) ** 2 < 1
        if not spot.any() or np.percentile(crop[spot], _MOST) > _GLASS * bright:
            return False
    return True


def _check_mouth(face: FaceMap) -> Iterator[Finding]:
    height = gap(face.landmarks, 13, 14, 78, 308)
    loose = face.trust.mouth > max(_LOOSEST, _LOOSE_BY * face.trust.upper)
    if height < _OPEN and is_mouth_hidden(face.trust) and (loose or lip_line(face) < _LIP_LINE):
        yield _covered()
    elif height > _OPEN:
        yield Finding("warn", "mouth", "the mouth is wide open", "use a picture with a relaxed or closed mouth")
    elif height > _PARTED:
        yield Finding("note", "parted", "the lips are parted: teeth that show are kept as they are")


_CHECKS: tuple[Callable[[FaceMap], Iterator[Finding]], ...] = (
    _check_size, _check_pose, _check_frame, _check_light, _check_sharpness, _check_eyes, _check_mouth,
    _check_matte,
)  # fmt: skip
