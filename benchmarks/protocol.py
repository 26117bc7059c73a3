"""The rules that make a comparison fair: clips, noise, and how a network is evaluated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.data.features import HOP
from benchmarks.data.speech import Utterance


@dataclass(frozen=True)
class Clip:
    """A piece of a held-out recording."""

    name: str
    waveform: Tensor  # (L,), unscaled
    log_mel: Tensor  # (MELS, L / HOP + 1)


def centre_clips(utterances: Sequence[Utterance], count: int, frames: int) -> list[Clip]:
    """The middle ``frames`` hops of the first ``count`` utterances.

    Raises:
        ValueError: there are fewer recordings of that length.
    """
    long_enough = [u for u in utterances if u.frames >= frames]
    if len(long_enough) < count:
        raise ValueError(
            f"{count} clips of {frames * HOP} samples are wanted, and the split has "
            f"{len(long_enough)} recordings of that length; lower the count or 'clip_frames'"
        )
    clips = []
    for utterance in long_enough[:count]:
        waveform, mel = utterance.crop((utterance.frames - frames) // 2, frames)
        clips.append(Clip(utterance.name, waveform, mel))
    return clips


def item_generators(seed: int, indices: Sequence[int]) -> list[torch.Generator]:
    """One CPU generator for each item, a function of (seed, item index) alone.

    Batch size, order, device and interruption cannot change an item's noise.
    """
    return [torch.Generator().manual_seed(seed * 1_000_003 + index) for index in indices]


def start_noise(generators: Sequence[torch.Generator], length: int, device: Any) -> Tensor:
    """x_N, ``(items, length)``: the first numbers each item's generator gives."""
    return torch.stack([torch.randn(length, generator=g) for g in generators]).to(device)


class EvaluatedNet:
    """A score network as the harness evaluates it: in its precision, counting evaluations.

    Args:
        score_net: the network, or its adapter to an amplitude convention.
        bf16: autocast to bfloat16.
        observe: told the evaluations of each call, one for each item; None while timing.
    """

    def __init__(
        self, score_net: nn.Module, bf16: bool, observe: Callable[[int], None] | None = None
    ) -> None:
        self._score_net = score_net
        self._bf16 = bf16
        self._observe = observe
        self.evaluations = 0  # NFE: one for each item

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        """eps, in the precision of x."""
        self.evaluations += len(x)
        with self.precision(x.device):
            eps: Tensor = self._score_net(x, alpha, condition)
        if self._observe is not None:
            self._observe(len(x))
        return eps

    def precision(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """The autocast context that the network runs in."""
        if self._bf16:
            return torch.autocast(device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()


@torch.inference_mode()
def encode_clips(score_net: nn.Module, clips: Sequence[Clip], bf16: bool, device: Any) -> Any:
    """The condition of a batch of clips, computed once for all steps and contestants."""
    mels = torch.stack([clip.log_mel for clip in clips]).to(device)
    with EvaluatedNet(score_net, bf16).precision(mels.device):
        return score_net.encode(mels)  # type: ignore[operator]
