"""Sentences: the units of speech, caching and rendering."""

from __future__ import annotations

import re

import sentencex

from podcast.text.numerals import base

LONGEST_WORDS, LONGEST_CHARACTERS = 40, 350  # a longer sentence is spoken clause by clause
SHORTEST_WORDS = 3  # fewer stay with the sentence that follows: "In... and out."
CLAUSE_WORDS = 8  # a clause has at least as many, so that a cut leaves no crumbs

_CLAUSE = re.compile(r"(?<=[;:,—–])\s+|\s+(?=(?:and|but|because|which|while|although|so that)\s)")
_BOUNDARY = re.compile(r"(?<=[.!?…]\))\s+(?=[A-Z])|(?<=…)\s+(?=[A-Z])")  # what sentencex leaves together
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")  # scripts without blanks between words


def sentences(text: str, language: str = "en") -> list[str]:
    """Split a paragraph into sentences that are neither too long nor too short to be spoken in one breath.

    Nothing but blanks is lost: the sentences joined by single blanks are the text.
    """
    flat = " ".join(text.split())
    if not flat:
        return []
    found = [part for s in _segment(flat, language) for part in _BOUNDARY.split(s)]
    parts = [piece for s in found if s.strip() for piece in _clauses(s.strip())]
    return _joined(parts, flat)


def _segment(text: str, language: str) -> list[str]:
    return list(sentencex.segment(base(language), text))


def _clauses(sentence: str) -> list[str]:
    """Cut an over-long sentence at the clause that halves it best, as often as needed."""
    if len(sentence.split()) <= LONGEST_WORDS and len(sentence) <= LONGEST_CHARACTERS:
        return [sentence]
    cuts = [m.start() for m in _CLAUSE.finditer(sentence) if _leaves_no_crumbs(sentence, m.start())]
    cuts = cuts or [m.start() for m in re.finditer(r"\s+", sentence) if _leaves_no_crumbs(sentence, m.start())]
    if not cuts:
        return [sentence]
    cut = min(cuts, key=lambda c: abs(c - len(sentence) / 2))
    return _clauses(sentence[:cut].strip()) + _clauses(sentence[cut:].strip())


def _leaves_no_crumbs(sentence: str, cut: int) -> bool:
    return len(sentence[:cut].split()) >= CLAUSE_WORDS and len(sentence[cut:].split()) >= CLAUSE_WORDS


def _joined(parts: list[str], text: str) -> list[str]:
    """Put crumbs to the next sentence (the last to the one before), as the author wrote the blanks between."""
    out: list[str] = []
    carry = ""
    for part in parts:
        carry = _glue(carry, part, text)
        if _words(carry) >= SHORTEST_WORDS:
            out.append(carry)
            carry = ""
    if carry:
        if out and _words(carry) < SHORTEST_WORDS and not re.search(r"\w", carry):
            out[-1] = _glue(out[-1], carry, text)
        else:
            out.append(carry)
    return out


def _glue(first: str, second: str, text: str) -> str:
    if not first:
        return second
    return first + second if first + second in text else f"{first} {second}"


def _words(sentence: str) -> int:
    return len([w for w in sentence.split() if re.search(r"\w", w)]) + len(_WIDE.findall(sentence)) // 2
