"""SadTalker's face renderer, upstream's own loop against ours, frame by frame in turn; run by the engine's own Python.

    make bench-sadtalker SADTALKER_PYTHON=... SADTALKER_SOURCE=... SADTALKER_WEIGHTS=...

Weights: upstream's, or those of tests/engines/sadtalker_random.py --steps 110. Frames are drawn in turn, so that
whatever else the machine does weighs on all of them alike; the quickest of each is told. With one thread CPU time is
counted, which others on the machine disturb least.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for folder in ("external/sadtalker", "tests/engines", "src/podcast/environments/inside"):
    sys.path.insert(0, str(ROOT / folder))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it

import coefficients  # noqa: E402
import networks  # noqa: E402
import numpy as np  # noqa: E402
import sadtalker_random  # noqa: E402
import torch  # noqa: E402
from render import Fast, Points, Stock  # noqa: E402

KINDS = ("full", "half", "bytes")
REPEATS = 3  # of each of our frames: about as long as one of upstream's


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio of two pictures (0 to 1), dB."""
    error = float(((a.double() - b.double()) ** 2).mean())
    return 99.0 if error == 0 else -10 * math.log10(error)


def motion(nets: networks.Networks, own: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return coefficients of somebody who speaks syllables of noise."""
    coefficients.seed_all(seed)
    sound = np.random.standard_normal(count * 640).astype(np.float32)
    sound *= np.abs(np.sin(np.arange(len(sound)) * (math.pi * 4 / 16000))).astype(np.float32) * 0.1
    return coefficients.speak(nets, sound, count, own, 0, "cpu")


def prepared(nets: networks.Networks, kind: str, picture: torch.Tensor, points: Points, seen: torch.Tensor) -> Fast:
    """Return our renderer in a precision."""
    dtype = torch.float32 if kind == "full" else torch.bfloat16
    fast = Fast(nets.generator, picture, points.source, dtype)
    if kind == "bytes":
        fast.quantise([seen[i : i + 1] for i in (13, 26)])
    return fast


def main() -> None:
    """Print the table."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--source", type=Path, default=os.environ.get("SADTALKER_SOURCE"))
    reader.add_argument("--weights", type=Path, default=os.environ.get("SADTALKER_WEIGHTS"))
    reader.add_argument("--size", type=int, default=256)
    reader.add_argument("--threads", type=int, default=2)
    reader.add_argument("--frames", type=int, default=4)
    reader.add_argument("--cpu-time", action="store_true", help="count it with several threads too")
    reader.add_argument("--picture", type=int, default=17, help="number of upstream's example")
    reader.add_argument("--save", type=Path, help="a folder for the frames")
    reader.add_argument("kinds", nargs="*", default=KINDS)
    given = reader.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    torch.set_num_threads(given.threads)
    of_cpu = given.threads == 1 or given.cpu_time
    clock = time.process_time if of_cpu else time.perf_counter
    nets = networks.load(given.source, given.weights, given.size, False, "cpu")
    networks.fold_spectral_norm(nets.generator)
    picture = sadtalker_random.pictures(given.source, given.size)[given.picture][None]
    own = np.zeros(73, np.float32)
    points = Points(nets, picture, torch.from_numpy(np.repeat(own[None, :70, None], 27, 2)))
    count = coefficients.SHORTEST
    times = np.arange(count) / coefficients.RATE
    seen = points(coefficients.windows_at(motion(nets, own, count, 0), times))
    shown = points(coefficients.windows_at(motion(nets, own, count, 1), times))
    draw: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"stock": Stock(nets.generator, picture, points.source)}
    for kind in given.kinds:
        start = clock()
        draw[kind] = prepared(nets, kind, picture, points, seen)
        print(f"{kind}: made ready in {clock() - start:.1f} s", flush=True)
        draw[kind](shown[:1])
    seconds: dict[str, list[float]] = {name: [] for name in draw}
    alike: dict[str, list[float]] = {name: [] for name in draw}
    for i in np.linspace(1, count - 1, given.frames).round().astype(int).tolist():
        reference: torch.Tensor | None = None
        for name, renderer in draw.items():
            for _ in range(1 if name == "stock" else REPEATS):
                start = clock()
                frame = renderer(shown[i : i + 1])
                seconds[name].append(clock() - start)
            reference = frame if reference is None else reference
            alike[name].append(psnr(frame, reference))
            if given.save:
                save(frame, given.save / f"{name}-{i}.png")
    what = "CPU" if of_cpu else "wall"
    print(f"size {given.size}, {given.threads} thread(s), {given.frames} frames; {what} time, the quickest; PSNR")
    for name, spent in seconds.items():
        least = min(spent)
        gain = min(seconds["stock"]) / least
        print(f"{name:8} {least:7.3f} s/frame  x{gain:4.2f}  {min(alike[name]):5.1f} dB (least)")


def save(frame: torch.Tensor, path: Path) -> None:
    """Write a frame as a picture."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((frame[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()).save(path)


if __name__ == "__main__":
    main()
