"""What is spoken for what is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcast.errors import ConfigError
from podcast.text import check_lexicon, normalize, sentences

SPOKEN = {
    # numbers
    "21 cats": "twenty-one cats",
    "1,234,567 people": "one million two hundred thirty-four thousand five hundred sixty-seven people",
    "3.14 is pi": "three point one four is pi",
    "it is -5 outside": "it is minus five outside",
    "5-10 people": "five to ten people",
    "1/2 a cup": "one half a cup",
    "1 1/2 cups": "one and a half cups",
    "3/4": "three quarters",
    "version 3.11": "version three point eleven",
    "release 1.2.3": "release one point two point three",
    "agent 007": "agent zero zero seven",
    "call 555-1234": "call five five five, one two three four",
    "open 24/7": "open twenty-four seven",
    "1920x1080": "nineteen twenty by ten eighty",
    "16:9": "sixteen to nine",
    "5'10\" tall": "five foot ten tall",
    # years
    "in 1998": "in nineteen ninety-eight",
    "in 2005": "in two thousand five",
    "the 1990s": "the nineteen nineties",
    "the '90s": "the nineties",
    "from 1990-1995": "from nineteen ninety to nineteen ninety-five",
    # ordinals
    "the 1st and 22nd": "the first and twenty-second",
    # money
    "$3.50": "three dollars and fifty cents",
    "$1": "one dollar",
    "$0.99": "ninety-nine cents",
    "$4.5 million": "four point five million dollars",
    "$1.2B": "one point two billion dollars",
    "£20": "twenty pounds",
    "€3": "three euros",
    "¥500": "five hundred yen",
    "20 USD": "twenty US dollars",
    "$10-20": "ten to twenty dollars",
    "$20/month": "twenty dollars per month",
    "a $5-a-month plan": "a five dollar-a-month plan",
    # measures
    "50%": "fifty percent",
    "5–10%": "five to ten percent",
    "5 km": "five kilometers",
    "1 km": "one kilometer",
    "a 5-km run": "a five kilometer run",
    "3GB": "three gigabytes",
    "25°C": "twenty-five degrees Celsius",
    "60 fps": "sixty frames per second",
    "10x faster": "ten times faster",
    "-3 dB": "minus three decibels",
    # dates and times
    "on 2026-11-20": "on November twentieth, twenty twenty-six",
    "20 Nov 2026": "the twentieth of November, twenty twenty-six",
    "11/20/2026": "November twentieth, twenty twenty-six",
    "May 5th": "May fifth",
    "10:30": "ten thirty",
    "10:05": "ten oh five",
    "5pm": "five P M",
    "14:05:09": "fourteen oh five and nine seconds",
    "10:00": "ten o'clock",
    "We met at 5 p.m.": "We met at five P M.",
    # abbreviations
    "Dr. Smith": "Doctor Smith",
    "12 Main St. in town": "twelve Main Street in town",
    "in St. Louis": "in Saint Louis",
    "e.g. this": "for example this",
    "i.e., that": "that is, that",
    "apples, etc.": "apples, et cetera.",
    "cats vs. dogs": "cats versus dogs",
    "No. 5": "number five",
    # acronyms
    "NASA and the FBI": "NASA and the F B I",
    "a GPU, a CPU and AI": "a G P U, a C P U and A I",
    "many GPUs": "many G P U's",
    "the U.S. economy": "the U S economy",
    "LaTeX": "lay tech",
    "OpenAI's API": "Open A I's A P I",
    "GPT-4": "G P T four",
    "an RTX 4090": "an R T X forty ninety",
    "an MP3": "an M P three",
    "IT at the UN": "I T at the U N",
    "THIS IS VERY BAD": "this is very bad",
    # the web
    "https://www.example.com/docs": "example dot com slash docs",
    "see example.com.": "see example dot com.",
    "me@foo.org": "me at foo dot org",
    "@ada_l": "at ada l",
    "#PodcastLife": "hashtag Podcast Life",
    # signs
    "rock & roll": "rock and roll",
    "1 + 2 = 3": "one plus two equals three",
    "he/she": "he slash she",
    "C++ and C#": "C plus plus and C sharp",
    # Roman numerals
    "Chapter IV": "Chapter four",
    "Henry VIII": "Henry the eighth",
    "World War II": "World War two",
    # characters
    "nice 😀👍🏽 work": "nice work",
    "“quoted” — really…": "quoted, really...",
    "it’s": "it's",
    "你好世界": "你好世界",
}


@pytest.mark.parametrize("written", SPOKEN)
def test_english_is_said_as_people_say_it(written: str) -> None:
    assert normalize(written).text == SPOKEN[written]


def test_the_order_of_a_date_follows_the_country() -> None:
    assert normalize("03/04/2026", "en-US").text == "March fourth, twenty twenty-six"
    assert normalize("03/04/2026", "en-GB").text == "the third of April, twenty twenty-six"
    assert normalize("20/11/2026", "en-US").text == "November twentieth, twenty twenty-six"


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("de", "21 Katzen und 3,5 %", "einundzwanzig Katzen und drei Komma fünf Prozent"),
        ("fr", "21 chats & 2 €", "vingt-et-un chats et deux euros"),
        ("es", "100 km", "cien kilómetros"),
        ("hi", "21", "इक्कीस"),
        ("tlh", "21 and 3.5", "21 and 3.5"),
    ],
)
def test_other_languages_count_in_their_own_words(language: str, written: str, spoken: str) -> None:
    assert normalize(written, language).text == spoken


def test_each_spoken_word_leads_back_to_the_authors() -> None:
    said = normalize("We paid $3.50 on 20 Nov 2026 — twice 😀!")
    assert said.words == ("We", "paid", "$3.50", "on", "20", "Nov", "2026", "—", "twice", "😀!")
    by_words = {" ".join(said.words[p.first : p.last]): p.text for p in said.pieces}
    assert by_words["$3.50"] == "three dollars and fifty cents"
    assert by_words["20 Nov 2026"] == "the twentieth of November, twenty twenty-six,"
    assert by_words["—"] == ""


def test_the_lexicon_goes_before_every_rule() -> None:
    lexicon = {"SQL": "ess cue ell", "LaTeX": "/ˈleɪtɛk/", "gif": "jif", "data base": "[[d'eIt@b,eIs]]"}
    said = normalize("SQL, LaTeX's GIF and a data base.", lexicon=lexicon)
    assert said.text == "ess cue ell, [[/ˈleɪtɛk/]]'s jif and a [[d'eIt@b,eIs]]."
    assert said.plain == "ess cue ell, LaTeX's jif and a data base."


@pytest.mark.parametrize("said", ["/open", "[[open", "closed]]", " "])
def test_a_lexicon_with_an_open_end_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match=r"lexicon"):
        check_lexicon({"word": said})


TEXT = st.text(max_size=80) | st.text(alphabet="aAIVXbc019.,:;-–/$€%°'\"#@&+=x()[]<> \n\té…½²漢😀", max_size=60)


@settings(max_examples=300, deadline=None)
@given(TEXT, st.sampled_from(["en", "en-GB", "de", "fr", "ru", "zh", "hi", "xx", ""]))
def test_any_text_is_covered_by_pieces_in_order(text: str, language: str) -> None:
    said = normalize(text, language)
    assert list(said.words) == text.split()
    assert [i for p in said.pieces for i in range(p.first, p.last)] == list(range(len(said.words)))
    assert all("[[" not in p.text and p.text == " ".join(p.text.split()) for p in said.pieces)


PLAIN = st.lists(st.text(alphabet="abcdefghijklmnoprstuw", min_size=2, max_size=9), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    text = " ".join(w for w in words if w not in {"vs", "aka"}) + "."
    assert normalize(text).text == text.strip()
    assert normalize(normalize(text).text).text == normalize(text).text


@pytest.mark.parametrize("written", SPOKEN)
def test_english_leaves_no_figures(written: str) -> None:
    assert not re.search(r"\d", normalize(written).text)


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith left St. Louis. He paid $3.50 at 5 p.m. Then he slept.",
         ["Dr. Smith left St. Louis.", "He paid $3.50 at 5 p.m.", "Then he slept."]),
        ("In... and out.", ["In... and out."]),
        ("He left. Why? Because he wanted to.", ["He left. Why?", "Because he wanted to."]),
        ("(He left the room.) She came back later.", ["(He left the room.)", "She came back later."]),
        ("Use 3.11, e.g. this one. It is good stuff.", ["Use 3.11, e.g. this one.", "It is good stuff."]),
        ("1. First item here. 2. Second item here.", ["1. First item here.", "2. Second item here."]),
        ("No", ["No"]),
        ("", []),
    ],
)  # fmt: skip
def test_paragraphs_part_into_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_sentence_is_spoken_clause_by_clause() -> None:
    clause = "the river runs slowly past the old stone mill in the valley"
    parts = sentences(", and ".join([clause] * 9) + ".")
    assert len(parts) > 2
    assert all(len(p.split()) <= 40 and len(p) <= 350 for p in parts)
    assert all(p.endswith((",", ".")) for p in parts)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcd efg. !?…,;()’\"19AB\n", max_size=300), st.sampled_from(["en", "de", "zh", "xx"]))
def test_sentences_lose_nothing(text: str, language: str) -> None:
    parts = sentences(text, language)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(p == p.strip() and p for p in parts)
