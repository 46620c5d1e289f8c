"""Struck and plucked instruments: sums of decaying partials (modal synthesis).

All partials of a note are summed by one matrix product: z^(B·i + j) = z^(B·i) · z^j for a block length B, so that
n samples of K partials cost n·K multiplications and no sine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from podcast.episode import SAMPLE_RATE

_BLOCK = 512  # samples per row of the matrix product
_HIGHEST = 9_000.0  # Hz above which no partial is made: nothing harsh beneath a voice
_FADE = 0.8  # s at the end of a note's longest ring

Partials = tuple[np.ndarray, np.ndarray, np.ndarray]  # Hz, amplitude, seconds until 1/e


@dataclass(frozen=True)
class Struck:
    """An instrument that is struck or plucked and left to ring."""

    partials: Callable[[float, float], Partials]  # of (fundamental in Hz, velocity 0..1)
    attack: float  # s
    ring: float  # s, the longest
    release: float = 0.12  # s from the note's end to silence
    noise: float = 0.0  # of hammer or finger, against the tone
    noise_hz: float = 900.0  # its middle
    low: int = 36  # MIDI range that sounds well
    high: int = 96


def ring(frequencies: np.ndarray, amplitudes: np.ndarray, decays: np.ndarray, n: int) -> np.ndarray:
    """Return `n` samples of a sum of decaying sines that start at zero, float32."""
    step = (-1 / decays + 2j * np.pi * frequencies) / SAMPLE_RATE
    rows = np.exp(step * (_BLOCK * np.arange(-(-n // _BLOCK)))[:, None]) * amplitudes
    columns = np.exp(step[:, None] * np.arange(_BLOCK))
    left = np.hstack([rows.real, rows.imag]).astype(np.float32)
    right = np.vstack([columns.imag, columns.real]).astype(np.float32)
    return (left @ right).reshape(-1)[:n]


def play(instrument: Struck, pitch: int, velocity: float, rng: np.random.Generator) -> np.ndarray:
    """Return a note that rings out, mono float32, not yet levelled."""
    f0 = 440.0 * 2 ** ((pitch - 69) / 12)
    frequencies, amplitudes, decays = instrument.partials(f0, velocity)
    heard = frequencies < _HIGHEST
    length = min(instrument.ring, 7.0 * float(np.max(decays[heard])))
    n = round(length * SAMPLE_RATE)
    note = ring(frequencies[heard], amplitudes[heard], decays[heard], n)
    attack = round(instrument.attack * SAMPLE_RATE)
    note[:attack] *= np.sin(np.linspace(0, np.pi / 2, attack, dtype=np.float32)) ** 2
    if instrument.noise:
        _add_noise(note, instrument, velocity, rng)
    fade = min(round(_FADE * SAMPLE_RATE), n // 3)
    note[-fade:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade, dtype=np.float32))
    return note


def _add_noise(note: np.ndarray, instrument: Struck, velocity: float, rng: np.random.Generator) -> None:
    """Add the thump of a hammer or finger: a few dozen strongly damped modes of random pitch."""
    count, middle = 24, instrument.noise_hz
    frequencies = middle * 2 ** rng.uniform(-1.5, 1.0, count)
    decays = 0.012 * (middle / frequencies) ** 0.5 * np.ones(count)
    burst = ring(frequencies, rng.normal(0, 1, count) / count**0.5, decays, 4096)
    burst[:96] *= np.linspace(0, 1, 96, dtype=np.float32)
    burst[-256:] *= np.linspace(1, 0, 256, dtype=np.float32)
    n = min(len(note), len(burst))
    peak = float(np.max(np.abs(note[:4096]))) or 1.0
    note[:n] += burst[:n] * np.float32(instrument.noise * velocity * peak)


def _stiff(f0: float, count: int, stiffness: float) -> np.ndarray:
    """Return the partials of a stiff string (Fletcher 1964): k·f0·sqrt(1 + B·k²)."""
    k = np.arange(1, count + 1)
    return f0 * k * np.sqrt(1 + stiffness * k * k)


def _piano(softness: float, ring_s: float) -> Callable[[float, float], Partials]:
    def partials(f0: float, v: float) -> Partials:
        """Two strings a trifle apart, one of which dies away sooner: the two-stage decay of a piano."""
        k = np.arange(1, 25)
        f = _stiff(f0, 24, 0.00018 * 2 ** ((f0 / 262) - 1))
        cut = (1700 + 4600 * v) * (1 - 0.5 * softness) * (f0 / 262) ** 0.3
        a = k ** -(0.6 + 0.5 * softness) * np.abs(np.sin(np.pi * k / 8.3)) * np.exp(-((f / cut) ** 1.1))
        tau = ring_s * (262 / f0) ** 0.55 / (1 + 0.22 * (k - 1))
        return np.r_[f, f + 0.35 + 0.0008 * f], np.r_[a, 0.6 * a], np.r_[tau, 0.38 * tau]

    return partials


def _string(position: float, bright: float, ring_s: float) -> Callable[[float, float], Partials]:
    def partials(f0: float, v: float) -> Partials:
        """A string plucked at `position` of its length; high partials lose energy first."""
        k = np.arange(1, 31)
        f = _stiff(f0, 30, 0.00006)
        cut = bright * (0.5 + 0.7 * v)
        a = np.abs(np.sin(np.pi * k * position)) / k**1.15 * np.exp(-f / cut)
        tau = ring_s * (220 / f0) ** 0.5 / (1 + 0.10 * (k - 1) + 0.010 * (k - 1) ** 2)
        return f, a, tau

    return partials


def _bars(ratios: tuple[float, ...], amps: tuple[float, ...], taus: tuple[float, ...], beat: float = 0.0
          ) -> Callable[[float, float], Partials]:  # fmt: skip
    def partials(f0: float, v: float) -> Partials:
        """Free bars and bells: a few partials, the upper ones stronger when struck harder; pairs that beat."""
        r, a, tau = np.array(ratios), np.array(amps), np.array(taus) * (523 / f0) ** 0.4
        a = a * np.r_[1.0, np.full(len(r) - 1, 0.35 + 0.9 * v)]
        if not beat:
            return f0 * r, a, tau
        return np.r_[f0 * r - beat / 2, f0 * r + beat / 2], np.r_[a, 0.8 * a], np.r_[tau, tau]

    return partials


def _electric(f0: float, v: float) -> Partials:
    """An electric piano: a warm tone bar, overtones that grow with the stroke, and the tine's short ping."""
    f = f0 * np.array([1, 2, 3, 4, 5, 7.1])
    a = np.array([1, 0.22 + 0.34 * v, 0.08 + 0.24 * v, 0.04 + 0.14 * v, 0.02 + 0.08 * v, 0.06 + 0.12 * v])
    tau = np.array([1.9, 1.2, 0.8, 0.6, 0.4, 0.12]) * (262 / f0) ** 0.3
    return np.r_[f, f[:2] + 0.45], np.r_[a, 0.4 * a[:2]], np.r_[tau, tau[:2]]


