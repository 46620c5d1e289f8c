"""Upstream's picture decoder (SPADE; Park et al. 2019), computed with fewer operations.

What is used of its structure, all of it exact but for rounding:

- The map that steers a layer is a small map enlarged by 2 or 4 with nearest neighbours. Of a 3 x 3 convolution that
  follows, several taps read the same value: each of the few distinct positions has its own smaller kernel, run on the
  small map. At scale 4 the second convolution has only three distinct rows and columns in each cell, too.
- Where a layer's input is itself enlarged, its normalised values are the small input's.
- The shortcut's 1 x 1 convolution is linear: the offset part of its modulation goes through the weights once.
- Gain and offset come from one convolution, and nothing of full size is written but bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from convolution import Conv, Site
from torch import Tensor
from torch.nn import functional

SLOPE = 0.2  # of upstream's leaky rectifiers
STRIP = 32  # rows that are done at a time, so that they stay in the processor's cache


def normalise(x: Tensor) -> Tensor:
    """Return the map (1, C, H, W) with every channel at mean 0 and variance 1."""
    return torch.native_batch_norm(x, None, None, None, None, True, 0.0, 1e-5)[0]


def _merge(weight: Tensor, kind: str, dim: int) -> Tensor:
    """Return the taps of a kernel along one axis where some of them read the same value.

    In a cell of equal values: `f`, the first position (its left tap reads the cell before), `l`, the last, `m`, one
    between.
    """
    a, b, c = weight.unbind(dim)
    taps = {"f": [a, b + c], "m": [a + b + c], "l": [a + b, c]}[kind]
    return torch.stack(taps, dim)


class Steering:
    """The hidden map of one modulation: relu(conv3x3(enlarged map)), in the distinct positions of each cell."""

    def __init__(self, conv: Any, scale: int, seg: Site, hidden: Site) -> None:
        self.kinds = {1: "", 2: "fl", 4: "fml"}[scale]
        self.hidden = hidden
        weight, bias = conv.weight.detach(), conv.bias
        if scale == 1:
            self.whole = Conv(weight, bias, padding=1, source=seg, into=hidden)
            return
        self.parts = {
            row + column: Conv(_merge(_merge(weight, row, 2), column, 3), bias, source=seg, into=hidden)
            for row in self.kinds
            for column in self.kinds
        }

    def convs(self) -> Iterator[Conv]:
        """Return the convolutions."""
        return iter(self.parts.values() if self.kinds else [self.whole])

    def __call__(self, seg: Tensor, zero: int) -> Tensor:
        """Return the hidden map, with a border of one for scales 2 and 4: (1, C, n * H + 2, n * W + 2)."""
        if not self.kinds:
            return self._watched(self.whole(seg))
        n, (height, width) = len(self.kinds), seg.shape[2:]
        padded = functional.pad(seg, (1, 1, 1, 1), value=zero)
        spans = {"f": (0, 1), "m": (1, 1), "l": (1, 2)}
        out: Any = None
        for name, conv in self.parts.items():
            (top, bottom), (left, right) = spans[name[0]], spans[name[1]]
            y = self._watched(conv(padded[:, :, top : height + bottom, left : width + right]))
            if out is None:
                shape = (1, n * height + 2, n * width + 2, y.shape[1])
                out = torch.zeros(shape, dtype=y.dtype).permute(0, 3, 1, 2)
            i, j = self.kinds.index(name[0]), self.kinds.index(name[1])
            out[:, :, 1 + i : -1 : n, 1 + j : -1 : n] = y
        return out

    def _watched(self, y: Tensor) -> Tensor:
        if self.hidden.watching:
            self.hidden.watch(y)
        return y


class Modulation:
    """normalised * (1 + gain(map)) + offset(map): one SPADE layer.

    With `shortcut`, the 1 x 1 convolution that follows is applied as well.
    """

    def __init__(self, spade: Any, scale: int, seg: Site, after: Site | None, shortcut: Any = None) -> None:
        self.scale, self.after = scale, after
        hidden = Site(signed=False)
        self.steering = Steering(spade.mlp_shared[0], scale, seg, hidden)
        gain, offset = spade.mlp_gamma.weight.detach(), spade.mlp_beta.weight.detach()
        gain_bias, offset_bias = spade.mlp_gamma.bias + 1, spade.mlp_beta.bias
        self.channels = len(gain)
        self.shortcut = None
        if shortcut is not None:
            through = shortcut.weight.detach()[:, :, 0, 0]
            offset = torch.einsum("oc,cihw->oihw", through, offset)
            offset_bias = through @ offset_bias
            self.shortcut = Conv(shortcut.weight, None)
        weight, bias = torch.cat([gain, offset]), torch.cat([gain_bias, offset_bias])
        common: dict[str, Any] = {"source": hidden, "divided": after}
        if scale == 4:
            self.cells = {
                (i, j): Conv(_cell(_cell(weight, i, 2), j, 3), bias, stride=3, **common)
                for i in range(4)
                for j in range(4)
            }
        else:
            self.both = Conv(weight, bias, padding=1 if scale == 1 else 0, **common)
        self.hidden = hidden

    def sites(self) -> list[Site]:
        """Return the sites whose values are seen here."""
        return [self.hidden] if self.after is None else [self.hidden, self.after]

    def convs(self) -> Iterator[Conv]:
        """Return the convolutions."""
        yield from self.steering.convs()
        yield from self.cells.values() if self.scale == 4 else [self.both]
        if self.shortcut is not None:
            yield self.shortcut

    def __call__(self, normal: Tensor, seg: Tensor, zero: int) -> Tensor:
        """Return the modulated map, rectified and ready for `after`; `normal` may be half the size."""
        hidden = self.steering(seg, zero)
        if self.scale == 1:
            return self._finish(normal, self.both(hidden))
        if self.scale == 2:
            return self._in_strips(normal, hidden)
        return self._in_cells(normal, hidden)

    def _finish(self, normal: Tensor, both: Tensor) -> Tensor:
        gain, offset = both[:, : self.channels], both[:, self.channels :]
        if self.shortcut is not None:
            return self.shortcut(normal * gain).add_(offset)
        assert self.after is not None
        return self.after(functional.leaky_relu_(torch.addcmul(offset, normal, gain), SLOPE))

    def _in_strips(self, normal: Tensor, hidden: Tensor) -> Tensor:
        height, width = hidden.shape[2] - 2, hidden.shape[3] - 2
        grow = height // normal.shape[2]
        out: Any = None
        for top in range(0, height, STRIP):
            bottom = min(top + STRIP, height)
            some = normal[:, :, top // grow : bottom // grow]
            if grow == 2:
                some = functional.interpolate(some, scale_factor=2, mode="nearest")
            y = self._finish(some, self.both(hidden[:, :, top : bottom + 2]))
            if out is None:
                out = torch.empty((1, height, width, y.shape[1]), dtype=y.dtype).permute(0, 3, 1, 2)
            out[:, :, top:bottom] = y
        return out

    def _in_cells(self, normal: Tensor, hidden: Tensor) -> Tensor:
        height, width = (hidden.shape[2] - 2) // 3, (hidden.shape[3] - 2) // 3
        grow = 4 * height // normal.shape[2]
        out: Any = None
        for (i, j), conv in self.cells.items():
            (top, tall), (left, wide) = CELL_SPANS[i], CELL_SPANS[j]
            seen = hidden[:, :, top : top + 3 * height - 3 + tall, left : left + 3 * width - 3 + wide]
            some = normal[:, :, i // grow :: 4 // grow, j // grow :: 4 // grow]
            y = self._finish(some, conv(seen))
            if out is None:
                out = torch.empty((1, 4 * height, 4 * width, y.shape[1]), dtype=y.dtype).permute(0, 3, 1, 2)
            out[:, :, i::4, j::4] = y
        return out


# Where the kernel of each of the four positions in a cell begins among the rows (border included) that hold each
# cell's first, middle and last row, and how many of them it covers.
CELL_SPANS = ((0, 3), (1, 2), (2, 2), (2, 3))


def _cell(weight: Tensor, position: int, dim: int) -> Tensor:
    """Return the taps along one axis for a position in a cell of four, its two middle values being the same."""
    a, b, c = weight.unbind(dim)
    taps = ([a, b, c], [a, b + c], [a + b, c], [a, b, c])[position]
    return torch.stack(taps, dim)


class Block:
    """One residual block."""

    def __init__(self, block: Any, scale: int, seg: Site) -> None:
        first, second = Site(signed=True), Site(signed=True)
        self.first = Modulation(block.norm_0, scale, seg, first)
        self.second = Modulation(block.norm_1, scale, seg, second)
        self.conv_0 = Conv(block.conv_0.weight, block.conv_0.bias, padding=1, source=first)
        self.conv_1 = Conv(block.conv_1.weight, block.conv_1.bias, padding=1, source=second)
        self.short = Modulation(block.norm_s, scale, seg, None, block.conv_s) if block.learned_shortcut else None

    def modulations(self) -> list[Modulation]:
        """Return the modulations."""
        return [self.first, self.second] + ([self.short] if self.short is not None else [])

    def convs(self) -> Iterator[Conv]:
        """Return the convolutions."""
        yield from (self.conv_0, self.conv_1)
        for modulation in self.modulations():
            yield from modulation.convs()

    def __call__(self, x: Tensor, seg: Tensor, zero: int) -> Tensor:
        """Return the block's output; `x` may be half the size."""
        normal = normalise(x)
        y = self.conv_0(self.first(normal, seg, zero))
        y = self.conv_1(self.second(normalise(y), seg, zero))
        return y.add_(x if self.short is None else self.short(normal, seg, zero))


