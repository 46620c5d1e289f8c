"""Engines that are installed: pins are held, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from podcast.audio import read_wav
from podcast.environments import build, downloads, plan, transfer
from podcast.environments.build import environment_variables, find_python
from podcast.environments.downloads import RECORD, fetch_weight, flaw
from podcast.environments.install import Means, bring_weights, candidates, install, installed
from podcast.environments.manifest import (
    check_options,
    find_spec,
    find_specs,
    load_spec,
    parse_bytes,
    wanted_weights,
)
from podcast.environments.places import environment_of, held, read_marker, source_folder, weights_folder
from podcast.environments.plan import Plan
from podcast.environments.proving import check_worker
from podcast.environments.source import fetch_source, source_flaw
from podcast.environments.spec import EngineSpec, Environment, WeightFile
from podcast.environments.treehash import tree_hash
from podcast.environments.upkeep import found_environments, remove, remove_stale, repair, stale, verify
from podcast.environments.worker import Setup, Worker
from podcast.errors import EngineError
from tests.tiny import WEIGHTS, WHEEL, Host, Upstream, git, make_engine, make_upstream, make_wheel, serving, sha256

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@dataclass(frozen=True)
class Told:
    """A proof, as the installation sees it."""

    verdict: str
    device: str
    sentence: str = "it was tried"
    remedy: str = "mend it"


def engaged(_: Environment, device: str) -> Told:
    return Told("engaged" if device != "cpu" else "cpu", device)


@dataclass(frozen=True)
class World:
    """What engines are made of."""

    root: Path
    wheel: Path
    upstream: Upstream
    ready: Path  # data folder of a finished installation

    def spec(self, folder: Path, **changes: Any) -> EngineSpec:
        return load_spec(make_engine(folder / "tiny", self.wheel, self.upstream, HERE, **changes))

    def means(self, **more: Any) -> Means:
        return Means(**{"prove": engaged, "wheels": self.wheel.parent, "offline": True,
                        "source": str(self.upstream.folder), **more})

    def furnish(self, data: Path, spec: EngineSpec) -> None:
        """Give a data folder the packages of all variants, as if they had been built there."""
        made = next((self.ready / "environments").glob("tiny-*/venv"))
        for variant in spec.variants:
            env = environment_of(spec, variant, data)
            shutil.copytree(made, env.folder / "venv", symlinks=True)
            ready = json.loads(made.with_name(build.READY).read_text())
            (env.folder / build.READY).write_text(json.dumps({**ready, "digest": env.digest}))
            pins = {"engine": spec.name, "variant": variant.name, "digest": env.digest}
            (env.folder / build.PINS).write_text(json.dumps(pins))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    quiet = pytest.MonkeyPatch()  # pip of the tests asks no index of this machine
    quiet.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", downloads.MIRROR):
        quiet.delenv(name, raising=False)
    quiet.setenv("PYTHONPATH", "/nowhere")
    quiet.setattr(transfer, "_PAUSE", 0.01)
    upstream = make_upstream(root / "upstream")
    made = World(root, make_wheel(root / "wheels"), upstream, root / "ready")
    install(made.spec(root), made.ready, made.means())
    yield made
    quiet.undo()


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as server:
        yield server


# ---------------------------------------------------------------- manifests and options


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"sumary": "x"}, r"unknown key sumary\n.*did you mean summary\?"),
     ({"licence": {"code": "MIT", "comercial": False}}, r"unknown key licence\.comercial\n.*commercial"),
     ({"weights": [{"path": "a.bin", "url": []}]}, r"unknown key weights\.0\.url\n.*urls"),
     ({"weights": [{"path": "../a.bin", "urls": []}]}, r"weights\.0\.path: must be a path below"),
     ({"weights": [{"path": "a.bin", "urls": ["ftp://x"]}]}, "not an https or http address"),
     ({"weights": [{"path": "a.bin", "size": "1 GB"}]}, "exact number of bytes"),
     ({"weights": [{"path": "a.bin", "when": {"sise": 1}}]}, "sise, which is not an option"),
     ({"upstream": {"url": "x", "commit": "main"}}, r"upstream\.commit"),
     ({"environments": [{"name": "a", "python": "3.11", "lock": "no.lock"}]}, r"lacks no\.lock"),
     ({"environments": [{"name": "a", "python": "3.11", "lock": "requirements.lock", "disk": "big"}]}, "2.1 GB"),
     ({"environments": []}, "environments"),
     ({"name": "other"}, "its folder tiny"),
     ({"summary": None}, "key summary is missing"),
     ({"options": {"size": {"type": "integer", "default": "large"}}}, r"options\.size\.default.*integer")],
)
def test_a_mistake_in_a_manifest_is_named(world: World, tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(EngineError, match=expected) as caught:
        world.spec(tmp_path, **changes)
    assert "engine.yaml" in str(caught.value)


def test_broken_yaml_is_told_with_its_line(world: World, tmp_path: Path) -> None:
    folder = world.spec(tmp_path).folder
    (folder / "engine.yaml").write_text("name: tiny\nkind: [\n")
    with pytest.raises(EngineError, match=r"engine\.yaml:\d+: not valid YAML"):
        load_spec(folder)


@pytest.mark.parametrize(("text", "count"), [("2.1 GB", 2_100_000_000), ("3MB", 3_000_000), (7, 7), ("12 b", 12)])
def test_sizes(text: object, count: int) -> None:
    assert parse_bytes(text) == count


def test_options_are_checked_and_completed(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path)
    assert check_options(spec, {"size": 512}) == {"size": 512, "scale": 1.0, "still": False}
    wrong = {"sise": 512}, {"size": 128}, {"size": "256"}, {"size": True}, {"scale": 4}, {"scale": -1}, {"still": 1}
    for options in wrong:
        with pytest.raises(EngineError, match=r"tiny\.|did you mean size"):
            check_options(spec, options)


def test_weights_depend_on_options(world: World, tmp_path: Path) -> None:
    weights = [{"path": "a.bin"}, {"path": "b.bin", "when": {"size": 512}},
               {"path": "c.bin", "when": {"size": [256, 512]}}]
    spec = world.spec(tmp_path, weights=weights)
    assert [w.path for w in wanted_weights(spec)] == ["a.bin", "c.bin"]
    assert [w.path for w in wanted_weights(spec, {"size": 512})] == ["a.bin", "b.bin", "c.bin"]


def test_engines_of_others_are_found(world: World, tmp_path: Path) -> None:
    world.spec(tmp_path / "theirs")
    assert find_specs([tmp_path / "theirs"])["tiny"] == find_specs([tmp_path / "theirs" / "tiny"])["tiny"]
    with pytest.raises(EngineError, match=r"no engine is called tinny\ndid you mean tiny\?"):
        find_spec("tinny", [tmp_path / "theirs"])
    world.spec(tmp_path / "more")
    with pytest.raises(EngineError, match="two engines are called tiny"):
        find_specs([tmp_path / "theirs", tmp_path / "more"])
    with pytest.raises(EngineError, match="no such folder"):
        find_specs([tmp_path / "none"])


# ---------------------------------------------------------------- environments


def test_an_environment_has_what_the_lock_says_and_nothing_of_ours(world: World, tmp_path: Path) -> None:
    env = installed(world.spec(tmp_path), world.ready)
    assert env is not None
    code = "import tinypure, sys; print(tinypure.ANSWER, sys.prefix, [p for p in sys.path if 'nowhere' in p])"
    variables = environment_variables()
    said = subprocess.run([env.python, "-c", code], capture_output=True, text=True, check=True, env=variables).stdout
    assert said.split() == ["42", str(env.folder / "venv"), "[]"]
    marker = read_marker(env.folder)
    assert (marker["digest"], marker["packages"]["tinypure"], marker["verdict"]) == (env.digest, "1.0", "cpu")


def test_a_tampered_package_is_refused(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path)
    make_wheel(tmp_path / "wheels", answer=43)
    with pytest.raises(EngineError, match=r"not what requirements\.lock pins") as caught:
        install(spec, tmp_path / "data", world.means(wheels=tmp_path / "wheels"))
    log = Path(re.search(r"log: (\S+)", caught.value.remedy)[1])  # type: ignore[index]
    assert "DO NOT MATCH" in log.read_text()
    assert installed(spec, tmp_path / "data") is None


def test_another_lock_makes_another_environment_and_the_old_one_is_stale(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path)
    shutil.copytree(world.ready, tmp_path / "data", symlinks=True)
    assert installed(spec, tmp_path / "data") and not stale(spec, tmp_path / "data")
    spec.variants[0].lock.write_text(spec.variants[0].lock.read_text() + "# another\n")
    assert installed(spec, tmp_path / "data") is None
    assert [old.variant for old in stale(spec, tmp_path / "data")] == ["only"]
    assert remove_stale(spec, tmp_path / "data", print) > 1000
    assert not found_environments("tiny", tmp_path / "data")
    assert source_folder(spec, tmp_path / "data").is_dir()  # type: ignore[union-attr]  # today's code stays


def test_a_missing_python_is_told_with_what_to_install(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = [{"name": "only", "python": "3.99", "lock": "requirements.lock"}]
    monkeypatch.setattr(build.shutil, "which", lambda name, *_, **__: None if name == "uv" else f"/usr/bin/{name}")
    with pytest.raises(EngineError, match=r"Python 3\.99 is needed and not on this machine\n.*install"):
        install(world.spec(tmp_path, environments=environments), tmp_path / "data", world.means())


@pytest.mark.skipif(os.name == "nt", reason="scripts stand in for interpreters")
def test_a_shim_without_anything_behind_it_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "3.98"
    for name, body in (("bad", "echo command not found; exit 127"), ("good", f"echo {other}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"python{other}").write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name / f"python{other}").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bad:{tmp_path}/good:/usr/bin:/bin")
    assert find_python(other) == tmp_path / "good" / f"python{other}"


def test_too_little_room_is_told_before_anything_is_fetched(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = [{"name": "only", "python": HERE, "lock": "requirements.lock", "disk": "5 GB"}]
    monkeypatch.setattr(plan, "_free", lambda _: 3_000_000_000)
    with pytest.raises(EngineError, match=r"needs 8\.0 GB of disk for its installation, 3\.0 GB are free\nmake room"):
        install(world.spec(tmp_path, environments=environments), tmp_path / "data", world.means())
    assert not list((tmp_path / "data/environments").glob("tiny-*"))


def test_who_is_asked_sees_everything_and_may_refuse(world: World, tmp_path: Path, host: Host) -> None:
    plans: list[Plan] = []
    weights = [{"path": "a.bin", "urls": [f"{host.url}/a"], "size": len(WEIGHTS)}, {"path": "b.bin", "urls": []}]
    with pytest.raises(EngineError, match="nothing was fetched"):
        install(world.spec(tmp_path, weights=weights), tmp_path / "data",
                world.means(agree=lambda plan: bool(plans.append(plan))))
    text = "\n".join(plans[0].fetch)
    assert "1 package" in text and world.upstream.commit[:12] in text and "2 files" in text and "1 of unknown" in text
    assert plans[0].need == 12_000_000 + len(WEIGHTS)
    assert not host.hits


# ---------------------------------------------------------------- upstream's code


def fetched(world: World, tmp_path: Path, source: str | Path, **changes: Any) -> Path:
    spec = world.spec(tmp_path, **changes)
    folder = fetch_source(spec, tmp_path / "data", tmp_path / "log", source=str(source), offline=True)
    assert folder is not None
    assert not source_flaw(spec, tmp_path / "data")
    return folder


@pytest.fixture
def plain(world: World, tmp_path: Path) -> Path:
    """The pinned commit without its history."""
    git(tmp_path, "clone", "-q", str(world.upstream.folder), "plain")
    git(tmp_path / "plain", "checkout", "-q", world.upstream.commit)
    shutil.rmtree(tmp_path / "plain/.git")
    return tmp_path / "plain"


def test_the_pinned_commit_comes_from_any_kind_of_copy(world: World, tmp_path: Path, plain: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(world.upstream.folder), "bare.git")
    with tarfile.open(tmp_path / "copy.tar.gz", "w:gz") as tar:
        tar.add(plain, "tiny-1.0")
    copies = [world.upstream.folder, tmp_path / "bare.git", plain, tmp_path / "copy.tar.gz",
              (tmp_path / "bare.git").as_uri()]
    for number, copy in enumerate(copies):
        folder = fetched(world, tmp_path / str(number), copy)
        assert (folder / "net.py").read_text() == "LAYERS = 3\n", copy
        assert tree_hash(folder) == world.upstream.tree, copy
        assert os.access(folder / "sub/run.sh", os.X_OK) or os.name == "nt"
        assert folder.parent.parent.joinpath("sources").is_dir() and not list(folder.parent.glob(".*draft"))


def test_only_the_parts_that_are_needed_are_fetched(world: World, tmp_path: Path, plain: Path) -> None:
    """A mirror that lacks other files serves as well; a changed list of parts is fetched anew."""
    pins = {"url": "x", "commit": world.upstream.commit, "tree": world.upstream.tree}
    git(tmp_path, "clone", "-q", "--bare", "--no-local", str(world.upstream.folder), "bare.git")
    broken = tmp_path / "broken"
    shutil.copytree(world.upstream.folder, broken)
    lost = git(broken, "rev-parse", f"{world.upstream.commit}:net.py")
    (broken / ".git/objects" / lost[:2] / lost[2:]).unlink()
    for number, copy in enumerate((broken, tmp_path / "bare.git", plain)):
        folder = fetched(world, tmp_path / str(number), copy, upstream={**pins, "paths": ["sub"]})
        assert [p.relative_to(folder).as_posix() for p in folder.rglob("*")] == ["sub", "sub/run.sh"]
    whole = world.spec(tmp_path / "1", upstream=pins)
    assert "other parts" in source_flaw(whole, tmp_path / "1/data")
    with pytest.raises(EngineError, match="upstream has no lib"):
        fetched(world, tmp_path / "3", plain, upstream={**pins, "paths": ["lib"]})
    with pytest.raises(EngineError, match="could not be"):
        fetched(world, tmp_path / "4", broken, upstream={**pins, "paths": ["net.py"]})


def test_another_commit_is_refused(world: World, tmp_path: Path, plain: Path) -> None:
    (plain / "net.py").write_text("LAYERS = 5\n")
    with pytest.raises(EngineError, match="is not commit"):
        fetched(world, tmp_path, plain)
    with pytest.raises(EngineError, match="pins no tree"):
        fetched(world, tmp_path, plain, upstream={"url": "x", "commit": world.upstream.commit})
    git(tmp_path, "init", "-q", "empty")
    git(tmp_path / "empty", "commit", "-q", "--allow-empty", "-m", "other")
    with pytest.raises(EngineError, match=r"does not have commit"):
        fetched(world, tmp_path, tmp_path / "empty")
    with pytest.raises(EngineError, match="no such folder, archive or address"):
        fetched(world, tmp_path, tmp_path / "nothing")
    with pytest.raises(EngineError, match=r"not on this machine, and --offline forbids"):
        fetch_source(world.spec(tmp_path), tmp_path / "data", tmp_path / "log", offline=True)
    assert not list((tmp_path / "data/environments/sources").iterdir())


def test_no_connection_is_told_with_a_way_out(world: World, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"could not be fetched[\s\S]*--source") as caught:
        fetch_source(world.spec(tmp_path), tmp_path / "data", tmp_path / "log", source="http://127.0.0.1:9/x.git")
    assert "127.0.0.1" in str(caught.value)


def test_an_archive_serves_where_there_is_no_git(
    world: World, tmp_path: Path, plain: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "copy.tar.gz", "w:gz") as tar:
        tar.add(plain, "tiny-1.0")
    data = (tmp_path / "copy.tar.gz").read_bytes()
    host.files["/copy.tar.gz"] = data
    pins = {"url": "x", "commit": world.upstream.commit, "archive": f"{host.url}/copy.tar.gz"}
    spec = world.spec(tmp_path, upstream={**pins, "archive_sha256": sha256(data)})
    wrong = world.spec(tmp_path / "wrong", upstream={**pins, "archive_sha256": sha256(b"")})
    monkeypatch.setattr("podcast.environments.source.shutil.which", lambda _: None)
    folder = fetch_source(spec, tmp_path / "data", tmp_path / "log")
    assert (folder / "net.py").read_text() == "LAYERS = 3\n"  # type: ignore[operator]
    with pytest.raises(EngineError, match="another SHA-256"):
        fetch_source(wrong, tmp_path / "data2", tmp_path / "log")
    with pytest.raises(EngineError, match="program git is needed"):
        fetch_source(world.spec(tmp_path / "none"), tmp_path / "data3", tmp_path / "log")


def _member(name: str, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
    return member


@pytest.mark.parametrize("members", [[_member("../out")], [_member("/tmp/out")], [_member("in", "../../out")],
                                     [_member("in", "/etc")]])
def test_an_archive_puts_nothing_elsewhere(world: World, tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        for member in members:
            tar.addfile(member)
    with pytest.raises(EngineError, match="archive is damaged"):
        fetched(world, tmp_path / "x", tmp_path / "evil.tar")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- weights


def weight(host: Host, *paths: str, size: int | None = len(WEIGHTS), sha: str | None = sha256(WEIGHTS)) -> WeightFile:
    return WeightFile("net/a.bin", tuple(host.url + path for path in paths), size, sha)


def test_a_cut_download_is_resumed_where_it_was_cut(tmp_path: Path, host: Host, world: World) -> None:
    host.files["/a"], host.cuts["/a"] = WEIGHTS, [700_000, 500_000]
    seen: list[int] = []
    found = fetch_weight(weight(host, "/a"), tmp_path, progress=seen.append)
    assert (tmp_path / "net/a.bin").read_bytes() == WEIGHTS
    assert found.sha256 == sha256(WEIGHTS)
    assert [asked for _, asked in host.hits] == ["", "bytes=700000-", "bytes=1200000-"]
    assert seen == sorted(seen) and seen[-1] == len(WEIGHTS)
    assert sorted(p.name for p in (tmp_path / "net").iterdir()) == ["a.bin"]


def test_a_part_of_an_earlier_run_is_continued_and_a_damaged_one_is_not_believed(
    tmp_path: Path, host: Host, world: World
) -> None:
    host.files["/a"] = WEIGHTS
    (tmp_path / "net").mkdir()
    part = tmp_path / "net/a.bin.part"
    part.write_bytes(WEIGHTS[:1_000_000])
    fetch_weight(weight(host, "/a"), tmp_path)
    assert host.hits == [("/a", "bytes=1000000-")]
    (tmp_path / "net/a.bin").unlink()
    part.write_bytes(b"x" * 1_000_000)
    fetch_weight(weight(host, "/a"), tmp_path)
    assert (tmp_path / "net/a.bin").read_bytes() == WEIGHTS
    assert host.hits[-1] == ("/a", "")  # from the start


def test_a_server_without_ranges_gives_the_whole(tmp_path: Path, host: Host, world: World) -> None:
    host.files["/a"], host.cuts["/a"], host.ranges = WEIGHTS, [700_000], False
    fetch_weight(weight(host, "/a"), tmp_path)
    assert (tmp_path / "net/a.bin").read_bytes() == WEIGHTS


def test_the_next_address_is_used_and_what_is_wrong_is_refused(tmp_path: Path, host: Host, world: World) -> None:
    wrong = WEIGHTS[:-1] + b"!"
    host.files |= {"/wrong": wrong, "/short": WEIGHTS[:-1], "/page/": b"<html>", "/right": WEIGHTS}
    bad = ("/none", "/wrong", "/short", "/page/")
    with pytest.raises(EngineError) as caught:
        fetch_weight(weight(host, *bad), tmp_path)
    for reason in ("404", "another SHA-256", "2097151 bytes", "web page"):
        assert reason in caught.value.problem
    assert "--weights" in caught.value.remedy
    assert not (tmp_path / "net/a.bin").exists()
    fetch_weight(weight(host, *bad, "/right"), tmp_path)
    assert (tmp_path / "net/a.bin").read_bytes() == WEIGHTS


def test_a_server_in_trouble_is_asked_again(tmp_path: Path, host: Host, world: World) -> None:
    host.files["/a"], host.status["/a"] = WEIGHTS, 503
    threading.Timer(0.05, host.status.clear).start()
    fetch_weight(weight(host, "/a"), tmp_path)
    assert len(host.hits) > 1


def test_what_is_not_pinned_is_recorded_and_held_to(tmp_path: Path, host: Host, world: World) -> None:
    host.files["/a"] = WEIGHTS
    loose = weight(host, "/a", size=None, sha=None)
    fetch_weight(loose, tmp_path)
    noted = json.loads((tmp_path / RECORD).read_text())["net/a.bin"]
    assert noted == {"size": len(WEIGHTS), "sha256": sha256(WEIGHTS), "from": f"{host.url}/a"}
    host.files["/a"] = WEIGHTS[::-1]
    assert not flaw(loose, tmp_path)
    (tmp_path / "net/a.bin").write_bytes(WEIGHTS[::-1])
    assert "SHA-256" in flaw(loose, tmp_path)
    with pytest.raises(EngineError, match="another SHA-256"):
        fetch_weight(loose, tmp_path)


def test_parts_of_two_addresses_are_not_joined_without_a_digest(tmp_path: Path, host: Host, world: World) -> None:
    host.files |= {"/a": WEIGHTS, "/b": WEIGHTS[::-1]}
    host.cuts["/a"] = [700_000, *[0] * 9]
    fetch_weight(weight(host, "/a", "/b", size=None, sha=None), tmp_path)
    assert (tmp_path / "net/a.bin").read_bytes() == WEIGHTS[::-1]


def test_copies_serve_without_a_network(
    tmp_path: Path, host: Host, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, data in (("good", WEIGHTS), ("bad", WEIGHTS[::-1])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.bin").write_bytes(data)
    pinned = weight(host, "/a")
    with pytest.raises(EngineError, match=r"^a\.bin is not on this machine, and --offline forbids"):
        fetch_weight(pinned, tmp_path / "w", offline=True)
    with pytest.raises(EngineError, match=r"bad/a\.bin has another SHA-256 than pinned; a\.bin is not on this machine"):
        fetch_weight(pinned, tmp_path / "w", copies=[tmp_path / "bad"], offline=True)
    (tmp_path / "bad/a.bin").write_bytes(b"short")
    with pytest.raises(EngineError, match=r"a\.bin has 5 bytes instead of [\d,]+; "):
        fetch_weight(pinned, tmp_path / "w", copies=[tmp_path / "bad"], offline=True)
    assert fetch_weight(pinned, tmp_path / "w", copies=[tmp_path / "bad", tmp_path / "good"], offline=True).origin
    monkeypatch.setenv(downloads.MIRROR, str(tmp_path / "good"))
    fetch_weight(pinned, tmp_path / "w2", offline=True)
    assert (tmp_path / "w2/net/a.bin").read_bytes() == WEIGHTS
    (tmp_path / "more/tiny/net").mkdir(parents=True)
    shutil.copy(tmp_path / "good/a.bin", tmp_path / "more/tiny/net/a.bin")
    monkeypatch.setenv(downloads.MIRROR, str(tmp_path / "more"))
    assert str(tmp_path / "more") in fetch_weight(pinned, tmp_path / "tiny", offline=True).origin
    assert not host.hits


def test_a_voice_brings_its_own_weights_and_no_others(world: World, tmp_path: Path, host: Host) -> None:
    host.files |= {"/large": WEIGHTS, "/own": WEIGHTS}
    spec = world.spec(
        tmp_path, kind="speech", weights=[{"path": "large.bin", "urls": [f"{host.url}/large"]}],
        voices=[{"name": "ann", "weights": [{"path": "own.bin", "urls": [f"{host.url}/own"]}]}, {"name": "bob"}])
    assert [w.path for w in wanted_weights(spec, {}, ["bob"])] == ["large.bin"]
    world.furnish(tmp_path / "data", spec)
    install(spec, tmp_path / "data", world.means(offline=False, voices=["ann"]))
    assert [path for path, _ in host.hits] == ["/own"] and not verify(spec, tmp_path / "data")
    (tmp_path / "data/weights/tiny/own.bin").unlink()
    assert [flaw.part for flaw in verify(spec, tmp_path / "data")] == ["large.bin"]  # nobody can speak
    install(spec, tmp_path / "data", world.means(offline=False))
    assert [path for path, _ in host.hits] == ["/own", "/large"] and not verify(spec, tmp_path / "data")


def test_a_full_disk_is_told(tmp_path: Path, host: Host, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    host.files["/a"] = WEIGHTS

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer, "sync", full)
    with pytest.raises(EngineError, match=r"the disk is full\nmake room and run it again"):
        fetch_weight(weight(host, "/a"), tmp_path)


def test_weights_for_an_option_come_when_they_are_needed(world: World, tmp_path: Path, host: Host) -> None:
    host.files |= {"/a": WEIGHTS, "/b": WEIGHTS}
    weights = [{"path": "a.bin", "urls": [f"{host.url}/a"]}, {"path": "b.bin", "urls": [f"{host.url}/b"],
                                                             "when": {"size": 512}}]
    spec = world.spec(tmp_path, weights=weights)
    world.furnish(tmp_path / "data", spec)
    install(spec, tmp_path / "data", world.means(offline=False))
    assert [path for path, _ in host.hits] == ["/a"]
    for _ in range(2):
        bring_weights(spec, tmp_path / "data", wanted_weights(spec, {"size": 512}), world.means(offline=False))
    assert [path for path, _ in host.hits] == ["/a", "/b"]


# ---------------------------------------------------------------- variants


VARIANTS = [{"name": "modern", "python": HERE, "lock": "requirements.lock", "devices": ["cuda", "cpu"]},
            {"name": "legacy", "python": HERE, "lock": "requirements.lock", "devices": ["cuda", "cpu"]},
            {"name": "small", "python": HERE, "lock": "requirements.lock", "devices": ["cpu"],
             "index": "https://example.org/cpu"}]


def proving(good: set[tuple[str, str]], tried: list[tuple[str, str]]) -> Callable[[Environment, str], Told]:
    def prove(env: Environment, device: str) -> Told:
        tried.append((env.variant.name, device))
        if (env.variant.name, device) in good:
            return Told("cpu" if device == "cpu" else "engaged", device)
        return Told("unsupported-architecture", "cpu", "the card is too new for it", "get another")

    return prove


@pytest.mark.parametrize(
    ("good", "device", "chosen", "order"),
    [({("modern", "cuda")}, "cuda", ("modern", "cuda"), ["modern"]),
     ({("legacy", "cuda")}, "cuda", ("legacy", "cuda"), ["modern", "legacy"]),
     ({("legacy", "cpu")}, "cuda", ("legacy", "cpu"), ["modern", "legacy", "small", "modern", "legacy"]),
     ({("small", "cpu"), ("modern", "cpu")}, "cpu", ("small", "cpu"), ["small"]),
     ({("small", "cpu")}, "mps", ("small", "cpu"), ["small"]),
     ({("modern", "cuda")}, "auto", ("modern", "cuda"), ["modern"])],
)
def test_the_first_variant_that_proves_itself_is_used(
    world: World, tmp_path: Path, good: set[tuple[str, str]], device: str, chosen: tuple[str, str], order: list[str]
) -> None:
    spec = world.spec(tmp_path, environments=VARIANTS)
    world.furnish(tmp_path / "data", spec)
    tried: list[tuple[str, str]] = []
    warned: list[str] = []
    means = world.means(prove=proving(good, tried), present=lambda: "cuda", warn=warned.append)
    env = install(spec, tmp_path / "data", means, device)
    assert (env.variant.name, read_marker(env.folder)["device"]) == chosen
    assert [name for name, _ in tried] == order
    assert bool(warned) == (chosen[1] != device and device != "auto")
    assert installed(spec, tmp_path / "data") == env
    left = {found.variant for found in found_environments("tiny", tmp_path / "data")}
    assert not left & (set(order) - {chosen[0]})  # what was refused gave its room back
    tried.clear()
    again = install(spec, tmp_path / "data", world.means(prove=proving(good, tried), present=lambda: chosen[1]))
    assert again == env and tried == [chosen]


def test_nothing_that_proves_itself_is_an_error_with_the_proofs_words(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path, environments=VARIANTS)
    world.furnish(tmp_path / "data", spec)
    with pytest.raises(EngineError, match=r"the card is too new for it\nget another"):
        install(spec, tmp_path / "data", world.means(prove=proving(set(), [])), "cuda")
    assert installed(spec, tmp_path / "data") is None


def test_packages_without_a_build_for_this_machine_make_room_for_the_next_variant(world: World, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/gone.lock").write_text(f"tinygone==1.0 --hash=sha256:{'0' * 64}\n")
    spec = world.spec(tmp_path, environments=[{"name": "gone", "python": HERE, "lock": "gone.lock"},
                                              {"name": "only", "python": HERE, "lock": "requirements.lock"}])
    told: list[str] = []
    assert install(spec, tmp_path / "data", world.means(tell=told.append)).variant.name == "only"
    assert any("tinygone==1.0 could not be found" in line for line in told)


def test_what_a_card_refused_is_not_built_again_for_it(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path, environments=VARIANTS[:2])
    world.furnish(tmp_path / "data", spec)
    card = ["old"]
    for name, good, order in (("old", {("legacy", "cpu")}, ["modern", "legacy", "modern", "legacy"]),
                              ("old", {("legacy", "cpu")}, ["legacy", "legacy", "legacy"]),
                              ("new", {("modern", "cuda")}, ["legacy", "modern"])):
        card[0] = name
        tried: list[tuple[str, str]] = []
        env = install(spec, tmp_path / "data", world.means(prove=proving(good, tried), cards=lambda: card[0]), "cuda")
        assert [variant for variant, _ in tried] == order
        assert (env.variant.name, read_marker(env.folder)["device"]) == next(iter(good))


def test_a_worker_that_fails_refuses_its_variant(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path, environments=VARIANTS)
    world.furnish(tmp_path / "data", spec)

    def check(env: Environment, _: str) -> None:
        if env.variant.name == "modern":
            raise EngineError("libfoo.so.1 is missing")

    told: list[str] = []
    env = install(spec, tmp_path / "data", world.means(check=check, tell=told.append), "cuda")
    assert env.variant.name == "legacy"
    assert any("libfoo" in line for line in told)


def test_for_the_processor_variants_without_gpu_come_first(world: World, tmp_path: Path) -> None:
    spec = world.spec(tmp_path, environments=VARIANTS)
    assert [v.name for v in candidates(spec, "cpu")] == ["small", "modern", "legacy"]
    assert [v.name for v in candidates(spec, "cuda")] == ["modern", "legacy"]


# ---------------------------------------------------------------- verify, repair, remove


@pytest.fixture
def whole(world: World, tmp_path: Path, host: Host) -> tuple[EngineSpec, Path]:
    """An installation with weights, and its data folder."""
    host.files["/a"] = WEIGHTS
    spec = world.spec(tmp_path, weights=[{"path": "a.bin", "urls": [f"{host.url}/a"]}])
    world.furnish(tmp_path / "data", spec)
    install(spec, tmp_path / "data", world.means(offline=False))
    return spec, tmp_path / "data"


def _spoil_package(spec: EngineSpec, data: Path) -> None:
    next(environment_of(spec, spec.variants[0], data).folder.glob("venv/**/tinypure/__init__.py")).write_text("")


def _spoil_code(spec: EngineSpec, data: Path) -> None:
    (source_folder(spec, data) / "net.py").write_text("LAYERS = 9\n")  # type: ignore[operator]


def _add_code(spec: EngineSpec, data: Path) -> None:
    (source_folder(spec, data) / "json.py").write_text("")  # type: ignore[operator]


def _spoil_weights(spec: EngineSpec, data: Path) -> None:
    (weights_folder(spec, data) / "a.bin").write_bytes(WEIGHTS[::-1])


def _lose_python(spec: EngineSpec, data: Path) -> None:
    environment_of(spec, spec.variants[0], data).python.unlink()


@pytest.mark.parametrize(
    ("spoil", "part"),
    [(_spoil_package, "environment"), (_lose_python, "environment"), (_spoil_code, "code"), (_add_code, "code"),
     (_spoil_weights, "a.bin")],
)
def test_what_is_broken_is_found_and_mended_and_nothing_else(
    world: World, whole: tuple[EngineSpec, Path], host: Host, spoil: Callable[[EngineSpec, Path], None], part: str
) -> None:
    spec, data = whole
    assert verify(spec, data) == []
    spoil(spec, data)
    if spoil is not _lose_python:
        assert [found.part for found in verify(spec, data)] == [part]
    else:
        with pytest.raises(EngineError, match="not installed"):
            verify(spec, data)
    code = source_folder(spec, data).stat().st_ino  # type: ignore[union-attr]
    asked = len(host.hits)
    assert [mended.part for mended in repair(spec, data, world.means(offline=part != "a.bin"))] == [part]
    assert verify(spec, data) == []
    assert (source_folder(spec, data).stat().st_ino == code) == (part != "code")  # type: ignore[union-attr]
    assert (len(host.hits) > asked) == (part == "a.bin")
    assert repair(spec, data, world.means()) == []


def test_a_compiled_file_of_python_is_no_flaw(whole: tuple[EngineSpec, Path]) -> None:
    spec, data = whole
    cache = source_folder(spec, data) / "__pycache__"  # type: ignore[operator]
    cache.mkdir()
    (cache / "net.cpython-311.pyc").write_bytes(b"x")
    assert verify(spec, data) == []


def test_remove_gives_the_room_back_and_spares_others(world: World, whole: tuple[EngineSpec, Path]) -> None:
    spec, data = whole
    (data / "weights/tiny-more").mkdir()
    (data / "weights/tiny-more/x").write_bytes(b"x")
    (data / f"environments/sources/tiny-more-{'0' * 40}").mkdir()
    assert remove("tiny", data, print) > len(WEIGHTS)
    left = sorted(str(p.relative_to(data)) for p in data.rglob("*") if p.is_file())
    assert left == ["environments/.tiny.lock", "weights/tiny-more/x"]
    assert (data / f"environments/sources/tiny-more-{'0' * 40}").is_dir()
    with pytest.raises(EngineError, match=r"tiny is not installed\npodcast engines install tiny"):
        verify(spec, data)


# ---------------------------------------------------------------- one at a time, and the command line


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    code = ("import sys, time; from pathlib import Path; from podcast.environments.places import held\n"
            f"with held('x', Path({str(tmp_path)!r}), print):\n print('held', flush=True); time.sleep(60)")
    environment = {**os.environ, "PYTHONPATH": str(Path(build.__file__).parents[2])}
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    assert holder.stdout and holder.stdout.readline() == b"held\n"
    told: list[str] = []
    threading.Timer(0.5, lambda: os.kill(holder.pid, signal.SIGKILL)).start()
    with held("x", tmp_path, told.append):
        assert holder.wait(5) == -signal.SIGKILL
    assert told == ["another process is changing x: waiting for it"]
    holder.stdout.close()


class Line:
    """The command line in a project with the tiny engine, whose every part comes from a server."""

    def __init__(self, world: World, folder: Path, host: Host) -> None:
        self.folder, self.host = folder, host
        host.files["/simple/tinypure/"] = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
        host.files[f"/{WHEEL}"] = world.wheel.read_bytes()
        host.files["/a"] = WEIGHTS
        bare = folder / "upstream.git"
        git(folder, "clone", "-q", "--bare", str(world.upstream.folder), str(bare))
        git(bare, "update-server-info")
        for file in bare.rglob("*"):
            if file.is_file():
                host.files[f"/up.git/{file.relative_to(bare).as_posix()}"] = file.read_bytes()
        pins = {"url": f"{host.url}/up.git", "commit": world.upstream.commit}
        self.engine = make_engine(folder / "engines/tiny", world.wheel, world.upstream, HERE, upstream=pins,
                                  weights=[{"path": "a.bin", "urls": [f"{host.url}/a"]}])
        (folder / "config.yaml").write_text(yaml.safe_dump({"engines_path": "engines"}))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        variables = {**os.environ, "PYTHONPATH": str(Path(build.__file__).parents[2]), "PIP_CONFIG_FILE": os.devnull,
                     "PIP_INDEX_URL": f"{self.host.url}/simple", "UV_DEFAULT_INDEX": f"{self.host.url}/simple",
                     "PIP_NO_CACHE_DIR": "1"}  # fmt: skip
        return subprocess.Popen([sys.executable, "-m", "podcast", "engines", *arguments], cwd=self.folder,
                                text=True, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: str, expect: int = 0) -> str:
        child = self.start(*arguments)
        said = "".join(child.communicate(timeout=120))
        assert child.returncode == expect, said
        return said

    def leftovers(self) -> list[str]:
        """Return the commands of processes that work in this folder."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = place.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(self.folder) in text:
                found.append(text)
        return found


