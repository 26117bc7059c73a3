"""Learned levels: the parameters, the solver, and that training brings them nearer the teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bddm_ref.extras.networks.vocoder import SpeechCondition
from bddm_ref.process import ddim_kernel
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import SearchConfig
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import taken
from benchmarks.searches import learned_levels
from benchmarks.searches.base import SearchInputs
from benchmarks.searches.learned_levels import LearnedLevels, levels_of, shares_of, solved
from benchmarks.tracks.analytic.exact_score import ExactScoreNet

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
HIGH, LOW = (float(torch.logit(TRAINING.alphas[end].square())) for end in (0, -1))


def test_levels_and_shares_are_inverse() -> None:
    levels = torch.tensor([5.0, 2.0, -3.0, LOW], dtype=torch.float64)
    shares = shares_of(levels, HIGH, LOW)
    assert float(shares.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(levels_of(shares.log(), HIGH, LOW), levels)


def test_the_solver_is_ddim() -> None:
    net = ExactScoreNet("ring-2")
    schedule = TRAINING.subsequence(6)
    x_N = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    found = solved(net, torch.logit(schedule.alphas.square()), x_N, None)
    torch.testing.assert_close(found, sample(net, schedule, ddim_kernel, x_N))


def distance(schedule: NoiseSchedule, net: ExactScoreNet) -> float:
    """From 1000 steps, of noise that no training saw."""
    x_N = torch.randn(200, 2, generator=torch.Generator().manual_seed(5))
    wanted = sample(net, TRAINING, ddim_kernel, x_N)
    return float((sample(net, schedule, ddim_kernel, x_N) - wanted).square().mean())


@pytest.mark.slow
def test_training_comes_nearer_the_teacher_than_any_spacing(
    search_inputs: Callable[..., SearchInputs],
) -> None:
    net = ExactScoreNet("ring-2")
    seen: list[int] = []
    config = SearchConfig(lengths=(4, 40), seed=0)
    inputs = replace(
        search_inputs(TRAINING, config, lambda schedule, trial: (0.0,)),
        score_net=net,
        examples=lambda: (torch.zeros(3, 2), None),
        observe=lambda: seen.append(1),
    )
    found = LearnedLevels().find(inputs)
    assert found[40] == "its search goes up to 16 steps"  # too many to differentiate
    assert len(seen) == LearnedLevels().work(inputs) == learned_levels.UPDATES
    best = found[4]
    assert isinstance(best, Found)
    others = [TRAINING.subsequence(4, spacing) for spacing in ("linear", "quadratic")]
    others.append(NoiseSchedule.log_snr(4, HIGH, LOW))
    assert distance(best.schedule, net) < 0.8 * min(distance(other, net) for other in others)
    assert float(best.schedule.alphas[-1]) == pytest.approx(float(TRAINING.alphas[-1]))


def test_conditions_made_in_inference_mode_can_be_differentiated() -> None:
    with torch.inference_mode():
        condition = (torch.ones(3, 2), torch.zeros(3))
    first, second = taken(condition, torch.tensor([2, 0]))
    weight = torch.ones(2, 2, requires_grad=True)
    (first * weight).sum().backward()
    assert torch.equal(weight.grad, torch.ones(2, 2))
    assert second.shape == (2,)
    assert taken(None, torch.tensor([0])) is None
    named = SpeechCondition(*[torch.arange(3)] * len(SpeechCondition._fields))
    assert taken(named, torch.tensor([2]))[0].tolist() == [2]
    assert isinstance(taken(named, torch.tensor([2])), SpeechCondition)


def test_the_level_is_differentiated() -> None:
    levels = torch.tensor([2.0, LOW], dtype=torch.float64, requires_grad=True)

    def net(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        return x * alpha.to(x.dtype)[:, None]

    solved(net, levels, torch.ones(2, 3), None).sum().backward()
    assert levels.grad is not None
    assert bool((levels.grad != 0).all())
