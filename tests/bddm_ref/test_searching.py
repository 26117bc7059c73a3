"""Noise scheduling by hand, against the released schedules, and the search's selection."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas, starts, starts_in_noise
from bddm_ref.search_released import released_search
from bddm_ref.searching import SearchPlan, search

RELEASED = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "data" / "released-schedules.json").read_text()
)["schedules"]
TRAINING = NoiseSchedule.linear(200, 1e-4, 0.02)


def silent(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
    return torch.zeros_like(x)


class Replay(nn.Module):
    """A schedule network that answers a given list, whatever its input."""

    def __init__(self, answers: list[float]) -> None:
        super().__init__()
        self.answers = iter(answers)

    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x),), next(self.answers), dtype=torch.float64)


def run(start: tuple[float, float], answers: list[float], max_steps: int = 20) -> list[float]:
    networks = (silent, Replay(answers))
    generator = torch.Generator().manual_seed(0)
    x_N = torch.zeros(1, 4)
    begin = Start(*start, "ddpm")
    return schedule_betas(networks, begin, x_N, None, TRAINING, max_steps, generator=generator)


def test_by_hand() -> None:
    # alpha_2 = 0.72, beta_2 = 0.36: alpha_1 = 0.9, delta_1 = 0.19 < beta_2; half of it.
    assert run((0.72, 0.36), [0.5], max_steps=2) == pytest.approx([0.36, 0.095])
    # alpha_2 = 0.4, beta_2 = 0.2: alpha_1^2 = 0.2, delta_1 = 0.8 > beta_2; half of beta_2.
    assert run((0.4, 0.2), [0.5], max_steps=2) == pytest.approx([0.2, 0.1])


@pytest.mark.parametrize("name", [*RELEASED])
def test_reproduces_the_released_schedules(name: str) -> None:
    """With the ratios of a released list, the pass returns the list's betas and length."""
    betas = RELEASED[name]["beta"][::-1]
    # The release takes alpha_N from the list's product; so does this test, in float64.
    alpha_N = float(NoiseSchedule(tuple(reversed(betas))).alphas[-1])
    answers, alpha = [], alpha_N
    for beta, following in itertools.pairwise(betas):
        alpha /= math.sqrt(1 - beta)
        answers.append(following / min(1 - alpha**2, beta))
    # The last ratio of one list is 1 in the release's float32: beta_1 = delta_1.
    assert all(0 < answer < 1 + 1e-9 for answer in answers)
    found = run((alpha_N, betas[0]), [*answers, 0.9])
    # float64 arithmetic on the way there and back; delta_n cancels to 1e-4 at the last steps.
    assert found[: len(betas)] == pytest.approx(betas, rel=1e-9)
    assert len(found) == len(betas)


def test_ends_below_the_smallest_training_beta() -> None:
    assert len(run((0.72, 0.36), [0.5, 1e-4])) == 2


def test_ends_outside_the_trained_levels() -> None:
    # beta_2 leaves delta_1 = 1.05e-4: above the smallest training beta, but below every level of
    # this schedule, whose smallest beta is not the first.
    training = NoiseSchedule((2e-4, 1e-4, 0.3, 0.3))
    alpha = math.sqrt((1 - 1.05e-4) * (1 - 0.36))
    networks = (silent, Replay([0.99]))
    generator = torch.Generator().manual_seed(0)
    start = Start(alpha, 0.36, "ddpm")
    found = schedule_betas(
        networks, start, torch.zeros(1, 4), None, training, 9, generator=generator
    )
    assert found == [0.36]


@pytest.mark.parametrize(
    "start",
    [
        Start(0.1, 0.2, "ddpm"),  # alpha_T of TRAINING is 0.36
        Start(0.9, 0.36, "ddpm"),  # the next alpha would be 1.125
        Start(1.0, 0.2, "ddpm"),
        Start(0.5, 0.2, "heun"),
    ],
)
def test_refuses_what_is_no_start(start: Start) -> None:
    networks = (silent, Replay([]))
    generator = torch.Generator()
    with pytest.raises(ValueError, match="is no start"):
        schedule_betas(networks, start, torch.zeros(1, 4), None, TRAINING, 3, generator=generator)


def test_a_stochastic_kernel_needs_a_generator() -> None:
    networks = (silent, Replay([]))
    start = Start(0.5, 0.2, "ddpm")
    with pytest.raises(ValueError, match="adds noise: give a generator"):
        schedule_betas(networks, start, torch.zeros(1, 4), None, TRAINING, 3)


