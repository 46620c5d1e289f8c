"""Time: samples and frames, converted in one place, never drifting."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from podcast.episode import SAMPLE_RATE, frames_for, samples, samples_at, seconds

RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(50), Fraction(60), Fraction(30000, 1001)])


@given(st.integers(0, 10**9), RATES)
def test_frames_cover_the_samples_and_no_frame_more(length: int, rate: Fraction) -> None:
    frames = frames_for(length, rate)
    assert samples_at(frames, rate) >= length
    assert frames == 0 or samples_at(frames - 1, rate) < length


@given(st.integers(0, 10**7), RATES)
def test_a_frame_begins_within_a_sample_of_its_time(frame: int, rate: Fraction) -> None:
    exact = frame * SAMPLE_RATE / rate
    assert 0 <= samples_at(frame, rate) - exact < 1


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_whole_rates_add_up(a: int, b: int) -> None:
    for rate in (24, 25, 30, 50, 60):
        fps = Fraction(rate)
        assert samples_at(a, fps) + samples_at(b, fps) == samples_at(a + b, fps)


@given(st.integers(0, 10**9))
def test_seconds_and_back(length: int) -> None:
    assert samples(seconds(length)) == length
