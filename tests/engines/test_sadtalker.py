"""SadTalker's worker in its real environment, over upstream's own modules, with random weights; opt in.

SADTALKER_SOURCE names a copy of upstream's repository, SADTALKER_PYTHON an interpreter with the packages of its lock,
SADTALKER_WEIGHTS a folder with weights (left out: random ones are made, 1 GB).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from podcast.audio import write_wav
from podcast.environments.manifest import find_spec
from podcast.environments.spec import Environment
from podcast.environments.worker import Refusal, Setup, Worker

pytestmark = pytest.mark.engines
HERE = Path(__file__).parent
PICTURE = "examples/source_image/people_0.png"
SIDE = 474  # px of that picture
CENTRE, FACE = (230, 190), 75  # px: where its face is, and half its width
FAITHFUL = 80.0  # dB: full precision differs from upstream by rounding only


def _place(variable: str) -> Path:
    if not (name := os.environ.get(variable)):
        pytest.skip(f"{variable} is not set")
    return Path(name)


def _landmarks() -> list[list[float]]:
    """Return the 68 points of a plain face where the picture's face is."""
    jaw = [(np.cos(a) * -1, 0.2 + np.sin(a) * 1.2) for a in np.linspace(0, np.pi, 17)]
    brows = [(x, -0.5) for x in (-0.8, -0.7, -0.5, -0.35, -0.2, 0.2, 0.35, 0.5, 0.7, 0.8)]
    nose = [(0, y) for y in (-0.2, 0.0, 0.2, 0.4)] + [(x, 0.5) for x in (-0.2, -0.1, 0, 0.1, 0.2)]
    eye = [(-0.18, 0), (-0.08, -0.08), (0.08, -0.08), (0.18, 0), (0.08, 0.07), (-0.08, 0.07)]
    eyes = [(x + side * 0.45, y - 0.2) for side in (-1, 1) for x, y in eye]
    lips = [(0.4 * np.cos(a) * -1, 0.85 - 0.12 * np.sin(a)) for a in np.arange(12) * (np.pi / 6)]
    inner = [(0.3 * np.cos(a) * -1, 0.85 - 0.05 * np.sin(a)) for a in np.arange(8) * (np.pi / 4)]
    points = np.array(jaw + brows + nose + eyes + lips + inner)
    return (points * FACE + CENTRE).tolist()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := os.environ.get("SADTALKER_WEIGHTS"):
        return Path(given)
    folder = tmp_path_factory.mktemp("weights")
    script = [str(_place("SADTALKER_PYTHON")), str(HERE / "sadtalker_random.py"), str(_place("SADTALKER_SOURCE"))]
    subprocess.run([*script, str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def worker(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    spec = find_spec("sadtalker")
    folder = tmp_path_factory.mktemp("environment")
    python, source = _place("SADTALKER_PYTHON"), _place("SADTALKER_SOURCE")
    environment = Environment(spec, spec.variants[0], "0" * 64, folder, python, source, weights)
    with Worker(environment, Setup(policy={"half": True, "precision": "bfloat16"})) as started:
        yield started


def _args(folder: Path, frames: int = 4, rate: tuple[int, int] = (25, 1), **options: Any) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(16000 * frames * rate[1] / rate[0])) / 16000
    write_wav(folder / "sound.wav", (0.3 * np.sin(times * 900) * np.sin(times * 25)).astype(np.float32), 16000)
    into = folder / "into"
    into.mkdir(exist_ok=True)
    return {
        "picture": str(_place("SADTALKER_SOURCE") / PICTURE), "audio": str(folder / "sound.wav"), "frames": frames,
        "rate": list(rate), "seed": 1, "options": options, "into": str(into), "landmarks": _landmarks(),
    }  # fmt: skip


def _frames(path: Path) -> tuple[np.ndarray, Fraction]:
    with av.open(str(path)) as video:
        assert not video.streams.audio
        rate = video.streams.video[0].average_rate
        return np.stack([f.to_ndarray(format="rgb24") for f in video.decode(video=0)]), Fraction(rate)


def test_frames_are_counted_and_move_and_end_where_they_began(worker: Worker, tmp_path: Path) -> None:
    value = worker.run(_args(tmp_path, frames=5))
    frames, rate = _frames(Path(value["files"]["video"]))
    assert frames.shape == (5, value["height"], value["width"], 3)
    assert rate == 25 and value["width"] == 256
    moved = np.abs(frames.astype(int) - frames[0]).mean((1, 2, 3))
    assert moved[2] > 3 * moved[4], "the middle moves, the last frame is at rest again"
    assert frames.std() > 5, "not one grey"


def test_the_same_job_gives_the_same_bytes(worker: Worker, tmp_path: Path) -> None:
    first = worker.run(_args(tmp_path / "a", frames=3))
    worker.run(_args(tmp_path / "b", frames=2, expression_scale=2.0))  # what is between leaves no trace
    again = worker.run(_args(tmp_path / "c", frames=3))
    assert Path(first["files"]["video"]).read_bytes() == Path(again["files"]["video"]).read_bytes()


@pytest.mark.parametrize("rate", [(30000, 1001), (24, 1)])
def test_any_frame_rate(worker: Worker, tmp_path: Path, rate: tuple[int, int]) -> None:
    value = worker.run(_args(tmp_path, frames=2, rate=rate))
    frames, found = _frames(Path(value["files"]["video"]))
    assert len(frames) == 2 and found == Fraction(*rate)


def test_a_face_goes_back_into_its_picture(worker: Worker, tmp_path: Path) -> None:
    value = worker.run(_args(tmp_path, frames=1, preprocess="full"))
    frames, _ = _frames(Path(value["files"]["video"]))
    assert frames.shape[1:3] == (SIDE, SIDE)
    with av.open(str(_place("SADTALKER_SOURCE") / PICTURE)) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24")
    corner = np.abs(frames[0][-40:, :40].astype(int) - picture[-40:, :40])
    assert corner.mean() < 4, "far from the face the picture is as it was"


def test_size_128_is_drawn_at_256_and_scaled(worker: Worker, tmp_path: Path) -> None:
    value = worker.run(_args(tmp_path, frames=1, size=128))
    assert value["width"] == 128 and "no size 128" in value["notes"][0]


def test_a_picture_without_a_face_is_refused(worker: Worker, tmp_path: Path) -> None:
    args = _args(tmp_path)
    del args["landmarks"]  # random detectors find nothing
    with pytest.raises(Refusal, match="no face was found"):
        worker.run(args)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"enhancer": "gfpgan"}, "engine of its own"),
        ({"size": 300}, "one of 128, 256, 512"),
        ({"ref_pose": "/nowhere.mp4"}, "there is no file"),
        ({"glasses": True}, "no option 'glasses'"),
    ],
)
def test_options_are_checked(worker: Worker, tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        worker.run(_args(tmp_path, **options))


def test_full_precision_is_upstreams_own_picture(weights: Path) -> None:
    bench = HERE.parent / "bench_sadtalker.py"
    command = [str(_place("SADTALKER_PYTHON")), str(bench), "--source", str(_place("SADTALKER_SOURCE"))]
    command += ["--weights", str(weights), "--frames", "1", "--threads", "1", "full"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^full .* ([\d.]+) dB", said, re.MULTILINE)
    assert found and float(found[1]) >= FAITHFUL, said
