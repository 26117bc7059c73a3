"""DiffWave, the papers' score network for speech (Kong et al. 2021; arXiv 2203.13508's release).

Three facts of the released code, which its weights need and which no paper prints:

* a block adds the projected step embedding to its input *in place*, so that the residual path
  carries it too: the block returns sqrt(1/2) (x + emb + res);
* the step features are sin and cos of t 10^(-4k/63), t counted from 0;
* the Kaiming initialisation of its weight-normed layers never takes effect (it overwrites a
  derived tensor), so that they start from PyTorch's default; so do ours.

The mel spectrogram does not change along the reverse process: :meth:`DiffWave.encode` upsamples
and projects it for every block once per utterance, :meth:`DiffWave.forward` only adds the result.

For importers, our names and the released ones: ``enter`` is ``init_conv.0.conv``; ``widen_step``,
``mix_step`` and ``blocks`` are ``fc_t1``, ``fc_t2`` and ``residual_blocks`` of ``residual_layer``
(in a block ``step``: ``fc_t``, ``dilated``: ``dilated_conv_layer.conv``, ``upsample``:
``upsample_conv2d``, ``mel``: ``mel_conv.conv``, ``residual``: ``res_conv``, ``skip``:
``skip_conv``); ``gather`` and ``predict`` are ``final_conv.0.conv`` and ``final_conv.2.conv``.
PyTorch reads their ``weight_g`` and ``weight_v`` as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from bddm_ref.levels import Embedded, Levelled
from bddm_ref.networks.blocks import normed
from bddm_ref.schedule import NoiseSchedule

DiffWaveCondition = tuple[Tensor, ...]
"""One ``(B, 2 channels, columns * hop)`` tensor per block: what its gates have added."""


@dataclass(frozen=True)
class DiffWaveConfig:
    """Size of a :class:`DiffWave`; the defaults are the released LJSpeech network's.

    Raises:
        ValueError: an odd upsampling stride, or step features that are not pairs.
    """

    layers: int = 30  # residual blocks
    channels: int = 128  # of the residual and of the skip path
    dilation_cycle: int = 10  # blocks from one dilation of 1 to the next; it doubles in between
    mels: int = 80  # bands of the conditioning
    upsampling: tuple[int, ...] = (16, 16)  # strides from frames to samples, all even
    embedding: tuple[int, int, int] = (128, 512, 512)  # step features, hidden, embedding

    def __post_init__(self) -> None:
        if any(stride <= 0 or stride % 2 for stride in self.upsampling):
            raise ValueError(f"upsampling strides must be even, not {self.upsampling}")
        if self.embedding[0] // 2 <= 1 or self.embedding[0] % 2:
            raise ValueError(f"step features must be 2 or more pairs, not {self.embedding[0]}")

    @property
    def hop(self) -> int:
        """Samples per mel column."""
        return math.prod(self.upsampling)


def step_features(steps: Tensor, count: int) -> Tensor:
    """Sines, then cosines, of t 10^(-4k / (count/2 - 1)), k = 0 .. count/2 - 1.

    Kong et al. 2021, section 3.1 and the released docstring print the exponent positive; the
    released arithmetic is this. 0-based, fractional ``steps`` ``(B,)`` to ``(B, count)``, float64.
    """
    k = torch.arange(count // 2, dtype=torch.float64, device=steps.device)
    angles = steps.to(torch.float64)[:, None] * 10.0 ** (-4.0 * k / (count // 2 - 1))
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class ResidualBlock(nn.Module):
    """One dilated convolution, gated, with its own mel upsampler (Kong et al. 2021, Figure 2)."""

    def __init__(self, config: DiffWaveConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        self.step = nn.Linear(config.embedding[2], channels)
        self.dilated = normed(nn.Conv1d(channels, 2 * channels, 3, 1, dilation, dilation))
        self.upsample = nn.ModuleList(normed(upsampler(stride)) for stride in config.upsampling)
        self.mel = normed(nn.Conv1d(config.mels, 2 * channels, 1))
        self.residual = normed(nn.Conv1d(channels, channels, 1))
        self.skip = normed(nn.Conv1d(channels, channels, 1))

    def encode(self, log_mel: Tensor) -> Tensor:
        """Mel ``(B, mels, columns)`` to ``(B, 2 channels, columns * hop)``."""
        projected: Tensor = self.mel(upsampled(log_mel, self.upsample))
        return projected

    def forward(self, hidden: Tensor, step: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """From ``(B, channels, L)`` to the next block's input and the skip output, same shape.

        ``step`` is the step embedding, ``condition`` from :meth:`encode`, cropped to ``L``.
        """
        hidden = hidden + self.step(step)[..., None]  # for good: the residual path has it too
        signal, gate = (self.dilated(hidden) + condition).chunk(2, dim=1)
        gated = torch.tanh(signal) * torch.sigmoid(gate)
        return (hidden + self.residual(gated)) * math.sqrt(0.5), self.skip(gated)


class DiffWave(Levelled, nn.Module):
    """eps_theta(x_t, alpha, condition) for waveforms.

    As released, the last block's ``residual`` layer feeds nothing; it never gets a gradient.

    Args:
        config: sizes.
        schedule: the training schedule; maps a noise level to a fractional training step.
    """

    block: ClassVar[type[nn.Module]] = ResidualBlock

    def __init__(self, config: DiffWaveConfig, schedule: NoiseSchedule) -> None:
        super().__init__()
        self.config, self.schedule = config, schedule
        features, width, embedding = config.embedding
        self.widen_step = nn.Linear(features, width)
        self.mix_step = nn.Linear(width, embedding)
        self.enter = normed(nn.Conv1d(1, config.channels, 1))
        dilations = [2 ** (i % config.dilation_cycle) for i in range(config.layers)]
        self.blocks = nn.ModuleList(self.block(config, dilation) for dilation in dilations)
        self.gather = normed(nn.Conv1d(config.channels, config.channels, 1))
        self.predict = nn.Conv1d(config.channels, 1, 1)
        for parameter in self.predict.parameters():
            nn.init.zeros_(parameter)

    def encode(self, log_mel: Tensor) -> DiffWaveCondition:
        """Condition every block, once per utterance.

        Args:
            log_mel: natural-log magnitudes, ``(B, mels, frames + 1)``, of a centred STFT: the
                last column stands for samples beyond the end, which :meth:`forward` crops.

        Returns:
            A tensor per block; at the released size 0.7 GB per second of speech in float32.
        """
        return tuple(b.encode(log_mel) for b in self.blocks if isinstance(b, ResidualBlock))

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Step embeddings ``(N, embedding)`` of levels ``(N,)``."""
        return (self.embed_level(alpha),)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: DiffWaveCondition) -> Tensor:
        """Noise of x ``(B, L)``; the condition is of ``L`` samples or more, cropped at its end.

        Raises:
            ValueError: the condition is shorter than ``x``.
        """
        length = x.shape[-1]
        if condition[0].shape[-1] < length:
            raise ValueError(f"{length} samples, but conditioning for {condition[0].shape[-1]}")
        (step,) = embedded
        hidden = F.relu(self.enter(x[:, None]))
        skips = torch.zeros_like(hidden)
        for block, projected in zip(self.blocks, condition, strict=True):
            hidden, skip = block(hidden, step, projected[..., :length])
            skips = skips + skip
        gathered = F.relu(self.gather(skips * math.sqrt(1 / self.config.layers)))
        return torch.squeeze(self.predict(gathered), 1)

    def embed_level(self, alpha: Tensor) -> Tensor:
        """Noise levels ``(B,)`` to step embeddings ``(B, embedding)``."""
        features = self._features(self.schedule.step_of(alpha))
        hidden = F.silu(self.widen_step(features.to(self.widen_step.weight.dtype)))
        return F.silu(self.mix_step(hidden))

    def fold_weight_norm(self) -> None:
        """Replace every weight-normed weight by its value, for inference; outputs stay."""
        for module in list(self.modules()):
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")

    def _features(self, steps: Tensor) -> Tensor:
        return step_features(steps, self.config.embedding[0])


def upsampler(stride: int) -> nn.ConvTranspose2d:
    """Exactly ``stride`` columns for one, over 3 neighbouring bands."""
    shape, step, margin = (3, 2 * stride), (1, stride), (1, stride // 2)
    return nn.ConvTranspose2d(1, 1, shape, step, margin)


def upsampled(log_mel: Tensor, layers: nn.ModuleList) -> Tensor:
    """Mel ``(B, mels, columns)`` to ``(B, mels, columns * hop)`` by :func:`upsampler` layers."""
    plane = log_mel[:, None]
    for layer in layers:
        plane = F.leaky_relu(layer(plane), 0.4)
    return plane[:, 0]
