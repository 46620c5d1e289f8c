"""`make bench-engines`: what each installed engine costs, cold and warm, beside its own command line.

python -m tests.bench.engines [--data FOLDER] [--config FILE] [NAME ...]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from podcast.audio import wav_length, wav_rate, write_wav
from podcast.avatar.rendering import picture_of
from podcast.cache import Cache
from podcast.config import load_config
from podcast.engines.installed import EngineRoom
from podcast.engines.installed.engine import Installed
from podcast.environments.results import measure_video
from podcast.environments.spec import EngineSpec
from podcast.episode import Presenter
from podcast.errors import EngineError, PodcastError
from podcast.process import run_program
from podcast.proof.watch import process_tree
from podcast.puppet.rig import host_folder
from podcast.reporter import Reporter

TEXT = "Half a century later we carry that room in our pockets. It is smaller, faster, and far more crowded."
_SECONDS = {"music": 4.0, "avatar": 1.0, "enhancer": 0.4}  # of what is made
_PATIENCE = 900.0  # s for an engine's own command line
_WARM = 2  # jobs after the first, of which the best counts


@dataclass
class Costs:
    """What an engine took; s and MB."""

    cold: float = 0.0  # start, loading and the first job
    warm: float = 0.0  # a further job
    made: float = 0.0  # seconds of sound or picture that a job made
    peak: float = 0.0  # MB, all processes of the worker
    loads: int = 0
    own: float | None = None  # the engine's own command line, the same job
    device: str = ""
    problem: str = ""
    notes: list[str] = field(default_factory=list)


def measure(engine: Installed, voice: str | None) -> Costs:
    """Do the same job a few times."""
    costs = Costs(device=engine.use.used)
    with tempfile.TemporaryDirectory() as name, peak_of(engine, costs):
        folder = Path(name)
        args = job(engine.spec, folder, voice)
        costs.cold, value = timed(lambda: engine.run({**args, "into": fresh(folder)}))
        costs.warm = min(timed(lambda: engine.run({**args, "into": fresh(folder)}))[0] for _ in range(_WARM))
        costs.made = length_of(value["files"])
        costs.loads = engine.worker().loads
        if own := OWN.get(engine.spec.name):
            try:
                costs.own = timed(lambda: run_program(
                    own(engine, args, fresh(folder)), timeout=_PATIENCE, env=dict(os.environ)))[0]
            except PodcastError as error:
                costs.notes.append(f"its own command line does not run here: {str(error).splitlines()[-1]}")
    return costs


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a piece of work takes, and what it returns."""
    began = time.monotonic()
    value = work()
    return time.monotonic() - began, value


def fresh(folder: Path) -> Path:
    """Return a new folder."""
    return Path(tempfile.mkdtemp(dir=folder))


def job(spec: EngineSpec, folder: Path, voice: str | None) -> dict[str, Any]:
    """Return a small job of an engine's kind."""
    options = {name: option.default for name, option in (spec.options or {}).items()}
    common: dict[str, Any] = {"options": options, "seed": 0}
    if spec.kind == "speech":
        named = voice or (spec.voices[0].name if spec.voices else "")
        language = next((v.language for v in spec.voices if v.name == named), "") or "en"
        return {**common, "text": TEXT, "voice": named, "language": language}
    if spec.kind == "music":
        return {**common, "descriptions": ["calm piano"], "seconds": _SECONDS["music"], "seeds": [0], "melody": None}
    picture = picture_of(Presenter("A", "A", host_folder("maya"), "bench"), Cache(folder / "cache"))
    points = np.load(picture.with_name("landmarks.npy"))
    frames = round(25 * _SECONDS[spec.kind])
    if spec.kind == "avatar":
        sound = folder / "voice.wav"
        write_wav(sound, 0.2 * np.sin(np.arange(640 * frames) / 9).astype(np.float32), 16_000)
        return {**common, "picture": str(picture), "audio": str(sound), "frames": frames, "rate": [25, 1],
                "landmarks": points.tolist()}
    five = [points[part].mean(0).tolist() for part in (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49),
                                                       slice(54, 55))]
    return {**common, "video": str(still_video(picture, folder / "clip.mp4", frames)), "landmarks": [five] * frames}


