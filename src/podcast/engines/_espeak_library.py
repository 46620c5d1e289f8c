"""espeak-ng's C library through ctypes: text in, samples and timed events out.

The library keeps history in its globals (the phase of the voice's flutter), so the same text gives the same
bytes only from a freshly loaded image. An image is loaded per call and unloaded after it; where the system
does not unload it, the next call loads a copy of the file instead, which is a new image by definition.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from podcast.errors import EngineError

SEED = 1  # of the library's noise
BUFFER_MS = 1000  # the callback's block; output depends on it, so it never changes
LONGEST_DATA_PATH = 140  # characters; the library's buffer holds 160 with the names it appends
SLOWEST, FASTEST = 80, 440  # words per minute; from 450 on the event times are wrong

# speak_lib.h
_END_OF_EVENTS, _WORD, _END_OF_CLAUSE, _PHONEME = 0, 1, 5, 7
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _DO_NOT_EXIT = 0x0001, 0x8000
_UTF8, _PHONEMES_IN_BRACKETS, _END_PAUSE = 0x0001, 0x0100, 0x1000
_MNEMONICS, _IPA = 0, 1
_OTHER_NAMES = {";": "j", "@-": "ə", "-": "ə", "j-": "j"}  # phones that the library has no IPA for


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Prosody:
    """How a text is spoken, in the library's own units."""

    wpm: int = 165
    pitch: int = 50  # 0-99
    pitch_range: int = 50  # 0-99
    word_gap: int = 0  # 10 ms


@dataclass(frozen=True)
class RawPhone:
    """A phone, "" for a pause; `start` and `end` in samples, `position` is the character of its word."""

    symbol: str
    start: int
    end: int
    position: int


@dataclass(frozen=True)
class RawSpeech:
    """What the library made: int16 mono at `rate` Hz, and its phones in order."""

    samples: np.ndarray
    rate: int
    phones: tuple[RawPhone, ...]


@cache
def version() -> str:
    """Return the library's version, such as "1.52.0"."""
    with _image() as library:
        library.espeak_Info.restype = ctypes.c_char_p
        return str(library.espeak_Info(None).decode().split()[0])


@cache
def data_folder() -> Path:
    """Return the folder of voices and dictionaries under a name that is short enough for the library."""
    data = Path(espeakng_loader.get_data_path())
    if len(str(data)) <= LONGEST_DATA_PATH:
        return data
    link = Path(_private_folder()) / "data"
    try:
        link.symlink_to(data, target_is_directory=True)
    except OSError:  # Windows without the right to link
        shutil.copytree(data, link)
    return link


def speak(text: str, voice: Path, prosody: Prosody) -> RawSpeech:
    """Speak `text` with the voice in a voice file; mnemonics in [[double brackets]] are phonemes.

    Equal arguments give equal bytes. One call at a time per process. Raises `EngineError`.
    """
    raw = text.replace("\0", " ").encode() + b"\0"
    with _image() as library:
        recorder = _Recorder(library)
        _choose(library, voice)
        _set(library, prosody)
        samples, events = recorder.record(raw, _MNEMONICS)
        _, named = recorder.record(raw, _IPA)  # in IPA mode a pause cannot be told from a silent symbol
        library.espeak_Terminate()  # or the voices' data would stay in memory, a megabyte per text
    return RawSpeech(samples, recorder.rate, tuple(_phones(events, named, len(samples))))


# ---------------------------------------------------------------- images


_lock = threading.Lock()  # the library's globals serve one caller at a time


@contextmanager
def _image() -> Iterator[ctypes.CDLL]:
    path = espeakng_loader.get_library_path()
    with _lock:
        copy = _copy_of(path) if _is_loaded(path) else None
        library = ctypes.CDLL(copy or path)
        try:
            yield library
        finally:
            _unload(library)
            if copy:
                with suppress(OSError):  # Windows keeps a file that is still in use; it goes when the process ends
                    Path(copy).unlink()


def _is_loaded(path: str) -> bool:
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetModuleHandleW.restype = ctypes.c_void_p
        return bool(kernel.GetModuleHandleW(ctypes.c_wchar_p(path)))
    try:
        probe = ctypes.CDLL(path, mode=os.RTLD_NOW | getattr(os, "RTLD_NOLOAD", 0x4))
    except OSError:
        return False
    _unload(probe)  # the probe itself counts as a user
    return True


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        free = ctypes.WinDLL("kernel32").FreeLibrary
        free.argtypes = [ctypes.c_void_p]
        free(library._handle)
    else:
        import _ctypes

        _ctypes.dlclose(library._handle)


