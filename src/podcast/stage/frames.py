"""Paint the frames of a shot.

What does not move is painted once. Per frame only the regions of moving presenters and of graphics whose state
changed are composed and handed to the canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from podcast.canvas import Canvas, to_rgb
from podcast.episode import AvatarClip, Shot
from podcast.graphics import cards
from podcast.graphics.layout import Rect
from podcast.graphics.shapes import Placed
from podcast.puppet.motion import Style
from podcast.puppet.performance import perform
from podcast.puppet.template import MotionTemplate, load_template
from podcast.stage.overlays import Overlay, overlays_of
from podcast.stage.rendered import frames_of_clip
from podcast.stage.scene import Stage, put

_SHIFT = 6  # frames over which the emphasis moves to another presenter


def _changed(overlays: Sequence[Overlay], states: list[Any], frame: int) -> list[Rect]:
    """Update the states to those of a frame and return the regions that look different now."""
    regions = []
    for i, overlay in enumerate(overlays):
        state = overlay.at(frame)
        if state != states[i]:
            states[i] = state
            regions.append(overlay.region)
    return regions


def _motion(shot: Shot, stage: Stage) -> Iterator[tuple[Any, ...]]:
    """Yield, frame by frame, what everybody on the stage is drawn from: a pose, or a decoded frame."""
    return zip(*(
        frames_of_clip(clip, shot.slot.frames) if clip.video else _poses(shot, stage, i, clip)
        for i, clip in enumerate(shot.clips)
    ), strict=True) if shot.clips else repeat((), shot.slot.frames)


def _poses(shot: Shot, stage: Stage, index: int, clip: AvatarClip) -> Iterator[np.ndarray]:
    style, template = Style(**dict(clip.style)), _template(clip.template) if clip.template else None  # type: ignore[arg-type]
    partner = stage.partner(index, shot.speaking)
    return iter(perform(shot.slot, clip.presenter.speaker, stage.look.rate, style, partner, template).poses)


@lru_cache(maxsize=4)
def _template(path: Path) -> MotionTemplate:
    return load_template(path)


def paint(shot: Shot, stage: Stage) -> Iterator[Canvas]:
    """Yield the frames of a shot; the canvas is the same one, valid until the next frame is asked for."""
    card = _card(shot, stage)
    veil: Callable[[int], float] = _veil(shot, card) if card else lambda frame: 0.0
    look = stage.look
    canvas, whole = Canvas(look.width, look.height), Rect(0, 0, look.width, look.height)
    overlays, motion = overlays_of(shot, stage), _motion(shot, stage)
    states: list[Any] = [object()] * len(overlays)
    under, after = stage.base(shot.speaking).copy(), stage.base(shot.speaking)
    before = stage.base(shot.spoke_before)
    shifting = _SHIFT if shot.spoke_before != shot.speaking and not card else 0
    for frame, cues in enumerate(motion):
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
        dirty += [_draw(stage, i, cue, under, everything) for i, cue in enumerate(cues)]
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
        put(tile, near, rect.x, rect.y)
    return tile


def _draw(stage: Stage, index: int, cue: Any, under: np.ndarray, everything: bool) -> Rect:
    """Draw a presenter into the picture and return the region that changed, or all that ever can."""
    puppet, slot = stage.puppets[index], stage.layout.hosts[index]
    drawn = puppet.draw(cue)
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
    put(shown, card.placed(card.at(frame)))
    return shown if hidden >= 1 else cv2.addWeighted(picture, 1 - hidden, shown, hidden, 0)


def _card_frame(card: cards.CardAnimation, frame: int, canvas: Canvas) -> Iterator[Canvas]:
    """Yield the canvas with only the card's moving part painted anew."""
    if card.at(frame) != card.at(frame - 1):
        region = card.region
        tile = card.background[region.y : region.bottom, region.x : region.right].copy()
        put(tile, card.placed(card.at(frame)), region.x, region.y)
        canvas.paint(tile, region.x, region.y)
    yield canvas
