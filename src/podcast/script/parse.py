"""From text to a Script: who says what, and what else is to happen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from podcast.episode import UNNAMED, Script, Speaker, Turn
from podcast.errors import ScriptError
from podcast.script.blocks import Block, read_blocks
from podcast.script.draft import Draft
from podcast.script.frontmatter import FrontMatter, split_front_matter
from podcast.script.headings import CHAPTER, lowest_chapters, part_title, split_plan
from podcast.script.inline import Say, brackets, end_sentence, is_time, read_inline
from podcast.script.labels import (
    Header,
    Label,
    Roster,
    header,
    is_person,
    looks_like_header,
    notes_label,
    parse_label,
    section_marker,
    show_name,
)
from podcast.script.lexicon import NOTES, NOTES_HEADINGS, PEOPLE_KEYS, is_action, is_role
from podcast.script.lines import Line, has_words, label_id, split_lines
from podcast.script.transcripts import plain_lines
from podcast.script.web import page_lines

NARRATOR = "NARRATOR"  # the id of whoever reads what nobody else is named for
_NARRATORS = (NARRATOR, "HOST")  # who goes on after a heading, if the script has them
_CUE_LABEL = re.compile(r"(?:(?:[A-Z]+ ){0,2}MUSIC|BGM|IMAGE|PAUSE)(?: [A-Z]+)?")
_PLAIN_CUE = re.compile(r"(?:(?:intro|outro|background|opening|closing|theme) )?music|pause", re.I)
_PLAIN_DIRECTION = re.compile(r"sfx|sound effects?|sound fx|b-roll|visuals?|camera", re.I)
_DIRECTION_LABEL = re.compile(
    r"(?:SFX|FX|SOUND|SOUND EFFECTS?|VISUALS?|VIDEO|CAMERA|B-ROLL|GRAPHICS?|CAPTION|ON[- ]SCREEN(?: TEXT)?|TEXT|"
    r"LIGHTING|ACTION|CUT TO|FADE IN|FADE OUT)")
_SCENE = re.compile(r"(?:INT|EXT|INT\.?/EXT)\.? [^a-z]+$")  # the scene headings of screenplays
_TRANSITION = re.compile(r"(?:FADE (?:IN|OUT|TO [A-Z]+)|(?:[A-Z]+ )?CUT TO(?: [A-Z]+)?|DISSOLVE TO)[.:]*$")
_TITLE_KEYS = ("title", "episode title", "podcast title", "podcast script")


def parse_script(text: str, path: Path | str, known_speakers: Iterable[Speaker] = ()) -> Script:
    """Understand a script's text.

    Args:
        text: the script.
        path: where it is from; the files it names are looked for beside it.
        known_speakers: those that the configuration declares; the front matter wins over them.

    Raises:
        ScriptError: something in it needs mending: a missing file, an unclosed bracket, an unknown setting,
            or nothing at all to say.
    """
    path = Path(path)
    lines = split_lines(text)
    front, rest = split_front_matter(lines, path)
    rest, markup = page_lines(rest)
    plain = plain_lines(rest)
    body = read_blocks(plain.lines, path)
    roster = Roster(body.blocks, known_speakers, front.speakers, plain.names)
    reader = _Reader(path, front, roster, body.links)
    reader.screenplay = bool(roster.characters) and any(_SCENE.match(x.text) for b in body.blocks for x in b.lines)
    reader.lowest = lowest_chapters(body.blocks)
    reader.draft.unspoken += [*markup, *plain.unspoken, *body.unspoken]
    for block in body.blocks:
        reader.block(block)
    return reader.script()


class _Reader:
    def __init__(self, path: Path, front: FrontMatter, roster: Roster, links: frozenset[str]) -> None:
        self.path, self.front, self.roster, self.links = path, front, roster, links
        self.title, self.author, self.description = front.title, front.author, front.description
        self.titled = False  # whether a `# Title` was read
        self.draft = Draft()
        self.speaker: str | None = None
        self.heard: set[str] = set()  # who has spoken
        self.names: dict[str, str] = {}  # labels as they were first written
        self.people: dict[str, str] = {}  # from header lines: "Host: Jane Smith"
        self.manners: dict[str, str] = {}  # deliveries from labels
        self.label: tuple[int, str] | None = None  # a label that nobody has spoken for yet
        self.notes: int | None = None  # the rank of the heading above production notes; 0: a line above them
        self.early_notes = False  # they came before anything was said
        self.ruled = False  # whether the last block was a rule
        self.screenplay = False  # what stands under no name is action
        self.lowest = CHAPTER  # rank of headings that are chapters; those below are for the author's eyes

    # ------------------------------------------------------------ blocks

    def block(self, block: Block) -> None:
        if block.kind == "heading":
            self.heading(block)
        elif block.kind == "rule":
            self.rule(block)
        elif self.notes is not None:
            self.draft.aside_all(block, "production notes")
        elif self.ruled and all(header(x.text) and looks_like_header(x.text) for x in block.lines):
            self.draft.aside_all(block, "header")  # a word count, the author ... below the last rule
        elif self.screenplay and self.is_prose(block):
            self.draft.aside_all(block, "stage direction")
        elif part := part_title(block):
            self.heading(replace(block, kind="heading", level=CHAPTER, lines=(Line(block.line, part),)))
        else:
            self.paragraph(block)
        self.ruled = block.kind == "rule"

    def is_prose(self, block: Block) -> bool:
        """Return whether a block begins with plain words, and not with a label, a header or a bracket."""
        first = block.lines[0].text.strip()
        return not (first[:1] in "[(" or parse_label(first) or self.roster.label(first))

    def rule(self, block: Block) -> None:
        self.draft.aside_all(block, "rule")
        if self.notes == 0 and self.early_notes:
            self.notes = None

    def heading(self, block: Block) -> None:
        bare = block.text.strip(" *_:")
        if self.notes is not None and 0 < self.notes < block.level:
            return self.draft.aside_all(block, "production notes")
        self.notes = None
        if NOTES.fullmatch(bare) or (NOTES_HEADINGS.fullmatch(bare) and block.level >= 1):
            self.notes, self.early_notes = block.level, not self.draft.turns
            return self.draft.aside_all(block, "production notes")
        self.drop_label()
        title = self.heading_text(block)
        if not has_words(title):
            return self.draft.aside(block.line, title or "#" * block.level, "heading without words")
        if block.level > self.lowest:
            return self.draft.aside(block.line, title, "heading")
        self.speaker = self.narrator()
        return self.entitle(title, block)

    def heading_text(self, block: Block) -> str:
        """Return a heading's words; cues in it take effect."""
        spoken = read_inline(block.lines, self.path, self.links)
        self.draft.unspoken.extend(spoken.unspoken)
        for piece in spoken.pieces:
            if not isinstance(piece, Say):
                self.draft.cue(piece)
        return " ".join(p.text for p in spoken.pieces if isinstance(p, Say))

    def entitle(self, title: str, block: Block) -> None:
        first = block.level == 1 and not self.titled and not self.draft.turns and not self.draft.chapters
        if first and (not self.title or self.title.casefold() == title.casefold()):
            self.title, self.titled = title, True
        else:
            title, planned = split_plan(title)
            self.draft.aside(block.line, planned, "time stamp")
            self.draft.chapter(title, block)

    # ------------------------------------------------------------ paragraphs

    def paragraph(self, block: Block) -> None:
        """Cut a paragraph or list item at labels and set headers aside."""
        inside = _inside_brackets(block)
        texts = [x.text for x in block.lines]
        describing = len(texts) > 1 and all(map(looks_like_header, texts)) and any(map(header, texts))
        pending: list[Line] = []
        labelled, number = False, block.number
        for index, line in enumerate(block.lines):
            if self.notes is not None:
                self.draft.aside(line.number, line.text, "production notes")
            elif index in inside or (act := self.recognise(line, pending, describing)) is None:
                pending.append(line)
            else:
                number = self.say(pending, block, number, labelled)
                rest = act()
                pending, labelled = ([Line(line.number, rest)] if rest else []), self.label is not None
        number = self.say(pending, block, number, labelled)
        if number:
            self.draft.aside(block.line, f"{number}.", "list number")

    def recognise(self, line: Line, pending: Sequence[Line], describing: bool) -> Callable[[], str] | None:
        """Return what to do with a line's label, header or marker (it returns the rest of the line), or None."""
        text = line.text.strip()
        is_notes, only_title = notes_label(text)
        if is_notes and not (pending and not only_title):
            return partial(self.begin_notes, line)
        if _SCENE.match(text) or _TRANSITION.match(text):
            return partial(self.take_direction, line)
        label = parse_label(text)
        if label and label.id not in self.roster.speakers and (act := self.stage_label(label, line)):
            return act
        waiting = any(has_words(x.text) and x.text.lstrip()[:1] not in "[(*" for x in pending)
        early = not self.draft.turns and not waiting
        found = header(text) if early else None
        if found or (early and describing and looks_like_header(text)):
            return partial(self.take_header, line, found)
        if marker := section_marker(text):
            return partial(self.take_marker, line, *marker)
        label = self.roster.label(text)
        return partial(self.take_label, label, line) if label else None

    def begin_notes(self, line: Line) -> str:
        self.notes, self.early_notes = 0, not self.draft.turns
        self.draft.aside(line.number, line.text, "production notes")
        return ""

    def take_marker(self, line: Line, marker: str, rest: str) -> str:
        self.draft.aside(line.number, marker, "section marker")
        return rest

    def take_header(self, line: Line, found: Header | None) -> str:
        """Set a "Key: value" line aside; title, author and description are kept."""
        if found and found.key in PEOPLE_KEYS:
            self.people.setdefault(label_id(found.key), re.sub(r"\s*\(.*", "", found.value))
        elif found and found.key in _TITLE_KEYS and not self.title:
            self.title, self.titled = found.value.strip("\"“”"), True
        elif found and found.key in ("author", "writer", "written by"):
            self.author = self.author or found.value
        elif found and found.key in ("description", "summary", "synopsis"):
            self.description = self.description or found.value
        self.draft.aside(line.number, line.text, "header")
        return ""

    def stage_label(self, label: Label, line: Line) -> Callable[[], str] | None:
        """Return what to do with "MUSIC: soft piano" or "SFX: door", which are as good as in brackets."""
        capitals, note = label.name.isupper(), looks_like_header(line.text)
        if (capitals and _DIRECTION_LABEL.fullmatch(label.name)) or (note and _PLAIN_DIRECTION.fullmatch(label.name)):
            return partial(self.take_direction, line)
        is_cue = (capitals and _CUE_LABEL.fullmatch(label.name)) or (note and _PLAIN_CUE.fullmatch(label.name))
        if is_cue and label.rest and "]" not in line.text:
            return lambda: f"[{label.name}: {label.rest.strip(' *_')}]"
        return None

    def take_direction(self, line: Line) -> str:
        self.draft.aside(line.number, line.text, "stage direction")
        return ""

    def take_label(self, label: Label, line: Line) -> str:
        self.drop_label()
        self.draft.aside(line.number, label.stamp, "time stamp")
        self.speaker, self.label = label.id, (line.number, label.name)
        if is_time(label.delivery):
            self.draft.aside(line.number, f"({label.delivery})", "time stamp")
            label = replace(label, delivery="")
        elif is_role(label.name) and is_person(label.delivery):
            self.people.setdefault(label.id, label.delivery)
            label = replace(label, delivery="")
        spoke = label.id in self.manners or label.id in self.heard
        declared = self.roster.speakers.get(label.id)
        passing = is_action(label.delivery, strong=True) or spoke or (declared and declared.delivery)
        if label.delivery and passing:
            self.draft.aside(line.number, f"({label.delivery})", "stage direction")
        elif label.delivery:
            self.manners[label.id] = label.delivery
        self.names.setdefault(label.id, label.name)
        return label.rest

    def drop_label(self) -> None:
        """Note a label after which nobody spoke."""
        if self.label:
            line, name = self.label
            manner = self.manners.get(self.speaker or "", "")
            if manner and self.speaker not in self.heard:
                del self.manners[self.speaker or ""]
                name = f"{name} ({manner})"
            self.draft.aside(line, name + ":", "label without words")
        self.label = None

    # ------------------------------------------------------------ words and cues

    def say(self, lines: Sequence[Line], block: Block, number: str, labelled: bool) -> str:
        """Say lines of the present speaker; return the list number if it still waits for words."""
        if not lines:
            return number
        spoken = read_inline(lines, self.path, self.links, labelled)
        self.draft.unspoken.extend(spoken.unspoken)
        pieces = end_sentence(spoken.pieces) if block.kind == "item" else spoken.pieces
        begin = len(self.draft.turns)
        for piece in pieces:
            if not isinstance(piece, Say):
                self.draft.cue(piece)
            elif has_words(piece.text):
                words = f"{number}: {piece.text}" if number else piece.text
                number = ""
                self.turn(words, piece.line)
            elif len(self.draft.turns) > begin:
                self.draft.trail(piece.text)
            else:
                self.draft.aside(piece.line, piece.text, "no words")
        self.draft.join_cut_sentences(begin)
        return number

    def turn(self, text: str, line: int) -> None:
        if self.speaker is None:
            self.speaker = self.narrator()
        self.label = None
        self.heard.add(self.speaker)
        self.draft.turns.append(Turn(self.speaker, text, line))

    # ------------------------------------------------------------ the whole

    def narrator(self) -> str:
        """Return who reads what follows no label: a narrator, else whoever spoke last."""
        for id in _NARRATORS:
            if id in self.heard or id in self.roster.declared:
                return id
        if self.speaker:
            return self.speaker
        return self.roster.declared[0] if self.roster.declared else NARRATOR

    def speakers(self) -> tuple[Speaker, ...]:
        found = []
        for id in dict.fromkeys(t.speaker for t in self.draft.turns):
            shown = self.people.get(id) or self.names.get(id, "")
            if not shown:
                shown = next(iter(self.people.values()), "") or self.author or UNNAMED
                shown = shown if id not in self.roster.declared else show_name(id)
            speaker = self.roster.speaker(id, shown)
            found.append(replace(speaker, delivery=speaker.delivery or self.manners.get(id, "")))
        return tuple(found)

    def adopt(self) -> None:
        """If the script labels just one speaker, what came before the label is theirs too."""
        ids = {t.speaker for t in self.draft.turns} - {NARRATOR}
        if NARRATOR not in self.names and NARRATOR not in self.roster.speakers and len(ids) == 1:
            only = ids.pop()
            self.draft.turns = [replace(t, speaker=only) for t in self.draft.turns]

    def script(self) -> Script:
        self.drop_label()
        self.adopt()
        if not self.draft.turns:
            raise self.silent()
        self.draft.drop_last_chapter()
        return Script(
            path=self.path,
            title=self.title or _title_of(self.path),
            turns=tuple(self.draft.turns),
            speakers=self.speakers(),
            chapters=tuple(self.draft.chapters),
            music=tuple(self.draft.music),
            images=tuple(self.draft.images),
            unspoken=tuple(sorted(self.draft.unspoken, key=lambda u: u.line)),
            description=self.description,
            author=self.author,
            language=self.front.language,
            settings=self.front.settings,
        )

    def silent(self) -> ScriptError:
        lines = len(self.draft.unspoken) + len(self.draft.chapters)
        if not lines and not self.titled:
            return ScriptError.at(self.path, 0, "the script is empty", "write what is to be said into it")
        first = min((u.line for u in self.draft.unspoken), default=1)
        problem = "nothing in the script is spoken: it has only headings, cues or directions"
        return ScriptError.at(self.path, first, problem, "add a paragraph of plain text")


def _inside_brackets(block: Block) -> set[int]:
    """Return the indices of lines that begin inside brackets: no label begins there."""
    text = block.text
    starts, at = {}, 0
    for index, line in enumerate(block.lines):
        starts[index] = at
        at += len(line.text) + 1
    spans = [(a, b) for a, b in brackets(text).items() if "\n" in text[a:b]]
    return {i for i, s in starts.items() if any(a < s <= b for a, b in spans)}


def _title_of(path: Path) -> str:
    """Return a title from a file's name: "my_first-show" as "My first show"."""
    words = re.sub(r"[\s_-]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:] if words else "Untitled"
