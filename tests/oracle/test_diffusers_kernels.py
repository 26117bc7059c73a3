"""Both kernels against the schedulers of diffusers, with the same betas and noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.runtime.noise import item_generators, start_noise

RELEASED = Path(__file__).parents[2] / "benchmarks" / "data" / "released-schedules.json"
TRAINING = NoiseSchedule.linear(200, 1e-4, 0.02)
ITEMS, SIZE = 3, 24


def random_betas() -> tuple[float, ...]:
    """Draw betas in no order, unlike the betas of real schedules."""
    draws = torch.rand(9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return tuple((1e-4 + 0.6 * draws).tolist())


SCHEDULES = {
    **{
        name: NoiseSchedule(tuple(content["beta"]))
        for name, content in json.loads(RELEASED.read_text())["schedules"].items()
    },
    "linear": NoiseSchedule.linear(30, 1e-4, 0.25),
    "random": NoiseSchedule(random_betas()),
}
# diffusers keeps betas in float32. DDPMScheduler divides differences from 1. Near the data these
# differences and the steps are about 1e-4; float32 gives them a relative error of 1e-3.
CASES = {
    "DDIM": ("ddim", DDIMScheduler, {}, {}, 2e-6),
    "DDPM": ("ddpm", DDPMScheduler, {"variance_type": "fixed_small"}, {}, 1e-4),
    "DDIM with eta = 1": ("ddpm", DDIMScheduler, {}, {"eta": 1.0}, 1e-5),
}


def score_net(x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
    """A score network that is not linear in x, uses the step, and mixes coordinates."""
    phase = TRAINING.step_of(alpha)[:, None].float() / 40
    return torch.tanh(0.8 * x + 0.3 * x.roll(1, 1)) + 0.3 * torch.sin(3 * x + phase)


@pytest.mark.parametrize("name", [*SCHEDULES])
@pytest.mark.parametrize("case", [*CASES])
def test_kernels_are_those_of_diffusers(case: str, name: str) -> None:
    kernel, family, options, step_options, tolerance = CASES[case]
    if name == "linear":  # its 30 steps amplify rounding: DDIM's is 6e-6 on some processors
        tolerance = max(tolerance, 1e-5)
    schedule = SCHEDULES[name]
    scheduler = family(
        num_train_timesteps=len(schedule),
        trained_betas=list(schedule.betas),
        clip_sample=False,
        **options,
    )
    scheduler.set_timesteps(len(schedule))
    generators = item_generators(4, range(ITEMS))
    x = start_noise(generators, (SIZE,), "cpu")
    for n in scheduler.timesteps.tolist():
        eps = score_net(x, schedule.alphas[n].expand(ITEMS), None)
        x = scheduler.step(eps, n, x, generator=generators, **step_options).prev_sample

    generators = item_generators(4, range(ITEMS))
    x_N = start_noise(generators, (SIZE,), "cpu")
    x_0 = sample(score_net, schedule, KERNELS[kernel], x_N, None, generators)
    torch.testing.assert_close(x_0, x, rtol=1e-6, atol=tolerance)
    assert float((x_0 - x_N).abs().max()) > 0.5  # far more than the tolerance


def test_the_last_step_of_ddim_is_to_the_data_itself() -> None:
    """DDIM agrees with set_alpha_to_one; otherwise diffusers ends at the first step's level."""
    schedule = SCHEDULES["linear"]
    ends = []
    for to_one in (True, False):
        scheduler = DDIMScheduler(
            num_train_timesteps=len(schedule),
            trained_betas=list(schedule.betas),
            clip_sample=False,
            set_alpha_to_one=to_one,
        )
        scheduler.set_timesteps(len(schedule))
        # Without noise in x, a step multiplies it by the ratio of both levels.
        x = scheduler.step(torch.zeros(1, 1), 0, torch.ones(1, 1)).prev_sample
        ends.append(float(x) * float(schedule.alphas[0]))
    assert ends == pytest.approx([1.0, float(schedule.alphas[0])], abs=1e-7)
    signal, eps, _ = KERNELS["ddim"](float(schedule.alphas[0]), schedule.betas[0])
    assert signal * float(schedule.alphas[0]) == pytest.approx(1.0)
    assert eps == pytest.approx(-(schedule.betas[0] ** 0.5) / float(schedule.alphas[0]))
