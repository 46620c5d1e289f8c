"""From a cue's words to the settings of a piece: style, tempo, key, instruments, how loud and how dense."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np

from podcast.engines.composer import lexicon
from podcast.engines.composer.styles import DEFAULT_STYLE, STYLES, Style
from podcast.errors import EngineError

TEMPO_RANGE = (40.0, 200.0)  # beats per minute that the patterns are made for
LEVEL_RANGE = (-9.0, 2.0)  # dB against the usual bed: "almost silent" … "loud"
_STEP = 0.07  # of an axis (0..1) per unit in the lexicon
_SECOND_STYLE = 0.3  # share of the runner-up in the axes of a piece
_AXES = ("energy", "density", "bright", "space", "tension")
_ROLES = ("pad", "keys", "arp", "bass", "motif")
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SIGNS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_MODES = {
    "major": "ionian", "maj": "ionian", "minor": "aeolian", "min": "aeolian", "m": "aeolian", "ionian": "ionian",
    "aeolian": "aeolian", "dorian": "dorian", "lydian": "lydian", "mixolydian": "mixolydian", "phrygian": "phrygian",
    "harmonic minor": "harmonic",
}  # fmt: skip
MINOR_MODES = frozenset({"aeolian", "dorian", "phrygian", "harmonic"})
_MAJOR_TONICS, _MINOR_TONICS = (0, 5, 7, 2, 10, 3), (9, 2, 4, 7, 0)  # neighbours on the circle of fifths
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[,;.!?/|]")
_TEMPO = re.compile(r"(?:\b(?:bpm|tempo)\s*[:=]?\s*(\d{2,3}(?:\.\d+)?))|(?:\b(\d{2,3}(?:\.\d+)?)\s*-?\s*bpm\b)", re.I)
_MODE_WORDS = r"harmonic minor|major|minor|maj|min|ionian|aeolian|dorian|lydian|mixolydian|phrygian"
_KEY = re.compile(
    rf"(?<![\w'])([A-Ga-g])(\s*[#♯♭b]|[\s-]*(?:sharp|flat))?[\s-]*({_MODE_WORDS}|m)\b(?!\s+(?:key|mode|scale|mood|feel))"
    r"|\bkey\s*(?:of|:|=)?\s*([A-Ga-g])(\s*[#♯♭b]|[\s-]*(?:sharp|flat))?(?![\w'])"
    rf"(?:[\s-]*({_MODE_WORDS}|m)\b)?",
    re.I,
)
_MODE = re.compile(rf"\b({_MODE_WORDS})\b", re.I)
_SOLO = re.compile(r"\b(solo|only|just|unaccompanied)\b")
_THREE = re.compile(r"\b(waltz|3/4|6/8)\b")
OPTIONS = ("tempo", "key", "seed", "percussion", "style", "instruments", "reverb", "swing")


@dataclass(frozen=True)
class Settings:
    """What a piece is to be; axes are 0..1, an instrument of "" leaves its role out."""

    style: str
    tempo: float  # beats per minute
    tonic: int  # pitch class, C = 0
    mode: str
    beats: int  # per bar
    pad: str
    keys: str
    arp: str
    bass: str
    motif: str
    kit: str
    energy: float
    density: float
    bright: float
    space: float
    tension: float
    level: float  # dB against the usual loudness of a bed
    swing: float
    build: bool  # layers are added as it goes on
    seed: str  # all that is left to chance depends on this

    @property
    def key(self) -> str:
        """The key's name, such as "D dorian"."""
        return f"{_NAMES[self.tonic]} {self.mode}"

    @property
    def playing(self) -> Style:
        """The style, for its ways of playing."""
        return STYLES[self.style]


@dataclass
class _Reading:
    """What has been read from the words so far."""

    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    axes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    named: dict[str, str] = field(default_factory=dict)  # role: instrument
    banned: set[str] = field(default_factory=set)
    kit: str | None = None  # None: not spoken of; "no": unwanted; "": wanted


def chance(*parts: object) -> np.random.Generator:
    """Return random numbers that depend on nothing but `parts`."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def read_cue(description: str, seed: int = 0, options: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings that a cue's words ask for; equal words and seeds give equal settings.

    Raises:
        EngineError: an option is unknown or has a value that cannot be used.
    """
    options = _checked(options or {})
    text = unicodedata.normalize("NFC", f"{description} {_instrument_words(options)}").lower()
    reading = _read_words(_without_figures(text))
    if "style" in options:
        reading.votes[options["style"]] += 100
    seed_text = f"{options.get('seed', seed)}|{' '.join(text.split())}"
    return _settle(reading, text, f"{options.get('key', '')} {description}", options, seed_text)


