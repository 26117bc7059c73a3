"""Score networks that are known instead of trained, and exact moments of samplers' outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.extras.gaussian import affine_chain, affine_steps
from bddm_ref.process import Kernel, ScoreNet
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.distributions import GaussianMixture, distribution

RESIDUAL = 1e-4  # largest distance of samples from their best affine fit, as a share of spread


class ExactScoreNet(nn.Module):
    """The exact eps* of a distribution, plus an error of known size.

    The error is ``error`` sqrt(2) cos(d^2 + log SNR) in coordinate d. The error depends on the
    level alone, so that Gaussian data still have Gaussian outputs. Its root mean square over levels
    is ``error``.

    Args:
        name: name of the distribution.
        error: root mean square of the error, relative to the noise that is predicted.
    """

    def __init__(self, name: str, error: float = 0.0) -> None:
        super().__init__()
        self.exact = distribution(name)
        self.error = error
        # The results' checksum of the "weights" covers these buffers.
        for part in ("weights", "means", "variances"):
            self.register_buffer(part, getattr(self.exact, part).clone())
        self.register_buffer("error_size", torch.tensor([error], dtype=torch.float64))

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        """Predict the noise of x ``(B, D)`` at alpha ``(B,)``, without a condition.

        Returns:
            eps, ``(B, D)`` in the precision of x.
        """
        eps = self.exact.eps(x, alpha)
        if self.error:
            phases = torch.arange(x.shape[1], dtype=torch.float64).square()
            levels = torch.logit(alpha.double().square())[:, None]
            eps = eps + self.error * math.sqrt(2) * torch.cos(phases + levels)
        return eps.to(x.dtype)


class ExactScoreNets(nn.Module):
    """One score network for each convention of an experiment.

    Args:
        distributions: convention to (name of its distribution, error of its score).
    """

    def __init__(self, distributions: Mapping[str, tuple[str, float]]) -> None:
        super().__init__()
        self.nets = nn.ModuleDict(
            {
                convention: ExactScoreNet(name, error)
                for convention, (name, error) in distributions.items()
            }
        )


def affine_moments(
    score_net: ScoreNet, schedule: NoiseSchedule, kernel: Kernel, dimensions: int
) -> tuple[Tensor, Tensor]:
    """Mean and variance of each coordinate of a kernel's output on Gaussian data.

    With the exact score of N(mean, diag) every step is affine in each coordinate by itself. So mean
    and variance follow a recursion.

    Args:
        score_net: the network eps = offset + slope x, coordinate by coordinate.
        schedule: the sampling schedule.
        kernel: a value of :data:`bddm_ref.process.KERNELS`.
        dimensions: D.

    Returns:
        Mean and variance, ``(D,)`` each, float64.
    """
    steps = affine_steps(score_net, schedule, kernel, dimensions)
    output = affine_chain(steps, start_variance=1.0)
    return output.shift, output.variance


def moments_of_samples(
    samples: Tensor, generators: Sequence[torch.Generator], draws: int
) -> tuple[Tensor, Tensor] | None:
    """Exact mean and variance of a sampler's output, from samples and their noise.

    Suppose that each coordinate of a sample is an affine function of its own coordinate's noise.
    Then least squares finds that function to rounding, and with it the moments, for any sampler.

    Args:
        samples: ``(N, D)``; N well above ``draws``.
        generators: one generator for each sample, in its state before the start noise was drawn.
        draws: the largest number of draws of noise for a sample, start noise included.

    Returns:
        Mean and variance, ``(D,)`` each, float64; None if the samples are no affine function of
        the noise.

    Raises:
        ValueError: the samples are too few for that many draws.
    """
    count, dimensions = samples.shape
    if count < draws + 2:
        raise ValueError(f"{count} samples cannot tell the effect of {draws} draws of noise")
    noise = torch.empty(count, draws, dimensions)
    for item, generator in zip(noise, generators, strict=True):
        for row in item:
            row.normal_(generator=generator)
    ones = torch.ones(count, 1, dtype=torch.float64)
    means, variances = [], []
    for coordinate in range(dimensions):
        design = torch.cat([ones, noise[:, :, coordinate].double()], dim=1)
        wanted = samples[:, coordinate].double()
        found = torch.linalg.lstsq(design, wanted[:, None], driver="gels").solution[:, 0]
        if float((design @ found - wanted).std()) > RESIDUAL * float(wanted.std()):
            return None
        means.append(found[0])
        variances.append(found[1:].square().sum())
    return torch.stack(means), torch.stack(variances)


def gaussian_kl(data: GaussianMixture, mean: Tensor, variance: Tensor) -> float:
    """KL(data || N(mean, diag variance)) in nats, for Gaussian data.

    Args:
        data: a single Gaussian.
        mean: mean of the sampler's output, ``(D,)``.
        variance: variance of the sampler's output, ``(D,)``.
    """
    ratio = data.variances[0] / variance
    apart = (data.means[0] - mean).square() / variance
    return float((ratio - 1 - ratio.log() + apart).sum() / 2)
