"""The files beside the video: captions, chapters and the transcript page, as text."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

import jinja2

from podcast.episode import Narration, Script, Word, samples_at, seconds
from podcast.errors import PodcastError

_YOUTUBE_LEAST = 3  # chapters (YouTube help, "Add chapters to your videos")
_YOUTUBE_SHORTEST = 10  # seconds (same page)
_CHAPTERS_VERSION = "1.2.0"  # of the podcast namespace's JSON chapters
_SOUNDS = (".mp3", ".m4a", ".wav", ".flac")
_WORD_JOINER = "\u2060"  # invisible; keeps a player from reading "<b" as markup


@dataclass(frozen=True)
class Caption:
    """What is shown at a time: seconds from the episode's start, and who says it (a name to show)."""

    start: float
    end: float
    text: str
    speaker: str = ""


@dataclass(frozen=True)
class Mark:
    """Where a chapter begins, in seconds."""

    start: float
    title: str


@dataclass(frozen=True)
class Piece:
    """A word of the transcript as it is spoken; `after` is what stands between it and the next one."""

    text: str
    start: float  # seconds
    end: float
    after: str = " "


@dataclass(frozen=True)
class Paragraph:
    """What one speaker says in one go; every sentence is a tuple of pieces."""

    speaker: str  # name to show
    start: float  # seconds
    sentences: tuple[tuple[Piece, ...], ...]


# ---------------------------------------------------------------- captions


def srt(captions: Sequence[Caption]) -> str:
    """Return SubRip captions; with several speakers, a name leads in whenever the speaker changes."""
    lead, cues, said = _several(captions), [], ""
    for number, (start, end, caption) in enumerate(_timed(captions), 1):
        name = f"{_line(caption.speaker)}: " if lead and caption.speaker not in ("", said) else ""
        said = caption.speaker or said
        text = re.sub(r"<(?=[A-Za-z/])|\{(?=\\)", lambda m: m[0] + _WORD_JOINER, name + caption.text)
        cues.append(f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text.replace('-->', '→')}\n")
    return "\n".join(cues)


def vtt(captions: Sequence[Caption]) -> str:
    """Return WebVTT captions; with several speakers, every cue names its voice."""
    voices, cues = _several(captions), ["WEBVTT\n"]
    for start, end, caption in _timed(captions):
        voice = f"<v {_escaped(_line(caption.speaker))}>" if voices and caption.speaker else ""
        cues.append(f"{_clock(start, '.')} --> {_clock(end, '.')}\n{voice}{_escaped(caption.text)}\n")
    return "\n".join(cues)


def _several(captions: Sequence[Caption]) -> bool:
    return len({caption.speaker for caption in captions} - {""}) > 1


def _timed(captions: Sequence[Caption]) -> Iterator[tuple[int, int, Caption]]:
    """Yield (start, end, caption) in whole milliseconds, in order and without overlap; nothing said is lost."""
    shown = [(caption, _lines(caption.text)) for caption in sorted(captions, key=lambda c: c.start)]
    shown = [(caption, text) for caption, text in shown if text]
    earliest = 0
    for i, (caption, text) in enumerate(shown):
        start = max(earliest, _milliseconds(caption.start))
        end = _milliseconds(caption.end)
        if i + 1 < len(shown):
            end = min(end, _milliseconds(shown[i + 1][0].start))
        earliest = max(end, start + 1)
        yield start, earliest, Caption(caption.start, caption.end, text, caption.speaker)


def _milliseconds(secs: float) -> int:
    return round(secs * 1000)


def _clock(milliseconds: int, point: str) -> str:
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{rest:03}"


def _lines(text: str) -> str:
    """Return text without empty lines: one would end a cue."""
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def _line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# ---------------------------------------------------------------- chapters


def chapter_marks(script: Script, narration: Narration) -> tuple[Mark, ...]:
    """Return where each chapter of the script begins: with its card, or else with its first words."""
    marks = []
    for chapter in script.chapters:
        slots = [slot for slot in narration.slots if slot.turn >= chapter.before and slot.kind != "outro"]
        card = next((s for s in slots if s.kind == "chapter" and s.turn == chapter.before), None)
        at = card or next(iter(slots), None)
        if at:
            marks.append(Mark(seconds(samples_at(at.start, narration.rate)), chapter.title))
    return tuple(marks)


