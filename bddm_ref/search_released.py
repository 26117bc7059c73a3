"""The search of the released code: the baseline for :mod:`bddm_ref.searching`.

It differs from :func:`bddm_ref.searching.search` in five ways:

* Every judgement draws fresh noise, and no candidate is judged twice.
* A candidate replaces the best of its length only if all scores rise, or if the best has none.
* A pass is a candidate for the length it ends at, and for no other.
* Refinement starts from the best (alpha_N, beta_N) rounded to two decimals, and skips perturbed
  pairs that are no start.
* It reports the scores that won the selection, which are optimistic.
"""

from __future__ import annotations

import itertools
import operator
import random
from collections.abc import Callable, Sequence

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.searching import Candidate, Judge, Propose, SearchPlan, is_start, judged

FIRST_TRIAL = 3  # trials below are shared between the judgements of `search`


def released_search(
    propose: Propose[Start],
    judge: Judge,
    grid: Sequence[Start],
    training: NoiseSchedule,
    plan: SearchPlan,
    observe: Callable[[], None] = lambda: None,
) -> dict[int, Candidate[Start]]:
    """Find the best schedule of each length as the released code of arXiv 2203.13508 does.

    Args:
        propose: runs one noise-scheduling pass, of at most the longest length wanted.
        judge: scores a schedule; equal trials use equal noise.
        grid: starts, from :func:`bddm_ref.scheduling.starts`.
        training: the training schedule.
        plan: lengths and perturbations; there are no finalists.
        observe: called after each start and each perturbation of a length wanted.

    Returns:
        Length to its best candidate; lengths that no pass ended at are missing.
    """
    best: dict[int, Candidate[Start]] = {}
    trials = itertools.count(FIRST_TRIAL)
    kernels = dict.fromkeys(start.kernel for start in grid)

    def attempt(start: Start) -> None:
        betas = propose(start)
        new = judged(start, betas, len(betas), judge, next(trials))
        old = best.get(len(betas))
        if old is None or old.failed or all(map(operator.gt, new.scores, old.scores)):
            best[len(betas)] = new

    for start in grid:
        attempt(start)
        observe()
    source = random.Random(plan.seed)
    for length in list(best):
        alpha, beta, _ = best[length].start
        for _ in range(plan.refinements):
            moved = Start(round(alpha, 2), round(beta, 2), "").perturbed(source)
            for kernel in kernels:
                if is_start(start := moved._replace(kernel=kernel), training):
                    attempt(start)
            if length in plan.lengths:
                observe()
    return {length: best[length] for length in plan.lengths if length in best}
