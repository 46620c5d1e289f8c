"""What all tests share."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from hypothesis import HealthCheck, settings

from podcast.cache import Cache
from podcast.process import WorkerPool

cv2.setNumThreads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: what we start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Machines are shared: a slow example is not a wrong one.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _no_error_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors, errors


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="session")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as workers:
        yield workers
