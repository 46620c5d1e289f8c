"""Captions, chapters and the transcript, read back as a player or a browser reads them."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.episode import SAMPLE_RATE, Chapter, Narration, Script, Slot, Speaker, Utterance, Word
from podcast.errors import PodcastError
from podcast.sidecars import (
    Caption,
    Mark,
    chapter_marks,
    chapters_json,
    clock,
    paragraphs,
    srt,
    transcript_page,
    vtt,
    write_text,
    youtube_chapters,
)

TWO = [Caption(0.0, 1.2345, "Hello there.", "Dean"), Caption(1.5, 3661.9996, "Hi & <welcome>", "Mira")]


def test_srt_as_written_by_hand():
    assert srt([replace(caption, speaker="") for caption in TWO]) == (
        "1\n00:00:00,000 --> 00:00:01,234\nHello there.\n\n"
        "2\n00:00:01,500 --> 01:01:02,000\nHi & <\u2060welcome>\n"
    )


def test_srt_names_a_speaker_when_the_speaker_changes():
    captions = [*TWO, Caption(4000, 4001, "Again.", "Mira"), Caption(4002, 4003, "Yes.", "Dean")]
    lines = [cue.split("\n")[2] for cue in srt(captions).split("\n\n")]
    assert lines == ["Dean: Hello there.", "Mira: Hi & <\u2060welcome>", "Again.", "Dean: Yes."]
    assert "Dean" not in srt(TWO[:1])


def test_vtt_as_written_by_hand():
    assert vtt(TWO) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.234\n<v Dean>Hello there.\n\n"
        "00:00:01.500 --> 01:01:02.000\n<v Mira>Hi &amp; &lt;welcome&gt;\n"
    )
    assert "<v" not in vtt(TWO[:1])


def test_what_would_end_a_cue_or_look_like_one_is_kept_as_text():
    odd = [Caption(0, 1, "one\n\n \ntwo --> three")]
    assert vtt(odd).split("\n\n")[1] == "00:00:00.000 --> 00:00:01.000\none\ntwo --&gt; three\n"
    assert srt(odd) == "1\n00:00:00,000 --> 00:00:01,000\none\ntwo → three\n"
    assert "<v A &amp; B&gt; C>" in vtt([Caption(0, 1, "x", "A & B>\nC"), Caption(2, 3, "y", "D")])


def cues(text: str) -> list[tuple[int, int, str]]:
    def milliseconds(stamp: str) -> int:
        hours, minutes, secs, rest = map(int, re.split("[:,.]", stamp))
        return ((hours * 60 + minutes) * 60 + secs) * 1000 + rest

    found = re.findall(r"([\d:,.]+) --> ([\d:,.]+)\n((?:.+\n)+)", text)
    return [(milliseconds(start), milliseconds(end), said) for start, end, said in found]


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20)
caption_lists = st.lists(
    st.builds(Caption, st.floats(0, 9000), st.floats(0, 9000), words, st.sampled_from(["", "Dean", "Mira"])), max_size=8
)


@given(caption_lists)
def test_cues_never_overlap_and_none_is_lost(captions):
    expected = len([c for c in captions if c.text.split()])
    for text in (srt(captions), vtt(captions)):
        found = cues(text)
        assert len(found) == expected
        assert all(start < end for start, end, _ in found)
        assert all(a[1] <= b[0] for a, b in pairwise(found))


@given(st.lists(st.floats(0.01, 5), min_size=1, max_size=50))
def test_times_are_rounded_and_do_not_drift(lengths):
    edges = [0.0]
    for length in lengths:
        edges.append(edges[-1] + length)
    captions = [Caption(a, b, "x") for a, b in pairwise(edges)]
    for caption, (start, end, _) in zip(captions, cues(srt(captions)), strict=True):
        assert abs(start - caption.start * 1000) <= 0.501 and abs(end - caption.end * 1000) <= 0.501


# ---------------------------------------------------------------- chapters

MARKS = [Mark(2.5, "Opening"), Mark(75.9, "Main\nthing <1>"), Mark(3700, "End")]


def test_youtube_chapters_begin_at_zero():
    text, reason = youtube_chapters(MARKS, 3720)
    assert text == "0:00 Opening\n1:15 Main thing ‹1›\n1:01:40 End\n" and reason == ""


def test_what_comes_before_a_late_first_chapter_gets_the_title():
    text, _ = youtube_chapters([Mark(20, "One"), Mark(40, "Two")], 60, "The episode")
    assert text == "0:00 The episode\n0:20 One\n0:40 Two\n"


@pytest.mark.parametrize(
    ("marks", "length", "why"),
    [
        ([], 60, "no chapters"),
        (MARKS[:2], 120, "from 3 on"),
        (MARKS, 3705, "“End” lasts 5 s"),
        ([Mark(0, "A"), Mark(5, "B"), Mark(60, "C")], 90, "“A” lasts 5 s"),
    ],
)
def test_youtube_chapters_that_would_not_be_shown_say_why(marks, length, why):
    text, reason = youtube_chapters(marks, length)
    assert text == "" and why in reason


def test_podcast_chapters():
    data = json.loads(chapters_json(MARKS, 3720.04, "Tïtle"))
    assert (data["version"], data["title"]) == ("1.2.0", "Tïtle")
    assert data["chapters"][0] == {"startTime": 2.5, "endTime": 75.9, "title": "Opening"}
    assert data["chapters"][2]["endTime"] == 3720.04
    assert json.loads(chapters_json([], 10))["chapters"] == []


@pytest.mark.parametrize(("secs", "shown"), [(0, "0:00"), (59.99, "0:59"), (600, "10:00"), (3725, "1:02:05")])
def test_clock(secs, shown):
    assert clock(secs) == shown


# ---------------------------------------------------------------- transcript


def utterance(speaker: str, text: str, words: list[str]) -> Utterance:
    timed = tuple(Word(word, i * 4800, i * 4800 + 4000) for i, word in enumerate(words))
    return Utterance(speaker, text, 1, Path("x.wav"), 24_000, timed, (), "")


SCRIPT = Script(
    Path("x.txt"), "Cats & <dogs>", (), (Speaker("A", "Dean"), Speaker("B", "Mira & <Co>")),
    (Chapter("First", 0, 1), Chapter("Second", 1, 5), Chapter("Third", 2, 9)),
)
NARRATION = Narration(
    (
        Slot("title", 0, 50, 0),
        Slot("speech", 50, 25, 0, utterance("A", "“Well,” she said.", ["Well", "she", "said"]), lead=480),
        Slot("speech", 75, 25, 0, utterance("A", "Tea–time!", ["Tea", "time"])),
        Slot("chapter", 100, 25, 1, text="Second"),
        Slot("speech", 125, 25, 1, utterance("B", "<b>Bold</b> & free", ["<b>Bold</b>", "&", "free"])),
        Slot("speech", 150, 25, 2, utterance("A", "Bye.", ["Bye."])),
        Slot("outro", 175, 50, 3),
    ),
    Fraction(25),
)


def test_chapters_begin_with_their_card_or_their_first_words():
    assert chapter_marks(SCRIPT, NARRATION) == (Mark(0, "First"), Mark(4.0, "Second"), Mark(6.0, "Third"))


def test_paragraphs_are_turns_in_the_authors_words():
    found = paragraphs(SCRIPT, NARRATION)
    assert [(p.speaker, p.start, len(p.sentences)) for p in found] == [
        ("Dean", 2.01, 2), ("Mira & <Co>", 5.0, 1), ("Dean", 6.0, 1)]
    text = ["".join(piece.text + piece.after for piece in s) for p in found for s in p.sentences]
    assert text == ["“Well,” she said.", "Tea–time!", "<b>Bold</b> & free", "Bye."]
    assert found[0].sentences[0][1].start == pytest.approx(2 + (480 + 4800) / SAMPLE_RATE)


class Page(HTMLParser):
    """What a browser sees."""

    void = ("meta", "track", "br", "link", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(**options: object) -> Page:
    return Page(transcript_page(SCRIPT.title, paragraphs(SCRIPT, NARRATION), "my #1 episode.mp4", **options))


def test_the_transcript_plays_the_video_beside_it():
    found = page(marks=chapter_marks(SCRIPT, NARRATION), captions="my.vtt", poster="thumb.jpg", language="de")
    video, = found.all("video")
    assert (video["src"], video["poster"], "controls" in video) == ("my%20%231%20episode.mp4", "thumb.jpg", True)
    assert found.all("track")[0]["src"] == "my.vtt" and found.all("html")[0]["lang"] == "de"
    assert not [a for _, a in found.tags if str(a.get("src", "")).startswith("http")]


def test_the_transcript_of_an_episode_without_video_plays_its_sound():
    found = Page(transcript_page("T", paragraphs(SCRIPT, NARRATION), "a.mp3", captions="a.vtt", poster="p.jpg"))
    assert found.all("audio")[0]["src"] == "a.mp3" and not found.all("video")


def test_every_word_and_time_can_be_clicked():
    found = page(marks=chapter_marks(SCRIPT, NARRATION))
    timed = [float(a["data-t"]) for a in found.all("span") if "data-t" in a]
    assert len(timed) == 9 and timed == sorted(timed)
    links = [a["href"] for a in found.all("a") if "data-t" in a]
    assert len(links) == 3 + 3 and links[1] == "my%20%231%20episode.mp4#t=4.00"  # work without JavaScript, too


def test_what_the_author_wrote_is_text_and_not_markup():
    found = page(marks=chapter_marks(SCRIPT, NARRATION), description="a <script>alert(1)</script>")
    text = " ".join("".join(found.text).split())
    for piece in ("Cats & <dogs>", "Mira & <Co>", "<b>Bold</b> & free", "“Well,” she said. Tea–time!", "<script>alert"):
        assert piece in text
    assert len(found.all("script")) == 1


def test_a_single_speaker_is_not_named_and_chapters_may_lack():
    alone = [p for p in paragraphs(SCRIPT, NARRATION) if p.speaker == "Dean"]
    found = Page(transcript_page("T", alone, "v.mp4"))
    assert "Dean" not in "".join(found.text) and not found.all("nav") and not found.all("h2")
    assert Page(transcript_page("T", [], "v.mp4")).all("video")


def test_words_before_the_first_chapter_are_kept():
    found = page(marks=[Mark(5.5, "Late")])
    text = "".join(found.text)
    assert text.index("Bold") < text.rindex("Late") < text.index("Bye.")


# ---------------------------------------------------------------- writing


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = write_text(tmp_path / "new" / "a.srt", "grüße\n")
    assert path.read_bytes() == "grüße\n".encode()
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_bytes() == "grüße\n".encode() and [p.name for p in path.parent.iterdir()] == ["a.srt"]


def test_a_folder_that_cannot_be_made_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PodcastError, match="cannot be written"):
        write_text(tmp_path / "file" / "a.srt", "x")
