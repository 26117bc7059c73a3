"""Noise levels at which score networks are trained, and their weights in the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import ScoreNetConfig


def drawn_levels(
    config: ScoreNetConfig, training: NoiseSchedule, generator: torch.Generator
) -> Tensor:
    """Draw alpha of a training batch, ``(batch_size * draws,)`` float64.

    With ``uniform_steps``, t is uniform over the training schedule, as in the papers. With
    ``between_steps`` too, alpha is uniform between alpha_t and the level before it. So every level
    of a short schedule is trained (Chen et al. 2021, section 3.2).

    Otherwise log signal-to-noise ratios are normal and clamped. Levels then need not be those of
    one schedule, and the levels that decide a sample are seen more often (Karras et al. 2022,
    section 5).

    Args:
        config: batch size, draws, and the distribution of levels.
        training: the training schedule.
        generator: a generator of the CPU.
    """
    count = config.batch_size * config.draws
    if config.uniform_steps:
        t = torch.randint(len(training), (count,), generator=generator)
        if not config.between_steps:
            return training.alphas[t]
        share = torch.rand(count, generator=generator, dtype=torch.float64)
        return torch.lerp(training.alphas[t], training.alphas[(t - 1).clamp(min=0)], share)
    log_snr = torch.randn(count, generator=generator, dtype=torch.float64)
    log_snr = log_snr.mul_(config.level_spread).add_(config.level_mean)
    return log_snr.clamp_(config.level_lowest, config.level_highest).sigmoid().sqrt()


def level_weight(alpha: Tensor) -> Tensor:
    """Weight that turns the squared error of eps into that of v, which is alike at all levels.

    eps - eps_theta = alpha (v - v_theta) (Salimans and Ho 2022). The plain loss therefore all but
    ignores the noisy levels, which decide what an image shows.

    Args:
        alpha: the levels, ``(B,)`` float64.

    Returns:
        The weights, ``(B,)`` float32.
    """
    return (1 / alpha.square()).float()
