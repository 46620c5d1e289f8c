"""Google Translate's voice, as its own page asks for it: free, needs the network, and the text leaves this machine."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from podcast.audio import write_wav
from podcast.engines import cloud
from podcast.engines.base import EngineInfo, Speech
from podcast.episode import SAMPLE_RATE
from podcast.errors import EngineError

SERVER = "PODCAST_GTTS_URL"
LIMIT = 100  # characters of a request; of longer texts only the beginning is spoken
_PATH = "/_/TranslateWebserverUi/data/batchexecute"
_CALL = "jQ1olc"  # the page's name for "speak"
_VERSION = 1  # raised whenever the same text would sound otherwise than before

# voice: (top level domain that speaks so, language, who)
_ACCENTS: dict[str, tuple[str, str, str]] = {
    "us": ("us", "en", "American"), "uk": ("co.uk", "en", "British"), "au": ("com.au", "en", "Australian"),
    "in": ("co.in", "en", "Indian"), "ca": ("ca", "en", "Canadian"), "ie": ("ie", "en", "Irish"),
    "za": ("co.za", "en", "South African"), "br": ("com.br", "pt", "Brazilian"), "pt": ("pt", "pt", "Portuguese"),
    "mx": ("com.mx", "es", "Mexican"), "es": ("es", "es", "Spanish"), "fr": ("fr", "fr", "French"),
    "qc": ("ca", "fr", "Canadian"),
}  # fmt: skip
STANDARD = "standard"
_DOMAIN = "com"
LANGUAGES = tuple(
    "af am ar bg bn bs ca cs cy da de el en es et eu fi fr gl gu ha hi hr hu id is it iw ja jw km kn ko la lt lv ml mr "
    "ms my ne nl no pa pl pt ro ru si sk sq sr su sv sw ta te th tl tr uk ur vi yue zh-CN zh-TW".split()
)
_OTHERWISE = {"he": "iw", "jv": "jw", "fil": "tl", "nb": "no", "zh": "zh-CN", "zh-hk": "yue", "zh-hant": "zh-TW"}
_ACCENT_OF = {"en-gb": "uk", "en-au": "au", "en-in": "in", "en-ca": "ca", "en-ie": "ie", "en-za": "za", "pt-pt": "pt",
              "es-es": "es", "fr-ca": "qc"}  # fmt: skip


_NOTE = "in the cloud: the text is sent to Google Translate; a limited number of requests is free"
_INFO = EngineInfo("gtts", str(_VERSION), "Google's terms of service", (), LANGUAGES, note=_NOTE, outside=True)


@dataclass(eq=False)
class GoogleTranslate:
    """Google Translate's voice as a `SpeechEngine`. `url` stands for all its domains (a test's server, a proxy)."""

    url: str = ""
    patience: cloud.Patience = field(default_factory=cloud.Patience)
    info: EngineInfo = field(default=_INFO, init=False)

    def identity(self) -> str:
        """Return the version of our way of asking; what the service makes of it may change any day."""
        return f"Google Translate, asked in way {_VERSION}"

    def voices(self, language: str) -> tuple[str, ...]:
        """Return the accents of a language, the one that fits it best first; none for a language it cannot speak."""
        code = google_language(language)
        if not code:
            return ()
        best = _ACCENT_OF.get(language.lower())
        accents = [name for name, (_, spoken, _) in _ACCENTS.items() if spoken == code]
        return tuple(sorted(accents, key=lambda name: name != best)) or (STANDARD,)

    def about(self, voice: str) -> str:
        """Return a few words about a voice."""
        return f"{_ACCENTS[voice][2]} woman" if voice in _ACCENTS else "woman"

    def gender(self, voice: str) -> Literal["female", "male", ""]:
        """Return "female": all its voices are."""
        return "female"

    def cost(self, texts: Sequence[str]) -> cloud.Cost:
        """Return what it costs to speak these texts: nothing."""
        return cloud.cost(texts, 0.0)

    def synthesize(self, text: str, voice: str, language: str, options: Mapping[str, Any], into: Path) -> Speech:
        """Speak `text` into `speech.wav` (48 kHz); words get their times by alignment.

        Raises:
            EngineError: an unknown voice, language or option, no network, or the service refuses.
        """
        slow = _checked(options)
        code = google_language(language)
        if not code or (voice != STANDARD and voice not in _ACCENTS):
            raise EngineError(f"gtts has no voice {voice!r} for the language {language!r}",
                              f"There are: {', '.join(self.voices(language)) or 'none'}.", "tts.engine")  # fmt: skip
        domain = _ACCENTS[voice][0] if voice in _ACCENTS else _DOMAIN
        service = cloud.Service("Google Translate", self.url or f"https://translate.google.{domain}", "", self.patience)
        sounds = [cloud.sound_of(_spoken(service, piece, code, slow), service) for piece in cloud.pieces(text, LIMIT)]
        write_wav(into / "speech.wav", cloud.joined(sounds), SAMPLE_RATE)
        return Speech(into / "speech.wav", SAMPLE_RATE)


def engine() -> GoogleTranslate:
    """Return the engine; PODCAST_GTTS_URL names another server that answers as the service does."""
    return GoogleTranslate(os.environ.get(SERVER, "").rstrip("/"))


def google_language(language: str) -> str:
    """Return Google's code of a language, "" if it does not speak it."""
    tag = language.lower().replace("_", "-")
    base = tag.split("-")[0]
    known = {code.lower(): code for code in LANGUAGES}
    tried = (_OTHERWISE.get(tag, tag), _OTHERWISE.get(base, base))
    return next((known[t.lower()] for t in tried if t.lower() in known), "")


def _checked(options: Mapping[str, Any]) -> bool:
    if unknown := set(options) - {"slow"}:
        raise EngineError(f"gtts has no option {min(unknown)!r}", "It has: slow.", f"tts.gtts.{min(unknown)}")
    slow = options.get("slow", False)
    if not isinstance(slow, bool):
        raise EngineError(f"{slow!r} is neither true nor false", "", "tts.gtts.slow")
    return slow


def _spoken(service: cloud.Service, text: str, language: str, slow: bool) -> bytes:
    """Return a text as mp3."""
    said = json.dumps([text, language, slow or None, "null"], separators=(",", ":"), ensure_ascii=False)
    call = json.dumps([[[_CALL, said, None, "generic"]]], separators=(",", ":"), ensure_ascii=False)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded;charset=utf-8",
        "Referer": "https://translate.google.com/",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    }
    answer = cloud.ask(service, _PATH, f"f.req={quote(call)}&".encode(), headers)
    sound = _sound_in(answer.decode("utf-8", "replace"))
    if not sound:
        raise EngineError(f"{service.name} did not speak {text[:40]!r}",
                          "It may not know the language, or its page has changed: use another engine.",
                          "tts.engine")  # fmt: skip
    return sound


def _sound_in(answer: str) -> bytes:
    """Return the sound in an answer of the page: lines of JSON, one of which holds our call and its base64 result."""
    for line in answer.splitlines():
        if _CALL not in line:
            continue
        try:
            rows = json.loads(line)
            found = next(row[2] for row in rows if row[:2] == ["wrb.fr", _CALL])
            return base64.b64decode(json.loads(found)[0])
        except (ValueError, TypeError, KeyError, IndexError, StopIteration, binascii.Error):
            continue  # an answer of another kind
    return b""
