"""The mel feedback: shares of the bands, targets, and what a correction reaches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bddm_ref.extras.networks.bands import MelFeedback, band_shares

# Six bins, two bands: the first and the last bin belong to none.
FILTERBANK = torch.tensor([[0, 0], [1, 0], [3, 1], [0, 2], [0, 1], [0, 0]], dtype=torch.float32)


def test_shares_of_a_bin_sum_to_one_and_lonely_bins_take_the_nearest_band() -> None:
    expected = torch.tensor([[1, 1, 0.75, 0, 0, 0], [0, 0, 0.25, 1, 1, 1]])
    torch.testing.assert_close(band_shares(FILTERBANK), expected)


def test_lonely_bins_go_by_distance() -> None:
    """The last band takes the bins above all bands, wherever the middle is."""
    low = torch.cat([FILTERBANK, torch.zeros(10, 2)])
    assert torch.equal(band_shares(low)[:, 6:], torch.tensor([[0.0], [1.0]]).expand(2, 10))


def test_an_empty_band_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no bin"):
        MelFeedback(torch.cat([FILTERBANK, torch.zeros(6, 1)], dim=1), 4)


def test_target_power_is_that_of_gaussian_bins_with_the_mean_magnitude() -> None:
    power = 0.3
    mean_magnitude = math.sqrt(math.pi / 4 * power)
    target = MelFeedback(FILTERBANK, 4).target(mean_magnitude * FILTERBANK.sum(0)[None, None])
    torch.testing.assert_close(target.log_power, torch.full((1, 1, 2), math.log(power)))


def feedback(decide: float) -> MelFeedback:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = MelFeedback(FILTERBANK, 4)
    with torch.no_grad():
        module.decide.weight.fill_(decide)
    return module


def corrections(module: MelFeedback, magnitude: Tensor) -> Tensor:
    target = module.target(magnitude.new_ones(1, 3, 6) @ FILTERBANK)
    hidden = torch.zeros(1, 3, 4)
    with torch.no_grad():
        result: Tensor = module(magnitude, torch.zeros(1, 1, 1), target, hidden)
    return result


def test_starts_without_a_correction() -> None:
    magnitude = torch.rand(1, 3, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(corrections(feedback(0.0), magnitude), torch.zeros(1, 3, 6))


def test_a_wrong_band_corrects_its_own_bins_and_frame() -> None:
    module = feedback(1.0)
    right = torch.ones(1, 3, 6)
    wrong = right.clone()
    wrong[0, 1, 4] = 2.0  # in the second band alone
    change = corrections(module, wrong) - corrections(module, right)
    reached = change.abs() > 1e-6
    assert reached[0, 1].tolist() == [False, False, True, True, True, True]
    assert not reached[0, 0].any()
    assert not reached[0, 2].any()
    # Bins share a band's correction as they share the band.
    assert float(change[0, 1, 2] / change[0, 1, 3]) == pytest.approx(0.25, rel=1e-5)
