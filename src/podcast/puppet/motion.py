"""A presenter's motion during one slot: lips, eyes, head and breath put together.

Every slot begins and ends in exactly `pose.REST` with no velocity, so that shots join invisibly and depend on
nothing but their own content. There is no common fade: each movement is shaped so that it has come back by
itself, the head by a last unhurried move, the eyes by a saccade, fast parts of the drift within 0.25 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from podcast.episode import Utterance
from podcast.puppet import gaze, life
from podcast.puppet.curves import limit_speed, pulses, soft_limit, steps
from podcast.puppet.lips import lip_track
from podcast.puppet.pose import CHANNELS, INDEX, MOUTH, REST, rest
from podcast.puppet.prosody import NUCLEAR, Accent, Prosody, prosody

IDLE_LIMIT = {"yaw": 12.0, "pitch": 8.0, "roll": 6.0}  # degrees
SPEAKING_LIMIT = {"yaw": 16.0, "pitch": 9.0, "roll": 9.0}  # degrees
HEAD_SPEED = 110.0  # degrees per second; nods in conversation stay below
_STILL = 0.12  # share of head movement that a still presenter keeps
_SPEAKING_SPREAD = {"yaw": 4.4, "pitch": 1.4, "roll": 2.0}  # degrees, standard deviation of postures
_IDLE_SPREAD = {"yaw": 2.4, "pitch": 1.0, "roll": 1.7}
_DRIFT = {"yaw": 1.0, "pitch": 0.6, "roll": 0.55}  # degrees, RMS
_NOD = (2.0, 4.2)  # degrees, for the lightest and the heaviest accent
_LISTENER_NOD = (2.2, 4.2)  # degrees
TOWARDS = 22.0  # degrees from the camera to another presenter at direction 1 ...
_HEAD_SHARE = 0.4  # ... of which the head turns this share (Freedman and Sparks 1997), the eyes the rest
_STAYS = 0.2  # share of slots in which a listener stays with the camera
_GLANCE_SHARE = 0.22  # of a glance away
_HEAD_LATE = 0.05  # s, the head follows the eyes


@dataclass(frozen=True)
class Style:
    """How a presenter moves."""

    energy: float = 1.0  # 0 … 1.5
    still: bool = False  # lips, lids and gaze live, the head hardly moves


def speaking_track(
    utterance: Utterance,
    frames: int,
    rate: Fraction,
    lead: int,
    seed: int,
    style: Style | None = None,
    partner: float | None = None,
) -> np.ndarray:
    """Return the motion of the one who speaks, float32 (frames, len(CHANNELS)).

    `lead` is the samples of silence before the utterance. `partner` is the direction, -1 … 1 on the screen,
    of somebody who listens and gets a look now and then.
    """
    style, poses = style or Style(), rest(frames)
    if frames < 3:
        return poses
    t, rng = clock(frames, rate, seed)
    said = prosody(utterance, lead)
    marks = life.chosen(rng, said.accents, min(style.energy, 1.3))
    looks = _speaker_looks(rng, t[-1], said, partner)
    move = _head(t, rng, _SPEAKING_SPREAD, [a for a, _ in said.phrases], style)
    events = _beats(rng, marks)
    for axis in move:
        move[axis] += liveliness(style) * life.nods(t, events[axis])
    move["pitch"] += liveliness(style) * _declination(t, said)
    move["yaw"] += (_STILL if style.still else 1.0) * _follow(t, looks)
    out = dict(zip(MOUTH, lip_track(utterance.phones, frames, rate, lead).T, strict=True))
    out.update(_brows(t, rng, marks, said, style))
    out["smile"] = REST[INDEX["smile"]] + _speaker_smile(t, rng, said, style) * (1.0 - 0.7 * out["pucker"])
    out["breath"] = life.speech_breathing(t, said.phrases, 0.9)
    attractors = [b for _, b in said.phrases] + [look.time for look in looks if abs(look.x) > 4.0]
    _finish(out, t, rng, move, looks, attractors, gaze.BLINK_SPEAKING, SPEAKING_LIMIT, rate)
    return _posed(poses, out)


def idle_track(
    frames: int,
    rate: Fraction,
    seed: int,
    style: Style | None = None,
    listening_to: float | None = None,
    cues: Sequence[float] = (),
) -> np.ndarray:
    """Return the motion of one who does not speak, float32 (frames, len(CHANNELS)).

    `listening_to` is the direction of the one who speaks, -1 … 1 on the screen, None for nobody to look at;
    `cues` are the ends of that one's phrases in seconds of the slot, where a listener nods.
    """
    style, poses = style or Style(), rest(frames)
    if frames < 3:
        return poses
    t, rng = clock(frames, rate, seed)
    looks, turn = listener_looks(t, rng, listening_to)
    move = _head(t, rng, _IDLE_SPREAD, cues, style)
    move["yaw"] += (_STILL if style.still else 1.0) * (turn + _follow(t, looks[:0] if listening_to else looks))
    answers = [p for cue in cues if rng.random() < 0.6 * min(style.energy, 1.3) for p in answer(rng, cue, t[-1])]
    move["pitch"] += liveliness(style) * life.nods(t, answers)
    out = _idle_face(t, rng, style, listening=bool(cues) or listening_to is not None)
    out["breath"] = life.breathing(t, rng, 0.65)
    attractors = [*cues, *(look.time for look in looks if abs(look.x) > 4.0)]
    _finish(out, t, rng, move, looks, attractors, gaze.BLINK_IDLE, IDLE_LIMIT, rate)
    return _posed(poses, out)


# ---------------------------------------------------------------- what both have


def clock(frames: int, rate: Fraction, *seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """Return when the frames of a slot are shown, s, and the chance by which it moves."""
    return np.arange(frames) / float(rate), np.random.default_rng(seed)


def liveliness(style: Style) -> float:
    """Return the factor by which a style scales the head's movements."""
    return _STILL if style.still else float(np.clip(style.energy, 0.0, 1.5))


