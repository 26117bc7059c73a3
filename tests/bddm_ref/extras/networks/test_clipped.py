"""The clipped score network: exact where nothing is clipped, the clipped estimate elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.extras.networks.clipped import ClippedScoreNet


class Constant(nn.Module):
    """A network whose clean estimate is known: eps = (x - alpha x_0) / sqrt(delta)."""

    def __init__(self, x_0: Tensor) -> None:
        super().__init__()
        self.x_0 = x_0

    def forward(self, x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        a = alpha.reshape(-1, 1)
        return (x - a * self.x_0) / torch.sqrt(1 - a**2)


def estimate(x: Tensor, alpha: Tensor, eps: Tensor) -> Tensor:
    a = alpha.reshape(-1, 1)
    return (x - torch.sqrt(1 - a**2) * eps) / a


@pytest.mark.parametrize("alpha", [0.00635, 0.3, 0.9, 0.99995])
@pytest.mark.parametrize("bound", [1.0, 2.5])
def test_the_clean_estimate_is_clipped(alpha: float, bound: float) -> None:
    x_0 = torch.linspace(-4, 4, 33, dtype=torch.float64).repeat(2, 1)
    x = torch.randn(2, 33, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    levels = torch.full((2,), alpha, dtype=torch.float64)
    eps = ClippedScoreNet(Constant(x_0), bound)(x, levels)
    # The estimate divides the rounding of eps by alpha, and the rounding of delta by delta.
    tolerance = 1e-14 / (alpha * (1 - alpha))
    torch.testing.assert_close(
        estimate(x, levels, eps), x_0.clamp(-bound, bound), rtol=0, atol=tolerance
    )


def test_nothing_changes_inside_the_range() -> None:
    x_0 = torch.linspace(-0.99, 0.99, 33).repeat(2, 1)
    x = torch.randn(2, 33, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0.5, 0.05], dtype=torch.float64)
    plain = Constant(x_0)
    assert torch.equal(ClippedScoreNet(plain)(x, levels), plain(x, levels, None).to(x.dtype))


def test_it_clips_in_the_precision_of_x() -> None:
    class Rounded(nn.Module):
        def forward(self, x: Tensor, alpha: Tensor, condition: object) -> Tensor:
            return x.to(torch.bfloat16)

    eps = ClippedScoreNet(Rounded())(torch.ones(1, 4), torch.tensor([0.5], dtype=torch.float64))
    assert eps.dtype == torch.float32
