"""Git's hash of a folder's files, computed without git: it tells whether a copy is the pinned commit.

Source: the formats of blob and tree objects, git's documentation, gitformat-pack and "Git Internals".
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

_FILE, _PROGRAM, _LINK, _FOLDER = b"100644", b"100755", b"120000", b"40000"  # git's modes
_OURS = {".git"}


def tree_hash(folder: Path) -> str:
    """Return the 40 hex digits that git gives a commit's tree with these files; `.git` is left out.

    On Windows, where files have no executable bit, a tree with programs has another hash than in git.
    """
    return _tree(folder).hex()


def _object(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False).digest()


def _tree(folder: Path) -> bytes:
    entries = []
    for path in folder.iterdir():
        if path.name in _OURS:
            continue
        mode, digest = _entry(path)
        if mode == _FOLDER and not digest:
            continue  # git knows no empty folders
        name = os.fsencode(path.name)
        entries.append((name + b"/" if mode == _FOLDER else name, mode + b" " + name + b"\0" + digest))
    if not entries:
        return b""
    return _object(b"tree", b"".join(entry for _, entry in sorted(entries)))


def _entry(path: Path) -> tuple[bytes, bytes]:
    if path.is_symlink():
        return _LINK, _object(b"blob", os.fsencode(path.readlink()))
    if path.is_dir():
        return _FOLDER, _tree(path)
    mode = _PROGRAM if path.stat().st_mode & stat.S_IXUSR and os.name != "nt" else _FILE
    return mode, _object(b"blob", path.read_bytes())


def contents(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder by its path; what Python compiles there is left out."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in (".git", "__pycache__"))
        for name in sorted(names):
            path = Path(place) / name
            if path.suffix != ".pyc":
                data = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
                found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return found
