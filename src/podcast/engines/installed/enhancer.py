"""An enhancer of faces that is installed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podcast.engines.installed.info import info_of
from podcast.engines.installed.room import Installed


class InstalledEnhancer:
    """Lets the engine's worker enhance clips; see `Enhancer`."""

    def __init__(self, engine: Installed, options: Mapping[str, Any]) -> None:
        self.engine, self.options = engine, dict(options)
        self.info = info_of(engine.spec)

    def identity(self) -> str:
        """Return pins, weights, worker and options as one digest."""
        return hashlib.sha256(json.dumps([self.engine.identity(), self.options], sort_keys=True).encode()).hexdigest()

    def enhance(self, video: Path, into: Path) -> Path:
        """Write the clip with better faces.

        Raises:
            EngineError: the engine refused or failed.
        """
        value = self.engine.run({"video": str(video), "options": self.options, "into": str(into)})
        return Path(value["files"]["video"])
