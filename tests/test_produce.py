"""The main path, from the command line: real scripts in, files looked at."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
from PIL import Image

SCRIPT = """---
title: Two voices
speakers:
  ANN: {name: Ann}
  BOB: {name: Bob}
---
[MUSIC: calm piano]

ANN: Hello Bob. (beat) What is new today?

BOB: Not much, Ann. A boat came in, and it brought apples.

## The end

[MUSIC: bright marimba]

ANN: [laughs] Then we shall bake a pie.

[MUSIC: fade out]
"""
SMALL = ["--set", "video.resolution=320x180"]


def podcast(folder: Path, *arguments: str, expect: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    done = subprocess.run([sys.executable, "-m", "podcast", *arguments], cwd=folder, text=True, capture_output=True,
                          env={**os.environ, **environment}, check=False, timeout=300)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    return done


def create(folder: Path, *more: str, **environment: str) -> dict:
    """Make the episode of s.txt and return what --json says."""
    return json.loads(podcast(folder, "create", "s.txt", "--avatar", "--json", *SMALL, *more, **environment).stdout)


def counts(folder: Path, name: str = "s") -> dict[str, tuple[int, int]]:
    """Return (made, reused) of each stage, from the report."""
    report = json.loads((folder / f"data/episodes/{name}/report.json").read_text("utf-8"))
    return {stage["name"]: (stage["made"], stage["reused"]) for stage in report["stages"]}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sound_of(path: Path) -> np.ndarray:
    """Return the decoded sound as it plays, float (n, channels)."""
    with av.open(str(path)) as container:
        return np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], 1).T


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished episode."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "s.txt").write_text(SCRIPT, "utf-8")
    create(folder)
    return folder


def test_all_files_are_there(made: Path) -> None:
    names = {p.name for p in (made / "data/episodes/s").iterdir()}
    assert names == {"s.mp4", "s.srt", "s.vtt", "chapters.json", "thumbnail.jpg", "transcript.html", "report.json",
                     "report.html"}


def test_picture_and_sound_are_what_platforms_ask_for(made: Path) -> None:
    with av.open(str(made / "data/episodes/s/s.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48_000, 2)
        assert (video.start_time, audio.start_time) == (0, 0)
        lengths = [float(s.duration * s.time_base) for s in (video, audio)]
        frames = sum(1 for _ in container.decode(video))
    assert frames == round(lengths[0] * 25)
    assert abs(lengths[0] - lengths[1]) <= 1 / 25


def test_the_sound_is_mastered(made: Path) -> None:
    sound = sound_of(made / "data/episodes/s/s.mp4")
    assert pyloudnorm.Meter(48_000).integrated_loudness(sound.astype(float)) == pytest.approx(-16, abs=0.3)
    assert np.abs(sound).max() <= 10 ** (-1 / 20)


def _srt(path: Path) -> list[tuple[float, float, str]]:
    clock = r"(\d+):(\d+):(\d+),(\d+)"
    found = re.findall(rf"{clock} --> {clock}\n(.+?)\n\n", path.read_text("utf-8") + "\n", re.S)
    return [(*(int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in (f[:4], f[4:8])), f[8])
            for f in found]


def test_captions_begin_when_the_voice_does(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    create(tmp_path, "--skip-music")
    sound = np.abs(sound_of(tmp_path / "data/episodes/s/s.mp4")).max(1)
    for start, _, text in _srt(tmp_path / "data/episodes/s/s.srt"):
        around = sound[int((start - 0.1) * 48_000) : int((start + 0.25) * 48_000)]
        if around[:2400].max() > 0.005:
            continue  # no silence before these words: nothing to see there
        onset = np.argmax(around > 0.02) / 48_000 - 0.1
        assert abs(onset) <= 0.04, text


def test_words_that_nobody_says_are_in_no_file(made: Path) -> None:
    folder = made / "data/episodes/s"
    for name in ("s.srt", "s.vtt", "transcript.html"):
        assert "laughs" not in (folder / name).read_text("utf-8")
    text = " ".join(text for _, _, text in _srt(folder / "s.srt"))
    said = text.replace("Ann: ", "").replace("Bob: ", "").split()
    assert " ".join(said) == ("Hello Bob. What is new today? Not much, Ann. A boat came in, and it brought apples. "
                              "Then we shall bake a pie.")


def test_the_thumbnail_is_as_large_as_youtube_wants(made: Path) -> None:
    path = made / "data/episodes/s/thumbnail.jpg"
    with Image.open(path) as image:
        assert image.size == (1280, 720)
        assert np.asarray(image).std() > 20
    assert path.stat().st_size < 2_000_000


def test_the_report_tells_what_was_done(made: Path) -> None:
    report = json.loads((made / "data/episodes/s/report.json").read_text("utf-8"))
    assert [s["name"] for s in report["stages"]] == ["narration", "music", "video", "mix", "publish"]
    assert report["encoder"]["chosen"]
    assert report["sound"]["loudness"] == pytest.approx(-16, abs=0.3)
    assert abs(report["video"]["sync_error"]) <= 0.04
    assert any("espeak" in licence["name"] and "GPL" in licence["licence"] for licence in report["licences"])
    assert {d["key"] for d in report["asked"]["differences"]} == {"avatar.enabled", "video.resolution"}


def test_a_second_run_makes_nothing_and_gives_the_same(made: Path) -> None:
    before = digest(made / "data/episodes/s/s.mp4")
    create(made)
    assert counts(made)["narration"][0] == counts(made)["video"][0] == 0
    assert digest(made / "data/episodes/s/s.mp4") == before


def test_a_changed_sentence_is_the_only_work(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "x")
    script = tmp_path / "x/s.txt"
    script.write_text(script.read_text("utf-8").replace("What is new today?", "What is new this evening?"), "utf-8")
    create(tmp_path / "x")
    assert counts(tmp_path / "x")["narration"][0] == 1
    assert counts(tmp_path / "x")["video"][0] == 1


def _finished_pieces(folder: Path) -> int:
    return len(list((folder / "data/cache/entries").glob("*/*/piece.mp4")))


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("pieces", [0, 1, 4])
def test_a_killed_run_is_taken_up_again(made: Path, tmp_path: Path, pieces: int) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    command = [sys.executable, "-m", "podcast", "create", "s.txt", "--avatar", "-q", *SMALL]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    time.sleep(1)
    while _finished_pieces(tmp_path) < pieces and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(0.3)  # the workers die, too
    kept = _finished_pieces(tmp_path)
    create(tmp_path)
    assert digest(tmp_path / "data/episodes/s/s.mp4") == digest(made / "data/episodes/s/s.mp4")
    assert kept >= pieces
    assert counts(tmp_path)["video"][1] == kept
    assert not list((tmp_path / "data/episodes/s").glob(".draft*"))


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interrupted_run_says_so_and_leaves_nothing_broken(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    child = subprocess.Popen([sys.executable, "-m", "podcast", "create", "s.txt", "--avatar", *SMALL], cwd=tmp_path,
                             stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(1)
    while _finished_pieces(tmp_path) < 1 and child.poll() is None:
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=60)
    if child.returncode == 0:
        pytest.skip("it was done before it could be interrupted")
    assert child.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("data/episodes/s/*.mp4"))


def test_a_damaged_cache_entry_is_made_again(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "x")
    pieces = sorted((tmp_path / "x/data/cache/entries").glob("*/*/piece.mp4"))
    pieces[0].write_bytes(pieces[0].read_bytes()[:-100])
    create(tmp_path / "x")
    assert counts(tmp_path / "x")["video"][0] == 1
    assert digest(tmp_path / "x/data/episodes/s/s.mp4") == digest(made / "data/episodes/s/s.mp4")


def test_a_failed_run_keeps_the_finished_episode(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "x")
    before = digest(tmp_path / "x/data/episodes/s/s.mp4")
    (tmp_path / "x/s.txt").write_text("[MUSIC: open bracket\n\nHello.", "utf-8")
    done = podcast(tmp_path / "x", "create", "s.txt", "--avatar", *SMALL, expect=1)
    assert "s.txt:1" in done.stderr
    assert digest(tmp_path / "x/data/episodes/s/s.mp4") == before


def test_two_runs_at_once_are_safe(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    command = [sys.executable, "-m", "podcast", "create", "s.txt", "--avatar", "-q", *SMALL]
    runs = [subprocess.Popen(command, cwd=tmp_path) for _ in range(2)]
    assert [run.wait(timeout=300) for run in runs] == [0, 0]
    assert digest(tmp_path / "data/episodes/s/s.mp4") == digest(made / "data/episodes/s/s.mp4")


def test_a_folder_that_cannot_be_written_is_told(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    (tmp_path / "data").write_text("in the way")
    done = podcast(tmp_path, "create", "s.txt", *SMALL, expect=1)
    assert done.stderr.startswith("error: ")
    assert "cannot write here" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_nothing_broken_stays(made: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)], check=False,
                      capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        shutil.copy(made / "s.txt", tmp_path)
        done = podcast(tmp_path, "create", "s.txt", "--avatar", *SMALL, expect=1, PODCAST_DATA_DIR=str(disk))
        assert "full" in done.stderr or "space" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(disk.glob("episodes/*/*.mp4"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


@pytest.mark.parametrize("more", [("--audio-only",), ("--preview",)])
def test_sound_only(made: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    result = create(tmp_path, *more)
    assert result["video"] is None
    sound = sound_of(Path(result["audio"]))
    assert len(sound) / 48_000 == pytest.approx(result["seconds"], abs=0.1)
    assert (tmp_path / "data/episodes/s/s.srt").exists() == (more == ("--audio-only",))


def test_a_draft_is_small_and_does_not_replace_the_episode(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "x")
    before = digest(tmp_path / "x/data/episodes/s/s.mp4")
    podcast(tmp_path / "x", "create", "s.txt", "--avatar", "--draft", "-q")
    with av.open(str(tmp_path / "x/data/episodes/s/s-draft.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (640, 360)
    assert digest(tmp_path / "x/data/episodes/s/s.mp4") == before


def test_intro_and_outro_videos_are_put_around(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "s.txt", tmp_path)
    shutil.copy(made / "data/episodes/s/s.mp4", tmp_path / "clip.mp4")
    plain = json.loads((made / "data/episodes/s/report.json").read_text())
    clip = f"video.intro={tmp_path / 'clip.mp4'}", f"video.outro={tmp_path / 'clip.mp4'}"
    result = create(tmp_path, "--set", clip[0], "--set", clip[1])
    assert result["frames"] == 3 * plain["video"]["frames"]


@pytest.mark.parametrize("size", ["180x320", "240x240"])
@pytest.mark.parametrize("fps", ["24", "60"])
def test_other_shapes_and_rates(made: Path, tmp_path: Path, size: str, fps: str) -> None:
    (tmp_path / "s.txt").write_text("Only a few words.", "utf-8")
    result = json.loads(podcast(tmp_path, "create", "s.txt", "--avatar", "--json", "--set", f"video.fps={fps}", "--set",
                                f"video.resolution={2 * int(size.split('x')[0])}x{2 * int(size.split('x')[1])}").stdout)
    with av.open(result["video"]) as container:
        assert container.streams.video[0].average_rate == int(fps)
        assert sum(1 for _ in container.decode(video=0)) == result["frames"]


def test_a_batch_goes_on_after_a_failure(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("All is well.", "utf-8")
    (tmp_path / "bad.txt").write_text("[PAUSE 2s", "utf-8")
    (tmp_path / "also.txt").write_text("So is this.", "utf-8")
    done = podcast(tmp_path, "batch", "good.txt", "bad.txt", "also.txt", "--json", *SMALL, expect=1)
    results = {Path(r["script"]).stem: r for r in json.loads(done.stdout)}
    assert results["bad"]["error"]
    assert results["bad"]["episode"] is None
    for name in ("good", "also"):
        assert Path(results[name]["episode"]["video"]).stat().st_size > 1000
