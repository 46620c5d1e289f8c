"""Lips that speak: phones to the mouth's channels, frame by frame.

Co-articulation by dominance functions (Cohen and Massaro 1993): every segment pulls each channel towards its
own target with a strength that fades with distance in time; vowels reach far, consonants do not, and what a
consonant leaves open (the lips' rounding during /t/) its neighbours decide. Contacts, which viewers check
without knowing it (lips shut for p b m, teeth on the lip for f v), are then made certain by a pass of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from podcast.episode import SAMPLE_RATE, Phone
from podcast.puppet.curves import ceiling, limit_speed, smoothstep, window
from podcast.puppet.pose import INDEX, MOUTH, REST
from podcast.puppet.visemes import VISEMES, Segment, segments

LEAD = 0.025  # s, the face ahead of its sound: Chandrasekaran et al. 2009 see the mouth open first
CONTACT_LEAD = 0.018  # s, of contacts: less, or a short vowel between two of them would hardly be seen
RAMP = 0.075  # s, closing or opening of the lips around a contact
SHORTEST_RAMP = 0.040  # s, between two contacts that are close together
OPEN_JAW = 0.5  # least opening that an open vowel reaches ...
OPEN_LENGTH = 0.050  # s, ... unless it is shorter
JOINT = 0.10  # s, at either end of a slot, in which the mouth leaves its rest or comes back to it
INHALE, INHALE_JAW, INHALE_PAUSE = 0.22, 0.09, 0.35  # s, opening, s: lips part for a breath before a phrase
MAX_SPEED = dict(  # per second: a full opening takes 80 ms, a full change of the lips' shape 70 ms
    zip(MOUTH, (12.0, 12.0, 12.0, 30.0, 30.0, 14.0, 14.0, 18.0, 6.0), strict=True)
)

# Targets, and below them strengths, of the channels that are blended. Jaw of vowels comes from their height.
_BLENDED = ("jaw", "wide", "pucker", "raise", "lower", "tongue")
_TARGET = {
    "sil": (0.00, 0.00, 0.00, 0.00, 0.00, 0.0),
    "PP": (0.08, 0.05, 0.10, 0.00, 0.00, 0.0),
    "FF": (0.10, 0.10, 0.00, 0.30, 0.00, 0.0),
    "TH": (0.18, 0.15, 0.00, 0.12, 0.20, 1.0),
    "DD": (0.16, 0.18, 0.00, 0.12, 0.25, 0.6),
    "kk": (0.24, 0.12, 0.00, 0.08, 0.15, 0.0),
    "CH": (0.12, 0.00, 0.60, 0.30, 0.42, 0.1),
    "SS": (0.07, 0.38, 0.00, 0.25, 0.50, 0.2),
    "nn": (0.20, 0.15, 0.00, 0.08, 0.20, 0.7),
    "RR": (0.18, 0.00, 0.45, 0.10, 0.20, 0.1),
    "aa": (0.82, 0.18, 0.00, 0.16, 0.22, 0.0),
    "E": (0.45, 0.36, 0.00, 0.14, 0.20, 0.0),
    "ih": (0.22, 0.68, 0.00, 0.18, 0.28, 0.1),
    "oh": (0.50, 0.00, 0.55, 0.05, 0.08, 0.0),
    "ou": (0.18, 0.00, 0.92, 0.05, 0.10, 0.0),
}
_STRENGTH = {
    "sil": (1.00, 0.60, 0.60, 1.0, 1.0, 1.0),
    "PP": (0.80, 0.25, 0.25, 0.9, 0.9, 0.5),
    "FF": (0.90, 0.30, 0.40, 1.2, 1.2, 0.8),
    "TH": (0.80, 0.30, 0.25, 0.8, 0.8, 1.5),
    "DD": (0.80, 0.20, 0.12, 0.6, 0.7, 1.0),
    "kk": (0.50, 0.12, 0.10, 0.4, 0.4, 0.8),
    "CH": (1.40, 0.80, 1.20, 1.2, 1.2, 1.0),
    "SS": (1.80, 0.50, 0.30, 1.2, 1.4, 1.0),
    "nn": (0.60, 0.20, 0.12, 0.5, 0.5, 1.2),
    "RR": (0.70, 0.50, 0.80, 0.6, 0.6, 0.8),
    "aa": (1.10, 0.60, 0.60, 0.8, 0.8, 0.8),
    "E": (1.00, 0.65, 0.60, 0.8, 0.8, 0.8),
    "ih": (1.00, 1.00, 0.90, 0.8, 0.8, 0.8),
    "oh": (1.00, 1.10, 1.20, 0.8, 0.8, 0.8),
    "ou": (1.00, 1.40, 1.60, 0.8, 0.8, 0.8),
}
_TARGETS = np.array([_TARGET[v] for v in VISEMES])
_STRENGTHS = np.array([_STRENGTH[v] for v in VISEMES])
_ROUNDING = np.array([name in ("wide", "pucker") for name in _BLENDED])
_TRANSPARENT = 0.2  # strength of h and glottal stops, which have the mouth of their vowel
_STRESS_GAIN = (0.82, 1.0, 1.12)  # jaw of a vowel without, with secondary, with primary stress (de Jong 1995)
_LONG, _LONG_GAIN = 0.140, 0.08  # s, and the share that a vowel of twice this length opens more

_REACH_VOWEL, _REACH_CONSONANT = 0.055, 0.038  # s, decay of dominance beyond a segment's plateau
_REACH_BEFORE, _REACH_AFTER = 0.120, 0.075  # s, of a vowel's rounding: anticipation goes further than carry-over
_PLATEAU = 0.45  # share of a segment in which its dominance is full
_USUAL_SEGMENT = 0.085  # s, at an ordinary rate of speech; in faster speech dominance reaches less far
_FLOOR = 1e-3  # pull of rest where nothing else pulls

_INGRESSIVE = "↓"  # the extIPA's sign for breathing in

_LIPS_MEET = set("pbmɓʙʘ")  # ɸ and β come near without closing
_LIPS_NEAR = set("ɸβ")
_NEAR = 0.7
_HELD = {"p": 0.6, "b": 0.7, "ɓ": 0.7}  # share of a stop before its burst; the rest is breath
_HELD_OTHERS = 0.85
_JAW_SHUT, _JAW_TUCKED = 0.22, 0.14  # the jaw stays a little open behind closed lips


def lip_track(phones: Sequence[Phone], frames: int, rate: Fraction, lead: int = 0) -> np.ndarray:
    """Return the mouth of one slot, float32 (frames, len(MOUTH)).

    `lead` is the samples of silence before the utterance. Frame i shows the mouth at its own middle plus
    `LEAD`. The first and the last frame are exactly the rest pose. Everywhere else press is 1 in at least one
    frame nearest to every p, b and m, and tuck is 1 for every f and v, however short.
    """
    track = np.tile(REST[: len(MOUTH)], (frames, 1)).astype(np.float64)
    if frames < 3:
        return track.astype(np.float32)
    spans = _spans(segments(phones), frames, rate, lead)
    middle = (np.arange(frames) + 0.5) / float(rate)
    columns = [INDEX[name] for name in _BLENDED]
    track[:, columns] = _blend(spans, middle + LEAD)
    track *= window(np.arange(frames), frames - 1, JOINT * float(rate))[:, None]
    press, tuck = _contacts(spans, middle, float(rate))
    _apply_contacts(track, press, tuck)
    _open_vowels(track[:, INDEX["jaw"]], spans, middle, press + tuck)
    step = np.array([MAX_SPEED[name] for name in MOUTH]) / float(rate)
    _limit(track, step)
    track[:, INDEX["press"]], track[:, INDEX["tuck"]] = press, tuck
    track[:, INDEX["smile"]] = REST[INDEX["smile"]]
    track[[0, -1]] = REST[: len(MOUTH)]
    return np.clip(track, 0.0, 1.0).astype(np.float32)


# ---------------------------------------------------------------- dominance


def _spans(parts: Sequence[Segment], frames: int, rate: Fraction, lead: int) -> list[Segment]:
    """Return the segments in seconds of the slot, silence before and after them made explicit."""
    shifted = [
        Segment(s.viseme, s.letter, (s.start + lead) / SAMPLE_RATE, (s.end + lead) / SAMPLE_RATE, s.stress, s.openness)
        for s in parts
    ]
    end = max(float(frames / rate), shifted[-1].end if shifted else 0.0) + LEAD + _REACH_BEFORE
    first, last = (shifted[0].start, shifted[-1].end) if shifted else (end, end)
    spans = [_silence(-_REACH_BEFORE, first), *shifted, *([_silence(last, end)] if end > last else [])]
    return [part for a, b in zip(spans, [*spans[1:], None], strict=True) for part in _with_breath(a, b)]


def _silence(start: float, end: float, letter: str = "") -> Segment:
    return Segment("sil", letter, start, end)


def _with_breath(pause: Segment, following: Segment | None) -> list[Segment]:
    """Return a pause as its silence and the breath at its end, if speech follows and there is time for one."""
    long = pause.end - max(pause.start, 0.0) >= INHALE_PAUSE
    if pause.viseme != "sil" or not long or following is None or following.viseme == "sil":
        return [pause]
    begin = pause.end - INHALE
    return [_silence(pause.start, begin), _silence(begin, pause.end, _INGRESSIVE)]


def _blend(spans: Sequence[Segment], t: np.ndarray) -> np.ndarray:
    kind = np.array([VISEMES.index(s.viseme) for s in spans])
    start, end = np.array([(s.start, s.end) for s in spans]).T
    vowel = np.array([s.vowel for s in spans])
    targets, strengths = _TARGETS[kind].copy(), _STRENGTHS[kind].copy()
    targets[:, 0] = np.where(vowel, [_jaw(s) for s in spans], targets[:, 0])
    strengths[[s.letter in ("h", "ɦ", "ʔ") for s in spans]] *= _TRANSPARENT
    targets[[s.letter == _INGRESSIVE for s in spans], 0] = INHALE_JAW

    pace = _pace(spans)
    centre, plateau = (start + end) / 2, (end - start) / 2 * np.where(kind == 0, 0.9, _PLATEAU)
    offset = t[:, None] - centre
    distance = np.maximum(np.abs(offset) - plateau, 0.0)
    near = np.exp(-((distance / (pace * np.where(vowel, _REACH_VOWEL, _REACH_CONSONANT))) ** 2))
    before = np.where(vowel, _REACH_BEFORE, _REACH_CONSONANT)
    after = np.where(vowel, _REACH_AFTER, _REACH_CONSONANT)
    far = np.exp(-((distance / (pace * np.where(offset < 0, before, after))) ** 2))

    pull = targets * strengths
    total = np.where(_ROUNDING, far @ strengths, near @ strengths) + _FLOOR
    return np.asarray(np.where(_ROUNDING, far @ pull, near @ pull) / total)


def _jaw(segment: Segment) -> float:
    """Return how far a vowel opens the jaw."""
    if segment.openness is None:
        return 0.0
    length = np.clip((segment.end - segment.start) / _LONG - 1.0, -0.5, 1.0)
    return float(min(segment.openness * _STRESS_GAIN[segment.stress] * (1.0 + _LONG_GAIN * length), 1.0))


def _pace(spans: Sequence[Segment]) -> float:
    lengths = [s.end - s.start for s in spans if s.viseme != "sil"]
    return float(np.clip(np.median(lengths) / _USUAL_SEGMENT, 0.7, 1.15)) if lengths else 1.0


# ---------------------------------------------------------------- what must be reached


def _open_vowels(jaw: np.ndarray, spans: Sequence[Segment], middle: np.ndarray, contact: np.ndarray) -> None:
    """Raise `jaw` in place until every open vowel that is long enough reaches `OPEN_JAW`."""
    frame = middle[1] - middle[0]
    for s in spans:
        if s.viseme != "aa" or s.end - s.start < OPEN_LENGTH - 1e-6:
            continue
        centre = (s.start + s.end) / 2 - LEAD
        near = np.flatnonzero((middle >= s.start) & (middle <= s.end + frame))
        near = near[(near > 0) & (near < len(jaw) - 1)]
        if not len(near) or jaw[near].max() >= OPEN_JAW:
            continue
        best = near[np.argmin(np.abs(middle[near] - centre) + 0.1 * contact[near])]  # where the lips are apart
        half = max((s.end - s.start) / 2, 0.04) + 0.04
        lack = OPEN_JAW + 0.02 - jaw[best]
        jaw[1:-1] += lack * smoothstep(1.0 - np.abs(middle - middle[best]) / half)[1:-1]


def _contacts(spans: Sequence[Segment], middle: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (press, tuck) per frame."""
    press, tuck = np.zeros_like(middle), np.zeros_like(middle)
    sure: list[tuple[np.ndarray, int, int]] = []
    for i, s in enumerate(spans):
        depth = 1.0 if s.letter in _LIPS_MEET or s.viseme == "FF" else _NEAR if s.letter in _LIPS_NEAR else 0.0
        if not depth:
            continue
        track = tuck if s.viseme == "FF" else press
        first, last = _frames_of(s, len(middle), rate)
        up, down = _ramp(spans[:i][::-1]), _ramp(spans[i + 1 :])
        held = s.start + (s.end - s.start) * _HELD.get(s.letter, _HELD_OTHERS) - CONTACT_LEAD
        a, b = min(s.start - CONTACT_LEAD, middle[first]), max(held, middle[first])
        shape = smoothstep(1.0 - np.maximum((a - middle) / up, (middle - b) / down))
        np.maximum(track, depth * shape, out=track)
        if depth == 1.0:
            sure.append((track, first, min(last, max(first, int(b * rate - 0.5)))))
    tuck *= 1.0 - press  # lips that press each other let the teeth go
    for track, first, last in sure:
        track[first : last + 1] = 1.0
    press[[0, -1]] = tuck[[0, -1]] = 0.0
    return press, tuck


