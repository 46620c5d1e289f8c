"""Soft percussion: sounds made of sines and filtered noise, and the patterns of the kits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from podcast.engines.composer.cue import chance
from podcast.engines.composer.struck import ring
from podcast.episode import SAMPLE_RATE

VARIANTS = 3  # of each noisy sound, so that no two strokes in a row are the same

# sixteenths of a bar: digits are velocities in tenths, dots are rests; a "|" divides alternating bars
KITS: dict[str, dict[str, str]] = {
    "shaker": {"shaker": "5.3.6.3.5.3.6.34"},
    "folk": {"shaker": "6.3.5.3.6.3.5.34", "softkick": "7.......5.......|7.......5.5.....", "rim": "....3.......3..."},
    "brushes": {"brush": "....5.......5...", "sweep": "4.......4.......", "ride": "5...4.3.5...4.3.",
        "softkick": "4...............|4.........3....."},
    "lofi": {"softkick": "8.....4.7.......|8......57.4.....", "snare": "....6.......6...", "hat": "4.3.4.3.4.3.4.33",
        "crackle": "5..............."},
    "claps": {"kick": "6...6...6...6...", "clap": "....5.......5...", "shaker": "4.5.4.5.4.5.4.54"},
    "pop": {"kick": "7.....3.7.......|7.....3.7..3....", "rim": "....5.......5...", "shaker": "4353435343534354"},
    "news": {"kick": "8.....5.8.......|8.....5.8.....5.", "rim": "....5.......5..3", "tick": "5343534353435343",
        "tom": "................|............4.5."},
    "electronic": {"kick": "8...8...8...8...", "hat": "..5...5...5...5.", "clap": "....4.......4...",
        "tick": "3.23.3..3.23.3.3|3.23.3..3.2.33.3"},
    "heartbeat": {"heart": "7..5............", "tick": "4...3...4...3...",
        "sweep": "................|............3..."},
    "toms": {"tom": "7.....4.5.......|7.....4.5...4.5.", "lowtom": "6...............",
        "swell": "................|................|................|6..............."},
}  # fmt: skip
GAINS = {  # of a stroke at full velocity, full scale; measured to sit below the chords
    "kick": 0.165, "softkick": 0.145, "snare": 0.065, "rim": 0.045, "brush": 0.06, "sweep": 0.03, "hat": 0.02,
        "shaker": 0.026,
    "clap": 0.05, "tick": 0.024, "tom": 0.13, "lowtom": 0.17, "heart": 0.20, "ride": 0.024, "swell": 0.045,
        "crackle": 0.015,
}  # fmt: skip
PANS = {
    "hat": 0.3,
    "shaker": -0.35,
    "ride": 0.35,
    "tick": 0.45,
    "rim": -0.15,
    "tom": -0.25,
    "brush": 0.1,
    "clap": -0.05,
}
WET = {
    "kick": 0.05,
    "softkick": 0.05,
    "heart": 0.2,
    "lowtom": 0.5,
    "tom": 0.5,
    "clap": 0.5,
    "swell": 0.6,
    "crackle": 0.0,
}


def _noise(seconds: float, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise between two frequencies with soft edges, RMS 1."""
    n = round(seconds * SAMPLE_RATE)
    hertz = fft.rfftfreq(n, 1 / SAMPLE_RATE)
    shape = 1 / np.sqrt(1 + (hertz / high) ** 6) / np.sqrt(1 + (low / np.maximum(hertz, 1.0)) ** 4)
    wave = fft.irfft(fft.rfft(rng.standard_normal(n)) * shape, n)
    return wave / np.sqrt(np.mean(wave**2))


def _decay(n: int, attack: float, tau: float) -> np.ndarray:
    t = np.arange(n) / SAMPLE_RATE
    return np.minimum(t / attack, 1.0) * np.exp(-np.maximum(t - attack, 0) / tau)


