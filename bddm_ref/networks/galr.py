"""GALR, the papers' schedule network for speech: sigma_phi(x) in (0, 1).

GALR is globally attentive and locally recurrent (Lam et al. 2021, arXiv 2101.05014). This is the
form that the code of arXiv 2203.13508 releases. Encoded frames are grouped into overlapping
segments. In each block an LSTM runs within a segment, and attention runs across segments at a few
learned mixtures of positions. The papers leave five details open, which follow the released code:

* Padding is never empty: one to a full window (or segment) of zeros beyond the half at each end.
* Both directions of the LSTM start from the same learned state.
* The attention layer adds its output to itself, after dropout, and not to its input. Only the
  block's own residual path bypasses it.
* A "GroupNorm" of one group, over channels and time of an example, precedes each residual sum.
* The score is averaged over all positions *before* the sigmoid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class GALRConfig:
    """Size of a :class:`GALR`; the defaults are the released network's.

    Raises:
        ValueError: an odd window, segment or width, or heads that do not divide the width.
    """

    blocks: int = 1
    width: int = 128  # channels of a frame
    hidden: int = 128  # width of the LSTM, per direction
    window: int = 8  # samples of a frame; frames advance by half of it
    segment: int = 64  # frames of a segment; segments advance by half of it
    mixtures: int = 8  # positions that attention sees of a segment
    heads: int = 8
    dropout: float = 0.1  # in training mode; drawn from the device's global generator

    def __post_init__(self) -> None:
        for name in ("window", "segment", "width"):
            if getattr(self, name) % 2:
                raise ValueError(f"the {name} must be even, not {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")


class LocalLayer(nn.Module):
    """Bidirectional LSTM within each segment, then a projection (Lam et al. 2021, 2.2.1)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.first_hidden = nn.Parameter(torch.rand(hidden))
        self.first_cell = nn.Parameter(torch.rand(hidden))
        self.project = nn.Linear(2 * hidden, width)

    def forward(self, segments: Tensor) -> Tensor:
        """Run the LSTM within segments ``(B, width, S, K)``; the shape stays."""
        batch, width, count, length = segments.shape
        sequences = segments.permute(0, 2, 3, 1).reshape(batch * count, length, width)
        first = (
            self.first_hidden.expand(2, batch * count, -1).contiguous(),
            self.first_cell.expand(2, batch * count, -1).contiguous(),
        )
        output: Tensor = self.project(self.lstm(sequences, first)[0])
        return output.view(batch, count, length, width).permute(0, 3, 1, 2)


class GlobalLayer(nn.Module):
    """Attention across segments, at learned mixtures of positions (Lam et al. 2021, 2.2.2-3)."""

    def __init__(self, config: GALRConfig) -> None:
        super().__init__()
        self.squeeze = nn.Linear(config.segment, config.mixtures)
        self.norm = nn.LayerNorm(config.width)
        self.attention = nn.MultiheadAttention(
            config.width, config.heads, dropout=config.dropout, batch_first=True
        )
        self.dropout = nn.Dropout(config.dropout)
        self.attention_norm = nn.LayerNorm(config.width)
        self.spread = nn.Linear(config.mixtures, config.segment)

    def forward(self, segments: Tensor) -> Tensor:
        """Attend across segments ``(B, width, S, K)``; the shape stays."""
        batch, width, count, _ = segments.shape
        mixed = self.squeeze(segments).permute(0, 3, 2, 1)  # (B, mixtures, S, width)
        query = self.norm(mixed.reshape(-1, count, width)) + positions(count, width).to(mixed)
        output = self.attention(query, query, query, need_weights=False)[0]
        output = self.attention_norm(output + self.dropout(output))
        spread: Tensor = self.spread(output.view(batch, -1, count, width).permute(0, 3, 2, 1))
        return spread


class GALRBlock(nn.Module):
    """A local layer, then a global layer; the block norms each and adds it to its input."""

    def __init__(self, config: GALRConfig) -> None:
        super().__init__()
        self.local = LocalLayer(config.width, config.hidden)
        self.local_norm = nn.GroupNorm(1, config.width)
        self.across = GlobalLayer(config)
        self.across_norm = nn.GroupNorm(1, config.width)

    def forward(self, segments: Tensor) -> Tensor:
        """Update segments ``(B, width, S, K)``; the shape stays."""
        segments = segments + self.local_norm(self.local(segments))
        updated: Tensor = segments + self.across_norm(self.across(segments))
        return updated


class GALR(nn.Module):
    """Schedule network sigma_phi for waveforms of any length (arXiv 2203.13508, section 3).

    In training mode dropout makes the output random; call ``eval()`` before noise scheduling.

    Args:
        config: sizes; None for the released sizes.
    """

    def __init__(self, config: GALRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GALRConfig()
        width, window = config.width, config.window
        self.encoder = nn.Conv1d(1, width, window, stride=window // 2, bias=False)
        self.bottleneck = nn.Conv1d(width, width, 1, bias=False)
        self.blocks = nn.ModuleList(GALRBlock(config) for _ in range(config.blocks))
        self.activation = nn.PReLU()
        self.score = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map waveforms ``(B, L)``, L >= 1, to ratios ``(B,)`` in (0, 1)."""
        frames = F.relu(self.encoder(pad_halves(x[:, None], self.config.window)))
        frames = pad_halves(self.bottleneck(frames), self.config.segment)
        segments = frames.unfold(-1, self.config.segment, self.config.segment // 2)
        for block in self.blocks:
            segments = block(segments)
        score = self.score(self.activation(segments)).mean(dim=(1, 2, 3))
        return torch.sigmoid(score)


def pad_halves(x: Tensor, window: int) -> Tensor:
    """Pad the last axis with zeros at both ends, for windows that overlap by half.

    There is half a window of zeros before, and half a window plus 1 .. ``window`` zeros after. The
    padded length is a multiple of the window plus one half, so that every value lies in two
    windows.
    """
    half = window // 2
    rest = window - (half + x.shape[-1]) % window
    return F.pad(x, (half, rest + half))


def positions(count: int, width: int) -> Tensor:
    """Compute sines (even channels) and cosines (odd) of position 10000^(-channel / width).

    Source: Vaswani et al. 2017, section 3.5. Any count is allowed; the released code's table ends
    at 5000 segments, 29 s at 22.05 kHz.

    Returns:
        ``(count, width)``, float32.
    """
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(count)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
