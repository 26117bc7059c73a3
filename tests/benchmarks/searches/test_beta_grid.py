"""WaveGrad's grid: its lists, and that the search finds the best of them."""

from __future__ import annotations

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.searching import SearchPlan
from benchmarks.searches.base import Workshop
from benchmarks.searches.beta_grid import BetaGrid, lists

TRAINING = NoiseSchedule.linear(1000, 1e-6, 0.01)


@pytest.mark.parametrize(("length", "count"), [(3, 9**3), (4, 5**4), (5, 3**5), (6, 3**6)])
def test_as_many_lists_as_promised(length: int, count: int) -> None:
    found = list(lists(length, 1e-6))
    assert len(found) == len(set(found)) == count
    assert found[0].betas == pytest.approx(
        torch.logspace(-6, -1, length, dtype=torch.float64).tolist()
    )
    assert found[-1].betas == pytest.approx([9 * beta for beta in found[0].betas])


def test_finds_the_list_that_the_judge_likes_best() -> None:
    trials: list[int] = []

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        trials.append(trial)
        if schedule.betas[-1] > 0.85:
            return (float("nan"),)  # diverged
        wanted = torch.tensor([2e-6, 5 * 10**-3.5, 0.8])
        return (-float((torch.tensor(schedule.betas) / wanted).log().square().sum()),)

    steps = []
    plan = SearchPlan((3, 7), finalists=2)
    x = torch.zeros(1, 1)
    workshop = Workshop(
        TRAINING, lambda x, a, c: x, judge, plan, (x, None), lambda: steps.append(1)
    )
    found = BetaGrid().find(workshop)
    assert list(found) == [3]  # 7 steps would be 9^7 lists
    assert found[3].betas == pytest.approx((2e-6, 5 * 10**-3.5, 0.8))
    assert len(steps) == BetaGrid().work(plan.lengths) == 729
    assert trials.count(1) == 2


def test_one_beta_is_as_large_as_the_noisiest_of_many() -> None:
    (smallest, *_, largest) = lists(1, 1e-6)
    assert smallest.betas == pytest.approx((0.1,))
    assert largest.betas == pytest.approx((0.9,))
