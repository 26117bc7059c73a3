"""``sample``: its contract, and one run by hand."""

from __future__ import annotations

import pytest
import torch

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule((0.19, 0.36))


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + i) for i in range(count)]


def scaled(x: torch.Tensor, alpha: torch.Tensor, condition: float) -> torch.Tensor:
    return condition * x * alpha[:, None].float()


def test_two_steps_by_hand() -> None:
    x_N = torch.tensor([[1.0, -2.0]])
    z = torch.randn(2, generator=torch.Generator().manual_seed(7))
    first = KERNELS["ddpm"](0.72, 0.36)
    x_1 = first.signal * x_N + first.eps * 0.5 * 0.72 * x_N + first.noise * z
    last = KERNELS["ddpm"](0.9, 0.19)
    expected = last.signal * x_1 + last.eps * 0.5 * 0.9 * x_1  # no noise at n = 1
    result = sample(scaled, SCHEDULE, KERNELS["ddpm"], x_N, 0.5, generators(1, seed=7))
    torch.testing.assert_close(result, expected)


def test_a_sample_can_be_changed_and_trained_on() -> None:
    x_0 = sample(scaled, SCHEDULE, KERNELS["ddim"], torch.ones(1, 2), 0.5)
    x_0.clamp_(-1, 1)
    weight = torch.ones(2, requires_grad=True)
    (weight * x_0).sum().backward()
    assert weight.grad is not None


def test_evaluates_the_network_once_a_step_from_noise_to_data() -> None:
    levels = []

    def score_net(x: torch.Tensor, alpha: torch.Tensor, condition: object) -> torch.Tensor:
        assert alpha.shape == (3,)
        levels.append(float(alpha[0]))
        return torch.zeros_like(x)

    schedule = NoiseSchedule.linear(20, 1e-4, 0.05)
    sample(score_net, schedule, KERNELS["ddim"], torch.zeros(3, 4))
    assert levels == schedule.alphas.flip(0).tolist()


@pytest.mark.parametrize("kernel", [*KERNELS])
def test_an_item_does_not_depend_on_its_batch(kernel: str) -> None:
    x_N = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))
    together = sample(scaled, SCHEDULE, KERNELS[kernel], x_N, 0.5, generators(4))
    for item in range(4):
        alone = sample(
            scaled, SCHEDULE, KERNELS[kernel], x_N[item : item + 1], 0.5, generators(1, seed=item)
        )
        assert torch.equal(alone[0], together[item])


def test_global_generator_and_arguments_are_left_alone() -> None:
    x_N = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    before, state = x_N.clone(), torch.random.get_rng_state()
    one = sample(scaled, SCHEDULE, KERNELS["ddpm"], x_N, 0.5, generators(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(123)
    two = sample(scaled, SCHEDULE, KERNELS["ddpm"], x_N, 0.5, generators(2))
    assert torch.equal(one, two)
    assert torch.equal(x_N, before)


def test_noise_needs_generators() -> None:
    with pytest.raises(ValueError, match="one generator per item: 2 items, 1 generators"):
        sample(scaled, SCHEDULE, KERNELS["ddpm"], torch.zeros(2, 4), 0.5, generators(1))
    sample(scaled, SCHEDULE, KERNELS["ddim"], torch.zeros(2, 4), 0.5)
    sample(scaled, NoiseSchedule((0.5,)), KERNELS["ddpm"], torch.zeros(2, 4), 0.5)
