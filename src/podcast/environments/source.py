"""Upstream's code at the pinned commit: from its repository, a mirror, a copy, or an archive; always checked."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from podcast.environments.places import read_json, remove_tree, source_folder, sync_folder, write_whole
from podcast.environments.spec import EngineSpec
from podcast.environments.transfer import fetch_file, nothing
from podcast.environments.treehash import contents, tree_hash
from podcast.environments.unpack import is_archive, unpack
from podcast.errors import EngineError
from podcast.process import ProgramError, run_logged, run_program

_PATIENCE = 3600.0  # s that a fetch may take
_QUICK = 60.0  # s for questions that need no network
_MIRROR_HINT = "--source FOLDER_OR_URL names a copy"
# Nothing of the user's settings may change the files: line ends, hooks, large-file filters.
_PLAIN = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.hooksPath=", "-c", "gc.auto=0",
          "-c", "core.longpaths=true", "-c", "advice.detachedHead=false")  # fmt: skip
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
              "GIT_ALTERNATE_OBJECT_DIRECTORIES")  # fmt: skip
_SHARE = re.compile(r"(?:Receiving objects|Updating files):\s+(\d+)%")


def fetch_source(
    spec: EngineSpec, data: Path, log: Path, *, source: str | None = None, offline: bool = False,
    progress: Callable[[float], None] = nothing,
) -> Path | None:
    """Return the folder of upstream's code; fetch it if it is not there whole.

    Args:
        spec: the engine; without upstream nothing is done.
        data: the data folder.
        log: where git's words go.
        source: instead of upstream's address: another address, a repository, a folder or an archive.
        offline: never use the network.
        progress: is told how far the fetch is, 0 … 1.

    Raises:
        EngineError: it cannot be fetched, or is not the pinned commit.
    """
    folder = source_folder(spec, data)
    if folder is None or not source_flaw(spec, data):
        return folder
    draft = folder.with_name(f".{folder.name}.draft")
    remove_tree(draft)
    draft.mkdir(parents=True)
    try:
        code = _bring(spec, draft, log, source, offline, progress)
        write_whole(_list_of(folder), {"paths": list(spec.upstream_paths), "files": contents(code)})
        remove_tree(folder)
        os.replace(code, folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise EngineError(f"upstream's code cannot be kept ({error.strerror})", "make room and run it again",
                          str(folder)) from error
    finally:
        remove_tree(draft)
    return folder


def source_flaw(spec: EngineSpec, data: Path) -> str:
    """Return what is wrong with the code that is there, "" if it is the pinned commit, unedited."""
    folder = source_folder(spec, data)
    if folder is None:
        return ""
    noted = read_json(_list_of(folder))
    pinned = noted.get("files")
    if not folder.is_dir() or not isinstance(pinned, dict):
        return "is missing"
    if noted.get("paths") != list(spec.upstream_paths):
        return "has other parts than are needed now"
    found = contents(folder)
    changed = sorted(set(pinned.items()) ^ set(found.items()))
    if not changed:
        return ""
    name = changed[0][0]
    how = "is missing" if name not in found else "was edited" if name in pinned else "is not upstream's"
    more = len({path for path, _ in changed}) - 1
    return f"{name} {how}" + (f", and {more} more" if more else "")


def _list_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _bring(
    spec: EngineSpec, draft: Path, log: Path, source: str | None, offline: bool, progress: Callable[[float], None]
) -> Path:
    """Put the code into a draft folder and return where it is."""
    local = Path(source).expanduser() if source else None
    if local is not None and is_archive(local):
        unpack(local.absolute(), draft / "code")
        return _checked(spec, draft / "code", str(local))
    if local is not None and local.is_dir() and not _is_repository(local):
        shutil.copytree(local, draft / "code", symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        return _checked(spec, draft / "code", str(local))
    if local is not None and not local.exists() and not re.match(r"[\w.+-]+(://|@)", str(source)):
        raise EngineError("no such folder, archive or address", _MIRROR_HINT, str(source))
    if offline and local is None:
        raise EngineError(f"the code of {spec.name} is not on this machine, and --offline forbids to fetch it",
                          _MIRROR_HINT)
    git = shutil.which("git")
    if git is None:
        return _from_archive(spec, draft, source, offline, progress)
    return _from_git(git, spec, draft, log, str(local.absolute()) if local and local.exists() else source, progress)


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


def _checked(spec: EngineSpec, code: Path, where: str) -> Path:
    """Return a copy without history if it is the pinned commit's files."""
    if not spec.upstream_tree:
        raise EngineError("a copy without history can't be checked: engine.yaml pins no tree for it",
                          "give a git repository (a clone or a bare one), or pin upstream.tree", where)  # fmt: skip
    found = tree_hash(code)
    if found != spec.upstream_tree:
        raise EngineError(f"is not commit {spec.upstream_commit[:12]} of {spec.name} (tree {found[:12]} instead of "
                          f"{spec.upstream_tree[:12]})", "give an unedited copy, or a git repository", where)
    return _needed(spec, code)


