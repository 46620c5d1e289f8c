"""Dynamic time warping in a band, with memory that does not grow with the square of the length.

Sakoe and Chiba (1978) with steps (1,1), (1,0), (0,1) of equal weight, the last two perhaps a little dearer. A row
follows from the one before at once: with the running sum S of the row's costs, D[j] = S[j] + min over k <= j of
(V[k] - S[k-1]), where V[k] is the better of D[k] and D[k-1] in the row before. Every `_ROWS` rows the state is kept;
the way back is found block by block, from the steps that were noted on the way there or, of a long sound, by going
each block once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_ROWS = 256  # between kept states
_NOTED = 32_000_000  # cells (bytes) whose steps are noted on the way there
_FAR = 1e12
_DIAGONAL, _DOWN, _ALONG = 0, 1, 2  # where a cell's best way came from

Band = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Terms:
    """What else a way costs, or need not cost."""

    most: np.ndarray | None = None  # of every row: what its frames cost at most; where it is low, anything may be heard
    skip: np.ndarray | None = None  # of every column: what its frames cost at most; there, anything may be left out
    pauses: np.ndarray | None = None  # of every row: whether the other sound may pause there
    pause: np.ndarray | None = None  # of every column: what it costs then
    bend: float = 0.0  # of a step that goes on in one sound alone

    def waits(self, rows: np.ndarray) -> np.ndarray:
        """Return in which of these rows the other sound may pause."""
        return np.zeros(len(rows), bool) if self.pauses is None else self.pauses[rows]


PLAIN = Terms()


@dataclass(frozen=True)
class Path:
    """The way through both sounds: `rows` of the reference, `columns` of the other; and its mean cost."""

    rows: np.ndarray
    columns: np.ndarray
    cost: float  # per step
    costs: np.ndarray  # of every step
    at_edge: float  # the share of steps beside the band's edge (where the band is narrower than the sound)


def warp(
    reference: np.ndarray,
    other: np.ndarray,
    centre: np.ndarray | None = None,
    reach: int = 0,
    terms: Terms = PLAIN,
) -> Path:
    """Return the cheapest way through two sounds of features (n, d) and (m, d).

    `centre` is the expected column of every row and `reach` how far the way may be from it; None: anywhere.
    """
    low, high = _band(len(reference), len(other), centre, reach)
    shift = int(np.diff(low).max(initial=0))
    state = np.full(int((high - low).max()) + shift + 2, _FAR)  # one before the row's first column, and room behind
    noted = len(reference) * len(state) <= _NOTED
    kept, steps = [], []
    for first in range(0, len(reference), _ROWS):
        kept.append(state)
        state, came = _block(reference, other, low, high, first, state, noted, terms)
        steps.append(came)

    def step_of(number: int) -> np.ndarray:
        if noted:
            return steps[number]
        return _block(reference, other, low, high, number * _ROWS, kept[number], True, terms)[1]

    rows, columns = _back(len(reference), len(other), low, step_of)
    costs = np.sqrt(((reference[rows] - other[columns]) ** 2).sum(1))
    if terms.pauses is not None and terms.pause is not None:
        costs = np.where(terms.pauses[rows], np.minimum(costs, terms.pause[columns]), costs)
    below = (columns <= low[rows]) & (low[rows] > 0)
    above = (columns >= high[rows] - 1) & (high[rows] < len(other))
    return Path(rows, columns, float(costs.mean()), costs, float((below | above).mean()))


def _band(n: int, m: int, centre: np.ndarray | None, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the end column of every row; both never fall, and neighbours overlap."""
    if centre is None:
        return np.zeros(n, int), np.full(n, m)
    low = np.clip(np.floor(centre - reach).astype(int), 0, m - 1)
    high = np.clip(np.ceil(centre + reach).astype(int) + 1, 1, m)
    low[0], high[-1] = 0, m
    low, high = np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high)
    return low, np.maximum(high, np.append(low[1:], m - 1) + 1)


def _costs(a: np.ndarray, b: np.ndarray, rows: slice, columns: slice, terms: Terms) -> np.ndarray:
    """Return what every pair of frames costs."""
    ours, theirs = a[rows], b[columns]
    square = (theirs * theirs).sum(1)[None] + (ours * ours).sum(1)[:, None] - 2 * ours @ theirs.T
    costs: np.ndarray = np.sqrt(np.maximum(square, 0))
    if terms.most is not None:
        costs = np.minimum(costs, terms.most[rows, None])
    if terms.skip is not None:
        costs = np.minimum(costs, terms.skip[None, columns])
    if terms.pauses is not None and terms.pause is not None:
        at = np.flatnonzero(terms.pauses[rows])
        costs[at] = np.minimum(costs[at], terms.pause[columns])
    return costs


def _block(
    a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray, first: int, state: np.ndarray, trace: bool,
    terms: Terms,
) -> tuple[np.ndarray, np.ndarray]:
    """Go on for `_ROWS` rows from the row before `first`, whose sums `state` holds from its own first column on."""
    last = min(first + _ROWS, len(a))
    left = int(low[first])
    costs = _costs(a, b, slice(first, last), slice(left, int(high[last - 1])), terms)
    came = np.zeros((last - first, state.shape[0]), np.int8) if trace else np.zeros((0, 0), np.int8)
    far, waits = np.full_like(state, _FAR), terms.waits(np.arange(first, last))
    costs[~waits] += np.float32(terms.bend)
    for i in range(first, last):
        start, end = int(low[i]), int(high[i])
        cost = costs[i - first, start - left : end - left]
        down, diagonal = _above(state, start, end, int(low[i - 1]) if i else -1)
        if waits[i - first]:  # going on in a pause is no bend
            down = down + terms.bend
        else:
            diagonal = diagonal - terms.bend  # which all of the row's costs hold already
        best = np.minimum(down, diagonal)
        total = np.cumsum(cost, dtype=np.float64)
        gain = best - (total - cost)
        running = np.minimum.accumulate(gain)
        if trace:
            row = came[i - first, : end - start]
            np.less(down, diagonal, out=row.view(bool))  # true is _DOWN
            row[gain > running] = _ALONG
        state = far.copy()
        np.add(total, running, out=state[1 : end - start + 1])
    return state, came


def _above(state: np.ndarray, start: int, end: int, before: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums above (down) and above left (diagonal) of columns start … end."""
    if before < 0:  # the first row: the way begins at its first column
        down, diagonal = np.full(end - start, _FAR), np.full(end - start, _FAR)
        diagonal[0] = 0.0
        return down, diagonal
    shift, size = start - before, end - start
    return state[shift + 1 : shift + 1 + size], state[shift : shift + size]


def _back(
    n: int, m: int, low: np.ndarray, step_of: Callable[[int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    rows, columns, starts = [n - 1], [m - 1], low.tolist()
    i, j = n - 1, m - 1
    for number in range((n - 1) // _ROWS, -1, -1):
        first, came = number * _ROWS, step_of(number)
        while i >= first and (i or j):
            step = came[i - first, j - starts[i]]
            j -= int(step != _DOWN)
            i -= int(step != _ALONG)
            rows.append(i)
            columns.append(j)
    return np.array(rows[::-1]), np.array(columns[::-1])
