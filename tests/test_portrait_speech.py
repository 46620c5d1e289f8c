"""What a viewer sees of a performance, read off the rendered frames by the networks that read people's clips.

The networks find the face anew in what was drawn: do the lips do what the phones say, does the skull stay one, and
does known motion come back as a template? A face that the tests draw themselves always takes part where the networks
are at hand, the sample portraits and the sample clips where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache as remember
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
import pytest

from podcast.canvas import to_rgb, to_yuv
from podcast.engines import speech_engine
from podcast.episode import SAMPLE_RATE, Utterance
from podcast.puppet.extract import template_from
from podcast.puppet.face_nets import FACE_WEIGHTS
from podcast.puppet.facemap import FaceMap
from podcast.puppet.faces import FaceNets, Tracker, read_face
from podcast.puppet.headfit import SKULL, in_head, turns
from podcast.puppet.lips import LEAD as LIPS_LEAD
from podcast.puppet.lips import OPEN_LENGTH
from podcast.puppet.motion import speaking_track
from podcast.puppet.portrait import PortraitFigure
from podcast.puppet.pose import INDEX, MOUTH, REST
from podcast.puppet.render import Puppet
from podcast.puppet.rig import host_folder, load_rig
from podcast.puppet.template import COLUMN
from podcast.puppet.visemes import segments
from podcast.weights import WeightsError, fetch
from tests.test_portrait import drawn_face

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT.parent / "shared" / "samples"
SIZE, HEAD, CENTRE = 440, 280.0, (220.0, 215.0)
PICTURES = ("art_13", "art_15", "art_3", "art_5", "full_body_1", "s10", "s6", "s7", "s8", "s9")
SAID = "Maybe Bob bought a map. My papa put a hot pot on top."
LEAD = SAMPLE_RATE // 10
UPPER, LOWER = [13, 82, 312], [14, 87, 317]  # inner rims of the lips, amid the mouth


@remember
def nets() -> FaceNets:
    try:
        return FaceNets(fetch(FACE_WEIGHTS, ROOT / "data" / "weights", offline=True))
    except WeightsError:
        pytest.skip("the face networks are not here")


@remember
def face(name: str) -> FaceMap:
    if name == "drawn":
        return drawn_face(720)
    picture = next(iter(SAMPLES.glob(f"portraits/{name}.*")), None)
    if picture is None:
        pytest.skip("no sample portraits")
    return read_face(picture, nets=nets())


def presenter(name: str) -> PortraitFigure | Puppet:
    background = to_yuv(np.full((SIZE, SIZE, 3), 90, np.float32))
    if name.startswith("host "):
        return Puppet(load_rig(host_folder(name[5:])), background, HEAD, (CENTRE[0], CENTRE[1] + 85))
    return PortraitFigure(face(name), background, HEAD, CENTRE)


@remember
def clip(name: str) -> np.ndarray:
    """Return the landmarks of a person's clip."""
    path = SAMPLES / "clips" / f"{name}.mp4"
    if not path.is_file():
        pytest.skip("no sample clips")
    tracker, seen = Tracker(nets()), []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            seen.append(tracker.track(frame.to_ndarray(format="rgb24")))
    return np.array(seen)


def watched(shown: PortraitFigure | Puppet, poses: np.ndarray) -> np.ndarray:
    """Return the landmarks (frames, 478, 3) that the networks see in what is drawn."""
    tracker = Tracker(nets())
    seen = [tracker.track(np.ascontiguousarray(to_rgb(shown.draw(pose)))) for pose in poses]
    assert all(points is not None for points in seen)
    return np.array(seen)


# ---------------------------------------------------------------- lips and skull, in speech


@remember
def said() -> Utterance:
    with TemporaryDirectory() as folder:
        speech = speech_engine("espeak").synthesize(SAID, "owen", "en", {}, Path(folder))
    phones = tuple(speech.phones)
    return Utterance("A", SAID, 1, Path("a.wav"), phones[-1].end, (), phones, "d")


RATE = Fraction(25)


@remember
def speaking() -> np.ndarray:
    return speaking_track(said(), int((said().length + LEAD) * RATE / SAMPLE_RATE) + 6, RATE, LEAD, seed=3)


def wanted() -> np.ndarray:
    """Return how far the phones open the lips, 0 … 1, whatever draws them."""
    jaw, press, tuck = (speaking()[:, INDEX[name]] for name in ("jaw", "press", "tuck"))
    return np.asarray(jaw * (1 - press) * (1 - 0.9 * tuck))


