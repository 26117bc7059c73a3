"""Schedules by rules: what sigma_phi has to beat, and its own mean answer made one.

The rules below choose the next beta from the noise level alone. No sample is followed, so that a
pass costs no network evaluation.
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
        """Whether it is a start, and both constants lie in (0, 1]."""
        constants_fit = 0 < self.by_beta <= 1 and 0 < self.by_delta <= 1
        return constants_fit and is_possible(self.alpha, self.beta)

    def perturbed(self, source: random.Random) -> ConstantStart:
        """With all four numbers moved by up to +-5 %."""
        return ConstantStart(*(value * source.uniform(*SPREAD) for value in self))


CONSTANTS = tuple(itertools.product((0.8, 0.9, 0.96, 0.99), (0.55, 0.75, 0.9)))
"""(c1, c2) of the two-constant schedules tried, around those that fit the released schedules."""


def constant_starts(grid: Sequence[Start]) -> list[ConstantStart]:
    """Two-constant schedules from a third of the grid's (alpha_N, beta_N), with each of CONSTANTS.

    Four numbers are searched in place of two, so that a grid as dense would cost twelve times as
    much; and since a rule follows no sample, the kernel does not matter.
    """
    places = sorted({(start.alpha, start.beta) for start in grid})[1::3]
    return [ConstantStart(*place, *pair) for place in places for pair in CONSTANTS]


def closed_form_rule(power: Callable[[float], float], form: StepLossForm = "exact") -> Rule:
    """beta_n = min(delta_n, beta_{n+1}, r*(s) delta_n): the optimum of the expected step loss.

    Args:
        power: s of a level alpha, measured or known (see :func:`bddm_ref.losses.optimal_ratio`).
        form: which constant of the step loss.
    """

    def rule(alpha: float, beta_after: float) -> float:
        delta = (1 - alpha) * (1 + alpha)
        return min(delta, beta_after, optimal_ratio(power(alpha), form) * delta)

    return rule


def network_rule(ratio: Callable[[float], float], spare: float = 1.0) -> Rule:
    """beta_n = min(delta_n, beta_{n+1}) r(alpha_n): arXiv 2203.13508, Algorithm 3, by the level.

    Args:
        ratio: r, the mean answer of a schedule network to data noised to a level.
        spare: what is left of 1 - r where the network sees what few steps of sampling made, which
            has lost more than its noise.
    """

    def rule(alpha: float, beta_after: float) -> float:
        return min((1 - alpha) * (1 + alpha), beta_after) * (1 - spare * (1 - ratio(alpha)))

    return rule


def constant_rule(start: ConstantStart) -> Rule:
    """beta_n = min(c1 beta_{n+1}, c2 delta_n): close to the authors' searched schedules."""

    def rule(alpha: float, beta_after: float) -> float:
        return min(start.by_beta * beta_after, start.by_delta * (1 - alpha) * (1 + alpha))

    return rule


def rule_betas(
    rule: Rule, start: Start | ConstantStart, training: NoiseSchedule, max_steps: int
) -> list[float]:
    """One pass: as :func:`bddm_ref.scheduling.schedule_betas`, by a rule instead of two networks.

    Args:
        rule: gives the next beta.
        start: (alpha_N, beta_N); its other fields are not read here.
        training: the training schedule.
        max_steps: N.

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
