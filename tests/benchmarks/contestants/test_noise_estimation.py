"""Noise estimation: the fits, and what an estimator that is always right makes of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.base import ContestantInputs, SkipContestantError
from benchmarks.contestants.noise_estimation import estimator_loss, first_betas
from benchmarks.runtime.noise import item_generators, start_noise

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)


def fitted(square: float, steps: int, fit: str) -> list[float]:
    """A whole schedule, noisiest first: each beta from the level that the ones before left."""
    betas = []
    for left in range(steps, 0, -1):
        betas.append(
            float(first_betas(torch.tensor([square], dtype=torch.float64), left, 1e-4, fit))
        )
        square /= 1 - betas[-1]
    assert square == pytest.approx(1.0, abs=1e-9)
    return betas


def test_linear_betas_have_equal_gaps() -> None:
    betas = torch.tensor(fitted(0.05, 8, "linear"))
    gaps = betas.diff()
    torch.testing.assert_close(gaps, gaps.mean().expand_as(gaps), rtol=1e-4, atol=1e-7)
    assert float(betas[-1]) == pytest.approx(1e-4, rel=1e-3)


def test_fibonacci_betas_are_sums_of_the_two_before() -> None:
    betas = fitted(0.05, 7, "fibonacci")[::-1]
    for n in range(2, 7):
        assert betas[n] == pytest.approx(betas[n - 1] + betas[n - 2], rel=1e-5)
    assert betas[0] == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("fit", ["linear", "fibonacci"])
def test_a_level_next_to_the_data_has_equal_betas(fit: str) -> None:
    square = torch.tensor([1 - 1e-5], dtype=torch.float64)
    beta = float(first_betas(square, 5, 1e-4, fit))
    assert (1 - beta) ** 5 == pytest.approx(1 - 1e-5, abs=1e-12)


def score(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
    return torch.tanh(x) * alpha.to(x.dtype)[:, None]


def test_an_estimator_that_is_right_gives_the_schedule_of_the_first_fit() -> None:
    betas = fitted(float(TRAINING.alphas[-1]) ** 2, 6, "linear")
    schedule = NoiseSchedule(tuple(reversed(betas)))

    class Right(nn.Module):
        left = 6

        def forward(self, x: Tensor) -> Tensor:
            self.left -= 1
            return schedule.deltas[self.left - 1].expand(len(x))

    inputs = ContestantInputs(TRAINING, {}, noise_estimator=lambda: (Right(), "0" * 64))
    x_N = start_noise(item_generators(0, range(3)), (20,), "cpu")
    sampler = CONTESTANTS["noise-estimation"].prepare(6, inputs)
    found = sampler.run(score, x_N, None, item_generators(1, range(3)))
    wanted = sample(score, schedule, KERNELS["ddpm"], x_N, None, item_generators(1, range(3)))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_it_follows_the_item() -> None:
    class ByPower(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(x.square().mean(1) - 1)

    inputs = ContestantInputs(TRAINING, {}, noise_estimator=lambda: (ByPower(), "0" * 64))
    sampler = CONTESTANTS["noise-estimation"].prepare(4, inputs)
    seen: list[Tensor] = []

    def watched(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        seen.append(alpha)
        return score(x, alpha, condition)

    x_N = torch.stack([torch.zeros(20), torch.full((20,), 100.0)])
    sampler.run(watched, x_N, None, item_generators(0, range(2)))
    assert torch.equal(seen[0][0], seen[0][1])
    assert float(seen[1][0]) > float(seen[1][1])
    assert float(seen[1][1]) == pytest.approx(float(TRAINING.alphas[-1]))


def test_what_it_cannot_do_is_skipped() -> None:
    with pytest.raises(SkipContestantError, match="no noise estimator"):
        CONTESTANTS["noise-estimation"].prepare(3, ContestantInputs(TRAINING, {}))
    inputs = ContestantInputs(TRAINING, {}, noise_estimator=lambda: (nn.Identity(), "0" * 64))
    with pytest.raises(SkipContestantError, match="50 Fibonacci betas"):
        CONTESTANTS["noise-estimation-fib"].prepare(50, inputs)


def test_loss_is_the_squared_difference_of_logs() -> None:
    delta, estimate = torch.tensor([0.1, 0.5]).double(), torch.tensor([0.2, 0.5])
    assert float(estimator_loss(delta, estimate)) == pytest.approx(0.2402, abs=1e-4)
