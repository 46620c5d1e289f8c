"""GFPGAN and RestoreFormer in their real environment, with random weights.

PODCAST_TEST_GFPGAN_PYTHON names an interpreter that has the packages of external/gfpgan's locks.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.engines import real

from podcast.engines.installed.enhancer import InstalledEnhancer, five_points
from podcast.environments.manifest import check_options, find_spec, wanted_weights
from podcast.environments.results import measure_video
from podcast.environments.worker import Refusal, Worker
from podcast.puppet.faces import read_face

HERE = Path(__file__).parent
WIDTH, HEIGHT, RATE = 480, 360, Fraction(30000, 1001)
FRAMES = 6  # of the clip with a still face: two CPU seconds each
CENTRE, SIZE = (240.0, 185.0), 0.55  # of the face, and pixels of the clip per pixel of the aligned square
TEMPLATE = np.array([[193.0, 239.9], [318.9, 240.2], [256.6, 314.0], [201.3, 371.4], [313.1, 371.2]])
MIDDLE = (256.0, 275.0)  # of the mask, in the aligned square
RIM = (205.0 * SIZE, 228.0 * SIZE)  # of the mask, in the clip
pytestmark = pytest.mark.engines


def points(shift: float = 0.0, noise: float = 0.0, seed: int = 0) -> list[list[float]]:
    wander = np.random.default_rng(seed).normal(size=(5, 2)) * noise
    return ((TEMPLATE - MIDDLE) * SIZE + CENTRE + (shift, 0) + wander).tolist()


def picture(shift: float = 0.0) -> np.ndarray:
    """Draw a head whose skin has some texture, in front of a pattern."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    rgb = np.stack([100 + 60 * np.sin(x / 17), 110 + 50 * np.cos(y / 13), 120 + 40 * np.sin((x + y) / 23)], -1)
    far = np.hypot((x - CENTRE[0] - shift) / 120, (y - CENTRE[1]) / 140)
    grain = 12 * np.sin((x - shift) / 3) * np.cos(y / 3.5)
    skin = np.stack([205 + grain, 165 + grain, 145 + grain], -1)
    for ex, ey in np.array(points(shift)):
        skin -= 90 * np.exp(-((x - ex) ** 2 + (y - ey) ** 2) / 120)[..., None]
    return np.clip(np.where(far[..., None] < 1, skin, rgb), 0, 255).astype(np.uint8)


def film(file: Path, frames: Sequence[np.ndarray], grain: float = 0.0) -> Path:
    noise = np.random.default_rng(5)
    with av.open(str(file), "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        stream.options = {"crf": "16", "preset": "veryfast", "x264-params": "threads=1"}
        for rgb in frames:
            rough = np.clip(rgb + noise.normal(size=rgb.shape) * grain, 0, 255).astype(np.uint8) if grain else rgb
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rough, format="rgb24")))
        out.mux(stream.encode())
    return file


def seen(file: Path) -> np.ndarray:
    with av.open(str(file)) as container:
        return np.stack([f.to_ndarray(format="gray").astype(float) for f in container.decode(video=0)])


def within(reach: float, least: float = 0.0) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    far = np.hypot((x - CENTRE[0]) / RIM[0], (y - CENTRE[1]) / RIM[1])
    return (far < reach) & (far >= least)


def noise_of(a: np.ndarray, b: np.ndarray) -> float:
    return 20 * float(np.log10(255 / (np.sqrt(np.mean((a - b) ** 2)) + 1e-9)))


def test_each_model_brings_its_own_weights() -> None:
    spec = find_spec("gfpgan")
    assert [w.path for w in wanted_weights(spec)] == ["GFPGANv1.4.pth"]
    assert [w.path for w in wanted_weights(spec, {"model": "restoreformer"})] == ["RestoreFormer.pth"]


