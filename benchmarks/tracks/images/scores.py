"""The scores part of the image track: distances between sets of features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Sampled, rows_of
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.features import Features, score_images
from benchmarks.tracks.images.gallery import grid_name, write_grids
from benchmarks.tracks.images.judge import ImageJudge
from benchmarks.tracks.images.scored import ScoredImages
from benchmarks.tracks.parts import Scores


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

    def keep_examples(self, sampled: Sequence[Sampled], folder: Path) -> None:
        """Write one PNG grid for each row, all from the same noise, and one of test images."""
        if self.experiment.grid_items == 0:
            return
        test = self._pictures.scored("test").pixels
        write_grids(sampled, test, self.experiment.grid_items, folder / "grids")

    def example_names(self) -> set[str]:
        """Names of the grids; none where the experiment keeps none."""
        wanted = self.experiment.grid_items > 0
        return {grid_name(row.key) for row in rows_of(self.experiment) if wanted}
