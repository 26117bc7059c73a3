"""WaveGrad's grid: its lists, and that the search finds the best of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import SearchConfig
from benchmarks.runtime.found import Found
from benchmarks.searches.base import SearchInputs
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


def test_finds_the_list_that_the_judge_likes_best(
    search_inputs: Callable[..., SearchInputs],
) -> None:
    trials: list[int] = []

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        trials.append(trial)
        if schedule.betas[-1] > 0.85:
            return (float("nan"),)  # diverged
        wanted = torch.tensor([2e-6, 5 * 10**-3.5, 0.8])
        return (-float((torch.tensor(schedule.betas) / wanted).log().square().sum()),)

    steps: list[int] = []
    config = SearchConfig(lengths=(3, 7), finalists=2)
    inputs = replace(search_inputs(TRAINING, config, judge), observe=lambda: steps.append(1))
    found = BetaGrid().find(inputs)
    best = found[3]
    assert isinstance(best, Found)
    assert best.schedule.betas == pytest.approx((2e-6, 5 * 10**-3.5, 0.8))
    assert best.scores == judge(best.schedule, 2)
    assert found[7] == "its search goes up to 6 steps"  # 7 steps would be 9^7 lists
    assert len(steps) == BetaGrid().work(inputs) == 729
    assert trials.count(1) == 2


def test_a_grid_whose_lists_all_leave_the_training_levels_says_so(
    search_inputs: Callable[..., SearchInputs],
) -> None:
    training = NoiseSchedule((1e-6, 1e-5))
    found = BetaGrid().find(
        search_inputs(training, SearchConfig(lengths=(3,)), lambda schedule, trial: (0.0,))
    )
    assert found == {3: "the search found no schedule of 3 steps"}


@pytest.mark.parametrize("scores", [(math.nan,), (0.5, math.nan), (-math.inf,)])
@pytest.mark.parametrize("failing", [{0, 1, 2}, {2}])
def test_a_schedule_that_could_not_be_judged_is_no_answer(
    search_inputs: Callable[..., SearchInputs], scores: tuple[float, ...], failing: set[int]
) -> None:
    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return scores if trial in failing else (0.5,) * len(scores)

    found = BetaGrid().find(search_inputs(TRAINING, SearchConfig(lengths=(2,)), judge))
    assert found == {2: "the search found no schedule of 2 steps"}


def test_one_beta_is_as_large_as_the_noisiest_of_many() -> None:
    (smallest, *_, largest) = lists(1, 1e-6)
    assert smallest.betas == pytest.approx((0.1,))
    assert largest.betas == pytest.approx((0.9,))
