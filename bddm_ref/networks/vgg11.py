"""VGG-11, the papers' schedule network for images: sigma_phi(x) in (0, 1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

VGG_11 = ((1,), (2,), (4, 4), (8, 8), (8, 8))
"""Channels of the convolutions between poolings, in units of the first convolution's channels
(Simonyan and Zisserman 2015, configuration A)."""


class VGG11Ratio(nn.Module):
    """ConvNet in the style of VGG-11, the paper's schedule network for images (2203.13508).

    Poolings keep an odd last row and column, so that images of 1 pixel are allowed. The remaining
    pixels are averaged before the last layers. The network has 9 483 649 parameters for three
    channels.

    Args:
        channels: channels of the image.
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
        """Map images ``(B, C, H, W)`` to ratios ``(B,)`` in (0, 1)."""
        pooled = self.convolutions(x).mean(dim=(-2, -1))
        return F.sigmoid(self.layers(pooled)[:, 0])
