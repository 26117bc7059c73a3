"""Collapse of sigma_phi on the ELBO, beside the speed of the step loss.

The source is arXiv 2203.13508, appendix. Trainings without warm-up differ in the loss and the
learning rate alone: each starts from the same network and draws the same batches.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm, TrainingConfig
from benchmarks.results.theory import RATES, TAU, DataTraces, SigmaTrace
from benchmarks.studies.theory.ratio import LEVELS, junctions, noisy, trained_on

FORMS: tuple[StepLossForm, ...] = ("elbo", "exact", "released")
UPDATES = 1_000
ITEMS = 200  # items of each level at which sigma_phi is evaluated


def is_watched(update: int) -> bool:
    """Tell whether sigma_phi is evaluated after an update: less often after 50 and after 200."""
    return update <= 50 or update % (5 if update <= 200 else 50) == 0


def config_at(rate: float, updates: int = UPDATES) -> TrainingConfig:
    """Make the configuration of a training without warm-up."""
    return TrainingConfig(
        steps=updates, learning_rate=rate, warmup=0, clip=5.0, checkpoint_every=updates
    )


def traced(
    form: StepLossForm,
    rate: float,
    mean_sigma: Callable[[nn.Module], float],
    run: Callable[[Callable[[int, nn.Module], None]], object],
) -> SigmaTrace:
    """Run one training, and note the mean of sigma_phi after watched updates.

    Args:
        form: form of the step loss, or the ELBO.
        rate: learning rate.
        mean_sigma: gives the mean of a schedule network.
        run: trains; it calls its argument with 0 and the network before the training, and after
            each update.

    Returns:
        The trace. A training whose loss is not finite ends there, and the trace says so.
    """
    sigma: dict[int, float] = {}
    done = 0

    def observe(update: int, schedule_net: nn.Module) -> None:
        nonlocal done
        done = update
        if is_watched(update):
            sigma[update] = mean_sigma(schedule_net)

    try:
        run(observe)
    except FloatingPointError:
        return SigmaTrace(form, rate, sigma, diverged=done + 1)
    return SigmaTrace(form, rate, sigma)


def collapse_study(name: str, training: NoiseSchedule, updates: int = UPDATES) -> DataTraces:
    """Train on a distribution with each loss at each rate."""
    steps = junctions(training, TAU, LEVELS)
    looked_at = torch.cat([noisy(name, training, t, ITEMS) for t in steps])

    @torch.no_grad()
    def mean_sigma(schedule_net: nn.Module) -> float:
        return float(schedule_net(looked_at).mean())

    traces = []
    for form in FORMS:
        for rate in RATES:
            config = config_at(rate, updates)
            run = partial(trained_on, name, form, training, config, TAU)
            traces.append(traced(form, rate, mean_sigma, run))
    return DataTraces(name, traces)
