"""Chords: progressions in Roman numerals, what they sound as, and how their voices move.

Numerals are relative to the major scale of the tonic ("bVII", "i"); upper case has a major third, lower case a
minor one. "/3", "/5" and "/7" put that chord member in the bass, "/T" the tonic (a pedal). Bars are divided by "|".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from podcast.engines.composer.cue import Settings, chance

SCALES = {
    "ionian": (0, 2, 4, 5, 7, 9, 11), "lydian": (0, 2, 4, 6, 7, 9, 11), "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10), "aeolian": (0, 2, 3, 5, 7, 8, 10), "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
}  # fmt: skip

# mode: tag: progressions of four bars (of two for "still" harmony, which lasts twice as long)
PROGRESSIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "ionian": {
        "calm": ("Imaj7|iii7|IVmaj7|V7sus4", "Iadd9|V/3|vi7|IVmaj7", "IVmaj7|I/3|ii7|V7sus4 V", "Iadd9|vi7|ii9|V7sus4"),
        "warm": ("Iadd9|I/3|IVadd9|V7sus4", "I|V/3|vi7|IVadd9 iv6", "I Isus4|vi7|IVadd9|V",
            "vi7|IVmaj7|Iadd9/3|V7sus4"),
        "still": ("Imaj9|IVmaj7", "Iadd9|vi9", "Isus2|IVmaj7/T"),
        "float": ("Imaj9|iii7|IVmaj9|ii9", "IVmaj9|iii7|vi9|Imaj7"),
        "thought": ("Iadd9|iii7|vi9|IVmaj7", "IVadd9|V/3|vi7|I/5 V7sus4"),
        "wonder": ("Iadd9|bVIImaj7|IVmaj7/3|V7sus4", "Iadd9|IIsus4 II|IVmaj7|iv6", "Imaj7|bVImaj7|bVIImaj7|Iadd9"),
        "happy": ("I|IVadd9|vi7|V", "I|V/3|IV|I/3 V7sus4", "I|ii7|IVadd9|V", "IVadd9|I/3|V|vi7"),
        "hope": ("Iadd9|V|vi7|IVadd9", "vi7|IVadd9|I|V", "IVadd9|Iadd9/3|V7sus4 V|vi7", "Iadd9|IVadd9|vi7|Vsus4 V"),
        "jazz": ("ii9|V13|Imaj9|VI7", "Imaj9|vi9|ii9|V13", "Imaj7|#i°7|ii9|V9", "iii7|VI7|ii9|V7sus4 bII7",
            "IVmaj9|iv6|iii7|VI7"),
        "epic": ("I|V/3|vi|IVadd9", "vi|IV|I/3|V"),
        "drive": ("Iadd9|IVadd9|Vsus4 V|vi7",),
    },
    "lydian": {
        "calm": ("Imaj7|II/T|Imaj9|vi7", "Iadd9|iii7|II/T|Imaj7", "Imaj7|vi9|II|iii7"),
        "still": ("Imaj9|II/T", "Imaj7#11|vi9", "Iadd9|iii7"),
        "float": ("Imaj9|II/T|vi9|iii7", "Imaj7#11|vi7|II|iii7"),
        "wonder": ("Iadd9|II/T|vi7|IIsus4 II", "Imaj7|II/3|iii7|bVImaj7", "Iadd9|iii7|bVIImaj7|II"),
        "happy": ("Iadd9|II/T|vi7|V",),
    },
    "mixolydian": {
        "calm": ("Iadd9|bVII/T|IVmaj7/T|I", "Iadd9|v7|IVmaj7|bVIIadd9"),
        "warm": ("Iadd9|bVIIadd9|IVadd9|I", "I|v7|bVIIadd9|IVadd9"),
        "still": ("Iadd9|bVII/T", "Isus2|v7"),
        "float": ("Iadd9|v9|bVIImaj9|IVadd9",),
        "happy": ("I|bVII|IVadd9|I", "I|IV/3|bVIIadd9|IV"),
        "hope": ("Iadd9|bVIIadd9|IVadd9|V7sus4",),
        "drive": ("I|bVIIadd9|IVadd9|bVII", "Iadd9|v7|bVIIadd9|IVadd9"),
    },
    "dorian": {
        "thought": ("i9|IVadd9/T|bVIImaj7|i7", "iadd9|v7|bIIImaj7|IV", "i7|ii7|bIIImaj7|IVsus4 IV"),
        "sad": ("iadd9|bVII/3|IV|bVIImaj7", "i|v7|bIIImaj7|IVadd9"),
        "calm": ("i9|IVadd9|i9|bVIImaj7", "iadd9|bIIImaj7|bVIIadd9|IV"),
        "still": ("i9|IV9/T", "iadd9|bVIImaj7/T"),
        "float": ("i9|bIIImaj7|bVIIadd9|IVadd9", "i9|v7|IVadd9|bVIImaj9"),
        "strange": ("iadd9|IV/T|bIIImaj7|ii7", "i6|bII/T|i6|IV"),
        "jazz": ("i9|IV13|i9|IV13", "i9|v7|bVIImaj9|IV9", "iv9|bVII13|bIIImaj9|IV9"),
        "drive": ("i7|bVIIadd9|IVadd9|i7", "iadd9|bIIImaj7|bVIIadd9|IV", "i9|i9/7|IV/3|bVIIadd9"),
        "warm": ("i7|IVadd9|bVIIadd9|i7",),
        "happy": ("i7|IV|bVIIadd9|IV",),
        "epic": ("i|bVII|IV/3|bVII", "i|v7|bVII|IV"),
    },
    "aeolian": {
        "sad": ("iadd9|bVImaj7|bIII|bVII", "i|V/3|bVII|IV/3", "iadd9|v7|bVImaj7|iv9", "iv9|bVII|bIIImaj7|bVImaj7"),
        "thought": ("iadd9|iv9|bVImaj7|v7", "iadd9|bIII/5|bVImaj7|bVIIsus4 bVII"),
        "tense": ("i|i/7|bVImaj7|V7sus4 V", "iadd9|bVImaj7/T|iv6/T|V/T", "i|bVI|ii7b5|V"),
        "drive": ("iadd9|bVImaj7|bIIIadd9|bVIIadd9", "i|bVII|bVIadd9|bVII", "i7|bIII|iv9|bVIadd9",
            "i|v7|bVIadd9|bVIIsus4 bVII"),
        "strange": ("iadd9|bVImaj7#11|i|ii7b5", "i|bvi|iadd9|V"),
        "epic": ("i|bVI|bIII/5|bVII", "iadd9|bIII/5|bVI|V7sus4 V", "i|bVII/3|bVI|iv9"),
        "jazz": ("i9|iv9|ii7b5|V7", "iv9|bVII13|bIIImaj9|bVImaj7"),
    },
    "phrygian": {
        "strange": ("iadd9|bII/T|i|bvii7", "i|bIImaj7|iv7/T|bII/T"),
        "tense": ("i|bII/T|i|bvii7", "i|bVI/3|bIImaj7|i", "i|bII/T|iv/5|bII"),
        "sad": ("i|bIImaj7|bvii7|i",),
    },
    "harmonic": {
        "strange": ("i|V/3|bVI/3|iv6", "iadd9|bVImaj7|ii7b5|V", "imM7|iv6/T|i|V/T", "i|#iv°7/T|iv/T|V"),
        "tense": ("i|bVI|ii7b5|V7", "imM7|bVI/T|iv6/T|V/T", "i|V/3|i/7|#iv°7"),
        "sad": ("i|iv7|V7sus4 V|i", "iadd9|bVImaj7|iv6|V"),
    },
}  # fmt: skip
CADENCES = {
    "ionian": ("IVadd9|V7sus4 V|Iadd9", "ii9|V7sus4|Iadd9", "IVmaj7|iv6|Iadd9", "vi7 IV|V7sus4 V7|Iadd9"),
    "lydian": ("vi9|II/T|Imaj9", "iii7|II/T|Iadd9"),
    "mixolydian": ("v7|bVIIadd9|Iadd9", "bVIIadd9|IVadd9|Iadd9"),
    "dorian": ("bIIImaj7|IVadd9|i9", "bVIImaj7|v7|iadd9"),
    "aeolian": ("bVImaj7|bVIIsus4 bVII|iadd9", "iv9|V7sus4 V|iadd9", "bVI|bVII|Iadd9"),  # the last with a Picardy third
    "phrygian": ("iv7/T|bII/T|iadd9", "bvii7|bIImaj7|isus2"),
    "harmonic": ("iv6|V7sus4 V|iadd9", "bVImaj7|V7|isus2"),
}
_HELD = {"tense": "isus2", "strange": "isus2"}  # a last chord that tells nothing yet

_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_QUALITIES = {
    "": (0, 4, 7), "m": (0, 3, 7), "maj7": (0, 4, 7, 11), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "add9": (0, 4, 7,
        14),
    "madd9": (0, 3, 7, 14), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "7sus4": (0, 5, 7, 10), "9": (0, 4, 7, 10, 14),
    "m9": (0, 3, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "13": (0, 4, 10, 14, 21),
    "m7b5": (0, 3, 6, 10), "°7": (0, 3, 6, 9), "maj7#11": (0, 4, 11, 18), "mM7": (0, 3, 7, 11),
}  # fmt: skip
_SYMBOL = re.compile(r"([b#]?)([ivIV]+)(.*?)(?:/([357T]))?$")

VOICES = 4
LOWEST, HIGHEST, CENTRE = 52, 74, 62.0  # MIDI: E3 … D5, where a chord neither muddies nor pierces
_LEAP = 5  # semitones beyond which a step of a voice costs extra
_PARALLEL = 4.0  # cost of parallel fifths or octaves, in semitones of movement


@dataclass(frozen=True)
class Chord:
    """A chord as written; `pitches` are pitch classes, the root first."""

    symbol: str
    pitches: tuple[int, ...]
    bass: int  # pitch class


@dataclass(frozen=True)
class Event:
    """A chord in its time, voiced: `voices` are MIDI pitches from low to high."""

    start: float  # beats from the section's start
    beats: float
    chord: Chord
    voices: tuple[int, ...] = ()


@lru_cache(1024)
def parse_chord(symbol: str, tonic: int) -> Chord:
    """Return the chord that a Roman numeral means in the key of `tonic`; ValueError if it means none."""
    found = _SYMBOL.match(symbol)
    if not found or found[2].lower() not in _DEGREES:
        raise ValueError(f"not a chord: {symbol!r}")
    sign, numeral, quality, member = found.groups()
    root = tonic + _DEGREES[numeral.lower()] + {"b": -1, "#": 1, "": 0}[sign]
    if numeral.islower() and f"m{quality}" in _QUALITIES:
        quality = f"m{quality}"
    steps = _QUALITIES[quality]
    low = {"3": steps[1], "5": steps[2], "7": steps[3] if len(steps) > 3 else 10, None: 0, "T": tonic - root}[member]
    return Chord(symbol, tuple((root + s) % 12 for s in steps), (root + low) % 12)


def parse_bars(text: str, tonic: int, beats: int) -> list[Event]:
    """Return a progression's chords with their times; those of one bar share it evenly."""
    events = []
    for bar, written in enumerate(text.split("|")):
        symbols = written.split()
        share = beats / len(symbols)
        events += [Event(bar * beats + i * share, share, parse_chord(s, tonic)) for i, s in enumerate(symbols)]
    return events


