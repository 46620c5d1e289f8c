"""The written music: notes, percussion strokes and sections, in beats."""

from __future__ import annotations

from dataclasses import dataclass

from podcast.engines.composer.cue import Settings
from podcast.engines.composer.harmony import Event
from podcast.episode import SAMPLE_RATE


@dataclass(frozen=True)
class Note:
    """A note of a pitched part."""

    role: str  # pad, keys, arp, bass or motif
    start: float  # beats from the section's start
    beats: float
    pitch: int  # MIDI
    velocity: float  # 0..1
    late: float = 0.0  # seconds by which the player is late (below zero: early)
    pan: float = 0.0  # -1 left … 1 right


@dataclass(frozen=True)
class Stroke:
    """A stroke of percussion."""

    drum: str
    start: float  # beats
    velocity: float
    late: float = 0.0
    variant: int = 0


@dataclass(frozen=True)
class Section:
    """A part of the form."""

    name: str
    bars: int
    events: tuple[Event, ...]
    notes: tuple[Note, ...]
    strokes: tuple[Stroke, ...]
    trim: float = 0.0  # dB against the piece's level
    ring: float = 0.0  # seconds for which a last section rings out; 0: it rings into the next


@dataclass(frozen=True)
class Composition:
    """A piece: sections in order, of which those from `loop_from` to before the tail may repeat."""

    settings: Settings
    sections: tuple[Section, ...]
    loop_from: int
    tail: int | None
    bar: int  # samples
    overlap: int  # samples by which a section rings into the next

    def body(self, section: Section) -> int:
        """Return a section's length in samples, up to where the next one begins."""
        return section.bars * self.bar

    def length(self, section: Section) -> int:
        """Return a section's length in samples with all that rings."""
        return self.body(section) + (round(section.ring * SAMPLE_RATE) or self.overlap)
