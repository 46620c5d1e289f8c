"""What people bring: a portrait, a motion, a voice; from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from podcast.audio import read_wav, resample, write_wav
from podcast.engines import speech_engine
from tests.test_produce import SMALL, counts, create, digest, podcast

SENTENCES = ("Hello, and welcome.", "A moment ago, all of this was a plain text file.", "I had no voice and no face.",
             "It is rather nice to have one.")
OFFLINE = {"PIP_NO_INDEX": "1", "PODCAST_WEIGHTS_DIR": ""}
SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
MODELS = Path(os.environ.get("PODCAST_WEIGHTS_DIR") or "/nowhere")
needs_models = pytest.mark.skipif(not (MODELS.is_dir() and SAMPLES.is_dir()), reason="no face models or samples here")


def _write_script(folder: Path) -> None:
    (folder / "s.txt").write_text(f"# Mine\n\n{SENTENCES[0]} {SENTENCES[1]}\n\n{SENTENCES[2]} {SENTENCES[3]}\n")


def _record(folder: Path, sentences: tuple[str, ...] = SENTENCES) -> Path:
    """Speak the script with another voice and pace, with pauses of its own and a little hiss."""
    engine, parts = speech_engine("espeak"), [np.zeros(30_000, np.float32)]
    for number, sentence in enumerate(sentences):
        speech = engine.synthesize(sentence, "grace", "en", {"rate": 0.92}, folder)
        parts += [resample(read_wav(speech.audio)[:, 0], speech.rate),
                  np.zeros(24_000 + 12_000 * number, np.float32)]
    sound = np.concatenate(parts)
    hiss = np.random.default_rng(0).normal(0, 0.001, len(sound)).astype(np.float32)
    write_wav(folder / "voice.wav", 0.6 * sound + hiss)
    return folder / "voice.wav"


def test_a_recording_replaces_the_voice_and_keeps_its_own_pauses(tmp_path: Path) -> None:
    _write_script(tmp_path)
    recording = _record(tmp_path)
    create(tmp_path, "--narration", "voice.wav", "--skip-music")
    said = (tmp_path / "data/episodes/s/s.srt").read_text().replace("\n", " ")
    assert all(word in said for word in " ".join(SENTENCES).split())
    with av.open(str(tmp_path / "data/episodes/s/s.mp4")) as container:
        assert container.duration / av.time_base > len(read_wav(recording)) / 48_000
    ledger = json.loads((tmp_path / "data/episodes/s/report.json").read_text())["licences"]
    assert any(row["name"] == "recording" for row in ledger)
    assert not any(row["name"].startswith("voice") for row in ledger)
    create(tmp_path, "--narration", "voice.wav", "--skip-music")
    assert counts(tmp_path)["narration"][0] == counts(tmp_path)["video"][0] == 0


def test_a_recording_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text(
        "Quite another text about the weather in spring, and boats on a lake at night. Rain fell for seven days.\n\n"
        "Nobody who was there has ever forgotten the colours of that evening. Two swans crossed the bay together.\n\n"
        "Mountains stood around like old professors. Every fisherman kept his opinion strictly to himself.\n")
    _record(tmp_path, SENTENCES * 2)
    done = podcast(tmp_path, "create", "s.txt", "--narration", "voice.wav", *SMALL, expect=1)
    assert "Traceback" not in done.stderr


def test_a_shipped_motion_changes_the_picture_and_nothing_else(tmp_path: Path) -> None:
    _write_script(tmp_path)
    create(tmp_path)
    before = digest(tmp_path / "data/episodes/s/s.mp4")
    create(tmp_path, "--set", "avatar.motion=calm")
    assert digest(tmp_path / "data/episodes/s/s.mp4") != before
    assert counts(tmp_path)["narration"][0] == 0
    done = podcast(tmp_path, "create", "s.txt", "--avatar", "--set", "avatar.motion=wild", *SMALL, expect=1)
    assert "wild" in done.stderr


def test_a_portrait_without_models_falls_back_or_fails(tmp_path: Path) -> None:
    _write_script(tmp_path)
    Image.new("RGB", (600, 600), (200, 170, 150)).save(tmp_path / "me.png")
    result = create(tmp_path, "--set", "avatar.source_image=me.png", **OFFLINE)
    assert any("drawn presenter" in warning for warning in result["warnings"])
    done = podcast(tmp_path, "create", "s.txt", "--avatar", "--set", "avatar.source_image=me.png", "--set",
                   "avatar.fallback=none", *SMALL, expect=1, **OFFLINE)
    assert "PODCAST_WEIGHTS_DIR" in done.stderr


@needs_models
def test_a_portrait_talks(tmp_path: Path) -> None:
    _write_script(tmp_path)
    picture = SAMPLES / "portraits" / "art_5.png"
    create(tmp_path, "--set", f"avatar.source_image={picture}")
    with av.open(str(tmp_path / "data/episodes/s/s.mp4")) as container:
        luma = np.stack([f.to_ndarray()[60:120, 100:220] for f in container.decode(video=0)][90:160]).astype(int)
    assert np.abs(np.diff(luma, axis=0)).mean() > 0.3


@needs_models
@pytest.mark.parametrize(("name", "fit"), [("art_5.png", True), ("s25.jpg", False)])
def test_pictures_are_judged(tmp_path: Path, name: str, fit: bool) -> None:
    check = "portrait", "check", str(SAMPLES / "portraits" / name), "--sheet", "sheet.png", "--json"
    done = podcast(tmp_path, *check, expect=0 if fit else 1)
    assert json.loads(done.stdout)["fit"] == fit
    assert (tmp_path / "sheet.png").exists() == fit


@needs_models
def test_motion_is_extracted_and_used(tmp_path: Path) -> None:
    _write_script(tmp_path)
    done = podcast(tmp_path, "motion", "extract", str(SAMPLES / "clips" / "d18.mp4"), "-o", "me.npz", "-q")
    assert done.stdout.split() == ["me.npz"]
    assert (tmp_path / "me.npz").stat().st_size < 40_000
    create(tmp_path, "--set", "avatar.motion=me.npz")
