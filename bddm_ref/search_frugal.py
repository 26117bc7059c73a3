"""A search that hardly evaluates the score network. Not of the papers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.search import Candidate, Propose, SearchPlan, is_start, quality

Distortion = Callable[[NoiseSchedule], float]
"""What a schedule does to data, by arithmetic; less is better."""
GROUPS = 6  # by the level that sampling starts from; the best of each is judged
HEATS = ((0.2, 2), (0.4, 1))  # share of trial 1's items, and how many candidates stay
LAST_SHARE = 0.2  # of trial 2's items


class PartialJudge(Protocol):
    """A :data:`bddm_ref.search.Judge` that can be told to use a part of a trial's items."""

    def __call__(
        self, schedule: NoiseSchedule, trial: int, share: float = 1.0, /
    ) -> tuple[float, ...]:
        """Scores, higher is better."""


class _Found(NamedTuple):
    distortion: float
    start: Start
    schedule: NoiseSchedule


def frugal_search(
    propose: Propose[Start],
    distortion: Distortion,
    judge: PartialJudge,
    grid: Sequence[Start],
    training: NoiseSchedule,
    plan: SearchPlan,
    observe: Callable[[], None] = lambda: None,
) -> dict[int, Candidate[Start]]:
    """The best schedule of each length, by arithmetic first and by few samples then.

    Two things make it cheap. A schedule network answers by the level far more than by the item, so
    that its mean answer to noised data (:func:`bddm_ref.by_level.measured_ratio`) can stand for its
    passes; and how a schedule distorts Gaussians with the variances of the data
    (:mod:`bddm_ref.gaussian`) ranks it nearly as well as samples do. Where it does not, starts at
    quite different levels distort about alike: so the best of each of GROUPS ranges of the level,
    after perturbations that reduce its distortion further, is judged on samples, in heats.

    Args:
        propose: one pass, which should not evaluate the score network.
        distortion: ranks what was proposed.
        judge: of the best of each group; equal trials use equal items and noise.
        grid: the starts; of those that differ in the kernel alone, one is taken.
        training: the training schedule.
        plan: the lengths, and how many perturbations; its ``finalists`` do not apply.
        observe: called after each start, and after each length.

    Returns:
        Length to its best candidate, with the scores of a trial that had no part in selecting it;
        lengths that no start led to are missing.
    """

    def proposed(start: Start, lengths: Sequence[int]) -> dict[int, _Found]:
        betas = propose(start) if is_start(start, training) else []
        found = {}
        for length in lengths:
            if len(betas) >= length:
                schedule = NoiseSchedule(tuple(reversed(betas[:length])))
                found[length] = _Found(distortion(schedule), start, schedule)
        return found

    # By schedule: starts may lead to the same one.
    ranked: dict[int, dict[NoiseSchedule, _Found]] = {length: {} for length in plan.lengths}
    for start in {start[:2]: start for start in grid}.values():
        for length, one in proposed(start, plan.lengths).items():
            ranked[length][one.schedule] = one
        observe()
    source = random.Random(plan.seed)
    results = {}
    for length, candidates in ranked.items():
        left = _best_of_groups(list(candidates.values()))
        for i in range(len(left)):
            for _ in range(plan.refinements):
                moved = proposed(left[i].start.perturbed(source), (length,))
                left[i] = min([left[i], *moved.values()], key=_distortion)
        if left:
            results[length] = _judged(left, judge)
        observe()
    return results


def _distortion(one: _Found) -> float:
    return one.distortion


def _best_of_groups(candidates: list[_Found]) -> list[_Found]:
    """Those of least distortion in GROUPS equal ranges of the log-SNR that schedules start from."""
    levels = [float(one.schedule.log_snrs[-1]) for one in candidates]
    low, high = min(levels, default=0.0), max(levels, default=0.0)
    width = (high - low) / GROUPS or 1.0
    groups: dict[int, list[_Found]] = {}
    for one, level in zip(candidates, levels, strict=True):
        place = min(int((level - low) / width), GROUPS - 1)
        groups.setdefault(place, []).append(one)
    return [min(group, key=_distortion) for group in groups.values()]


def _judged(left: list[_Found], judge: PartialJudge) -> Candidate[Start]:
    for share, staying in HEATS:
        if len(left) > staying:
            scores = {one: quality(judge(one.schedule, 1, share)) for one in left}
            left = sorted(left, key=scores.__getitem__, reverse=True)[:staying]
    best = left[0]
    return Candidate(best.start, best.schedule, judge(best.schedule, 2, LAST_SHARE))
