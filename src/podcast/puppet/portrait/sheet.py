"""The test sheet of a portrait: landmarks, visemes, blink, glances, brows and turns."""

from __future__ import annotations

import cv2
import numpy as np

from podcast.canvas import to_rgb, to_yuv
from podcast.puppet.facemap import FaceMap
from podcast.puppet.portrait.cutout import place
from podcast.puppet.portrait.figure import PortraitFigure
from podcast.puppet.pose import INDEX, REST

POSES: dict[str, dict[str, float]] = {
    "rest": {},
    "AA": {"jaw": 1.0, "raise": 0.2},
    "EE": {"jaw": 0.25, "wide": 1.0, "raise": 0.4, "lower": 0.6},
    "OO": {"jaw": 0.25, "pucker": 1.0},
    "MBP": {"press": 1.0, "jaw": 0.3},
    "FV": {"tuck": 1.0, "raise": 0.3, "jaw": 0.15},
    "TH": {"jaw": 0.35, "tongue": 1.0, "raise": 0.3},
    "smile": {"smile": 1.0, "jaw": 0.15, "raise": 0.3},
    "half blink": {"blink_l": 0.5, "blink_r": 0.5},
    "blink": {"blink_l": 1.0, "blink_r": 1.0},
    "gaze right": {"gaze_x": 0.8},
    "gaze left, down": {"gaze_x": -0.7, "gaze_y": 0.7},
    "brows up": {"brow_l": 1.0, "brow_r": 1.0},
    "frown": {"brow_l": -0.7, "brow_r": -0.7, "frown": 1.0},
    "yaw 12": {"yaw": 12.0},
    "yaw -12": {"yaw": -12.0},
    "pitch 6": {"pitch": 6.0},
    "pitch -6": {"pitch": -6.0},
    "roll 8": {"roll": 8.0},
}
_COLUMNS = 5
_HEAD, _CENTRE = 0.66, (0.5, 0.47)  # in tile sizes
_GREY = (96, 104, 112)


def pose_of(changes: dict[str, float]) -> np.ndarray:
    """Return the rest pose with some channels changed."""
    pose = REST.copy()
    for channel, value in changes.items():
        pose[INDEX[channel]] = value
    return pose


def portrait_sheet(face: FaceMap, size: int = 320) -> np.ndarray:
    """Return RGB uint8 (rows * size, 5 * size, 3): the picture with its landmarks, then a tile for every pose."""
    background = to_yuv(np.full((size, size, 3), _GREY, np.uint8))
    centre = _CENTRE[0] * size, _CENTRE[1] * size
    figure = PortraitFigure(face, background, _HEAD * size, centre)
    tiles = [_marked(face, figure, size, centre)]
    tiles += [_titled(to_rgb(figure.draw(pose_of(changes))), name) for name, changes in POSES.items()]
    tiles += [np.full((size, size, 3), _GREY, np.uint8)] * (-len(tiles) % _COLUMNS)
    return np.vstack([np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)])


def _marked(face: FaceMap, figure: PortraitFigure, size: int, centre: tuple[float, float]) -> np.ndarray:
    """Return the portrait at rest with its landmarks."""
    tile = to_rgb(figure.draw(REST))
    for x, y in place(face, _HEAD * size, centre).to_region(face.landmarks[:, :2].astype(np.float64)):
        cv2.circle(tile, (round(float(x)), round(float(y))), 1, (60, 230, 120), -1, cv2.LINE_AA)
    return _titled(tile, "landmarks")


def _titled(tile: np.ndarray, text: str) -> np.ndarray:
    tile = np.ascontiguousarray(tile)
    place_ = 6, tile.shape[0] - 8
    for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(tile, text, place_, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thick, cv2.LINE_AA)
    return tile
