"""Installed engines at work in an episode: a real environment and worker, good moods and bad ones."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml

from podcast.audio import write_wav
from podcast.cache import Cache
from podcast.config import check
from podcast.engines.installed import EngineRoom, SilentlyOnCpu, Wish, joined
from podcast.engines.installed import engine as engine_module
from podcast.engines.installed.engine import Installed
from podcast.engines.installed.speech import InstalledSpeech
from podcast.environments.install import Means, install, installed
from podcast.environments.manifest import load_spec
from podcast.environments.proving import check_worker, prove_environment
from podcast.environments.spec import Environment
from podcast.episode import Presenter, Script, Speaker, Turn
from podcast.errors import ConfigError, EngineError
from podcast.proof import Card, CardUse, NoCards, Proof, Watch
from podcast.proof.nvml import ProcessUse
from podcast.puppet.facemap import FaceMap
from podcast.puppet.faces import load_face_map, save_face_map
from podcast.puppet.rig import host_folder
from podcast.reporter import Reporter
from podcast.script import read_script
from podcast.wiring.engines import choose_music, choose_renderer, choose_speech
from podcast.wiring.people import enhanced
from tests.test_portrait import drawn_face
from tests.test_produce import create
from tests.test_worker import soon

FIXTURE = Path(__file__).parent / "engines" / "fixture"
GB = 10**9
CARD = Card("Test Card", "GPU-1", 24 * GB, (8, 9), "580.1", (13, 0))
ENGAGED = Proof("auto", "cuda:0", "engaged", "The card did the work.", "", "certain", capability=(8, 9),
                precisions=("float32",))

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


def _engine(folder: Path, name: str, **changes: object) -> Path:
    """Write the fixture under another name, in need of nothing but this Python."""
    shutil.copytree(FIXTURE, folder / name)
    manifest = yaml.safe_load((folder / name / "engine.yaml").read_text())
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    manifest |= {"name": name, "needs": [], "stall": 3, "environments": [
        {"name": "modern", "python": python, "lock": "modern.lock", "devices": ["cpu"], "disk": "1 MB"}], **changes}
    (folder / name / "engine.yaml").write_text(yaml.safe_dump(manifest))
    return folder / name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five engines that are installed below data/, and one that is not."""
    home = tmp_path_factory.mktemp("home")
    means = Means(prove_environment, check_worker)
    voice = {"kind": "speech", "languages": ["en"], "timings": True,
             "voices": [{"name": "hum", "language": "en", "gender": "female", "about": "hums",
                         "licence": "CC-BY-4.0"}]}
    options = {**yaml.safe_load((FIXTURE / "engine.yaml").read_text())["options"],
               "chunk": {"type": "integer", "default": 0}}
    for name, changes in (("lamp", {"options": options}), ("hummer", voice), ("mimic", {**voice, "clones": True}),
                          ("mirror", {"kind": "enhancer"})):
        install(load_spec(_engine(home / "engines", name, **changes)), home / "data", means)
    (home / "ann.bin").write_bytes(b"ann")
    ann, bob, large = ([{"path": f"{name}.bin", "urls": []}] for name in ("ann", "bob", "large"))
    own = [{"name": "ann", "language": "en", "weights": ann}, {"name": "bob", "language": "en", "weights": bob}]
    folder = _engine(home / "engines", "choir", **{**voice, "voices": own, "weights": large})
    install(load_spec(folder), home / "data", replace(means, weights=home, voices=["ann"]))
    _engine(home / "engines", "absent")
    _engine(home / "engines", "greedy", licence={"code": "MIT", "weights": "CC-BY-NC-4.0", "commercial": False})
    (home / "s.txt").write_text("Hello there, this is one sentence.\n\nAnd this is another one.\n")
    return home


@pytest.fixture
def fresh(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder that shares the environments and nothing else; no worker is left when the test ends."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/environments").symlink_to(home / "data/environments")
    shutil.copyfile(home / "s.txt", tmp_path / "s.txt")
    yield tmp_path
    assert soon(lambda: not _workers_alive(home))


