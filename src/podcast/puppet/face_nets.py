"""The small networks that see a face: their pins, and what goes in and comes out of each.

Four TFLite files of MediaPipe 0.10.21 (Apache-2.0), run by OpenCV. They see crops of fixed sizes; where the crops
lie, and what the answers mean in the picture, is `faces`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from podcast.errors import EngineError
from podcast.puppet.facemap import MESH
from podcast.weights import Weight

_PACKAGE, _VERSION, _MEMBERS = "mediapipe", "0.10.21", "mediapipe/modules/"  # later wheels carry these files no more
_WHEEL = 35_622_638  # bytes


def _weight(name: str, member: str, size: int, sha256: str) -> Weight:
    return Weight(name, _PACKAGE, _VERSION, _MEMBERS + member, size, sha256, _WHEEL)


FACE_WEIGHTS = (
    _weight(
        "detector",
        "face_detection/face_detection_short_range.tflite",
        229_714,
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    _weight(
        "mesh",
        "face_landmark/face_landmark.tflite",
        1_242_398,
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    ),
    _weight(
        "iris",
        "iris_landmark/iris_landmark.tflite",
        2_640_568,
        "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    ),
    _weight(
        "matte",
        "selfie_segmentation/selfie_segmentation.tflite",
        249_505,
        "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
    ),
)

DETECTOR_SIDE, MESH_SIDE, IRIS_SIDE, MATTE_SIDE = 128, 192, 64, 256  # px, the networks' inputs


def _anchors(side: int, layers: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return anchor centres, float32 (n, 2) in 0 … 1; layers: (stride in px, anchors per cell)."""
    rows = []
    for stride, per_cell in layers:
        cells = side // stride
        y, x = np.mgrid[:cells, :cells]
        rows.append(np.repeat((np.stack([x, y], -1).reshape(-1, 2) + 0.5) / cells, per_cell, 0))
    return np.concatenate(rows).astype(np.float32)


_ANCHORS = _anchors(DETECTOR_SIDE, ((8, 2), (16, 6)))  # all of one size, as in MediaPipe's graph


class FaceNets:
    """The networks, loaded; one object per process (a network keeps its buffers)."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Load the networks named in `FACE_WEIGHTS` from files, as `weights.fetch` returns them."""
        self._nets = {weight.name: _load(Path(files[weight.name])) for weight in FACE_WEIGHTS}

    def detect(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find faces in an RGB crop of 128²: scores (896), and (896, 8, 2) of 0 … 1.

        The pairs are: centre, size, eye left and right (as the viewer sees them), nose, mouth, ear left and right.
        """
        scores, values = self._run("detector", crop.astype(np.float32) / 127.5 - 1, ("classificators", "regressors"))
        pairs = values.reshape(len(_ANCHORS), -1, 2) / DETECTOR_SIDE
        pairs[:, 0] += _ANCHORS
        pairs[:, 2:] += _ANCHORS[:, None]
        return _sigmoid(scores.reshape(-1)), pairs

    def mesh(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the mesh of an RGB crop of 192², float32 (468, 3) in its pixels, and the chance of a face, 0 … 1."""
        points, flag = self._run("mesh", crop.astype(np.float32) / 255, ("conv2d_21", "conv2d_31"))
        return points.reshape(MESH, 3), float(_sigmoid(flag.reshape(-1)[0]))

    def iris(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return 71 points round the eye and 5 of its iris, (n, 2) in pixels of an RGB crop of 64².

        The network knows the eye on the viewer's left; mirror the crop of the other.
        """
        rim, iris = self._run("iris", crop.astype(np.float32) / 255, ("output_eyes_contours_and_brows", "output_iris"))
        return rim.reshape(-1, 3)[:, :2].copy(), iris.reshape(-1, 3)[:, :2].copy()

    def matte(self, crop: np.ndarray) -> np.ndarray:
        """Return how likely each pixel of an RGB crop of 256² shows a person, float32 (256, 256) in 0 … 1."""
        (alpha,) = self._run("matte", crop.astype(np.float32) / 255, ("activation_10",))
        return alpha.reshape(MATTE_SIDE, MATTE_SIDE)

    def _run(self, name: str, crop: np.ndarray, outputs: tuple[str, ...]) -> list[np.ndarray]:
        net = self._nets[name]
        net.setInput(cv2.dnn.blobFromImage(crop))
        return [np.array(answer) for answer in net.forward(outputs)]


def _load(path: Path) -> cv2.dnn.Net:
    try:
        return cv2.dnn.readNetFromTFLite(np.fromfile(path, np.uint8))
    except cv2.error as error:
        remedy = "pip install 'opencv-python-headless>=4.10,<5'"
        raise EngineError("the installed OpenCV cannot read this network", remedy, str(path)) from error


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))
