"""The configuration: strict, documented, never surprising."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import podcast
from podcast.config import Config, as_dict, load_config, parse_size
from podcast.errors import ConfigError

TEMPLATE = Path(podcast.__file__).parent / "templates" / "config.yaml"


def test_the_written_file_documents_every_key_with_its_default() -> None:
    written = yaml.safe_load(TEMPLATE.read_text("utf-8"))
    assert written == as_dict(Config())


def test_the_projects_own_file_is_the_written_one() -> None:
    here = Path(__file__).parent.parent / "config.yaml"
    assert here.read_text("utf-8") == TEMPLATE.read_text("utf-8")


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("vidoe", "video"), ("video.fsp", "video.fps"), ("avatar.sadtalker.sise", "avatar.sadtalker.size"),
     ("speakers.DEAN.vioce", "speakers.DEAN.voice"), ("music.duckin", "music.ducking")],
)
def test_an_unknown_key_names_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=rf"unknown key {key}[\s\S]*did you mean {nearest}\?"):
        load_config(None, [(key, "1")])


@pytest.mark.parametrize(
    ("key", "value"),
    [("video.fps", "23"), ("video.resolution", "1921x1080"), ("video.accent", "red"), ("mix.loudness", "-2"),
     ("workers", "many"), ("video", "wide"), ("avatar.energy", "9"), ("visualization.style", "rainbow")],
)
def test_a_wrong_value_names_its_key(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=key):
        load_config(None, [(key, value)])


def test_settings_win_over_the_file_and_paths_are_meant_from_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("video:\n  fps: 30\n  watermark: logo.png\nmusic:\n")
    loaded = load_config(file, [("video.fps", "50")])
    assert loaded.config.video.rate == 50
    assert loaded.config.video.watermark == tmp_path / "logo.png"
    assert loaded.config.data == tmp_path / "data"


def test_the_script_wins_over_the_file_but_not_over_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("video: {fps: 30, quality: 21}\nmix: {loudness: -15}\n")
    loaded = load_config(file, [("video.fps", "50")])
    config = loaded.refined([("video.fps", "24"), ("mix.loudness", "-14")], "my.txt")
    assert (config.video.fps, config.mix.loudness, config.video.quality) == (50, -14, 21)
    with pytest.raises(ConfigError, match=r"my\.txt"):
        loaded.refined([("video.fpx", "24")], "my.txt")


def test_variables_come_from_the_environment_and_are_known_as_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("publish: {author: '${THE_AUTHOR}'}\n")
    with pytest.raises(ConfigError, match="THE_AUTHOR is not set"):
        load_config(file)
    monkeypatch.setenv("THE_AUTHOR", "Ada")
    loaded = load_config(file)
    assert loaded.config.publish.author == "Ada"
    assert loaded.secrets == {"Ada"}


@pytest.mark.parametrize("text", ["video: [", "- a\n- b\n", "a\tb: : c"])
def test_invalid_yaml_is_told_with_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load_config(file)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("text", "size"),
    [("1920x1080", (1920, 1080)), ("1080p", (1920, 1080)), ("Vertical", (1080, 1920)), (" 640 X 360 ", (640, 360))],
)
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size
