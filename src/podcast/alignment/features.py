"""What alignment compares: mel cepstra, their slopes and the level, one row per frame."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from podcast.episode import SAMPLE_RATE

HOP = SAMPLE_RATE // 100  # samples between frames: 10 ms
WINDOW = SAMPLE_RATE // 40  # samples: 25 ms, two periods of the deepest voice
BANDS = 40
LOWEST, HIGHEST = 80.0, 7000.0  # Hz, what tells speech sounds apart
PASSED = 7600.0  # Hz, the filter's edge: what is folded back from above lies over the highest band
CEPSTRA = 12  # without the zeroth, which is the level
LEVEL = 2 * CEPSTRA  # the column of `features` that it has, behind the cepstra and their slopes
PRE_EMPHASIS, PRE_EMPHASIS_RATE = 0.97, 16_000  # the usual coefficient and the rate it is meant for
BLOCK = 2_000  # frames analysed at once
THINNED = 3  # 48 kHz are brought down to 16: a third of the work, and nothing above 8 kHz is looked at
_DELAY = 24  # samples: half the length of the filter that does it
FLOOR = 1e-7  # of the loudest band: digital silence and dither look the same
RANGE = 50.0  # dB below the level of speech that count as level 0
ABOVE_NOISE = 1.0  # dB over the noise that still are level 0
LEAST_RANGE = 10.0  # dB
QUIETEST = 6  # percentile of the frames' levels up to which they are taken for background
SPEECH_LEVEL = 0.3  # of that range, above which a frame is speech
SILENT_SHARE = 0.4  # of a silent frame's spectrum that is kept: noise has no shape worth comparing
MASK = 1.5  # of the background's power, laid under both sounds: its flutter then hardly counts
RISE = 6.0  # weight of the level's slope


def frames_of(length: int) -> int:
    """Return the number of frames of so many samples; frame i is centred on sample i * HOP."""
    return length // HOP + 1


def mel(sound: np.ndarray) -> np.ndarray:
    """Return the power in mel bands, float32 (frames, BANDS), of mono 48 kHz sound."""
    width = WINDOW // THINNED
    thin = _thinned(np.pad(sound.astype(np.float32), (WINDOW // 2 + _DELAY, WINDOW + _DELAY)))
    views = np.lib.stride_tricks.sliding_window_view(thin, width)[:: HOP // THINNED][: frames_of(len(sound))]
    window, bank = np.hamming(width).astype(np.float32), _bank()
    out = np.empty((len(views), BANDS), np.float32)
    for at in range(0, len(views), BLOCK):
        spectrum = np.fft.rfft(views[at : at + BLOCK] * window, axis=1)[:, : len(bank)]
        out[at : at + BLOCK] = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ bank
    return out


def _thinned(sound: np.ndarray) -> np.ndarray:
    """Return every third sample of what the low-pass filter leaves; `_DELAY` samples are lost at either end."""
    taps, length = _lowpass(), (len(sound) - 2 * _DELAY) // THINNED
    phases = (np.correlate(sound[k::THINNED], taps[k::THINNED], "valid")[:length] for k in range(THINNED))
    out: np.ndarray = sum(phases, np.zeros(length, np.float32))
    return out


def mel_of(blocks: Iterator[np.ndarray], pooled: int) -> Iterator[np.ndarray]:
    """Yield the mean power of every `pooled` frames of a stream of mono blocks, as rows of `mel`."""
    rest, size, tail = np.zeros(0, np.float32), HOP * pooled * 200, WINDOW
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= size + tail:
            yield _pooled(mel(rest[: size + tail])[: size // HOP], pooled)
            rest = rest[size:]
    if len(rest):
        yield _pooled(mel(rest)[: max(1, len(rest) // HOP)], pooled)


def _pooled(power: np.ndarray, by: int) -> np.ndarray:
    missing = -len(power) % by
    power = np.concatenate([power, np.repeat(power[-1:], missing, 0)]) if missing else power
    return power.reshape(-1, by, BANDS).mean(1)


def level(power: np.ndarray) -> np.ndarray:
    """Return the level (dB) of rows of `mel`."""
    return 10 * np.log10(power.sum(1) + 1e-10)


def noise_of(power: np.ndarray) -> np.ndarray:
    """Return the background's power in every band: the mean of the quietest frames."""
    loud = level(power)
    return power[loud <= np.percentile(loud, QUIETEST)].mean(0)


