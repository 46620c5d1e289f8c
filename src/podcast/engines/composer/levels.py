"""How loud something is: the K-weighting of ITU-R BS.1770-4 in the frequency domain."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from podcast.episode import SAMPLE_RATE

_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))  # BS.1770-4, tables 1 and 2, 48 kHz
_OFFSET = -0.691  # dB, BS.1770-4, equation 2


@lru_cache(8)
def k_power(n: int) -> np.ndarray:
    """Return the power gain of the K-weighting at the bins of a real transform of `n` samples."""
    cosine = np.cos(2 * np.pi * np.arange(n // 2 + 1) / n)
    power = np.ones(len(cosine))
    for top, bottom in (_SHELF, _HIGH_PASS):
        power *= _squared(top, cosine) / np.maximum(_squared(bottom, cosine), 1e-30)
    return np.maximum(power, 0.0).astype(np.float32)


def _squared(taps: tuple[float, float, float], cosine: np.ndarray) -> np.ndarray:
    """Return the squared magnitude of a polynomial of second order on the unit circle, at angles of given cosine."""
    a, b, c = taps
    return (a - c) ** 2 + b * b + (2 * b * (a + c) + 4 * a * c * cosine) * cosine


def energy(spectrum: np.ndarray, n: int) -> float:
    """Return the K-weighted energy (sum of squares) of a signal from its real transform of `n` samples."""
    squares = spectrum.real**2 + spectrum.imag**2
    return float(2.0 * np.sum(squares * k_power(n), dtype=np.float64) / n)


def lufs(energy_sum: float, samples: int) -> float:
    """Return the ungated loudness of channels whose K-weighted energies add up to `energy_sum`."""
    return _OFFSET + 10 * float(np.log10(max(energy_sum, 1e-20) / samples))


def loudness_of(note: np.ndarray, seconds: float) -> float:
    """Return the K-weighted RMS of a mono sound's first `seconds` (it is 1 for a full-scale square)."""
    n = round(seconds * SAMPLE_RATE)
    head = note[:n]
    return float(np.sqrt(energy(fft.rfft(head, n), n) / n))