def _head(
    t: np.ndarray, rng: np.random.Generator, spread: dict[str, float], onsets: Sequence[float], style: Style
) -> dict[str, np.ndarray]:
    """Return yaw, pitch and roll in degrees: moves from posture to posture, and a drift."""
    lively = liveliness(style)
    noise = life.drift(t, rng, len(spread))
    move = {}
    for (axis, size), part in zip(spread.items(), noise, strict=True):
        move[axis] = lively * (steps(t, life.postures(rng, t[-1], size, onsets)) + _DRIFT[axis] * part)
    move["roll"] += 0.15 * move["yaw"]  # a head that turns tilts a little with it
    return move


def _follow(t: np.ndarray, looks: Sequence[gaze.Look]) -> np.ndarray:
    """Return the yaw by which the head goes along with looks far off the camera."""
    moves, x = [], 0.0
    for look in looks:
        target = _GLANCE_SHARE * look.x if abs(look.x) > 4.0 else 0.0
        if target != x and look.time + _HEAD_LATE + 0.4 < t[-1]:
            moves.append((look.time + _HEAD_LATE, 0.4, target))
            x = target
    if x:
        moves.append((t[-1] - 0.4, 0.4, 0.0))
    return steps(t, moves)


def _finish(
    out: dict[str, np.ndarray],
    t: np.ndarray,
    rng: np.random.Generator,
    move: dict[str, np.ndarray],
    looks: Sequence[gaze.Look],
    attractors: Sequence[float],
    blink_mean: float,
    limit: dict[str, float],
    rate: Fraction,
) -> None:
    """Add head, trunk, gaze and lids to the channels."""
    for axis, track in move.items():
        out[axis] = limit_speed(soft_limit(track, limit[axis]), HEAD_SPEED / float(rate))
    out["lean"] = np.clip(life.sway(t, rng, 0.3) + 0.02 * out["yaw"], -1.0, 1.0)
    out["head_x"] = 0.0012 * out["yaw"] + 0.012 * out["lean"]
    out["head_y"] = 0.0012 * out["pitch"] - 0.004 * out["breath"]  # the chest lifts the head
    x, y = gaze.directions(t, looks)
    out["gaze_x"], out["gaze_y"] = gaze.in_head(x, y, out["yaw"], out["pitch"])
    lids = gaze.blinks(t, rng, blink_mean, attractors)
    out["blink_l"] = out["blink_r"] = np.maximum(lids, 0.25 * np.maximum(out["gaze_y"], 0.0))  # lids follow gaze down