def matched(power: np.ndarray, other: np.ndarray, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of `mel` of two sounds as if both were spoken as loud, in the second's noise.

    Around both lie `pad` frames of that noise, so that neither end is forced onto speech. Masking a clean reference
    costs less than cleaning the noisy sound: what the noise hides is hidden from both. A steady floor of the same
    colour then covers the noise's own flutter, which no reference can follow.
    """
    noise = noise_of(other)
    loudness = np.percentile(level(other), 95) - np.percentile(level(power), 95)
    power = power * np.float32(10 ** (loudness / 10)) + (1 + MASK) * noise
    other = other + MASK * noise
    rows = np.repeat((1 + MASK) * noise[None], pad, 0)
    return np.concatenate([rows, power, rows]), np.concatenate([rows, other, rows])


def features(power: np.ndarray) -> np.ndarray:
    """Return what is compared, float32 (frames, 26), of rows of `mel`.

    Spectra are relative to the background's, so that where nobody speaks all is zero, whatever hums there.
    """
    loud, noise = level(power), noise_of(power)
    top, low = np.percentile(loud, 95), level(noise[None])[0]
    loud = np.clip(1 + (loud - top) / min(RANGE, max(top - low - ABOVE_NOISE, LEAST_RANGE)), 0, 1.1)[:, None]
    least = FLOOR * power.max(initial=0.0) + 1e-12
    cepstra = (np.log(power + least) - np.log(noise + least)) @ _cosines()
    speech = loud[:, 0] > SPEECH_LEVEL
    if speech.any():
        cepstra = cepstra / (cepstra[speech].std() + 1e-6)
    cepstra = cepstra * (SILENT_SHARE + (1 - SILENT_SHARE) * np.clip(2 * loud, 0, 1))
    scale = 1 / np.sqrt(CEPSTRA)
    rise = np.gradient(loud, axis=0) if len(loud) > 1 else np.zeros_like(loud)
    return np.hstack([cepstra * scale, _slopes(cepstra) * scale, loud, RISE * rise]).astype(np.float32)


def _slopes(values: np.ndarray) -> np.ndarray:
    """Return the slope of every column over five frames (regression weights, Furui 1986, scaled)."""
    out = np.zeros_like(values)
    out[2:-2] = (2 * (values[4:] - values[:-4]) + values[3:-1] - values[1:-3]) / 4
    return out


@cache
def _lowpass() -> np.ndarray:
    """Return the filter before samples are left out, scaled so that powers stay those of 48 kHz."""
    at = np.arange(-_DELAY, _DELAY + 1)
    taps = np.sinc(2 * PASSED / SAMPLE_RATE * at) * np.hamming(len(at))
    return (THINNED * taps / taps.sum()).astype(np.float32)


@cache
def _bank() -> np.ndarray:
    """Return triangular mel filters (O'Shaughnessy's scale) with pre-emphasis, (bins, BANDS)."""
    hz = np.arange(WINDOW // THINNED // 2 + 1) * SAMPLE_RATE / WINDOW
    hz = hz[hz <= HIGHEST]
    low, high = (2595 * np.log10(1 + f / 700) for f in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    rising = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    emphasis = np.abs(1 - PRE_EMPHASIS * np.exp(-2j * np.pi * hz / PRE_EMPHASIS_RATE)) ** 2
    return (np.maximum(0, np.minimum(rising, falling)) * emphasis[:, None]).astype(np.float32)


@cache
def _cosines() -> np.ndarray:
    """Return the orthonormal cosine transform (type II) of the log bands, (BANDS, CEPSTRA)."""
    order, band = np.arange(1, CEPSTRA + 1), np.arange(BANDS)[:, None]
    return (np.sqrt(2 / BANDS) * np.cos(np.pi * order * (2 * band + 1) / (2 * BANDS))).astype(np.float32)
