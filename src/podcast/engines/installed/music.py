"""A music engine that is installed."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from podcast.audio import WavWriter, decode, resample, write_wav
from podcast.engines.base import Music
from podcast.engines.installed.engine import Installed
from podcast.engines.installed.info import info_of
from podcast.episode import SAMPLE_RATE, samples
from podcast.errors import EngineError, MediaError
from podcast.sound.loudness import Meter

_OVERLAP = 2.0  # s of cross-fade where the music repeats
_LONGEST = 60.0  # s of music that are made for one cue, then it repeats; the option `longest` changes it
_LOUDNESS = -20.0  # LUFS, of composed music
_PEAK = 0.7  # of full scale (-3 dBFS), which composed music does not pass
_GATHERING = 0.3  # s in which cues are gathered for one pass
_PIECE = "music.wav"
_TUNE_RATE = 32_000  # Hz, of the melody that a worker is given
_TUNE_LONGEST = 600.0  # s of a recording whose melody is followed


@dataclass(frozen=True)
class _Cue:
    """A piece of music that is wanted, and how long it became, in samples."""

    description: str
    seed: int
    into: Path
    length: Future[int] = field(default_factory=Future)


class InstalledMusic:
    """Lets the engine's worker compose; see `MusicEngine`.

    Args:
        engine: the engine.
        options: what the configuration says; of them only `melody` is looked at here.
    """

    def __init__(self, engine: Installed, options: Mapping[str, Any] | None = None) -> None:
        self.engine = engine
        self.info = info_of(engine.spec)
        self._melody = (options or {}).get("melody")
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_Cue]] = {}

    def identity(self) -> str:
        """Return the pins, weights and worker by their digests, and that of the melody's file."""
        identity = self.engine.identity()
        if not self._melody or not Path(self._melody).is_file():
            return identity
        return f"{identity}-{hashlib.sha256(Path(self._melody).read_bytes()).hexdigest()}"

    def generate(self, description: str, seconds: float, seed: int, options: Mapping[str, Any], into: Path) -> Music:
        """Make one piece of music that can repeat; with `batch_size`, together with what other threads ask for.

        Raises:
            EngineError: the engine refused or failed, or there is no such melody.
        """
        cue = _Cue(description, seed, into)
        length = min(seconds, float(options.get("longest") or _LONGEST))
        if (batch := int(options.get("batch_size") or 1)) > 1:
            self._gather(cue, length, options, batch)
        else:
            self._compose([cue], length, options)
        count = cue.length.result()
        return Music((into / _PIECE,), (count,), 0, min(samples(_OVERLAP), count // 4))

    def _gather(self, cue: _Cue, length: float, options: Mapping[str, Any], batch: int) -> None:
        """Put a cue to those that may be composed with it; who comes first waits a moment, then composes all."""
        group = json.dumps([length, dict(options)], sort_keys=True, default=str)
        with self._lock:
            cues = self._waiting.setdefault(group, [])
            cues.append(cue)
        if cues[0] is not cue:
            return
        time.sleep(_GATHERING)
        with self._lock:
            cues = self._waiting.pop(group)
        for first in range(0, len(cues), batch):
            try:
                self._compose(cues[first : first + batch], length, options)
            except BaseException as error:  # whoever waits must hear of it
                for other in cues[first:]:
                    other.length.set_exception(error)
                return

    def _compose(self, cues: Sequence[_Cue], length: float, options: Mapping[str, Any]) -> None:
        """Let the worker make the music of some cues in one pass."""
        where = f"music.{self.info.name}.melody"
        with _tune(options.get("melody"), where) as tune, TemporaryDirectory(dir=cues[0].into) as place:
            value = self.engine.run({
                "descriptions": [cue.description for cue in cues], "seconds": length + _OVERLAP,
                "seeds": [cue.seed for cue in cues], "melody": tune, "options": dict(options), "into": place,
            })
            if len(value["files"]) != len(cues):
                raise EngineError(f"{len(cues)} pieces of music were asked for, {len(value['files'])} came",
                                  where=self.info.name)
            for number, cue in enumerate(cues):
                cue.length.set_result(_as_ours(Path(value["files"][str(number)]), cue.into / _PIECE))


@contextmanager
def _tune(melody: str | None, where: str) -> Iterator[str | None]:
    """Lend the melody of any sound file as a wav file, mono, 16 bits, 32 kHz."""
    if not melody:
        yield None
        return
    if not Path(melody).is_file():
        raise EngineError(f"there is no file {melody}", "name a recording whose melody is to be followed", where)
    try:
        sound = _beginning(Path(melody), round(_TUNE_LONGEST * SAMPLE_RATE))
    except MediaError as error:
        raise EngineError(error.problem, error.remedy, f"{where}: {melody}") from error
    with TemporaryDirectory() as folder:
        file = Path(folder, "melody.wav")
        write_wav(file, np.clip(resample(sound, SAMPLE_RATE, _TUNE_RATE), -1, 1), _TUNE_RATE)
        yield str(file)


def _beginning(file: Path, most: int) -> np.ndarray:
    """Return the first samples of any sound file, mono 48 kHz."""
    blocks, count = [np.zeros(0, np.float32)], 0
    for block in decode(file, 1):
        blocks.append(block[:, 0])
        count += len(block)
        if count >= most:
            break
    return np.concatenate(blocks)[:most]


def _as_ours(made: Path, piece: Path) -> int:
    """Write any sound as stereo 48 kHz, as loud as composed music; return its length in samples."""
    meter, peak = Meter(), 0.0
    for block in decode(made):
        meter.add(block)
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    gain = min(10 ** ((_LOUDNESS - meter.integrated()) / 20), _PEAK / peak) if peak else 1.0
    draft = piece.with_name("draft.wav")
    with WavWriter(draft, 2) as out:
        for block in decode(made):
            out.write(np.clip(block * np.float32(gain), -1, 1))
    draft.replace(piece)
    return out.length
