"""A stand-in for torch that behaves as FAKE_TORCH (JSON) says; only for the probe's tests.

Keys: cuda (build), available, archs, capability, name, init_error, place_error, errors {"conv2d:float32": text},
wrong [families], falls_back [families], silent (computes on the processor and says "cuda"), stuck_clock, no_memory,
lands_on_cpu, mps, chatter, exit, exit_on_device, hang, pid_file.
"""

import json
import os
import sys
import time
import types
import warnings

import numpy

_SAYS = json.loads(os.environ.get("FAKE_TORCH", "{}"))
if "pid_file" in _SAYS:
    with open(_SAYS["pid_file"], "w") as _file:
        _file.write(str(os.getpid()))
if "import_error" in _SAYS:
    raise ImportError(_SAYS["import_error"])
if "exit" in _SAYS:
    sys.stderr.write("a library fell over\n")
    sys.stderr.flush()
    os._exit(_SAYS["exit"])
if "hang" in _SAYS:
    time.sleep(60)
if "chatter" in _SAYS:
    os.write(1, b'{"not": "readings"}\nlibrary says hello\n')

__version__ = "9.9.fake"
float32, float16, bfloat16 = "float32", "float16", "bfloat16"
version = types.SimpleNamespace(cuda=_SAYS.get("cuda"), hip=None)
_FAST_SIDE = 512  # products of larger matrices are not computed at all on a device that works


class Tensor:
    def __init__(self, data, place="cpu", dtype=float32):
        self.data, self.place, self.dtype = _rounded(data, dtype), place, dtype
        self.shape = self.data.shape

    @property
    def device(self):
        return types.SimpleNamespace(type="cpu" if _SAYS.get("lands_on_cpu") else self.place.partition(":")[0])

    def to(self, device=None, dtype=None):
        if isinstance(device, str) and device in (float32, float16, bfloat16):
            device, dtype = None, device
        if device and device != "cpu" and "exit_on_device" in _SAYS:
            os._exit(_SAYS["exit_on_device"])
        if device and device != "cpu" and "place_error" in _SAYS:
            raise RuntimeError(_SAYS["place_error"])
        return Tensor(self.data, device or self.place, dtype or self.dtype)

    def flatten(self):
        return self

    def tolist(self):
        return self.data.ravel().tolist()

    def __mul__(self, other):
        return Tensor(self.data * other, self.place, self.dtype)

    def __truediv__(self, other):
        return Tensor(self.data / other, self.place, self.dtype)


def _rounded(data, dtype):
    if dtype == float16:
        return data.astype("float16").astype("float32")
    data = data.astype("float32")
    if dtype == bfloat16:
        return ((data.view("uint32") + 0x8000) & 0xFFFF0000).astype("uint32").view("float32")
    return data


def _work(family, tensors, compute):
    place, dtype = tensors[0].place, tensors[0].dtype
    if place != "cpu":
        text = _SAYS.get("errors", {}).get(f"{family}:{dtype}")
        if text:
            raise RuntimeError(text)
        if family in _SAYS.get("falls_back", ()):
            warnings.warn(f"The operator 'aten::{family}' is not currently supported on the MPS backend and will "
                          "fall back to run on the CPU.", UserWarning, stacklevel=2)
    result = compute(*(t.data for t in tensors))
    if place != "cpu" and family in _SAYS.get("wrong", ()):
        result = result * 1.5
    return Tensor(result, place, dtype)


def conv2d(x, w, padding=0):
    return _work("conv2d" if len(x.shape) == 4 else "conv3d", (x, w), lambda a, b: a * b.std() + b.mean())


def grid_sample(x, g, align_corners):
    return _work("grid_sample_3d", (x, g), lambda a, b: a.mean() + b[..., 0])


def scaled_dot_product_attention(q, k, v):
    return _work("attention", (q, k, v), lambda a, b, c: a + b - c)


def matmul(a, b):
    if a.place != "cpu" and not _SAYS.get("silent") and a.shape[0] > _FAST_SIDE:
        return Tensor(a.data[:1], a.place, a.dtype)
    return _work("matmul", (a, b), lambda x, y: x @ y)


class Generator:
    def manual_seed(self, seed):
        self.random = numpy.random.default_rng(seed)
        return self


def randn(*shape, generator):
    return Tensor(generator.random.standard_normal(shape))


def ones(n):
    return Tensor(numpy.ones(n))


def tanh(x):
    return Tensor(numpy.tanh(x.data))


def round(x):
    return Tensor(numpy.round(x.data))


nn = types.SimpleNamespace(functional=types.SimpleNamespace(
    conv2d=conv2d, conv3d=conv2d, grid_sample=grid_sample, scaled_dot_product_attention=scaled_dot_product_attention))


class _Event:
    def __init__(self, enable_timing=False):
        self.at = 0.0

    def record(self):
        self.at = time.perf_counter()

    def elapsed_time(self, other):
        return 0.0 if _SAYS.get("stuck_clock") else (other.at - self.at) * 1e3


def _allocated():
    return 0 if _SAYS.get("no_memory") else 12_000_000


def _init():
    if "init_error" in _SAYS:
        raise RuntimeError(_SAYS["init_error"])


cuda = types.SimpleNamespace(
    is_available=lambda: bool(_SAYS.get("available")), init=_init, Event=_Event, synchronize=lambda: None,
    memory_allocated=_allocated, max_memory_allocated=_allocated, get_arch_list=lambda: _SAYS.get("archs", ["sm_89"]),
    get_device_capability=lambda i: tuple(_SAYS.get("capability", (8, 9))),
    get_device_name=lambda i: _SAYS.get("name", "NVIDIA Test 4090"),
    get_device_properties=lambda i: types.SimpleNamespace(total_memory=24_000_000_000))
mps = types.SimpleNamespace(synchronize=lambda: None, current_allocated_memory=_allocated)
backends = types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: bool(_SAYS.get("mps"))))
