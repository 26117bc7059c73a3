"""The forward process and the reverse kernels against hand-computed values."""

from __future__ import annotations

import math

import pytest
import torch

from bddm_ref.process import (
    KERNELS,
    Coefficients,
    ddim_kernel,
    ddpm_kernel,
    q_sample,
    reverse_step,
    reverse_steps,
)
from bddm_ref.schedule import NoiseSchedule


def test_q_sample_by_hand() -> None:
    x_0, noise = torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 3.0]])
    alpha = torch.tensor([0.6], dtype=torch.float64)
    # 0.6 x + 0.8 eps
    expected = torch.tensor([[2.0, 1.8]])
    torch.testing.assert_close(q_sample(x_0, alpha, noise), expected)


def test_q_sample_takes_a_level_per_item_of_any_shape() -> None:
    x_0, noise = torch.ones(2, 3, 4), torch.zeros(2, 3, 4)
    x_t = q_sample(x_0, torch.tensor([0.6, 0.8]), noise)
    assert x_t[0].unique().tolist() == pytest.approx([0.6])
    assert x_t[1].unique().tolist() == pytest.approx([0.8])


def test_ddpm_kernel_by_hand() -> None:
    # beta_2 = 0.36, alpha_1 = 0.9: alpha_2 = 0.72, delta_1 = 0.19, delta_2 = 0.4816.
    step = ddpm_kernel(0.72, 0.36)
    assert step.signal == pytest.approx(1 / 0.8)
    assert step.eps == pytest.approx(-0.36 / math.sqrt(0.4816) / 0.8)
    assert step.noise == pytest.approx(math.sqrt(0.19 / 0.4816 * 0.36))


def test_ddim_kernel_by_hand() -> None:
    step = ddim_kernel(0.72, 0.36)
    # (alpha_1 / alpha_2)(x - sqrt(delta_2) eps) + sqrt(delta_1) eps
    assert step.signal == pytest.approx(0.9 / 0.72)
    assert step.eps == pytest.approx(math.sqrt(0.19) - 0.9 / 0.72 * math.sqrt(0.4816))
    assert step.noise == 0.0


@pytest.mark.parametrize("kernel", [*KERNELS.values()])
def test_last_step_recovers_the_data_from_the_true_noise(kernel) -> None:  # type: ignore[no-untyped-def]
    beta = 0.19
    x_0, eps = torch.tensor([[3.0, -2.0]]), torch.tensor([[0.5, 1.5]])
    x_1 = q_sample(x_0, torch.tensor([0.9]), eps)
    step = kernel(math.sqrt(1 - beta), beta)
    torch.testing.assert_close(reverse_step(x_1, eps, step, None), x_0, rtol=0, atol=1e-6)
    assert step.noise == pytest.approx(0.0, abs=1e-7)


def test_a_step_that_adds_noise_needs_it() -> None:
    x = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="adds noise: give z"):
        reverse_step(x, x, ddpm_kernel(0.5, 0.3), None)


def test_reverse_step_leaves_its_arguments_alone() -> None:
    tensors = [torch.randn(2, 5, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    before = [t.clone() for t in tensors]
    x, eps, z = tensors
    result = reverse_step(x, eps, ddpm_kernel(0.72, 0.36), z)
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))
    a, b, c = ddpm_kernel(0.72, 0.36)
    torch.testing.assert_close(result, a * x + b * eps + c * z)


def test_the_step_to_the_data_adds_no_noise_whatever_the_kernel_says() -> None:
    schedule = NoiseSchedule((0.19, 0.36))
    noisy = reverse_steps(schedule, lambda alpha, beta: Coefficients(alpha, beta, 0.5))
    assert noisy == [
        Coefficients(float(schedule.alphas[0]), 0.19, 0.0),
        Coefficients(float(schedule.alphas[1]), 0.36, 0.5),
    ]
