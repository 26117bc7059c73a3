"""DiffWave in the form of the package ``diffwave`` of lmnt.com, the source of many public weights.

The package reads Kong et al. 2021 (arXiv 2009.09761) differently from the code of arXiv 2203.13508.
Its weights need every difference:

* Only a block's convolution sees the step embedding; the residual path does not carry it.
* One upsampler serves all blocks, and one convolution gives a block's residual and skip output.
* The first half of the gates' channels passes through the sigmoid, the second half through tanh.
* The step features are sin and cos of t 10^(+4k/63), with the sign that the paper prints. These
  angles reach 5e5, where float32 is off by up to 0.03. The features therefore come from one float32
  table, interpolated linearly between two steps.
* There is no weight norm, and the Kaiming initialisation takes effect.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bddm_ref.networks.diffwave import (
    DiffWave,
    DiffWaveCondition,
    DiffWaveConfig,
    upsampled,
    upsampler,
)
from bddm_ref.schedule import NoiseSchedule


def step_table(steps: int, count: int) -> Tensor:
    """Tabulate sines, then cosines, of t 10^(+4k / (count/2 - 1)): ``(steps, count)`` float32."""
    k = torch.arange(count // 2, dtype=torch.float32)
    t = torch.arange(steps, dtype=torch.float32)
    angles = t[:, None] * 10.0 ** (4.0 * k / (count // 2 - 1))
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class LmntBlock(nn.Module):
    """One dilated convolution, gated (Kong et al. 2021, Figure 2)."""

    def __init__(self, config: DiffWaveConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        self.step = nn.Linear(config.embedding[2], channels)
        self.dilated = nn.Conv1d(channels, 2 * channels, 3, 1, dilation, dilation)
        self.mel = nn.Conv1d(config.mels, 2 * channels, 1)
        self.out = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, hidden: Tensor, step: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the next block's input and the skip output, ``(B, channels, L)`` each.

        Args:
            hidden: input, ``(B, channels, L)``.
            step: step embedding, ``(B, embedding)`` or one row.
            condition: upsampled bands after ``mel``, ``(B, 2 channels, L)``.
        """
        modulated = hidden + self.step(step)[..., None]
        gate, signal = (self.dilated(modulated) + condition).chunk(2, dim=1)
        residual, skip = self.out(torch.sigmoid(gate) * torch.tanh(signal)).chunk(2, dim=1)
        return (hidden + residual) * math.sqrt(0.5), skip


class LmntDiffWave(DiffWave):
    """eps_theta(x_t, alpha, condition) for waveforms, with the arguments and contract of DiffWave.

    The package's default is 64 channels.
    """

    block = LmntBlock
    step_table: Tensor

    def __init__(self, config: DiffWaveConfig, schedule: NoiseSchedule) -> None:
        super().__init__(config, schedule)
        self.fold_weight_norm()  # this form has none
        self.upsample = nn.ModuleList(upsampler(stride) for stride in config.upsampling)
        table = step_table(len(schedule), config.embedding[0])
        self.register_buffer("step_table", table, persistent=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d) and layer is not self.predict:
                nn.init.kaiming_normal_(layer.weight)

    def encode(self, log_mel: Tensor) -> DiffWaveCondition:
        """Condition every block, once per utterance; the scale of ``log_mel`` is the weights'."""
        bands = upsampled(log_mel, self.upsample)
        return tuple(block.mel(bands) for block in self.blocks if isinstance(block, LmntBlock))

    def _features(self, steps: Tensor) -> Tensor:
        below, above = (self.step_table[t.long()].double() for t in (steps.floor(), steps.ceil()))
        return torch.lerp(below, above, (steps - steps.floor())[:, None])
