"""The nouns of an episode: frozen, without I/O.

Audio time is an integer sample index at `SAMPLE_RATE`; video time is an integer frame index at
a `Fraction` rate. `samples_at` and `frames_for` are the only places where one becomes the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Literal

SAMPLE_RATE = 48_000  # Hz, of every sound inside the product; what YouTube, Spotify and Apple ask for


def samples_at(frame: int, rate: Fraction) -> int:
    """Return the sample index at which a frame (at `rate` frames per second) begins."""
    return ceil(frame * SAMPLE_RATE / rate)


def frames_for(samples: int, rate: Fraction) -> int:
    """Return the least number of frames that last at least `samples`."""
    return ceil(samples * rate / SAMPLE_RATE)


def seconds(samples: int) -> float:
    """Return a number of samples as seconds."""
    return samples / SAMPLE_RATE


def samples(secs: float) -> int:
    """Return seconds as the nearest number of samples."""
    return round(secs * SAMPLE_RATE)


# ---------------------------------------------------------------- what the author wrote

UNNAMED = "Host"  # the name of a script's only speaker where it gives none


@dataclass(frozen=True)
class Speaker:
    """Somebody who speaks. `None` leaves the choice to the configuration and the engines."""

    id: str  # the label in the script, normalised: upper case, single blanks
    name: str  # shown on screen
    voice: str | None = None  # the name of a voice, or a sample's path for an engine that clones
    avatar: str | None = None  # a host's name, or a picture's path
    language: str | None = None  # BCP 47
    delivery: str = ""  # "(professional, clear tone)": told to engines that understand it


@dataclass(frozen=True)
class Turn:
    """A paragraph (or the part of one before an explicit pause) of one speaker."""

    speaker: str  # Speaker.id
    text: str  # the author's words, inline markup removed
    line: int  # 1-based, in the script's file
    pause_after: float | None = None  # seconds the author asked for; None: the usual pause


@dataclass(frozen=True)
class Chapter:
    """A heading in the script; it begins before turn number `before`."""

    title: str
    before: int
    line: int


@dataclass(frozen=True)
class MusicCue:
    """What should play from turn number `before` on, until the next cue."""

    before: int
    line: int
    description: str = ""  # the author's words: mood, instruments, tempo
    file: Path | None = None  # the author's own audio
    stop: bool = False  # fade out, then no music
    gain_db: float | None = None  # relative to the configured level of the bed
    fade_in: float | None = None  # seconds
    fade_out: float | None = None  # seconds
    solo: float | None = None  # seconds at full level before the narration goes on


@dataclass(frozen=True)
class ImageCue:
    """A picture over the background from turn number `before` on; `file=None` takes it away."""

    before: int
    line: int
    file: Path | None


@dataclass(frozen=True)
class Unspoken:
    """A piece of the script that nobody says, and why."""

    line: int
    text: str
    reason: str  # "stage direction", "header", "production notes", "music cue", ...


@dataclass(frozen=True)
class Script:
    """A script as it was understood."""

    path: Path
    title: str
    turns: tuple[Turn, ...]
    speakers: tuple[Speaker, ...]  # in the order of their first words
    chapters: tuple[Chapter, ...] = ()
    music: tuple[MusicCue, ...] = ()
    images: tuple[ImageCue, ...] = ()
    unspoken: tuple[Unspoken, ...] = ()
    description: str = ""
    author: str = ""
    language: str = "en"  # BCP 47
    settings: tuple[tuple[str, str], ...] = ()  # dotted config keys from the front matter

    def speaker(self, id: str) -> Speaker:
        """Return the speaker of that id."""
        return next(s for s in self.speakers if s.id == id)


# ---------------------------------------------------------------- what is heard


@dataclass(frozen=True)
class Word:
    """A word as the author wrote it; `start` and `end` are samples from the utterance's start."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Phone:
    """A speech sound: `symbol` is IPA with stress marks, "" for a pause within the utterance.

    `start` and `end` are samples from the utterance's start. A stop begins at its closure.
    """

    symbol: str
    start: int
    end: int


@dataclass(frozen=True)
class Utterance:
    """One sentence as it is spoken: the unit of synthesis, caching and rendering."""

    speaker: str  # Speaker.id
    text: str  # the author's text
    line: int
    audio: Path  # mono 48 kHz wav, already levelled
    length: int  # samples of speech in `audio`
    words: tuple[Word, ...]
    phones: tuple[Phone, ...]
    digest: str  # content address of audio and timings


SlotKind = Literal["title", "chapter", "speech", "outro", "clip"]


@dataclass(frozen=True)
class Slot:
    """A whole number of frames of the episode: one utterance and the pause after it, or a card."""

    kind: SlotKind
    start: int  # frame
    frames: int
    turn: int  # index into Script.turns: of the words, or of those that follow a card
    utterance: Utterance | None = None
    lead: int = 0  # samples of silence before the utterance
    text: str = ""  # of a card
    video: Path | None = None  # of an intro or outro clip, instead of everything else
    video_digest: str = ""


