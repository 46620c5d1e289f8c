"""Figures in languages other than English: numbers through their own rules, a few signs, never a failure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from podcast.text.numerals import POINT, cardinal, digits, knows

PERCENT = {
    "de": "Prozent", "fr": "pour cent", "es": "por ciento", "it": "per cento", "pt": "por cento", "nl": "procent",
    "pl": "procent", "sv": "procent", "da": "procent", "no": "prosent", "fi": "prosenttia", "ru": "процентов",
    "cs": "procent", "tr": "yüzde", "ro": "la sută", "hu": "százalék", "ca": "per cent", "id": "persen",
}  # fmt: skip
CURRENCY = {
    "de": {"€": "Euro", "$": "Dollar", "£": "Pfund"}, "fr": {"€": "euros", "$": "dollars", "£": "livres"},
    "es": {"€": "euros", "$": "dólares", "£": "libras"}, "it": {"€": "euro", "$": "dollari", "£": "sterline"},
    "pt": {"€": "euros", "$": "dólares", "£": "libras"}, "nl": {"€": "euro", "$": "dollar", "£": "pond"},
}  # fmt: skip
AND = {
    "de": "und", "fr": "et", "es": "y", "it": "e", "pt": "e", "nl": "en", "pl": "i", "sv": "och", "da": "og",
    "no": "og", "fi": "ja", "ru": "и", "cs": "a", "tr": "ve", "ro": "și", "hu": "és", "ca": "i", "id": "dan",
}  # fmt: skip
UNITS = {
    "de": {"km": "Kilometer", "kg": "Kilogramm", "cm": "Zentimeter", "GB": "Gigabyte", "°C": "Grad"},
    "fr": {"km": "kilomètres", "kg": "kilogrammes", "cm": "centimètres", "GB": "gigaoctets", "°C": "degrés"},
    "es": {"km": "kilómetros", "kg": "kilogramos", "cm": "centímetros", "GB": "gigabytes", "°C": "grados"},
    "it": {"km": "chilometri", "kg": "chilogrammi", "cm": "centimetri", "GB": "gigabyte", "°C": "gradi"},
    "pt": {"km": "quilômetros", "kg": "quilogramas", "cm": "centímetros", "GB": "gigabytes", "°C": "graus"},
}
ABBREVIATIONS = {
    "de": {"z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt",
           "usw.": "und so weiter", "bzw.": "beziehungsweise", "Dr.": "Doktor", "Nr.": "Nummer", "ca.": "circa"},
    "fr": {"M.": "Monsieur", "Mme": "Madame", "etc.": "et cetera", "p. ex.": "par exemple", "n°": "numéro"},
    "es": {"Sr.": "señor", "Sra.": "señora", "Dr.": "doctor", "etc.": "etcétera", "p. ej.": "por ejemplo"},
    "it": {"Sig.": "signor", "Dott.": "dottor", "ecc.": "eccetera", "es.": "esempio"},
    "pt": {"Sr.": "senhor", "Sra.": "senhora", "Dr.": "doutor", "etc.": "et cetera"},
}  # fmt: skip

_FIGURES = r"\d{1,3}(?:[.\u00a0\u202f]\d{3})+(?:,\d+)?|\d+(?:[.,]\d+)?"

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]


@cache
def rules(language: str) -> tuple[Rule, ...]:
    """Return the rules of a language, such as "de"; what is not known is left to the voice."""
    money, units = CURRENCY.get(language, {}), UNITS.get(language, {})
    short = ABBREVIATIONS.get(language, {})

    def amount(match: re.Match[str]) -> str | None:
        said = _number(match["n"], language)
        sign = match["sign"]
        name = PERCENT.get(language) if sign == "%" else money.get(sign) or units.get(sign)
        return f"{said} {name}" if said and name else None

    signs = "|".join(re.escape(s) for s in sorted(("%", *money, *units), key=len, reverse=True))
    found: list[Rule] = [(re.compile(rf"(?<![\w.,])(?P<n>{_FIGURES})\s?(?P<sign>{signs})(?!\w)"), amount)]
    if money:
        before = "|".join(re.escape(s) for s in money)
        found.append((re.compile(rf"(?P<sign>{before})\s?(?P<n>{_FIGURES})(?!\w)"), amount))
    if short:
        pattern = "|".join(re.escape(s) for s in sorted(short, key=len, reverse=True))
        found.append((re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), lambda m: short[m[0]]))
    found.append((re.compile(rf"(?<![\w.,:/])(?:{_FIGURES})(?![\w:/]|[.,]\d)"), lambda m: _number(m[0], language)))
    if language in AND:
        found.append((re.compile(r"(?<=\s)&(?=\s)"), lambda m: AND[language]))
    return tuple(found)


def _number(written: str, language: str) -> str | None:
    """Return a number as words; None leaves it to the voice."""
    if not written.isascii() and not re.fullmatch(r"[\d.,\u00a0\u202f]+", written):
        return None
    if not knows(language):
        return None
    grouped = re.fullmatch(r"\d{1,3}(?:[.\u00a0\u202f]\d{3})+(?:,\d+)?", written)
    plain = re.sub(r"[.\u00a0\u202f]", "", written) if grouped else written
    whole, _, fraction = plain.replace(",", ".").partition(".")
    said = cardinal(int(whole), language) if len(whole) < 15 and not (whole[0] == "0" and len(whole) > 1) else None
    if said is None:
        return digits(whole, language)
    if not fraction:
        return said
    return f"{said} {POINT[language]} {digits(fraction, language)}" if language in POINT else None
