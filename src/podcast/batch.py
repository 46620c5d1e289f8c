"""Many scripts: they share one pool of workers, one failure stops no other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from podcast.config import Loaded
from podcast.device import processors
from podcast.engines.installed import EngineRoom
from podcast.episode import Episode
from podcast.errors import PodcastError
from podcast.process import WorkerPool
from podcast.produce import Request, create
from podcast.reporter import Reporter
from podcast.wiring import engine_room

_SCRIPTS = (".txt", ".md", ".markdown", ".fountain")


@dataclass(frozen=True)
class Result:
    """What became of one script."""

    script: Path
    episode: Episode | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        episode = asdict(self.episode) if self.episode else None
        return {"script": str(self.script), "episode": episode, "error": self.error, "warnings": self.warnings}


def find_scripts(paths: Sequence[Path]) -> list[Path]:
    """Return the scripts among files and folders, each once, in order.

    Raises:
        PodcastError: a folder without scripts, or two scripts whose episodes would have the same name.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _SCRIPTS) if path.is_dir() else [path]
        if not inside:
            raise PodcastError("no scripts in this folder", f"a script's name ends in {', '.join(_SCRIPTS)}", str(path))
        found += [p for p in inside if p not in found]
    names: dict[str, Path] = {}
    for path in found:
        other = names.setdefault(path.stem.lower(), path)
        if other != path:
            raise PodcastError(f"{other} and {path} would make the same episode", "rename one of them")
    return found


def create_all(
    scripts: Sequence[Path], mode: str, draft: bool, loaded: Loaded, at_once: int,
    reporter: Callable[[Path], Reporter],
) -> list[Result]:
    """Make an episode of each script; return the results in the order of the scripts.

    `at_once` episodes are worked on at a time; the machine's cores are shared by all of them through one pool.
    """
    workers = loaded.config.workers
    results: dict[Path, Result] = {}
    with (WorkerPool(processors() if workers == "auto" else workers) as pool, engine_room(loaded.config) as room,
          ThreadPoolExecutor(at_once) as threads):
        futures = {threads.submit(_create_one, s, mode, draft, loaded, reporter(s), pool, room): s for s in scripts}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            pool.close(now=True)
            raise
    return [results[s] for s in scripts]


def _create_one(
    script: Path, mode: str, draft: bool, loaded: Loaded, reporter: Reporter, pool: WorkerPool, room: EngineRoom
) -> Result:
    try:
        episode = create(Request(script, None, mode, draft), loaded, reporter, pool, room)
    except PodcastError as error:
        return Result(script, None, str(error), tuple(reporter.warnings))
    except Exception:  # a bug in one episode must not lose the others: this is their boundary
        return Result(script, None, f"a bug: {traceback.format_exc(limit=-3)}", tuple(reporter.warnings))
    return Result(script, episode, "", tuple(reporter.warnings))
