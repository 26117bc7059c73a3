"""The frugal search, with judges and distortions that are known functions."""

from __future__ import annotations

import math

import torch

from bddm_ref.by_level import measured_ratio
from bddm_ref.process import q_sample
from bddm_ref.rules import network_rule, rule_betas
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas
from bddm_ref.search import SearchPlan, starts
from bddm_ref.search_frugal import GROUPS, LAST_SHARE, frugal_search

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
GRID = starts(TRAINING, 9)
PLAN = SearchPlan((3, 5), refinements=0)


def propose(start: Start) -> list[float]:
    return rule_betas(lambda alpha, beta: 0.6 * beta, start, TRAINING, 5)


class Judge:
    """Likes schedules whose last level is near some alpha, and remembers what it was asked."""

    def __init__(self, wanted: float) -> None:
        self.wanted = wanted
        self.asked: list[tuple[int, int, float]] = []

    def __call__(
        self, schedule: NoiseSchedule, trial: int, share: float = 1.0, /
    ) -> tuple[float, ...]:
        self.asked.append((len(schedule), trial, share))
        return (-abs(float(schedule.alphas[-1]) - self.wanted),)


def test_the_judge_chooses_among_the_least_distorting_of_each_level() -> None:
    judge = Judge(0.5)

    def distortion(schedule: NoiseSchedule) -> float:
        return abs(schedule.betas[-1] - 0.45)

    found = frugal_search(propose, distortion, judge, GRID, TRAINING, PLAN)
    assert set(found) == {3, 5}
    for length, best in found.items():
        candidates = {
            one: float(one.log_snrs[-1])
            for start in GRID
            if len(betas := propose(start)) >= length
            for one in [NoiseSchedule(tuple(reversed(betas[:length])))]
        }
        low, high = min(candidates.values()), max(candidates.values())
        groups: dict[int, list[NoiseSchedule]] = {}
        for one, level in candidates.items():
            place = min(int(GROUPS * (level - low) / (high - low)), GROUPS - 1)
            groups.setdefault(place, []).append(one)
        first = [min(group, key=distortion) for group in groups.values()]
        assert len(first) > 3
        # Of those the judge's own choice wins, though others distort less.
        assert best.schedule == min(first, key=lambda s: abs(float(s.alphas[-1]) - 0.5))
        # Nothing but these was sampled, the last two again, and the winner on items of its own.
        asked = [(trial, share) for steps, trial, share in judge.asked if steps == length]
        assert asked == [(1, 0.2)] * len(first) + [(1, 0.4)] * 2 + [(2, LAST_SHARE)]


def test_a_single_candidate_is_judged_once() -> None:
    judge = Judge(0.5)
    found = frugal_search(
        propose, lambda s: 0.0, judge, GRID[:1], TRAINING, SearchPlan((3,), refinements=0)
    )
    assert judge.asked == [(3, 2, LAST_SHARE)]
    assert found[3].start == GRID[0]


def test_perturbations_cost_no_judgement_and_never_add_distortion() -> None:
    def distortion(schedule: NoiseSchedule) -> float:
        return abs(float(schedule.alphas[-1]) - 0.4321)

    def least(refinements: int) -> tuple[float, int]:
        judge = Judge(0.4321)
        plan = SearchPlan((3,), refinements=refinements)
        found = frugal_search(propose, distortion, judge, GRID, TRAINING, plan)
        return distortion(found[3].schedule), len(judge.asked)

    (plain, asked), (moved, asked_then) = least(0), least(30)
    assert moved < plain
    assert asked == asked_then


def test_a_length_that_no_start_leads_to_is_missing() -> None:
    plan = SearchPlan((3, 6), refinements=2)
    assert set(frugal_search(propose, lambda s: 0.0, Judge(0.5), GRID, TRAINING, plan)) == {3}


class LevelNet(torch.nn.Module):
    """Answers by the variance of its input, as a schedule network that reads the level would."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x.square().mean(1)).float()


def test_the_networks_mean_answer_replaces_its_passes() -> None:
    generator = torch.Generator().manual_seed(0)
    x_0 = 0.3 * torch.randn(64, 512, generator=generator)
    ratio = measured_ratio(LevelNet(), x_0, TRAINING, generator)
    for alpha in (0.1, 0.5, 0.95):
        level = torch.full((64,), alpha, dtype=torch.float64)
        x_t = q_sample(x_0, level, torch.randn(x_0.shape, generator=generator))
        assert math.isclose(ratio(alpha), float(LevelNet()(x_t).mean()), abs_tol=0.005)

    def exact_score(x: torch.Tensor, alpha: torch.Tensor, _: object) -> torch.Tensor:
        alpha = alpha[:, None].float()
        return (1 - alpha**2).sqrt() * x / (1 - 0.91 * alpha**2)

    start = Start(0.2, 0.6, "ddim")
    x_N = torch.randn(64, 512, generator=generator)
    by_samples = schedule_betas((exact_score, LevelNet()), start, x_N, None, TRAINING, 6)
    by_level = rule_betas(network_rule(ratio), start, TRAINING, 6)
    assert len(by_samples) == len(by_level)
    for one, other in zip(by_samples, by_level, strict=True):
        assert math.isclose(one, other, rel_tol=0.1)
