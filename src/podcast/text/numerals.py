"""Numbers as words, in every language that Unicode's rule-based number formats know."""

from __future__ import annotations

from functools import cache

from unicode_rbnf import FormatPurpose, RbnfEngine
from unicode_rbnf.engine import NoRuleForNumberError

LARGEST = 10**15  # beyond it figures are read one by one
NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"

# What is said at the decimal sign.
POINT = {
    "en": "point", "de": "Komma", "fr": "virgule", "es": "coma", "it": "virgola", "pt": "vírgula", "nl": "komma",
    "pl": "przecinek", "sv": "komma", "da": "komma", "no": "komma", "fi": "pilkku", "cs": "celá", "ro": "virgulă",
    "hu": "egész", "tr": "virgül", "ca": "coma", "id": "koma", "el": "κόμμα",
}  # fmt: skip


def base(language: str) -> str:
    """Return the language of a BCP 47 tag without its region: "en" of "en-GB"."""
    short = language.replace("_", "-").split("-")[0].lower()
    return {"nb": "no", "nn": "no", "cmn": "zh"}.get(short, short) or "en"


@cache
def _engine(language: str) -> RbnfEngine | None:
    try:
        return RbnfEngine.for_language(base(language))
    except ValueError:
        return None


def knows(language: str) -> bool:
    """Tell whether the language's numbers can be written as words."""
    return _engine(language) is not None and _spell(21, FormatPurpose.CARDINAL, language) is not None


def _spell(number: int, purpose: FormatPurpose, language: str) -> str | None:
    engine = _engine(language)
    if engine is None or abs(number) >= LARGEST:
        return None
    try:
        return engine.format_number(number, purpose).text.replace("\xad", "")
    except (NoRuleForNumberError, ValueError):
        return None


def digits(figures: str, language: str = "en") -> str:
    """Return figures one by one: "zero zero seven"."""
    return " ".join(_spell(int(f), FormatPurpose.CARDINAL, language) or f for f in figures if f.isdecimal())


def cardinal(number: int, language: str = "en") -> str:
    """Return "twenty-one"."""
    return _spell(number, FormatPurpose.CARDINAL, language) or digits(str(number), language)


def ordinal(number: int, language: str = "en") -> str:
    """Return "twenty-first"."""
    return _spell(number, FormatPurpose.ORDINAL, language) or cardinal(number, language)


def year(number: int) -> str:
    """Return a year in English: "nineteen ninety-eight", "two thousand five"."""
    words = _spell(number, FormatPurpose.YEAR, "en") or cardinal(number)
    return words.replace("oh-", "oh ")


def decade(number: int) -> str:
    """Return the plural of a year: "nineteen nineties"."""
    words = year(number)
    return words[:-1] + "ies" if words.endswith("y") else words + ("es" if words.endswith("x") else "s")


def number(figures: str, language: str = "en") -> str:
    """Return figures with thousands' commas and a decimal point as words; a leading zero has them read singly."""
    whole, _, fraction = figures.replace(",", "").partition(".")
    leading_zero = len(whole) > 1 and whole.startswith("0")
    too_long = len(whole) >= len(str(LARGEST))
    words = digits(whole, language) if leading_zero or too_long else cardinal(int(whole or "0"), language)
    return f"{words} {POINT.get(base(language), 'point')} {digits(fraction, language)}" if fraction else words
