"""The sound's building blocks, measured against independent meters and for any size of block."""


from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, resample_poly, sosfilt

from podcast.episode import SAMPLE_RATE
from podcast.sound.control import HOP, decibels, expand
from podcast.sound.ducking import Ducking, DuckingCurve, phrases
from podcast.sound.limiter import LIMIT_CONTEXT, limiter_gains
from podcast.sound.loudness import PEAK_CONTEXT, SILENCE, Meter, PeakMeter, hop_peaks, loudness_of
from podcast.sound.voice import VOICE_DELAY, VoiceChain


def tone(frequency: float, level_db: float, secs: float, phase: float = 0.0) -> np.ndarray:
    time = np.arange(round(secs * SAMPLE_RATE)) / SAMPLE_RATE
    return 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * time + phase)


def noise(secs: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((round(secs * SAMPLE_RATE), 2)).astype(np.float32)


def measure(sound: np.ndarray, block: int = 100_000) -> float:
    meter = Meter()
    for start in range(0, len(sound), block):
        meter.add(sound[start : start + block])
    return meter.integrated()


def peak_of(sound: np.ndarray, block: int = 100_000) -> float:
    meter = PeakMeter()
    for start in range(0, len(sound), block):
        meter.add(sound[start : start + block].astype(np.float32))
    return meter.dbtp()


def test_a_stereo_tone_of_minus_23_dbfs_has_minus_23_lufs():
    sound = np.stack([tone(1000, -23, 20)] * 2, 1)  # EBU Tech 3341, case 1
    assert measure(sound) == pytest.approx(-23.0, abs=0.1)


def test_quiet_passages_are_gated_away():
    parts = [np.stack([tone(1000, level, secs)] * 2, 1) for level, secs in [(-36, 10), (-23, 60), (-36, 10)]]
    assert measure(np.concatenate(parts)) == pytest.approx(-23.0, abs=0.1)  # EBU Tech 3341, case 3


@pytest.mark.parametrize("colour", [200, 2000, 15_000])
def test_loudness_agrees_with_another_meter(colour):
    sound = sosfilt(butter(1, colour, fs=SAMPLE_RATE, output="sos"), noise(8), axis=0) * 0.2
    sound[: 3 * SAMPLE_RATE] *= 0.05
    assert measure(sound) == pytest.approx(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(sound), abs=0.1)


@pytest.mark.parametrize("secs", [0.2, 1.0, 3.3])
def test_a_whole_sound_is_measured_as_a_stream_is(secs: float) -> None:
    sound = noise(secs)[:, 0] * np.linspace(0.01, 0.3, round(secs * SAMPLE_RATE), dtype=np.float32)
    stream = measure(np.stack([sound, np.zeros_like(sound)], 1))
    assert loudness_of(sound) == pytest.approx(stream, abs=0.15)


def test_silence_has_no_loudness() -> None:
    assert loudness_of(np.zeros(SAMPLE_RATE, np.float32)) == SILENCE


def test_loudness_does_not_depend_on_the_blocks():
    sound = noise(3) * 0.1
    assert measure(sound, 1000) == pytest.approx(measure(sound, len(sound)), abs=1e-9)


def test_silence_and_moments_have_a_loudness():
    assert measure(np.zeros((SAMPLE_RATE, 2))) == SILENCE
    assert measure(np.zeros((0, 2))) == SILENCE
    assert -45 < measure(noise(0.2) * 0.01) < -30


@pytest.mark.parametrize(("divisor", "phase"), [(4, 45), (6, 60), (8, 67.5)])
def test_true_peak_between_samples_is_found(divisor, phase):
    sound = np.stack([tone(SAMPLE_RATE / divisor, -6, 0.5, np.radians(phase))] * 2, 1)  # EBU Tech 3341, cases 15-18
    fade = np.minimum(1, np.arange(len(sound)) / 2400)
    assert peak_of(sound * np.minimum(fade, fade[::-1])[:, None]) == pytest.approx(-6.0, abs=0.2)


@pytest.mark.parametrize("block", [777, 48_000, 200_000])
def test_true_peak_agrees_with_oversampling_everything(block):
    sound = sosfilt(butter(4, 16_000, fs=SAMPLE_RATE, output="sos"), noise(3), axis=0) * 0.1
    assert peak_of(sound, block) == pytest.approx(decibels(np.abs(resample_poly(sound, 16, 1)).max()), abs=0.15)


def test_the_peak_of_the_last_sample_counts():
    sound = np.zeros((500, 2), np.float32)
    sound[-1, 1] = 0.5
    assert peak_of(sound, 100) >= decibels(0.5) - 0.01


peak_lists = st.lists(st.one_of(st.floats(0, 1), st.floats(0, 8)), min_size=1, max_size=400)


@given(peak_lists, st.floats(0.1, 1))
def test_the_limiter_lets_no_peak_through(peaks, ceiling):
    gains = expand(limiter_gains(np.array(peaks), ceiling)).reshape(-1, HOP)
    assert (gains * np.array(peaks)[:, None] <= ceiling * (1 + 1e-5)).all()
    assert gains.max() <= 1


def test_the_limiter_lets_go_again_and_leaves_quiet_sound_alone():
    peaks = np.full(1000, 0.1)
    peaks[300] = 2.0
    gains = limiter_gains(peaks, 0.9)
    assert gains[:280].min() == 1 and gains[290] > 0.99 and gains[500:].min() == pytest.approx(1)
    assert gains[300] <= 0.45


def test_limiter_gains_depend_on_their_surroundings_only():
    peaks = np.abs(np.random.default_rng(3).standard_normal(5000)) * 0.6
    whole = limiter_gains(peaks, 0.5)
    part = limiter_gains(peaks[1000 : 3000 + 2 * LIMIT_CONTEXT], 0.5)
    inner = slice(LIMIT_CONTEXT, LIMIT_CONTEXT + 2000)
    assert np.allclose(part[inner], whole[1000:][inner], atol=1e-12)


def test_hop_peaks_see_between_samples_near_the_ceiling():
    sound = np.stack([tone(12_000, 0, 0.02, np.pi / 4)] * 2, 1).astype(np.float32)  # samples at 0.707 only
    sound = sound[: 10 * HOP + 2 * PEAK_CONTEXT]
    assert hop_peaks(sound, 0.9).min() == pytest.approx(1, abs=0.03)
    assert hop_peaks(sound, 5.0).max() == pytest.approx(0.707, abs=0.01)


DUCKING = Ducking(depth_db=12, fall=0.35, hold=0.15, rise=1.0, bridge=1.6)


def gain_db(speech: list[tuple[float, float]], at: float) -> float:
    spans = [(round(a * SAMPLE_RATE), round(b * SAMPLE_RATE)) for a, b in speech]
    return decibels(DuckingCurve(spans, DUCKING).gains(round(at * SAMPLE_RATE), 1)[0])


def test_music_is_down_when_speech_begins_and_up_again_after_it():
    speech = [(5.0, 8.0)]
    assert [gain_db(speech, t) for t in (0, 4.64)] == [0, 0]
    assert gain_db(speech, 4.825) == pytest.approx(-6, abs=0.1)  # half way
    assert [gain_db(speech, t) for t in (5.0, 6.0, 8.0, 8.14)] == pytest.approx([-12] * 4)
    assert gain_db(speech, 8.65) == pytest.approx(-6, abs=0.1)
    assert gain_db(speech, 9.2) == 0


def test_music_does_not_pump_in_short_gaps_and_rises_in_long_ones():
    speech = [(1.0, 2.0), (3.5, 4.0), (6.0, 7.0)]
    assert max(gain_db(speech, t) for t in np.arange(1.0, 4.0, 0.05)) == pytest.approx(-12)
    assert max(gain_db(speech, t) for t in np.arange(4.0, 6.0, 0.01)) == 0


intervals = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), max_size=20)


