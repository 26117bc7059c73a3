"""The bilateral bound and the schedule network of trained networks, on validation items.

:mod:`benchmarks.studies.theory.bounds`, :mod:`benchmarks.studies.theory.ratio` and
:mod:`benchmarks.studies.theory.collapse` have the exact counterparts. Here the score network is a
trained one, log p is unknown, and each figure is a Monte Carlo mean with an interval over items.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.bilateral_bound import Bilateral, bilateral
from bddm_ref.elbo_bound import Elbo, elbo, step_weights
from bddm_ref.extras.by_level import LARGEST_POWER
from bddm_ref.losses import junction_beta, next_beta
from bddm_ref.process import q_sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm, TrainingConfig
from bddm_ref.training import BatchLoss, train
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.core.schedule_nets import NetKey, taus_of
from benchmarks.results.theory import (
    DRAWS,
    LENGTHS,
    PAPERS,
    RATES,
    SPACED,
    NetworkPoint,
    NetworkTheory,
    RatioPoint,
    SigmaTrace,
    inside,
)
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Advance
from benchmarks.stages.context import Context
from benchmarks.stages.networks import load_schedule_net, load_score_net
from benchmarks.stages.train import schedule_net_weights, score_net_weights
from benchmarks.studies.theory.bounds import papers_chain, papers_junctions, spaced
from benchmarks.studies.theory.collapse import config_at, traced
from benchmarks.studies.theory.ratio import junctions, ratio_at
from metrics.statistics import Estimate, mean_interval

JUNCTIONS = (10, 100, 400, 1000)  # t of the spaced chains, of 4 steps
SPACED_STEPS = 4
EACH = 5  # points of a length N, at most: each costs n evaluations
LEVELS = 12  # levels at which the schedule network is evaluated
FORMS: tuple[StepLossForm, ...] = ("elbo", "exact")  # losses of the trainings without warm-up
UPDATES = 300  # of these trainings
SEED = 0


def network_theory(context: Context, convention: Convention, advance: Advance) -> NetworkTheory:
    """Evaluate bounds and ratios of an experiment's networks in one convention."""
    training = context.track.training
    score_net = load_score_net(context, score_net_weights(context))
    adapted = context.track.networks.for_convention(score_net, convention)
    net = EvaluatedNet(adapted, context.experiment.bf16, lambda items: advance(1))
    x_0, condition = context.track.items.examples(score_net, convention)
    x_0 = x_0.float()
    generator = torch.Generator().manual_seed(SEED)
    whole = elbo(net, x_0, condition, training, generator, DRAWS)
    nets = {N: _schedule_net(context, convention, N) for N in LENGTHS}
    points = []
    for t, n, N in short_chains(len(training)):
        made = N is not None and _chain(nets[N], x_0, training, (t, n, N))
        chain = made or spaced(training, t, n)
        found = bilateral(net, x_0, condition, chain, generator)
        points.append(_point((t, n, N), found, whole, training))
    schedule_net, tau = nets[LENGTHS[-1]], studied_tau(context.experiment)
    noisy = _noisy(training, tau, x_0, generator)
    return NetworkTheory(
        convention=convention.name,
        items=len(x_0),
        elbo=_mean(whole.bound()),
        elbo_fitted=_mean(whole.bound(fitted=True)),
        points=points,
        tau=tau,
        ratios=_ratios(context, (net, schedule_net), noisy, condition),
        sigma=_mean_sigma(schedule_net, noisy),
        traces=_traces(context, convention, score_net, noisy),
    )


def studied_keys(experiment: Experiment, convention: str) -> dict[int, NetKey]:
    """Length N to the schedule network of its tau; one network may serve all lengths."""
    loss = experiment.schedule_net.loss
    return {N: NetKey(convention, loss, taus_of(experiment, N)[0]) for N in LENGTHS}


def studied_tau(experiment: Experiment) -> int:
    """Tau of the schedule network whose ratios are studied: that of the largest length."""
    return taus_of(experiment, LENGTHS[-1])[0]


def short_chains(T: int) -> list[tuple[int, int, int | None]]:
    """List (t, n, N) of all points in a training schedule of T steps; N is None if spaced."""
    found: list[tuple[int, int, int | None]] = []
    for N in LENGTHS:
        points = [point for point in papers_junctions(T) if point[2] == N]
        chosen = torch.linspace(0, len(points) - 1, min(EACH, len(points))).round().int().tolist()
        found += [points[i] for i in chosen]
    return found + [(t, SPACED_STEPS, None) for t in JUNCTIONS if t <= T]


def evaluations(T: int) -> int:
    """Network evaluations for each item."""
    return DRAWS + 1 + sum(n for _, n, _ in short_chains(T)) + LEVELS


def _schedule_net(context: Context, convention: Convention, N: int) -> nn.Module:
    key = studied_keys(context.experiment, convention.name)[N]
    weights = schedule_net_weights(context, convention, key, score_net_weights(context))
    return load_schedule_net(context, convention, weights)


