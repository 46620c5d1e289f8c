"""Try a device from within an engine's own environment; stands alone and never imports podcast.

    venv/bin/python probe.py '{"device": "cuda", "operators": ["conv2d"], "precisions": ["float32"]}'

The request comes as the first argument or as the first line of standard input; the readings leave as one JSON line
on what was standard output. Given on standard input, the process then lives until its input is closed: the host
looks at it through the driver meanwhile. Nothing is judged here: a missing torch is a reading too.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

VERSION = 1
BUDGET = 2.2  # s for the operators; with the burst and a driver's start it stays under 3 s
BURST = 0.3  # s of steady work: the driver samples utilisation about every 1/6 s
BURST_SIDE = 1024  # of the square matrices of the burst: 2.1 GFLOP each
REPEATS = 3
# Greatest deviation from the CPU's float32 result, as RMS over RMS. float32 allows TF32, which convolutions use by
# default on Ampere and later (10 bits of mantissa); float16 has 10 bits too, bfloat16 7.
TOLERANCES = {"float32": 2e-3, "float16": 5e-3, "bfloat16": 3e-2}
_FALLBACK = "fall back to run on the cpu"  # torch's warning when MPS lacks an operator
_ERROR_LENGTH = 400


def main() -> None:
    """Read the request, write the readings."""
    out = private_output()
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [p for p in sys.path if str(Path(p or ".").resolve()) != here]  # our neighbours' names are not theirs
    waits = len(sys.argv) < 2
    request = json.loads(sys.stdin.readline() if waits else sys.argv[1])
    # What was computed stays alive in `held`, so that the driver still sees its memory.
    readings, held = read_onnx(request) if request.get("runtime") == "onnxruntime" else read_torch(request)
    out.write(json.dumps(readings) + "\n")
    out.flush()
    if waits:
        sys.stdin.read()
    held.clear()


def private_output() -> TextIO:
    """Take standard output for the readings alone; what libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def base(request: dict[str, Any], runtime: str) -> dict[str, Any]:
    """Return readings of a runtime that could not even be loaded."""
    return {"probe": VERSION, "runtime": runtime, "pid": os.getpid(), "python": sys.version.split()[0],
            "asked": request["device"], "version": None, "cuda": None, "hip": None, "available": False, "error": "",
            "name": "", "capability": None, "archs": [], "memory": 0, "event_ms": None, "allocated": None,
            "speedup": None, "operators": [], "warnings": [], "seconds": 0.0, "import_seconds": 0.0,
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "fallback": os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK")}


def blank(family: str, precision: str) -> dict[str, Any]:
    """Return the reading of an operator that was not tried yet."""
    return {"family": family, "precision": precision, "error": "", "deviation": None, "skipped": False,
            "tolerance": TOLERANCES.get(precision, TOLERANCES["bfloat16"]), "seconds": None, "cpu_seconds": None,
            "event_ms": None, "memory": None, "fell_back": False, "place": ""}


def text_of(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_ERROR_LENGTH]


def read_onnx(request: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return the readings of onnxruntime, by the reader beside this file."""
    place = Path(__file__).with_name("probe_onnx.py")
    spec = importlib.util.spec_from_file_location("probe_onnx", place)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    readings = base(request, "onnxruntime")
    began = time.perf_counter()
    held: list[Any] = []
    try:
        held = module.examine(request, readings, blank, text_of)
    except Exception as error:  # an upstream may raise anything: what it says is the reading
        readings["error"] = text_of(error)
    readings["seconds"] = round(time.perf_counter() - began - readings["import_seconds"], 3)
    return readings, held


def read_torch(request: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return the readings of torch, and what has to stay alive."""
    readings, began = base(request, "torch"), time.perf_counter()
    held: list[Any] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            torch = importlib.import_module("torch")
            readings["version"] = str(torch.__version__)
            readings["import_seconds"] = round(time.perf_counter() - began, 3)
            began = time.perf_counter()
            held = _examine(torch, request, readings)
        except Exception as error:  # an upstream may raise anything: what it says is the reading
            readings["error"] = text_of(error)
    readings["warnings"] = [" ".join(str(w.message).split())[:_ERROR_LENGTH] for w in caught][:8]
    readings["seconds"] = round(time.perf_counter() - began, 3)
    return readings, held


def _examine(torch: Any, request: dict[str, Any], readings: dict[str, Any]) -> list[Any]:
    kind = request["device"].partition(":")[0]
    if hasattr(torch, "set_warn_always"):
        torch.set_warn_always(True)  # "falls back to the CPU" is otherwise said once, whatever falls back
    readings["cuda"], readings["hip"] = (getattr(torch.version, name, None) for name in ("cuda", "hip"))
    if kind == "cuda":
        _describe_cuda(torch, readings)
    elif kind == "mps":
        backend = getattr(torch.backends, "mps", None)
        readings["available"], readings["name"] = bool(backend and backend.is_available()), "Apple GPU"
    else:
        readings["available"] = True
    if not readings["available"]:
        return []
    device = request["device"] if kind == "cuda" else kind
    clock, held = _Clock(torch, kind), []
    held.append(torch.ones(1).to(device))  # the context
    readings["operators"] = _try_all(torch, device, request, clock)
    if kind != "cpu":
        held += _burst(torch, device, clock, readings)
        readings["allocated"] = clock.memory()
    return held


def _describe_cuda(torch: Any, readings: dict[str, Any]) -> None:
    readings["available"] = bool(torch.cuda.is_available())
    if not readings["available"]:
        if readings["cuda"]:
            torch.cuda.init()  # says why not
        return
    readings["archs"] = list(torch.cuda.get_arch_list())
    readings["capability"] = list(torch.cuda.get_device_capability(0))
    readings["name"] = str(torch.cuda.get_device_name(0))
    readings["memory"] = int(torch.cuda.get_device_properties(0).total_memory)


# ---------------------------------------------------------------- operators


def _try_all(torch: Any, device: str, request: dict[str, Any], clock: _Clock) -> list[dict[str, Any]]:
    """Try every operator in every precision, float32 first; what the time did not suffice for is "skipped"."""
    found, end = [], time.perf_counter() + float(request.get("budget", BUDGET))
    for precision in sorted(request["precisions"], key=lambda p: p != "float32"):
        for family in request["operators"]:
            reading = blank(family, precision)
            if time.perf_counter() > end and precision != "float32":
                reading["skipped"] = True
            else:
                _try(torch, device, clock, reading)
            found.append(reading)
    return found


def _try(torch: Any, device: str, clock: _Clock, reading: dict[str, Any]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _compare(torch, device, clock, reading)
        except Exception as error:  # no kernel, out of memory, not implemented: all of them are readings
            reading["error"] = text_of(error)
    reading["fell_back"] = any(_FALLBACK in str(w.message).lower() for w in caught)


def _compare(torch: Any, device: str, clock: _Clock, reading: dict[str, Any]) -> None:
    """Compute on the CPU in float32 and on the device, from the same rounded numbers."""
    dtype = getattr(torch, reading["precision"])
    inputs, work = _OPERATORS[reading["family"]](torch)
    rounded = [t.to(dtype).to(torch.float32) for t in inputs]
    wanted = work(*rounded)  # once without the clock: threads and kernels are set up by the first call
    began = time.perf_counter()
    wanted = work(*rounded)
    reading["cpu_seconds"] = round(time.perf_counter() - began, 6)
    moved = [t.to(device=device, dtype=dtype) for t in rounded]
    result = work(*moved)  # loads kernels; the second time is timed
    clock.start()
    for _ in range(REPEATS):
        result = work(*moved)
    seconds, event = clock.stop()
    reading["seconds"] = round(seconds / REPEATS, 6)
    reading["event_ms"], reading["memory"] = event, clock.memory()
    reading["place"] = str(result.device.type)
    reading["deviation"] = _deviation(result.to("cpu").to(torch.float32), wanted)


def _deviation(found: Any, wanted: Any) -> float | None:
    """Return the RMS of the difference over the RMS of what is wanted, None if it is not a number."""
    got, want = found.flatten().tolist(), wanted.flatten().tolist()
    power = sum(w * w for w in want) or 1.0
    error = sum((g - w) ** 2 for g, w in zip(got, want)) if len(got) == len(want) else math.nan  # noqa: B905
    return round(math.sqrt(error / power), 8) if math.isfinite(error) else None


def _conv2d(torch: Any) -> tuple[list[Any], Callable[..., Any]]:
    work = torch.nn.functional.conv2d
    return [_noise(torch, 1, 16, 32, 32), _noise(torch, 16, 16, 3, 3)], lambda x, w: work(x, w, padding=1)


def _conv3d(torch: Any) -> tuple[list[Any], Callable[..., Any]]:
    work = torch.nn.functional.conv3d
    return [_noise(torch, 1, 8, 6, 16, 16), _noise(torch, 8, 8, 3, 3, 3)], lambda x, w: work(x, w, padding=1)


def _grid_sample_3d(torch: Any) -> tuple[list[Any], Callable[..., Any]]:
    work = torch.nn.functional.grid_sample
    # Coordinates in steps of 1/64 are exact in bfloat16 too: the operator is measured, not the rounding of its grid.
    grid = torch.round(torch.tanh(_noise(torch, 1, 6, 16, 16, 3)) * 64) / 64
    return [_noise(torch, 1, 8, 6, 16, 16), grid], lambda x, g: work(x, g, align_corners=False)


def _matmul(torch: Any) -> tuple[list[Any], Callable[..., Any]]:
    return [_noise(torch, 128, 128), _noise(torch, 128, 128)], lambda a, b: torch.matmul(a, b)


def _attention(torch: Any) -> tuple[list[Any], Callable[..., Any]]:
    fused = getattr(torch.nn.functional, "scaled_dot_product_attention", None)  # since torch 2.0

    def by_hand(q: Any, k: Any, v: Any) -> Any:
        return torch.matmul(torch.softmax(torch.matmul(q, k.transpose(-1, -2)) / q.shape[-1] ** 0.5, -1), v)

    return [_noise(torch, 1, 4, 64, 32) for _ in range(3)], fused or by_hand


def _noise(torch: Any, *shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


_OPERATORS: dict[str, Callable[[Any], tuple[list[Any], Callable[..., Any]]]] = {
    "conv2d": _conv2d, "conv3d": _conv3d, "grid_sample_3d": _grid_sample_3d, "matmul": _matmul,
    "attention": _attention,
}


def _burst(torch: Any, device: str, clock: _Clock, readings: dict[str, Any]) -> list[Any]:
    """Work steadily for a moment; note the speed against the CPU's, and the device's own clock."""
    one = _noise(torch, BURST_SIDE, BURST_SIDE)
    moved = one.to(device)
    product = torch.matmul(moved, moved)  # loads kernels
    on_cpu, best = (_best_of_three(torch, t, _Clock(torch, kind)) for t, kind in ((one, "cpu"), (moved, clock.kind)))
    times = max(1, min(2000, int(BURST / max(best, 1e-5))))
    clock.start()
    for _ in range(times):
        product = torch.matmul(moved, moved)
    seconds, event = clock.stop()
    readings["event_ms"] = event
    readings["speedup"] = round(on_cpu / max(min(best, seconds / times), 1e-9), 3)
    return [moved, product]


def _best_of_three(torch: Any, matrix: Any, clock: _Clock) -> float:
    """Return the seconds of a product; the best, since neighbours on a busy machine only ever slow one down."""
    found = []
    for _ in range(3):
        clock.start()
        torch.matmul(matrix, matrix)
        found.append(clock.stop()[0])
    return min(found)


class _Clock:
    """The device's own clock where it has one, and ours around it."""

    def __init__(self, torch: Any, kind: str) -> None:
        self.torch, self.kind = torch, kind
        self.events: list[Any] = []

    def start(self) -> None:
        self._wait()
        maker = self.torch.cuda.Event if self.kind == "cuda" else \
            getattr(self.torch.mps, "Event", None) if self.kind == "mps" else None
        self.events = [maker(enable_timing=True) for _ in range(2)] if maker else []
        if self.events:
            self.events[0].record()
        self.began = time.perf_counter()

    def stop(self) -> tuple[float, float | None]:
        """Return seconds by our clock and milliseconds by the device's (None: it has none)."""
        if self.events:
            self.events[1].record()
        self._wait()
        seconds = time.perf_counter() - self.began
        return seconds, round(float(self.events[0].elapsed_time(self.events[1])), 4) if self.events else None

    def memory(self) -> int | None:
        """Return the bytes that tensors hold on the device."""
        if self.kind == "cuda":
            return int(max(self.torch.cuda.memory_allocated(), self.torch.cuda.max_memory_allocated()))
        return int(self.torch.mps.current_allocated_memory()) if self.kind == "mps" else None

    def _wait(self) -> None:
        if self.kind != "cpu":
            getattr(self.torch, self.kind).synchronize()


if __name__ == "__main__":
    main()