def _saw(cutoff: float, ring_s: float, fall: float) -> Callable[[float, float], Partials]:
    def partials(f0: float, v: float) -> Partials:
        """A saw through a low-pass that closes: every partial decays the faster the higher it is."""
        k = np.arange(1, 41)
        a = 1 / k / np.sqrt(1 + (f0 * k / (cutoff * (0.4 + v))) ** 4)
        return f0 * k, a, ring_s / (1 + fall * (k - 1))

    return partials


def _low(overtones: tuple[float, ...], taus: tuple[float, ...]) -> Callable[[float, float], Partials]:
    def partials(f0: float, v: float) -> Partials:
        k = np.arange(1, len(overtones) + 1)
        return f0 * k, np.array(overtones) * np.r_[1.0, np.full(len(k) - 1, 0.5 + 0.7 * v)], np.array(taus)

    return partials


STRUCK: dict[str, Struck] = {
    "felt": Struck(_piano(0.9, 1.5), 0.006, 4.0, 0.18, 0.10, 420, 40, 84),
    "piano": Struck(_piano(0.35, 1.7), 0.003, 4.5, 0.18, 0.05, 700, 36, 88),
    "epiano": Struck(_electric, 0.003, 4.5, 0.12, 0.02, 1200, 40, 84),
    "guitar": Struck(_string(0.21, 4200, 0.9), 0.003, 3.0, 0.10, 0.06, 1100, 40, 80),
    "harp": Struck(_string(0.38, 3600, 1.3), 0.004, 3.5, 0.40, 0.02, 900, 40, 90),
    "pizzicato": Struck(_string(0.29, 2400, 0.20), 0.005, 0.9, 0.10, 0.05, 500, 43, 84),
    "kalimba": Struck(_bars((1, 2.02, 5.4, 6.3), (1, 0.06, 0.10, 0.04), (0.8, 0.5, 0.10, 0.06)), 0.003, 2.5, 0.25,
        0.03, 800, 55, 86),
    "marimba": Struck(_bars((1, 3.93, 9.2), (1, 0.22, 0.05), (0.42, 0.14, 0.05)), 0.003, 1.6, 0.25, 0.04, 600, 45, 88),
    "vibes": Struck(_bars((1, 3.98, 10.1), (1, 0.13, 0.02), (2.2, 0.7, 0.10), 0.0), 0.004, 4.0, 0.30, 0.01, 900, 53,
        86),
    "celesta": Struck(_bars((1, 2.0, 4.02, 6.5), (1, 0.16, 0.10, 0.03), (1.3, 0.8, 0.25, 0.10)), 0.003, 3.0, 0.40,
        0.02, 1500, 65, 94),
    "musicbox": Struck(_bars((1, 2.9, 5.9), (1, 0.12, 0.08), (1.1, 0.5, 0.14)), 0.002, 2.5, 0.40, 0.02, 2000, 67, 94),
    "bells": Struck(_bars((0.5, 1, 1.19, 2.0, 2.74), (0.18, 1, 0.12, 0.22, 0.08), (2.4, 1.9, 0.9, 0.9, 0.5), 0.5),
        0.005, 4.5, 0.8, low=60, high=91),
    "bowl": Struck(_bars((1, 2.71, 5.1), (1, 0.18, 0.04), (3.2, 1.6, 0.7), 0.7), 0.06, 7.0, 1.5, low=48, high=72),
    "pluck": Struck(_saw(2400, 0.55, 0.35), 0.003, 1.6, 0.08, low=43, high=86),
    "upright": Struck(_low((1, 0.62, 0.30, 0.13, 0.06), (0.9, 0.6, 0.35, 0.2, 0.1)), 0.007, 2.5, 0.09, 0.08, 350, 28,
        55),
    "sub": Struck(_low((1, 0.22, 0.07), (6.0, 4.0, 3.0)), 0.025, 6.5, 0.12, low=28, high=50),
    "synthbass": Struck(_saw(520, 1.2, 0.5), 0.006, 1.8, 0.06, low=28, high=52),
}  # fmt: skip
