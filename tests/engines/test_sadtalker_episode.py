"""SadTalker from nothing to an episode: installed from a copy of upstream, verified, rendered, and kept; opt in.

SADTALKER_SOURCE names a copy of upstream's repository, SADTALKER_WEIGHTS a folder with weights (random ones do:
`sadtalker_random.py`). About ten minutes on two cores.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from tests.test_produce import podcast

from podcast.process import run_program

pytestmark = pytest.mark.engines
SMALL = ("--set", "video.resolution=320x180", "--set", "video.title_card=false", "--set", "video.outro_card=false")


def _place(variable: str) -> Path:
    if not (name := os.environ.get(variable)):
        pytest.skip(f"{variable} is not set")
    return Path(name)


def _create(folder: Path) -> dict[str, object]:
    """Make the episode and return what its report says of the renderer."""
    run_program([sys.executable, "-m", "podcast", "create", "s.txt", "--avatar", "--skip-music", "--cpu",
                 "--set", "avatar.engine=sadtalker", "--set", "avatar.fallback=none", *SMALL],
                timeout=1800, cwd=folder)  # fmt: skip
    report = json.loads((folder / "data/episodes/s/report.json").read_text())
    assert not report["warnings"]
    return next(stage for stage in report["stages"] if stage["name"] == "avatar")


def test_from_nothing_to_an_episode_and_again_from_the_cache(tmp_path: Path) -> None:
    source, weights = _place("SADTALKER_SOURCE"), _place("SADTALKER_WEIGHTS")
    podcast(tmp_path, "engines", "install", "sadtalker", "--source", str(source), "--weights", str(weights), "--yes",
            "--device", "cpu")
    assert "as pinned" in podcast(tmp_path, "engines", "verify", "sadtalker").stdout
    (tmp_path / "s.txt").write_text("Yes.\n")
    first = _create(tmp_path)  # a drawn host: its landmarks come with its picture
    assert (first["engine"], first["made"]) == ("sadtalker", 2)  # the utterance, and the host at rest
    with av.open(str(tmp_path / "data/episodes/s/s.mp4")) as video:
        frames = np.stack([f.to_ndarray(format="gray") for f in video.decode(video=0)]).astype(int)
    assert frames[len(frames) // 2].std() > 5 and np.abs(np.diff(frames, axis=0)).max() > 20  # a picture that moves
    again = _create(tmp_path)
    assert (again["made"], again["reused"]) == (0, 2)
