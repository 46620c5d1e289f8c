"""A content-addressed store: what was made once is found by what it was made from.

An entry is a directory named by the whole SHA-256 of its key. It is filled beside the store, synced to the disk
and renamed in, so that a half-made entry is never seen; a manifest with sizes and digests, written last, makes a
damaged one visible, and it is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podcast.errors import PodcastError

_MANIFEST = "manifest.json"
_STALE = 24 * 3600  # s after which an unfinished entry of a killed run is swept away


def key(stage: str, version: int, **parts: Any) -> str:
    """Return the content address of what `stage` makes from `parts` (plain data; digests for files)."""
    return digest_of({"stage": stage, "version": version, **parts})


def digest_of(data: Any) -> str:
    """Return the SHA-256 of plain data in its canonical JSON form."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


@dataclass(frozen=True)
class CacheInfo:
    """What is in a cache."""

    root: Path
    entries: int
    bytes: int
    max_bytes: int


class Cache:
    """The store below `root`; safe for several processes at once, and picklable for worker processes."""

    def __init__(self, root: Path, max_gb: float = 20.0) -> None:
        self.root, self.max_bytes = root, int(max_gb * 1e9)
        self.hits = self.misses = 0

    key = staticmethod(key)

    def _entry(self, address: str) -> Path:
        return self.root / "entries" / address[:2] / address

    def get(self, address: str) -> Path | None:
        """Return the directory of a whole entry, or None; a damaged entry is removed."""
        entry = self._entry(address)
        if not (entry / _MANIFEST).exists():
            return None
        if not _is_whole(entry):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        os.utime(entry / _MANIFEST)
        return entry

    def put(self, address: str, make: Callable[[Path], None]) -> Path:
        """Let `make` fill a private directory, publish it under its address and return where it is.

        Raises:
            PodcastError: the folder cannot be written or the disk is full.
        """
        entry = self._entry(address)
        try:
            entry.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f"{address[:12]}.", dir=self._drafts()))
        except OSError as error:
            raise _storage_error(error, self.root) from error
        try:
            make(draft)
            _seal(draft)
            return _publish(draft, entry)
        except OSError as error:
            raise _storage_error(error, self.root) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def fetch(self, address: str, make: Callable[[Path], None]) -> Path:
        """Return the entry, made by `make` if it is not there."""
        found = self.get(address)
        if found is not None:
            self.hits += 1
            return found
        self.misses += 1
        return self.put(address, make)

    def forget(self, address: str) -> None:
        """Remove an entry that turned out not to be what its address says."""
        shutil.rmtree(self._entry(address), ignore_errors=True)

    def _drafts(self) -> Path:
        drafts = self.root / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts

    def entries(self) -> list[tuple[float, int, Path]]:
        """Return (last use, bytes, directory) of every entry, the least recently used first."""
        found = []
        for manifest in (self.root / "entries").glob(f"*/*/{_MANIFEST}"):
            size = sum(file["size"] for file in _read_manifest(manifest.parent).values())
            found.append((manifest.stat().st_mtime, size, manifest.parent))
        return sorted(found)

    def info(self) -> CacheInfo:
        """Count what is in the store."""
        found = self.entries()
        return CacheInfo(self.root, len(found), sum(size for _, size, _ in found), self.max_bytes)

    def prune(self) -> int:
        """Remove the least recently used entries until the store fits; return the bytes freed.

        What a run that is still alive has used is kept.
        """
        found, freed = self.entries(), 0
        excess = sum(size for _, size, _ in found) - self.max_bytes
        protected = min((started for started in self._live_runs()), default=time.time())
        for used, size, entry in found:
            if excess - freed <= 0 or used >= protected:
                break
            shutil.rmtree(entry, ignore_errors=True)
            freed += size
        self._sweep_drafts()
        return freed

    def clear(self) -> int:
        """Remove every entry that no live run has used; return the bytes freed."""
        everything, self.max_bytes = self.max_bytes, 0
        try:
            return self.prune()
        finally:
            self.max_bytes = everything

    def _sweep_drafts(self) -> None:
        for draft in self._drafts().iterdir():
            if time.time() - draft.stat().st_mtime > _STALE:
                shutil.rmtree(draft, ignore_errors=True)

    def _live_runs(self) -> list[float]:
        """Return the start times of the runs that hold this store, and forget the dead ones."""
        starts = []
        for mark in (self.root / "runs").glob("*.run"):
            if is_alive(int(mark.stem.partition("-")[0])):
                starts.append(mark.stat().st_mtime)
            else:
                mark.unlink(missing_ok=True)
        return starts

    def __enter__(self) -> Cache:
        """Mark a run: what is used from now on is not pruned until the run ends."""
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
        except OSError as error:
            raise _storage_error(error, self.root) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._mark.unlink(missing_ok=True)

    @property
    def _mark(self) -> Path:
        return self.root / "runs" / f"{os.getpid()}-{id(self)}.run"  # a batch runs several in one process


def is_alive(pid: int) -> bool:
    """Tell whether a process of that number runs."""
    if os.name == "nt":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if handle:
        kernel.CloseHandle(handle)
    return bool(handle)


def _read_manifest(entry: Path) -> dict[str, dict[str, Any]]:
    try:
        manifest = json.loads((entry / _MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _is_whole(entry: Path) -> bool:
    manifest = _read_manifest(entry)
    try:
        return bool(manifest) and all(
            (entry / name).stat().st_size == file["size"] and digest_of_file(entry / name) == file["sha256"]
            for name, file in manifest.items()
        )
    except (OSError, KeyError, TypeError):
        return False


def _seal(draft: Path) -> None:
    """Sync every file of a draft to the disk and write its manifest."""
    manifest = {}
    for file in sorted(p for p in draft.rglob("*") if p.is_file()):
        name = file.relative_to(draft).as_posix()
        manifest[name] = {"size": file.stat().st_size, "sha256": digest_of_file(file)}
        sync(file)
    (draft / _MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
    sync(draft / _MANIFEST)


def sync(file: Path) -> None:
    """Make sure that a file's content is on the disk."""
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())


def _publish(draft: Path, entry: Path) -> Path:
    """Rename a sealed draft to its place; if another process was first, its equal entry stays."""
    try:
        os.rename(draft, entry)
    except OSError:
        if not _is_whole(entry):
            shutil.rmtree(entry, ignore_errors=True)
            os.rename(draft, entry)
    return entry


def _storage_error(error: OSError, root: Path) -> PodcastError:
    where = str(error.filename or root)
    if error.errno == 28 or "No space left" in str(error):
        return PodcastError("the disk is full", "free some space (`podcast cache clear` helps) and run it again: "
                            "finished work is kept", where)
    return PodcastError(f"cannot write here ({error.strerror or error})",
                        "choose another folder: PODCAST_DATA_DIR=/some/folder", where)
