"""What is known of a face in a picture: the ground that judging, warping and motion extraction stand on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MESH = 468  # points of the face mesh, in MediaPipe's numbering; five points for each iris follow
POINTS = MESH + 10


@dataclass(frozen=True)
class Trust:
    """How far the networks agree that this is a human face; the defaults are full agreement."""

    presence: float = 1.0  # 0 … 1, the mesh's own doubt, at its worst over badly cut crops
    spread: float = 0.0  # how far the mesh moves when the crop is cut badly, in face heights
    mouth: float = 0.0  # `spread` of the lips alone
    upper: float = 0.0  # `spread` of eyes and nose alone
    dissent: float = 0.0  # farthest that detector and mesh are apart on eyes, nose and mouth, in face heights


@dataclass(frozen=True, eq=False)
class FaceMap:
    """A face in an upright RGB picture; positions in pixels of that picture, x to the right and y down."""

    image: np.ndarray  # uint8 (h, w, 3)
    landmarks: np.ndarray  # float32 (478, 3): x, y, and depth in the same unit, negative towards the viewer
    matte: np.ndarray  # float32 (h, w): 1 where the person is, 0 where the background is
    score: float  # 0 … 1, the detector's
    faces: int = 1  # found in the picture; this is the one that was chosen
    scale: float = 1.0  # pixels of `image` for each pixel of the picture as it was given (large ones are scaled down)
    trust: Trust = Trust()

    @property
    def height(self) -> float:
        """Forehead to chin, pixels."""
        return float(np.linalg.norm(self.landmarks[10, :2] - self.landmarks[152, :2]))
