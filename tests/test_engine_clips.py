"""Clips that the workers of engines write, longer than an encoder looks ahead; their code runs in any Python."""

from __future__ import annotations

import importlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from podcast.environments.results import check_video
from podcast.environments.session import INSIDE

FRAMES = 70  # x264 looks 40 ahead at most


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_the_renderer_writes_every_frame_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: Fraction
) -> None:
    monkeypatch.syspath_prepend(str(INSIDE))
    writer = importlib.import_module("podcast_video").Writer
    with writer(tmp_path / "clip.mp4", 128, 96, rate) as out:
        for number in range(FRAMES):
            out.add(np.full((96, 128, 3), 40 + 2 * number, np.uint8))
    check_video(tmp_path / "clip.mp4", FRAMES, rate)
    with av.open(str(tmp_path / "clip.mp4")) as video:
        light = [float(frame.to_ndarray(format="rgb24").mean()) for frame in video.decode(video=0)]
    assert np.abs(np.array(light) - (40 + 2 * np.arange(FRAMES))).max() < 3
