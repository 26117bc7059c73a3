"""Networks of the analytic track: exact scores, or networks trained on fresh draws."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bddm_ref.extras.networks.vector_ratio import VectorRatioNet
from bddm_ref.extras.networks.vector_score import VectorScoreNet
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import EXACT, Convention, Experiment
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.tracks.analytic.data import Distributions
from benchmarks.tracks.analytic.exact_score import ExactScoreNets
from benchmarks.tracks.parts import KnownNetworks, Networks
from benchmarks.tracks.unconditional import unconditional_schedule_loss, unconditional_score_loss

NETWORKS: KnownNetworks = {
    "score_net": {
        EXACT: lambda size, schedule: ExactScoreNets(**size),
        "vector": lambda size, schedule: VectorScoreNet(**size),
    },
    "schedule_net": {"vector": lambda size, schedule: VectorRatioNet(**size)},
}


class AnalyticNetworks(Networks):
    """Exact scores of several distributions, or a network trained on one."""

    known = NETWORKS

    def __init__(
        self,
        experiment: Experiment,
        training: NoiseSchedule,
        device: torch.device,
        distributions: Distributions,
    ) -> None:
        super().__init__(experiment, training, device)
        self._distributions = distributions

    def refuse_impossible(self) -> None:
        """Refuse another device, bfloat16, compiling, and one network for many distributions.

        Raises:
            ExperimentError: names the field.
        """
        if self.device.type != "cpu":
            raise ExperimentError("device: the analytic track runs on the CPU; make it cpu")
        if self.experiment.bf16:
            raise ExperimentError("bf16: the analytic track is exact to float32; make it false")
        if self.experiment.compile != "no":
            raise ExperimentError("compile: the analytic track has no use for it; make it 'no'")
        if self.trains_score_net and (
            len(self._distributions.by_name) > 1
            or any(c.error for c in self.experiment.conventions)
        ):
            raise ExperimentError(
                "conventions: a trained score network is of one distribution and has no error; "
                "give each distribution an experiment, or make score_net.network exact"
            )

    def sizes(self, role: str, convention: Convention | None = None) -> dict[str, Any]:
        """The distributions of exact scores, or the dimensions of one distribution."""
        conventions = self.experiment.conventions
        if role == "score_net":
            if self.trains_score_net:
                return {"dimensions": self._distributions.of(conventions[0]).dimensions}
            names = self._distributions.name_of
            return {"distributions": {c.name: (names(c), c.error) for c in conventions}}
        assert convention is not None
        return {"dimensions": self._distributions.of(convention).dimensions}

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """Choose the exact score of the convention's distribution, or the one network."""
        if isinstance(score_net, ExactScoreNets):
            return score_net.nets[convention.name]
        return score_net

    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """Make the score loss on fresh draws.

        Raises:
            ExperimentError: an exact score is not trained.
        """
        if not self.trains_score_net:
            raise ExperimentError("score_net: an exact score is not trained")
        config = self.experiment.score_net
        draw = self._distributions.fresh(self.experiment.conventions[0], config.batch_size)
        return unconditional_score_loss(score_net, draw, config, self.training)

    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """Make the step loss on fresh draws."""
        score_net, schedule_net = networks
        seen = EvaluatedNet(self.for_convention(score_net, convention), self.experiment.bf16)
        config = self.experiment.schedule_net
        draw = self._distributions.fresh(convention, config.batch_size)
        return unconditional_schedule_loss(
            (seen, schedule_net), draw, self.training, form, tau, config.reduction
        )
