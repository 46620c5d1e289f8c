"""A renderer that is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from podcast.engines.base import EngineInfo
from podcast.engines.installed.engine import Installed
from podcast.engines.installed.info import info_of


class InstalledAvatar:
    """Makes clips in the engine's worker; see `AvatarEngine`."""

    def __init__(self, engine: Installed) -> None:
        self.engine = engine
        self.info: EngineInfo = info_of(engine.spec)

    def identity(self) -> str:
        """Return the pins, weights and worker by their digests."""
        return self.engine.identity()

    def animate(
        self, picture: Path, sound: Path, frames: int, rate: Fraction, seed: int, options: Mapping[str, Any],
        into: Path, progress: Callable[[float], None],
    ) -> Path:
        """Render a clip; the face's landmarks go with it where they are known.

        Raises:
            EngineError: the engine refused or failed.
        """
        marks = picture.with_name("landmarks.npy")
        args = {
            "picture": str(picture), "audio": str(sound), "frames": frames,
            "rate": [rate.numerator, rate.denominator], "seed": seed, "options": dict(options), "into": str(into),
            **({"landmarks": np.load(marks).tolist()} if marks.is_file() else {}),
        }
        return Path(self.engine.run(args, progress)["files"]["video"])
