"""One file from the network: resumed where it was cut, from several addresses, checked by size and SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import podcast
from podcast.environments.places import read_json, sync_folder, write_whole
from podcast.errors import EngineError

BLOCK = 1 << 20  # bytes
_PATIENCE = 30.0  # s without a byte after which a connection is given up
_TRIES = 5  # connections to one address that bring nothing, before the next address
_PAUSE = 1.0  # s before the second try; doubled for each further one
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP statuses that may be gone at the next try

Progress = Callable[[int], None]  # is told the bytes of a file that are here


class _Refused(Exception):  # noqa: N818
    """An address that does not give the file, with the reason."""


class _Cut(Exception):  # noqa: N818
    """A connection that ended too early; another try may bring the rest."""


@dataclass(frozen=True)
class Fetched:
    """A file that is here and checked."""

    size: int
    sha256: str
    origin: str  # address or path that it came from; "": it was here


def nothing(*_: object) -> None:
    """Take what is told and do nothing."""


def fetch_file(
    urls: Sequence[str], place: Path, size: int | None = None, sha256: str | None = None, *,
    offline: bool = False, progress: Progress = nothing,
) -> Fetched:
    """Download a file into its place, from the first address that gives what is pinned.

    What has arrived stays in `<place>.part` until it is whole, so that another run continues it.

    Args:
        urls: addresses, in order.
        place: where the file goes, replaced only by a file that was checked.
        size: bytes that it must have.
        sha256: the digest that it must have.
        offline: raise instead of using the network.
        progress: is told how many bytes are here.

    Raises:
        EngineError: offline, no address gave it, or what they gave is not what is pinned.
        OSError: the disk is full or cannot be written.
    """
    remedy = f"put it into a folder and name that with --weights FOLDER: {place.name}"
    if offline or not urls:
        reason = "and --offline forbids to fetch it" if offline else "and engine.yaml names no address for it"
        raise EngineError(f"{place.name} is not on this machine, {reason}", remedy)
    reasons = []
    for url in urls:
        try:
            return _from_address(url, place, size, sha256, progress)
        except _Refused as refused:
            reasons.append(f"{_short(url)}: {refused}")
    raise EngineError(f"{place.name} could not be fetched ({'; '.join(reasons)})",
                      f"go online and run it again (what has arrived is kept), or {remedy}")  # fmt: skip


def _short(url: str) -> str:
    return url if len(url) <= 80 else f"{url[:40]}…{url[-35:]}"


def _from_address(url: str, place: Path, size: int | None, sha256: str | None, progress: Progress) -> Fetched:
    part = place.with_name(f"{place.name}.part")
    _drop_foreign(part, url, sha256)
    for attempt in range(2):
        resumed = part.exists()
        _complete(url, part, size, progress)
        found = Fetched(part.stat().st_size, digest_file(part), url)
        problem = ""
        if size is not None and found.size != size:
            problem = f"gave {found.size} bytes instead of {size}"
        elif sha256 is not None and found.sha256 != sha256:
            problem = "gave a file with another SHA-256 than pinned"
        if not problem:
            os.replace(part, place)
            _origin(part).unlink(missing_ok=True)
            sync_folder(place.parent)
            return found
        part.unlink()
        if not resumed or attempt:
            break  # else the old part may have been the damaged one: once more, from the start
    raise _Refused(problem)


def _origin(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _drop_foreign(part: Path, url: str, sha256: str | None) -> None:
    """Remove a part that came from another address, unless a pinned digest will tell whether both fit together."""
    if sha256 is None and part.exists() and read_json(_origin(part)).get("url") != url:
        part.unlink()


def _complete(url: str, part: Path, size: int | None, progress: Progress) -> None:
    """Fetch what a part lacks, in as many connections as it takes."""
    idle, pause = 0, _PAUSE
    while True:
        before = part.stat().st_size if part.exists() else 0
        if size is not None and before == size:
            return
        try:
            _one_connection(url, part, size, progress)
            return
        except _Cut as cut:
            after = part.stat().st_size if part.exists() else 0
            idle = 0 if after > before else idle + 1
            if idle >= _TRIES:
                raise _Refused(str(cut)) from cut
        if idle:
            time.sleep(pause)
            pause *= 2


def _one_connection(url: str, part: Path, size: int | None, progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers=_headers(part, have))
    with _open(request) as answer:
        if answer.headers.get_content_type() == "text/html":
            raise _Refused("gave a web page instead of the file")
        resumed = have > 0 and answer.status == 206 and _starts_at(answer, have)
        length = answer.headers.get("Content-Length")
        total = (have if resumed else 0) + int(length) if length and length.isdigit() else None
        if size is not None and total is not None and total != size:
            part.unlink(missing_ok=True)
            raise _Refused(f"offers {total} bytes instead of {size}")
        write_whole(_origin(part), {"url": url, "tag": answer.headers.get("ETag", "")})
        with part.open("ab" if resumed else "wb") as file:
            _pour(answer, file, progress)
        if total is not None and part.stat().st_size < total:
            raise _Cut("the connection was cut")


def _headers(part: Path, have: int) -> dict[str, str]:
    headers = {"User-Agent": f"podcast/{podcast.__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        tag = read_json(_origin(part)).get("tag", "")
        if tag and not tag.startswith("W/"):
            headers["If-Range"] = tag  # the file changed meanwhile: all of it, please
    return headers


@contextmanager
def _open(request: urllib.request.Request) -> Iterator[Any]:
    """Yield the answer; say of every failure whether another try is worth it."""
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        if error.code == 416:  # our part is longer than the file
            raise _Refused("does not have as many bytes as have arrived already") from error
        kind: type[Exception] = _Cut if error.code in _PASSING else _Refused
        raise kind(f"{error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        kind = _Refused if isinstance(error.reason, socket.gaierror) else _Cut  # no network, or a name in error
        raise kind(f"no connection ({getattr(error.reason, 'strerror', None) or error.reason})") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _Cut(f"the connection broke ({error})") from error


def _starts_at(answer: Any, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-")


def _pour(answer: Any, file: BinaryIO, progress: Progress) -> None:
    have = file.tell()
    try:
        while block := answer.read1(BLOCK):  # what is there: a slow line is seen to move
            file.write(block)
            have += len(block)
            progress(have)
    finally:
        sync(file)


def sync(file: BinaryIO) -> None:
    """Bring a file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, as hex digits."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha.update(block)
    return sha.hexdigest()
