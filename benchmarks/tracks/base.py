"""What a track is: data, networks, losses, a judge and scores of one kind of evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from bddm_ref.extras.gaussian import Distance, Spectrum, output_moments
from bddm_ref.extras.judging import Distortion
from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm, TrainingConfig
from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import (
    EXACT,
    Convention,
    Experiment,
    ScheduleNetConfig,
    ScoreNetConfig,
)
from benchmarks.core.registry import choose, nearest
from benchmarks.core.rows import Sampled
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.searches.base import SearchProblem

if TYPE_CHECKING:  # scores need packages that training and sampling do without
    from benchmarks.results.comparisons import Evaluation

NetworkMaker = Callable[[dict[str, Any], NoiseSchedule], nn.Module]
"""``(sizes, training schedule) -> network``, untrained."""
DrawItems = Callable[[torch.Generator], Tensor]
"""A batch of training items, ``(B, ...)`` on the device."""


class DataSet(Protocol):
    """What results say of the data."""

    name: str
    sha256: str

    def sizes(self) -> dict[str, int]:
        """Number of items in each split."""

    def digest(self, split: str) -> str:
        """Checksum of what a split is made of; of the whole set where files hold several."""


class DivergedError(Exception):
    """A sampler's output that is no item; the message becomes its row's reason."""


def refuse_diverged(x_0: Tensor) -> None:
    """Refuse samples ``(B, ...)`` that are not all finite.

    Raises:
        DivergedError: how many they are.
    """
    lost = int((~x_0.isfinite().flatten(1).all(1)).sum())
    if lost:
        raise DivergedError(f"{lost} of {len(x_0)} samples of a batch diverged")


@dataclass(frozen=True)
class JudgeNet:
    """A network that samples are judged by, and how it is trained."""

    name: str
    weights: str | None  # to use instead of training
    build: Callable[[], nn.Module]
    batch_loss: Callable[[nn.Module], BatchLoss]
    training: TrainingConfig
    inputs: dict[str, Any]  # what else decides its weights, as plain values


class Scored(ABC):
    """The scores of all samples of a run."""

    records: list[dict[str, Any]]  # one line of ``<track>-items.jsonl`` each

    @abstractmethod
    def evaluate(self) -> Evaluation:
        """Estimates and comparisons."""


class Track(ABC):
    """One kind of evidence; a subclass is listed in :data:`benchmarks.tracks.TRACKS`.

    Args:
        experiment: what to do.
        progress: where loading is reported.
        device: where networks run.
    """

    score_nets: ClassVar[dict[str, NetworkMaker]]
    schedule_nets: ClassVar[dict[str, NetworkMaker]]
    margins_needed: ClassVar[tuple[str, ...]] = ()  # metrics that are compared in any case
    without_use: ClassVar[dict[str, Any]] = {"train_items": None, "score_net.draws": 1}
    """Fields that the track has no use for, with the value that they must keep."""

    def __init__(self, experiment: Experiment, progress: Progress, device: torch.device) -> None:
        self.experiment = experiment
        self.progress = progress
        self.device = device
        self.judge_weights: Path | None = None  # of the judge_net, once it is trained
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

    @property
    def trains_score_net(self) -> bool:
        """Whether the experiment's score network is trained, or else known."""
        return self.experiment.score_net.network != EXACT

    def build_score_net(self) -> nn.Module:
        """The untrained score network, initialised from its training seed."""
        return self._build(self.score_nets, self.experiment.score_net, "score_net")

    def build_schedule_net(self, convention: Convention) -> nn.Module:
        """The untrained schedule network of a convention."""
        config = self.experiment.schedule_net
        return self._build(self.schedule_nets, config, "schedule_net", convention)

    def _build(
        self,
        known: dict[str, NetworkMaker],
        config: ScoreNetConfig | ScheduleNetConfig,
        where: str,
        convention: Convention | None = None,
    ) -> nn.Module:
        network = choose(known, config.network, f"{where}.network")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.training.seed)
            try:
                return network(self.sizes(where, convention) | config.size, self.training)
            except (TypeError, ValueError) as error:
                raise ExperimentError(f"{where}.size: {error}") from error

    def sizes(self, where: str, convention: Convention | None = None) -> dict[str, Any]:
        """Sizes of a network that follow from the data; ``where`` is its field.

        A schedule network has a convention, a score network serves all of them.
        """
        return {}

    @property
    @abstractmethod
    def metric_names(self) -> tuple[str, ...]:
        """Keys of the scores that a run of this experiment has."""

    @property
    def predicted_names(self) -> tuple[str, ...]:
        """Metrics of the experiment's predictors of MOS."""
        if not self.experiment.predicted_mos:
            return ()
        from metrics.mos import predicted_metrics  # noqa: PLC0415 (scores' packages)

        return tuple(predicted_metrics(self.experiment.predicted_mos))

    @property
    @abstractmethod
    def data(self) -> DataSet:
        """The data, located and verified once."""

    @abstractmethod
    def item_shape(self, convention: Convention) -> tuple[int, ...]:
        """Of one test item, as the process sees it."""

    @property
    @abstractmethod
    def item_inputs(self) -> dict[str, Any]:
        """The experiment's fields that decide what a test item is, as plain values."""

    @property
    def training_inputs(self) -> dict[str, Any]:
        """Fields beside the networks' own that decide what they are trained on."""
        return {}

    @property
    def judge_inputs(self) -> dict[str, Any]:
        """What beside the search's own fields decides how its judge scores."""
        return {}

    def refuse_unknown_metrics(self) -> None:
        """Refuse names of metrics that the track does not have, and missing margins.

        Raises:
            ExperimentError: names the field.
        """
        named = {
            "headline": self.experiment.headline,
            "margins": tuple(self.experiment.margins),
            "predicted_mos": self.predicted_names,
        }
        for field, metrics in named.items():
            for metric in metrics:
                if metric not in self.metric_names:
                    raise ExperimentError(
                        f"{field}: {metric!r} is no metric of the {self.experiment.track} track; "
                        f"use {', '.join(self.metric_names)}{nearest(metric, self.metric_names)}"
                    )
        for metric in self.margins_needed:
            if metric not in self.experiment.margins:
                raise ExperimentError(f"margins: {metric} has none; give one above 0")

    def refuse_impossible(self) -> None:  # noqa: B027 (most tracks have nothing to refuse)
        """Refuse at once what would fail only after hours.

        Raises:
            ExperimentError: the experiment cannot be run to its end.
        """

    def refuse_amplitudes(self, items: str) -> None:
        """Refuse conventions of an amplitude, where items have one scale.

        Raises:
            ExperimentError: names the convention.
        """
        for convention in self.experiment.conventions:
            if convention.amplitude != 1.0:
                raise ExperimentError(
                    f"conventions: {convention.name}: {items} have amplitude 1, not "
                    f"{convention.amplitude:g}"
                )

    def distortion(self, convention: Convention) -> Distortion:
        """How far a schedule's DDPM output is from the data if that were Gaussian."""
        spectrum, distance = self.spectrum(convention)
        return lambda schedule: distance(
            spectrum, *output_moments(schedule, KERNELS["ddpm"], spectrum)
        )

    @abstractmethod
    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Variances of validation items, and the distance of Gaussians nearest to the judge's."""

    def for_inference(self, score_net: nn.Module) -> nn.Module:
        """A trained score network, on its device, in a form that computes the same faster."""
        return score_net

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """The score network as a process in this convention sees it."""
        return score_net

    @abstractmethod
    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """The loss of the score network on random training batches."""

    @abstractmethod
    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """One form of the step loss of (score, schedule network) on random training batches."""

    @abstractmethod
    def drawn_items(self, convention: Convention) -> DrawItems:
        """Random training items as the process in this convention sees them.

        A batch has the schedule network's size.
        """

    @abstractmethod
    def search_problem(
        self, score_net: nn.Module, evaluated: EvaluatedNet, convention: Convention
    ) -> SearchProblem:
        """The judge and the items of a pass, from validation data alone."""

    @abstractmethod
    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """Validation items, ``(B, ...)`` as the process sees them, and their condition."""

    @abstractmethod
    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """The condition of some test items, computed once for all steps and contestants."""

    @abstractmethod
    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """What a sampler gave, ``(B, ...)``, as items of the data.

        Raises:
            DivergedError: it cannot be one.
        """

    @abstractmethod
    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> Scored:
        """Scores of all samples, computed now or found in the workspace."""

    @abstractmethod
    def keep_examples(self, sampled: Sequence[Sampled], folder: Path) -> None:
        """Write some samples for people to see or hear below the results folder."""

    @property
    def judge_net(self) -> JudgeNet | None:
        """The network that samples are judged by, where it is one that is trained here."""
        return None

    @property
    def timing_notes(self) -> dict[str, Any]:
        """What the results document says of the timed item besides its seconds."""
        return {}
