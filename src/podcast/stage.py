"""Paint the frames of a shot: backdrop, presenters, and everything that lies over them.

What does not move is painted once. Per frame only the regions of moving presenters and of graphics whose state
changed are composed and handed to the canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import av
import cv2
import numpy as np

from podcast.audio import read_wav
from podcast.cache import Cache
from podcast.canvas import Canvas, blend, to_rgb, to_yuv
from podcast.captions import caption_blocks, shape_for
from podcast.episode import Look, Presenter, Shot, samples_at
from podcast.graphics import cards, cover, images, panels
from podcast.graphics.captions import CaptionStrip
from podcast.graphics.layout import HostSlot, Layout, Rect, arrange
from podcast.graphics.lower_third import LowerThird, chapter_chip, name_tag, title_block
from podcast.graphics.shapes import Placed
from podcast.graphics.studio import backdrop
from podcast.graphics.theme import Theme
from podcast.graphics.visualizer import Visualizer, VisualizerStyle
from podcast.puppet.motion import Style
from podcast.puppet.performance import perform
from podcast.puppet.pose import REST
from podcast.puppet.render import Puppet, figure_size
from podcast.puppet.rig import Rig, load_rig

_BACKDROP_VERSION = 2
_SHIFT = 6  # frames over which the emphasis moves to another presenter
_WARM_STAGES = 3  # kept by a worker: their presenters need memory


class Overlay(Protocol):
    """Something that lies over the presenters; equal states look equal."""

    @property
    def region(self) -> Rect:
        """The part of the frame that it never leaves."""
        ...

    def at(self, frame: int) -> Any:
        """Return the state at a frame."""
        ...

    def placed(self, state: Any) -> tuple[Placed, ...]:
        """Return the layers of a state."""
        ...


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
        self.layout = arrange(look.width, look.height, len(setting.presenters), setting.image is not None,
                              look.layout == "cards")
        self.backdrop = _background(look, (look.width, look.height), look.accent, cache)
        self.image = images.read_rgb(setting.image) if setting.image else None
        self._plain = self._behind_panels()
        rigs = [load_rig(presenter.figure) for presenter in setting.presenters]
        self._cards = [self._card_picture(slot, rig.spec.accent, cache)
                       for slot, rig in zip(self.layout.hosts, rigs, strict=True)]
        self._base = lru_cache(maxsize=8)(self._paint_base)
        self._still = lru_cache(maxsize=8)(self._still_layers)
        self.puppets = [
            Puppet(rig, self._behind(i), slot.head_height, _anchor(rig, slot))
            for i, (rig, slot) in enumerate(zip(rigs, self.layout.hosts, strict=True))
        ]

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
        return _background(self.look, (slot.rect.w, slot.rect.h), accent, cache) if slot.card else None

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
            _put(picture, [panels.picture_panel(self.image, self.layout.picture, radius)])
        if self.layout.cover:
            _put(picture, self._cover_layers(self.layout.cover, radius))
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


def _anchor(rig: Rig, slot: HostSlot) -> tuple[float, float]:
    """Return where the neck's pivot goes in the presenter's region: the head in its place, the trunk to the edge."""
    scale = slot.head_height / rig.head_height
    middle = (rig.spec.crown + rig.spec.chin) / 2
    y = slot.head_y - slot.rect.y + (rig.spec.pivot[1] - middle) * scale
    figure = figure_size(rig, slot.head_height)
    short = slot.rect.h - (y + figure.top + figure.height)
    return slot.head_x - slot.rect.x, y + max(0.0, short)


def _background(look: Look, size: tuple[int, int], accent: str, cache: Cache) -> np.ndarray:
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


def _put(picture: np.ndarray, layers: Sequence[Placed], x: int = 0, y: int = 0) -> None:
    """Blend placed layers on a picture whose own corner lies at (x, y)."""
    for layer in layers:
        blend(picture, layer.layer, layer.x - x, layer.y - y, layer.opacity)


# ---------------------------------------------------------------- the overlays of a shot


class _Still:
    """A layer that stays for the whole shot."""

    def __init__(self, layer: Placed) -> None:
        x, y = layer.x // 2 * 2, layer.y // 2 * 2
        h, w = layer.layer.shape[:2]
        self.region = Rect(x, y, (layer.x - x + w + 1) // 2 * 2, (layer.y - y + h + 1) // 2 * 2)
        self._layer = (layer,)

    def at(self, frame: int) -> int:
        return 0

    def placed(self, state: int) -> tuple[Placed, ...]:
        return self._layer


def _overlays(shot: Shot, stage: Stage) -> list[Overlay]:
    look, layout, slot, utterance = stage.look, stage.layout, shot.slot, shot.slot.utterance
    found: list[Overlay] = []
    if look.visualizer:
        found.append(_visualizer(shot, stage))
    if shot.chapter and slot.kind == "speech":
        found.append(_Still(chapter_chip(shot.chapter, layout.chapter, stage.theme)))
    if shot.name and layout.hosts and not layout.hosts[0].card:
        found.append(LowerThird(shot.name, layout.hosts[0].plate, slot.frames, look.rate, stage.theme))
    if look.captions and utterance:
        until = samples_at(slot.frames, look.rate) - slot.lead
        blocks = caption_blocks(utterance.words, shape_for(look.width, look.height), until)
        found.append(CaptionStrip(blocks, layout.captions, (look.width, look.height), look.rate, slot.lead,
                                  stage.theme))
    return found


def _visualizer(shot: Shot, stage: Stage) -> Visualizer:
    look, layout, slot = stage.look, stage.layout, shot.slot
    heard = np.zeros(samples_at(slot.frames, look.rate), np.float32)
    if slot.utterance:
        sound = read_wav(slot.utterance.audio)[: slot.utterance.length, 0]
        heard[slot.lead : slot.lead + len(sound)] = sound[: len(heard) - slot.lead]
    style = dict(look.visualizer)
    position = style.pop("position", "auto")
    circular = style["style"] == "circular"
    rect = layout.circle if circular else layout.visualizer
    if position == "top" and layout.kind != "cover":
        rect = layout.top
    return Visualizer(heard, slot.frames, look.rate, rect,
                      VisualizerStyle(**{**style, "large": layout.kind == "cover"}))  # type: ignore[arg-type]


# ---------------------------------------------------------------- frames


def _changed(overlays: Sequence[Overlay], states: list[Any], frame: int) -> list[Rect]:
    """Update the states to those of a frame and return the regions that look different now."""
    regions = []
    for i, overlay in enumerate(overlays):
        state = overlay.at(frame)
        if state != states[i]:
            states[i] = state
            regions.append(overlay.region)
    return regions


def _motion(shot: Shot, stage: Stage) -> list[np.ndarray]:
    """Return the poses of everybody on the stage, float32 (frames, channels) each."""
    return [
        perform(shot.slot, clip.presenter.speaker, stage.look.rate, Style(**dict(clip.style)),  # type: ignore[arg-type]
                stage.partner(i, shot.speaking)).poses
        for i, clip in enumerate(shot.clips)
    ]


def paint(shot: Shot, stage: Stage) -> Iterator[Canvas]:
    """Yield the frames of a shot; the canvas is the same one, valid until the next frame is asked for."""
    card = _card(shot, stage)
    veil: Callable[[int], float] = _veil(shot, card) if card else lambda frame: 0.0
    look = stage.look
    canvas, whole = Canvas(look.width, look.height), Rect(0, 0, look.width, look.height)
    overlays, motion = _overlays(shot, stage), _motion(shot, stage)
    states: list[Any] = [object()] * len(overlays)
    under, after = stage.base(shot.speaking).copy(), stage.base(shot.speaking)
    before = stage.base(shot.spoke_before)
    shifting = _SHIFT if shot.spoke_before != shot.speaking and not card else 0
    for frame in range(shot.slot.frames):
        hidden = veil(frame)
        if card and hidden >= 1 and frame and veil(frame - 1) >= 1:
            yield from _card_frame(card, frame, canvas)
            continue
        dirty = _changed(overlays, states, frame)
        shifted = min(1.0, (frame + 1) / shifting) if shifting else 1.0
        if frame < shifting:
            under = cv2.addWeighted(before, 1 - shifted, after, shifted, 0)
        if frame <= shifting or card:
            dirty = [whole]
        everything = bool(dirty) and dirty[0] is whole
        dirty += [_draw(stage, i, poses[frame], under, everything) for i, poses in enumerate(motion)]
        over = [*_emphasis(shot, stage, shifted), *(p for o, s in zip(overlays, states, strict=True)
                                                    for p in o.placed(s))]
        for rect in [whole] if whole in dirty else dirty:
            tile = _composed(under, over, rect)
            if card:
                tile = _veiled(tile, card, frame, hidden)
            canvas.paint(tile, rect.x, rect.y)
        yield canvas


def _emphasis(shot: Shot, stage: Stage, shifted: float) -> tuple[Placed, ...]:
    """Return the frames and names of cards while the emphasis moves (0 … 1) to the one who speaks."""
    now = stage.still(shot.speaking)
    if shifted >= 1:
        return now
    return (*stage.still(shot.spoke_before), *(layer._replace(opacity=layer.opacity * shifted) for layer in now))


def _composed(under: np.ndarray, over: Sequence[Placed], rect: Rect) -> np.ndarray:
    """Return a region of the picture with what lies over it; not to be written to."""
    tile = under[rect.y : rect.bottom, rect.x : rect.right]
    near = [p for p in over if rect.overlaps(Rect(p.x, p.y, p.layer.shape[1], p.layer.shape[0]))]
    if near:
        tile = tile.copy()
        _put(tile, near, rect.x, rect.y)
    return tile


def _draw(stage: Stage, index: int, pose: np.ndarray, under: np.ndarray, everything: bool) -> Rect:
    """Draw a presenter into the picture and return the region that changed, or all that ever can."""
    puppet, slot = stage.puppets[index], stage.layout.hosts[index]
    drawn = puppet.draw(pose)
    x0, y0, x1, y1 = puppet.dirty if everything else puppet.changed
    x, y = slot.rect.x, slot.rect.y
    under[y + y0 : y + y1, x + x0 : x + x1] = drawn[y0:y1, x0:x1]
    return Rect(x + x0, y + y0, x1 - x0, y1 - y0)


def _card(shot: Shot, stage: Stage) -> cards.CardAnimation | None:
    slot, look = shot.slot, stage.look
    if slot.kind not in ("title", "chapter", "outro"):
        return None
    behind, size = to_rgb(cv2.resize(stage.backdrop, None, fx=0.25, fy=0.25)), (look.width, look.height)
    if slot.kind == "chapter":
        return cards.chapter_card(slot.text, "", behind, size, slot.frames, look.rate, stage.theme)
    make = cards.title_card if slot.kind == "title" else cards.outro_card
    return make(slot.text or look.title, look.byline, behind, size, slot.frames, look.rate, stage.theme)


def _veil(shot: Shot, card: cards.CardAnimation) -> Callable[[int], float]:
    """Return how much of the stage a card hides: the title opens the episode, the outro closes it."""
    middle = shot.slot.frames / 2
    if shot.slot.kind == "title":
        return lambda frame: 1.0 if frame < middle else card.veil(frame)
    if shot.slot.kind == "outro":
        return lambda frame: 1.0 if frame > middle else card.veil(frame)
    return card.veil


def _veiled(picture: np.ndarray, card: cards.CardAnimation, frame: int, hidden: float) -> np.ndarray:
    shown = card.background.copy()
    _put(shown, card.placed(card.at(frame)))
    return shown if hidden >= 1 else cv2.addWeighted(picture, 1 - hidden, shown, hidden, 0)


def _card_frame(card: cards.CardAnimation, frame: int, canvas: Canvas) -> Iterator[Canvas]:
    """Yield the canvas with only the card's moving part painted anew."""
    if card.at(frame) != card.at(frame - 1):
        region = card.region
        tile = card.background[region.y : region.bottom, region.x : region.right].copy()
        _put(tile, card.placed(card.at(frame)), region.x, region.y)
        canvas.paint(tile, region.x, region.y)
    yield canvas


