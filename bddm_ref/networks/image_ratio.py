"""Schedule networks for images: sigma_phi(x) in (0, 1), one scalar per image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VGG_11 = ((1,), (2,), (4, 4), (8, 8), (8, 8))
"""Channels of the convolutions between poolings (Simonyan and Zisserman 2015, configuration A), in
units of the first convolution's."""


class ImageRatioNet(nn.Module):
    """The image counterpart of :class:`bddm_ref.networks.ratio.RatioNet`.

    Learned filters, log mean power per filter, two layers. The same filters see the image at full
    and at half resolution, which tells coarse structure from noise. 8 897 parameters for one
    channel; images of any size from twice the kernel on.

    Args:
        channels: of the image.
        filters: number of learned filters.
        kernel: their side, pixels; they advance by half of it.
        hidden: width of the layers behind.
    """

    def __init__(
        self, channels: int = 1, filters: int = 32, kernel: int = 4, hidden: int = 64
    ) -> None:
        super().__init__()
        self.filters = nn.Conv2d(channels, filters, kernel, stride=max(kernel // 2, 1), bias=False)
        nn.init.orthogonal_(self.filters.weight)
        self.layers = nn.Sequential(
            nn.Linear(2 * filters, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.last = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B,)."""
        power = [
            self.filters(image).square().mean(dim=(-2, -1)) for image in (x, F.avg_pool2d(x, 2))
        ]
        hidden = self.layers(torch.log(torch.cat(power, dim=-1) + 1e-8))
        return F.sigmoid(self.last(hidden)[:, 0])


class VGG11Ratio(nn.Module):
    """A ConvNet in the style of VGG-11, as the paper has for images (arXiv 2203.13508).

    Poolings keep an odd last row and column, so that images from 1 pixel on have one; before the
    layers, the mean over what pixels are left. 9 483 649 parameters for three channels.

    Args:
        channels: of the image.
        width: channels of the first convolution; VGG-11 has 64.
        hidden: width of the layer before the scalar.
    """

    def __init__(self, channels: int = 3, width: int = 64, hidden: int = 512) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for stage in VGG_11:
            for factor in stage:
                layers += [nn.Conv2d(before, factor * width, 3, padding=1), nn.ReLU()]
                before = factor * width
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.convolutions = nn.Sequential(*layers)
        self.layers = nn.Sequential(nn.Linear(before, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B,)."""
        pooled = self.convolutions(x).mean(dim=(-2, -1))
        return F.sigmoid(self.layers(pooled)[:, 0])
