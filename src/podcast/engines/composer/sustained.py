"""Sustained sounds: pads, strings, choirs, soft leads, as endless textures.

PADsynth (Paul Nasca, 2003, described by its author for free use): each harmonic is a bell of random-phase bins as
wide as an ensemble is out of tune; one inverse transform gives a texture that loops without a joint. Left and
right read it half a loop apart, which makes them independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft

from podcast.episode import SAMPLE_RATE

LOOP = 1 << 18  # samples of a texture: 5.5 s
_HIGHEST = 7_000.0  # Hz
_REACH = 3.0  # standard deviations of a bell that are filled

Profile = Callable[[np.ndarray, np.ndarray], np.ndarray]  # amplitudes of (harmonic number, Hz)


@dataclass(frozen=True)
class Sustained:
    """An instrument that sounds as long as it is held: two textures, the brighter of which comes and goes."""

    dark: Profile
    bright: Profile
    cents: float  # width of the ensemble
    attack: float  # s
    release: float  # s
    motion: float = 0.06  # Hz, of the brighter texture
    depth: float = 0.5  # amplitude of the brighter texture
    tremolo: float = 0.0  # Hz; 0: none
    vibrato: float = 0.0  # Hz of a slight swell in level, as of a flute's breath
    low: int = 36
    high: int = 88


def texture(profile: Profile, pitch: int, cents: float, rng: np.random.Generator) -> np.ndarray:
    """Return an endless loop of `LOOP` samples, mono float32, RMS 1."""
    f0 = 440.0 * 2 ** ((pitch - 69) / 12)
    k = np.arange(1, int(_HIGHEST / f0) + 1)
    amplitudes = profile(k, k * f0)
    spectrum = np.zeros(LOOP // 2 + 1, np.complex64)
    for number, amplitude in zip(k, amplitudes, strict=True):
        if amplitude > 1e-4:
            _add_bell(spectrum, number * f0, amplitude, cents, rng)
    wave = fft.irfft(spectrum, LOOP)
    return wave / np.float32(np.sqrt(np.mean(wave * wave)))


def _add_bell(spectrum: np.ndarray, hertz: float, amplitude: float, cents: float, rng: np.random.Generator) -> None:
    """Add a harmonic: Gaussian in amplitude, random in phase."""
    per_bin = SAMPLE_RATE / LOOP
    sigma = max(hertz * (2 ** (cents / 1200) - 1) / 2 / per_bin, 1.0)
    first, last = int(hertz / per_bin - _REACH * sigma), int(hertz / per_bin + _REACH * sigma) + 1
    bins = np.arange(max(first, 1), min(last, len(spectrum)))
    bell = amplitude / sigma**0.5 * np.exp(-0.5 * ((bins - hertz / per_bin) / sigma) ** 2)
    spectrum[bins] += (bell * np.exp(2j * np.pi * rng.random(len(bins)))).astype(np.complex64)


def _rolled(slope: float, cut: float, even: float = 1.0) -> Profile:
    def profile(k: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        """Harmonics that fall with a power of their number, above `cut` steeply; even ones weaker by `even`."""
        return k**-slope / np.sqrt(1 + (hertz / cut) ** 4) * np.where(k % 2 == 0, even, 1.0)

    return profile


def _bowed(cut: float) -> Profile:
    def profile(k: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        """A saw through a string body's broad resonances near 300, 500 and 1100 Hz."""
        body = sum(
            g * np.exp(-0.5 * (np.log2(hertz / f) / 0.35) ** 2) for f, g in ((300, 1.0), (500, 0.9), (1100, 0.4))
        )
        return (0.35 + body) / k / np.sqrt(1 + (hertz / cut) ** 4)

    return profile


