"""Cut-outs: a stand-in for the segmentation network always; the samples through the real one where it is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from podcast.avatar.cast import portrait
from podcast.cache import Cache
from podcast.episode import Speaker
from podcast.puppet import judge as judging
from podcast.puppet.facemap import FaceMap
from podcast.puppet.judge import MATTE, Finding, judge
from podcast.puppet.matte import read_matte
from podcast.puppet.matte_check import check_matte
from podcast.puppet.picture import UNDER, Picture, without_frame
from tests.test_faces import _sample
from tests.test_portrait import BACKGROUND, drawn_face, figure


class Stand:
    """A network that knows the person by what is painted into the picture's place of its choice."""

    def __init__(self, opinion: np.ndarray, rgb: np.ndarray) -> None:
        self.opinion, self.rgb, self.asked = opinion, rgb, 0

    def matte(self, crop: np.ndarray) -> np.ndarray:
        self.asked += 1
        small = cv2.resize(self.rgb, (256, 256), interpolation=cv2.INTER_AREA)
        answer = cv2.resize(self.opinion, (256, 256), interpolation=cv2.INTER_AREA)
        if np.abs(small.astype(int) - crop).mean() < 0.5:
            return answer
        assert np.abs(small[:, ::-1].astype(int) - crop).mean() < 0.5, "only what the picture holds is shown"
        return answer[:, ::-1]


def matted(face: FaceMap, opinion: np.ndarray) -> np.ndarray:
    return read_matte(face.image, face.landmarks, Stand(opinion, face.image))  # type: ignore[arg-type]


def close_up() -> FaceMap:
    """Return the drawn face with little around it: closer looks would show nothing else."""
    face = drawn_face()
    lm = face.landmarks.copy()
    lm[:, :2] -= (20, 20)
    return FaceMap(face.image[20:380, 20:380].copy(), lm, face.matte[20:380, 20:380].copy(), 1.0)


def share(matte: np.ndarray, where: np.ndarray) -> float:
    return float(matte[where].mean())


def ring(matte: np.ndarray, width: int) -> np.ndarray:
    wide = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2))
    return (wide > 0.5) & (matte < 0.02)


def test_scenery_the_network_is_not_sure_of_is_decided_by_its_colour() -> None:
    face = close_up()
    around = ring(face.matte, 25)
    opinion = np.maximum(face.matte, 0.7 * around)
    found = matted(face, opinion.astype(np.float32))
    assert around.sum() > 10_000
    assert share(found, around) < 0.08
    assert share(found, face.matte > 0.98) > 0.99


def test_hair_the_network_is_not_sure_of_is_decided_by_its_colour() -> None:
    face = close_up()
    hair = (np.abs(face.image.astype(int) - (60, 40, 25)).max(2) < 3) & (np.indices(face.matte.shape)[1] > 180)
    sides = np.where(hair, 0.45, face.matte).astype(np.float32)
    found = matted(face, sides)
    assert hair.sum() > 1000
    assert share(found, hair & (cv2.erode(face.matte, np.ones((5, 5))) > 0.9)) > 0.9


def test_edges_of_the_background_s_own_colour_are_not_frayed() -> None:
    face = close_up()
    rng = np.random.default_rng(5)
    shirt = np.abs(face.image.astype(int) - (50, 60, 80)).max(2) < 8
    plain = np.where(shirt[..., None], np.array(BACKGROUND, np.uint8), face.image)  # as blue as the wall
    noise = 3 * cv2.GaussianBlur(rng.normal(0, 12, plain.shape[:2]), (0, 0), 2)
    face = replace(face, image=np.clip(plain + noise[..., None], 0, 255).astype(np.uint8))
    found = replace(face, matte=matted(face, cv2.GaussianBlur(face.matte, (0, 0), 4)))
    assert share(found.matte, shirt) > 0.95
    assert check_matte(found).fringe < 1.2


def test_room_above_the_hair_stays_room() -> None:
    face = close_up()
    top = int(np.flatnonzero((face.matte > 0.5).any(1))[0]) - 4  # pixels of background above the hair
    lm = face.landmarks.copy()
    lm[:, 1] -= top
    tight = FaceMap(face.image[top:].copy(), lm, face.matte[top:].copy(), 1.0)
    assert matted(tight, tight.matte)[:2].max() < 0.1


def test_what_must_be_there_is_looked_for() -> None:
    face = drawn_face()
    whole = check_matte(face)
    assert whole.skull < 0.05 and whole.neck < 0.05 and whole.fringe < 1.1
    mask = np.zeros_like(face.matte)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(face.landmarks[:, :2]).astype(np.int32)), 1.0)
    alone = check_matte(replace(face, matte=mask))
    assert alone.skull > 0.6 and alone.neck > 0.6
    assert MATTE in {finding.code for finding in judge(replace(face, matte=mask))}
    assert MATTE not in {finding.code for finding in judge(face)}


