"""What a frame of a presenter costs: drawn hosts and portraits, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from podcast.puppet.portrait import PortraitFigure
from podcast.puppet.pose import INDEX, REST
from podcast.puppet.render import Puppet
from podcast.puppet.rig import host_folder, load_rig
from tests.test_portrait import drawn_face

_FRAMES = 300


def _poses() -> list[np.ndarray]:
    """Return poses of somebody who talks: every channel that speech moves is in motion all the time."""
    poses = []
    for i in range(_FRAMES):
        pose = REST.copy()
        waves = {"jaw": 0.35 + 0.35 * np.sin(i * 0.9), "wide": 0.3 + 0.3 * np.sin(i * 0.5), "yaw": 8 * np.sin(i / 17),
                 "pitch": 4 * np.sin(i / 11), "roll": 3 * np.sin(i / 23), "gaze_x": 0.5 * np.sin(i / 9),
                 "blink_l": max(0.0, np.sin(i / 6)) ** 8, "blink_r": max(0.0, np.sin(i / 6)) ** 8,
                 "brow_l": 0.4 * np.sin(i / 13), "brow_r": 0.4 * np.sin(i / 13), "breath": 0.5 + 0.5 * np.sin(i / 30)}
        for name, value in waves.items():
            pose[INDEX[name]] = value
        poses.append(pose)
    return poses


def _cost(draw: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return CPU milliseconds per frame."""
    poses = _poses()
    started = time.process_time()
    for pose in poses:
        draw(pose)
    return (time.process_time() - started) / len(poses) * 1e3


def presenters() -> list[tuple[str, float, str]]:
    """Return rows: what, value, bar."""
    cv2.setNumThreads(1)
    rows = []
    for width, height, head, bar in ((512, 512, 250, "at most 5 ms"), (1920, 1080, 600, "at most 9 ms")):
        ground = np.full((height, width, 3), (90, 128, 128), np.uint8)
        started = time.process_time()
        figure = PortraitFigure(drawn_face(), ground, head, (width / 2, height * 0.45))
        setup = time.process_time() - started
        rows.append((f"portrait, {width}x{height}, head {head} px: a frame", _cost(figure.draw), bar))
        rows.append((f"portrait, {width}x{height}: set-up (s)", setup, "under 2 s"))
    ground = np.full((1080, 1920, 3), (90, 128, 128), np.uint8)
    puppet = Puppet(load_rig(host_folder("maya")), ground, 475, (960, 640))
    rows.append(("drawn host, 1920x1080, head 475 px: a frame", _cost(puppet.draw), ""))
    return rows
