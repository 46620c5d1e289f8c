"""The melody of a recording: which of the twelve tones is the loudest, frame by frame."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import torch
from podcast_worker import Refused

FFT, HOP, TONES = 16384, 4096, 12  # as the melody models were taught
LENGTH = 30.0  # s that a model hears at once


def read(file: Path, rate: int) -> np.ndarray:
    """Return a wav file of 16 bits as mono sound.

    Raises:
        Refused: it is none, has another rate, or is empty.
    """
    try:
        with wave.open(str(file), "rb") as sound:
            found, channels, depth = sound.getframerate(), sound.getnchannels(), sound.getsampwidth()
            data = sound.readframes(sound.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise Refused("input", f"the melody {file.name} cannot be read: {error}", "give a tune") from error
    if found != rate or depth != 2:
        raise Refused("input", f"the melody {file.name} must have 16 bits at {rate} Hz", "")
    samples = np.frombuffer(data, "<i2").reshape(-1, channels).mean(1) / 32768
    if len(samples) < rate or np.abs(samples).max() < 1e-3:
        raise Refused("input", f"the melody {file.name} is shorter than a second, or silent", "give a longer recording")
    return samples.astype(np.float32)


class Tune:
    """A melody that repeats for as long as is wanted."""

    def __init__(self, samples: np.ndarray, rate: int) -> None:
        from transformers.audio_utils import chroma_filter_bank

        self.samples, self.rate = torch.from_numpy(samples), rate
        bank = chroma_filter_bank(sampling_rate=rate, num_frequency_bins=FFT, tuning=0, num_chroma=TONES)
        self.bank = torch.from_numpy(bank).float()

    def at(self, start: float) -> torch.Tensor:
        """Return the tones of the window that begins at a second: (frames, 12), 1 for the loudest."""
        first = round(start * self.rate)
        places = torch.arange(first, first + round(LENGTH * self.rate)) % len(self.samples)
        spectrum = torch.stft(self.samples[places], FFT, HOP, window=torch.hann_window(FFT), return_complex=True)
        tones = self.bank @ spectrum.abs().square()
        return torch.nn.functional.one_hot(tones.argmax(0), TONES).float()
