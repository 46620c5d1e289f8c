"""What makes the synthetic voice bearable: one pass in the frequency domain and a soft ceiling.

espeak-ng adds up formants with every harmonic in phase: a thin, harsh, peaky sound without a room. In one pair of
Fourier transforms the signal is resampled to 48 kHz, moved towards the long-term spectrum of natural speech,
dispersed (each frequency is delayed a little differently, which spreads the pulses that are heard as buzz; the
method of the pulse dispersion filter of MELP, McCree and Barnwell 1995) and put into a very small room.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from podcast.engines._espeak_voices import EQ_HZ

ESPEAK_RATE = 22_050  # Hz
UP, DOWN = 320, 147  # 48000 / 22050 in lowest terms
MARGIN = 0.06  # s of silence around the signal while it is transformed: longer than any echo of the filter
FLOOR_HZ = 65.0  # below it there is no voice
CEILING_HZ = 10_400.0  # above it there is nothing but the mirror of the resampling

DISPERSION = 0.0018  # s, the largest difference of delay between neighbouring bands
DISPERSION_HZ = 600.0  # below it single harmonics are heard and stay where they are
DISPERSION_BANDS = 2.2  # ERB from one delayed band to the next

# A very small room: delays (s) and gains of its first reflections, darker than the voice itself.
REFLECTIONS = ((0.0053, 0.085), (0.0089, -0.070), (0.0127, 0.062), (0.0171, -0.050), (0.0233, 0.040))
REFLECTIONS_HZ = 3200.0  # walls swallow what lies above

KNEE, CEILING = 0.35, 0.68  # full scale; what exceeds the knee is rounded off and stays below the ceiling
WARMTH_HZ = 220.0


def polish(samples: np.ndarray, eq: tuple[float, ...], level: float, warmth: float, room: float) -> np.ndarray:
    """Return int16 or float samples at 22.05 kHz as float32 at 48 kHz, at the same times.

    `eq` and `level` are in dB, `warmth` in dB at 220 Hz and below, `room` scales the reflections (1: as designed).
    """
    margin = ceil(MARGIN * ESPEAK_RATE)
    blocks = next_fast_len(ceil((len(samples) + 2 * margin) / DOWN), real=True)
    padded = np.zeros(blocks * DOWN, np.float32)
    padded[margin : margin + len(samples)] = samples
    if samples.dtype == np.int16:
        padded /= 32768
    spectrum = rfft(padded)
    wide = np.zeros(blocks * UP // 2 + 1, np.complex64)
    used = min(len(spectrum), len(wide))
    frequencies = np.arange(used, dtype=np.float32) * (ESPEAK_RATE / len(padded))
    wide[:used] = spectrum[:used] * response(frequencies, eq, level, warmth, room)
    sound = irfft(wide, blocks * UP) * (UP / DOWN)
    first = round(margin * UP / DOWN)
    length = round(len(samples) * UP / DOWN)
    return soften(sound[first : first + length].astype(np.float32))


def response(hz: np.ndarray, eq: tuple[float, ...], level: float, warmth: float, room: float) -> np.ndarray:
    """Return the complex gain of the whole chain at some frequencies."""
    grid = _grid()
    small = _response(eq, level, warmth, room)
    at = np.interp(hz, grid, np.arange(len(grid), dtype=np.float32))
    return np.interp(at, np.arange(len(grid)), small.real) + 1j * np.interp(at, np.arange(len(grid)), small.imag)


@lru_cache(1)
def _grid() -> np.ndarray:
    return np.linspace(0, ESPEAK_RATE / 2, 8193)


@lru_cache(64)
def _response(eq: tuple[float, ...], level: float, warmth: float, room: float) -> np.ndarray:
    hz = _grid()
    decibels = np.interp(np.log2(np.maximum(hz, 20)), np.log2(EQ_HZ), eq) + level
    decibels += warmth / (1 + (hz / WARMTH_HZ) ** 2)
    ends = 1 / (1 + (FLOOR_HZ / np.maximum(hz, 1)) ** 4) / (1 + (hz / CEILING_HZ) ** 16)
    direct = 10 ** (decibels / 20) * ends * np.exp(1j * _dispersion(hz))
    walls = sum(room * gain * np.exp(-2j * np.pi * hz * delay) for delay, gain in REFLECTIONS)
    return np.asarray(direct * (1 + walls / (1 + 1j * hz / REFLECTIONS_HZ)))


def _dispersion(hz: np.ndarray) -> np.ndarray:
    """Return the phase whose group delay swings by `DISPERSION` from band to band."""
    erb = 21.4 * np.log10(1 + 0.00437 * hz)  # Glasberg and Moore 1990
    fade = np.clip((hz - DISPERSION_HZ) / DISPERSION_HZ, 0, 1)
    delay = DISPERSION / 2 * fade * np.sin(2 * np.pi * erb / DISPERSION_BANDS)
    return -2 * np.pi * np.cumsum(delay) * (hz[1] - hz[0])


def soften(sound: np.ndarray) -> np.ndarray:
    """Round off the peaks above the knee; nothing reaches the ceiling."""
    excess = np.abs(sound) - np.float32(KNEE)
    over = excess > 0
    if over.any():
        room = np.float32(CEILING - KNEE)
        sound[over] = np.sign(sound[over]) * (KNEE + room * np.tanh(excess[over] / room))
    return sound
