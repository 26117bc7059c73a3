"""The solvers of diffusers: where they start, which levels they name, how fast they converge."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    ContestantInputs,
    Sampler,
    SkipContestantError,
    kernel_sampler,
)
from benchmarks.contestants.diffusers_solvers import DIFFUSERS, DiffusersSolver
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import item_generators, start_noise

TRAINING = NoiseSchedule.linear(51, 1e-4, 0.2)
FOUND = {
    2: Found(NoiseSchedule((0.1, 0.9))),
    3: Found(NoiseSchedule((0.01, 0.2, 0.9))),
    4: Found(NoiseSchedule((0.005, 0.05, 0.3, 0.9))),
    7: Found(NoiseSchedule((2e-4, 0.005, 0.03, 0.1, 0.25, 0.4, 0.8))),
    26: Found(NoiseSchedule.linear(26, 1e-4, 0.4)),
    51: Found(TRAINING),
}
INPUTS = ContestantInputs(TRAINING, {"tuned": FOUND})
SEARCHED = [name for name in DIFFUSERS if name.startswith("bddm-")]
ORDERS = {
    "diffusers-ddim": 1,
    "diffusers-ddim-trailing": 1,
    "dpmpp-1": 1,
    "dpmpp-2m": 2,
    "dpmpp-2m-steps": 2,
    "unipc-steps": 3,
    "unipc": 3,  # UniPC-p has order p + 1 (Zhao et al. 2023, theorem 3.1)
    "euler-karras": 1,
    "heun-karras": 2,
    "bddm-dpmpp-2m": 2,
    "bddm-unipc": 3,
    "bddm-euler": 1,
    "bddm-heun": 2,
}
HEUN = {"heun-karras", "bddm-heun"}  # N levels in 2 N - 1 evaluations


class Seen:
    """A score network, neither linear nor alike for all levels, that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Tensor, Tensor, Any]] = []

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        self.asked.append((x.clone(), alpha.clone(), condition))
        return torch.sin(2 * x) * (1.1 - alpha[:, None].to(x.dtype))

    @property
    def levels(self) -> list[float]:
        return [float(alpha[0]) for _, alpha, _ in self.asked]


def noise(items: list[int]) -> Tensor:
    return start_noise(item_generators(1, items), (32,), "cpu")


def run(sampler: Sampler, items: list[int]) -> Tensor:
    return sampler.run(Seen(), noise(items), None, item_generators(2, items))


@pytest.mark.parametrize("steps", [3, 7, 51])
@pytest.mark.parametrize("name", [*DIFFUSERS])
def test_contract(name: str, steps: int) -> None:
    """NFE, levels, condition, item by item, arguments as they were, a recipe that determines."""
    sampler = DIFFUSERS[name].prepare(steps, INPUTS)
    net, x_N, generators = Seen(), noise([0, 1]), item_generators(2, [0, 1])
    states = [generator.get_state() for generator in generators]
    both = sampler.run(net, x_N, "condition", generators)
    assert both.shape == x_N.shape
    assert both.dtype == torch.float32
    assert bool(both.isfinite().all())
    assert len(net.asked) == sampler.nfe == steps
    assert net.levels == sampler.recipe["levels"]
    for _, alpha, condition in net.asked:
        assert alpha.shape == (2,)
        assert alpha.dtype == torch.float64
        assert condition == "condition"
    assert torch.equal(x_N, noise([0, 1]))
    for state, generator in zip(states, generators, strict=True):
        assert torch.equal(state, generator.get_state())

    # Solvers of several steps keep what they were told: not from one run to the next.
    assert torch.equal(run(sampler, [0, 1]), both)
    assert torch.equal(run(sampler, [1])[0], both[1])
    again = DIFFUSERS[name].prepare(steps, INPUTS)
    assert again.recipe == sampler.recipe
    assert torch.equal(run(again, [0, 1]), both)
    assert json.loads(json.dumps(sampler.recipe, allow_nan=False)) == sampler.recipe


