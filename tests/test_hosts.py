"""The hosts that ship with the program, looked at in rendered frames."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from podcast.canvas import to_rgb, to_yuv
from podcast.puppet.drawing.produce import produce
from podcast.puppet.pose import CHANNELS, HEAD, INDEX, REST
from podcast.puppet.render import Puppet, aperture, figure_size
from podcast.puppet.rig import host_folder, host_names, load_rig
from podcast.puppet.sheet import contact_sheet
from podcast.puppet.turn import Move

NAMES = host_names()
HEAD_HEIGHT, SIZE, ANCHOR = 400, (760, 700), (380, 440)  # pixels; (w, h)


def pose(**channels: float) -> np.ndarray:
    p = REST.copy()
    for name, value in channels.items():
        p[INDEX[name]] = value
    return p


def random_poses(n: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    poses = rng.uniform(0, 1, (n, len(CHANNELS))).astype(np.float32)
    limits = {"yaw": 18, "pitch": 10, "roll": 10, "head_x": 0.05, "head_y": 0.05, "lean": 1, "gaze_x": 1, "gaze_y": 1}
    for name, limit in limits.items():
        poses[:, INDEX[name]] = rng.uniform(-limit, limit, n)
    return poses


def background() -> np.ndarray:
    rng = np.random.default_rng(1)
    return to_yuv(rng.uniform(120, 180, (SIZE[1], SIZE[0], 3)))


@pytest.fixture(scope="module", params=NAMES)
def puppet(request: pytest.FixtureRequest) -> Puppet:
    return Puppet(load_rig(host_folder(request.param)), background(), HEAD_HEIGHT, ANCHOR)


def on_screen(puppet: Puppet, point: tuple[float, float]) -> tuple[float, float]:
    scale = HEAD_HEIGHT / puppet.rig.head_height
    px, py = puppet.rig.spec.pivot
    return (point[0] - px) * scale + ANCHOR[0], (point[1] - py) * scale + ANCHOR[1]


def lip_gap(puppet: Puppet, **channels: float) -> float:
    """Rows between the lips in the middle of the mouth, head heights: dark like a cavity or grey like teeth."""
    frame = puppet.draw(pose(**channels)).astype(int)
    x, y = on_screen(puppet, puppet.rig.spec.mouth.line[len(puppet.rig.spec.mouth.line) // 2])
    part = frame[round(y - 0.05 * HEAD_HEIGHT) : round(y + 0.16 * HEAD_HEIGHT), round(x) - 2 : round(x) + 3]
    reddish = part[..., 2] - 128 > 0.07 * part[..., 0]
    inside = (~reddish) | (part[..., 0] < 45)
    rows = np.flatnonzero(inside.mean(1) > 0.5)
    return (rows[-1] - rows[0] + 1) / HEAD_HEIGHT if len(rows) else 0.0


def test_there_are_several_and_they_are_small() -> None:
    assert len(NAMES) >= 4
    size = sum(p.stat().st_size for name in NAMES for p in host_folder(name).iterdir())
    assert size < 6e6


def test_every_host_says_who_it_is() -> None:
    specs = [load_rig(host_folder(name)).spec for name in NAMES]
    assert len({s.name for s in specs}) == len({s.accent for s in specs}) == len(NAMES)
    assert all(s.licence and len(s.about) > 20 for s in specs)


def test_lips_close_and_open(puppet: Puppet) -> None:
    assert aperture(puppet.rig, pose(jaw=1, press=1)) == 0
    shut = [lip_gap(puppet, press=1, jaw=jaw) for jaw in (0.0, 0.5, 1.0)]
    assert max(shut) < 0.012, shut
    gaps = [lip_gap(puppet, jaw=jaw) for jaw in (0.25, 0.5, 1.0)]
    assert gaps[0] < gaps[1] < gaps[2] and gaps[2] > 0.07, gaps


def test_lips_move_without_jumps(puppet: Puppet) -> None:
    """Between close poses no frame differs much more from its neighbour than the others do."""
    steps = np.linspace(0, 1, 25)
    frames = [puppet.draw(pose(jaw=0.7 * t, pucker=t, smile=0.3 * t)).astype(np.int16).copy() for t in steps]
    change = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    assert max(change) < 3 * np.median(change)


def test_a_pucker_narrows_the_mouth_and_a_tucked_lip_shows_teeth(puppet: Puppet) -> None:
    wide, narrow = (puppet._mouth.shape(pose(**c)).half for c in ({"wide": 1.0}, {"pucker": 1.0}))
    assert narrow < 0.6 * wide
    frame = to_rgb(puppet.draw(pose(tuck=1, jaw=0.2))).astype(int)
    x, y = on_screen(puppet, puppet.rig.spec.mouth.line[len(puppet.rig.spec.mouth.line) // 2])
    part = frame[round(y - 0.03 * HEAD_HEIGHT) : round(y + 0.02 * HEAD_HEIGHT), round(x) - 6 : round(x) + 7]
    ivory = (part.min(2) > 110) & (part.max(2) - part.min(2) < 50)
    assert ivory.sum() > 15


def iris_x(puppet: Puppet, **channels: float) -> float:
    frame = puppet.draw(pose(**channels)).astype(float)
    eye = puppet.rig.spec.eyes.right
    (x0, _), (x1, _) = on_screen(puppet, eye.upper[0]), on_screen(puppet, eye.upper[-1])
    _, y = on_screen(puppet, eye.centre)
    part = frame[round(y) - 4 : round(y) + 5, round(x0) + 4 : round(x1) - 3, 0]
    dark = np.clip(120 - part, 0, None)
    return float((dark * np.arange(part.shape[1])).sum() / max(dark.sum(), 1))


def test_eyes_look_and_blink(puppet: Puppet) -> None:
    left, middle, right = (iris_x(puppet, gaze_x=g) for g in (-1, 0, 1))
    assert left + 6 < middle < right - 6
    eye = puppet.rig.spec.eyes.left
    (x, y), (_, top) = on_screen(puppet, eye.centre), on_screen(puppet, eye.upper[len(eye.upper) // 2])
    spot = np.s_[round(top) + 6 : round(y) + 1, round(x) - 12 : round(x) + 13]
    awake = puppet.draw(pose())[spot].astype(int)
    asleep = puppet.draw(pose(blink_l=1, blink_r=1))[spot].astype(int)
    assert awake[..., 0].min() < 40 and asleep[..., 0].std() < 0.5 * awake[..., 0].std()


def test_the_head_turns_where_it_should(puppet: Puppet) -> None:
    """The nose, in front of the pivot, moves further than the outline."""
    move = {
        name: puppet_shift(puppet, **{name: value}) for name, value in (("yaw", 12.0), ("pitch", 8.0), ("head_x", 0.04))
    }
    assert move["yaw"][0] > 12 and abs(move["yaw"][1]) < 4
    assert move["pitch"][1] > 8 and abs(move["pitch"][0]) < 4
    assert move["head_x"][0] == pytest.approx(0.04 * HEAD_HEIGHT, abs=2)


def puppet_shift(puppet: Puppet, **channels: float) -> tuple[float, float]:
    """How far the middle of the face moved, by matching a patch."""
    line = puppet.rig.spec.mouth.line
    x, y = (round(v) for v in on_screen(puppet, line[len(line) // 2]))
    still = puppet.draw(pose())[y - 30 : y + 31, x - 40 : x + 41].copy()
    moved = puppet.draw(pose(**channels))[y - 90 : y + 91, x - 110 : x + 111]
    _, _, _, best = cv2.minMaxLoc(cv2.matchTemplate(np.ascontiguousarray(moved), still, cv2.TM_CCOEFF_NORMED))
    return best[0] - 70, best[1] - 60


@pytest.fixture(scope="module", params=NAMES)
def alone(request: pytest.FixtureRequest) -> Puppet:
    """A host before a plain colour that no host wears."""
    green = to_yuv(np.full((SIZE[1], SIZE[0], 3), (0, 200, 0), np.uint8))
    return Puppet(load_rig(host_folder(request.param)), green, HEAD_HEIGHT, ANCHOR)


def outline_x(frame: np.ndarray, y: int) -> float:
    """The middle between the left and the right end of what is seen in some rows."""
    seen = np.abs(frame[y - 6 : y + 7, :, 1:].astype(int) - frame[0, 0, 1:]).sum(2) > 30
    return float((seen.argmax(1) + seen.shape[1] - 1 - seen[:, ::-1].argmax(1)).mean() / 2)


def nose(puppet: Puppet) -> tuple[int, int, int]:
    """Where the nose's tip is seen, and the row of the eyes."""
    eye, line = puppet.rig.spec.eyes.left.centre, puppet.rig.spec.mouth.line
    middle = line[len(line) // 2]
    x, y = on_screen(puppet, (middle[0], eye[1] + 0.62 * (middle[1] - eye[1])))
    return round(x), round(y), round(on_screen(puppet, eye)[1])


def moved(before: np.ndarray, after: np.ndarray, x: int, y: int, reach: tuple[int, int]) -> tuple[int, int]:
    """How far a patch went, by matching it."""
    patch = np.ascontiguousarray(before[y - 25 : y + 26, x - 30 : x + 31])
    h, w = 25 + reach[1], 30 + reach[0]
    _, _, _, best = cv2.minMaxLoc(
        cv2.matchTemplate(
            np.ascontiguousarray(after[y - h : y + h + 1, x - w : x + w + 1]), patch, cv2.TM_CCOEFF_NORMED
        )
    )
    return best[0] - reach[0], best[1] - reach[1]


def test_heads_are_as_deep_as_peoples(alone: Puppet) -> None:
    """A nose's tip lies half a head's height before the ears: a turn of 12 degrees moves it by a tenth of it."""
    x, y, eyes = nose(alone)
    still = alone.draw(REST).copy()
    for yaw in (-12.0, 12.0):
        frame = alone.draw(pose(yaw=yaw))
        against = moved(still, frame, x, y, (90, 12))[0] - (outline_x(frame, eyes) - outline_x(still, eyes))
        assert 0.07 < np.sign(yaw) * against / HEAD_HEIGHT < 0.13
    for pitch in (-8.0, 8.0):
        down = moved(still, alone.draw(pose(pitch=pitch)), x, y, (12, 60))[1]
        assert 0.07 < np.sign(pitch) * down / HEAD_HEIGHT < 0.13


def test_no_turn_folds_the_picture(alone: Puppet) -> None:
    """Places from left to right of the head stay in this order, as far as a head turns at all."""
    turner = alone._turner
    x, y = np.meshgrid(*(np.arange(a, b, 4, dtype=np.float32) for a, b in ((-160, 161), (-400, -20))))
    places = (np.dstack([x, y]) + turner.pivot) / turner.size - 0.5
    depth = cv2.remap(turner.grid, np.float32(places), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., 0]
    for yaw in (-20.0, 20.0):
        across, _ = Move(pose(yaw=yaw), HEAD_HEIGHT, (0, 0)).forth(x, y, depth, np.ones_like(x))
        assert np.diff(across, axis=1).min() > 0, yaw


@pytest.mark.parametrize(
    "turned",
    [{"yaw": 20.0, "pitch": 12.0}, {"yaw": -18.0}, {"yaw": 11.0, "pitch": -8.0}, {"roll": 10.0, "head_x": 0.03}],
)
def test_what_is_turned_comes_from_where_it_should(puppet: Puppet, turned: dict[str, float]) -> None:
    """Forth and back again, but for few places at the limits."""
    turner, move = puppet._turner, Move(pose(**turned), HEAD_HEIGHT, (0, 0))
    x, y = np.meshgrid(*(np.arange(a, b, 7, dtype=np.float32) for a, b in ((-140, 141), (-330, 110))))
    back = turner._inverse(move, x, y)
    grid = cv2.remap(
        turner.grid, *cv2.split((back + 0.5) / np.array(turner.size) - 0.5), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    rel = back - turner.pivot.astype(np.float32)
    tx, ty = move.forth(rel[..., 0], rel[..., 1], grid[..., 0], grid[..., 1])
    seen = cv2.remap(puppet._head[..., 3], back, None, cv2.INTER_NEAREST) > 0
    away = np.hypot(tx - x, ty - y)[seen]
    assert np.percentile(away, 98) < 1.0 and np.median(away) < 0.2


def test_small_heads_turn_like_large_ones(alone: Puppet) -> None:
    green = to_yuv(np.full((180, 190, 3), (0, 200, 0), np.uint8))
    small = Puppet(alone.rig, green, HEAD_HEIGHT / 4, (95, 110))
    for turned in ({"yaw": 20.0, "pitch": -12.0}, {"pitch": -12.0}):
        large = cv2.resize(alone.draw(pose(**turned))[:, : 4 * 190], (190, 175), interpolation=cv2.INTER_AREA)
        apart = np.abs(small.draw(pose(**turned))[:175].astype(int) - large).max(2)
        assert (apart > 60).sum() < 20


def test_a_chin_hangs_over_the_collar(puppet: Puppet) -> None:
    bare = Puppet(puppet.rig, background(), HEAD_HEIGHT, ANCHOR)
    bare._collar = None
    low = pose(yaw=18, pitch=9)
    worn, without = puppet.draw(low).copy(), bare.draw(low)
    turner, move = puppet._turner, Move(low, HEAD_HEIGHT, (0, 0))
    chin = (puppet.rig.spec.chin - puppet.rig.spec.pivot[1]) * HEAD_HEIGHT / puppet.rig.head_height
    for across in (0.0, 0.08, 0.14, 0.16):  # along the jaw, on the side that the head turns to
        x, y = across * HEAD_HEIGHT, chin - (0.03 + 3.7 * across**2) * HEAD_HEIGHT
        u, v = (x + turner.pivot[0]) / turner.size[0], (y + turner.pivot[1]) / turner.size[1]
        tx, ty = move.forth(*(np.float32(a) for a in (x, y, turner.grid[int(v), int(u), 0], 1)))
        column, row = round(ANCHOR[0] + float(tx)), round(ANCHOR[1] + float(ty))
        spot = np.s_[row - 2 : row + 3, column - 2 : column + 3]
        assert np.abs(worn[spot].astype(int) - without[spot]).max() <= 4  # blended twice, to a rounding


def sclera(puppet: Puppet, **channels: float) -> tuple[int, int]:
    """The first and the last row of the white of an eye, beside the iris; pixels from the eye's centre."""
    eye = puppet.rig.spec.eyes.right
    (x, y), (end, _) = on_screen(puppet, eye.centre), on_screen(puppet, eye.upper[-1])
    column = round(x - 0.62 * (end - x))
    part = puppet.draw(pose(**channels))[round(y) - 22 : round(y) + 30, column - 1 : column + 2].astype(int).mean(1)
    white = np.concatenate([[0], (part[:, 0] > 95) & (np.abs(part[:, 1:] - 128).max(1) < 14), [0]])
    begins, ends = np.flatnonzero(np.diff(white) > 0), np.flatnonzero(np.diff(white) < 0)
    runs = [(int(a) - 22, int(b) - 23) for a, b in zip(begins, ends, strict=True)]
    return max(runs, key=lambda run: run[1] - run[0], default=(0, -1))


def test_lids_go_with_the_eyes(puppet: Puppet) -> None:
    (top_up, low_up), (top, low), (top_down, low_down) = (sclera(puppet, gaze_y=g) for g in (-1, 0, 1))
    assert top_up <= top - 3 and top_down >= top + 3
    assert low_up < low < low_down


def test_irises_go_as_far_up_and_down_as_eyeballs_turn(puppet: Puppet) -> None:
    """The radius of an eyeball is three quarters of its opening's width in these faces: 18 degrees are 0.2 widths."""
    eye = puppet.rig.spec.eyes.right
    width = eye.upper[-1][0] - eye.upper[0][0]
    assert 0.16 < eye.travel[1] / width < 0.24
    x, y = (round(v) for v in on_screen(puppet, eye.centre))
    pupil = []
    for g in (-0.7, 0.7):
        part = puppet.draw(pose(gaze_y=g))[y - 24 : y + 25, x - 5 : x + 6, 0].astype(float)
        dark = np.clip(36 - part, 0, None)
        pupil.append(float((dark.sum(1) * np.arange(49)).sum() / dark.sum()))
    travel = 1.4 * eye.travel[1] * HEAD_HEIGHT / puppet.rig.head_height
    assert pupil[1] - pupil[0] == pytest.approx(travel, rel=0.4)


def test_lids_shut_at_the_pace_of_the_blink(puppet: Puppet) -> None:
    """Half shut is half shut: no skin below the lashes hides the eye, and no lid pops in."""
    heights = []
    for blink in np.linspace(0, 1, 21):
        first, last = sclera(puppet, blink_l=float(blink), blink_r=float(blink))
        heights.append(last - first + 1)
    assert all(b <= a + 1 for a, b in pairwise(heights)) and heights[-1] <= 1
    assert max(a - b for a, b in pairwise(heights)) <= 0.2 * heights[0]
    assert 0.4 * heights[0] <= heights[10] <= 0.6 * heights[0] and heights[14] >= 0.2 * heights[0]


def test_only_the_dirty_part_changes_and_rest_returns_exactly(puppet: Puppet) -> None:
    plain = background()
    rest = first = puppet.draw(REST).copy()
    x0, y0, x1, y1 = puppet.dirty
    assert all(v % 2 == 0 for v in puppet.dirty)
    outside = np.ones(rest.shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    last = first.copy()
    for row in random_poses(25):
        frame = puppet.draw(row).copy()
        assert (frame[outside] == rest[outside]).all()
        a, b, c, d = puppet.changed
        last[b:d, a:c] = frame[b:d, a:c]
        assert (frame == last).all(), "what `changed` leaves out must be as before"
    assert (puppet.draw(REST) == first).all()
    assert (rest[:20, :20] == plain[:20, :20]).all()


def test_a_frame_depends_on_its_pose_alone() -> None:
    rig = load_rig(host_folder(NAMES[0]))
    walked, fresh = (Puppet(rig, background(), HEAD_HEIGHT, ANCHOR) for _ in range(2))
    poses = random_poses(8)
    for row in poses[:-1]:
        walked.draw(row)
    assert (walked.draw(poses[-1]) == fresh.draw(poses[-1])).all()


def test_any_size_place_and_pose_can_be_drawn() -> None:
    rng = np.random.default_rng(3)
    rig = load_rig(host_folder(NAMES[0]))
    for height in (24, 90, 333):
        for size, anchor in (((height * 2, height * 2), (height, height)), ((64, 40), (height * 0.1, 400))):
            puppet = Puppet(rig, to_yuv(np.full((size[1], size[0], 3), 90, np.uint8)), height, anchor)
            for row in rng.uniform(-40, 40, (6, len(CHANNELS))).astype(np.float32):
                assert puppet.draw(row).shape == (size[1], size[0], 3)


def test_mirrored_is_the_flipped_picture() -> None:
    rig = load_rig(host_folder(NAMES[0]))
    plain = to_yuv(np.full((SIZE[1], SIZE[0], 3), 140, np.uint8))
    straight = Puppet(rig, plain, HEAD_HEIGHT, (300, 440)).draw(pose(yaw=10, jaw=0.5))
    mirrored = Puppet(rig, plain, HEAD_HEIGHT, (SIZE[0] - 300, 440), mirror=True).draw(pose(yaw=10, jaw=0.5))
    assert (straight[:, ::-1] == mirrored).all()


def test_the_figure_fills_its_frame(puppet: Puppet) -> None:
    figure = figure_size(puppet.rig, HEAD_HEIGHT)
    assert 1.2 * HEAD_HEIGHT < figure.width < 2.4 * HEAD_HEIGHT
    bottom = ANCHOR[1] + figure.top + figure.height
    breathed = Puppet(
        puppet.rig, to_yuv(np.full((round(bottom), SIZE[0], 3), (255, 0, 255), np.uint8)), HEAD_HEIGHT, ANCHOR
    )
    magenta = breathed.draw(pose(breath=1))[-1, ANCHOR[0], 1:].astype(int).min()
    assert magenta < 160, "the chest must reach the frame's edge"


def test_contact_sheet() -> None:
    sheet = contact_sheet(NAMES[:2], 160)
    assert sheet.shape == (320, 800, 3) and sheet.dtype == np.uint8
    assert not np.array_equal(sheet[:160], sheet[160:])


def test_hosts_can_be_drawn_again(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        produce("finn", tmp_path / folder, scale=50.0)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / f).iterdir()} for f in ("one", "two"))
    assert one == two and "rig.yaml" in one
    assert load_rig(tmp_path / "one").spec.name == "Finn"
    assert HEAD[0] in CHANNELS


def test_the_mouths_region_joins_its_surroundings(puppet: Puppet) -> None:
    """With nothing moved the warp changes nothing; with everything moved its border stays where it was."""
    mouth, head = puppet._mouth, puppet._head.copy()
    mouth.draw(np.zeros(len(CHANNELS), np.float32), head)
    drawn = head[mouth.rows, mouth.cols].astype(int)
    assert np.abs(drawn - mouth.source).max() <= 1
    mouth.draw(pose(jaw=1, smile=1, wide=1), head)
    change = np.abs(head[mouth.rows, mouth.cols].astype(int) - mouth.source)
    border = np.concatenate([change[0], change[:, 0], change[:, -1]])
    assert border.max() < 25 < change.max()


def test_a_smile_reaches_the_eyes(puppet: Puppet) -> None:
    eye = puppet.rig.spec.eyes.left
    x, y = on_screen(puppet, eye.lower[len(eye.lower) // 2])
    spot = np.s_[round(y) - 7 : round(y) - 1, round(x) - 4 : round(x) + 5, 0]
    neutral, smiling = (puppet.draw(pose(smile=s)).astype(int)[spot].copy() for s in (0.12, 1.0))
    assert np.abs(smiling - neutral).mean() > 8
