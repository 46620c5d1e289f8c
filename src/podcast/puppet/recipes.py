"""The motion templates that ship, made by rules: `python -m podcast.puppet.recipes FOLDER` writes them again.

They are made of the same movements as the presenters' own life (`life`, `gaze`), but composed as one long take, so
that postures, glances and brows go together over many seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from podcast.puppet import gaze, life
from podcast.puppet.curves import pulses, soft_limit, steps
from podcast.puppet.prosody import NUCLEAR, ORDINARY, Accent
from podcast.puppet.template import COLUMN, TRACKS, MotionTemplate, save_template

_RATE = Fraction(25)
_SECONDS = 36.0
_LIMIT = {"yaw": 15.0, "pitch": 8.5, "roll": 8.0}  # degrees
_SOURCE = "made by rules, podcast.puppet.recipes"


@dataclass(frozen=True)
class Recipe:
    """How somebody moves; angles in degrees."""

    seed: int
    posture: tuple[float, float, float]  # standard deviation of yaw, pitch and roll
    drift: float  # RMS of the yaw
    beat_every: float  # s between nods and other beats, on average
    beat: float  # height of a heavy one
    away_every: float  # s between glances away
    away: tuple[float, float]  # how far they go, right or left and down (negative is up)
    blink_every: float  # s
    brow: float  # height of a raise, 0 … 1
    frown: float  # height of a frown, 0 … 1


RECIPES = {
    "calm": Recipe(11, (2.4, 0.9, 1.5), 0.6, 2.6, 2.4, 7.0, (7.0, 2.0), 4.0, 0.30, 0.10),
    "lively": Recipe(23, (5.2, 1.7, 2.4), 1.1, 0.95, 4.8, 5.0, (9.0, 3.0), 3.0, 0.60, 0.20),
    "thoughtful": Recipe(37, (3.4, 1.5, 2.9), 0.7, 2.2, 2.8, 3.2, (11.0, -5.0), 3.6, 0.40, 0.45),
}


def compose(name: str) -> MotionTemplate:
    """Return one of the templates that ship."""
    recipe = RECIPES[name]
    rng = np.random.default_rng(recipe.seed)
    t = np.arange(round(_SECONDS * _RATE) + 1) / float(_RATE)
    beats = list(_beats(rng, recipe, t[-1]))
    looks = gaze.merge(_glances(rng, recipe, t[-1]), gaze.scan(rng, t[-1] - 0.3))
    out = _head(t, rng, recipe, beats, looks)
    out.update(_brows(t, rng, recipe, beats))
    out["gaze_x"], out["gaze_y"] = gaze.in_head(*gaze.directions(t, looks), out["yaw"], out["pitch"])
    attractors = [beat.time + 0.5 for beat in beats if beat.weight == NUCLEAR] + [k.time for k in looks if _far(k)]
    out["blink_l"] = out["blink_r"] = gaze.blinks(t, rng, recipe.blink_every, attractors)
    tracks = np.zeros((len(t), len(TRACKS)), np.float32)
    for channel, values in out.items():
        tracks[:, COLUMN[channel]] = values
    return MotionTemplate(name, _RATE, tracks, _SOURCE)


def _beats(rng: np.random.Generator, recipe: Recipe, end: float) -> Iterator[Accent]:
    time = 0.8
    while time < end - 1.0:
        yield Accent(time, NUCLEAR if rng.random() < 0.3 else ORDINARY)
        time += 0.6 + rng.gamma(3.0, max(recipe.beat_every - 0.6, 0.1) / 3)


def _far(look: gaze.Look) -> bool:
    return abs(look.x) > 4.0


def _glances(rng: np.random.Generator, recipe: Recipe, end: float) -> list[gaze.Look]:
    looks: list[gaze.Look] = []
    time = 1.0 + rng.exponential(0.5 * recipe.away_every)
    while time < end - 2.0:
        x = float(rng.choice((-1.0, 1.0)) * recipe.away[0] * rng.uniform(0.7, 1.3))
        looks.append(gaze.Look(time, x, recipe.away[1] * rng.uniform(0.3, 1.3)))
        looks.append(gaze.Look(time + rng.uniform(0.5, 1.3), float(rng.normal(0, 0.4)), 0.0))
        time = looks[-1].time + 0.8 + rng.exponential(recipe.away_every)
    return looks


def _head(
    t: np.ndarray, rng: np.random.Generator, recipe: Recipe, beats: list[Accent], looks: list[gaze.Look]
) -> dict[str, np.ndarray]:
    onsets = [beat.time - 0.3 for beat in beats]
    noise = life.drift(t, rng, 3)
    out = {}
    for axis, spread, part, share in zip(_LIMIT, recipe.posture, noise, (1.0, 0.6, 0.55), strict=True):
        out[axis] = steps(t, life.postures(rng, t[-1], spread, onsets)) + share * recipe.drift * part
    for beat in beats:
        height = recipe.beat * (0.5 + 0.5 * beat.weight) * rng.uniform(0.7, 1.2)
        axis, share = (("pitch", 1.0), ("yaw", 0.7), ("roll", 0.6))[int(rng.choice(3, p=(0.7, 0.15, 0.15)))]
        side = 1.0 if axis == "pitch" else float(rng.choice((-1.0, 1.0)))
        out[axis] += pulses(t, life.fitted(life.beat(beat, share * side * height), t[-1]))
    away = [(look.time + 0.05, 0.45, 0.3 * look.x if _far(look) else 0.0) for look in looks]
    up = [(look.time + 0.05, 0.5, 0.3 * look.y if _far(look) else 0.0) for look in looks]
    out["yaw"] += steps(t, _changes(away))
    out["pitch"] += steps(t, _changes(up))
    out["roll"] += 0.15 * out["yaw"]
    out = {axis: soft_limit(track, _LIMIT[axis]) for axis, track in out.items()}
    out["lean"] = np.clip(steps(t, life.postures(rng, t[-1], 0.3)) + 0.02 * out["yaw"], -1.0, 1.0)
    out["head_x"] = 0.0012 * out["yaw"] + 0.012 * out["lean"]
    out["head_y"] = 0.0012 * out["pitch"]
    return out


def _changes(moves: list[life.Move]) -> list[life.Move]:
    """Return the moves without those that stay where they are."""
    kept, now = [], 0.0
    for move in moves:
        if move[2] != now:
            kept.append(move)
            now = move[2]
    return kept


def _brows(t: np.ndarray, rng: np.random.Generator, recipe: Recipe, beats: list[Accent]) -> dict[str, np.ndarray]:
    raises, one, frowns = [], [], []
    for beat in beats:
        kind, height = rng.random(), recipe.brow * rng.uniform(0.6, 1.1)
        flash = (beat.time - 0.25, beat.time - 0.02, beat.time + rng.uniform(0.35, 0.8), height)
        if kind < 0.38:
            raises.append(flash)
        elif kind < 0.46:
            one.append(flash)
        elif kind < 0.62:
            frowns.append((beat.time - 0.4, beat.time + 0.1, beat.time + rng.uniform(0.9, 1.8), recipe.frown))
    noise = life.drift(t, rng, 2)
    both = pulses(t, life.fitted(raises, t[-1])) + 0.06 * noise[0]
    side = pulses(t, life.fitted(one, t[-1]))
    return {
        "brow_l": soft_limit(both + side + 0.02 * noise[1], 0.95),
        "brow_r": soft_limit(both + 0.35 * side - 0.02 * noise[1], 0.95),
        "frown": np.clip(pulses(t, life.fitted(frowns, t[-1])), 0.0, 0.8),
    }


def main(folder: Path) -> None:
    """Write all templates into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RECIPES:
        save_template(folder / f"{name}.npz", compose(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "templates")
