"""The scores part of the analytic track: exact divergences, and distances between sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Sampled, Watched, rows_of
from benchmarks.results.example_names import ExampleName
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.tracks.analytic.data import Distributions
from benchmarks.tracks.analytic.gallery import write_convention
from benchmarks.tracks.analytic.scored import METRICS, ScoredPoints, score_points
from benchmarks.tracks.parts import Scores
from benchmarks.tracks.shown import shown_samples

SPARE_ITEMS = 1.2  # samples per unknown of the regression that finds exact moments


class AnalyticScores(Scores):
    """Scores of sets of vectors.

    Args:
        experiment: the experiment, with rows and margins.
        progress: the display of the scoring.
        distributions: the data.
    """

    metric_names = tuple(METRICS)
    margins_needed = ("kl", "energy")

    def __init__(
        self, experiment: Experiment, progress: Progress, distributions: Distributions
    ) -> None:
        super().__init__(experiment, progress)
        self._distributions = distributions

    def refuse_impossible(self) -> None:
        """Refuse rows with too few samples for exact moments.

        Raises:
            ExperimentError: names the row.
        """
        for row in rows_of(self.experiment):
            needed = int(SPARE_ITEMS * row.steps) + 2
            if self._distributions.outputs_are_gaussian(row.convention) and row.items < needed:
                raise ExperimentError(
                    f"rows: {row.name}: {row.items} samples do not determine the moments of "
                    f"{row.steps} steps; make items {needed} or more"
                )

    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> ScoredPoints:
        """Score every row by every metric; the scores take seconds, and are not kept."""
        return score_points(self.experiment, self._distributions, self.progress, sampled)

    def keep_examples(
        self, sampled: Sequence[Sampled], watched: Sequence[Watched], folder: Path
    ) -> None:
        """Write a file of points for each convention: samples of rows, and draws of the data."""
        shown = shown_samples(sampled, self.experiment)
        for convention in self.experiment.conventions:
            mine = [one for one in shown if one.row.convention == convention]
            write_convention(mine, self._distributions, convention, folder)

    def example_names(self) -> set[str]:
        """The file of points of each convention."""
        names = (one.name for one in self.experiment.conventions)
        return {ExampleName("points", convention=name).file for name in names}
