"""The voices of the embedded engine: a language, a variant, and what we add to them.

espeak-ng speaks with a voice file: the file of a language followed by the lines of a variant. Ours are composed
when they are needed, so that pitch, intonation and tone can differ from the variants that come with the library.
Measured values are in docs/voices.md.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from podcast.engines import _espeak_library as library
from podcast.errors import EngineError

EQ_HZ = (125, 250, 500, 1000, 2000, 3150, 4500, 6300, 9000)  # where the equaliser's gains are given


@dataclass(frozen=True)
class EspeakVoice:
    """A voice: what espeak-ng loads, and how its sound is finished."""

    name: str
    about: str
    language: str  # as espeak-ng names it
    variant: str  # "" for the plain voice
    pitch: float = 100.0  # Hz, the median F0
    span: float = 1.5  # the highest pitch as a multiple of the lowest
    wpm: int = 149  # as espeak-ng counts; it speaks about a tenth faster, and our pauses take that back
    level: float = 0.0  # dB that bring it to the loudness of the others
    eq: tuple[float, ...] = (0.0,) * len(EQ_HZ)  # dB at EQ_HZ
    lines: tuple[str, ...] = field(default=())  # further lines of the voice file


CURATED: tuple[EspeakVoice, ...] = (
    EspeakVoice("owen", "American man, warm and even", "en-us", "m7", 108, 1.7,
                level=0.9, eq=(3.0, 0.5, 0.0, -1.0, -1.0, -1.0, -0.5, -1.0, 0.5)),
    EspeakVoice("clara", "American woman, clear and friendly", "en-us", "f2", 198, 1.65,
                level=0.3, eq=(0.0, 2.0, 0.5, -2.5, -2.5, -4.5, -5.0, -3.0, -1.5)),
    EspeakVoice("arthur", "Englishman, calm and deep", "en-gb-x-rp", "max", 92, 1.65,
                wpm=146, level=3.8, eq=(2.5, 2.0, 0.5, -2.5, -4.5, -3.0, -3.5, -3.5, -2.0)),
    EspeakVoice("grace", "Englishwoman, composed", "en-gb-x-rp", "f4", 182, 1.6,
                level=0.3, eq=(0.0, 3.0, 0.5, -3.0, -3.5, -4.5, -5.0, -2.5, 0.5)),
    EspeakVoice("leo", "American man, young and quick", "en-us", "m3", 128, 1.7,
                wpm=151, level=1.7, eq=(2.5, 2.0, 0.5, -2.5, -4.5, -6.0, -5.0, -3.0, -1.5)),
    EspeakVoice("june", "American woman, low and unhurried", "en-us", "f3", 168, 1.7,
                wpm=147, level=2.9, eq=(0.0, 2.0, 0.5, -2.5, -3.5, -6.0, -7.0, -4.0, -1.5)),
    EspeakVoice("isla", "Scotswoman, bright", "en-gb-scotland", "f2", 214, 1.6,
                wpm=148, level=-1.3, eq=(0.0, 2.5, 1.0, -3.5, -1.5, -4.0, -4.5, -1.5, 0.0)),
    EspeakVoice("callum", "Scotsman, steady", "en-gb-scotland", "m7", 117, 1.6,
                wpm=147, level=-0.5, eq=(2.5, 1.5, 0.0, -1.5, -0.5, -1.0, 0.5, 0.0, 1.0)),
)  # fmt: skip
DEFAULT_VARIANTS = ("m7", "f2", "max", "f4")  # of the languages without voices of their own
FEMALE_PITCH, MALE_PITCH = (190.0, 1.6), (112.0, 1.6)  # of a raw variant
FEMALE_EQ = (0.0, 2.0, 0.5, -2.5, -3.0, -5.0, -6.0, -3.0, -1.0)
MALE_EQ = (3.0, 1.5, 0.5, -2.0, -3.5, -4.0, -4.0, -3.0, -1.5)
RAW_LEVEL = 2.0  # dB

MEDIAN = 0.68  # where in its range espeak-ng's intonation has the median F0, measured

_BY_NAME = {voice.name: voice for voice in CURATED}


@cache
def language_files() -> dict[str, Path]:
    """Return the file of every language that espeak-ng knows, under each of its names in lower case."""
    found: dict[str, tuple[int, Path]] = {}
    for file in sorted((library.data_folder() / "lang").rglob("*")):
        if not file.is_file():
            continue
        for match in re.finditer(r"^language\s+(\S+)(?:\s+(\d+))?", file.read_text("utf-8", "replace"), re.MULTILINE):
            name, priority = match[1].lower(), int(match[2] or 5)
            if name not in found or priority < found[name][0]:
                found[name] = (priority, file)
    return {name: file for name, (_, file) in found.items()}


@cache
def variants() -> tuple[str, ...]:
    """Return the names of the variants that come with espeak-ng."""
    return tuple(sorted(file.name for file in (library.data_folder() / "voices" / "!v").iterdir()))


def language_of(tag: str) -> str | None:
    """Return espeak-ng's name of a BCP 47 language, or None; a region it does not know is left out."""
    known = language_files()
    aliases = {"en": "en-us", "zh": "cmn", "pt": "pt-br", "no": "nb", "nn": "nb", "fil": "en-us"}
    tag = tag.replace("_", "-").lower()
    for name in (tag, aliases.get(tag, ""), tag.split("-")[0], aliases.get(tag.split("-")[0], "")):
        if name in known and not (name == "en" and tag in ("en", "en-us")):
            return name
    return "en-us" if tag.startswith("en") else None


