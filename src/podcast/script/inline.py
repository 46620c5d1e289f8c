"""Inline markup: what of a paragraph is said, and the cues and directions between the words."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from podcast.episode import ImageCue, MusicCue, Unspoken
from podcast.script import cues
from podcast.script.cues import Place
from podcast.script.lexicon import is_action, is_editorial
from podcast.script.lines import Line, has_words
from podcast.script.music_cues import GoesOn, music

_TOKEN = re.compile(r"\\.|`+|[\[\]()]", re.S)
_PLAIN = re.compile(r"[^\\`!\[\](*_~<&\n]+")
_DESTINATION = re.compile(r"\(\s*<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,500}>")
_BREAK = re.compile(r"<break\b(?:[^<>]*?\btime\s*=\s*[\"']?([\d.]+\s*m?s))?[^<>]*>", re.I)  # as in SSML
_AUTOLINK = re.compile(r"<((?:[a-z][a-z0-9+.-]+://|mailto:)[^<>\s]+|[^<>\s@]+@[^<>\s@]+\.[a-z]+)>", re.I)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.I)
_STARRED = re.compile(r"([*_])(?![*_\s])([^*_\n]{1,60})(?<!\s)\1(?![*_\w])")
_STRUCK = re.compile(r"~~(?=\S)([^~]{1,1000})~~")
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?(?:\s*[-–]+>?\s*\d{1,2}:\d{2}(?::\d{2})?)?")
_BESIDE = re.compile(rf"^{_TIME.pattern}\s*[-–—:|]\s*|\s*[-–—:|@]\s*(?:{_TIME.pattern})$")  # [0:30 - INTRO MUSIC]
_DIRECTIVE = re.compile(
    r"[\[(]\s*(?:(?:intro|outro|background|opening|closing)\s+)?(?:music|image|img|pause|sfx|sound|bgm|beat)\b", re.I)
_BEFORE_POINT = ",.;:!?…"
_MAX_CUE = 1000  # characters in brackets; what is longer is no cue
_MAX_INSERTION = 3  # letters of an insertion into a word: "walk[ed]"
_MAX_ASIDE = 8  # words in parentheses that are alone on their line and yet a direction
_MAX_MANNER = 4  # words in parentheses after a label: "DEAN: (a bit tired) ..."


@dataclass(frozen=True)
class Say:
    """Words to be said."""

    text: str
    line: int


@dataclass(frozen=True)
class Pause:
    """Silence that the author asked for."""

    seconds: float
    line: int
    text: str


Piece = Say | Pause | MusicCue | ImageCue | GoesOn


@dataclass
class Spoken:
    """What a stretch of a script comes to, in order, and what of it is not said."""

    pieces: list[Piece] = field(default_factory=list)
    unspoken: list[Unspoken] = field(default_factory=list)


def read_inline(
    lines: Sequence[Line], path: Path, links: frozenset[str] = frozenset(), labelled: bool = False
) -> Spoken:
    """Return what is said of some lines of one speaker.

    `links` are the names of reference links; `labelled`: the lines follow a speaker's label.

    Raises:
        ScriptError: an unclosed directive, or a file that is not there.
    """
    return _Scanner(lines, path, links, labelled).run()


def is_time(text: str) -> bool:
    """Return whether a text is a time stamp such as "00:12" or "1:02:03"."""
    return bool(_TIME.fullmatch(text.strip()))


def brackets(text: str) -> dict[int, int]:
    """Return opening → closing index of the brackets and parentheses of a text; code and escapes do not count."""
    pairs: dict[int, int] = {}
    open_: dict[str, list[int]] = {"[": [], "(": []}
    at = 0
    while token := _TOKEN.search(text, at):
        mark, at = token[0], token.end()
        if mark[0] == "`":
            close = text.find(mark, at)
            at = close + len(mark) if close >= 0 else at
        elif mark in "[(":
            open_[mark].append(token.start())
        elif mark in "])" and (stack := open_["[" if mark == "]" else "("]):
            pairs[stack.pop()] = token.start()
    return pairs


class _Scanner:
    def __init__(self, lines: Sequence[Line], path: Path, links: frozenset[str], labelled: bool) -> None:
        self.text = "\n".join(x.text for x in lines)
        self.numbers = [x.number for x in lines]
        self.breaks = [i for i, c in enumerate(self.text) if c == "\n"]
        self.path, self.links, self.labelled = path, links, labelled
        self.pairs = brackets(self.text)
        self.link_ends: dict[int, int] = {}  # closing bracket of a link → the index after its address
        self.dropped: set[int] = set()  # closing brackets that are not said
        self.buffer: list[str] = []
        self.wordy = False  # whether the buffer has words
        self.begin = 0  # where the buffer's first words are
        self.cut = False  # something was taken out before the buffer
        self.spoken = Spoken()

    def line(self, at: int) -> int:
        return self.numbers[bisect_right(self.breaks, at - 1)]

    def run(self) -> Spoken:
        at = 0
        while at < len(self.text):
            if plain := _PLAIN.match(self.text, at):
                self.say(plain[0], at)
                at = plain.end()
            else:
                at = self.mark(at)
        self.flush()
        return self.spoken

    # ------------------------------------------------------------ output

    def say(self, text: str, at: int) -> None:
        if not self.wordy and has_words(text):
            self.begin = at + next(i for i, c in enumerate(text) if c.isalnum())
            self.wordy = True
        elif not self.buffer:
            self.begin = at
        self.buffer.append(text)

    def flush(self) -> None:
        text = " ".join("".join(self.buffer).split())
        text = text.lstrip(" ,;:.") if self.cut and self.wordy else text
        if text:
            self.spoken.pieces.append(Say(text, self.line(self.begin)))
        self.buffer, self.wordy, self.cut = [], False, False

    def aside(self, start: int, end: int, reason: str) -> int:
        """Set text[start:end] aside, unspoken."""
        raw = " ".join(self.text[start:end].split())
        if raw:
            self.spoken.unspoken.append(Unspoken(self.line(start), raw, reason))
        before = "".join(self.buffer[-1:])
        follows = self.text[end : end + 1]
        if not self.wordy:
            self.cut = True
        elif follows and follows in _BEFORE_POINT:
            self.buffer[-1] = before.rstrip()
        elif before[-1:].isalnum() and follows.isalnum():
            self.buffer.append(" ")
        return end

    def cue(self, piece: Pause | MusicCue | ImageCue | GoesOn, start: int, end: int, reason: str) -> int:
        self.flush()
        self.aside(start, end, reason)
        self.spoken.pieces.append(piece)
        return end

    # ------------------------------------------------------------ marks

    def mark(self, at: int) -> int:
        """Deal with the mark at an index; return the index after it."""
        char = self.text[at]
        handler = {"\\": self.escape, "`": self.code, "!": self.picture, "[": self.square, "]": self.close,
                   "(": self.round, "*": self.star, "_": self.star, "~": self.tilde, "<": self.angle,
                   "&": self.entity, "\n": self.line_end}[char]
        return handler(at)

    def literal(self, at: int) -> int:
        self.say(self.text[at], at)
        return at + 1

    def line_end(self, at: int) -> int:
        self.say(" ", at)
        return at + 1

    def escape(self, at: int) -> int:
        follows = self.text[at + 1 : at + 2]
        if follows and not follows.isalnum() and not follows.isspace():
            self.say(follows, at + 1)
            return at + 2
        return at + 1 if follows in ("", "\n") else self.literal(at)

    def code(self, at: int) -> int:
        end = at
        while self.text[end : end + 1] == "`":
            end += 1
        close = self.text.find(self.text[at:end], end)
        if close < 0:
            return end
        content, after = self.text[end:close].replace("\n", " "), close + end - at
        if content[:1] == "[" and content[-1:] == "]" and self._alone(at, after):  # a cue that was written as code
            cue = self._bracket(content[1:-1], at, after, True)
            return self.aside(at, after, "stage direction") if cue is None else cue
        self.say(content, end)
        return after

    def picture(self, at: int) -> int:
        """`![alt](file)`: a cue if the file exists."""
        close = self.pairs.get(at + 1) if self.text[at + 1 : at + 2] == "[" else None
        target = _DESTINATION.match(self.text, close + 1) if close is not None else None
        if not target:
            return self.literal(at)
        file = self.path.parent / target[1]
        if target[1].lower().endswith(tuple("." + k for k in cues.IMAGE_FILES)) and cues.is_file(file):
            return self.cue(ImageCue(-1, self.line(at), file), at, target.end(), "image cue")
        return self.aside(at, target.end(), "picture not found")

    def star(self, at: int) -> int:
        """Emphasis: its marks are not said. `*sighs*` is a direction."""
        before, after = self.text[at - 1 : at] if at else "", self.text[at + 1 : at + 2]
        starred = _STARRED.match(self.text, at)
        if starred and not before.isalnum() and before not in ("*", "_"):
            end = starred.end()
            if self._alone(at, end) and (after_cue := self._bracket(starred[2], at, end, False)) is not None:
                return after_cue
            if self._directs(starred[2], at, end):
                return self.aside(at, end, "stage direction")
        intraword = before.isalnum() and after.isalnum()
        if (self.text[at] == "_" and intraword) or (before.isdigit() and after.isdigit()):
            return self.literal(at)
        if before in (" ", "") and after == " " and self.buffer:
            return self.literal(at)
        return at + 1

    def _directs(self, words: str, start: int, end: int) -> bool:
        if is_action(words, strong=True):
            return True
        return is_action(words) and self._alone(start, end)

    def tilde(self, at: int) -> int:
        struck = _STRUCK.match(self.text, at)
        return self.aside(at, struck.end(), "struck out") if struck else self.literal(at)

    def angle(self, at: int) -> int:
        if link := _AUTOLINK.match(self.text, at):
            self.say(link[1], at + 1)
            return link.end()
        tag = _TAG.match(self.text, at)
        if tag and (rest := _BREAK.match(tag[0])):
            return self._bracket(f"pause {rest[1] or ''}", at, tag.end(), False) or tag.end()
        return self.aside(at, tag.end(), "markup") if tag else self.literal(at)

    def entity(self, at: int) -> int:
        if not (entity := _ENTITY.match(self.text, at)):
            return self.literal(at)
        self.say(html.unescape(entity[0]), at)
        return entity.end()

    # ------------------------------------------------------------ brackets

    def close(self, at: int) -> int:
        if at in self.link_ends:
            end = self.link_ends[at]
            return self.aside(at + 1, end, "link address") if has_words(self.text[at:end]) else end
        return at + 1 if at in self.dropped else self.literal(at)

    def square(self, at: int) -> int:
        end = self.pairs.get(at)
        if end is None:
            return self.unclosed(at)
        content = self.text[at + 1 : end]
        if link := self._link_end(content, end):
            self.link_ends[end] = link
            return at + 1
        if re.fullmatch(r"\^[^\s\]]+|[1-9]\d{0,2}", content):
            return self.aside(at, end + 1, "footnote")
        if (after := self._bracket(content, at, end + 1, True)) is not None:
            return after
        if content.isdigit() and at and self.text[at - 1].isalnum():
            return self.literal(at)  # array[0]
        if self._is_said(content, at, end):
            self.dropped.add(end)
            return at + 1
        reason = "time stamp" if is_time(content) else "stage direction"
        return self.aside(at, end + 1, reason)

    def _link_end(self, content: str, end: int) -> int | None:
        if target := _DESTINATION.match(self.text, end + 1):
            return target.end()
        name = " ".join(content.split()).lower()
        if self.text[end + 1 : end + 2] == "[" and (close := self.pairs.get(end + 1)) is not None:
            inner = " ".join(self.text[end + 2 : close].split()).lower()
            return close + 1 if (inner or name) in self.links else None
        return end + 1 if name in self.links else None

    def _is_said(self, content: str, at: int, end: int) -> bool:
        """Return whether brackets are part of a sentence: "[He] said", "wor[l]d", "array[0]"."""
        before, after = self.text[at - 1 : at] if at else "", self.text[end + 1 : end + 2]
        if len(content) > _MAX_CUE or not content or content != content.strip():
            return False
        if content.isalnum() and len(content) <= _MAX_INSERTION and (before.isalnum() or after.isalpha()):
            return True
        lead, follow = self.text[:at].rstrip()[-1:], self.text[end + 1 :].lstrip()[:1]
        within = follow.islower() or (lead != "" and (lead.isalnum() or lead in ",\"'“‘«"))
        return within and is_editorial(content)

    def _bracket(self, raw: str, start: int, end: int, square: bool) -> int | None:
        """Deal with a music cue, pause or picture; return the index after it, or None if it is none."""
        content = _BESIDE.sub("", " ".join(raw.strip(" *_`\n").split()))
        if not content or len(content) > _MAX_CUE:
            return None
        place = Place(self.path, self.line(start))
        if (seconds := cues.pause(content, place, square)) is not None:
            return self.cue(Pause(seconds, place.line, f"pause {seconds:g} s"), start, end, "pause")
        if square and (shown := cues.image(content, place)):
            return self.cue(shown, start, end, "image cue")
        if played := music(content, place, square):
            return self.cue(played, start, end, "music cue")
        return None

    def round(self, at: int) -> int:
        end = self.pairs.get(at)
        if end is None:
            return self.unclosed(at) if self._starts_line(at) else self.literal(at)
        content = self.text[at + 1 : end]
        if len(content) <= _MAX_CUE:
            if (after := self._bracket(content, at, end + 1, False)) is not None:
                return after
            if self._is_direction(content, at, end + 1):
                return self.aside(at, end + 1, "stage direction")
        return self.literal(at)

    def _is_direction(self, content: str, start: int, end: int) -> bool:
        words = content.split()
        if not words or content.rstrip()[-1] in "?…" or (len(words) > _MAX_MANNER and content.rstrip()[-1] in ".!"):
            return False
        if is_action(content, strong=True):
            return True
        if self._alone(start, end):
            return is_action(content) or (len(words) <= _MAX_ASIDE and content.rstrip()[-1] not in ".!")
        if is_action(content) and self._starts_line(start):
            return True
        manner = self.labelled and not self.text[:start].strip(" *_") and len(words) <= _MAX_MANNER
        return manner and words[0][0].islower() and not any(c.isdigit() for c in content)

    def _starts_line(self, at: int) -> bool:
        return not self.text[self.text.rfind("\n", 0, at) + 1 : at].strip(" *_")

    def _alone(self, start: int, end: int) -> bool:
        """Return whether text[start:end] has its line for itself."""
        close = self.text.find("\n", end)
        return self._starts_line(start) and not self.text[end : close if close >= 0 else None].strip(" *_.")

    def unclosed(self, at: int) -> int:
        """Read an opening bracket without its counterpart: an error if a directive begins, else a character."""
        mark = self.text[at]
        at_start = mark == "[" and self._starts_line(at) and self.text[at + 1 : at + 2].isalpha()
        if at_start or (_DIRECTIVE.match(self.text, at)):
            closing = "]" if mark == "[" else ")"
            words = " ".join(self.text[at : at + 200].split("\n")[0].split()[:4])
            remedy = f"end it with {closing}, for example {words}{closing}; to say a bracket, write \\{mark}"
            raise Place(self.path, self.line(at)).error(f"{words} ... is never closed", remedy)
        return self.literal(at)


def end_sentence(pieces: list[Piece], mark: str = ".") -> list[Piece]:
    """Return pieces whose last words end like a sentence, so that speech pauses after a list's item."""
    last = max((i for i, p in enumerate(pieces) if isinstance(p, Say) and has_words(p.text)), default=None)
    if last is None:
        return pieces
    piece = pieces[last]
    assert isinstance(piece, Say)
    ends = piece.text.rstrip("\"'”’»)]*_ ")[-1:] in tuple(".!?…:;,—–。！？；：，")
    return pieces if ends else [*pieces[:last], replace(piece, text=piece.text + mark), *pieces[last + 1 :]]
