"""DiffWave as the package ``diffwave`` of lmnt.com has it, which many public weights are made with.

It reads Kong et al. 2021 (arXiv 2009.09761) otherwise than the code of arXiv 2203.13508, and its
weights need all of it:

* only a block's convolution hears the step embedding; the residual path does not carry it;
* one upsampler serves all blocks, and one convolution gives a block's residual and skip output;
* of the gates' channels the first half goes through the sigmoid, the second through tanh;
* the step features are sin and cos of t 10^(+4k/63), with the sign that the paper prints. These
  angles reach 5e5, where float32 is off by up to 0.03: the features are those of one float32
  table, interpolated linearly between two steps;
* there is no weight norm, and the Kaiming initialisation takes effect.
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
    """Sines, then cosines, of t 10^(+4k / (count/2 - 1)): ``(steps, count)``, in float32."""
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
        """From ``(B, channels, L)`` to the next block's input and the skip output, same shape.

        ``step`` is the step embedding, ``condition`` what ``mel`` made of the upsampled bands.
        """
        heard = hidden + self.step(step)[..., None]
        gate, signal = (self.dilated(heard) + condition).chunk(2, dim=1)
        residual, skip = self.out(torch.sigmoid(gate) * torch.tanh(signal)).chunk(2, dim=1)
        return (hidden + residual) * math.sqrt(0.5), skip


class LmntDiffWave(DiffWave):
    """eps_theta(x_t, alpha, condition) for waveforms; arguments and contract are DiffWave's.

    Theirs has 64 channels where not told otherwise.
    """

    block = LmntBlock
    step_table: Tensor

    def __init__(self, config: DiffWaveConfig, schedule: NoiseSchedule) -> None:
        super().__init__(config, schedule)
        self.fold_weight_norm()  # there is none
        self.upsample = nn.ModuleList(upsampler(stride) for stride in config.upsampling)
        table = step_table(len(schedule), config.embedding[0])
        self.register_buffer("step_table", table, persistent=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d) and layer is not self.predict:
                nn.init.kaiming_normal_(layer.weight)

    def encode(self, log_mel: Tensor) -> DiffWaveCondition:
        """As :meth:`DiffWave.encode`; the values of ``log_mel`` are what the weights expect."""
        bands = upsampled(log_mel, self.upsample)
        return tuple(block.mel(bands) for block in self.blocks if isinstance(block, LmntBlock))

    def _features(self, steps: Tensor) -> Tensor:
        below, above = (self.step_table[t.long()].double() for t in (steps.floor(), steps.ceil()))
        return torch.lerp(below, above, (steps - steps.floor())[:, None])
