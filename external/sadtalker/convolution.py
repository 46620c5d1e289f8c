"""Convolutions in float32, bfloat16 or 8-bit integers, and the places where values are turned into bytes.

A `Site` is such a place. It first watches the values of a few frames in floating point; then `settle` fixes a scale,
a zero point, and a factor for each channel: channels with small values are drawn up before they are rounded, and the
weights that read them are divided by the same factor, so that no precision is lost on them (equalisation; Nagel et
al. 2019, "Data-free quantization"). Weights have one scale for each output channel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

EQUALISE = 0.5  # exponent: 0 leaves channels as they are, 1 gives all of them the same range
LEVELS = 255
_LEAST = 1e-6  # of a range: channels that are never used


class Site:
    """A place where values are turned into unsigned bytes: value = (byte - zero) * scale * factor[channel]."""

    def __init__(self, signed: bool, equalise: bool = True) -> None:
        self.signed, self.equalise = signed, equalise
        self.watching = self.settled = False
        self.low = self.high = 0.0
        self.most: Any = None  # largest magnitude in each channel
        self.scale, self.zero, self.factor = 1.0, 0, torch.ones(1)

    def watch(self, x: Tensor) -> None:
        """Remember the range of values (N, C, ...)."""
        flat = x.detach().float().transpose(0, 1).flatten(1)
        most = flat.abs().amax(1)
        self.most = most if self.most is None else torch.maximum(self.most, most)
        low, high = flat.amin(1), flat.amax(1)
        self.low = low if isinstance(self.low, float) else torch.minimum(self.low, low)
        self.high = high if isinstance(self.high, float) else torch.maximum(self.high, high)

    def settle(self) -> None:
        """Fix scale, zero point and factors from what was seen."""
        most = self.most.clamp(min=_LEAST * float(self.most.max()) + 1e-12)
        self.factor = (most / most.mean()) ** EQUALISE if self.equalise else torch.ones_like(most)
        low, high = float((self.low / self.factor).min()), float((self.high / self.factor).max())
        low = min(low, 0.0) if self.signed else 0.0
        self.scale = max(high - low, 1e-12) / LEVELS
        self.zero = round(-low / self.scale)
        self.settled, self.watching = True, False

    @property
    def step(self) -> Tensor:
        """What one level is worth in each channel."""
        return self.factor * self.scale

    def __call__(self, x: Tensor) -> Tensor:
        """Turn values that were divided by `step` already into bytes; floating point passes through unchanged."""
        if self.settled:
            return x.add_(self.zero).round_().clamp_(0, LEVELS).to(torch.uint8)
        if self.watching:
            self.watch(x)
        return x


class Conv:
    """A convolution (2-D or 3-D) whose input comes from one site and whose output may go to another.

    Args:
        weight, bias: in float32; kept until the last settling.
        source: the site that the input comes from; None: the input is always floating point.
        into: the site that the rectified output goes to (as bytes), with the channels of it that are ours.
        divided: the site by whose steps the output is divided: what comes after this is turned into bytes there.
        relu: rectify the output.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        *,
        padding: Any = 0,
        stride: int = 1,
        source: Site | None = None,
        into: Site | None = None,
        part: slice = slice(None),
        divided: Site | None = None,
        relu: bool = False,
    ) -> None:
        self.dims = weight.dim() - 2
        self.weight = weight.detach().float()
        self.bias = torch.zeros(len(weight)) if bias is None else bias.detach().float()
        self.padding = [padding] * self.dims if isinstance(padding, int) else list(padding)
        self.stride = [stride] * self.dims
        self.source, self.into, self.part, self.divided = source, into, part, divided
        self.relu = relu or into is not None
        self.packed: Any = None
        self.ready: Any = None

    def floating(self, dtype: torch.dtype) -> None:
        """Make ready for floating point."""
        layout = torch.channels_last if self.dims == 2 else torch.channels_last_3d
        self.ready = (self.weight.to(dtype).contiguous(memory_format=layout), self.bias.to(dtype))
        self.dtype = dtype

    def quantise(self) -> None:
        """Make ready for bytes; the input has the shape that it had last."""
        if self.source is None or not self.source.settled:
            self.packed = None
            self._divide_floating()
            return
        weight, bias = self._scaled()
        weight = weight * self.source.factor.view(1, -1, *[1] * self.dims)
        step = weight.flatten(1).abs().amax(1).clamp(min=1e-12) / 127
        grid = (weight / step.view(-1, *[1] * (self.dims + 1))).round().clamp(-127, 127).to(torch.int8)
        ones = [1] * self.dims
        zero = torch.zeros(len(step), dtype=torch.int32)
        packed = torch.ops.onednn.qconv_prepack(
            grid, step, self.source.scale, self.source.zero, self.stride, self.padding, ones, 1, self.shape
        )
        self.packed, self.steps, self.zeros, self.shift = packed, step, zero, bias
        self.call = torch.ops.onednn.qconv2d_pointwise if self.dims == 2 else torch.ops.onednn.qconv3d_pointwise

    def _scaled(self) -> tuple[Tensor, Tensor]:
        weight, bias = self.weight, self.bias
        by = None
        if self.into is not None:
            by = self.into.factor[self.part]
        elif self.divided is not None:
            step = self.divided.step
            by = step.repeat(len(bias) // len(step))
        if by is not None:
            weight, bias = weight / by.view(-1, *[1] * (self.dims + 1)), bias / by
        return weight, bias

    def _divide_floating(self) -> None:
        weight, bias = self.weight, self.bias
        self.weight, self.bias = self._scaled()
        if self.into is not None:
            self.weight, self.bias = self.weight / self.into.scale, self.bias / self.into.scale
        self.floating(self.dtype)
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve; the output is bytes if it goes to a settled site, else floating point."""
        if self.packed is None:
            weight, bias = self.ready
            self.shape = list(x.shape)
            convolve = functional.conv2d if self.dims == 2 else functional.conv3d
            y = convolve(x, weight, bias, self.stride, self.padding)
            y = y.relu_() if self.relu else y
            return self.into(y) if self.into is not None and self.into.settled else y
        # Bytes end at zero: those outputs are rectified by being bytes.
        to_bytes = self.into is not None and self.into.settled
        kind, scale = (torch.uint8, self.into.scale) if to_bytes else (self.dtype, 1.0)
        y = self.call(
            x, self.source.scale, self.source.zero, self.packed, self.steps, self.zeros, self.shift,
            self.stride, self.padding, [1] * self.dims, 1, scale, 0, kind, "none", [], "",
        )  # fmt: skip
        return y if to_bytes or not self.relu else y.relu_()
