"""Score networks that are known instead of trained, and what samplers make of them exactly."""

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

RESIDUAL = 1e-4  # of the spread: how far samples may lie from the affine map that fits them best


class ExactScoreNet(nn.Module):
    """eps* of a distribution, plus an error of known size.

    The error is ``error`` sqrt(2) cos(d^2 + log SNR) in coordinate d: a function of the level
    alone, of root mean square ``error`` over levels, that leaves the output of Gaussian data
    Gaussian.

    Args:
        name: of the distribution.
        error: root mean square of the error, relative to the noise that is predicted.
    """

    def __init__(self, name: str, error: float = 0.0) -> None:
        super().__init__()
        self.exact = distribution(name)
        self.error = error
        # What the results' checksum of the "weights" vouches for.
        for part in ("weights", "means", "variances"):
            self.register_buffer(part, getattr(self.exact, part).clone())
        self.register_buffer("error_size", torch.tensor([error], dtype=torch.float64))

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        """X ``(B, D)``, alpha ``(B,)``; returns eps in the precision of x. No condition."""
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
    """Mean and variance of each coordinate of what a kernel makes of Gaussian data.

    With the exact score of N(mean, diag) every step is affine in each coordinate by itself, so that
    mean and variance follow a recursion.

    Args:
        score_net: eps = offset + slope x, coordinate by coordinate.
        schedule: the sampling schedule.
        kernel: a key's value of :data:`bddm_ref.process.KERNELS`.
        dimensions: D.

    Returns:
        ``(D,)`` and ``(D,)``, float64.
    """
    steps = affine_steps(score_net, schedule, kernel, dimensions)
    output = affine_chain(steps, start_variance=1.0)
    return output.shift, output.variance


def moments_of_samples(
    samples: Tensor, generators: Sequence[torch.Generator], draws: int
) -> tuple[Tensor, Tensor] | None:
    """Mean and variance of a sampler's output, exactly, from samples and the noise they came from.

    If each coordinate of a sample is an affine function of the noise its own coordinate was given,
    then least squares finds that function to rounding, and with it the moments, of any sampler.

    Args:
        samples: ``(N, D)``; N well above ``draws``.
        generators: one for each sample, as they were before its start noise was drawn.
        draws: how often noise may have been drawn for a sample, start noise included.

    Returns:
        ``(D,)`` and ``(D,)``, float64; None if the samples are no affine function of the noise.

    Raises:
        ValueError: too few samples for as many draws.
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
    """KL(data || N(mean, diag variance)) in nats, for Gaussian data."""
    ratio = data.variances[0] / variance
    apart = (data.means[0] - mean).square() / variance
    return float((ratio - 1 - ratio.log() + apart).sum() / 2)