def gaps(points: np.ndarray) -> np.ndarray:
    """Return how far the lips are apart, face heights, the head's turn undone."""
    lips = in_head(points, turns(points))
    return np.asarray((lips[:, LOWER, 1] - lips[:, UPPER, 1]).mean(1))


def spans() -> Iterator[tuple[str, slice]]:
    """Yield the sounds at which viewers look, "shut" and "open", and the frames that show them."""
    for s in segments(said().phones):
        start, end = (float((sample + LEAD) / SAMPLE_RATE * RATE) - 0.5 for sample in (s.start, s.end))
        long = s.end - s.start >= OPEN_LENGTH * SAMPLE_RATE
        kind = "shut" if s.letter in ("p", "b", "m") else "open" if s.viseme == "aa" and long else ""
        if kind:
            yield kind, slice(int(start - float(LIPS_LEAD * RATE)), int(np.ceil(end)) + 1)


CAST = ("drawn", *PICTURES, "host maya")


# Where 95 of 100 readings of a landmark of the skull lie within the head, face heights: for the usual landmark and for
# the worst. A still picture that is moved in its plane is read within 0.005 and 0.010, two people's clips within 0.007
# and 0.014; half as much again is granted, and more to the far ear of a head in three-quarter view, which is not seen.
EARS = (234, 454)
STEADY, STEADY_FAR, STEADIEST = 0.021, 0.030, 0.011
THREE_QUARTER = ("art_15", "s10")


def skull(points: np.ndarray) -> tuple[float, float]:
    """Return how far the worst and the median landmark of the skull move against the others."""
    inside = in_head(points, turns(points))[:, [*SKULL, *EARS], :2]
    away = np.percentile(np.linalg.norm(inside - np.median(inside, axis=0), axis=2), 95, axis=0)
    return float(away.max()), float(np.median(away))


@pytest.mark.parametrize("name", CAST)
def test_lips_do_what_the_phones_say_and_the_skull_stays_one(name: str) -> None:
    points = watched(presenter(name), speaking())
    seen, told = gaps(points)[3:-3], wanted()
    fits = {lag: np.corrcoef(told[3 + lag : len(told) - 3 + lag], seen)[0, 1] for lag in range(-3, 4)}
    assert fits[0] >= 0.9
    assert abs(max(fits, key=fits.__getitem__)) <= 1
    seen = gaps(points)
    shut = [float(seen[frames].min()) for kind, frames in spans() if kind == "shut"]
    apart = [float(seen[frames].max()) for kind, frames in spans() if kind == "open"]
    assert len(shut) >= 9 and len(apart) >= 6
    assert max(shut) < 0.025  # face heights; the mesh tells up to 0.02 of lips that touch
    assert min(apart) > max(2.5 * max(shut), 0.012)
    worst, usual = skull(points)
    assert worst <= (STEADY_FAR if name in THREE_QUARTER else STEADY) and usual <= STEADIEST


@pytest.mark.parametrize("name", ["d18", "d19"])
def test_the_skull_of_real_people_is_read_as_one(name: str) -> None:
    points = clip(name)
    worst, usual = skull(points)
    assert worst <= STEADY / 1.4 and usual <= STEADIEST / 1.4


def test_a_skull_that_swells_is_noticed() -> None:
    frame = to_rgb(presenter("drawn").draw(REST))
    tracker, seen = Tracker(nets()), []
    x, y = np.meshgrid(np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32))
    for i in range(24):
        swell = 0.12 * HEAD * (i % 6 > 2) * np.exp(-(((y - CENTRE[1]) / (0.15 * HEAD)) ** 2))  # of one temple
        seen.append(tracker.track(cv2.remap(frame, x + swell * (x > CENTRE[0]), y, cv2.INTER_LINEAR)))
    assert skull(np.array(seen))[0] > STEADY


def test_speech_leaves_every_pixel_above_the_nose_as_it_is() -> None:
    shown = PortraitFigure(drawn_face(720), to_yuv(np.full((SIZE, SIZE, 3), 90, np.float32)), HEAD, CENTRE)
    lips = np.tile(REST, (len(speaking()), 1))
    lips[:, : len(MOUTH) - 1] = speaking()[:, : len(MOUTH) - 1]
    still = shown.draw(REST).copy()
    bridge = int(shown.cutout.landmarks[[168, 5], 1].mean() + shown.cutout.origin[1])
    changed = np.zeros(SIZE, bool)
    for pose in lips[::4]:
        changed |= (shown.draw(pose) != still).any((1, 2))
    assert changed.sum() > 30 and not changed[:bridge].any()


