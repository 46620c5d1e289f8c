"""From the written music to sound: instruments, places, balance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from podcast.engines.composer import drums, levels
from podcast.engines.composer.cue import Settings, chance
from podcast.engines.composer.room import BED_LUFS, finish, forget, limit
from podcast.engines.composer.score import Composition, Note, Section, Stroke
from podcast.engines.composer.struck import STRUCK, Struck, play
from podcast.engines.composer.sustained import SUSTAINED, Sustained, hold, texture
from podcast.episode import SAMPLE_RATE

_UNIT = 0.1  # K-weighted RMS of a single note of gain 1 at full velocity, full scale
_GAINS = {"pad": 0.125, "keys": 0.50, "arp": 0.40, "bass": 0.55, "motif": 0.48}  # balance of single notes
_SENDS = {"pad": 0.55, "keys": 0.45, "arp": 0.55, "bass": 0.06, "motif": 0.75}  # share that goes to the room
_LEVELLED = 0.4  # seconds from a note's beginning over which its loudness is taken
_STEPS = 8  # of velocity that are told apart
_MOST_GAIN = 3.0  # dB by which a section may be raised against the first bed
_END = 0.4  # seconds of fade at the end of what rings


@dataclass
class Bank:
    """The notes that have been made for a piece: each is made once and placed many times."""

    settings: Settings
    notes: dict[tuple, np.ndarray] = field(default_factory=dict)
    loops: dict[tuple, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def struck(self, name: str, pitch: int, velocity: float) -> np.ndarray:
        """Return a struck note at its loudness, mono; equal pitches and velocities share one."""
        step = max(1, round(velocity * _STEPS))
        address = (name, pitch, step)
        if address not in self.notes:
            tone = (0.55 + 0.45 * self.settings.bright) * step / _STEPS
            note = play(STRUCK[name], pitch, tone, chance("struck", *address))
            loud = levels.loudness_of(note, _LEVELLED)
            self.notes[address] = note * np.float32(_UNIT * (step / _STEPS) ** 1.3 / loud)
        return self.notes[address]

    def held(self, name: str, pitch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the two endless textures of a sustained note, at their loudness."""
        if (name, pitch) not in self.loops:
            kind, rng = SUSTAINED[name], chance("held", name, pitch)
            dark, bright = (texture(p, pitch, kind.cents, rng) for p in (kind.dark, kind.bright))
            scale = np.float32(_UNIT / levels.loudness_of(dark, _LEVELLED * 2))
            self.loops[name, pitch] = (dark * scale, bright * scale * np.float32(0.6 + 0.8 * self.settings.bright))
        return self.loops[name, pitch]


def render(piece: Composition) -> list[np.ndarray]:
    """Return the sound of every section, float32 (samples, 2), all levelled alike."""
    bank, finished = Bank(piece.settings), []
    for section in piece.sections:
        dry, wet = _perform(piece, section, bank)
        finished.append(finish(dry, wet, piece.settings.space, piece.settings.bright, piece.body(section)))
    forget()
    first = min(1, len(finished) - 1)
    usual = BED_LUFS - finished[first][1]
    out = []
    for section, (sound, loud) in zip(piece.sections, finished, strict=True):
        gain = min(BED_LUFS - loud, usual + (0.0 if section.ring and len(finished) > 1 else _MOST_GAIN))
        out.append(_closed(limit(sound * np.float32(10 ** ((gain + section.trim + piece.settings.level) / 20)))))
    return out


def _closed(sound: np.ndarray) -> np.ndarray:
    """Return the sound with its last moment faded to silence, as (samples, 2)."""
    fade = round(_END * SAMPLE_RATE)
    sound[:, -fade:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade, dtype=np.float32))
    return np.ascontiguousarray(sound.T)


