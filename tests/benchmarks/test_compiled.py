"""Compiled score networks give what the network gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.compiled import CompiledNet
from benchmarks.experiment import Experiment, evaluation_inputs


class Net(nn.Module):
    def encode(self, log_mel: Tensor) -> Tensor:
        return 2 * log_mel

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        return torch.tanh(x * alpha[:, None].float()) + condition


@pytest.mark.slow
def test_a_compiled_network_gives_the_same() -> None:
    net, compiled = Net(), CompiledNet(Net(), "default")
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn(3, 5, generator=generator)
    condition = compiled.encode(mel)
    assert torch.equal(condition, net.encode(mel))
    alpha = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    with torch.inference_mode():
        for _ in range(2):
            x = torch.randn(3, 5, generator=generator)
            expected = net(x, alpha, condition)
            torch.testing.assert_close(compiled(x, alpha, condition), expected)


@pytest.mark.parametrize(("mode", "copies"), [("default", False), ("reduce-overhead", True)])
def test_estimates_outlive_the_replay_of_a_graph(
    mode: Any, copies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def compile_(network: nn.Module, mode: str | None) -> Any:
        asked.append(mode)
        kept = torch.zeros(2)
        return lambda x, alpha, condition: kept.copy_(x)  # a graph has one place for its result

    monkeypatch.setattr(torch, "compile", compile_)
    compiled = CompiledNet(Net(), mode)
    first = compiled(torch.ones(2), torch.ones(2))
    compiled(torch.zeros(2), torch.ones(2))
    assert bool(first.any()) is copies
    assert asked == [None if mode == "default" else mode]


def test_how_a_network_is_computed_is_no_part_of_what_decides_a_result() -> None:
    for mode in ("no", "default", "reduce-overhead"):
        assert evaluation_inputs(Experiment(compile=mode, device="cuda")) == {"bf16": True}
