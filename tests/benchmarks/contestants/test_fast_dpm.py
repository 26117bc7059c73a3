"""FastDPM's schedules against their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.base import ContestantInputs, SkipContestantError
from benchmarks.contestants.fast_dpm import by_step, by_variance

SCHEDULES = [NoiseSchedule.linear(1000, 1e-4, 0.02), NoiseSchedule.linear(200, 1e-4, 0.02)]


@pytest.mark.parametrize("training", SCHEDULES)
@pytest.mark.parametrize("steps", [2, 3, 6, 50])
@pytest.mark.parametrize("spacing", ["linear", "quadratic"])
def test_variances_end_at_the_last_level(training: NoiseSchedule, steps: int, spacing: str) -> None:
    schedule = by_variance(training, steps, spacing)
    assert schedule.betas[0] == pytest.approx(training.betas[0])
    assert float(schedule.alphas[-1]) == pytest.approx(float(training.alphas[-1]), rel=1e-6)
    betas = torch.tensor(schedule.betas, dtype=torch.float64)
    gaps = (betas if spacing == "linear" else betas.sqrt()).diff()
    torch.testing.assert_close(gaps, gaps.mean().expand_as(gaps), rtol=1e-6, atol=1e-9)


def test_steps_are_those_of_the_paper() -> None:
    training = SCHEDULES[0]
    linear = by_step(training, 4, "linear").alphas
    torch.testing.assert_close(linear, training.alphas[[0, 333, 666, 999]])
    ends = [0, math.sqrt(800) / 3, 2 * math.sqrt(800) / 3, math.sqrt(800)]
    quadratic = by_step(training, 4, "quadratic").alphas
    torch.testing.assert_close(quadratic, training.alphas[[int(e**2 + 1e-9) for e in ends]])


def test_merged_steps_are_pushed_apart() -> None:
    schedule = by_step(SCHEDULES[1], 50, "quadratic")
    assert len(schedule) == 50


@pytest.mark.parametrize("steps", [1, 1001])
def test_impossible_lengths_are_skipped(steps: int) -> None:
    with pytest.raises(SkipContestantError, match="FastDPM needs 2 to 1000 steps"):
        CONTESTANTS["fastdpm-step"].prepare(steps, ContestantInputs(SCHEDULES[0], {}))


def test_fast_sampling_has_one_length() -> None:
    inputs = ContestantInputs(SCHEDULES[1], {})
    for name, last in (("fast-sampling", 0.5), ("fast-sampling-large", 0.7)):
        betas = CONTESTANTS[name].prepare(6, inputs).recipe["betas"]
        assert betas == [0.0001, 0.001, 0.01, 0.05, 0.2, last]
    with pytest.raises(SkipContestantError, match="published for 6 steps alone"):
        CONTESTANTS["fast-sampling"].prepare(7, inputs)


@pytest.mark.parametrize("name", ["ddim-snr", "ddim-snr-steps"])
def test_levels_are_equally_far_apart_in_log_snr(name: str) -> None:
    training = SCHEDULES[0]
    betas = CONTESTANTS[name].prepare(9, ContestantInputs(training, {})).recipe["betas"]
    places = torch.logit(NoiseSchedule(tuple(betas)).alphas.square())
    gaps = places.diff()
    torch.testing.assert_close(gaps, gaps.mean().expand_as(gaps))
    high, low = torch.logit(training.alphas.square())[[0, -1]].tolist()
    assert float(places[-1]) == pytest.approx(low)
    end = places[0] - gaps[0] if name.endswith("-steps") else places[0]  # of the last step, or not
    assert float(end) == pytest.approx(high)


@pytest.mark.parametrize("kernel", ["ddim", "ddpm"])
def test_one_step_of_log_snr_starts_in_noise(kernel: str) -> None:
    inputs = ContestantInputs(SCHEDULES[0], {})
    betas = CONTESTANTS[f"{kernel}-snr-steps"].prepare(1, inputs).recipe["betas"]
    assert NoiseSchedule(tuple(betas)).alphas.tolist() == pytest.approx(
        SCHEDULES[0].alphas[-1:].tolist()
    )
    with pytest.raises(SkipContestantError, match="two ends: one step is too few"):
        CONTESTANTS[f"{kernel}-snr"].prepare(1, inputs)
