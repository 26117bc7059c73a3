"""Fairness: an item's noise depends on (seed, item) alone, clips are fixed, steps are counted."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas
from benchmarks.contestants import CONTESTANTS, SEARCHED
from benchmarks.contestants.base import ContestantInputs, SkipContestantError
from benchmarks.runtime.found import Found, NetStart
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise

TRAINING = NoiseSchedule.linear(50, 1e-4, 0.1)
NEED_A_SEARCH = {*SEARCHED} | {name for name in CONTESTANTS if name.startswith("bddm-")}
ONLY_STEPS = {
    "fast-sampling": (6,),
    "fast-sampling-large": (6,),
    "noise-estimation-fib": (3, 6),
    "heun-karras": (3, 49),
    "bddm-heun": (5,),
}
CASES = [
    (name, steps)
    for name in CONTESTANTS
    for steps in ONLY_STEPS.get(name, (3,) if name in NEED_A_SEARCH else (3, 50))
]
FOUND = {3: Found(NoiseSchedule((0.01, 0.2, 0.6)), NetStart(0.3, 0.6, "ddpm", 5))}


class Ratio(nn.Module):
    """A schedule network that looks at its item."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(2 + x.mean(dim=1))


INPUTS = ContestantInputs(
    TRAINING,
    dict.fromkeys(SEARCHED.values(), FOUND),
    lambda tau: (Ratio(), "0" * 64),
    lambda: (Ratio(), "1" * 64),
    lambda: lambda alpha: 1 - alpha,
)


def test_noise_depends_on_seed_and_item_alone() -> None:
    together = start_noise(item_generators(5, range(4)), (100,), "cpu")
    torch.manual_seed(99)
    alone = start_noise(item_generators(5, [2]), (100,), "cpu")
    assert torch.equal(alone[0], together[2])
    assert not torch.equal(start_noise(item_generators(6, [2]), (100,), "cpu")[0], together[2])


