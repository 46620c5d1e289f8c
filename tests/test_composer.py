"""The composer: words to settings, chords to voices, and what the finished sound is like."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from podcast.audio import read_wav
from podcast.bed import placements, render_music
from podcast.engines import music_engine
from podcast.engines.base import Music
from podcast.engines.composer.arrange import compose
from podcast.engines.composer.cue import LEVEL_RANGE, OPTIONS, TEMPO_RANGE, read_cue
from podcast.engines.composer.drums import KITS
from podcast.engines.composer.harmony import CADENCES, PROGRESSIONS, candidates, lead, parse_bars
from podcast.engines.composer.render import render
from podcast.engines.composer.styles import STYLES
from podcast.episode import SAMPLE_RATE, MusicBed, MusicSpan
from podcast.errors import EngineError
from podcast.sound.loudness import Meter

SOFT = ("very soft and calm, for a meditation", "quiet, minimal ambient")
RHYTHMIC = ("driving electronic, rhythmic", "upbeat and happy")


def loudness(sound: np.ndarray) -> float:
    meter = Meter()
    meter.add(sound)
    return meter.integrated()


def onsets_per_second(sound: np.ndarray) -> float:
    """Count the moments at which the level (20 ms windows) rises by more than 3 dB within 40 ms."""
    power = (sound[: len(sound) // 960 * 960] ** 2).mean(1).reshape(-1, 960).mean(1)
    level = 10 * np.log10(power + 1e-9)
    peaks, _ = find_peaks(level[2:] - level[:-2], height=3.0, distance=5)
    return len(peaks) / (len(sound) / SAMPLE_RATE)


# ---------------------------------------------------------------- words


def test_tempo_and_key_that_are_written_are_kept() -> None:
    for text, tempo, key in (
        ("calm piano, 92 bpm, key: D minor", 92, "D aeolian"),
        ("bpm 132 in F# major", 132, "F# ionian"),
        ("tempo: 70, Bb dorian, harp", 70, "Bb dorian"),
        ("strings in A flat major at 61.5 BPM", 61.5, "Ab ionian"),
    ):
        read = read_cue(text)
        assert (read.tempo, read.key) == (tempo, key), text


def test_an_article_is_no_key() -> None:
    assert {read_cue("a major announcement", seed).tonic for seed in range(12)} != {9}
    assert read_cue("slow, in a minor").key == "A aeolian"
    assert read_cue("sad, in a minor key").mode == "aeolian"
    assert {read_cue("sad, in a minor key", seed).tonic for seed in range(12)} != {9}


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("meditation bells", "meditation"), ("a mysterious place", "mysterious"), ("suspense builds", "suspense"),
        ("dark and ominous", "dark"), ("sense of wonder", "wonder"), ("upbeat!", "upbeat"), ("lo-fi beats", "lofi"),
        ("smoky jazz club", "jazz"), ("corporate presentation", "corporate"), ("news intro", "news"),
        ("epic trailer", "cinematic"), ("techno", "electronic"), ("acoustic campfire song", "folk"), ("", "calm"),
    ],
)  # fmt: skip
def test_words_choose_the_style(text: str, style: str) -> None:
    assert read_cue(text).style == style


def test_named_instruments_play_and_unwanted_ones_do_not() -> None:
    read = read_cue("warm acoustic guitar with bells and a choir")
    assert (read.keys, read.motif, read.pad) == ("guitar", "bells", "choir")
    assert read_cue("solo harp").keys == read_cue("solo harp").pad == ""
    assert all("piano" not in (s.keys, s.motif) for s in (read_cue("news theme without piano", n) for n in range(9)))


def test_percussion_where_it_is_wanted() -> None:
    assert read_cue("upbeat").kit and read_cue("calm harp with soft drums").kit
    assert not read_cue("upbeat, no drums").kit and not read_cue("upbeat", 0, {"percussion": False}).kit
    assert not read_cue("calm").kit and read_cue("calm", 0, {"percussion": True}).kit
    assert read_cue("jazz with brushes").kit == "brushes"


def test_intensities_and_negations_count() -> None:
    levels = [read_cue(t).level for t in ("calm", "soft calm", "very soft calm", "extremely soft calm, almost silent")]
    assert levels == sorted(levels, reverse=True) and len(set(levels)) == 4
    assert read_cue("not dark, but hopeful").style not in ("dark", "melancholy")
    assert read_cue("slow jazz").tempo < read_cue("jazz").tempo < read_cue("fast jazz").tempo


def test_options_are_checked() -> None:
    assert read_cue("calm", 0, {"tempo": 100, "key": "E minor", "style": "jazz"}).key == "E aeolian"
    with pytest.raises(EngineError, match="tempo"):
        read_cue("calm", 0, {"tmpo": 100})
    for wrong in ({"tempo": "fast"}, {"tempo": 900}, {"percussion": "yes"}, {"key": "H"}, {"style": "polka"},
                  {"instruments": ["kazoo"]}, {"reverb": 2}):  # fmt: skip
        with pytest.raises(EngineError):
            read_cue("calm", 0, wrong)
    assert set(OPTIONS) >= {"tempo", "key", "seed", "percussion"}


@settings(deadline=None)
@given(st.text(max_size=80), st.integers(0, 2**31))
def test_any_words_make_sense(text: str, seed: int) -> None:
    read = read_cue(text, seed)
    assert TEMPO_RANGE[0] <= read.tempo <= TEMPO_RANGE[1] and LEVEL_RANGE[0] <= read.level <= LEVEL_RANGE[1]
    assert read.mode in PROGRESSIONS and read.kit in {"", *KITS}
    assert read == read_cue(text, seed)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(STYLES)), st.integers(0, 2**31), st.sampled_from([4.0, 20.0, 500.0]))
def test_every_style_can_be_written(style: str, seed: int, seconds: float) -> None:
    piece = compose(read_cue("", seed, {"style": style}), seconds)
    for section in piece.sections:
        assert section.notes and all(0 <= n.start < section.bars * piece.settings.beats for n in section.notes)
        assert all(24 <= n.pitch <= 100 and 0 < n.velocity <= 1 and n.beats > 0 for n in section.notes)


# ---------------------------------------------------------------- harmony


@pytest.mark.parametrize("mode", sorted(PROGRESSIONS))
def test_voices_move_little_and_sing_their_chords(mode: str) -> None:
    for text in [p for ps in PROGRESSIONS[mode].values() for p in ps] + list(CADENCES[mode]):
        events = lead(parse_bars(text, 2, 4))
        steps = [abs(y - x) for a, b in pairwise(events) for x, y in zip(a.voices, b.voices, strict=True)]
        assert not steps or (np.mean(steps) <= 3 and max(steps) <= 9), (text, steps)
        for event in events:
            assert {p % 12 for p in event.voices} <= set(event.chord.pitches)
            assert event.voices in candidates(event.chord)


def test_voices_come_back_to_where_the_loop_began() -> None:
    for seed in range(6):
        piece = compose(read_cue("calm", seed), 300)
        beds = piece.sections[piece.loop_from : piece.tail]
        steps = np.subtract(beds[0].events[0].voices, beds[-1].events[-1].voices)
        assert np.mean(np.abs(steps)) <= 3


def test_the_motif_returns() -> None:
    piece = compose(read_cue("wonder, celesta"), 300)
    first, _, again = (
        [(n.start, n.beats) for n in section.notes if n.role == "motif" and n.start < 2 * piece.settings.beats]
        for section in piece.sections[1:4]
    )
    assert first and first == again


# ---------------------------------------------------------------- sound


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Music]:
    made = {}
    for number, text in enumerate((*SOFT, *RHYTHMIC)):
        into = tmp_path_factory.mktemp(f"piece{number}")
        made[text] = music_engine().generate(text, 40.0, 0, {}, into)
    return made


def chroma(sound: np.ndarray) -> np.ndarray:
    """Return the energy of each pitch class between 120 and 700 Hz."""
    mono = sound.mean(1) * np.hanning(len(sound))
    power = np.abs(np.fft.rfft(mono)) ** 2
    hertz = np.fft.rfftfreq(len(mono), 1 / SAMPLE_RATE)
    heard = (hertz > 120) & (hertz < 700)
    classes = np.rint(69 + 12 * np.log2(hertz[heard] / 440)).astype(int) % 12
    return np.bincount(classes, power[heard], 12) / power[heard].sum()


@pytest.mark.parametrize("text", ["calm", "corporate", "jazz, no drums"])
def test_the_chords_that_are_written_are_heard(text: str) -> None:
    piece = compose(read_cue(text), 20)
    section, sound = piece.sections[1], render(piece)[1]
    beat = piece.bar / piece.settings.beats
    shares = []
    for event in section.events:
        heard = chroma(sound[round(event.start * beat) : round((event.start + event.beats) * beat)])
        shares.append(heard[list(set(event.chord.pitches))].sum())
    chance_level = np.mean([len(set(e.chord.pitches)) for e in section.events]) / 12
    assert np.mean(shares) > 0.75 > chance_level + 0.2 and min(shares) > chance_level


def test_equal_cues_give_equal_bytes_and_seeds_give_others(tmp_path: Path) -> None:
    digests = []
    for number, seed in enumerate((0, 0, 1)):
        (into := tmp_path / str(number)).mkdir()
        music = music_engine().generate("gentle harp", 6.0, seed, {}, into)
        digests.append([hashlib.sha256(p.read_bytes()).hexdigest() for p in music.pieces])
    assert digests[0] == digests[1] != digests[2]


def test_level_peaks_and_form(pieces: dict[str, Music]) -> None:
    for text, music in pieces.items():
        assert music.tail == len(music.pieces) - 1 and music.loop_from == 1 and music.joint == "add"
        beds = [read_wav(p) for p in music.pieces[1:-1]]
        assert [len(b) for b in beds] == list(music.lengths[1:-1])
        levels = [loudness(b[: -music.overlap]) for b in beds]
        assert max(levels) - min(levels) <= 3.0, text
        assert np.mean(levels) == pytest.approx(-20 + read_cue(text).level, abs=1.5), text
        for path in music.pieces:
            sound = read_wav(path)
            assert np.abs(sound).max() < 10 ** (-3 / 20) and np.abs(sound.mean(0)).max() < 1e-4
            assert np.abs(sound[-48:]).max() < 1e-3  # it ends in silence
            assert np.abs(sound[0]).max() < 1e-3  # and begins without a click


def test_soft_cues_are_softer_sparser_and_duller_than_rhythmic_ones(pieces: dict[str, Music]) -> None:
    def measured(text: str) -> tuple[float, float]:
        sound = read_wav(pieces[text].pieces[1])
        return loudness(sound), onsets_per_second(sound)

    soft, lively = [measured(t) for t in SOFT], [measured(t) for t in RHYTHMIC]
    assert max(level for level, _ in soft) < min(level for level, _ in lively) - 1
    assert max(rate for _, rate in soft) < 0.3 < 1.0 < min(rate for _, rate in lively)


def test_joints_are_not_heard(pieces: dict[str, Music]) -> None:
    for text, music in pieces.items():
        span = MusicSpan(
            0, 90 * SAMPLE_RATE, music.pieces, music.lengths, "", music.loop_from, music.overlap, None, "add", music.bar
        )
        sound = render_music(MusicBed((span,)), 0, span.end)
        steps = np.abs(np.diff(sound, axis=0)).max(1)
        power = uniform_filter1d((sound**2).mean(1), 14400)
        for place in (p for p in placements(span)[1:] if p.at < span.end - 96000):
            near = steps[place.at - 200 : place.at + 200].max()
            around = steps[place.at - 96000 : place.at + 96000].max()
            assert near <= around, text  # no click
            before, after = power[place.at - 28800], power[place.at + 28800]
            assert power[place.at - 7200 : place.at + 7200].mean() > 0.1 * min(before, after), text  # no hole


def test_short_music_is_one_sting_that_ends(tmp_path: Path) -> None:
    music = music_engine().generate("bright news jingle", 5.0, 0, {}, tmp_path)
    assert len(music.pieces) == 1 and music.loop_from == 1 and music.tail is None
    assert 2 * SAMPLE_RATE < music.lengths[0] < 14 * SAMPLE_RATE
