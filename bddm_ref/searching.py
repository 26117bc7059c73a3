"""The search for the starting point of noise scheduling (arXiv 2203.13508, section 4.3).

The caller passes in the judge of a schedule's quality: this module knows neither metrics nor data.
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
        """Tell whether a pass can begin with these numbers."""

    def perturbed(self, source: random.Random) -> Self:
        """Move every number by up to +-5 %."""


S = TypeVar("S", bound=SearchStart)
Propose = Callable[[S], list[float]]
"""``start -> betas``, noisiest first: a pass of :func:`bddm_ref.scheduling.schedule_betas`."""
Judge = Callable[[NoiseSchedule, int], tuple[float, ...]]
"""``(schedule, trial) -> scores``, higher is better; equal trials use equal clips and noise."""


def quality(scores: Sequence[float]) -> float:
    """Sum a judge's scores; a score that is NaN makes the sum minus infinity."""
    return -math.inf if any(map(math.isnan, scores)) else math.fsum(scores)


@dataclass(frozen=True)
class Candidate(Generic[S]):
    """A schedule that a search proposed, with its start and its judge's scores."""

    start: S
    schedule: NoiseSchedule
    scores: tuple[float, ...]

    @property
    def quality(self) -> float:
        """Sum of the scores, by which candidates are ranked."""
        return quality(self.scores)

    @property
    def failed(self) -> bool:
        """Tell whether a score is NaN, which means that the sampler diverged."""
        return any(map(math.isnan, self.scores))


@dataclass(frozen=True)
class SearchPlan:
    """Size of a search: lengths, finalists and perturbations."""

    lengths: tuple[int, ...]  # steps of the schedules wanted
    finalists: int = 8  # candidates of a length that are judged again
    refinements: int = 10  # random perturbations of the best start of a length
    seed: int = 0  # seeds the perturbations


def starts(training: NoiseSchedule, bins: int) -> list[Start]:
    """List the grid of (alpha_N, beta_N), with each kernel (arXiv 2203.13508, section 4.3).

    alpha_N = alpha_T + (alpha_1 - alpha_T) i / (M + 1) and beta_N = j / (M + 1), i, j = 1 .. M,
    without the pairs whose next alpha would pass 1.

    Args:
        training: the training schedule.
        bins: M.
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
    """List the starts at alpha_N = alpha_T: the row i = 0 that the papers' grid lacks.

    Sampling starts from N(0, I), but x_t still holds part of the data's mean. At the lowest alpha_N
    of the papers' grid that part is noticeable; at alpha_T it nearly vanishes.

    Args:
        training: the training schedule.
        bins: M.
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
    """Find the best schedule of each length (arXiv 2203.13508, section 4.3).

    Every start proposes one list of betas, whose prefixes are candidates. A trial is a set of clips
    with its noise:

    =====  =========================================================================
    trial  what is judged on it
    =====  =========================================================================
    0      all candidates
    1      the best few of each length, and perturbations of the best start
    2      the winner, whose scores are reported; it had no part in the selection
    =====  =========================================================================

    Args:
        propose: runs one noise-scheduling pass.
        judge: scores a schedule.
        grid: starts, from :func:`starts`.
        training: the training schedule.
        plan: lengths, finalists and perturbations.
        observe: called after each start, and after each finalist and perturbation.

    Returns:
        Length to its best candidate; lengths that no start led to are missing.
    """
    found: dict[int, list[Candidate[S]]] = {length: [] for length in plan.lengths}
    for start in grid:  # for each (alpha_N, beta_N) and kernel
        betas = propose(start)  # Algorithm 3; its first n betas are the schedule of n steps
        for length in plan.lengths:
            if len(betas) >= length:
                found[length].append(judged(start, betas[:length], judge, 0))
        observe()
    source = random.Random(plan.seed)
    results = {}
    for length, candidates in found.items():
        if not candidates:
            continue
        best = _select(candidates, judge, plan, observe)  # the best start of this length
        for _ in range(plan.refinements):
            start = best.start.perturbed(source)  # refinement by +-5 %
            betas = propose(start) if is_start(start, training) else []
            if len(betas) >= length:
                other = judged(start, betas[:length], judge, 1)
                best = other if other.quality > best.quality else best
            observe()
        results[length] = _again(best, judge, 2)
    return results


def judged(start: S, betas: list[float], judge: Judge, trial: int) -> Candidate[S]:
    """Judge a proposed list, noisiest beta first, and keep it with its scores."""
    schedule = NoiseSchedule(tuple(reversed(betas)))
    return Candidate(start, schedule, judge(schedule, trial))


def is_start(start: SearchStart, training: NoiseSchedule) -> bool:
    """Tell whether noise scheduling accepts a start, for instance a perturbed one."""
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
