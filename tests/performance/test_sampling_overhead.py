"""How much of a 16-step run is spent outside the network: at most 3 %."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bddm_ref.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.features import HOP, MELS, filterbank
from benchmarks.protocol import EvaluatedNet, item_generators, start_noise

FRAMES = 160
LARGEST_SHARE = 0.03


class TimedNet:
    """Adds up the time spent in the network; synchronous on the CPU."""

    def __init__(self, score_net: EvaluatedNet) -> None:
        self.score_net = score_net
        self.seconds = 0.0

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        began = time.perf_counter()
        eps = self.score_net(x, alpha, condition)
        self.seconds += time.perf_counter() - began
        return eps


@pytest.mark.parametrize("items", [1, 8])
@pytest.mark.benchmark(group="sampling")
def test_time_outside_the_network(benchmark: BenchmarkFixture, items: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SpectralVocoder(SpectralVocoderConfig(), filterbank()).eval()
    evaluated = EvaluatedNet(network, bf16=True)
    with torch.inference_mode(), evaluated.precision(torch.device("cpu")):
        condition = network.encode(torch.full((items, MELS, FRAMES + 1), -5.0))
    schedule = NoiseSchedule.linear(1000, 1e-6, 0.01).subsequence(16)
    timed = TimedNet(evaluated)
    shares = []

    def run() -> None:
        generators = item_generators(0, range(items))
        x_N = start_noise(generators, (FRAMES * HOP,), "cpu")
        timed.seconds = 0.0
        began = time.perf_counter()
        sample(timed, schedule, KERNELS["ddpm"], x_N, condition, generators)
        shares.append(1 - timed.seconds / (time.perf_counter() - began))

    benchmark.pedantic(run, rounds=7, warmup_rounds=2)
    share = sorted(shares[2:])[len(shares[2:]) // 2]
    benchmark.extra_info |= {
        "share_outside_network": share,
        "items": items,
        "steps": len(schedule),
        "threads": torch.get_num_threads(),
        "device": "cpu",
        "dtype": "bfloat16 autocast",
        "torch": torch.__version__,
    }
    assert share <= LARGEST_SHARE
