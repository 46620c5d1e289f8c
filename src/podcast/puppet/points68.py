"""The 68 landmarks of a drawn host, in the order of the iBUG 300-W annotation, which renderers were trained on.

Eyes, lips and chin are the rig's own curves; jaw, brows and nose lie between them by the proportions of a face.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from podcast.puppet.rig import Eye, Mouth, Point, RigSpec

_JAW_WIDTH = 1.32  # of the distance between the outer corners of the eyes
_BROW = 0.42  # eye widths above the upper lid
_NOSE_TIP, _NOSTRILS = 0.56, 0.64  # of the way from the eyes to the mouth
_NOSTRIL_WIDTH = 0.30  # of the distance between the middles of the eyes


def points68(spec: RigSpec) -> np.ndarray | None:
    """Return the landmarks at rest, float32 (68, 2) in pixels of the rig's canvas; None for a host without eyes."""
    if spec.eyes is None:
        return None
    left, right = spec.eyes.left, spec.eyes.right
    eyes = np.array([_middle(left), _middle(right)])
    outer = np.array([left.upper[0], right.upper[-1]])
    mouth = np.array(spec.mouth.line).mean(0)
    parts = [_jaw(outer, spec.chin), _brow(left), _brow(right), _nose(eyes, mouth), _eye(left), _eye(right),
             _lips(spec.mouth)]
    return np.concatenate(parts).astype(np.float32)


def _middle(eye: Eye) -> np.ndarray:
    return np.array([*eye.upper, *eye.lower]).mean(0)


def _along(curve: Sequence[Point], shares: Sequence[float]) -> np.ndarray:
    """Return points of a curve at shares of its way from left to right."""
    points = np.array(sorted(curve))
    x = points[0, 0] + np.array(shares) * (points[-1, 0] - points[0, 0])
    return np.column_stack([x, np.interp(x, points[:, 0], points[:, 1])])


def _jaw(outer: np.ndarray, chin: float) -> np.ndarray:
    centre, angles = outer.mean(0), np.linspace(0, np.pi, 17)
    half = _JAW_WIDTH * np.ptp(outer[:, 0]) / 2
    return np.column_stack([centre[0] - half * np.cos(angles), centre[1] + (chin - centre[1]) * np.sin(angles)])


def _brow(eye: Eye) -> np.ndarray:
    points = _along(eye.upper, np.linspace(-0.1, 1.1, 5).tolist())
    width = np.ptp(np.array(eye.upper)[:, 0])
    arch = 1 - (np.linspace(-1, 1, 5) ** 2) * 0.4
    points[:, 1] = min(y for _, y in eye.upper) - _BROW * width * arch
    return points


def _nose(eyes: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    top = eyes.mean(0)
    bridge = top + np.linspace(0, _NOSE_TIP, 4)[:, None] * (mouth - top)
    half = _NOSTRIL_WIDTH * np.linalg.norm(eyes[1] - eyes[0]) / 2
    wings = top + _NOSTRILS * (mouth - top) + np.column_stack([np.linspace(-half, half, 5), np.zeros(5)])
    return np.concatenate([bridge, wings])


def _eye(eye: Eye) -> np.ndarray:
    return np.concatenate([_along(eye.upper, (0, 1 / 3, 2 / 3, 1)), _along(eye.lower, (2 / 3, 1 / 3))])


def _lips(mouth: Mouth) -> np.ndarray:
    sixths = [i / 6 for i in range(1, 6)]
    outer = [_along(mouth.line, (0.0,)), _along(mouth.top, sixths), _along(mouth.line, (1.0,)),
             _along(mouth.low, sixths[::-1])]
    inner = [_along(mouth.line, (0.08, 0.3, 0.5, 0.7, 0.92)), _along(mouth.line, (0.7, 0.5, 0.3))]
    return np.concatenate([*outer, *inner])