@pytest.fixture
def line(world: World, tmp_path: Path, host: Host) -> Line:
    return Line(world, tmp_path, host)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_killed_at_every_step_it_goes_on_at_the_next_call(line: Line, host: Host) -> None:
    hold, part, arrived = line.engine / "hold", line.folder / "data/weights/tiny/a.bin.part", 0
    for step in (f"/{WHEEL}", "/up.git/", "/a", "worker"):
        host.hold(step)
        if step == "worker":
            hold.touch()
        child = line.start("install", "tiny")
        if step == "worker":
            while not (line.engine / "held").exists() and child.poll() is None:
                time.sleep(0.05)
        else:
            assert host.stalled.wait(60), step
        while step == "/a" and not (part.exists() and part.stat().st_size):
            time.sleep(0.02)
        child.kill()
        said = "".join(child.communicate())
        host.release()
        hold.unlink(missing_ok=True)
        assert child.returncode == -signal.SIGKILL, said
        arrived = part.stat().st_size if part.exists() else arrived
        assert "not installed" in line.run("list"), step
        end = time.monotonic() + 10
        while line.leftovers() and time.monotonic() < end:
            time.sleep(0.05)
        assert not line.leftovers(), step
    before = len(host.hits)
    assert "installed tiny (only)" in line.run("install", "tiny")
    assert len(host.hits) == before  # everything was there already, but for the worker's test
    assert arrived and host.hits.count(("/a", f"bytes={arrived}-")) == 1  # the weights went on where they were cut
    assert "as pinned" in line.run("verify", "tiny")


