"""The commands: what they print, write and exit with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from podcast import cli
from tests.test_produce import podcast

EXAMPLE = """# Title

Tone: calm

[MUSIC: soft piano]

ANN: Hello. [sighs] Good day.

BEN (quietly): And to you.
"""


def test_help_names_the_commands(tmp_path: Path) -> None:
    said = podcast(tmp_path, "--help").stdout
    for command in ("create", "batch", "check", "init", "list", "voices", "hosts", "config", "cache", "doctor"):
        assert command in said


@pytest.mark.parametrize("arguments", [
    ("creat",), ("create",), ("create", "no.txt"), ("create", "x", "--sett", "a=b"),
    ("create", "s.txt", "--set", "video.fps"), ("config", "check", "--config", "no"),
])
def test_wrong_use_exits_with_1_and_says_why(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "s.txt").write_text(EXAMPLE)
    done = podcast(tmp_path, *arguments, expect=1)
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_bug_exits_with_3_and_shows_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from podcast.cli import commands

    monkeypatch.setattr(commands, "check_config", lambda *_: 1 / 0)
    monkeypatch.setattr("sys.argv", ["podcast", "config", "check"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_check_shows_who_says_what_and_what_nobody_says(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text(EXAMPLE)
    said = podcast(tmp_path, "check", "s.txt", COLUMNS="200").stdout
    for expected in ("Hello.", "And to you.", "soft piano", "[sighs]", "Tone: calm", "header", "ANN", "BEN"):
        assert expected in said
    data = json.loads(podcast(tmp_path, "check", "s.txt", "--json").stdout)
    assert [t["speaker"] for t in data["script"]["turns"]] == ["ANN", "BEN"]


def test_init_writes_a_project_that_works_and_keeps_what_is_there(tmp_path: Path) -> None:
    podcast(tmp_path, "init", "show")
    show = tmp_path / "show"
    assert {p.name for p in (show / "creations").iterdir()} >= {"welcome.txt"}
    podcast(show, "config", "check")
    for example in (show / "creations").iterdir():
        podcast(show, "check", str(example))
    (show / "config.yaml").write_text("video: {fps: 30}\n")
    podcast(show, "init")
    assert (show / "config.yaml").read_text() == "video: {fps: 30}\n"


def test_config_show_tells_the_values_in_force_and_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("publish: {author: '${WHO}'}\nvideo: {fps: 30}\n")
    data = json.loads(podcast(tmp_path, "config", "show", "--json", "--set", "mix.loudness=-14", WHO="hush").stdout)
    assert (data["video"]["fps"], data["mix"]["loudness"], data["publish"]["author"]) == (30, -14, "***")


def test_list_and_cache(tmp_path: Path) -> None:
    assert "no episodes" in podcast(tmp_path, "list").stdout
    (tmp_path / "s.txt").write_text("A few words.")
    podcast(tmp_path, "create", "s.txt", "--audio-only", "--skip-music", "-o", "My Show", "-q")
    found = json.loads(podcast(tmp_path, "list", "--json").stdout)
    assert [e["name"] for e in found] == ["My-Show"]
    assert Path(tmp_path / found[0]["file"]).exists()
    info = json.loads(podcast(tmp_path, "cache", "info", "--json").stdout)
    assert info["entries"] > 0
    podcast(tmp_path, "cache", "clear")
    assert json.loads(podcast(tmp_path, "cache", "info", "--json").stdout)["entries"] == 0


def test_voices_are_listed_and_speak(tmp_path: Path) -> None:
    rows = json.loads(podcast(tmp_path, "voices", "--json", "--say", "Hello there", "--into", "heard").stdout)
    assert len(rows) >= 6
    assert all((tmp_path / row["file"]).stat().st_size > 10_000 for row in rows)


def test_hosts_are_listed_on_a_sheet(tmp_path: Path) -> None:
    rows = json.loads(podcast(tmp_path, "hosts", "--json", "--sheet", "sheet.png").stdout)
    assert len(rows) >= 4
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width >= 800


def test_the_doctor_tells_what_was_proved(tmp_path: Path) -> None:
    rows = {row["what"]: row for row in json.loads(podcast(tmp_path, "doctor", "--json").stdout)}
    assert rows["encoder x264"]["verdict"] == "good"
    assert rows["processor"]["verdict"] == "good"
    assert "GPU" in rows
    assert any(what.startswith("encoder nvenc") for what in rows) or Path("/dev/nvidia0").exists()


def test_voices_of_an_engine_are_listed_before_it_is_installed(tmp_path: Path) -> None:
    rows = json.loads(podcast(tmp_path, "voices", "--engine", "piper", "--json").stdout)
    assert len(rows) > 3 and not any(row["installed"] for row in rows) and all(row["licence"] for row in rows)
    assert "did you mean piper" in podcast(tmp_path, "voices", "--engine", "pipper", expect=1).stderr.lower()
