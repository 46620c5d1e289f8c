"""What spandrel imports when it is loaded: `normalize` is used by a model for faces, the rest by models for holes."""

from __future__ import annotations

from enum import Enum

import torch


class InterpolationMode(Enum):
    """How a picture is turned."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


def normalize(picture: torch.Tensor, mean: list[float], std: list[float], inplace: bool = False) -> torch.Tensor:
    """Return pictures (..., channels, h, w) less the mean, over the deviation, of each channel."""
    middle, spread = (torch.as_tensor(v, dtype=picture.dtype, device=picture.device) for v in (mean, std))
    middle, spread = middle[:, None, None], spread[:, None, None]
    return picture.sub_(middle).div_(spread) if inplace else (picture - middle) / spread


def rotate(*_: object, **__: object) -> torch.Tensor:
    """Refuse: no model for faces turns pictures."""
    raise NotImplementedError("pictures are not turned here")