class Decoder:
    """The whole decoder: features (1, 256, H, W) to a picture (1, 3, 4 H, 4 W), 0 to 1."""

    def __init__(self, decoder: Any) -> None:
        self.seg = Site(signed=True)
        self.fc = Conv(decoder.fc.weight, decoder.fc.bias, padding=1, source=self.seg)
        names = [f"G_middle_{i}" for i in range(6)]
        self.blocks = [Block(getattr(decoder, name), 1, self.seg) for name in names]
        self.blocks += [Block(decoder.up_0, 2, self.seg), Block(decoder.up_1, 4, self.seg)]
        self.picture = Conv(decoder.conv_img.weight, decoder.conv_img.bias, padding=1)

    def sites(self) -> list[Site]:
        """Return the sites that may become bytes.

        The last convolution's input stays in floating point: its bytes alone cost 10 dB (44 in place of 55), and 1%
        of the time is spent there.
        """
        found = [self.seg] + [s for b in self.blocks for m in b.modulations() for s in m.sites()]
        return [site for site in found if site is not self.blocks[-1].second.after]

    def convs(self) -> list[Conv]:
        """Return all convolutions."""
        return [self.fc, self.picture] + [conv for block in self.blocks for conv in block.convs()]

    def __call__(self, features: Tensor) -> Tensor:
        """Return the picture."""
        seg = features
        if self.seg.settled:
            seg = features / self.seg.step.to(features.dtype).view(1, -1, 1, 1)
        seg = self.seg(seg).contiguous(memory_format=torch.channels_last)
        zero = self.seg.zero if self.seg.settled else 0
        x = self.fc(seg)
        for block in self.blocks:
            x = block(x, seg, zero)
        return torch.sigmoid(self.picture(functional.leaky_relu_(x, SLOPE)).float())