def _perform(piece: Composition, section: Section, bank: Bank) -> tuple[np.ndarray, np.ndarray]:
    """Return what is played, stereo (2, n), and what of it goes to the room, mono (n,)."""
    n = piece.length(section)
    dry, wet = np.zeros((2, n), np.float32), np.zeros(n, np.float32)
    beat = piece.bar / piece.settings.beats
    amount = 0.25 + 0.75 * piece.settings.space
    for role in _GAINS:
        notes = [note for note in section.notes if note.role == role]
        if notes:
            _play_part(getattr(piece.settings, role), notes, beat, bank, dry, wet, amount)
    for stroke in section.strokes:
        _strike(stroke, beat, piece.settings.swing, dry, wet, amount)
    return dry, wet


def _play_part(
    name: str, notes: list[Note], beat: float, bank: Bank, dry: np.ndarray, wet: np.ndarray, amount: float
) -> None:
    role = notes[0].role
    gain, send = _GAINS[role], _SENDS[role] * amount
    part = np.zeros(dry.shape[1], np.float32)
    for note in notes:
        start = max(0, round(_swung(note.start, bank.settings.swing) * beat + note.late * SAMPLE_RATE))
        length = round(note.beats * beat)
        if name in SUSTAINED:
            _place_held(SUSTAINED[name], bank.held(name, note.pitch), note, start, length, gain, dry, part)
        else:
            sound = _let_go(bank.struck(name, note.pitch, note.velocity), length, STRUCK[name])
            _place(sound, start, gain, note.pan, dry, part)
    wet += np.float32(send) * part


def _swung(beats: float, swing: float) -> float:
    """Return where a beat falls when off-beats come late by `swing` of half a beat."""
    whole, part = divmod(beats, 1.0)
    late = part * (1 + swing) if part < 0.5 else 0.5 * (1 + swing) + (part - 0.5) * (1 - swing)
    return whole + late


def _let_go(sound: np.ndarray, length: int, instrument: Struck) -> np.ndarray:
    """Return a note damped after `length` samples."""
    release = round(instrument.release * SAMPLE_RATE)
    if length + release >= len(sound):
        return sound
    damped = sound[: length + release].copy()
    damped[length:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, release, dtype=np.float32))
    return damped


def _place(
    sound: np.ndarray, start: int, gain: float, pan: float, dry: np.ndarray, part: np.ndarray | None = None
) -> None:
    """Add a mono sound at a place between left and right (equal power)."""
    n = min(len(sound), dry.shape[1] - start)
    if n <= 0:
        return
    angle = (pan + 1) * np.pi / 4
    sound = sound[:n] * np.float32(gain)
    dry[0, start : start + n] += sound * np.float32(np.cos(angle))
    dry[1, start : start + n] += sound * np.float32(np.sin(angle))
    if part is not None:
        part[start : start + n] += sound


def _place_held(kind: Sustained, loops: tuple[np.ndarray, np.ndarray], note: Note, start: int, length: int, gain: float,
                dry: np.ndarray, part: np.ndarray) -> None:  # fmt: skip
    ahead = min(start, round(kind.attack * 0.3 * SAMPLE_RATE))  # a slow attack begins before the beat
    start -= ahead
    sound = hold(loops, kind, start, length + ahead + round(kind.attack * 0.2 * SAMPLE_RATE), note.pitch * 0.618 % 1)
    n = min(sound.shape[1], dry.shape[1] - start)
    scale = np.float32(gain * note.velocity * 0.71)
    for channel, side in enumerate((1 - note.pan, 1 + note.pan)):
        dry[channel, start : start + n] += sound[channel, :n] * (scale * np.float32(side))
    part[start : start + n] += sound[0, :n] * scale


def _strike(stroke: Stroke, beat: float, swing: float, dry: np.ndarray, wet: np.ndarray, amount: float) -> None:
    sound = drums.stroke(stroke.drum, stroke.variant)
    start = max(0, round(_swung(stroke.start, swing) * beat + stroke.late * SAMPLE_RATE))
    gain = drums.GAINS[stroke.drum] * stroke.velocity
    _place(sound, start, gain, drums.PANS.get(stroke.drum, 0.0), dry)
    n = min(len(sound), len(wet) - start)
    if n > 0:
        wet[start : start + n] += sound[:n] * np.float32(gain * drums.WET.get(stroke.drum, 0.3) * amount)
