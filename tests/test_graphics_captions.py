"""Captions: every word once, in order, at its time, and really in the picture."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.canvas import blend, colour, to_yuv
from podcast.captions import Shape, caption_blocks, columns, shape_for
from podcast.episode import Word, samples_at
from podcast.graphics.captions import CaptionStrip
from podcast.graphics.layout import arrange
from podcast.graphics.theme import Theme

RATE = Fraction(25)
UNDRAWABLE = "🫠🫡"  # no font that travels with the product has these
SENTENCE = (
    "Coffee was first grown in Ethiopia, where legend says a goatherd named Kaldi noticed that his goats "
    "became so energetic, after eating berries from a certain tree, that they did not want to sleep at night."
)


def spoken(text: str, gap: int = 0) -> list[Word]:
    words, at = [], 0
    for part in text.split():
        length = 5000 + 2800 * len(part)
        words.append(Word(part, at, at + length))
        at += length + gap
    return words


parts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn")), min_size=1)


@given(
    st.lists(st.tuples(parts, st.integers(1, 90_000), st.integers(0, 40_000)), max_size=60), st.sampled_from([40, 24])
)
def test_every_word_once_in_order(items, width):
    words, at = [], 0
    for text, length, gap in items:
        words.append(Word(text, at, at + length))
        at += length + gap
    blocks = caption_blocks(words, Shape(width))
    tokens = [t for b in blocks for t in b.tokens]
    for index, word in enumerate(words):
        mine = [t for t in tokens if t.word == index]
        assert "".join(t.text for t in mine) == " ".join(word.text.split())
        assert not mine or (mine[0].start == word.start and mine[-1].end == word.end)
    assert [t.word for t in tokens] == sorted(t.word for t in tokens)
    assert all(1 <= len(b.lines) <= 2 for b in blocks)
    for block, after in pairwise(blocks):
        assert block.start < block.end <= after.start or block.start == after.start
    assert all(columns(line[0].text) <= width or len(line) == 1 for b in blocks for line in b.lines)


@pytest.mark.parametrize("width", [24, 40])
def test_lines_fit_and_break_at_clauses(width):
    blocks = caption_blocks(spoken(SENTENCE), Shape(width))
    lines = [line for block in blocks for line in block.text.split("\n")]
    assert max(columns(line) for line in lines) <= width
    assert sum(block.text.endswith((",", ".")) for block in blocks) >= 0.6 * len(blocks)
    assert all(block.end - block.start >= 48_000 for block in blocks)
    assert not any(line.split()[-1] in ("a", "the", "of", "that") for line in lines)


def test_unspaced_scripts_are_cut_without_blanks():
    text = "世界中のコーヒーの物語、そして私たちの朝について話しましょう。"
    blocks = caption_blocks([Word(text, 0, 400_000)], Shape(24))
    assert "".join(b.text for b in blocks).replace("\n", "") == text
    assert all(columns(line) <= 24 for b in blocks for line in b.text.split("\n"))
    assert "。" not in {line[0] for b in blocks for line in b.text.split("\n")}


def test_captions_stay_until_the_next_but_not_beyond_the_slot():
    words = spoken("One two three. Four five six.", gap=4000)
    until = words[-1].end + 1000
    blocks = caption_blocks(words, Shape(14, 1), until)
    assert len(blocks) == 2
    assert blocks[0].end == blocks[1].start
    assert blocks[-1].end <= until


def strip_for(text: str, size=(1920, 1080), lead=0, theme=None) -> CaptionStrip:
    blocks = caption_blocks(spoken(text), shape_for(*size))
    return CaptionStrip(blocks, arrange(*size, 1).captions, size, RATE, lead, theme or Theme())


def test_the_spoken_word_is_the_one_that_is_lit():
    lead = 4800
    strip = strip_for(SENTENCE, lead=lead)
    for frame in range(0, 200, 7):
        now = samples_at(frame, RATE) - lead
        state = strip.at(frame)
        if state is None:
            assert not any(b.start <= now < b.end for b in strip.blocks)
        else:
            token = strip.blocks[state[0]].tokens[state[1]]
            assert token.start <= now
            later = [t for t in strip.blocks[state[0]].tokens if t.start > token.start]
            assert not later or now < later[0].start


def test_only_the_lit_word_has_the_accent_colour():
    strip = strip_for(SENTENCE)
    plain, lit = strip.layer((0, -1)), strip.layer((0, 2))
    changed = np.flatnonzero((plain != lit).any((0, 2)))
    words = strip.blocks[0].tokens
    total = sum(len(t.text) + 1 for t in words)
    share = (changed[-1] - changed[0]) / plain.shape[1]
    assert 0 < share < 2 * (len(words[2].text) + 1) / total
    hue = colour(Theme().accent)
    inked = lit[:, changed[0] : changed[-1]].reshape(-1, 4).astype(int)
    assert (np.abs(inked[:, :3] - hue).sum(1) < 12).sum() > 50


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1080, 1080), (640, 360), (3840, 2160)])
@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle",
        "Party 🎉 🎊 time",
        "היום נדבר על Open Source Software ועל קפה שחור, בירושלים ובתל אביב.",
        UNDRAWABLE,
    ],
)
def test_words_are_in_the_picture_and_inside_the_rectangle(size, text):
    strip = strip_for(text, size)
    picture = to_yuv(np.full((size[1], size[0], 3), 90, np.uint8))
    before = picture.copy()
    placed = strip.placed((0, -1))
    if text == UNDRAWABLE:
        assert not placed  # no empty plate
        return
    for layer, x, y, opacity in placed:
        blend(picture, layer, x, y, opacity)
    rows, columns_ = np.nonzero((picture != before).any(2))
    rect = strip.rect
    assert rect.x <= columns_.min() and columns_.max() < rect.right
    assert rect.y <= rows.min() and rows.max() < rect.bottom
    assert (picture[..., 0] > 180).sum() > 20  # letters, on a grey wall


def test_right_to_left_words_run_from_the_right():
    strip = strip_for("שלום עולם יפה מאוד")
    first, last = strip.layer((0, 0)), strip.layer((0, 3))
    plain = strip.layer((0, -1))
    where = [np.flatnonzero((plain != lit).any((0, 2))).mean() for lit in (first, last)]
    assert where[0] > where[1]
