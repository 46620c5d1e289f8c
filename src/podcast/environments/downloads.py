"""Weights: from copies or the network, checked, and recorded where their pins leave size or digest open."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from podcast.environments.places import read_json, sync_folder, write_whole
from podcast.environments.spec import WeightFile
from podcast.environments.transfer import BLOCK, Fetched, Progress, digest_file, fetch_file, nothing, sync
from podcast.errors import EngineError

MIRROR = "PODCAST_WEIGHTS_DIR"  # a folder with copies of weights
RECORD = "recorded.json"  # size and digest of files whose pins leave them open, as first downloaded

def known(weight: WeightFile, folder: Path) -> WeightFile:
    """Return a file's pins, completed by what its first download recorded."""
    noted = read_json(folder / RECORD).get(weight.path, {})
    return replace(weight, size=weight.size or noted.get("size"), sha256=weight.sha256 or noted.get("sha256"))


def flaw(weight: WeightFile, folder: Path, quick: bool = False) -> str:
    """Return what is wrong with a file of weights, "" if it is as pinned.

    Args:
        weight: the file.
        folder: the engine's weights.
        quick: compare only the size.
    """
    pins, path = known(weight, folder), folder / weight.path
    try:
        size = path.stat().st_size
        if not path.is_file():
            return "is not a file"
        if pins.size is not None and size != pins.size:
            return f"has {size} bytes instead of {pins.size}"
        if pins.sha256 is None:
            return "" if quick else "was never recorded"
        return "" if quick or digest_file(path) == pins.sha256 else "has another SHA-256 than pinned"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def fetch_weight(
    weight: WeightFile, folder: Path, *, copies: Sequence[Path] = (), offline: bool = False,
    progress: Progress = nothing,
) -> Fetched:
    """Return a file of weights, checked; fetch it if it is not here: from a copy, else from its addresses in order.

    A file whose pins leave size or digest open is recorded at its first download, and held to that from then on.

    Args:
        weight: what is needed.
        folder: the engine's weights.
        copies: folders that may hold it, as `<engine>/<path>`, `<path>` or by its name; PODCAST_WEIGHTS_DIR is looked
            at as well.
        offline: never use the network.
        progress: is told how many bytes of the file are here.

    Raises:
        EngineError: no address gave it, all gave something else, or the disk is full.
    """
    place = folder / weight.path
    if not flaw(weight, folder):
        progress(place.stat().st_size)
        return Fetched(place.stat().st_size, known(weight, folder).sha256 or "", "")
    pins = known(weight, folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _room(place):
        found, wrong = _from_copies(pins, place, copies, folder.name)
        found = found or _adopted(pins, place)
        try:
            found = found or fetch_file(pins.urls, place, pins.size, pins.sha256, offline=offline, progress=progress)
        except EngineError as error:
            raise (EngineError(f"{wrong}; {error.problem}", error.remedy) if wrong else error) from None
        progress(found.size)
        _note(weight, folder, found)
    return found


def _note(weight: WeightFile, folder: Path, found: Fetched) -> None:
    noted: Mapping[str, Any] = read_json(folder / RECORD)
    entry = {"size": found.size, "sha256": found.sha256, "from": found.origin}
    write_whole(folder / RECORD, {**noted, weight.path: entry})


@contextmanager
def _room(place: Path) -> Iterator[None]:
    """Turn a full disk into what the user can do about it."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        problem = "the disk is full" if full else f"cannot be written ({error.strerror})"
        raise EngineError(problem, "make room and run it again: what has arrived is kept", str(place)) from error


def _from_copies(pins: WeightFile, place: Path, copies: Sequence[Path], engine: str) -> tuple[Fetched | None, str]:
    """Return a copy that is as pinned, or what is wrong with the first that is not."""
    mirror = os.environ.get(MIRROR)
    folders = [*copies, *([Path(mirror).expanduser()] if mirror else [])]
    wrong = ""
    for folder in folders:
        for path in (folder / engine / pins.path, folder / pins.path, folder / place.name):
            if path.is_file():
                found = _copy(path, pins, place)
                if isinstance(found, Fetched):
                    return found, ""
                wrong = wrong or f"{path} {found}"
    return None, wrong


def _copy(path: Path, pins: WeightFile, place: Path) -> Fetched | str:
    """Copy a file if it is as pinned; else return what is wrong with it."""
    if pins.size is not None and path.stat().st_size != pins.size:
        return f"has {path.stat().st_size:,} bytes instead of {pins.size:,}"
    draft = place.with_name(f"{place.name}.copy")
    try:
        with path.open("rb") as old, draft.open("wb") as new:
            shutil.copyfileobj(old, new, BLOCK)
            sync(new)
        found = Fetched(draft.stat().st_size, digest_file(draft), str(path))
        if pins.sha256 not in (None, found.sha256):
            return "has another SHA-256 than pinned"
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(place.parent)
    return found


def _adopted(pins: WeightFile, place: Path) -> Fetched | None:
    """Return a file that was moved into its place before it could be recorded."""
    if pins.sha256 is not None or not place.is_file() or pins.size not in (None, place.stat().st_size):
        return None
    return Fetched(place.stat().st_size, digest_file(place), "")
