"""Compiled score networks give what the network gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import evaluation_inputs
from benchmarks.runtime.compiled import CompiledNet


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


def faked(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Any]:
    """What a compiled network is called with, instead of compiling."""
    calls: list[Any] = []

    def compile_(network: nn.Module, mode: str | None) -> Any:
        def call(*arguments: Any) -> Tensor:
            calls.append(arguments)
            result: Tensor = answer(*arguments)
            return result

        return call

    monkeypatch.setattr(torch, "compile", compile_)
    return calls


def test_a_condition_lies_where_a_graph_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch's condition is copied once, to the place of the last one of its size."""
    calls = faked(monkeypatch, lambda x, embedded, condition: x + condition[0])
    compiled = CompiledNet(Net(), "reduce-overhead")
    alpha = torch.ones(1)
    with torch.inference_mode():
        first, second, short = ((torch.full((size,), 1.0 * size),) for size in (3, 3, 2))
        second[0].mul_(7)
        for condition in (first, first, short, second):
            x = torch.zeros(len(condition[0]))
            assert torch.equal(compiled(x, alpha, condition), condition[0])
    read = [condition[0] for _, _, condition in calls]
    assert len({part.data_ptr() for part in read}) == 2  # of the two sizes
    assert read[0] is read[1] is read[3]
    for x, embedded, condition in calls:  # so that nothing is compiled for twice
        assert not any(part.is_inference() for part in (x, *embedded, *condition))
    faked(monkeypatch, lambda x, embedded, condition: x)
    assert torch.equal(CompiledNet(Net(), "reduce-overhead")(x, alpha), x)  # no condition


def test_gradients_go_through_a_graph_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faked(monkeypatch, lambda x, embedded, condition: x.square() * condition)
    compiled = CompiledNet(Net(), "reduce-overhead")
    x = torch.ones(2, requires_grad=True)
    compiled(x, torch.ones(1), torch.full((2,), 3.0)).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.full((2,), 6.0))


def test_what_cannot_be_compiled_is_said_and_evaluated_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: Any) -> Tensor:
        raise RuntimeError("\nno compiler here\nsecond line")

    calls = faked(monkeypatch, fail)
    net, compiled = Net(), CompiledNet(Net(), "reduce-overhead")
    x, alpha, condition = torch.ones(3, 5), torch.full((3,), 0.5), torch.zeros(3, 5)
    with pytest.warns(RuntimeWarning, match="runs uncompiled; RuntimeError: no compiler here"):
        made = compiled(x, alpha, condition)
    assert torch.equal(made, net(x, alpha, condition))
    assert torch.equal(compiled(x, alpha, condition), made)
    assert len(calls) == 1  # nor is it tried again
    assert compiled.failure == "RuntimeError: no compiler here"


def test_neither_a_mistake_nor_a_lack_of_memory_is_taken_for_a_failed_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: Any) -> Tensor:
        raise torch.OutOfMemoryError("full")

    faked(monkeypatch, fail)
    with pytest.raises(torch.OutOfMemoryError):
        CompiledNet(Net(), "default")(torch.ones(2, 2), torch.ones(2))
    faked(monkeypatch, lambda *arguments: torch.ones(2) + torch.ones(3))
    compiled = CompiledNet(Net(), "default")
    with pytest.raises(RuntimeError, match="size of tensor"):  # the network's own
        compiled(torch.ones(2, 2), torch.ones(2), torch.ones(3, 3))
    assert compiled.failure is None


@pytest.mark.slow
def test_batches_and_conditions_of_several_sizes_are_compiled() -> None:
    net, compiled = Net(), CompiledNet(Net(), "reduce-overhead")
    alpha = torch.tensor([0.5], dtype=torch.float64)
    for items, length in ((3, 5), (2, 5), (3, 9), (3, 5)):
        x = torch.linspace(-1, 1, items * length).view(items, length)
        with torch.inference_mode():
            condition = compiled.encode(x)
            inside = compiled(x, alpha, condition)
        with torch.no_grad():
            torch.testing.assert_close(compiled(x, alpha, condition), inside)
            torch.testing.assert_close(net(x, alpha, condition), inside)
    assert compiled.failure is None


def test_how_a_network_is_computed_is_no_part_of_what_decides_a_result() -> None:
    for mode in ("no", "default", "reduce-overhead"):
        assert evaluation_inputs(Experiment(compile=mode, device="cuda")) == {"bf16": True}
