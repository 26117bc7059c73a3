"""How much arithmetic a training update is."""

from __future__ import annotations

import torch

from bddm_ref.settings import TrainingConfig
from benchmarks.stages.effort import effort, product_rate


def test_the_arithmetic_of_an_update_is_counted() -> None:
    net = torch.nn.Linear(32, 16, bias=False)
    x = torch.ones(8, 32, requires_grad=True)
    config = TrainingConfig(steps=1, learning_rate=1.0)
    found = effort(net, lambda step, generator: net(x).square().mean(), config, side=64)
    # Forward, and backward to the input and to the weight: 2 * 8 * 32 * 16 each.
    assert found["operations_per_update"] == 3 * 2 * 8 * 32 * 16
    assert found["device_rate"] > 0
    assert next(net.parameters()).grad is None
    assert product_rate(torch.device("cpu"), torch.float32, 64) > 0
