"""Reverse processes on independent Gaussians, in closed form. Not of the papers.

With the exact score every reverse step is affine, so that what any schedule makes of a Gaussian
follows by arithmetic, without a network and without sampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bddm_ref.process import Kernel
from bddm_ref.schedule import NoiseSchedule


@dataclass(frozen=True)
class Spectrum:
    """Independent Gaussians with the variances of some data.

    Raises:
        ValueError: the shapes differ, or a variance is not above 0.
    """

    variances: Tensor  # (K,) float64
    means: Tensor  # (K,) float64
    weights: Tensor  # (K,) float64, of the components in a distance

    def __post_init__(self) -> None:
        if not self.variances.shape == self.means.shape == self.weights.shape:
            raise ValueError("a spectrum has one variance, mean and weight for each component")
        if not bool((self.variances > 0).all()):
            raise ValueError("the variances of a spectrum must be above 0")

    @classmethod
    def of_items(cls, items: Tensor, smallest: float) -> Spectrum:
        """The principal components of items ``(N, D)``, their variances ``smallest`` at least."""
        points = items.to(torch.float64)
        variances, axes = torch.linalg.eigh(torch.cov(points.T).reshape(points.shape[1], -1))
        means = axes.T @ points.mean(0)
        return cls(variances.clamp(min=smallest), means, torch.ones_like(means))

    @classmethod
    def of_variances(cls, variances: Tensor, bins: int, smallest: float) -> Spectrum:
        """The distribution of many variances, means being 0: ``bins`` on a log scale."""
        logs = variances.flatten().to(torch.float64).clamp(min=smallest).log()
        edges = torch.linspace(math.log(smallest), float(logs.max()), bins + 1).to(logs)
        counts = torch.histogram(logs, edges).hist
        centres = ((edges[1:] + edges[:-1]) / 2).exp()
        return cls(centres, torch.zeros_like(centres), counts / counts.sum())


Distance = Callable[[Spectrum, Tensor, Tensor], float]
"""``(spectrum, errors of the means, variances)`` of a sampler's output, to its distance."""


def wasserstein(spectrum: Spectrum, errors: Tensor, variances: Tensor) -> float:
    """Squared 2-Wasserstein distance, which is what a Fréchet distance is of features."""
    parts = (variances.sqrt() - spectrum.variances.sqrt()).square() + errors.square()
    return float((spectrum.weights * parts).sum())


def divergence(spectrum: Spectrum, errors: Tensor, variances: Tensor) -> float:
    """KL(data || output), in nats."""
    ratios = spectrum.variances / variances
    parts = (ratios - 1 - ratios.log() + errors.square() / variances) / 2
    return float((spectrum.weights * parts).sum())


def loudness(spectrum: Spectrum, errors: Tensor, variances: Tensor) -> float:
    """Squared differences of the fourth roots of powers, which are heard about as loudness is.

    Zwicker's exponent of loudness is 0.23; in PESQ it is near that too.
    """
    parts = (variances.pow(0.25) - spectrum.variances.pow(0.25)).square()
    return float((spectrum.weights * parts).sum())


def output_moments(
    schedule: NoiseSchedule, kernel: Kernel, spectrum: Spectrum
) -> tuple[Tensor, Tensor]:
    """What a reverse process from N(0, I) with the exact score makes of a spectrum.

    The exact eps*(x) of N(mu, v) at the level alpha is sqrt(delta) (x - alpha mu) / (alpha^2 v +
    delta).

    Returns:
        Errors of the means, and variances, of the outputs: ``(K,)`` float64 each.
    """
    v, mu = spectrum.variances, spectrum.means
    mean, variance = torch.zeros_like(v), torch.ones_like(v)
    levels = zip(schedule.alphas.tolist(), schedule.deltas.tolist(), schedule.betas, strict=True)
    for n, (alpha, delta, beta) in reversed(list(enumerate(levels))):
        step = kernel(alpha, beta)
        slope = step.eps * math.sqrt(delta) / (alpha**2 * v + delta)
        mean = (step.signal + slope) * mean - slope * alpha * mu
        noise = step.noise**2 if n > 0 else 0.0  # as in bddm_ref.sampling.sample
        variance = (step.signal + slope).square() * variance + noise
    return mean - mu, variance
