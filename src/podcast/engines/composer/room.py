"""The room and the desk: reverberation, tone and level, all as one multiplication of spectra."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from podcast.engines.composer import levels
from podcast.engines.composer.cue import chance
from podcast.episode import SAMPLE_RATE

BED_LUFS = -20.0  # loudness of a section of music as engines and files are levelled
PEAK = 10 ** (-4.0 / 20)  # full scale; with room for two overlapping pieces below -3 dBFS
PRE_DELAY = 0.018  # s before the first reflections: keeps the notes in front of the room
SIDE = 0.85  # of the stereo difference: wide, and sound on one loudspeaker
_BANDS = ((0, 250, 1.15), (250, 1000, 1.0), (1000, 3000, 0.75), (3000, 8000, 0.42))  # Hz, Hz, share of the decay time


def decay_time(space: float) -> float:
    """Return the reverberation time (RT60, seconds) of a room of size 0..1."""
    return 0.7 + 2.3 * space


@lru_cache(8)
def _impulse(space: float) -> np.ndarray:
    """Return a stereo impulse response: bands of noise that die away the sooner the higher they are."""
    rt60 = decay_time(space)
    n = round((rt60 * 1.15 + PRE_DELAY) * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    hertz = fft.rfftfreq(n, 1 / SAMPLE_RATE)
    out = np.zeros((2, n))
    for channel in range(2):
        white = fft.rfft(chance("room", channel).standard_normal(n))
        for low, high, share in _BANDS:
            band = fft.irfft(white * ((hertz >= low) & (hertz < high)), n)
            out[channel] += band * 10 ** (-3 * t / (rt60 * share))
    out *= np.minimum(t / 0.030, 1.0) * np.clip((n / SAMPLE_RATE - t) / 0.3, 0, 1)  # a soft onset, an end in silence
    out = np.roll(out, round(PRE_DELAY * SAMPLE_RATE), axis=1)
    out[:, : round(PRE_DELAY * SAMPLE_RATE)] = 0
    return (out / np.sqrt(np.sum(out**2, axis=1, keepdims=True))).astype(np.float32)


@lru_cache(3)
def _tone(n: int, bright: float) -> np.ndarray:
    """Return the desk's tone as a causal response: rumble and treble off, and room for a voice around 2 kHz."""
    s = (1j * fft.rfftfreq(n, 1 / SAMPLE_RATE)).astype(np.complex64)  # in Hz; analogue prototypes need no 2π
    high_pass = s**2 / (s**2 + 1.414 * 32 * s + 32.0**2)
    dip, q, depth = 2000.0, 0.6, 10 ** (-4.0 / 20)
    voice = (s**2 + depth * s * dip / q + dip**2) / (s**2 + s * dip / q + dip**2)
    top = 6000.0 + 6000.0 * bright
    low_pass = 1 / (1 + 1.2 * s / top + (s / top) ** 2)
    lift, corner = 10 ** ((3.0 + 8.0 * bright) / 20), 1800.0
    air = (1 + s * lift**0.5 / corner) / (1 + s / lift**0.5 / corner)
    return np.asarray(high_pass * voice * air * low_pass, np.complex64)


@lru_cache(3)
def _response(space: float, n: int) -> np.ndarray:
    return fft.rfft(_impulse(space), n, axis=1)


@lru_cache(2)
def _width(n: int) -> np.ndarray:
    """Return the gain of half the difference of left and right: narrower, and single below the bass's top."""
    hertz = fft.rfftfreq(n, 1 / SAMPLE_RATE)
    return (0.5 * SIDE / np.sqrt(1 + (160.0 / np.maximum(hertz, 1.0)) ** 4)).astype(np.float32)


def finish(dry: np.ndarray, wet: np.ndarray, space: float, bright: float, body: int) -> tuple[np.ndarray, float]:
    """Return the piece with its room and tone, and the loudness (LUFS) of its first `body` samples' worth.

    Args:
        dry: (2, n) what the instruments play.
        wet: (n,) what goes to the room.
        space: size of the room, 0..1.
        bright: 0..1.
        body: samples over which the energy counts.
    """
    n = fft.next_fast_len(dry.shape[1] + _impulse(space).shape[1], real=True)
    spectra = fft.rfft(dry, n, axis=1)
    spectra += fft.rfft(wet, n) * _response(space, n)
    spectra *= _tone(n, bright)
    side = (spectra[0] - spectra[1]) * _width(n)
    middle = (spectra[0] + spectra[1]) * np.float32(0.5)
    spectra[0], spectra[1] = middle + side, middle - side
    loud = levels.energy(spectra[0], n) + levels.energy(spectra[1], n)
    return fft.irfft(spectra, n, axis=1)[:, : dry.shape[1]], levels.lufs(loud, body)


def forget() -> None:
    """Give back the memory of what was kept from section to section (a hundred megabytes)."""
    for kept in (_tone, _response, _width, levels.k_power):
        kept.cache_clear()


def limit(piece: np.ndarray) -> np.ndarray:
    """Return the piece with peaks held below `PEAK` by a gain that moves within 5 ms ahead and after."""
    peak = np.max(np.abs(piece), axis=0)
    if float(peak.max(initial=0.0)) <= PEAK:
        return piece
    window = 481  # samples, 10 ms
    gain = np.minimum(1.0, PEAK / np.maximum(maximum_filter1d(peak, 2 * window), PEAK)).astype(np.float32)
    return piece * uniform_filter1d(gain, window)
