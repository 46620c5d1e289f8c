"""What others export as lines of a script: captions (SRT, WebVTT), and transcripts with times beside the names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from podcast.episode import Unspoken
from podcast.script.lexicon import is_no_name, is_role, word_set
from podcast.script.lines import Line, label_id

_GAP = 2.0  # s without a caption that end a paragraph
_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_CUE = re.compile(rf"\s*(?P<begin>{_TIME})\s*-->\s*(?P<end>{_TIME})(?:\s+\S.*)?$")
_VTT = re.compile(r"WEBVTT\b.*$")
_VTT_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)\b")  # up to the next empty line: for the player
_VTT_HEADER = re.compile(r"(?:Kind|Language|X-[\w-]+): ?\S+.*$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?(?:[ibucv]|ruby|rt|lang|font)\b[^>]*>|<\d[\d:.]*>|\{\\[^}]*\}", re.I)

_PLAIN_CLOCK = r"(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_CLOCK = rf"(?:{_PLAIN_CLOCK}|\[{_PLAIN_CLOCK}\]|\({_PLAIN_CLOCK}\))"
_STAMP = re.compile(rf"\s*{_CLOCK}(?:\s*[-–—]+>?\s*{_CLOCK})?\s*$")
_STAMPS = 3  # lines with nothing but a time that make a transcript
_TIMED = re.compile(rf"\s*(?:[-*•]\s+)?({_CLOCK})\s*[-–—:|]?\s+(\S.*)$")
_ENDS = (".", "!", "?", "…", ",", ";")
_NAME = r"(?P<name>[^\W\d_][^:\[\](){}<>*_\"“”|.,!?]{0,39}?)"
_SAID_BY = (
    re.compile(rf"\s*(?P<stamp>{_CLOCK})\s*[-–—|]?\s*{_NAME}\s*$"),  # 00:00:12 Jane Smith
    re.compile(rf"\s*{_NAME}\s*[-–—|,]?\s*(?P<stamp>{_CLOCK})\s*$"),  # Jane Smith  0:12
)
_MAX_WORDS = 4  # of a name
_SMALL_WORDS = word_set("of the de von van der den la le du da di del dos al el bin ibn and y e zu")
_MENTIONS = 2  # of one name at least


@dataclass
class Plain:
    """Lines as a script has them."""

    lines: list[Line] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # that surely are labels where they precede a colon
    unspoken: list[Unspoken] = field(default_factory=list)

    def label(self, line: int, name: str) -> None:
        """Let somebody else begin to speak."""
        self.names.add(name)
        self.lines += [Line(line, ""), Line(line, f"{name}:")]

    def aside(self, line: Line, reason: str, text: str = "") -> None:
        """Note what nobody says."""
        self.unspoken.append(Unspoken(line.number, text or line.text.strip(), reason))


def plain_lines(lines: Sequence[Line]) -> Plain:
    """Return the lines as a script has them, the names of those who speak, and what nobody says.

    Captions become paragraphs, each as long as no more than two seconds pass between two of them; `<v Jane>` becomes
    the label "Jane:". A line with a name and a time above what was said becomes a label. Other scripts stay unchanged.
    """
    if any(_CUE.match(line.text) for line in lines):
        return _captions(lines)
    return _transcript(lines)


def _captions(lines: Sequence[Line]) -> Plain:
    plain = Plain()
    speaker, last_end, skipping = "", 0.0, False
    for index, line in enumerate(lines):
        text = line.text.strip()
        skipping = bool(text) and (skipping or bool(_VTT_BLOCK.match(text) or _VTT.match(text)))
        if cue := _CUE.match(text):
            if _seconds(cue["begin"]) - last_end > _GAP:
                plain.lines.append(Line(line.number, ""))
            last_end, skipping = _seconds(cue["end"]), False
            plain.aside(line, "time stamp")
        elif skipping or _is_identifier(lines, index) or (last_end == 0 and _VTT_HEADER.match(text)):
            plain.aside(line, "caption")
        elif words := _TAG.sub("", text).strip():
            if (voice := _VOICE.search(text)) and voice[1].strip() != speaker:
                speaker = voice[1].strip()
                plain.label(line.number, speaker)
            if plain.lines and plain.lines[-1].text == words:
                plain.aside(line, "said before")  # rolling captions say each line twice
            else:
                plain.lines.append(Line(line.number, words))
    return plain


def _is_identifier(lines: Sequence[Line], index: int) -> bool:
    """Return whether a line is the number or name that a caption may have above its times."""
    alone = index == 0 or not lines[index - 1].text.strip() or lines[index].text.strip().isdigit()
    return bool(alone and lines[index].text.strip() and index + 1 < len(lines) and _CUE.match(lines[index + 1].text))


def _seconds(stamp: str) -> float:
    found = 0.0
    for part in stamp.replace(",", ".").split(":"):
        found = found * 60 + float(part)
    return found


def _transcript(lines: Sequence[Line]) -> Plain:
    names, timed = _names(lines), _timed(lines)
    titles = _titles(lines, timed)
    bare = [i for i, line in enumerate(lines) if line.text and _STAMP.match(line.text)]
    drop = set(bare if len(bare) >= _STAMPS else ())
    plain = Plain()
    for index, line in enumerate(lines):
        if index in names:
            name, stamp = names[index]
            plain.label(line.number, name)
            plain.aside(line, "time stamp", stamp)
        elif index in titles:
            plain.aside(line, "list of chapters")
        elif index in drop:
            plain.aside(line, "time stamp")
        elif index in timed:
            stamp, words = timed[index]
            plain.lines.append(Line(line.number, words))
            plain.aside(line, "time stamp", stamp)
        else:
            plain.lines.append(line)
    return plain


def _timed(lines: Sequence[Line]) -> dict[int, tuple[str, str]]:
    """Return index → time and words of lines that begin with a time, each later than the last, the first 0:00."""
    found: dict[int, tuple[str, str]] = {}
    last = -1.0
    for index, line in enumerate(lines):
        match = _TIMED.match(line.text)
        time = _seconds(match[1].strip("[]()")) if match else -1.0
        if match and (time > last if found else time == 0):
            found[index], last = (match[1], match[2]), time
    return found if len(found) >= _STAMPS else {}


def _titles(lines: Sequence[Line], timed: Mapping[int, tuple[str, str]]) -> set[int]:
    """Return the indices of a list of chapters, as video platforms take them: one below the other, no sentences."""
    run = sorted(timed)
    together = bool(run) and run[-1] - run[0] == len(run) - 1
    return set(run) if together and not any(timed[i][1].endswith(_ENDS) for i in run) else set()


def _names(lines: Sequence[Line]) -> dict[int, tuple[str, str]]:
    """Return index → name and time of the lines that tell who speaks; empty if no name returns and none is a role.

    What is said follows directly below; so a list of chapters ("00:00 Welcome") is none.
    """
    found = {}
    for index, line in enumerate(lines[:-1]):
        match = next((m for pattern in _SAID_BY if (m := pattern.match(line.text))), None)
        below = lines[index + 1].text.strip()
        if match and below and not any(p.match(below) for p in (*_SAID_BY, _STAMP)) and _is_name(match["name"]):
            found[index] = (match["name"].strip(), match["stamp"])
    often = Counter(label_id(name) for name, _ in found.values())
    sure = any(n >= _MENTIONS for n in often.values()) or all(is_role(name) for name, _ in found.values())
    return found if sure else {}


def _is_name(name: str) -> bool:
    words = name.split()
    capital = bool(words) and all(w[0].isupper() or w[0].isdigit() or w in _SMALL_WORDS for w in words)
    return is_role(name) or (capital and len(words) <= _MAX_WORDS and not is_no_name(name))
