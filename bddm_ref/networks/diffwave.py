"""DiffWave, the papers' score network for speech (Kong et al. 2021; arXiv 2203.13508's release).

Three facts of the released code that its weights need and no paper prints:

* A block adds the projected step embedding to its input *in place*, so that the residual path
  carries the embedding too: the block returns sqrt(1/2) (x + emb + res).
* The step features are sin and cos of t 10^(-4k/63), t counted from 0.
* The Kaiming initialisation of weight-normed layers never takes effect, because it overwrites a
  derived tensor. Those layers start from PyTorch's default, here too.

The mel spectrogram is the same at every reverse step. :meth:`DiffWave.encode` upsamples and
projects it for every block once per utterance; :meth:`DiffWave.forward` only adds the result.

Names here and in the release: ``enter`` is ``init_conv.0.conv``; ``widen_step``, ``mix_step`` and
``blocks`` are ``fc_t1``, ``fc_t2`` and ``residual_blocks`` of ``residual_layer``
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
"""Conditioning: one ``(B, 2 channels, columns * hop)`` tensor per block, added to its gates."""


@dataclass(frozen=True)
class DiffWaveConfig:
    """Size of a :class:`DiffWave`; the defaults are the released LJSpeech network's.

    Raises:
        ValueError: an odd upsampling stride, or step features that are not pairs.
    """

    layers: int = 30  # residual blocks
    channels: int = 128  # channels of the residual path and of the skip path
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
    """Compute sines, then cosines, of t 10^(-4k / (count/2 - 1)), k = 0 .. count/2 - 1.

    The exponent is negative in the released arithmetic. Kong et al. 2021, section 3.1, and the
    released docstring print it positive.

    Fractional ``steps`` ``(B,)``, counted from 0, give ``(B, count)`` float64.
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
        """Map a mel ``(B, mels, columns)`` to a condition ``(B, 2 channels, columns * hop)``."""
        projected: Tensor = self.mel(upsampled(log_mel, self.upsample))
        return projected

    def forward(self, hidden: Tensor, step: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the next block's input and the skip output, ``(B, channels, L)`` each.

        ``step`` is the step embedding; ``condition`` comes from :meth:`encode`, cropped to ``L``.
        """
        hidden = hidden + self.step(step)[..., None]  # in place: the residual path carries it too
        signal, gate = (self.dilated(hidden) + condition).chunk(2, dim=1)
        gated = torch.tanh(signal) * torch.sigmoid(gate)
        return (hidden + self.residual(gated)) * math.sqrt(0.5), self.skip(gated)


class DiffWave(Levelled, nn.Module):
    """Score network eps_theta(x_t, alpha, condition) for waveforms (Kong et al. 2021).

    As in the release, the last block's ``residual`` layer feeds nothing and gets no gradient.

    Args:
        config: sizes.
        schedule: training schedule, which maps a noise level to a fractional training step.
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
        """Compute step embeddings ``(N, embedding)`` of levels ``(N,)``."""
        return (self.embed_level(alpha),)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: DiffWaveCondition) -> Tensor:
        """Predict the noise of x ``(B, L)``; a longer condition is cropped at its end.

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
        """Map noise levels ``(B,)`` to step embeddings ``(B, embedding)``."""
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
    """Make a layer that turns one column into ``stride``, over 3 neighbouring bands."""
    shape, step, margin = (3, 2 * stride), (1, stride), (1, stride // 2)
    return nn.ConvTranspose2d(1, 1, shape, step, margin)


def upsampled(log_mel: Tensor, layers: nn.ModuleList) -> Tensor:
    """Upsample a mel ``(B, mels, columns)`` to ``(B, mels, columns * hop)``."""
    plane = log_mel[:, None]
    for layer in layers:
        plane = F.leaky_relu(layer(plane), 0.4)
    return plane[:, 0]
