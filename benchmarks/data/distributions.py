"""Distributions with known density, scores and moments, and known eps* at every level.

Components have diagonal covariances. Gaussians lose nothing by this restriction: the process adds
isotropic noise, so that any covariance is diagonal in its own axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.core.errors import UserError

NARROWEST = 0.05  # smallest standard deviation of a coordinate
RESOLUTION = 8  # points of an integral per smallest standard deviation
REACH = 12.0  # standard deviations that an integral goes beyond the outermost mean


@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of Gaussians with diagonal covariances, float64.

    Args:
        weights: ``(K,)``, of sum 1.
        means: ``(K, D)``.
        variances: ``(K, D)``.
        mixed: number of leading coordinates in which components may differ, at most two. All
            other coordinates have known integrals.
    """

    weights: Tensor
    means: Tensor
    variances: Tensor
    mixed: int

    @property
    def dimensions(self) -> int:
        """Number of dimensions, D."""
        return self.means.shape[1]

    @property
    def is_gaussian(self) -> bool:
        """Tell whether there is one component."""
        return len(self.weights) == 1

    @property
    def mean(self) -> Tensor:
        """Mean of the mixture, ``(D,)``."""
        return self.weights @ self.means

    @property
    def variance(self) -> Tensor:
        """Variance of each coordinate of the mixture, ``(D,)``."""
        return self.weights @ (self.variances + self.means.square()) - self.mean.square()

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Independent draws, ``(count, D)`` float64."""
        chosen = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        z = torch.randn(count, self.dimensions, generator=generator, dtype=torch.float64)
        return self.means[chosen] + self.variances[chosen].sqrt() * z

    def noisy(self, alpha: float) -> GaussianMixture:
        """The distribution of x_t = alpha x_0 + sqrt(delta) eps."""
        delta = (1 - alpha) * (1 + alpha)
        return GaussianMixture(
            self.weights, alpha * self.means, alpha**2 * self.variances + delta, self.mixed
        )

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density of ``x`` ``(B, D)`` in nats, ``(B,)``."""
        return torch.logsumexp(self._joint(x, self.means, self.variances), dim=1)

    def eps(self, x: Tensor, alpha: Tensor) -> Tensor:
        """Perfect noise prediction E[eps | x_t = x] = -sqrt(delta) grad log p_t(x).

        Args:
            x: ``(B, D)``.
            alpha: levels, ``(B,)``.

        Returns:
            ``(B, D)``, float64.
        """
        x, level = x.double(), alpha.double()[:, None, None]
        delta = (1 - level) * (1 + level)
        means = level * self.means
        variances = level.square() * self.variances + delta
        shares = torch.softmax(self._joint(x, means, variances), dim=1)
        pull = (x[:, None] - means) / variances
        return delta[:, 0].sqrt() * torch.einsum("bk,bkd->bd", shares, pull)

    def _joint(self, x: Tensor, means: Tensor, variances: Tensor) -> Tensor:
        """Log of weight times density of each component, ``(B, K)``."""
        squares = (x.double()[:, None] - means).square() / variances
        logs = (squares + variances.log() + math.log(2 * math.pi)).sum(-1)
        return self.weights.log() - logs / 2

    def power(self, alpha: float) -> float:
        """Share of the noise's power that can be recovered at a level: s = E|eps*|^2 / D."""
        delta = (1 - alpha) * (1 + alpha)
        noisy = self.noisy(alpha)
        known = float((delta / noisy.variances[0, self.mixed :]).sum())
        if self.mixed == 0:
            return known / self.dimensions
        level = torch.tensor([alpha], dtype=torch.float64)
        core = self.core()
        mixed = noisy.core().expectation(
            lambda x: core.eps(x, level.expand(len(x))).square().sum(1)
        )
        return (known + mixed) / self.dimensions

    def entropy(self) -> float:
        """Entropy E[-log p(x)] in nats."""
        rest = self.variances[0, self.mixed :]
        known = float((rest.log() + 1 + math.log(2 * math.pi)).sum() / 2)
        if self.mixed == 0:
            return known
        core = self.core()
        return known - core.expectation(core.log_prob)

    def core(self) -> GaussianMixture:
        """The mixture over the mixed coordinates alone."""
        kept = slice(self.mixed)
        return GaussianMixture(
            self.weights, self.means[:, kept], self.variances[:, kept], self.mixed
        )

    def expectation(self, function: Callable[[Tensor], Tensor]) -> float:
        """Compute E[f(x)] by the trapezoidal rule, which converges exponentially here.

        Args:
            function: ``(B, D)`` to ``(B,)``.

        Raises:
            ValueError: more than two dimensions.
        """
        if self.dimensions > 2:
            raise ValueError(f"integrals over {self.dimensions} dimensions take too many points")
        axes = [self._axis(d) for d in range(self.dimensions)]
        cell = math.prod(float(axis[1] - axis[0]) for axis in axes)
        total = 0.0
        for part in torch.cartesian_prod(*axes).reshape(-1, self.dimensions).split(100_000):
            total += float((self.log_prob(part).exp() * function(part)).sum())
        return total * cell

    def _axis(self, coordinate: int) -> Tensor:
        means, deviations = self.means[:, coordinate], self.variances[:, coordinate].sqrt()
        low = float((means - REACH * deviations).min())
        high = float((means + REACH * deviations).max())
        points = math.ceil((high - low) / float(deviations.min()) * RESOLUTION) + 1
        return torch.linspace(low, high, points, dtype=torch.float64)


