"""Where an engine's parts lie below the data folder, and the markers that say that they are whole."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from podcast.environments.spec import EngineSpec, Environment, Variant
from podcast.errors import EngineError

FORMAT = 1  # of environments and markers; another number makes other environments
MARKER = "installed.json"
_SHOWN = 16  # hex digits of the digest in a folder's name (Windows limits paths); the marker holds all 64
_LOOK_EVERY = 0.2  # s between looks at a lock that another process holds


def environments_folder(data: Path) -> Path:
    """Return the folder of all environments."""
    return data / "environments"


def source_folder(spec: EngineSpec, data: Path) -> Path | None:
    """Return where upstream lies at the pinned commit, None for an engine without upstream."""
    if not spec.upstream_commit:
        return None
    return environments_folder(data) / "sources" / f"{spec.name}-{spec.upstream_commit}"


def weights_folder(spec: EngineSpec, data: Path) -> Path:
    """Return the folder of an engine's weights, which its environments share."""
    return data / "weights" / spec.name


def digest_of(spec: EngineSpec, variant: Variant) -> str:
    """Return the SHA-256 of everything that an environment is made from: pins and platform."""
    pins = {
        "format": FORMAT, "engine": spec.name, "variant": variant.name, "python": variant.python,
        "lock": hashlib.sha256(variant.lock.read_bytes().replace(b"\r\n", b"\n")).hexdigest(),
        "index": variant.index, "commit": spec.upstream_commit,
        "platform": [platform.system(), platform.machine()],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(pins, sort_keys=True).encode()).hexdigest()


def environment_of(spec: EngineSpec, variant: Variant, data: Path) -> Environment:
    """Return the environment of a variant, whether it is installed or not."""
    digest = digest_of(spec, variant)
    folder = environments_folder(data).absolute() / f"{spec.name}-{variant.name}-{digest[:_SHOWN]}"
    source = source_folder(spec, data)
    return Environment(spec, variant, digest, folder, interpreter(folder / "venv"),
                       source.absolute() if source else None, weights_folder(spec, data).absolute())


def interpreter(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


# ---------------------------------------------------------------- files that are whole or not there


def write_whole(path: Path, data: dict[str, Any]) -> None:
    """Write JSON so that the file is there whole or not at all, and survives a power cut."""
    draft = path.with_name(f".{path.name}.draft")
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, {} if it is missing or damaged."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def read_marker(folder: Path) -> dict[str, Any]:
    """Return what an environment's marker says, {} if it is not there: nothing is believed without it."""
    data = read_json(folder / MARKER)
    return data if data.get("format") == FORMAT and isinstance(data.get("digest"), str) else {}


def bytes_of(folder: Path) -> int:
    """Return how many bytes the files of a folder have."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).lstat().st_size
    return total


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it, write-protected files too.

    Raises:
        EngineError: something in it is in use or belongs to somebody else.
    """
    def insist(function: Callable[..., Any], path: str, _: object) -> None:
        os.chmod(path, stat.S_IRWXU)
        function(path)

    if not folder.is_symlink() and not folder.exists():
        return
    try:
        if sys.version_info >= (3, 12):
            shutil.rmtree(folder, onexc=insist)
        else:
            shutil.rmtree(folder, onerror=insist)
    except OSError as error:
        raise EngineError(f"cannot be removed ({error.strerror})", "end what uses it", str(folder)) from error


# ---------------------------------------------------------------- one at a time


@contextmanager
def held(name: str, data: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Keep other processes from changing an engine; the lock is the system's and dies with its holder.

    Args:
        name: the engine.
        data: the data folder.
        tell: is told when another process has to be waited for.

    Raises:
        EngineError: the folder cannot be written.
    """
    path = environments_folder(data) / f".{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise EngineError(f"cannot be written ({error.strerror})", "choose another data folder: PODCAST_DATA_DIR",
                          str(path.parent)) from error
    with file:
        if not _take(file):
            tell(f"another process is changing {name}: waiting for it")
            while not _take(file):
                time.sleep(_LOOK_EVERY)
        try:
            yield
        finally:
            _give(file)


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