# ---------------------------------------------------------------- round trip: what was drawn becomes a template

CLIP_RATE, FRAMES = Fraction(30), 180
SIZES = {"yaw": 12.0, "pitch": 7.0, "roll": 7.0, "gaze_x": 0.6, "gaze_y": 0.6, "brow_l": 0.8, "head_x": 0.03}
LEAST = {"yaw": 0.95, "pitch": 0.95, "roll": 0.95, "blink_l": 0.9, "gaze_x": 0.8, "gaze_y": 0.8, "brow_l": 0.7}
GAIN = {"yaw": (0.8, 1.2), "pitch": (0.8, 1.2), "roll": (0.8, 1.2), "brow_l": (0.5, 1.5)}
# What falls short of this, as (least correlation, least gain, most gain), and why:
SHORT = {
    "drawn": {"yaw": (0.95, 0.5, 1), "pitch": (0.85, 0.45, 1), "gaze_y": (0.65, 0, 2)},  # an egg with hardly a lid
    # Three-quarter view; .93 at this seed, .96 and more at four others.
    "art_15": {"yaw": (0.92, 0.8, 1.2), "roll": (0.92, 0.8, 1.2)},
    "art_5": {"pitch": (0.93, 0.8, 1.2)},  # looks down already: nods by 4.5 degrees at most
    "s10": {"pitch": (0.9, 0.8, 1.2), "brow_l": (0.6, 0.3, 1.5)},  # three-quarter view: one brow is out of sight
    "s6": {"pitch": (0.95, 0.8, 1.35), "blink_l": (-1, -1, 2), "gaze_x": (-1, -1, 2),
           "gaze_y": (-1, -1, 2)},  # a statue whose eyes are shallow cuts in one colour
}  # fmt: skip


def commanded(shown: PortraitFigure | Puppet) -> np.ndarray:
    """Return motion whose channels do not correlate, with blinks, turned no further than the picture holds."""
    t, rng = np.arange(FRAMES) / FRAMES, np.random.default_rng(4)
    poses = np.tile(REST, (FRAMES, 1))
    limits = shown.head.limits if isinstance(shown, PortraitFigure) else {}
    for k, (name, size) in enumerate(SIZES.items()):
        low, high = limits.get(name, (-99.0, 99.0))
        wave = np.sin(2 * np.pi * ((k + 1) * t + rng.random()))
        poses[:, INDEX[name]] = wave * min(size, -0.75 * low, 0.75 * high)
    poses[:, INDEX["brow_r"]] = poses[:, INDEX["brow_l"]]
    for middle in (0.2, 0.47, 0.8):
        shut = np.clip(1.4 - np.abs(t - middle) * FRAMES / 3.6, 0, 1)
        for name in ("blink_l", "blink_r"):
            poses[:, INDEX[name]] = np.maximum(poses[:, INDEX[name]], shut)
    return poses


def fit(true: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """Return correlation and gain."""
    return float(np.corrcoef(true, seen)[0, 1]), float(np.polyfit(true, seen, 1)[0])


def returned(name: str) -> dict[str, tuple[float, float]]:
    """Return correlation and gain of every channel that is drawn, extracted and compared."""
    shown = presenter(name)
    poses = commanded(shown)
    template = template_from(watched(shown, poses), np.arange(FRAMES) / float(CLIP_RATE), CLIP_RATE)
    assert template is not None and len(template.tracks) == FRAMES
    return {c: fit(poses[:, INDEX[c]], template.tracks[:, COLUMN[c]]) for c in LEAST}


@pytest.mark.parametrize("name", (*CAST, "host arjun", "host ellen"))
def test_known_motion_comes_back(name: str) -> None:
    for channel, (correlation, gain) in returned(name).items():
        least, low, high = SHORT.get(name, {}).get(channel, (LEAST[channel], *GAIN.get(channel, (0.3, 2.0))))
        assert correlation >= least, (channel, correlation)
        assert low <= gain <= high, (channel, gain)


@pytest.mark.parametrize("name", ["d18", "d19"])
def test_people_who_look_at_the_camera_turn_their_eyes_against_their_nods(name: str) -> None:
    points = clip(name)
    template = template_from(points, np.arange(len(points)) / 30, CLIP_RATE)
    assert template is not None
    pitch, down, lids = (template.tracks[:, COLUMN[c]] for c in ("pitch", "gaze_y", "blink_l"))
    awake = lids < 0.05
    assert -1.6 < 18 * np.polyfit(pitch[awake], down[awake], 1)[0] < -0.25  # degrees per degree
