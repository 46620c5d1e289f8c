"""The errors that a user can mend."""

from __future__ import annotations

from pathlib import Path


class PodcastError(Exception):
    """Something the user can mend: one line says what and where, one what to do next.

    Anything that is not a `PodcastError` is a bug and keeps its traceback.
    """

    def __init__(self, problem: str, remedy: str = "", where: str = "") -> None:
        self.problem, self.remedy, self.where = problem, remedy, where
        head = f"{where}: {problem}" if where else problem
        super().__init__(f"{head}\n{remedy}" if remedy else head)

    def __reduce__(self) -> tuple[type[PodcastError], tuple[str, ...]]:
        return type(self), (self.problem, self.remedy, self.where)  # survives a trip between processes


class ScriptError(PodcastError):
    """A script that cannot be read; `where` is "file:line"."""

    @classmethod
    def at(cls, path: Path | str, line: int, problem: str, remedy: str = "") -> ScriptError:
        """Make the error for a line (counted from 1; 0 means the file as a whole)."""
        return cls(problem, remedy, f"{path}:{line}" if line else str(path))


class ConfigError(PodcastError):
    """A configuration that cannot be used; `where` names the file and the key."""


class EngineError(PodcastError):
    """An engine that is missing, refused its options or failed at its work."""


class MediaError(PodcastError):
    """A sound, picture or video file that cannot be read or written."""
