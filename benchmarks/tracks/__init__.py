"""All tracks by name. A new one is a file beside this one and a line here."""

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
"""Track to its class, which is imported when it is asked for: each needs packages of its own."""


def track_class(name: str) -> type[Track]:
    """The class of a track.

    Raises:
        ExperimentError: there is none of that name.
    """
    module, _, attribute = choose(TRACKS, name, "track").partition(":")
    found: type[Track] = getattr(importlib.import_module(module), attribute)
    return found


def make_track(experiment: Experiment, progress: Progress, device: torch.device) -> Track:
    """The track that an experiment names.

    Raises:
        ExperimentError: there is none of that name.
    """
    return track_class(experiment.track)(experiment, progress, device)
