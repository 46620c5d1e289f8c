"""Portraits: a drawn face (landmarks by formula) always; the samples through the networks where both are at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from podcast.canvas import to_rgb, to_yuv
from podcast.puppet.facemap import POINTS, FaceMap
from podcast.puppet.portrait import PortraitFigure, portrait_sheet, portrait_size
from podcast.puppet.portrait.geometry import (
    CHEEKS,
    CHIN,
    EARS,
    EYES,
    FOREHEAD,
    JAW,
    LOWER_INNER,
    LOWER_OUTER,
    NOSE_BASE,
    NOSE_TIP,
    OVAL,
    UPPER_INNER,
    UPPER_OUTER,
)
from podcast.puppet.portrait.glasses import find_rims
from podcast.puppet.portrait.head import _gentle, own_turn
from podcast.puppet.pose import CHANNELS, INDEX, REST

SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "portraits"
WEIGHTS = Path(__file__).parents[1] / "data" / "weights"
SIZE, HEAD, CENTRE = 256, 150.0, (128.0, 110.0)
BACKGROUND = (40, 90, 150)


def pose(**changes: float) -> np.ndarray:
    p = REST.copy()
    for name, value in changes.items():
        p[INDEX[name]] = value
    return p


def _surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Depth of an egg with a nose, in face heights, negative towards the viewer."""
    bulge = np.sqrt(np.clip(1 - (x / 0.40) ** 2 - (y / 0.60) ** 2, 0, 1))
    return -0.30 * bulge - 0.10 * np.exp(-((x / 0.06) ** 2) - ((y - 0.08) / 0.10) ** 2) + 0.15


def _landmarks() -> np.ndarray:
    """Landmarks of a drawn face in face heights about its middle: rows x, y, depth."""
    turn = np.arange(468) * 2.39996  # a sunflower's angle fills an oval evenly
    r = np.sqrt((np.arange(468) + 0.5) / 468)
    at = np.zeros((POINTS, 2))
    at[:468] = np.stack([0.36 * r * np.cos(turn), 0.48 * r * np.sin(turn)], -1)
    angle = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    at[list(OVAL)] = np.stack([0.38 * np.sin(angle), -0.5 * np.cos(angle)], -1)
    t = np.linspace(-1, 1, 11)
    lip = np.stack([0.14 * t, np.full(11, 0.25)], -1)
    bow = 1 - t**2
    for ids, dy in ((UPPER_OUTER, -0.035), (UPPER_INNER, -0.001), (LOWER_INNER, 0.001), (LOWER_OUTER, 0.045)):
        wide = 1.0 if ids in (UPPER_OUTER, LOWER_OUTER) else 0.9
        at[list(ids)] = lip * (wide, 1) + np.stack([0 * t, dy * bow], -1)
    for eye, x in zip(EYES, (-0.16, 0.16), strict=True):
        s = np.linspace(-1, 1, 9)
        at[list(eye.upper)] = np.stack([x + 0.075 * s, -0.08 - 0.032 * (1 - s**2)], -1)
        at[list(eye.lower)] = np.stack([x + 0.075 * s, -0.08 + 0.026 * (1 - s**2)], -1)
        s = np.linspace(-1, 1, 5)
        at[list(eye.brow)] = np.stack([x + 0.10 * s, -0.19 - 0.02 * (1 - s**2)], -1)
        at[eye.iris] = x, -0.083
        at[eye.iris + 1 : eye.iris + 5] = at[eye.iris] + 0.028 * np.array([(1, 0), (0, -1), (-1, 0), (0, 1)])
    at[[NOSE_TIP, NOSE_BASE]] = (0, 0.08), (0, 0.14)
    at[list(EARS)] = (-0.38, 0.0), (0.38, 0.0)
    at[list(JAW)], at[list(CHEEKS)] = ((-0.27, 0.33), (0.27, 0.33)), ((-0.18, 0.10), (0.18, 0.10))
    return np.column_stack([at, _surface(at[:, 0], at[:, 1])])


