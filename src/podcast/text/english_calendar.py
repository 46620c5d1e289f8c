"""Dates and times of day in English."""

from __future__ import annotations

import re
from collections.abc import Callable

from podcast.text.numerals import cardinal, ordinal, year

Dated = tuple[re.Pattern[str], Callable[..., str | None]]
Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]

NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
SHORT = {name[:3]: name for name in NAMES} | {"Sept": "September"}
MONTH = rf"(?P<month>{'|'.join(NAMES)}|(?:{'|'.join(sorted(SHORT, key=len, reverse=True))})\b\.?)"
LAST_DAY, LAST_MONTH = 31, 12


def _month(written: str) -> str:
    written = written.rstrip(".")
    return SHORT.get(written, written)


def _date(day: int, month: int, year_of: int | None, day_first: bool) -> str | None:
    if not (1 <= day <= LAST_DAY and 1 <= month <= LAST_MONTH):
        return None
    name = NAMES[month - 1]
    said = f"the {ordinal(day)} of {name}" if day_first else f"{name} {ordinal(day)}"
    return f"{said}, {year(year_of)}" if year_of else said


def _iso(match: re.Match[str], day_first: bool) -> str | None:
    return _date(int(match[3]), int(match[2]), int(match[1]), day_first)


def _slashed(match: re.Match[str], day_first: bool) -> str | None:
    """Read 11/20/2026 by the language's order, or by the only order that makes it a date."""
    first, second = int(match[1]), int(match[2])
    year_of = int(match[3]) if len(match[3]) == 4 else 2000 + int(match[3])
    if first > LAST_MONTH or (day_first and second <= LAST_MONTH):
        return _date(first, second, year_of, day_first)
    return _date(second, first, year_of, day_first)


def _day_month(match: re.Match[str], day_first: bool) -> str | None:
    if not 1 <= int(match["day"]) <= LAST_DAY:
        return None
    article = "" if match["the"] else "the "
    said = f"{match['the'] or ''}{article}{ordinal(int(match['day']))} of {_month(match['month'])}"
    return f"{said}, {year(int(match['year']))}" if match["year"] else said


def _month_day(match: re.Match[str], day_first: bool) -> str | None:
    if not 1 <= int(match["day"]) <= LAST_DAY:
        return None
    said = f"{_month(match['month'])} {ordinal(int(match['day']))}"
    if match["last"]:
        said += f" to {ordinal(int(match['last']))}"
    return f"{said}, {year(int(match['year']))}" if match["year"] else said


DATES: tuple[Dated, ...] = (
    (re.compile(r"(?<![\w/.-])(\d{4})-(\d{2})-(\d{2})(?![\w-])"), _iso),
    (re.compile(r"(?<![\w/.-])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])"), _slashed),
    (
        re.compile(rf"(?P<the>\b[Tt]he )?\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{MONTH}(?!\w)"
                   r"(?:,?\s(?P<year>\d{4})(?![\w.,]\d|\w))?"),
        _day_month,
    ),
    (
        re.compile(rf"\b{MONTH}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s?[-–]\s?(?P<last>\d{{1,2}}))?(?![\w:%]|[.,]\d)"
                   r"(?:,?\s(?P<year>\d{4})(?![\w.,]\d|\w))?"),
        _month_day,
    ),
    (
        re.compile(r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\.?(?=\s\d{4}\b)"),
        lambda m, day_first: _month(m[1]),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- times of day

HALF = r"(?P<half>[aApP])\.?\s?[mM]\b\.?"
NOON = 12


def _clock(match: re.Match[str]) -> str | None:
    hour, minute, half = int(match["hour"]), int(match["minute"]), match["half"]
    second = match["second"]
    if hour > 24 or (half and hour > NOON):
        return None
    said = cardinal(hour)
    if minute:
        said += f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"
    elif not half and not second:
        said += " o'clock" if 1 <= hour <= NOON else " hundred"
    if second and int(second):
        said += f" and {cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
    return said + _half(match)


def _hour(match: re.Match[str]) -> str | None:
    if not 1 <= int(match["hour"]) <= NOON:
        return None
    first = f"{cardinal(int(match['from']))} to " if match["from"] else ""
    return first + cardinal(int(match["hour"])) + _half(match)


def _half(match: re.Match[str]) -> str:
    """Return " A M", with the sentence's full stop where the abbreviation's point was also that."""
    if not match["half"]:
        return ""
    at_end = match[0].endswith(".") and not match.string[match.end() :].strip(" )\"'”’")
    return f" {match['half'].upper()} M{'.' if at_end else ''}"


DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thurs": "Thursday",
    "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
DAY = "|".join(sorted(DAYS, key=len, reverse=True))

TIMES: tuple[Rule, ...] = (
    (re.compile(rf"\b({DAY})\.?\s?[-–]\s?({DAY})\b(?:\.(?!\s*$))?"), lambda m: f"{DAYS[m[1]]} to {DAYS[m[2]]}"),
    (
        re.compile(rf"(?<![\w:.])(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?:\s?{HALF})?(?![\w:])"),
        _clock,
    ),
    (re.compile(rf"(?<![\w:.,])(?:(?P<from>\d{{1,2}})\s?[-–]\s?)?(?P<hour>\d{{1,2}})\s?{HALF}(?!\w)"), _hour),
)  # fmt: skip
