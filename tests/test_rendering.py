"""Presenters from a renderer: their clips, and how they are seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from podcast.audio import read_wav, wav_length
from podcast.avatar import Renderer, animate, render
from podcast.avatar.rendering import SOUND_RATE, picture_of
from podcast.cache import Cache
from podcast.canvas import to_rgb
from podcast.engines.base import EngineInfo
from podcast.episode import AvatarClip, Presenter
from podcast.errors import EngineError, MediaError
from podcast.puppet.rig import host_folder, host_names
from podcast.stage import Setting, Stage, paint
from podcast.stage.rendered import RenderedFigure, frames_of_clip, resting_index
from podcast.timeline import arrange
from tests.makers import episode, look, presenters

SIZE = 128
CALM, LOUD = (40, 60, 200), (230, 220, 40)  # RGB at rest and at full loudness


def write_video(path: Path, colours: list[tuple[int, int, int]], size: tuple[int, int] = (SIZE, SIZE)) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "8", "x264-params": "asm=avx2"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for colour in colours:
            picture = np.full((size[1], size[0], 3), colour, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


class Lamp:
    """A renderer whose presenter glows with the voice, and is calm at both ends."""

    info = EngineInfo("lamp", "1", "Apache-2.0")

    def __init__(self) -> None:
        self.calls: list[int] = []

    def identity(self) -> str:
        return "lamp 1"

    def animate(
        self, picture: Path, sound: Path, frames: int, rate: Fraction, seed: int, options: Mapping[str, Any],
        into: Path, progress: Callable[[float], None],
    ) -> Path:
        if options.get("broken"):
            raise EngineError("the lamp is broken")
        assert Image.open(picture).size > (100, 100)
        self.calls.append(frames)
        samples = read_wav(sound)[:, 0]
        assert wav_length(sound) == -(-frames * SOUND_RATE // rate.numerator)
        loud = [float(np.abs(part).mean()) for part in np.array_split(samples, frames)]
        shares = [min(1.0, 4 * value) for value in loud]
        shares[0] = shares[-1] = 0.0
        write_video(into / "lamp.mp4", [tuple(round(c + (d - c) * s) for c, d in zip(CALM, LOUD, strict=True))
                                        for s in shares])
        progress(1.0)
        return into / "lamp.mp4"


def _rendered(folder: Path, said, engine: Lamp, cards: bool = False, **options: object):
    script, narration = episode(folder, said, cards=cards)
    seen, steps = presenters(script), []
    clips = render(narration, seen, Renderer(engine, options), cache=Cache(folder / "c"),
                   step=lambda frames, reused: steps.append((frames, reused)))
    return script, narration, seen, clips, steps


def test_each_utterance_is_rendered_once_and_the_rest_once(tmp_path: Path) -> None:
    lamp = Lamp()
    said = [("A", "Hello there."), ("B", "Good to be here."), ("A", "And here we go.")]
    _, narration, seen, clips, steps = _rendered(tmp_path, said, lamp, cards=True)
    assert sorted(lamp.calls) == [48, 48, 48, 125, 125]
    assert set(clips) == {"A", "B"} and set(clips["A"]) == set(range(len(narration.slots)))
    spoken = [i for i, slot in enumerate(narration.slots) if slot.utterance and slot.utterance.speaker == "A"]
    assert [i for i, clip in clips["A"].items() if not clip.resting] == spoken
    assert not any(reused for _, reused in steps)
    again = _rendered(tmp_path, [*said[:2], ("A", "Changed it.")], lamp, cards=True)[4]
    assert len(lamp.calls) == 6 and sum(not reused for _, reused in again) == 1
    assert len({clip.digest for clip in clips["A"].values()}) == 3
    assert seen[0].figure.is_dir()  # the cast itself is untouched


def test_the_voice_reaches_the_right_frames(tmp_path: Path) -> None:
    script, narration, seen, clips, _ = _rendered(tmp_path, [("A", "Hello there.")], Lamp())
    cast = animate(narration, seen, {}, rendered=clips)
    timeline = arrange(script, narration, cast, look(captions=False), image_digests={}, lower_third=False)
    shot = timeline.shots[0]
    stage = Stage(Setting(timeline.look, (shot.clips[0].presenter,), None, ""), Cache(tmp_path / "c"))
    face = stage.layout.hosts[0].rect
    assert stage.layout.hosts[0].card
    frames = [canvas.planar[: timeline.look.height].copy() for canvas in paint(shot, stage)]
    assert len(frames) == 48
    luma = [float(f[face.y + face.h // 2, face.x + face.w // 2]) for f in frames]
    quiet = np.array([*luma[:2], luma[-1], luma[-2]])
    assert np.ptp(quiet) <= 3 and max(luma) > quiet.mean() + 20  # lead and pause are calm, speech glows


def test_slots_join_at_rest(tmp_path: Path) -> None:
    script, narration, seen, clips, _ = _rendered(
        tmp_path, [("A", "Hello there."), ("B", "Good to be here.")], Lamp(), cards=True)
    cast = animate(narration, seen, {}, rendered=clips)
    timeline = arrange(script, narration, cast, look(captions=False), image_digests={}, lower_third=False)
    speech = [shot for shot in timeline.shots if shot.slot.kind == "speech"]
    stage = Stage(Setting(timeline.look, tuple(c.presenter for c in speech[0].clips), None, ""), Cache(tmp_path / "c"))
    rects = [slot.rect for slot in stage.layout.hosts]

    def middles(planar: np.ndarray) -> list[int]:
        return [int(planar[r.y + r.h // 2, r.x + r.w // 2]) for r in rects]

    first, second = ([canvas.planar.copy() for canvas in paint(shot, stage)] for shot in speech)
    assert np.abs(np.subtract(middles(first[-1]), middles(second[0]))).max() <= 3
    assert max(m[0] for m in map(middles, first)) > max(m[1] for m in map(middles, first)) + 20  # only A speaks


def test_a_changed_clip_changes_its_shot_alone(tmp_path: Path) -> None:
    said = [("A", "Hello there."), ("A", "And here we go.")]
    digests = []
    for change in ("And here we go.", "And there they went."):
        script, narration, seen, clips, _ = _rendered(tmp_path, [said[0], ("A", change)], Lamp())
        cast = animate(narration, seen, {}, rendered=clips)
        digests.append([s.digest for s in arrange(script, narration, cast, look(), image_digests={}).shots])
    assert digests[0][0] == digests[1][0] and digests[0][1] != digests[1][1]


def test_a_failing_renderer_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="broken"):
        _rendered(tmp_path, [("A", "Hello there.")], Lamp(), broken=True)
    assert not list((tmp_path / "c/drafts").iterdir())
    assert not list((tmp_path / "c").rglob("clip.mp4"))


class Polish:
    """An enhancer that turns everything green, until it is out of polish."""

    info = EngineInfo("polish", "1", "Apache-2.0")

    def __init__(self, left: int = 99) -> None:
        self.left = left

    def identity(self) -> str:
        return "polish"

    def enhance(self, video: Path, into: Path) -> Path:
        if not self.left:
            raise EngineError("out of polish")
        self.left -= 1
        with av.open(str(video)) as seen:
            count = sum(1 for _ in seen.decode(video=0))
        write_video(into / "polished.mp4", [(20, 200, 20)] * count)
        return into / "polished.mp4"


def test_a_clip_that_came_out_smaller_is_not_kept_as_what_was_asked_for(tmp_path: Path) -> None:
    class Shrinking(Lamp):
        def identity(self) -> str:
            return f"lamp, {'small' if len(self.calls) > 1 and short else 'large'}"

    short = True  # of memory, from the second clip on
    first, again = Shrinking(), Shrinking()
    clips = _rendered(tmp_path, [("A", "Hello there.")], first)[3]["A"]
    assert len(first.calls) == 2 and clips[0].video.is_file()
    short = False
    _rendered(tmp_path, [("A", "Hello there.")], again)
    assert again.calls == [48]  # the clip at rest was large, the other one is made as it was asked for


def test_an_enhancer_works_on_finished_clips_all_or_none(tmp_path: Path) -> None:
    script, narration = episode(tmp_path, [("A", "Hello there.")])
    lamp, told, cache = Lamp(), [], Cache(tmp_path / "c")

    def clips(enhancer: Polish | None) -> dict[int, AvatarClip]:
        return render(narration, presenters(script), Renderer(lamp, {}, enhancer=enhancer), cache=cache,
                      step=lambda frames, reused: None, not_enhanced=told.append)["A"]

    plain, short = clips(None), clips(Polish(left=1))
    assert [str(error) for error in told] == ["out of polish"] and plain == short  # one of two would look odd
    better = clips(Polish())
    assert len(lamp.calls) == 2  # nothing is rendered again
    green = next(iter(frames_of_clip(better[0], 48))).to_ndarray(format="rgb24").mean((0, 1))
    assert green[1] > 180 and green[0] < 60


def test_a_drawn_host_becomes_a_picture_with_its_head_in_it(tmp_path: Path) -> None:
    script, _ = episode(tmp_path, [("A", "Hello.")])
    picture = np.asarray(Image.open(picture_of(presenters(script)[0], Cache(tmp_path / "c"))))
    grey = picture[:20, :20].reshape(-1, 3)
    assert np.ptp(grey, 0).max() <= 2  # room above the hair
    differs = np.abs(picture.astype(int) - grey[0]).max(2) > 12
    assert 0.3 < differs.mean() < 0.9 and differs[-2].mean() > 0.3  # the trunk reaches the lower edge


@pytest.mark.parametrize("name", host_names())
def test_the_landmarks_of_a_host_lie_on_its_face(tmp_path: Path, name: str) -> None:
    host = Presenter("A", "A", host_folder(name), name)
    file = picture_of(host, Cache(tmp_path / "c"))
    picture = np.asarray(Image.open(file)).astype(int)
    points = np.load(file.with_name("landmarks.npy"))
    assert points.shape == (68, 2) and (points > 0).all() and (points < picture.shape[1::-1]).all()
    brow, eye, nose, mouth, chin = (points[part, 1].mean() for part in
                                    (slice(17, 27), slice(36, 48), slice(31, 36), slice(48, 68), slice(8, 9)))
    assert brow < eye < nose < mouth < chin
    assert points[36, 0] < points[39, 0] < points[42, 0] < points[45, 0] and points[48, 0] < points[54, 0]
    for corners in (slice(36, 42), slice(42, 48)):  # within the lids there are an iris and a white
        x, y = points[corners].mean(0).astype(int)
        inside = picture[y - 4 : y + 5, x - 18 : x + 19].mean(2)
        assert np.ptp(inside) > 100


def test_wide_places_show_the_whole_picture_before_its_own_blur(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", [(200, 40, 40)] * 3)
    figure = RenderedFigure(tmp_path / "v.mp4", np.zeros((200, 400, 3), np.uint8))
    shown = to_rgb(figure.draw(next(iter(av.open(str(tmp_path / "v.mp4")).decode(video=0)))))
    assert abs(int(shown[100, 200, 0]) - 200) < 6 and shown[100, 10, 0] < 110
    tall = RenderedFigure(tmp_path / "v.mp4", np.zeros((220, 200, 3), np.uint8))
    shown = to_rgb(tall.draw(next(iter(av.open(str(tmp_path / "v.mp4")).decode(video=0)))))
    assert np.abs(shown[..., 0].astype(int) - 200).max() < 6  # nearly its shape: cut to fill the place


def test_a_clip_that_is_too_short_is_an_error(tmp_path: Path) -> None:
    script, _ = episode(tmp_path, [("A", "Hello.")])
    write_video(tmp_path / "v.mp4", [CALM] * 5)
    clip = AvatarClip(presenters(script)[0], "", video=tmp_path / "v.mp4")
    with pytest.raises(MediaError, match="5 frames instead of 9"):
        list(frames_of_clip(clip, 9))
    (tmp_path / "v.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError, match="cannot be read"):
        list(frames_of_clip(clip, 9))


@given(st.integers(1, 2000), st.integers(2, 250))
def test_resting_begins_and_ends_at_rest_and_never_jumps(frames: int, length: int) -> None:
    shown = [resting_index(frame, frames, length) for frame in range(frames)]
    assert shown[0] == 0 and all(0 <= index < length for index in shown)
    to_end = min(shown[-1], length - shown[-1])
    assert to_end <= 2
    for before, after in pairwise(shown):
        assert min((after - before) % length, (before - after) % length) <= 2


