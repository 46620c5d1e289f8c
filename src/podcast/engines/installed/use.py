"""What the user asks of the graphics card, and what it did: light, for it is known in every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from podcast.errors import EngineError

if TYPE_CHECKING:
    from podcast.proof import Usage

OnSilence = Literal["warn", "fallback", "fail"]


@dataclass(frozen=True)
class Wish:
    """What the user asks of the graphics card."""

    device: str = "auto"  # "cuda", "mps", "cpu"
    on_silent_cpu: OnSilence = "warn"
    require: bool = False


class SilentlyOnCpu(EngineError):  # noqa: N818
    """The card was to work and did not."""


@dataclass
class DeviceUse:
    """What a device was asked to do in a run, and what it did."""

    engine: str
    asked: str
    used: str
    verdict: str
    proof: str  # a sentence for a person
    remedy: str = ""
    certainty: str = ""
    watched: list[Usage] = field(default_factory=list)  # what the driver saw of the card's work, job by job
    steps: list[str] = field(default_factory=list)  # taken when memory ran out
    policy: dict[str, Any] = field(default_factory=dict)


def joined(watched: Sequence[Usage]) -> Usage:
    """Return what several jobs together took of a card."""
    from podcast.proof import Usage

    told = [(usage.mean, usage.seconds) for usage in watched if usage.mean is not None]
    seconds = sum(length for _, length in told)
    mean = sum(share * length for share, length in told) / seconds if seconds else None
    return Usage(mean, max((u.peak for u in watched if u.peak is not None), default=None),
                 max((u.memory for u in watched), default=0), sum(u.seconds for u in watched),
                 any(u.silent for u in watched), all(u.certain for u in watched))
