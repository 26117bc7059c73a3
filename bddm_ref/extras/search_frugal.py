"""A search that hardly evaluates the score network. Not from the papers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bddm_ref.extras.judging import Distortion, PartialJudge
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.searching import Candidate, SearchPlan, is_start, quality

ProposeByLevel = Callable[[Start, float], list[float]]
"""``(start, spare) -> betas``, noisiest first: see :func:`bddm_ref.extras.rules.network_rule`."""
GROUPS = 3  # ranges of the start level at the longest length; the best of each range is judged
STAYING = 2  # candidates after heat 1
FREE = 4  # perturbations ranked by distortion, per perturbation that search() would sample
SPARES = (0.4, 1.0)  # range of the factor on 1 - sigma_phi
# Share of a trial's items that heat 1 uses, per candidate that search() would judge in full.
ITEMS = 0.01
WIDER = 3  # items after both heats, per item of heat 1


class _Found(NamedTuple):
    distortion: float
    start: Start
    spare: float
    schedule: NoiseSchedule
    complete: bool  # the pass ended at this length


def frugal_search(
    propose: ProposeByLevel,
    distortion: Distortion,
    judge: PartialJudge,
    grid: Sequence[Start],
    training: NoiseSchedule,
    plan: SearchPlan,
    observe: Callable[[], None] = lambda: None,
) -> dict[int, Candidate[Start]]:
    """Find the best schedule of each length: rank by arithmetic, then judge few on samples.

    Two things make the search cheap:

    * A schedule network's answer depends on the level far more than on the item. Its mean answer
      to noised data (:func:`bddm_ref.extras.by_level.measured_ratio`) therefore replaces its
      passes. Items of a pass are cleaner than noised data, which raises the answer: perturbations
      search for the correction (``spare``).
    * The distortion of Gaussians with the data's variances (:mod:`bddm_ref.extras.gaussian`) ranks
      schedules nearly as samples do.

    The ranking fails where starts at different levels distort about alike. The levels are
    therefore divided into ranges, and the best start of each range is judged on samples, in two
    heats, after perturbations that reduce its distortion. Shorter schedules cost less: more of
    them are judged, on more items.

    Args:
        propose: runs one pass, which should not evaluate the score network.
        distortion: ranks proposed schedules.
        judge: scores the best of each range; equal trials use equal items and noise.
        grid: starts; starts that differ in the kernel alone count once.
        training: the training schedule.
        plan: lengths, finalists and perturbations. The search spends about a tenth of the network
            evaluations that :func:`bddm_ref.searching.search` spends by the same plan.
        observe: called after each start, and after each length.

    Returns:
        Length to its best candidate, with the scores of a trial that had no part in selecting it;
        lengths that no start led to are missing.
    """

    def proposed(start: Start, spare: float, lengths: Sequence[int]) -> dict[int, _Found]:
        betas = propose(start, spare) if is_start(start, training) else []
        found = {}
        for length in lengths:
            if len(betas) >= length:
                schedule = NoiseSchedule(tuple(reversed(betas[:length])))
                complete = len(betas) == length
                found[length] = _Found(distortion(schedule), start, spare, schedule, complete)
        return found

    # By schedule: starts may lead to the same one.
    ranked: dict[int, dict[NoiseSchedule, _Found]] = {length: {} for length in plan.lengths}
    for start in {start[:2]: start for start in grid}.values():
        for length, one in proposed(start, 1.0, plan.lengths).items():
            ranked[length][one.schedule] = one
        observe()
    source = random.Random(plan.seed)
    results = {}
    for length, candidates in ranked.items():
        more = math.sqrt(max(plan.lengths) / length)
        left = _best_of_groups(list(candidates.values()), round(GROUPS * more))
        for i in range(len(left)):
            for _ in range(FREE * plan.refinements):
                start = left[i].start.perturbed(source)
                moved = proposed(start, source.uniform(*SPARES), (length,))
                left[i] = min([left[i], *moved.values()], key=_distortion)
        if left:
            results[length] = _judged(left, judge, _shares(plan, more), plan.margin)
        observe()
    return results


def _distortion(one: _Found) -> float:
    return one.distortion


def _best_of_groups(candidates: list[_Found], count: int) -> list[_Found]:
    """Take the least distortion in each of ``count`` equal ranges of the start's log-SNR."""
    levels = [float(one.schedule.log_snrs[-1]) for one in candidates]
    low, high = min(levels, default=0.0), max(levels, default=0.0)
    width = (high - low) / count or 1.0
    groups: dict[int, list[_Found]] = {}
    for one, level in zip(candidates, levels, strict=True):
        place = min(int((level - low) / width), count - 1)
        groups.setdefault(place, []).append(one)
    return [min(group, key=_distortion) for group in groups.values()]


def _shares(plan: SearchPlan, more: float) -> tuple[float, float]:
    """Compute the fractions of a trial's items that heat 1 uses, and that both heats use."""
    first = ITEMS * (plan.finalists + plan.refinements + 1) * more
    return min(first, 1 / WIDER), min(WIDER * first, 1.0)


def _judged(
    left: list[_Found],
    judge: PartialJudge,
    shares: tuple[float, float],
    margin: Callable[[float], float],
) -> Candidate[Start]:
    """Judge the best of each range; a prefix must be better than complete passes by a margin."""
    first, both = shares
    if len(left) > 1:
        scores = {one: quality(judge(one.schedule, 1, (0.0, first))) for one in left}
        left = sorted(left, key=scores.__getitem__, reverse=True)[:STAYING]
        for one in left:
            again = quality(judge(one.schedule, 1, shares))
            scores[one] = (first * scores[one] + (both - first) * again) / both
        scores |= {one: scores[one] - margin(scores[one]) for one in left if not one.complete}
        left.sort(key=scores.__getitem__, reverse=True)
    best = left[0]
    found = judge(best.schedule, 2, (0.0, first))
    return Candidate(best.start, best.schedule, found, best.complete)
