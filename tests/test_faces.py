from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from podcast.errors import MediaError
from podcast.puppet.crops import Place, cut, to_picture
from podcast.puppet.face_nets import FACE_WEIGHTS
from podcast.puppet.face_sheet import draw_face_map
from podcast.puppet.facemap import MESH, POINTS, FaceMap, Trust
from podcast.puppet.faces import (
    FaceError,
    FaceNets,
    Tracker,
    face_map_digest,
    find_faces,
    load_face_map,
    read_face,
    read_picture,
    save_face_map,
)
from podcast.puppet.judge import head_angles, is_refused, judge, portrait_report
from podcast.weights import WeightsError, fetch

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT.parent / "shared/samples"


# --- pictures: no networks needed ---------------------------------------------------------------------------------


def _gradient(h: int = 40, w: int = 60) -> np.ndarray:
    y, x = np.mgrid[:h, :w]
    return np.stack([x * 4, y * 6, np.full((h, w), 90)], -1).astype(np.uint8)


def _close(path: Path, wanted: np.ndarray, tolerance: float = 4) -> None:
    got = read_picture(path).rgb
    assert got.dtype == np.uint8 and got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted.astype(int)).mean() < tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_pictures_upright(orientation: int, tmp_path: Path) -> None:
    stored: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a), 7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[274] = orientation
    upright = _gradient()
    Image.fromarray(np.ascontiguousarray(stored[orientation](upright))).save(tmp_path / "a.png", exif=exif)
    _close(tmp_path / "a.png", upright)


def test_grey_palette_and_cmyk(tmp_path: Path) -> None:
    rgb = _gradient()
    grey = np.asarray(Image.fromarray(rgb).convert("L"))
    Image.fromarray(grey).save(tmp_path / "grey.png")
    _close(tmp_path / "grey.png", np.repeat(grey[..., None], 3, 2))
    Image.fromarray(rgb).quantize(256).save(tmp_path / "palette.png")
    _close(tmp_path / "palette.png", rgb, 8)
    Image.fromarray(rgb).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    _close(tmp_path / "cmyk.jpg", rgb, 8)


def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 60 * 40).reshape(40, 60).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    _close(tmp_path / "deep.png", np.repeat((grey / 257).round().astype(np.uint8)[..., None], 3, 2), 1)
    deep = _gradient().astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "colour.png"), deep[..., ::-1])
    _close(tmp_path / "colour.png", _gradient(), 1)


def test_alpha_becomes_a_cut_out(tmp_path: Path) -> None:
    rgba = np.dstack([_gradient(), np.full((40, 60), 255, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "opaque.png")
    assert read_picture(tmp_path / "opaque.png").alpha is None
    rgba[:, :20, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "cut.png")
    picture = read_picture(tmp_path / "cut.png")
    assert picture.alpha is not None and picture.alpha[:, :20].max() == 0 and picture.alpha[:, 20:].min() == 1
    assert np.ptp(picture.rgb[:, :20]) == 0, "nothing of what was transparent shows"
    assert np.array_equal(picture.rgb[:, 20:], rgba[:, 20:, :3])


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((20, 20, 3), shade, np.uint8)) for shade in (200, 10, 90)]
    for name in ("a.gif", "a.webp", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100)
        assert abs(int(read_picture(tmp_path / name).rgb.mean()) - 200) < 4