def _workers_alive(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(home / "engines") in line:
            found.append(line)
    return found


def _make(fresh: Path, home: Path, *more: str, **options: object) -> str:
    settings = ("--set", f"engines_path=[{home / 'engines'}]", "--set", f"engines={json.dumps({'lamp': options})}")
    done = create(fresh, "--avatar", "--skip-music", "--set", "avatar.engine=lamp", *settings, *more)
    return str(done)


def _report(fresh: Path) -> dict:
    return json.loads((fresh / "data/episodes/s/report.json").read_text())


def _stage(fresh: Path, name: str) -> dict:
    return next((stage for stage in _report(fresh)["stages"] if stage["name"] == name), {})


def test_an_installed_renderer_is_seen_and_its_clips_are_kept(fresh: Path, home: Path) -> None:
    _make(fresh, home)
    stage = _stage(fresh, "avatar")
    assert stage["engine"] == "lamp" and stage["made"] == 3 and stage["proof"]["used"] == "cpu"
    assert any("lamp" in licence["name"] for licence in _report(fresh)["licences"])
    with av.open(str(fresh / "data/episodes/s/s.mp4")) as video:
        frames = [f.to_ndarray(format="gray") for f in video.decode(video=0)]
    assert len(frames) == _report(fresh)["video"]["frames"]
    middle = len(frames) // 2
    assert (np.abs(np.diff(np.stack(frames[middle - 5 : middle + 5]).astype(int), axis=0)) > 60).any()  # its square
    _make(fresh, home)
    assert (_stage(fresh, "avatar")["made"], _stage(fresh, "avatar")["reused"]) == (0, 3)
    (fresh / "s.txt").write_text("Hello there, this is one sentence.\n\nAnd this one is new.\n")
    _make(fresh, home)
    assert (_stage(fresh, "avatar")["made"], _stage(fresh, "avatar")["reused"]) == (1, 2)


@pytest.mark.parametrize("mood", ["crash", "babble", "hang", "short", "missing"])
def test_whatever_a_renderer_does_the_episode_is_made_without_it(fresh: Path, home: Path, mood: str) -> None:
    _make(fresh, home, mood=mood)
    warned = [w for w in _report(fresh)["warnings"] if "built-in renderer is used instead" in w]
    assert len(warned) == 1 and "lamp" in warned[0]
    assert _stage(fresh, "video")["made"] and not list((fresh / "data/cache").rglob("*.y4m"))


def test_without_a_fallback_a_failing_renderer_ends_the_run(fresh: Path, home: Path) -> None:
    with pytest.raises(AssertionError, match=r"its worker failed[\s\S]*log"):
        _make(fresh, home, "--set", "avatar.fallback=none", mood="crash")
    assert not (fresh / "data/episodes/s/s.mp4").exists()


def test_a_renderer_that_fails_once_is_started_again(fresh: Path, home: Path) -> None:
    _make(fresh, home, mood="crash", once=str(fresh / "once"))
    assert _stage(fresh, "avatar")["made"] == 3 and not _report(fresh)["warnings"]


def test_memory_that_runs_out_is_answered_by_less(home: Path, tmp_path: Path) -> None:
    with _room(home) as room, room.heard(reporter := Reporter()):
        engine = _open(room, home)
        with pytest.raises(EngineError, match="memory ran out"):
            engine.run(_job(tmp_path, size=128, chunk=64, message="CUDA out of memory. Tried to allocate 2.00 GiB"))
        told = ["64 pixels instead of 128", "pieces of 32 frames", "pieces of 16 frames", "the processor"]
        assert all(words in step for words, step in zip(told, engine.use.steps, strict=True))
        assert len(reporter.warnings) == 4 and engine.use.used == "cpu"
        value = engine.run(_job(tmp_path, size=128))
        assert value["width"] == 128 and value["device"] == "cpu"  # the step that is left serves the next job, too


# ---------------------------------------------------------------- choosing


def _config(home: Path, tmp_path: Path, **more: object):
    return check({"data": str(tmp_path / "data"), "engines_path": [str(home / "engines")], **more}, "test", tmp_path)


def _script(tmp_path: Path, language: str = "en", voice: str | None = None) -> Script:
    return Script(tmp_path / "s.txt", "T", (Turn("A", "Hello.", 1),), (Speaker("A", "A", voice),), language=language)


def test_what_is_not_installed_falls_back_with_one_line_or_fails(fresh: Path, home: Path) -> None:
    config, reporter = _config(home, fresh, avatar={"engine": "absent"}), Reporter()
    with EngineRoom(config.data, config.engines_path) as room:
        assert choose_renderer(config, room, reporter) is None
        (line,) = reporter.warnings
        assert "podcast engines install absent" in line and "built-in renderer" in line and "\n" not in line
        strict = _config(home, fresh, avatar={"engine": "absent", "fallback": "none"})
        with pytest.raises(EngineError, match="podcast engines install absent"):
            choose_renderer(strict, room, reporter)


def _enhanced(fresh: Path, home: Path, reporter: Reporter, **changes: object) -> tuple[FaceMap, FaceMap]:
    """Return a face before and after an enhancer that changes nothing looked at it."""
    config = _config(home, fresh, **{"avatar": {"enhancer": "mirror"}, **changes})
    save_face_map(drawn_face(301), fresh / "face.npz")
    given = Presenter("A", "Ann", fresh / "face.npz", "0"), Presenter("B", "Ben", host_folder("finn"), "1")
    with EngineRoom(config.data, config.engines_path) as room, Cache(config.data / "cache", 1.0) as cache:
        ann, ben = enhanced(given, config, room, cache, reporter)
    assert ben is given[1] and (ann.digest == given[0].digest) == (ann.figure == given[0].figure)
    return load_face_map(given[0].figure), load_face_map(ann.figure)


def test_an_enhancer_sees_a_portrait_once_and_large(fresh: Path, home: Path) -> None:
    told = Reporter()
    before, after = _enhanced(fresh, home, told)
    grown = after.height / before.height
    assert abs(after.height - 500) < 2 and after.image.shape[:2] == after.matte.shape
    assert np.allclose(after.landmarks, before.landmarks * grown, atol=0.1)
    there = cv2.resize(before.image, after.image.shape[1::-1], interpolation=cv2.INTER_LANCZOS4)
    assert np.array_equal(there, after.image)
    _enhanced(fresh, home, told)
    assert [(stage.name, stage.made, stage.reused) for stage in told.stages] == [
        ("portraits", 1, 0), ("portraits", 0, 1)]


def test_a_portrait_stays_as_it_is_when_its_enhancer_fails(fresh: Path, home: Path) -> None:
    told, broken = Reporter(), {"mirror": {"mood": "bug"}}
    before, after = _enhanced(fresh, home, told, engines=broken)
    assert np.array_equal(before.image, after.image)
    assert "faces stay as they are" in told.warnings[-1]
    with pytest.raises(EngineError, match="mirror"):
        _enhanced(fresh, home, told, engines=broken, avatar={"enhancer": "mirror", "fallback": "none"})


def test_drawn_presenters_need_no_enhancer(fresh: Path, home: Path) -> None:
    config, told = _config(home, fresh, avatar={"enhancer": "mirror"}), Reporter()
    given = (Presenter("B", "Ben", host_folder("finn"), "1"),)
    with EngineRoom(config.data, config.engines_path) as room, Cache(config.data / "cache", 1.0) as cache:
        assert enhanced(given, config, room, cache, told) == given
    assert "drawn presenters" in told.notes[0]


def test_a_name_that_no_engine_has_is_an_error_with_the_nearest(fresh: Path, home: Path) -> None:
    config = _config(home, fresh, avatar={"engine": "lmap"}, tts={"engine": "humer"}, music={"engine": "hummer"})
    with EngineRoom(config.data, config.engines_path) as room:
        with pytest.raises(ConfigError, match="lamp"):
            choose_renderer(config, room, Reporter())
        with pytest.raises(ConfigError, match="hummer"):
            choose_speech(config, _script(fresh), None, room, Reporter())
        with pytest.raises(ConfigError, match="no engine 'hummer'"):  # it is a voice
            choose_music(config, room, Reporter())


def test_a_wrong_option_is_an_error_and_no_reason_to_fall_back(fresh: Path, home: Path) -> None:
    config = _config(home, fresh, avatar={"engine": "lamp"}, engines={"lamp": {"moood": "good"}})
    with (EngineRoom(config.data, config.engines_path) as room,
          pytest.raises(ConfigError, match=r"avatar.lamp[\s\S]*mood")):
        choose_renderer(config, room, Reporter())


def test_weights_that_forbid_commercial_use_are_refused_and_an_alternative_named(fresh: Path, home: Path) -> None:
    config = _config(home, fresh, commercial_safe=True)
    with (EngineRoom(config.data, config.engines_path, commercial_safe=True) as room,
          pytest.raises(EngineError, match=r"CC-BY-NC-4.0[\s\S]*lamp")):
        room.get("greedy", "avatar", "avatar.engine")


def test_an_installed_voice_speaks_with_its_own_times(fresh: Path, home: Path) -> None:
    config = _config(home, fresh, tts={"engine": "hummer"})
    with EngineRoom(config.data, config.engines_path) as room:
        chosen = choose_speech(config, _script(fresh), None, room, Reporter())
        speech = chosen.engine.synthesize("Hello you", "hum", "en", {}, fresh)
        assert [w.text for w in speech.words] == ["Hello", "you"] and speech.rate == 16_000
        assert speech.words[-1].end == pytest.approx(8 * 0.05 * 16_000)
        with pytest.raises(EngineError, match=r"no voice 'bark'[\s\S]*hum"):
            chosen.engine.synthesize("Hello", "bark", "en", {}, fresh)
        assert isinstance(chosen.engine, InstalledSpeech) and chosen.engine.voices("de") == ()


def test_a_sample_of_a_voice_is_found_beside_the_script_and_the_configuration(
    fresh: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fresh / "elsewhere").mkdir()
    write_wav(fresh / "elsewhere/me.wav", np.zeros(800, np.float32), 16_000)
    (fresh / "elsewhere/s.txt").write_text("---\nspeakers: {ANN: {voice: me.wav}}\n---\nANN: Hello.\n")
    script = read_script(fresh / "elsewhere/s.txt")
    config = check({"tts": {"voice": "me.wav"}, "speakers": {"Bo": {"voice": "me.wav"}}, "data": str(fresh / "data"),
                    "engines_path": [str(home / "engines")]}, "config", fresh / "elsewhere")  # fmt: skip
    whole = str(fresh / "elsewhere/me.wav")
    assert script.speakers[0].voice == config.tts.voice == config.speakers["Bo"].voice == whole
    monkeypatch.chdir(fresh / "elsewhere")
    with EngineRoom(config.data, config.engines_path) as room:
        mimic, hummer = (InstalledSpeech(room.get(name, "speech", "tts.engine")) for name in ("mimic", "hummer"))
        assert mimic.synthesize("Hello", "me.wav", "en", {}, fresh).words[0].text == "Hello"
        assert mimic.samples(["me.wav", "hum"]) == [Path(whole)] and not hummer.samples(["me.wav"])
        with pytest.raises(EngineError, match=r"hummer has no voice 'me\.wav'"):
            hummer.synthesize("Hello", "me.wav", "en", {}, fresh)


def test_a_voice_is_fetched_at_its_first_use_and_no_other(
    fresh: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, told = _config(home, fresh, tts={"engine": "choir", "voice": "ann"}), Reporter()
    (fresh / "data/weights").symlink_to(home / "data/weights")
    (fresh / "choir").mkdir()
    (fresh / "choir/bob.bin").write_bytes(b"bob")
    with EngineRoom(config.data, config.engines_path) as room, room.heard(told):
        speak = choose_speech(config, _script(fresh), None, room, told).engine.synthesize
        assert speak("Hello", "ann", "en", {}, fresh).words and not told.stages
        monkeypatch.setenv("PODCAST_WEIGHTS_DIR", str(fresh))
        assert speak("Hello", "bob", "en", {}, fresh).words
    assert [(stage.name, stage.done) for stage in told.stages] == [("weights", 1.0)] and "choir" in told.notes[0]
    assert not (home / "data/weights/choir/large.bin").exists()


def test_a_voice_that_fails_gives_way_to_the_built_in_one(fresh: Path, home: Path) -> None:
    (fresh / "s.txt").write_text("---\nlanguage: en\n---\nHello there, this is one sentence.\n")
    settings = ("--audio-only", "--skip-music", "--set", "tts.engine=hummer", "--set", "tts.voice=hum",
                "--set", f"engines_path=[{home / 'engines'}]")
    create(fresh, *settings)
    ledger = {row["name"]: row["licence"] for row in _report(fresh)["licences"]}
    assert ledger["voice hum"] == "CC-BY-4.0" and not any("espeak" in name for name in ledger)
    create(fresh, *settings, "--set", 'engines={"hummer": {"mood": "crash"}}')
    assert any("the built-in voice speaks instead" in w for w in _report(fresh)["warnings"])
    assert _stage(fresh, "narration")["engine"] == "espeak"
    ledger = {row["name"]: row["licence"] for row in _report(fresh)["licences"]}
    assert "voice hum" not in ledger and any("voice espeak" in name for name in ledger)


# ---------------------------------------------------------------- the card during the work


class Idle:
    """A driver that sees the worker's memory and never any work."""

    def __init__(self, busy: float) -> None:
        self.busy, self.pids = busy, set[int]()

    def cards(self) -> tuple[Card, ...]:
        return (CARD,)

    def sample(self) -> tuple[CardUse, ...]:
        told = tuple(ProcessUse(pid, GB, self.busy) for pid in self.pids)
        return (CardUse("GPU-1", GB, self.busy, told),)


def _room(home: Path, reader: object = None, wish: Wish | None = None) -> EngineRoom:
    return EngineRoom(home / "data", [home / "engines"], wish, reader=reader or NoCards())  # type: ignore[arg-type]


def _open(room: EngineRoom, home: Path) -> Installed:
    """Return the lamp as if a card had been proved for it."""
    environment = installed(load_spec(home / "engines/lamp"), home / "data")
    assert isinstance(environment, Environment)
    return Installed(room, environment, ENGAGED)


def _job(folder: Path, frames: int = 10, **options: object) -> dict:
    into = folder / f"job-{time.monotonic_ns()}"
    into.mkdir()
    write_wav(folder / "voice.wav", np.zeros(16_000, np.float32), 16_000)
    return {"picture": "", "audio": str(folder / "voice.wav"), "frames": frames, "rate": [25, 1], "seed": 0,
            "options": options, "into": str(into)}


@pytest.mark.parametrize("wish", ["warn", "fallback", "fail"])
def test_a_card_that_does_nothing_is_noticed_while_it_does_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    monkeypatch.setattr(engine_module, "Watch", partial(Watch, patience=0.3, interval=0.05))
    reader, reporter, began = Idle(0.0), Reporter(), threading.Event()
    with _room(home, reader, Wish("auto", wish)) as room, room.heard(reporter):
        engine = _open(room, home)
        monkeypatch.setattr(engine_module, "process_tree", lambda root: reader.pids.add(root) or {root})
        if wish == "warn":
            assert engine.run(_job(tmp_path, 15, mood="slow"), lambda share: began.set())["device"] == "cuda:0"
            (line,) = reporter.warnings
            assert "does nothing" in line and "podcast engines verify lamp" in line
        else:
            with pytest.raises(SilentlyOnCpu, match="does nothing"):
                engine.run(_job(tmp_path, 600, mood="slow"))
        assert engine.use.verdict == "silently-on-cpu" and engine.use.watched[0].silent


def test_a_card_at_work_is_accounted_for(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "Watch", partial(Watch, patience=0.3, interval=0.05))
    reader = Idle(0.8)
    with _room(home, reader) as room, room.heard(reporter := Reporter()):
        engine = _open(room, home)
        monkeypatch.setattr(engine_module, "process_tree", lambda root: reader.pids.add(root) or {root})
        engine.run(_job(tmp_path, 15, mood="slow"))
        seen = joined(engine.use.watched)
        assert not reporter.warnings and engine.use.verdict == "engaged"
        assert seen.mean == pytest.approx(0.8) and seen.memory == GB


def test_a_card_that_is_required_has_to_be_used(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("Hello there.\n")
    with pytest.raises(AssertionError, match=r"nothing in this run works on a graphics card\s+choose an engine"):
        create(tmp_path, "--require-gpu")


def test_a_card_that_is_required_and_not_there_is_an_error(home: Path) -> None:
    with _room(home, wish=Wish("auto", "warn", True)) as room, pytest.raises(EngineError, match="no graphics card"):
        room.get("lamp", "avatar", "avatar.engine")