def _sung(formants: tuple[tuple[float, float], ...]) -> Profile:
    def profile(k: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        """A choir on a dark vowel: a soft source through formants."""
        shape = sum(g * np.exp(-0.5 * ((hertz - f) / (0.16 * f + 40)) ** 2) for f, g in formants)
        return (0.05 + shape) / k**0.8

    return profile


SUSTAINED: dict[str, Sustained] = {
    "warm": Sustained(_rolled(1.15, 1100), _rolled(0.9, 2600), 24, 1.1, 1.6, 0.07, 0.45),
    "strings": Sustained(_bowed(2200), _bowed(4200), 26, 0.7, 1.1, 0.09, 0.40),
    "tremolo": Sustained(_bowed(1700), _bowed(3600), 30, 0.6, 0.8, 0.05, 0.5, tremolo=6.5),
    "choir": Sustained(_sung(((430, 1.0), (820, 0.5), (2600, 0.10))), _sung(((600, 1.0), (1000, 0.6), (2700, 0.16))),
        30,
                       1.2, 1.8, 0.06, 0.4),
    "glass": Sustained(_rolled(1.5, 1800, 0.25), _rolled(0.9, 4200, 0.5), 10, 1.4, 2.2, 0.05, 0.35),
    "dark": Sustained(_rolled(1.3, 700), _rolled(1.0, 1500, 0.7), 34, 1.5, 2.0, 0.05, 0.4),
    "drone": Sustained(_rolled(1.2, 600), _rolled(0.9, 1300), 16, 2.5, 3.0, 0.04, 0.45, low=28),
    "organ": Sustained(_rolled(1.2, 1400, 1.3), _rolled(1.0, 2400, 1.2), 7, 0.12, 0.35, 0.1, 0.3),
    "flute": Sustained(_rolled(1.7, 2200, 0.5), _rolled(1.3, 3400, 0.7), 5, 0.09, 0.25, 0.3, 0.3, vibrato=4.8, low=60,
        high=88),
    "lead": Sustained(_rolled(1.2, 1800, 0.4), _rolled(1.0, 3000, 0.6), 6, 0.06, 0.30, 0.2, 0.35, vibrato=5.2, low=57,
        high=84),
}  # fmt: skip


def hold(
    loops: tuple[np.ndarray, np.ndarray],
    instrument: Sustained,
    start: int,
    length: int,
    phase: float,
    slow: float = 1.0,
) -> np.ndarray:
    """Return a held note with its release, stereo float32 (2, length + release).

    `start` is its place in the section in samples, `phase` (0..1) that of its slow motion; `slow` stretches
    attack and release.
    """
    release = round(instrument.release * slow * SAMPLE_RATE)
    n = length + release
    at = (start + int(phase * LOOP)) % LOOP
    swell = _swell(instrument, n, start, phase)
    dark, bright = loops
    out = np.empty((2, n), np.float32)
    for channel, shift in enumerate((0, LOOP // 2)):
        out[channel] = _read(bright, at + shift, n)
        out[channel] *= swell
        out[channel] += _read(dark, at + shift, n)
    out *= _envelope(instrument, length, release, slow)
    if instrument.tremolo or instrument.vibrato:
        rate, deep = (instrument.tremolo, 0.35) if instrument.tremolo else (instrument.vibrato, 0.10)
        out *= _wobble(rate, deep, n, start, phase)
    return out


def _read(loop: np.ndarray, at: int, n: int) -> np.ndarray:
    at %= LOOP
    if at + n <= LOOP:
        return loop[at : at + n]
    return np.concatenate([loop[at:], np.tile(loop, (at + n) // LOOP)])[:n]


_COARSE = 256  # samples between the points of a slow curve


def _curve(values: np.ndarray, n: int) -> np.ndarray:
    """Return `n` samples along points that lie `_COARSE` samples apart."""
    steps = np.diff(values)[:, None] * np.linspace(0, 1, _COARSE, endpoint=False, dtype=np.float32)
    return (values[:-1, None] + steps).reshape(-1)[:n].astype(np.float32)


def _times(n: int, start: int) -> np.ndarray:
    return (start + _COARSE * np.arange(-(-n // _COARSE) + 1)) / SAMPLE_RATE


def _swell(instrument: Sustained, n: int, start: int, phase: float) -> np.ndarray:
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * (instrument.motion * _times(n, start) + phase))
    return _curve(instrument.depth * (0.25 + 0.75 * wave), n)


def _wobble(rate: float, deep: float, n: int, start: int, phase: float) -> np.ndarray:
    return _curve(1 - deep + deep * np.sin(2 * np.pi * (rate * _times(n, start) + phase)), n)


def _envelope(instrument: Sustained, length: int, release: int, slow: float) -> np.ndarray:
    """Return a raised-cosine rise and fall; a note shorter than its attack rises sooner."""
    attack = min(round(instrument.attack * slow * SAMPLE_RATE), max(length * 2 // 3, 64))
    shape = np.ones(length + release, np.float32)
    shape[:attack] = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack, dtype=np.float32))
    shape[length:] = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, release, dtype=np.float32))
    return shape
