"""Who speaks: the labels at the beginning of lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from podcast.episode import Speaker
from podcast.script.blocks import Block
from podcast.script.headings import part_title
from podcast.script.lexicon import (
    END_MARKERS,
    HEADER_KEYS,
    NOT_NAMES,
    NOTES,
    PEOPLE_KEYS,
    SECTION_MARKERS,
    SENTENCE_KEYS,
    is_action,
    is_no_name,
    is_role,
    word_set,
)
from podcast.script.lines import label_id

_MAX_WORDS = 4  # of an undeclared name
_MAX_CHARACTER = 3  # words of a screenplay's name
_MAX_LENGTH = 60  # characters before the colon
_STAMP = r"(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?[\])]?\s*[-–—]?\s+)"
_LABEL = re.compile(
    rf"(?P<stamp>{_STAMP})?[*_]{{0,3}}(?P<open>\[)?(?P<name>[^\W_][^:：\[\](){{}}<>*_\"“”|]{{0,{_MAX_LENGTH}}}?)"
    r"(?P<close>\])?\s*[*_]{0,3}\s*(?:[\[(](?P<delivery>[^()\[\]\n]{1,200})[\])])?\s*[*_]{0,3}[:：][*_]{0,3}"
    r"(?P<rest>\s.*|$)", re.S)
ORNAMENT = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f\u200d\u20e3 ]+")  # arrows, symbols, emoji
_WIDE_COLON = re.compile(r"：(?=\S)")  # Chinese and Japanese put no blank after theirs
_BRACKETED = re.compile(r"\[(?P<name>[^\[\]:]{1,40})\]\s*(?P<rest>.*)", re.S)
_ALONE = re.compile(r"[*_]{0,3}(?P<name>[^:*_\[\]()]{1,60})[*_]{0,3}\s*(?:\((?P<delivery>[^()]{1,200})\))?")
_DASHED = re.compile(r"[*_]{0,3}(?P<name>[^\W\d_][\w.'’ ]{1,30}?)[*_]{0,3}\s+[-–—]\s+(?P<rest>\S.*)", re.S)
_SMALL_WORDS = word_set("of the de von van der den la le du da di del dos al el bin ibn and & y e zu")
_ACRONYMS = word_set("AI DJ MC TV VO CEO CTO CFO UK US USA EU BBC NPR FBI NASA II III IV JR SR")
_MENTIONS = 2  # labels that make a capitalised name a speaker
_DIALOGUE, _DIALOGUE_SHARE = 4, 0.7  # labels, at least, that make a script a dialogue; and their share of its lines
_HEADER_NAME = re.compile(r"[A-ZÀ-Þ][\w.'’-]*(?:\s+(?:[A-ZÀ-Þ][\w.'’-]*|de|von|van|der|la|and|&)){0,5}(?:\s+\(.*\))?")
_GREETINGS = word_set("hello hi hey welcome good thanks thank yes no okay ok so well right wow")
_ENDINGS = (".", "!", "?", "…", '"', "”", "。", "！", "？")


@dataclass(frozen=True)
class Label:
    """A label found at the beginning of a line."""

    id: str
    name: str
    delivery: str
    rest: str  # the line after it
    stamp: str = ""  # "[00:12]", if one precedes


@dataclass(frozen=True)
class Header:
    """A "Key: value" line."""

    key: str
    value: str


def parse_label(text: str) -> Label | None:
    """Return what looks like a label, whoever it may name; emoji before it are no part of it."""
    if text and not text[0].isascii() and (ornament := ORNAMENT.match(text)):
        text = text[ornament.end() :]
    match = _LABEL.match(_WIDE_COLON.sub("： ", text, count=1) if "：" in text[: _MAX_LENGTH + 20] else text)
    if not match or bool(match["open"]) != bool(match["close"]):
        return None
    name = " ".join(match["name"].split())
    return Label(label_id(name), name, " ".join((match["delivery"] or "").split()), match["rest"].strip(),
                 (match["stamp"] or "").strip())


def header(text: str) -> Header | None:
    """Return a line of the kind "Runtime: ~1:20" that describes the script."""
    label = parse_label(text)
    key = label.name.lower() if label else ""
    if not label or key not in HEADER_KEYS or (key in PEOPLE_KEYS and not _names_somebody(label.rest)):
        return None
    if key in SENTENCE_KEYS and label.rest.endswith(_ENDINGS):
        return None
    return Header(key, label.rest.strip(" *_"))


def looks_like_header(text: str) -> bool:
    """Return whether a line is "key: value" of any kind and no sentence."""
    label = parse_label(text)
    return bool(label and label.rest and not label.rest.endswith(_ENDINGS))


def _names_somebody(value: str) -> bool:
    """Return whether "Jane Smith" and not "Hello everyone." follows "Host:"."""
    value = value.strip(" *_")
    words = value.lower().split()
    return bool(words) and words[0].strip(",!") not in _GREETINGS and bool(_HEADER_NAME.fullmatch(value)) and \
        not (value.endswith(".") and not re.search(r"\b(?:Jr|Sr|Dr|[A-Z])\.$", value))


def notes_label(text: str) -> tuple[bool, bool]:
    """Return whether a line begins production notes, and whether it is no more than their title."""
    bare = text.strip(" *_")
    label = parse_label(text)
    name = label.name if label else bare.rstrip(":").strip(" *_")
    titled = bool(NOTES.fullmatch(name)) and len(name) <= _MAX_LENGTH
    if not titled:
        return False, False
    if label and label.rest.strip(" *_"):
        return True, False
    return bool(label) or bare != text.strip(), True  # without a colon it must be in bold


def section_marker(text: str) -> tuple[str, str] | None:
    """Return the marker ("INTRO:", "**Outro**") that a line begins with, and the rest of the line."""
    label = parse_label(text)
    if label and SECTION_MARKERS.fullmatch(label.name):
        whole = not label.rest
        return (text[: len(text) - len(label.rest)].strip(), label.rest) if whole or label.name.isupper() else None
    bare = text.strip(" *_")
    marked = bare != text.strip() and SECTION_MARKERS.fullmatch(bare)
    return (text.strip(), "") if marked or END_MARKERS.fullmatch(text.strip(" *_-–—.~")) else None


def is_person(text: str) -> bool:
    """Return whether words in parentheses after a role are a name: "Host 1 (Sarah)"."""
    return bool(_HEADER_NAME.fullmatch(text)) and len(text.split()) <= _MAX_WORDS and not is_action(text)


def show_name(label: str) -> str:
    """Return a label as it is shown: "DEAN" as "Dean"; mixed case stays as it was written."""
    if not label.isupper():
        return label
    return " ".join(w if w.strip(".,") in _ACRONYMS else w.title().replace("’S", "’s") for w in label.split())


class Roster:
    """The labels that a script uses: declared ones, and those that look like names."""

    def __init__(
        self, blocks: Iterable[Block], known: Iterable[Speaker], declared: Iterable[Speaker], sure: Iterable[str] = ()
    ) -> None:
        self.declared = tuple(s.id for s in declared)
        self.speakers = {s.id: s for s in known}
        for speaker in declared:
            self.speakers[speaker.id] = _over(self.speakers.get(speaker.id), speaker)
        self.ids = {label_id(s.name): s.id for s in self.speakers.values() if s.name}
        self.ids.update({id: id for id in self.speakers})
        blocks = tuple(blocks)
        labels = tuple(_candidates(blocks))
        self.counts = Counter(label.id for label in labels)
        self.dialogue = False  # whether nearly all that is said has a label
        self.ids = {label_id(name): label_id(name) for name in sure} | _introduced(labels) | self.ids
        self.characters = _characters(blocks)
        firsts = (b.lines[0].text for b in blocks if b.kind == "paragraph")
        self.dashed = Counter(label_id(m["name"]) for m in map(_DASHED.match, firsts) if m)
        parts = (b for b in blocks if not part_title(b))
        said = [found.id if (found := self.label(text)) else "" for text in _beginnings(parts) if text[:1] not in "[("]
        speaking = Counter(filter(None, said))
        self.dialogue = len(speaking) > 1 and speaking.total() >= max(_DIALOGUE, _DIALOGUE_SHARE * len(said))

    def label(self, text: str) -> Label | None:
        """Return the label that a line begins with."""
        found = parse_label(text)
        if found and (id := self.ids.get(found.id)):
            return replace(found, id=id)
        if found and self._is_name(found.name):
            return found
        return self._bracketed(text) or self._alone(text) or self._dashed(text)

    def _is_name(self, name: str) -> bool:
        words = name.split()
        if is_role(name):
            return True
        if not 1 <= len(words) <= _MAX_WORDS or name.lower() in NOT_NAMES or is_no_name(name) or name.endswith("'s"):
            return False
        if any(not (w[0].isalnum() or w in ("&", "#")) for w in words) or words[0][0].isdigit():
            return False
        often = self.counts[label_id(name)] >= _MENTIONS or (self.dialogue and len(words) <= _MAX_CHARACTER)
        if name.isupper():
            return len(name.replace(".", "")) > 1 or often
        capital = all(not w[0].islower() or w in _SMALL_WORDS for w in words) and not words[0][0].islower()
        return capital and often

    def _bracketed(self, text: str) -> Label | None:
        """Return the label of "[HOST] Welcome"."""
        match = _BRACKETED.match(text)
        if not match or not (label_id(match["name"]) in self.ids or is_role(match["name"])):
            return None
        name = " ".join(match["name"].split())
        return Label(self.ids.get(label_id(name), label_id(name)), name, "", match["rest"].lstrip(": ").strip())

    def _alone(self, text: str) -> Label | None:
        """Return the label of a line that is only a declared name, as in a screenplay, or a role in bold."""
        match = _ALONE.fullmatch(text.strip())
        if not match:
            return None
        name = " ".join(match["name"].split())
        bold = text.strip()[:1] in "*_" and is_role(name)
        if label_id(name) not in self.ids and not bold and not (name.isupper() and name in self.characters):
            return None
        delivery = " ".join((match["delivery"] or "").split())
        return Label(self.ids.get(label_id(name), label_id(name)), name, delivery, "")

    def _dashed(self, text: str) -> Label | None:
        """Return the label of "JANE - I did": in capitals, and before a dash twice or somewhere before a colon."""
        match = _DASHED.match(text)
        name = " ".join(match["name"].split()) if match else ""
        known = self.dashed[label_id(name)] >= _MENTIONS or self.counts[label_id(name)]
        if not match or not name.isupper() or len(name.split()) > _MAX_CHARACTER or is_no_name(name) or not known:
            return None
        return Label(label_id(name), name, "", match["rest"])

    def speaker(self, id: str, shown: str) -> Speaker:
        """Return the speaker of an id; `shown` is the name to show if none is declared."""
        known = self.speakers.get(id) or Speaker(id, "")
        return known if known.name else replace(known, name=show_name(shown))


def _introduced(labels: Iterable[Label]) -> dict[str, str]:
    """Return name → role of people who are given with a role: "Host 1 (Sarah Lee):"."""
    found: dict[str, str] = {}
    for label in labels:
        if is_role(label.name) and is_person(label.delivery):
            found.setdefault(label_id(label.delivery), label.id)
            found.setdefault(label_id(label.delivery.split()[0]), label.id)
    return found


def _beginnings(blocks: Iterable[Block]) -> Iterable[str]:
    """Yield the lines on which somebody else could begin: a block's first, and those after a sentence's end."""
    for block in blocks:
        if block.kind in ("paragraph", "item"):
            for index, line in enumerate(block.lines):
                if index == 0 or _ends(block.lines[index - 1].text):
                    yield line.text.strip()


def _candidates(blocks: Iterable[Block]) -> Iterable[Label]:
    """Yield all that could be labels."""
    return filter(None, map(parse_label, _beginnings(blocks)))


def _ends(text: str) -> bool:
    """Return whether a line ends a sentence, a label or a bracket; emoji after it do not count."""
    text = text.rstrip(" *_")
    while text and not text[-1].isascii() and ORNAMENT.match(text[-1]):
        text = text[:-1].rstrip(" *_")
    return text.endswith((*_ENDINGS, ":", "]", ")"))


def _characters(blocks: Iterable[Block]) -> frozenset[str]:
    """Return the names in capitals above the speeches of a screenplay; one of them occurs twice or it is none."""
    names: Counter[str] = Counter()
    for block in blocks:
        match = _ALONE.fullmatch(block.lines[0].text.strip())
        name = " ".join(match["name"].split()) if match and block.kind == "paragraph" and len(block.lines) > 1 else ""
        if name.isupper() and len(name) > 1 and len(name.split()) <= _MAX_CHARACTER and not is_no_name(name):
            names[name] += 1
    return frozenset(names if any(n >= _MENTIONS for n in names.values()) else ())


def _over(known: Speaker | None, declared: Speaker) -> Speaker:
    """Return a speaker with what the script declares over what the configuration knows."""
    if known is None:
        return declared
    given = {k: getattr(declared, k) for k in ("name", "voice", "avatar", "language", "delivery")}
    return replace(known, **{k: v for k, v in given.items() if v})
