"""Abbreviations, acronyms, Roman numerals and addresses of the web, in English."""

from __future__ import annotations

import re
from collections.abc import Callable

from podcast.text.numerals import cardinal, number, ordinal, year

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]

# ---------------------------------------------------------------- the web

TOP_DOMAINS = "com|org|net|edu|gov|io|ai|co|uk|de|fr|eu|tv|me|app|dev|info|us|ca|au|in|fm|ly|gg|xyz|tech|news|blog"
SAID_AS_WORD = {"com", "co", "org", "net", "edu", "gov", "info", "me", "app", "dev", "tech", "news", "blog", "www"}
URL_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde",
}  # fmt: skip


def _address(match: re.Match[str]) -> str:
    """Read an address: "example dot com slash docs"."""
    written = match["address"].rstrip("/")
    labels = re.split(r"[/?#]", written)[0].split("@")[-1].split(".")
    said = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^\w\s]|_|\w", written):
        if part in URL_SIGNS:
            said.append(URL_SIGNS[part])
        elif part.isdecimal():
            said.append(number(part))
        elif part.lower() in labels[1:] and part.lower() not in SAID_AS_WORD and len(part) < 3:
            said.append(spelled(part.upper()))
        elif part.isalnum():
            said.append(_camel(part))
    return " ".join(said)


