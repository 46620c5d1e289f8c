"""Fonts: an embedded family for most scripts, the system's fonts for the rest, per run of text.

FiraGO (SIL Open Font License) travels in a Python package and covers Latin, Greek, Cyrillic, Arabic,
Hebrew, Devanagari, Thai and Georgian. Characters that it lacks are looked for in symbol fonts of the same
package and then in the folders where Linux, macOS and Windows keep fonts.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import pymupdf_fonts
from PIL import ImageFont, features

from podcast.errors import ConfigError
from podcast.graphics.cmap import Coverage, coverage

_SYMBOLS = ("symbol2", "symbol1", "math")
_EMBEDDED = {False: ("figo", "notos", *_SYMBOLS), True: ("figbo", "notosbo", *_SYMBOLS)}
_PREFERRED = (  # file names of broad sans-serif fonts, the best first
    "notosanscjk", "notosanssc", "notosansjp", "notosanskr", "notosanstc", "sourcehansans", "pingfang",
    "hiraginosans", "ヒラギノ角", "msyh", "yugoth", "meiryo", "malgun", "msjh", "applesdgothicneo", "notosans",
    "nirmala", "leelaw", "kohinoor", "wqy", "droidsansfallback", "ipag", "takao", "nanum", "simhei", "stheiti",
    "arialunicode", "arial unicode", "segoeui", "dejavusans", "freesans", "unifont",
)  # fmt: skip
_SEARCHED = 600  # font files looked into at most for one character: some machines have thousands
_KEEP_WITH_PREVIOUS = ("Mn", "Me", "Mc", "Cf", "Zs")  # marks, joiners and blanks do not change the font
_RAQM = features.check("raqm")


@dataclass(frozen=True)
class Face:
    """A size (pixels per em) and weight of the whole chain of fonts; `file` goes first."""

    size: int
    bold: bool = False
    file: Path | None = None

    def at(self, size: int) -> Face:
        """Return the same face in another size."""
        return Face(size, self.bold, self.file)


@dataclass(frozen=True)
class _Source:
    name: str  # of an embedded font, or a path
    embedded: bool


@lru_cache(maxsize=32)
def _buffer(source: _Source) -> bytes:
    return pymupdf_fonts.myfont(source.name) if source.embedded else Path(source.name).read_bytes()


@lru_cache(maxsize=1024)
def _coverage(source: _Source) -> Coverage:
    if source.embedded:
        return coverage(BytesIO(_buffer(source)))
    try:
        with Path(source.name).open("rb") as file:
            return coverage(file)
    except OSError:
        return Coverage()


@lru_cache(maxsize=256)
def _sized(source: _Source, size: int) -> ImageFont.FreeTypeFont:
    engine = ImageFont.Layout.RAQM if _RAQM else ImageFont.Layout.BASIC
    file = BytesIO(_buffer(source)) if source.embedded else source.name
    return ImageFont.truetype(file, size, layout_engine=engine)


def check(file: Path) -> None:
    """Raise ConfigError unless `file` is a font that can be used."""
    try:
        _sized(_Source(str(file), False), 20)
    except OSError as problem:
        raise ConfigError(f"cannot use the font {file}: {problem}", "name a .ttf or .otf file") from problem


def primary(face: Face) -> ImageFont.FreeTypeFont:
    """Return the font that most of the text is set in; it gives ascent and descent."""
    return _sized(_chain(face)[0], face.size)


def _chain(face: Face) -> tuple[_Source, ...]:
    first = (_Source(str(face.file), False),) if face.file else ()
    return first + tuple(_Source(name, True) for name in _EMBEDDED[face.bold])


@lru_cache(maxsize=4096)
def _source_of(char: str, bold: bool, file: Path | None) -> _Source | None:
    for source in _chain(Face(1, bold, file)):
        if char in _coverage(source):
            return source
    return _system_source(char, bold) if ord(char) > 0x2FF else None


def _folders() -> list[Path]:
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home, as in some containers
        home = Path("/nonexistent")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home))
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", Path(local) / "Microsoft/Windows/Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


@lru_cache(maxsize=2)
def _system_fonts(bold: bool) -> tuple[_Source, ...]:
    found = (f for folder in _folders() if folder.is_dir() for f in sorted(folder.rglob("*")))
    files = [f for f in found if f.suffix.lower() in (".ttf", ".otf", ".ttc")]

    def rank(file: Path) -> tuple[int, bool, bool, str]:
        name = file.stem.lower()
        place = next((i for i, start in enumerate(_PREFERRED) if name.startswith(start)), len(_PREFERRED))
        slanted = any(part in name for part in ("italic", "oblique", "mono", "serif", "condensed"))
        return place, slanted, ("bold" in name or name.endswith("bd")) != bold, name

    return tuple(_Source(str(f), False) for f in sorted(files, key=rank)[:_SEARCHED])


@lru_cache(maxsize=1024)
def _system_source(char: str, bold: bool) -> _Source | None:
    if _is_pictograph(char):
        return None  # colour emoji fonts have no outlines at the sizes needed
    return next((s for s in _system_fonts(bold) if char in _coverage(s)), None)


def _is_pictograph(char: str) -> bool:
    code = ord(char)
    return 0x1F000 <= code <= 0x1FBFF or 0x2600 <= code <= 0x27BF or code in (0xFE0F, 0x20E3, 0x200D)


def runs(text: str, face: Face) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """Return the text in pieces, each with the font that can draw it; what none can draw is left out."""
    pieces: list[tuple[str, _Source]] = []
    for char in unicodedata.normalize("NFC", text):
        stays = pieces and unicodedata.category(char) in _KEEP_WITH_PREVIOUS
        source = pieces[-1][1] if stays else _source_of(char, face.bold, face.file)
        if source is None or 0xFE00 <= ord(char) <= 0xFE0F:
            continue
        if pieces and (pieces[-1][1] == source):
            pieces[-1] = (pieces[-1][0] + char, source)
        else:
            pieces.append((char, source))
    if right_to_left(text):
        pieces.reverse()
    return [(_visual(piece), _sized(source, face.size)) for piece, source in pieces]


def _visual(piece: str) -> str:
    """Return a piece as it is handed to the font: without Raqm nobody else turns what is written from the right."""
    return piece[::-1] if not _RAQM and right_to_left(piece) else piece


def right_to_left(text: str) -> bool:
    """Return whether the first strong character is written from right to left."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def missing(texts: Iterable[str], file: Path | None = None) -> str:
    """Return a warning that names the scripts no font on this machine can draw, or "" when all is well.

    Emoji that are left out are not worth a warning.
    """
    chars = {c for text in texts for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] not in "ZC"}
    lost = sorted(c for c in chars if not _is_pictograph(c) and _source_of(c, False, file) is None)
    if not lost:
        return ""
    scripts = sorted({unicodedata.name(c, "unknown").split()[0].title() for c in lost})
    sample = "".join(lost[:8])
    return (
        f"no font on this machine has {', '.join(scripts)} characters ({sample}): they are left out of the picture. "
        "Install a font for them (for example Noto Sans) or name one in the configuration."
    )
