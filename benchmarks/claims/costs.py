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

    ``compute`` counts operations of the score network: its own training needs forward and backward
    passes, the schedule network's forward passes alone. ``seconds`` is the whole training's time.
    The number of parameters stands beside.
    """

    kind: Literal["training_cost"]
    results: str = Field(description="document of the run that trained the schedule network")
    convention: str
    score_net: str = Field(description="card in results/weights")
    of: Literal["compute", "seconds"]
    at_most: float = Field(gt=0, description="share of the score network's training, or seconds")

    def decide(self, folder: ResultsFolder) -> Finding:
        """A plain comparison; updates, evaluations and parameters stand beside."""
        run = folder.run(self.results)
        cost = run.cost(self.convention, "bddm")
        if cost is None or cost.schedule_net_steps is None or cost.schedule_net_seconds is None:
            raise MissingResultError(
                f"{self.results}.json has no training of BDDM's schedule network, {self.convention}"
            )
        theirs = folder.network_cost(self.score_net)
        mine = NetworkCost(
            cost.schedule_net_parameters, cost.schedule_net_steps, cost.schedule_net_seconds
        )
        value, told = (
            _share_of_compute(mine, theirs, run.settings)
            if self.of == "compute"
            else (mine.seconds, f"{mine.seconds:.0f} s, the score network {theirs.seconds:.0f} s")
        )
        short = f"{value:.1%}" if self.of == "compute" else f"{value:.0f} s"
        measured = f"{told}; {_share(mine.parameters, theirs.parameters, 'parameters')}"
        return Finding(verdict_of(value <= self.at_most, value > self.at_most), measured, short)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        whose = f"schedule network of {self.results}.json, {self.convention}"
        if self.of == "seconds":
            return f"{whose}: trained in at most {self.at_most:g} s"
        return f"{whose}: at most {self.at_most:.0%} of the training compute of {self.score_net}"


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
