"""Studio, cards, plates, panels, cover art, thumbnail, logo: looked at as pictures."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from podcast.canvas import blend, to_rgb, to_yuv
from podcast.errors import ConfigError, MediaError
from podcast.graphics import cards
from podcast.graphics.cover import cover_art, emblem, thumbnail
from podcast.graphics.images import from_image, watermark
from podcast.graphics.layout import Rect, arrange
from podcast.graphics.lower_third import LowerThird, chapter_chip, name_tag, title_block
from podcast.graphics.panels import border, card_frame, panel_background, picture_panel, stage
from podcast.graphics.shapes import over, plate, solid
from podcast.graphics.studio import STYLES, backdrop
from podcast.graphics.theme import Theme

RATE = Fraction(25)
THEME = Theme()


def changed(before: np.ndarray, after: np.ndarray) -> Rect:
    rows, columns = np.nonzero((before != after).any(2))
    return Rect(columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1)


# ---------------------------------------------------------------- studio


@pytest.mark.parametrize("style", STYLES)
def test_a_studio_has_depth_and_no_bands(style):
    room = backdrop(640, 360, style)
    assert room.shape == (360, 640, 3) and room.min() >= 0 and room.max() <= 255
    assert room.std() > 8  # light and shade
    assert np.array_equal(room, backdrop(640, 360, style))
    assert not np.array_equal(room, backdrop(640, 360, style, seed=1))
    flat = (np.abs(np.diff(np.rint(room[..., 1]), axis=1)) == 0).all(0)
    assert not flat.any()  # grain on every column


@pytest.mark.parametrize("size", [(360, 640), (400, 400), (120, 160), (1280, 720)])
def test_a_studio_in_any_shape(size):
    room = backdrop(*size, "studio", "#3fb6a8")
    assert room.shape == (size[1], size[0], 3) and np.isfinite(room).all()


def test_the_accent_colours_the_light():
    blue, red = backdrop(640, 360, "studio", "#3060ff"), backdrop(640, 360, "studio", "#ff3040")
    assert blue[..., 2].mean() > red[..., 2].mean() + 4


def test_an_unknown_studio_is_refused():
    with pytest.raises(ConfigError, match="studio, night, daylight, minimal"):
        backdrop(64, 64, "beach")


def test_portrait_photographs_are_turned_upright(tmp_path):
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, :40] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    Image.fromarray(picture).save(tmp_path / "x.png", exif=exif)
    upright = from_image(tmp_path / "x.png", (40, 80))
    assert upright[:30, :, 0].min() > 200 and upright[50:, :, 0].max() < 50
    dark = from_image(tmp_path / "x.png", (40, 80), blur=2, darken=0.5)
    assert dark[:20, :, 0].max() < 140


def test_a_missing_picture_says_which(tmp_path):
    with pytest.raises(MediaError, match="nowhere"):
        from_image(tmp_path / "nowhere.png", (64, 64))
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(MediaError, match="PNG"):
        from_image(tmp_path / "text.png", (64, 64))


# ---------------------------------------------------------------- cards and plates


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 360)])
@pytest.mark.parametrize("title", ["Hi", "A Very Long Title That Needs Several Lines Before It Is Over " * 3])
def test_a_title_card_shows_its_title_inside_its_region(size, title):
    card = cards.title_card(title, "with Maya Chen", backdrop(320, 180), size, 75, RATE)
    picture = card.background.copy()
    for placed in card.placed(card.at(40)):
        blend(picture, *placed)
    assert card.region.contains(changed(card.background, picture))
    assert Rect(0, 0, *size).contains(card.region)
    assert (picture[..., 0] > 210).sum() > 60
    assert card.background[..., 0].max() < 130  # white letters can be read on it
    assert card.at(0) == card.at(74) == (0,) * len(card.parts) and not card.placed(card.at(0))
    assert card.veil(0) == card.veil(74) == 0 and card.veil(40) == 1


def test_chapter_and_outro_cards_hold_still_in_between():
    for make in (cards.chapter_card, cards.outro_card):
        card = make("Beginnings", "1", backdrop(160, 90), (640, 360), 100, RATE)
        assert len({card.at(i) for i in range(35, 80)}) == 1
        assert len({card.at(i) for i in range(100)}) > 10


def test_the_outro_stays_to_the_last_frame():
    card = cards.outro_card("The end", "Ada", backdrop(160, 90), (640, 360), 100, RATE)
    assert card.at(99) == (1000,) * len(card.parts)


def test_a_lower_third_comes_stays_and_leaves_within_its_slot():
    layout = arrange(1280, 720, 1)
    third = LowerThird("Maya Chen", layout.hosts[0].plate, 150, RATE, THEME, "Host")
    states = [third.at(i) for i in range(150)]
    assert states[0] is None and states[-1] is None and 1000 in states
    empty = to_yuv(np.full((720, 1280, 3), 120, np.uint8))
    for state in {s for s in states if s}:
        picture = empty.copy()
        for placed in third.placed(state):
            blend(picture, *placed)
        if (picture != empty).any():
            assert third.region.contains(changed(empty, picture))
    assert all(LowerThird("Maya", layout.hosts[0].plate, 30, RATE).at(i) is None for i in range(30))


@pytest.mark.parametrize("name", ["Al", "Wolfeschlegelsteinhausenbergerdorff the Third of His Name", "שלום"])
@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (1080, 1920)])
def test_plates_stay_in_their_rectangles(name, size):
    layout = arrange(*size, 2)
    plates = [
        name_tag(name, layout.hosts[0].plate, THEME, active=True),
        chapter_chip(name, layout.chapter, THEME),
        title_block(name, name, arrange(*size, 0).title, THEME),
    ]
    rects = [layout.hosts[0].plate, layout.chapter, arrange(*size, 0).title]
    for placed, rect in zip(plates, rects, strict=True):
        h, w = placed.layer.shape[:2]
        assert rect.contains(Rect(placed.x, placed.y, w, h))
        assert (placed.layer[..., 3] > 0).any()


def test_over_is_what_blend_is():
    below, above = plate(60, 40, 8, "#204060", 0.8), solid(np.full((20, 30), 0.5, np.float32), "#ffb347")
    wall = to_yuv(np.full((40, 60, 3), 77, np.uint8))
    one, two = wall.copy(), wall.copy()
    blend(one, below)
    blend(one, above, 10, 10)
    over(below, above, 10, 10)
    blend(two, below)
    assert np.abs(one.astype(int) - two).max() <= 3


# ---------------------------------------------------------------- panels


def test_the_one_who_speaks_is_framed_and_glows():
    layout = arrange(1280, 720, 2)
    background = to_yuv(stage(backdrop(160, 90), (1280, 720), THEME.accent))
    quiet, first = (panel_background(background, layout, THEME, active) for active in (None, 0))
    glow = changed(quiet, first)
    assert glow.contains(layout.hosts[0].rect) and not glow.contains(layout.hosts[1].rect)


def test_a_card_gets_round_corners_and_a_frame():
    layout = arrange(1280, 720, 2)
    rect = layout.hosts[0].rect
    background = to_yuv(np.full((720, 1280, 3), 30, np.uint8))
    painted = background.copy()
    painted[rect.y : rect.bottom, rect.x : rect.right] = (200, 128, 128)
    for placed in card_frame(background, rect, THEME.corner(1280, 720), border(layout), "#ff0000"):
        blend(painted, *placed)
    assert tuple(painted[rect.y, rect.x]) == tuple(background[0, 0])
    assert tuple(painted[rect.y + rect.h // 2, rect.x + rect.w // 2]) == (200, 128, 128)
    edge = to_rgb(painted[rect.y : rect.y + 1, rect.x + rect.w // 2 : rect.x + rect.w // 2 + 1])[0, 0]
    assert edge[0] > 150 and edge[1] < 110


@pytest.mark.parametrize("shape", [(100, 400), (400, 100), (90, 160)])
def test_a_picture_is_shown_whole(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    picture[:3], picture[-3:] = (255, 0, 0), (0, 0, 255)
    rect = arrange(1280, 720, 1, picture=True).picture
    shown = np.zeros((720, 1280, 3), np.uint8) + np.uint8(128)
    placed = picture_panel(picture, rect, 20)
    assert placed.layer.shape[:2] == (rect.h, rect.w)
    blend(shown, *placed)
    rgb = to_rgb(shown)[rect.y : rect.bottom, rect.x : rect.right].astype(int)
    middle = rgb[:, rect.w // 2]
    assert (middle[:, 0] - middle[:, 2]).max() > 90 and (middle[:, 2] - middle[:, 0]).max() > 90


# ---------------------------------------------------------------- stills


def test_cover_art_shows_the_title(tmp_path):
    with_title, without = cover_art("The Long Story", "Maya", 400), emblem(400, THEME.accent)
    assert with_title.shape == (400, 400, 3)
    assert (with_title[:200].min(2) > 240).sum() > 500 and (without[:150].min(2) > 240).sum() == 0
    Image.fromarray(np.full((30, 60, 3), (10, 200, 10), np.uint8)).save(tmp_path / "own.png")
    own = cover_art("x", "", 64, image=tmp_path / "own.png")
    assert own.shape == (64, 64, 3) and np.abs(own.mean((0, 1)) - (10, 200, 10)).max() < 3


@pytest.mark.parametrize("host", [None, "cut-out", "card"])
def test_a_thumbnail_has_a_big_title_beside_the_host(host):
    still = np.zeros((300, 200, 4), np.uint8)
    still[50:, 40:160] = (20, 220, 40, 255)
    given = {None: None, "cut-out": still, "card": still[..., :3]}[host]
    picture = thumbnail("How Coffee Conquered the World", backdrop(320, 180), THEME, given, "Maya")
    assert picture.shape == (720, 1280, 3) and picture.dtype == np.uint8
    assert (picture[:, :640].min(2) > 235).sum() > 15_000  # letters
    green = (picture[..., 1] > 150) & (picture[..., 0] < 120)
    assert (green[:, 700:].sum() > 20_000) == (host is not None)


@pytest.mark.parametrize("align", ["left", "right"])
def test_a_logo_keeps_its_shape_and_its_opacity(tmp_path: Path, align):
    logo = np.zeros((100, 300, 4), np.uint8)
    logo[20:80, 50:250] = 255
    Image.fromarray(logo).save(tmp_path / "logo.png")
    rect = arrange(1920, 1080, 1).logo
    placed = watermark(tmp_path / "logo.png", rect, 0.5, align)
    h, w = placed.layer.shape[:2]
    assert rect.contains(Rect(placed.x, placed.y, w, h))
    assert w / h == pytest.approx(200 / 60, rel=0.05)
    assert int(placed.layer[..., 3].max()) == pytest.approx(127, abs=2)
    assert placed.x == rect.x if align == "left" else placed.x + w == rect.right
