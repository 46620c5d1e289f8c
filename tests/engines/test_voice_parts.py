"""What the workers of voices do without their engines: times from durations, long texts in pieces."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.environments.manifest import shipped_folder
from podcast.environments.session import INSIDE

RATE = 22050


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"worker_{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


timing = _load(INSIDE / "podcast_timing.py")
pieces = _load(shipped_folder() / "coqui" / "pieces.py")


# ---------------------------------------------------------------- times


def _words(text: str, said: str, alone: list[str]) -> list[list[object]]:
    """Let every phoneme take a tenth of a second."""
    phones = timing.phones_of(list(said), [0.1 * RATE] * len(said), RATE, 0.0)
    return [[w, round(a, 6), round(b, 6)] for w, a, b in
            timing.words_of(text.split(), [timing.letters_of(list(word)) for word in alone], phones)]  # fmt: skip


def test_marks_stand_with_their_letters() -> None:
    phones = timing.phones_of(list("^həlˈoʊ aː,t$"), [100.0] * 13, 1000, 0.0)
    assert [(p.symbol, round(p.start, 3), round(p.end, 3)) for p in phones] == [
        ("", 0.0, 0.1), ("h", 0.1, 0.2), ("ə", 0.2, 0.3), ("l", 0.3, 0.4), ("ˈo", 0.4, 0.6), ("ʊ", 0.6, 0.7),
        ("", 0.7, 0.8), ("aː", 0.8, 1.0), ("", 1.0, 1.1), ("t", 1.1, 1.2), ("", 1.2, 1.3),
    ]  # fmt: skip


def test_a_short_blank_is_no_pause() -> None:
    phones = timing.phones_of(list("a b"), [0.1 * RATE, 0.02 * RATE, 0.1 * RATE], RATE, 0.0)
    assert [p.symbol for p in phones] == ["a", "b"] and phones[1].start == phones[0].end


def test_words_that_are_run_together() -> None:
    words = _words("one of a kind", "wʌn əvə kaɪnd", ["wʌn", "ʌv", "eɪ", "kaɪnd"])
    assert words == [["one", 0.0, 0.3], ["of", 0.4, 0.6], ["a", 0.6, 0.7], ["kind", 0.8, 1.3]]


def test_words_that_are_said_as_several() -> None:
    words = _words("the USA won", "ðə juː ɛs eɪ wʌn", ["ðə", "juː ɛs eɪ", "wʌn"])
    assert words == [["the", 0.0, 0.2], ["USA", 0.3, 1.2], ["won", 1.3, 1.6]]


def test_a_word_without_sound_takes_no_time() -> None:
    assert _words("so – what", "soʊ wʌt", ["soʊ", "", "wʌt"])[1] == ["–", 0.3, 0.3]


@given(st.lists(st.text("abdeiouklmnpst", min_size=1, max_size=5), min_size=1, max_size=12), st.randoms())
def test_words_stay_in_order_whatever_was_said(words: list[str], chance: object) -> None:
    said = list(" ".join(words))
    for _ in range(len(said) // 3):
        said[chance.randrange(len(said))] = chance.choice("abdeiouklmnpst ")  # type: ignore[attr-defined]
    found = _words(" ".join(words), "".join(said), words)
    assert [w for w, _, _ in found] == words
    assert all(start <= end for _, start, end in found)
    assert all(one[2] <= other[1] for one, other in itertools.pairwise(found))


def test_sounds_share_the_time_of_their_word() -> None:
    phones = timing.spread([["hi", 0.5, 0.9], ["all", 1.0, 1.2]], ["hˈaɪ", "ɔːl"])
    assert [(s, round(a, 3), round(b, 3)) for s, a, b in phones] == [
        ("", 0.0, 0.5), ("h", 0.5, 0.633), ("ˈa", 0.633, 0.767), ("ɪ", 0.767, 0.9), ("", 0.9, 1.0),
        ("ɔː", 1.0, 1.1), ("l", 1.1, 1.2),
    ]  # fmt: skip


# ---------------------------------------------------------------- pieces


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=30), st.integers(8, 60))
def test_pieces_hold_every_word(words: list[str], limit: int) -> None:
    text = " ".join(words)
    cut = pieces.split(text, limit)
    assert all(0 < len(piece) <= limit for piece in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_pieces_end_where_one_breathes() -> None:
    text = "When the boat came home, all the children, who had waited there, ran to the shore and waved."
    assert pieces.split(text, 60) == ["When the boat came home, all the children,",
                                      "who had waited there, ran to the shore and waved."]  # fmt: skip
    assert pieces.split("これは長い文です。次の文もあります。", 10) == ["これは長い文です。", "次の文もあります。"]


@pytest.mark.parametrize("silence", [0.0, 0.03, 0.3])
def test_a_joint_does_not_click(silence: float) -> None:
    gap, clock = np.zeros(round(silence * RATE), np.float32), np.arange(RATE // 2) / RATE
    shape = 0.5 * np.hanning(len(clock)) ** 0.1
    tones = [(shape * np.sin(2 * np.pi * f * clock)).astype(np.float32) for f in (220, 330)]
    sounds = [np.concatenate([gap, tone, gap]) for tone in tones]
    whole, offsets = pieces.join(sounds, RATE)
    assert np.abs(np.diff(whole)).max() <= max(np.abs(np.diff(s)).max() for s in sounds) * 1.01
    for tone, offset in zip(tones, offsets, strict=True):  # nothing of the speech is lost, and it is where it is said
        start = offset + len(gap)
        heard = np.abs(tone) > 0.02
        assert np.allclose(whole[start : start + len(tone)][heard], tone[heard], atol=1e-6)
    quiet = offsets[1] + len(gap) - (offsets[0] + len(gap) + len(tones[0]))
    assert abs(quiet / RATE - (2 * pieces.KEPT - pieces.CROSSED)) < 0.01


def test_silence_stays_at_both_ends() -> None:
    sound = np.concatenate([np.zeros(5000), np.ones(100), np.zeros(7000)]).astype(np.float32)
    whole, offsets = pieces.join([sound], RATE)
    assert offsets == [0] and np.array_equal(whole, sound)
