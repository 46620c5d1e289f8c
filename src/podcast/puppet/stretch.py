"""A stretch of a motion template as long as a slot: chosen where it begins and ends calmly, looped without a seam.

Where the template is too short, it is left at one moment and entered at another that looks and moves alike, with
a cross-fade (motion graphs: Kovar et al. 2002). Lids are kept apart from the rest: a blink is whole or absent.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from podcast.puppet.curves import smoothstep
from podcast.puppet.template import COLUMN, LEAST, TRACKS, MotionTemplate

CROSS = 0.8  # s, a cross-fade
_LIDS = [COLUMN["blink_l"], COLUMN["blink_r"]]
# What counts as one unit of difference: half of a lively head's standard deviation.
_UNIT = {"yaw": 3.0, "pitch": 2.0, "roll": 2.0, "head_x": 0.02, "head_y": 0.02, "brow_l": 0.4, "brow_r": 0.4,
         "gaze_x": 0.5, "gaze_y": 0.5, "lean": 0.6}  # fmt: skip
_HEAD = ("yaw", "pitch", "roll", "head_x", "head_y")
_SPEED = 0.25  # s, so that 4 units per second of speed weigh like one unit of distance
_HURRY = 0.3  # weight of speed against distance where a slot begins or ends; the fade takes most of it away
_STEP = 0.1  # s between the moments that are compared
_APART = 0.6  # s between the stretches from which one is drawn
_CHOICES = 8
_KEEN_ENTRY, _KEEN_JUMP = 1.0, 5.0  # by how much one unit of cost is worse than none, as a logarithm
_MOMENTS = 400  # compared with each other at most
_PLAY = 2.0  # s, least time between cross-fades
_LIVELY, _CALM = 0.75, 0.25  # share of the stretches that are calmer than the one wanted
_LIVELINESS = 3.0  # weight of that against the calm of both ends
_LONG_BLINK = 0.5  # s; lids that are lower for longer are a squint, or sleep
_SQUINT, _SQUINT_MOST = 0.35, 0.2  # share of it that is kept, and its most: without the smile it looks sleepy
_BLINK = 0.55  # what lids move by at least in a blink
_LEAST_BLINK = 0.04  # what lids move by without blinking
_MARGIN = 0.1  # s at the ends of a slot in which no blink lies


class _Footage:
    """A template at the frame rate of the slot: all stretches behind each other."""

    def __init__(self, template: MotionTemplate, rate: Fraction) -> None:
        self.rate = float(rate)
        runs, blinks, left = [], [], []
        for start, end in zip(template.starts, template.ends, strict=True):
            if float((end - start) / template.rate) < LEAST:
                continue
            tracks = template.tracks[start:end].astype(np.float64)
            base, events = _lids(tracks[:, _LIDS], float(template.rate))
            tracks[:, _LIDS] = base
            at = np.arange(int((end - start - 1) * rate / template.rate) + 1) * float(template.rate / rate)
            runs.append(_resampled(tracks, at))
            blinks.append(_kept_peaks(_resampled(events, at), events, at))
            left.append(np.arange(len(at), 0, -1))
        self.tracks, self.blinks, self.left = np.concatenate(runs), np.concatenate(blinks), np.concatenate(left)
        used = np.stack([self.tracks[:, COLUMN[name]] / unit for name, unit in _UNIT.items()], 1)
        speed = np.concatenate([np.gradient(run, axis=0) for run in self._split(used)]) * self.rate * _SPEED
        self.features = np.concatenate([used, speed], 1)
        head = [i for i, name in enumerate(_UNIT) if name in _HEAD]
        self.effort = np.concatenate([[0.0], np.cumsum(np.linalg.norm(speed[:, head], axis=1))])
        self.away = np.linalg.norm(used[:, head], axis=1) + _HURRY * np.linalg.norm(speed[:, head], axis=1)

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        return np.split(values, np.flatnonzero(self.left[:-1] == 1) + 1)

    def frames(self, seconds: float) -> int:
        return max(round(seconds * self.rate), 1)


def stretch(
    template: MotionTemplate, frames: int, rate: Fraction, rng: np.random.Generator, lively: bool
) -> np.ndarray:
    """Return motion of a template, float64 (frames, len(TRACKS)): the same for the same state of `rng`.

    It begins and ends anywhere, though rather near the neutral pose, and never within a blink. `lively` prefers
    stretches in which much happens, as people move who speak; otherwise calm ones, as people listen.
    """
    footage = _Footage(template, rate)
    if frames <= footage.left.max():
        path = [(_entry(footage, frames, rng, lively), frames)]
    else:
        path = _loop(footage, frames, rng, lively)
    return _played(footage, path, frames)


# ---------------------------------------------------------------- lids and time


def _lids(lids: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what the lids do slowly, as far as it is kept, and the share of the rest by which blinks shut them."""
    from scipy.ndimage import grey_opening, uniform_filter1d  # a fifth of a second that only templates pay

    width = max(round(_LONG_BLINK * rate), 3)
    slow = np.stack([grey_opening(side, width, mode="nearest") for side in lids.T], 1)
    slow = np.minimum(uniform_filter1d(slow, max(width // 3, 1), axis=0, mode="nearest"), lids)
    blinks = (lids - slow) / np.maximum(1.0 - slow, 0.05)
    blinks[(blinks < _LEAST_BLINK).all(1)] = 0.0
    for a, b in _events(blinks):
        if blinks[a:b].max() < _BLINK:
            blinks[a:b] *= _SQUINT
    return np.minimum(_SQUINT * np.maximum(slow, 0.0), _SQUINT_MOST), np.clip(blinks, 0.0, 1.0)


def _events(blinks: np.ndarray) -> list[tuple[int, int]]:
    """Return where lids move: first frames, and frames after the last."""
    down = np.concatenate([[False], blinks.any(1), [False]])
    begins, ends = np.flatnonzero(down[1:] & ~down[:-1]), np.flatnonzero(down[:-1] & ~down[1:])
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


def _resampled(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    index = np.arange(len(values))
    return np.stack([np.interp(at, index, column) for column in values.T], 1)


def _kept_peaks(resampled: np.ndarray, events: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the blinks with their full height, which frames at another rate may fall beside."""
    for side in range(events.shape[1]):
        column = events[:, side]
        inner = column[1:-1]
        for peak in np.flatnonzero((inner > 0.3) & (inner >= column[:-2]) & (inner > column[2:])) + 1:
            near = int(np.argmin(np.abs(at - peak)))
            resampled[near, side] = max(resampled[near, side], column[peak])
    return resampled


# ---------------------------------------------------------------- the way through the template


def _drawn(cost: np.ndarray, moments: np.ndarray, apart: int, keen: float, rng: np.random.Generator) -> int:
    """Return an index into `moments`: one of the cheapest that lie apart, the cheaper the likelier."""
    chosen: list[int] = []
    for i in np.argsort(cost, kind="stable"):
        if all(abs(moments[i] - moments[c]) >= apart for c in chosen):
            chosen.append(int(i))
        if len(chosen) == _CHOICES:
            break
    weight = np.exp(-keen * (cost[chosen] - cost[chosen[0]]))
    return chosen[int(rng.choice(len(chosen), p=weight / weight.sum()))]


def _entry(footage: _Footage, frames: int, rng: np.random.Generator, lively: bool) -> int:
    """Return the frame with which an unbroken stretch of `frames` begins."""
    possible = np.flatnonzero(footage.left >= frames)
    starts = possible[:: footage.frames(_STEP)]
    ends = starts + frames - 1
    effort = footage.effort[ends + 1] - footage.effort[starts]
    rank = np.argsort(np.argsort(effort, kind="stable"), kind="stable") / max(len(starts) - 1, 1)
    wanted = np.abs(rank - (_LIVELY if lively else _CALM))
    cost = footage.away[starts] + footage.away[ends] + _LIVELINESS * wanted
    return int(starts[_drawn(cost, starts, footage.frames(_APART), _KEEN_ENTRY, rng)])


def _loop(footage: _Footage, frames: int, rng: np.random.Generator, lively: bool) -> list[tuple[int, int]]:
    """Return (frame of the template, frames to play) until `frames` are reached; the parts overlap by a cross-fade."""
    cross = footage.frames(CROSS)
    now = _entry(footage, int(min(footage.left.max(), footage.frames(2 * _PLAY))), rng, lively)
    path: list[tuple[int, int]] = []
    to_go = frames
    while to_go > footage.left[now]:
        leave, entry = _jump(footage, now, to_go, cross, rng)
        path.append((now, leave - now + cross))
        to_go -= leave - now
        now = entry
    return [*path, (now, to_go)]


def _jump(footage: _Footage, now: int, to_go: int, cross: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return where the template is left and where it is entered instead, alike over the cross-fade."""
    left, step = int(footage.left[now]), footage.frames(_STEP)
    latest = now + left - cross
    leave = np.arange(max(now + min(footage.frames(_PLAY), left // 2), latest - _MOMENTS * step), latest + 1, step)
    entry = np.flatnonzero(footage.left >= min(footage.frames(LEAST), footage.left.max()))
    entry = entry[:: max(step, -(-len(entry) // _MOMENTS))]
    if not len(leave):
        leave = np.array([latest])
    cost = np.zeros((len(leave), len(entry)))
    for shift in (0, cross // 2, cross - 1):
        a, b = footage.features[leave + shift], footage.features[entry + shift]
        cost += np.linalg.norm(a[:, None] - b[None], axis=2) / 3
    cost[np.abs(leave[:, None] - entry[None]) < cross] = np.inf  # that is no jump
    rest = to_go - (leave - now)
    last = footage.left[entry][None] >= rest[:, None]  # the slot ends in the stretch that is entered: calmly
    end = np.minimum(entry[None] + np.maximum(rest, 1)[:, None] - 1, len(footage.away) - 1)
    cost += np.where(last, footage.away[end], 0.0)
    best = np.argmin(cost, axis=0)
    which = _drawn(cost[best, np.arange(len(entry))], entry, footage.frames(_APART), _KEEN_JUMP, rng)
    return int(leave[best[which]]), int(entry[which])


def _played(footage: _Footage, path: list[tuple[int, int]], frames: int) -> np.ndarray:
    cross = footage.frames(CROSS)
    out, blinks = np.zeros((frames, len(TRACKS))), np.zeros((frames, 2))
    cuts, at = [], 0
    for number, (first, length) in enumerate(path):
        part = footage.tracks[first : first + length]
        fade = smoothstep((np.arange(length) + 1) / (cross + 1))[:, None] if number else np.ones((length, 1))
        room = slice(at, at + length)
        out[room] = out[room] * (1 - fade) + part * fade
        begin = cross // 2 if number else 0
        blinks[at + begin : at + length] = footage.blinks[first + begin : first + length]
        if number:
            cuts.append(at + begin)
        at += length - cross
    out[:, _LIDS] += (1.0 - out[:, _LIDS]) * _whole(blinks, cuts, footage.frames(_MARGIN))
    return out


def _whole(blinks: np.ndarray, cuts: list[int], margin: int) -> np.ndarray:
    """Return the blinks without those that a cut or an end of the slot would halve."""
    for a, b in _events(blinks):
        if a < margin or b > len(blinks) - margin or any(a <= cut <= b for cut in cuts):
            blinks[a:b] = 0.0
    return blinks