def still_video(picture: Path, path: Path, frames: int) -> Path:
    """Write a video of a picture."""
    image = np.asarray(Image.open(picture).convert("RGB"))
    image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.height, stream.width = image.shape[:2]
        for _ in range(frames):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode())
    return path


def length_of(files: Mapping[str, Path]) -> float:
    """Return the seconds of what a job made."""
    made = next(Path(path) for path in files.values())
    if made.suffix == ".wav":
        return wav_length(made) / wav_rate(made)
    frames, rate = measure_video(made)
    return float(Fraction(frames) / rate)


@contextmanager
def peak_of(engine: Installed, costs: Costs) -> Iterator[None]:
    """Follow the memory of a worker's processes."""
    end = threading.Event()

    def follow() -> None:
        while not end.wait(0.2):
            pid = engine.worker().pid
            costs.peak = max(costs.peak, sum(map(resident, process_tree(pid))) if pid else 0.0)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def resident(pid: int) -> float:
    """Return a process's memory in MB, 0 where it is not told."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
    except (OSError, StopIteration, ValueError):
        return 0.0


# ---------------------------------------------------------------- the engines' own command lines


def _piper(engine: Installed, args: Mapping[str, Any], into: Path) -> list[str | Path]:
    model = engine.environment.weights / f"{args['voice']}.onnx"
    return [engine.environment.python, "-m", "piper", "-m", model, "-f", into / "own.wav", "--", args["text"]]


def _sadtalker(engine: Installed, args: Mapping[str, Any], into: Path) -> list[str | Path]:
    source = engine.environment.source or Path()
    return [engine.environment.python, source / "inference.py", "--driven_audio", args["audio"], "--source_image",
            args["picture"], "--result_dir", into, "--checkpoint_dir", engine.environment.weights / "checkpoints",
            "--size", str(args["options"].get("size", 256)), "--cpu"]


OWN: dict[str, Callable[[Installed, Mapping[str, Any], Path], list[str | Path]]] = {
    "piper": _piper, "sadtalker": _sadtalker,
}


# ---------------------------------------------------------------- the table


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make bench-engines")
    parser.add_argument("names", nargs="*", help="engines; none: all that are installed")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--data", type=Path, help="the data folder that holds the environments")
    parser.add_argument("--voice", help="for engines that speak")
    asked = parser.parse_args()
    config = load_config(asked.config, [("data", str(asked.data.absolute()))] if asked.data else []).config
    kinds = ("speech", "music", "avatar", "enhancer")
    head = ("engine", "device", "cold s", "warm s", "cold/warm", "x real time", "peak MB", "loads", "own s", "own/warm")
    print("{:<12}{:>8}{:>9}{:>9}{:>11}{:>13}{:>9}{:>7}{:>9}{:>10}".format(*head))
    with EngineRoom(config.data, config.engines_path) as room, room.heard(_Printer()):
        found = [(name, kind) for kind in kinds for name in room.specs(kind) if room.has(name, kind)]  # type: ignore[arg-type]
        wanted = [(name, kind) for name, kind in found if not asked.names or name in asked.names]
        for name, kind in wanted:
            try:
                _print(name, measure(room.get(name, kind, name), asked.voice))  # type: ignore[arg-type]
            except EngineError as error:
                print(f"{name:<12}{error}")
    if not wanted:
        print("no engine is installed here: podcast engines install NAME")
    return 0


def _print(name: str, costs: Costs) -> None:
    own = ("", "") if costs.own is None else (f"{costs.own:.2f}", f"{costs.own / costs.warm:.1f}")
    print(f"{name:<12}{costs.device:>8}{costs.cold:>9.2f}{costs.warm:>9.2f}{costs.cold / costs.warm:>11.1f}"
          f"{costs.made / costs.warm:>13.2f}{costs.peak:>9.0f}{costs.loads:>7}{own[0]:>9}{own[1]:>10}")
    for note in costs.notes:
        print(f"  {note}")


class _Printer(Reporter):
    def warned(self, message: str) -> None:
        print(message, file=sys.stderr)

    told = warned


if __name__ == "__main__":
    sys.exit(main())
