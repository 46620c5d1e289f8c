"""SciPy's filters, loaded at the first use: half a second that only the mastering should pay."""

from __future__ import annotations

import numpy as np


def sosfilt(sections: np.ndarray, signal: np.ndarray, zi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Filter `signal` (..., n) through second-order sections from the state `zi`; return it and the new state."""
    from scipy.signal import sosfilt as run

    done, state = run(sections, signal, zi=zi)
    return done, state


def butterworth(order: int, frequency: float, kind: str, rate: int) -> np.ndarray:
    """Return a Butterworth filter ("high" or "low", Hz) as second-order sections."""
    from scipy.signal import butter

    return np.asarray(butter(order, frequency, kind, fs=rate, output="sos"))


def lowpass_kernel(taps: int, cutoff: float) -> np.ndarray:
    """Return a linear-phase low-pass (Kaiser window, beta 5); `cutoff` as a share of the Nyquist frequency."""
    from scipy.signal import firwin

    return np.asarray(firwin(taps, cutoff, window=("kaiser", 5.0)))