@dataclass(frozen=True)
class Narration:
    """Everything that is said, and when: the master clock."""

    slots: tuple[Slot, ...]
    rate: Fraction  # frames per second

    @property
    def frames(self) -> int:
        """The length of the episode in frames."""
        return self.slots[-1].start + self.slots[-1].frames if self.slots else 0

    @property
    def length(self) -> int:
        """The length of the episode in samples."""
        return samples_at(self.frames, self.rate)

    def speech_start(self, slot: Slot) -> int:
        """Return the sample at which the slot's utterance begins in the episode."""
        return samples_at(slot.start, self.rate) + slot.lead

    def speech(self) -> tuple[tuple[int, int], ...]:
        """Return (start, end) in samples of every utterance, in order."""
        starts = ((self.speech_start(s), s.utterance) for s in self.slots if s.utterance)
        return tuple((a, a + u.length) for a, u in starts)


@dataclass(frozen=True)
class MusicSpan:
    """A stretch of music on the episode's clock, in samples.

    The pieces of `audio` (stereo 48 kHz wav) follow each other; from `loop_from` on those before the tail
    repeat until `end`. The next piece begins `overlap` samples before the end of the one before: with the
    joint "add" both sound in full (a piece ends with what rings on), with "fade" they are cross-faded.
    """

    start: int
    end: int
    audio: tuple[Path, ...]
    lengths: tuple[int, ...]  # samples of each piece
    digest: str
    loop_from: int = 0
    overlap: int = 0
    tail: int | None = None  # index of the piece that ends the span (an outro), if any
    joint: Literal["add", "fade"] = "fade"
    bar: int = 0  # samples from the span's start between the places where the tail may begin; 0: anywhere
    fade_in: int = 0
    fade_out: int = 0
    gain_db: float = 0.0
    label: str = ""


@dataclass(frozen=True)
class MusicBed:
    """All the music of an episode, in order; neighbouring spans may overlap (a cross-fade)."""

    spans: tuple[MusicSpan, ...] = ()


@dataclass(frozen=True)
class Mix:
    """The mastered sound of the episode."""

    audio: Path  # stereo 48 kHz, exactly the episode's length
    length: int  # samples
    loudness: float  # LUFS, integrated, measured after AAC
    true_peak: float  # dBTP, measured after AAC
    digest: str
    aac: Path  # the same as AAC in an mp4 without edit list, packets from time 0: to be copied packet by packet


# ---------------------------------------------------------------- what is seen


@dataclass(frozen=True)
class Presenter:
    """Who is seen for a speaker."""

    speaker: str  # Speaker.id
    name: str  # shown on screen
    figure: Path  # a host's folder, the face map of a portrait, or the resting video of a rendered presenter
    digest: str  # of the figure's content and of how it is shown
    background: Literal["replace", "keep", "blur"] = "replace"  # of a portrait
    framing: Literal["head", "bust", "full"] = "bust"  # of a portrait

    @property
    def is_portrait(self) -> bool:
        """Whether this is a picture that talks, and not a drawn host."""
        return self.figure.suffix == ".npz"


@dataclass(frozen=True)
class AvatarClip:
    """The picture of one presenter during one slot; sound is never taken from it.

    Without `video` the presenter is a puppet: it moves by `style` and is drawn when the shot is composited. With it
    the presenter was rendered; the video lasts as long as the slot, or is one that begins and ends at rest and is
    repeated (`resting`).
    """

    presenter: Presenter
    digest: str  # content address of the motion
    style: tuple[tuple[str, float], ...] = ()  # options of the puppet's motion
    template: Path | None = None  # motion of a real person that it follows
    video: Path | None = None  # frames that a renderer made
    resting: bool = False  # the video is the presenter's resting one, of any length


@dataclass(frozen=True)
class Look:
    """What all shots of an episode share. Files are given with their digests, which are what counts."""

    width: int
    height: int
    rate: Fraction
    background: str  # a studio's name, or a picture's path
    background_digest: str
    accent: str  # "#rrggbb"
    layout: str = "auto"
    captions: bool = True  # burned in
    font: Path | None = None
    font_digest: str = ""
    watermark: Path | None = None
    watermark_digest: str = ""
    watermark_position: str = "top-right"
    watermark_opacity: float = 0.8
    cover: Path | None = None
    cover_digest: str = ""
    visualizer: tuple[tuple[str, str | float], ...] = ()  # empty: none
    title: str = ""  # of the episode
    byline: str = ""  # show and author
    language: str = "en"
    disclosure: str = ""  # shown in every frame


@dataclass(frozen=True)
class Shot:
    """One slot as it is seen: its content and its boundary conditions, never its absolute time."""

    slot: Slot
    clips: tuple[AvatarClip, ...]  # everybody on the stage, in their places
    speaking: int | None  # index into clips
    spoke_before: int | None  # index into clips, of the shot before: the emphasis moves from there
    image: Path | None = None
    image_digest: str = ""
    name: str = ""  # shown in a lower third
    chapter: str = ""  # shown in the chip
    digest: str = ""


@dataclass(frozen=True)
class Timeline:
    """All shots in order, and what they share."""

    shots: tuple[Shot, ...]
    look: Look
    narration: Narration


@dataclass(frozen=True)
class Episode:
    """A finished episode: what was made and where it is."""

    name: str
    title: str
    folder: Path
    video: Path | None
    audio: Path | None
    seconds: float
    frames: int
    loudness: float  # LUFS
    true_peak: float  # dBTP
    files: tuple[Path, ...]  # everything in the folder that this run wrote
