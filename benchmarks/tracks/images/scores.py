"""The scores part of the image track: distances between sets of features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Sampled, Watched, rows_of
from benchmarks.results.example_names import ExampleName
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.features import Features, score_images
from benchmarks.tracks.images.gallery import write_denoising, write_grids
from benchmarks.tracks.images.judge import ImageJudge
from benchmarks.tracks.images.scored import ScoredImages
from benchmarks.tracks.parts import Scores

WATCHED = 16  # images whose denoising is kept


class ImageScores(Scores):
    """Scores of sets of images.

    Args:
        experiment: the experiment, with margins and counts.
        progress: the display of the scoring.
        pictures: the data.
        judge: the network whose features are compared.
    """

    metric_names = ("fd", "fd_common", "kd", "precision", "recall")
    margins_needed = ("fd",)

    def __init__(
        self, experiment: Experiment, progress: Progress, pictures: Pictures, judge: ImageJudge
    ) -> None:
        super().__init__(experiment, progress)
        self._pictures = pictures
        self._judge = judge

    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> ScoredImages:
        """Compute features of every sample, and of the images that samples are compared with."""
        features = Features(workspace, self._judge.extractor, self._judge.sha256, self._pictures)
        return score_images(self.experiment, features, self.progress, sampled)

    @property
    def watched_items(self) -> int:
        """The first images of a grid; none where the experiment keeps no grids."""
        return min(WATCHED, self.experiment.grid_items)

    def keep_examples(
        self, sampled: Sequence[Sampled], watched: Sequence[Watched], folder: Path
    ) -> None:
        """Write PNG grids: test images, samples of each row, and clean estimates."""
        if self.experiment.grid_items == 0:
            return
        test = self._pictures.scored("test").pixels
        write_grids(sampled, test, self.experiment.grid_items, folder)
        write_denoising(watched, folder)

    def example_names(self) -> set[str]:
        """Files of the grids; none where the experiment keeps none."""
        rows = rows_of(self.experiment) if self.experiment.grid_items else []
        return {ExampleName("grid", row.id).file for row in rows}