def test_a_smaller_maximum_is_a_prefix() -> None:
    answers = [0.9] * 20
    long = run((0.4, 0.3), answers)
    for maximum in range(1, len(long)):
        assert run((0.4, 0.3), answers, maximum) == long[:maximum]


def test_grid() -> None:
    grid = starts(TRAINING, 9)
    low, high = float(TRAINING.alphas[-1]), float(TRAINING.alphas[0])
    every = {
        (low + (high - low) * i / 10, j / 10, kernel)
        for i in range(1, 10)
        for j in range(1, 10)
        for kernel in KERNELS
    }
    assert {start for start in every if start[0] <= math.sqrt(1 - start[1])} == set(grid)
    assert len(grid) < len(every)


def test_grid_in_noise_is_the_row_the_other_lacks() -> None:
    grid = starts_in_noise(TRAINING, 9)
    lowest = float(TRAINING.alphas[-1])
    assert {start.alpha for start in grid} == {lowest}
    betas = {j / 10 for j in range(1, 10) if lowest <= math.sqrt(1 - j / 10)}
    assert sorted(start.beta for start in grid) == sorted(list(betas) * len(KERNELS))
    assert len(betas) == 8  # at 0.9 the next alpha would pass 1
    assert all(TRAINING.contains(start.alpha) for start in grid)
    assert min(start.alpha for start in starts(TRAINING, 9)) > lowest


GRID = starts(TRAINING, 9)


def propose(start: Start) -> list[float]:
    """Propose betas that fall by a fixed factor, which depends on the kernel."""
    fall = 0.5 if start.kernel == "ddpm" else 0.4
    return [start.beta * fall**k for k in range(6)]


def three(start: Start) -> list[float]:
    """Propose the first three betas of `propose`."""
    return propose(start)[:3]


def test_finds_the_best_of_each_length_and_rescores_it() -> None:
    trials: list[int] = []

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        trials.append(trial)
        return (-abs(schedule.betas[-1] - 0.5), 0.25 * (trial == 2))

    plan = SearchPlan(lengths=(2, 4), finalists=3, refinements=5, seed=1)
    found = search(propose, judge, GRID, TRAINING, plan)
    assert set(found) == {2, 4}
    for length, candidate in found.items():
        assert len(candidate.schedule) == length
        assert abs(candidate.schedule.betas[-1] - 0.5) < 0.01
        assert candidate.scores[1] == 0.25  # trial 2 selected nothing
    assert set(trials) == {0, 1, 2}


def test_selection_on_noise_is_rescored_without_optimism() -> None:
    """With equal schedules and a noisy judge, the winner's scores average to the truth."""

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        key = hash((schedule, trial)) % 2**31
        return (float(torch.randn(1, generator=torch.Generator().manual_seed(key))),)

    honest, optimistic = [], []
    for seed in range(40):
        plan = SearchPlan(lengths=(3,), refinements=2, seed=seed)
        shifted = lambda s, t, seed=seed: judge(s, t + 1000 * seed if t > 2 else t + 3 * seed)  # noqa: E731
        honest.append(_rescored(plan, judge, seed))
        optimistic.append(
            released_search(three, shifted, starts(TRAINING, 4), TRAINING, plan)[3].quality
        )
    # Standard error 1 / sqrt(40) = 0.16; the maximum of some twenty normals is near 1.9.
    assert abs(sum(honest) / 40) < 0.5
    assert sum(optimistic) / 40 > 1.0


