"""Interpreters of the versions that environments need, and the variables that programs get which build them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from podcast.errors import EngineError
from podcast.process import ProgramError, run_program

ASK = 20.0  # s for a program to answer a question
# What would lead pip or Python elsewhere; the index, proxy and certificate settings of the user stay.
_MISLEADING = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "VIRTUAL_ENV", "CONDA_PREFIX",
               "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON",
               "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_NO_DEPS", "PIP_UPGRADE", "PIP_DRY_RUN",
               "__PYVENV_LAUNCHER__")  # fmt: skip


def environment_variables(temporary: Path | None = None) -> dict[str, str]:
    """Return the variables that programs get which build an environment."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    kept |= {"PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return kept | (dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)) if temporary else {})


class UnsuitedError(EngineError):
    """An environment that cannot be made on this machine; another variant may."""


def no_python(version: str) -> UnsuitedError:
    """Return what to say where a version is missing."""
    how = {
        "darwin": f"brew install python@{version}",
        "win32": f"winget install Python.Python.{version}",
    }.get(sys.platform, f"apt install python{version} python{version}-venv, or your system's like")
    return UnsuitedError(f"Python {version} is needed and not on this machine",
                         f"install it ({how}), or install uv, which fetches it by itself: pip install uv")


def find_python(version: str) -> Path | None:
    """Return an interpreter of a version ("3.11") that can make virtual environments, None if there is none."""
    seen = set()
    for path in _candidates(version):
        if str(path) not in seen and _suits(path, version):
            return path
        seen.add(str(path))
    return None


def _candidates(version: str) -> Iterator[Path]:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        yield Path(getattr(sys, "_base_executable", sys.executable))
        yield Path(sys.executable)
    ending = ".exe" if os.name == "nt" else ""
    usual = ["/usr/local/bin", "/opt/homebrew/bin", "/usr/bin"] if os.name != "nt" else []
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *usual]:
        for name in (f"python{version}", "python3", "python"):
            if folder and (path := Path(folder) / f"{name}{ending}").is_file():
                yield path
    yield from sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), reverse=True)
    yield from _launched(version)


def _launched(version: str) -> Iterator[Path]:
    """Ask the programs that know of installed versions."""
    for ask in (["py", f"-{version}", "-I", "-c", "import sys; print(sys.executable)"],
                ["uv", "python", "find", "--no-project", "--no-python-downloads", version]):
        program = shutil.which(ask[0])
        if program:
            try:
                done = run_program([program, *ask[1:]], timeout=ASK, env=environment_variables())
            except ProgramError:
                continue
            yield Path(done.stdout.decode("utf-8", "replace").strip())


def _suits(path: Path, version: str) -> bool:
    """Run an interpreter: a name on PATH may be a shim without anything behind it."""
    ask = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = run_program([path, "-I", "-c", ask], timeout=ASK, env=environment_variables())
    except ProgramError:
        return False
    return done.stdout.decode("utf-8", "replace").strip() == version
