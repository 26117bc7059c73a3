"""Noise levels at which score networks are trained, and how much each counts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bddm_ref.losses import score_loss
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.training import BatchLoss
from benchmarks.core.experiment import ScoreNetConfig
from benchmarks.tracks.base import DrawItems


def drawn_levels(
    config: ScoreNetConfig, training: NoiseSchedule, generator: torch.Generator
) -> Tensor:
    """Alpha of a training batch, ``(batch_size * draws,)`` float64.

    With ``uniform_steps`` as in the papers: t uniform over the training schedule. With
    ``between_steps`` alpha is then uniform between alpha_t and the level before it, so that every
    level of a short schedule was trained (Chen et al. 2021, section 3.2). Otherwise log
    signal-to-noise ratios are normal, clamped: levels need not be those of one schedule, and the
    ones that decide a sample are seen more often (Karras et al. 2022, section 5).
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
    """Turns the squared error of eps into that of v, which is alike at all levels.

    eps - eps_theta = alpha (v - v_theta) (Salimans and Ho 2022), so that the plain loss all but
    ignores the noisy levels, which decide what an image shows.

    Args:
        alpha: the levels, ``(B,)`` float64.
    """
    return (1 / alpha.square()).float()


def unconditional_score_loss(
    score_net: nn.Module, draw: DrawItems, config: ScoreNetConfig, training: NoiseSchedule
) -> BatchLoss:
    """The score loss of a network without a condition, on random batches.

    Args:
        score_net: eps_theta.
        draw: a batch of the score network's size, on its device.
        config: levels, power and balance; weights of levels are those of a squared loss.
        training: the training schedule.
    """

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = draw(generator)
        alpha = drawn_levels(config, training, generator).to(x_0.device)
        noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        weight = level_weight(alpha) if config.balance_levels else None
        return score_loss(score_net, x_0, alpha, noise, None, config.power, weight)

    return loss
