"""IPA and letters as espeak-ng's mnemonics, for the English set of phones."""

from __future__ import annotations

import re

from podcast.errors import EngineError

# IPA: mnemonic; longest first when read. Dialects' vowels go to the nearest phone of the set.
MNEMONICS = {
    # consonants
    "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "g": "g", "ɡ": "g", "f": "f", "v": "v", "θ": "T", "ð": "D",
    "s": "s", "z": "z", "ʃ": "S", "ʒ": "Z", "h": "h", "m": "m", "n": "n", "ŋ": "N", "l": "l", "ɫ": "l", "r": "r",
    "ɹ": "r", "ɻ": "r", "j": "j", "w": "w", "ʍ": "w", "tʃ": "tS", "dʒ": "dZ", "ʧ": "tS", "ʤ": "dZ", "t͡ʃ": "tS",
    "d͡ʒ": "dZ", "ɾ": "t2", "ʔ": "?", "x": "x", "ç": "C", "ɬ": "l", "l̩": "@L", "n̩": "@n", "m̩": "@m",
    # vowels
    "iː": "i:", "i": "i", "ɪ": "I", "e": "E", "ɛ": "E", "æ": "a", "a": "a", "ɑː": "A:", "ɑ": "A:", "ɒ": "0",
    "ɔː": "O:", "ɔ": "O:", "o": "oU", "oː": "oU", "ʊ": "U", "uː": "u:", "u": "u:", "ʉ": "u:", "ʌ": "V", "ɐ": "a#",
    "ə": "@", "ɜː": "3:", "ɜ": "3:", "ɝ": "3:", "ɝː": "3:", "ɚ": "3", "ɨ": "I2", "ᵻ": "I2", "y": "u:", "ø": "3:",
    "œ": "3:", "ɜːr": "3:", "əɹ": "3",
    # diphthongs
    "eɪ": "eI", "aɪ": "aI", "ɔɪ": "OI", "oʊ": "oU", "əʊ": "oU", "aʊ": "aU", "ɪə": "i@", "eə": "e@", "ɛə": "e@",
    "ʊə": "U@", "ɑːɹ": "A@", "ɔːɹ": "O@", "ɛɹ": "e@", "ɪɹ": "i@3", "ʊɹ": "U@",
    # stress and what has no sound of its own
    "ˈ": "'", "'": "'", "ˌ": ",", "ː": "", ".": "", "‿": "", "-": "", "͡": "", "ʰ": "", "(": "", ")": "",
}  # fmt: skip
_SYMBOL = re.compile("|".join(re.escape(s) for s in sorted(MNEMONICS, key=len, reverse=True)))
_VOWEL = re.compile(r"[ieɪɛæaɑɒɔoʊuʉʌɐəɜɝɚɨᵻyøœ]")

LETTERS = {
    "A": "eI", "B": "bi:", "C": "si:", "D": "di:", "E": "i:", "F": "Ef", "G": "dZi:", "H": "eItS", "I": "aI",
    "J": "dZeI", "K": "keI", "L": "El", "M": "Em", "N": "En", "O": "oU", "P": "pi:", "Q": "kju:", "R": "A@",
    "S": "Es", "T": "ti:", "U": "ju:", "V": "vi:", "W": "dVb@Lju:", "X": "Eks", "Y": "waI", "Z": "zi:",
}  # fmt: skip
_SPELLED = re.compile(r"(?<![\w\[.'’-])[A-Z](?: [A-Z])+(?![\w.]\w)(?!\w)")
# Questions that begin with such a word fall at the end; espeak-ng lets every question rise.
_OPEN_QUESTION = re.compile(
    r"((?:^|[.!?,;:]\s+)[\"'(]*(?:(?:and|but|so|or|then|well)\s+)?"
    r"(?:who|whom|whose|what|when|where|why|which|how)\b[^.!?]*)\?",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\[\[([^\[\]]+)\]\]['’]?s(?!\w)")
_PHONEMES = re.compile(r"\[\[/([^/\]]+)/\]\]")


def mnemonics(ipa: str) -> str:
    """Return IPA as mnemonics; stress marks go before the vowel of their syllable.

    Raises:
        EngineError: a symbol is unknown; names it.
    """
    out, stress, at = [], "", 0
    while at < len(ipa):
        match = _SYMBOL.match(ipa, at)
        if not match:
            remedy = "Use the sounds of English, or a respelling such as \"lay tech\"."
            raise EngineError(f"{ipa[at]!r} in /{ipa}/ is not a sound that espeak's English has", remedy, "lexicon")
        symbol, at = match[0], match.end()
        if symbol in ("ˈ", "'", "ˌ"):
            stress = MNEMONICS[symbol]
        elif _VOWEL.match(symbol):
            out.append(stress + MNEMONICS[symbol])
            stress = ""
        else:
            out.append(MNEMONICS[symbol])
    return "".join(out)


def prepared(text: str, language: str) -> str:
    """Return a text as espeak-ng wants it: IPA as mnemonics, spelled letters as phonemes, questions that fall.

    The blank-separated tokens stay the same in number and order.
    """
    text = _PHONEMES.sub(lambda m: f"[[{mnemonics(m[1])}]]", text)
    if language.startswith("en"):
        text = _OPEN_QUESTION.sub(r"\1.", _SPELLED.sub(_letters, text))
    return _SUFFIX.sub(lambda m: f"[[{m[1]}{_plural(m[1])}]]", text)


def _plural(phones: str) -> str:
    """Return the sound of an English plural or possessive after some phones."""
    if phones.endswith(("s", "z", "S", "Z")):
        return "Iz"
    return "s" if phones.endswith(("p", "t", "k", "f", "T")) else "z"


def _letters(match: re.Match[str]) -> str:
    """Stress the last of several letters as English does: an F-B-I agent."""
    letters = match[0].split()
    marks = [","] * (len(letters) - 1) + ["'"]
    return " ".join(f"[[{_stressed(LETTERS[c], mark)}]]" for c, mark in zip(letters, marks, strict=True))


def _stressed(phones: str, mark: str) -> str:
    vowel = re.search(r"[aeiEIAOoUuV]", phones)
    at = vowel.start() if vowel else 0
    return phones[:at] + mark + phones[at:]