def _camel(word: str) -> str:
    """Part "PodcastLife" into "Podcast Life" and read capitals as an acronym."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z\d]+", word)
    return " ".join(number(p) if p.isascii() and p.isdecimal() else acronym(p) or p for p in parts)


WEB_RULES: tuple[Rule, ...] = (
    (re.compile(r"\bhttps?://(?:www\.)?(?P<address>[^\s<>\"'”’()\[\]]*[\w/])", re.IGNORECASE), _address),
    (re.compile(r"\b(?P<address>[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})"), _address),
    (re.compile(rf"(?<![\w@.])(?:www\.)?(?P<address>(?:[\w-]+\.)+(?:{TOP_DOMAINS})(?:/[\w./?=&%#~+-]*[\w/])?)(?!\w)",
                re.IGNORECASE),
     lambda m: _address(m) if m[0].lower().startswith("www.") or m[0] == m[0].lower() or "/" in m[0] else None),
    (re.compile(r"(?<![\w@])@(\w{2,})"), lambda m: f"at {_camel(m[1].replace('_', ' '))}"),
    (re.compile(r"(?<![\w#])#([A-Za-z]\w*)"), lambda m: f"hashtag {_camel(m[1].replace('_', ' '))}"),
)  # fmt: skip

# ---------------------------------------------------------------- acronyms

WORDS = {
    "NASA": "NASA", "NATO": "Nato", "UNESCO": "Unesco", "UNICEF": "Unicef", "FIFA": "Feefa", "OPEC": "Opec",
    "SQL": "sequel", "GUI": "gooey", "JPEG": "jay peg", "JPG": "jay peg", "MPEG": "em peg", "PNG": "ping",
    "GIF": "gif", "CUDA": "cooda", "ASCII": "askey", "YAML": "yammel", "JSON": "jason", "COVID": "covid",
    "AIDS": "aids", "LIDAR": "lie dar", "LASER": "laser", "RADAR": "radar", "SIM": "sim", "PIN": "pin",
    "RAM": "ram", "ROM": "rom", "LAN": "lan", "WAN": "wan", "BIOS": "bye oss", "SaaS": "sass", "PaaS": "pass",
    "LaTeX": "lay tech", "TeX": "tech", "WiFi": "wye fye", "Wi-Fi": "wye fye", "IEEE": "I triple E",
    "NAACP": "N double A C P", "NASDAQ": "nazdack", "SWAT": "swat", "YOLO": "yolo", "FOMO": "fomo",
    "CRUD": "crud", "REST": "rest", "BERT": "bert", "LoRA": "lora", "LLaMA": "llama", "IKEA": "ikea",
    "GDPR": "G D P R", "UEFA": "you ay fuh", "MIDI": "middy", "SCSI": "scuzzy", "WYSIWYG": "wizzy wig",
    "TED": "Ted", "OK": "okay", "CAPTCHA": "captcha", "RSS": "R S S", "NIMBY": "nimby", "SCUBA": "scuba",
    "KPop": "K pop", "VRAM": "vee ram", "DRAM": "dee ram", "PhD": "P H D", "GNOME": "gnome", "GNU": "gnoo",
    "PyPI": "pie P I", "NumPy": "num pie", "SciPy": "sigh pie", "macOS": "mac O S", "iOS": "I O S",
    "eBay": "ee bay", "iPhone": "I phone", "FFmpeg": "F F em peg", "WWII": "World War Two",
    "WWI": "World War One", "PhDs": "P H D's", "YouTube": "You Tube", "GitHub": "Git Hub",
    "ChatGPT": "Chat G P T", "PyTorch": "Pie Torch", "PowerPoint": "Power Point", "iPad": "I pad",
    "kHz": "kilohertz", "vs": "versus",
}  # fmt: skip
# Common words of up to four letters: in capitals they are shouted, not spelled.
# IT and US are also here: whether they are letters is told by the rest of the sentence.
SHOUTED = frozenset(
    """
    A I AM AN AS AT US BE BY DO GO HE IF IN IS IT ME MY NO OF ON OR SO TO UP WE AND ARE BUT CAN DID FOR GET GOT
    HAD HAS HER HIM HIS HOW ITS LET NEW NOT NOW OFF OLD ONE OUR OUT OWN PUT SAY SEE SHE THE TOO TWO WAS WAY
    WHO WHY YES YET YOU ALL ANY BAD BIG DAY END FUN HEY HOT MAN MAY NOR RUN SET SIT TOP TRY USE WIN ALSO
    BACK BEEN BEST CALL COME DONE DOWN EACH EVEN EVER FREE FROM FULL GIVE GOOD HAVE HELP HERE HIGH HOME HOPE
    INTO JUST KEEP KNOW LAST LESS LIFE LIKE LIVE LONG LOOK LOVE MADE MAKE MANY MORE MOST MUCH MUST NEED NEXT
    ONCE ONLY OPEN OVER REAL SAID SALE SAME STOP SUCH TAKE THAT THEM THEN THEY THIS TIME TRUE VERY WAIT WANT
    WELL WENT WERE WHAT WHEN WILL WITH WORD WORK YEAR YOUR ZERO NEVER ALWAYS EVERY
    """.split()
)
VOWELS = "AEIOUY"
_ONSET = (
    "(?:SCHR|SCH|SHR|SPL|SPR|STR|SCR|THR|CHR|PHR|[BCFGPS]L|[BCDFGKPTW]R|S[CKMNPQTW]|[CSTPWK]H|QU|[BCDFGHJKLMNPRSTVWYZ])?"
)
_CODA = (
    "(?:NTH|RST|NST|[RNCK][DK]S|[LNRMS][DTKPS]|[CFLPRKNS]T|N[KG]|C[KH]|[ST]H|LL|SS|FF|R[MNL]|LM|[BDGKLMNPRSTXZCF])?E?S?"
)
_PRONOUNCEABLE = re.compile(rf"(?:{_ONSET}[AEIOUY]{{1,2}}{_CODA}){{1,4}}")
MOSTLY = 0.6  # of the words of a shouted sentence are in capitals
LONGEST_SPELLED = 5  # a longer run of capitals that can be said is a word
LETTERS = frozenset(
    """
    API APIs CEO CIO CTO CFO COO FAQ EU UN US UK USA UAE UFO UCLA USB URL URI AI ML AR VR XR IT TV PC ID IP
    OS UI UX ER RPG ISO IPO IOU DIY ATM EV EMI VIP VOIP LED LCD DIN AGI ASI IDE CLI ETA EPA IBM IRA IRS ABC
    BBC CBS NBC HBO AAA FBI CIA NSA GPU CPU TPU NPU LLM GPT TTS ASR OCR MIT ADHD ASAP AFAIK IMHO IMO
    """.split()
)


def spelled(letters: str) -> str:
    """Return letters one by one: "F B I"."""
    return " ".join(letters)


def acronym(word: str) -> str | None:
    """Return how a word in capitals is said, or None if it is an ordinary word."""
    if word in WORDS:
        return WORDS[word]
    if len(word) < 2 or not word.isascii() or not word.isupper():
        return None
    if word in LETTERS:
        return spelled(word)
    if word in SHOUTED:
        return None
    if len(word) <= 3:
        return spelled(word)
    if _PRONOUNCEABLE.fullmatch(word) and (len(word) > LONGEST_SPELLED or word[-1] not in "IU"):
        return word.capitalize()
    return spelled(word) if len(word) <= LONGEST_SPELLED else word.capitalize()


def _capitals(match: re.Match[str]) -> str | None:
    word, plural = match[1], (match[2] or "").lower()
    if _is_shouting(match.string) and (word not in LETTERS or word in SHOUTED):
        return WORDS.get(word) or (word + plural).lower()
    said = acronym(word)
    if not said or not plural:
        return said
    return f"{said}'s" if plural == "s" and " " in said else said + plural


def _is_shouting(text: str) -> bool:
    """Tell whether most of a sentence is in capitals, so that capitals mean nothing."""
    letters = [w for w in re.findall(r"[A-Za-z]+", text) if len(w) > 1]
    plain = [w for w in letters if w.isupper() and w not in LETTERS and (w in SHOUTED or len(w) > LONGEST_SPELLED)]
    share = sum(w.isupper() for w in letters) / max(len(letters), 1)
    return (len(plain) > 1 and share > MOSTLY) or (len(plain) == 1 and len(letters) > 1 and share == 1)


def _listed(match: re.Match[str]) -> str:
    return WORDS[match[0]]


def _mixed(match: re.Match[str]) -> str:
    """Read "GPT-4", "H264", "MP3", "5G": letters and figures in turn."""
    said = []
    for part in re.findall(r"[A-Za-z]+|\d+(?:\.\d+)?", match[0]):
        if part[0].isdecimal():
            said.append(model_number(part))
        else:
            spell = len(part) > 1 and not _has_vowel(part)
            said.append(acronym(part) or (spelled(part.upper()) if spell else part))
    return " ".join(said)


def model_number(figures: str) -> str:
    """Read the number of a model or a size: "forty ninety", "two sixty-four", "nineteen twenty"."""
    if not re.fullmatch(r"[1-9]\d{2,3}", figures) or figures.endswith("00"):
        return number(figures)
    if len(figures) == 4:
        return number(figures) if figures[1] == "0" and figures[2] == "0" else year(int(figures))
    rest = int(figures[1:])
    return f"{number(figures[0])} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _has_vowel(word: str) -> bool:
    return any(c in VOWELS for c in word.upper())


_MIXED_CASE = sorted((w for w in WORDS if not w.isupper()), key=len, reverse=True)
ACRONYM_RULES: tuple[Rule, ...] = (
    (re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _MIXED_CASE))})(?!\w)"), _listed),
    (re.compile(r"(?<!\w)[A-Z]\.\d+(?!\w)"), _mixed),
    (re.compile(r"(?<!\w)[A-Z]{2,5}\s\d{4}(?!\w)"), _mixed),
    (re.compile(r"(?<![\w.])[A-Za-z]+-?\d+(?:\.\d+)?(?:[A-Za-z]+\d*)*(?!\w)"), _mixed),
    (re.compile(r"(?<![\w.,])\d+(?:\.\d+)?[A-Za-z]+\d*[A-Za-z]*(?!\w)"), _mixed),
    (re.compile(r"(?<!\w)((?:[A-Z]\.){2,})(?!\w)"), lambda m: spelled(m[1].replace(".", "")) + _stop(m)),
    (re.compile(r"(?<![\w.])([A-Z])\.(?=\s[A-Z])"), lambda m: m[1] if m[1] not in "I" else None),
    (re.compile(r"(?<![^\W_])([A-Z]{2,})(s|['’](?:S|T|RE|LL|VE|D|M))?(?![^\W_])"), _capitals),
    (re.compile(r"(?<!\w)[A-Z]?[a-z]+[A-Z]{2,}(?!\w)"), lambda m: _camel(m[0])),
)

# ---------------------------------------------------------------- abbreviations

TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor", "Gen": "General",
    "Sen": "Senator", "Rep": "Representative", "Gov": "Governor", "Capt": "Captain", "Lt": "Lieutenant",
    "Col": "Colonel", "Sgt": "Sergeant", "Rev": "Reverend", "Hon": "Honorable", "Pres": "President",
    "Mt": "Mount", "Ft": "Fort", "St": "Saint",
}  # fmt: skip
PLACES = {
    "St": "Street", "Dr": "Drive", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane", "Hwy": "Highway",
}  # fmt: skip
NOT_A_STREET = {"The", "And", "But", "To", "In", "At", "Near", "With", "When", "Then", "From", "For", "Is", "Like"}
SHORTENED = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "v.": "versus", "cf.": "compare",
    "ca.": "circa", "et al.": "and others", "approx.": "approximately", "est.": "established", "dept.": "department",
    "Dept.": "Department", "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation", "Co.": "Company",
    "Jr.": "Junior", "Sr.": "Senior", "Ph.D.": "P H D", "M.D.": "M D", "Bros.": "Brothers", "govt.": "government",
    "misc.": "miscellaneous", "max.": "maximum", "min.": "minimum", "avg.": "average", "incl.": "including",
    "Eg.": "For example", "E.g.": "For example", "I.e.": "That is", "b/c": "because", "Mon.": "Monday",
    "Tue.": "Tuesday", "Tues.": "Tuesday", "Wed.": "Wednesday", "Thu.": "Thursday", "Thurs.": "Thursday",
    "Fri.": "Friday", "a.k.a.": "also known as", "aka": "also known as", "p.s.": "P S", "P.S.": "P S",
    "w.r.t.": "with respect to", "TL;DR": "T L D R", "R&D": "R and D", "Q&A": "Q and A", "AT&T": "A T and T",
}  # fmt: skip
DAYS = {"Sat": "Saturday", "Sun": "Sunday"}
BEFORE_NUMBERS = {
    "p": "page", "pp": "pages", "vol": "volume", "ch": "chapter", "fig": "figure", "sec": "section", "ep": "episode",
    "Vol": "Volume", "Ch": "Chapter", "Fig": "Figure", "Sec": "Section", "Ep": "Episode", "no": "number",
}  # fmt: skip
_PERIOD_NEEDED = {"v.", "est.", "max.", "min."}  # too short or too common to be meant otherwise than as listed


def _stop(match: re.Match[str]) -> str:
    """Return the full stop that an abbreviation's point was at the end of the text."""
    at_end = match[0].endswith(".") and not match.string[match.end() :].strip(" )\"'”’]")
    return "." if at_end else ""


