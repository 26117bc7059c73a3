"""The scores part of the speech track; its packages are imported where they are used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.core.clip_names import clip_names
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Sampled, Watched
from benchmarks.data.features import HOP, SAMPLE_RATE
from benchmarks.results.example_names import ExampleName, spectrogram_of
from benchmarks.runtime.code.closure import code_of
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.tracks.parts import Scores
from benchmarks.tracks.shown import shown_rows, shown_samples
from benchmarks.tracks.speech.data import Recordings
from benchmarks.tracks.speech.fitting import refuse_fewer_clips
from benchmarks.tracks.speech.gallery import write_clips, write_denoising, write_recordings

if TYPE_CHECKING:  # scores need packages that training and sampling do without
    from benchmarks.tracks.speech.estimates import ScoredClips

WATCHED = 1  # test clips whose denoising is kept


class SpeechScores(Scores):
    """Scores of every sample, clip by clip.

    Args:
        experiment: the experiment, with metrics and margins.
        progress: the display of the scoring.
        recordings: the data.
    """

    def __init__(self, experiment: Experiment, progress: Progress, recordings: Recordings) -> None:
        super().__init__(experiment, progress)
        self._recordings = recordings

    @property
    def metric_names(self) -> tuple[str, ...]:
        """All speech metrics, and the predicted MOS that the experiment asks for."""
        from metrics.speech import SPEECH_METRICS  # noqa: PLC0415 (scores' packages)

        return (*SPEECH_METRICS, *self.predicted_names)

    def refuse_impossible(self) -> None:
        """Refuse rows of fewer clips, since rows are compared clip by clip, and missing models.

        Raises:
            ExperimentError: a row has another number of items, or a predictor of MOS is missing.
        """
        refuse_fewer_clips(self.experiment)
        if not self.experiment.predicted_mos:
            return
        from metrics.mos import load_predictors  # noqa: PLC0415 (scores' packages)

        try:
            load_predictors(self.experiment.predicted_mos)
        except ValueError as error:
            raise ExperimentError(f"predicted_mos: {error}") from error

    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> ScoredClips:
        """Score every sample by every speech metric."""
        from benchmarks.tracks.speech.scored import score_clips  # noqa: PLC0415 (scores' packages)

        digest, clips = self._recordings.corpus.digest("test"), self._recordings.test_clips
        code = code_of((self._recordings, "test_clips"))
        return score_clips(self.experiment, workspace, self.progress, sampled, clips, digest, code)

    @property
    def watched_items(self) -> int:
        """The first test clip; none where the experiment keeps no audio."""
        return min(WATCHED, self.experiment.wav_items)

    def keep_examples(
        self, sampled: Sequence[Sampled], watched: Sequence[Watched], folder: Path
    ) -> None:
        """Write audio of the first test clips: recordings, samples, and clean estimates."""
        clips = self._recordings.test_clips[: self.experiment.wav_items]
        write_recordings(clips, folder)
        write_clips(shown_samples(sampled, self.experiment), clips, folder)
        write_denoising(watched, clips, folder)

    def example_names(self) -> set[str]:
        """Audio and spectrograms of any test clip; none where the experiment keeps none."""
        if self.experiment.wav_items == 0:
            return set()
        of_each = self.experiment.clips_per_recording
        recordings = self._recordings.corpus.splits["test"]
        clips = [clip for one in recordings for clip in clip_names(one, of_each)]
        rows = [row.id for row in shown_rows(self.experiment)]
        names = [ExampleName("clip", row, clip) for clip in clips for row in rows]
        names += [ExampleName("recording", clip=clip) for clip in clips]
        audio = {name.file for name in names}
        return audio | {spectrogram_of(Path(file)).as_posix() for file in audio}

    @property
    def timing_notes(self) -> dict[str, Any]:
        """The length of the timed clip, in seconds."""
        return {"seconds_of_audio": self.experiment.clip_frames * HOP / SAMPLE_RATE}
