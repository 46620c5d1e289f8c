"""Virtual environments from locks: by uv where it is at hand, else by venv and pip; every package has its hash."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

from podcast.environments.interpreters import ASK, UnsuitedError, environment_variables, find_python, no_python
from podcast.environments.places import bytes_of, read_json, remove_tree, write_whole
from podcast.environments.spec import Environment
from podcast.environments.transfer import nothing
from podcast.errors import EngineError
from podcast.process import ProgramError, run_logged, run_program

PINS = "pins.json"  # what the folder is for, written first
READY = "venv.ready"  # beside venv/: all packages are in it
_PATIENCE = 4 * 3600.0  # s that gigabytes on a slow line may take
_QUICK = 120.0  # s for making an empty environment
_LOOK_EVERY = 1.0  # s between looks at the disk
PEAK = 1.6  # packages and what is unpacked of them lie side by side for a while; wheels of torch pack to about 0.6
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==|@)", re.MULTILINE)
_STEPS = re.compile(r"(?:Collecting|Building wheel for|\+)\s+([\w.-]+)")
# Runs in the environment, which has no pip of its own: the wheel of pip that Python (or Debian's) carries. It runs as
# it is, and nothing is in the environment but what the lock says.
_FIND_PIP = r"""
import ensurepip, pathlib, sysconfig
for folder in (sysconfig.get_config_var("WHEEL_PKG_DIR"), pathlib.Path(ensurepip.__file__).with_name("_bundled")):
    for wheel in sorted(pathlib.Path(folder).glob("pip-*.whl")) if folder else ():
        print(wheel)
        raise SystemExit
