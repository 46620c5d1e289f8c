"""A picture to what upstream wants of it: the crop around the face, and the face's coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import upstream
from PIL import Image
from podcast_worker import Refused

CROP_SIZE = 512  # px: pictures with a much larger face are reduced first, as upstream does
LONGEST = 1920  # px, of a picture that faces are pasted back into
CONFIDENCE = 0.97  # of the face detector, as upstream has it
WHERE = {"expression": slice(80, 144), "angle": slice(224, 227), "shift": slice(254, 257)}
# Where in the 478-point face mesh the 68 points of iBUG's scheme lie: jaw, brows, nose, eyes, lips.
# fmt: off
MESH_68 = [
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
]
# fmt: on


@dataclass(frozen=True)
class Shown:
    """A picture, ready."""

    whole: np.ndarray  # RGB, what is pasted back into
    box: tuple[int, int, int, int]  # left, top, right, bottom of what is animated, in `whole`
    face: np.ndarray  # RGB, square: what the networks see
    coefficients: np.ndarray  # 73: expression, pose, and the last three of upstream's alignment


class Reader:
    """Reads pictures and videos of faces; the detectors are loaded when a face has to be looked for."""

    def __init__(self, nets: Any, source: Path, weights: Path, device: str) -> None:
        self.nets, self.device = nets, device
        self.weights = weights / "gfpgan" / "weights"
        upstream.open_detectors(self.weights)
        self.croper = upstream.module("utils.croper")
        self.tools = upstream.module("face3d.util.preprocess")
        self.standard = upstream.module("face3d.util.load_mats").load_lm3d(str(source / "src" / "config"))
        self.preprocessor = self.croper.Preprocesser.__new__(self.croper.Preprocesser)
        self.preprocessor.predictor = None

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Return the 68 landmarks of the most certain face in an RGB image, None if there is no face."""
        if self.preprocessor.predictor is None:
            files = ("alignment_WFLW_4HG.pth", "detection_Resnet50_Final.pth")
            if missing := [name for name in files if not (self.weights / name).is_file()]:
                raise Refused("options", f"faces cannot be looked for without {missing[0]}", "repair the engine")
            self.preprocessor.predictor = self.croper.KeypointExtractor(self.device)
        try:
            found = self.preprocessor.get_landmark(image)
        except (TypeError, IndexError, ValueError, cv2.error):  # what upstream runs into with an impossible box
            return None
        return None if found is None else np.asarray(found, dtype=np.float64)

    def read(self, path: Path, mode: str, size: int, landmarks: Any = None) -> Shown:
        """Return a picture as the mode wants it.

        Args:
            path: the picture.
            mode: `crop`, `extcrop`, `resize`, `full` or `extfull`.
            size: of what the networks see, px.
            landmarks: the face's landmarks in pixels of the picture, if they are known: 68, or a mesh of 478.

        Raises:
            Refused: it cannot be read, or there is no face.
        """
        image = _load(path)
        points = self.find(image) if landmarks is None else _as_68(landmarks)
        if points is None:
            remedy = "choose a picture with one face seen from the front"
            raise Refused("input", f"no face was found in {path.name}", remedy)
        if "full" in mode and max(image.shape) > LONGEST:
            shrink = LONGEST / max(image.shape)
            image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
            points = points * shrink
        box = self._box(image, points, mode)
        face, inside = _squared(image, points, box, size)
        return Shown(image, box, face, self.coefficients(face, inside))

    def _box(self, image: np.ndarray, points: np.ndarray, mode: str) -> tuple[int, int, int, int]:
        """Return what is animated of an image: left, top, right, bottom."""
        if mode == "resize":
            return 0, 0, image.shape[1], image.shape[0]
        size, crop, quad = self.preprocessor.align_face(Image.fromarray(image), points, CROP_SIZE)
        grown = np.array([image.shape[1] / size[0], image.shape[0] / size[1]] * 2)
        box = np.array(crop, dtype=float)
        if "ext" not in mode:
            left, top, right, bottom = (int(q) for q in quad)
            box = np.array([crop[0] + left, crop[1] + top, crop[0] + right, crop[1] + bottom], dtype=float)
            box[2:] = np.minimum(box[2:], crop[2:])
        left, top, right, bottom = (int(v) for v in np.rint(box * grown))
        if right - left < 16 or bottom - top < 16:
            raise Refused("input", "the face is too small, or lies outside of the picture")
        return left, top, right, bottom

    def coefficients(self, face: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return a face's 73 coefficients: expression, angles, shift, and three of the alignment."""
        flipped = np.stack([points[:, 0], face.shape[0] - 1 - points[:, 1]], 1)
        shift, scale = self.tools.POS(self.tools.extract_5p(flipped).T, self.standard.T)
        shift, scale = shift.ravel(), np.float64(102.0 / scale)  # upstream's size of a face in 224 pixels
        aligned, _, _ = self.tools.resize_n_crop_img(Image.fromarray(face), flipped, shift, scale)
        x = torch.from_numpy(np.array(aligned, dtype=np.float32) / 255).permute(2, 0, 1)[None]
        all_of_them = self.nets.recon(x.to(self.device))[0].cpu().numpy()
        parts = [all_of_them[part] for part in WHERE.values()]
        return np.concatenate([*parts, [scale, *shift]]).astype(np.float32)

    def follow(self, path: Path, size: int, limit: int) -> np.ndarray:
        """Return the coefficients (frames, 73) of the face in a video, at 25 frames a second, at most `limit`."""
        found: list[np.ndarray] = []
        crop: Any = None
        for image in _frames(path, limit):
            points = self.find(image)
            if points is not None:
                crop = crop or self._box(image, points, "crop")
                found.append(self.coefficients(*_squared(image, points, crop, size)))
            elif found:
                found.append(found[-1])  # a face that is turned away for a moment
        if not found:
            raise Refused("input", f"no face was found in {path.name}")
        return np.stack(found)


def _frames(path: Path, limit: int) -> Any:
    import av

    try:
        with av.open(str(path)) as video:
            due = 0
            for frame in video.decode(video=0):
                image = None
                while due < limit and due / 25 <= float(frame.time or 0) + 1e-6:
                    image = frame.to_ndarray(format="rgb24") if image is None else image
                    due += 1
                    yield image
    except (av.error.FFmpegError, IndexError) as error:
        raise Refused("options", f"{path} cannot be read as a video") from error


def _load(path: Path) -> np.ndarray:
    """Return a picture as RGB, turned as its camera says."""
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise Refused("input", f"{path.name} cannot be read as a picture") from error


def _squared(
    image: np.ndarray, points: np.ndarray, box: tuple[int, int, int, int], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what lies in a box as a square picture, and where the landmarks are in it."""
    left, top, right, bottom = box
    inside = (points - [left, top]) * [size / (right - left), size / (bottom - top)]
    return cv2.resize(image[top:bottom, left:right], (size, size)), inside


def _as_68(landmarks: Any) -> np.ndarray:
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] < 2 or len(points) not in (68, 468, 478):
        raise Refused("input", f"landmarks must be 68 or 478 points, not an array of shape {points.shape}")
    points = points[:, :2]
    return points if len(points) == 68 else points[MESH_68]
