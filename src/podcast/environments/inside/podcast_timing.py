"""From phonemes and their lengths to phones and words with times; for the workers of voices. Stands alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

BEFORE = "ˈˌ"  # marks that belong to the phone after them
PAD = "_"  # filling between two phonemes: part of the one before it, and of none before the first
LONGEST_BLANK = 0.06  # s: a blank between words that is no longer is the end of the word before it, and no pause

Timed = list  # [symbol, start s, end s]


@dataclass(frozen=True)
class Phone:
    """A phoneme with its modifiers."""

    symbol: str  # "" for silence
    start: float  # s
    end: float
    blank: bool = False  # a word ends here


def phones_of(phonemes: Sequence[str], lengths: Sequence[float], rate: int, at: float) -> list[Phone]:
    """Return the phones of a sentence that begins at `at` seconds; modifiers join the letter that they modify."""
    out: list[Phone] = []
    prefix, began = "", at
    for phoneme, length in zip(phonemes, lengths, strict=True):
        start, at = at, at + float(length) / rate
        if phoneme in BEFORE:
            began, prefix = began if prefix else start, prefix + phoneme
        elif is_sound(phoneme):
            out.append(Phone(prefix + phoneme, began if prefix else start, at))
            prefix = ""
        elif is_modifier(phoneme) and out and out[-1].symbol:
            out[-1] = Phone(out[-1].symbol + phoneme, out[-1].start, at)
        else:
            blank = phoneme == " "
            if blank and at - start <= LONGEST_BLANK and out and out[-1].symbol:
                out[-1] = Phone(out[-1].symbol, out[-1].start, at, blank=True)
            else:
                out.append(Phone("", start, at, blank))
    return out


def grouped(symbols: Sequence[str], lengths: Sequence[float]) -> tuple[list[str], list[float]]:
    """Return phonemes and lengths with the filling after each phoneme as a part of it."""
    kept: list[str] = []
    sums: list[float] = []
    for symbol, length in zip(symbols, lengths, strict=True):
        if symbol == PAD and kept:
            sums[-1] += float(length)
        else:
            kept.append(symbol)
            sums.append(float(length))
    return kept, sums


def is_sound(phoneme: str) -> bool:
    """Tell whether a phoneme is a letter (and no pause, punctuation, tone or modifier)."""
    return any(unicodedata.category(c) in ("Ll", "Lo", "Lu") for c in phoneme)


def is_modifier(phoneme: str) -> bool:
    """Tell whether a phoneme changes the one before it: length, aspiration, a diacritic, a tone."""
    return all(unicodedata.category(c) in ("Lm", "Mn", "Sk", "Nd") for c in phoneme)


def words_of(tokens: Sequence[str], expected: Sequence[Sequence[str]], phones: Sequence[Phone]) -> list[Timed]:
    """Return the times of the words of a sentence.

    Args:
        tokens: the words as written.
        expected: the phonemes of each word when it is said alone.
        phones: what was said; words may be run together ("of a") and differ in their weak sounds.

    A word without any sound gets no time of its own: it stands where the word before it ends.
    """
    said = [(p.symbol.strip(BEFORE), p) for p in phones if p.symbol]
    wanted = [(symbol, i) for i, word in enumerate(expected) for symbol in word]
    owned: dict[int, list[Phone]] = {}
    for where, owner in matched([s for s, _ in said], [s for s, _ in wanted]):
        owned.setdefault(wanted[owner][1], []).append(said[where][1])
    out: list[Timed] = []
    for i, token in enumerate(tokens):
        last = out[-1][2] if out else (said[0][1].start if said else 0.0)
        mine = owned.get(i)
        out.append([token, max(last, mine[0].start), max(last, mine[-1].end)] if mine else [token, last, last])
    return out


def matched(said: Sequence[str], wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Return for each sound that was said the index of the wanted one that it is, in order (edit distance).

    A sound that was not wanted belongs where the one before it does (the first: to the first).
    """
    if not wanted:
        return []
    rows, columns = len(said) + 1, len(wanted) + 1
    cost = [[0.0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            if i and j:
                change = cost[i - 1][j - 1] + difference(said[i - 1], wanted[j - 1])
                cost[i][j] = min(change, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
            elif i or j:
                cost[i][j] = float(i + j)
    pairs: list[tuple[int, int]] = []
    i, j = rows - 1, columns - 1
    while i:
        if j and cost[i][j] == cost[i - 1][j - 1] + difference(said[i - 1], wanted[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif j and cost[i][j] == cost[i][j - 1] + 1:
            j -= 1
        else:
            i -= 1
            pairs.append((i, max(0, j - 1)))
    return pairs[::-1]


VOWELS = set("aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵɶʉʊʌʏᵻᵿ")


def difference(one: str, other: str) -> float:
    """Return how unlike two sounds are: 0 the same, 0.25 but for modifiers, 0.75 of a kind, 1.5 vowel and consonant."""
    if one == other:
        return 0.0
    a, b = _letter(one), _letter(other)
    return 0.25 if a == b else 0.75 if (a in VOWELS) == (b in VOWELS) else 1.5


def _letter(symbol: str) -> str:
    return next((c for c in symbol if is_sound(c)), symbol)


def letters_of(phonemes: Sequence[str]) -> list[str]:
    """Return the sounds of a word that is said alone, with their modifiers."""
    alone = phones_of(phonemes, [1] * len(phonemes), 1, 0.0)
    return [p.symbol.strip(BEFORE) for p in alone if p.symbol]


def spread(words: Sequence[Timed], sounds: Sequence[str]) -> list[Timed]:
    """Return phones with times for words with times: each word's sounds share its time, and between is silence."""
    out: list[Timed] = []
    for (_, start, end), word in zip(words, sounds, strict=True):
        marks = [c for c in word if c != " "]
        whole = [p.symbol for p in phones_of(marks, [1] * len(marks), 1, 0.0) if p.symbol]
        last = out[-1][2] if out else 0.0
        if start > last:
            out.append(["", last, start])
        step = (end - start) / max(1, len(whole))
        out += [[symbol, start + i * step, start + (i + 1) * step] for i, symbol in enumerate(whole) if step > 0]
    return out
