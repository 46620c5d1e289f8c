"""Stills for the thumbnail."""

from __future__ import annotations

import numpy as np

from podcast.cache import Cache
from podcast.canvas import to_rgb
from podcast.episode import Look, Presenter
from podcast.puppet.faces import load_face_map
from podcast.puppet.portrait import PortraitFigure, portrait_size
from podcast.puppet.pose import REST
from podcast.puppet.render import Figure, Puppet, figure_size
from podcast.puppet.rig import load_rig
from podcast.stage.scene import background_of


def backdrop_of(look: Look, cache: Cache) -> np.ndarray:
    """Return the backdrop alone as RGB uint8 (height, width, 3)."""
    return to_rgb(background_of(look, (look.width, look.height), look.accent, cache))


def cut_out(presenter: Presenter, head_height: int = 420) -> np.ndarray:
    """Return a presenter at rest without background, straight RGBA uint8; `head_height` in pixels.

    The presenter is drawn on black and on white: what differs is transparent.
    """
    dark, light = (_at_rest(presenter, head_height, level) for level in (16, 235))
    alpha = np.clip(1 - (light[..., :1].astype(np.float32) - dark[..., :1]) / 219, 0, 1)
    over_black = to_rgb(dark).astype(np.float32)
    colour = np.divide(over_black, alpha, out=np.zeros_like(over_black), where=alpha > 0.02)
    return np.clip(np.rint(np.dstack([colour, alpha * 255])), 0, 255).astype(np.uint8)


def _at_rest(presenter: Presenter, head_height: int, level: int) -> np.ndarray:
    if presenter.is_portrait:
        face = load_face_map(presenter.figure)
        figure = portrait_size(face, head_height)
        return PortraitFigure(face, _grey(figure, level), head_height, (-figure.left, -figure.top)).draw(REST).copy()
    rig = load_rig(presenter.figure)
    figure = figure_size(rig, head_height)
    return Puppet(rig, _grey(figure, level), head_height, (-figure.left, -figure.top)).draw(REST).copy()


def _grey(figure: Figure, level: int) -> np.ndarray:
    return np.full((int(figure.height) // 2 * 2, int(figure.width) // 2 * 2, 3), (level, 128, 128), np.uint8)
