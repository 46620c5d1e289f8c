"""Fonts and text: scripts, wrapping, fitting."""

from io import BytesIO
from struct import pack, unpack

import numpy as np
import pymupdf_fonts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcast.errors import ConfigError
from podcast.graphics import fonts, text
from podcast.graphics.cmap import coverage
from podcast.graphics.fonts import Face
from podcast.graphics.theme import Theme, legible, luminance, mix

FACE = Face(40, True)


@pytest.mark.parametrize(
    "words", ["Hello", "Привет", "Ελληνικά", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "გამარჯობა", "Tiếng Việt", "→ ★ ∑"]
)
def test_scripts_that_travel_with_the_product(words):
    assert fonts.missing([words]) == ""
    assert text.mask([words], FACE).max() > 200


def test_missing_scripts_are_named_and_left_out(monkeypatch):
    monkeypatch.setattr(fonts, "_folders", list)
    clear_caches()
    warning = fonts.missing(["Hello 你好 🎉"])
    assert "Cjk" in warning and "你" in warning and "🎉" not in warning
    assert text.width("你好", FACE.at(41)) == 0
    clear_caches()


def test_coverage_agrees_with_what_the_font_draws():
    cover = coverage(BytesIO(pymupdf_fonts.myfont("figo")))
    assert all(c in cover for c in "AzßЖΩאبक")
    assert all(c not in cover for c in "你가\U0001f389")


def test_a_damaged_font_covers_nothing():
    data = pymupdf_fonts.myfont("spacemo")
    assert "A" not in coverage(BytesIO(b"not a font at all"))
    assert "A" not in coverage(BytesIO(data[:200]))


def test_a_collection_of_fonts_is_read():
    font = bytearray(pymupdf_fonts.myfont("spacemo"))
    header = b"ttcf" + pack(">III", 0x00010000, 1, 16)
    for i in range(unpack(">H", font[4:6])[0]):
        at = 12 + 16 * i + 8
        font[at : at + 4] = pack(">I", unpack(">I", font[at : at + 4])[0] + len(header))
    cover = coverage(BytesIO(header + bytes(font)))
    assert "A" in cover and "Ж" not in cover


def test_what_the_package_lacks_is_looked_for_on_the_machine(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "NotoSansTest.ttf").write_bytes(pymupdf_fonts.myfont("music"))
    (tmp_path / "broken.ttf").write_bytes(b"junk")
    clef = "\U0001d11e"
    monkeypatch.setattr(fonts, "_folders", lambda: [tmp_path])
    clear_caches()
    assert fonts.missing([clef]) == ""
    assert text.mask([clef], FACE).max() > 200
    clear_caches()


def clear_caches() -> None:
    for cached in (fonts._system_fonts, fonts._system_source, fonts._source_of, text.width):
        cached.cache_clear()


def test_a_font_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.ttf").write_bytes(b"junk")
    with pytest.raises(ConfigError, match=r"x\.ttf"):
        fonts.check(tmp_path / "x.ttf")


def test_the_users_font_goes_first(tmp_path):
    own = tmp_path / "own.ttf"
    own.write_bytes(pymupdf_fonts.myfont("spacemo"))
    fonts.check(own)
    mono = Face(40, False, own)
    assert text.width("iiii", mono) == text.width("MMMM", mono)
    assert text.width("Привет", mono) > 0  # falls back: the font has no Cyrillic


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=60),
    st.integers(60, 700),
)
def test_wrapping_keeps_all_text_and_the_limit(words, limit):
    lines = text.wrap(words, FACE, limit)
    assert "".join("".join(lines).split()) == "".join(words.split())
    assert all(text.width(line, FACE) <= limit or len(line) <= 3 for line in lines)


@pytest.mark.parametrize(
    "title",
    [
        "Hi",
        "The Surprisingly Long Story of How Coffee Conquered the World, One Cup at a Time, and What Came After",
        "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle",
        "word " * 120,
        "世界中のコーヒーの物語" * 6,
    ],
)
def test_titles_fit_their_box(title):
    face, lines = text.fit(title, Face(96, True), (700, 280), 24)
    assert lines and text.height(len(lines), face) <= 280
    assert all(text.width(line, face) <= 700 for line in lines)


def test_right_to_left_lines_stand_at_the_right():
    mask = text.mask(["שלום"], FACE, 600)
    assert np.flatnonzero(mask.any(0)).min() > 300


def test_colours_are_checked():
    with pytest.raises(ConfigError, match="accent"):
        Theme(accent="orange")
    with pytest.raises(ConfigError, match="plate_opacity"):
        Theme(plate_opacity=2)


@given(st.integers(0, 0xFFFFFF))
def test_any_accent_becomes_legible(value):
    assert luminance(legible(f"#{value:06x}")) >= 0.36
    assert mix("#000000", "#ffffff", 1.0) == "#ffffff"