def _thump(high: float, low: float, fall: float, tau: float, seconds: float) -> np.ndarray:
    """Return a sine that falls from `high` to `low` Hz, as of a skin that was struck."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    turns = low * t + (high - low) * fall * (1 - np.exp(-t / fall))
    return np.sin(2 * np.pi * turns) * np.exp(-t / tau) * np.minimum(t / 0.003, 1.0)


def _heart() -> np.ndarray:
    return _thump(70, 44, 0.04, 0.11, 0.6)


def _clap(rng: np.random.Generator) -> np.ndarray:
    burst = _noise(0.25, 900, 3200, rng)
    shape = _decay(len(burst), 0.001, 0.006)
    for delay in (0.011, 0.023):
        at = round(delay * SAMPLE_RATE)
        shape[at:] += _decay(len(burst) - at, 0.001, 0.008 if delay < 0.02 else 0.055)
    return 0.35 * burst * shape


def _metal(rng: np.random.Generator, tau: float) -> np.ndarray:
    frequencies = np.array([1430.0, 2310, 3170, 4210, 5390, 6730])
    n = round(5 * tau * SAMPLE_RATE)
    tone = ring(
        frequencies, np.array([0.3, 0.3, 0.25, 0.2, 0.15, 0.1]), tau * np.array([1.2, 1, 0.9, 0.7, 0.6, 0.5]), n
    )
    return 0.6 * tone + 0.12 * _noise(n / SAMPLE_RATE, 3000, 7500, rng) * _decay(n, 0.002, tau * 0.6)


def _crackle(rng: np.random.Generator) -> np.ndarray:
    """Return two seconds of a worn record: rare, dull ticks and a breath of hiss."""
    n = 2 * SAMPLE_RATE
    ticks = np.where(rng.random(n) < 12 / SAMPLE_RATE, rng.normal(0, 1, n), 0.0)
    hertz = fft.rfftfreq(n, 1 / SAMPLE_RATE)
    dull = fft.irfft(fft.rfft(ticks) / np.sqrt(1 + (hertz / 2200) ** 4), n)
    edge = np.minimum(1.0, np.minimum(np.arange(n), np.arange(n)[::-1]) / 4800)
    return (6.0 * dull + 0.05 * _noise(2.0, 400, 4000, rng)) * edge


def _swell(rng: np.random.Generator) -> np.ndarray:
    wave = _noise(3.2, 1200, 6000, rng)
    t = np.linspace(0, 1, len(wave))
    return 0.3 * wave * np.where(t < 0.7, (t / 0.7) ** 3, np.maximum(0, (1 - t) / 0.3) ** 2)


@lru_cache(256)
def stroke(name: str, variant: int) -> np.ndarray:
    """Return one of the sounds of a percussion instrument, mono float32, about full scale."""
    rng = chance("drum", name, variant)
    n = round(0.35 * SAMPLE_RATE)
    if name in ("kick", "softkick"):
        sound = _thump(120 if name == "kick" else 90, 46, 0.028, 0.13, 0.6)
    elif name in ("tom", "lowtom"):
        sound = _thump(150, 98, 0.05, 0.22, 1.0) if name == "tom" else _thump(95, 58, 0.06, 0.34, 1.6)
    elif name == "heart":
        sound = _heart()
    elif name == "snare":
        sound = 0.5 * _thump(230, 180, 0.02, 0.05, 0.35) + 0.28 * _noise(0.35, 900, 4200, rng) * _decay(n, 0.002, 0.07)
    elif name == "rim":
        sound = ring(np.array([430.0, 1050, 1690]), np.array([0.5, 0.6, 0.3]), np.array([0.018, 0.012, 0.008]), n)
    elif name == "tick":
        sound = ring(
            np.array([1250.0, 2480, 3900]) * (1 + 0.02 * variant),
            np.array([0.7, 0.4, 0.15]),
            np.array([0.02, 0.01, 0.006]),
            n,
        )
    elif name == "brush":
        sound = 0.4 * _noise(0.35, 1000, 4500, rng) * _decay(n, 0.012, 0.07)
    elif name == "sweep":
        sound = 0.3 * _noise(0.9, 1200, 4500, rng) * np.sin(np.linspace(0, np.pi, round(0.9 * SAMPLE_RATE))) ** 2
    elif name == "hat":
        sound = 0.4 * _noise(0.35, 4500, 8500, rng) * _decay(n, 0.001, 0.022)
    elif name == "shaker":
        sound = 0.4 * _noise(0.35, 3000, 7000, rng) * _decay(n, 0.028, 0.028)
    else:
        sound = {"clap": _clap, "crackle": _crackle, "swell": _swell}.get(name, lambda r: _metal(r, 0.28))(rng)
    tail = min(480, len(sound))
    sound[-tail:] *= np.linspace(1, 0, tail)
    return sound.astype(np.float32)
