"""What this machine has: processors that we may use, memory, and whether there is a GPU."""

from __future__ import annotations

import ctypes
import os
import platform
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_NVIDIA_VERSION = Path("/proc/driver/nvidia/version")


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
    quota = _quota()
    return max(1, min(allowed, round(quota))) if quota else allowed


def _quota() -> float | None:
    """Return the processors that the control group grants (v2, then v1), None if unlimited."""
    try:
        limit, period = (_CGROUP / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_us = int((_CGROUP / "cpu/cpu.cfs_quota_us").read_text())
        period_us = int((_CGROUP / "cpu/cpu.cfs_period_us").read_text())
        return limit_us / period_us if limit_us > 0 else None
    except (OSError, ValueError):
        return None


def cpu() -> Device:
    """Describe the processor."""
    return Device("cpu", f"{_cpu_name()}, {processors()} of {os.cpu_count()} cores usable", True)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def gpus() -> tuple[Device, ...]:
    """Describe the GPUs that a driver presents. Nothing is claimed here about what they can do."""
    found: list[Device] = []
    if has_library("libcuda.so.1", "nvcuda.dll"):
        found.append(Device("cuda", _nvidia_name(), True, "an NVIDIA driver is loaded"))
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        found.append(Device("mps", "Apple GPU", True, "Apple Silicon"))
    return tuple(found)


def _nvidia_name() -> str:
    cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = [line.split(":", 1)[1].strip() for c in cards for line in c.read_text().splitlines() if "Model" in line]
    return ", ".join(names) or "NVIDIA GPU"


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