def _needed(spec: EngineSpec, code: Path) -> Path:
    """Return a folder with the needed parts of a whole copy."""
    if not spec.upstream_paths:
        return code
    part = code.with_name("part")
    for path in spec.upstream_paths:
        if not (code / path).exists():
            raise EngineError(f"upstream has no {path}", "correct upstream.paths", str(spec.folder))
        (part / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(code / path, part / path)
    return part


def _from_archive(
    spec: EngineSpec, draft: Path, source: str | None, offline: bool, progress: Callable[[float], None]
) -> Path:
    if source or not spec.upstream_archive:
        raise EngineError(f"the program git is needed to fetch the code of {spec.name}",
                          "install git, or give an archive: --source FILE.tar.gz")  # fmt: skip
    suffix = ".zip" if spec.upstream_archive.endswith(".zip") else ".tar.gz"
    file = draft.with_name(f"{spec.name}-{spec.upstream_commit}{suffix}")
    fetch_file([spec.upstream_archive], file, None, spec.upstream_archive_sha256 or None, offline=offline)
    unpack(file, draft / "code")
    file.unlink()
    progress(1.0)
    code = draft / "code"
    return _checked(spec, code, spec.upstream_archive) if spec.upstream_tree else _needed(spec, code)


# ---------------------------------------------------------------- git


def _from_git(
    git: str, spec: EngineSpec, draft: Path, log: Path, source: str | None, progress: Callable[[float], None]
) -> Path:
    """Fetch one commit and check it out; git itself makes sure that the files are those of the commit."""
    repository, code, commit = draft / "git", draft / "code", spec.upstream_commit
    start = [git, *_PLAIN, f"--git-dir={repository}"]
    env, url = _git_environment(), source or spec.upstream_url

    def line(text: str) -> None:
        if match := _SHARE.match(text):
            progress(int(match[1]) / 100)

    _prepare(git, start, repository, url, bool(spec.upstream_paths), env)
    fetch = [*start, "fetch", "--progress", "--no-tags", *(["--filter=blob:none"] if spec.upstream_paths else [])]
    try:
        run_logged([*fetch, "--depth", "1", "origin", commit], log, timeout=_PATIENCE, env=env, on_line=line)
    except ProgramError as first:
        _fetch_all(fetch, start, spec, url, log, env, line, first)
    code.mkdir()
    what = spec.upstream_paths or (".",)
    try:  # of a part, git fetches the files only now
        run_logged([*start, f"--work-tree={code}", "checkout", "--progress", "-f", commit, "--", *what], log,
                   timeout=_PATIENCE, env=env, on_line=line)  # fmt: skip
    except ProgramError as error:
        raise EngineError(f"the code of {spec.name} could not be checked out ({_reason(error)})",
                          f"give a complete copy of {spec.upstream_url}; log: {log}", url) from error
    _compare_tree(start, spec, env)
    return code


def _prepare(git: str, start: list[str], repository: Path, url: str, partial: bool, env: dict[str, str]) -> None:
    """Make an empty repository that knows where its files are; a copy on this disk has to give single files too."""
    run_program([git, *_PLAIN, "init", "-q", "--bare", "--template=", repository], timeout=_QUICK, env=env)
    settings = {"remote.origin.url": url}
    if partial:
        settings |= {"remote.origin.promisor": "true", "remote.origin.partialclonefilter": "blob:none"}
        if Path(url).is_dir():
            settings["remote.origin.uploadpack"] = \
                "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
    for key, value in settings.items():
        run_program([*start, "config", key, value], timeout=_QUICK, env=env)


def _compare_tree(start: list[str], spec: EngineSpec, env: dict[str, str]) -> None:
    """Compare the tree that the manifest pins with the commit's, so that it can be trusted for copies."""
    told = run_program([*start, "rev-parse", f"{spec.upstream_commit}^{{tree}}"], timeout=_QUICK, env=env)
    found = told.stdout.decode().strip()
    if spec.upstream_tree and found != spec.upstream_tree:
        raise EngineError(f"engine.yaml pins tree {spec.upstream_tree[:12]}, the commit has {found[:12]}",
                          "correct upstream.tree", str(spec.folder))


def _fetch_all(
    fetch: list[str], start: list[str], spec: EngineSpec, url: str, log: Path, env: dict[str, str],
    line: Callable[[str], None], first: ProgramError,
) -> None:
    """Fetch a whole history: for servers that give no single commit."""
    try:
        run_logged([*fetch, "origin", "+refs/*:refs/copied/*"], log, timeout=_PATIENCE, env=env, on_line=line)
    except ProgramError as error:
        reason = _reason(error) or _reason(first)
        raise EngineError(f"the code of {spec.name} could not be fetched ({reason})",
                          f"go online and run it again, or {_MIRROR_HINT}; log: {log}", url) from error
    try:
        run_program([*start, "cat-file", "-e", f"{spec.upstream_commit}^{{commit}}"], timeout=_QUICK,
                    env={**env, "GIT_NO_LAZY_FETCH": "1"})  # fmt: skip
    except ProgramError as error:
        raise EngineError(f"does not have commit {spec.upstream_commit[:12]}, which engine.yaml pins",
                          f"give a newer or complete copy of {spec.upstream_url}", url) from error


def _reason(error: ProgramError) -> str:
    """Return git's own words."""
    lines = [line for line in error.problem.splitlines() if line.startswith(("fatal:", "error:"))]
    return lines[0].split(":", 1)[1].strip()[:200] if lines else error.problem.splitlines()[-1][:200]


def _git_environment() -> dict[str, str]:
    """Return an environment in which git asks nobody, and no variable points it at another repository."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
