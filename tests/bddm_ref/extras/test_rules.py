"""Schedules without a schedule network: both rules, the stop, and the measured power."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bddm_ref.extras.by_level import measured_power
from bddm_ref.extras.rules import (
    ConstantStart,
    closed_form_rule,
    constant_rule,
    constant_starts,
    rule_betas,
)
from bddm_ref.losses import optimal_ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas, starts

TRAINING = NoiseSchedule.linear(200, 1e-4, 0.02)
DEVIATION = 0.5


def gaussian_score(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
    """Compute the exact score of N(0, DEVIATION^2)."""
    level = alpha[:, None]
    delta = 1 - level**2
    return delta.sqrt() * x / (level**2 * DEVIATION**2 + delta)


def exact_power(alpha: float) -> float:
    return (1 - alpha**2) / (alpha**2 * DEVIATION**2 + 1 - alpha**2)


def test_power_is_measured_at_all_levels() -> None:
    x_0 = DEVIATION * torch.randn(400, 64, generator=torch.Generator().manual_seed(0)).double()
    power = measured_power(gaussian_score, x_0, None, TRAINING, torch.Generator().manual_seed(1))
    for alpha in TRAINING.alphas[::11].tolist():
        assert power(alpha) == pytest.approx(exact_power(alpha), rel=0.03)
    ends = [power(float(TRAINING.alphas[i])) for i in (0, -1)]
    assert power(0.999999) == pytest.approx(ends[0])  # outside the range the end value holds
    assert power(0.001) == pytest.approx(ends[1])


@pytest.mark.parametrize("seed", range(5))
def test_what_noise_lacks_of_its_power_is_measured_too(seed: int) -> None:
    """1 - s, which the optimal variance of a reverse step multiplies by hundreds."""
    x_0 = DEVIATION * torch.randn(400, 1, generator=torch.Generator().manual_seed(seed)).double()
    generator = torch.Generator().manual_seed(10 + seed)
    power = measured_power(gaussian_score, x_0, None, TRAINING, generator)
    for alpha in TRAINING.alphas[-5:].tolist():
        assert 1 - power(alpha) == pytest.approx(1 - exact_power(alpha), rel=0.35)


def test_a_power_of_one_is_told_as_less() -> None:
    x_0 = torch.ones(4, 8).double()

    def all_noise(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        return torch.full_like(x, 1.1)

    power = measured_power(all_noise, x_0, None, TRAINING, torch.Generator())
    assert power(0.5) < 1
    assert 0 < optimal_ratio(power(0.5)) < 1


@pytest.mark.parametrize("form", ["exact", "released"])
def test_closed_form_is_what_a_perfect_schedule_network_does(form: str) -> None:
    """Algorithm 3 with sigma_phi = r* delta / min(delta, beta) proposes the same betas."""
    start = Start(0.4, 0.5, "ddim")
    rule = closed_form_rule(exact_power, form)  # type: ignore[arg-type]
    betas = rule_betas(rule, start, TRAINING, 50)

    class Perfect(torch.nn.Module):
        alpha, beta = start.alpha, start.beta

        def forward(self, x: Tensor) -> Tensor:
            self.alpha /= math.sqrt(1 - self.beta)
            delta = 1 - self.alpha**2
            bound = min(delta, self.beta)
            ratio = optimal_ratio(exact_power(self.alpha), form) * delta / bound  # type: ignore[arg-type]
            self.beta = bound * min(1.0, ratio)
            return torch.full((len(x),), min(1.0, ratio), dtype=torch.float64)

    networks = (gaussian_score, Perfect())
    x_N = torch.zeros(2, 4).double()
    assert betas == pytest.approx(schedule_betas(networks, start, x_N, None, TRAINING, 50))
    assert len(betas) > 5


def test_two_constants() -> None:
    start = ConstantStart(0.5, 0.4, 0.9, 0.6)
    rule = constant_rule(start)
    assert rule(0.1, 0.4) == pytest.approx(0.9 * 0.4)  # beta binds
    assert rule(0.95, 0.4) == pytest.approx(0.6 * (1 - 0.95**2))  # delta binds
    betas = rule_betas(rule, start, TRAINING, 100)
    assert betas[0] == 0.4
    assert betas == sorted(betas, reverse=True)
    assert betas[-1] >= TRAINING.betas[0]
    assert rule_betas(rule, start, TRAINING, 3) == betas[:3]


def test_released_schedules_are_nearly_two_constants() -> None:
    """The rule reproduces the length of LJ-12, and its betas within a quarter."""
    path = Path(__file__).resolve().parents[3] / "benchmarks" / "data" / "released-schedules.json"
    released = json.loads(path.read_text())["schedules"]
    alphas = torch.tensor(released["LJSpeech 12 steps"]["alpha"], dtype=torch.float64)
    schedule = NoiseSchedule.from_alphas(alphas)
    alpha_N = float(schedule.alphas[-1])
    start = ConstantStart(alpha_N, schedule.betas[-1], 0.965, 0.89)
    betas = list(reversed(rule_betas(constant_rule(start), start, TRAINING, 12)))
    assert len(betas) == 12
    for mine, theirs in zip(betas, schedule.betas, strict=True):
        assert mine == pytest.approx(theirs, rel=0.25)


def test_starts_of_four_numbers() -> None:
    found = constant_starts(starts(TRAINING, 9))
    assert len({(s.alpha, s.beta) for s in found}) * 12 == len(found)
    assert all(s.is_valid for s in found)
    moved = found[0].perturbed(random.Random(0))
    for mine, theirs in zip(moved, found[0], strict=True):
        assert mine != theirs
        assert mine == pytest.approx(theirs, rel=0.05)


@pytest.mark.parametrize(
    "start",
    [
        ConstantStart(0.5, 0.4, 1.1, 0.6),
        ConstantStart(0.5, 0.4, 0.9, 0.0),
        ConstantStart(0.9, 0.4, 0.9, 0.6),  # the next alpha would pass 1
        ConstantStart(0.01, 0.4, 0.9, 0.6),  # alpha_T is larger
    ],
)
def test_refuses_what_is_no_start(start: ConstantStart) -> None:
    with pytest.raises(ValueError, match="is no start"):
        rule_betas(constant_rule(start), start, TRAINING, 5)
