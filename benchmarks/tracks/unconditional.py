"""Losses of networks without a condition, on random training items."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bddm_ref.losses import schedule_loss, score_loss
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.experiment import Reduction, ScoreNetConfig
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.tracks.levels import drawn_levels, level_weight
from benchmarks.tracks.parts import DrawItems
from benchmarks.tracks.reduction import reduced


def unconditional_score_loss(
    score_net: nn.Module, draw: DrawItems, config: ScoreNetConfig, training: NoiseSchedule
) -> BatchLoss:
    """Make the score loss of a network without a condition, on random batches.

    Args:
        score_net: eps_theta.
        draw: draws a batch of the score network's size, on its device.
        config: levels, power and balance; the weights of levels are those of a squared loss.
        training: the training schedule.
    """

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = draw(generator)
        alpha = drawn_levels(config, training, generator).to(x_0.device)
        noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        weight = level_weight(alpha) if config.balance_levels else None
        return score_loss(score_net, x_0, alpha, noise, None, config.power, weight)

    return loss


def unconditional_schedule_loss(
    networks: tuple[EvaluatedNet, nn.Module],
    draw: DrawItems,
    training: NoiseSchedule,
    form: StepLossForm,
    tau: int,
    reduction: Reduction,
) -> BatchLoss:
    """Make the step loss of a schedule network without a condition, on random batches.

    Args:
        networks: eps_theta in one convention, and sigma_phi.
        draw: draws a batch of the schedule network's size, on its device.
        training: the training schedule.
        form: the form of the step loss.
        tau: long steps per short step.
        reduction: the reduction over the dimensions of an item.
    """

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = draw(generator)
        mean = schedule_loss(networks, x_0, None, training, tau, generator, form)
        return reduced(mean, x_0, reduction)

    return loss
