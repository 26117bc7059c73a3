"""The step loss as a mean or as a sum over the dimensions of an item."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, Experiment, Reduction, ScheduleNetConfig
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.tracks.reduction import reduced
from benchmarks.tracks.speech.networks import NETWORKS, SpeechNetworks
from benchmarks.tracks.unconditional import unconditional_schedule_loss

TRAINING = NoiseSchedule.linear(50, 1e-4, 0.1)
SAMPLES = 24  # of a crop


class HalfNoise(nn.Module):
    """A score network that predicts a half of its input, whatever the condition."""

    def encode(self, log_mel: Tensor) -> Tensor:
        return log_mel

    def forward(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        return x / 2


class OneRatio(nn.Module):
    """A schedule network of one parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.score.sigmoid().expand(len(x))


def test_a_sum_is_the_mean_times_the_dimensions_of_an_item() -> None:
    loss, items = torch.tensor(0.5), torch.zeros(7, 3, 4)
    assert float(reduced(loss, items, "sum")) == 6.0
    assert reduced(loss, items, "mean") is loss


def of_vectors(reduction: Reduction) -> tuple[float, float]:
    """Loss and gradient on vectors of 6 dimensions."""
    net = OneRatio()
    draw = lambda generator: torch.randn(4, 6, generator=generator)  # noqa: E731
    networks = (EvaluatedNet(HalfNoise(), False), net)
    loss = unconditional_schedule_loss(networks, draw, TRAINING, "released", 7, reduction)
    value = loss(0, torch.Generator().manual_seed(1))
    value.backward()
    return float(value.detach()), float(cast(Tensor, net.score.grad))


def of_speech(reduction: Reduction) -> tuple[float, float]:
    """Loss and gradient on crops of ``SAMPLES`` samples."""
    net = OneRatio()
    crops = SimpleNamespace(
        draw=lambda count, generator: (
            torch.randn(count, SAMPLES, generator=generator),
            torch.zeros(count, 80, 2),
        )
    )
    recordings = cast(Any, SimpleNamespace(crops=lambda frames, device: crops))
    config = ScheduleNetConfig(reduction=reduction, batch_size=2)
    experiment = dataclasses.replace(Experiment(), schedule_net=config, bf16=False)
    networks = SpeechNetworks(experiment, TRAINING, torch.device("cpu"), recordings)
    loss = networks.schedule_batch_loss((HalfNoise(), net), Convention("raw"), "released", 7)
    value = loss(0, torch.Generator().manual_seed(1))
    value.backward()
    return float(value.detach()), float(cast(Tensor, net.score.grad))


@pytest.mark.parametrize(("made", "dimensions"), [(of_vectors, 6), (of_speech, SAMPLES)])
def test_loss_and_gradient_grow_by_the_dimensions(made: Any, dimensions: int) -> None:
    mean, total = made("mean"), made("sum")
    assert total == pytest.approx([dimensions * one for one in mean], rel=1e-5)
    assert mean[1] != 0.0


@pytest.mark.parametrize(("size", "dropout"), [({}, 0.0), ({"dropout": 0.1}, 0.1)])
def test_galr_has_dropout_where_an_experiment_asks_for_it(
    size: dict[str, Any], dropout: float
) -> None:
    network = NETWORKS["schedule_net"]["galr"]({"width": 16, "hidden": 8} | size, TRAINING)
    assert cast(Any, network).config.dropout == dropout
