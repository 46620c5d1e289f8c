"""Resampling."""

from __future__ import annotations

import soxr
import torch


def resample(waveform: torch.Tensor, orig_freq: int, new_freq: int) -> torch.Tensor:
    """Return sound (channels, samples) at another rate."""
    if orig_freq == new_freq:
        return waveform
    sound = soxr.resample(waveform.detach().cpu().numpy().T, orig_freq, new_freq)
    return torch.from_numpy(sound.T.copy()).to(waveform)