def _shortened(match: re.Match[str]) -> str | None:
    said, following = SHORTENED[match[0]], match.string[match.end() :]
    if match[0] in _PERIOD_NEEDED and not following.strip():
        return None  # "at the max." ends a sentence
    return said + _stop(match)


def _place(match: re.Match[str]) -> str:
    return f"{match[1]} {PLACES[match[2]]}{_stop(match)}"


ABBREVIATION_RULES: tuple[Rule, ...] = (
    (re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(SHORTENED, key=len, reverse=True)))})(?!\w)"), _shortened),
    (re.compile(rf"\b({'|'.join(BEFORE_NUMBERS)})\.\s?(?=\d)"), lambda m: BEFORE_NUMBERS[m[1]] + " "),
    (re.compile(rf"\b(?!(?:{'|'.join(TITLES)})\b)([A-Z][a-z]+(?:['’]s)?|\d+(?:st|nd|rd|th))\s({'|'.join(PLACES)})\b\.?"
                r"(?=\s*(?:$|[,;)]|\s[a-z]|\s[A-Z]))"),
     lambda m: _place(m) if m[1] not in NOT_A_STREET else None),
    (re.compile(rf"\b({'|'.join(TITLES)})\.?(?=\s[A-Z])"),
     lambda m: TITLES[m[1]] if m[0].endswith(".") or m[1] in ("Dr", "Mr", "Mrs", "Ms", "Prof", "St") else None),
    (re.compile(r"\b(Sat|Sun)\.(?=,|\s(?:at|and|to|through|\d))"), lambda m: DAYS[m[1]]),
    (re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof)\.(?=\s)"), lambda m: TITLES[m[1]]),
)  # fmt: skip

