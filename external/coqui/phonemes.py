"""espeak-ng as Coqui's phonemizer, from the package that holds it: no program of the system is needed."""

from __future__ import annotations

import ctypes
import re
from functools import cache

import espeakng_loader
from TTS.tts.utils.text import phonemizers
from TTS.tts.utils.text.phonemizers.base import BasePhonemizer
from TTS.tts.utils.text.punctuation import Punctuation

_RETRIEVAL, _DO_NOT_EXIT = 1, 0x8000  # espeak-ng/speak_lib.h: AUDIO_OUTPUT_RETRIEVAL, espeakINITIALIZE_DONT_EXIT
_UTF8, _IPA = 1, 0x02  # espeakCHARS_UTF8; phonemes as IPA
_SWITCHES = re.compile(r"\([a-z]{2,3}(-[^)]*)?\)")  # "(en)": a word of another language begins
_NAMES = {"en": "en-us", "zh-cn": "cmn"}


@cache
def library() -> ctypes.CDLL:
    """Return the library, ready.

    Raises:
        RuntimeError: it does not find its data.
    """
    made = ctypes.CDLL(espeakng_loader.get_library_path())
    made.espeak_TextToPhonemes.restype = ctypes.c_char_p
    made.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    if made.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), _DO_NOT_EXIT) < 0:
        raise RuntimeError("espeak-ng does not find its data")
    return made


def ipa(text: str, language: str) -> str:
    """Return the sounds of a text, "" if the language is unknown."""
    espeak = library()
    if espeak.espeak_SetVoiceByName(_NAMES.get(language, language).encode()) != 0:
        return ""
    rest, clauses = ctypes.c_char_p(text.encode("utf-8")), []
    while rest.value:
        said = espeak.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA)
        clauses.append(_SWITCHES.sub("", (said or b"").decode("utf-8")).strip())
    return " ".join(clauses)


class Espeak(BasePhonemizer):
    """What Coqui asks of a phonemizer."""

    def __init__(self, language: str, punctuations: str = Punctuation.default_puncs(), **more: bool) -> None:
        super().__init__(language, punctuations=punctuations, keep_puncs=more.get("keep_puncs", True))

    @staticmethod
    def name() -> str:
        """Return the name that configurations use."""
        return "espeak"

    def _init_language(self, language: str) -> str:
        if library().espeak_SetVoiceByName(_NAMES.get(language, language).encode()) != 0:
            raise RuntimeError(f"espeak-ng does not speak {language!r}")
        return language

    def _phonemize(self, text: str, separator: str = "") -> str:
        return ipa(text, self._language)

    @staticmethod
    def supported_languages() -> dict[str, str]:
        """Return nothing: each language is tried when it is asked for."""
        return {}

    @classmethod
    def is_available(cls) -> bool:
        """Return True: it is in a package."""
        return True

    def version(self) -> str:
        """Return the version of the package's library."""
        return "1.52"


class _Everything(dict):
    """Default phonemizers: espeak-ng for every language that has no other."""

    def __contains__(self, language: object) -> bool:
        return True

    def __missing__(self, language: str) -> str:
        return Espeak.name()


def install() -> None:
    """Make it the phonemizer of all models that want espeak, or do not say."""
    phonemizers._register_phonemizers()
    phonemizers.PHONEMIZERS[Espeak.name()] = Espeak
    phonemizers.DEF_LANG_TO_PHONEMIZER = _Everything(phonemizers.DEF_LANG_TO_PHONEMIZER)