def _instrument_words(options: Mapping[str, Any]) -> str:
    words = options.get("instruments", "")
    return words if isinstance(words, str) else " ".join(map(str, words))


def _without_figures(text: str) -> str:
    return _KEY.sub(" ", _TEMPO.sub(" ", text))


def _read_words(text: str) -> _Reading:
    """Read the words one after the other; intensities and negations reach to the next that means something."""
    reading, amount, negated, done, hyphened = _Reading(), 1.0, False, 0, False
    for found in _WORD.finditer(text):
        word, at = found[0], found.start()
        hyphened = at > 0 and text[at - 1] == "-"
        if at < done or (hyphened and word in ("inspired", "like", "style", "sounding")):
            continue
        if not word[0].isalnum():
            amount, negated = 1.0, False
        elif word in lexicon.NEGATIONS:
            negated = True
        elif word in lexicon.INTENSITIES:
            amount *= lexicon.INTENSITIES[word]
        elif word not in lexicon.FILLERS:
            done = _read_word(reading, text, at, -0.7 if negated else amount)
            if done:
                amount, negated = 1.0, negated and text[done:].lstrip().startswith(("or ", "and "))
    return reading


def _read_word(reading: _Reading, text: str, at: int, amount: float) -> int:
    """Note what the word at `at` means and return where it ends (0: it means nothing)."""
    end = 0
    for pattern, (role, instrument) in lexicon.instruments():
        if found := pattern.match(text, at):
            end = found.end()
            reading.banned.add(instrument) if amount < 0 else reading.named.setdefault(role, instrument)
            break
    for pattern, kit in lexicon.drums():
        if found := pattern.match(text, at):
            end = max(end, found.end())
            reading.kit = "no" if amount < 0 else kit
            break
    for pattern, meaning in lexicon.meanings():
        if found := pattern.match(text, at):
            _weigh(reading, meaning, amount)
            return max(end, found.end())
    return end


def _weigh(reading: _Reading, meaning: dict[str, float], amount: float) -> None:
    for name, value in meaning.items():
        if name not in STYLES:
            reading.axes[name] += value * amount
        elif amount > 0:
            reading.votes[name] += value * min(amount, 1.3)  # "slightly tense" is less of a vote
        else:
            reading.votes[name] -= value


def _settle(reading: _Reading, text: str, cased: str, options: Mapping[str, Any], seed: str) -> Settings:
    """Choose what the words left open."""
    ranked = sorted((n for n, v in reading.votes.items() if v > 0), key=lambda n: -reading.votes[n])
    name = ranked[0] if ranked else DEFAULT_STYLE
    style, second = STYLES[name], STYLES[ranked[1] if len(ranked) > 1 else name]
    axes = {a: _axis(a, style, second, reading.axes[a]) for a in _AXES}
    space = float(options.get("reverb", axes["space"]))
    level = float(np.clip(style.level + reading.axes["level"], *LEVEL_RANGE))
    tonic, mode = _key(cased, style, reading.axes["valence"], seed)
    band = _instruments(reading, style, bool(_SOLO.search(text)), seed)
    return Settings(
        style=name,
        tempo=_tempo(text, style, axes["energy"], reading.axes["tempo"], options, seed),
        tonic=tonic,
        mode=mode,
        beats=3 if _THREE.search(text) else 4,
        pad=band["pad"],
        keys=band["keys"],
        arp=band["arp"],
        bass=band["bass"],
        motif=band["motif"],
        kit=_kit(reading, style, axes["energy"], level, options.get("percussion")),
        energy=axes["energy"],
        density=axes["density"],
        bright=axes["bright"],
        space=space,
        tension=axes["tension"],
        level=level,
        swing=float(options.get("swing", style.swing)),
        build=reading.axes["build"] > 0,
        seed=seed,
    )


def _axis(axis: str, style: Style, second: Style, delta: float) -> float:
    value = (1 - _SECOND_STYLE) * getattr(style, axis) + _SECOND_STYLE * getattr(second, axis)
    return float(np.clip(value + _STEP * delta, 0.0, 1.0))


def _tempo(text: str, style: Style, energy: float, percent: float, options: Mapping[str, Any], seed: str) -> float:
    written = _TEMPO.search(text)
    if "tempo" in options or written:
        tempo = float(options["tempo"] if "tempo" in options else written[1] or written[2])  # type: ignore[index]
        return float(np.clip(tempo, *TEMPO_RANGE))
    low, high = style.tempo
    place = np.clip(0.5 + 1.2 * (energy - style.energy) + chance(seed, "tempo").uniform(-0.25, 0.25), -0.2, 1.2)
    return float(np.clip(round((low + place * (high - low)) * (1 + percent / 100)), *TEMPO_RANGE))


