"""Whose face and voice it is: the right to use them is confirmed once, and what is synthetic can be said."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from podcast.cache import digest_of_file
from podcast.config import Config
from podcast.episode import Presenter
from podcast.errors import PodcastError
from podcast.reporter import Reporter

CONFIRMED = "rights.json"  # below the data folder: digests of the files that the user may use
_REMEDY = "once you have it: rights_confirmed: true in config.yaml, or --i-have-the-rights"


def confirm(config: Config, faces: Sequence[Path], voices: Sequence[Path], reporter: Reporter) -> None:
    """Ask once, for each picture of a person and each sample of a voice, whether the user has the right to use it.

    The answer is kept by the file's content. Where nobody can be asked, a warning says how to confirm.

    Raises:
        PodcastError: the user has not.
    """
    if config.rights_confirmed:
        return
    known = _read(config.data)
    for files, use in ((faces, "animate the person in"), (voices, "clone the voice in")):
        for file in files:
            if not file.is_file() or (digest := digest_of_file(file)) in known:
                continue
            answer = reporter.confirm(f"Do you have the right to {use} {file.name}?")
            if answer is None:
                reporter.warn(f"you need the right to {use} {file.name}; {_REMEDY}")
            elif not answer:
                raise PodcastError(f"without the right to {use} this file it is not used", _REMEDY, str(file))
            else:
                known.add(digest)
                _write(config.data, known)


def _read(data: Path) -> set[str]:
    try:
        return set(json.loads((data / CONFIRMED).read_text("utf-8")))
    except (OSError, ValueError):
        return set()


def _write(data: Path, known: set[str]) -> None:
    data.mkdir(parents=True, exist_ok=True)
    draft = data / f".{CONFIRMED}.{os.getpid()}"
    draft.write_text(json.dumps(sorted(known)), "utf-8")
    os.replace(draft, data / CONFIRMED)


def disclosure(config: Config, presenters: Sequence[Presenter], own_voice: bool) -> str:
    """Return what the episode says about itself, "" where nothing is asked for or nothing is synthetic."""
    made = [*([] if own_voice else ["voice"]), *(["presenter"] if presenters else [])]
    if not config.publish.disclosure or not made:
        return ""
    return f"{' and '.join(made)} {'are' if len(made) > 1 else 'is'} synthetic".capitalize()
