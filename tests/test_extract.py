"""What a person did in a clip is found again: on a head made by formula, in real files, and through real networks."""

from __future__ import annotations

import struct
import tracemalloc
from fractions import Fraction
from functools import cache as remember
from pathlib import Path

import av
import numpy as np
import pytest

from podcast.episode import SAMPLE_RATE
from podcast.errors import MediaError
from podcast.puppet.extract import LONGEST, extract, template_from
from podcast.puppet.face_nets import FACE_WEIGHTS
from podcast.puppet.faces import FaceNets, Tracker
from podcast.puppet.headfit import SKULL, angles, rotation
from podcast.puppet.template import COLUMN, MotionTemplate, template_digest
from podcast.weights import WeightsError, fetch

RATE = Fraction(30)
ROOT = Path(__file__).parent.parent
SAMPLES = ROOT.parent / "shared" / "samples"
EYES = {0: ((33, 133), (160, 159, 158), (144, 145, 153), 468), 1: ((362, 263), (385, 386, 387), (380, 374, 373), 473)}
BROWS = {0: (70, 63, 105, 66, 107, 46, 53, 52, 65, 55), 1: (336, 296, 334, 293, 300, 285, 295, 282, 283, 276)}
LEFT = (33, 127, 234, 93, 54, 21, 103, 67, 122, 196)  # of the skull, with their mirror images:
RIGHT = (263, 356, 454, 323, 284, 251, 332, 297, 351, 419)