def choose(settings: Settings) -> tuple[str, str, str]:
    """Return the progressions of the A and B sections and the cadence, of the settings' mode and mood."""
    draw = chance(settings.seed, "harmony")
    by_tag, tags = PROGRESSIONS[settings.mode], settings.playing.tags
    fitting = [p for tag in tags for p in by_tag.get(tag, ())] or [p for ps in by_tag.values() for p in ps]
    order = [fitting[i] for i in draw.permutation(len(fitting))]
    others = [p for p in order[1:] if p.count("|") == order[0].count("|")] or order
    cadences = CADENCES[settings.mode]
    cadence = cadences[draw.integers(len(cadences))]
    held = _HELD.get(tags[0]) if draw.random() < 0.5 else None
    if held and "Iadd9" not in cadence:
        cadence = f"{cadence.rpartition('|')[0]}|{held}"
    return order[0], others[0], cadence


def candidates(chord: Chord) -> list[tuple[int, ...]]:
    """Return every voicing of a chord in close or half-open position within the register."""
    needed = set(_told_by(chord))
    pitches = [p for p in range(LOWEST, HIGHEST + 1) if p % 12 in chord.pitches]
    found = [v for v in combinations(pitches, VOICES) if needed <= {p % 12 for p in v} and _is_spaced(v)]
    return sorted(found, key=lambda v: abs(sum(v) / VOICES - CENTRE))[:40]


