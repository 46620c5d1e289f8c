"""Archives, unpacked so that nothing lands outside the folder it is meant for."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from podcast.errors import EngineError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


def is_archive(path: Path) -> bool:
    """Tell whether a file's name is one of an archive that can be unpacked."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive; a single folder that holds everything is taken off.

    Raises:
        EngineError: it is damaged, or holds something that would land elsewhere.
    """
    folder.mkdir(parents=True)
    try:
        if archive.name.lower().endswith(".zip"):
            _unpack_zip(archive, folder)
        else:
            _unpack_tar(archive, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise EngineError(f"the archive is damaged ({error})", "fetch it again", str(archive)) from error
    _lift(folder)


def _target(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
        raise ValueError(f"{name} would land outside")
    return folder.joinpath(*parts)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            target = _target(folder, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                _link(target, member.linkname, folder)
            elif member.isfile():
                target.parent.mkdir(parents=True, exist_ok=True)
                data = tar.extractfile(member)
                if data is not None:
                    with target.open("xb") as file:  # "x": never through a link that came before
                        shutil.copyfileobj(data, file)
                os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)
            elif member.type not in (tarfile.XGLTYPE, tarfile.XHDTYPE):
                raise ValueError(f"{member.name} is neither file, folder nor link")


def _link(target: Path, to: str, folder: Path) -> None:
    end = Path(os.path.normpath(target.parent / to))
    if Path(to).is_absolute() or not end.is_relative_to(folder):
        raise ValueError(f"{target.name} links outside")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(to)


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as bundle:
        for info in bundle.infolist():
            target = _target(folder, info.filename)
            if info.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with bundle.open(info) as data, target.open("xb") as file:
                shutil.copyfileobj(data, file)
            os.chmod(target, 0o755 if (info.external_attr >> 16) & 0o100 else 0o644)


def _lift(folder: Path) -> None:
    inner = list(folder.iterdir())
    if len(inner) == 1 and inner[0].is_dir() and not inner[0].is_symlink():
        outer = inner[0].rename(folder.with_name(f"{folder.name}.outer"))
        folder.rmdir()
        outer.rename(folder)
