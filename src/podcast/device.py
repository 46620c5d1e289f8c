"""What this machine has: processors that we may use, what they compute with, memory, and drivers of GPUs."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_CPU_INFO = Path("/proc/cpuinfo")
_NVIDIA_VERSION = Path("/proc/driver/nvidia/version")
# Flags of processors that compute with bfloat16: x86 (Linux' names), Arm.
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
_VNNI = {"avx512_vnni", "avx_vnni"}


@dataclass(frozen=True)
class Device:
    """A processor that can do work, or the reason why it can't."""

    kind: str  # "cpu", "cuda", "mps"
    name: str
    usable: bool
    reason: str = ""


def processors() -> int:
    """Return how many processors we may use: affinity and the container's quota respected."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, min(allowed, round(quota))) if quota else allowed


def cpu_quota(root: Path = _CGROUP, own: Path = _OWN_CGROUP) -> float | None:
    """Return the processors that our control group grants, None if unlimited.

    The strictest limit counts, of our group and of all those that it lies in (v2 and v1; Linux, cgroups(7)).
    """
    limits = [limit for folder in _groups(root, own) if (limit := _limit(folder)) is not None]
    return min(limits) if limits else None


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of our control groups for processors, and of those above them."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    found: dict[Path, None] = {}
    for line in [*lines, "0::/", "1:cpu:/"]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root if not controllers else next(
            (root / name for name in (controllers, "cpu", "cpu,cpuacct") if (root / name).is_dir()), root / "cpu")
        # Within a container the path may lead out of what is mounted ("/../.."); then the root is our group.
        parts = [part for part in path.split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            found[base.joinpath(*parts[:depth])] = None
    yield from found


def _limit(folder: Path) -> float | None:
    try:
        limit, period = (folder / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_us = int((folder / "cpu.cfs_quota_us").read_text())
        return limit_us / int((folder / "cpu.cfs_period_us").read_text()) if limit_us > 0 else None
    except (OSError, ValueError):
        return None


def performance_cores() -> int | None:
    """Return how many fast cores an Apple processor has, None elsewhere."""
    return _sysctl("hw.perflevel0.physicalcpu") or None


@cache
def has_bfloat16() -> bool:
    """Tell whether the processor computes with bfloat16; False where it is not told (Windows)."""
    if platform.system() == "Darwin":
        return bool(_sysctl("hw.optional.arm.FEAT_BF16"))
    return bool(_BFLOAT16 & cpu_flags())


@cache
def has_vnni() -> bool:
    """Tell whether the processor adds up products of bytes without overflow (VNNI); False where it is not told."""
    return bool(_VNNI & cpu_flags())


def cpu_flags(info: Path = _CPU_INFO) -> frozenset[str]:
    """Return what Linux says that the processor can; empty elsewhere."""
    try:
        lines = info.read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return frozenset(flags.partition(":")[2].split())


def _sysctl(name: str) -> int:
    """Return one of macOS' numbers, 0 where there is none."""
    if platform.system() != "Darwin":
        return 0
    value, size = ctypes.c_int64(0), ctypes.c_size_t(8)
    failed = ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    return 0 if failed else int(value.value)


def cpu() -> Device:
    """Describe the processor."""
    return Device("cpu", f"{_cpu_name()}, {processors()} of {os.cpu_count()} cores usable", True)


def _cpu_name() -> str:
    try:
        lines = _CPU_INFO.read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def gpus() -> tuple[Device, ...]:
    """Tell which GPUs a driver presents; what they can do is proved elsewhere."""
    found: list[Device] = []
    if has_library("libcuda.so.1", "nvcuda.dll"):
        found.append(Device("cuda", "NVIDIA GPU", True, "an NVIDIA driver is loaded"))
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        found.append(Device("mps", "Apple GPU", True, "Apple Silicon"))
    return tuple(found)


def driver_identity() -> str:
    """Return what the proof of a hardware encoder depends on besides our own libraries."""
    try:
        return _NVIDIA_VERSION.read_text().splitlines()[0]
    except (OSError, IndexError):
        return f"{platform.system()} {platform.release()}"


def has_library(*names: str) -> bool:
    """Tell whether one of these shared libraries can be loaded."""
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def memory_bytes() -> int:
    """Return the machine's memory in bytes, 0 where it is not told."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