class Net(nn.Module):
    def forward(self, x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        return 0.3 * x


@pytest.mark.parametrize(("name", "steps"), CASES)
def test_contract_of_contestants(name: str, steps: int) -> None:
    """Shape, NFE, noise by item, plain recipe."""
    sampler = CONTESTANTS[name].prepare(steps, INPUTS)
    evaluated = EvaluatedNet(Net(), bf16=False)

    def run(indices: list[int]) -> Tensor:
        generators = item_generators(1, indices)
        x_N = start_noise(generators, (32,), "cpu")
        return sampler.run(evaluated, x_N, None, generators)

    both = run([0, 1])
    assert both.shape == (2, 32)
    assert evaluated.evaluations == 2 * sampler.nfe
    assert sampler.nfe == (2 * steps - 1 if name == "bddm-own" else steps)
    assert torch.equal(run([1])[0], both[1])
    assert json.loads(json.dumps(sampler.recipe)) == sampler.recipe
    assert CONTESTANTS[name].title


def test_online_without_a_network_is_skipped() -> None:
    for inputs in (ContestantInputs(TRAINING, INPUTS.searched), bare_inputs()):
        with pytest.raises(SkipContestantError, match="no schedule network"):
            CONTESTANTS["bddm-online"].prepare(3, inputs)


def bare_inputs() -> ContestantInputs:
    """As a search by constants leaves it: no start of a pass."""
    bare = {3: Found(FOUND[3].schedule)}
    return ContestantInputs(TRAINING, {"tuned": bare}, INPUTS.schedule_net)


def test_online_with_equal_sigmas_is_the_schedule_of_the_pass() -> None:
    """A network that ignores its item: the betas of Algorithm 3, then all that is left at once."""

    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.full((len(x),), 0.8, dtype=torch.float64)

    start = Start(0.3, 0.6, "ddpm")
    inputs = ContestantInputs(TRAINING, INPUTS.searched, lambda tau: (Constant(), ""))
    seen: list[float] = []

    def score_net(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        assert len(alpha.unique()) == 1
        seen.append(float(alpha[0]))
        return torch.zeros_like(x)

    generators = item_generators(3, [0, 1])
    x_N = start_noise(generators, (5,), "cpu")
    x_0 = CONTESTANTS["bddm-online"].prepare(3, inputs).run(score_net, x_N, None, generators)  # type: ignore[arg-type]
    betas = schedule_betas(
        (score_net, Constant()), start, x_N, None, TRAINING, 3, generator=torch.Generator()
    )
    expected = [start.alpha]
    for beta in betas[:-1]:
        expected.append(expected[-1] / math.sqrt(1 - beta))
    assert seen[:3] == pytest.approx(expected)
    # With eps = 0 the last step divides by its alpha.
    assert x_0.shape == x_N.shape
    assert bool(x_0.isfinite().all())


class Ends(nn.Module):
    """A schedule network whose first answer ends the pass of the second item."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tensor([0.8, 0.0][: len(x)])


def test_an_online_item_that_is_done_is_cleaned_at_its_own_level() -> None:
    inputs = ContestantInputs(TRAINING, INPUTS.searched, lambda tau: (Ends(), ""))
    generators = item_generators(3, [0, 1])
    x_N = start_noise(generators, (5,), "cpu")
    sampler = CONTESTANTS["bddm-online"].prepare(3, inputs)
    x_0 = sampler.run(EvaluatedNet(Net(), False), x_N, None, generators)
    again = item_generators(3, [0, 1])
    start_noise(again, (5,), "cpu")
    z = torch.stack([torch.randn(5, generator=g) for g in again])
    # The second item makes one step, waits, and is cleaned at the end.
    step = KERNELS["ddpm"](0.3, 0.6)
    x = step.signal * x_N[1] + step.eps * 0.3 * x_N[1] + step.noise * z[1]
    alpha = 0.3 / math.sqrt(1 - 0.6)
    last = KERNELS["ddpm"](alpha, 1 - alpha**2)
    torch.testing.assert_close(x_0[1], last.signal * x + last.eps * 0.3 * x)


def test_a_list_for_each_item_is_the_static_one_where_sigma_ignores_the_item() -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.full((len(x),), 0.8, dtype=torch.float64)

    start = Start(0.3, 0.6, "ddpm")
    net = EvaluatedNet(Net(), False)
    betas = schedule_betas(
        (net, Constant()), start, torch.zeros(1, 5), None, TRAINING, 3, generator=torch.Generator()
    )
    schedule = NoiseSchedule(tuple(reversed(betas)))
    found_by = {"tuned": {3: Found(schedule, NetStart(*start, 5))}}
    inputs = ContestantInputs(TRAINING, found_by, lambda tau: (Constant(), ""))
    found = []
    for name in ("bddm", "bddm-own"):
        generators = item_generators(3, [0, 1])
        x_N = start_noise(generators, (5,), "cpu")
        found.append(CONTESTANTS[name].prepare(3, inputs).run(net, x_N, None, generators))
    torch.testing.assert_close(*found)


def test_a_shorter_list_of_its_own_waits_for_its_first_step() -> None:
    inputs = ContestantInputs(TRAINING, INPUTS.searched, lambda tau: (Ends(), ""))
    generators = item_generators(3, [0, 1])
    x_N = start_noise(generators, (5,), "cpu")
    sampler = CONTESTANTS["bddm-own"].prepare(3, inputs)
    x_0 = sampler.run(EvaluatedNet(Net(), False), x_N, None, generators)
    # One beta: a single step from its own level, sqrt(1 - 0.6).
    alpha = math.sqrt(0.4)
    step = KERNELS["ddpm"](alpha, 0.6)
    torch.testing.assert_close(x_0[1], step.signal * x_N[1] + step.eps * 0.3 * x_N[1])


def test_a_length_that_was_not_found_is_skipped_with_a_reason() -> None:
    with pytest.raises(SkipContestantError, match="no schedule of 50 steps"):
        CONTESTANTS["bddm"].prepare(50, INPUTS)


def test_a_grid_that_was_not_searched_is_skipped_with_a_reason() -> None:
    with pytest.raises(SkipContestantError, match=r"search\.searches lacks 'noise'"):
        CONTESTANTS["bddm-noise"].prepare(3, ContestantInputs(TRAINING, {"tuned": FOUND}))


def test_ddpm_at_all_steps_is_the_training_schedule() -> None:
    sampler = CONTESTANTS["ddpm"].prepare(50, INPUTS)
    assert sampler.recipe["betas"] == list(TRAINING.betas)


def test_evaluations_are_observed() -> None:
    seen: list[int] = []
    evaluated = EvaluatedNet(Net(), bf16=True, observe=seen.append)
    evaluated(torch.ones(3, 4), torch.ones(3), None)
    evaluated(torch.ones(2, 4), torch.ones(2), None)
    assert seen == [3, 2]


@pytest.mark.parametrize(
    ("count", "part", "least", "items"),
    [
        (10, (0.0, 1.0), 1, range(10)),
        (10, (0.0, 0.2), 1, range(2)),
        (10, (0.2, 0.6), 1, range(2, 6)),
        (250, (0.0, 0.09), 64, range(64)),
        (250, (0.09, 0.27), 64, range(64, 128)),
        (250, (0.5, 1.0), 64, range(125, 250)),
        (1, (0.0, 0.3), 1, range(1)),
        (1, (0.3, 1.0), 1, range(1, 2)),
    ],
)
def test_parts_of_a_trial(count: int, part: tuple[float, float], least: int, items: range) -> None:
    assert part_of(count, part, least) == items