@pytest.fixture
def paste(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the worker that needs no network; it runs here too."""
    monkeypatch.syspath_prepend(str(HERE.parents[1] / "external/gfpgan"))
    return importlib.import_module("paste")


def test_a_change_is_kept_where_the_face_is_still_and_anew_where_it_moves(paste: Any) -> None:
    noise = np.random.default_rng(1)
    face = np.full((512, 512, 3), 0.5, np.float32)
    change, made = paste.Change(), []
    for frame in range(6):
        now = face + noise.normal(size=face.shape).astype(np.float32) / 255
        now[300:420, 200:300] += 0.2 * frame  # a mouth opens
        made.append(change.next(now, now + 0.1 * noise.normal(size=face.shape).astype(np.float32)))
    steps = np.abs(np.diff(made, axis=0)).mean(-1)
    assert steps[:, 320:400, 220:280].mean() > 20 * steps[:, 150:250, 200:300].mean() > 0


def test_light_and_colour_are_the_frames_own(paste: Any) -> None:
    face = np.full((512, 512, 3), 0.5, np.float32)
    assert np.abs(paste.Change().next(face, face + np.float32([0.2, 0.1, -0.1]))).max() < 1


@pytest.mark.parametrize("bt709", [False, True])
def test_colours_come_back(paste: Any, bt709: bool) -> None:
    there, back = paste.colours(bt709), np.linalg.inv(paste.colours(bt709))
    white, grey = there @ (219, 0, 0), there @ (100, 0, 0)
    assert np.allclose(white, 255) and np.allclose(grey, grey[0])
    red = back @ (255, 0, 0)
    assert red[0] == pytest.approx(219 * (0.2126 if bt709 else 0.299)) and red[2] == pytest.approx(112)


@pytest.fixture(scope="module")
def python() -> Path:
    return real.place("PODCAST_TEST_GFPGAN_PYTHON")


@pytest.fixture(scope="module")
def weights(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real.random_weights("gfpgan", python, tmp_path_factory.mktemp("gfpgan"))


@pytest.fixture(scope="module")
def worker(python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with real.start("gfpgan", python, weights, tmp_path_factory.mktemp("work")) as warm:
        yield warm


def job(video: Path, into: Path, track: Sequence[Any], **options: Any) -> dict[str, Any]:
    into.mkdir(parents=True)
    chosen = check_options(find_spec("gfpgan"), {"model": "restoreformer", "strength": 1.0, **options})
    return {"video": video, "landmarks": list(track), "options": chosen, "into": into}


def enhance(worker: Worker, *given: Any, **options: Any) -> Path:
    return Path(worker.run(job(*given, **options))["files"]["video"])


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clips") / "still.mp4", [picture()] * FRAMES, grain=2.0)


@pytest.fixture(scope="module")
def better(worker: Worker, still: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    jittering = [points(noise=0.7, seed=n) for n in range(FRAMES)]
    return enhance(worker, still, tmp_path_factory.mktemp("made") / "into", jittering)


def test_as_many_frames_at_the_same_rate_and_size(better: Path, still: Path) -> None:
    assert measure_video(better) == measure_video(still) == (FRAMES, RATE)
    assert seen(better).shape == seen(still).shape


def test_the_face_changes_and_nothing_else(better: Path, still: Path) -> None:
    before, after = seen(still), seen(better)
    face, rest = within(0.5), ~within(1.02)
    assert np.abs(after - before)[:, face].mean() > 4
    assert noise_of(after[:, rest], before[:, rest]) > 42  # what encoding costs


def test_no_seam_is_seen(better: Path, still: Path) -> None:
    change = np.abs((seen(better) - seen(still)).mean(0))
    inside, outside = change[within(1.0, 0.93)].mean(), change[within(1.1, 1.0)].mean()
    assert change[within(0.5)].mean() > 4 and abs(inside - outside) < 0.5


def test_a_still_face_flickers_no_more_than_before(better: Path, still: Path) -> None:
    face = within(0.8)
    before, after = (np.abs(np.diff(seen(file), axis=0))[:, face].mean() for file in (still, better))
    assert after < 1.2 * before, (before, after)


def test_the_same_clip_gives_the_same_bytes(worker: Worker, better: Path, still: Path, tmp_path: Path) -> None:
    jittering = [points(noise=0.7, seed=n) for n in range(FRAMES)]
    again = enhance(worker, still, tmp_path / "a", jittering, batch_size=4)
    assert again.read_bytes() == better.read_bytes()


def test_a_moving_face_stays_where_it_is(worker: Worker, tmp_path: Path) -> None:
    shifts = [40 * np.sin(n / 4) for n in range(6)]
    clip = film(tmp_path / "clip.mp4", [picture(shift) for shift in shifts])
    made = enhance(worker, clip, tmp_path / "a", [points(shift) for shift in shifts], strength=0.0)
    assert noise_of(seen(made), seen(clip)) > 40
    moved = seen(enhance(worker, clip, tmp_path / "b", [points(shift) for shift in shifts]))
    changes = [np.abs(a - b) for a, b in zip(moved, seen(clip), strict=True)]
    x = np.arange(WIDTH)
    centres = [float((change.sum(0) * x).sum() / change.sum()) for change in changes]
    assert np.abs(np.array(centres) - CENTRE[0] - shifts).max() < 12


def test_without_a_face_frames_stay_and_changes_come_softly(worker: Worker, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", [picture()] * 24)
    track = [None] * 14 + [points()] * 10
    before, after = seen(clip), seen(enhance(worker, clip, tmp_path / "a", track))
    change = np.abs(after - before)[:, within(0.5)].mean(1)
    assert change[:13].max() < 0.5 and change[21:].min() > 4
    assert np.diff(change).max() < 0.5 * change.max()  # no jump


def test_strength_is_how_much_changes(worker: Worker, better: Path, still: Path, tmp_path: Path) -> None:
    half = enhance(worker, still, tmp_path / "a", [points(noise=0.7, seed=n) for n in range(FRAMES)], strength=0.5)
    whole, some = (np.abs(seen(file) - seen(still))[:, within(0.5)].mean() for file in (better, half))
    assert 0.35 < some / whole < 0.75


def peak(worker: Worker) -> int:
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))  # kB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_clip(python: Path, weights: Path, tmp_path: Path) -> None:
    short, long = (film(tmp_path / f"{n}.mp4", [picture()] * n) for n in (24, 400))
    with real.start("gfpgan", python, weights, tmp_path) as one:
        enhance(one, short, tmp_path / "a", [points()] * 24, strength=0.0)
        before = peak(one)
        enhance(one, long, tmp_path / "b", [points()] * 400, strength=0.0)
        assert peak(one) - before < 20_000  # the frames alone would be 100 MB


def test_odd_clips_are_read(worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "odd.mkv"
    with av.open(str(file), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 479, 359, "yuv444p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture()[:359, :479], format="rgb24")))
        out.mux(stream.encode())
    made = enhance(worker, file, tmp_path / "a", [points()])
    assert measure_video(made) == (1, Fraction(25)) and seen(made).shape == (1, 358, 478)


def test_gfpgan_itself(python: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    real.random_weights("gfpgan", python, folder, "--all")
    clip = film(tmp_path / "clip.mp4", [picture()] * 2)
    with real.start("gfpgan", python, folder, tmp_path) as one:
        first, again = (enhance(one, clip, tmp_path / n, [points()] * 2, model="gfpgan") for n in "ab")
    assert first.read_bytes() == again.read_bytes() and measure_video(first) == (2, RATE)
    before, after = seen(clip), seen(first)
    assert np.abs(after - before)[:, within(0.5)].mean() > 1
    assert noise_of(after[:, ~within(1.02)], before[:, ~within(1.02)]) > 42


def test_half_precision_is_near(python: Path, weights: Path, better: Path, still: Path, tmp_path: Path) -> None:
    with real.start("gfpgan", python, weights, tmp_path, precision="bfloat16") as half:
        made = enhance(half, still, tmp_path / "a", [points(noise=0.7, seed=n) for n in range(FRAMES)])
    assert noise_of(seen(made), seen(better)) > 30


def test_what_is_wrong_is_told(python: Path, weights: Path, worker: Worker, still: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"(?s)GFPGANv1\.4\.pth are not there.*engines repair gfpgan"):
        enhance(worker, still, tmp_path / "a", [points()] * FRAMES, model="gfpgan")
    with pytest.raises(Refusal, match="6 frames, places of the face were given for 5"):
        enhance(worker, still, tmp_path / "b", [points()] * 5, strength=0.0)
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(Refusal, match=r"no\.mp4 cannot be read"):
        enhance(worker, tmp_path / "no.mp4", tmp_path / "c", [points()])
    broken = shutil.copytree(weights, tmp_path / "weights")
    file = broken / "RestoreFormer.pth"
    file.write_bytes(file.read_bytes()[:100_000])
    saying = pytest.raises(Refusal, match=r"(?s)damaged.*engines repair gfpgan")
    with real.start("gfpgan", python, broken, tmp_path) as one, saying:
        enhance(one, still, tmp_path / "d", [points()] * FRAMES)


def test_a_worker_that_is_killed_is_replaced(python: Path, weights: Path, still: Path, tmp_path: Path) -> None:
    with real.start("gfpgan", python, weights, tmp_path) as one:
        killed = []

        def heard(done: float, text: str) -> None:
            if not killed and done > 0.3:
                killed.append(one.pid)
                os.kill(one.pid or 0, signal.SIGKILL)

        value = one.run(job(still, tmp_path / "a", [points()] * FRAMES), heard)
        assert killed and one.starts == 2 and measure_video(Path(value["files"]["video"])) == (FRAMES, RATE)


def test_the_worker_verifies_itself(worker: Worker) -> None:
    value = worker.verify()
    assert value["repeatable"] and value["model"] == "restoreformer"


# ---------------------------------------------------------------- the host's side


class Eyes:
    """Tracks what is in the middle of every second frame."""

    def __init__(self) -> None:
        self.frames = 0

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        self.frames += 1
        if self.frames % 2 == 0:
            return None
        return np.full((478, 3), (rgb.shape[1] / 2, rgb.shape[0] / 4, 0), np.float32)


def test_points_are_told_in_pixels_of_the_clip(tmp_path: Path) -> None:
    clip = film(tmp_path / "wide.mp4", [np.zeros((540, 960, 3), np.uint8)] * 3)
    found = five_points(clip, Eyes())
    assert found[1] is None and len(found) == 3
    assert np.allclose(found[0], [[480, 135]] * 5) and found[2] == found[0]


class Warm:
    """An installed engine whose worker is at hand."""

    def __init__(self, worker: Worker) -> None:
        self.spec, self.run = find_spec("gfpgan"), worker.run

    def identity(self) -> str:
        return "pins"


def face_nets() -> Any:
    from podcast.puppet.face_nets import FACE_WEIGHTS, FaceNets
    from podcast.weights import WeightsError, fetch

    try:
        return FaceNets(fetch(FACE_WEIGHTS, Path(os.environ.get("PODCAST_TEST_FACES", "data/weights")), offline=True))
    except WeightsError:
        pytest.skip("the face models are not here")


def test_behind_the_door_of_enhancers(worker: Worker, tmp_path: Path) -> None:
    portraits = sorted(Path(os.environ.get("PODCAST_TEST_PORTRAITS", "no such folder")).glob("s*.jpg"))
    if not portraits:
        pytest.skip("no portraits here")
    from PIL import Image

    image = Image.open(portraits[0]).convert("RGB")
    image.thumbnail((480, 480))
    rgb = np.array(image)[: image.height // 2 * 2, : image.width // 2 * 2]
    clip = film(tmp_path / "clip.mp4", [rgb] * 6)
    (tmp_path / "into").mkdir()
    nets = face_nets()
    options = check_options(find_spec("gfpgan"), {"model": "restoreformer"})
    door = InstalledEnhancer(Warm(worker), options, lambda: nets)  # type: ignore[arg-type]
    made = door.enhance(clip, tmp_path / "into")
    assert measure_video(made) == measure_video(clip)
    assert np.abs(seen(made) - seen(clip)).max() > 10
    odd = rgb[:-1, :-1]
    still = door.enhance_picture(odd, read_face(odd, nets=nets).landmarks, tmp_path / "into").astype(int)
    assert still.shape == odd.shape
    changed = np.abs(still - odd).mean(-1)
    assert changed.max() > 10 and np.median(changed) <= 1
    empty = film(tmp_path / "empty.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 3)
    assert door.enhance(empty, tmp_path / "into").read_bytes() == empty.read_bytes()
    assert door.identity() != InstalledEnhancer(Warm(worker), {"strength": 0.1}, lambda: nets).identity()  # type: ignore[arg-type]