def names_for(language: str) -> tuple[str, ...]:
    """Return the recommended voices of a language, the best first, men and women in turn."""
    name = language_of(language)
    if name is None:
        return ()
    if not name.startswith("en"):
        return tuple(f"{name}+{variant}" for variant in DEFAULT_VARIANTS)
    british = name.startswith("en-gb") or name == "en"
    return tuple(v.name for v in sorted(CURATED, key=lambda v: british and not v.language.startswith("en-gb")))


def find(name: str, language: str = "en") -> EspeakVoice:
    """Return a curated voice, or a raw one such as "en-us+f3".

    Raises:
        EngineError: there is no such voice; names the nearest.
    """
    if not name:
        return find(_first_for(language))
    if voice := _BY_NAME.get(name.strip().lower()):
        own = language_of(language)
        return voice if own is None or own.startswith("en") else replace(voice, language=own)
    spoken, _, variant = name.strip().partition("+")
    known = {v.lower(): v for v in variants()}
    if spoken.lower() not in language_files() or (variant and variant.lower() not in known):
        raise _unknown(name)
    return _raw(spoken.lower(), known.get(variant.lower(), ""))


def _first_for(language: str) -> str:
    names = names_for(language)
    if not names:
        raise EngineError(f"espeak does not speak {language!r}", "Choose another language or engine.", "language")
    return names[0]


def _unknown(name: str) -> EngineError:
    spoken, plus, variant = name.partition("+")
    choices = [*_BY_NAME, *language_files()]
    nearest = difflib.get_close_matches(spoken.lower(), choices, 1, 0.0)[0]
    if plus:
        nearest = nearest if nearest in language_files() else "en-us"
        nearest += "+" + (difflib.get_close_matches(variant, variants(), 1, 0.0) or ["f2"])[0]
    remedy = f"Did you mean {nearest!r}? `podcast voices` lists them: {', '.join(_BY_NAME)}."
    return EngineError(f"espeak has no voice {name!r}", remedy, "voice")


@cache
def _raw(language: str, variant: str) -> EspeakVoice:
    lines = _variant_lines(variant)
    gender = re.search(r"^\s*gender\s+(\w+)", lines, re.MULTILINE)
    female = bool(gender and gender[1] == "female")
    pitch, span = FEMALE_PITCH if female else MALE_PITCH
    if own := re.search(r"^\s*pitch\s+(\d+)\s+(\d+)", lines, re.MULTILINE):
        span = max(float(own[2]) / float(own[1]), 1.0)
        pitch = float(own[1]) * (1 + MEDIAN * (span - 1))
    name = f"{language}+{variant}" if variant else language
    return EspeakVoice(name, "as it comes with espeak-ng", language, variant, pitch, span, level=RAW_LEVEL,
                       eq=FEMALE_EQ if female else MALE_EQ)  # fmt: skip


def _variant_lines(variant: str) -> str:
    if not variant:
        return ""
    return (library.data_folder() / "voices" / "!v" / variant).read_text("utf-8", "replace")


def voice_file(voice: EspeakVoice, pitch: float, span: float) -> str:
    """Return the text of a voice file: the language, the variant, and our pitch (Hz) and range."""
    language = language_files()[voice.language].read_text("utf-8", "replace")
    drop = re.compile(r"\s*(?:language|name|gender|pitch|echo)\b")  # of the variant; our room replaces its echo
    variant = "\n".join(line for line in _variant_lines(voice.variant).splitlines() if not drop.match(line))
    lowest = pitch / (1 + MEDIAN * (span - 1))
    lowest, highest = round(lowest), round(lowest * span)
    return "\n".join((language, variant, f"pitch {lowest} {highest}", *voice.lines, ""))
