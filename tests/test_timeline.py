"""Shots: their digests tell apart what looks different, and only that."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from podcast.episode import Chapter, ImageCue, MusicBed, MusicSpan, Shot, samples_at
from podcast.timeline import Insert, arrange, insert
from tests.makers import clips, episode, look

SAID = [("A", "One is first."), ("B", "Two comes next."), ("A", "Three is last."), ("B", "And so on.")]


def _shots(folder: Path, said: list[tuple[str, str]], **changes) -> tuple[Shot, ...]:
    folder.mkdir(exist_ok=True)
    look_changes = changes.pop("look", {})
    script, narration = episode(folder, said, cards=changes.pop("cards", False))
    if frames := changes.pop("frames", ()):
        slots = (replace(slot, frames=n) for slot, n in zip(narration.slots, frames, strict=True))
        narration = replace(narration, slots=tuple(slots))
    script = replace(script, **changes.pop("script", {}))
    return arrange(script, narration, clips(script, narration), replace(look(), **look_changes), image_digests={
        cue.file: f"digest of {cue.file.name}" for cue in script.images if cue.file}, **changes).shots


def _digests(shots: tuple[Shot, ...]) -> list[str]:
    return [shot.digest for shot in shots]


def test_a_changed_sentence_changes_its_own_shot_only(tmp_path: Path) -> None:
    before = _digests(_shots(tmp_path / "a", SAID))
    after = _digests(_shots(tmp_path / "b", [*SAID[:2], ("A", "Three, changed."), SAID[3]]))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True]


def test_an_inserted_sentence_of_the_same_speaker_leaves_all_others(tmp_path: Path) -> None:
    before = _digests(_shots(tmp_path / "a", SAID))
    after = _digests(_shots(tmp_path / "b", [SAID[0], ("A", "One and a half."), *SAID[1:]]))
    assert set(before) - set(after) == set()


def test_time_and_paths_do_not_count(tmp_path: Path) -> None:
    first, second = (_shots(tmp_path / name, SAID) for name in "ab")
    assert _digests(first) == _digests(second)
    assert first[0].slot.utterance != second[0].slot.utterance  # the paths differ


@pytest.mark.parametrize("change", [
    {"look": {"accent": "#123456"}}, {"look": {"width": 320, "height": 180}}, {"look": {"rate": Fraction(30)}},
    {"look": {"captions": False}}, {"look": {"background": "night"}}, {"look": {"visualizer": (("style", "bars"),)}},
    {"look": {"watermark_digest": "x"}}, {"script": {"chapters": (Chapter("New", 0, 1),)}},
    {"script": {"images": (ImageCue(0, 1, Path("a.png")),)}},
])
def test_what_is_seen_counts(tmp_path: Path, change: dict) -> None:
    plain = _digests(_shots(tmp_path / "a", SAID))
    changed = _digests(_shots(tmp_path / "b", SAID, **change))
    assert not set(plain) & set(changed)


def test_the_name_is_shown_once_with_words_that_last_long_enough(tmp_path: Path) -> None:
    assert not any(s.name for s in _shots(tmp_path, SAID))  # 48 frames: nobody can read it
    longer = [("A", "One is first."), *SAID]
    names = [s.name for s in _shots(tmp_path, longer, frames=(30, 80, 80, 80, 80))]
    assert names == ["", "Name of A", "Name of B", "", ""]
    assert not any(s.name for s in _shots(tmp_path, longer, frames=(90,) * 5, lower_third=False))


def test_pictures_and_chapters_stay_until_the_next(tmp_path: Path) -> None:
    shots = _shots(tmp_path, SAID, script={
        "images": (ImageCue(1, 1, Path("a.png")), ImageCue(3, 2, None)), "chapters": (Chapter("Later", 2, 1),)})
    assert [s.image_digest for s in shots] == ["", "digest of a.png", "digest of a.png", ""]
    assert [s.chapter for s in shots] == ["", "", "Later", "Later"]


def test_the_emphasis_moves_from_who_spoke_before(tmp_path: Path) -> None:
    assert [(s.spoke_before, s.speaking) for s in _shots(tmp_path, SAID)] == [(None, 0), (0, 1), (1, 0), (0, 1)]


def test_inserted_videos_move_everything(tmp_path: Path) -> None:
    _, narration = episode(tmp_path, SAID)
    bed = MusicBed((MusicSpan(100, 5000, (tmp_path / "m.wav",), (4900,), "m"),))
    sound = MusicSpan(0, 48_000, (tmp_path / "i.wav",), (48_000,), "i")
    intro, outro = Insert(tmp_path / "i.mp4", "i", 30, sound), Insert(tmp_path / "o.mp4", "o", 20, None)
    moved, music = insert(narration, bed, intro, outro)
    assert moved.frames == narration.frames + 50
    assert [s.kind for s in moved.slots] == ["clip", "speech", "speech", "speech", "speech", "clip"]
    shift = samples_at(30, narration.rate)
    assert [start - shift for start, _ in moved.speech()] == [start for start, _ in narration.speech()]
    assert [(s.start, s.end) for s in music.spans] == [(0, 48_000), (100 + shift, 5000 + shift)]
    ends = [s.start + s.frames for s in moved.slots]
    assert ends[:-1] == [s.start for s in moved.slots[1:]]
