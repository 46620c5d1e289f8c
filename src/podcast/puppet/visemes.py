"""From speech sounds to mouth shapes: IPA to the fifteen visemes of MPEG-4, and sets derived from them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from podcast.episode import Phone

# ISO/IEC 14496-2, table of visemes, under the names that game engines use; the order is that of the standard.
VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")

RHUBARB = {  # the shapes A to H and X of Rhubarb Lip Sync: its documentation describes each by the sounds it serves
    "sil": "X", "PP": "A", "FF": "G", "TH": "C", "DD": "B", "kk": "B", "CH": "B", "SS": "B", "nn": "B",
    "RR": "E", "aa": "D", "E": "C", "ih": "B", "oh": "E", "ou": "F",
}  # fmt: skip
PRESTON_BLAIR = {  # the shapes of Blair's "Animation" (1948), each by the Rhubarb shape that it corresponds to
    "A": "MBP", "B": "etc", "C": "E", "D": "AI", "E": "O", "F": "U", "G": "FV", "H": "L", "X": "rest",
}  # fmt: skip

_CONSONANTS = {
    "PP": "p b m ɓ ʙ ʘ ɸ β",
    "FF": "f v ɱ ʋ ⱱ",
    "TH": "θ ð",
    "DD": "t d ɾ ʈ ɖ ɗ ǀ ǃ ǂ ǁ",
    "kk": "k ɡ g x ɣ q ɢ χ ʁ h ɦ ħ ʕ ʔ ʡ ʜ ʢ c ɟ ç ʝ ɰ ɠ ʄ ʛ ɧ",
    "CH": "ʃ ʒ ɕ ʑ ʂ ʐ ʧ ʤ ʨ ʥ",
    "SS": "s z ʦ ʣ",
    "nn": "n l ŋ ɲ ɳ ɴ ʎ ɭ ɫ ɬ ɮ ʟ ɺ",
    "RR": "r ɹ ɻ ʀ ɽ",
    "ih": "j",
    "ou": "w ɥ ʍ",
}
_VOWELS = {
    "aa": "a ɑ ɒ æ ɶ ʌ",
    "E": "e ɛ ə ɘ ɜ ɞ ɐ ø œ ɵ",
    "RR": "ɚ ɝ",
    "ih": "i ɪ ɨ ᵻ ɯ ɤ",
    "oh": "o ɔ",
    "ou": "u ʊ ʉ ᵿ y ʏ",
}
_CLUSTERS = {"tʃ": "CH", "dʒ": "CH", "tɕ": "CH", "dʑ": "CH", "tʂ": "CH", "dʐ": "CH", "ts": "SS", "dz": "SS"}
_HEIGHT = {  # rows of the IPA vowel chart, as the opening of the jaw from 0 to 1
    0.16: "i y ɨ ʉ ɯ u",
    0.26: "ɪ ʏ ʊ ᵻ ᵿ",
    0.38: "e ø ɘ ɵ ɤ o ɚ ɝ ə ɐ",  # ɐ: espeak-ng writes it for reduced vowels
    0.54: "ɛ œ ɜ ɞ ɔ",
    0.66: "ʌ",
    0.74: "æ",
    0.82: "a ɶ ɑ ɒ",
}

CONSONANT = {letter: viseme for viseme, letters in _CONSONANTS.items() for letter in letters.split()} | _CLUSTERS
VOWEL = {letter: viseme for viseme, letters in _VOWELS.items() for letter in letters.split()}
OPENNESS = {letter: height for height, letters in _HEIGHT.items() for letter in letters.split()}

_PALATAL = "ʲ;"  # as IPA and as espeak-ng write it
_REDUCED = {"ʌ": ("E", 0.38)}  # without stress ("of", "was") it is a schwa
_WEIGHT_SECOND_VOWEL = 0.7  # of a diphthong's first part: the glide is the shorter one
_WEIGHT_CONSONANT = 0.8  # beside a vowel in one symbol (ɔːɹ, əl), as a share of the vowel
_WEIGHT_ASPIRATION = 0.35


@dataclass(frozen=True)
class Segment:
    """One mouth shape; `start` and `end` are samples from the utterance's start."""

    viseme: str
    letter: str  # IPA, one letter or an affricate; "" for a pause
    start: float
    end: float
    stress: int = 0  # 0 none, 1 secondary, 2 primary
    openness: float | None = None  # 0 … 1, height of a vowel; None for everything else

    @property
    def vowel(self) -> bool:
        """Whether the mouth is held open for it."""
        return self.openness is not None


def letters(symbol: str) -> tuple[str, ...]:
    """Return the IPA letters (affricates kept whole) of a symbol without marks of any kind."""
    plain = [c for c in unicodedata.normalize("NFD", symbol) if unicodedata.category(c) in ("Ll", "Lo", "Lu")]
    text, found = "".join(plain), []
    while text:
        size = 2 if text[:2] in CONSONANT else 1
        found.append(text[:size])
        text = text[size:]
    return tuple(found)


def visemes(symbol: str) -> tuple[str, ...]:
    """Return the visemes of one phone's symbol, in order; a diphthong has two; an unknown sound is "E"."""
    return tuple(s.viseme for s in split(Phone(symbol, 0, 1)))


def stress(symbol: str) -> int:
    """Return 2 for primary stress, 1 for secondary, 0 for none."""
    return 2 if "ˈ" in symbol else 1 if "ˌ" in symbol else 0


def split(phone: Phone) -> tuple[Segment, ...]:
    """Return the segments of a phone; they share its time by weight."""
    if not phone.symbol.strip("_: "):
        return (Segment("sil", "", phone.start, phone.end),)
    mark = "j" if set(phone.symbol) & set(_PALATAL) else "ə"  # a mark that stands alone
    shapes = [_shape(letter, stress(phone.symbol)) for letter in letters(phone.symbol) or (mark,)]
    weights = _weights(shapes)
    scale, at, parts = (phone.end - phone.start) / sum(weights), float(phone.start), []
    for (viseme, letter, height), weight in zip(shapes, weights, strict=True):
        end = at + weight * scale
        parts.append(Segment(viseme, letter, at, end, stress(phone.symbol), height))
        at = end
    return tuple(parts)


def segments(phones: Iterable[Phone]) -> tuple[Segment, ...]:
    """Return the segments of an utterance, in order, without those that last no time."""
    return tuple(s for phone in phones for s in split(phone) if s.end > s.start)


def _shape(letter: str, stressed: int) -> tuple[str, str, float | None]:
    if letter in _REDUCED and not stressed:
        viseme, height = _REDUCED[letter]
        return viseme, letter, height
    if letter in CONSONANT:
        return CONSONANT[letter], letter, None
    return VOWEL.get(letter, "E"), letter, OPENNESS.get(letter, OPENNESS["ə"])


def _weights(shapes: list[tuple[str, str, float | None]]) -> list[float]:
    weights, after_vowel = [], False
    mixed = any(height is not None for _, _, height in shapes)
    for i, (_, letter, height) in enumerate(shapes):
        if height is not None:
            weights.append(_WEIGHT_SECOND_VOWEL if after_vowel else 1.0)
        elif letter in "hɦ" and i:
            weights.append(_WEIGHT_ASPIRATION)
        else:
            weights.append(_WEIGHT_CONSONANT if mixed else 1.0)
        after_vowel = height is not None
    return weights
