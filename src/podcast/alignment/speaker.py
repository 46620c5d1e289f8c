"""The speaker's own spectrum: a reference that learns it from a first way through both sounds."""

from __future__ import annotations

import numpy as np

from podcast.alignment.features import CEPSTRA, LEVEL, SPEECH_LEVEL

RIDGE = 30.0  # frames of speech that count as much as not to change anything
OFFSET = 0.3  # what stands for one in the rows: the usual size of a cepstrum in them
FEWEST = 50  # frames of speech from which anything is learned
SILENT = 2.0  # of the level, up to which a frame takes part in it (as in `features`)


def like(ours: np.ndarray, theirs: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return rows of `features` (n, 26) as the other's speaker would say them.

    The cepstra go through the linear map, with offset, that fits best to the other's over the pairs of rows; ridge
    regression towards no change (as speakers are adapted to in recognition: Leggetter and Woodland, 1995).
    """
    a, b = ours[pairs[0]], theirs[pairs[1]]
    speech = (a[:, LEVEL] > SPEECH_LEVEL) & (b[:, LEVEL] > SPEECH_LEVEL)
    if speech.sum() < FEWEST:
        return ours
    a, b = a[speech, :CEPSTRA], b[speech, :CEPSTRA]
    x = np.hstack([a, np.full((len(a), 1), OFFSET, np.float32)])
    change = np.linalg.solve(x.T @ x + RIDGE * x.var() * np.eye(CEPSTRA + 1), x.T @ (b - a)).astype(np.float32)
    gain, offset = change[:CEPSTRA], OFFSET * change[CEPSTRA]
    out = ours.copy()
    out[:, :CEPSTRA] += (ours[:, :CEPSTRA] @ gain + offset) * np.clip(SILENT * ours[:, LEVEL, None], 0, 1)
    out[:, CEPSTRA:LEVEL] += ours[:, CEPSTRA:LEVEL] @ gain
    return out
