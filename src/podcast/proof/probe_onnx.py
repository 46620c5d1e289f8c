"""Try a device with onnxruntime; loaded by probe.py within the engine's own environment, never imports podcast.

onnxruntime falls back to the CPU in silence, for a session (its library did not load) or for single nodes. So every
session is asked which providers it kept, and falling back within a session is forbidden.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

PROVIDERS = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider", "cpu": "CPUExecutionProvider"}
BURST = 0.3  # s of steady work
BURST_SIDE = 1024  # of its square matrices
REPEATS = 3
_OPSET = 20  # the first with GridSample in three dimensions
_IR_VERSION = 9
_ELEMENT = {"float32": 1, "float16": 10}  # onnx.TensorProto.DataType
_MODELS: dict[str, tuple[list[tuple[str, list[str], str]], list[tuple[int, ...]]]] = {
    # operator family: nodes as (operator, inputs, output), shapes of the inputs a, b, c
    "conv2d": ([("Conv", ["a", "b"], "y")], [(1, 16, 32, 32), (16, 16, 3, 3)]),
    "conv3d": ([("Conv", ["a", "b"], "y")], [(1, 8, 6, 16, 16), (8, 8, 3, 3, 3)]),
    "grid_sample_3d": ([("GridSample", ["a", "b"], "y")], [(1, 8, 6, 16, 16), (1, 6, 16, 16, 3)]),
    "matmul": ([("MatMul", ["a", "b"], "y")], [(128, 128), (128, 128)]),
    "attention": ([("MatMul", ["a", "b"], "s"), ("Softmax", ["s"], "p"), ("MatMul", ["p", "c"], "y")],
                  [(4, 64, 32), (4, 32, 64), (4, 64, 32)]),
    "burst": ([("MatMul", ["a", "b"], "y")], [(BURST_SIDE, BURST_SIDE), (BURST_SIDE, BURST_SIDE)]),
}


def examine(request: dict[str, Any], readings: dict[str, Any], blank: Callable[[str, str], dict[str, Any]],
            text_of: Callable[[BaseException], str]) -> list[Any]:
    """Fill in the readings; return what has to stay alive."""
    began = time.perf_counter()
    ort, numpy = importlib.import_module("onnxruntime"), importlib.import_module("numpy")
    readings["version"], readings["import_seconds"] = ort.__version__, round(time.perf_counter() - began, 3)
    ort.set_default_logger_severity(4)
    kind = request["device"].partition(":")[0]
    offered = list(ort.get_available_providers())
    readings["archs"] = []  # not told by this runtime
    readings["available"] = PROVIDERS[kind] in offered
    if kind == "cuda" and readings["available"]:
        package = importlib.import_module("onnxruntime.capi.build_and_package_info")
        readings["cuda"] = str(getattr(package, "cuda_version", "") or "unknown")
    if not readings["available"]:
        readings["error"] = f"{PROVIDERS[kind]} is not among {', '.join(offered)}"
        return []
    for precision in request["precisions"]:
        for family in request["operators"]:
            reading = blank(family, precision)
            readings["operators"].append(reading)
            try:
                _compare(ort, numpy, kind, reading)
            except Exception as error:  # whatever an upstream raises is a reading
                reading["error"] = text_of(error)
    return [] if kind == "cpu" else _burst(ort, numpy, kind, readings)


def _compare(ort: Any, numpy: Any, kind: str, reading: dict[str, Any]) -> None:
    if reading["precision"] not in _ELEMENT:
        reading["skipped"] = True  # numpy has no bfloat16
        return
    nodes, shapes = _MODELS[reading["family"]]
    feeds = _feeds(numpy, shapes, reading["precision"])
    plain = {name: value.astype("float32") for name, value in feeds.items()}
    reference = _session(ort, nodes, shapes, "float32", "cpu")
    began = time.perf_counter()
    wanted = reference.run(None, plain)[0]
    reading["cpu_seconds"] = round(time.perf_counter() - began, 6)
    session = _session(ort, nodes, shapes, reading["precision"], kind)
    found = session.run(None, feeds)[0]
    began = time.perf_counter()
    for _ in range(REPEATS):
        found = session.run(None, feeds)[0]
    reading["seconds"] = round((time.perf_counter() - began) / REPEATS, 6)
    reading["place"] = kind if PROVIDERS[kind] in session.get_providers() else "cpu"
    error = numpy.sqrt(((found.astype("float32") - wanted) ** 2).sum() / ((wanted ** 2).sum() or 1.0))
    reading["deviation"] = round(float(error), 8) if numpy.isfinite(error) else None


def _burst(ort: Any, numpy: Any, kind: str, readings: dict[str, Any]) -> list[Any]:
    nodes, shapes = _MODELS["burst"]
    feeds = _feeds(numpy, shapes, "float32")
    seconds, held = {}, []
    for place in ("cpu", kind):
        session = _session(ort, nodes, shapes, "float32", place)
        session.run(None, feeds)
        began, times = time.perf_counter(), 0
        while time.perf_counter() - began < (BURST if place == kind else 0) or not times:
            session.run(None, feeds)
            times += 1
        seconds[place] = (time.perf_counter() - began) / times
        held.append(session)
    readings["speedup"] = round(seconds["cpu"] / max(seconds[kind], 1e-9), 3)
    return held


def _session(ort: Any, nodes: list[Any], shapes: list[tuple[int, ...]], precision: str, kind: str) -> Any:
    options = ort.SessionOptions()
    if kind != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return ort.InferenceSession(model(nodes, shapes, precision), options, providers=[PROVIDERS[kind]])


def _feeds(numpy: Any, shapes: list[tuple[int, ...]], precision: str) -> dict[str, Any]:
    chance = numpy.random.default_rng(len(shapes))
    noise = {name: chance.standard_normal(shape) for name, shape in zip("abc", shapes)}  # noqa: B905
    # Within [-1, 1] and exact in 16 bits: the grid of grid_sample_3d is measured by what is sampled there.
    return {name: (numpy.round(numpy.tanh(v) * 64) / 64).astype(precision) for name, v in noise.items()}


# ---------------------------------------------------------------- the few messages of onnx.proto that are needed


def model(nodes: list[Any], shapes: list[tuple[int, ...]], precision: str) -> bytes:
    """Return a serialised onnx.ModelProto (field numbers after onnx.proto3)."""
    graph = b"".join(_field(1, _node(*node)) for node in nodes) + _field(2, b"probe")
    graph += b"".join(_field(11, _value(name, shape, precision))
                      for name, shape in zip("abc", shapes))  # noqa: B905
    graph += _field(12, _value("y", (), precision))
    return _number(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, _OPSET))


def _node(operator: str, inputs: list[str], output: str) -> bytes:
    names = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode())
    return names + _field(4, operator.encode())


def _value(name: str, shape: tuple[int, ...], precision: str) -> bytes:
    dimensions = b"".join(_field(1, _number(1, size)) for size in shape)
    tensor = _number(1, _ELEMENT[precision]) + (_field(2, dimensions) if shape else b"")
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))
