"""A music engine that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from podcast.audio import WavWriter, decode
from podcast.engines.base import Music
from podcast.engines.installed.info import info_of
from podcast.engines.installed.room import Installed
from podcast.episode import samples

_OVERLAP = 2.0  # s of cross-fade where the music repeats
_LONGEST = 60.0  # s of music that are made for one cue, then it repeats; the option `longest` changes it


class InstalledMusic:
    """Lets the engine's worker compose; see `MusicEngine`."""

    def __init__(self, engine: Installed) -> None:
        self.engine = engine
        self.info = info_of(engine.spec)

    def identity(self) -> str:
        """Return the pins, weights and worker by their digests."""
        return self.engine.identity()

    def generate(self, description: str, seconds: float, seed: int, options: Mapping[str, Any], into: Path) -> Music:
        """Make one piece of music that can repeat.

        Raises:
            EngineError: the engine refused or failed.
        """
        length = min(seconds, float(options.get("longest") or _LONGEST))
        value = self.engine.run({"descriptions": [description], "seconds": length + _OVERLAP, "seeds": [seed],
                                 "melody": options.get("melody"), "options": dict(options), "into": str(into)})
        made = next(Path(path) for path in value["files"].values())
        piece = into / "music.wav"
        count = _as_ours(made, piece)
        return Music((piece,), (count,), 0, min(samples(_OVERLAP), count // 4))


def _as_ours(made: Path, piece: Path) -> int:
    """Write any sound as stereo 48 kHz; return its length in samples."""
    draft = piece.with_name("draft.wav")
    with WavWriter(draft, 2) as out:
        for block in decode(made):
            out.write(np.clip(block, -1, 1))
    made.unlink()
    draft.replace(piece)
    return out.length
