"""All tracks by name. A new one is a file beside this one and a line here."""

from __future__ import annotations

import torch

from benchmarks.experiment import Experiment, ExperimentError
from benchmarks.progress import Progress
from benchmarks.tracks.analytic import AnalyticTrack
from benchmarks.tracks.base import Track
from benchmarks.tracks.images import ImageTrack
from benchmarks.tracks.speech import SpeechTrack

TRACKS: dict[str, type[Track]] = {
    "speech": SpeechTrack,
    "images": ImageTrack,
    "analytic": AnalyticTrack,
}


def make_track(experiment: Experiment, progress: Progress, device: torch.device) -> Track:
    """The track that an experiment names.

    Raises:
        ExperimentError: there is none of that name.
    """
    if experiment.track not in TRACKS:
        raise ExperimentError(f"track: {experiment.track!r} is none of {', '.join(TRACKS)}")
    return TRACKS[experiment.track](experiment, progress, device)
