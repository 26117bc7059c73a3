"""The frugal search, with judges and distortions that are known functions."""

from __future__ import annotations

import math

import torch

from bddm_ref.extras.by_level import measured_ratio
from bddm_ref.extras.rules import network_rule, rule_betas
from bddm_ref.extras.search_frugal import GROUPS, SPARES, frugal_search
from bddm_ref.process import q_sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas, starts
from bddm_ref.searching import SearchPlan

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
GRID = starts(TRAINING, 9)
PLAN = SearchPlan((3, 5), finalists=8, refinements=0)


def propose(start: Start, spare: float) -> list[float]:
    return rule_betas(network_rule(lambda alpha: 0.6, spare), start, TRAINING, 5)


class Judge:
    """A judge that prefers last levels near some alpha, and records its calls."""

    def __init__(self, wanted: float, late: float | None = None) -> None:
        self.wanted = wanted
        self.late = wanted if late is None else late  # preference on the items of heat 2
        self.asked: list[tuple[int, int, tuple[float, float]]] = []

    def __call__(
        self, schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        self.asked.append((len(schedule), trial, part))
        wanted = self.late if part[0] else self.wanted
        return (-abs(float(schedule.alphas[-1]) - wanted),)


def distance_from_beta(schedule: NoiseSchedule) -> float:
    return abs(schedule.betas[-1] - 0.45)


def best_by_level(length: int, count: int) -> list[NoiseSchedule]:
    """Find the least distorting schedule of each range of levels."""
    candidates = {
        one: float(one.log_snrs[-1])
        for start in GRID
        if len(betas := propose(start, 1.0)) >= length
        for one in [NoiseSchedule(tuple(reversed(betas[:length])))]
    }
    low, high = min(candidates.values()), max(candidates.values())
    groups: dict[int, list[NoiseSchedule]] = {}
    for one, level in candidates.items():
        place = min(int(count * (level - low) / (high - low)), count - 1)
        groups.setdefault(place, []).append(one)
    return [min(group, key=distance_from_beta) for group in groups.values()]


def test_the_judge_chooses_among_the_least_distorting_of_each_level() -> None:
    judge = Judge(0.5)
    found = frugal_search(propose, distance_from_beta, judge, GRID, TRAINING, PLAN)
    assert set(found) == {3, 5}
    for length, count in ((3, 4), (5, GROUPS)):
        best, first = found[length], best_by_level(length, count)
        assert len(first) == count
        # The judge's choice among them wins, although others distort less.
        assert best.schedule == min(first, key=lambda s: abs(float(s.alphas[-1]) - 0.5))
        # Only these were sampled: two of them on more items, and the winner on a third trial.
        asked = [(trial, part) for steps, trial, part in judge.asked if steps == length]
        share = 0.09 * math.sqrt(5 / length)
        heats = [(1, (0.0, share))] * count + [(1, (share, 3 * share))] * 2
        assert asked == [*heats, (2, (0.0, share))]


def test_both_heats_count_by_their_items() -> None:
    first = sorted(best_by_level(3, GROUPS), key=lambda one: abs(float(one.alphas[-1]) - 0.5))
    leader, second = (float(one.alphas[-1]) for one in first[:2])
    # Heat 2, on twice as many items, reverses the order: by more than half of the lead.
    for late, winner in ((second, 1), (leader, 0), (0.5 * leader + 0.5 * second, 0)):
        judge = Judge(0.5, late)
        plan = SearchPlan((3,), finalists=8, refinements=0)
        found = frugal_search(propose, distance_from_beta, judge, GRID, TRAINING, plan)
        assert found[3].schedule == first[winner]


def test_a_single_candidate_is_judged_once() -> None:
    judge = Judge(0.5)
    plan = SearchPlan((3,), finalists=0, refinements=0)
    found = frugal_search(propose, lambda s: 0.0, judge, GRID[:1], TRAINING, plan)
    assert judge.asked == [(3, 2, (0.0, 0.01))]
    assert found[3].start == GRID[0]


def test_no_item_is_judged_twice() -> None:
    judge = Judge(0.5)
    plan = SearchPlan((3,), finalists=400, refinements=0)
    frugal_search(propose, distance_from_beta, judge, GRID, TRAINING, plan)
    assert {part for _, _, part in judge.asked} == {(0.0, 1 / 3), (1 / 3, 1.0)}


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


def test_what_samples_lost_beside_their_noise_is_tried_too() -> None:
    """The distortion may select another factor on 1 - r than noised data suggest."""
    spares = set[float]()

    def noted(start: Start, spare: float) -> list[float]:
        spares.add(spare)
        return propose(start, spare)

    def distortion(schedule: NoiseSchedule) -> float:
        return -schedule.betas[0] / schedule.betas[1]  # least where the ratio is largest

    plan = SearchPlan((3,), refinements=10)
    found = frugal_search(noted, distortion, Judge(0.5), GRID, TRAINING, plan)
    low, high = SPARES
    assert min(spares) >= low
    assert max(spares) == high == 1.0
    assert distortion(found[3].schedule) < -0.75  # of 1 - 0.4 (1 - 0.6) = 0.84 at most, not 0.6


class LevelNet(torch.nn.Module):
    """A schedule network that answers by the variance of its input."""

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
