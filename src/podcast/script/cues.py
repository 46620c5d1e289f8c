"""What stands in brackets: music, pauses and pictures, in the many ways people write them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from podcast.episode import ImageCue, MusicCue
from podcast.errors import ScriptError
from podcast.script.lexicon import word_set

PAUSE = 1.0  # seconds of [PAUSE]
BEAT = 0.5  # seconds of (beat): a screenwriter's short pause
SILENCE = 2.0  # seconds of [SILENCE]
_SIZES = {"tiny": 0.3, "short": 0.5, "brief": 0.5, "slight": 0.5, "small": 0.5, "quick": 0.5, "long": 2.0,
          "very long": 3.0, "dramatic": 1.5}  # seconds
MAX_PAUSE = 600.0  # seconds; a longer one is a slip of the pen
FADE = 3.0  # seconds of a fade whose length is not given
_SLOW_FADE, _QUICK_FADE = 5.0, 1.0  # seconds of a "gentle" or "quick" one

AUDIO_FILES = ("mp3", "wav", "flac", "ogg", "oga", "opus", "m4a", "aac", "wma", "aif", "aiff", "mp4", "mov", "webm",
               "mka", "mkv", "ac3", "caf")
IMAGE_FILES = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "avif")

_UNIT = r"(?P<{u}>milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m)\b"
_NUMBER = r"(?P<{n}>\d+(?:[.,]\d+)?)"


def _length(tag: str, unit: str = "") -> str:
    """Return a pattern for a length of time; `unit` "?" makes the unit optional."""
    return _NUMBER.format(n="n" + tag) + r"\s*(?:" + _UNIT.format(u="u" + tag) + ")" + unit


@dataclass(frozen=True)
class GoesOn:
    """Music that swells or goes on: nothing changes if some plays, else `cue` begins."""

    cue: MusicCue


@dataclass(frozen=True)
class Place:
    """Where something stands: for files beside the script and for errors."""

    path: Path
    line: int

    def error(self, problem: str, remedy: str) -> ScriptError:
        """Make the error for this place."""
        return ScriptError.at(self.path, self.line, problem, remedy)


def _seconds(match: re.Match[str], tag: str) -> float | None:
    number = match.groupdict().get("n" + tag)
    if number is None:
        return None
    unit = (match["u" + tag] or "s").lower()
    scale = 0.001 if unit.startswith(("ms", "milli")) else 60 if unit.startswith("m") else 1
    return float(number.replace(",", ".")) * scale


# ---------------------------------------------------------------- pauses

_PAUSE_WORDS = re.compile(
    r"(?:an?\s+)?(?:(?P<size>very long|tiny|long|short|brief|slight|small|quick|dramatic)\s+)?"
    rf"(?:{_length('a')}[\s-]*(?:of\s+)?)?(?P<word>pause|pauses|pausing|beat|silence|wait)"
    rf"\s*[:=,–-]?\s*(?:for\s+|of\s+)?(?:{_length('b', '?')})?"
    r"(?:\s*(?:for|before|after|here|to let)\b.{0,60})?", re.I)


def pause(content: str, place: Place, square: bool) -> float | None:
    """Return the seconds of "PAUSE 1.5s", "beat", "silence 2s", "long pause"; None if it is no pause.

    Raises:
        ScriptError: a pause whose length cannot be read, or is over ten minutes.
    """
    match = _PAUSE_WORDS.fullmatch(content.strip(" .!"))
    if not match:
        if square and re.match(r"pause\s*:?\s*\d", content, re.I):
            raise place.error(f"cannot read the length of [{content}]", "write it as [PAUSE 1.5s]")
        return PAUSE if square and re.match(r"pause\b", content, re.I) else None
    found = [s for s in (_seconds(match, "a"), _seconds(match, "b")) if s is not None]
    word = match["word"].lower()
    if word == "wait" and not (found and square):
        return None
    default = _SIZES.get((match["size"] or "").lower(), {"beat": BEAT, "silence": SILENCE}.get(word, PAUSE))
    length = found[0] if found else default
    if length > MAX_PAUSE:
        raise place.error(f"a pause of {length:g} seconds", f"the longest is {MAX_PAUSE:g}s: write [PAUSE 1.5s]")
    return length


# ---------------------------------------------------------------- pictures

_IMAGE = re.compile(r"(?P<word>image|img|picture|photo|slide)\s*[:=]\s*(?P<file>.*)", re.I | re.S)
_NO_IMAGE = word_set("none off no end hide clear remove stop")


def image(content: str, place: Place) -> ImageCue | None:
    """Return the cue of "IMAGE: file" or "IMAGE: none"; None if it is no such cue.

    Raises:
        ScriptError: there is no such picture beside the script.
    """
    match = _IMAGE.fullmatch(content)
    if not match:
        return None
    name = " ".join(match["file"].split()).strip("\"'“”")
    if name.lower() in _NO_IMAGE:
        return ImageCue(-1, place.line, None)
    if not match["word"].lower().startswith("im") and not _ends_in(name, IMAGE_FILES):
        return None  # "[PICTURE: a sunset]" is for the editor
    return ImageCue(-1, place.line, find_file(name, place, "picture", IMAGE_FILES))


def _ends_in(name: str, kinds: Iterable[str]) -> bool:
    return name.lower().endswith(tuple("." + k for k in kinds))


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that no file system takes is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def find_file(name: str, place: Place, what: str, kinds: tuple[str, ...]) -> Path:
    """Return the path of a file that the script names, from the script's folder.

    Raises:
        ScriptError: there is none; the remedy names the most similar file in its folder.
    """
    if re.match(r"[a-z][a-z0-9+.-]+://", name, re.I):
        raise place.error(f"{name} is an address", f"download it and name the file: the {what} must be on this machine")
    path = place.path.parent / Path(name).expanduser() if name.startswith("~/") else place.path.parent / name
    if is_file(path) and _ends_in(name, kinds):
        return path
    if is_file(path):
        raise place.error(f"{name} is no {what}", f"a {what} ends in {', '.join('.' + k for k in kinds[:5])} ...")
    raise place.error(f"no such {what}: {name or '(no name)'}", _similar(path, what, kinds))


def _similar(path: Path, what: str, kinds: tuple[str, ...]) -> str:
    try:
        names = sorted(p.name for p in path.parent.iterdir() if _ends_in(p.name, kinds))
    except (OSError, ValueError):
        names = []
    near = difflib.get_close_matches(path.name, names, 1, 0.5)
    return f"did you mean {near[0]}?" if near else f"put the {what} into {path.parent.absolute()} or correct its name"


# ---------------------------------------------------------------- music

_WORD = r"(?:music|bgm|soundtrack|underscore|theme song|theme tune|jingle|♪+|♫+)"
_KIND = r"(?:intro|outro|opening|closing|theme|title|background|bg|bed|transition|bumper|end|ending|main|incidental)"
_HEAD = re.compile(
    rf"(?P<kind>(?:{_KIND}\s+){{0,3}}){_WORD}(?:\s+(?:cue|bed|track))?\s*(?:[:=–—]\s*|-+\s+|$)(?P<rest>.*)",
    re.I | re.S)
_MENTION = re.compile(rf"\b{_WORD}(?!\w)|[♪♫]+", re.I)
_LISTENER = re.compile(rf"\b(?:to|of|with)\s+(?:the\s+)?{_WORD}", re.I)  # "hums along to the music"
_EVENT = (r"(?:fad(?:e|es|ing)|stops?|ends?|starts?|begins?|plays?|playing|swells?|rises?|builds?|continues?|in|out|"
          r"up|down|under|off|on|cuts?|kicks in|softens|lowers?|drops?|no|cue)")
_EVENTFUL = re.compile(rf"(?:\w+\s+){{0,3}}{_WORD}\s+(?:\w+ly\s+)?{_EVENT}\b.*|{_EVENT}\s+(?:\w+\s+){{0,2}}{_WORD}\b.*",
                       re.I | re.S)
_ROUND_EVENT = re.compile(  # in parentheses, where "(the music in this film)" is prose
    rf"(?!the\b)(?:\w+\s+){{0,3}}{_WORD}\s+(?:\w+ly\s+)?(?:fad(?:es?|ing)|stops?|ends|starts|begins|plays|playing|swells|"
    rf"rises|builds|continues)\b.*|(?:fade|stop|cut|start|cue)\s+(?:\w+\s+){{0,2}}{_WORD}", re.I | re.S)
_MAX_EVENT = 9  # words of a cue without a colon
_QUOTED_FILE = re.compile(r"\"([^\"]+)\"|'([^']+)'|“([^”]+)”")
_FILE = re.compile(rf"(?P<name>[^,;→|]*?\.(?:{'|'.join(AUDIO_FILES)}))(?=$|[\s,;→|])", re.I)
_PARTS = re.compile(r"(?:(?<!\d),|,(?!\d)|;|→|->|=>|\||\bthen\b)")

_GAIN = re.compile(
    r"(?:\b(?:at|volume|level|gain)\s*:?\s*)*(?P<sign>[+−–-]?)\s?(?P<db>\d+(?:[.,]\d+)?)\s*db(?:fs)?\b", re.I)
_FADE_OUT = re.compile(
    rf"(?:{_length('a')}\s+)?\b(?:fad(?:es?|ing|ed)[\s-]*(?:out|away|off|(?:in)?to\s+(?:silence|nothing|zero|black))|"
    rf"fadeout|dies away|fad(?:es?|ing)(?=\s*(?:$|over\b|for\b|[:\d])))"
    rf"(?:\s*(?::|over|in|for|of|after)?\s*{_length('b', '?')})?", re.I)
_FADE_IN = re.compile(
    rf"(?:{_length('a')}\s+)?\b(?:fad(?:es?|ing|ed)[\s-]*(?:in|up)|fadein|cross[\s-]?fades?)\b"
    rf"(?:\s*(?::|over|for|of)?\s*{_length('b', '?')})?", re.I)
_SOLO = re.compile(
    rf"(?:\b(?:underlay|solo|plays?|playing|alone|hold|held|full|featured)\s*:?\s*)*(?:\bfor\s*:?\s*{_length('a')}"
    rf"|(?<!\S){_length('b')}\s*(?:solo|alone|before|intro)\b)(?:\s*(?:solo|alone|then))?"
    rf"|\bsolo\s*:?\s*{_length('c')}", re.I)
_BARE_LENGTH = re.compile(_length("a"), re.I)
_DECADE = re.compile(r"[1-9]0s", re.I)
_STOP = re.compile(
    r"(?:(?:hard|full|abrupt|sudden)\s+)?(?:stops?|ends?|off|out|none|no|silence|cuts?|cuts? out|mutes?|down and out|"
    r"(?:stop|end|no|cut)\s+music)", re.I)
_GO_ON = re.compile(
    r"(?:\w+ly\s+)?(?:swells?|rises?|builds?|continues?|continuing|goes on|up|louder|under|underneath|down|lowers?|"
    r"drops?|softens|softer|quieter|ducks?|fad(?:es?|ing)\s+(?:under|down|back|low|to (?:the )?background).*)"
    r"(?:\s+(?:and|under|up|down|again|softly|gently|slightly))*", re.I)
_STARTS = re.compile(
    r"\b(?:begins?|starts?|plays?|playing|kicks in|comes in)(?:\s+(?:to play|playing))?\b|^(?:in|on|cue)$", re.I)
_FILLER = re.compile(r"\b(?:then|and|music|slowly|gently|softly|with|a|the|is|background|bg)\b|[.:]", re.I)


def music(content: str, place: Place, square: bool) -> MusicCue | GoesOn | None:
    """Return the cue in a bracket's words; None if it is not about music.

    "MUSIC: soft piano, -12dB, fade in 2s", "Music - upbeat", "BACKGROUND MUSIC fades out", "theme.mp3 for 5s".
    A fade-out next to other parts belongs to the music that begins ("soft piano, fade out 4s"); one that is all
    there is, or that an adjective describes ("mysterious fade out"), ends what plays.

    Raises:
        ScriptError: the cue names a file that is not there.
    """
    head = _HEAD.fullmatch(content)
    if head and (square or head["rest"]):
        return _cue(head["rest"].strip(), head["kind"].strip(), place)
    mention = _MENTION.search(content)
    if not mention or len(content.split()) > _MAX_EVENT or _LISTENER.search(content):
        return None
    eventful = (_EVENTFUL if square else _ROUND_EVENT).fullmatch(content)
    if not eventful and not (square and (mention.start() == 0 or mention.end() == len(content))):
        return None
    rest = content[: mention.start()].strip() + " " + content[mention.end() :].strip(" :–—-")
    return _cue(" ".join(rest.split()), "", place)


@dataclass
class _Wish:
    """What the parts of a cue ask for."""

    gain_db: float | None = None
    fade_in: float | None = None
    fade_out: float | None = None
    solo: float | None = None
    stop: bool = False
    fades: bool = False
    goes_on: bool = False
    ending: str = ""  # words beside a fade-out


def _cue(rest: str, kind: str, place: Place) -> MusicCue | GoesOn:
    file, rest = _file(rest, place)
    wish, words = _Wish(), []
    for part in _PARTS.split(rest):
        if left := _take(part.strip(), wish):
            words.append(left)
    described = ", ".join(words)
    if (wish.stop or wish.fades) and not described and not file:
        return MusicCue(-1, place.line, wish.ending, stop=True, fade_out=_stop_fade(wish, rest))
    cue = MusicCue(-1, place.line, described or kind, file, False, wish.gain_db, wish.fade_in, wish.fade_out, wish.solo)
    return GoesOn(cue) if wish.goes_on and not described and not file else cue


def _file(rest: str, place: Place) -> tuple[Path | None, str]:
    """Return the audio file that a cue names, and the rest of the cue."""
    for quoted in _QUOTED_FILE.finditer(rest):
        name = next(g for g in quoted.groups() if g)
        if _ends_in(name, AUDIO_FILES):
            return find_file(name, place, "sound", AUDIO_FILES), rest[: quoted.start()] + rest[quoted.end() :]
    match = _FILE.search(rest)
    if not match:
        return None, rest
    name = " ".join(match["name"].split()).removeprefix("file:").strip()
    return find_file(name, place, "sound", AUDIO_FILES), rest[: match.start()] + rest[match.end() :]


def _take(part: str, wish: _Wish) -> str:
    """Put what a part of a cue asks for into `wish`; return the words that describe the music."""
    if gain := _GAIN.search(part):
        wish.gain_db = float(gain["db"].replace(",", ".")) * (-1 if gain["sign"] in ("-", "−", "–") else 1)
        part = _without(part, gain)
    if _GO_ON.fullmatch(part):
        wish.goes_on = True
        return ""
    if fade := _FADE_IN.search(part):
        wish.fade_in, part = _given(fade, FADE), _without(part, fade)
    if fade := _FADE_OUT.search(part):
        wish.fade_out, part, wish.fades = _given(fade, None), _without(part, fade), True
        wish.ending = _FILLER.sub(" ", part).strip()
        return ""
    if solo := _SOLO.search(part):
        wish.solo, part = _given(solo, None), _without(part, solo)
    elif (bare := _BARE_LENGTH.fullmatch(part)) and not _DECADE.fullmatch(part):
        wish.solo = _given(bare, None)
        return ""
    if _STOP.fullmatch(part):
        wish.stop = True
        return ""
    return _STARTS.sub(" ", part).strip(" .") if _MENTION.search(part) is None else part.strip(" .")


def _without(text: str, match: re.Match[str]) -> str:
    return " ".join((text[: match.start()] + " " + text[match.end() :]).split())


def _given(match: re.Match[str], default: float | None) -> float | None:
    return next((s for s in (_seconds(match, tag) for tag in "abc") if s is not None), default)


def _stop_fade(wish: _Wish, words: str) -> float | None:
    """Return the seconds over which music ends; None leaves it to the configuration."""
    if wish.fade_out is not None:
        return wish.fade_out
    if re.search(r"\b(?:gentl|slow|long|soft|gradual)", words, re.I):
        return _SLOW_FADE
    return _QUICK_FADE if re.search(r"\b(?:quick|fast|short|abrupt|hard|sudden)", words, re.I) else None
