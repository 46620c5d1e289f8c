"""What a worker sees of this machine: a short list of environment variables, and nothing of our own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

# Harmless and needed: programs, home (caches of compiled kernels), language, drivers, libraries, Windows' own.
ALLOWED = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ",
    "LD_LIBRARY_PATH", "DYLD_*", "CUDA_*", "NVIDIA_*", "PYTORCH_*", "ROCR_*", "HIP_*",
    "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
    "PROGRAMDATA", "PROGRAMFILES*", "NUMBER_OF_PROCESSORS", "PROCESSOR_*", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def surroundings(
    secrets: tuple[str, ...], threads: int, folder: Path, inside: Path, policy: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a worker.

    Args:
        secrets: names of further variables that its manifest asks for.
        threads: how many it may use.
        folder: private; temporary files go there too.
        inside: the folder of `podcast_worker`.
        policy: variables that the policy for the device sets; they win.
    """
    ours = {name: value for name, value in os.environ.items() if _allowed(name) or name in secrets}
    fixed = {
        "PYTHONPATH": str(inside),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "TMP": str(folder),
    }
    return {**ours, **fixed, **dict.fromkeys(_THREADS, str(threads)), **policy}


def _allowed(name: str) -> bool:
    return any(fnmatchcase(name.upper(), pattern) for pattern in ALLOWED)
