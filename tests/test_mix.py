"""The mastered mix, measured on what is decoded from it."""

import errno
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
from scipy.signal import butter, resample_poly, sosfilt

from podcast.audio import WavWriter, decode, read_wav, write_wav
from podcast.cache import Cache
from podcast.episode import SAMPLE_RATE, MusicBed, MusicSpan, Narration, Slot, Utterance, frames_for, samples_at
from podcast.errors import MediaError, PodcastError
from podcast.mix import Mastering, master
from podcast.sound.control import decibels
from podcast.sound.ducking import Ducking
from podcast.sound.export import export

RATE = Fraction(25)


def spoken(path: Path, secs: float, seed: int, level: float = 0.25) -> Utterance:
    """Write something with the spectrum and the rhythm of speech."""
    rng, count = np.random.default_rng(seed), round(secs * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * (110 + 5 * seed) * k * time + k) / k for k in range(1, 25))
    hiss = sosfilt(butter(2, 5000, "high", fs=SAMPLE_RATE, output="sos"), rng.standard_normal(count))
    syllables = np.interp(time, np.arange(0, secs + 1, 0.12), rng.random(len(np.arange(0, secs + 1, 0.12))) ** 2)
    write_wav(path, (level * (buzz * syllables + 0.3 * hiss * (1 - syllables))).astype(np.float32).clip(-1, 1))
    return Utterance("AB"[seed % 2], "", seed, path, count, (), (), f"{seed} {secs} {level}")