def _key(text: str, style: Style, valence: float, seed: str) -> tuple[int, str]:
    draw = chance(seed, "key")
    wanted = [m for m in style.modes if not valence or (m in MINOR_MODES) == (valence < 0)] or list(style.modes)
    mode = wanted[int(draw.integers(len(wanted)) * draw.random() ** 0.5)]  # leans to the style's first
    if found := _find_key(text):
        letter, sign, named = found.group(1, 2, 3) if found[1] else found.group(4, 5, 6)
        tonic = (_LETTERS[letter.lower()] + _SIGNS[re.sub(r"[\s-]", "", (sign or "").lower())]) % 12
        return tonic, _MODES[named.lower()] if named else mode
    if spoken := _MODE.search(text):
        mode = _MODES[spoken[1].lower()]
    tonics = _MINOR_TONICS if mode in MINOR_MODES else _MAJOR_TONICS
    return tonics[draw.integers(len(tonics))], mode


def _find_key(text: str) -> re.Match[str] | None:
    """Return the first key in the text; a small "a major …" is an article unless "in" or "key" stands before it."""
    for found in _KEY.finditer(text):
        before = text[: found.start()].rstrip().lower()
        if found[1] != "a" or f" {before}".endswith((" in", "key", "key:", "key of", "key=")):
            return found
    return None


def _instruments(reading: _Reading, style: Style, solo: bool, seed: str) -> dict[str, str]:
    """Return an instrument for each role: those that were named, the style's own for the others."""
    draw = chance(seed, "instruments")
    chosen = {}
    for role in _ROLES:
        offers = [i for i in getattr(style, role) if i not in reading.banned] or [""]
        chosen[role] = offers[draw.integers(len(offers))]
    named = reading.named
    if not named:
        return chosen
    chosen |= named
    plays = [i for r, i in named.items() if r != "bass"]
    if "arp" not in named and plays:
        chosen["arp"] = plays[0] if plays[0] in ("guitar",) else ""
    if "keys" not in named and "arp" in named and chosen["keys"]:
        chosen["keys"] = "" if draw.random() < 0.5 else chosen["keys"]
    if "motif" not in named and (tuneful := [i for r, i in named.items() if r in ("keys", "arp")]):
        chosen["motif"] = tuneful[0]
    if solo:
        chosen = {r: i if i in named.values() else "" for r, i in chosen.items()}
    return chosen


def _kit(reading: _Reading, style: Style, energy: float, level: float, wish: bool | None) -> str:
    """Return the percussion's kit; the option comes before the words, the words before the style."""
    own = style.kit or style.default_kit
    named = reading.kit if reading.kit and reading.kit != "no" else own
    if wish is not None:
        return named if wish else ""
    if reading.kit is not None:
        return "" if reading.kit == "no" else named
    if reading.axes["drums"] > 0 or energy > 0.72:
        return own
    return style.kit if energy > 0.25 and level > -4 else ""


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with values of the right kinds."""
    checks = {"tempo": _number, "reverb": _number, "swing": _number, "seed": _number, "percussion": _truth,
              "key": _key_name,
              "style": _style_name, "instruments": _words}  # fmt: skip
    for name in options:
        if name not in checks:
            raise _unknown("option", name, OPTIONS)
    return {name: checks[name](name, value) for name, value in options.items() if value is not None}


def _unknown(what: str, name: str, known: Any) -> EngineError:
    near = get_close_matches(str(name), known, 1, 0.4)
    hint = f"did you mean {near[0]!r}?" if near else "choose one of: " + ", ".join(known)
    return EngineError(f"the composer knows no {what} {name!r}", hint, "music.composer")


def _number(name: str, value: Any) -> float:
    limits = {"tempo": TEMPO_RANGE, "reverb": (0.0, 1.0), "swing": (0.0, 0.5), "seed": (0.0, 2.0**63)}
    low, high = limits[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise EngineError(f"{name}: {value!r} is not a number from {low:g} to {high:g}", "", f"music.composer.{name}")
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise EngineError(f"{name}: {value!r} is neither true nor false", "", f"music.composer.{name}")
    return value


def _words(name: str, value: Any) -> str:
    words = value if isinstance(value, str) else " ".join(map(str, value))
    if not _read_words(words.lower()).named:
        known = sorted(s.rstrip("$").replace("_", " ") for key in lexicon.INSTRUMENTS for s in key.split())
        raise _unknown("instrument", words, known)
    return words


def _style_name(name: str, value: Any) -> str:
    if value not in STYLES:
        raise _unknown("style", value, tuple(STYLES))
    return str(value)


def _key_name(name: str, value: Any) -> str:
    text = f"key {value}"
    if not _KEY.search(text):
        raise EngineError(
            f"key: {value!r} is not a key", "write it like D minor, F# major or Bb dorian", "music.composer.key"
        )
    return text