def test_of_two_installs_at_once_one_waits(line: Line, host: Host) -> None:
    host.hold("/a")
    first = line.start("install", "tiny")
    assert host.stalled.wait(60)
    second = line.start("install", "tiny", "--json")
    third = line.start("install", "tiny")
    assert third.stderr and "another process is changing tiny: waiting for it" in third.stderr.readline()
    host.release()
    said = ["".join(child.communicate(timeout=60)) for child in (first, second, third)]
    assert [child.returncode for child in (first, second, third)] == [0, 0, 0], said
    assert [path for path, _ in host.hits].count("/a") == 1
    logs = list((line.folder / "data/environments").glob("tiny-*/logs/install.log"))
    assert len(logs) == 1 and logs[0].read_text().count("===") == 1


def test_the_command_line(line: Line, host: Host) -> None:
    rows = {row["name"]: row for row in json.loads(line.run("list", "--json"))}
    assert not rows["tiny"]["installed"]
    assert "tiny is not installed" in line.run("verify", "tiny", expect=1)
    assert "did you mean tiny?" in line.run("install", "tinny", expect=1)
    said = line.run("install", "tiny")
    for expected in ("will fetch", "1 package", "weights: 1 file", "GB are free", "installed tiny (only)"):
        assert expected in said
    row = {row["name"]: row for row in json.loads(line.run("list", "--json"))}["tiny"]
    assert (row["installed"], row["variant"], row["device"]) == (True, "only", "cpu")
    (line.folder / "data/weights/tiny/a.bin").write_bytes(b"")
    assert "a.bin has 0 bytes" in line.run("verify", "tiny", expect=1)
    assert "mended   a.bin" in line.run("repair", "tiny")
    assert json.loads(line.run("verify", "tiny", "--json"))["good"]
    assert "MB freed" in line.run("remove", "tiny")
    assert "not installed" in line.run("remove", "tiny", expect=1)
    host.files.clear()
    failed = line.run("install", "tiny", expect=1)
    assert "tinypure==1.0 could not be found" in failed and "log: " in failed
    assert "Traceback" not in failed