# ---------------------------------------------------------------- finished videos


def play(video: Path, look: Look, frames: int) -> Iterator[Canvas]:
    """Yield a finished video's frames at the episode's size and rate, letterboxed; the last one is held."""
    canvas = Canvas(look.width, look.height)
    canvas.y[:], canvas.u[:], canvas.v[:] = 16, 128, 128
    sent = 0
    with av.open(str(video)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            due = min(frames, round(float(frame.time or 0) * look.rate) + 1)
            if due > sent:
                _letterbox(frame, canvas)
            while sent < due:
                sent += 1
                yield canvas
    while sent < frames:
        sent += 1
        yield canvas


def _letterbox(frame: av.VideoFrame, canvas: Canvas) -> None:
    rgb = frame.to_ndarray(format="rgb24")
    scale = min(canvas.width / rgb.shape[1], canvas.height / rgb.shape[0])
    w, h = (max(2, int(side * scale) // 2 * 2) for side in (rgb.shape[1], rgb.shape[0]))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas.paint(to_yuv(cv2.resize(rgb, (w, h), interpolation=way)), (canvas.width - w) // 4 * 2,
                 (canvas.height - h) // 4 * 2)


@lru_cache(maxsize=_WARM_STAGES)
def warm_stage(setting: Setting, root: Path) -> Stage:
    """Return the stage for a setting, built once per worker."""
    cv2.setNumThreads(1)
    return Stage(setting, Cache(root))


def frames_of(shot: Shot, look: Look, root: Path) -> Iterator[Canvas]:
    """Yield the frames of a shot, as they go to the encoder; `root` is the cache's folder."""
    if shot.slot.video:
        return play(shot.slot.video, look, shot.slot.frames)
    presenters = tuple(clip.presenter for clip in shot.clips)
    return paint(shot, warm_stage(Setting(look, presenters, shot.image, shot.image_digest), root))


# ---------------------------------------------------------------- stills


def backdrop_of(look: Look, cache: Cache) -> np.ndarray:
    """Return the backdrop alone as RGB uint8 (height, width, 3)."""
    return to_rgb(_background(look, (look.width, look.height), look.accent, cache))


def cut_out(presenter: Presenter, head_height: int = 420) -> np.ndarray:
    """Return a presenter at rest without background, straight RGBA uint8; `head_height` in pixels.

    The presenter is drawn on black and on white: what differs is transparent.
    """
    rig = load_rig(presenter.figure)
    figure = figure_size(rig, head_height)
    w, h = (int(side) // 2 * 2 for side in (figure.width, figure.height))
    anchor = (-figure.left, -figure.top)
    dark, light = (
        Puppet(rig, np.full((h, w, 3), (level, 128, 128), np.uint8), head_height, anchor).draw(REST).copy()
        for level in (16, 235)
    )
    alpha = 1 - (light[..., :1].astype(np.float32) - dark[..., :1]) / 219
    over_black = to_rgb(dark).astype(np.float32)
    colour = np.divide(over_black, alpha, out=np.zeros_like(over_black), where=alpha > 0.02)
    return np.clip(np.rint(np.dstack([colour, alpha * 255])), 0, 255).astype(np.uint8)
