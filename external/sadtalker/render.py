"""Key points and a picture to frames: upstream's generator, run by our own loop over its weights."""

from __future__ import annotations

from typing import Any

import torch
import upstream
from convolution import Conv
from decoder import Decoder
from motion import DenseMotion, fold
from torch import Tensor
from torch.nn import functional

SLOPE = 0.01  # of the rectifier in upstream's `SameBlock2d`


class Points:
    """Coefficients to key points, for one picture.

    The ends of a clip are drawn with the picture's own key points, so that clips join in any order; pose and
    expression leave them and return to them each in its own time.
    """

    def __init__(self, nets: Any, picture: Tensor, rest: Tensor) -> None:
        """Take a picture (1, 3, H, W) and the window of coefficients (1, C, 27) that it was taken with."""
        self.nets = nets
        self.tools = upstream.module("facerender.modules.make_animation")
        self.rest: Any = None
        self.canonical = nets.kp_detector(picture)["value"]
        self.source = self(rest)

    def __call__(self, windows: Tensor, pose: Tensor | None = None, expression: Tensor | None = None) -> Tensor:
        """Return the key points (N, K, 3) for windows of coefficients (N, C, 27).

        Args:
            windows: what the mapping network wants.
            pose: how much of the pose is shown (N,), 0 (the picture's own) to 1; None: all.
            expression: the same for the expression.
        """
        he = self.nets.mapping(windows)
        for name in ("yaw", "pitch", "roll"):
            he[f"{name}_in"] = self.tools.headpose_pred_to_degree(he[name])
        if self.rest is None:
            self.rest = {name: value.clone() for name, value in he.items()}
        for name, rest in self.rest.items():
            share = expression if name == "exp" else pose
            if share is not None and name not in ("yaw", "pitch", "roll"):
                he[name] = rest + (he[name] - rest) * share.view(-1, *[1] * (rest.dim() - 1))
        canonical = {"value": self.canonical.expand(len(windows), -1, -1)}
        return self.tools.keypoint_transformation(canonical, he)["value"]


class Stock:
    """Upstream's generator as it is; `half` is the precision of matrix products (None: full)."""

    def __init__(self, generator: Any, picture: Tensor, source: Tensor, half: Any = None) -> None:
        self.generator, self.picture, self.source, self.half = generator, picture, source, half

    def __call__(self, points: Tensor) -> Tensor:
        """Return frames (N, 3, H, W), 0 to 1, for key points (N, K, 3)."""
        n = len(points)
        picture, source = self.picture.expand(n, -1, -1, -1), self.source.expand(n, -1, -1)
        with torch.autocast(picture.device.type, dtype=self.half or torch.float16, enabled=self.half is not None):
            drawn = self.generator(picture, kp_source={"value": source}, kp_driving={"value": points})
        return drawn["prediction"].float()


class Fast:
    """The same pictures with fewer operations, in a smaller precision, on the CPU."""

    def __init__(self, generator: Any, picture: Tensor, source: Tensor, dtype: torch.dtype = torch.float32) -> None:
        """Prepare for one picture: everything that depends on it alone is computed here."""
        self.dtype = dtype
        features = _features(generator, picture)
        self.motion = DenseMotion(generator.dense_motion_network, features, source, dtype)
        self.shape = features.shape[2:]
        self.table = features[0].flatten(1).T.contiguous().float()
        weight, bias = fold(generator.third.conv, generator.third.norm)
        weight = weight.unflatten(1, features.shape[1:3]).transpose(1, 2).flatten(1, 2)  # the order of `_warped`
        self.third = Conv(weight, bias, padding=1)
        self.fourth = Conv(generator.fourth.weight, generator.fourth.bias)
        self.decoder = Decoder(generator.decoder)
        for conv in self._convs():
            conv.floating(dtype)

    def _convs(self) -> list[Conv]:
        return [*self.motion.convs(), self.third, self.fourth, *self.decoder.convs()]

    def quantise(self, shown: list[Tensor], motion: bool = True) -> None:
        """Go over to 8-bit integers, for values as they are when these key points (1, K, 3) are drawn."""
        sites = self.decoder.sites() + (self.motion.sites() if motion else [])
        for site in sites:
            site.watching = True
        for points in shown:
            self(points)
        for site in sites:
            site.settle()
        for conv in self._convs() if motion else [*self.decoder.convs()]:
            conv.quantise()

    def __call__(self, points: Tensor) -> Tensor:
        """Return frames (N, 3, H, W), 0 to 1, for key points (N, K, 3)."""
        return torch.cat([self._frame(one[None]) for one in points])

    def _frame(self, points: Tensor) -> Tensor:
        grid, occlusion = self.motion(points)
        x = self.third(self._warped(grid))
        x = self.fourth(functional.leaky_relu_(x, SLOPE))
        return self.decoder(x * occlusion.to(x.dtype))

    def _warped(self, grid: Tensor) -> Tensor:
        """Return the features where the grid says: (1, D * C, H, W). Linear; what lies outside counts as zero."""
        _, height, width = self.shape
        index, weight = torch.zeros((), dtype=torch.long), torch.ones(())
        for axis, n in zip(reversed(grid.permute(0, 2, 3, 1)), self.shape, strict=True):  # z, y, x
            at = ((axis + 1) * n - 1) / 2
            low = at.floor()
            both = torch.stack([low, low + 1], -1)
            part = (1 - (at[..., None] - both).abs()) * ((both >= 0) & (both < n))
            weight = (weight[..., None] * part[..., None, :]).flatten(-2) if weight.dim() else part
            corner = both.clamp(0, n - 1).long()
            index = (index[..., None] * n + corner[..., None, :]).flatten(-2) if index.dim() else corner
        rows = functional.embedding_bag(
            index.reshape(-1, 8), self.table, mode="sum", per_sample_weights=weight.reshape(-1, 8)
        )
        return rows.view(1, height, width, -1).permute(0, 3, 1, 2).to(self.dtype)


def _features(generator: Any, picture: Tensor) -> Tensor:
    """Return the picture's features as a volume: (1, C, D, H, W)."""
    x = generator.first(picture)
    for block in generator.down_blocks:
        x = block(x)
    x = generator.second(x)
    volume = x.view(1, generator.reshape_channel, generator.reshape_depth, *x.shape[2:])
    return generator.resblocks_3d(volume)