def _rescored(plan: SearchPlan, judge, seed: int) -> float:  # type: ignore[no-untyped-def]
    def shifted(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return judge(schedule, trial + 3 * seed)

    return search(propose, shifted, starts(TRAINING, 4), TRAINING, plan)[3].quality


def test_released_rule_needs_all_scores_to_rise() -> None:
    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        first = schedule.betas[-1]
        return (first, 1.0 if first == pytest.approx(0.1) else 0.5)

    plan = SearchPlan(lengths=(3,), refinements=0)
    # The first candidate (beta_N = 0.1) has the best second score, and nothing replaces it. The
    # largest beta_N of the grid has the best sum.
    assert released_search(three, judge, GRID, TRAINING, plan)[3].start.beta == pytest.approx(0.1)
    ours = search(three, judge, GRID, TRAINING, plan)
    assert ours[3].start.beta == pytest.approx(max(start.beta for start in starts(TRAINING, 9)))


def test_released_refinement() -> None:
    """Refinement perturbs the rounded best start of each length, with both kernels."""
    asked: list[Start] = []

    def asking(start: Start) -> list[float]:
        asked.append(start)
        return three(start)[: 2 if start.kernel == "ddpm" else 3]

    plan = SearchPlan(lengths=(3,), refinements=4, seed=5)
    seen = []

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return (-abs(schedule.betas[-1] - 0.302),)

    found = released_search(asking, judge, GRID, TRAINING, plan, lambda: seen.append(1))
    grid = starts(TRAINING, 9)
    assert asked[: len(grid)] == grid
    refined = asked[len(grid) :]
    assert [start.kernel for start in refined] == ["ddpm", "ddim"] * 8  # two lengths, 4 each
    alpha, beta, _ = next(start for start in grid if start.beta == pytest.approx(0.3))
    for start in refined:
        assert start.alpha / round(alpha, 2) == pytest.approx(1, abs=0.05)
        assert start.beta / round(beta, 2) == pytest.approx(1, abs=0.05)
    assert len({start.alpha for start in refined}) == 8
    # Any attempt may improve any length.
    ddim = [start.beta for start in refined if start.kernel == "ddim"]
    assert found[3].start.beta == min(ddim, key=lambda beta: abs(beta - 0.302))
    assert set(found) == {3}
    assert len(seen) == len(grid) + 4


@pytest.mark.parametrize("searching", [search, released_search])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_score_of_nan_never_wins(searching: Callable[..., Any], sign: int) -> None:
    """A failed candidate gives way to another, wherever it stands in the grid."""

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        first = schedule.betas[-1]
        return (math.nan if sign * first > sign * 0.45 else first,)

    found = searching(three, judge, GRID, TRAINING, SearchPlan(lengths=(3,), refinements=3))
    assert not found[3].failed
    assert sign * found[3].start.beta <= sign * 0.45


def test_lengths_nothing_leads_to_are_missing() -> None:
    plan = SearchPlan(lengths=(3, 9), refinements=0)
    found = search(propose, lambda schedule, trial: (0.0,), starts(TRAINING, 2), TRAINING, plan)
    assert set(found) == {3}


def test_both_kernels_propose() -> None:
    asked: set[str] = set()

    def asking(start: Start) -> list[float]:
        asked.add(start.kernel)
        return propose(start)

    plan = SearchPlan(lengths=(2,), refinements=0)
    search(asking, lambda schedule, trial: (0.0,), starts(TRAINING, 2), TRAINING, plan)
    assert asked == set(KERNELS)


def of_beta(start: Start) -> list[float]:
    """Propose three betas from starts above 0.45, and a longer pass from all others."""
    return [start.beta * 0.5**k for k in range(3 if start.beta > 0.45 else 6)]


@pytest.mark.parametrize(
    ("gain", "margin", "complete"),
    [
        (0.2, 0.0, False),  # the prefix is better
        (0.2, 0.1, False),  # by more than the margin
        (0.2, 0.3, True),  # by less: the complete pass is as good
        (0.0, 0.0, True),  # equal
        (-0.2, 0.0, True),
        (math.nan, 0.0, True),  # a failed prefix replaces nothing
    ],
)
def test_a_prefix_must_be_better_than_every_complete_pass(
    gain: float, margin: float, complete: bool
) -> None:
    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return (1.0 if schedule.betas[-1] > 0.45 else 1.0 + gain,)

    plan = SearchPlan((3,), finalists=4, refinements=6, margin=lambda quality: margin)
    found = search(of_beta, judge, GRID, TRAINING, plan)[3]
    assert found.complete == complete
    assert (found.start.beta > 0.45) == complete


def test_a_failed_complete_pass_gives_way_to_a_prefix() -> None:
    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return (math.nan if schedule.betas[-1] > 0.45 else 1.0,)

    plan = SearchPlan((3,), finalists=4, refinements=6, margin=abs)
    assert not search(of_beta, judge, GRID, TRAINING, plan)[3].complete


def test_half_of_the_finalists_are_complete_passes() -> None:
    """Prefixes lead by the first judgement, and still leave half of the places."""
    again: list[bool] = []

    def judge(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        whole = schedule.betas[-1] > 0.45
        if trial == 1:
            again.append(whole)
        return (0.0 if whole else 1.0,)

    plan = SearchPlan((3,), finalists=5, refinements=0)
    search(of_beta, judge, GRID, TRAINING, plan)
    assert sorted(again) == [False, False, True, True, True]
