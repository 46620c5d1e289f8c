"""Voices and hosts: what the author chose, else what fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.casting import choose, gender_of
from podcast.episode import Speaker

OFFERED = ("owen", "clara", "arthur", "grace")


def _gender(name: str):
    return {"owen": "male", "arthur": "male", "clara": "female", "grace": "female"}.get(name, "")


def _choose(*names: str, given=None):
    speakers = [Speaker(n.upper(), n) for n in names]
    return choose(speakers, OFFERED, given or {}, {s.id: gender_of(s.name) for s in speakers}, _gender)


@pytest.mark.parametrize(("name", "gender"), [
    ("Emma", "female"), ("DR. JANE SMITH", "female"), ("Mr. Lee", "male"), ("Dean", "male"), ("Speaker 1", ""),
    ("Narrator", ""), ("", ""), ("Queen Anne", "female"),
])
def test_what_names_suggest(name: str, gender: str) -> None:
    assert gender_of(name) == gender


def test_names_get_voices_that_fit() -> None:
    assert _choose("Emma", "Jack") == {"EMMA": "clara", "JACK": "owen"}


def test_nobody_shares_while_there_are_voices() -> None:
    assert len(set(_choose("A", "B", "C", "D").values())) == 4


def test_women_share_rather_than_speak_with_a_mans_voice() -> None:
    chosen = _choose("Emma", "Sarah", "Lucy")
    assert {_gender(v) for v in chosen.values()} == {"female"}


def test_the_same_name_is_taken_and_what_is_given_stays() -> None:
    assert _choose("Tom", "Grace") == {"TOM": "owen", "GRACE": "grace"}
    assert _choose("Tom", "Grace", given={"TOM": "grace"})["TOM"] == "grace"


@given(st.lists(st.text(min_size=1, max_size=8), unique_by=str.upper, max_size=9))
def test_everybody_gets_something_that_is_offered(names: list[str]) -> None:
    chosen = _choose(*names)
    assert set(chosen) == {n.upper() for n in names}
    assert set(chosen.values()) <= set(OFFERED)
