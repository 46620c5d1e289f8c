"""What of an utterance moves a head: phrases, accents, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podcast.episode import SAMPLE_RATE, Phone, Utterance
from podcast.puppet.visemes import split, stress

PHRASE_PAUSE = 0.10  # s of silence that divides phrases
NUCLEAR, ORDINARY = 1.0, 0.5  # weights of a phrase's last accent and of those before it
_LONG_VOWEL = 0.12  # s; a longer stressed vowel weighs more
_QUESTION, _EXCLAMATION = "?？؟;", "!！"  # ";" is the Greek question mark
_CLOSERS = " \"'”’»)]}…"


@dataclass(frozen=True)
class Accent:
    """A stressed vowel: its middle in seconds of the slot, and its weight 0 … 1."""

    time: float
    weight: float


@dataclass(frozen=True)
class Prosody:
    """Times are seconds of the slot."""

    phrases: tuple[tuple[float, float], ...] = ()
    accents: tuple[Accent, ...] = ()
    question: bool = False
    exclamation: bool = False


def prosody(utterance: Utterance, lead: int) -> Prosody:
    """Return the prosody of an utterance that begins after `lead` samples of silence."""
    groups = _groups(utterance.phones)
    last = utterance.text.rstrip(_CLOSERS)[-1:]
    greek = utterance.text.isascii() or not any("Ͱ" <= c <= "Ͽ" for c in utterance.text)
    return Prosody(
        tuple(((g[0].start + lead) / SAMPLE_RATE, (g[-1].end + lead) / SAMPLE_RATE) for g in groups),
        tuple(a for g in groups for a in _accents(g, lead)),
        bool(last) and last in (_QUESTION[:-1] if greek else _QUESTION),
        bool(last) and last in _EXCLAMATION,
    )


def _groups(phones: Sequence[Phone]) -> list[list[Phone]]:
    """Return the phones of each phrase, pauses left out."""
    groups: list[list[Phone]] = []
    end = -SAMPLE_RATE
    for phone in phones:
        if split(phone)[0].viseme == "sil":
            continue
        if not groups or phone.start - end >= PHRASE_PAUSE * SAMPLE_RATE:
            groups.append([])
        groups[-1].append(phone)
        end = phone.end
    return groups


def _accents(group: Sequence[Phone], lead: int) -> list[Accent]:
    vowels = [p for p in group if any(s.vowel for s in split(p))]
    stressed = [p for p in vowels if stress(p.symbol) == 2] or vowels[-1:]
    found = []
    for phone in stressed:
        length = (phone.end - phone.start) / SAMPLE_RATE
        weight = NUCLEAR if phone is stressed[-1] else ORDINARY * min(length / _LONG_VOWEL, 1.5)
        found.append(Accent(((phone.start + phone.end) / 2 + lead) / SAMPLE_RATE, weight))
    return found