@pytest.mark.parametrize("name", [*DIFFUSERS])
def test_all_start_from_the_same_noise_at_the_noisiest_level(name: str) -> None:
    sampler = DIFFUSERS[name].prepare(3, INPUTS)
    net = Seen()
    sampler.run(net, noise([0]), None, ())
    x, alpha, _ = net.asked[0]
    torch.testing.assert_close(x, noise([0]), rtol=3e-7, atol=0)  # twice rounded to float32
    schedule = FOUND[2 if name in HEUN else 3].schedule if name in SEARCHED else TRAINING
    first = 34 if name == "diffusers-ddim" else -1  # of 17, 34, 51: counted from 0
    assert float(alpha) == pytest.approx(float(schedule.alphas[first]), rel=1e-6)


@pytest.mark.parametrize("steps", [1, 3, 7])
@pytest.mark.parametrize("name", ["dpmpp-1", "dpmpp-2m", "dpmpp-2m-steps", "unipc", "unipc-steps"])
def test_levels_are_equally_far_apart_in_log_snr(name: str, steps: int) -> None:
    """In the papers N evaluations make N steps from the noisiest level to the first."""
    begins = name.endswith("-steps")
    if steps == 1 and not begins:
        with pytest.raises(SkipContestantError, match="two ends"):
            DIFFUSERS[name].prepare(steps, INPUTS)
        return
    squares = torch.tensor(DIFFUSERS[name].prepare(steps, INPUTS).recipe["levels"]).square()
    high, low = (float(TRAINING.log_snrs[end]) for end in (0, -1))
    wanted = torch.linspace(low, high, steps + begins)[:steps]
    torch.testing.assert_close(torch.logit(squares), wanted, rtol=0, atol=2e-3)


