"""The recordings of the speech track, and the clips that are cut from them."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.data.clips import Clip, centre_clips, spread_clips
from benchmarks.data.crops import CropTable
from benchmarks.data.speech import SpeechCorpus, Utterance, open_corpus
from benchmarks.runtime.progress import Progress


class Recordings:
    """The recordings of an experiment; each split is loaded once, when it is first asked for.

    Args:
        experiment: names the data, and gives counts and lengths.
        progress: the display of the loading.
    """

    def __init__(self, experiment: Experiment, progress: Progress) -> None:
        self._experiment = experiment
        self._progress = progress

    @cached_property
    def corpus(self) -> SpeechCorpus:
        """The corpus, located and verified.

        Raises:
            ExperimentError: the corpus has fewer training recordings than asked for.
        """
        corpus = open_corpus(self._experiment.data, self._progress)
        try:
            return corpus.with_training(self._experiment.train_items)
        except ValueError as error:
            raise ExperimentError(f"train_items: {error}") from error

    @cached_property
    def train(self) -> list[Utterance]:
        """The training recordings."""
        return self.corpus.split("train", "train", self._progress)

    @cached_property
    def test_clips(self) -> list[Clip]:
        """The test clips."""
        utterances = self.corpus.split("test", "sample", self._progress)
        asked = self._experiment
        return spread_clips(
            utterances, asked.test_items, asked.clip_frames, asked.clips_per_recording
        )

    @cached_property
    def valid_clips(self) -> list[Clip]:
        """The validation clips that searches use."""
        frames = self._experiment.search.clip_frames
        return centre_clips(self._valid, self.judged_count, frames)

    @property
    def judged_count(self) -> int:
        """The number of validation clips that a search needs."""
        return self._experiment.search.judge_items + self._experiment.search.finalist_items

    @cached_property
    def every_valid_clip(self) -> list[Clip]:
        """A clip of each long enough validation recording, in the order of their use."""
        frames = self._experiment.search.clip_frames
        count = sum(utterance.frames >= frames for utterance in self._valid)
        return centre_clips(self._valid, max(count, len(self.valid_clips)), frames)

    @cached_property
    def _valid(self) -> list[Utterance]:
        return self.corpus.split("valid", "search", self._progress)

    @property
    def valid_waveforms(self) -> Tensor:
        """Waveforms of the validation clips, ``(B, L)``, at the recordings' own amplitude."""
        return torch.stack([clip.waveform for clip in self.valid_clips])

    def crops(self, frames: int, device: torch.device) -> CropTable:
        """Make a table of training crops.

        Args:
            frames: length of a crop, in hops.
            device: the device that holds the table.
        """
        return CropTable(self.train, frames, device)
