"""Schedules of the largest ELBO, by dynamic programming (Watson et al. 2021, arXiv 2106.03802).

The ELBO of a sub-sequence is a sum with one term for each step, and the term of a step from level t
to level s depends on the two alone. The best N levels are therefore a shortest path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bddm_ref.extras.by_level import measured_error
from bddm_ref.schedule import NoiseSchedule
from benchmarks.searches.base import Workshop


@dataclass(frozen=True)
class ElboPaths:
    """The N training levels of the largest ELBO, which end at the noisiest.

    The error E|eps - eps_theta|^2 / D that all terms need is measured once, on validation items.
    The last step's density has the variance that makes its term largest, as with ``fitted`` in
    :mod:`bddm_ref.elbo_bound`.
    """

    version: int = 1
    longest: int | None = None

    def work(self, lengths: Sequence[int]) -> int:
        """All lengths come out of one table."""
        return 1

    def find(self, workshop: Workshop) -> dict[int, NoiseSchedule]:
        """The best sub-sequence of each length."""
        training = workshop.training
        generator = torch.Generator().manual_seed(workshop.plan.seed)
        error = measured_error(workshop.score_net, *workshop.examples, training, generator)
        errors = torch.tensor([error(alpha) for alpha in training.alphas.tolist()])
        lengths = [length for length in workshop.plan.lengths if length <= len(training)]
        found = best_paths(training, errors.double(), lengths)
        workshop.observe()
        return found


def best_paths(
    training: NoiseSchedule, errors: Tensor, lengths: Sequence[int]
) -> dict[int, NoiseSchedule]:
    """The sub-sequences of largest ELBO.

    Args:
        training: T levels.
        errors: E|eps - eps_theta|^2 / D at each, ``(T,)`` float64.
        lengths: wanted, 1 .. T.
    """
    steps, decoder = step_costs(training, errors), decoder_costs(training, errors)
    costs, found = decoder, {}
    before: list[Tensor] = []  # of each level, the next nearer the data on its best path
    last = len(training) - 1
    for length in range(1, max(lengths, default=0) + 1):
        if length in lengths:
            path = [last]
            for choice in reversed(before):
                path.append(int(choice[path[-1]]))
            found[length] = NoiseSchedule.from_alphas(training.alphas[path[::-1]])
        costs, choice = (steps + costs).min(dim=1)
        before.append(choice)
    return found


def step_costs(training: NoiseSchedule, errors: Tensor) -> Tensor:
    """KL(q(x_s | x_t, x_0) || p_theta(x_s | x_t)), ``(t, s)``; infinite unless s < t.

    beta / (2 (1 - beta) delta_s) times the error at t, with beta = 1 - (alpha_t / alpha_s)^2: see
    :func:`bddm_ref.elbo_bound.step_weights`. Nats per dimension.
    """
    squares = training.alphas.square()
    ratio = squares[:, None] / squares[None, :]  # 1 - beta
    costs = (1 - ratio) / (2 * ratio * training.deltas[None, :]) * errors[:, None]
    below = torch.ones_like(costs).tril(-1).bool()
    return costs.masked_fill(~below, math.inf)


def decoder_costs(training: NoiseSchedule, errors: Tensor) -> Tensor:
    """-E log N(x_0; its estimate from x_s, v I) at the best v, for each s, nats per dimension."""
    square = training.deltas / training.alphas.square() * errors
    return (1 + torch.log(2 * math.pi * square)) / 2
