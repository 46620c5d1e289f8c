"""Which characters a font file has: the `cmap` table of TrueType and OpenType files.

Source: OpenType specification, chapters "Font file" and "cmap"; formats 4 and 12 cover all current fonts.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from struct import error as struct_error
from struct import unpack
from typing import BinaryIO

import numpy as np

_PREFERRED = {(3, 10): 0, (0, 6): 1, (0, 4): 1, (0, 3): 2, (3, 1): 2, (0, 2): 3, (0, 1): 3, (0, 0): 3}


@dataclass(frozen=True)
class Coverage:
    """Ranges of code points: `starts[i]` … `ends[i]`, ascending."""

    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    def __contains__(self, char: str) -> bool:
        """Return whether the font has the character."""
        i = bisect_right(self.starts, ord(char)) - 1
        return i >= 0 and ord(char) <= self.ends[i]


def coverage(file: BinaryIO, index: int = 0) -> Coverage:
    """Return what face number `index` of a font file covers; nothing when the file is damaged."""
    try:
        table = _table(file, index, b"cmap")
        best = _subtable(table)
        ranges = _format12(table, best) if unpack(">H", table[best : best + 2])[0] == 12 else _format4(table, best)
    except (struct_error, ValueError, KeyError, IndexError):
        return Coverage()
    ranges.sort()
    return Coverage(tuple(a for a, _ in ranges), tuple(b for _, b in ranges))


def _table(file: BinaryIO, index: int, tag: bytes) -> bytes:
    file.seek(0)
    start = 0
    if file.read(4) == b"ttcf":
        file.seek(12 + 4 * index)
        (start,) = unpack(">I", file.read(4))
    file.seek(start + 4)
    (count,) = unpack(">H", file.read(2))
    file.seek(start + 12)
    entries = (unpack(">4sIII", file.read(16)) for _ in range(count))
    offset, length = {name: (at, size) for name, _, at, size in entries}[tag]
    file.seek(offset)
    return file.read(length)


def _subtable(table: bytes) -> int:
    (count,) = unpack(">H", table[2:4])
    found = [unpack(">HHI", table[4 + 8 * i : 12 + 8 * i]) for i in range(count)]
    usable = [(_PREFERRED[p, e], at) for p, e, at in found if (p, e) in _PREFERRED and table[at + 1] in (4, 12)]
    return min(usable)[1]


def _format4(table: bytes, at: int) -> list[tuple[int, int]]:
    segments = unpack(">H", table[at + 6 : at + 8])[0] // 2
    words = np.frombuffer(table, ">u2", offset=at + 14, count=4 * segments + 1).astype(int)
    ends, starts = words[:segments], words[segments + 1 : 2 * segments + 1]
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if a != 0xFFFF]


def _format12(table: bytes, at: int) -> list[tuple[int, int]]:
    (groups,) = unpack(">I", table[at + 12 : at + 16])
    rows = np.frombuffer(table, ">u4", offset=at + 16, count=3 * groups).reshape(-1, 3)
    return [(int(a), int(b)) for a, b, _ in rows]