def _frames_of(s: Segment, frames: int, rate: float) -> tuple[int, int]:
    """Return the first and the last frame whose middle lies in the segment; at least the next one."""
    first = int(np.ceil(s.start * rate - 0.5 - 1e-9))
    last = int(np.floor(s.end * rate - 0.5 + 1e-9))
    first = min(max(first, 1), frames - 2)
    return first, min(max(last, first), frames - 2)


def _ramp(following: Sequence[Segment]) -> float:
    """Return how long lips take to reach or leave a contact, given what lies beyond it."""
    room = 0.0
    for s in following[:3]:
        if s.letter in _LIPS_MEET or s.viseme == "FF":
            return float(np.clip(0.5 * room, SHORTEST_RAMP, RAMP))
        room += s.end - s.start
    return RAMP


def _apply_contacts(track: np.ndarray, press: np.ndarray, tuck: np.ndarray) -> None:
    """Move the other channels, in place, out of the way of closed lips and of the tucked lip."""
    jaw = track[:, INDEX["jaw"]]
    jaw += press * (np.minimum(jaw, _JAW_SHUT) - jaw)
    jaw += tuck * (np.minimum(jaw, _JAW_TUCKED) - jaw)
    for name in ("raise", "lower", "wide", "tongue"):
        track[:, INDEX[name]] *= 1.0 - press * (0.4 if name == "wide" else 1.0)
    for name in ("lower", "pucker", "tongue"):
        track[:, INDEX[name]] *= 1.0 - 0.8 * tuck
    lifted = track[:, INDEX["raise"]]
    lifted += tuck * (0.3 - lifted)


def _limit(track: np.ndarray, step: np.ndarray) -> None:
    """Keep speeds plausible, in place: the jaw's peaks stay, other channels give way evenly."""
    j = INDEX["jaw"]
    track[:, j] = ceiling(track[:, j], step[j])
    others = [INDEX[name] for name in _BLENDED if name != "jaw"]
    track[:, others] = limit_speed(track[:, others], step[others])
    ends = np.minimum(np.arange(len(track)), np.arange(len(track))[::-1])[:, None]
    np.minimum(track, ends * step, out=track)