# ---------------------------------------------------------------- Roman numerals

NUMBERED = (
    "Chapter|Part|Act|Scene|Book|Volume|Section|Phase|Episode|Appendix|Article|Type|Level|Title|Season|Stage|Step|"
    "World War|Super Bowl|Mark|Class|Grade|Lesson|Unit|Tier"
)
RULERS = (
    "Henry|Louis|George|Edward|Charles|James|William|Richard|Elizabeth|Pius|Benedict|John Paul|John|Paul|Philip|"
    "Francis|Frederick|Alexander|Nicholas|Catherine|Mary|Leo|Gregory|Clement|Innocent|Urban|Napoleon|Wilhelm|Ivan|Otto|"
    "Peter|Ferdinand|Leopold|Ramses|Ramesses|Ptolemy|Harald|Christian|Gustav|Juan Carlos|Felipe|Robert|Malcolm"
)
ROMAN = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def roman(numeral: str) -> int:
    """Return the value of a Roman numeral."""
    values = [VALUES[c] for c in numeral]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))


def _ruler(match: re.Match[str]) -> str | None:
    following = match.string[match.end() :]
    if match[2] == "I" and re.match(r"\s+(?!of\b|was\b)[a-z]", following):
        return None  # "Henry I think ..."
    return f"{match[1]} the {ordinal(roman(match[2]))}"


ROMAN_RULES: tuple[Rule, ...] = (
    (re.compile(rf"\b({NUMBERED}) ({ROMAN})(?![\w'’])"), lambda m: f"{m[1]} {cardinal(roman(m[2]))}" if m[2] else None),
    (re.compile(rf"\b({RULERS}) ({ROMAN})(?![\w])"), lambda m: _ruler(m) if m[2] else None),
    (re.compile(r"(?<=[a-z] )(II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI)(?!\w)"),
     lambda m: cardinal(roman(m[1]))),
)  # fmt: skip

WORD_RULES: tuple[Rule, ...] = (*ROMAN_RULES, *ABBREVIATION_RULES, *ACRONYM_RULES)
