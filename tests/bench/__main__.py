"""`make bench`: what an episode costs, against x264 alone and against real time."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import av

from podcast.ffmpeg import Picture
from tests.bench.portraits import presenters
from tests.bench.x264 import x264_alone

_SENTENCES = (
    "Every story begins with a question that nobody thought of asking before.",
    "In nineteen sixty-nine, a small team in California sent a message of five letters, and only two arrived.",
    "What happened next is well known; why it happened is not.",
    "The people in the room had slept little, and the coffee was cold.",
    "They wrote down the time, ten thirty in the evening, and went home.",
    "Half a century later we carry that room in our pockets.",
    "It is smaller, faster, and far more crowded than anybody imagined.",
    "So let us walk back for a moment, and listen to what they heard.",
)


def script_of(minutes: float) -> str:
    """Return a script that is spoken in about that many minutes: no sentence occurs twice."""
    lines, words, number = ["# Benchmark", "", "[MUSIC: calm piano]", ""], 0.0, 0
    while words < minutes * 152:
        if number % 40 == 0:
            lines += [f"## Part {number // 40 + 1}", ""]
        paragraph = " ".join(f"{_SENTENCES[(number + k) % len(_SENTENCES)][:-1]}, number {number + k}."
                             for k in range(4))
        lines += [paragraph, ""]
        words += len(paragraph.split())
        number += 4
    return "\n".join(lines)


@dataclass(frozen=True)
class Run:
    """What a whole process tree took."""

    wall: float
    cpu: float
    peak: float  # MB, all processes together
    largest: float  # MB, the largest process


def run(argv: list[str], cwd: Path) -> Run:
    """Run a command and measure it with all its children."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    child = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(child, peak), daemon=True)
    watcher.start()
    _, errors = child.communicate()
    if child.returncode:
        sys.exit(f"{argv}: {errors.decode()}")
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(time.monotonic() - started, cpu, peak[0], after.ru_maxrss / 1024)


def _watch(child: subprocess.Popen[bytes], peak: list[float]) -> None:
    while child.poll() is None:
        peak[0] = max(peak[0], sum(_memory(pid) for pid in _tree(child.pid)))
        time.sleep(0.1)


def _tree(pid: int) -> list[int]:
    try:
        inside = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(p for child in inside for p in _tree(int(child)))]


def _memory(pid: int) -> float:
    """Return the proportional set size in MB: shared pages are counted once."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def _row(what: str, value: str, bar: str = "") -> None:
    print(f"{what:<52} {value:>14}  {bar}", flush=True)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=3.0)
    options.add_argument("--long", type=float, default=0.0, help="also compare memory with an episode of MINUTES")
    chosen = options.parse_args()
    create = [sys.executable, "-m", "podcast", "create", "bench.txt", "--avatar", "-q"]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        helps = min(run([sys.executable, "-m", "podcast", "--help"], folder).wall for _ in range(3))
        _row("podcast --help", f"{helps:.2f} s", "under 0.4 s")
        (folder / "bench.txt").write_text(script_of(chosen.minutes))
        cold = run(create, folder)
        warm = run(create, folder)
        video = folder / "data/episodes/bench/bench.mp4"
        with av.open(str(video)) as container:
            length = float(container.duration or 0) / av.time_base
            stream = container.streams.video[0]
            picture = Picture(stream.width, stream.height, stream.average_rate)  # type: ignore[arg-type]
        alone = x264_alone(video, picture)
        _row("episode", f"{length:.0f} s")
        _row("create --avatar, cold: wall", f"{cold.wall:.1f} s")
        _row("create --avatar, cold: CPU", f"{cold.cpu:.1f} s")
        _row("x264 alone, the same frames: CPU", f"{alone:.1f} s")
        _row("CPU against x264 alone", f"{cold.cpu / alone:.2f}", "at most 2.0")
        _row(f"faster than real time ({os.cpu_count()} cores)", f"{length / cold.wall:.2f}", "at least 3")
        _row("create --avatar, warm: wall", f"{warm.wall:.2f} s", "under 3 s")
        _row("size", f"{video.stat().st_size / length / 1e6 * 60:.1f} MB/min")
        _row("peak memory, all processes", f"{cold.peak:.0f} MB")
        for what, cost, bar in presenters():
            _row(what, f"{cost:.2f} ms" if "(s)" not in what else f"{cost:.2f}", bar)
        if chosen.long:
            (folder / "bench.txt").write_text(script_of(chosen.long))
            longer = run(create, folder)
            _row(f"peak memory, {chosen.long:.0f} minutes", f"{longer.peak:.0f} MB")
            _row("against the short episode", f"{longer.peak / cold.peak:.2f}", "at most 1.3")


if __name__ == "__main__":
    main()
