"""Tests of what the training of a schedule network costs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmarks.claims.base import Finding, Test, verdict_of
from benchmarks.core.experiment import Experiment
from benchmarks.results.folder import MissingResultError, NetworkCost, ResultsFolder

FORWARD, BACKWARD = 1, 2  # operations of a pass, in those of a forward pass


class TrainingCost(Test):
    """The training of a schedule network costs at most so much.

    ``compute`` counts operations of the score network for all networks of a search: its own
    training needs forward and backward passes, that of schedule networks forward passes alone.
    ``seconds`` is the mean time of one network's training. Parameters stand beside.
    """

    kind: Literal["training_cost"]
    results: str = Field(description="document of the run that trained the schedule network")
    convention: str
    contestant: str = Field(default="bddm", description="whose search ran the networks")
    score_net: str = Field(description="card in results/weights")
    of: Literal["compute", "seconds"]
    at_most: float = Field(gt=0, description="share of the score network's training, or seconds")

    def decide(self, folder: ResultsFolder) -> Finding:
        """A plain comparison; updates, evaluations and parameters stand beside."""
        run = folder.run(self.results)
        cost = run.cost(self.convention, self.contestant)
        if cost is None or cost.schedule_net_steps is None or cost.schedule_net_seconds is None:
            raise MissingResultError(
                f"{self.results}.json has no training of the schedule network of "
                f"{self.convention}/{self.contestant}"
            )
        theirs = folder.network_cost(self.score_net)
        mine = NetworkCost(
            cost.schedule_net_parameters, cost.schedule_net_steps, cost.schedule_net_seconds
        )
        networks = max(1, round(mine.steps / run.settings.schedule_net.training.steps))
        if self.of == "compute":
            value, told = _share_of_compute(mine, theirs, run.settings)
            short = f"{value:.1%}"
        else:
            value = mine.seconds / networks
            told, short = (
                f"{value:.0f} s, the score network {theirs.seconds:.0f} s",
                f"{value:.0f} s",
            )
        told += f"; {networks} trained"
        measured = f"{told}; {_share(mine.parameters, theirs.parameters, 'parameters')}"
        return Finding(verdict_of(value <= self.at_most, value > self.at_most), measured, short)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        whose = f"of {self.results}.json, {self.convention}/{self.contestant}"
        if self.of == "seconds":
            return f"a schedule network {whose}: trained in at most {self.at_most:g} s"
        return (
            f"all schedule networks {whose}: at most {self.at_most:.0%} of the training compute of "
            f"{self.score_net}"
        )


def _share_of_compute(
    mine: NetworkCost, theirs: NetworkCost, settings: Experiment
) -> tuple[float, str]:
    """Share of the score network's training compute, with updates and evaluations in words."""
    ours = mine.steps * settings.schedule_net.batch_size
    whole = theirs.steps * settings.score_net.batch_size * settings.score_net.draws
    share = ours * FORWARD / (whole * (FORWARD + BACKWARD))
    told = (
        f"{share:.2%} of the compute: {_share(mine.steps, theirs.steps, 'updates')}, "
        f"{_share(ours, whole, 'evaluations')}, forward against forward and backward"
    )
    return share, told


def _share(mine: int, theirs: int, unit: str) -> str:
    return f"{mine} of {theirs} {unit} = {mine / theirs:.1%}"
