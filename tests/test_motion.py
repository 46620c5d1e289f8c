"""A presenter moves as people do: lips meet where they must, nothing jumps, every slot ends as it began."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcast.engines import speech_engine
from podcast.episode import SAMPLE_RATE, Phone, Slot, Utterance, Word, frames_for
from podcast.errors import MediaError
from podcast.puppet.curves import ceiling, limit_speed
from podcast.puppet.lips import MAX_SPEED, OPEN_JAW, OPEN_LENGTH, lip_track
from podcast.puppet.motion import HEAD_SPEED, Style, idle_track, speaking_track
from podcast.puppet.performance import Performance, load_performance, perform, save_performance
from podcast.puppet.pose import CHANNELS, INDEX, MOUTH, REST
from podcast.puppet.prosody import prosody
from podcast.puppet.visemes import segments, split

RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50), Fraction(60)]
LEAD = int(0.15 * SAMPLE_RATE)
TAIL = int(0.30 * SAMPLE_RATE)

# Phones as the embedded voice speaks them: symbol and milliseconds; "_" is a pause.
SENTENCES = {
    "Welcome to the podcast, my name is Bob and I am a big fan of five thousand very fine mums.": """
        w84 ˈɛ133 l20 k68 ʌ69 m76 t83 ə77 ð46 ə64 p75 ˈɑː141 d127 k89 æ86 s48 t88 _165 m72 aɪ76 n84 ˈeɪ110 m58 ɪ43
        z79 b75 ˈɑː136 b120 _122 æ75 n39 d53 aɪ81 ɐ60 m58 ɐ15 b100 ˈɪ78 ɡ155 f79 ˈæ145 n58 ʌ46 v82 f79 ˈaɪ171 v82
        θ86 ˈaʊ159 z55 ə58 n36 d106 v66 ˈɛ113 ɹ55 i57 f79 ˈaɪ162 n78 m116 ˈʌ127 m164 z106""",
    "What makes people move? Maybe a map, perhaps a promise, or just hope?": """
        w84 ˌʌ57 t88 m63 ˌeɪ94 k88 s67 p75 ˈiː106 p75 əl103 m121 ˈuː200 v85 _331 m89 ˈeɪ60 b99 iː63 ;37 ɐ50 m107
        ˈæ159 p121 _125 p75 ɚ82 h65 ˈæ139 p122 s76 ɐ75 p83 ɹ69 ˈɑː142 m60 ɪ54 s107 _165 ɔːɹ83 dʒ116 ˈʌ107 s48 t101
        h53 ˈoʊ230 p122""",
    "Guten Tag, meine sehr verehrten Damen und Herren, Pfeffer und Äpfel.": """
        ɡ23 ˈuː116 t83 ə29 n82 t83 ˈɑː218 k88 _165 m78 ˌaɪ66 n49 ə51 z72 ˈeː153 ɾ39 f79 ɛ66 ɾ24 _27 ˈeː153 ɾ32 t74
        ə29 n72 d58 ˈɑː150 m63 ə14 n67 _121 ʊ49 n79 t101 h66 ˈɛ98 r81 ə14 n73 _124 pf120 ˈɛ87 f79 ɜ73 ʊ49 n70 t88
        _27 ˈɛ86 p121 f79 ə81 l45""",
}
SYMBOLS = ["", *"pbmfvaæəituɹdswnθkh", "pf", "ˈɑː", "ˈaɪ", "aʊ", "uː", "ˈoʊ", "tʃ"]


def recorded(text: str, digest: str = "") -> Utterance:
    phones, at = [], 0
    for symbol, ms in re.findall(r"(\D+?)(\d+)", "".join(SENTENCES[text].split())):
        end = at + int(ms) * SAMPLE_RATE // 1000
        phones.append(Phone("" if symbol == "_" else symbol, at, end))
        at = end
    words = (Word(text, 0, at),)
    return Utterance("A", text, 1, Path("a.wav"), at, words, tuple(phones), digest or text)


UTTERANCES = [recorded(text) for text in SENTENCES]


def frames_of(phones: tuple[Phone, ...] | list[Phone], rate: Fraction, lead: int = LEAD) -> int:
    return frames_for(lead + (phones[-1].end if phones else 0) + TAIL, rate)


def within(start: float, end: float, rate: Fraction, lead: int = LEAD) -> slice:
    """Return the frames whose time is in the phone, give or take half a frame."""
    first = np.ceil((start + lead) / SAMPLE_RATE * float(rate) - 0.5 - 1e-6)
    last = np.floor((end + lead) / SAMPLE_RATE * float(rate) + 0.5 + 1e-6)
    return slice(int(first), int(last) + 1)


@st.composite
def speech(draw: st.DrawFn) -> tuple[Phone, ...]:
    pieces = draw(st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(10, 220)), min_size=1, max_size=25))
    ends = list(itertools.accumulate(ms * SAMPLE_RATE // 1000 for _, ms in pieces))
    return tuple(Phone(s, a, b) for (s, _), a, b in zip(pieces, [0, *ends], ends, strict=False))


# ---------------------------------------------------------------- lips


def check_contacts(phones: tuple[Phone, ...], rate: Fraction) -> int:
    mouth = lip_track(phones, frames_of(phones, rate), rate, LEAD)
    count = 0
    for part in segments(phones):
        channel = "press" if part.letter in ("p", "b", "m") else "tuck" if part.letter in ("f", "v") else ""
        if channel:
            count += 1
            assert mouth[within(part.start, part.end, rate), INDEX[channel]].max() == 1.0, (part, rate)
    return count


@pytest.mark.parametrize("rate", RATES)
def test_lips_meet_at_every_p_b_m_and_teeth_meet_lip_at_every_f_v(rate: Fraction) -> None:
    assert sum(check_contacts(u.phones, rate) for u in UTTERANCES) == 38


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "My mum put the big lamp on top of the farm, very happily; five brave puppies found a map."),
        ("de", "Bitte bring mir fünf Pfund Pflaumen vom Markt."),
        ("fr", "Bonjour à tous, le vin blanc fait bien mieux parler."),
    ],
)
def test_the_embedded_voice_and_the_lips_agree(language: str, text: str, tmp_path: Path) -> None:
    engine = speech_engine()
    said = engine.synthesize(text, engine.voices(language)[0], language, {}, tmp_path)
    assert said.rate == SAMPLE_RATE
    visible = [p for p in said.phones if p.end > p.start]
    assert min(check_contacts(tuple(visible), rate) for rate in RATES) >= 7
    for rate in RATES:
        mouth = lip_track(visible, frames_of(visible, rate), rate, LEAD)
        for part in segments(visible):
            if part.viseme == "aa" and part.end - part.start >= OPEN_LENGTH * SAMPLE_RATE:
                assert mouth[within(part.start, part.end, rate), INDEX["jaw"]].max() >= OPEN_JAW, part


@given(speech(), st.sampled_from(RATES))
def test_contacts_are_reached_in_any_speech(phones: tuple[Phone, ...], rate: Fraction) -> None:
    check_contacts(phones, rate)


@given(speech(), st.sampled_from(RATES))
def test_open_vowels_open_the_jaw(phones: tuple[Phone, ...], rate: Fraction) -> None:
    mouth = lip_track(phones, frames_of(phones, rate), rate, LEAD)
    for part in segments(phones):
        if part.viseme == "aa" and part.end - part.start >= OPEN_LENGTH * SAMPLE_RATE:
            assert mouth[within(part.start, part.end, rate), INDEX["jaw"]].max() >= OPEN_JAW


@pytest.mark.parametrize("rate", RATES)
def test_open_vowels_of_real_speech_are_seen_open(rate: Fraction) -> None:
    for u in UTTERANCES:
        mouth = lip_track(u.phones, frames_of(u.phones, rate), rate, LEAD)
        gap = mouth[:, INDEX["jaw"]] * (1 - mouth[:, INDEX["press"]]) * (1 - mouth[:, INDEX["tuck"]])
        for part in segments(u.phones):
            if part.viseme == "aa" and part.end - part.start >= 0.08 * SAMPLE_RATE:
                assert gap[within(part.start, part.end, rate)].max() >= 0.4, part


@given(speech(), st.sampled_from(RATES), st.integers(0, 48_000))
def test_the_mouth_stays_in_range_and_below_its_speed(phones: tuple[Phone, ...], rate: Fraction, lead: int) -> None:
    mouth = lip_track(phones, frames_of(phones, rate, lead), rate, lead)
    assert mouth.min() >= 0
    assert mouth.max() <= 1
    assert mouth.dtype == np.float32
    assert (mouth[[0, -1]] == REST[: len(MOUTH)]).all()
    fastest = np.abs(np.diff(mouth, axis=0)).max(0) * float(rate)
    for name, speed in zip(MOUTH, fastest, strict=True):
        if name not in ("press", "tuck"):  # these must arrive however short the phone
            assert speed <= MAX_SPEED[name] * 1.001, name


def test_lips_close_by_a_ramp_and_not_in_one_frame() -> None:
    for u in UTTERANCES:
        mouth = lip_track(u.phones, frames_of(u.phones, Fraction(60)), Fraction(60), LEAD)
        for name in ("press", "tuck"):
            assert np.abs(np.diff(mouth[:, INDEX[name]])).max() <= 0.75


def test_lips_are_nearly_closed_when_the_sound_stops() -> None:
    rate = Fraction(60)
    for u in UTTERANCES:
        press = lip_track(u.phones, frames_of(u.phones, rate), rate, LEAD)[:, INDEX["press"]]
        for part in segments(u.phones):
            if part.letter in ("p", "b", "m"):
                assert press[int((part.start + LEAD) / SAMPLE_RATE * 60)] > 0.85


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), Fraction(60)])
def test_the_jaw_follows_the_height_of_vowels_and_leads_a_little(rate: Fraction) -> None:
    for u in UTTERANCES:
        frames = frames_of(u.phones, rate)
        jaw = lip_track(u.phones, frames, rate, LEAD)[:, INDEX["jaw"]]
        fit = {}
        for shift in range(-60, 90, 10):  # ms that the mouth is ahead of the sound
            middle = ((np.arange(frames) + 0.5) / float(rate) + shift / 1000) * SAMPLE_RATE - LEAD
            openness = np.zeros(frames)
            for part in segments(u.phones):
                openness[(middle >= part.start) & (middle < part.end)] = part.openness or 0.0
            fit[shift] = np.corrcoef(jaw, openness)[0, 1]
        best = max(fit, key=fit.__getitem__)
        assert 10 <= best <= 40
        assert fit[best] > 0.75
        assert fit[0] > 0.6


def test_rounding_spreads_over_the_consonants_before_it() -> None:
    def word(vowel: str) -> np.ndarray:
        phones = [Phone(s, i * 3840, (i + 1) * 3840) for i, s in enumerate(["ə", "s", "t", vowel])]
        return lip_track(phones, 60, Fraction(60), LEAD)

    t = within(2 * 3840, 3 * 3840, Fraction(60))
    assert word("uː")[t, INDEX["pucker"]].mean() > 0.35
    assert word("iː")[t, INDEX["pucker"]].max() < 0.1
    assert word("iː")[t, INDEX["wide"]].mean() > word("uː")[t, INDEX["wide"]].mean() + 0.2


def test_stress_opens_the_jaw_further() -> None:
    def peak(vowel: str) -> float:
        return float(lip_track([Phone(vowel, 0, 7200)], 30, Fraction(25), LEAD)[:, INDEX["jaw"]].max())

    assert peak("ˈɛ") > peak("ˌɛ") > peak("ɛ")


def test_lips_part_for_a_breath_in_a_long_pause() -> None:
    phones = [Phone("i", 0, 4800), Phone("", 4800, 4800 + 38_400), Phone("i", 43_200, 48_000)]
    jaw = lip_track(phones, 60, Fraction(25), LEAD)[:, INDEX["jaw"]]
    pause = within(12_000, 41_000, Fraction(25))
    assert jaw[pause][:8].max() < 0.02
    assert 0.04 < jaw[pause][-3:].max() < 0.2


@pytest.mark.parametrize("frames", range(6))
def test_slots_of_a_few_frames(frames: int) -> None:
    phones = [Phone("ˈɑː", 0, 9600)]
    mouth = lip_track(phones, frames, Fraction(25))
    assert mouth.shape == (frames, len(MOUTH))
    assert (mouth[:1] == REST[: len(MOUTH)]).all()
    assert (mouth[-1:] == REST[: len(MOUTH)]).all()


# ---------------------------------------------------------------- the whole presenter


def shut(poses: np.ndarray) -> np.ndarray:
    """Return the first frame of every blink that shuts the lids."""
    closed = poses[:, INDEX["blink_l"]] >= 0.99
    return np.flatnonzero(closed[1:] & ~closed[:-1]) + 1


def check_joints_limits_and_speeds(poses: np.ndarray, rate: Fraction, yaw: float, pitch: float, roll: float) -> None:
    assert poses.dtype == np.float32
    assert np.isfinite(poses).all()
    assert (poses[:1] == REST).all()
    assert (poses[-1:] == REST).all()
    for name, limit in (("yaw", yaw), ("pitch", pitch), ("roll", roll), ("head_x", 0.05), ("head_y", 0.03)):
        assert np.abs(poses[:, INDEX[name]]).max(initial=0) <= limit, name
    for name in (*CHANNELS[: CHANNELS.index("yaw")], "breath", "lean"):
        low = 0 if name in ("blink_l", "blink_r", "frown", "breath", *MOUTH[:-1]) else -1
        assert low <= poses[:, INDEX[name]].min() and poses[:, INDEX[name]].max() <= 1, name
    if len(poses) > 1:
        speed = np.abs(np.diff(poses, axis=0)) * float(rate)
        assert speed[:, [INDEX[a] for a in ("yaw", "pitch", "roll")]].max() <= HEAD_SPEED * 1.001
        assert speed[:, [INDEX[a] for a in ("brow_l", "brow_r", "frown")]].max() <= 9
        assert speed[:, INDEX["breath"]].max() <= 6
        assert speed[:, INDEX["smile"]].max() <= 4
        # no velocity at the joints: the first step, 1/24 s, of the heaviest nod (6.5 degrees) if it begins at once
        assert np.abs(poses[1] - poses[0])[[INDEX[a] for a in ("yaw", "pitch", "roll")]].max() * float(rate) <= 12


@settings(max_examples=60)
@given(
    st.integers(1, 500), st.sampled_from(RATES), st.integers(0, 2**64 - 1), st.floats(0, 1.5), st.booleans(),
    st.none() | st.floats(-1, 1),
)  # fmt: skip
def test_one_who_does_not_speak(
    frames: int, rate: Fraction, seed: int, energy: float, still: bool, direction: float | None
) -> None:
    poses = idle_track(frames, rate, seed, Style(energy, still), direction, cues=(0.8, 2.5))
    check_joints_limits_and_speeds(poses, rate, 12, 8, 6)


@settings(max_examples=60)
@given(
    speech(), st.sampled_from(RATES), st.integers(0, 2**64 - 1), st.integers(0, 24_000), st.floats(0, 1.5),
    st.sampled_from(["Yes.", "Yes?", "Yes!", ""]),
)  # fmt: skip
def test_one_who_speaks(
    phones: tuple[Phone, ...], rate: Fraction, seed: int, lead: int, energy: float, text: str
) -> None:
    said = Utterance("A", text, 1, Path("a.wav"), phones[-1].end, (), phones, "d")
    frames = frames_of(phones, rate, lead)
    poses = speaking_track(said, frames, rate, lead, seed, Style(energy), partner=0.7)
    check_joints_limits_and_speeds(poses, rate, 18, 10, 10)
    mouth = lip_track(phones, frames, rate, lead)
    same = [INDEX[n] for n in MOUTH if n != "smile"]
    assert (poses[:, same] == mouth[:, same]).all()


def test_speech_without_phones_moves_the_head_alone() -> None:
    said = replace(UTTERANCES[0], phones=())
    poses = speaking_track(said, 100, Fraction(25), LEAD, 1)
    assert poses[:, INDEX["jaw"]].max() == 0
    assert np.ptp(poses[:, INDEX["yaw"]]) > 1


@pytest.mark.parametrize("seconds", [5, 300])
def test_blinks_come_at_human_intervals(seconds: int) -> None:
    rate = Fraction(25)
    slots = [idle_track(seconds * 25, rate, seed) for seed in range(600 // seconds)]
    everything = np.concatenate(slots)
    starts = shut(everything) / 25
    waits = np.diff(starts)
    assert 2.5 < waits.mean() < 6
    assert waits.std() > 0.35 * waits.mean()  # no metronome
    lengths = [len(list(g)) for k, g in itertools.groupby(everything[:, INDEX["blink_l"]] > 0.2) if k]
    assert 4 <= np.median(lengths) <= 7


def test_a_speaker_blinks_more_than_a_listener() -> None:
    u, rate = UTTERANCES[0], Fraction(25)
    frames = frames_of(u.phones, rate)
    speaking = sum(len(shut(speaking_track(u, frames, rate, LEAD, s))) for s in range(150))
    idle = sum(len(shut(idle_track(frames, rate, s))) for s in range(150))
    assert speaking > idle
    assert 2.2 < 150 * frames / 25 / speaking < 4.2


def test_gaze_is_mostly_on_the_camera_while_speaking() -> None:
    u, rate = UTTERANCES[0], Fraction(25)
    runs = [speaking_track(u, frames_of(u.phones, rate), rate, LEAD, s) for s in range(60)]
    poses = np.concatenate(runs)
    direction = 25 * poses[:, INDEX["gaze_x"]] + poses[:, INDEX["yaw"]]  # degrees off the camera
    away = np.abs(direction) > 4
    assert 0.03 < away.mean() < 0.25
    assert np.abs(poses[:, INDEX["gaze_x"]]).max() > 0.2


def test_a_typical_slot_looks_alive() -> None:
    u, rate = UTTERANCES[0], Fraction(25)
    runs = np.stack([speaking_track(u, frames_of(u.phones, rate), rate, LEAD, s) for s in range(80)])
    spread = runs.std((0, 1))
    assert 2.0 < spread[INDEX["yaw"]] < 6
    assert 0.8 < spread[INDEX["pitch"]] < 3
    assert 0.8 < spread[INDEX["roll"]] < 3
    # half a second from the joints the head is on its way already
    assert runs[:, 12, INDEX["yaw"]].std() > 0.4
    still = np.stack([speaking_track(u, runs.shape[1], rate, LEAD, s, Style(still=True)) for s in range(20)])
    assert still[..., INDEX["yaw"]].std() < 0.25 * spread[INDEX["yaw"]]
    calm = np.stack([speaking_track(u, runs.shape[1], rate, LEAD, s, Style(energy=0.4)) for s in range(20)])
    assert calm[..., INDEX["pitch"]].std() < 0.7 * spread[INDEX["pitch"]]


def test_nods_fall_on_stressed_vowels() -> None:
    u, rate = UTTERANCES[0], Fraction(25)
    mean = np.mean([speaking_track(u, frames_of(u.phones, rate), rate, LEAD, s) for s in range(80)], 0)
    pitch = mean[:, INDEX["pitch"]]
    last = [max(a.time for a in prosody(u, LEAD).accents if p[0] <= a.time <= p[1]) for p in prosody(u, LEAD).phrases]
    at = [round((time + 0.03) * 25) for time in last]
    assert len(at) == 3
    assert all(pitch[i] > pitch[i - 6] + 1.0 for i in at)


def test_a_question_raises_the_brows() -> None:
    rate, question = Fraction(25), UTTERANCES[1]
    statement = replace(question, text=question.text.replace("?", "."))

    def end(u: Utterance) -> float:
        runs = [speaking_track(u, frames_of(u.phones, rate), rate, LEAD, s) for s in range(30)]
        return float(np.mean([r[-18:-12, INDEX["brow_l"]] for r in runs]))

    assert end(question) > end(statement) + 0.2


@pytest.mark.parametrize("direction", [-0.8, 0.8])
def test_a_listener_turns_to_the_one_who_speaks(direction: float) -> None:
    poses = np.stack([idle_track(125, Fraction(25), s, None, direction) for s in range(30)])
    assert np.sign(direction) * poses[:, 40:80, INDEX["yaw"]].mean() > 4
    assert np.sign(direction) * poses[:, 40:80, INDEX["gaze_x"]].mean() > 0.2


def test_a_listener_nods_where_a_phrase_ends() -> None:
    nods = np.mean([idle_track(125, Fraction(25), s, None, 0.5, cues=(2.0,))[:, INDEX["pitch"]] for s in range(60)], 0)
    none = np.mean([idle_track(125, Fraction(25), s, None, 0.5)[:, INDEX["pitch"]] for s in range(60)], 0)
    assert nods[50:70].max() > none[50:70].max() + 0.6


def test_breath_is_a_whole_number_of_cycles() -> None:
    for seconds, cycles in ((4, 1), (8, 2), (15, 4)):
        breath = idle_track(seconds * 25, Fraction(25), 3)[:, INDEX["breath"]]
        inner = breath[1:-1]
        assert ((inner > breath[:-2]) & (inner >= breath[2:]) & (inner > 0.1)).sum() == cycles


# ---------------------------------------------------------------- performances


def slot(u: Utterance | None, start: int = 0, text: str = "") -> Slot:
    frames = frames_of(u.phones, Fraction(25)) if u else 75
    return Slot("speech" if u else "title", start, frames, 0, u, LEAD if u else 0, text)


def test_the_one_who_speaks_speaks_and_the_other_listens() -> None:
    u, rate = UTTERANCES[0], Fraction(25)
    jaws = [perform(slot(u), id, rate, partner=0.5).poses[:, INDEX["jaw"]].max() for id in ("A", "B")]
    assert jaws[0] > 0.5
    assert jaws[1] == 0
    assert perform(slot(None, text="Hello"), "A", rate).poses[:, INDEX["jaw"]].max() == 0


def test_a_performance_depends_on_content_and_not_on_place() -> None:
    u, rate = UTTERANCES[0], Fraction(25)
    first = perform(slot(u), "A", rate).poses
    assert np.array_equal(first, perform(slot(u, start=4711), "A", rate).poses)
    assert not np.array_equal(first, perform(slot(replace(u, digest="other")), "A", rate).poses)
    idle = [perform(slot(u), id, rate).poses for id in ("B", "C")]
    assert not np.array_equal(*idle)
    cards = [perform(slot(None, text=t), "A", rate).poses for t in ("One", "Two")]
    assert not np.array_equal(*cards)


def test_a_file_gives_back_the_same_poses_and_has_the_same_bytes(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for file in files:
        save_performance(file, perform(slot(UTTERANCES[1]), "A", rate))
    assert files[0].read_bytes() == files[1].read_bytes()
    back = load_performance(files[0])
    assert back.rate == rate
    assert back.poses.dtype == np.float32
    assert np.array_equal(back.poses, perform(slot(UTTERANCES[1]), "A", rate).poses)
    assert (back.poses[[0, -1]] == REST).all()
    assert back.poses[:, INDEX["press"]].max() == 1.0
    assert files[0].stat().st_size < 60 * len(back.poses)
    save_performance(tmp_path / "c.npz", back)
    assert (tmp_path / "c.npz").read_bytes() == files[0].read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.npz"
    file.write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.npz"):
        load_performance(file)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    save_performance(file, Performance(Fraction(25), np.zeros((50, len(CHANNELS)), np.float32)))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(MediaError, match=r"a\.npz"):
        load_performance(file)


# ---------------------------------------------------------------- curves


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.05, 1))
def test_speed_limits_hold(values: list[float], step: float) -> None:
    x = np.array(values)
    for y in (ceiling(x, step), limit_speed(x, step)):
        assert np.abs(np.diff(y)).max(initial=0) <= step + 1e-9
    assert (ceiling(x, step) >= x).all()


def test_phrases_and_accents() -> None:
    said = prosody(UTTERANCES[1], LEAD)
    assert said.question and not said.exclamation
    assert len(said.phrases) == 4
    assert all(a.weight <= 1 for a in said.accents)
    stressed = [p for p in UTTERANCES[1].phones if "ˈ" in p.symbol]
    assert len(said.accents) == len(stressed) == 8
    assert split(stressed[0])[0].stress == 2