def test_pictures_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such picture"):
        read_picture(tmp_path / "missing.png")
    (tmp_path / "text.png").write_text("not a picture")
    Image.fromarray(_gradient(300, 300)).save(tmp_path / "half.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "half.jpg").read_bytes()[:900])
    for name, message in (("text.png", "no picture"), ("half.jpg", "cannot be read")):
        with pytest.raises(MediaError, match=message):
            read_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("head", "message"),
    [(b"\0\0\0\x18ftypheic", "HEIC"), (b"\0\0\0\x20ftypisom", "video"), (b"\x1aE\xdf\xa3" + bytes(8), "video"),
     (b"", "no picture"), (b"%PDF-1.7", "no picture")],
)  # fmt: skip
def test_what_people_take_for_pictures_is_named(head: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "me").write_bytes(head + bytes(20) * bool(head))
    with pytest.raises(MediaError, match=message) as told:
        read_picture(tmp_path / "me")
    assert "JPEG" in str(told.value.remedy)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_crop_leads_back_to_the_picture(mirror: bool) -> None:
    picture = np.zeros((600, 800, 3), np.uint8)
    cv2.circle(picture, (500, 300), 30, (255, 255, 255), -1)
    for side in (64, 400):
        crop, back = cut(picture, Place(460.0, 320.0, 300.0, 0.4), side, mirror)
        weights = crop[..., 0].astype(float)
        y, x = np.mgrid[:side, :side]
        centre = np.array([[(x * weights).sum(), (y * weights).sum()]]) / weights.sum()
        assert np.allclose(to_picture(centre, back), [[500, 300]], atol=0.6)


def _blank_face(trust: Trust = Trust()) -> FaceMap:  # noqa: B008 (frozen)
    image = np.full((100, 100, 3), 128, np.uint8)
    landmarks = np.random.default_rng(1).uniform(20, 80, (POINTS, 3)).astype(np.float32)
    matte = np.rint(np.random.default_rng(2).random((100, 100)) * 255).astype(np.float32) / np.float32(255)
    return FaceMap(image, landmarks, matte, 0.9, 2, 0.5, trust)


def test_a_face_map_survives_its_file(tmp_path: Path) -> None:
    face = _blank_face(Trust(0.9, 0.01, 0.02, 0.03, 0.04))
    save_face_map(face, tmp_path / "a.npz")
    again = load_face_map(tmp_path / "a.npz")
    for field in ("image", "landmarks", "matte"):
        assert np.array_equal(getattr(face, field), getattr(again, field)), field
        assert getattr(face, field).dtype == getattr(again, field).dtype
    assert (again.score, again.faces, again.scale, again.trust) == (0.9, 2, 0.5, face.trust)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:500])
    with pytest.raises(MediaError, match="cannot be read"):
        load_face_map(tmp_path / "a.npz")


def test_the_digest_follows_bytes_and_choice(tmp_path: Path) -> None:
    for name, shade in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        Image.fromarray(np.full((4, 4, 3), shade, np.uint8)).save(tmp_path / name)
    a, b, c = (face_map_digest(tmp_path / name) for name in ("a.png", "b.png", "c.png"))
    assert a == b != c and face_map_digest(tmp_path / "a.png", 1) != a


# --- networks made by formula: a face is a white disc --------------------------------------------------------------


def _pattern() -> np.ndarray:
    """Return where a mesh's points lie in a face, (468, 2), from -0.5 to 0.5 of its height."""
    points = np.random.default_rng(5).uniform(-0.4, 0.4, (MESH, 2))
    spots = {10: (0, -0.5), 152: (0, 0.5), 33: (-0.25, -0.12), 133: (-0.1, -0.12), 362: (0.1, -0.12),
             263: (0.25, -0.12), 1: (0, 0.08), 13: (0, 0.25), 14: (0, 0.27)}  # fmt: skip
    points[list(spots)] = list(spots.values())
    return points


