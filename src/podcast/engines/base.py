"""What an engine is: one small Protocol per kind.

An engine turns one item into files in a directory that it is given and reports what it made. It reads
neither the configuration nor the cache: its options reach it as a mapping that it checks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from podcast.episode import Phone, Word


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself."""

    name: str
    version: str
    licence: str  # SPDX, of its code and data together; told in the report
    devices: tuple[str, ...] = ("cpu",)
    languages: tuple[str, ...] = ()  # BCP 47; empty: any
    timings: bool = False  # gives exact word and phone times
    ipa: bool = False  # understands phonemes in the text: [[/IPA/]]
    note: str = ""
    outside: bool = False  # works in another process, or in the cloud: it is called from threads


@dataclass(frozen=True)
class Speech:
    """What a speech engine made: mono audio at its own rate, and times in samples of that rate."""

    audio: Path  # mono wav
    rate: int  # Hz
    words: tuple[Word, ...] = ()  # empty: the engine has no timings, they are found by alignment
    phones: tuple[Phone, ...] = ()


class SpeechEngine(Protocol):
    """A voice."""

    info: EngineInfo

    def identity(self) -> str:
        """Return what the engine's output depends on besides its options: version, data, weights."""
        ...

    def voices(self, language: str) -> tuple[str, ...]:
        """Return the names of the voices it recommends for a language, the best first."""
        ...

    def about(self, voice: str) -> str:
        """Return a few words about a voice."""
        ...

    def gender(self, voice: str) -> Literal["female", "male", ""]:
        """Return what a listener takes a voice for, "" where the engine cannot tell."""
        ...

    def synthesize(self, text: str, voice: str, language: str, options: Mapping[str, Any], into: Path) -> Speech:
        """Speak `text` (words, punctuation) into a wav file in the directory `into`."""
        ...


@dataclass(frozen=True)
class Music:
    """What a music engine made: stereo 48 kHz wav pieces.

    `pieces` are played in order; from `loop_from` on those before the tail may repeat for as long as is needed
    (never, if `loop_from` is their number). The next piece begins `overlap` samples before the end of the one
    before: with the joint "add" both sound in full (a piece ends with what rings on), with "fade" they are
    cross-faded. `tail` is the piece that ends the music; it begins on a multiple of `bar` samples.
    """

    pieces: tuple[Path, ...]
    lengths: tuple[int, ...]  # samples
    loop_from: int = 0
    overlap: int = 0
    tail: int | None = None
    joint: Literal["add", "fade"] = "fade"
    bar: int = 0  # samples; 0: the tail may begin anywhere


class MusicEngine(Protocol):
    """A composer."""

    info: EngineInfo

    def identity(self) -> str:
        """Return what the engine's output depends on besides its options."""
        ...

    def generate(self, description: str, seconds: float, seed: int, options: Mapping[str, Any], into: Path) -> Music:
        """Write music that fits `description` and can last `seconds` into the directory `into`."""
        ...


class AvatarEngine(Protocol):
    """A renderer: a picture and a voice become a video of somebody who speaks."""

    info: EngineInfo

    def identity(self) -> str:
        """Return what the engine's output depends on besides its options: pins, weights, precision."""
        ...

    def animate(
        self, picture: Path, sound: Path, frames: int, rate: Fraction, seed: int, options: Mapping[str, Any],
        into: Path, progress: Callable[[float], None],
    ) -> Path:
        """Render exactly `frames` frames at `rate` into the directory `into` and return the video, without sound.

        `sound` is mono, 16 kHz and as long as the video. The video begins and ends in the picture's own pose.
        `progress` is told how much is done, 0 … 1.
        """
        ...


class Enhancer(Protocol):
    """Something that makes the faces of a clip better."""

    info: EngineInfo

    def identity(self) -> str:
        """Return what the result depends on besides the clip: pins, weights, options."""
        ...

    def enhance(self, video: Path, into: Path) -> Path:
        """Write the clip with better faces into the directory `into`: as many frames, at the same rate."""
        ...

    def enhance_picture(self, rgb: np.ndarray, landmarks: np.ndarray, into: Path) -> np.ndarray:
        """Return a picture with a better face, uint8 (h, w, 3); the directory `into` is for files in between.

        `landmarks` are the face mesh, (478, 2 or 3), pixels of the picture.
        """
        ...
