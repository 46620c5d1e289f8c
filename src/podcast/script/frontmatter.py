"""The settings at the top of a script, between two lines of three dashes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from podcast.episode import Speaker
from podcast.errors import ScriptError
from podcast.paths import beside
from podcast.script.lines import Line, label_id

KEYS = ("title", "description", "author", "language", "speakers", "layout", "loudness")
SPEAKER_KEYS = ("name", "voice", "avatar", "language", "delivery")
SECTIONS = ("tts", "music", "mix", "avatar", "video", "visualization", "publish")  # of the configuration
_SHORT = {"layout": "video.layout", "loudness": "mix.loudness"}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")  # the shape of a BCP 47 tag
_KEY_LINE = re.compile(r"([^\s:#'\"\-][^:]*?)\s*:(\s|$)")
_DEPTH = 4  # levels of maps; deeper ones, and aliases to themselves, are refused


@dataclass(frozen=True)
class FrontMatter:
    """What the author declared before the first line."""

    title: str = ""
    description: str = ""
    author: str = ""
    language: str = "en"
    speakers: tuple[Speaker, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


@dataclass
class _Reader:
    path: Path
    first: int  # the line of the file on which the YAML begins
    settings: list[tuple[str, str]] = field(default_factory=list)

    def error(self, node: yaml.Node, problem: str, remedy: str) -> ScriptError:
        return ScriptError.at(self.path, self.first + node.start_mark.line, problem, remedy)

    def text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, f"{key} must be a text", f'write {key}: "..."')
        return "" if node.tag.endswith(":null") else node.value.strip()

    def items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what} must be `key: value` lines", "see docs/script.md for an example")
        for key, value in node.value:
            yield self.text(key, what), key, value

    def language(self, node: yaml.Node) -> str:
        tag = self.text(node, "language").replace("_", "-")
        if not _LANGUAGE.fullmatch(tag):
            raise self.error(node, f"language {tag!r} is no language tag", "write one such as en, en-GB or pt-BR")
        return tag


def split_front_matter(lines: list[Line], path: Path) -> tuple[FrontMatter, list[Line]]:
    """Return the front matter (empty if there is none) and the lines that follow it.

    Raises:
        ScriptError: invalid YAML, an unknown key, a value of the wrong kind.
    """
    start = next((i for i, line in enumerate(lines) if line.text.strip()), len(lines))
    if start == len(lines) or lines[start].text.rstrip() != "---":
        return FrontMatter(), lines
    end = next((i for i in range(start + 1, len(lines)) if lines[i].text.rstrip() in ("---", "...")), None)
    body = lines[start + 1 : end]
    if not _is_meant(body, closed=end is not None):
        return FrontMatter(), lines
    if end is None:
        problem, remedy = "the front matter is never closed", "write a line of three dashes, ---, after its last key"
        raise ScriptError.at(path, lines[start].number, problem, remedy)
    reader = _Reader(path, lines[start].number + 1)
    return _read(reader, "\n".join(line.text for line in body)), lines[end + 1 :]


def _is_meant(body: list[Line], closed: bool) -> bool:
    """Return whether the lines after a `---` are settings, not a script that begins with a rule.

    They are if the first is `key: value` and a key is one of ours or nearly so, or all are lower-case names.
    """
    written = [line.text for line in body if line.text.strip() and not line.text.lstrip().startswith("#")]
    if not written or not body[0].text.strip() or not _KEY_LINE.match(written[0]):
        return not written and closed
    keys = [m[1] for m in map(_KEY_LINE.match, written) if m]
    if any(k in (*KEYS, *SECTIONS) or "." in k.split(" ")[0] for k in keys[: None if closed else 1]):
        return True
    shaped = all(re.fullmatch(r"[a-z][\w.-]*", k) for k in keys)
    return closed and (shaped or any(_nearest(k.lower(), KEYS) for k in keys))


def _read(reader: _Reader, text: str) -> FrontMatter:
    node = _compose(reader, text)
    front = FrontMatter()
    if node is None:
        return front
    for name, key, value in reader.items(node, "the front matter"):
        lower = name.lower()
        if lower in ("title", "description", "author"):
            given: dict[str, Any] = {lower: " ".join(reader.text(value, lower).split())}
            front = replace(front, **given)
        elif lower == "language":
            front = replace(front, language=reader.language(value))
        elif lower == "speakers":
            front = replace(front, speakers=tuple(_speakers(reader, value)))
        else:
            _setting(reader, lower, key, value)
    return replace(front, settings=tuple(reader.settings))


def _compose(reader: _Reader, text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = reader.first + (min(mark.line, text.count("\n")) if mark else 0)
        problem = f"the front matter is not valid YAML: {getattr(error, 'problem', None) or error}"
        remedy = 'put quotes around values that contain a colon: title: "One: the beginning"'
        raise ScriptError.at(reader.path, line, problem, remedy) from error


def _nearest(name: str, known: tuple[str, ...]) -> str:
    return next(iter(difflib.get_close_matches(name, known, 1, 0.7)), "")


def _unknown(reader: _Reader, node: yaml.Node, what: str, name: str, known: tuple[str, ...]) -> ScriptError:
    near = _nearest(name, known)
    remedy = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
    return reader.error(node, f"unknown {what} {name}", remedy)


def _setting(reader: _Reader, name: str, key: yaml.Node, value: yaml.Node) -> None:
    if name in _SHORT:
        reader.settings.append((_SHORT[name], reader.text(value, name)))
    elif name.split(".")[0] in SECTIONS and ("." in name or isinstance(value, yaml.MappingNode)):
        reader.settings.extend(_flatten(reader, name, value, 1))
    else:
        raise _unknown(reader, key, "key", name, (*KEYS, *SECTIONS))


def _flatten(reader: _Reader, name: str, node: yaml.Node, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEPTH:
        raise reader.error(node, f"{name} is nested too deeply", "write dotted keys such as video.fps: 30")
    if isinstance(node, yaml.MappingNode):
        for inner, _, value in reader.items(node, name):
            yield from _flatten(reader, f"{name}.{inner}", value, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        values = [reader.text(item, name) for item in node.value]
        yield name, yaml.safe_dump(values, default_flow_style=True, width=10_000).strip()
    else:
        yield name, reader.text(node, name)


def _speakers(reader: _Reader, node: yaml.Node) -> Iterator[Speaker]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield _listed(reader, item)
    else:
        for name, key, value in reader.items(node, "speakers"):
            yield _speaker(reader, name, key, value)


def _listed(reader: _Reader, item: yaml.Node) -> Speaker:
    """Return a speaker from a list: a bare name, `DEAN: {...}` or a map that has a `name`."""
    if not isinstance(item, yaml.MappingNode):
        return _speaker(reader, reader.text(item, "speakers"), item, None)
    entries = list(reader.items(item, "speakers"))
    if len(entries) == 1 and entries[0][0].lower() not in SPEAKER_KEYS:
        return _speaker(reader, *entries[0])
    label = next((reader.text(v, k) for k, _, v in entries if k.lower() == "name"), "")
    if not label:
        raise reader.error(item, "a speaker in the list has no name", "add name: to it")
    return _speaker(reader, label, item, item)


def _speaker(reader: _Reader, label: str, key: yaml.Node, value: yaml.Node | None) -> Speaker:
    if not label_id(label):
        raise reader.error(key, "a speaker has no name", "write the label that the script uses, such as DEAN:")
    speaker = Speaker(label_id(label), "")
    if value is None or isinstance(value, yaml.ScalarNode):
        return replace(speaker, name=reader.text(value, label) if value else "")
    for name, inner, node in reader.items(value, f"speaker {label}"):
        lower = name.lower()
        if lower not in SPEAKER_KEYS:
            raise _unknown(reader, inner, f"setting of speaker {label}:", name, SPEAKER_KEYS)
        text = reader.language(node) if lower == "language" else reader.text(node, lower)
        setting: dict[str, Any] = {lower: text or ("" if lower in ("name", "delivery") else None)}
        speaker = replace(speaker, **setting)
    files = {key: beside(reader.path.parent, name) for key in ("avatar", "voice") if (name := getattr(speaker, key))}
    return replace(speaker, **files)