class _Discs:
    """Networks for discs of a face's height: a detector that finds them, and a mesh that lies down wherever it is."""

    def detect(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count, _, stats, centres = cv2.connectedComponentsWithStats((crop[..., 0] > 128).astype(np.uint8))
        face = _pattern()
        own = np.array([face[[33, 133]].mean(0), face[[362, 263]].mean(0), face[1], face[[13, 14]].mean(0)])
        scores, pairs = np.zeros(896), np.zeros((896, 8, 2))
        for i in range(1, min(count, 4)):
            height, centre = float(stats[i, 3]), (centres[i] + 0.5) / 128
            if height > 8 and stats[i, 2] < 1.2 * height:
                scores[i] = 0.9
                pairs[i] = [centre, (height / 128 / 1.4,) * 2, *(centre + own * height / 128), centre, centre]
        return scores, pairs

    def mesh(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        points = (_pattern() + 0.75) * (192 / 1.5)
        return np.c_[points, np.zeros(MESH)], 0.9 if (crop > 128).any() else 0.1

    def iris(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full((71, 2), 32.0), np.full((5, 2), 32.0)


def _discs(*places: tuple[int, int, int]) -> np.ndarray:
    picture = np.zeros((480, 640, 3), np.uint8)
    for x, y, height in places:
        cv2.circle(picture, (x, y), height // 2, (255, 255, 255), -1)
    return picture


def _tracked(tracker: Tracker, *places: tuple[int, int, int]) -> np.ndarray:
    points = tracker.track(_discs(*places))
    assert points is not None
    return points[[10, 152], :2].mean(0)


def test_the_tracker_is_not_led_astray_by_a_leap_or_a_cut() -> None:
    tracker = Tracker(_Discs())  # type: ignore[arg-type]
    for x, y, height in ((200, 200, 160), (210, 200, 160), (250, 260, 160), (500, 120, 120), (480, 300, 200)):
        assert np.linalg.norm(_tracked(tracker, (x, y, height)) - (x, y)) < 0.15 * height


def test_the_tracker_stays_with_its_person() -> None:
    tracker = Tracker(_Discs())  # type: ignore[arg-type]
    assert _tracked(tracker, (160, 220, 180), (470, 220, 150))[0] < 200, "the larger one"
    for step in range(1, 6):  # the other one comes nearer and becomes the larger one
        seen = _tracked(tracker, (160 + 20 * step, 220, 180), (470, 220, 150 + 15 * step))
        assert abs(seen[0] - 160 - 20 * step) < 30
    assert tracker.track(_discs()) is None
    assert _tracked(tracker, (250, 220, 180), (490, 220, 220))[0] < 300, "back where it was lost"


def test_small_faces_are_looked_at_again_from_near() -> None:
    (face,) = find_faces(_discs((333, 211, 50)), _Discs())  # type: ignore[arg-type]
    assert np.hypot(face.x - 333, face.y - 211) < 2 and abs(face.size * 1.4 - 50) < 3


def _disc_face(trust: Trust = Trust()) -> FaceMap:  # noqa: B008 (frozen)
    """Return a grey disc with two light eyes, landmarks in their places."""
    landmarks = np.zeros((POINTS, 3), np.float32)
    landmarks[:MESH, :2] = _pattern() * 200 + (200, 200)
    for upper, lower, left, right in ((159, 145, 33, 133), (386, 374, 362, 263)):
        middle = landmarks[[left, right]].mean(0)
        landmarks[upper], landmarks[lower] = middle - np.array([0, 6, 0]), middle + np.array([0, 6, 0])
    image = np.full((400, 400, 3), 150, np.uint8)
    for x, y in _eyes(landmarks):
        cv2.ellipse(image, (x, y), (15, 6), 0, 0, 360, (240, 240, 240), -1)
        cv2.circle(image, (x, y), 6, (20, 20, 20), -1)
    return FaceMap(image, landmarks, np.ones((400, 400), np.float32), 0.9, trust=trust)


def _eyes(landmarks: np.ndarray) -> list[tuple[int, int]]:
    middles = [landmarks[list(corners), :2].mean(0) for corners in ((33, 133), (362, 263))]
    return [(round(float(x)), round(float(y))) for x, y in middles]


def test_dark_glasses_are_told_and_dark_eyes_are_none() -> None:
    face = _disc_face()
    assert not _codes(face) & {"sunglasses", "bright", "dark"}
    for x, y in _eyes(face.landmarks):
        cv2.circle(face.image, (x, y), 9, (15, 15, 15), -1)
    assert "sunglasses" not in _codes(face), "make-up, or deep shadow"
    x, y = _eyes(face.landmarks)[0]
    cv2.ellipse(face.image, (x, y), (26, 20), 0, 0, 360, (15, 15, 15), -1)
    assert "sunglasses" not in _codes(face), "an eye-patch"
    x, y = _eyes(face.landmarks)[1]
    cv2.ellipse(face.image, (x, y), (26, 20), 0, 0, 360, (15, 15, 15), -1)
    assert "sunglasses" in _codes(face, "warn")
    dim = dataclasses.replace(face, image=face.image // 2)
    assert "sunglasses" in _codes(dim, "warn")


def test_overexposed_faces_are_told() -> None:
    face = _disc_face()
    burnt = np.clip(face.image.astype(int) + 120, 0, 255).astype(np.uint8)
    assert "bright" in _codes(dataclasses.replace(face, image=burnt), "warn")
    lost = Trust(0.3, 0.05, 0.05, 0.05, 0.3)
    assert _codes(dataclasses.replace(face, image=burnt, trust=lost), "refuse") == {"bright"}, "not: an animal"
    assert _codes(dataclasses.replace(face, trust=lost), "refuse") >= {"strange"} or "blurred" in _codes(face)


def test_a_hand_with_fingers_covers_the_mouth_as_well() -> None:
    face = _disc_face()
    for x in range(-40, 41, 2):  # a dark line where the mesh thinks that the lips meet
        cv2.circle(face.image, (200 + x, 252), 2, (40, 40, 40), -1)
    for trust, covered in ((Trust(1, 0.027, 0.042, 0.013, 0.04), True), (Trust(1, 0.02, 0.029, 0.013, 0.06), False)):
        assert ("covered" in _codes(dataclasses.replace(face, trust=trust), "refuse")) == covered


# --- faces: with the networks and the samples, where they are at hand ---------------------------------------------


@lru_cache(1)
def _nets() -> FaceNets:
    try:
        folder = Path(os.environ.get("PODCAST_DATA_DIR", ROOT / "data")) / "weights"
        return FaceNets(fetch(FACE_WEIGHTS, folder, offline=True))
    except WeightsError:
        pytest.skip("the face networks are not on this machine")


@lru_cache(16)
def _sample(name: str) -> FaceMap:
    path = SAMPLES / "portraits" / name
    if not path.exists():
        pytest.skip("no sample portraits")
    return read_face(path, nets=_nets())


def _codes(face: FaceMap, *severities: str) -> set[str]:
    return {finding.code for finding in judge(face) if finding.severity in (severities or ("refuse", "warn", "note"))}


PORTRAITS = ("art_13.png", "art_15.png", "art_3.png", "art_5.png", "full_body_1.png", "s10.jpg", "s6.jpg", "s7.jpg",
             "s8.jpg", "s9.jpg")  # fmt: skip


@pytest.mark.parametrize("name", PORTRAITS)
def test_portraits_are_read_and_accepted(name: str) -> None:
    face = _sample(name)
    h, w = face.matte.shape
    assert face.image.shape == (h, w, 3) and face.landmarks.shape == (POINTS, 3)
    assert face.faces == 1 and not _codes(face, "refuse")
    hull = np.zeros((h, w), np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(face.landmarks[:MESH, :2].astype(np.int32)), 1)
    assert face.matte[hull > 0].mean() > 0.99, "the face is the person's"
    assert np.mean((face.matte > 0.02) & (face.matte < 0.98)) < 0.12, "mostly clean inside and outside"
    for iris, (upper, lower, left, right) in ((468, (159, 145, 33, 133)), (473, (386, 374, 362, 263))):
        x, y = face.landmarks[iris, :2]
        corners = sorted([face.landmarks[left, 0], face.landmarks[right, 0]])
        assert corners[0] < x < corners[1]
        assert abs(y - face.landmarks[[upper, lower], 1].mean()) < 0.05 * face.height


def test_an_animal_is_refused() -> None:
    assert _codes(_sample("s25.jpg"), "refuse") == {"strange"}


def test_turned_heads_are_told() -> None:
    assert "turned" in _codes(_sample("s10.jpg"), "warn")
    assert "glasses" in _codes(_sample("art_15.png"), "note")
    assert "turned" not in _codes(_sample("art_3.png"))
    yaw, _, _ = head_angles(_sample("s10.jpg").landmarks)
    assert yaw < -20, "she turns to the viewer's left"
    flipped = read_face(np.ascontiguousarray(_sample("s10.jpg").image[:, ::-1]), nets=_nets())
    assert head_angles(flipped.landmarks)[0] > 20


def _changed(name: str, change: Callable[[np.ndarray, FaceMap], np.ndarray]) -> FaceMap:
    face = _sample(name)
    return read_face(np.ascontiguousarray(change(face.image, face)), nets=_nets())


def _covered(image: np.ndarray, face: FaceMap) -> np.ndarray:
    middle = face.landmarks[[13, 14], :2].mean(0) + np.array([0, face.height * 0.05])
    image = image.copy()
    cv2.circle(image, tuple(middle.astype(int)), int(face.height * 0.18), (60, 50, 45), -1, cv2.LINE_AA)
    return image


FAULTS: dict[str, tuple[str, Callable[[np.ndarray, FaceMap], np.ndarray]]] = {
    "blurred": ("refuse", lambda image, face: cv2.GaussianBlur(image, (0, 0), face.height * 0.03)),
    "small": ("refuse", lambda image, face: cv2.resize(image, None, fx=50 / face.height, fy=50 / face.height,
                                                       interpolation=cv2.INTER_AREA)),
    "dark": ("warn", lambda image, _: (image * 0.2).astype(np.uint8)),
    "flat": ("warn", lambda image, _: (image * 0.15 + 100).astype(np.uint8)),
    "cropped": ("refuse", lambda image, face: image[int(face.landmarks[[66, 296], 1].mean()) :]),
    "sideways": ("refuse", lambda image, _: np.rot90(image)),
    "covered": ("refuse", _covered),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault: str) -> None:
    severity, change = FAULTS[fault]
    for name in ("art_13.png", "s9.jpg"):
        assert fault not in _codes(_sample(name))
        assert fault in _codes(_changed(name, change), severity), name


def test_of_several_faces_one_is_chosen(tmp_path: Path) -> None:
    large, small = _sample("s9.jpg").image, _sample("s8.jpg").image
    small = cv2.resize(small, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    both = np.zeros((large.shape[0], large.shape[1] + small.shape[1], 3), np.uint8)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, small.shape[1] :] = large
    Image.fromarray(both).save(tmp_path / "both.png")
    findings, face = portrait_report(tmp_path / "both.png", _nets())
    assert face is not None and face.faces == 2 and face.landmarks[1, 0] > small.shape[1]
    assert any(finding.code == "several" for finding in findings) and not is_refused(findings)
    first = read_face(tmp_path / "both.png", 1, nets=_nets())
    assert first.landmarks[1, 0] < small.shape[1]
    with pytest.raises(FaceError, match="no face 3"):
        read_face(tmp_path / "both.png", 3, nets=_nets())


@pytest.mark.parametrize(
    ("name", "turns", "remedy"),
    [("s9.jpg", 1, "by 90° clockwise"), ("art_13.png", 2, "other way up"), ("s8.jpg", 2, "other way up"),
     ("s9.jpg", 3, "counter-clockwise")],
)  # fmt: skip
def test_lying_pictures_are_told_how_to_turn(name: str, turns: int, remedy: str, tmp_path: Path) -> None:
    Image.fromarray(np.ascontiguousarray(np.rot90(_sample(name).image, turns))).save(tmp_path / "a.png")
    findings, _ = portrait_report(tmp_path / "a.png", _nets())
    assert findings[0].code == "sideways" and remedy in findings[0].remedy


def test_no_face_is_told(tmp_path: Path) -> None:
    Image.fromarray(_gradient(400, 400)).save(tmp_path / "a.png")
    findings, face = portrait_report(tmp_path / "a.png", _nets())
    assert face is None and is_refused(findings) and findings[0].code == "no face"


def test_large_pictures_are_worked_on_in_a_smaller_size() -> None:
    image = _sample("art_5.png").image
    large = cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    face = read_face(large, nets=_nets())
    assert 300 < face.height < 600 and max(face.image.shape) <= 2560
    assert np.allclose(face.image.shape[0] / large.shape[0], face.scale, rtol=0.01)
    same = _sample("art_5.png").landmarks[:MESH, :2] * 6 * face.scale
    assert np.linalg.norm(face.landmarks[:MESH, :2] - same, axis=1).mean() < 0.01 * face.height


def test_landmarks_move_with_the_picture() -> None:
    face = _sample("s9.jpg")
    shifted = cv2.warpAffine(face.image, np.array([[1, 0, 31], [0, 1, -17]], np.float32), face.image.shape[1::-1])
    moved = read_face(shifted, nets=_nets()).landmarks[:, :2] - face.landmarks[:, :2]
    assert np.linalg.norm(moved - [31, -17], axis=1).mean() < 0.01 * face.height


def test_a_transparent_background_is_the_matte(tmp_path: Path) -> None:
    face = _sample("s9.jpg")
    alpha = np.zeros(face.matte.shape, np.uint8)
    alpha[100:, 100:600] = 255
    Image.fromarray(np.dstack([face.image, alpha])).save(tmp_path / "cut.png")
    assert np.array_equal(read_face(tmp_path / "cut.png", nets=_nets()).matte, alpha / np.float32(255))


def test_a_sheet_shows_landmarks_and_cut_out() -> None:
    face = _sample("s9.jpg")
    sheet = draw_face_map(face, 300)
    assert sheet.shape == (300, 600, 3)
    green = (sheet[:, :300].astype(int) - [60, 255, 90]).__abs__().sum(-1) < 90
    y, x = np.nonzero(green)
    assert green.sum() > 300 and abs(x.mean() - 150) < 30 and abs(y.mean() - 150) < 30
    cut_out = sheet[:, 300:]
    assert set(np.unique(cut_out[:40, :40])) <= {150, 200}, "background is gone"
    assert np.ptp(cut_out[200:, 130:170].astype(int), axis=-1).max() > 20, "the person is there"


def test_the_tracker_follows_a_face() -> None:
    clip = SAMPLES / "clips/d19.mp4"
    if not clip.exists():
        pytest.skip("no sample clips")
    nets, steps, apart = _nets(), [], []
    tracker, last = Tracker(nets), None
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == 60:
                break
            rgb = frame.to_ndarray(format="rgb24")
            points = tracker.track(rgb)
            assert points is not None and points.shape == (POINTS, 3)
            height = np.linalg.norm(points[10, :2] - points[152, :2])
            steps.append(0.0 if last is None else np.linalg.norm((points - last)[:, :2], axis=1).mean() / height)
            last = points
            if number % 20 == 0:
                still = read_face(rgb, nets=nets).landmarks
                apart.append(np.linalg.norm((points - still)[:, :2], axis=1).mean() / height)
    assert max(steps) < 0.05 and max(apart) < 0.02
    assert tracker.track(np.zeros((100, 100, 3), np.uint8)) is None


def test_a_mouthless_trust_is_no_animal() -> None:
    face = _sample("s9.jpg")
    masked = dataclasses.replace(face, trust=Trust(0.95, 0.04, 0.06, 0.025, 0.05))
    assert _codes(masked, "refuse") == {"covered"}


def test_find_faces_in_nothing() -> None:
    assert find_faces(np.zeros((5, 2000, 3), np.uint8), _nets()) == []