@torch.no_grad()
def _chain(
    schedule_net: nn.Module, x_0: Tensor, training: NoiseSchedule, place: tuple[int, int, int]
) -> NoiseSchedule:
    """Make the chain whose beta_n is the schedule network's mean answer, tau = floor(T / N)."""
    t, n, N = place
    x_t = _at(t, x_0, training, torch.Generator().manual_seed(SEED + t))
    sigma = schedule_net(x_t).double().mean().cpu()
    after = junction_beta(training, torch.tensor([t - 1]), len(training) // N)[0]
    delta = training.deltas[t - 1]
    return papers_chain(training, t, n, float(next_beta(sigma, delta, after) / delta))


def _point(
    place: tuple[int, int, int | None], found: Bilateral, whole: Elbo, training: NoiseSchedule
) -> NetworkPoint:
    # The fitted variance is one number for all items. The bound is flat there, so that an interval
    # over items with a fixed variance is right to first order.
    t, n, N = place
    r = found.ratio
    errors = found.score * (2 * (1 - r) / r)  # |eps - eps_theta|^2 / D
    term = errors * float(step_weights(training)[t - 2])
    dropped = found.step - found.score
    identity = (found.noise - r * found.power + r - 1 - math.log(r)) / 2
    return NetworkPoint(
        t=t,
        n=n,
        family=SPACED if N is None else PAPERS,
        length=N or inside(t, n, len(training)),
        ratio=r,
        power=float(found.power.mean()),
        score=_mean(found.score),
        step=_mean(found.step),
        term=_mean(term),
        dropped=_mean(dropped),
        identity_error=float((dropped - identity).abs().max()),
        over_term=_mean(dropped + term),
        over_elbo=_mean(dropped + whole.steps + whole.prior),
        over_elbo_chain=_mean(found.f_bddm() - whole.bound()),
        over_elbo_chain_fitted=_mean(found.f_bddm(fitted=True) - whole.bound(fitted=True)),
    )


def _noisy(
    training: NoiseSchedule, tau: int, x_0: Tensor, generator: torch.Generator
) -> dict[int, Tensor]:
    """Draw items x_t by t, at levels across the schedule network's training range."""
    return {t: _at(t, x_0, training, generator) for t in junctions(training, tau, LEVELS)}


def _at(t: int, x_0: Tensor, training: NoiseSchedule, generator: torch.Generator) -> Tensor:
    noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
    return q_sample(x_0, training.alphas[t - 1].expand(len(x_0)).to(x_0.device), noise)


@torch.no_grad()
def _ratios(
    context: Context,
    networks: tuple[EvaluatedNet, nn.Module],
    noisy: dict[int, Tensor],
    condition: Any,
) -> list[RatioPoint]:
    net, schedule_net = networks
    training, config = context.track.training, context.experiment.schedule_net
    tau = studied_tau(context.experiment)
    points = []
    for t, x_t in noisy.items():
        alpha = training.alphas[t - 1].expand(len(x_t)).to(x_t.device)
        power = float(net(x_t, alpha, condition).double().square().mean())
        s = min(power, LARGEST_POWER)
        points.append(ratio_at(schedule_net, x_t, (t, tau), s, training, config.loss))
    return points


def _traces(
    context: Context, convention: Convention, score_net: nn.Module, noisy: dict[int, Tensor]
) -> list[SigmaTrace]:
    """Train sigma_phi without warm-up on each loss at each rate, from the same network."""
    tau, parts, traces = studied_tau(context.experiment), context.track.networks, []
    work = len(FORMS) * len(RATES) * UPDATES
    with context.progress.task(f"trainings without warm-up ({convention.name})", work) as advance:
        for form in FORMS:
            for rate in RATES:
                module = parts.build_schedule_net(convention).to(context.device)
                loss = parts.schedule_batch_loss((score_net, module), convention, form, tau)
                run = partial(_run, module, loss, config_at(rate, UPDATES), advance)
                traces.append(traced(form, rate, lambda net: _mean_sigma(net, noisy), run))
    return traces


def _run(
    module: nn.Module,
    loss: BatchLoss,
    config: TrainingConfig,
    advance: Advance,
    note: Callable[[int, nn.Module], None],
) -> None:
    """Train a schedule network, and note it before and after each update."""

    def observe(update: int, value: float) -> None:
        note(update, module)
        advance(1)

    note(0, module)
    train(module, loss, config, observe=observe)


@torch.no_grad()
def _mean_sigma(schedule_net: nn.Module, noisy: dict[int, Tensor]) -> float:
    return sum(float(schedule_net(x_t).mean()) for x_t in noisy.values()) / len(noisy)


def _mean(values: Tensor) -> Estimate:
    return mean_interval(values.numpy())
