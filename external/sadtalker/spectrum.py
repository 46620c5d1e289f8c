"""The two functions of librosa 0.9 that upstream's mel spectrogram calls, on NumPy and SciPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import get_window

# The mel scale of Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above.
_LINEAR_STEP = 200.0 / 3  # Hz per mel
_BREAK = 1000.0  # Hz
_LOG_STEP = np.log(6.4) / 27.0


def stft(y: Any, n_fft: int, hop_length: int, win_length: int) -> Any:
    """Return the short-time Fourier transform of `y`, frames centred: (1 + n_fft/2, frames), complex64."""
    window = np.zeros(n_fft)
    start = (n_fft - win_length) // 2
    window[start : start + win_length] = get_window("hann", win_length, fftbins=True)
    padded = np.pad(np.asarray(y, dtype=np.float64), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    return np.fft.rfft(frames * window, axis=1).T.astype(np.complex64)


def mel_filters(sr: float, n_fft: int, n_mels: int, fmin: float, fmax: float) -> Any:
    """Return triangular filters of equal area: (n_mels, 1 + n_fft/2), float32."""
    edges = _hertz(np.linspace(_mel(fmin), _mel(fmax), n_mels + 2))
    bins = np.linspace(0, sr / 2, 1 + n_fft // 2)
    widths = np.diff(edges)
    slopes = edges[:, None] - bins[None]
    falling, rising = slopes[2:] / widths[1:, None], -slopes[:-2] / widths[:-1, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def _mel(hertz: float) -> float:
    if hertz < _BREAK:
        return hertz / _LINEAR_STEP
    return _BREAK / _LINEAR_STEP + float(np.log(hertz / _BREAK)) / _LOG_STEP


def _hertz(mel: Any) -> Any:
    break_mel = _BREAK / _LINEAR_STEP
    above = _BREAK * np.exp(_LOG_STEP * np.maximum(mel - break_mel, 0))
    return np.where(mel < break_mel, mel * _LINEAR_STEP, above)
