"""The built-in composer: it reads a cue's words and writes, plays and mixes a piece of music.

cue (words to settings) → harmony (chords and their voices) → arrange, parts, melody (form and notes) →
render with struck, sustained and drums (instruments) → room (reverberation, tone, level).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podcast.audio import write_wav
from podcast.engines.base import EngineInfo, Music
from podcast.engines.composer.arrange import compose
from podcast.engines.composer.cue import read_cue
from podcast.engines.composer.render import render

VERSION = "1"  # raise it whenever equal cues would sound otherwise


class Composer:
    """The composer as an engine; it has no state."""

    info = EngineInfo("composer", VERSION, "Apache-2.0", note="built in; no weights, no network")

    def identity(self) -> str:
        """Return what the output depends on besides the options."""
        return f"composer {VERSION}"

    def generate(self, description: str, seconds: float, seed: int, options: Mapping[str, Any], into: Path) -> Music:
        """Compose music for `description` that can last `seconds`, as stereo 48 kHz wav files in `into`.

        Pieces ring into the next (`joint="add"`). Below eight seconds it is one sting that does not repeat.
        Options: tempo, key, seed, percussion, style, instruments, reverb, swing.

        Raises:
            EngineError: an option is unknown or its value cannot be used.
        """
        piece = compose(read_cue(description, seed, options), seconds)
        names = [section.name.replace("'", "2").lower() for section in piece.sections]
        paths = [into / f"{number}-{name}.wav" for number, name in enumerate(names)]
        for path, sound in zip(paths, render(piece), strict=True):
            write_wav(path, sound)
        lengths = tuple(piece.length(section) for section in piece.sections)
        return Music(tuple(paths), lengths, piece.loop_from, piece.overlap, piece.tail, "add", piece.bar)


def engine() -> Composer:
    """Return the composer."""
    return Composer()
