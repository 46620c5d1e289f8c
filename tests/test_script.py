"""What a script is understood to be."""

from pathlib import Path

import pytest

from podcast.episode import Script, Speaker
from podcast.errors import ScriptError
from podcast.script import NARRATOR, decode, outline, parse_script, read_script

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT.parent / "shared" / "samples" / "scripts"


@pytest.fixture
def folder(tmp_path):
    for name in ("theme.mp3", "my song.wav", "cover.png", "other.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def parse(text: str, folder: Path = Path(), known=()) -> Script:
    return parse_script(text, folder / "show.txt", known)


def said(text: str, **more) -> list[str]:
    return [t.text for t in parse(text, **more).turns]


def who(text: str, **more) -> list[tuple[str, str]]:
    return [(t.speaker, t.text) for t in parse(text, **more).turns]


def unspoken(text: str, **more) -> dict[str, str]:
    return {u.text: u.reason for u in parse(text, **more).unspoken}


def cue(content: str, folder: Path = Path()):
    (found,) = parse(f"Words.\n\n[{content}]", folder).music
    return found


# ---------------------------------------------------------------- plain text and Markdown


def test_plain_text_has_one_speaker():
    script = parse("Hello there.\nThis goes on.\n\nA second paragraph.")
    assert [t.text for t in script.turns] == ["Hello there. This goes on.", "A second paragraph."]
    assert [t.line for t in script.turns] == [1, 4]
    assert [(s.id, s.name) for s in script.speakers] == [(NARRATOR, "Host")]
    assert script.title == "Show"
    assert not script.unspoken


def test_titles_and_chapters():
    script = parse("# The Show\n\nHi.\n\n## One\n\nA.\n\nTwo\n---\nB.\n\n### Detail\n\n# Three #\nC.\n\nFour\n====\nD.")
    assert script.title == "The Show"
    assert [(c.title, c.before, c.line) for c in script.chapters] == [
        ("One", 1, 5), ("Two", 2, 9), ("Three", 3, 15), ("Four", 4, 18)]
    assert [(u.line, u.text, u.reason) for u in script.unspoken] == [(13, "Detail", "heading")]
    assert [t.text for t in script.turns] == ["Hi.", "A.", "B.", "C.", "D."]


def test_a_rule_below_speech_makes_no_heading():
    for line in ("DEAN: Yes", "Host: Yes", "Yes, I do.", "[MUSIC: x] Yes (no)"):
        script = parse(f"{line}\n---\nMore.")
        assert len(script.turns) == 2 and not script.chapters
    assert not parse("Runtime: 2 min\n---\nMore.").chapters
    assert parse("Hi.\n\nPart 1: The Sea\n---\nMore.").chapters[0].title == "Part 1: The Sea"


def test_headings_without_text_of_their_own():
    script = parse("Hi.\n\n# Part One\n## The Storm\n\nWind.\n\n## Empty\n## Full\n\nX.\n\n## Last")
    assert [(c.title, c.before) for c in script.chapters] == [("Part One: The Storm", 1), ("Full", 2)]
    assert [u.text for u in script.unspoken] == ["Empty", "Last"]


@pytest.mark.parametrize(("text", "spoken"), [
    ("An *emphasised*, __strong__ and ***both*** word.", "An emphasised, strong and both word."),
    ("Use `a*b` and snake_case, 5*3 and 2 * 4.", "Use a*b and snake_case, 5*3 and 2 * 4."),
    ("See [the site](https://x.org/a_(b) \"T\") now.", "See the site now."),
    ("Visit <https://x.org> today.", "Visit https://x.org today."),
    ("At 10:30 see https://x.org/a: it is good.", "At 10:30 see https://x.org/a: it is good."),
    ("A claim.[^1] And more[2].\n\n[^1]: A source.", "A claim. And more."),
    (r"Not \*this\* and \[that\] \# one.", "Not *this* and [that] # one."),
    ("> Quoted words\n> go on.", "Quoted words go on."),
    ("Some <b>bold</b>&nbsp;text &amp; more.<br/>", "Some bold text & more."),
    ("Old ~~gone~~ new.", "Old new."),
    ("array[0] is first", "array[0] is first"),
    ("an open [ bracket and a sad :[ face", "an open [ bracket and a sad :[ face"),
    ("He said \"[He] was [the] wor[l]d\".", "He said \"He was the world\"."),
    ("This matters (such as this one) to us (in 1998).", "This matters (such as this one) to us (in 1998)."),
    ("(I should say that I never liked him, really.)", "(I should say that I never liked him, really.)"),
    ("Wait... what? In... and out.", "Wait... what? In... and out."),
    ("#hashtag is no heading", "#hashtag is no heading"),
    ("\u00a0Non\u00a0breaking\tand\u200b zero\ufeff width", "Non breaking and zero width"),
])
def test_inline_markup_is_spoken_sensibly(text, spoken):
    assert said(text) == [spoken]


def test_lists_end_like_sentences():
    assert said("We need:\n- eggs\n- flour!\n* [x] *butter*") == ["We need:", "eggs.", "flour!", "butter."]
    assert said("1. Mix\n2) Bake\n\n3. Eat it.") == ["1: Mix.", "2: Bake.", "3: Eat it."]
    assert said("1984. It was a year.\n\n3. Juni war ein Tag.") == ["1984. It was a year.", "3. Juni war ein Tag."]


def test_what_is_not_for_the_ear_is_reported():
    text = ("Hi <!-- not\nme --> there.\n\n| a | b |\n|---|---|\n| c | d |\n\n```py\nprint(1)\n```\n\n***\n\n"
            "[ref]: https://x.org\nSee [ref] or [this][ref].\n\n[^n]: A note.\n  More of it.\n\nAn ![alt](no.png) end.")
    script = parse(text)
    assert [t.text for t in script.turns] == ["Hi there.", "See ref or this.", "An end."]
    reasons = [(u.line, u.reason) for u in script.unspoken]
    assert reasons == [(1, "comment"), (4, "table"), (5, "table"), (6, "table"), (8, "code"), (9, "code"), (10, "code"),
                       (12, "rule"), (14, "link address"), (15, "link address"), (17, "footnote"), (18, "footnote"),
                       (20, "picture not found")]


# ---------------------------------------------------------------- speakers


def test_labels_change_the_speaker_until_the_next():
    text = "DEAN: Hi.\n\nStill me.\n\nJANE (warm, low): Me.\nDEAN: And me.\n\n**Host:** X.\n**Dr. Who**: Y."
    script = parse(text, known=[Speaker("DR. WHO", "The Doctor")])
    assert [(t.speaker, t.text) for t in script.turns] == [
        ("DEAN", "Hi."), ("DEAN", "Still me."), ("JANE", "Me."), ("DEAN", "And me."), ("HOST", "X."), ("DR. WHO", "Y.")]
    assert [(s.id, s.name, s.delivery) for s in script.speakers] == [
        ("DEAN", "Dean", ""), ("JANE", "Jane", "warm, low"), ("HOST", "Host", ""), ("DR. WHO", "The Doctor", "")]


@pytest.mark.parametrize("text", [
    "SPEAKER 1: A.\nSPEAKER 2: B.", "Speaker 1:\nA.\n\nSpeaker 2:\n\nB.", "**Speaker 1:** A.\n\n**Speaker 2:** B.",
    "[Speaker 1] A.\n[Speaker 2]: B.", "[00:01] Speaker 1: A.\n[00:02] Speaker 2: B.",
    "- Speaker 1: A.\n- Speaker 2: B.", "> Speaker 1: A.\n\n> Speaker 2: B.", "Speaker 1 : A.\n\n  Speaker 2: B.",
])
def test_labels_are_written_in_many_ways(text):
    assert who(text) == [("SPEAKER 1", "A."), ("SPEAKER 2", "B.")]


@pytest.mark.parametrize("line", [
    "Note: this is prose.", "Remember: breathe.", "There are three reasons: a, b and c.", "WARNING: hot.",
    "10:30 it was.", "https://x.org is a site.", "London: a city of rain.",
    "Step 2: mix it.", "In short: yes.", "I thought: why not?",
    "\"Yes: no\" he said.", "e.g.: this.",
])
def test_sentences_with_a_colon_are_no_labels(line):
    assert who(f"Once.\n\n{line}\n\n{line}" if not line.startswith("London") else line)[-1] == (NARRATOR, line)


def test_a_name_that_begins_two_paragraphs_is_a_label():
    assert who("Emma: I like it.\n\nVan der Berg: No.\n\nEmma: Fine.\n\nVan der Berg: Yes.") == [
        ("EMMA", "I like it."), ("VAN DER BERG", "No."), ("EMMA", "Fine."), ("VAN DER BERG", "Yes.")]
    assert who("主持人：大家好。\n\n嘉宾：你好。\n\n主持人：再见。\n\n嘉宾：再见。")[1] == ("嘉宾", "你好。")


def test_declared_names_match_in_any_case():
    known = [Speaker("JANE", "Dr. Jane Smith", voice="a", avatar="b")]
    text = "---\nspeakers:\n  jane: {voice: c}\n---\nDr. Jane Smith: Hi.\n\njane: Ho.\n\nJANE\nOn my own."
    script = parse(text, known=known)
    assert [t.speaker for t in script.turns] == ["JANE"] * 3
    assert script.speakers == (Speaker("JANE", "Dr. Jane Smith", voice="c", avatar="b"),)


def test_deep_headings_are_chapters_where_there_are_no_others():
    script = parse("# T\n\n### One (5 min)\n\nHi.\n\n### Two [2:00–3:00]\n\n#### Three\n\nHo."
                   "\n\n### In (1998)\n\nX.\n\n### Apollo (13)\n\nY.")
    assert script.title == "T" and [c.title for c in script.chapters] == ["One", "Two", "In (1998)", "Apollo (13)"]
    assert {u.text for u in script.unspoken} == {"(5 min)", "[2:00–3:00]", "Three"}


def test_names_beside_roles_and_time_stamps():
    script = parse("**Host 1 (Sarah):** Hi.\n\nHost 2 (00:04):\nHo. [crosstalk 00:05]\n\nHost 1: Hey.")
    assert [(s.id, s.name, s.delivery) for s in script.speakers] == [("HOST 1", "Sarah", ""), ("HOST 2", "Host 2", "")]
    assert {u.text: u.reason for u in script.unspoken} == {
        "(00:04)": "time stamp", "[crosstalk 00:05]": "stage direction"}


def test_screenplays():
    text = "INT. STUDIO - DAY\n\nJANE\n(whispering)\nAre we live?\n\nBOB (V.O.)\nYes.\n\nJANE\nOh.\n\nTHE END"
    assert who(text) == [("JANE", "Are we live?"), ("BOB", "Yes."), ("JANE", "Oh.")]
    assert who("OH NO\nit rains") == [(NARRATOR, "OH NO it rains")]


def test_in_a_screenplay_what_stands_under_no_name_is_action():
    text = "INT. HUT - DAY\n\nJANE\nIt rains.\n\nShe opens the door.\n\nJANE\nStill.\n\n[PAUSE 2s]\n\nFADE OUT."
    script = parse(text)
    assert [t.text for t in script.turns] == ["It rains.", "Still."] and script.turns[1].pause_after == 2
    directions = [u.text for u in script.unspoken if u.reason == "stage direction"]
    assert directions == ["INT. HUT - DAY", "She opens the door.", "FADE OUT."]


def test_a_name_given_with_a_role_is_the_role():
    text = "**Host 1 (Ann Lee):** Hi.\n\n**Host 2 (Bo):** Ho.\n\n**Ann:** Well?\n\nBO: Well.\n\nANN LEE: Bye."
    script = parse(text)
    assert [t.speaker for t in script.turns] == ["HOST 1", "HOST 2", "HOST 1", "HOST 2", "HOST 1"]
    assert [s.name for s in script.speakers] == ["Ann Lee", "Bo"]


def test_names_in_capitals_before_a_dash():
    assert who("ANN - Hello.\n\nBOB – Hi.\n\nANN - Bye.\n\nBOB – Bye.") == [
        ("ANN", "Hello."), ("BOB", "Hi."), ("ANN", "Bye."), ("BOB", "Bye.")]
    assert who("NASA - the agency - flew.\n\nTwo - three.\n\nTwo - four.")[0] == (NARRATOR, "NASA - the agency - flew.")


def test_emoji_before_labels():
    text = "🎙️ **HOST:** Welcome! 🎉\n🎧 **GUEST (Ana):** Thanks.\n\n➡️ Emma: Hm.\n\n➡️ Emma: Ha."
    assert who(text) == [("HOST", "Welcome! 🎉"), ("GUEST", "Thanks."), ("EMMA", "Hm."), ("EMMA", "Ha.")]


def test_in_a_dialogue_a_name_is_a_label_though_it_occurs_once():
    text = "Tom: Hi.\nSue: Ho.\n\nTom: Hello?\nPhone Voice: \"No messages.\"\nSue: Well.\n\nTom: Yes."
    assert who(text)[3] == ("PHONE VOICE", '"No messages."')
    assert who("Tom: Hi.\n\nIt rained.\n\nTom: Hm.\n\nBad Weather: it went on.")[-1][0] == "TOM"


def test_parts_on_lines_of_their_own_are_chapters():
    script = parse("Scene 1 — The Hut\n\nTom: Hi.\n\n**Segment Two: Tea**\n\nTom: Ho.\n\nScene 3: it was late.")
    assert [c.title for c in script.chapters] == ["Scene 1 — The Hut", "Segment Two: Tea"]
    assert said("Hi.\n\nScene 3: it was late.") == ["Hi.", "Scene 3: it was late."]


def test_the_end_of_an_episode_is_not_spoken():
    assert said("Bye.\n\n*End of Episode*") == said("Bye.\n\n[END]") == said("Bye.\n\n— END —") == ["Bye."]
    assert said("He died.\n\nThe end.") == ["He died.", "The end."]


# ----------------------------------------------------------------------------------- captions, transcripts, web pages


def test_captions_are_read_as_sentences():
    text = ("1\n00:00:00,000 --> 00:00:03,200\nWelcome to\n\n2\n00:00:03,400 --> 00:00:07,000\n<i>the tour</i>.\n\n"
            "3\n00:00:12,000 --> 00:00:13,000\nOn your left,\n\n4\n00:00:13,000 --> 00:00:14,000\nOn your left,\n"
            "there are 4\n")
    assert said(text) == ["Welcome to the tour.", "On your left, there are 4"]
    assert len([u for u in parse(text).unspoken if u.reason == "time stamp"]) == 4


def test_who_speaks_in_web_captions():
    text = ("WEBVTT - made by hand\nKind: captions\n\nNOTE a\nb\n\nSTYLE\n::cue {}\n\nintro\n"
            "00:01.000 --> 00:03.000 align:start\n<v Jane Doe>Hello <c.loud>there</c>,\n\n"
            "00:03.000 --> 00:05.000\n<v Jane Doe>friends.\n\n00:05.000 --> 00:06.000\n<v.loud Bo>Hi &amp; bye.</v>\n")
    assert who(text) == [("JANE DOE", "Hello there, friends."), ("BO", "Hi & bye.")]


@pytest.mark.parametrize("line", [
    "{name}  {time}", "{time} {name}", "[{time}] {name}", "{name} ({time})", "{name} | {time}", "{name}, 01:{time}"])
def test_transcripts_tell_who_speaks_above_what_is_said(line):
    said_by = [("Jane Doe", "0:03", "Hello."), ("Bo", "10:12", "Hi 10:30 then."), ("Jane Doe", "11:00", "Bye.")]
    text = "\n\n".join(f"{line.format(name=name, time=time)}\n{words}" for name, time, words in said_by)
    script = parse(text)
    assert [(t.speaker, t.text) for t in script.turns] == [(n.upper(), w) for n, _, w in said_by]
    assert [u.reason for u in script.unspoken] == ["time stamp"] * 3


def test_times_beside_what_is_said_are_not_spoken():
    assert said("0:00\nwelcome\n0:04\nto the show\n1:09\nabout tea") == ["welcome to the show about tea"]
    assert said("0:00 Welcome.\n0:05 To tea.\n\n[0:12] Bye.") == ["Welcome. To tea.", "Bye."]
    assert said("Hi.\n\n00:00 Welcome\n02:10 Tea\n05:00 Bye\n\nHo.") == ["Hi.", "Ho."]
    assert said("10:30 Breakfast\n11:00 Lunch\n12:00 Tea") == ["10:30 Breakfast 11:00 Lunch 12:00 Tea"]


def test_web_pages():
    text = ("<!DOCTYPE html>\n<html><head><title>x</title>\n<style>p {}</style></head><body><h1>\nTea</h1>\n"
            "<p>ANN: It is\n<b>hot</b>.</p><p>BO: Yes<br>it is.</p>\n<ul><li>One<li>Two</ul></body></html>")
    script = parse(text)
    assert script.title == "Tea"
    assert [(t.speaker, t.text, t.line) for t in script.turns] == [
        ("ANN", "It is hot.", 5), ("BO", "Yes it is.", 6), ("BO", "One.", 7), ("BO", "Two.", 7)]


def test_questions_and_answers():
    assert who("Q: Why?\nA: Because.\n\nQ: So?\nA: So.")[:2] == [("Q", "Why?"), ("A", "Because.")]


def test_who_reads_what_has_no_label():
    assert who("Once upon a time.\n\nDEAN: Hi.") == [("DEAN", "Once upon a time."), ("DEAN", "Hi.")]
    assert who("Once.\n\nDEAN: Hi.\n\nJANE: Ho.")[0] == (NARRATOR, "Once.")
    assert who("HOST: Hi.\n\nGUEST: Ho.\n\n## Next\n\nAnd now.")[-1] == ("HOST", "And now.")
    assert who("A: Hi.\n\nB: Ho.\n\nA: X.\n\nB: Y.\n\n## Next\n\nAnd now.")[-1] == ("B", "And now.")
    assert who("---\nspeakers: [Ann, Bo]\n---\nHi.") == [("ANN", "Hi.")]
    assert parse("---\nauthor: Ann Lee\n---\nHi.").speakers[0].name == "Ann Lee"
    assert parse("Host: Ann Lee\n\nHi.").speakers[0].name == "Ann Lee"


# ---------------------------------------------------------------- directions, headers, notes


@pytest.mark.parametrize(("text", "spoken", "aside"), [
    ("[laughs] Well.", "Well.", "[laughs]"),
    ("Well [he laughs, loudly], I never.", "Well, I never.", "[he laughs, loudly]"),
    ("DEAN: (softly) Come in.", "Come in.", "(softly)"),
    ("DEAN: (a bit tired) Come in.", "Come in.", "(a bit tired)"),
    ("So (sighs) it goes.", "So it goes.", "(sighs)"),
    ("So *sighs* it goes.", "So it goes.", "*sighs*"),
    ("*smiles*\nGood.", "Good.", "*smiles*"),
    ("(He walks away slowly)\nGood.", "Good.", "(He walks away slowly)"),
    ("[camera pans to the left] Good.", "Good.", "[camera pans to the left]"),
    ("[SFX: door] Good.", "Good.", "[SFX: door]"),
    ("Sound effect: rain\nGood.", "Good.", "Sound effect: rain"),
    ("SFX: a door slams\nGood.", "Good.", "SFX: a door slams"),
])
def test_stage_directions_are_not_spoken(text, spoken, aside):
    assert said(text) == [spoken]
    assert unspoken(text) == {aside: "stage direction"}


def test_header_lines_are_not_spoken():
    script = parse("# T\n\nRuntime: ~1:20\nTone: warm\n**Host:** Ann Lee\n\n[MUSIC: x]\n\nDate: 3 May\n\n"
                   "Hi.\n\nTone: it matters.")
    assert [t.text for t in script.turns] == ["Hi.", "Tone: it matters."]
    assert [(u.line, u.reason) for u in script.unspoken] == [
        (3, "header"), (4, "header"), (5, "header"), (7, "music cue"), (9, "header")]
    assert parse("Title: My Show\nAuthor: Ann\n\nHi.").title == "My Show"
    assert said("Time: it flies.\n\nRuntime: 2 min\n\nHi.")[0] == "Time: it flies."
    assert who("Host: Welcome to the show.") == [("HOST", "Welcome to the show.")]


@pytest.mark.parametrize("title", [
    "## Production Notes", "**Production Notes**", "**Show notes:**", "PRODUCTION NOTES:", "Notes for the editor:",
])
def test_production_notes_are_not_spoken(title):
    text = f"Hi.\n\n{title}\n\n- Use [MUSIC: loud] sparingly\nDEAN: warm\n\n---\nMore.\n\n## Next\n\nBye."
    script = parse(text)
    assert [t.text for t in script.turns] == ["Hi.", "Bye."]
    assert not script.music
    notes = [u.text for u in script.unspoken if u.reason == "production notes"]
    assert notes[1:] == ["Use [MUSIC: loud] sparingly", "DEAN: warm", "More."]


def test_notes_end_at_a_heading_of_their_rank_or_at_an_early_rule():
    assert said("Hi.\n\n## Show notes\n\n### Links\n\nx\n\n## On\n\nBye.") == ["Hi.", "Bye."]
    assert said("Production notes:\n- slow\n\n---\n\nHi.") == ["Hi."]


def test_a_header_may_stand_below_the_last_rule():
    assert said("Hi.\n\n---\n**Word count:** 120\nRuntime: 2 min") == ["Hi."]
    assert said("Hi.\n\n---\nRuntime: this is what we call it.")[1:] == ["Runtime: this is what we call it."]


def test_section_markers():
    text = "INTRO:\nHi.\n\n**Outro**\n\nCLOSING: Bye.\n\nConclusion: it works."
    assert said(text) == ["Hi.", "Bye.", "Conclusion: it works."]


# ---------------------------------------------------------------- pauses


@pytest.mark.parametrize(("mark", "seconds"), [
    ("[PAUSE 1.5s]", 1.5), ("[PAUSE]", 1.0), ("(pause 0.5s)", 0.5), ("(beat)", 0.5), ("[beat]", 0.5),
    ("[silence 2s]", 2.0), ("[Pause: 2]", 2.0), ("[2-second pause]", 2.0), ("[PAUSE 500ms]", 0.5),
    ("[PAUSE 1,5 s]", 1.5), ("[long pause]", 2.0),
    ("[pause for effect]", 1.0), ("[PAUSE 1s] [PAUSE 2s] (beat)", 3.5), ("[PAUSE 1 min]", 60.0),
])
def test_pauses_split_a_paragraph(mark, seconds):
    script = parse(f"One, {mark} two.")
    assert [(t.text, t.pause_after) for t in script.turns] == [("One,", seconds), ("two.", None)]
    assert {u.reason for u in script.unspoken} == {"pause"}


def test_breaks_of_speech_markup():
    script = parse('One <break time="500ms"/> two. <break strength="weak" time=\'1.5s\'> Three.<break/>')
    assert [t.pause_after for t in script.turns] == [0.5, 1.5, 1.0]


def test_a_time_or_code_around_a_cue():
    for text in ("[0:30 - soft piano music]", "[soft piano music – 9:30]", "`[soft piano music]`"):
        assert parse(f"Hi.\n\n{text}\n\nHo.").music[0].description == "soft piano"
    assert said("Say `[x]` now.\n\n`[SFX: door]`") == ["Say [x] now."]


def test_pauses_between_paragraphs_and_before_the_first_words():
    script = parse("[MUSIC: piano]\n[PAUSE 3s]\n\nHi [PAUSE 1s].\n\n[PAUSE 2s]\n\n## On\n\n[PAUSE 1s]\n\nBye.")
    assert [(t.text, t.pause_after) for t in script.turns] == [("Hi.", 4.0), ("Bye.", None)]
    assert script.music[0].solo == 3.0


# ---------------------------------------------------------------- music and pictures


def test_a_cue_stands_before_the_turn_that_follows_it():
    script = parse("[MUSIC: a]\n\nOne. [MUSIC: b] Two, [MUSIC: c] three.\n\n[MUSIC: fade out]")
    assert [(c.description, c.before, c.line) for c in script.music] == [
        ("a", 0, 1), ("b", 1, 3), ("c", 2, 3), ("", 3, 5)]
    assert [(t.text, t.pause_after) for t in script.turns] == [("One.", None), ("Two,", 0.0), ("three.", None)]


@pytest.mark.parametrize(("content", "expected"), [
    ("MUSIC: very soft, calming", {"description": "very soft, calming"}),
    ("Music - upbeat", {"description": "upbeat"}),
    ("BACKGROUND MUSIC: lofi beats", {"description": "lofi beats"}),
    ("Theme music", {"description": "Theme"}),
    ("upbeat jazz music plays", {"description": "upbeat jazz"}),
    ("Intro music: soft piano, -12dB, fade in 2s → underlay for 5s",
     {"description": "soft piano", "gain_db": -12.0, "fade_in": 2.0, "solo": 5.0}),
    ("MUSIC: strings, 80 bpm, at −6.5 dB; fade out 4 seconds",
     {"description": "strings, 80 bpm", "gain_db": -6.5, "fade_out": 4.0}),
    ("MUSIC: 80s, synthwave, 5s", {"description": "80s, synthwave", "solo": 5.0}),
    ("MUSIC: crossfade 1,5s to warm pads", {"description": "warm pads", "fade_in": 1.5}),
    ("MUSIC: fade out", {"stop": True}),
    ("MUSIC: stop", {"stop": True}),
    ("MUSIC: none", {"stop": True}),
    ("END MUSIC", {"stop": True}),
    ("background music fades out over 8s", {"stop": True, "fade_out": 8.0}),
    ("MUSIC: gentle fade to silence", {"stop": True, "description": "gentle", "fade_out": 5.0}),
    ("MUSIC: mysterious fade out", {"stop": True, "description": "mysterious"}),
])
def test_music_cues(content, expected):
    found = cue(content)
    fields = ("description", "file", "stop", "gain_db", "fade_in", "fade_out", "solo")
    assert {k: getattr(found, k) for k in fields if getattr(found, k) not in (None, "", False)} == expected


def test_music_in_parentheses_and_emphasis():
    assert parse("(music fades)\n\nHi.").music[0].stop
    assert parse("*Music fades out.*\n\nHi.").music[0].stop
    text = "[MUSIC: a]\n\nHi. *[music swells]* Ho. [music continues softly]"
    assert [m.description for m in parse(text).music] == ["a"]
    assert said("I love (the music in this film) a lot. [she hums along to the music] Yes.") == [
        "I love (the music in this film) a lot. Yes."]
    for label in ("MUSIC", "Music", "**Music**", "Background music"):
        assert parse(f"{label}: soft piano\n\nHi.").music[0].description == "soft piano"
        assert parse(f"Hi.\n\n{label}: soft piano\nHo.").music[0].before == 1
    assert said("Music: it makes us cry.") == ["Music: it makes us cry."]


def test_music_files(folder):
    assert cue("MUSIC: theme.mp3, -6dB, for 4s", folder).file == folder / "theme.mp3"
    assert cue('MUSIC: "my song.wav" fade in 1s', folder).file == folder / "my song.wav"
    with pytest.raises(ScriptError, match=r"show.txt:3: no such sound: them.mp3\ndid you mean theme.mp3"):
        cue("MUSIC: them.mp3", folder)


def test_pictures(folder):
    script = parse("[IMAGE: cover.png]\nOne. ![a](other.jpg) Two.\n\n[IMAGE: none]\n\nThree.", folder)
    assert [(i.file and i.file.name, i.before, i.line) for i in script.images] == [
        ("cover.png", 0, 1), ("other.jpg", 1, 2), (None, 2, 4)]
    with pytest.raises(ScriptError, match=r"show.txt:2: no such picture: covr.png\ndid you mean cover.png"):
        parse("Hi.\n[IMAGE: covr.png]", folder)
    with pytest.raises(ScriptError, match=r"did you mean cover.png"):
        parse("Hi.\n[IMAGE: COVR.PNG]", folder)
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.png").write_bytes(b"x")
    assert parse("[IMAGE: pictures\\a.png]\nHi.", folder).images[0].file == folder / "pictures" / "a.png"
    with pytest.raises(ScriptError, match=r"notes.txt is no picture"):
        parse("Hi. [IMAGE: notes.txt]", folder)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(("text", "where", "words"), [
    ("", "show.txt", "empty"),
    (" \n\n\t", "show.txt", "empty"),
    ("# Title\n\n[MUSIC: x]", "show.txt:3", "nothing in the script is spoken"),
    ("Hi.\n\nSo [MUSIC: soft piano\n\nBye.", "show.txt:3", "[MUSIC: soft piano ... is never closed"),
    ("Hi.\n[laughs and goes", "show.txt:2", "never closed"),
    ("Hi.\n(pause 2s and so on", "show.txt:2", "never closed"),
    ("Hi.\n<!-- no end", "show.txt:2", "comment"),
    ("Hi.\n\n```\ncode", "show.txt:3", "code block"),
    ("Hi. [PAUSE 3x]", "show.txt:1", "cannot read the length"),
    ("Hi.\n[PAUSE 9999s]", "show.txt:2", "9999"),
    ("---\ntitle: A\ntitel: B\n---\nHi.", "show.txt:3", "unknown key titel\ndid you mean title?"),
    ("---\ntitle: A: B\n---\nHi.", "show.txt:2", "not valid YAML"),
    ("---\ntitle: A\nHi.", "show.txt:1", "never closed"),
    ("---\nspeakers:\n  DEAN:\n    voise: x\n---\nHi.", "show.txt:4", "did you mean voice?"),
    ("---\nlanguage: English (UK)\n---\nHi.", "show.txt:2", "no language tag"),
    ("---\ntitle: [a]\n---\nHi.", "show.txt:2", "title must be a text"),
])
def test_errors_say_where_and_what_to_do(text, where, words):
    with pytest.raises(ScriptError) as caught:
        parse(text)
    assert caught.value.where == where
    assert words in str(caught.value)
    assert caught.value.remedy


# ---------------------------------------------------------------- front matter


def test_front_matter(folder):
    script = parse("""---
title: "The show: one"
description: >
  About
  things.
author: Ann
language: en_GB
layout: cards
loudness: -14
video.fps: 30
music: {level_db: -20, composer: {bpm: 80}}
speakers:
  DEAN: {name: Dean M., voice: en-us+m3, avatar: cover.png, delivery: calm}
  "Jane S": Jane
---
# The Show: One

DEAN: Hi.

jane s: Ho.
""", folder)
    assert (script.title, script.author, script.language) == ("The Show: One", "Ann", "en-GB")
    assert script.description == "About things."
    assert not script.chapters
    assert dict(script.settings) == {"video.layout": "cards", "mix.loudness": "-14", "video.fps": "30",
                                     "music.level_db": "-20", "music.composer.bpm": "80"}
    assert script.speakers == (
        Speaker("DEAN", "Dean M.", "en-us+m3", str(folder / "cover.png"), None, "calm"), Speaker("JANE S", "Jane"))
    assert script.turns[0].line == 18


@pytest.mark.parametrize("listed", ["[Dean, Jane]", "\n- name: Dean\n- Jane:\n    voice: x", "{Dean: , Jane: }"])
def test_speakers_may_be_a_list(listed):
    assert [t.speaker for t in parse(f"---\nspeakers: {listed}\n---\nDean: A.\nJane: B.").turns] == ["DEAN", "JANE"]


@pytest.mark.parametrize("text", [
    "---\n\nHello there.\n\n---\n\nBye.", "---\nHello there.\n---\nBye.",
    "---\nDEAN: Hello there.\n\n---\n\nDEAN: Bye.", "---\nHello there.\n\nBye.",
])
def test_a_rule_is_no_front_matter(text):
    assert said(text)[0] == "Hello there." or said(text) == ["Bye."]  # a line above dashes is a heading
    assert parse(text).unspoken[0].reason == "rule"


# ---------------------------------------------------------------- files


TEXT = "# Café\n\nIt’s “naïve” – isn’t it?\r\n\r\nYes."


@pytest.mark.parametrize("encoding", [
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(tmp_path, encoding):
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT.encode(encoding))
    script = read_script(file)
    assert script.title == "Café"
    assert [(t.text, t.line) for t in script.turns] == [("It’s “naïve” – isn’t it?", 3), ("Yes.", 5)]


def test_utf_16_without_a_mark_in_other_scripts():
    text = "大家好。\n你好吗？ 今天天气很好。\n"
    assert decode(text.encode("utf-16-le"), "x") == text


@pytest.mark.parametrize(("data", "words"), [
    (bytes(range(256)) * 20, "binary"),
    (b"%PDF-1.7 text", "a PDF"),
    (b"PK\x03\x04rest", "Word"),
    (b"{\\rtf1 Hello}", "rich text"),
    (b"\x00\x01\x02\x03" * 100, "binary"),
    ("Привет, это обычный русский текст.".encode("cp1251"), "encoding"),
    (b"A text with \x81 in it, quite long.", "0x81"),
])
def test_files_that_are_no_text(tmp_path, data, words):
    file = tmp_path / "a.txt"
    file.write_bytes(data)
    with pytest.raises(ScriptError, match=words) as caught:
        read_script(file)
    assert caught.value.remedy


def test_missing_files_and_folders(tmp_path):
    (tmp_path / "welcome.txt").write_text("Hi.")
    with pytest.raises(ScriptError, match=r"did you mean .*welcome.txt"):
        read_script(tmp_path / "welcom.txt")
    with pytest.raises(ScriptError, match="is a folder"):
        read_script(tmp_path)


def test_form_feeds_begin_paragraphs_and_count_no_lines():
    script = parse("One.\n\fTwo.\u2029Three.\nFour.")
    assert [(t.text, t.line) for t in script.turns] == [("One.", 1), ("Two.", 2), ("Three. Four.", 2)]


# ---------------------------------------------------------------- outline


def test_outline():
    script = parse(f"[MUSIC: x for 5s]\n\nDEAN: {'word ' * 150}.\n\n[PAUSE 10s]\n\n## Two\n\nJANE: {'word ' * 75}.")
    plan = outline(script)
    assert [(s.speaker.id, s.turns, s.words, s.seconds) for s in plan.shares] == [
        ("DEAN", 1, 150, 60.0), ("JANE", 1, 75, 30.0)]
    assert plan.words == 225
    assert plan.turns == (5.0, 75.0)
    assert [(at, c.title) for at, c in plan.chapters] == [(75.0, "Two")]
    assert plan.seconds == pytest.approx(105.6)
    assert outline(parse("大家好，我们今天谈谈天气。")).words == 6


# ---------------------------------------------------------------- real scripts


@pytest.mark.parametrize("name", ["welcome.txt", "octopus.txt", "lighthouse.txt"])
def test_examples(name):
    script = read_script(ROOT / "creations" / name)
    plan = outline(script)
    assert 35 <= plan.seconds <= 80
    assert script.music
    assert {u.reason for u in script.unspoken} <= {"music cue", "pause", "stage direction", "comment"}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no sample scripts here")
@pytest.mark.parametrize(("name", "turns", "cues", "stops"), [
    ("AI_Podcast_Creator_Project_Overview.txt", 15, 0, 0), ("example_meditation.txt", 8, 5, 1),
    ("example_storytelling.txt", 6, 5, 1), ("example_tech_news.txt", 6, 5, 0), ("template_blank.txt", 7, 4, 0),
])
def test_samples(name, turns, cues, stops):
    script = read_script(SAMPLES / name)
    assert len(script.turns) == turns
    assert len(script.music) == cues
    assert sum(c.stop for c in script.music) == stops
    assert len(script.speakers) == 1
    assert [u.reason for u in script.unspoken] == ["music cue"] * cues
    assert script.title == (SAMPLES / name).read_text("utf-8").splitlines()[0].removeprefix("# ")


def test_the_documents_first_example():
    text = (ROOT / "docs" / "script.md").read_text("utf-8").split("```text\n")[1].split("```")[0]
    script = parse(text)
    assert (script.title, [c.title for c in script.chapters]) == ("Tea or coffee", ["The case for tea"])
    assert [(t.speaker, t.text) for t in script.turns] == [
        ("ANN", "Good morning!"), ("ANN", "Tea or coffee?"), ("BEN", "Yes."),
        ("ANN", "It is much older. Some say by four thousand years.")]
    assert script.speaker("BEN").delivery == "still asleep"
    assert [u.reason for u in script.unspoken] == ["music cue", "pause", "stage direction", "link address", "music cue"]


def test_the_documents_labels():
    text = (ROOT / "docs" / "script.md").read_text("utf-8").split("```text\n")[2].split("```")[0]
    assert [t.speaker for t in parse(text).turns] == ["DEAN", "NARRATOR", "SPEAKER 1", "HOST", "HOST", "DEAN"]
