"""Items of the analytic track: vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from bddm_ref.extras.gaussian import Distance, Spectrum, divergence, wasserstein
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.tracks.analytic.data import Distributions
from benchmarks.tracks.parts import DrawItems, Items, refuse_amplitudes, refuse_diverged


class AnalyticItems(Items):
    """Vectors from known distributions, without a condition.

    Args:
        experiment: the experiment, with its conventions.
        training: the training schedule.
        distributions: the data.
    """

    def __init__(
        self, experiment: Experiment, training: NoiseSchedule, distributions: Distributions
    ) -> None:
        self._experiment = experiment
        self._training = training
        self._distributions = distributions

    def refuse_impossible(self) -> None:
        """Refuse conventions with an amplitude.

        Raises:
            ExperimentError: a convention has another amplitude than 1.
        """
        refuse_amplitudes(self._experiment, "known distributions")

    def shape(self, convention: Convention) -> tuple[int, ...]:
        """Dimensions of the distribution, ``(D,)``."""
        return (self._distributions.of(convention).dimensions,)

    def drawn(self, convention: Convention) -> DrawItems:
        """Make fresh draws."""
        return self._distributions.fresh(convention, self._experiment.schedule_net.batch_size)

    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """Draws of the validation split, ``(N, D)`` float64; no condition."""
        return self._distributions.draws(convention, "valid"), None

    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """Give None: vectors have no condition."""
        return None

    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Keep vectors as they are.

        Raises:
            DivergedError: a vector is not finite.
        """
        refuse_diverged(x_0)
        return x_0

    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Variances of the principal components of the validation split's draws."""
        items = self._distributions.draws(convention, "valid")
        is_gaussian = self._distributions.outputs_are_gaussian(convention)
        distance = divergence if is_gaussian else wasserstein
        return Spectrum.of_items(items, float(self._training.deltas[0])), distance