def youtube_chapters(marks: Sequence[Mark], length: float, title: str = "") -> tuple[str, str]:
    """Return (text for the description, ""), or ("", why YouTube would show no chapters).

    The first chapter is moved to 0:00 when it begins within ten seconds, or else the part before it becomes a
    chapter named `title`.
    """
    begun = [(int(mark.start), _line(mark.title).translate({60: "‹", 62: "›"})) for mark in marks]
    if not begun:
        return "", "the script has no chapters"
    if begun[0][0] >= _YOUTUBE_SHORTEST and title:
        begun.insert(0, (0, _line(title).translate({60: "‹", 62: "›"})))
    begun[0] = 0, begun[0][1]
    if len(begun) < _YOUTUBE_LEAST:
        return "", f"YouTube shows chapters from {_YOUTUBE_LEAST} on, and there are {len(begun)}"
    ends = [start for start, _ in begun[1:]] + [int(length)]
    for (start, name), end in zip(begun, ends, strict=True):
        if end - start < _YOUTUBE_SHORTEST:
            return "", f"YouTube wants chapters of {_YOUTUBE_SHORTEST} s and more, and “{name}” lasts {end - start} s"
    return "".join(f"{clock(start)} {name}\n" for start, name in begun), ""


def chapters_json(marks: Sequence[Mark], length: float, title: str = "", author: str = "") -> str:
    """Return the podcast namespace's chapters (application/json+chapters)."""
    ends = [mark.start for mark in marks[1:]] + [length]
    chapters = [{"startTime": round(mark.start, 3), "endTime": round(end, 3), "title": _line(mark.title)}
                for mark, end in zip(marks, ends, strict=True)] if marks else []
    about = {name: text for name, text in (("title", title), ("author", author)) if text}
    data = {"version": _CHAPTERS_VERSION, **about, "chapters": chapters}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def clock(secs: float) -> str:
    """Return a time as people write it: 0:07, 12:30, 1:02:03 (whole seconds, rounded down)."""
    whole = int(secs)
    hours = f"{whole // 3600}:{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{hours}:{whole % 60:02}"


# ---------------------------------------------------------------- the transcript


def paragraphs(script: Script, narration: Narration) -> tuple[Paragraph, ...]:
    """Return what is said, one paragraph for neighbouring sentences of one turn, in the author's words."""
    found: list[tuple[int, Paragraph]] = []
    for slot in narration.slots:
        if not slot.utterance:
            continue
        sentence = _pieces(slot.utterance.text, slot.utterance.words, narration.speech_start(slot))
        start = seconds(narration.speech_start(slot))
        if found and found[-1][0] == slot.turn:
            _, last = found.pop()
            found.append((slot.turn, Paragraph(last.speaker, last.start, (*last.sentences, sentence))))
        else:
            name = script.speaker(slot.utterance.speaker).name
            found.append((slot.turn, Paragraph(name, start, (sentence,))))
    return tuple(paragraph for _, paragraph in found)


def _pieces(text: str, words: Sequence[Word], offset: int) -> tuple[Piece, ...]:
    """Return the words with what the author wrote between them."""
    places, at = [], 0
    for word in words:
        found = text.find(word.text, at)
        places.append((at, at) if found < 0 else (found, found + len(word.text)))
        at = places[-1][1]
    pieces = []
    for i, word in enumerate(words):
        last = i + 1 == len(words)
        after = text[places[i][1] :] if last else text[places[i][1] : places[i + 1][0]] or " "
        before = "" if i else text[: places[0][0]]
        pieces.append(Piece(before + word.text, seconds(offset + word.start), seconds(offset + word.end), after))
    return tuple(pieces)


def transcript_page(
    title: str,
    said: Sequence[Paragraph],
    video: str,
    *,
    marks: Sequence[Mark] = (),
    description: str = "",
    author: str = "",
    language: str = "en",
    captions: str = "",
    poster: str = "",
) -> str:
    """Return the transcript as an HTML page that plays `video`, a file beside it, and follows its words.

    A sound file will do as well. `captions` (a .vtt) and `poster` (a picture) are files beside it, too.
    """
    sections = [(mark, []) for mark in marks] if marks else []  # type: list[tuple[Mark | None, list[Paragraph]]]
    if not marks or (said and said[0].start < marks[0].start):
        sections.insert(0, (None, []))
    for paragraph in said:
        place = max((i for i, (mark, _) in enumerate(sections) if not mark or mark.start <= paragraph.start), default=0)
        sections[place][1].append(paragraph)
    return templates().get_template("transcript.html").render(
        title=title, sections=sections, marks=marks, description=description, author=author, language=language,
        player="audio" if Path(video).suffix.lower() in _SOUNDS else "video", video=quote(video),
        captions=quote(captions), poster=quote(poster),
        named=len({paragraph.speaker for paragraph in said}) > 1,
    )


@cache
def templates() -> jinja2.Environment:
    """Return the environment in which the product's pages are rendered: everything is escaped."""
    environment = jinja2.Environment(loader=jinja2.PackageLoader("podcast"), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["clock"] = clock
    return environment


# ---------------------------------------------------------------- writing


def write_text(path: Path, text: str) -> Path:
    """Write a text file as UTF-8; under its name it is whole or as it was before.

    Raises:
        PodcastError: the folder cannot be written or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(draft, 0o644)
            os.replace(draft, path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise PodcastError(f"cannot be written ({error.strerror or error})",
                           "free some space or choose another folder with -o", str(path)) from error
    return path
