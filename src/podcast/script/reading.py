"""From the bytes of a file to text: encodings, and files that are no text at all."""

from __future__ import annotations

import codecs
import difflib
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from podcast.episode import Script, Speaker
from podcast.errors import ScriptError
from podcast.script.parse import parse_script

_BOMS = (  # the longer first: UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (  # files that people mistake for plain text
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a Word, OpenDocument or zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Word document"),
    (b"{\\rtf", "a rich text document"),
    (b"ID3", "an mp3"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"RIFF", "a sound or video"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
_BETWEEN_WORDS = re.compile("[ \n\r\u3000。、，]")
_MAX_CONTROLS = 0.01  # share of the bytes; text has none
_MAX_HIGH = 0.5  # share of bytes above 127 among the letters: Western European text has under a tenth
_SAMPLE = 65_536  # bytes that are enough to tell what a file is
_SAVE_AS_TEXT = "save it as plain text (UTF-8), for example with File > Save As > Plain Text"


def read_script(path: Path | str, speakers: Iterable[Speaker] = ()) -> Script:
    """Read a script file.

    Args:
        path: a plain text file, in UTF-8, UTF-16 or Windows-1252.
        speakers: those the configuration knows; the script's front matter wins over them.

    Raises:
        ScriptError: there is no such file, it is no text, or something in it needs mending.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ScriptError.at(path, 0, "no such file", _nearby(path)) from None
    except (IsADirectoryError, PermissionError) as error:
        if path.is_dir():
            raise ScriptError.at(path, 0, "is a folder", "name a script in it") from error
        raise ScriptError.at(path, 0, "cannot be read", "check its permissions") from error
    text = decode(data, path)
    if text.lstrip()[:1] in ("{", "[") and _is_json(text):
        raise ScriptError.at(path, 0, "this is JSON data, not a script", "write who says what, as in NAME: words")
    return parse_script(text, path, speakers)


def decode(data: bytes, path: Path | str) -> str:
    """Return the text of a file's bytes.

    Raises:
        ScriptError: the file is binary, or its encoding is none of UTF-8, UTF-16, UTF-32 and Windows-1252.
    """
    data = data.rstrip(b"\x1a")  # the end-of-file mark of DOS
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _strictly(data, encoding, path)
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise ScriptError.at(path, 0, f"this is {kind}, not a text file", _SAVE_AS_TEXT)
    wide = _utf16(data) if b"\x00" in data[:_SAMPLE] else None
    if wide is not None:
        return wide
    if len(_CONTROLS.findall(data[:_SAMPLE])) > _MAX_CONTROLS * min(len(data), _SAMPLE) or b"\x00" in data:
        raise ScriptError.at(path, 0, "this is a binary file, not a text file", _SAVE_AS_TEXT)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _western(data, path, error.start)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def _strictly(data: bytes, encoding: str, path: Path | str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "ignore").count("\n") + 1
        problem = f"begins as {encoding.upper().removesuffix('-SIG')} but is damaged here"
        raise ScriptError.at(path, line, problem, "save it again as UTF-8") from error


def _utf16(data: bytes) -> str | None:
    """Return UTF-16 text that lacks its mark, or None: it decodes into printable text in one byte order."""
    best = None
    for encoding, zeros in (("utf-16-le", data[1:_SAMPLE:2]), ("utf-16-be", data[:_SAMPLE:2])):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _BETWEEN_WORDS.search(text) and all(map(_is_text, text)) and (best is None or zeros.count(0) > best[0]):
            best = (zeros.count(0), text)
    return best[1] if best else None


def _is_text(char: str) -> bool:
    return char in "\t\n\r\f\v" or unicodedata.category(char) not in ("Cc", "Cn", "Co", "Cs")


def _western(data: bytes, path: Path | str, bad: int) -> str:
    """Return Windows-1252 text; `bad` is the first byte that is not UTF-8."""
    high = sum(b > 127 for b in data)
    letters = high + sum(chr(b).isalpha() for b in data if b < 128)
    line = len(re.findall(rb"\r\n|\r|\n", data[:bad])) + 1
    remedy = "save the file as UTF-8: most editors offer it under Save As > Encoding"
    if high > _MAX_HIGH * letters:
        raise ScriptError.at(path, line, "the encoding is neither UTF-8 nor UTF-16 nor Windows-1252", remedy)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        problem = f"byte 0x{data[error.start]:02x} is neither UTF-8 nor Windows-1252"
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        raise ScriptError.at(path, line, problem, remedy) from error


def _nearby(path: Path) -> str:
    folder = path.parent
    names = sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    folded = {n.casefold(): n for n in names}
    near = difflib.get_close_matches(path.name.casefold(), folded, 1, 0.5)
    if near:
        return f"did you mean {folder / folded[near[0]]}?"
    return f"check the path; it was looked for in {folder.absolute()}"
