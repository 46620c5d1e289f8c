"""What lies over the presenters of a shot and changes: captions, names, the picture of the sound."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from podcast.audio import read_wav
from podcast.captions import caption_blocks, shape_for
from podcast.episode import Look, Shot, samples_at
from podcast.graphics.captions import CaptionStrip
from podcast.graphics.layout import Layout, Rect
from podcast.graphics.lower_third import LowerThird, chapter_chip
from podcast.graphics.shapes import Placed
from podcast.graphics.visualizer import Visualizer, VisualizerStyle
from podcast.stage.scene import Stage


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


def overlays_of(shot: Shot, stage: Stage) -> list[Overlay]:
    """Return what lies over the presenters of a shot, from back to front."""
    look, layout, slot, utterance = stage.look, stage.layout, shot.slot, shot.slot.utterance
    found: list[Overlay] = []
    if look.visualizer:
        found.append(_visualizer(shot, stage))
    if shot.chapter and slot.kind == "speech":
        found.append(_Still(chapter_chip(shot.chapter, layout.chapter, stage.theme)))
    if look.disclosure:
        found.append(_Still(chapter_chip(look.disclosure, _notice(layout, look), stage.theme)))
    if shot.name and layout.hosts and not layout.hosts[0].card:
        found.append(LowerThird(shot.name, layout.hosts[0].plate, slot.frames, look.rate, stage.theme))
    if look.captions and utterance:
        until = samples_at(slot.frames, look.rate) - slot.lead
        blocks = caption_blocks(utterance.words, shape_for(look.width, look.height), until)
        found.append(CaptionStrip(blocks, layout.captions, (look.width, look.height), look.rate, slot.lead,
                                  stage.theme))
    return found


def _notice(layout: Layout, look: Look) -> Rect:
    """Return where the disclosure goes: at the upper edge, or the lower one where something else is there."""
    taken = dict(look.visualizer).get("position") == "top"
    return layout.visualizer if taken and layout.kind != "cover" else layout.top


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
