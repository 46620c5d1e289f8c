"""A set scene: the still picture, the presenters in their places, and what lies over them in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from podcast.cache import Cache
from podcast.canvas import blend, to_rgb, to_yuv
from podcast.episode import Look, Presenter
from podcast.graphics import cover, images, panels
from podcast.graphics.layout import HostSlot, Layout, Rect, arrange
from podcast.graphics.lower_third import name_tag, title_block
from podcast.graphics.shapes import Placed
from podcast.graphics.studio import backdrop
from podcast.graphics.theme import Theme
from podcast.puppet.facemap import FaceMap
from podcast.puppet.faces import load_face_map
from podcast.puppet.portrait import PortraitFigure, portrait_size
from podcast.puppet.portrait.cutout import head_centre_of, head_height_of
from podcast.puppet.pose import REST
from podcast.puppet.render import Puppet, figure_size
from podcast.puppet.rig import Rig, load_rig, load_spec
from podcast.stage.rendered import SUFFIX, RenderedFigure

_BACKDROP_VERSION = 2
_HEADS = {"head": 1.0, "bust": 0.78}  # of the head height that a layout gives a drawn host …
_CARD_BUST = 0.92  # … and on a card, which is seen from nearer: beside a picture that shows no more than the head
_EYE_LINE = 0.42  # of the region's height: where the head goes if the picture is taller than the region
_LOWER = 0.12  # head heights by which a portrait may sit lower than its place


@dataclass(frozen=True)
class Setting:
    """What a stage is built from; shots with equal settings share a stage."""

    look: Look
    presenters: tuple[Presenter, ...]
    image: Path | None
    image_digest: str


class Stage:
    """A set scene: the still picture and the presenters in their places. Costly to build, kept warm by workers."""

    def __init__(self, setting: Setting, cache: Cache) -> None:
        look = setting.look
        self.look, self.presenters = look, setting.presenters
        self.theme = Theme(accent=look.accent, font=look.font, font_bold=look.font)
        rendered = any(is_rendered(presenter) for presenter in setting.presenters)  # a picture with edges: on a card
        self.layout = arrange(look.width, look.height, len(setting.presenters), setting.image is not None,
                              look.layout == "cards" or rendered)
        self.backdrop = background_of(look, (look.width, look.height), look.accent, cache)
        self.image = images.read_rgb(setting.image) if setting.image else None
        self._plain = self._behind_panels()
        self._cards = [self._card_picture(slot, _accent(presenter) or look.accent, cache)
                       for slot, presenter in zip(self.layout.hosts, setting.presenters, strict=True)]
        self._base = lru_cache(maxsize=8)(self._paint_base)
        self._still = lru_cache(maxsize=8)(self._still_layers)
        self.puppets = [
            figure_of(presenter, self._behind(i), slot)
            for i, (presenter, slot) in enumerate(zip(setting.presenters, self.layout.hosts, strict=True))
        ]
        for i, presenter in enumerate(setting.presenters):
            if presenter.background != "replace" and not is_rendered(presenter):
                self._cards[i] = self.puppets[i].draw(REST).copy()  # the picture brings its own, and more of it
        self._base.cache_clear()

    def base(self, active: int | None) -> np.ndarray:
        """Return the picture without presenters and overlays, `active` emphasised."""
        return self._base(active)

    def still(self, active: int | None) -> tuple[Placed, ...]:
        """Return the layers that lie over the presenters in every frame."""
        return self._still(active)

    def partner(self, index: int, speaking: int | None) -> float | None:
        """Return the direction (-1 … 1 on the screen) in which a presenter sees the other one."""
        others = [i for i in range(len(self.layout.hosts)) if i != index]
        if not others:
            return None
        here = self.layout.hosts[index].head_x
        other = speaking if speaking in others else min(others, key=lambda i: abs(self.layout.hosts[i].head_x - here))
        away = (self.layout.hosts[other].head_x - here) / self.look.width
        return float(np.clip(2 * away, -1, 1))

    def _behind_panels(self) -> np.ndarray:
        """Return what lies behind everything: the studio, out of focus where cards or a cover are in front."""
        if self.layout.kind == "solo":
            return self.backdrop
        small = to_rgb(cv2.resize(self.backdrop, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA))
        return to_yuv(panels.stage(small, (self.look.width, self.look.height), self.look.accent))

    def _card_picture(self, slot: HostSlot, accent: str, cache: Cache) -> np.ndarray | None:
        return background_of(self.look, (slot.rect.w, slot.rect.h), accent, cache) if slot.card else None

    def _behind(self, index: int) -> np.ndarray:
        """Return the picture of a presenter's region without the presenter."""
        rect, card = self.layout.hosts[index].rect, self._cards[index]
        return self.base(None)[rect.y : rect.bottom, rect.x : rect.right].copy() if card is None else card

    def _paint_base(self, active: int | None) -> np.ndarray:
        picture = panels.panel_background(self._plain, self.layout, self.theme, active)
        for slot, card in zip(self.layout.hosts, self._cards, strict=True):
            if card is not None:
                picture[slot.rect.y : slot.rect.bottom, slot.rect.x : slot.rect.right] = card
        radius = self.theme.corner(self.look.width, self.look.height)
        if self.layout.picture and self.image is not None:
            put(picture, [panels.picture_panel(self.image, self.layout.picture, radius)])
        if self.layout.cover:
            put(picture, self._cover_layers(self.layout.cover, radius))
        return picture

    def _cover_layers(self, place: Rect, radius: int) -> list[Placed]:
        look, layout = self.look, self.layout
        circular = dict(look.visualizer).get("style") == "circular"
        art = cover.cover_art("", "", place.w, self.theme, look.cover)
        layers = [panels.picture_panel(art, place, place.w // 2 if circular else radius)]
        beside = layout.beside if circular else layout.title
        if beside:
            layers.append(title_block(look.title, look.byline, beside, self.theme, left=look.width > look.height))
        return layers

    def _still_layers(self, active: int | None) -> tuple[Placed, ...]:
        layers: list[Placed] = []
        background = panels.panel_background(self._plain, self.layout, self.theme, active)
        radius, line = self.theme.corner(self.look.width, self.look.height), panels.border(self.layout)
        for i, (slot, presenter) in enumerate(zip(self.layout.hosts, self.presenters, strict=True)):
            if slot.card:
                accent = self.theme.accent if i == active else None
                layers += panels.card_frame(background, slot.rect, radius, line, accent)
                layers.append(name_tag(presenter.name, slot.plate, self.theme, i == active))
        if self.look.watermark:
            layers.append(images.watermark(self.look.watermark, *_corner(self.look, self.layout)))
        return tuple(layers)


def is_rendered(presenter: Presenter) -> bool:
    """Tell whether a presenter's frames come from a renderer."""
    return presenter.figure.suffix == SUFFIX


def _accent(presenter: Presenter) -> str:
    return "" if presenter.is_portrait or is_rendered(presenter) else load_spec(presenter.figure).accent


def figure_of(presenter: Presenter, background: np.ndarray, slot: HostSlot) -> Puppet | PortraitFigure | RenderedFigure:
    """Return who is drawn, in the region's picture `background`."""
    if is_rendered(presenter):
        return RenderedFigure(presenter.figure, background)
    if presenter.is_portrait:
        face = load_face_map(presenter.figure)
        place = _whole_picture(face, slot) if presenter.framing == "full" else \
            _portrait_place(face, slot, _head_share(presenter, slot))
        return PortraitFigure(face, background, *place, presenter.background)
    rig = load_rig(presenter.figure)
    return Puppet(rig, background, slot.head_height, _anchor(rig, slot))


def _head_share(presenter: Presenter, slot: HostSlot) -> float:
    return _CARD_BUST if slot.card and presenter.framing == "bust" else _HEADS[presenter.framing]


def _whole_picture(face: FaceMap, slot: HostSlot) -> tuple[float, tuple[float, float]]:
    """Return head height and centre when the picture fills the region; what is cut off is not the head."""
    (h, w), (x, y) = face.image.shape[:2], head_centre_of(face)
    scale = max(slot.rect.w / w, slot.rect.h / h)
    left = float(np.clip(slot.rect.w / 2 - x * scale, slot.rect.w - w * scale, 0))
    top = float(np.clip(slot.rect.h * _EYE_LINE - y * scale, slot.rect.h - h * scale, 0))
    return head_height_of(face) * scale, (x * scale + left, y * scale + top)


def _portrait_place(face: FaceMap, slot: HostSlot, head: float) -> tuple[float, tuple[float, float]]:
    """Return head height and centre: the head near its place, the trunk down to the region's edge."""
    height = slot.head_height * head
    x, y = slot.head_x - slot.rect.x, float(slot.head_y - slot.rect.y)
    figure = portrait_size(face, 1.0)
    below = figure.top + figure.height  # of the trunk, in head heights below the middle of the head
    short = slot.rect.h - (y + below * height)
    if short > 0:  # the picture ends above the edge: some of it by a lower head, the rest by a larger one
        y += min(short, _LOWER * height)
        height = max(height, (slot.rect.h - y) / max(below, 0.6))
    return height, (x, y)


def _anchor(rig: Rig, slot: HostSlot) -> tuple[float, float]:
    """Return where the neck's pivot goes in the presenter's region: the head in its place, the trunk to the edge."""
    scale = slot.head_height / rig.head_height
    middle = (rig.spec.crown + rig.spec.chin) / 2
    y = slot.head_y - slot.rect.y + (rig.spec.pivot[1] - middle) * scale
    figure = figure_size(rig, slot.head_height)
    short = slot.rect.h - (y + figure.top + figure.height)
    return slot.head_x - slot.rect.x, y + max(0.0, short)


def background_of(look: Look, size: tuple[int, int], accent: str, cache: Cache) -> np.ndarray:
    """Return the backdrop as a picture, from the cache if it was made before."""
    address = cache.key("backdrop", _BACKDROP_VERSION, size=size, style=look.background_digest or look.background,
                        accent=accent)

    def make(folder: Path) -> None:
        if look.background_digest:
            rgb = images.from_image(Path(look.background), size)
        else:
            rgb = backdrop(*size, look.background, accent)
        np.save(folder / "picture.npy", to_yuv(rgb))

    return np.load(cache.fetch(address, make) / "picture.npy")


def _corner(look: Look, layout: Layout) -> tuple[Rect, float, str]:
    vertical, side = look.watermark_position.split("-")
    rect = layout.logo
    x = rect.x if side == "right" else look.width - rect.right
    y = rect.y if vertical == "top" else layout.captions.bottom - rect.h
    return Rect(x, y, rect.w, rect.h), look.watermark_opacity, side


def put(picture: np.ndarray, layers: Sequence[Placed], x: int = 0, y: int = 0) -> None:
    """Blend placed layers on a picture whose own corner lies at (x, y)."""
    for layer in layers:
        blend(picture, layer.layer, layer.x - x, layer.y - y, layer.opacity)
