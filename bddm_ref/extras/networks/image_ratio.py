"""A small schedule network for images: sigma_phi(x) in (0, 1), one scalar per image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ImageRatioNet(nn.Module):
    """The image counterpart of :class:`bddm_ref.extras.networks.ratio.RatioNet`.

    Learned filters, the log mean power of each filter, two layers. The filters see the image at
    full and at half resolution, which separates coarse structure from noise. The network has 8 897
    parameters for one channel, and takes images of at least twice the kernel. Not from the papers.

    Args:
        channels: channels of the image.
        filters: number of learned filters.
        kernel: side of a filter, pixels; filters advance by half of it.
        hidden: width of the layers behind the filters.
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
        """Map images ``(B, C, H, W)`` to ratios ``(B,)`` in (0, 1)."""
        power = [
            self.filters(image).square().mean(dim=(-2, -1)) for image in (x, F.avg_pool2d(x, 2))
        ]
        hidden = self.layers(torch.log(torch.cat(power, dim=-1) + 1e-8))
        return F.sigmoid(self.last(hidden)[:, 0])
