"""Names of files, from the folder that they are meant from."""

from __future__ import annotations

from pathlib import Path

import pytest

from podcast.cache import digest_of_file
from podcast.narration.voices import voice_identity
from podcast.paths import beside, named_file


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("me.wav", "my.onnx", "odd#name.wav", "plain"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_file_is_named_from_its_folder(here: Path) -> None:
    assert beside(here, "me.wav") == str(here / "me.wav")
    assert beside(here, "my.onnx#3") == f"{here / 'my.onnx'}#3"
    assert beside(here, "odd#name.wav") == str(here / "odd#name.wav")
    assert beside(here / "other", str(here / "me.wav")) == str(here / "me.wav")


@pytest.mark.parametrize("name", ["", "maya", "plain", "en-us+m3", "none.wav", "a\0b.wav", "#3", "x" * 5000 + ".wav"])
def test_what_is_no_file_stays_as_it_is(here: Path, name: str) -> None:
    assert beside(here, name) == name


def test_a_file_counts_by_its_content_and_the_speaker_that_is_meant(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    assert named_file("my.onnx#3") == (here / "my.onnx", "#3")
    plain = voice_identity("my.onnx")
    assert plain == voice_identity(str(here / "my.onnx")) == digest_of_file(here / "my.onnx")
    (here / "my.onnx.json").write_text("{}")
    assert len({plain, voice_identity("my.onnx"), voice_identity("my.onnx#3"), voice_identity("my.onnx#4")}) == 4
    assert voice_identity("en-us+m3") == "en-us+m3"
