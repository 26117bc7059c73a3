"""Reverse processes on independent Gaussians, in closed form. Not from the papers.

With the exact score of a Gaussian every reverse step is affine. The output's mean and variance then
follow by arithmetic, without a network and without sampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bddm_ref.process import Kernel, ScoreNet, reverse_steps
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
        """Take the principal components of items ``(N, D)``; variances are clamped below."""
        points = items.to(torch.float64)
        variances, axes = torch.linalg.eigh(torch.cov(points.T).reshape(points.shape[1], -1))
        means = axes.T @ points.mean(0)
        return cls(variances.clamp(min=smallest), means, torch.ones_like(means))

    @classmethod
    def of_variances(cls, variances: Tensor, bins: int, smallest: float) -> Spectrum:
        """Summarise many variances of zero-mean data by ``bins`` components on a log scale."""
        logs = variances.flatten().to(torch.float64).clamp(min=smallest).log()
        edges = torch.linspace(math.log(smallest), float(logs.max()), bins + 1).to(logs)
        counts = torch.histogram(logs, edges).hist
        centres = ((edges[1:] + edges[:-1]) / 2).exp()
        return cls(centres, torch.zeros_like(centres), counts / counts.sum())


Distance = Callable[[Spectrum, Tensor, Tensor], float]
"""``(spectrum, errors of the means, variances) -> distance`` of a sampler's output."""


def wasserstein(spectrum: Spectrum, errors: Tensor, variances: Tensor) -> float:
    """Compute the squared 2-Wasserstein distance: a Fréchet distance without a feature network."""
    parts = (variances.sqrt() - spectrum.variances.sqrt()).square() + errors.square()
    return float((spectrum.weights * parts).sum())


def divergence(spectrum: Spectrum, errors: Tensor, variances: Tensor) -> float:
    """Compute KL(data || output), in nats."""
    ratios = spectrum.variances / variances
    parts = (ratios - 1 - ratios.log() + errors.square() / variances) / 2
    return float((spectrum.weights * parts).sum())


def loudness(spectrum: Spectrum, errors: Tensor, variances: Tensor) -> float:
    """Sum squared differences of the fourth roots of powers, which approximate loudness.

    Zwicker's exponent of loudness is 0.23; PESQ uses a similar exponent.
    """
    parts = (variances.pow(0.25) - spectrum.variances.pow(0.25)).square()
    return float((spectrum.weights * parts).sum())


class AffineStep(NamedTuple):
    """One reverse step on independent coordinates: x_{n-1} = gain x_n + shift + noise z."""

    gain: Tensor  # (K,) float64
    shift: Tensor  # (K,) float64
    noise: float  # standard deviation


class AffineMap(NamedTuple):
    """A reverse process on independent coordinates: x_0 ~ N(gain x_N + shift, variance)."""

    gain: Tensor  # (K,) float64
    shift: Tensor  # (K,) float64
    variance: Tensor  # (K,) float64


def affine_chain(steps: Iterable[AffineStep], start_variance: float) -> AffineMap:
    """Compose affine reverse steps, from step N to step 1.

    Args:
        steps: at least one; the first is applied to x_N.
        start_variance: variance of x_N that the result's variance includes. With 0 the result is
            the distribution of x_0 given x_N. With 1 its shift and variance are the moments of x_0
            from x_N ~ N(0, I).

    Returns:
        ``(K,)`` each, float64.
    """
    start = torch.tensor([1.0, 0.0, start_variance], dtype=torch.float64)
    gain, shift, variance = start.unbind()
    for step in steps:
        gain, shift = step.gain * gain, step.gain * shift + step.shift
        variance = step.gain.square() * variance + step.noise**2
    return AffineMap(gain, shift, variance)


def affine_steps(
    score_net: ScoreNet, schedule: NoiseSchedule, kernel: Kernel, dimensions: int
) -> Iterator[AffineStep]:
    """Read affine reverse steps off a score network, from step N to step 1.

    Args:
        score_net: eps = offset + slope x, coordinate by coordinate.
        schedule: the sampling schedule.
        kernel: one of :data:`bddm_ref.process.KERNELS`.
        dimensions: D.

    Yields:
        Steps of D coordinates.
    """
    zero = torch.zeros(dimensions, dtype=torch.float64)
    probe = torch.stack([zero, torch.ones_like(zero)])
    steps = reverse_steps(schedule, kernel)
    for n in reversed(range(len(steps))):
        offset, shifted = score_net(probe, schedule.alphas[n : n + 1].expand(2), None)
        slope = shifted - offset
        yield AffineStep(
            steps[n].signal + steps[n].eps * slope, steps[n].eps * offset, steps[n].noise
        )


def output_moments(
    schedule: NoiseSchedule, kernel: Kernel, spectrum: Spectrum
) -> tuple[Tensor, Tensor]:
    """Compute the moments of a reverse process from N(0, I) with the exact score of a spectrum.

    The exact eps*(x) of N(mu, v) at the level alpha is sqrt(delta) (x - alpha mu) / (alpha^2 v +
    delta).

    Returns:
        Errors of the means, and variances, of the outputs: ``(K,)`` float64 each.
    """
    v, mu = spectrum.variances, spectrum.means

    def exact_steps() -> Iterator[AffineStep]:
        steps = reverse_steps(schedule, kernel)
        levels = zip(schedule.alphas.tolist(), schedule.deltas.tolist(), steps, strict=True)
        for alpha, delta, step in reversed(list(levels)):
            slope = step.eps * math.sqrt(delta) / (alpha**2 * v + delta)
            yield AffineStep(step.signal + slope, -slope * alpha * mu, step.noise)

    output = affine_chain(exact_steps(), start_variance=1.0)
    return output.shift - mu, output.variance
