"""The nouns of the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Verdict = Literal["engaged", "silently-on-cpu", "unsupported-architecture", "driver-too-old", "no-kernel",
                  "out-of-memory", "cpu-build-of-torch", "no-gpu", "cpu", "no-runtime"]
Certainty = Literal["certain", "likely", "unconfirmed"]
REQUIRED = "float32"  # without it an engine can't run; other precisions are options


@dataclass(frozen=True)
class Operator:
    """An operator family in a precision, as it was tried."""

    family: str
    precision: str
    works: bool
    skipped: bool = False  # the time did not suffice, or the runtime can't be asked
    deviation: float | None = None  # RMS of the difference to the CPU's float32 over RMS of the result
    tolerance: float = 0.0
    seconds: float | None = None
    cpu_seconds: float | None = None
    event_ms: float | None = None  # by the device's own clock
    fell_back: bool = False  # the runtime computed it on the CPU instead
    place: str = ""  # where the result lay
    error: str = ""


@dataclass(frozen=True)
class Proof:
    """What a device was proved to do in an environment."""

    asked: str  # "auto", "cuda", "mps", "cpu"
    device: str  # what to work on: "cuda:0", "mps", "cpu"; "" where nothing works
    verdict: Verdict
    sentence: str  # for a person
    remedy: str  # one command that mends it, "" where nothing is to be mended
    certainty: Certainty
    name: str = ""  # of the card
    capability: tuple[int, int] | None = None
    archs: tuple[str, ...] = ()  # what the runtime was built for
    driver: str = ""
    cuda: str = ""  # of the runtime
    runtime: str = "torch"
    version: str = ""  # of the runtime
    memory: int = 0  # bytes of the card
    used: int = 0  # bytes that the driver saw the probe take
    busy: float | None = None  # peak utilisation that the driver saw, 0..1
    speedup: float | None = None  # against the CPU, multiplying matrices
    precisions: tuple[str, ...] = ()  # in which every operator that is needed works
    operators: tuple[Operator, ...] = ()
    seconds: float = 0.0  # that the probe took, without the import
    cached: bool = False
    proved: str = ""  # the device on which `precisions` hold: "cpu" where the engine falls back to it

    @property
    def holds(self) -> bool:
        """Whether the engine runs where it was asked to (for "auto": on the best that is there)."""
        return self.verdict == "engaged" or (self.verdict == "cpu" and self.asked in ("cpu", "auto"))

    @property
    def works(self) -> bool:
        """Whether the engine runs at all, if need be on the CPU."""
        return bool(self.device)


def as_data(proof: Proof) -> dict[str, Any]:
    """Return a proof as plain data."""
    return asdict(proof)


def from_data(data: Mapping[str, Any]) -> Proof:
    """Return the proof that `as_data` wrote.

    Raises:
        TypeError, KeyError: it is not one.
    """
    known = {f.name for f in fields(Proof)}
    rest = {k: v for k, v in data.items() if k in known}
    capability = rest.get("capability")
    return Proof(**{**rest, "operators": tuple(Operator(**o) for o in data["operators"]),
                    "precisions": tuple(data["precisions"]), "archs": tuple(data["archs"]),
                    "capability": tuple(capability) if capability else None})
