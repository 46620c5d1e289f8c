"""The channels that move a presenter; every motion source writes them, every renderer reads them."""

from __future__ import annotations

import numpy as np

MOUTH = (
    "jaw",  # 0 closed … 1 the widest opening of normal speech
    "wide",  # 0 … 1 corners drawn apart (EE)
    "pucker",  # 0 … 1 corners drawn together, lips forward (OO)
    "press",  # 0 … 1 lips pressed on each other (M, B, P); 1 means no gap whatever the jaw does
    "tuck",  # 0 … 1 lower lip under the upper teeth (F, V)
    "raise",  # 0 … 1 upper lip lifted, upper teeth seen
    "lower",  # 0 … 1 lower lip drawn down, lower teeth seen (S, EE)
    "tongue",  # 0 … 1 tip of the tongue at the upper teeth (TH, L)
    "smile",  # -1 corners down … 1 corners up
)
EYES = (
    "blink_l",  # 0 open … 1 shut; l and r as the viewer sees them
    "blink_r",
    "gaze_x",  # -1 … 1, 1 = 25° to the viewer's right
    "gaze_y",  # -1 … 1, 1 = 18° down
    "brow_l",  # -1 lowered … 1 raised
    "brow_r",
    "frown",  # 0 … 1 inner ends drawn together
)
HEAD = (
    "yaw",  # degrees, positive turns to the viewer's right
    "pitch",  # degrees, positive nods down
    "roll",  # degrees, positive tilts clockwise as the viewer sees it
    "head_x",  # in head heights, positive to the viewer's right
    "head_y",  # in head heights, positive down
    "breath",  # 0 breathed out … 1 breathed in
    "lean",  # -1 … 1, sway of the trunk, positive to the viewer's right
)
CHANNELS = MOUTH + EYES + HEAD
INDEX = {name: i for i, name in enumerate(CHANNELS)}

REST = np.zeros(len(CHANNELS), np.float32)
REST[INDEX["smile"]] = 0.12  # a friendly face


def rest(frames: int) -> np.ndarray:
    """Return `frames` rows of the rest pose, float32 (frames, channels)."""
    return np.tile(REST, (frames, 1))
