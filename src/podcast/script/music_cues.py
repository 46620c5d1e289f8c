"""Music cues, in the many ways people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from podcast.episode import MusicCue
from podcast.script.cues import AUDIO_FILES, Place, ends_in, find_file, length_pattern, matched_seconds

FADE = 3.0  # seconds of a fade-in whose length is not given
_SLOW_FADE, _QUICK_FADE = 5.0, 1.0  # seconds of a "gentle" or "quick" end

_WORD = (r"(?:music(?!\s+(?:box|stand|sheet|hall|room|video|teacher|lesson))|"
         r"bgm|soundtrack|underscore|theme song|theme tune|jingle|♪+|♫+)")
_KIND = r"(?:intro|outro|opening|closing|theme|title|background|bg|bed|transition|bumper|ending|main|incidental)"
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
_ENDED = re.compile(r"(?:end|stop|cut|kill|no)(?:\s+the)?", re.I)
_MAX_EVENT = 9  # words of a cue without a colon
_QUOTED_FILE = re.compile(r"\"([^\"]+)\"|'([^']+)'|“([^”]+)”")
_FILE = re.compile(rf"(?P<name>[^,;→|]*?\.(?:{'|'.join(AUDIO_FILES)}))(?=$|[\s,;→|])", re.I)
_PARTS = re.compile(r"(?:(?<!\d),|,(?!\d)|;|→|->|=>|\||[()]|\.\s+|\bthen\b)")

_GAIN = re.compile(
    r"(?:\b(?:at|volume|level|gain)\s*:?\s*)*(?P<sign>[+−–-]?)\s?(?P<db>\d+(?:[.,]\d+)?)\s*db(?:fs)?\b", re.I)
_FADE_OUT = re.compile(
    rf"(?:{length_pattern('a')}\s+)?\b(?:fad(?:es?|ing|ed)[\s-]*(?:out|away|off|(?:in)?to\s+(?:silence|nothing|zero|black))|"
    rf"fadeout|dies away|fad(?:es?|ing)(?=\s*(?:$|over\b|for\b|[:\d])))"
    rf"(?:\s*(?::|over|in|for|of|after)?\s*{length_pattern('b', '?')})?", re.I)
_FADE_IN = re.compile(
    rf"(?:{length_pattern('a')}\s+)?\b(?:fad(?:es?|ing|ed)[\s-]*(?:in|up)|fadein|cross[\s-]?fades?)\b"
    rf"(?:\s+and\s+out\b)?(?:\s*(?::|over|for|of)?\s*{length_pattern('b', '?')})?(?:\s+to\b)?", re.I)
_SOLO = re.compile(
    rf"(?:\b(?:underlay|solo|plays?|playing|alone|hold|held|full|featured)\s*:?\s*)*(?:\bfor\s*:?\s*{length_pattern('a')}"
    rf"|(?<!\S){length_pattern('b')}\s*(?:solo|alone|before|intro)\b)(?:\s*(?:solo|alone|then))?"
    rf"|\bsolo\s*:?\s*{length_pattern('c')}", re.I)
_BARE_LENGTH = re.compile(length_pattern("a"), re.I)
_DECADE = re.compile(r"[1-9]0s", re.I)
_STOP = re.compile(
    r"(?:(?:hard|full|abrupt|sudden)\s+)?(?:stops?|ends?|off|out|none|no|silence|cuts?|cuts? out|mutes?|down and out|"
    r"(?:stop|end|no|cut)\s+music)", re.I)
_GO_ON = re.compile(
    r"(?:\w+ly\s+)?(?:swells?|rises?|builds?|continues?|continuing|goes on|up|louder|under|underneath|down|lowers?|"
    r"drops?|softens|softer|quieter|ducks?|fad(?:es?|ing)\s+(?:under|down|back|low|to (?:the )?background).*)"
    r"(?:\s+(?:and|under|up|down|again|softly|gently|slightly))*", re.I)
_STARTS = re.compile(
    r"\b(?:begins?|starts?|plays?|playing|kicks in|comes in)(?:\s+(?:to play|playing|to))?\b|"
    r"^(?:in|on|cue|bring in)(?:\s+the)?$", re.I)
_LOOSE_END = re.compile(r"^(?:and\s+|[\s.])+|(?:\s+and|[\s.])+$", re.I)
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
    before, after = content[: mention.start()].strip(), content[mention.end() :].strip(" :–—-♪♫")
    if _ENDED.fullmatch(before) and not after:
        return MusicCue(-1, place.line, stop=True)
    kind = before if re.fullmatch(rf"(?:{_KIND}\s*)+", before, re.I) else ""
    return _cue(after if kind else f"{before} {after}".strip(), kind, place)


@dataclass(frozen=True)
class GoesOn:
    """Music that swells or goes on: nothing changes if some plays, else `cue` begins."""

    cue: MusicCue


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
        if ends_in(name, AUDIO_FILES):
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
        part = part if _FILLER.sub("", part).strip() else ""
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
    if not _MENTION.search(part):
        part = " ".join(_STARTS.sub(" ", part).split())
    return "" if _GO_ON.fullmatch(part) else _LOOSE_END.sub("", part)


def _without(text: str, match: re.Match[str]) -> str:
    return " ".join((text[: match.start()] + " " + text[match.end() :]).split())


def _given(match: re.Match[str], default: float | None) -> float | None:
    return next((s for s in (matched_seconds(match, tag) for tag in "abc") if s is not None), default)


def _stop_fade(wish: _Wish, words: str) -> float | None:
    """Return the seconds over which music ends; None leaves it to the configuration."""
    if wish.fade_out is not None:
        return wish.fade_out
    if re.search(r"\b(?:gentl|slow|long|soft|gradual)", words, re.I):
        return _SLOW_FADE
    return _QUICK_FADE if re.search(r"\b(?:quick|fast|short|abrupt|hard|sudden)", words, re.I) else None
