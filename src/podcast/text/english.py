"""The rules of English: what is written in figures and signs, and how it is said.

Rules go from the most particular to the most general; a stretch of text belongs to the first rule that claims it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from podcast.text import english_calendar as calendar
from podcast.text import english_words as words
from podcast.text.numerals import NUMBER, cardinal, decade, digits, number, ordinal, year

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]

START = r"(?<![\w.,])(?<!\d[:/])"  # a number does not begin inside a word or another number
AMOUNT = rf"(?P<sign>(?<![\w)])[-−+±~≈<>])?(?P<a>{NUMBER})(?:\s?(?:[-–—]|to)\s?(?P<b>{NUMBER}))?"
SIGNS = {
    "-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus ", "~": "about ", "≈": "about ",
    "<": "less than ", ">": "more than ",
}  # fmt: skip
FIRST_YEAR, LAST_YEAR = 1100, 2099  # a bare four-figure number between them is read as a year


def _amount(match: re.Match[str]) -> str:
    said = SIGNS.get(match["sign"] or "", "") + number(match["a"])
    return f"{said} to {number(match['b'])}" if match["b"] else said


def _is_one(match: re.Match[str]) -> bool:
    return match["a"] == "1" and not match["b"]


# ---------------------------------------------------------------- money

SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mm": "million",
    "b": "billion", "B": "billion", "bn": "billion", "t": "trillion", "T": "trillion", "tn": "trillion",
}  # fmt: skip
SCALE = r"(?:\s?(?P<scale>thousand|million|billion|trillion)\b|(?P<letter>mn|mm|bn|tn|[kKmMbBtT])\b)?"
MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"), "₿": ("bitcoin", "bitcoins", "", ""),
}  # fmt: skip
CODES = {
    "USD": "US dollar", "EUR": "euro", "GBP": "British pound", "JPY": "Japanese yen", "CHF": "Swiss franc",
    "CAD": "Canadian dollar", "AUD": "Australian dollar", "INR": "Indian rupee", "CNY": "Chinese yuan",
}  # fmt: skip
CODES_PATTERN = "|".join(CODES)


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = MONEY[match["symbol"]]
    following = match.string[match.end() :]
    if following.startswith("-"):  # "a $5-a-month plan", "the $1 million-dollar question"
        one = many = "" if following.startswith(f"-{one}") else one
    scale = match["scale"] or SCALES.get(match["letter"] or "", "")
    if scale:
        return f"{_amount(match)} {scale} {many}".strip()
    whole, _, fraction = match["a"].replace(",", "").partition(".")
    if len(fraction) == 2 and not match["b"] and cent:
        return SIGNS.get(match["sign"] or "", "") + _coins(int(whole), int(fraction), (one, many, cent, cents))
    return f"{_amount(match)} {one if _is_one(match) else many}".strip()


def _coins(whole: int, hundredths: int, names: tuple[str, str, str, str]) -> str:
    one, many, cent, cents = names
    notes = f"{cardinal(whole)} {one if whole == 1 else many}"
    coins = f"{cardinal(hundredths)} {cent if hundredths == 1 else cents}"
    if not hundredths:
        return notes
    return f"{notes} and {coins}" if whole else coins


def _coded(match: re.Match[str]) -> str:
    name = CODES[match["code"]]
    scale = match["scale"] or SCALES.get(match["letter"] or "", "")
    plural = name if _is_one(match) or name.endswith(("yen", "yuan")) else name + "s"
    return " ".join(part for part in (_amount(match), scale, plural) if part)


# ---------------------------------------------------------------- measures

# written: (one, many)
UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"), "m/s": ("meter per second", "meters per second"),
    "mph": ("mile per hour", "miles per hour"), "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "Mb/s": ("megabit per second", "megabits per second"), "MB/s": ("megabyte per second", "megabytes per second"),
    "GB/s": ("gigabyte per second", "gigabytes per second"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "km²": ("square kilometer", "square kilometers"), "m²": ("square meter", "square meters"),
    "m³": ("cubic meter", "cubic meters"), "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "°": ("degree", "degrees"), "km": ("kilometer", "kilometers"),
    "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "µg": ("microgram", "micrograms"),
    "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"), "µm": ("micrometer", "micrometers"),
    "nm": ("nanometer", "nanometers"), "ml": ("milliliter", "milliliters"), "mL": ("milliliter", "milliliters"),
    "ft": ("foot", "feet"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "mi": ("mile", "miles"), "yd": ("yard", "yards"), "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "PB": ("petabyte", "petabytes"), "GiB": ("gibibyte", "gibibytes"), "MiB": ("mebibyte", "mebibytes"),
    "GHz": ("gigahertz", "gigahertz"), "MHz": ("megahertz", "megahertz"), "kHz": ("kilohertz", "kilohertz"),
    "Hz": ("hertz", "hertz"), "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"),
    "GW": ("gigawatt", "gigawatts"), "mAh": ("milliamp hour", "milliamp hours"), "dB": ("decibel", "decibels"),
    "LUFS": ("luffs", "luffs"), "ms": ("millisecond", "milliseconds"), "ns": ("nanosecond", "nanoseconds"),
    "µs": ("microsecond", "microseconds"), "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"), "secs": ("second", "seconds"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "fps": ("frame per second", "frames per second"), "bpm": ("beat per minute", "beats per minute"),
    "rpm": ("revolution per minute", "revolutions per minute"), "dpi": ("dot per inch", "dots per inch"),
    "px": ("pixel", "pixels"), "m": ("meter", "meters"), "g": ("gram", "grams"), "h": ("hour", "hours"),
    "s": ("second", "seconds"), "W": ("watt", "watts"), "V": ("volt", "volts"), "L": ("liter", "liters"),
}  # fmt: skip
UNIT = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
PER = {
    "hr": "hour", "mo": "month", "yr": "year", "wk": "week", "sec": "second", "min": "minute", "s": "second",
    "h": "hour",
}  # fmt: skip
TENS = ("0", "10", "20", "30", "40", "50", "60", "70", "80", "90")


def _measure(match: re.Match[str]) -> str:
    one, many = UNITS[match["unit"].replace("μ", "µ")]
    as_adjective = match["gap"] == "-"
    return f"{_amount(match)} {one if _is_one(match) or as_adjective else many}"


def _decade(match: re.Match[str]) -> str | None:
    if len(match[1]) == 2 and match[1] not in TENS:
        return None
    return decade(int(match[1]))


# ---------------------------------------------------------------- numbers

FRACTION_NAMES = {2: ("half", "halves"), 4: ("quarter", "quarters")}
READ_PLAINLY = {"9/11": "nine eleven", "24/7": "twenty-four seven", "50/50": "fifty-fifty", "20/20": "twenty-twenty"}
VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅕": (1, 5), "⅛": (1, 8), "⅜": (3, 8)}
LARGEST_DENOMINATOR = 20  # beyond it a fraction is said as "over"


def _fraction_words(top: int, bottom: int) -> str | None:
    if bottom < 2 or top < 1 or (bottom > LARGEST_DENOMINATOR and bottom not in (32, 64, 100, 1000)):
        return f"{cardinal(top)} over {cardinal(bottom)}"
    one, many = FRACTION_NAMES.get(bottom, (ordinal(bottom), ordinal(bottom) + "s"))
    return f"{cardinal(top)} {one if top == 1 else many}"


def _fraction(match: re.Match[str]) -> str | None:
    written = f"{match['top']}/{match['bottom']}"
    if written in READ_PLAINLY and not match["whole"]:
        return READ_PLAINLY[written]
    said = _fraction_words(int(match["top"]), int(match["bottom"]))
    if match["whole"]:
        return f"{cardinal(int(match['whole']))} and {(said or '').replace('one ', 'a ', 1)}"
    return said


def _vulgar(match: re.Match[str]) -> str:
    said = _fraction_words(*VULGAR[match[2]]) or ""
    return f"{cardinal(int(match[1]))} and {said.replace('one ', 'a ', 1)}" if match[1] else said


def _phone(match: re.Match[str]) -> str:
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(digits(group) for group in re.findall(r"\d+", match[0]))


def _version(match: re.Match[str]) -> str:
    parts = [cardinal(int(p)) if len(p) < 5 else digits(p) for p in match["version"].split(".")]
    name = match["name"]
    name = f"{words.acronym(name.strip()) or name.strip()} " if name.endswith(" ") else name
    return ("version " if name in ("v", "V") else name) + " point ".join(parts)


def _dotted(match: re.Match[str]) -> str:
    parts = match[0].split(".")
    return (" dot " if len(parts) == 4 else " point ").join(cardinal(int(p)) for p in parts)


def _by(match: re.Match[str]) -> str:
    return " by ".join(words.model_number(figures) for figures in re.split(r"\s?[x×]\s?", match[0]))


def _counted(figures: str) -> str:
    """Read a number; four figures without a comma go in pairs if they could be a year."""
    plain = figures.isdecimal() and len(figures) == 4
    return year(int(figures)) if plain and FIRST_YEAR <= int(figures) <= LAST_YEAR else number(figures)


def _height(match: re.Match[str]) -> str:
    inches = f" {cardinal(int(match[2]))}" if match[2] else ""
    return f"{cardinal(int(match[1]))} foot{inches}"


def _plain(match: re.Match[str]) -> str:
    said = SIGNS.get(match["sign"] or "", "") + _counted(match["a"])
    return f"{said} to {_counted(match['b'])}" if match["b"] else said


def _power(match: re.Match[str]) -> str:
    return f"{number(match[1])}{' squared' if match[2] == '²' else ' cubed'}"


def _per(match: re.Match[str]) -> str:
    return f" per {PER.get(match[1], match[1])}"


def _odd(match: re.Match[str]) -> str:
    """Read figures of no known form ("1,2,3") number by number."""
    return " ".join(number(part) for part in re.findall(r"\d+", match[0])).join("  ")


VERSIONED = "Python|Ubuntu|Node|Django|Rails|PHP|Go|macOS|iOS|Android"
NAMED_VERSION = rf"(?P<name>\b[Vv]ersions? |\b[Rr]elease |\b(?:{VERSIONED}) |\b[vV])"
NUMBER_RULES: tuple[Rule, ...] = (
    (
        re.compile(rf"(?P<sign>(?<!\w)[-−+~≈])?(?:US|CA|AU|NZ|HK)?(?P<symbol>[{''.join(MONEY)}])\s?(?P<a>{NUMBER})"
                   rf"(?:\s?[-–—]\s?[{''.join(MONEY)}]?(?P<b>{NUMBER}))?{SCALE}"),
        _money,
    ),
    (re.compile(rf"{START}(?P<sign>)(?P<a>{NUMBER})(?P<b>)\s?(?P<symbol>[€£])(?P<scale>)(?P<letter>)"), _money),
    (re.compile(rf"{START}{AMOUNT}{SCALE}\s?(?P<code>{CODES_PATTERN})\b"), _coded),
    (re.compile(rf"\b(?P<code>{CODES_PATTERN})\s{AMOUNT}{SCALE}"), _coded),
    (re.compile(rf"{START}{AMOUNT}\s?¢"), lambda m: f"{_amount(m)} {'cent' if _is_one(m) else 'cents'}"),
    (re.compile(rf"{START}{AMOUNT}\s?%"), lambda m: f"{_amount(m)} percent"),
    (re.compile(rf"{START}({NUMBER})([²³])(?!\w)"), _power),
    (re.compile(r"\b(\d{1,6})\^(\d{1,3})(?!\w)"), lambda m: f"{number(m[1])} to the power of {number(m[2])}"),
    (re.compile(r"\b50[-–]50\b"), lambda m: "fifty-fifty"),
    (re.compile(r"\b24/7/365\b"), lambda m: "twenty-four seven, three sixty-five"),
    (re.compile(rf"{START}{NUMBER}(?:\s?[x×]\s?{NUMBER})+(?!\w)"), _by),
    (re.compile(rf"{START}{AMOUNT}[x×](?!\w)"), lambda m: f"{_amount(m)} times"),
    (re.compile(r"(?<!\w)['’]?([1-9]0)['’]?s\b"), _decade),
    (re.compile(r"(?<![\w.,])((?:1[1-9]|20)\d0)['’]?s\b"), _decade),
    (re.compile(rf"{START}{AMOUNT}(?P<gap>[\s\u00a0-]?)(?P<unit>{UNIT})(?![\w/²³'’])(?:\.(?=\s[a-z]|[?!,;]))?"),
     _measure),
    (re.compile(rf"{START}{AMOUNT}\s?(?:(?P<scale>thousand|million|billion|trillion)\b|(?P<letter>[MB]|bn|mn)\b)"),
     lambda m: f"{_amount(m)} {m['scale'] or SCALES[m['letter']]}"),
    (re.compile(r"(?<=[\w%])/(month|year|day|hour|week|minute|second|user|seat|person|hr|mo|yr|wk|sec|min)\b"), _per),
    (re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b"),
     lambda m: ordinal(int(m[1].replace(",", "")))),
    (re.compile(r"\bN[or]\.\s?(?=\d)|#(?=\d)|№\s?"), lambda m: "number "),
    (re.compile(r"\bNos\.\s?(?=\d)"), lambda m: "numbers "),
    (re.compile(r"(?<![\w/.])(?:(?P<whole>\d+)\s)?(?P<top>\d{1,3})[/⁄](?P<bottom>[1-9]\d{0,3})(?![\w/]|\.\d)"),
     _fraction),
    (re.compile(r"(?<![\w.])([3-8])['’′](1[01]|\d)?[\"”″]?(?!\w)"), _height),
    (re.compile(rf"(?:(\d+)\s?)?([{''.join(VULGAR)}])"), _vulgar),
    (re.compile(r"(?<![\w.])(?:\+?\d{1,3}[-. ]?)?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?!\w)"), _phone),
    (re.compile(r"(?<![\w.])\+\d[\d ()-]{6,}\d(?!\w)|(?<![\w.-])\d{3}-\d{4}(?![\w-])"), _phone),
    (re.compile(rf"{NAMED_VERSION}(?P<version>\d+(?:\.\d+)+)(?!\w|,\d)"), _version),
    (re.compile(rf"{START}\d+(?:\.\d+){{2,}}(?!\w)"), _dotted),
    (re.compile(rf"{START}(\d+):(\d+)(?![\w:])"), lambda m: f"{number(m[1])} to {number(m[2])}"),
)  # fmt: skip
LAST_NUMBER_RULES: tuple[Rule, ...] = (
    (re.compile(rf"{START}(?P<sign>(?<![\w)])[-−+±~≈<>])?(?P<a>{NUMBER})(?:\s?[-–—]\s?(?P<b>{NUMBER}))?(?!\w|[.,]\d)"),
     _plain),
    (re.compile(r"\d+(?:[.,]\d+)*"), _odd),
    (re.compile(r"\d+"), _odd),  # what is left of a number whose beginning another rule took
)  # fmt: skip


# ---------------------------------------------------------------- signs

SIGN_WORDS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "×": "times", "÷": "divided by", "±": "plus or minus",
    "≈": "about", "~": "about", "≥": "at least", "≤": "at most", "≠": "is not", "<": "less than", ">": "more than",
    ">=": "at least", "<=": "at most", "!=": "is not", "==": "equals", "→": "to", "%": "percent", "°": "degrees",
    "§": "section", "€": "euro", "$": "dollar", "£": "pound", "#": "number",
}  # fmt: skip



RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")


def _raised(match: re.Match[str]) -> str:
    return f" to the power of {number(match[1].translate(RAISED))}"


def _lowered(match: re.Match[str]) -> str:
    return f" {number(match[0].translate(RAISED))} "


def _compared(match: re.Match[str]) -> str:
    """Read "x > 5" as a comparison and "File > Open" as a path."""
    before = re.search(r"(?:\d|(?<!\w)[a-z])\s?$", match.string[: match.start()])
    after = re.match(r"\s?(?:\d|[a-z](?!\w))", match.string[match.end() :])
    is_mathematics = before or after
    return f" {SIGN_WORDS[match[0]]} " if is_mathematics or "=" in match[0] else " , "


MARKUP_RULES: tuple[Rule, ...] = ((re.compile(r"</?[A-Za-z][^<>]{0,40}>"), lambda m: ""),)
SIGN_RULES: tuple[Rule, ...] = (
    (re.compile(r"(?<=[\d%°])[-–—](?=[\d$€£])|(?<=°[CF])[-–—](?=\d)|(?<=[ap]m)[-–—](?=\d)"), lambda m: " to "),
    (re.compile(r"\band/or\b"), lambda m: "and or"),
    (re.compile(r"\bw/o(?=\s)"), lambda m: "without"),
    (re.compile(r"\bw/(?=\s)"), lambda m: "with"),
    (re.compile(r"\bkm/h\b"), lambda m: "kilometers per hour"),
    (re.compile(r"(?<=\s)(?:[<>!=]=|[<>=])(?=\s)|(?<=\w)(?:[<>!=]=|[<>=])(?=\d)"), _compared),
    (re.compile(r"(?<=[A-Z])/(?=[A-Z])"), lambda m: " "),
    (re.compile(r"(?<=\w)/(?=\w)"), lambda m: " slash "),
    (re.compile(r"(?<=[A-Za-z0-9])\+\+"), lambda m: " plus plus"),
    (re.compile(r"(?<=[A-Za-z])#(?!\w)"), lambda m: " sharp"),
    (re.compile(r"(?<=\w)\+(?=[\s.,;:!?)]|$)"), lambda m: " plus"),
    (re.compile(r"(?<=\d)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)"), _raised),
    (re.compile(r"[₀-₉]+|[⁰¹²³⁴⁵⁶⁷⁸⁹]+"), _lowered),
    (re.compile(r"(?<=[a-z] )×(?= \d)"), lambda m: "by"),
    (re.compile(r"[&+=×÷±≈≥≤≠→%°§€£]"), lambda m: f" {SIGN_WORDS[m[0]]} "),
    (re.compile(r"(?<=\s)[@$#~](?=\s)"), lambda m: f"{SIGN_WORDS[m[0]]}"),
)


def _rules(day_first: bool) -> tuple[Rule, ...]:
    dates = tuple((pattern, partial(say, day_first=day_first)) for pattern, say in calendar.DATES)
    return (
        *MARKUP_RULES,
        *words.WEB_RULES,
        *dates,
        *calendar.TIMES,
        *NUMBER_RULES,
        *words.WORD_RULES,
        *LAST_NUMBER_RULES,
        *SIGN_RULES,
    )


AMERICAN = _rules(day_first=False)
BRITISH = _rules(day_first=True)
