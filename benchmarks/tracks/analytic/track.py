"""The analytic track: data of known density, with exact scores or a network trained on draws.

With exact scores, each convention of an experiment has its own distribution (``data``), and may
have an error of its score (``error``). So one table shows them side by side. A network is trained
on one distribution.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.core.errors import ExperimentError
from benchmarks.core.rows import rows_of
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.analytic.data import Distributions, KnownData
from benchmarks.tracks.analytic.items import AnalyticItems
from benchmarks.tracks.analytic.judge import AnalyticJudge
from benchmarks.tracks.analytic.networks import NETWORKS, AnalyticNetworks
from benchmarks.tracks.analytic.scores import AnalyticScores
from benchmarks.tracks.base import Track, Trained, Work

FEWEST = 2  # vectors of a set whose distances of pairs have a mean


class AnalyticTrack(Track):
    """Vectors from Gaussians and mixtures of Gaussians."""

    known_networks = NETWORKS

    def _assemble(self, progress: Progress, device: torch.device) -> None:
        experiment, training = self.experiment, self.training
        self.distributions = Distributions(experiment)
        self.networks = AnalyticNetworks(experiment, training, device, self.distributions)
        self.items = AnalyticItems(experiment, training, self.distributions)
        self.judge = AnalyticJudge(self.distributions)
        self.scores = AnalyticScores(experiment, progress, self.distributions)

    @property
    def data(self) -> KnownData:
        """The facts about the distributions."""
        return self.distributions.known

    def check_data(self, trained: Trained) -> list[str]:
        """Refuse too few vectors for exact moments, and single ones for distances of pairs."""
        self.scores.refuse_impossible()
        search, convention = self.experiment.search, self.experiment.conventions
        if all(self.distributions.outputs_are_gaussian(one) for one in convention):
            return []
        counts = {f"rows: {row.name}": row.items * row.seeds for row in rows_of(self.experiment)}
        counts["search.judge_items"] = search.judge_items
        counts["search.finalist_items"] = search.finalist_items
        for field, count in counts.items():
            if count < FEWEST:
                raise ExperimentError(
                    f"{field}: an energy distance needs {FEWEST} vectors or more, not {count}"
                )
        return []

    def identity(self, work: Work) -> dict[str, Any]:
        """No entries: the checksum of the distributions, and the noise, decide everything."""
        return {}