def _copy_of(path: str) -> str:
    handle, name = tempfile.mkstemp(suffix=Path(path).suffix, dir=_private_folder())
    os.close(handle)
    shutil.copyfile(path, name)
    return name


@cache
def _private_folder() -> str:
    folder = tempfile.mkdtemp(prefix="espeak-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


# ---------------------------------------------------------------- a recording


class _Recorder:
    """Holds what the library hands to its callback."""

    def __init__(self, library: Any) -> None:
        self._library = library
        folder = os.fsencode(data_folder()) if sys.platform != "win32" else str(data_folder()).encode()
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        self.rate: int = library.espeak_Initialize(_SYNCHRONOUS, BUFFER_MS, folder, _PHONEME_EVENTS | _DO_NOT_EXIT)
        if self.rate <= 0:
            raise EngineError("espeak-ng cannot read its voices", "Install espeakng-loader again.", str(data_folder()))
        self._callback = _Callback(self._receive)  # referenced here, or it would be collected while in use
        library.espeak_SetSynthCallback(self._callback)
        self._blocks: list[np.ndarray] = []
        self._events: list[tuple[int, int, int, str]] = []
        self._failure: Exception | None = None

    def record(self, raw: bytes, names: int) -> tuple[np.ndarray, list[tuple[int, int, int, str]]]:
        """Speak; return samples and (type, character, sample, name) per event."""
        self._blocks, self._events, self._failure = [], [], None
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
        self._library.espeak_ng_SetPhonemeEvents(1, names)
        synth = self._library.espeak_Synth
        synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint]
        synth.argtypes += [ctypes.c_void_p, ctypes.c_void_p]
        flags = _UTF8 | _PHONEMES_IN_BRACKETS | _END_PAUSE
        status = synth(raw, len(raw), 0, 1, 0, flags, None, None)
        if self._failure:
            raise self._failure
        if status != 0:
            raise EngineError(f"espeak-ng could not speak this text (status {status})", "Report the sentence.")
        return (np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)), self._events

    def _receive(self, wav: Any, count: int, events: Any) -> int:
        try:
            if wav and count > 0:
                self._blocks.append(np.ctypeslib.as_array(wav, (count,)).copy())
            index = 0
            while events[index].type != _END_OF_EVENTS:
                event = events[index]
                self._events.append((event.type, event.text_position, event.sample, _symbol(event)))
                index += 1
        except Exception as failure:  # must not cross the C frame; raised again by record()
            self._failure = failure
            return 1
        return 0


def _symbol(event: Any) -> str:
    """Return a phoneme event's name: 8 bytes that may lack the final NUL and may cut a character."""
    if event.type != _PHONEME:
        return ""
    return ctypes.string_at(ctypes.addressof(event.id), 8).split(b"\0")[0].decode("utf-8", "ignore")


def _choose(library: Any, voice: Path) -> None:
    library.espeak_ng_SetVoiceByFile.argtypes = [ctypes.c_char_p]
    if library.espeak_ng_SetVoiceByFile(os.fsencode(voice)) != 0:
        raise EngineError("espeak-ng cannot load a voice", "Choose one that `podcast voices` lists.", str(voice))


def _set(library: Any, prosody: Prosody) -> None:
    wpm = min(max(prosody.wpm, SLOWEST), FASTEST)
    wanted = ((_RATE, wpm), (_PITCH, prosody.pitch), (_RANGE, prosody.pitch_range), (_WORD_GAP, prosody.word_gap))
    for parameter, value in (*wanted, (_VOLUME, 90)):
        library.espeak_SetParameter(parameter, int(value), 0)


def _phones(
    events: list[tuple[int, int, int, str]], named: list[tuple[int, int, int, str]], length: int
) -> Iterator[RawPhone]:
    """Join times and mnemonics of one recording with the IPA names of the other."""
    names = iter([name for kind, _, _, name in named if kind == _PHONEME])
    bounds = [event for event in events if event[0] in (_PHONEME, _END_OF_CLAUSE)]
    ends = [event[2] for event in bounds[1:]] + [length]
    for (kind, position, start, mnemonic), end in zip(bounds, ends, strict=True):
        if kind != _PHONEME:
            continue
        ipa = next(names, "")
        symbol = "" if mnemonic.startswith("_") else ipa or _OTHER_NAMES.get(mnemonic, mnemonic)
        if end > start or symbol:  # some phones are part of the vowel before and have no length of their own
            yield RawPhone(symbol, start, end, max(position - 1, 0))
