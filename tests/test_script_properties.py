"""Thousands of random scripts: none crashes the parser, none loses a word."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podcast.episode import Script
from podcast.errors import ScriptError
from podcast.script import decode, outline, parse_script
from podcast.script.lines import clean

PATH = Path("here/script.txt")


def choice(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split(" "))


MARKERS = choice(
    "[ ] ( ) * ** _ ` ``` ~~ # ## ### > - 1. 2. | --- === : : :: ! ![ ]( <!-- --> < > & \\ \" ' … . , "
    "[MUSIC: [MUSIC] [PAUSE [PAUSE] (beat) [IMAGE: none] [laughs] (sighs) DEAN: Host: Emma: NARRATOR( "
    "[^1] [^1]: Tone: Title: INTRO: SFX: http://x.y/z |---|---| [x] music fades out -12dB 5s {{ }} "
    "00:00 0:05 [1:00] 00:00:01,000 00:00:01,000&-->&00:00:02,000 WEBVTT NOTE <v&Jane> <p> </p> <h1> <li> <br> <style> "
    "</style> JANE&- INT.&HUT JANE Jane&0:07 (5&min) END"
).map(lambda marker: marker.replace("&", " ") if len(marker) > 1 else marker)
WORDS = choice("one two Three FOUR five5 sich 你好 мир naïve e\u0301a ß İ ﬁ 3.5 don't a-b Production Notes")
BLANKS = st.sampled_from([" ", " ", "  ", "\n", "\n", "\n\n", "\n\n", "\t", "\u00a0", ""])
TOKENS = st.one_of(MARKERS, MARKERS, WORDS, WORDS, st.text(max_size=3))
SOUP = st.lists(st.tuples(TOKENS, BLANKS), max_size=40).map(lambda ts: "".join(a + b for a, b in ts))

QUICK = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))


def parse(text: str) -> Script | None:
    try:
        return parse_script(text, PATH)
    except ScriptError as error:
        assert error.where.startswith(str(PATH))
        assert error.problem
        return None


def body(text: str) -> bool:
    """Whether the text surely has no front matter, whose words are settings."""
    return not text.lstrip("\ufeff").strip().startswith("---")


def shape(text: str) -> Counter:
    """Count the letters and digits of a text, whatever their case."""
    folded = clean(text).upper().casefold()
    return Counter(c for c in clean(folded) if c.isalnum())


def told(script: Script) -> str:
    """Everything that a script's parts hold of its text."""
    words = [script.title]
    words += [f"{t.speaker} {t.text}" for t in script.turns]
    words += [c.title for c in script.chapters]
    words += [u.text for u in script.unspoken]
    words += [f"{s.name} {s.delivery}" for s in script.speakers]
    return " ".join(words)


@QUICK
@given(SOUP)
@example("Hello [laughs] there (beat) and [MUSIC: soft, -12dB] on.")
@example("# A\n\n## B\n\n### C\n\nHost (calm): hi\n\nHost (loud): hi\n\n1. [PAUSE]\n2. x")
def test_no_word_is_lost(text):
    script = parse(text) if body(text) else None
    if script is None or "&" in text:  # "&amp;" is said as "&"
        return
    lost = shape(text) - shape(told(script))
    assert not lost, f"lost {dict(lost)}"


@QUICK
@given(SOUP)
def test_lines_speakers_and_cues_refer_to_what_there_is(text):
    script = parse(text)
    if script is None:
        return
    last = len(re.split(r"\r\r\n|\r\n|\r|\n", text))
    parts = [*script.turns, *script.chapters, *script.music, *script.images, *script.unspoken]
    assert all(1 <= p.line <= last for p in parts)
    assert [t.line for t in script.turns] == sorted(t.line for t in script.turns)
    assert {t.speaker for t in script.turns} == {s.id for s in script.speakers}
    assert all(s.name and s.id == " ".join(s.id.split()).upper() for s in script.speakers)
    assert all(0 <= c.before < len(script.turns) for c in script.chapters)
    assert len({c.before for c in script.chapters}) == len(script.chapters)
    assert all(0 <= c.before <= len(script.turns) for c in (*script.music, *script.images))
    assert all(t.text == t.text.strip() and any(c.isalnum() for c in t.text) for t in script.turns)
    assert all(t.pause_after is None or t.pause_after >= 0 for t in script.turns)
    assert outline(script).seconds > 0


@QUICK
@given(SOUP.filter(lambda t: "\r" not in t))
def test_line_endings_and_repetition_change_nothing(text):
    script = parse(text)
    assert parse(text) == script
    assert parse(text.replace("\n", "\r\n")) == script
    assert parse(text.replace("\n", "\r")) == script
    assert parse("\ufeff" + text) == script


@settings(max_examples=600, deadline=None)
@given(st.text(max_size=200))
def test_any_unicode_is_read(text):
    parse(text)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(
    ["title", "titel", "author", "speakers", "layout", "loudness", "language", "video", "video.fps", "- a", "  b"]),
    st.sampled_from([":", ": ", ": x", ": {a: b}", ": [1, 2]", ": &a [*a]", ": !!python/none x", ": 'x", ": |", ""]))))
def test_any_front_matter_is_read_or_refused(entries):
    parse("---\n" + "\n".join(a + b for a, b in entries) + "\n---\nHello there.")


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(data):
    try:
        assert isinstance(decode(data, PATH), str)
    except ScriptError as error:
        assert error.remedy


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), min_size=4, max_size=60),
       st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_encodings_come_back(text, encoding):
    text = "Hello " + text
    assert decode(text.encode(encoding), PATH).lstrip("\ufeff") == text.lstrip("\ufeff")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abcdefgh äöüßéñ ABC .,;“”’—–€ 123"), min_size=1, max_size=80))
def test_windows_text_comes_back(text):
    text = "A good deal of ordinary words first: " * 3 + text + " ä."  # an umlaut before a blank is no UTF-8
    assert decode(text.encode("cp1252"), PATH) == text


@pytest.mark.parametrize("text", [
    "[" * 3000, "(" * 3000 + ")" * 3000, "*_" * 3000, "!" * 20000 + "a", "[a](" * 2000, "a\n" * 5000,
    "`" * 5000 + " a", "<" * 5000 + "a", "~~" * 3000 + "a", " " * 50000 + "a", "a " * 30000,
    "[MUSIC: " + "x " * 5000 + "] a",
    "- " * 3000 + "a", "|" * 5000, "> " * 3000 + "a", "#" * 5000 + " a", "\\" * 5001 + "a",
    "a: " * 5000, "*a* " * 8000, "(a) " * 8000, "[a] " * 8000, "1. a\n" * 3000, "<!--" * 500,
    "<p>" + "<style>" * 5000, "<p>" + "<style></style>" * 3000, "0:00 a\n" * 5000, "Jane 0:00\na\n" * 3000,
    "00:00:00,000 --> 00:00:01,000\na\n" * 3000, "JANE - " * 5000,
])
def test_pathological_texts_take_no_time_to_speak_of(text):
    parse(text)
