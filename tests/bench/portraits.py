"""What a frame of a presenter costs: drawn hosts and portraits who speak, on one thread.

Portraits are a drawn face and, with PODCAST_BENCH_PORTRAITS=FOLDER, every picture of a folder that is not refused (the
face networks have to be at hand: `podcast portrait check` fetches them).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from podcast.puppet.facemap import FaceMap
from podcast.puppet.performance import perform
from podcast.puppet.portrait import PortraitFigure
from podcast.puppet.render import Puppet
from podcast.puppet.rig import host_folder, load_rig
from tests.test_motion import UTTERANCES, slot
from tests.test_portrait import drawn_face

_FRAMES = 250
_ROUNDS = 2  # the cheaper of which counts: caches, and whoever else is at work
_SIZES = ((512, 512, 250, "at most 5 ms"), (1920, 1080, 600, "at most 9 ms"))


def _poses() -> np.ndarray:
    """Return poses of somebody who speaks all the time."""
    return np.concatenate([perform(slot(said), "A", Fraction(25)).poses for said in UTTERANCES])[:_FRAMES]


def _cost(draw: Callable[[np.ndarray], np.ndarray], poses: np.ndarray) -> float:
    """Return the median of CPU milliseconds per frame."""
    costs = np.empty((_ROUNDS, len(poses)))
    for costs_of_round in costs:
        for i, pose in enumerate(poses):
            started = time.thread_time()
            draw(pose)
            costs_of_round[i] = time.thread_time() - started
    return float(np.median(costs.min(0))) * 1e3


def _faces() -> Iterator[tuple[str, FaceMap]]:
    """Yield the drawn face, then those of the folder's pictures."""
    yield "drawn", drawn_face()
    folder, weights = os.environ.get("PODCAST_BENCH_PORTRAITS"), Path(__file__).parents[2] / "data" / "weights"
    if not folder:
        return
    from podcast.puppet.face_nets import FACE_WEIGHTS, FaceNets
    from podcast.puppet.judge import is_refused, portrait_report
    from podcast.weights import fetch

    nets = FaceNets(fetch(FACE_WEIGHTS, weights, offline=True))
    for picture in sorted(Path(folder).iterdir()):
        findings, face = portrait_report(picture, nets)
        if face is not None and not is_refused(findings):
            yield picture.stem, face


def presenters() -> Iterator[tuple[str, float, str]]:
    """Yield rows: what, value, bar."""
    cv2.setNumThreads(1)
    poses = _poses()
    for name, face in _faces():
        for width, height, head, bar in _SIZES:
            ground = np.full((height, width, 3), (90, 128, 128), np.uint8)
            started = time.process_time()
            figure = PortraitFigure(face, ground, head, (width / 2, height * 0.45))
            yield f"portrait {name}, {height}p: set-up (s)", time.process_time() - started, "under 2 s"
            yield f"portrait {name}, {height}p, head {head} px: a frame", _cost(figure.draw, poses), bar
    ground = np.full((1080, 1920, 3), (90, 128, 128), np.uint8)
    puppet = Puppet(load_rig(host_folder("maya")), ground, 475, (960, 640))
    yield "drawn host, 1080p, head 475 px: a frame", _cost(puppet.draw, poses), ""
