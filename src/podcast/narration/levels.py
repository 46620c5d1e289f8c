"""How loud an utterance is, and how it is brought to the level of all others."""

from __future__ import annotations

from math import isfinite

import numpy as np

from podcast.audio import resample
from podcast.episode import SAMPLE_RATE
from podcast.sound.loudness import loudness_of

TARGET = -20.0  # LUFS, of a mono utterance; what the mix expects
SILENT = -60.0  # LUFS; what is quieter is not made louder
CORRECTION = 2.0  # dB, the most that one utterance is moved from its voice's usual gain
TRUSTED = 2.5  # s of speech that make a loudness fully trustworthy
KNEE, CEILING = 0.5, 0.70  # full scale: peaks bend from the one and stay below the other (-3.1 dBFS)


def loudness(sound: np.ndarray, rate: int = SAMPLE_RATE) -> float:
    """Return the gated loudness (LUFS) of mono sound."""
    level = loudness_of(resample(sound, rate))
    return level if isfinite(level) else SILENT


def levelled(sound: np.ndarray, voice_level: float) -> np.ndarray:
    """Return mono 48 kHz sound near `TARGET`, given the usual loudness of its voice.

    The voice's gain does most of it; a correction that is small, and smaller for a short utterance, the rest.
    """
    gain = TARGET - max(voice_level, SILENT)
    own = loudness(sound)
    if own > SILENT:
        trust = min(1.0, len(sound) / SAMPLE_RATE / TRUSTED)
        gain += trust * float(np.clip(TARGET - own - gain, -CORRECTION, CORRECTION))
    return _below_ceiling(sound * np.float32(10 ** (gain / 20)))


def amplified(sound: np.ndarray, level: float) -> np.ndarray:
    """Return sound brought to `TARGET` by the gain for a whole of that loudness (LUFS)."""
    return _below_ceiling(sound * np.float32(10 ** ((TARGET - max(level, SILENT)) / 20)))


def _below_ceiling(sound: np.ndarray) -> np.ndarray:
    size = np.abs(sound)
    over = size > KNEE
    if over.any():
        room = np.float32(CEILING - KNEE)
        sound[over] = np.sign(sound[over]) * (KNEE + room * np.tanh((size[over] - KNEE) / room))
    return sound