def gaussian(dimensions: int) -> GaussianMixture:
    """One Gaussian; standard deviations fall geometrically from 1 towards NARROWEST."""
    means = 0.5 * (-1.0) ** torch.arange(dimensions, dtype=torch.float64)
    variances = _spectrum(dimensions).square()
    return GaussianMixture(torch.ones(1).double(), means[None], variances[None], 0)


def modes(dimensions: int) -> GaussianMixture:
    """Three unequal modes along the first coordinate; a Gaussian of mean 0 in all others."""
    centres = torch.tensor([[-1.0], [0.2], [1.0]], dtype=torch.float64)
    return _around(centres, torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64), dimensions)


def ring(dimensions: int) -> GaussianMixture:
    """Eight equal modes on the unit circle of the first two coordinates.

    All other coordinates are Gaussian with mean 0, as in `modes`.

    Raises:
        UserError: there is only one dimension.
    """
    if dimensions < 2:
        raise UserError("a ring needs at least 2 dimensions")
    angles = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    centres = torch.stack([angles.cos(), angles.sin()], dim=1)
    return _around(centres, torch.full((8,), 1 / 8, dtype=torch.float64), dimensions)


def _around(centres: Tensor, weights: Tensor, dimensions: int) -> GaussianMixture:
    modes, mixed = centres.shape
    means = torch.zeros(modes, dimensions, dtype=torch.float64)
    means[:, :mixed] = centres
    variances = torch.full_like(means, 0.15**2)
    variances[:, mixed:] = _spectrum(dimensions - mixed).square()
    return GaussianMixture(weights, means, variances, mixed)


def _spectrum(dimensions: int) -> Tensor:
    places = torch.arange(dimensions, dtype=torch.float64).add(0.5).div(max(dimensions, 1))
    return NARROWEST**places


FAMILIES: dict[str, Callable[[int], GaussianMixture]] = {
    "gaussian": gaussian,
    "modes": modes,
    "ring": ring,
}
LARGEST = 64  # dimensions


def distribution(name: str) -> GaussianMixture:
    """Distribution of a name such as ``ring-16``: family and dimensions.

    Raises:
        UserError: the family is unknown, or the dimensions lie outside 1..64.
    """
    family, _, size = name.rpartition("-")
    if (
        family not in FAMILIES
        or not (size.isascii() and size.isdigit())
        or not 1 <= int(size) <= LARGEST
    ):
        raise UserError(
            f"{name!r} is no distribution: give one of {', '.join(FAMILIES)}, a hyphen, and 1 to "
            f"{LARGEST} dimensions, as in 'ring-16'"
        )
    return FAMILIES[family](int(size))
