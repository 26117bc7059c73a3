"""The speech track: mel-conditioned vocoding."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from benchmarks.core.experiment import ScoreNetConfig
from benchmarks.data.speech import SpeechCorpus
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.base import Track, Trained, Work
from benchmarks.tracks.speech.data import Recordings
from benchmarks.tracks.speech.fitting import fitting, refuse_fewer_clips
from benchmarks.tracks.speech.items import SpeechItems
from benchmarks.tracks.speech.judge import SpeechJudge
from benchmarks.tracks.speech.networks import NETWORKS, SpeechNetworks
from benchmarks.tracks.speech.scores import SpeechScores


class SpeechTrack(Track):
    """Mel-conditioned vocoding of held-out recordings."""

    known_networks = NETWORKS
    without_use: ClassVar[dict[str, Any]] = {}

    def _assemble(self, progress: Progress, device: torch.device) -> None:
        experiment, training = self.experiment, self.training
        self.recordings = Recordings(experiment, progress)
        self.networks = SpeechNetworks(experiment, training, device, self.recordings)
        self.items = SpeechItems(experiment, training, device, self.recordings)
        self.judge = SpeechJudge(experiment, device, self.recordings, self.items)
        self.scores = SpeechScores(experiment, progress, self.recordings)

    @property
    def data(self) -> SpeechCorpus:
        """The recordings."""
        return self.recordings.corpus

    def check_data(self, trained: Trained) -> list[str]:
        """Compare counts and lengths of recordings with the clips and crops that are taken."""
        refuse_fewer_clips(self.experiment)
        return fitting(self.experiment, self.recordings.corpus, trained)

    def identity(self, work: Work) -> dict[str, Any]:
        """Length and number of the test clips, and the amplitude that the score network sees.

        Usual values of amplitude and number are left out, so that older fingerprints stay valid.
        """
        amplitude, usual = self.experiment.score_net.amplitude, ScoreNetConfig().amplitude
        entries: dict[str, Any] = {}
        if amplitude != usual:
            entries["network_amplitude"] = amplitude
        if work == "sample":
            entries["clip_frames"] = self.experiment.clip_frames
            if self.experiment.clips_per_recording > 1:
                entries["clips_per_recording"] = self.experiment.clips_per_recording
        return entries
