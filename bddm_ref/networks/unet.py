"""The U-Net of Ho et al. 2020 for images, in any size from DDPM's CIFAR-10 network down.

Three changes are optional: the noise level may scale as well as shift (``film``), the image may be
folded into fewer, deeper pixels (``patch``), and the network may predict v instead of eps
(``residual``). The noise level is continuous: every alpha of a schedule is a legitimate input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.levels import Embedded, Levelled
from bddm_ref.networks.blocks import LevelEmbedding


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of a :class:`UNet`; the defaults are DDPM's for CIFAR-10, with 35 746 307 parameters.

    Raises:
        ValueError: groups do not divide all channels, or attention names no resolution.
    """

    image_channels: int = 3
    channels: int = 128  # channels of the first resolution
    multipliers: tuple[int, ...] = (1, 2, 2, 2)  # factors on the channels, one for each resolution
    blocks: int = 2  # residual blocks of each resolution on the way down; one more on the way up
    attention: tuple[int, ...] = (1,)  # resolutions with self-attention, 0 being the first
    middle_attention: bool = True  # at the last resolution
    level_width: int = 512  # width of the embedded noise level
    groups: int = 32  # groups of the group norms
    dropout: float = 0.0  # DDPM: 0.1 on CIFAR-10
    film: bool = False  # the level scales and shifts; DDPM: shifts
    patch: int = 1  # fold patch x patch pixels into channels
    residual: bool = False  # predict v (Salimans and Ho 2022), eps = sqrt(delta) x + alpha v

    def __post_init__(self) -> None:
        if any(self.channels * m % self.groups for m in self.multipliers):
            raise ValueError(
                f"groups = {self.groups} must divide channels = {self.channels} times each of "
                f"multipliers = {self.multipliers}"
            )
        if any(not 0 <= i < len(self.multipliers) for i in self.attention):
            raise ValueError(
                f"attention = {self.attention} must name resolutions 0 to "
                f"{len(self.multipliers) - 1}"
            )


class UNet(Levelled, nn.Module):
    """eps_theta(x, alpha) for images ``(B, C, H, W)``.

    H and W must be divisible by ``patch`` times two to the number of resolutions less one.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        c, width = config, config.channels
        pixels = c.image_channels * c.patch**2
        self.level = LevelEmbedding(c.level_width, width // 2)
        self.first = nn.Conv2d(pixels, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips = [width]
        for i, multiplier in enumerate(c.multipliers):
            for _ in range(c.blocks):
                self.down.append(_Stage(c, width, c.channels * multiplier, i in c.attention))
                width = c.channels * multiplier
                skips.append(width)
            if i + 1 < len(c.multipliers):
                self.down.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(width)
        self.middle = nn.ModuleList(
            [_Stage(c, width, width, c.middle_attention), _Stage(c, width, width, False)]
        )
        for i, multiplier in reversed(list(enumerate(c.multipliers))):
            for _ in range(c.blocks + 1):
                stage = _Stage(c, width + skips.pop(), c.channels * multiplier, i in c.attention)
                self.up.append(stage)
                width = c.channels * multiplier
            if i > 0:
                self.up.append(_Enlarge(width))
        self.norm = nn.GroupNorm(c.groups, width)
        self.last = _zeroed(nn.Conv2d(width, pixels, 3, padding=1))

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Compute alpha and delta, ``(N,)``, and the modulation of each stage in order."""
        alpha = alpha.to(torch.float64)
        delta = (1 - alpha) * (1 + alpha)
        level = self.level((alpha.square() / delta).log().float())
        layers = (*self.down, *self.middle, *self.up)
        return alpha, delta, *(one.level(level) for one in layers if isinstance(one, _Stage))

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any = None) -> Tensor:
        """Predict the noise of x ``(B, C, H, W)``; the condition is ignored.

        Raises:
            ValueError: the image's sides cannot be halved as often as the network does.
        """
        factor = self.config.patch * 2 ** (len(self.config.multipliers) - 1)
        if x.shape[-1] % factor or x.shape[-2] % factor:
            raise ValueError(f"images of {tuple(x.shape[-2:])} need sides divisible by {factor}")
        alpha, delta, *modulations = embedded
        out = self._unet(x, iter(modulations))
        if not self.config.residual:
            return out
        by_x = delta.sqrt().to(x.dtype).reshape(-1, 1, 1, 1)
        by_v = alpha.to(x.dtype).reshape(-1, 1, 1, 1)
        return torch.addcmul(by_x * x, by_v, out.to(x.dtype))

    def _unet(self, x: Tensor, modulations: Iterator[Tensor]) -> Tensor:
        hidden = F.pixel_unshuffle(x, self.config.patch)
        hidden = self.first(hidden.contiguous(memory_format=torch.channels_last))
        skips = [hidden]
        for layer in self.down:
            modulated = (next(modulations),) if isinstance(layer, _Stage) else ()
            hidden = layer(hidden, *modulated)
            skips.append(hidden)
        for stage in self.middle:
            hidden = stage(hidden, next(modulations))
        for layer in self.up:
            if isinstance(layer, _Stage):
                hidden = layer(torch.cat([hidden, skips.pop()], dim=1), next(modulations))
            else:
                hidden = layer(hidden)
        return F.pixel_shuffle(self.last(F.silu(self.norm(hidden))), self.config.patch)


class _Stage(nn.Module):
    """A residual block whose second half the noise level modulates; attention is optional."""

    def __init__(self, config: UNetConfig, before: int, after: int, attention: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            [nn.GroupNorm(config.groups, before), nn.GroupNorm(config.groups, after)]
        )
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(before, after, 3, padding=1),
                _zeroed(nn.Conv2d(after, after, 3, padding=1)),
            ]
        )
        self.level = nn.Linear(config.level_width, after * (2 if config.film else 1))
        self.dropout = nn.Dropout(config.dropout)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.attention = _Attention(after, config.groups) if attention else nn.Identity()

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        hidden = self.convolutions[0](F.silu(self.norms[0](x)))
        modulation = modulation[:, :, None, None]
        if modulation.shape[1] == hidden.shape[1]:
            hidden = self.norms[1](hidden + modulation)
        else:
            scale, shift = modulation.chunk(2, dim=1)
            hidden = torch.addcmul(shift, self.norms[1](hidden), 1 + scale)
        hidden = self.convolutions[1](self.dropout(F.silu(hidden)))
        attended: Tensor = self.attention(self.skip(x) + hidden)
        return attended


class _Attention(nn.Module):
    """Self-attention over all pixels, one head."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.queries_keys_values = nn.Conv2d(channels, 3 * channels, 1)
        self.out = _zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        rows = self.queries_keys_values(self.norm(x)).flatten(2).transpose(1, 2)
        attended = F.scaled_dot_product_attention(*rows.chunk(3, dim=-1))
        summed: Tensor = x + self.out(attended.transpose(1, 2).unflatten(2, (height, width)))
        return summed


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Zero a layer's parameters, so that it adds nothing before training."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class _Enlarge(nn.Module):
    """Repeat each pixel four times, then convolve."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self.convolution(F.interpolate(x, scale_factor=2, mode="nearest"))
        return enlarged
