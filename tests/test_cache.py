"""The store: found again, never half-made, never larger than allowed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.cache import Cache, digest_of, key
from podcast.errors import PodcastError


def _write(text: str):
    return lambda folder: (folder / "it.txt").write_text(text)


def test_what_was_made_is_found(cache: Cache) -> None:
    address = cache.key("stage", 1, text="a")
    assert cache.get(address) is None
    made = cache.fetch(address, _write("first"))
    again = cache.fetch(address, _write("second"))
    assert made == again
    assert (again / "it.txt").read_text() == "first"
    assert (cache.hits, cache.misses) == (1, 1)


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.none())))
def test_keys_ignore_order_and_tell_values_apart(parts: dict) -> None:
    backwards = dict(reversed(parts.items()))
    assert digest_of(parts) == digest_of(backwards)
    assert digest_of(parts) != digest_of({**parts, "x" * 6: 1})
    assert key("a", 1, parts=parts) != key("a", 2, parts=parts)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "manifest"])
def test_a_damaged_entry_is_made_again(cache: Cache, damage: str) -> None:
    address = cache.key("stage", 1)
    entry = cache.fetch(address, _write("whole"))
    file = entry / "it.txt"
    if damage == "truncate":
        file.write_text("who")
    elif damage == "flip":
        file.write_text("whose")
    elif damage == "remove":
        file.unlink()
    else:
        (entry / "manifest.json").write_text("{")
    assert (cache.fetch(address, _write("anew")) / "it.txt").read_text() == "anew"


def test_a_failed_make_leaves_nothing(cache: Cache) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("no")

    address = cache.key("stage", 1)
    with pytest.raises(RuntimeError):
        cache.fetch(address, fail)
    assert cache.get(address) is None
    assert not list((cache.root / "drafts").iterdir())


def test_a_killed_make_leaves_no_entry(cache: Cache) -> None:
    code = f"""
import os, signal
from pathlib import Path
from podcast.cache import Cache
def die(folder):
    (folder / "half").write_text("x")
    os._exit(9)
Cache(Path({str(cache.root)!r})).fetch("ab" * 32, die)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert cache.get("ab" * 32) is None
    assert (cache.fetch("ab" * 32, _write("later")) / "it.txt").read_text() == "later"


def test_two_at_once_agree(cache: Cache) -> None:
    address = cache.key("stage", 1)

    def make(folder: Path) -> None:
        time.sleep(0.05)
        (folder / "it.txt").write_text("same")

    with ThreadPoolExecutor(4) as threads:
        entries = list(threads.map(lambda _: Cache(cache.root).fetch(address, make), range(4)))
    assert len(set(entries)) == 1
    assert (entries[0] / "it.txt").read_text() == "same"


def test_the_least_recently_used_goes_first(cache: Cache) -> None:
    addresses = [cache.key("stage", 1, n=n) for n in range(4)]
    for n, address in enumerate(addresses):
        entry = cache.fetch(address, lambda folder: (folder / "it").write_bytes(bytes(1000)))
        os.utime(entry / "manifest.json", (n, n))
    cache.get(addresses[0])  # used again: now the most recent
    cache.max_bytes = 2000
    assert cache.prune() == 2000
    assert [cache.get(a) is not None for a in addresses] == [True, False, False, True]


def test_what_a_live_run_uses_is_kept(cache: Cache) -> None:
    old = cache.fetch(cache.key("old", 1), _write("old"))
    os.utime(old / "manifest.json", (1, 1))
    with Cache(cache.root) as running:
        used = running.fetch(cache.key("used", 1), _write("used"))
        assert cache.clear() > 0
        assert used.exists()
        assert not old.exists()
    cache.clear()
    assert cache.info().entries == 0


def test_runs_of_one_process_do_not_end_each_other(cache: Cache) -> None:
    with Cache(cache.root) as first:
        with Cache(cache.root):
            pass
        used = first.fetch(cache.key("used", 1), _write("used"))
        cache.clear()
        assert used.exists()


def test_the_mark_of_a_dead_run_protects_nothing(cache: Cache) -> None:
    cache.fetch(cache.key("a", 1), _write("x"))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (cache.root / "runs").mkdir(exist_ok=True)
    mark = cache.root / "runs" / f"{dead.pid}-1.run"
    mark.touch()
    os.utime(mark, (1, 1))
    cache.clear()
    assert cache.info().entries == 0


def test_an_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(PodcastError, match="cannot write here"):
        Cache(tmp_path / "file" / "cache").fetch("ab" * 32, _write("x"))


def test_a_full_disk_is_told(cache: Cache) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device", str(folder))

    with pytest.raises(PodcastError, match="disk is full"):
        cache.fetch(cache.key("a", 1), full)
