"""Read a face from a picture: detector, mesh, irises and matte make a `FaceMap`; and keep it in a file."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import astuple, replace
from pathlib import Path

import cv2
import numpy as np

from podcast.errors import MediaError, PodcastError
from podcast.puppet.detection import Detection, find_faces
from podcast.puppet.face_nets import FACE_WEIGHTS, FaceNets
from podcast.puppet.facemap import FaceMap, Trust
from podcast.puppet.landmarks import Tracker, fit, trust
from podcast.puppet.matte import read_matte
from podcast.puppet.picture import Picture, read_picture, without_frame

__all__ = [
    "SPREAD", "Detection", "FaceError", "FaceNets", "Tracker", "enlarged", "face_map_digest", "find_faces", "is_human",
    "is_mouth_hidden", "load_face_map", "read_face", "read_picture", "save_face_map",
]  # fmt: skip

READER = 4  # count up when the same picture gives other landmarks or another matte
_LARGEST_FACE = 500  # px, forehead to chin: a head of about 700
_MOST_GROWTH, _LEAST_GROWTH = 4.0, 1.1  # factors by which small faces are enlarged
_LONGEST_SIDE = 2560  # px of the working picture: a full figure in a 4K portrait frame
_LOOK = 1280  # px, longer side of the picture in which faces are looked for
SPREAD, _DISSENT = 0.028, 0.07  # of `Trust`, where men and beasts part: 52 human pictures and 12 of animals
_LOOSE, _LOOSER = 0.024, 1.9  # of `Trust`, spread of lips that are covered, and in terms of what eyes and nose have
_FAINT = 0.3  # detector score that is tried when nothing scores better: drawings, statues


class FaceError(PodcastError):
    """A picture whose face cannot be used."""


def read_face(source: Path | str | np.ndarray, face: int | None = None, *, nets: FaceNets) -> FaceMap:
    """Read the face of a picture.

    Args:
        source: a picture file (a plain frame around it is cut off), or RGB uint8 (h, w, 3).
        face: number of the face, counted from the left from 1; none: the largest.
        nets: the networks.

    Raises:
        MediaError: the file is no picture that can be read.
        FaceError: there is no face, or no face of that number.
    """
    where = "" if isinstance(source, np.ndarray) else str(source)
    picture = Picture(source, None) if isinstance(source, np.ndarray) else without_frame(read_picture(source))
    found = _faces(picture.rgb, nets)
    chosen = _choose(found, face, where)
    rgb, alpha, scale = _working_size(picture, chosen, nets)
    fitted = fit(rgb, _scaled(chosen, scale).place, nets)
    matte = read_matte(rgb, fitted.landmarks, nets) if alpha is None else _quantise(alpha)
    return FaceMap(rgb, fitted.landmarks, matte, chosen.score, len(found), scale, fitted.trust)


def _faces(rgb: np.ndarray, nets: FaceNets) -> list[Detection]:
    shrink = min(1.0, _LOOK / max(rgb.shape[:2]))
    small = _resize(rgb, shrink) if shrink < 1 else rgb
    found = find_faces(small, nets) or find_faces(small, nets, _FAINT)[:1]
    if len(found) > 1:
        found = [face for face in found if is_human(trust(small, face.place, nets))] or found[:1]
    return [_scaled(face, 1 / shrink) for face in found]


def is_human(trust: Trust) -> bool:
    """Return whether the networks agree on a human face; drawn, painted and carved ones count."""
    doubt = (trust.spread / SPREAD + trust.dissent / _DISSENT) / 2
    return trust.presence >= 0.5 and (doubt < 1 or is_mouth_hidden(trust))


def is_mouth_hidden(trust: Trust) -> bool:
    """Return whether the mesh is steady but for the lips: they are open wide, or something covers them."""
    return trust.mouth > _LOOSE and trust.mouth > _LOOSER * trust.upper


def _choose(found: list[Detection], number: int | None, where: str) -> Detection:
    if not found:
        raise FaceError("no face was found in this picture", "use one that shows a face from the front", where)
    if number is None:
        return found[0]
    if not 1 <= number <= len(found):
        shows = "one face" if len(found) == 1 else f"{len(found)} faces"
        raise FaceError(f"there is no face {number}: the picture shows {shows}", "count from the left, from 1", where)
    return sorted(found, key=lambda face: face.x)[number - 1]


def _working_size(picture: Picture, face: Detection, nets: FaceNets) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Scale a picture down to what a renderer needs; return it, its alpha, and the scale."""
    h, w = picture.rgb.shape[:2]
    height = face.size * 1.4  # forehead to chin, roughly: the box begins at the brows
    scale = min(1.0, _LONGEST_SIDE / max(h, w), _LARGEST_FACE / height)
    if scale == 1:
        return picture.rgb, picture.alpha, 1.0
    return _resize(picture.rgb, scale), None if picture.alpha is None else _resize(picture.alpha, scale), scale


def enlarged(face: FaceMap) -> FaceMap:
    """Return a small face larger, with room for what an enhancer adds; a large one as it is."""
    scale = min(_MOST_GROWTH, _LARGEST_FACE / face.height, _LONGEST_SIDE / max(face.image.shape[:2]))
    if scale < _LEAST_GROWTH:
        return face
    h, w = face.image.shape[:2]
    size = round(w * scale), round(h * scale)
    image = cv2.resize(face.image, size, interpolation=cv2.INTER_LANCZOS4)
    matte = cv2.resize(face.matte, size, interpolation=cv2.INTER_LINEAR)
    landmarks = (face.landmarks * scale).astype(np.float32)
    return replace(face, image=image, landmarks=landmarks, matte=matte, scale=face.scale * scale)


def _resize(pixels: np.ndarray, scale: float) -> np.ndarray:
    h, w = pixels.shape[:2]
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _scaled(face: Detection, scale: float) -> Detection:
    return Detection(face.x * scale, face.y * scale, face.size * scale, face.turn, face.score)


def _quantise(matte: np.ndarray) -> np.ndarray:
    return np.rint(matte * 255).astype(np.float32) / np.float32(255)


def face_map_digest(path: Path | str, face: int | None = None) -> str:
    """Return what a face map depends on, as a SHA-256: the picture's bytes, the choice, the networks, this reader."""
    digest = hashlib.sha256(f"{READER} {face}".encode())
    for weight in FACE_WEIGHTS:
        digest.update(weight.sha256.encode())
    try:
        digest.update(Path(path).read_bytes())
    except OSError as error:
        raise MediaError("this picture cannot be opened", "check avatar.source_image", str(path)) from error
    return digest.hexdigest()


def save_face_map(face: FaceMap, path: Path) -> None:
    """Write a face map as .npz, whole or not at all; the matte is kept in 8 bits, which is all it has."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    numbers = np.array([face.score, face.faces, face.scale, *astuple(face.trust)], np.float64)
    matte = np.rint(face.matte * 255).astype(np.uint8)
    with draft.open("wb") as file:
        np.savez(file, reader=READER, image=face.image, landmarks=face.landmarks, matte=matte, numbers=numbers)
    os.replace(draft, path)


def load_face_map(path: Path | str) -> FaceMap:
    """Read what `save_face_map` wrote.

    Raises:
        MediaError: the file is damaged or from another version.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            score, faces, scale, *agreement = map(float, data["numbers"])
            matte = data["matte"].astype(np.float32) / np.float32(255)
            return FaceMap(data["image"], data["landmarks"], matte, score, int(faces), scale, Trust(*agreement))
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise MediaError("this face map cannot be read", "delete it: it is made again", str(path)) from error
