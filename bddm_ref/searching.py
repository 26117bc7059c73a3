"""The search for the starting point of noise scheduling (arXiv 2203.13508, section 4.3).

The judge of a schedule's quality is passed in: this module knows neither metrics nor data.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start


class SearchStart(Protocol):
    """Numbers that a noise-scheduling pass starts from; :class:`Start` has the papers' two."""

    @property
    def alpha(self) -> float:
        """alpha_N, BDDM's alpha, in (0, 1)."""

    @property
    def is_valid(self) -> bool:
        """Whether a pass can begin with these numbers."""

    def perturbed(self, source: random.Random) -> Self:
        """Move every number by up to +-5 %."""


S = TypeVar("S", bound=SearchStart)
Propose = Callable[[S], list[float]]
"""``start -> betas``, noisiest first: one pass of :func:`schedule_betas`."""
Judge = Callable[[NoiseSchedule, int], tuple[float, ...]]
"""``(schedule, trial) -> scores``, higher is better; equal trials use equal clips and noise."""


def quality(scores: Sequence[float]) -> float:
    """Sum of a judge's scores; where one is NaN, minus infinity."""
    return -math.inf if any(map(math.isnan, scores)) else math.fsum(scores)


@dataclass(frozen=True)
class Candidate(Generic[S]):
    """A schedule that a search proposed, and how it was judged."""

    start: S
    schedule: NoiseSchedule
    scores: tuple[float, ...]

    @property
    def quality(self) -> float:
        """What candidates are ranked by."""
        return quality(self.scores)

    @property
    def failed(self) -> bool:
        """Whether a score is NaN: its sampler diverged."""
        return any(map(math.isnan, self.scores))


@dataclass(frozen=True)
class SearchPlan:
    """How wide and how careful a search is."""

    lengths: tuple[int, ...]  # steps of the schedules wanted
    finalists: int = 8  # candidates of a length that are judged again
    refinements: int = 10  # random perturbations of the best start of a length
    seed: int = 0  # of the perturbations


def starts(training: NoiseSchedule, bins: int) -> list[Start]:
    """The M x M grid of (alpha_N, beta_N), with each kernel (arXiv 2203.13508, section 4.3).

    alpha_N = alpha_T + (alpha_1 - alpha_T) i / (M + 1) and beta_N = j / (M + 1), without the pairs
    whose next alpha would pass 1.
    """
    low, high = float(training.alphas[-1]), float(training.alphas[0])
    grid = [
        Start(low + (high - low) * i / (bins + 1), j / (bins + 1), kernel)
        for j in range(1, bins + 1)
        for i in range(1, bins + 1)
        for kernel in KERNELS
    ]
    return [start for start in grid if start.is_valid]


def starts_in_noise(training: NoiseSchedule, bins: int) -> list[Start]:
    """The row i = 0 that the papers' grid lacks: alpha_N = alpha_T, with each beta_N and kernel.

    At the lowest alpha_N of the papers' grid x_N ~ N(0, I) lacks the part of the mean of the data
    that is still in x_t there; at alpha_T next to nothing of it is left.
    """
    grid = [
        Start(float(training.alphas[-1]), j / (bins + 1), kernel)
        for j in range(1, bins + 1)
        for kernel in KERNELS
    ]
    return [start for start in grid if start.is_valid]


def search(
    propose: Propose[S],
    judge: Judge,
    grid: Sequence[S],
    training: NoiseSchedule,
    plan: SearchPlan,
    observe: Callable[[], None] = lambda: None,
) -> dict[int, Candidate[S]]:
    """The best schedule of each length.

    Every start proposes one list of betas, whose prefixes are candidates. All
    are judged on the same clips and noise (trial 0); the best few of each length again on others
    (trial 1), and so are random +-5 % perturbations of the best start. The winner's scores are of
    a third trial, that had no part in selecting it.

    Args:
        propose: one noise-scheduling pass.
        judge: the quality of a schedule.
        grid: the starts.
        training: the training schedule.
        plan: how wide and how careful.
        observe: called after each start, and after each finalist and perturbation.

    Returns:
        Length to its best candidate; lengths that no start led to are missing.
    """
    found: dict[int, list[Candidate[S]]] = {length: [] for length in plan.lengths}
    for start in grid:
        betas = propose(start)
        for length in plan.lengths:
            if len(betas) >= length:
                found[length].append(judged(start, betas[:length], judge, 0))
        observe()
    source = random.Random(plan.seed)
    results = {}
    for length, candidates in found.items():
        if not candidates:
            continue
        best = _select(candidates, judge, plan, observe)
        for _ in range(plan.refinements):
            start = best.start.perturbed(source)
            betas = propose(start) if is_start(start, training) else []
            if len(betas) >= length:
                other = judged(start, betas[:length], judge, 1)
                best = other if other.quality > best.quality else best
            observe()
        results[length] = _again(best, judge, 2)
    return results


def judged(start: S, betas: list[float], judge: Judge, trial: int) -> Candidate[S]:
    """A proposed list, noisiest first, as a candidate with its scores."""
    schedule = NoiseSchedule(tuple(reversed(betas)))
    return Candidate(start, schedule, judge(schedule, trial))


def is_start(start: SearchStart, training: NoiseSchedule) -> bool:
    """Whether a perturbation left a start that noise scheduling accepts."""
    return start.is_valid and training.contains(start.alpha)


def _again(candidate: Candidate[S], judge: Judge, trial: int) -> Candidate[S]:
    scores = judge(candidate.schedule, trial)
    return Candidate(candidate.start, candidate.schedule, scores)


def _select(
    candidates: Sequence[Candidate[S]], judge: Judge, plan: SearchPlan, observe: Callable[[], None]
) -> Candidate[S]:
    finalists = []
    ranked = sorted(candidates, key=lambda c: c.quality, reverse=True)
    for candidate in ranked[: max(1, plan.finalists)]:
        finalists.append(_again(candidate, judge, 1))
        observe()
    return max(finalists, key=lambda c: c.quality)