def episode(folder: Path, utterances: int = 4, level: float = 0.25) -> Narration:
    """Return a card of 4 s, utterances of 2.5 s with pauses of 0.5 s, a gap of 5 s, one more and a card."""
    folder.mkdir(parents=True, exist_ok=True)
    slots, frame = [Slot("title", 0, 100, 0)], 100
    for i in range(utterances):
        if i == utterances - 1:
            slots.append(Slot("chapter", frame, 125, i))
            frame += 125
        said = spoken(folder / f"{i}.wav", 2.5, i, level)
        frames = frames_for(said.length + SAMPLE_RATE // 2, RATE)
        slots.append(Slot("speech", frame, frames, i, said))
        frame += frames
    return Narration((*slots, Slot("outro", frame, 100, utterances)), RATE)


def music(start: int, length: int) -> np.ndarray:
    time = (start + np.arange(length)) / SAMPLE_RATE
    beat = np.exp(-8 * (time % 0.5))
    left = 0.1 * np.sin(2 * np.pi * 220 * time) + 0.1 * beat * np.sin(2 * np.pi * 1760 * time)
    right = 0.1 * np.sin(2 * np.pi * 277 * time) + 0.1 * beat * np.sin(880 * time)
    return np.stack([left, right], 1).astype(np.float32)


def bed(narration: Narration) -> MusicBed:
    return MusicBed((MusicSpan(0, narration.length, (), (), "tune"),))


def heard(path: Path) -> np.ndarray:
    return np.concatenate(list(decode(path)))


def true_peak(sound: np.ndarray) -> float:
    return decibels(float(np.abs(resample_poly(sound, 4, 1)).max()))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix")
    narration = episode(folder / "speech")
    steps: list[float] = []
    mix = master(narration, bed(narration), cache=Cache(folder / "cache"), read_music=music, progress=steps.append)
    return narration, mix, steps


@pytest.mark.parametrize("target", [-16.0, -14.0, -23.0])
def test_the_loudness_after_aac_is_the_target(target, made, tmp_path):
    narration, mix, _ = made
    if target != -16:
        mix = master(narration, bed(narration), cache=Cache(tmp_path), read_music=music,
                     mastering=Mastering(loudness=target))
    sound = heard(mix.aac)[: mix.length]
    loudness = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(sound)
    assert loudness == pytest.approx(target, abs=0.3)
    assert mix.loudness == pytest.approx(loudness, abs=0.1)
    assert true_peak(sound) <= -1.0 + 0.05
    assert mix.true_peak == pytest.approx(true_peak(sound), abs=0.15)


def test_the_track_lies_on_the_clock_without_an_edit_list(made):
    narration, mix, _ = made
    sound, wav = heard(mix.aac), read_wav(mix.audio)
    assert len(wav) == mix.length == narration.length
    assert mix.length <= len(sound) < mix.length + 1024
    begin = samples_at(110, RATE)
    piece = wav[begin : begin + 20_000, 0]
    found = np.correlate(sound[begin - 3000 : begin + 23_000, 0], piece, "valid")
    assert abs(int(np.argmax(found)) - 3000) <= 2
    assert b"elst" not in mix.aac.read_bytes()


def test_packets_can_be_copied_into_another_file(made, tmp_path):
    _, mix, _ = made
    with av.open(str(mix.aac)) as source, av.open(str(tmp_path / "copy.mp4"), "w") as out:
        track = source.streams.audio[0]
        stream = out.add_stream_from_template(track)
        packets = [packet for packet in source.demux(track) if packet.dts is not None]
        assert packets[0].pts == 0 and packets[-1].pts + packets[-1].duration == mix.length
        for packet in packets:
            packet.stream = stream
            out.mux(packet)
    assert np.array_equal(heard(tmp_path / "copy.mp4"), heard(mix.aac))
    with av.open(str(tmp_path / "copy.mp4")) as copy:
        found = copy.streams.audio[0]
        assert (found.codec_context.name, found.profile, found.rate, found.channels) == ("aac", "LC", 48_000, 2)
        assert found.duration * found.time_base == Fraction(mix.length, SAMPLE_RATE)


def test_the_size_of_the_blocks_changes_nothing(made, tmp_path):
    narration, mix, _ = made
    again = master(narration, bed(narration), cache=Cache(tmp_path), read_music=music, block=3 * 4800)
    assert np.array_equal(read_wav(again.audio), read_wav(mix.audio))


def test_music_steps_back_under_speech_and_comes_up_around_it(made, tmp_path):
    """Speech is made inaudible, so that only the music remains."""
    narration, _, _ = made
    silent = tmp_path / "silent.wav"
    write_wav(silent, np.zeros(SAMPLE_RATE * 3, np.float32))
    slots = [Slot(s.kind, s.start, s.frames, s.turn, s.utterance and
                  Utterance("A", "", 1, silent, s.utterance.length, (), (), "silence")) for s in narration.slots]
    mute = Narration(tuple(slots), RATE)
    tone = np.float32(0.1)
    ducked = master(mute, bed(mute), cache=Cache(tmp_path), mastering=Mastering(ducking=Ducking(depth_db=12)),
                    read_music=lambda start, length: tone * np.sin(np.arange(start, start + length) * 0.1)[:, None]
                    .astype(np.float32).repeat(2, 1))
    sound = read_wav(ducked.audio)[:, 0]

    def level(secs: float) -> float:
        at = round(secs * SAMPLE_RATE)
        return decibels(float(np.abs(sound[at : at + 2400]).max()))

    (first, _), *_, (before, pause), (last, end) = [(a / SAMPLE_RATE, b / SAMPLE_RATE) for a, b in mute.speech()]
    full = level(1)
    assert full - level(first + 0.05) == pytest.approx(12, abs=0.1)
    assert full - level(before - 0.3) == pytest.approx(12, abs=0.1)  # no pumping between sentences
    assert level((pause + last) / 2) == pytest.approx(full, abs=0.1)
    assert level(end + 1.5) == pytest.approx(full, abs=0.1)


def test_speech_stays_where_the_narration_puts_it(tmp_path):
    narration = episode(tmp_path / "speech", utterances=2)
    mix = master(narration, MusicBed(), cache=Cache(tmp_path))
    level = np.abs(read_wav(mix.audio)).max(1)
    for start, end in narration.speech():
        assert level[start - 4800 : start].max() < 1e-4
        assert level[start : start + 9600].max() > 0.01 and level[end - 4800 : end].max() > 0.001
        assert level[end + 9600 : end + 12_000].max() < 1e-3


def test_two_speakers_sit_slightly_apart_and_one_in_the_middle(made, tmp_path):
    narration, _, _ = made
    mix = master(narration, MusicBed(), cache=Cache(tmp_path))
    sides = []
    for start, end in narration.speech()[:2]:
        left, right = (read_wav(mix.audio, start, end - start) ** 2).mean(0)
        sides.append(10 * np.log10(left / right))
    assert sides == pytest.approx([1.4, -1.4], abs=0.1)
    alone = Narration(narration.slots[:2], RATE)
    sound = read_wav(master(alone, MusicBed(), cache=Cache(tmp_path)).audio)
    assert np.array_equal(sound[:, 0], sound[:, 1])


@pytest.mark.parametrize("level", [0.25, 0.002])
def test_narration_alone_and_quiet_narration_reach_the_target(level, tmp_path):
    narration = episode(tmp_path / "speech", level=level)
    mix = master(narration, MusicBed(), cache=Cache(tmp_path))
    assert mix.loudness == pytest.approx(-16, abs=0.3) and mix.true_peak <= -1


def test_music_alone_reaches_the_target(tmp_path):
    cards = Narration((Slot("title", 0, 150, 0), Slot("outro", 150, 120, 0)), RATE)
    mix = master(cards, bed(cards), cache=Cache(tmp_path), read_music=music)
    assert mix.loudness == pytest.approx(-16, abs=0.3) and mix.true_peak <= -1


@pytest.mark.parametrize("frames", [1, 7, 60])
def test_silence_of_any_length_stays_silent(frames, tmp_path):
    mix = master(Narration((Slot("title", 0, frames, 0),), RATE), MusicBed(), cache=Cache(tmp_path))
    assert mix.loudness == float("-inf") and mix.true_peak == float("-inf")
    sound = heard(mix.aac)
    assert mix.length <= len(sound) < mix.length + 1024 and not sound.any()


@pytest.mark.parametrize("rate", [384_000, 320_000, 256_000, 128_000])
def test_even_noise_is_encoded_within_the_rate(rate, tmp_path):
    cards = Narration((Slot("title", 0, 150, 0),), RATE)
    rng = np.random.default_rng(5)
    mix = master(cards, bed(cards), cache=Cache(tmp_path), mastering=Mastering(bit_rate=rate),
                 read_music=lambda _, length: (0.1 * rng.standard_normal((length, 2))).astype(np.float32))
    with av.open(str(mix.aac)) as file:
        assert file.streams.audio[0].bit_rate < rate * 1.03
    assert mix.loudness == pytest.approx(-16, abs=0.3) and mix.true_peak <= -1


def test_low_rates_stay_below_the_true_peak_too(made, tmp_path):
    narration, _, _ = made
    mix = master(narration, bed(narration), cache=Cache(tmp_path), read_music=music,
                 mastering=Mastering(loudness=-14, bit_rate=96_000))
    assert true_peak(heard(mix.aac)) <= -0.95 and mix.loudness == pytest.approx(-14, abs=0.3)


def test_progress_rises_to_one(made):
    _, _, steps = made
    assert steps == sorted(steps) and steps[-1] == 1 and len(steps) > 4


def test_a_mix_is_made_once_and_again_when_anything_changes(made, tmp_path):
    narration, _, _ = made
    cache = Cache(tmp_path)
    first = master(narration, MusicBed(), cache=cache)
    assert master(narration, MusicBed(), cache=cache) == first and (cache.hits, cache.misses) == (1, 1)
    louder = master(narration, MusicBed(), cache=cache, mastering=Mastering(loudness=-14))
    assert louder.digest != first.digest
    assert sorted(p.name for p in first.audio.parent.iterdir()) == ["manifest.json", "mix.json", "mix.m4a", "mix.wav"]


def test_a_full_disk_is_said_plainly(made, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WavWriter, "write", full)
    with pytest.raises(PodcastError, match="disk is full"):
        master(made[0], MusicBed(), cache=Cache(tmp_path))
    assert not list((tmp_path / "entries").glob("*/*"))


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".flac", ".m4a"])
def test_an_export_sounds_like_the_mix_and_says_what_it_is(suffix, made, tmp_path):
    _, mix, _ = made
    path = export(mix, tmp_path / "new" / f"episode{suffix}", "The title", "The author")
    sound, wav = heard(path), read_wav(mix.audio)
    begin = samples_at(110, RATE)
    found = np.correlate(sound[begin - 2000 : begin + 12_000, 0], wav[begin : begin + 10_000, 0], "valid")
    assert abs(int(np.argmax(found)) - 2000) <= 2
    with av.open(str(path)) as file:
        assert (file.metadata["title"], file.metadata["artist"]) == ("The title", "The author")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_export_to_an_unknown_format_names_the_known_ones(made, tmp_path):
    with pytest.raises(MediaError, match=r"\.mp3"):
        export(made[1], tmp_path / "episode.xyz")


def test_a_failed_export_leaves_the_old_file(made, tmp_path, monkeypatch):
    _, mix, _ = made
    path = tmp_path / "episode.wav"
    path.write_text("old")
    monkeypatch.setattr("podcast.sound.export.decode", lambda _: iter([np.zeros((10, 2))]))
    with pytest.raises(MediaError):
        export(mix, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
