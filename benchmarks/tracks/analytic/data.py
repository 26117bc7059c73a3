"""The known distributions of the analytic track, and draws from them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import EXACT, Convention, Experiment
from benchmarks.data.distributions import GaussianMixture, distribution
from benchmarks.tracks.parts import DrawItems

SEEDS = {"valid": 1, "test": 2, "floor": 3}  # of the draws from the data
REFERENCE = 10_000  # draws that samples are compared with
JUDGE_REFERENCE = 4_000  # draws that the search's judge compares with


class KnownData:
    """The facts about known distributions, which need not be fetched.

    Args:
        distributions: the distributions by name.
    """

    name = "analytic"

    def __init__(self, distributions: Mapping[str, GaussianMixture]) -> None:
        digest = hashlib.sha256()
        for name, known in sorted(distributions.items()):
            digest.update(name.encode())
            for part in (known.weights, known.means, known.variances):
                digest.update(part.numpy().tobytes())
        self.sha256 = digest.hexdigest()

    def digest(self, split: str) -> str:
        """Checksum of the distributions, which all splits are drawn from."""
        return self.sha256

    def sizes(self) -> dict[str, int]:
        """Number of draws that samples are compared with."""
        return {"valid": JUDGE_REFERENCE, "test": REFERENCE}


class Distributions:
    """The distributions of an experiment, one for each convention.

    Args:
        experiment: names the distributions, and says whether the score is exact.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment

    @cached_property
    def by_name(self) -> dict[str, GaussianMixture]:
        """The distributions by name.

        Raises:
            ExperimentError: a name is unknown.
        """
        names = {self.name_of(convention) for convention in self._experiment.conventions}
        try:
            return {name: distribution(name) for name in names}
        except ValueError as error:
            raise ExperimentError(f"conventions: data: {error}") from error

    @cached_property
    def known(self) -> KnownData:
        """The facts about the distributions that results state."""
        return KnownData(self.by_name)

    def name_of(self, convention: Convention) -> str:
        """The name of a convention's distribution."""
        return convention.data or self._experiment.data

    def of(self, convention: Convention) -> GaussianMixture:
        """The distribution of a convention."""
        return self.by_name[self.name_of(convention)]

    def draws(self, convention: Convention, split: str) -> Tensor:
        """Draw the same vectors each time.

        Args:
            convention: the convention, which says the distribution.
            split: ``valid``, ``test``, or ``floor``, which has as many draws as there are samples.

        Returns:
            The vectors, ``(N, D)`` float64.
        """
        floor = self._experiment.test_items
        count = {"valid": JUDGE_REFERENCE, "test": REFERENCE, "floor": floor}
        generator = torch.Generator().manual_seed(SEEDS[split])
        return self.of(convention).sample(count[split], generator)

    def fresh(self, convention: Convention, count: int) -> DrawItems:
        """Make draws of ``count`` random vectors, ``(count, D)`` float32."""
        data = self.of(convention)
        return lambda generator: data.sample(count, generator).float()

    def outputs_are_gaussian(self, convention: Convention) -> bool:
        """Tell whether plain samplers have Gaussian outputs: with exact scores of a Gaussian."""
        is_exact = self._experiment.score_net.network == EXACT
        return is_exact and self.of(convention).is_gaussian
