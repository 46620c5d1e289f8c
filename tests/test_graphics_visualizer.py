"""Visualisers: they follow the sound, rest at the ends, and stay in their rectangle."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from podcast.episode import SAMPLE_RATE, samples_at
from podcast.errors import ConfigError
from podcast.graphics.layout import Rect, arrange
from podcast.graphics.visualizer import STYLES, Visualizer, VisualizerStyle

RATE, FRAMES = Fraction(25), 150


def syllables() -> np.ndarray:
    """Return a buzz whose loudness swings slowly, with a pause in its middle third."""
    t = np.arange(FRAMES * 1920) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 40))
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * t / 2.0)
    return (0.2 * buzz * swing * ((t < 2) | (t > 4))).astype(np.float32)


def envelope(sound: np.ndarray) -> np.ndarray:
    edges = [samples_at(i, RATE) for i in range(FRAMES + 1)]
    return np.array([np.sqrt((sound[a:b] ** 2).mean()) for a, b in pairwise(edges)])


@pytest.fixture(scope="module")
def sound():
    return syllables()


def ink(layer: np.ndarray) -> float:
    return float(layer[..., 3].sum())


@pytest.mark.parametrize("style", STYLES)
def test_the_picture_follows_the_loudness(sound, style):
    rect = Rect(0, 0, 200, 200) if style == "circular" else arrange(1920, 1080, 1).visualizer
    drawn = Visualizer(sound, FRAMES, RATE, rect, VisualizerStyle(style))
    if style == "waveform":
        seen = np.array([np.ptp(np.flatnonzero((drawn.draw(i)[..., 3] > 200).any(1))) for i in range(FRAMES)], float)
    else:
        seen = np.array([ink(drawn.draw(i)) for i in range(FRAMES)])
    assert np.corrcoef(seen, envelope(sound) ** 0.5)[0, 1] > 0.75


@pytest.mark.parametrize("style", STYLES)
def test_every_slot_begins_and_ends_at_rest(sound, style):
    rect = Rect(0, 0, 240, 120)
    loud = Visualizer(sound[9600:], 40, RATE, rect, VisualizerStyle(style))
    quiet = Visualizer(np.zeros(0, np.float32), 40, RATE, rect, VisualizerStyle(style))
    assert np.array_equal(loud.draw(0), quiet.draw(0))
    assert np.array_equal(loud.draw(39), quiet.draw(39))
    assert loud.at(0) == loud.at(39) == quiet.at(20)
    assert np.array_equal(loud.placed(loud.at(0))[0].layer, quiet.draw(5))
    assert not np.array_equal(loud.draw(20), quiet.draw(20))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 360)])
@pytest.mark.parametrize("frames", [0, 1, 2, 30])
def test_any_size_and_length(sound, style, size, frames):
    layout = arrange(*size, 0)
    rect = layout.circle if style == "circular" else layout.visualizer
    drawn = Visualizer(sound, frames, RATE, rect, VisualizerStyle(style, large=True))
    for i in range(frames):
        layer = drawn.draw(i)
        assert layer.shape == (rect.h, rect.w, 4) and layer.dtype == np.uint8
        assert layer[..., 3].any()
        assert (layer[..., 0] <= layer[..., 3].astype(int) + 1).all()  # premultiplied


def test_frequencies_have_their_place():
    t = np.arange(48_000) / SAMPLE_RATE
    for hz, low in ((150, True), (5000, False)):
        tone = (0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32)
        levels = Visualizer(tone, 25, RATE, Rect(0, 0, 600, 60)).levels[12]
        middle, edges = levels[24:40].max(), max(levels[:12].max(), levels[-12:].max())
        assert (middle > edges) == low


def test_style_is_checked():
    with pytest.raises(ConfigError, match="bars, waveform, circular"):
        VisualizerStyle("spiral")
    with pytest.raises(ConfigError, match="opacity"):
        VisualizerStyle(opacity=3)


def test_opacity_and_colour_reach_the_picture(sound):
    full = Visualizer(sound, FRAMES, RATE, Rect(0, 0, 400, 60), VisualizerStyle(opacity=1.0)).draw(25).copy()
    half = Visualizer(sound, FRAMES, RATE, Rect(0, 0, 400, 60), VisualizerStyle(opacity=0.5)).draw(25).copy()
    assert int(half[..., 3].max()) == pytest.approx(int(full[..., 3].max()) / 2, abs=2)
    blue = Visualizer(sound, FRAMES, RATE, Rect(0, 0, 400, 60), VisualizerStyle(colour="#2050ff")).draw(25)
    assert blue[30, 200:210, 1].mean() > full[30, 200:210, 1].mean() + 20  # U
