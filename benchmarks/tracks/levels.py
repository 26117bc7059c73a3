"""Noise levels at which score networks are trained."""

from __future__ import annotations

import torch
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.experiment import ScoreNetConfig


def drawn_levels(
    config: ScoreNetConfig, training: NoiseSchedule, generator: torch.Generator
) -> Tensor:
    """Alpha of a training batch, ``(batch_size,)`` float64.

    With ``uniform_steps`` as in the papers: t uniform over the training schedule. Otherwise log
    signal-to-noise ratios are normal, clamped: levels need not be those of one schedule, and the
    ones that decide a sample are seen more often (Karras et al. 2022, section 5).
    """
    if config.uniform_steps:
        t = torch.randint(len(training), (config.batch_size,), generator=generator)
        return training.alphas[t]
    log_snr = torch.randn(config.batch_size, generator=generator, dtype=torch.float64)
    log_snr = log_snr.mul_(config.level_spread).add_(config.level_mean)
    return log_snr.clamp_(config.level_lowest, config.level_highest).sigmoid().sqrt()
