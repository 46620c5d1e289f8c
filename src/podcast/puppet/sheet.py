"""A contact sheet of hosts: each in a few poses, for choosing one and for looking a new one over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from podcast.canvas import to_rgb, to_yuv
from podcast.puppet.pose import INDEX, REST
from podcast.puppet.render import Puppet
from podcast.puppet.rig import host_folder, load_rig

_POSES: tuple[dict[str, float], ...] = (
    {},
    {"jaw": 0.75, "raise": 0.3, "brow_l": 0.4, "brow_r": 0.4},
    {"jaw": 0.25, "pucker": 0.9, "yaw": -12, "gaze_x": -0.4},
    {"smile": 0.9, "jaw": 0.2, "raise": 0.5, "yaw": 13, "roll": 5, "pitch": 3},
    {"blink_l": 1, "blink_r": 1, "press": 1, "pitch": 6},
)
_HEAD = 0.58  # head height in tile heights
_PIVOT = (0.5, 0.66)  # the neck in the tile
_TOP, _BOTTOM = (54.0, 60.0, 72.0), (96.0, 104.0, 118.0)  # RGB of the backdrop


def contact_sheet(names: Sequence[str], size: int = 320) -> np.ndarray:
    """Return RGB uint8 (rows * size, poses * size, 3): a row of poses for every host, tiles of `size` pixels."""
    return np.vstack([_row(name, size) for name in names])


def _row(name: str, size: int) -> np.ndarray:
    fade = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    backdrop = np.array(_TOP, np.float32) * (1 - fade) + np.array(_BOTTOM, np.float32) * fade
    puppet = Puppet(
        load_rig(host_folder(name)),
        to_yuv(np.tile(backdrop, (1, size, 1))),
        _HEAD * size,
        (_PIVOT[0] * size, _PIVOT[1] * size),
    )
    return np.hstack([to_rgb(puppet.draw(_pose(changes))) for changes in _POSES])


def _pose(changes: dict[str, float]) -> np.ndarray:
    pose = REST.copy()
    for channel, value in changes.items():
        pose[INDEX[channel]] = value
    return pose
