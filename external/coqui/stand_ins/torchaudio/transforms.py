"""Mel spectra on the scale of HTK; buffers are named as checkpoints name them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


class Spectrogram(nn.Module):
    """Power spectrum by frames, mirrored at the ends."""

    def __init__(self, n_fft: int, win_length: int, hop_length: int, power: float, window: torch.Tensor) -> None:
        super().__init__()
        self.n_fft, self.win_length, self.hop_length, self.power = n_fft, win_length, hop_length, power
        self.register_buffer("window", window)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return (..., frequencies, frames) of (..., samples)."""
        flat = waveform.reshape(-1, waveform.shape[-1])
        spectrum = torch.stft(flat, self.n_fft, self.hop_length, self.win_length, self.window, center=True,
                              pad_mode="reflect", return_complex=True).abs()  # fmt: skip
        return (spectrum**self.power).reshape(*waveform.shape[:-1], *spectrum.shape[-2:])


class MelScale(nn.Module):
    """Triangles that overlap by half."""

    def __init__(self, n_mels: int, rate: int, low: float, high: float, bins: int, norm: str | None) -> None:
        super().__init__()
        self.register_buffer("fb", triangles(n_mels, rate, low, high, bins, norm))

    def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Return (..., mels, frames) of (..., frequencies, frames)."""
        return (spectrum.transpose(-1, -2) @ self.fb).transpose(-1, -2)


class MelSpectrogram(nn.Module):
    """Power spectrum by frames on the mel scale."""

    def __init__(
        self, sample_rate: int = 16000, n_fft: int = 400, win_length: int | None = None, hop_length: int | None = None,
        f_min: float = 0.0, f_max: float | None = None, n_mels: int = 128, power: float = 2.0,
        normalized: bool = False, norm: str | None = None,
        window_fn: Callable[[int], torch.Tensor] = torch.hann_window,
    ) -> None:  # fmt: skip
        super().__init__()
        if normalized:
            raise NotImplementedError("normalized spectra")
        length = win_length or n_fft
        self.spectrogram = Spectrogram(n_fft, length, hop_length or length // 2, power, window_fn(length))
        self.mel_scale = MelScale(n_mels, sample_rate, f_min, f_max or sample_rate / 2, n_fft // 2 + 1, norm)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return (..., mels, frames) of (..., samples)."""
        return self.mel_scale(self.spectrogram(waveform))


def triangles(n_mels: int, rate: int, low: float, high: float, bins: int, norm: str | None) -> torch.Tensor:
    """Return the weight of each frequency in each mel band (frequencies, mels); "slaney" gives bands equal areas."""
    frequencies = torch.linspace(0, rate // 2, bins)
    ends = torch.tensor([low, high], dtype=torch.float64)
    mels = 2595.0 * torch.log10(1.0 + ends / 700.0)
    edges = (700.0 * (10 ** (torch.linspace(mels[0], mels[1], n_mels + 2) / 2595.0) - 1.0)).float()
    widths = edges.diff()
    rising = (frequencies[:, None] - edges[None, :-2]) / widths[None, :-1]
    falling = (edges[None, 2:] - frequencies[:, None]) / widths[None, 1:]
    weights = torch.minimum(rising, falling).clamp(min=0)
    return weights * (2.0 / (edges[2:] - edges[:-2])) if norm == "slaney" else weights