def _posed(poses: np.ndarray, out: dict[str, np.ndarray]) -> np.ndarray:
    """Return the poses with the channels of `out`, the first and last row left at rest."""
    for name in CHANNELS:
        poses[1:-1, INDEX[name]] = out[name][1:-1]
    return poses


# ---------------------------------------------------------------- the one who speaks


def _speaker_looks(rng: np.random.Generator, end: float, said: Prosody, partner: float | None) -> list[gaze.Look]:
    looks = gaze.glances(rng, end, [a for a, _ in said.phrases])
    if partner is not None:
        looks = [
            gaze.Look(k.time, partner * TOWARDS, 0.0) if i % 2 == 0 and rng.random() < 0.6 else k
            for i, k in enumerate(looks)
        ]
    return gaze.merge(looks, gaze.scan(rng, end - 0.2))


def _beats(rng: np.random.Generator, marks: Sequence[Accent]) -> dict[str, list[life.Pulse]]:
    """Return pulses for each axis: most accents are nods, some a turn or a tilt, as people do."""
    events: dict[str, list[life.Pulse]] = {"yaw": [], "pitch": [], "roll": []}
    for mark in marks:
        height = (_NOD[0] + (_NOD[1] - _NOD[0]) * mark.weight) * rng.uniform(0.7, 1.2)
        kind = rng.random()
        if kind < 0.72 or mark.weight == NUCLEAR:
            events["pitch"] += life.beat(mark, height)
        else:
            side = rng.choice((-1.0, 1.0))
            events["yaw" if kind < 0.86 else "roll"] += life.beat(mark, 0.7 * side * height)
            events["pitch"] += life.beat(mark, 0.4 * height)
    return events


def _declination(t: np.ndarray, said: Prosody) -> np.ndarray:
    """Return the pitch that begins a phrase a little up and ends it a little down, as the voice does."""
    moves = []
    for a, b in said.phrases:
        if b - a > 0.8:
            moves += [(a - 0.1, 0.4, -0.7), (a + 0.35, b - a - 0.4, 0.0 if said.question else 0.8)]
    moves = [(max(a, 0.0), d, target) for a, d, target in moves if a + d < t[-1] - 0.1]
    if moves:
        begin = min(max(moves[-1][0] + moves[-1][1] - 0.2, 0.0), t[-1] - 0.15)
        moves.append((begin, t[-1] - begin, 0.0))
    return steps(t, moves)


def _brows(
    t: np.ndarray, rng: np.random.Generator, marks: Sequence[Accent], said: Prosody, style: Style
) -> dict[str, np.ndarray]:
    """Return brows and frown: flashes on accents (Flecha-García 2010: just before them), a raise in questions."""
    lively = 0.5 * _STILL + 0.6 if style.still else 0.4 + 0.6 * float(np.clip(style.energy, 0.0, 1.5))
    flashes, sides, frowns = [], [], []
    for mark in marks:
        size = rng.uniform(0.3, 0.65) * (1.3 if said.exclamation else 1.0)
        flash = (mark.time - 0.22, mark.time - 0.03, mark.time + rng.uniform(0.3, 0.5), size)
        kind = rng.random()
        if kind < 0.42:
            flashes.append(flash)
        elif kind < 0.50:
            sides.append(flash)
        elif kind < 0.60:
            frowns.append((mark.time - 0.25, mark.time, mark.time + 0.6, 0.3))
    if said.question and said.accents:
        last, over = said.accents[-1].time, said.phrases[-1][1]
        flashes.append((last - 0.45, max(last - 0.1, over - 0.15), over + 0.45, 0.55))
    both = pulses(t, life.fitted(flashes, t[-1])) + 0.05 * life.drift(t, rng, 1)[0]
    one = pulses(t, life.fitted(sides, t[-1]))
    return {
        "brow_l": soft_limit(lively * (both + one), 0.95),
        "brow_r": soft_limit(lively * (both + 0.35 * one), 0.95),
        "frown": np.clip(lively * pulses(t, life.fitted(frowns, t[-1])), 0.0, 0.6),
    }


