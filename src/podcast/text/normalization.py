"""From the author's text to words that any voice can say, and back from each spoken word to the author's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from podcast.text import english, figures
from podcast.text.lexicon import occurrences
from podcast.text.numerals import base

NO_WORDS: Mapping[str, str] = MappingProxyType({})

Claim = tuple[int, int, str]  # characters [start, end) are spoken as this text
Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]


@dataclass(frozen=True)
class Piece:
    """Some of the author's words and how they are spoken.

    `words[first:last]` of the author are said as `text` (blank-separated words; "" is not spoken). `plain` is the
    same for an engine that does not understand phonemes in [[double brackets]].
    """

    text: str
    first: int
    last: int
    plain: str


@dataclass(frozen=True)
class Normalized:
    """A sentence ready for a voice; the pieces follow each other and cover all of the author's words."""

    words: tuple[str, ...]  # the author's, as they were written
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """What is spoken; phonemes stand in [[double brackets]]."""
        return " ".join(p.text for p in self.pieces if p.text)

    @property
    def plain(self) -> str:
        """What is spoken, for an engine that understands no phonemes."""
        return " ".join(p.plain for p in self.pieces if p.plain)


def normalize(text: str, language: str = "en", lexicon: Mapping[str, str] = NO_WORDS) -> Normalized:
    """Replace figures, signs, abbreviations and the lexicon's words by words; drop what cannot be said."""
    claims = _claims(text, language, lexicon)
    tokens = [m.span() for m in re.finditer(r"\S+", text)]
    pieces: list[Piece] = []
    marked = _DASH.sub(lambda m: "—" * len(m[0]), text)
    for first, last in _groups(tokens, claims):
        start, end = tokens[first][0], tokens[last - 1][1]
        spoken = _assemble(marked, start, end, claims, language)
        written = _assemble(marked, start, end, [c for c in claims if "[[" not in c[2]], language)
        if not _says_something(spoken) and pieces:
            pieces[-1] = _punctuated(pieces[-1], spoken)
            spoken = written = ""
        elif not _says_something(spoken):
            spoken = written = ""
        pieces.append(Piece(spoken, first, last, written))
    return Normalized(tuple(text[a:b] for a, b in tokens), tuple(pieces))


def _claims(text: str, language: str, lexicon: Mapping[str, str]) -> list[Claim]:
    """Return what the rules replace, in order and without overlap; earlier rules go first."""
    claims = list(_free(occurrences(text, lexicon), []))
    for pattern, say in _rules(language):
        found = ((m.start(), m.end(), said) for m in pattern.finditer(text) if (said := say(m)) is not None)
        claims += _free(found, claims)
    return sorted(claims)


def _rules(language: str) -> tuple[Rule, ...]:
    if base(language) == "en":
        return english.BRITISH if "GB" in language.upper() else english.AMERICAN
    return figures.rules(base(language))


def _free(found: Iterator[Claim], taken: list[Claim]) -> Iterator[Claim]:
    taken = list(taken)
    for claim in found:
        if claim[1] > claim[0] and not any(claim[0] < b and a < claim[1] for a, b, _ in taken):
            taken.append(claim)
            yield claim


def _groups(tokens: list[tuple[int, int]], claims: list[Claim]) -> Iterator[tuple[int, int]]:
    """Yield ranges of tokens; those that share a claim stay together."""
    first = 0
    for index, (_, end) in enumerate(tokens):
        if not any(a < end < b for a, b, _ in claims):
            yield first, index + 1
            first = index + 1


def _assemble(text: str, start: int, end: int, claims: list[Claim], language: str) -> str:
    parts, at = [], start
    for a, b, said in claims:
        if start <= a and b <= end:
            parts += [_clean(text[at:a], language), said]
            at = b
    parts.append(_clean(text[at:end], language))
    return re.sub(r"\s+([,.;:!?])", r"\1", " ".join("".join(parts).split()))


def _says_something(spoken: str) -> bool:
    return any(c.isalnum() or unicodedata.category(c).startswith("L") for c in spoken)


def _punctuated(piece: Piece, mark: str) -> Piece:
    """Hand a lone dash or comma to the words before it, where a voice makes its pause."""
    mark = mark[:1] if mark[:1] in {",", ".", "!", "?", ";", ":"} else ""
    if not mark or not piece.text or piece.text[-1] in ",.;:!?":
        return piece
    return Piece(piece.text + mark, piece.first, piece.last, piece.plain + mark)


# ---------------------------------------------------------------- characters


_QUOTES = (
    {ord(c): "'" for c in "‘’‚‛ʼ´"}
    | {ord(c): "" for c in '“”„‟«»‹›"'}
    | {ord(c): " " for c in "`*_~^|\\{}<>[]•·†‡¶"}
)
_MARKS = {ord("…"): "...", ord("—"): ", ", ord("―"): ", ", ord("‐"): "-", ord("‑"): "-", ord("\u00ad"): ""}
_WIDE_MARKS = dict(zip(map(ord, "。、，！？；：（）"), ".,,!?;:()", strict=True))
_DASH = re.compile(r"(?<!\w)[-–−]+(?!\w)|–|-{2,}")  # what stands for a pause; other hyphens join words
_UNSPOKEN = {"So", "Sk", "Sm", "Sc", "Cs", "Co", "Cn", "Cc", "Cf"}


def _clean(text: str, language: str) -> str:
    """Unify quotes, dashes and dots, and drop what no voice can say (emoji, markup, controls)."""
    text = text.translate(_QUOTES).translate(_MARKS).translate(_WIDE_MARKS)
    text = re.sub(r"\.{4,}", "...", text)
    text = re.sub(r"[!?]{2,}", lambda m: "?" if "?" in m[0] else "!", text)
    text = re.sub(r"([,;:])\1+", r"\1", text)
    keep = (c if c.isspace() or c in "\u200c\u200d" or unicodedata.category(c) not in _UNSPOKEN else " " for c in text)
    text = "".join(c for c in keep if not "\ufe00" <= c <= "\ufe0f" and c != "\u20e3")
    return text if _joins(language) else text.replace("\u200d", "").replace("\u200c", "")


def _joins(language: str) -> bool:
    """Tell whether the script joins letters with invisible characters (Persian, the scripts of India)."""
    return base(language) in {"fa", "ar", "ur", "hi", "bn", "ta", "te", "kn", "ml", "mr", "gu", "pa", "si", "ne"}
