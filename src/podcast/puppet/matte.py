"""Cut a person out: a coarse matte from a network, drawn to the picture's own edges."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.puppet.crops import Place, cut
from podcast.puppet.face_nets import MATTE_SIDE, FaceNets

_BUST = 3.6  # side of the close look at head and shoulders, in face heights
_EDGE = 0.10  # width of the band in which edges are looked for, in face heights
_SMOOTH = 1e-4  # of the guided filter: variance (of 0 … 1 colours) that is taken for noise
_INSIDE, _OUTSIDE = 0.90, 0.10  # matte values that are taken for all and nothing
_FINE = 700  # px, longer side of the picture in which the guided filter's coefficients are found


def read_matte(rgb: np.ndarray, landmarks: np.ndarray, nets: FaceNets) -> np.ndarray:
    """Return the matte of the person whose face is given, float32 (h, w) in steps of 1/255.

    The network looks at the whole picture and, closer, at head and shoulders; then a colour guided filter
    (He, Sun and Tang 2010, on a reduced picture as in their fast variant of 2015) takes over the edges.
    """
    height = float(np.linalg.norm(landmarks[10, :2] - landmarks[152, :2]))
    coarse = _fill(_look(rgb, landmarks, height, nets), landmarks)
    fine = _guided(rgb, coarse, height * _EDGE)
    alpha = np.clip((fine - _OUTSIDE) / (_INSIDE - _OUTSIDE), 0, 1)
    return np.rint(alpha * 255).astype(np.float32) / np.float32(255)


def _look(rgb: np.ndarray, landmarks: np.ndarray, height: float, nets: FaceNets) -> np.ndarray:
    h, w = rgb.shape[:2]
    whole = nets.matte(cv2.resize(rgb, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA))
    matte = cv2.resize(whole, (w, h), interpolation=cv2.INTER_LINEAR)
    x, y = landmarks[:468, :2].mean(0)
    place = Place(float(x), float(y), height * _BUST)
    crop, back = cut(rgb, place, MATTE_SIDE)
    close = cv2.warpAffine(nets.matte(crop), back, (w, h), flags=cv2.INTER_LINEAR)
    trust = cv2.warpAffine(_window(MATTE_SIDE), back, (w, h), flags=cv2.INTER_LINEAR)
    return matte * (1 - trust) + close * trust


def _window(side: int) -> np.ndarray:
    """Return weights that fall to nothing at the edges of a square, float32 (side, side)."""
    ramp = np.clip(np.minimum(np.arange(side), np.arange(side)[::-1]) / (side * 0.15), 0, 1)
    return np.minimum.outer(ramp, ramp).astype(np.float32)


def _fill(matte: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Make the face solid, and keep only what hangs together with it."""
    solid = matte.copy()
    hull = cv2.convexHull(np.rint(landmarks[:468, :2]).astype(np.int32))
    cv2.fillConvexPoly(solid, hull, 1.0)
    body = (solid > 0.3).astype(np.uint8)
    _, labels = cv2.connectedComponents(body)
    x, y = np.clip(np.rint(landmarks[1, :2]), 0, [matte.shape[1] - 1, matte.shape[0] - 1]).astype(int)
    own = (labels == labels[y, x]).astype(np.uint8)
    own = cv2.dilate(own, np.ones((3, 3), np.uint8), iterations=max(2, matte.shape[1] // 100))
    return np.where(own > 0, solid, 0).astype(np.float32)


def _guided(rgb: np.ndarray, matte: np.ndarray, reach: float) -> np.ndarray:
    h, w = matte.shape
    factor = max(1.0, max(h, w) / _FINE)
    size = (round(w / factor), round(h / factor))
    colours = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    radius = max(2, round(reach / factor))
    slope, offset = _coefficients(colours, cv2.resize(matte, size, interpolation=cv2.INTER_AREA), radius)
    fine = cv2.resize(offset, (w, h), interpolation=cv2.INTER_LINEAR)
    for channel in range(3):
        grown = cv2.resize(slope[..., channel], (w, h), interpolation=cv2.INTER_LINEAR)
        fine += grown * (rgb[..., channel].astype(np.float32) / 255)
    return fine


def _coefficients(colours: np.ndarray, matte: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Return slope (h, w, 3) and offset (h, w) of the local linear model matte = slope · colour + offset."""

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    colour, alpha = mean(colours), mean(matte)
    outer = colours[..., :, None] * colours[..., None, :]
    spread = mean(outer.reshape(*matte.shape, 9)[..., :4]), mean(outer.reshape(*matte.shape, 9)[..., 4:8])
    ninth = mean(outer[..., 2, 2])
    second = np.concatenate([*spread, ninth[..., None]], -1).reshape(*matte.shape, 3, 3)
    covariance = second - colour[..., :, None] * colour[..., None, :] + _SMOOTH * np.eye(3, dtype=np.float32)
    with_alpha = mean(colours * matte[..., None]) - colour * alpha[..., None]
    slope = np.linalg.solve(covariance, with_alpha[..., None])[..., 0].astype(np.float32)
    offset = alpha - (slope * colour).sum(-1)
    return mean(slope), mean(offset)
