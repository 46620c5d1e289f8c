"""A presenter driven by a motion template: head, eyes and brows of a person, lips and breath of the utterance."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from podcast.episode import Utterance
from podcast.puppet import gaze, life
from podcast.puppet.curves import limit_speed, minimum_jerk, soft_limit, steps
from podcast.puppet.motion import (
    HEAD_SPEED,
    IDLE_LIMIT,
    SPEAKING_LIMIT,
    TOWARDS,
    Style,
    answer,
    clock,
    idle_track,
    listener_looks,
    liveliness,
    speaking_track,
)
from podcast.puppet.pose import INDEX
from podcast.puppet.prosody import prosody
from podcast.puppet.stretch import stretch
from podcast.puppet.template import COLUMN, MotionTemplate

_FADE, _FADE_PER_DEGREE, _FADE_MOST = 0.35, 0.05, 0.8  # s in which the head leaves the rest pose and finds it again
_SHORT = 1.2  # s; in shorter slots the head moves less far
_SHIFT_LIMIT = {"head_x": 0.05, "head_y": 0.026}  # head heights
_NOD = (0.9, 2.0)  # degrees, for the lightest and the heaviest accent: the person in the template nods as well
_ANSWER = (1.6, 3.2)  # degrees, nods of a listener
_BROW_SHARE = 0.45  # of the brows that prosody raises
_LISTENER_GAZE = 0.4  # of the template's gaze, for one who looks at the other presenter
_SHUTS = 0.5  # of the way down, from which lids blink
_STARE = 6.0  # s since the last blink from which one is added: some clips are short, or of people who stare
_BEFORE_BLINK = 2.0  # s to the template's next blink in which none is added
_BLINKED = 3.0  # s before a slot at which the last blink is taken to have been
_GAZE_LEAVES, _GAZE_BACK, _SACCADE = 0.10, 0.16, 0.06  # s from the joints; duration


def driven_speaking_track(
    template: MotionTemplate,
    utterance: Utterance,
    frames: int,
    rate: Fraction,
    lead: int,
    seed: int,
    style: Style | None = None,
    partner: float | None = None,
) -> np.ndarray:
    """Return the motion of the one who speaks, float32 (frames, len(CHANNELS)); see `speaking_track`."""
    style = style or Style()
    poses = speaking_track(utterance, frames, rate, lead, seed, style, partner)
    if frames < 3:
        return poses
    t, rng, tracks = _begun(template, frames, rate, seed, lively=True)
    said = prosody(utterance, lead)
    beats = [
        pulse
        for accent in life.chosen(rng, said.accents, min(style.energy, 1.3))
        for pulse in life.beat(accent, _NOD[0] + (_NOD[1] - _NOD[0]) * accent.weight)
    ]
    looks = _to_partner(rng, t[-1], partner, [a for a, _ in said.phrases])
    nods = liveliness(style) * life.nods(t, beats)
    return _driven(poses, tracks, rate, rng, style, SPEAKING_LIMIT, nods=nods, looks=looks)


def driven_idle_track(
    template: MotionTemplate,
    frames: int,
    rate: Fraction,
    seed: int,
    style: Style | None = None,
    listening_to: float | None = None,
    cues: Sequence[float] = (),
) -> np.ndarray:
    """Return the motion of one who does not speak, float32 (frames, len(CHANNELS)); see `idle_track`."""
    style = style or Style()
    poses = idle_track(frames, rate, seed, style, listening_to, cues)
    if frames < 3:
        return poses
    t, rng, tracks = _begun(template, frames, rate, seed, lively=False)
    looks: list[gaze.Look] = []
    turn = np.zeros(frames)
    if listening_to:
        looks, turn = listener_looks(t, rng, listening_to)
    events = [p for cue in cues if rng.random() < 0.6 for p in answer(rng, cue, t[-1], _ANSWER)]
    nods = liveliness(style) * life.nods(t, events)
    return _driven(poses, tracks, rate, rng, style, IDLE_LIMIT, nods=nods, looks=looks, turn=turn)


def _begun(
    template: MotionTemplate, frames: int, rate: Fraction, seed: int, *, lively: bool
) -> tuple[np.ndarray, np.random.Generator, np.ndarray]:
    """Return times, chance and the stretch of the template for a slot; what rules move has a chance of its own."""
    t, rng = clock(frames, rate, seed, 1)
    return t, rng, stretch(template, frames, rate, rng, lively=lively)


def _to_partner(
    rng: np.random.Generator, end: float, partner: float | None, onsets: Sequence[float]
) -> list[gaze.Look]:
    """Return the glances at another presenter; the other glances are the template's own."""
    if partner is None:
        return []
    looks = gaze.glances(rng, end, onsets)
    pairs = zip(looks[::2], looks[1::2], strict=True)
    kept = [(gaze.Look(a.time, partner * TOWARDS, 0.0), b) for a, b in pairs if rng.random() < 0.6]
    return [look for pair in kept for look in pair]


