"""The doctor: what it finds, what it writes into a bug report, and what it leaves out."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast import device, doctor
from podcast.errors import PodcastError
from podcast.proof import Card, CardUse, NoCards, Proof
from podcast.report import MASK

CARD = Card("NVIDIA Test 4090", "GPU-1", 24_000_000_000, (8, 9), "580.82.07", (13, 0))
GOOD = Proof("auto", "cuda:0", "engaged", "NVIDIA Test 4090 does the work.", "", "certain", "NVIDIA Test 4090",
             capability=(8, 9), precisions=("float32", "float16"), memory=24_000_000_000, proved="cuda")
BAD = replace(GOOD, device="cpu", verdict="silently-on-cpu", sentence="PyTorch says cuda, the processor works.",
              remedy="podcast engines repair sadtalker")


class Driver:
    def cards(self) -> tuple[Card, ...]:
        return (CARD,)

    def sample(self) -> tuple[CardUse, ...]:
        return ()


@pytest.fixture(scope="module")
def rows() -> list[doctor.Finding]:
    return doctor.findings((640, 360), Fraction(25), None, "", engines=[("sadtalker", GOOD), ("other", BAD)],
                           reader=Driver())


def test_cards_are_told_by_their_driver(rows: list[doctor.Finding]) -> None:
    (gpu,) = [row for row in rows if row.what == "GPU"]
    assert gpu.found == "NVIDIA Test 4090, 24 GB, compute capability 8.9, driver 580.82.07 (CUDA 13.0)"
    assert gpu.verdict == "good"


def test_engines_are_told_with_what_mends_them(rows: list[doctor.Finding]) -> None:
    found = {row.what: row for row in rows}
    assert found["engine sadtalker"].verdict == "good"
    assert "cuda:0" in found["engine sadtalker"].found
    assert "float16" in found["engine sadtalker"].meaning
    assert found["engine other"].verdict == "bad"
    assert "podcast engines repair sadtalker" in found["engine other"].meaning
    assert "on the processor meanwhile" in found["engine other"].meaning
    broken = doctor.engine_finding("x", replace(BAD, device="", verdict="no-runtime"))
    assert "can't be used" in broken.meaning


def test_without_a_driver_the_reason_is_told() -> None:
    if device.gpus():
        pytest.skip("there is a GPU")
    (row,) = doctor._gpus(NoCards("NVML Shared Library Not Found"))
    assert (row.verdict, row.found) == ("note", "none found (NVML Shared Library Not Found)")


def test_a_report_holds_no_secrets_and_no_names(
    rows: list[doctor.Finding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/marieke")
    monkeypatch.setenv("USERPROFILE", "/home/marieke")
    monkeypatch.setattr("getpass.getuser", lambda: "marieke")
    monkeypatch.setattr("platform.node", lambda: "thinkpad-x1.lan")
    told = [*rows, doctor.Finding("bad", "x", "/home/marieke/env/bin/python on thinkpad-x1.lan", "s3cr3t-value!")]
    data = doctor.report_data(
        told, [("sadtalker", GOOD)], {"avatar.source_image": "/home/marieke/me.jpg", "tts.api_key": "abc123"},
        {"s3cr3t-value!"}, {"CUDA_VISIBLE_DEVICES": "0", "PODCAST_API_TOKEN": "qwertz", "HISTFILE": "x",
                            "PODCAST_DATA_DIR": "/mnt/Marieke/data"})
    for file in (tmp_path / "bug.txt", tmp_path / "bug.json"):
        doctor.write_report(file, data)
        text = file.read_text("utf-8")
        for hidden in ("marieke", "Marieke", "thinkpad", "s3cr3t", "abc123", "qwertz", "HISTFILE"):
            assert hidden not in text
        for kept in ("~/me.jpg", "~/env/bin/python", "CUDA_VISIBLE_DEVICES", "sadtalker", "engaged", "580.82.07"):
            assert kept in text
    back = json.loads((tmp_path / "bug.json").read_text("utf-8"))
    assert set(back) == {"versions", "machine", "findings", "engines", "settings", "variables"}
    assert back["settings"]["tts.api_key"] == MASK
    assert back["engines"]["sadtalker"]["verdict"] == "engaged"


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PodcastError, match="cannot be written"):
        doctor.write_report(tmp_path / "missing" / "bug.json", {})


@given(st.text(), st.text("abcdefgh", min_size=3, max_size=8))
def test_no_name_survives_as_a_word(text: str, name: str) -> None:
    data = doctor.nameless([f"{text} {name}/x", {"k": f"/home/{name}/f"}], [f"/home/{name}"], [name])
    assert f" {name}/" not in data[0]
    assert data[1]["k"] == "~/f"
    assert doctor.nameless(f"un{name}ly /home/{name}2", [f"/home/{name}"], [name]) == f"un{name}ly /home/{name}2"


# ---------------------------------------------------------------- the machine


def _group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


def test_the_strictest_quota_above_us_counts(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("0::/user.slice/app.slice/run.scope\n")
    _group(root / "user.slice", cpu__max="400000 100000")
    _group(root / "user.slice/app.slice", cpu__max="150000 100000")
    _group(root / "user.slice/app.slice/run.scope", cpu__max="max 100000")
    assert device.cpu_quota(root, own) == 1.5


def test_a_container_sees_its_own_root(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("0::/../../elsewhere\n")
    _group(root, cpu__max="200000 100000")
    assert device.cpu_quota(root, own) == 2.0
    assert device.cpu_quota(root, tmp_path / "missing") == 2.0


def test_quotas_of_the_first_version(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/\n")
    _group(root / "cpu,cpuacct", **{"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"})
    _group(root / "cpu,cpuacct/docker/a", **{"cpu__cfs_quota_us": "300000", "cpu__cfs_period_us": "100000"})
    assert device.cpu_quota(root, own) == 3.0


def test_no_quota(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/\nnonsense\n")
    _group(tmp_path / "cgroup", cpu__max="max 100000")
    assert device.cpu_quota(tmp_path / "cgroup", own) is None
    assert device.cpu_quota(tmp_path / "none", own) is None


def test_processors_respect_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cpu_quota", lambda: 0.4)
    assert device.processors() == 1


@pytest.mark.parametrize(("line", "flag"), [("flags\t\t: fpu sse avx512_bf16 amx_bf16", "avx512_bf16"),
                                            ("Features\t: fp asimd bf16", "bf16")])
def test_flags_of_the_processor(tmp_path: Path, line: str, flag: str) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nmodel name\t: Test\n{line}\n\nprocessor\t: 1\n")
    assert flag in device.cpu_flags(info)
    assert device.cpu_flags(tmp_path / "missing") == frozenset()


def test_the_command_writes_the_report_and_prints_json(tmp_path: Path) -> None:
    from tests.test_produce import podcast

    (tmp_path / "config.yaml").write_text("video: {fps: 30}\npublish: {author: Marieke}\n")
    rows = json.loads(podcast(tmp_path, "doctor", "--json", "--report", "bug.json").stdout)
    report = json.loads((tmp_path / "bug.json").read_text("utf-8"))
    assert report["findings"] == rows
    assert report["settings"] == {"video.fps": 30}
    assert report["versions"]["podcast"]
