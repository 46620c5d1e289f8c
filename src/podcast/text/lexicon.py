"""The author's own pronunciations: a word and how to say it.

A value is a respelling ("lay tech"), IPA between slashes ("/ˈleɪtɛk/"), or phoneme mnemonics of espeak-ng in
double brackets ("[[l'eItEk]]"). The last two reach the engine as `[[/ˈleɪtɛk/]]` and `[[l'eItEk]]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from podcast.errors import ConfigError

_IPA = re.compile(r"/([^/]+)/")
_MNEMONICS = re.compile(r"\[\[([^\[\]]+)\]\]")


def check_lexicon(lexicon: Mapping[str, str], where: str = "lexicon") -> None:
    """Raise `ConfigError` for an empty word or a pronunciation with an open slash or bracket."""
    for word, said in lexicon.items():
        if not word.strip() or not said.strip():
            raise ConfigError(f"{word!r}: {said!r} names nothing", 'Write word: "how to say it".', where)
        if _IPA.fullmatch(said.strip()) or _MNEMONICS.fullmatch(said.strip()):
            continue
        if said.strip().startswith(("/", "[[")) or said.strip().endswith(("/", "]]")):
            remedy = 'IPA stands between two slashes, "/ˈleɪtɛk/"; mnemonics in double brackets, "[[l\'eItEk]]".'
            raise ConfigError(f"the pronunciation {said!r} of {word!r} is not closed", remedy, where)


def spoken_form(said: str) -> str:
    """Return a lexicon's value as the engine gets it."""
    said = said.strip()
    if ipa := _IPA.fullmatch(said):
        return " ".join(f"[[/{part}/]]" for part in ipa[1].split())
    if mnemonics := _MNEMONICS.fullmatch(said):
        return " ".join(f"[[{part}]]" for part in mnemonics[1].split())
    return said.replace("[", "").replace("]", "")


def occurrences(text: str, lexicon: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, spoken form) where the lexicon's words stand in `text`, the longest word first.

    A word in lower case also stands for its capitalised forms; any other is meant exactly as it is written.
    """
    for word in sorted(lexicon, key=lambda w: (-len(w), w)):
        flags = re.IGNORECASE if word.islower() else 0
        pattern = r"\s+".join(re.escape(part) for part in word.split())
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, flags):
            if match.end() > match.start():
                yield match.start(), match.end(), spoken_form(lexicon[word])