def _driven(
    poses: np.ndarray,
    tracks: np.ndarray,
    rate: Fraction,
    rng: np.random.Generator,
    style: Style,
    limit: dict[str, float],
    *,
    nods: np.ndarray,
    looks: Sequence[gaze.Look],
    turn: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Return poses whose head, eyes and brows come from the tracks; both ends stay at rest."""
    t, lively = np.arange(len(poses)) / float(rate), liveliness(style)
    ends = _ends(t, tracks)
    more = _more_blinks(t, tracks, rng)
    column = {name: tracks[:, i] for name, i in COLUMN.items()}
    out = {axis: lively * ends * column[axis] for axis in limit}
    out["yaw"] = out["yaw"] + (min(lively, 1.0) if style.still else 1.0) * turn
    out["pitch"] = out["pitch"] + nods
    for axis in limit:
        out[axis] = limit_speed(soft_limit(out[axis], limit[axis]), HEAD_SPEED / float(rate))
    for axis, most in _SHIFT_LIMIT.items():
        out[axis] = soft_limit(lively * ends * column[axis], most)
    out["head_y"] = out["head_y"] - 0.004 * poses[:, INDEX["breath"]]  # the chest lifts the head
    out["lean"] = np.clip(lively * ends * column["lean"], -1.0, 1.0)
    for name in ("brow_l", "brow_r"):
        theirs = (0.4 + 0.6 * min(lively, 1.5)) * ends * column[name]
        out[name] = soft_limit(theirs + _BROW_SHARE * poses[:, INDEX[name]], 0.95)
    out["frown"] = np.clip(ends * column["frown"] + _BROW_SHARE * poses[:, INDEX["frown"]], 0.0, 0.8)
    out["gaze_x"], out["gaze_y"] = _gaze(t, column, looks, out["yaw"], out["pitch"])
    follow = 0.25 * np.maximum(out["gaze_y"], 0.0)  # lids follow the gaze down
    for name in ("blink_l", "blink_r"):
        out[name] = np.clip(np.maximum(np.maximum(_at_ends(t, column[name]), more), follow), 0.0, 1.0)
    for name, values in out.items():
        poses[1:-1, INDEX[name]] = values[1:-1]
    return poses


def _ends(t: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Return 0 at both ends and 1 between; what begins far from the neutral pose gets more time."""
    turned = np.abs(tracks[:, [COLUMN[n] for n in ("yaw", "pitch", "roll")]]).max(1)
    near = len(t) - 1 if t[-1] < _FADE else int(np.searchsorted(t, _FADE))
    up, down = (min(_FADE + _FADE_PER_DEGREE * float(x), _FADE_MOST, t[-1] / 2) for x in (turned[near], turned[-near]))
    return min(t[-1] / _SHORT, 1.0) * np.minimum(minimum_jerk(t / up), minimum_jerk((t[-1] - t) / down))


def _at_ends(t: np.ndarray, lids: np.ndarray) -> np.ndarray:
    return lids * minimum_jerk(np.minimum(t, t[-1] - t) / 0.1)  # no blink lies there, only a squint


def _more_blinks(t: np.ndarray, tracks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return blinks by rule, where the template has had none for long."""
    own = t[tracks[:, COLUMN["blink_l"]] > _SHUTS]
    ruled = gaze.blinks(t, rng, gaze.BLINK_IDLE, ())
    down = np.concatenate([[False], ruled > 0.0, [False]])
    begins, ends = np.flatnonzero(down[1:] & ~down[:-1]), np.flatnonzero(down[:-1] & ~down[1:])
    last = -_BLINKED
    for a, b in zip(begins, ends, strict=True):
        earlier = max(last, own[own <= t[a]].max(initial=last))
        if t[a] - earlier < _STARE or own[own > t[a]].min(initial=np.inf) < t[b - 1] + _BEFORE_BLINK:
            ruled[a:b] = 0.0
        else:
            last = float(t[b - 1])
    return ruled


def _gaze(
    t: np.ndarray, column: dict[str, np.ndarray], looks: Sequence[gaze.Look], yaw: np.ndarray, pitch: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return gaze channels: where the person looked, seen from the camera, from the head as it is held here."""
    end = t[-1]
    there = steps(t, [(_GAZE_LEAVES, _SACCADE, 1.0), (max(end - _GAZE_BACK, _GAZE_LEAVES), _SACCADE, 0.0)])
    x = there * (gaze.GAZE_X * column["gaze_x"] + column["yaw"])
    y = there * (gaze.GAZE_Y * column["gaze_y"] + column["pitch"])
    other_x, other_y = gaze.directions(t, looks)
    share = 1.0 - (1.0 - _LISTENER_GAZE) * np.minimum(np.abs(other_x) / 8.0, 1.0)
    return gaze.in_head(share * x + other_x, share * y + other_y, yaw, pitch)