def test_fringes_are_noticed() -> None:
    face = drawn_face()
    rng = np.random.default_rng(1)
    grain = cv2.resize(rng.random((100, 100)).astype(np.float32), face.matte.shape[::-1])
    soft = cv2.GaussianBlur(face.matte, (0, 0), 9)
    frayed = replace(face, matte=((soft + 0.95 * (grain - 0.5)) > 0.5).astype(np.float32))
    assert check_matte(frayed).fringe > 1.6
    assert MATTE in {finding.code for finding in judge(frayed)}


def test_a_cut_out_of_the_user_s_own_is_not_doubted() -> None:
    face = drawn_face()
    mask = np.zeros_like(face.matte)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(face.landmarks[:, :2]).astype(np.int32)), 1.0)
    image = np.where(mask[..., None] > 0, face.image, np.uint8(UNDER))
    assert check_matte(replace(face, image=image, matte=mask)).skull == 0


def test_what_the_picture_does_not_show_does_not_count() -> None:
    face = drawn_face()
    top, bottom = int(face.landmarks[10, 1]) + 2, int(face.landmarks[152, 1]) + 2
    lm = face.landmarks.copy()
    lm[:, 1] -= top
    found = check_matte(FaceMap(face.image[top:bottom].copy(), lm, face.matte[top:bottom].copy(), 1.0))
    assert found.skull < 0.05 and found.neck == 0


@pytest.mark.parametrize(
    ("doubted", "wanted", "given"),
    [(True, "replace", "keep"), (True, "blur", "keep"), (False, "replace", "replace"), (False, "blur", "blur")],
)
def test_who_cannot_be_cut_out_keeps_the_background(
    doubted: bool, wanted: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = (Finding("warn", MATTE, "the person cannot be cut out cleanly"),) if doubted else ()
    monkeypatch.setattr(judging, "portrait_report", lambda *_: (findings, drawn_face()))
    picture = tmp_path / "me.png"
    picture.write_bytes(b"a picture")
    nets: Callable[[], object] = lambda: None  # noqa: E731 - the report is a stand-in and asks no network
    made, told = portrait(Speaker("a", "Ann"), picture, nets, Cache(tmp_path / "cache"), face=None,  # type: ignore[arg-type]
                          background=wanted, framing="bust")  # type: ignore[arg-type]
    assert made is not None and made.background == given
    assert told == findings


@pytest.mark.parametrize("sides", [(6, 6, 6, 6), (9, 9, 0, 0), (0, 4, 0, 3), (0, 0, 0, 0)])
def test_a_plain_frame_is_cut_off(sides: tuple[int, int, int, int]) -> None:
    face = drawn_face()
    inner = face.image
    if any(sides):
        inner = np.clip(inner + np.random.default_rng(2).normal(0, 25, inner.shape), 0, 255).astype(np.uint8)
    framed = cv2.copyMakeBorder(inner, *sides, cv2.BORDER_CONSTANT, value=(250, 248, 245))
    found = without_frame(Picture(framed, None)).rgb
    lost = np.array(inner.shape[:2]) - found.shape[:2]
    assert (lost >= 0).all() and (lost <= 2).all(), "no more than the soft edges of the frame"
    assert (found.reshape(-1, 3).min(1) > 240).mean() < 0.01


def test_plain_walls_are_no_frame() -> None:
    image = np.full((200, 200, 3), 255, np.uint8)
    cv2.ellipse(image, (100, 110), (60, 90), 0, 0, 360, (90, 60, 40), -1)
    assert without_frame(Picture(image, None)).rgb.shape == image.shape
    alpha = np.zeros((200, 200), np.float32)
    assert without_frame(Picture(image, alpha)).alpha is alpha


def test_a_forehead_that_the_edge_touches_gets_hair_above_it() -> None:
    face = drawn_face()
    wide = cv2.dilate(face.matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (61, 61)))
    hair = (wide > 0.5) & (face.matte < 0.5)  # more of it to the sides, as a hat has
    image, matte = np.where(hair[..., None], np.uint8((60, 40, 25)), face.image), np.maximum(face.matte, hair)
    top = int(face.landmarks[10, 1]) + 2  # everything above is skin
    lm = face.landmarks.copy()
    lm[:, 1] -= top
    cut = figure(FaceMap(image[top:].copy(), lm, matte[top:].astype(np.float32), 1.0)).cutout
    x, y = (int(v) for v in cut.landmarks[10, :2])
    solid = np.flatnonzero(cut.layer[:, x, 3] > 250)
    crown = cut.layer[solid[0] : solid[0] + round(0.05 * cut.head_height), x - 4 : x + 5, 0]
    skin = cut.layer[y + round(0.1 * cut.head_height), x, 0]
    assert y - solid[0] > 0.1 * cut.head_height, "a crown of our own"
    assert crown.mean() < 0.5 * skin


@pytest.mark.parametrize("name", ["art_3.png", "art_5.png", "s6.jpg", "s9.jpg", "full_body_1.png"])
def test_sample_portraits_are_cut_out_whole(name: str) -> None:
    face = _sample(name)
    found = check_matte(face)
    assert found.skull < 0.05 and found.neck < 0.1
    assert found.fringe < 1.35, "before closer looks stayed within the picture, art_3 had 1.61"
