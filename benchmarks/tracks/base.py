"""A track: its five parts, and everything that decides its results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from operator import attrgetter
from typing import Any, ClassVar, Literal, Protocol

import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.parts import Items, Judge, KnownNetworks, Networks, Scores

Work = Literal["train", "judge_net", "search", "sample"]
"""The kinds of stages whose fingerprints a track adds to."""
Trained = frozenset[Literal["score_net", "schedule_net"]]
"""The kinds of networks that a run trains, so that it needs training items for them."""


class DataSet(Protocol):
    """The facts about the data that results and fingerprints state."""

    name: str
    sha256: str

    def sizes(self) -> dict[str, int]:
        """Number of items in each split."""

    def digest(self, split: str) -> str:
        """SHA-256 of a split, or of the whole set if its files cannot change."""


class Track(ABC):
    """One kind of evidence; a subclass is listed in :data:`benchmarks.tracks.TRACKS`.

    Args:
        experiment: the experiment to run.
        progress: the display of loading and scoring.
        device: the device that networks run on.

    Attributes:
        known_networks: the registry of the track's networks.
        without_use: fields that the track has no use for, with the value that they must keep.
        training: the training schedule.

    Raises:
        ExperimentError: a field is set that the track has no use for, or the training schedule is
            impossible.
    """

    known_networks: ClassVar[KnownNetworks]
    without_use: ClassVar[dict[str, Any]] = {"train_items": None, "score_net.draws": 1}

    networks: Networks
    items: Items
    judge: Judge
    scores: Scores

    def __init__(self, experiment: Experiment, progress: Progress, device: torch.device) -> None:
        self.experiment = experiment
        for name, unused in self.without_use.items():
            if attrgetter(name)(experiment) != unused:
                raise ExperimentError(
                    f"{name}: the {experiment.track} track has no use for it; leave it out"
                )
        linear = experiment.training_schedule
        try:
            self.training = NoiseSchedule.linear(linear.T, linear.start, linear.end)
        except (ValueError, RuntimeError) as error:  # RuntimeError: of torch, where T is negative
            raise ExperimentError(f"training_schedule: {error}") from error
        self._assemble(progress, device)

    @abstractmethod
    def _assemble(self, progress: Progress, device: torch.device) -> None:
        """Make the parts, without opening the data."""

    @property
    @abstractmethod
    def data(self) -> DataSet:
        """The data, which are located and verified once, when they are first asked for."""

    def check_data(self, trained: Trained) -> list[str]:
        """Compare counts and lengths of the data with the items that the experiment takes.

        Args:
            trained: the networks that the run trains.

        Returns:
            Sentences about items that are left out, or fewer than asked for.

        Raises:
            ExperimentError: a split has too few items; the message names split and field.
        """
        return []

    @abstractmethod
    def identity(self, work: Work) -> dict[str, Any]:
        """Fingerprint entries that the track adds to a stage.

        The entries are everything that decides the stage's result, beside the data's checksum and
        the settings that every track has.

        Args:
            work: the stage: training of score and schedule networks, training of the judge's
                network, search, or sampling.

        Returns:
            Plain values by name.
        """

    def refuse_impossible(self) -> None:
        """Refuse at once an experiment that would fail only after hours.

        Raises:
            ExperimentError: the experiment cannot be run to its end.
        """
        for part in (self.judge, self.networks, self.items, self.scores):
            part.refuse_impossible()
