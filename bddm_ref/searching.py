"""The search for the starting point of noise scheduling (arXiv 2203.13508, section 4.3).

The caller passes in the judge of a schedule's quality: this module knows neither metrics nor data.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

from bddm_ref.schedule import NoiseSchedule


class SearchStart(Protocol):
    """Numbers that a pass starts from; :class:`bddm_ref.scheduling.Start` has the papers' two."""

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
"""``start -> betas``, noisiest first: a pass of :func:`bddm_ref.scheduling.schedule_betas`.

A pass may go one step beyond the longest length wanted, so that its end is known.
"""
Judge = Callable[[NoiseSchedule, int], tuple[float, ...]]
"""``(schedule, trial) -> scores``, higher is better; equal trials use equal clips and noise."""


def quality(scores: Sequence[float]) -> float:
    """Sum a judge's scores; a score that is NaN makes the sum minus infinity."""
    return -math.inf if any(map(math.isnan, scores)) else math.fsum(scores)


@dataclass(frozen=True)
class Candidate(Generic[S]):
    """A schedule that a search proposed, with its start and its judge's scores.

    Attributes:
        start: start of the pass.
        schedule: the schedule.
        scores: the judge's scores, higher is better.
        complete: whether the pass ended at this length, as the papers' schedules do. The schedule
            is otherwise a prefix: the first betas of a longer pass, which leaves noise behind.
    """

    start: S
    schedule: NoiseSchedule
    scores: tuple[float, ...]
    complete: bool = True

    @property
    def quality(self) -> float:
        """Sum of the scores, by which candidates are ranked."""
        return quality(self.scores)

    @property
    def failed(self) -> bool:
        """Tell whether a score is NaN, which means that the sampler diverged."""
        return any(map(math.isnan, self.scores))


def no_margin(quality: float) -> float:
    """Give the loss that still counts as good: none."""
    return 0.0


@dataclass(frozen=True)
class SearchPlan:
    """Size of a search: lengths, finalists and perturbations."""

    lengths: tuple[int, ...]  # steps of the schedules wanted
    finalists: int = 8  # candidates of a length that are judged again
    refinements: int = 10  # random perturbations of the best start of a length
    seed: int = 0  # seeds the perturbations
    margin: Callable[[float], float] = no_margin  # loss that still counts as good


def search(
    propose: Propose[S],
    judge: Judge,
    grid: Sequence[S],
    training: NoiseSchedule,
    plan: SearchPlan,
    observe: Callable[[], None] = lambda: None,
) -> dict[int, Candidate[S]]:
    """Find the best schedule of each length (arXiv 2203.13508, section 4.3).

    Every start proposes one list of betas. The list is a candidate for its own length, and its
    first betas are candidates for smaller lengths. Such a prefix is chosen only where no complete
    pass is as good, to ``plan.margin``. A trial is a set of clips with its noise:

    =====  =========================================================================
    trial  what is judged on it
    =====  =========================================================================
    0      all candidates
    1      the best few of each length, and perturbations of the best start
    2      the winner, whose scores are reported; it had no part in the selection
    =====  =========================================================================

    Args:
        propose: runs one pass of noise scheduling, one step beyond the longest length wanted.
        judge: scores a schedule.
        grid: starts, from :func:`bddm_ref.scheduling.starts`.
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
                found[length].append(judged(start, betas, length, judge, 0))
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
                other = judged(start, betas, length, judge, 1)
                best = other if _replaces(other, best, plan) else best
            observe()
        results[length] = _again(best, judge, 2)
    return results


def judged(start: S, betas: Sequence[float], length: int, judge: Judge, trial: int) -> Candidate[S]:
    """Judge the first ``length`` betas of a pass, noisiest first, and keep them with the scores."""
    schedule = NoiseSchedule(tuple(reversed(betas[:length])))
    return Candidate(start, schedule, judge(schedule, trial), len(betas) == length)


def is_start(start: SearchStart, training: NoiseSchedule) -> bool:
    """Tell whether noise scheduling accepts a start, for instance a perturbed one."""
    return start.is_valid and training.contains(start.alpha)


def _again(candidate: Candidate[S], judge: Judge, trial: int) -> Candidate[S]:
    return replace(candidate, scores=judge(candidate.schedule, trial))


def _replaces(new: Candidate[S], old: Candidate[S], plan: SearchPlan) -> bool:
    """Tell whether a candidate is better; as good is enough against a prefix, if it is complete."""
    if new.complete == old.complete:
        return new.quality > old.quality
    prefix, whole = (old, new) if new.complete else (new, old)
    prefix_wins = prefix.quality - plan.margin(prefix.quality) > whole.quality
    return prefix_wins != new.complete


def _select(
    candidates: Sequence[Candidate[S]], judge: Judge, plan: SearchPlan, observe: Callable[[], None]
) -> Candidate[S]:
    """Judge the best few again; half of them are complete passes, if there are so many."""
    ranked = sorted(candidates, key=lambda c: c.quality, reverse=True)
    whole = [one for one in ranked if one.complete]
    prefixes = [one for one in ranked if not one.complete]
    few = max(1, plan.finalists)
    places = max(few - len(prefixes), math.ceil(few / 2))
    chosen = whole[:places]
    chosen += prefixes[: few - len(chosen)]
    best: Candidate[S] | None = None
    for candidate in chosen:
        again = _again(candidate, judge, 1)
        best = again if best is None or _replaces(again, best, plan) else best
        observe()
    assert best is not None  # there is a candidate
    return best