def _speaker_smile(t: np.ndarray, rng: np.random.Generator, said: Prosody, style: Style) -> np.ndarray:
    """Return what is added to the smile of the rest pose; warm endings are most exclamations, some others."""
    warm = rng.random() < (0.8 if said.exclamation else 0.3)
    extra = 0.06 * life.drift(t, rng, 1)[0]
    if warm and said.phrases:
        over, height = said.phrases[-1][1], rng.uniform(0.2, 0.35) * (0.5 + 0.5 * min(style.energy, 1.5))
        extra = extra + pulses(t, life.fitted([(over - 0.7, over, over + 0.9, height)], t[-1]))
    return np.maximum(extra, -0.10)


# ---------------------------------------------------------------- the one who listens


def listener_looks(
    t: np.ndarray, rng: np.random.Generator, direction: float | None
) -> tuple[list[gaze.Look], np.ndarray]:
    """Return the looks of a listener, mostly at the one who speaks, and the yaw that goes with them."""
    end = float(t[-1])
    if not direction or end < 1.6 or rng.random() < _STAYS:
        return gaze.merge(gaze.glances(rng, end, ()), gaze.scan(rng, end - 0.2)), np.zeros_like(t)
    target = float(np.clip(direction, -1.0, 1.0)) * TOWARDS
    begin = rng.uniform(0.12, 0.45)
    back = max(end - rng.uniform(0.7, 1.0), begin + 0.5)
    looks = [gaze.Look(begin, target, 0.0), *gaze.scan(rng, back - 0.2, (target, 0.0), begin + 0.2)]
    looks.append(gaze.Look(back, 0.0, 0.0))
    turn = min(rng.uniform(0.55, 0.8), (back - begin) * 0.8)
    yaw = _HEAD_SHARE * target * rng.uniform(0.8, 1.15)
    settle = end - back - _HEAD_LATE
    return looks, steps(t, [(begin + _HEAD_LATE, turn, yaw), (back + _HEAD_LATE, settle, 0.0)])


def answer(
    rng: np.random.Generator, cue: float, end: float, nod: tuple[float, float] = _LISTENER_NOD
) -> list[life.Pulse]:
    """Return nods soon after a cue; where the slot ends too early they begin before it, or not at all."""
    events = life.acknowledgement(rng, cue + rng.uniform(0.05, 0.3), rng.uniform(*nod))
    late = max(events[-1][2] - (end - 0.1), 0.0)
    if late > events[0][0]:
        return []
    return [(a - late, p - late, b - late, height) for a, p, b, height in events]


def _idle_face(t: np.ndarray, rng: np.random.Generator, style: Style, listening: bool) -> dict[str, np.ndarray]:
    """Return mouth and brows of one who does not speak."""
    end = float(t[-1])
    out = dict(zip(MOUTH, np.tile(REST[: len(MOUTH), None], len(t)), strict=True))
    noise = life.drift(t, rng, 2)
    smiles, flashes = [], []
    if end > 2.0 and rng.random() < 0.5:
        begin = rng.uniform(0.2, 0.4) * end
        smiles.append((begin, begin + 0.6, end - 0.15, rng.uniform(0.10, 0.28)))
    if listening and end > 2.0 and rng.random() < 0.4:
        begin = rng.uniform(0.2, 0.7) * (end - 1.2)
        flashes.append((begin, begin + 0.25, begin + 1.0, rng.uniform(0.2, 0.45)))
    lively = 0.4 + 0.6 * float(np.clip(style.energy, 0.0, 1.5))
    brow = soft_limit(lively * (pulses(t, life.fitted(flashes, end)) + 0.05 * noise[0]), 0.95)
    extra = np.maximum(0.04 * noise[1], -0.08) + pulses(t, life.fitted(smiles, end))
    out.update(smile=REST[INDEX["smile"]] + lively * extra, brow_l=brow, brow_r=brow, frown=np.zeros_like(t))
    return out