def _paint(lm: np.ndarray, face: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return picture and matte of the face whose landmarks are given in pixels."""
    image = np.full((size, size, 3), BACKGROUND, np.uint8)
    matte = np.zeros((size, size), np.uint8)
    middle = lm[list(OVAL), :2].mean(0)

    def oval(target: np.ndarray, x: float, y: float, rx: float, ry: float, colour: object) -> None:
        centre = int(16 * (middle[0] + x * face)), int(16 * (middle[1] + y * face))
        cv2.ellipse(target, centre, (int(16 * rx * face), int(16 * ry * face)), 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    for target, hair, skin, shirt in ((image, (60, 40, 25), (215, 170, 145), (50, 60, 80)), (matte, 255, 255, 255)):
        oval(target, 0, 1.25, 0.85, 0.62, shirt)
        oval(target, 0, -0.15, 0.46, 0.60, hair)
        oval(target, 0, 0.55, 0.17, 0.30, skin)
        oval(target, 0, 0, 0.39, 0.505, skin)

    def area(ids: tuple[int, ...], colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(image, [np.rint(lm[list(ids), :2] * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)

    for eye in EYES:
        area(eye.upper + eye.lower[::-1], (245, 245, 245))
        centre = tuple(int(16 * v) for v in lm[eye.iris, :2])
        cv2.circle(image, centre, int(16 * 0.026 * face), (40, 60, 90), -1, cv2.LINE_AA, 4)
        brow = np.rint(lm[list(eye.brow), :2] * 16).astype(np.int32)
        cv2.polylines(image, [brow], False, (60, 40, 25), 4, cv2.LINE_AA, 4)
    area(UPPER_OUTER + LOWER_OUTER[::-1], (180, 80, 85))
    line = np.rint(lm[list(UPPER_INNER), :2] * 16).astype(np.int32)
    cv2.polylines(image, [line], False, (120, 45, 50), 1, cv2.LINE_AA, 4)
    return image, matte.astype(np.float32) / 255


@cache
def drawn_face(size: int = 400) -> FaceMap:
    face = 0.45 * size
    lm = _landmarks() * face
    lm[:, :2] += (0.5 * size, 0.45 * size)
    image, matte = _paint(lm, face, size)
    return FaceMap(image, lm.astype(np.float32), matte, 1.0)


@cache
def backdrop() -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (8, 8, 3), np.uint8)
    return to_yuv(cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC))


def figure(face: FaceMap | None = None, **options: object) -> PortraitFigure:
    return PortraitFigure(face or drawn_face(), backdrop(), HEAD, CENTRE, **options)  # type: ignore[arg-type]


def aperture(portrait: PortraitFigure, p: np.ndarray) -> float:
    """Return the height of the dark between the lips in the middle of the mouth as drawn, head heights."""
    picture = portrait.draw(p)
    x, y = portrait.mouth.shape.middle + portrait.cutout.origin
    reach = int(0.25 * HEAD)
    column = picture[int(y) - 4 : int(y) + reach, int(x) - 1 : int(x) + 2, 0].mean(1)
    skin = to_yuv(np.array([[[180, 80, 85]]], np.uint8))[0, 0, 0]
    return float((column < 0.62 * skin).sum()) / HEAD


def random_poses(count: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    poses = np.tile(REST, (count, 1)) + rng.normal(0, 0.5, (count, len(CHANNELS))).astype(np.float32)
    for name, reach in (("yaw", 9.0), ("pitch", 5.0), ("roll", 5.0), ("head_x", 0.03), ("head_y", 0.03)):
        poses[:, INDEX[name]] = rng.uniform(-reach, reach, count)
    return poses


def test_lips_close_and_open() -> None:
    portrait = figure()
    rest, shut, wide = (aperture(portrait, p) for p in (pose(), pose(press=1, jaw=1), pose(jaw=1)))
    assert wide > 0.05
    assert shut <= rest + 0.01
    gaps = [np.diff(np.stack(portrait.mouth.contours(pose(jaw=j)))[..., 1], axis=0).max() for j in (0, 0.3, 0.6, 1)]
    assert (np.diff(gaps) > 1).all()
    for jaw in (0.0, 0.5, 1.0):
        up, low = portrait.mouth.contours(pose(press=1, jaw=jaw, lower=1, **{"raise": 1}))
        assert (low[:, 1] - up[:, 1]).max() < 0.004 * HEAD


def test_lips_of_a_turned_face_round_evenly() -> None:
    face = drawn_face()
    lm = face.landmarks.copy()
    middle = lm[list(OVAL), 0].mean()
    for ids in (UPPER_OUTER, UPPER_INNER, LOWER_INNER, LOWER_OUTER):
        x = lm[list(ids), 0] - middle
        lm[list(ids), 0] = middle + np.where(x < 0, 0.6 * x, x)  # the far half is foreshortened
    mouth = figure(FaceMap(face.image, lm, face.matte, 1.0)).mouth

    def halves(p: np.ndarray) -> tuple[float, float]:
        upper, _ = mouth.contours(p)
        return float(-upper[0, 0]), float(upper[-1, 0])

    (left, right), (left_round, right_round) = halves(REST), halves(pose(pucker=1, jaw=0.2))
    assert left_round < 0.85 * left and right_round < 0.85 * right
    assert left_round / right_round == pytest.approx(left / right, abs=0.06)


def hole(portrait: PortraitFigure, p: np.ndarray) -> tuple[float, float, float]:
    """Return width and height of what the lips leave open, mouth widths, and how much of that box is open."""
    upper, lower = portrait.mouth.contours(p)
    gap, whole = lower[:, 1] - upper[:, 1], 2 * portrait.mouth.shape.half
    width, height = float(np.ptp(upper[:, 0])), float(lower[:, 1].max() - upper[:, 1].min())
    area = float((np.diff(upper[:, 0]) * (gap[1:] + gap[:-1]) / 2).sum())
    return width / whole, height / whole, area / (width * height)


def test_rounded_lips_leave_a_round_hole() -> None:
    portrait = figure()
    (narrow, high, full), (wide, *_) = (hole(portrait, p) for p in (pose(pucker=0.92, jaw=0.18), pose(jaw=0.5)))
    assert narrow < 0.72 * wide and high > 0.16
    assert full > 0.71  # 0.5 for a triangle, 0.79 for an ellipse


def test_wide_smiles_are_drawn_together_more() -> None:
    face = drawn_face()
    lm = face.landmarks.copy()
    middle = lm[list(OVAL), 0].mean()
    for ids in (UPPER_OUTER, UPPER_INNER, LOWER_INNER, LOWER_OUTER):
        lm[list(ids), 0] = middle + 1.4 * (drawn_face().landmarks[list(ids), 0] - middle)
    usual, smiling = (figure(f).mouth for f in (face, FaceMap(face.image, lm, face.matte, 1.0)))
    for mouth in (usual, smiling):
        width = np.ptp(mouth.contours(pose(pucker=1, jaw=0.2))[0][:, 0]) / np.ptp(mouth.contours(REST.copy())[0][:, 0])
        assert width < (0.72 if mouth is usual else 0.62)


@cache
def smiling_face(inside: tuple[int, int, int] = (245, 245, 245), gap: float = 0.05) -> FaceMap:
    """The drawn face with lips apart, by face heights, and white teeth, or another colour, between them."""
    face = drawn_face()
    lm, image = face.landmarks.copy(), face.image.copy()
    bow = 1 - np.linspace(-1, 1, 11) ** 2
    for ids in (LOWER_INNER, LOWER_OUTER):
        lm[list(ids), 1] += gap * face.height * bow
    for ids, colour in (
        (UPPER_OUTER + LOWER_OUTER[::-1], (180, 80, 85)),
        (UPPER_INNER + LOWER_INNER[::-1], inside),
    ):
        cv2.fillPoly(image, [np.rint(lm[list(ids), :2] * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    return FaceMap(image, lm, face.matte, 1.0)


def test_teeth_of_the_picture_are_shown_and_can_be_hidden() -> None:
    portrait = figure(smiling_face())
    assert portrait.mouth.shape.parted
    x, y = (portrait.mouth.shape.middle + portrait.cutout.origin).astype(int)
    reach = int(0.05 * HEAD)
    white = [
        int((portrait.draw(p)[y - reach : y + reach, x - reach : x + reach, 0] > 185).sum())
        for p in (REST, pose(press=1), pose(press=1, jaw=1))
    ]
    assert white[0] > 35 and max(white[1:]) < 0.1 * white[0]


def test_rounded_lips_close_in_before_the_teeth_of_the_picture() -> None:
    apart, closed = figure(smiling_face()), figure()
    for p in (pose(pucker=1, jaw=0.2), pose(pucker=0.8, jaw=0.1)):
        gaps = [np.diff(np.stack(x.mouth.contours(p))[..., 1], axis=0).max() for x in (apart, closed)]
        assert gaps[0] < 1.4 * gaps[1]
    rows, cols = mouth_box(apart)
    rounded = apart.draw(pose(pucker=1, jaw=0.2))[rows, cols, 0]
    assert rounded.max() < 185  # no teeth of the smile in the light


def test_what_lips_show_between_them_gives_way_to_teeth_unless_it_is_teeth() -> None:
    teeth, lip = figure(smiling_face()).mouth.inside, figure(smiling_face((120, 45, 50))).mouth.inside
    assert teeth.toothy and not lip.toothy
    portrait = figure(smiling_face((120, 45, 50)))
    rows, cols = mouth_box(portrait)
    assert portrait.draw(REST)[rows, cols, 1].max() < 131  # U: nothing pale but skin
    shown = portrait.draw(pose(jaw=0.5, **{"raise": 0.4}))[rows, cols]
    assert ((shown[..., 0] > 100) & (np.abs(shown[..., 2].astype(int) - 128) < 6)).sum() > 20


def test_lips_hardly_apart_are_if_there_are_teeth_between_them() -> None:
    shown = [figure(smiling_face(colour, 0.012)).mouth.shape for colour in ((235, 232, 225), (170, 75, 80))]
    assert [shape.parted for shape in shown] == [True, False]
    assert shown[0].gap.max() == pytest.approx(shown[1].gap.max(), rel=0.1)


def test_nothing_moves_above_and_below_what_is_drawn_for_a_mouth() -> None:
    smile = smiling_face()
    lm = smile.landmarks.copy()
    for ids in (UPPER_OUTER, UPPER_INNER, LOWER_INNER, LOWER_OUTER):  # ends turned up
        middle = lm[list(ids), 0].mean()
        lm[list(ids), 0] = middle + 1.6 * (lm[list(ids), 0] - middle)
        lm[list(ids), 1] -= 0.06 * smile.height * np.linspace(-1, 1, 11) ** 2
    for face in (drawn_face(), smile, FaceMap(smile.image, lm, smile.matte, 1.0)):
        mouth = figure(face).mouth
        for field in (mouth.above, mouth.below):
            assert np.abs(field[:, [0, -1]]).max() < 0.3  # pixels


def mouth_box(portrait: PortraitFigure) -> tuple[slice, slice]:
    lips = portrait.cutout.landmarks[list(UPPER_OUTER + LOWER_OUTER), :2] + portrait.cutout.origin
    (x0, y0), (x1, y1) = np.floor(lips.min(0)).astype(int) - 6, np.ceil(lips.max(0)).astype(int) + 6
    return slice(y0, y1), slice(x0, x1)


def test_an_open_mouth_at_rest_is_that_of_the_picture() -> None:
    portrait = figure(smiling_face())
    rows, cols = mouth_box(portrait)
    drawn = portrait.draw(REST)[rows, cols, 0].astype(int)
    x, y = portrait.cutout.origin
    own = portrait.cutout.layer[rows.start - y : rows.stop - y, cols.start - x : cols.stop - x, 0].astype(int)
    assert np.abs(drawn - own).mean() < 2.5  # no outline around the teeth
    assert drawn.min() > own.min() - 25


def test_dark_corners_of_a_smile_belong_to_the_mouth() -> None:
    face = smiling_face()
    lm, image = face.landmarks[:, :2], face.image.copy()
    for inner, outer, beside in ((78, 61, (191, 95)), (308, 291, (415, 324))):
        end = lm[inner] + 0.9 * (lm[outer] - lm[inner])
        dark = np.array([end, lm[beside[0]], lm[beside[1]]])
        cv2.fillPoly(image, [np.rint(dark * 16).astype(np.int32)], (12, 8, 8), cv2.LINE_AA, 4)
    dark, usual = (figure(f).mouth.shape for f in (FaceMap(image, face.landmarks, face.matte, 1.0), face))
    beyond = 0.9 * np.linalg.norm(lm[61] - lm[78]) * usual.face / face.height
    assert abs(dark.left - usual.left - beyond) < 0.5 * beyond
    assert abs(dark.right - usual.right - beyond) < 0.5 * beyond


def test_no_frame_depends_on_those_before() -> None:
    poses = random_poses(12)
    forth = [figure().draw(p).copy() for p in poses[:1]]
    portrait = figure()
    once = [portrait.draw(p).copy() for p in poses]
    back = [portrait.draw(p).copy() for p in poses[::-1]][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(once, back, strict=True))
    assert np.array_equal(forth[0], once[0])


def test_nothing_changes_outside_dirty_and_changed() -> None:
    portrait = figure()
    before = portrait.draw(REST).copy()
    extremes = [pose(**{n: v}) for n in CHANNELS for v in (-90.0, 90.0)]
    for p in [*random_poses(15), *extremes]:
        picture = portrait.draw(p)
        for box, other in ((portrait.changed, before), (portrait.dirty, backdrop())):
            x0, y0, x1, y1 = box
            assert all(v % 2 == 0 for v in box)
            same = (picture == other).all(2)
            same[y0:y1, x0:x1] = True
            assert same.all()
        before = picture.copy()


def test_strips_give_the_picture_that_blending_everything_gives() -> None:
    portrait = figure()
    head = portrait.head
    for p in [pose(yaw=18, pitch=11), pose(yaw=-18, roll=12), *random_poses(6)]:
        p = head.limited(p)
        move = head.move(p, (0.0, 0.0))
        x, y = (np.float32(v) for v in np.meshgrid(np.arange(SIZE), np.arange(SIZE)))
        x, y = (x - head.at[0]).astype(np.float32), (y - head.at[1]).astype(np.float32)
        maps = head._from_cells(*head._inverse(move, p, x, y))
        alpha = cv2.remap(portrait.cutout.layer[..., 3], maps, None, cv2.INTER_LINEAR, borderValue=0)
        follows = cv2.remap(cv2.resize(head.follow, head.size), maps, None, cv2.INTER_LINEAR, borderValue=0)
        drawn = np.zeros((SIZE, SIZE), np.uint8)
        for strip in head.strips(portrait.cutout.layer, move, p, (0, 0, SIZE, SIZE)):
            drawn[strip.rows, strip.left : strip.left + strip.layer.shape[1]] = 1
            assert (strip.layer[:, strip.solid, 3] == 255).all()
        assert drawn.mean() < 0.6  # what is empty is left out
        assert not ((alpha > 0) & (follows > 0) & (drawn == 0)).any()


def test_background_never_flickers() -> None:
    portrait = figure()
    far = np.ones((SIZE, SIZE), bool)
    x0, y0, x1, y1 = portrait.dirty
    far[y0:y1, x0:x1] = False
    corner = np.s_[:12, :12]
    assert far[corner].all()
    for p in random_poses(5):
        assert np.array_equal(portrait.draw(p)[far], backdrop()[far])


@pytest.mark.parametrize("own", ["keep", "blur"])
def test_kept_backgrounds_are_still_outside_of_the_matte(own: str) -> None:
    portrait = figure(own_background=own)
    layer, (x, y) = portrait.cutout.layer[..., 3], portrait.cutout.origin
    room = cv2.copyMakeBorder(layer, SIZE, SIZE, SIZE, SIZE, cv2.BORDER_CONSTANT, value=0)
    matte = room[SIZE - y : 2 * SIZE - y, SIZE - x : 2 * SIZE - x]
    calm = random_poses(6)
    calm[:, [INDEX[n] for n in ("yaw", "pitch", "roll", "head_x", "head_y")]] *= 0.25
    reach = 2 * round(0.04 * HEAD) + 1  # so far such poses move the outline at most
    outside = cv2.dilate(matte, np.ones((reach, reach), np.uint8)) == 0
    assert outside.mean() > 0.25
    pictures = np.stack([portrait.draw(p).copy() for p in calm])
    assert not np.ptp(pictures[:, outside], axis=0).any()
    assert np.ptp(pictures[:, matte == 255], axis=0).any()


def alpha_of(face: FaceMap) -> np.ndarray:
    """Return the matte, as drawing on black and on white tells it."""
    black, white = (
        PortraitFigure(face, np.full((SIZE, SIZE, 3), (level, 128, 128), np.uint8), HEAD, CENTRE).draw(REST).copy()
        for level in (16, 235)
    )
    return 1 - (white[..., 0].astype(float) - black[..., 0]) / 219


def test_matte_by_drawing_on_black_and_white() -> None:
    alpha = alpha_of(drawn_face())
    assert alpha.min() > -0.02 and alpha.max() < 1.02
    assert alpha[int(CENTRE[1]), int(CENTRE[0])] > 0.99 and alpha[2, 2] < 0.01


def test_edges_carry_no_colour_of_the_old_background() -> None:
    new = to_yuv(np.full((SIZE, SIZE, 3), (215, 170, 145), np.uint8))
    picture = to_rgb(PortraitFigure(drawn_face(), new, HEAD, CENTRE).draw(REST)).astype(int)
    alpha = alpha_of(drawn_face())[: int(CENTRE[1] + 0.4 * HEAD)]
    soft = cv2.dilate(((alpha > 0.01) & (alpha < 0.99)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    blue = picture[..., 2] - picture[..., 0]  # the old background is blue; skin and hair are not
    assert soft.sum() > 200
    assert blue[: len(alpha)][soft].max() < 0


def test_edges_are_narrow_where_nothing_is_seen_of_them() -> None:
    face = drawn_face()
    foggy = cv2.GaussianBlur(face.matte, (0, 0), 9)
    plain = FaceMap(np.full_like(face.image, 180), face.landmarks, foggy, 1.0)
    alpha = alpha_of(plain)[: int(CENTRE[1] + 0.4 * HEAD)]
    assert ((alpha > 0.05) & (alpha < 0.95)).sum() < 0.5 * ((foggy > 0.05) & (foggy < 0.95)).sum() * (HEAD / 234) ** 2


def test_kept_background_is_the_pictures_own() -> None:
    picture = to_rgb(figure(own_background="keep").draw(REST)).astype(int)
    assert np.abs(picture[8:40, 8:40] - BACKGROUND).max() < 4
    blurred = figure(own_background="blur").draw(REST)
    assert blurred.shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("degrees", [-10.0, 10.0])
def test_turn_moves_the_face_by_its_depth(degrees: float) -> None:
    portrait = figure()
    head = portrait.head
    move = head.move(head.limited(pose(yaw=degrees)), (0.0, 0.0))
    lm = portrait.cutout.landmarks
    nose, ears = lm[NOSE_TIP], lm[list(EARS)].mean(0)
    column, row = ((nose[i] + 0.5) / head.cell[i] - 0.5 for i in (0, 1))
    depth = head.depth[round(row), round(column)]
    x, _ = move.forth(*(np.float32([v]) for v in (*(nose[:2] - head.pivot), depth, 1.0)))
    shift = float(x[0]) - float((nose[0] - head.pivot[0]) * np.cos(np.radians(degrees)))
    expected = np.sin(np.radians(degrees)) * 1.5 * (ears[2] - nose[2])
    assert 0.6 < shift / expected < 1.2  # the grid rounds the nose's tip off


def test_turned_heads_turn_less() -> None:
    face = drawn_face()
    angle = np.radians(-20)
    turned = face.landmarks.copy()
    x, z = turned[:, 0] - turned[NOSE_TIP, 0], turned[:, 2]
    turned[:, 0], turned[:, 2] = (
        turned[NOSE_TIP, 0] + x * np.cos(angle) - z * np.sin(angle), x * np.sin(angle) + z * np.cos(angle)
    )  # fmt: skip
    assert own_turn(turned)[0] == pytest.approx(-20, abs=1)
    portrait = figure(FaceMap(face.image, turned, face.matte, 1.0))
    yaw = [float(portrait.head.limited(pose(yaw=v))[INDEX["yaw"]]) for v in (-15.0, 15.0)]
    assert -8 < yaw[0] < -4 and 12 < yaw[1] <= 15


def test_blink_covers_the_eye_and_little_else() -> None:
    portrait = figure()
    open_, shut = (portrait.draw(p).copy() for p in (REST, pose(blink_l=1, blink_r=1)))
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    differ = np.abs(open_.astype(int) - shut).max(2) > 6
    for eye in EYES:
        x, y = np.rint(lm[eye.iris]).astype(int)
        assert differ[y, x]
        brow = lm[list(eye.brow), :].mean(0)
        assert not differ[: int(brow[1]) + 2].any()
    skin = to_yuv(np.array([[[215, 170, 145]]], np.uint8))[0, 0].astype(int)
    x, y = np.rint(lm[EYES[0].iris]).astype(int)
    assert np.abs(shut[y - 1, x] - skin).max() < 30


@cache
def made_up_face() -> FaceMap:
    """The drawn face with eye shadow all around one eye."""
    face, eye = drawn_face(), EYES[0]
    lm, image = face.landmarks[:, :2], face.image.copy()
    middle = lm[[eye.upper[0], eye.upper[-1]]].mean(0)
    size = int(16 * 0.11 * face.height), int(16 * 0.085 * face.height)
    cv2.ellipse(image, (int(16 * middle[0]), int(16 * middle[1])), size, 0, 0, 360, (95, 60, 70), -1, cv2.LINE_AA, 4)
    outline = np.rint(lm[list(eye.upper + eye.lower[::-1])] * 16).astype(np.int32)
    cv2.fillPoly(image, [outline], (245, 245, 245), cv2.LINE_AA, 4)
    centre = tuple(int(16 * v) for v in lm[eye.iris])
    cv2.circle(image, centre, int(16 * 0.026 * face.height), (40, 60, 90), -1, cv2.LINE_AA, 4)
    return FaceMap(image, face.landmarks, face.matte, 1.0)


def test_a_lid_has_the_colours_of_its_surroundings() -> None:
    portrait = figure(made_up_face())
    open_, shut = (portrait.draw(p).copy().astype(int) for p in (REST.copy(), pose(blink_l=1, blink_r=1)))
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    for eye in EYES:
        (x, top), low = np.rint(lm[eye.upper[4]]).astype(int), round(lm[eye.lower[4], 1])
        lid, around = shut[top + 1 : (top + low) // 2, x - 2 : x + 3], open_[top - 4 : top - 2, x - 2 : x + 3]
        assert np.abs(np.median(lid, (0, 1)) - np.median(around, (0, 1))).max() < 25
        width = np.linalg.norm(lm[eye.upper[-1]] - lm[eye.upper[0]])
        beneath = slice(round(low + 0.13 * width), round(low + 0.5 * width))  # no part of the eye, however dark
        assert np.abs(open_[beneath, x] - shut[beneath, x]).max() < 12


def test_raised_brows_leave_the_lashes() -> None:
    face = drawn_face()
    lm = face.landmarks.copy()
    for eye in EYES:
        lm[list(eye.brow), 1] += 0.04 * face.height  # low brows
    portrait = figure(FaceMap(face.image, lm, face.matte, 1.0))
    lm = portrait.cutout.landmarks[:, :2]
    for i, eye in enumerate(EYES):
        lift = np.linalg.norm(portrait.head.basis[i], axis=-1)
        x, y = lm[eye.upper[4]] - (0, 0.15 * np.linalg.norm(lm[eye.upper[-1]] - lm[eye.upper[0]]))
        column, row = (round(float((v + 0.5) / portrait.head.cell[k] - 0.5)) for k, v in enumerate((x, y)))
        assert lift[row, column] < 0.05 * lift.max()


def bushy_face(thick: float = 0.05) -> FaceMap:
    """Return a face whose brows reach down from their landmarks, face heights."""
    face = drawn_face()
    image, height = face.image.copy(), face.height
    for eye in EYES:
        brow = face.landmarks[list(eye.brow), :2]
        down = np.array([0.0, height])
        hair = np.concatenate([brow - 0.012 * down, brow[::-1] + (thick - 0.012) * down])
        cv2.fillPoly(image, [np.rint(hair * 16).astype(np.int32)], (60, 40, 25), cv2.LINE_AA, 4)
    return FaceMap(image, face.landmarks, face.matte, 1.0)


def test_bushy_brows_rise_without_being_drawn_out() -> None:
    portrait = figure(bushy_face())
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    for eye in EYES:
        x, top, lid = round(lm[eye.brow[2], 0]), int(lm[eye.brow[2], 1] - 0.10 * HEAD), int(lm[eye.upper[4], 1] - 2)
        rows = [np.flatnonzero(portrait.draw(p)[top:lid, x, 0] < 100) for p in (REST, pose(brow_l=1, brow_r=1))]
        assert rows[0].min() - rows[1].min() >= 0.025 * HEAD  # they rise ...
        assert len(rows[1]) <= 1.2 * len(rows[0])  # ... as they are


def test_brows_rise_and_irises_move() -> None:
    portrait = figure()
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    eye = EYES[1]
    x, y = lm[eye.brow[2]]

    def darkest_row(p: np.ndarray) -> int:
        rows = slice(int(y - 0.12 * HEAD), int(y + 0.02 * HEAD))
        return int(portrait.draw(p)[rows, int(x) - 2 : int(x) + 3, 0].mean(1).argmin())

    assert darkest_row(REST) - darkest_row(pose(brow_l=1, brow_r=1)) >= 0.025 * HEAD

    def dark_column(p: np.ndarray) -> float:
        cx, cy = np.rint(lm[eye.iris]).astype(int)
        reach = int(0.05 * HEAD)
        row = 235.0 - portrait.draw(p)[cy - 1 : cy + 2, cx - reach : cx + reach + 1, 0].mean(0)
        row = np.clip(row - 60, 0, None)
        return float((row * np.arange(len(row))).sum() / row.sum())

    left, right = dark_column(pose(gaze_x=-0.6)), dark_column(pose(gaze_x=0.6))
    assert right - left > 0.015 * HEAD


def test_lids_go_with_a_glance_up_and_down() -> None:
    portrait = figure()
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    for eye in EYES:
        x, (cy, half) = round(lm[eye.iris, 0]), (lm[eye.iris, 1], 0.06 * HEAD)
        rows, aside = slice(round(cy - half), round(cy + half)), round(0.022 * HEAD)
        skin = portrait.draw(REST)[rows.start - 1, x].astype(int)

        def seen(p: np.ndarray) -> tuple[float, float]:
            """Return the iris' mean row and the lower edge of the eye beside it."""
            dark = np.clip(120.0 - portrait.draw(p)[rows, x - 1 : x + 2, 0].mean(1), 0, None)  # noqa: B023
            white = np.abs(portrait.draw(p)[rows, x - aside].astype(int) - skin).max(-1) > 12  # noqa: B023
            return float((dark * np.arange(len(dark))).sum() / dark.sum()), float(np.flatnonzero(white).max())

        (up, _), (still, low), (down, sunk) = (seen(pose(gaze_y=g)) for g in (-1.0, 0.0, 1.0))
        assert up < still - 0.01 * HEAD and down > still + 0.01 * HEAD
        assert sunk > low


@cache
def large_eyed_face() -> FaceMap:
    """The drawn face with eyes that reach below and beside their landmarks."""
    face = drawn_face()
    lm, image = face.landmarks[:, :2], face.image.copy()
    for eye in EYES:
        ends = lm[[eye.upper[0], eye.upper[-1]]]
        middle, width = ends.mean(0) + np.array([0, 0.03 * face.height]), np.linalg.norm(ends[1] - ends[0])
        size = int(16 * 0.62 * width), int(16 * 0.36 * width)
        cv2.ellipse(image, tuple(int(16 * v) for v in middle), size, 0, 0, 360, (250, 250, 250), -1, cv2.LINE_AA, 4)
        cv2.circle(image, tuple(int(16 * v) for v in middle), int(16 * 0.17 * width), (40, 60, 90), -1, cv2.LINE_AA, 4)
    return FaceMap(image, face.landmarks, face.matte, 1.0)


def test_large_drawn_eyes_shut_to_their_ends() -> None:
    portrait = figure(large_eyed_face())
    assert min(eye.growth for eye in portrait.eyes) > 0
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    for eye in EYES:
        (x0, y0), (x1, _) = lm[[eye.upper[0], eye.upper[-1]]]
        reach = 0.2 * (x1 - x0)
        box = slice(round(y0 - 1.5 * reach), round(y0 + 2.5 * reach)), slice(round(x0 - reach), round(x1 + reach))
        white = [(portrait.draw(p)[box][..., 0] > 205).sum() for p in (REST, pose(blink_l=1, blink_r=1))]
        assert white[0] > 40 and white[1] < 0.3 * white[0]


@cache
def face_with_glasses(thick: int = 3) -> FaceMap:
    face = drawn_face()
    image, lm = face.image.copy(), face.landmarks[:, :2]
    unit, middle = face.height, lm[list(OVAL)].mean(0)

    def at(x: float, y: float) -> tuple[int, int]:
        return int(16 * (middle[0] + x * unit)), int(16 * (middle[1] + y * unit))

    half = 0.13 if thick < 5 else 0.10
    for x in (-0.16, 0.16):
        cv2.rectangle(image, at(x - half, -0.145), at(x + half, 0.03), (25, 25, 25), thick, cv2.LINE_AA, 4)
    cv2.line(image, at(half - 0.16, -0.10), at(0.16 - half, -0.10), (25, 25, 25), thick, cv2.LINE_AA, 4)
    return FaceMap(image, face.landmarks, face.matte, 1.0)


@pytest.mark.parametrize("thick", [3, 9])
def test_glasses_keep_their_shape_while_brows_move(thick: int) -> None:
    portrait = figure(face_with_glasses(thick))
    lm = portrait.cutout.landmarks[:, :2] + portrait.cutout.origin
    unit, middle = portrait.cutout.face_height, lm[list(OVAL)].mean(0)
    columns = [round(middle[0] + x * unit) for x in np.arange(-0.26, 0.27, 0.02) if abs(x) > 0.06]
    rows = slice(round(middle[1] - 0.17 * unit), round(middle[1] - 0.12 * unit))

    def rim(p: np.ndarray) -> np.ndarray:
        band = 255.0 - portrait.draw(p)[rows, columns, 0].astype(float)
        dark = np.clip(band - 160, 0, None)
        return (dark * np.arange(len(dark))[:, None]).sum(0) / dark.sum(0)

    still = rim(REST)
    for p in (pose(brow_l=0.7, brow_r=0.7), pose(brow_l=-1, brow_r=-1, frown=1), pose(smile=1)):
        assert np.abs(rim(p) - still).max() < 0.3  # pixels
    brow = round(lm[EYES[1].brow[2], 0])
    above = slice(rows.start - round(0.10 * unit), rows.start)
    before, after = (int(portrait.draw(p)[above, brow, 0].argmin()) for p in (REST, pose(brow_r=1.0)))
    assert before - after >= 2  # the brow itself moves


def test_faces_without_glasses_have_none() -> None:
    for face, glasses in ((drawn_face(), False), (smiling_face(), False), (face_with_glasses(), True)):
        assert (find_rims(figure(face).cutout) is not None) == glasses


def test_breath_lifts_no_edge_into_sight() -> None:
    size = portrait_size(drawn_face(), HEAD)
    bottom = int(CENTRE[1] + size.top + size.height)
    assert size.width > HEAD and size.top < -0.4 * HEAD
    region = backdrop()[:bottom] if bottom < SIZE else backdrop()
    portrait = PortraitFigure(drawn_face(), region, HEAD, CENTRE)
    at = int(CENTRE[0])
    still, breathed = (portrait.draw(p)[-1, at].copy() for p in (pose(), pose(breath=1)))
    assert np.abs(still.astype(int) - breathed).max() < 8


@pytest.mark.parametrize("centre", [(60.0, 6.0), (118.0, 90.0), (-200.0, 40.0), (60.0, 400.0)])
def test_a_head_may_lie_across_the_edge_or_out_of_sight(centre: tuple[float, float]) -> None:
    region = backdrop()[:80, :120]
    portrait = PortraitFigure(drawn_face(), region, 60.0, centre)
    pictures = [portrait.draw(p).copy() for p in random_poses(4)]
    seen = any((picture != region).any() for picture in pictures)
    assert seen == (centre[0] > 0 and centre[1] < 100)


def tilted(face: FaceMap, degrees: float) -> FaceMap:
    """Return a face rolled in its picture."""
    h, w = face.matte.shape
    turn = cv2.getRotationMatrix2D((w / 2, 0.45 * h), degrees, 1.0)
    lm = face.landmarks.copy()
    lm[:, :2] = lm[:, :2] @ turn[:, :2].T + turn[:, 2]
    image = cv2.warpAffine(face.image, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return FaceMap(image, lm, cv2.warpAffine(face.matte, turn, (w, h)), 1.0)


@pytest.mark.parametrize("degrees", [-40.0, 25.0])
def test_tilted_heads_speak(degrees: float) -> None:
    portrait = figure(tilted(drawn_face(), degrees))
    rest, open_ = (portrait.draw(p).astype(int) for p in (REST.copy(), pose(jaw=1)))
    assert (np.abs(rest - open_).max(2) > 20).sum() > 100


def test_hair_turns_with_the_forehead_under_it() -> None:
    portrait = figure()
    head, lm = portrait.head, portrait.cutout.landmarks
    chin, brow = lm[CHIN], lm[FOREHEAD]
    column = round(float((brow[0] + 0.5) / head.cell[0] - 0.5))
    rows = [round(float((brow[1] + (brow[1] - chin[1]) * up + 0.5) / head.cell[1] - 0.5)) for up in (0.0, 0.12, 0.24)]
    forehead, above, higher = (float(head.depth[row, column]) for row in rows)
    assert above > 0.65 * forehead > 0 and higher > 0.45 * forehead


@pytest.mark.parametrize("degrees", [-18.0, 18.0])
def test_no_turn_folds_the_face(degrees: float) -> None:
    head = figure().head
    gh, gw = head.depth.shape
    x, y = np.meshgrid((np.arange(gw) + 0.5) * head.cell[0], (np.arange(gh) + 0.5) * head.cell[1])
    steep = head.depth.copy()
    steep[:, gw // 2 :] += 0.3 * head.height  # as beside the nose of a face half turned away
    gentle = _gentle(steep, 2.5 * float(head.cell[0]))
    move = head.move(pose(yaw=degrees), (0.0, 0.0))
    ones = np.ones_like(x)
    assert np.diff(move.forth(x, y, steep, ones)[0], axis=1).min() < 0 or degrees > 0
    assert np.diff(move.forth(x, y, gentle, ones)[0], axis=1).min() > 0


def cropped(face: FaceMap, top: int, bottom: int) -> FaceMap:
    lm = face.landmarks - np.array([0, top, 0], np.float32)
    return FaceMap(face.image[top:bottom].copy(), lm, face.matte[top:bottom].copy(), 1.0)


def test_a_crown_of_our_own_is_hair() -> None:
    face = drawn_face()
    top = int(face.landmarks[FOREHEAD, 1] - 0.06 * face.height)  # a narrow strip of hair is left
    portrait = figure(cropped(face, top, len(face.image)))
    picture = to_rgb(portrait.draw(REST)).astype(int)
    edge = int(portrait.cutout.landmarks[FOREHEAD, 1] + portrait.cutout.origin[1] - 0.03 * HEAD)
    crown = picture[edge - round(0.12 * HEAD) : edge, int(CENTRE[0]) - 10 : int(CENTRE[0]) + 10]
    assert np.abs(crown - (60, 40, 25)).max() < 40


def test_hair_that_the_upper_edge_cuts_is_rounded_off() -> None:
    face, more = drawn_face(), 60
    image = cv2.copyMakeBorder(face.image, more, 0, 0, 0, cv2.BORDER_REPLICATE)
    matte = cv2.copyMakeBorder(face.matte, more, 0, 0, 0, cv2.BORDER_CONSTANT, value=0)
    lm = face.landmarks + np.array([0, more, 0], np.float32)
    middle, half = int(lm[FOREHEAD, 0]), int(0.3 * face.height)
    hair = slice(0, int(lm[FOREHEAD, 1])), slice(middle - half, middle + half)  # far above any usual crown
    matte[hair], image[hair] = 1, (60, 40, 25)
    solid = figure(FaceMap(image, lm, matte, 1.0)).cutout.layer[..., 3] > 128
    first = np.flatnonzero(solid.any(1))[0]
    widest = solid[: int(CENTRE[1])].sum(1).max()
    assert 0 < solid[first].sum() < 0.4 * widest


def test_a_nod_or_tilt_lifts_no_lower_edge_into_sight() -> None:
    face = drawn_face()
    bottom = int(face.landmarks[CHIN, 1] + 0.25 * face.height)
    portrait = figure(cropped(face, 0, bottom))
    floor = int(portrait.cutout.floor + portrait.cutout.origin[1])
    below = floor + round(0.02 * HEAD) + 4  # breath needs a few rows more than the picture has
    for p in (pose(roll=12), pose(roll=-12), pose(pitch=-11), pose(pitch=11)):
        picture = portrait.draw(p)
        assert np.array_equal(picture[below:], backdrop()[below:])
        assert (picture[floor - 3] != backdrop()[floor - 3]).any(1).sum() > 0.3 * HEAD


def test_wrong_pose_is_told() -> None:
    with pytest.raises(ValueError, match="channels"):
        figure().draw(np.zeros(3, np.float32))


def test_sheet_shows_every_pose() -> None:
    sheet = portrait_sheet(drawn_face(), 96)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 5 * 96 and sheet.shape[0] % 96 == 0
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 500


def _nets() -> object:
    from podcast.puppet.face_nets import FACE_WEIGHTS, FaceNets

    files = {w.name: next(WEIGHTS.rglob(Path(w.member).name), None) for w in FACE_WEIGHTS}
    if not SAMPLES.is_dir() or None in files.values():
        pytest.skip("needs the sample portraits and the networks")
    return FaceNets(files)  # type: ignore[arg-type]


def _turn(rest: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return yaw, pitch, roll (degrees) of the rotation between two sets of stable landmarks (Kabsch)."""
    stable = [*OVAL[:9], *OVAL[-9:], *EARS, 6, 197, 195, 5, 4, 1, 168, 33, 133, 362, 263]
    a, b = (lm[stable].astype(float) - lm[stable].mean(0) for lm in (rest, now))
    u, _, v = np.linalg.svd(b.T @ a)
    r = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v
    return np.degrees(
        [-np.arctan2(r[0, 2], np.hypot(r[1, 2], r[2, 2])), -np.arctan2(r[1, 2], r[2, 2]), np.arctan2(r[1, 0], r[0, 0])]
    )


@pytest.mark.parametrize("name", ["art_3.png", "s9.jpg"])
def test_networks_read_back_what_was_drawn(name: str) -> None:
    from podcast.puppet.faces import read_face

    nets = _nets()
    face = read_face(SAMPLES / name, nets=nets)  # type: ignore[arg-type]
    background = to_yuv(np.full((480, 480, 3), (96, 104, 112), np.uint8))
    portrait = PortraitFigure(face, background, 320.0, (240.0, 220.0))

    def read(**changes: float) -> np.ndarray:
        return read_face(to_rgb(portrait.draw(pose(**changes))), nets=nets).landmarks  # type: ignore[arg-type]

    rest = read()
    for i, (channel, degrees, least, most) in enumerate(
        (("yaw", 8.0, 0.8, 1.2), ("pitch", 5.0, 0.6, 1.3), ("roll", 6.0, 0.8, 1.2))
    ):
        there, back = (_turn(rest, read(**{channel: d}))[i] for d in (degrees, -degrees))
        assert least < (there - back) / (2 * degrees) < most, channel
    height = float(np.linalg.norm(rest[10, :2] - rest[152, :2]))

    def apart(lm: np.ndarray) -> float:
        return float(lm[14, 1] - lm[13, 1]) / height

    shut, open_ = apart(read(press=1, jaw=1)), apart(read(jaw=1))
    assert open_ > 0.06 and shut < 0.3 * open_
    brow = [float((lm[[133, 362], 1].mean() - lm[[105, 334], 1].mean()) / height)
            for lm in (read(brow_l=-1, brow_r=-1), rest, read(brow_l=1, brow_r=1))]  # fmt: skip
    assert brow[1] - brow[0] > 0.005 and brow[2] - brow[1] > 0.02
