"""The voice channel: equaliser, de-esser and compressor, with all state carried from block to block."""

from __future__ import annotations

from functools import cache
from math import exp

import numpy as np

from podcast.episode import SAMPLE_RATE
from podcast.sound.control import HOP, HOPS_PER_SECOND, amplitude, expand
from podcast.sound.filters import butterworth, sosfilt

_RUMBLE = 75.0  # Hz; no voice has a fundamental below
_PRESENCE = (3800.0, 0.8, 1.5)  # Hz, Q, dB: consonants stay clear on small loudspeakers
_SIBILANCE = 5000.0  # Hz; sibilants lie above
_SHELF = 3500.0  # Hz; a first-order shelf from here takes them down with little turn of phase
NOMINAL = -20.0  # LUFS, the level of the utterances and of the music that come in


class Bend:
    """A level-dependent gain: above `threshold` the level rises only by 1/`ratio`, with a soft knee."""

    def __init__(self, threshold: float, ratio: float, knee: float, attack: float, release: float) -> None:
        self.threshold, self.slope, self.knee = threshold, 1 - 1 / ratio, knee  # dBFS (rms), 1, dB
        self.attack, self.release = (1 - exp(-1000 / (HOPS_PER_SECOND * ms)) for ms in (attack, release))
        self.state = 0.0  # dB of reduction at the last boundary

    def target(self, level: np.ndarray) -> np.ndarray:
        """Return the reduction in dB for levels in dBFS."""
        over = level - self.threshold
        bent = np.clip(over + self.knee / 2, 0, self.knee) ** 2 / (2 * self.knee)
        return self.slope * np.where(over > self.knee / 2, over, bent)

    def follow(self, level: np.ndarray) -> np.ndarray:
        """Return the factors (hops,) for levels (hops,), smoothed by attack and release."""
        state, attack, release, path = self.state, self.attack, self.release, []
        for aim in self.target(level).tolist():
            state += (attack if aim > state else release) * (aim - state)
            path.append(state)
        self.state = state
        return np.asarray(amplitude(-np.array(path)))


def peaking(frequency: float, q: float, gain_db: float) -> np.ndarray:
    """Return a peaking equaliser as one second-order section (R. Bristow-Johnson's cookbook)."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * frequency / SAMPLE_RATE
    alpha, cos = np.sin(w) / (2 * q), np.cos(w)
    section = np.array([1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a])
    return section / section[3]


@cache
def _filters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the equaliser, the hiss that is listened to, and the air that is taken away."""
    rumble = butterworth(2, _RUMBLE, "high", SAMPLE_RATE)
    return (np.vstack([rumble, peaking(*_PRESENCE)]), butterworth(2, _SIBILANCE, "high", SAMPLE_RATE),
            butterworth(1, _SHELF, "high", SAMPLE_RATE))


_WINDOW = 10  # hops whose mean power is the level: 10 ms, about the longest period of a voice
VOICE_DELAY = _WINDOW * HOP  # samples: the level is known before the sound comes out
_MAKE_UP = 5.1  # dB, brings speech that came in at NOMINAL out at NOMINAL again (measured on two voices)


class VoiceChain:
    """Processes one mono channel; blocks are any whole number of hops, the result is the same."""

    def __init__(self) -> None:
        self._compressor = Bend(threshold=-24.0, ratio=2.5, knee=8.0, attack=6, release=120)
        self._deesser = Bend(threshold=-34.0, ratio=4.0, knee=6.0, attack=2, release=40)
        self._equaliser, self._hiss, self._air = np.zeros((2, 2)), np.zeros((1, 2)), np.zeros((1, 2))
        self._waiting = np.zeros((2, VOICE_DELAY))  # sound and its air
        self._powers = np.zeros((2, _WINDOW))
        self._last = np.ones(2)  # factors of compressor and de-esser at the last boundary

    def process(self, block: np.ndarray) -> np.ndarray:
        """Return the channel (n,), delayed by `VOICE_DELAY`, for the next samples (n,)."""
        equaliser, sibilants, shelf = _filters()
        sound, self._equaliser = sosfilt(equaliser, block.astype(np.float64), zi=self._equaliser)
        hiss, self._hiss = sosfilt(sibilants, sound, zi=self._hiss)
        air, self._air = sosfilt(shelf, sound, zi=self._air)
        joined = np.concatenate([self._waiting, [sound, air]], 1)
        self._waiting = joined[:, len(block) :]
        squeeze, soften = self._gains(np.stack([sound, hiss]))
        sound, air = joined[:, : len(block)]
        return expand(squeeze) * (sound - (1 - expand(soften)) * air) * amplitude(_MAKE_UP)

    def _gains(self, fresh: np.ndarray) -> list[np.ndarray]:
        """Return compressor's and de-esser's factors (hops + 1) for the sound that comes out now."""
        powers = np.concatenate([self._powers, (fresh.reshape(2, -1, HOP) ** 2).mean(2)], 1)
        self._powers = powers[:, -_WINDOW:]
        windows = np.lib.stride_tricks.sliding_window_view(powers, _WINDOW, axis=1)[:, 1:]
        levels = 10 * np.log10(windows.mean(2) + 1e-12)
        gains = []
        for i, bend in enumerate((self._compressor, self._deesser)):
            gains.append(np.concatenate([self._last[i : i + 1], bend.follow(levels[i])]))
            self._last[i] = gains[-1][-1]
        return gains
