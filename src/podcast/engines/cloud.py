"""What voices in the cloud have in common: asking again, keys, prices, long texts, and compressed sound.

A service is one small module beside this one: it turns a piece of text into a request and the answer into sound.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import numpy as np

from podcast.audio import decode
from podcast.episode import samples
from podcast.errors import EngineError, MediaError

AGAIN = (408, 425, 429, 500, 502, 503, 504)  # HTTP states after which the same request may succeed
KEY_REFUSED = (401, 402, 403)
LARGEST = 64 << 20  # bytes of an answer; more is no speech
_SHOWN = 200  # characters of a service's own words that a message repeats

QUIET = 0.01  # of the peak: below is silence at the edges of a piece
KEPT = samples(0.06)  # of silence at each edge where two pieces meet: together the pause at a comma
FADE = samples(0.01)  # of each edge, so that nothing clicks


@dataclass(frozen=True)
class Patience:
    """How often a service is asked, and how long is waited."""

    tries: int = 5
    first: float = 1.0  # s before the second try; twice as long before each further one
    most: float = 60.0  # s before any try, whatever the service asks for
    timeout: float = 30.0  # s without a byte


@dataclass(frozen=True)
class Service:
    """A service that speaks."""

    name: str  # as the messages call it
    url: str
    key_variable: str = ""  # the environment variable that holds the key; "": it needs none
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Cost:
    """What speaking will cost, as far as it can be told before."""

    characters: int
    usd: float

    def __str__(self) -> str:
        price = f"about ${self.usd:.2f}" if self.usd else "free"
        return f"{self.characters:,} characters, {price}"


def cost(texts: Sequence[str], usd_per_million: float) -> Cost:
    """Return what it costs to speak these texts at a price for a million characters."""
    characters = sum(map(len, texts))
    return Cost(characters, characters * usd_per_million / 1e6)


def key(service: Service) -> str:
    """Return the key of a service.

    Raises:
        EngineError: its environment variable is not set.
    """
    value = os.environ.get(service.key_variable, "").strip()
    if not value:
        remedy = f"Set the environment variable {service.key_variable}."
        raise EngineError(f"{service.name} needs a key", remedy, "tts.engine")
    return value


# ---------------------------------------------------------------- asking


def ask(service: Service, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """Send a request (POST if it has a body) and return the answer; asks again where that may help.

    Waits longer after each try, or as long as the service asks for (Retry-After).

    Raises:
        EngineError: no network, the service refuses, or it fails as often as it was asked.
    """
    request = urllib.request.Request(service.url + path, data=body, headers=dict(headers))
    wait = service.patience.first
    for number in range(1, service.patience.tries + 1):
        last = number == service.patience.tries
        try:
            with urllib.request.urlopen(request, timeout=service.patience.timeout) as answer:
                return _whole(answer)
        except urllib.error.HTTPError as error:
            with error:
                if last or error.code not in AGAIN:
                    raise _refused(service, error) from error
                asked = _retry_after(error.headers.get("Retry-After", ""))
            time.sleep(min(service.patience.most, max(wait, asked)))
        except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and cut connections are among them
            if last or _hopeless(error, number):
                raise _unreachable(service, error) from error
            time.sleep(min(service.patience.most, wait))
        wait *= 2
    raise AssertionError("unreachable")


def _whole(answer: http.client.HTTPResponse) -> bytes:
    data = answer.read(LARGEST + 1)
    promised = answer.headers.get("Content-Length", "")
    if promised.isdigit() and len(data) < min(int(promised), LARGEST):  # a limited read() does not notice
        raise http.client.IncompleteRead(data, int(promised) - len(data))
    return data


def _retry_after(value: str) -> float:
    """Return the seconds that a service asks for: a number, or the moment to wait for."""
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(timezone.utc)).total_seconds())
    except (TypeError, ValueError):  # none, or nothing that HTTP knows
        return 0.0


def _hopeless(error: BaseException, tries: int) -> bool:
    """Tell whether asking again is of no use: the certificate is wrong, or there is no network twice."""
    reason = getattr(error, "reason", error)
    return isinstance(reason, ssl.SSLCertVerificationError) or (tries > 1 and isinstance(reason, socket.gaierror))


def _refused(service: Service, error: urllib.error.HTTPError) -> EngineError:
    said = re.sub(r"<[^>]*>|\s+", " ", error.read(1 << 16).decode("utf-8", "replace")).strip()[:_SHOWN]
    says = f" and says: {said}" if said else ""
    if error.code in KEY_REFUSED and service.key_variable:
        return EngineError(f"{service.name} refuses the key ({error.code}){says}",
                           f"Look at {service.key_variable}, and at the account's balance.", "tts.engine")  # fmt: skip
    if error.code == 429:
        return EngineError(f"{service.name} has had too many requests from here ({error.code}){says}",
                           "Wait an hour and run again: what is spoken already is kept. Or use another voice: "
                           "tts.engine: espeak.", "tts.engine")  # fmt: skip
    if error.code in AGAIN:
        return EngineError(f"{service.name} is in trouble itself ({error.code}){says}",
                           "Run again later: what is spoken already is kept.", "tts.engine")  # fmt: skip
    return EngineError(f"{service.name} refuses the request ({error.code}){says}",
                       "Another voice or language may work; tts.engine: espeak always does.", "tts.engine")  # fmt: skip


def _unreachable(service: Service, error: BaseException) -> EngineError:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return EngineError(f"{service.name} cannot be trusted: {reason}", "Look at this machine's clock, and at what "
                           "stands between it and the network (a proxy?).", "tts.engine")  # fmt: skip
    if isinstance(reason, socket.gaierror | ConnectionRefusedError) or "unreachable" in str(reason):
        return EngineError(f"{service.name} cannot be reached: {reason}",
                           "Look at the network, or use a voice of this machine: tts.engine: espeak.",
                           "tts.engine")  # fmt: skip
    return EngineError(f"the connection to {service.name} breaks off: {reason or type(error).__name__}",
                       "Run again: what is spoken already is kept.", "tts.engine")  # fmt: skip


# ---------------------------------------------------------------- text

_BREAKS = (r"(?<=[.!?…。！？])\s+", r"(?<=[,;:،、，；：)])\s+", r"\s+(?=[–—(])", r"\s+")  # the best first


def pieces(text: str, limit: int) -> list[str]:
    """Return a text in pieces of at most `limit` characters: cut after sentences, else clauses, else words."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return [text] if text else []
    for pattern in _BREAKS:
        places = [m for m in re.finditer(pattern, text) if m.start() <= limit]
        if places:
            middle = min(limit, len(text) // 2)  # two halves rather than a long piece and a word
            cut = places[-1] if len(text) > 2 * limit else min(places, key=lambda m: abs(m.start() - middle))
            return pieces(text[: cut.start()], limit) + pieces(text[cut.end() :], limit)
    return [text[i : i + limit] for i in range(0, len(text), limit)]


# ---------------------------------------------------------------- sound


def sound_of(data: bytes, service: Service) -> np.ndarray:
    """Return a sound file's content as mono float32 at 48 kHz.

    Raises:
        EngineError: it is no sound.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer"
        file.write_bytes(data)
        try:
            blocks = [block[:, 0] for block in decode(file, 1)]
        except MediaError as error:
            problem = f"{service.name} answered with {len(data)} bytes that are no sound"
            raise EngineError(problem, "Run again later, or use another voice.", "tts.engine") from error
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def joined(sounds: Sequence[np.ndarray]) -> np.ndarray:
    """Return pieces of speech (mono, 48 kHz) as one: where two meet there is a short pause, and no click."""
    heard = [sound for sound in sounds if np.abs(sound).max(initial=0.0) > 0]
    ends = range(len(heard))
    parts = [_edged(sound, inner_start=i > 0, inner_end=i < ends[-1]) for i, sound in enumerate(heard)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _edged(sound: np.ndarray, inner_start: bool, inner_end: bool) -> np.ndarray:
    """Give a piece exactly as much silence at its inner edges as it shall have there."""
    loud = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max())
    first, last = int(loud[0]), int(loud[-1]) + 1
    before = min(first, KEPT) if inner_start else first
    after = min(len(sound) - last, KEPT) if inner_end else len(sound) - last
    piece = sound[first - before : last + after].copy()
    ramp = np.linspace(0, 1, min(FADE, len(piece)), dtype=np.float32)
    if inner_start:
        piece[: len(ramp)] *= ramp
    if inner_end:
        piece[len(piece) - len(ramp) :] *= ramp[::-1]
    return np.pad(piece, (KEPT - before if inner_start else 0, KEPT - after if inner_end else 0))