def test_the_worked_example_of_the_documentation_works(tmp_path: Path, world: World) -> None:
    text = (Path(__file__).parent.parent / "docs/engines.md").read_text("utf-8")
    example = text[text.index("## Engines of others"):]
    folder = tmp_path / "my-engines/beeper"
    folder.mkdir(parents=True)
    for name, code in re.findall(r"`my-engines/beeper/([\w.]+)`[\s\S]*?```\w*\n([\s\S]*?)```", example):
        (folder / name).write_text(code.replace('"3.11"', f'"{HERE}"'))
    lines = sum(len(file.read_text().splitlines()) for file in folder.iterdir())
    assert sorted(p.name for p in folder.iterdir()) == ["engine.yaml", "requirements.lock", "worker.py"] and lines < 45
    spec = find_spec("beeper", [tmp_path / "my-engines"])
    env = install(spec, tmp_path / "data", Means(engaged, check_worker))
    (tmp_path / "into").mkdir()
    with Worker(env, Setup("cpu", 1)) as worker:
        job = {"text": "Hello you", "voice": "high", "language": "en", "seed": 0, "into": str(tmp_path / "into"),
               "options": check_options(spec, {})}
        value = worker.run(job)
    sound, rate = read_wav(value["files"]["audio"]), 24000
    word, start, end = value["words"][0]
    assert word == "Hello" and end - start == pytest.approx(5 / 15)
    spectrum = abs(np.fft.rfft(sound.reshape(-1)[int(start * rate):int(end * rate)]))
    assert np.argmax(spectrum) / (end - start) == pytest.approx(440, abs=4)


def test_the_wheel_carries_the_engines(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the wheel")
    root = Path(__file__).parent.parent
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(tmp_path)!r}))"
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    name = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True,
                          env=variables).stdout  # fmt: skip
    with zipfile.ZipFile(tmp_path / name.split()[-1]) as wheel:
        names = wheel.namelist()
    shipped = [file for engine in (root / "external").glob("*/engine.yaml") for file in engine.parent.glob("*")
               if file.suffix in (".py", ".lock", ".yaml")]
    assert {f"podcast/external/{file.parent.name}/{file.name}" for file in shipped} <= set(names)
    assert not [name for name in names if name.endswith(".pyc")]
