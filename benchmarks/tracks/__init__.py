"""All tracks by name. A new track is a folder beside this file and a line here."""

from __future__ import annotations

import importlib

import torch

from benchmarks.core.experiment import Experiment
from benchmarks.core.registry import choose
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.base import Track

TRACKS = {
    "speech": "benchmarks.tracks.speech.track:SpeechTrack",
    "images": "benchmarks.tracks.images.track:ImageTrack",
    "analytic": "benchmarks.tracks.analytic.track:AnalyticTrack",
}
"""Track to its class. A class is imported on demand, since each needs packages of its own."""


def track_class(name: str) -> type[Track]:
    """Find the class of a track.

    Raises:
        ExperimentError: no track has that name.
    """
    module, _, attribute = choose(TRACKS, name, "track").partition(":")
    found: type[Track] = getattr(importlib.import_module(module), attribute)
    return found


def make_track(experiment: Experiment, progress: Progress, device: torch.device) -> Track:
    """Make the track that an experiment names.

    Raises:
        ExperimentError: no track has that name, or the experiment does not suit the track.
    """
    return track_class(experiment.track)(experiment, progress, device)
