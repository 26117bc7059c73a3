"""Schedules of the largest ELBO, by dynamic programming (Watson et al. 2021, arXiv 2106.03802).

The ELBO of a sub-sequence is a sum with one term for each step. The term of a step from level t to
level s depends on t and s alone. The best N levels are therefore a shortest path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bddm_ref.extras.by_level import measured_error
from bddm_ref.schedule import NoiseSchedule
from benchmarks.runtime.found import Found
from benchmarks.searches.base import Search, SearchInputs, judged_last


@dataclass(frozen=True)
class ElboPaths(Search):
    """Sub-sequences of the training levels with the largest ELBO, all ending at the noisiest.

    The error E|eps - eps_theta|^2 / D of all terms is measured once, on validation items. The last
    step's density has the variance of the largest ELBO: ``fitted`` in
    :mod:`bddm_ref.elbo_bound`.
    """

    def _work(self, inputs: SearchInputs) -> int:
        """Count one part: one table gives all lengths."""
        return 1

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        """The best sub-sequence of each length up to T."""
        training = inputs.training
        generator = torch.Generator().manual_seed(inputs.config.seed)
        error = measured_error(inputs.score_net, *inputs.examples(), training, generator)
        errors = torch.tensor([error(alpha) for alpha in training.alphas.tolist()])
        lengths = [length for length in inputs.config.lengths if length <= len(training)]
        found = best_paths(training, errors.double(), lengths)
        inputs.observe()
        return judged_last(found, inputs)


def best_paths(
    training: NoiseSchedule, errors: Tensor, lengths: Sequence[int]
) -> dict[int, NoiseSchedule]:
    """Find the sub-sequence of the largest ELBO for each length.

    Args:
        training: the training schedule, T levels.
        errors: E|eps - eps_theta|^2 / D at each level, ``(T,)`` float64.
        lengths: steps of the sub-sequences, 1 .. T.

    Returns:
        Length to sub-sequence.
    """
    steps, decoder = step_costs(training, errors), decoder_costs(training, errors)
    costs, found = decoder, {}
    before: list[Tensor] = []  # each level's successor on its best path to the data, by step
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
    """Costs KL(q(x_s | x_t, x_0) || p_theta(x_s | x_t)) of all steps, nats per dimension.

    A cost is beta / (2 (1 - beta) delta_s) times the error at t, where
    beta = 1 - (alpha_t / alpha_s)^2: see :func:`bddm_ref.elbo_bound.step_weights`.

    Returns:
        ``(t, s)``, infinite unless s < t.
    """
    squares = training.alphas.square()
    ratio = squares[:, None] / squares[None, :]  # 1 - beta
    costs = (1 - ratio) / (2 * ratio * training.deltas[None, :]) * errors[:, None]
    below = torch.ones_like(costs).tril(-1).bool()
    return costs.masked_fill(~below, math.inf)


def decoder_costs(training: NoiseSchedule, errors: Tensor) -> Tensor:
    """Costs of the last step from each level s, ``(s,)``, nats per dimension.

    A cost is -E log N(x_0; m, v I) at the best v, where m is the estimate of x_0 from x_s.
    """
    square = training.deltas / training.alphas.square() * errors
    return (1 + torch.log(2 * math.pi * square)) / 2
