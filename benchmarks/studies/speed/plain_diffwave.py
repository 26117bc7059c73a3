"""A plain DiffWave for comparison: the papers' description without optimisation.

Every block upsamples and projects the mel spectrogram by itself at every step. Weight norm
recomputes each weight at every use. The code of arXiv 2203.13508 does both. Parameters have the
names of :class:`bddm_ref.networks.diffwave.DiffWave`, so that the same weights fit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from bddm_ref.networks.diffwave import DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule


class PlainBlock(nn.Module):
    """A residual block (Kong et al. 2021, Figure 2)."""

    def __init__(self, config: DiffWaveConfig, dilation: int) -> None:
        super().__init__()
        width = config.channels
        self.step = nn.Linear(config.embedding[2], width)
        self.dilated = weight_norm(
            nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        )
        self.upsample = nn.ModuleList(
            weight_norm(nn.ConvTranspose2d(1, 1, (3, 2 * s), (1, s), (1, s // 2)))
            for s in config.upsampling
        )
        self.mel = weight_norm(nn.Conv1d(config.mels, 2 * width, 1))
        self.residual = weight_norm(nn.Conv1d(width, width, 1))
        self.skip = weight_norm(nn.Conv1d(width, width, 1))

    def forward(self, x: Tensor, step: Tensor, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the next block's input and the skip output."""
        x = x + self.step(step).unsqueeze(-1)
        mel = log_mel.unsqueeze(1)
        for layer in self.upsample:
            mel = F.leaky_relu(layer(mel), 0.4)
        mel = mel.squeeze(1)[:, :, : x.shape[-1]]
        a, b = torch.chunk(self.dilated(x) + self.mel(mel), 2, dim=1)
        gated = torch.tanh(a) * torch.sigmoid(b)
        return (x + self.residual(gated)) / math.sqrt(2), self.skip(gated)


class PlainDiffWave(nn.Module):
    """The network eps_theta(x_t, alpha, log-mel), conditioned on the mel spectrogram itself."""

    def __init__(self, config: DiffWaveConfig, schedule: NoiseSchedule) -> None:
        super().__init__()
        self.config, self.schedule = config, schedule
        features, hidden, embedding = config.embedding
        self.widen_step = nn.Linear(features, hidden)
        self.mix_step = nn.Linear(hidden, embedding)
        self.enter = weight_norm(nn.Conv1d(1, config.channels, 1))
        self.blocks = nn.ModuleList(
            PlainBlock(config, 2 ** (i % config.dilation_cycle)) for i in range(config.layers)
        )
        self.gather = weight_norm(nn.Conv1d(config.channels, config.channels, 1))
        self.predict = nn.Conv1d(config.channels, 1, 1)

    def forward(self, x: Tensor, alpha: Tensor, log_mel: Tensor) -> Tensor:
        """Predict eps ``(B, L)`` from x ``(B, L)``, alpha ``(B,)``, log-mel ``(B, mels, C)``."""
        count = self.config.embedding[0] // 2
        rates = 10.0 ** (-4.0 * torch.arange(count, device=x.device) / (count - 1))
        angles = self.schedule.step_of(alpha).float().unsqueeze(-1) * rates
        step = torch.cat([angles.sin(), angles.cos()], dim=-1)
        step = F.silu(self.mix_step(F.silu(self.widen_step(step))))
        hidden = F.relu(self.enter(x.unsqueeze(1)))
        total = torch.zeros_like(hidden)
        for block in self.blocks:
            hidden, skip = block(hidden, step, log_mel)
            total = total + skip
        total = F.relu(self.gather(total / math.sqrt(self.config.layers)))
        eps: Tensor = self.predict(total).squeeze(1)
        return eps
