"""Upstream's dense motion (Wang et al. 2021, "One-shot free-view neural talking-head synthesis"), in fewer operations.

- Each key point moves the whole volume by one offset, so sampling it is separable: three small matrix products in
  place of a gather of a million points. Its heat map is an outer product of three Gaussians.
- Only the differences of heat maps are signed: their positive and negative parts are given to the network separately,
  so that every byte has its full range. The background's heat map is zero and is left out.
- Convolutions after an enlargement by 2 run on the small map, one kernel for each of the four positions.
- The last, wide occlusion convolution has one output: 49 products for each voxel, added up where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from convolution import Conv, Site
from decoder import _merge
from torch import Tensor
from torch.nn import functional

VARIANCE = 0.01  # of the key points' Gaussians, as upstream has it
LEAST_MASK = 1e-3  # masks below this are taken for zero, as upstream does


def fold(conv: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution with the normalisation after it folded in."""
    gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    weight = conv.weight.detach() * gain.view(-1, *[1] * (conv.weight.dim() - 1))
    bias = conv.bias.detach() if conv.bias is not None else torch.zeros_like(gain)
    return weight, (bias - norm.running_mean) * gain + norm.bias.detach()


class Up:
    """Enlargement by 2 in height and width, then convolution and rectifier, into a part of the next input."""

    def __init__(self, block: Any, source: Site, into: Site, channels: int) -> None:
        weight, bias = fold(block.conv, block.norm)
        common: dict[str, Any] = {"source": source, "into": into, "part": slice(0, channels)}
        self.parts = {
            (i, j): Conv(_merge(_merge(weight, "fl"[i], 3), "fl"[j], 4), bias, padding=(1, 0, 0), **common)
            for i in range(2)
            for j in range(2)
        }

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """Write the enlarged map of `x` into the first channels of `out`."""
        height, width = x.shape[3:]
        padded = functional.pad(x, (1, 1, 1, 1))
        for (i, j), conv in self.parts.items():
            y = conv(padded[..., i : height + i + 1, j : width + j + 1])
            out[:, : y.shape[1], :, i::2, j::2] = y


class Hourglass:
    """The network that predicts, for each voxel, which key points it follows."""

    def __init__(self, network: Any, inputs: Any) -> None:
        encoder, decoder = network.hourglass.encoder, network.hourglass.decoder
        folded = [fold(block.conv, block.norm) for block in encoder.down_blocks]
        folded[0] = (inputs(folded[0][0]), folded[0][1])
        self.entries = [Site(signed=False) for _ in folded]
        both = zip(folded, self.entries, strict=True)
        self.downs = [Conv(weight, bias, padding=1, source=site, relu=True) for (weight, bias), site in both]
        self.joins = [Site(signed=False) for _ in range(len(folded) + 1)]
        ups = list(decoder.up_blocks)
        self.channels = [len(block.conv.weight) for block in ups]
        self.ups = [
            Up(block, self.joins[i], self.joins[i + 1], self.channels[i]) for i, block in enumerate(ups)
        ]
        weight, bias = fold(decoder.conv, decoder.norm)
        own = self.channels[-1]
        weight = torch.cat([weight[:, :own], inputs(weight[:, own:])], 1)
        self.seen = Site(signed=False)
        self.last = Conv(weight, bias, padding=1, source=self.joins[-1], into=self.seen)

    def sites(self) -> list[Site]:
        """Return all sites."""
        return [*self.entries, *self.joins, self.seen]

    def convs(self) -> Iterator[Conv]:
        """Return all convolutions."""
        yield from (*self.downs, self.last)
        for up in self.ups:
            yield from up.parts.values()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the prediction: (1, C, D, H, W)."""
        levels = [x]
        for site, conv in zip(self.entries, self.downs, strict=True):
            y = conv(_enter(levels[-1], site))
            levels.append(_halved(y))
        out = _enter(levels.pop(), self.joins[0])
        for i, up in enumerate(self.ups):
            skip, site, own = levels.pop(), self.joins[i + 1], self.channels[i]
            depth, height, width = skip.shape[2:]
            kind = torch.uint8 if site.settled else skip.dtype
            joined = torch.empty((1, depth, height, width, own + skip.shape[1]), dtype=kind).permute(0, 4, 1, 2, 3)
            up(out, joined)
            joined[:, own:] = _enter(skip, site, slice(own, None), watch=False)
            if site.watching:
                site.watch(joined)
            out = joined
        y = self.last(out)
        if self.seen.watching:
            self.seen.watch(y)
        return y


def _halved(x: Tensor) -> Tensor:
    """Return the means of squares of four (1, C, D, H / 2, W / 2); PyTorch has no such kernel for bfloat16."""
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def _enter(x: Tensor, site: Site, part: slice = slice(None), watch: bool = True) -> Tensor:
    """Return values as the site's bytes; in floating point, as they are."""
    if site.settled:
        return site(x * (1 / site.step[part]).to(x.dtype).view(1, -1, 1, 1, 1))
    return site(x) if watch else x


