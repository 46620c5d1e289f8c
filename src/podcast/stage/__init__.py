"""The stage: shots become frames."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2

from podcast.cache import Cache
from podcast.canvas import Canvas
from podcast.episode import Look, Shot
from podcast.stage.clips import play
from podcast.stage.frames import paint
from podcast.stage.scene import Setting, Stage
from podcast.stage.stills import backdrop_of, cut_out

__all__ = ["Setting", "Stage", "backdrop_of", "cut_out", "frames_of", "paint", "warm_stage"]

_WARM_STAGES = 3  # kept by a worker: their presenters need memory


@lru_cache(maxsize=_WARM_STAGES)
def warm_stage(setting: Setting, root: Path) -> Stage:
    """Return the stage for a setting, built once per worker."""
    cv2.setNumThreads(1)
    return Stage(setting, Cache(root))


def frames_of(shot: Shot, look: Look, root: Path) -> Iterator[Canvas]:
    """Yield the frames of a shot, as they go to the encoder; `root` is the cache's folder."""
    if shot.slot.video:
        return play(shot.slot.video, look, shot.slot.frames)
    presenters = tuple(clip.presenter for clip in shot.clips)
    return paint(shot, warm_stage(Setting(look, presenters, shot.image, shot.image_digest), root))