@pytest.mark.parametrize("steps", [3, 7])
@pytest.mark.parametrize("name", SEARCHED)
def test_searched_levels_are_those_of_the_schedule(name: str, steps: int) -> None:
    recipe = DIFFUSERS[name].prepare(steps, INPUTS).recipe
    found = FOUND[(steps + 1) // 2 if name in HEUN else steps].schedule
    squares = torch.tensor(recipe["levels"]).unique().double().square()
    torch.testing.assert_close(squares, found.alphas.flip(0).square(), rtol=0, atol=2e-7)
    assert recipe["betas"] == pytest.approx(found.betas, abs=1e-6)


@pytest.mark.parametrize("name", [*DIFFUSERS])
def test_betas_of_the_recipe_lead_through_its_levels(name: str) -> None:
    recipe = DIFFUSERS[name].prepare(7, INPUTS).recipe
    levels = sorted(set(recipe["levels"]), reverse=True)
    assert len(levels) == (4 if name in HEUN else 7)
    assert NoiseSchedule(tuple(recipe["betas"])).alphas.tolist() == pytest.approx(levels)


@pytest.mark.parametrize("name", [name for name, order in ORDERS.items() if order == 1])
def test_solvers_of_first_order_are_the_ddim_kernel_on_their_levels(name: str) -> None:
    sampler = DIFFUSERS[name].prepare(3, INPUTS)
    ours = kernel_sampler(NoiseSchedule(tuple(sampler.recipe["betas"])), "ddim")
    # x / alpha is up to 50, which float32 knows to 4e-6.
    torch.testing.assert_close(run(sampler, [0, 1]), run(ours, [0, 1]), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", [*DIFFUSERS])
def test_levels_that_round_to_one_time_step(name: str) -> None:
    """Levels at equal steps of log-SNR, between two far training steps: none is left out."""
    training = FOUND[7].schedule
    inputs = ContestantInputs(training, {"tuned": {4: FOUND[4], 7: FOUND[7]}})
    sampler = DIFFUSERS[name].prepare(7, inputs)
    net = Seen()
    sampler.run(net, noise([0]), None, ())
    assert net.levels == sampler.recipe["levels"]
    noisiest = FOUND[4].schedule if name == "bddm-heun" else training
    assert net.levels[0] == pytest.approx(float(noisiest.alphas[-1]), rel=1e-6)


@pytest.mark.parametrize("name", [*DIFFUSERS])
def test_deviation_of_gaussian_data_is_reached_at_the_declared_order(name: str) -> None:
    """Data N(0, c^2): all is linear, hence what becomes of x_N = 1 is the samples' deviation."""
    deviation, highest, lowest = 0.5, 11.0, -11.0

    def exact(x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        level = alpha[:, None]
        delta = 1 - level**2
        return (delta.sqrt() * x / (level**2 * deviation**2 + delta)).to(x.dtype)

    errors = []
    for steps in (20, 40, 80):
        found = {steps: Found(NoiseSchedule.log_snr(steps, highest, lowest))}
        inputs = ContestantInputs(NoiseSchedule.log_snr(960, highest, lowest), {"tuned": found})
        sampler = DIFFUSERS[name].prepare(2 * steps - 1 if name in HEUN else steps, inputs)
        reached = sampler.run(exact, torch.ones(1, 1), None, ())
        errors.append(abs(float(reached) - deviation))
    # The ends of the levels leave about e^-11 = 2e-5, a fifth of the smallest error.
    assert errors[-1] < 0.025
    slope = math.log(errors[0] / errors[-1]) / math.log(4)
    assert slope == pytest.approx(ORDERS[name], abs=0.3), errors


def ddim_ends(spacing: str, steps: int) -> list[tuple[int, int]]:
    """The steps of a training schedule that DDIM goes from and to; -1 is the data.

    With eps = 0 a step multiplies x by the ratio of both levels.
    """
    training = NoiseSchedule.linear(1000, 1e-4, 0.02)
    options = {"clip_sample": False, "timestep_spacing": spacing}
    sampler = DiffusersSolver("", "DDIMScheduler", options).prepare(
        steps, ContestantInputs(training, {})
    )
    scheduler = diffusers.DDIMScheduler(**sampler.recipe["options"])
    scheduler.set_timesteps(steps)
    levels = torch.cat([training.alphas, torch.ones(1)])
    ends = []
    for t in scheduler.timesteps.tolist():
        x = scheduler.step(torch.zeros(1, 1), t, torch.ones(1, 1).double()).prev_sample
        to = int((levels - float(x) * levels[t]).abs().argmin())
        ends.append((t, to if to < 1000 else -1))
    return ends


def test_where_ddim_of_diffusers_goes() -> None:
    """What the docstring of the contestants says of its three spacings."""
    assert ddim_ends("leading", 3) == [(666, 333), (333, 0), (0, -1)]
    assert ddim_ends("leading", 7)[0][0] == 852
    assert ddim_ends("trailing", 4) == [(999, 749), (749, 499), (499, 249), (249, -1)]
    assert ddim_ends("trailing", 3) == [(999, 666), (666, 333), (332, -1)]
    assert ddim_ends("trailing", 7)[-1] == (142, 0)
    assert ddim_ends("linspace", 3) == [(999, 666), (500, 167), (0, -1)]


@pytest.mark.parametrize(
    ("name", "steps", "reason"),
    [
        ("heun-karras", 4, "make an odd number, not 4"),
        ("heun-karras", 1, "one step is too few"),
        ("euler-karras", 1, "one step is too few"),
        ("dpmpp-2m", 52, "has only 51 steps"),
        ("heun-karras", 103, "has only 51 steps"),
        ("bddm-unipc", 5, "found no schedule of 5 steps"),
        ("bddm-heun", 4, "make an odd number, not 4"),
        ("bddm-heun", 9, "found no schedule of 5 steps"),
    ],
)
def test_steps_that_cannot_be_made_have_a_reason(name: str, steps: int, reason: str) -> None:
    with pytest.raises(SkipContestantError, match=reason):
        DIFFUSERS[name].prepare(steps, INPUTS)


def test_a_spacing_that_is_one_step_too_long_is_skipped() -> None:
    """Rounding of trailing spacing: its 62nd time step would be -1, the noisiest level."""
    inputs = replace(INPUTS, training=NoiseSchedule.linear(1000, 1e-4, 0.02))
    with pytest.raises(SkipContestantError, match="gives 62 levels for 61 steps"):
        DIFFUSERS["diffusers-ddim-trailing"].prepare(61, inputs)


def test_without_the_library_the_reason_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(SkipContestantError, match=r"pip install 'bddm-benchmark\[diffusers\]'"):
        DIFFUSERS["unipc"].prepare(3, INPUTS)
