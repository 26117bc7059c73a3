"""Schedules by rules, which choose the next beta from the noise level alone.

A pass by a rule follows no sample and evaluates no network. Two rules are baselines of sigma_phi;
the third replaces sigma_phi by its mean answer at each level. Not from the papers.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bddm_ref.losses import optimal_ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import SPREAD, Start, is_possible
from bddm_ref.settings import StepLossForm

Rule = Callable[[float, float], float]
"""``(alpha_n, beta_{n+1}) -> beta_n``."""


class ConstantStart(NamedTuple):
    """The four numbers of a two-constant schedule."""

    alpha: float  # alpha_N
    beta: float  # beta_N
    by_beta: float  # c1
    by_delta: float  # c2

    @property
    def is_valid(self) -> bool:
        """Tell whether a pass can begin at (alpha_N, beta_N) and both constants lie in (0, 1]."""
        constants_fit = 0 < self.by_beta <= 1 and 0 < self.by_delta <= 1
        return constants_fit and is_possible(self.alpha, self.beta)

    def perturbed(self, source: random.Random) -> ConstantStart:
        """Move all four numbers by up to +-5 %."""
        return ConstantStart(*(value * source.uniform(*SPREAD) for value in self))


CONSTANTS = tuple(itertools.product((0.8, 0.9, 0.96, 0.99), (0.55, 0.75, 0.9)))
"""Pairs (c1, c2) that the search tries, around the pairs that fit the released schedules."""


def constant_starts(grid: Sequence[Start]) -> list[ConstantStart]:
    """Combine every third (alpha_N, beta_N) of the grid with each pair of CONSTANTS.

    The search runs over four numbers instead of two: a grid of full density would cost twelve times
    as much. A rule follows no sample, so that starts that differ in the kernel alone count once.
    """
    places = sorted({(start.alpha, start.beta) for start in grid})[1::3]
    return [ConstantStart(*place, *pair) for place in places for pair in CONSTANTS]


def closed_form_rule(power: Callable[[float], float], form: StepLossForm = "exact") -> Rule:
    """Make the rule beta_n = min(delta_n, beta_{n+1}, r*(s) delta_n).

    The rule is the optimum of the expected step loss: see :func:`bddm_ref.losses.optimal_ratio`.

    Args:
        power: maps a level alpha to s, measured or known.
        form: form of the step loss.
    """

    def rule(alpha: float, beta_after: float) -> float:
        delta = (1 - alpha) * (1 + alpha)
        return min(delta, beta_after, optimal_ratio(power(alpha), form) * delta)

    return rule


def network_rule(ratio: Callable[[float], float], spare: float = 1.0) -> Rule:
    """Make the rule beta_n = min(delta_n, beta_{n+1}) (1 - spare (1 - r(alpha_n))).

    With ``spare`` = 1 it is Algorithm 3 of arXiv 2203.13508, sigma_phi being its mean answer r.

    Args:
        ratio: maps a level alpha to r, the mean answer of a schedule network to data noised to it.
        spare: factor on 1 - r. Samples after few steps have lost more than their noise, so that
            the network's answer to them is nearer 1 than its answer to noised data.
    """

    def rule(alpha: float, beta_after: float) -> float:
        return min((1 - alpha) * (1 + alpha), beta_after) * (1 - spare * (1 - ratio(alpha)))

    return rule


def constant_rule(start: ConstantStart) -> Rule:
    """Make the rule beta_n = min(c1 beta_{n+1}, c2 delta_n), close to the released schedules."""

    def rule(alpha: float, beta_after: float) -> float:
        return min(start.by_beta * beta_after, start.by_delta * (1 - alpha) * (1 + alpha))

    return rule


def rule_betas(
    rule: Rule, start: Start | ConstantStart, training: NoiseSchedule, max_steps: int
) -> list[float]:
    """Run a pass like :func:`bddm_ref.scheduling.schedule_betas`, by a rule instead of networks.

    Args:
        rule: gives the next beta.
        start: (alpha_N, beta_N); other fields are ignored.
        training: the training schedule.
        max_steps: N, the largest number of betas.

    Returns:
        betas, noisiest first, at least one.

    Raises:
        ValueError: the start is not valid or outside the trained levels.
    """
    alpha, beta = start.alpha, start.beta
    if not start.is_valid or not training.contains(alpha):
        raise ValueError(
            f"{start} is no start: alpha must lie within the training schedule and below "
            "sqrt(1 - beta), beta in (0, 1), constants in (0, 1]"
        )
    betas = [beta]
    while len(betas) < max_steps:
        alpha /= math.sqrt(1 - beta)
        if alpha >= 1 or not training.contains(alpha):
            break
        beta = rule(alpha, beta)
        if beta < training.betas[0]:
            break
        betas.append(beta)
    return betas
