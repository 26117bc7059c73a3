"""A watched sampler gives the same samples, and the clean estimate of every evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, q_sample
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.runtime.noise import EvaluatedNet, item_generators, start_noise
from benchmarks.runtime.watched import WatchedNet

SCHEDULE = NoiseSchedule((0.01, 0.05, 0.2, 0.5))
ITEMS, SHAPE = 3, (2, 5)


class PulledNet(nn.Module):
    """A network whose clean estimate at each level is a known part of x."""

    def forward(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        level = alpha.reshape(-1, 1, 1).to(x.dtype)
        return (x - level * estimate(x, level)) / torch.sqrt(1 - level**2)


def estimate(x: Tensor, level: Tensor) -> Tensor:
    return torch.tanh(x) * level


def sampled(net: Any, kernel: str) -> Tensor:
    generators = item_generators(7, range(ITEMS))
    x_N = start_noise(generators, SHAPE, "cpu")
    return sample(net, SCHEDULE, KERNELS[kernel], x_N, None, generators)


@pytest.mark.parametrize("kernel", ["ddpm", "ddim"])
def test_the_last_estimate_is_the_sample(kernel: str) -> None:
    watched = WatchedNet(EvaluatedNet(PulledNet(), bf16=False))
    x_0 = sampled(watched, kernel)
    assert torch.equal(x_0, sampled(EvaluatedNet(PulledNet(), bf16=False), kernel))
    assert [one.shape for one in watched.estimates] == [x_0.shape] * len(SCHEDULE)
    torch.testing.assert_close(watched.estimates[-1], x_0)
    first = start_noise(item_generators(7, range(ITEMS)), SHAPE, "cpu")
    torch.testing.assert_close(
        watched.estimates[0], estimate(first, SCHEDULE.alphas[-1].to(first.dtype))
    )


def test_each_item_may_have_its_own_level() -> None:
    source = torch.Generator().manual_seed(0)
    x_0, noise = (torch.randn(ITEMS, *SHAPE, generator=source) for _ in range(2))
    alpha = torch.tensor([0.2, 0.9, 0.9999], dtype=torch.float64)

    class TrueNoise(nn.Module):
        def forward(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
            return noise

    watched = WatchedNet(EvaluatedNet(TrueNoise(), bf16=False))
    assert torch.equal(watched(q_sample(x_0, alpha, noise), alpha, None), noise)
    torch.testing.assert_close(watched.estimates[0], x_0, rtol=1e-4, atol=1e-5)