@given(intervals, st.integers(0, 100_000))
def test_phrases_cover_all_speech_and_keep_only_long_gaps(found, bridge):
    speech = [(start, start + length) for start, length in found]
    joined = phrases(speech, bridge)
    assert all(any(a <= start and end <= b for a, b in joined) for start, end in speech)
    assert all(b[0] - a[1] >= bridge for a, b in pairwise(joined))


@given(intervals, st.integers(1, 40))
@settings(max_examples=30)
def test_the_ducking_curve_is_the_same_in_any_blocks(found, hops):
    curve = DuckingCurve([(start, start + length) for start, length in found], DUCKING)
    whole = curve.gains(0, 200)
    parts = [curve.gains(k * HOP, min(hops, 200 - k))[:-1] for k in range(0, 200, hops)]
    assert np.array_equal(np.concatenate(parts), whole[:-1])


def voice_like(secs: float) -> np.ndarray:
    """Return vowels (a buzz) and sibilants (high noise) in turns, with rumble below."""
    buzz = sum(tone(140 * k, -20 - 2 * k, secs) for k in range(1, 20))
    hiss = sosfilt(butter(4, 6000, "high", fs=SAMPLE_RATE, output="sos"), noise(secs)[:, 0]) * 0.1
    turns = np.arange(len(buzz)) // (SAMPLE_RATE // 4) % 3
    return np.where(turns == 0, buzz, np.where(turns == 1, hiss, 0)) + tone(25, -30, secs)


def rms_db(sound: np.ndarray) -> float:
    return decibels(float(np.sqrt(np.mean(sound**2))))


@pytest.mark.parametrize("block", [HOP, 7 * HOP, 4800, 96_000])
def test_the_voice_chain_is_the_same_in_any_blocks(block):
    sound = voice_like(2)
    chain, whole = VoiceChain(), VoiceChain().process(sound)
    parts = [chain.process(sound[i : i + block]) for i in range(0, len(sound), block)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_voice_chain_delays_by_what_it_says():
    sound = noise(1)[:, 0] * 0.001
    heard = VoiceChain().process(sound)
    found = np.correlate(heard[VOICE_DELAY - 50 : VOICE_DELAY + 20_000], sound[:20_000], "valid")
    assert abs(np.argmax(found) - 50) <= 1


def test_the_voice_chain_removes_rumble():
    sound = tone(25, -20, 2)
    assert rms_db(VoiceChain().process(sound)[SAMPLE_RATE:]) < rms_db(sound) - 12


def test_the_voice_chain_evens_levels_out():
    steps = np.concatenate([tone(400, -32, 1), tone(400, -12, 1)])
    heard = VoiceChain().process(np.append(steps, np.zeros(VOICE_DELAY)))[VOICE_DELAY:]
    quiet, loud = rms_db(heard[24_000:48_000]), rms_db(heard[72_000:96_000])
    assert 8 < loud - quiet < 16


def test_loud_sibilants_are_softened_and_quiet_ones_kept():
    hiss = sosfilt(butter(4, 6000, "high", fs=SAMPLE_RATE, output="sos"), noise(2)[:, 0])
    change = [rms_db(VoiceChain().process(hiss * level)[24_000:]) - rms_db(hiss * level) for level in (0.003, 0.1)]
    assert change[0] - change[1] > 5