"""

# Runs in the environment: every installed package with its version, and files that are not as they were installed.
_LOOK = r"""
import json, sys
from importlib import metadata
from pathlib import Path
packages, flaws = {}, []
for dist in metadata.distributions():
    name = (dist.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-")
    packages[name] = dist.version
    for file in dist.files or ():
        if file.suffix == ".pyc" or file.size is None:
            continue
        try:
            size = Path(file.locate()).stat().st_size
        except OSError:
            flaws.append(f"{name}: {file} is missing")
            continue
        if size != file.size:
            flaws.append(f"{name}: {file} was changed")
print(json.dumps({"packages": packages, "flaws": flaws}))
"""


def build_venv(
    env: Environment, log: Path, *, wheels: Path | None = None, offline: bool = False,
    progress: Callable[[float], None] = nothing, tell: Callable[[str], None] = nothing,
) -> None:
    """Make an environment's `venv/` from its lock, unless it is there whole.

    Args:
        env: the environment.
        log: where the words of pip or uv go.
        wheels: a folder with packages, looked at before any index.
        offline: never use the network.
        progress: is told how far it is, 0 … 1.
        tell: is told what is worth a line.

    Raises:
        EngineError: no suitable Python, a package that is not as pinned or cannot be fetched, a full disk.
    """
    if is_built(env):
        return
    venv, temporary = env.folder / "venv", env.folder / "tmp"
    write_whole(env.folder / PINS, {"engine": env.spec.name, "variant": env.variant.name, "digest": env.digest})
    (env.folder / READY).unlink(missing_ok=True)
    remove_tree(venv)
    remove_tree(temporary)
    temporary.mkdir(parents=True)  # /tmp may be small, and what is killed leaves nothing there
    surroundings = environment_variables(temporary)
    try:
        _make(env, log, surroundings, offline, tell)
        _fill(env, log, surroundings, wheels, offline, progress, tell)
    finally:
        remove_tree(temporary)
    found = look(env)
    if found.flaws:
        raise EngineError(f"the packages of {env.spec.name} are damaged: {found.flaws[0]}", "run it again",
                          str(env.folder))
    write_whole(env.folder / READY, {"digest": env.digest, "packages": found.packages})


def is_built(env: Environment) -> bool:
    """Tell whether an environment has all packages; quick, see `venv_flaw` for the thorough look."""
    return read_json(env.folder / READY).get("digest") == env.digest and env.python.exists()


def venv_flaw(env: Environment) -> str:
    """Return what is wrong with an environment's packages, "" if they are as they were installed."""
    if not is_built(env):
        return "is missing"
    try:
        found = look(env)
    except EngineError as error:
        return error.problem
    pinned = read_json(env.folder / READY).get("packages")
    if found.packages != pinned:
        changed = sorted(set(found.packages.items()) ^ set((pinned or {}).items()))
        return f"{changed[0][0]} was added, removed or changed"
    return found.flaws[0] if found.flaws else ""


@dataclass(frozen=True)
class Packages:
    """What is in an environment."""

    packages: dict[str, str]  # version by name
    flaws: list[str]  # files that are not as they were installed


def look(env: Environment) -> Packages:
    """Return the packages of an environment, as its own interpreter sees them.

    Raises:
        EngineError: the interpreter does not run.
    """
    try:
        done = run_program([env.python, "-I", "-c", _LOOK], timeout=_PATIENCE, env=environment_variables())
        return Packages(**json.loads(done.stdout))
    except (ProgramError, ValueError) as error:
        raise EngineError(f"the Python of {env.spec.name} does not run ({str(error).splitlines()[-1][:200]})",
                          f"podcast engines repair {env.spec.name}", str(env.folder)) from error


# ---------------------------------------------------------------- an empty environment


def _make(
    env: Environment, log: Path, surroundings: dict[str, str], offline: bool, tell: Callable[[str], None]
) -> None:
    venv, version = env.folder / "venv", env.variant.python
    uv, python = shutil.which("uv"), find_python(version)
    try:
        if uv:
            argv = [uv, "venv", "--no-project", "--python", str(python or version)]
            quiet = ["--offline", "--no-python-downloads"] if offline else []
            if not python and not offline:
                tell(f"Python {version} is not on this machine: uv fetches it")
            run_logged([*argv, *quiet, venv], log, timeout=_PATIENCE, env=surroundings)
        elif python:
            run_logged([python, "-I", "-m", "venv", "--without-pip", venv], log, timeout=_QUICK, env=surroundings)
        else:
            raise no_python(version)
    except ProgramError as error:
        if uv and not python:
            raise no_python(version) from error
        raise EngineError(f"no environment could be made with Python {version} ({_last(error)})", error.remedy,
                          str(venv)) from error


# ---------------------------------------------------------------- its packages


def _fill(
    env: Environment, log: Path, surroundings: dict[str, str], wheels: Path | None, offline: bool,
    progress: Callable[[float], None], tell: Callable[[str], None],
) -> None:
    """Install exactly what the lock says; pip has the last word, for it knows the user's index settings."""
    if not PIN.search(env.variant.lock.read_text("utf-8")):
        return  # Python's own library is enough
    if env.variant.index and not offline and not _answers(env.variant.index):
        tell(f"{env.variant.index} does not answer: the other package indexes have to do")
        env = replace(env, variant=replace(env.variant, index=""))  # pip would ask it in vain for every package
    with _watched(env, progress) as line:
        if uv := shutil.which("uv"):
            try:
                run_logged(_uv(uv, env, wheels, offline), log, timeout=_PATIENCE, env=surroundings, on_line=line)
            except ProgramError as error:
                tell(f"uv could not install the packages ({_last(error)}): pip tries it")
            else:
                return
        try:
            run_logged(_pip(env, wheels, offline), log, timeout=_PATIENCE, env=surroundings, on_line=line)
        except ProgramError as error:
            raise _explain(error, env, log) from error


@contextmanager
def _watched(env: Environment, progress: Callable[[float], None]) -> Iterator[Callable[[str], None]]:
    """Yield what takes the lines of pip or uv; tell how far they are, by packages and by bytes on the disk."""
    total, seen, over, share = len(PIN.findall(env.variant.lock.read_text("utf-8"))), set[str](), Event(), 0.0

    def reach(new: float) -> None:
        nonlocal share
        share = min(0.99, max(share, new))
        progress(share)

    def line(text: str) -> None:
        if match := _STEPS.match(text):
            seen.add(match[1].lower())
            reach(0.3 * len(seen) / total)  # collecting is quick, fetching and unpacking are not

    def look() -> None:
        pause = _LOOK_EVERY
        while not over.wait(pause):
            started = time.monotonic()
            reach(bytes_of(env.folder) / (env.variant.disk * PEAK))
            pause = max(_LOOK_EVERY, 10 * (time.monotonic() - started))

    watcher = Thread(target=look, daemon=True)
    if env.variant.disk:
        watcher.start()
    try:
        yield line
    finally:
        over.set()
        if env.variant.disk:
            watcher.join()
    progress(1.0)


def _answers(index: str) -> bool:
    """Tell whether there is a server behind an address, whatever it says."""
    try:
        with urllib.request.urlopen(index, timeout=ASK):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False


def _pip(env: Environment, wheels: Path | None, offline: bool) -> list[str | Path]:
    places: list[str | Path] = ["--find-links", wheels.absolute()] if wheels else []
    places += ["--no-index"] if offline else ["--extra-index-url", env.variant.index] if env.variant.index else []
    return [env.python, "-I", *_pip_program(env), "install", "--require-hashes", "--no-deps", *places,
            "-r", env.variant.lock]  # fmt: skip


def _pip_program(env: Environment) -> list[str | Path]:
    done = run_program([env.python, "-I", "-c", _FIND_PIP], timeout=ASK, env=environment_variables())
    wheel = done.stdout.decode("utf-8", "replace").strip()
    return [Path(wheel) / "pip"] if wheel else ["-m", "pip"]


def _uv(uv: str, env: Environment, wheels: Path | None, offline: bool) -> list[str | Path]:
    places: list[str | Path] = ["--find-links", wheels.absolute()] if wheels else []
    places += ["--offline", "--no-index"] if offline else []
    if env.variant.index and not offline:  # hashes make it safe to look at all indexes
        places += ["--extra-index-url", env.variant.index, "--index-strategy", "unsafe-best-match"]
    return [uv, "pip", "install", "--python", env.python, "--require-hashes", "--no-deps", *places,
            "-r", env.variant.lock]  # fmt: skip


def _last(error: ProgramError) -> str:
    lines: Sequence[str] = [line.strip() for line in error.problem.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("error", "fatal", "×"))]
    return (telling or lines or ["no reason given"])[-1][:200]


def _explain(error: ProgramError, env: Environment, log: Path) -> EngineError:
    text = error.problem
    if "No space left" in text:
        return EngineError("the disk is full", "make room and run it again", str(env.folder))
    if "DO NOT MATCH THE HASHES" in text:
        match = re.search(r"(?m)^\s*([\w.-]+==\S+)", text) or re.search(r"(\S+\.(?:whl|tar\.gz))", text)
        return EngineError(f"{match[1] if match else 'a package'} is not what {env.variant.lock.name} pins: its "
                           "SHA-256 differs", f"something between you and the package index changed it; log: {log}")
    if "No matching distribution" in text or "Could not find a version" in text:
        match = re.search(r"No matching distribution found for (\S+)", text)
        away = "connection broken by" in text or "--no-index" in text
        kind = EngineError if away else UnsuitedError  # the index is there, and has no build for this machine
        return kind(f"the package {match[1] if match else ''} could not be found".replace("  ", " "),
                    f"go online, or give a folder of packages: --wheels FOLDER; log: {log}")
    return EngineError(f"the packages of {env.spec.name} could not be installed ({_last(error)})",
                       f"run it again: what was fetched is kept; log: {log}")
