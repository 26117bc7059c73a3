"""Both bounds and the learned ratio of trained networks, on validation items, by Monte Carlo.

:mod:`benchmarks.studies.theory.bounds` and :mod:`benchmarks.studies.theory.ratio` have the exact
counterparts. Here the score network is a trained one, log p is unknown, and each figure has an
interval over items.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.bilateral_bound import Bilateral, bilateral
from bddm_ref.elbo_bound import Elbo, elbo
from bddm_ref.extras.by_level import LARGEST_POWER
from bddm_ref.process import q_sample
from bddm_ref.training import train
from benchmarks.core.experiment import PAPER, Convention
from benchmarks.results.theory import DRAWS, NetworkPoint, NetworkTheory, RatioPoint
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Advance
from benchmarks.stages.context import Context
from benchmarks.stages.networks import load_schedule_net, load_score_net, tau_of
from benchmarks.stages.train import schedule_net_weights, score_net_weights
from benchmarks.studies.theory.bounds import spaced
from benchmarks.studies.theory.ratio import junctions, ratio_at
from metrics.statistics import Estimate, mean_interval

JUNCTIONS = (10, 25, 50, 100, 200, 400, 700, 1000)  # t
STEPS = (4, 16, 64)  # n
LEVELS = 12  # levels at which the schedule network is evaluated
ELBO_UPDATES = (1, 10, 30, 100, 300, 1_000)  # updates on the ELBO between evaluations
SEED = 0


def network_theory(context: Context, convention: Convention, advance: Advance) -> NetworkTheory:
    """Evaluate bounds and ratios of an experiment's networks in one convention."""
    training = context.track.training
    score_weights = score_net_weights(context)
    score_net = load_score_net(context, score_weights)
    adapted = context.track.networks.for_convention(score_net, convention)
    net = EvaluatedNet(adapted, context.experiment.bf16, lambda items: advance(1))
    x_0, condition = context.track.items.examples(score_net, convention)
    x_0 = x_0.float()
    generator = torch.Generator().manual_seed(SEED)
    whole = elbo(net, x_0, condition, training, generator, DRAWS)
    points = []
    for t, n in short_processes(len(training)):
        found = bilateral(net, x_0, condition, spaced(training, t, n), generator)
        points.append(_point((t, n), found, whole))
    weights = schedule_net_weights(context, convention, PAPER, score_weights)
    schedule_net = load_schedule_net(context, convention, weights)
    noisy = _noisy(context, x_0, generator)
    return NetworkTheory(
        convention=convention.name,
        items=len(x_0),
        elbo=_mean(whole.bound()),
        elbo_fitted=_mean(whole.bound(fitted=True)),
        points=points,
        ratios=_ratios(context, (net, schedule_net), noisy, condition),
        sigma=_mean_sigma(schedule_net, noisy),
        sigma_on_elbo=_trained_on_elbo(context, convention, score_net, noisy),
    )


def short_processes(T: int) -> list[tuple[int, int]]:
    """Pairs (t, n) of all points in a training schedule of T steps."""
    return [(t, n) for t in JUNCTIONS if t <= T for n in STEPS if n <= t]


def evaluations(T: int) -> int:
    """Network evaluations for each item."""
    return DRAWS + 1 + sum(n for _, n in short_processes(T)) + LEVELS


def _point(place: tuple[int, int], found: Bilateral, whole: Elbo) -> NetworkPoint:
    # The fitted variance is one number for all items. The bound is flat there, so that an interval
    # over items with a fixed variance is right to first order.
    plain, best = whole.bound(), whole.bound(fitted=True)
    values = {
        "f_bddm": (found.f_bddm(), plain),
        "f_score": (found.f_score(), plain),
        "f_bddm_fitted": (found.f_bddm(fitted=True), best),
        "f_score_fitted": (found.f_score(fitted=True), best),
    }
    estimates = {name: _mean(value) for name, (value, _) in values.items()}
    over = {f"{name}_over_elbo": _mean(value - less) for name, (value, less) in values.items()}
    t, n = place
    return NetworkPoint(t=t, n=n, **(estimates | over))


def _noisy(context: Context, x_0: Tensor, generator: torch.Generator) -> dict[int, Tensor]:
    """Draw items x_t by t, at levels across the schedule network's training range."""
    training, tau = context.track.training, tau_of(context.experiment)
    found = {}
    for t in junctions(training, tau, LEVELS):
        noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        found[t] = q_sample(x_0, training.alphas[t - 1].expand(len(x_0)).to(x_0.device), noise)
    return found


@torch.no_grad()
def _ratios(
    context: Context,
    networks: tuple[EvaluatedNet, nn.Module],
    noisy: dict[int, Tensor],
    condition: Any,
) -> list[RatioPoint]:
    net, schedule_net = networks
    training, config = context.track.training, context.experiment.schedule_net
    tau = tau_of(context.experiment)
    points = []
    for t, x_t in noisy.items():
        alpha = training.alphas[t - 1].expand(len(x_t)).to(x_t.device)
        power = float(net(x_t, alpha, condition).double().square().mean())
        s = min(power, LARGEST_POWER)
        points.append(ratio_at(schedule_net, x_t, (t, tau), s, training, config.loss))
    return points


def _trained_on_elbo(
    context: Context, convention: Convention, score_net: nn.Module, noisy: dict[int, Tensor]
) -> dict[int, float]:
    """Train sigma_phi on the ELBO, against the papers' advice; returns update to mean sigma."""
    config = context.experiment.schedule_net.training
    config = dataclasses.replace(config, steps=ELBO_UPDATES[-1])
    module = context.track.networks.build_schedule_net(convention).to(context.device)
    networks, tau = (score_net, module), tau_of(context.experiment)
    loss = context.track.networks.schedule_batch_loss(networks, convention, "elbo", tau)
    watched = {0: _mean_sigma(module, noisy)}
    with context.progress.task(f"train on the ELBO ({convention.name})", config.steps) as advance:

        def observe(step: int, value: float) -> None:
            if step in ELBO_UPDATES:
                watched[step] = _mean_sigma(module, noisy)
            advance(1)

        train(module, loss, config, observe=observe)
    return watched


@torch.no_grad()
def _mean_sigma(schedule_net: nn.Module, noisy: dict[int, Tensor]) -> float:
    return sum(float(schedule_net(x_t).mean()) for x_t in noisy.values()) / len(noisy)


def _mean(values: Tensor) -> Estimate:
    return mean_interval(values.numpy())
