"""The right to a face, and what an episode says about itself."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from podcast.config import Config, check
from podcast.episode import Presenter
from podcast.errors import PodcastError
from podcast.reporter import Reporter
from podcast.rights import CONFIRMED, confirm, disclosure
from tests.test_produce import create


class Asked(Reporter):
    def __init__(self, answer: bool | None) -> None:
        super().__init__()
        self.answer, self.questions = answer, []

    def confirm(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.answer


def _config(folder: Path, **more: object) -> Config:
    return check({"data": str(folder / "data"), **more}, "test", folder)


def test_the_right_is_asked_for_once_for_each_file(tmp_path: Path) -> None:
    face = tmp_path / "me.jpg"
    face.write_bytes(b"a face")
    (tmp_path / "voice.wav").write_bytes(b"a voice")
    first, second = Asked(True), Asked(True)
    confirm(_config(tmp_path), [face], [tmp_path / "voice.wav"], first)
    confirm(_config(tmp_path), [face], [tmp_path / "voice.wav"], second)
    assert len(first.questions) == 2 and "me.jpg" in first.questions[0] and not second.questions
    face.write_bytes(b"another face")
    confirm(_config(tmp_path), [face], [], second)
    assert len(second.questions) == 1 and (tmp_path / "data" / CONFIRMED).is_file()


def test_without_the_right_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(b"a face")
    with pytest.raises(PodcastError, match="--i-have-the-rights"):
        confirm(_config(tmp_path), [tmp_path / "me.jpg"], [], Asked(False))
    nobody = Asked(None)
    confirm(_config(tmp_path), [tmp_path / "me.jpg"], [], nobody)
    assert "rights_confirmed" in nobody.warnings[0]
    sure = Asked(False)
    confirm(_config(tmp_path, rights_confirmed=True), [tmp_path / "me.jpg"], [], sure)
    assert not sure.questions and not sure.warnings


def test_the_disclosure_names_what_is_synthetic(tmp_path: Path) -> None:
    config = _config(tmp_path, publish={"disclosure": True})
    host = [Presenter("A", "A", tmp_path, "")]
    assert disclosure(config, host, own_voice=False) == "Voice and presenter are synthetic"
    assert disclosure(config, [], own_voice=False) == "Voice is synthetic"
    assert disclosure(config, host, own_voice=True) == "Presenter is synthetic"
    assert disclosure(config, [], own_voice=True) == disclosure(_config(tmp_path), host, own_voice=False) == ""


def test_the_disclosure_is_in_the_picture_and_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("Hello there, this is one sentence.\n")
    pictures = []
    for told in ("false", "true"):
        create(tmp_path, "--avatar", "--skip-music", "--set", f"publish.disclosure={told}")
        with av.open(str(tmp_path / "data/episodes/s/s.mp4")) as video:
            frames = [f.to_ndarray(format="gray") for f in video.decode(video=0)]
            said = video.metadata.get("comment", "")
        pictures.append(frames[len(frames) // 2])
        assert ("synthetic" in said) == (told == "true")
    changed = np.abs(pictures[0].astype(int) - pictures[1]).max(1) > 40
    assert changed.any() and np.flatnonzero(changed).max() < 0.06 * len(changed)  # a line at the upper edge
