"""The shortest path against all paths, and its length against the ELBO itself."""

from __future__ import annotations

import itertools

import pytest
import torch

from bddm_ref.elbo_bound import expected_elbo
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.distributions import distribution
from benchmarks.searches.elbo_paths import best_paths

TRAINING = NoiseSchedule.linear(14, 1e-3, 0.5)
DATA = distribution("gaussian-5")


def error(alpha: float) -> float:
    return 1 - DATA.power(alpha)


def bound(schedule: NoiseSchedule) -> float:
    """But for the prior, which all sub-sequences share."""
    return float(expected_elbo(schedule, error, 1.0).bound(fitted=True))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 14])
def test_no_sub_sequence_has_a_larger_elbo(length: int) -> None:
    errors = torch.tensor([error(a) for a in TRAINING.alphas.tolist()], dtype=torch.float64)
    found = best_paths(TRAINING, errors, [length])[length]
    every = [
        bound(NoiseSchedule.from_alphas(TRAINING.alphas[[*chosen, 13]]))
        for chosen in itertools.combinations(range(13), length - 1)
    ]
    assert len(found) == length
    assert float(found.alphas[-1]) == pytest.approx(float(TRAINING.alphas[-1]))
    assert bound(found) == pytest.approx(max(every), rel=1e-9)
    assert length in {1, 14} or max(every) > min(every) + 1e-3


def test_lengths_that_the_training_schedule_lacks_are_missing() -> None:
    assert best_paths(TRAINING, torch.ones(14, dtype=torch.float64), []) == {}
