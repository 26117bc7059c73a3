"""Training levels and their weights."""

from __future__ import annotations

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import ScoreNetConfig
from benchmarks.tracks.levels import drawn_levels, level_weight
from benchmarks.tracks.speech import networks as speech

TRAINING = NoiseSchedule.linear(100, 1e-4, 0.1)


def draw(**changes: object) -> torch.Tensor:
    config = ScoreNetConfig(batch_size=20_000, **changes)
    return drawn_levels(config, TRAINING, torch.Generator().manual_seed(0))


def test_levels_are_normal_in_log_snr_and_clamped() -> None:
    log_snr = torch.logit(draw(level_mean=1.0, level_spread=2.0).square())
    assert float(log_snr.mean()) == pytest.approx(1.0, abs=0.05)
    assert float(log_snr.std()) == pytest.approx(2.0, abs=0.05)
    clamped = torch.logit(draw(level_lowest=-1.0, level_highest=0.5).square())
    assert float(clamped.min()) == pytest.approx(-1.0)
    assert float(clamped.max()) == pytest.approx(0.5)


def test_uniform_steps_are_those_of_the_training_schedule() -> None:
    levels = draw(uniform_steps=True)
    known, counts = levels.unique(return_counts=True)
    assert torch.equal(known.flip(0), TRAINING.alphas)
    # 200 each, with a standard deviation of 14.
    assert 120 < int(counts.min()) <= int(counts.max()) < 280


def test_the_weight_of_images_turns_the_error_of_eps_into_that_of_v() -> None:
    alpha = torch.tensor([0.01, 0.5, 0.99], dtype=torch.float64)
    x_0, eps, v_error = torch.randn(3, 3, 4, generator=torch.Generator().manual_seed(0))
    a, s = alpha.float()[:, None], (1 - alpha**2).sqrt().float()[:, None]
    x = a * x_0 + s * eps
    v_theta = a * eps - s * x_0 + v_error
    error = (eps - (s * x + a * v_theta)).square().mean(1)
    weighted = level_weight(alpha) * error
    torch.testing.assert_close(weighted, v_error.square().mean(1), rtol=1e-2, atol=1e-4)


def test_the_weight_of_speech_grows_with_the_noise() -> None:
    weight = speech.level_weight(torch.tensor([0.99, 0.5, 0.01], dtype=torch.float64))
    assert (weight.diff() > 0).all()
    assert float(weight[0]) > 1


def test_levels_between_steps_are_uniform_between_neighbours() -> None:
    levels = draw(uniform_steps=True, between_steps=True)
    alphas = TRAINING.alphas
    assert float(levels.max()) <= float(alphas[0])
    assert float(levels.min()) >= float(alphas[-1])
    assert len(levels.unique()) > 19_000
    index = (alphas.flip(0)[None] < levels[:, None]).sum(1)  # levels that lie below
    share = torch.bincount(index, minlength=100)[1:100].double()
    assert float(share.min()) > 120  # 200 in each gap, as in the test above
    place = (levels - alphas.flip(0)[index - 1]) / (
        alphas.flip(0)[index % 100] - alphas.flip(0)[index - 1]
    )
    inside = place[(index > 0) & (index < 100)]
    assert float(inside.mean()) == pytest.approx(0.5, abs=0.01)


def test_levels_of_every_draw() -> None:
    config = ScoreNetConfig(batch_size=3, draws=4)
    assert drawn_levels(config, TRAINING, torch.Generator().manual_seed(0)).shape == (12,)
