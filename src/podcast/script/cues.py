"""What stands in brackets: pauses, pictures and files, in the many ways people write them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from podcast.episode import ImageCue
from podcast.errors import ScriptError
from podcast.script.lexicon import word_set

PAUSE = 1.0  # seconds of [PAUSE]
BEAT = 0.5  # seconds of (beat): a screenwriter's short pause
SILENCE = 2.0  # seconds of [SILENCE]
_SIZES = {"tiny": 0.3, "short": 0.5, "brief": 0.5, "slight": 0.5, "small": 0.5, "quick": 0.5, "long": 2.0,
          "very long": 3.0, "dramatic": 1.5}  # seconds
MAX_PAUSE = 600.0  # seconds; a longer one is a slip of the pen

AUDIO_FILES = ("mp3", "wav", "flac", "ogg", "oga", "opus", "m4a", "aac", "wma", "aif", "aiff", "mp4", "mov", "webm",
               "mka", "mkv", "ac3", "caf")
IMAGE_FILES = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "avif")

_UNIT = r"(?P<{u}>milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m)\b"
_NUMBER = r"(?P<{n}>\d+(?:[.,]\d+)?)"


def length_pattern(tag: str, unit: str = "") -> str:
    """Return a pattern for a length of time; `unit` "?" makes the unit optional."""
    return _NUMBER.format(n="n" + tag) + r"\s*-?(?:" + _UNIT.format(u="u" + tag) + ")" + unit


@dataclass(frozen=True)
class Place:
    """Where something stands: for files beside the script and for errors."""

    path: Path
    line: int

    def error(self, problem: str, remedy: str) -> ScriptError:
        """Make the error for this place."""
        return ScriptError.at(self.path, self.line, problem, remedy)


def matched_seconds(match: re.Match[str], tag: str) -> float | None:
    """Return the seconds that `length_pattern(tag)` matched; None if it did not."""
    number = match.groupdict().get("n" + tag)
    if number is None:
        return None
    unit = (match["u" + tag] or "s").lower()
    scale = 0.001 if unit.startswith(("ms", "milli")) else 60 if unit.startswith("m") else 1
    return float(number.replace(",", ".")) * scale


# ---------------------------------------------------------------- pauses

_PAUSE_WORDS = re.compile(
    r"(?:an?\s+)?(?:(?P<size>very long|tiny|long|short|brief|slight|small|quick|dramatic)\s+)?"
    rf"(?:{length_pattern('a')}[\s-]*(?:of\s+)?)?(?P<word>pause|pauses|pausing|beat|silence|wait)"
    rf"\s*[:=,–-]?\s*(?:for\s+|of\s+)?(?:{length_pattern('b', '?')})?"
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
    found = [s for s in (matched_seconds(match, "a"), matched_seconds(match, "b")) if s is not None]
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
    if not match["word"].lower().startswith("im") and not ends_in(name, IMAGE_FILES):
        return None  # "[PICTURE: a sunset]" is for the editor
    return ImageCue(-1, place.line, find_file(name, place, "picture", IMAGE_FILES))


def ends_in(name: str, kinds: Iterable[str]) -> bool:
    """Return whether a file's name has one of some endings."""
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
    if not is_file(path) and "\\" in name and is_file(path.parent / name.replace("\\", "/")):
        path = place.path.parent / name.replace("\\", "/")  # as Windows writes it
    if is_file(path) and ends_in(name, kinds):
        return path
    if is_file(path):
        raise place.error(f"{name} is no {what}", f"a {what} ends in {', '.join('.' + k for k in kinds[:5])} ...")
    raise place.error(f"no such {what}: {_short(name)}", _similar(path, what, kinds))


def _short(name: str) -> str:
    return (name if len(name) <= 80 else name[:79] + "…") or "(no name)"


def _similar(path: Path, what: str, kinds: tuple[str, ...]) -> str:
    try:
        names = sorted(p.name for p in path.parent.iterdir() if ends_in(p.name, kinds))
    except (OSError, ValueError):
        names = []
    folded = {n.casefold(): n for n in names}
    near = difflib.get_close_matches(path.name.casefold(), folded, 1, 0.5)
    if near:
        return f"did you mean {folded[near[0]]}?"
    return f"put the {what} into {path.parent.absolute()} or correct its name"
