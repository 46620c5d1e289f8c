"""A YAML file of `key: value` lines: read, or told what is wrong with it and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from podcast.errors import PodcastError


def read_mapping(file: Path, raises: type[PodcastError], absent: str) -> dict[str, Any] | None:
    """Return what a file says, None if it says nothing.

    Args:
        file: UTF-8, with or without a byte order mark.
        raises: the error that is raised where something is wrong.
        absent: the remedy where there is no such file.
    """
    try:
        data = yaml.safe_load(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise raises("no such file", absent, str(file)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise raises(f"cannot be read ({error})", where=str(file)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise raises(f"not valid YAML: {getattr(error, 'problem', error)}", "check the indentation and colons",
                     f"{file}:{mark.line + 1}" if mark else str(file)) from error
    if data is not None and not isinstance(data, dict):
        raise raises("must be a list of `key: value` lines", where=str(file))
    return data
