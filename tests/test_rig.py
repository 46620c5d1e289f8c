"""The rig format, with a host made by hand from four small pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from podcast.canvas import to_rgb, to_yuv
from podcast.errors import PodcastError
from podcast.puppet.pose import INDEX, REST
from podcast.puppet.render import Puppet, aperture, figure_size
from podcast.puppet.rig import host_folder, host_names, load_rig, rig_digest

SKIN, LIP, SHIRT = (200, 160, 130), (170, 60, 70), (40, 90, 160)


def picture(
    path: Path, size: tuple[int, int], shapes: list[tuple[tuple[int, int], tuple[int, int], tuple[int, int, int]]]
) -> None:
    image = np.zeros((size[1], size[0], 4), np.uint8)
    for centre, axes, (r, g, b) in shapes:
        cv2.ellipse(image, centre, axes, 0, 0, 360, (b, g, r, 255), -1, cv2.LINE_AA)
    cv2.imwrite(str(path), image)


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    folder = tmp_path / "dot"
    folder.mkdir()
    picture(folder / "body.png", (400, 400), [((200, 420), (170, 130), SHIRT)])
    picture(
        folder / "head.png",
        (400, 400),
        [
            ((200, 150), (90, 120), SKIN),
            ((200, 260), (35, 60), SKIN),
            ((200, 215), (32, 11), LIP),
            ((165, 130), (20, 12), (250, 250, 250)),
            ((235, 130), (20, 12), (250, 250, 250)),
        ],
    )
    picture(folder / "iris.png", (18, 18), [((9, 9), (8, 8), (20, 30, 60))])

    def eye(x: int) -> dict[str, object]:
        return {
            "upper": [[x - 20, 130], [x, 118], [x + 20, 130]],
            "lower": [[x - 20, 130], [x, 142], [x + 20, 130]],
            "centre": [x, 130],
            "iris": {"file": "iris.png"},
            "travel": [9, 5],
        }

    rig = {
        "format": 1,
        "name": "Dot",
        "licence": "CC0-1.0",
        "crown": 30,
        "chin": 270,
        "pivot": [200, 260],
        "neck": [272, 310],
        "layers": {"body": {"file": "body.png"}, "head": {"file": "head.png"}},
        "eyes": {"left": eye(165), "right": eye(235)},
        "mouth": {
            "top": [[168, 215], [200, 205], [232, 215]],
            "line": [[168, 215], [200, 215], [232, 215]],
            "low": [[168, 215], [200, 226], [232, 215]],
        },
    }
    (folder / "rig.yaml").write_text(yaml.safe_dump(rig), encoding="utf-8")
    return folder


def change(folder: Path, **changes: object) -> None:
    path = folder / "rig.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for dotted, value in changes.items():
        target, keys = data, dotted.split("__")
        for key in keys[:-1]:
            target = target[key]
        if value is None:
            del target[keys[-1]]
        else:
            target[keys[-1]] = value
    path.write_text(yaml.safe_dump(data), encoding="utf-8")


def pose(**channels: float) -> np.ndarray:
    p = REST.copy()
    for name, value in channels.items():
        p[INDEX[name]] = value
    return p


def test_a_few_pngs_make_a_host_that_speaks_looks_and_turns(hand_made: Path) -> None:
    puppet = Puppet(load_rig(hand_made), to_yuv(np.full((400, 400, 3), 220, np.uint8)), 240, (200, 260))
    rest = to_rgb(puppet.draw(pose())).astype(int)
    assert np.abs(rest[100, 200] - SKIN).max() < 12 and np.abs(rest[380, 200] - SHIRT).max() < 12
    wide = to_rgb(puppet.draw(pose(jaw=1))).astype(int)
    assert wide[224, 200].sum() < 150 < rest[224, 200].sum()
    shut = to_rgb(puppet.draw(pose(jaw=1, press=1))).astype(int)
    assert shut[205:235, 200].sum(1).min() > 200
    left, right = (dark_x(to_rgb(puppet.draw(pose(gaze_x=g)))[120:140, 210:260]) for g in (-1, 1))
    assert 12 < right - left < 22
    turned = to_rgb(puppet.draw(pose(yaw=15)))
    assert dark_x(turned[110:150, 150:300]) > dark_x(rest[110:150, 150:300].astype(np.uint8)) + 6


def dark_x(part: np.ndarray) -> float:
    dark = (part.astype(int).sum(2) < 200).astype(float)
    return float((dark * np.arange(part.shape[1])).sum() / dark.sum())


def test_a_head_without_depth_map_turns_like_one_with_a_nose(hand_made: Path) -> None:
    head = cv2.imread(str(hand_made / "head.png"), cv2.IMREAD_UNCHANGED)
    cv2.circle(head, (200, 182), 6, (20, 20, 20, 255), -1, cv2.LINE_AA)
    cv2.imwrite(str(hand_made / "head.png"), head)
    puppet = Puppet(load_rig(hand_made), to_yuv(np.full((400, 400, 3), 220, np.uint8)), 240, (200, 260))

    def nose_in_outline(**channels: float) -> tuple[float, float]:
        frame = to_rgb(puppet.draw(pose(**channels)))
        skin = np.flatnonzero(frame[150, :, 2] < 200)  # row of the eyes' lower lids: from ear to ear
        part = frame[150:215, 140:260]
        dark = (part.astype(int).sum(2) < 200).astype(float)
        dark[:, :30] = dark[:, -30:] = 0
        rows = float((dark * np.arange(65)[:, None]).sum() / dark.sum())
        return dark_x(part[:, 30:-30]) - (skin[0] + skin[-1]) / 2, rows

    (rest, row), (left, _), (right, _) = (nose_in_outline(yaw=yaw) for yaw in (0, -12, 12))
    assert 0.07 * 240 < right - rest < 0.14 * 240 and 0.07 * 240 < rest - left < 0.14 * 240
    assert nose_in_outline(pitch=8)[1] - row > 0.06 * 240


def test_natural_framing_and_lip_gap(hand_made: Path) -> None:
    rig = load_rig(hand_made)
    figure = figure_size(rig, 120)
    assert figure.top == pytest.approx(-115, abs=2) and figure.width == pytest.approx(170, abs=3)
    assert aperture(rig, pose()) == 0
    assert aperture(rig, pose(jaw=1, press=1)) == 0
    assert aperture(rig, pose(jaw=1)) > 2 * aperture(rig, pose(jaw=0.3)) > 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"layers__head__file": "hed.png"}, ["hed.png", "layers.head.file", "rig.yaml"]),
        ({"layers__hat": {"file": "hat.png"}}, ["layers.hat", "docs/hosts.md"]),
        ({"mouth__line": None}, ["mouth.line", "docs/hosts.md"]),
        ({"mouth__line": [[232, 215], [200, 215], [168, 215]]}, ["mouth.line", "left to right"]),
        ({"chin": 10}, ["chin must lie below crown"]),
        ({"format": 7}, ["format 7"]),
        ({"pivot": "neck"}, ["pivot"]),
        ({"eyes__left__centre": [900, 130]}, ["outside the head layer"]),
    ],
)
def test_what_is_wrong_is_said_with_its_key(hand_made: Path, changes: dict[str, object], says: list[str]) -> None:
    change(hand_made, **changes)
    with pytest.raises(PodcastError) as caught:
        load_rig(hand_made)
    for words in says:
        assert words in str(caught.value)


def test_a_picture_without_alpha_is_refused(hand_made: Path) -> None:
    cv2.imwrite(str(hand_made / "head.png"), np.zeros((400, 400, 3), np.uint8))
    with pytest.raises(PodcastError, match="no alpha channel"):
        load_rig(hand_made)


def test_broken_yaml_and_empty_folders_are_refused(tmp_path: Path, hand_made: Path) -> None:
    (hand_made / "rig.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(PodcastError, match="not readable as YAML"):
        load_rig(hand_made)
    with pytest.raises(PodcastError, match=r"there is no rig\.yaml"):
        load_rig(tmp_path)


def test_the_digest_follows_every_file(hand_made: Path) -> None:
    before = rig_digest(hand_made)
    assert before == rig_digest(hand_made) and len(before) == 64
    (hand_made / "iris.png").write_bytes((hand_made / "iris.png").read_bytes() + b"\0")
    assert rig_digest(hand_made) != before


def test_hosts_are_found_by_name_or_folder(hand_made: Path) -> None:
    assert host_folder(str(hand_made)) == hand_made
    assert host_folder(host_names()[0]).name == host_names()[0]
    with pytest.raises(PodcastError, match="no host named 'nobody'"):
        host_folder("nobody")