def _told_by(chord: Chord) -> tuple[int, ...]:
    """Return the pitch classes that a voicing needs: of five tones the fifth can go, or the root (the bass has it)."""
    tones = chord.pitches
    if len(tones) <= VOICES:
        return tones
    return tones[1:]


def _is_spaced(voicing: tuple[int, ...]) -> bool:
    gaps = [b - a for a, b in pairwise(voicing)]
    return max(gaps) <= 9 and min(gaps) >= 1 and gaps[-1] >= 2 and gaps[0] >= 2 and gaps.count(1) <= 1


def movement(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Return what it costs to go from one voicing to the next, in semitones."""
    steps = [y - x for x, y in zip(a, b, strict=True)]
    cost = sum(abs(s) for s in steps) + sum(max(abs(s) - _LEAP, 0) * 2.0 for s in steps)
    for i, j in combinations(range(VOICES), 2):
        apart = (a[j] - a[i]) % 12
        if steps[i] and steps[i] == steps[j] and apart in (0, 7):
            cost += _PARALLEL
    return cost


def _rest(voicing: tuple[int, ...]) -> float:
    """Return what it costs to be away from the middle of the register."""
    return 0.35 * abs(sum(voicing) / VOICES - CENTRE)


_States = dict[tuple[int, ...], tuple[float, tuple[int, ...] | None]]  # voicing: (cost so far, the one before)


def lead(events: list[Event], first: tuple[int, ...] | None = None, last: tuple[int, ...] | None = None) -> list[Event]:
    """Voice a succession of chords with the least movement overall (Viterbi's algorithm).

    `first` is a voicing from which it comes and `last` one to which it goes, such as a loop's beginning.
    """
    states: list[_States] = [
        {v: (_rest(v) + (movement(first, v) if first else 0.0), None) for v in candidates(events[0].chord)}
    ]
    for event in events[1:]:
        states.append({v: _best(states[-1], v) for v in candidates(event.chord)})
    ends = states[-1]
    voicing = min(ends, key=lambda v: ends[v][0] + (movement(v, last) if last else 0.0))
    voiced: list[Event] = []
    for event, state in zip(reversed(events), reversed(states), strict=True):
        voiced.append(Event(event.start, event.beats, event.chord, voicing))
        voicing = state[voicing][1] or voicing
    return voiced[::-1]


def _best(before: _States, voicing: tuple[int, ...]) -> tuple[float, tuple[int, ...] | None]:
    cost, came_from = min((total + movement(v, voicing), v) for v, (total, _) in before.items())
    return cost + _rest(voicing), came_from


def scale_of(settings: Settings, chord: Chord) -> tuple[int, ...]:
    """Return the pitch classes of the mode, bent to the tones of a borrowed chord."""
    mode = {(settings.tonic + s) % 12 for s in SCALES[settings.mode]}
    foreign = set(chord.pitches) - mode
    bent = {p for p in mode if not any((p - f) % 12 in (1, 11) for f in foreign) or p in chord.pitches}
    return tuple(sorted(bent | set(chord.pitches)))