class DenseMotion:
    """Key points to a sampling grid and an occlusion map."""

    def __init__(self, network: Any, features: Tensor, points: Tensor, dtype: torch.dtype) -> None:
        """Prepare for a picture: `features` (1, C, D, H, W), its key points (1, K, 3)."""
        self.dtype, self.shape = dtype, features.shape[2:]
        self.count = network.num_kp
        self.source = points[0].float()
        compressed = functional.relu(network.norm(network.compress(features)))
        self.volume = compressed[0].float()
        self.axes = [2 * torch.arange(n) / (n - 1) - 1 for n in reversed(self.shape)]  # x, y, z, as upstream has them
        self.rest = self._heat(self.source)
        self.still = self._sampled(torch.zeros(1, 3))
        self.glass = Hourglass(network, self._inputs)
        self.mask = Conv(network.mask.weight, network.mask.bias, padding=3, source=self.glass.seen)
        taps = network.occlusion.weight.detach()[0].view(-1, self.shape[0], 49).flip(2)
        self.taps, self.shift = taps.permute(1, 0, 2), network.occlusion.bias.detach()

    def sites(self) -> list[Site]:
        """Return all sites."""
        return self.glass.sites()

    def convs(self) -> list[Conv]:
        """Return all convolutions."""
        return [self.mask, *self.glass.convs()]

    def _inputs(self, weight: Tensor) -> Tensor:
        """Return weights for our order of inputs: features, heat above zero, heat below zero."""
        each = weight.shape[1] // (self.count + 1)
        by_point = weight.unflatten(1, (self.count + 1, each))
        heat, features = by_point[:, 1:, 0], by_point[:, :, 1:].flatten(1, 2)
        return torch.cat([features, heat, -heat], 1)

    def _heat(self, points: Tensor) -> Tensor:
        """Return the key points' Gaussians: (K, D, H, W)."""
        x, y, z = (torch.exp((a - points[:, i, None]) ** 2 * (-0.5 / VARIANCE)) for i, a in enumerate(self.axes))
        return z[:, :, None, None] * (y[:, :, None] * x[:, None])[:, None]

    def _sampled(self, offsets: Tensor) -> Tensor:
        """Return the volume as each offset (N, 3) shows it: (N, C, D, H, W)."""
        x, y, z = (self._weights(a, offsets[:, i]) for i, a in enumerate(self.axes))
        depth, height, width = self.shape
        rows = torch.matmul(self.volume.reshape(-1, width), x.transpose(1, 2))  # N, C * D * H, W
        rows = rows.view(len(offsets), -1, height, width)
        planes = torch.matmul(y[:, None], rows)  # N, C * D, H, W
        planes = planes.view(len(offsets), -1, depth, height * width)
        return torch.matmul(z[:, None], planes).view(len(offsets), -1, depth, height, width)

    @staticmethod
    def _weights(axis: Tensor, offsets: Tensor) -> Tensor:
        """Return linear interpolation along one axis as matrices (N, to, from); what lies outside counts as zero."""
        n = len(axis)
        at = ((axis + offsets[:, None] + 1) * n - 1) / 2
        return (1 - (at[..., None] - torch.arange(n)).abs()).clamp(min=0)

    def __call__(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sampling grid (3, D, H, W; x, y, z from -1 to 1) and the occlusion map (H, W)."""
        points = points[0].float()
        offsets = self.source - points
        heat = self._heat(points) - self.rest
        features = torch.cat([self.still, self._sampled(offsets)]).flatten(0, 1)
        x = torch.cat([features, heat.clamp(min=0), (-heat).clamp_(min=0)])[None].to(self.dtype)
        seen = self.glass(x.contiguous(memory_format=torch.channels_last_3d))
        mask = self.mask(seen)[0].float().softmax(0)
        mask = torch.where(mask < LEAST_MASK, 0, mask)
        moved = torch.einsum("kdhw,kc->cdhw", mask[1:], offsets)
        weight = mask.sum(0)
        x_axis, y_axis, z_axis = self.axes
        here = (x_axis.view(1, 1, -1), y_axis.view(1, -1, 1), z_axis.view(-1, 1, 1))
        grid = torch.stack([axis * weight + m for axis, m in zip(here, moved, strict=True)])
        return grid, self._occlusion(seen)

    def _occlusion(self, seen: Tensor) -> Tensor:
        depth, height, width = self.shape
        rows = seen[0].permute(1, 2, 3, 0).reshape(depth, height * width, -1)
        taps = self.taps
        if seen.dtype == torch.uint8:
            rows, taps = rows.to(self.dtype), taps * self.glass.seen.step.view(1, -1, 1)
        parts = torch.bmm(rows, taps.to(rows.dtype)).float().sum(0)
        spread = functional.fold(parts.T[None], (height, width), 7, padding=3)
        return torch.sigmoid(spread[0, 0] + self.shift)
