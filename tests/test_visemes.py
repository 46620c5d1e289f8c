"""Speech sounds become mouth shapes, in every language and without ever failing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.episode import Phone
from podcast.puppet.visemes import OPENNESS, PRESTON_BLAIR, RHUBARB, VISEMES, VOWEL, segments, split, stress, visemes


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("", ("sil",)),
        ("_:", ("sil",)),
        ("p", ("PP",)),
        ("m̩", ("PP",)),  # a syllabic mark
        ("ˈaɪ", ("aa", "ih")),
        ("ˌoʊ", ("oh", "ou")),
        ("aɪə", ("aa", "ih", "E")),
        ("iɛ", ("ih", "E")),
        ("tʃ", ("CH",)),
        ("t͡ʃ", ("CH",)),
        ("dʒ", ("CH",)),
        ("ts", ("SS",)),
        ("pf", ("PP", "FF")),
        ("əl", ("E", "nn")),
        ("ɔːɹ", ("oh", "RR")),
        ("ɚ", ("RR",)),
        ("ɔ̃", ("oh",)),  # nasal
        ("ɑ5", ("aa",)),  # a tone
        ("ç", ("kk",)),
        ("ɯᵝ", ("ih",)),
        (";", ("ih",)),  # palatal, as espeak-ng writes it
        ("@-", ("E",)),
        ("😀", ("E",)),
        ("ˈʌ", ("aa",)),
        ("ʌ", ("E",)),  # reduced: "of"
        ("ɡ", ("kk",)),
        ("g", ("kk",)),
        ("w", ("ou",)),
        ("j", ("ih",)),
    ],
)
def test_symbols(symbol: str, expected: tuple[str, ...]) -> None:
    assert visemes(symbol) == expected


@given(st.text(max_size=8))
def test_any_text_is_tolerated(symbol: str) -> None:
    found = visemes(symbol)
    assert found
    assert set(found) <= set(VISEMES)


@given(
    st.text("ˈˌːaɪʊətʃpɹnəʰʲ", max_size=5),
    st.integers(0, 10**6),
    st.integers(1, 48_000),
)
def test_segments_share_the_whole_time_of_their_phone(symbol: str, start: int, length: int) -> None:
    parts = split(Phone(symbol, start, start + length))
    assert parts[0].start == start
    assert parts[-1].end == pytest.approx(start + length)
    assert all(a.end == b.start for a, b in pairwise(parts))
    assert all(p.start < p.end for p in parts)
    assert {p.stress for p in parts if p.viseme != "sil"} <= {stress(symbol)}


def test_a_diphthong_begins_with_its_longer_part() -> None:
    first, second = split(Phone("ˈaɪ", 0, 1000))
    assert first.end - first.start > second.end - second.start
    assert first.openness is not None and second.openness is not None
    assert first.openness > 0.5 > second.openness


def test_empty_phones_leave_no_segment() -> None:
    assert segments([Phone("a", 0, 0), Phone("b", 0, 10)])[0].letter == "b"


def test_derived_sets_are_complete() -> None:
    assert len(VISEMES) == 15
    assert set(RHUBARB) == set(VISEMES)
    assert set(RHUBARB.values()) <= set(PRESTON_BLAIR)
    assert set(PRESTON_BLAIR) == set("ABCDEFGHX")
    assert [PRESTON_BLAIR[RHUBARB[v]] for v in ("PP", "FF", "aa", "sil")] == ["MBP", "FV", "AI", "rest"]


def test_every_vowel_has_a_height() -> None:
    assert set(VOWEL) == set(OPENNESS)
    assert OPENNESS["a"] > OPENNESS["ɛ"] > OPENNESS["e"] > OPENNESS["i"]
