"""The context of a run, shared by all its stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from bddm_ref.files import sha256_of, verify_checksum
from benchmarks.core.experiment import Experiment
from benchmarks.runtime.distributed import own_device
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.tracks import make_track
from benchmarks.tracks.base import Track


@dataclass(frozen=True)
class Context:
    """One run: what to do, where to work, whom to tell.

    Attributes:
        experiment: the experiment as this machine runs it, in float32 where bfloat16 would be
            emulated.
        workspace: the folder of the stages' work.
        progress: the display of the stages' progress.
        asked: the experiment as it was written, if this machine runs another; fingerprints are of
            this one, so that work can move between machines.
        name: the experiment's name, for the documents that it leaves; empty: unknown.
    """

    experiment: Experiment
    workspace: Workspace
    progress: Progress
    asked: Experiment | None = None
    name: str = ""

    @property
    def identity(self) -> Experiment:
        """The experiment that determines fingerprints."""
        return self.asked or self.experiment

    @cached_property
    def track(self) -> Track:
        """Data, networks, judge and scores of the experiment's track."""
        return make_track(self.experiment, self.progress, self.device)

    @cached_property
    def device(self) -> torch.device:
        """The device that networks run on."""
        return own_device(self.experiment.device)


def weights_digest(weights: Path) -> str:
    """SHA-256 of a weights file, as its verified sidecar states it."""
    verify_checksum(weights)
    return sha256_of(weights)