def head() -> np.ndarray:
    """Return landmarks of a head by formula, (478, 3), one face height large: an ellipsoid with a nose."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-0.3, 0.3, 478), rng.uniform(-0.4, 0.4, 478)
    spots = {10: (0, -0.5), 152: (0, 0.5), 168: (0, -0.14), 6: (0, -0.1), 197: (0, -0.03), 195: (0, 0.02), 5: (0, 0.06),
             4: (0, 0.1), 1: (0, 0.12), 33: (-0.24, -0.12), 133: (-0.09, -0.12), 127: (-0.38, -0.1), 234: (-0.39, 0.02),
             93: (-0.38, 0.1), 54: (-0.3, -0.36), 21: (-0.35, -0.25), 103: (-0.24, -0.43), 67: (-0.14, -0.47),
             122: (-0.06, -0.06), 196: (-0.06, -0.02)}  # fmt: skip
    for point, (px, py) in spots.items():
        x[point], y[point] = px, py
    for a, b in zip((*LEFT, 133), (*RIGHT, 362), strict=True):
        x[b], y[b] = -x[a], y[a]
    for side, sign in ((0, -1), (1, 1)):
        _, upper, lower, iris = EYES[side]
        for points, dy in ((upper, -0.02), (lower, 0.02), (range(iris, iris + 5), 0.0)):
            x[list(points)], y[list(points)] = sign * 0.165, -0.12 + dy
        x[list(BROWS[side])], y[list(BROWS[side])] = sign * np.linspace(0.08, 0.26, 10), -0.22
    z = 0.45 * np.sqrt(np.clip(1 - (x / 0.45) ** 2 - (y / 0.62) ** 2, 0, 1))
    for point, out in ((168, 0.04), (6, 0.06), (197, 0.09), (195, 0.12), (5, 0.15), (4, 0.17), (1, 0.16)):
        z[point] += out
    return np.stack([x, y, z], 1)


def motion(seconds: float = 12.0, seed: int = 1) -> dict[str, np.ndarray]:
    """Return independent wanderings of all channels, with blinks of a third of a second."""
    t = np.arange(round(seconds * RATE)) / float(RATE)
    rng = np.random.default_rng(seed)

    def wander(size: float, k: int) -> np.ndarray:
        parts = [np.sin(2 * np.pi * f * t + rng.uniform(0, 6.28)) for f in (0.15 + 0.02 * k, 0.4 + 0.04 * k, 0.9)]
        return size * np.sum(parts, 0) / np.abs(np.sum(parts, 0)).max()

    sizes = {"yaw": 12, "pitch": 7, "roll": 7, "gaze_x": 0.6, "gaze_y": 0.6, "brow_l": 0.8, "head_x": 0.03}
    out = {name: wander(size, k) for k, (name, size) in enumerate(sizes.items())}
    out["brow_r"] = out["brow_l"]
    lids = np.zeros(len(t))
    for blink in np.arange(1.3, seconds - 0.5, 2.7):
        lids = np.maximum(lids, np.clip(1.4 - np.abs(t - blink) / 0.12, 0, 1))
    return {**out, "blink_l": lids, "blink_r": lids}


def filmed(
    moves: dict[str, np.ndarray], tilt: tuple[float, float, float] = (0, 0, 0), noise: float = 0.3
) -> np.ndarray:
    """Return landmarks (frames, 478, 3), pixels, of the head in front of a camera that sees it tilted."""
    rng, base, turn, frames = np.random.default_rng(7), head(), rotation(*tilt), []
    for i in range(len(moves["yaw"])):
        m = {name: float(track[i]) for name, track in moves.items()}
        face = base.copy()
        for side, brow in ((0, "brow_l"), (1, "brow_r")):
            _, upper, lower, iris = EYES[side]
            face[list(upper), 1] += 0.036 * m["blink_l"]
            face[iris : iris + 5, :2] += 0.15 * np.array([0.105 * m["gaze_x"], 0.037 * m["gaze_y"]])
            for lid, share in ((upper, 0.022), (lower, 0.010)):  # lids go with the eye; the mesh nods them too little
                face[list(lid), 1] += 0.15 * (share * m["gaze_y"] - 0.0025 * m["pitch"])
            face[list(BROWS[side]), 1] -= 0.05 * m[brow]
        moved = face @ (rotation(m["yaw"], m["pitch"], m["roll"]) @ turn).T
        moved[:, 0] += 1.25 * m["head_x"]
        frames.append(moved * (200, 200, -200) + (360, 300, 0))
    return (np.array(frames) + rng.normal(0, noise, (len(frames), 478, 3))).astype(np.float32)


def found(points: np.ndarray) -> MotionTemplate:
    template = template_from(points, np.arange(len(points)) / float(RATE), RATE)
    assert template is not None
    return template


def fit(true: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """Return correlation and gain."""
    return float(np.corrcoef(true, seen)[0, 1]), float(np.polyfit(true, seen, 1)[0])


LEAST = {"yaw": 0.95, "pitch": 0.95, "roll": 0.95, "blink_l": 0.9, "gaze_x": 0.8, "gaze_y": 0.8, "brow_l": 0.7}


@pytest.mark.parametrize("tilt", [(0, 0, 0), (9, -6, 4)])
def test_a_head_made_by_formula_is_found_again(tilt: tuple[float, float, float]) -> None:
    moves = motion()
    template = found(filmed(moves, tilt))
    assert template.starts == (0,)
    for name, least in LEAST.items():
        correlation, gain = fit(moves[name], template.tracks[:, COLUMN[name]])
        assert correlation >= least, name
        assert (0.5 if name.startswith("brow") else 0.8) <= gain <= 1.25, (name, gain)


def test_any_person_rests_at_zero() -> None:
    still = {name: 0 * track for name, track in motion().items()}
    for tilt in ((0, 0, 0), (14, -9, 6)):
        tracks = found(filmed(still, tilt, noise=0.2)).tracks
        assert np.abs(np.median(tracks, axis=0)).max() < 0.1
        assert np.abs(tracks[:, [COLUMN[n] for n in ("yaw", "pitch", "roll")]]).max() < 1.0
        assert tracks[:, COLUMN["blink_l"]].max() < 0.5  # eyes that never shut have not blinked


def test_the_pose_that_is_taken_most_is_neutral() -> None:
    moves = motion()
    moves["yaw"] = np.where(np.arange(360) < 250, 0.02, 1.0) * moves["yaw"] + np.where(np.arange(360) < 250, 10.0, 0.0)
    tracks = found(filmed(moves)).tracks
    assert abs(np.median(tracks[:250, COLUMN["yaw"]])) < 1.0


def test_turns_of_a_head_that_often_rests_tilted_are_no_nods() -> None:
    moves = motion()
    moves["pitch"] = 0.3 * moves["pitch"]
    calm = np.arange(len(moves["roll"])) % 100 < 45  # its most frequent pose is a tilt in which it turns little
    for name in ("yaw", "pitch"):
        moves[name] = np.where(calm, 0.05 * moves[name], moves[name])
    moves["roll"] = np.where(calm, 9.0, -3.0)
    template = found(filmed(moves))
    pitch, yaw = (template.tracks[~calm, COLUMN[name]] for name in ("pitch", "yaw"))
    leak = np.linalg.lstsq(np.stack([moves["pitch"][~calm], yaw, np.ones(len(yaw))], 1), pitch, rcond=None)[0]
    assert abs(leak[1]) < 0.1  # degrees of nod per degree of turn


def test_blinks_stay_sharp_and_whole() -> None:
    moves = motion()
    lids = found(filmed(moves)).tracks[:, COLUMN["blink_l"]]
    shut = (lids > 0.95).astype(int)
    assert (np.diff(shut) > 0).sum() == (np.diff((moves["blink_l"] > 0.95).astype(int)) > 0).sum() == 4
    assert abs(int((lids > 0.5).sum()) - int((moves["blink_l"] > 0.5).sum())) <= 8
    lags = range(-3, 4)
    fits = [np.corrcoef(np.roll(moves["blink_l"], lag), lids)[0, 1] for lag in lags]
    assert lags[int(np.argmax(fits))] == 0


def test_lids_that_are_narrowed_for_long_are_no_blink() -> None:
    moves, t = motion(), np.arange(360) / 30
    squint = 0.45 * np.clip(np.minimum(t - 4.0, 8.0 - t) / 0.1, 0, 1)  # four seconds of laughter
    for blinks in (moves["blink_l"], 0 * moves["blink_l"]):
        lids = np.maximum(blinks, squint)
        seen = found(filmed({**moves, "blink_l": lids, "blink_r": lids})).tracks[:, COLUMN["blink_l"]]
        held = seen[(t > 4.6) & (t < 7.4) & (blinks == 0)]
        assert np.median(held) < 0.5 and (held > 0.6).mean() < 0.05
        if blinks.any():
            assert (np.diff((seen > 0.9).astype(int)) > 0).sum() == 4


@pytest.mark.parametrize("drift", [0.02, -0.08])
def test_a_camera_that_moves_makes_no_one_lean(drift: float) -> None:
    moves = motion()
    seconds = np.arange(len(moves["yaw"])) / float(RATE)
    carried = filmed(moves)
    carried[..., 0] += (drift * seconds * 200)[:, None]  # face heights per second
    still, moved = found(filmed(moves)).tracks, found(carried).tracks
    for name in ("head_x", "lean"):
        assert np.abs(moved[:, COLUMN[name]] - still[:, COLUMN[name]]).max() < (0.01 if name == "head_x" else 0.2), name


def test_places_stay_within_what_a_head_does() -> None:
    moves = motion()
    moves["head_x"] = 10 * moves["head_x"]
    tracks = found(filmed(moves)).tracks
    assert np.percentile(np.abs(tracks[:, COLUMN["head_x"]]), 90) < 0.065
    assert fit(moves["head_x"], tracks[:, COLUMN["head_x"]])[0] > 0.85


def test_rotations_and_angles_agree() -> None:
    for pose in ((0, 0, 0), (20, -10, 5), (-15, 8, -12)):
        assert np.allclose(angles(rotation(*pose)[None])[0], pose)
    nose = rotation(10, 0, 0) @ (0, 0, 1), rotation(0, 10, 0) @ (0, 0, 1), rotation(0, 0, 10) @ (0, -1, 0)
    assert nose[0][0] > 0.1 and nose[1][1] > 0.1 and nose[2][0] > 0.1  # right, down, clockwise
    assert len(set(SKULL)) == len(SKULL)


def test_short_gaps_are_bridged_and_long_ones_split() -> None:
    moves = motion()
    points = filmed(moves)
    points[100:106] = np.nan
    template = found(points)
    assert template.starts == (0,)
    assert fit(moves["yaw"], template.tracks[:, COLUMN["yaw"]])[0] > 0.99
    points[200:230] = np.nan
    points[300:310] += 5 * np.random.default_rng(0).normal(0, 20, (10, 478, 3)).astype(np.float32)  # something else
    template = found(points)
    assert template.starts == (0, 200)
    assert 318 <= len(template.tracks) <= 331
    points[:] = np.nan
    assert template_from(points, np.arange(360) / 30, RATE) is None


def test_a_cut_in_the_clip_is_no_movement() -> None:
    points = filmed(motion())
    points[180:, :, 0] += 90
    template = found(points)
    assert template.starts == (0, 180)


# ---------------------------------------------------------------- files


class Formula:
    """A tracker that does not look, for a clip whose pictures do not matter."""

    def __init__(self, points: np.ndarray) -> None:
        self.points, self.sizes = list(points), set()

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        self.sizes.add(rgb.shape)
        return self.points.pop(0) if self.points else None


def write_clip(path: Path, pictures: list[np.ndarray], rate: Fraction = RATE) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "ultrafast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def grey(frames: int, height: int = 180, width: int = 320) -> list[np.ndarray]:
    return [np.full((height, width, 3), 90, np.uint8)] * frames


def test_a_clip_becomes_a_template(tmp_path: Path) -> None:
    moves, told = motion(4.0), list[float]()
    points = filmed(moves)
    clip = write_clip(tmp_path / "me.mp4", grey(120))
    template = extract(clip, Formula(points), told.append)
    assert (template.name, template.rate, len(template.tracks)) == ("me", RATE, 120)
    assert "me.mp4" in template.source
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 100
    again = extract(clip, Formula(points), name="other")
    assert template_digest(again) == template_digest(template)


def test_fast_and_large_clips_are_thinned(tmp_path: Path) -> None:
    tracker = Formula(filmed(motion(3.0)))
    template = extract(write_clip(tmp_path / "fast.mp4", grey(180, 720, 1280), Fraction(60)), tracker)
    assert template.rate == 30
    assert 88 <= len(template.tracks) <= 91
    assert tracker.sizes == {(405, 720, 3)}


def test_a_telephone_held_upright_is_seen_upright(tmp_path: Path) -> None:
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:, :160] = 220  # the left half as it is stored is the upper half as it is seen
    content = bytearray(write_clip(tmp_path / "a.mp4", [picture] * 70).read_bytes())
    matrix = content.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version, times and track, reserved, layer to volume
    turned = (0, 1 << 16, 0, -1 << 16, 0, 0, 180 << 16, 0, 1 << 30)  # a quarter clockwise
    content[matrix : matrix + 36] = struct.pack(">9i", *turned)
    (tmp_path / "a.mp4").write_bytes(content)
    seen = []

    class Watcher(Formula):
        def track(self, rgb: np.ndarray) -> np.ndarray | None:
            seen.append(rgb)
            return super().track(rgb)

    extract(tmp_path / "a.mp4", Watcher(filmed(motion(3.0))))
    assert seen[0].shape == (320, 180, 3)
    assert seen[0][:150].mean() > 190 and seen[0][170:].mean() < 40


def test_a_clip_without_a_face_is_named(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", grey(70))
    with pytest.raises(MediaError, match=r"wall\.mp4.*no face"):
        extract(clip, Formula(np.zeros((0, 478, 3))))
    with pytest.raises(MediaError, match=r"wall\.mp4.*2 s in a row"):
        extract(clip, Formula(filmed(motion(1.0))))


class Calm:
    """A tracker that sees the same face everywhere."""

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        return (head() * (60, 60, -60) + (160, 90, 0)).astype(np.float32)


def test_another_scene_is_another_stretch(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a, b = (np.kron(rng.integers(0, 255, (9, 16, 3)), np.ones((20, 20, 1))).astype(np.uint8) for _ in "ab")
    scenes = [np.roll(a, 2 * i, 1) for i in range(75)] + [b] * 75 + [a] * 20 + [b] * 20
    template = extract(write_clip(tmp_path / "cuts.mp4", scenes), Calm())
    assert template.starts == (0, 75) and len(template.tracks) == 150
    moving = [np.roll(a, 9 * i, 1) for i in range(90)]
    assert extract(write_clip(tmp_path / "pan.mp4", moving), Calm()).starts == (0,)


def test_what_keeps_a_clip_from_being_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="lasts only 0"):
        extract(write_clip(tmp_path / "three.mp4", grey(3)), Calm())
    with pytest.raises(MediaError, match="no such clip"):
        extract(tmp_path / "missing.mp4", Calm())
    flicker = [np.full((180, 320, 3), 200 if (i // 30) % 2 else 30, np.uint8) for i in range(150)]
    with pytest.raises(MediaError, match="is cut"):
        extract(write_clip(tmp_path / "cuts.mp4", flicker), Calm())


def test_what_is_no_clip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    for name in ("a.mp4", "missing.mp4"):
        with pytest.raises(MediaError, match=name):
            extract(tmp_path / name, Formula(np.zeros((0, 478, 3))))
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(MediaError, match=r"sound\.wav.*no picture"):
        extract(tmp_path / "sound.wav", Formula(np.zeros((0, 478, 3))))
    assert LONGEST >= 60


# ---------------------------------------------------------------- real networks, where they are at hand


@remember
def nets() -> FaceNets:
    try:
        return FaceNets(fetch(FACE_WEIGHTS, ROOT / "data" / "weights", offline=True))
    except WeightsError:
        pytest.skip("the face networks are not here")


def test_a_real_person_blinks_and_nods() -> None:
    clip = SAMPLES / "clips" / "d18.mp4"
    if not clip.is_file():
        pytest.skip("no sample clips")
    template = extract(clip, Tracker(nets()))
    assert template.starts == (0,)
    shut = template.tracks[:, COLUMN["blink_l"]] > 0.9
    assert 1 <= (np.diff(shut.astype(int)) > 0).sum() <= 3
    assert 1.0 < np.abs(template.tracks[:, COLUMN["pitch"]]).max() < 6.0
    assert np.abs(np.median(template.tracks, axis=0)).max() < 0.5


# ---------------------------------------------------------------- memory


class Repeated(Formula):
    """A tracker that keeps nothing: the same landmarks again and again."""

    def track(self, rgb: np.ndarray) -> np.ndarray | None:
        self.points = self.points[1:] + self.points[:1]  # no copy of what they hold
        return self.points[0]


def peak(clip: Path) -> int:
    """Return the most memory that an extraction holds at once, bytes."""
    tracker = Repeated(filmed(motion(2.5)))
    tracemalloc.start()
    try:
        extract(clip, tracker)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = (write_clip(tmp_path / f"{s}.mp4", grey(30 * s, 360, 640)) for s in (6, 24))
    once, fourfold = peak(short), peak(long)
    assert (fourfold - once) / (18 * 30) < 25_000  # bytes per frame, while all is fitted; a frame itself has 700 kB
    monkeypatch.setattr("podcast.puppet.extract.LONGEST", 6.0)  # of what comes later nothing is kept
    assert peak(long) < 1.05 * peak(short)
