"""Painted frames: looked at pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from podcast.cache import Cache
from podcast.canvas import to_rgb
from podcast.episode import ImageCue, Shot
from podcast.graphics.layout import Rect
from podcast.stage import Setting, Stage, cut_out, frames_of, paint
from podcast.timeline import arrange
from tests.makers import clips, episode, look, presenters

SOLO = [("A", "Hello and welcome to the show.")]
DUO = [("A", "Hello there."), ("B", "Good to be here.")]


def _shots(folder: Path, said, *, with_presenters: bool = True, images=(), cards: bool = False, **look_changes):
    script, narration = episode(folder, said, cards=cards)
    object.__setattr__(script, "images", tuple(images))
    cast = clips(script, narration) if with_presenters else {}
    digests = {cue.file: "x" for cue in images}
    return arrange(script, narration, cast, look(**look_changes), image_digests=digests)


def _stage(timeline, shot: Shot, root: Path) -> Stage:
    seen = tuple(clip.presenter for clip in shot.clips)
    return Stage(Setting(timeline.look, seen, shot.image, shot.image_digest), Cache(root))


def _frames(timeline, shot: Shot, root: Path) -> np.ndarray:
    return np.stack([canvas.planar.copy() for canvas in paint(shot, _stage(timeline, shot, root))])


def _luma(frames: np.ndarray, rect: Rect) -> np.ndarray:
    return frames[:, rect.y : rect.bottom, rect.x : rect.right].astype(int)


def test_a_shot_has_its_frames_and_the_same_twice(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, SOLO)
    first, again = (_frames(timeline, timeline.shots[0], tmp_path / "c") for _ in range(2))
    assert len(first) == timeline.shots[0].slot.frames
    assert np.array_equal(first, again)


def test_partial_painting_equals_painting_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = _shots(tmp_path, DUO, visualizer=(("style", "bars"),))
    shot = timeline.shots[1]
    partly = _frames(timeline, shot, tmp_path / "c")
    whole = Rect(0, 0, timeline.look.width, timeline.look.height)
    monkeypatch.setattr("podcast.stage.frames._changed", lambda overlays, states, frame: [
        *(states.__setitem__(i, o.at(frame)) or whole for i, o in enumerate(overlays)), whole])
    assert np.array_equal(partly, _frames(timeline, shot, tmp_path / "c"))


def test_shots_join_without_a_jump(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, [("A", "One sentence here."), ("A", "Another one there.")], captions=False)
    before, after = (_frames(timeline, shot, tmp_path / "c") for shot in timeline.shots)
    stage = _stage(timeline, timeline.shots[0], tmp_path / "c")
    head = stage.layout.hosts[0].head
    jump = np.abs(_luma(before[-1:], head) - _luma(after[:1], head)).mean()
    usual = np.abs(np.diff(_luma(before, head), axis=0)).mean()
    assert jump <= max(2 * usual, 0.5)


def test_lips_move_only_while_there_is_speech(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, SOLO, captions=False)
    shot = timeline.shots[0]
    frames = _frames(timeline, shot, tmp_path / "c")
    head = _stage(timeline, shot, tmp_path / "c").layout.hosts[0].head
    assert np.abs(np.diff(_luma(frames, head)[5:35], axis=0)).mean() > 0.2


def test_nothing_moves_outside_of_the_presenter(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, SOLO, captions=False)
    shot = timeline.shots[0]
    frames = _frames(timeline, shot, tmp_path / "c")
    corner = frames[:, :60, 400:640]
    assert (corner[8:] == corner[8]).all()


def test_captions_are_in_the_picture_and_only_when_asked(tmp_path: Path) -> None:
    with_, without = (_shots(tmp_path, SOLO, captions=c) for c in (True, False))
    stage = _stage(with_, with_.shots[0], tmp_path / "c")
    a, b = (_frames(t, t.shots[0], tmp_path / "c") for t in (with_, without))
    rect = stage.layout.captions
    assert np.abs(_luma(a, rect) - _luma(b, rect))[20].max() > 80
    assert stage.layout.hosts[0].head_y + stage.layout.hosts[0].head_height / 2 < rect.y


def test_the_one_who_speaks_is_emphasised(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, DUO)
    stage = _stage(timeline, timeline.shots[0], tmp_path / "c")
    frames = [_frames(timeline, shot, tmp_path / "c")[-5] for shot in timeline.shots]
    for index, slot in enumerate(stage.layout.hosts):
        edge = Rect(slot.rect.x, slot.rect.y + slot.rect.h // 3, 2, slot.rect.h // 3)
        on, off = (frame[edge.y : edge.bottom, edge.x : edge.right].mean() for frame in
                   (frames[index], frames[1 - index]))
        assert on > off + 30


def test_a_picture_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    Image.new("RGB", (400, 300), (220, 30, 30)).save(file)
    timeline = _shots(tmp_path, SOLO, images=[ImageCue(0, 1, file)])
    shot = timeline.shots[0]
    stage = _stage(timeline, shot, tmp_path / "c")
    place = stage.layout.picture
    assert place is not None
    middle = to_rgb(stage.base(None)[place.y + place.h // 2 :, place.x + place.w // 2 :][:1, :1])[0, 0]
    assert middle[0] > 180
    assert middle[1] < 70


def test_without_presenters_the_cover_and_the_sound_are_seen(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, SOLO, with_presenters=False, visualizer=(("style", "bars"),))
    shot = timeline.shots[0]
    frames = _frames(timeline, shot, tmp_path / "c")
    stage = _stage(timeline, shot, tmp_path / "c")
    strip = _luma(frames, stage.layout.visualizer)
    assert np.abs(np.diff(strip[10:30], axis=0)).mean() > 0.2
    assert (strip[0] == strip[-1]).all()  # at rest at both ends: shots are joined


@pytest.mark.parametrize("kind", ["title", "outro"])
def test_cards_open_and_close_the_episode(tmp_path: Path, kind: str) -> None:
    timeline = _shots(tmp_path, SOLO, cards=True)
    shot = timeline.shots[0 if kind == "title" else -1]
    frames = _frames(timeline, shot, tmp_path / "c")
    stage = _stage(timeline, shot, tmp_path / "c")
    scene, card = (0, -1) if kind == "outro" else (-1, 0)
    head = stage.layout.hosts[0].head
    speech = _frames(timeline, timeline.shots[1], tmp_path / "c")
    assert np.abs(_luma(frames[scene][None], head) - _luma(speech[:1], head)).mean() < 3
    assert np.abs(_luma(frames[card][None], head) - _luma(speech[:1], head)).mean() > 15


def test_a_cut_out_presenter_has_clean_edges(tmp_path: Path) -> None:
    script, _ = episode(tmp_path, SOLO)
    rgba = cut_out(presenters(script)[0], 200)
    assert rgba[..., 3].max() == 255
    assert rgba[0, :, 3].max() == 0 or rgba[:2, :2, 3].max() == 0
    assert 0.2 < (rgba[..., 3] > 250).mean() < 0.9


@pytest.mark.parametrize("size", [(1080, 1920), (1080, 1080), (640, 360)])
def test_every_shape_of_frame(tmp_path: Path, size: tuple[int, int]) -> None:
    timeline = _shots(tmp_path, DUO, width=size[0], height=size[1])
    canvas = next(frames_of(timeline.shots[0], timeline.look, tmp_path / "c"))
    assert canvas.planar.shape == (size[1] * 3 // 2, size[0])
    assert canvas.y.std() > 10


def test_frames_do_not_depend_on_the_shot_before(tmp_path: Path) -> None:
    timeline = _shots(tmp_path, [("A", "First of all, this."), ("B", "Then, that."), ("A", "First of all, so.")])
    first, second, third = timeline.shots
    warm = _stage(timeline, first, tmp_path / "c")
    for shot in (first, second):
        for _ in paint(shot, warm):
            pass
    after = np.stack([canvas.planar.copy() for canvas in paint(third, warm)])
    assert np.array_equal(after, _frames(timeline, third, tmp_path / "c"))


@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_the_watermark_is_in_its_corner(tmp_path: Path, position: str) -> None:
    logo = tmp_path / "logo.png"
    Image.new("RGBA", (200, 80), (255, 30, 30, 255)).save(logo)
    timeline = _shots(tmp_path, SOLO, watermark=logo, watermark_digest="x", watermark_position=position,
                      watermark_opacity=1.0)
    canvas = next(paint(timeline.shots[0], _stage(timeline, timeline.shots[0], tmp_path / "c")))
    y, x = (float(np.mean(places)) for places in np.nonzero(canvas.v > 210))  # Cr of a strong red
    assert (y < 90, x < 160) == (position.startswith("top"), position.endswith("left"))
