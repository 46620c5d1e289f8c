"""Stills for the thumbnail."""

from __future__ import annotations

import numpy as np

from podcast.cache import Cache
from podcast.canvas import to_rgb
from podcast.episode import Look, Presenter
from podcast.puppet.pose import REST
from podcast.puppet.render import Puppet, figure_size
from podcast.puppet.rig import load_rig
from podcast.stage.scene import background_of


def backdrop_of(look: Look, cache: Cache) -> np.ndarray:
    """Return the backdrop alone as RGB uint8 (height, width, 3)."""
    return to_rgb(background_of(look, (look.width, look.height), look.accent, cache))


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
