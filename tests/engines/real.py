"""Workers in real environments that somebody built, for the tests that are opted into by naming them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podcast.environments.manifest import find_spec
from podcast.environments.session import INSIDE
from podcast.environments.spec import Environment
from podcast.environments.worker import Setup, Worker

HERE = Path(__file__).parent


def place(variable: str) -> Path:
    """Return what an environment variable names, or skip the test."""
    if not (name := os.environ.get(variable)):
        pytest.skip(f"{variable} is not set")
    return Path(name)


def random_weights(engine: str, python: Path, into: Path, *more: str) -> Path:
    """Make an engine's random weights by its own code, in the format of the published ones."""
    command = [python, HERE / f"{engine}_random.py", into, *more]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(INSIDE)})
    return into


def start(engine: str, python: Path, weights: Path, folder: Path, **policy: Any) -> Worker:
    """Return a worker, not yet started, whose environment is an interpreter that is there."""
    spec = find_spec(engine)
    own = folder / "environment"
    own.mkdir(exist_ok=True)
    variant = next((v for v in spec.variants if v.name == "cpu"), spec.variants[0])
    return Worker(Environment(spec, variant, "0" * 64, own, python, None, weights), Setup(policy=policy))
