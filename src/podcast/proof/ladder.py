"""What to try when a card's memory is full: less at once, a smaller picture, shorter pieces, the processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_CHUNK = 16  # frames: below it starting a piece costs more than rendering it


@dataclass(frozen=True)
class Step:
    """Settings to try next, and the sentence that says so."""

    batch: int
    size: int  # pixels
    chunk: int  # frames that are rendered at a time; 0: all
    device: str  # "": the same, or "cpu"
    sentence: str


def ladder(batch: int, size: int, sizes: Sequence[int], chunk: int = 0, device: str = "cuda") -> tuple[Step, ...]:
    """Return the steps after a first attempt that ran out of memory, each one milder than the one before.

    Args:
        batch: frames at once in the first attempt.
        size: its picture's side in pixels.
        sizes: what the engine knows.
        chunk: frames that it renders at a time; 0: the engine has no pieces.
        device: where the first attempt was made.
    """
    if device == "cpu":
        return ()
    steps: list[Step] = []
    if batch > 1:
        steps.append(Step(1, size, chunk, "", f"one frame at a time instead of {batch}"))
    for smaller in sorted({s for s in sizes if s < size}, reverse=True):
        steps.append(Step(1, smaller, chunk, "", f"{smaller} pixels instead of {size}, scaled up"))
    least = steps[-1].size if steps else size
    while chunk // 2 >= LEAST_CHUNK:
        chunk //= 2
        steps.append(Step(1, least, chunk, "", f"pieces of {chunk} frames"))
    # On the processor memory is not short: the size that was asked for again.
    return (*steps, Step(1, size, chunk, "cpu", "the processor instead of the card: slow, but it ends"))


def told(step: Step, engine: str) -> str:
    """Return the line for the user."""
    return f"{engine}: the card's memory is full; trying {step.sentence}"
