"""Loudness and true peak after ITU-R BS.1770-4, streaming."""

from __future__ import annotations

from functools import cache

import numpy as np

from podcast.sound.control import HOP, decibels
from podcast.sound.filters import lowpass_kernel, sosfilt

LOUDNESS_HOP = 4800  # samples: 100 ms, the step of BS.1770's gating blocks at 48 kHz
_BLOCK_HOPS = 4  # a gating block lasts 400 ms
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU below the mean of the blocks that passed the absolute gate
_OFFSET = -0.691  # dB; BS.1770-4, equation 2
SILENCE = float("-inf")  # LUFS of what no block's level lifts over the absolute gate

_K_WEIGHTING = np.array(  # BS.1770-4, tables 1 and 2, for 48 kHz
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)

_PHASES = 4  # BS.1770-4, annex 2: at least four times oversampling at 48 kHz
_TAPS = 16  # samples that an oversampled value is made from; flat within 0.1 dB up to 20 kHz
_BEFORE = _TAPS // 2 - 1
PEAK_CONTEXT = _TAPS  # samples needed on either side of a block for exact peaks
_WORTH_A_LOOK = 0.7  # of the level of interest: samples 3 dB below it may hide an inter-sample peak above it


@cache
def _interpolators() -> np.ndarray:
    """Return the phases between two samples as columns (_TAPS, _PHASES - 1)."""
    kernel = lowpass_kernel(_TAPS * _PHASES - 1, 1 / _PHASES) * _PHASES
    phases = np.append(kernel, 0.0).reshape(_TAPS, _PHASES)
    phases = np.stack([phases[::-1, (phase - 1) % _PHASES] for phase in (3, 2, 1)], 1)
    return (phases / phases.sum(0)).astype(np.float32)


class Meter:
    """Measures stereo sound that arrives in blocks of any size."""

    def __init__(self) -> None:
        self._state = np.zeros((len(_K_WEIGHTING), 2, 2))
        self._rest = np.zeros(0)
        self._energies: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Take the next samples, float (n, 2)."""
        if not len(block):
            return
        weighted, self._state = sosfilt(_K_WEIGHTING, block.T.astype(np.float64), zi=self._state)
        power = np.concatenate([self._rest, np.einsum("ij,ij->j", weighted, weighted)])
        whole = len(power) // LOUDNESS_HOP * LOUDNESS_HOP
        self._energies.append(power[:whole].reshape(-1, LOUDNESS_HOP).mean(1))
        self._rest = power[whole:]

    def energies(self) -> np.ndarray:
        """Return the K-weighted mean square of every 100 ms, both channels added.

        What is shorter than a gating block is one block, padded with silence.
        """
        found = np.concatenate([*self._energies, np.zeros(0)])
        if len(found) >= _BLOCK_HOPS:
            return found
        found = np.append(found, self._rest.sum() / LOUDNESS_HOP)
        return np.pad(found, (0, max(0, _BLOCK_HOPS - len(found))))

    def integrated(self) -> float:
        """Return the integrated loudness in LUFS."""
        return integrated(self.energies())


def loudness_of(sound: np.ndarray) -> float:
    """Return the integrated loudness in LUFS of a whole mono sound (n,) at 48 kHz.

    The filter is applied to the spectrum: for a short sound that is as quick as `Meter`, and needs no SciPy.
    """
    size = 1 << int(np.ceil(np.log2(len(sound) + LOUDNESS_HOP)))  # room for the filter to ring out
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.prod([np.polyval(s[2::-1], z) / np.polyval(s[:2:-1], z) for s in _K_WEIGHTING], axis=0)
    weighted = np.fft.irfft(np.fft.rfft(sound, size) * response, size)[: len(sound)]
    power = np.pad(weighted**2, (0, max(0, _BLOCK_HOPS * LOUDNESS_HOP - len(sound))))
    return integrated(power[: len(power) // LOUDNESS_HOP * LOUDNESS_HOP].reshape(-1, LOUDNESS_HOP).mean(1))


def integrated(energies: np.ndarray) -> float:
    """Return the gated loudness in LUFS of energies as `Meter.energies` gives them."""
    blocks = np.convolve(energies, np.full(_BLOCK_HOPS, 1 / _BLOCK_HOPS), "valid")
    levels = _OFFSET + 10 * np.log10(np.maximum(blocks, 1e-30))
    loud = levels > _ABSOLUTE_GATE
    if not loud.any():
        return SILENCE
    gate = _OFFSET + 10 * np.log10(blocks[loud].mean()) + _RELATIVE_GATE
    return float(_OFFSET + 10 * np.log10(blocks[loud & (levels > gate)].mean()))


def oversampled(channel: np.ndarray, above: float) -> tuple[np.ndarray, np.ndarray]:
    """Return where (index of the sample before) and how high a channel peaks between its samples.

    Only places whose neighbouring samples come near `above` are looked at. `channel` is contiguous float32
    with `PEAK_CONTEXT` samples of context at both ends, in which no peaks are sought.
    """
    level = np.abs(channel)
    near = np.maximum(level[:-1], level[1:])[PEAK_CONTEXT:-PEAK_CONTEXT] > above * _WORTH_A_LOOK
    places = np.flatnonzero(near) + PEAK_CONTEXT
    windows = np.lib.stride_tricks.sliding_window_view(channel, _TAPS)
    values = windows[places - _BEFORE] @ _interpolators()
    return places, np.abs(values).max(1, initial=0.0).astype(np.float32)


def hop_peaks(block: np.ndarray, above: float) -> np.ndarray:
    """Return the peak of every hop over both channels, float32 (hops,); true peaks where it nears `above`.

    `block` is (PEAK_CONTEXT + hops * HOP + PEAK_CONTEXT, 2).
    """
    level = np.abs(block[PEAK_CONTEXT:-PEAK_CONTEXT])
    peaks = np.maximum(level[:, 0], level[:, 1]).reshape(-1, HOP).max(1)
    for channel in np.ascontiguousarray(block.T, np.float32):
        places, values = oversampled(channel, above)
        np.maximum.at(peaks, np.minimum((places - PEAK_CONTEXT) // HOP, len(peaks) - 1), values)
    return peaks


class PeakMeter:
    """Measures the true peak of stereo sound that arrives in blocks of any size."""

    def __init__(self) -> None:
        self._tail = np.zeros((2 * PEAK_CONTEXT, 2), np.float32)
        self._highest = 0.0

    def add(self, block: np.ndarray) -> None:
        """Take the next samples, float32 (n, 2)."""
        joined = np.concatenate([self._tail, block])
        self._tail = joined[-2 * PEAK_CONTEXT :]
        self._highest = max(self._highest, float(np.abs(block).max(initial=0.0)))
        for channel in np.ascontiguousarray(joined.T, np.float32):
            self._highest = max(self._highest, float(oversampled(channel, self._highest)[1].max(initial=0.0)))

    def dbtp(self) -> float:
        """Return the highest true peak so far in dBTP."""
        self.add(np.zeros((2 * PEAK_CONTEXT, 2), np.float32))  # what comes after the end is silence
        return decibels(self._highest)
