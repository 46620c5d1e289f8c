"""Long texts in pieces that a model can say at once, and their sounds as one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

QUIET = 0.01  # of the peak: below is silence at the edges of a piece
KEPT = 0.08  # s of silence at each edge where two pieces meet: twice that is the pause of a clause
CROSSED = 0.02  # s of it that are cross-faded

_BREAKS = (  # where a text may be cut, the best first
    r"(?<=[.!?…])\s+|(?<=[。！？])",
    r"(?<=[,;:)])\s+|(?<=[、，；：])",
    r"\s+(?=[–—(])|(?<=[–—])\s+",
    r"\s+",
)


def split(text: str, limit: int) -> list[str]:
    """Return a text in pieces of at most `limit` characters: cut after sentences, else clauses, else words."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return [text] if text else []
    for pattern in _BREAKS:
        cuts = [m for m in re.finditer(pattern, text) if 0 < m.start() <= limit and m.end() < len(text)]
        if cuts:
            # Halves where two pieces are enough: a long piece and a single word sound wrong.
            middle = len(text) / 2 if len(text) <= 2 * limit else limit
            cut = min(cuts, key=lambda m: abs(m.start() - middle))
            return [*split(text[: cut.start()], limit), *split(text[cut.end() :], limit)]
    return [text[i : i + limit] for i in range(0, len(text), limit)]


def join(sounds: Sequence[np.ndarray], rate: int) -> tuple[np.ndarray, list[int]]:
    """Return sounds as one, and the sample of it at which the first sample of each would lie (may be negative).

    Where two meet, their silence is cut to that of a clause and cross-faded with equal power; speech is never faded.
    """
    kept, crossed = round(KEPT * rate), round(CROSSED * rate)
    whole, offsets = np.zeros(0, np.float32), []
    for i, sound in enumerate(sounds):
        first, last = extent(sound)
        start = first - kept if i else 0
        end = last + kept if i < len(sounds) - 1 else len(sound)
        piece = np.pad(sound[max(0, start) : end], (max(0, -start), max(0, end - len(sound)))).astype(np.float32)
        at = len(whole) - crossed if i else 0
        offsets.append(at - start)
        if i:
            angle = np.linspace(0, np.pi / 2, crossed, dtype=np.float32)
            piece[:crossed] = whole[at:] * np.cos(angle) + piece[:crossed] * np.sin(angle)
        whole = np.concatenate([whole[:at] if i else whole, piece])
    return whole, offsets


def extent(sound: np.ndarray) -> tuple[int, int]:
    """Return where sound begins and ends."""
    loud = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max(initial=0.0))
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, 0)
