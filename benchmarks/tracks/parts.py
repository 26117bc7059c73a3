"""The parts of a track besides its data: networks, items, judge and scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

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
    SearchConfig,
)
from benchmarks.core.names import one_line
from benchmarks.core.registry import choose, nearest
from benchmarks.core.rows import Sampled, Watched
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.building import within_memory

if TYPE_CHECKING:  # scores need packages that training and sampling do without
    from benchmarks.results.comparisons import Evaluation

NetworkMaker = Callable[[dict[str, Any], NoiseSchedule], nn.Module]
"""``(sizes, training schedule) -> network``, untrained."""
KnownNetworks = Mapping[str, Mapping[str, NetworkMaker]]
"""Role (``score_net`` or ``schedule_net``) to the track's networks by name."""
DrawItems = Callable[[torch.Generator], Tensor]
"""Draws a batch of training items, ``(B, ...)`` on the device."""


class DivergedError(Exception):
    """A sampler's output is no item; the message becomes the reason of its row."""


def refuse_diverged(x_0: Tensor) -> None:
    """Refuse samples ``(B, ...)`` that are not all finite.

    Raises:
        DivergedError: some are not finite; the message counts them.
    """
    lost = int((~x_0.isfinite().flatten(1).all(1)).sum())
    if lost:
        raise DivergedError(f"{lost} of {len(x_0)} samples of a batch diverged")


def refuse_amplitudes(experiment: Experiment, items: str) -> None:
    """Refuse conventions with an amplitude, for items that have one scale.

    Args:
        experiment: the experiment with the conventions.
        items: the plural noun for the items, for the message.

    Raises:
        ExperimentError: a convention has another amplitude than 1; the message names it.
    """
    for convention in experiment.conventions:
        if convention.amplitude != 1.0:
            raise ExperimentError(
                f"conventions: {convention.name}: {items} have amplitude 1, not "
                f"{convention.amplitude:g}"
            )


class Part(ABC):  # noqa: B024 (its subclasses have the abstract members)
    """A part of a track, for one experiment."""

    def refuse_impossible(self) -> None:  # noqa: B027 (most parts have nothing to refuse)
        """Refuse at once an experiment that would fail only after hours.

        Raises:
            ExperimentError: the experiment cannot be run to its end.
        """


class Networks(Part):
    """The networks of a track: how they are built, adapted and trained.

    Args:
        experiment: the experiment, which names the networks and their sizes.
        training: the training schedule.
        device: the device that networks run on.

    Attributes:
        known: the registry of the track's networks.
        with_inference_form: the networks that ``for_inference`` changes.
    """

    known: ClassVar[KnownNetworks]
    with_inference_form: ClassVar[tuple[type[nn.Module], ...]] = ()

    def __init__(
        self, experiment: Experiment, training: NoiseSchedule, device: torch.device
    ) -> None:
        self.experiment = experiment
        self.training = training
        self.device = device

    @property
    def trains_score_net(self) -> bool:
        """Tell whether the score network is trained; otherwise the score is known exactly."""
        return self.experiment.score_net.network != EXACT

    def build_score_net(self) -> nn.Module:
        """Build the untrained score network, initialised from its training seed.

        Raises:
            ExperimentError: the network is unknown, or cannot have its size.
        """
        return self._build("score_net", self.experiment.score_net, None)

    def build_schedule_net(self, convention: Convention, repeat: int = 0) -> nn.Module:
        """Build the untrained schedule network of a convention, each repeat from another seed.

        Raises:
            ExperimentError: the network is unknown, or cannot have its size.
        """
        return self._build("schedule_net", self.experiment.schedule_net, convention, repeat)

    def _build(
        self,
        role: str,
        config: ScoreNetConfig | ScheduleNetConfig,
        convention: Convention | None,
        repeat: int = 0,
    ) -> nn.Module:
        network = choose(self.known[role], config.network, f"{role}.network")
        sizes = self.sizes(role, convention)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.training.seed + repeat)
            try:
                with within_memory():
                    return network(sizes | config.size, self.training)
            except Exception as error:  # sizes fail in as many ways as networks use them
                told = one_line(f"{type(error).__name__}: {error}")
                raise ExperimentError(
                    f"{role}.size: {config.network} cannot have the sizes "
                    f"{one_line(str(config.size), 120)}: {told}"
                ) from error

    def sizes(self, role: str, convention: Convention | None = None) -> dict[str, Any]:
        """Sizes of a network that follow from the data.

        Args:
            role: ``score_net`` or ``schedule_net``.
            convention: the convention of a schedule network; a score network serves all of them.
        """
        return {}

    def for_inference(self, score_net: nn.Module) -> nn.Module:
        """Bring a trained score network, on its device, to a form that computes the same faster."""
        return score_net

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """Adapt the score network to the process in a convention."""
        return score_net

    @abstractmethod
    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """Make the loss of the score network on random training batches."""

    @abstractmethod
    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """Make the step loss of a schedule network on random training batches.

        Args:
            networks: the score network and the schedule network.
            convention: the setup of the process.
            form: the form of the step loss.
            tau: long steps per short step.
        """


class Items(Part):
    """The items of a track, as the process in a convention sees them."""

    @abstractmethod
    def shape(self, convention: Convention) -> tuple[int, ...]:
        """Shape of one test item."""

    @abstractmethod
    def drawn(self, convention: Convention) -> DrawItems:
        """Make draws of random training items; a batch has the schedule network's size."""

    @abstractmethod
    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """Validation items, ``(B, ...)`` on the device, and their condition."""

    @abstractmethod
    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """Compute the condition of some test items, once for all steps and contestants."""

    @abstractmethod
    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Turn a sampler's output ``(B, ...)`` into items of the data.

        Raises:
            DivergedError: the output is no item.
        """

    @abstractmethod
    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Variances of validation items, and the distance of Gaussians most like the judge's."""

    def distortion(self, convention: Convention) -> Distortion:
        """Measure how far a schedule's DDPM output is from the data if those were Gaussian."""
        spectrum, distance = self.spectrum(convention)
        return lambda schedule: distance(
            spectrum, *output_moments(schedule, KERNELS["ddpm"], spectrum)
        )


@dataclass(frozen=True)
class JudgeNet:
    """A network that judges samples, and its training."""

    name: str
    weights: str | None  # to use instead of training
    build: Callable[[], nn.Module]
    batch_loss: Callable[[nn.Module], BatchLoss]
    training: TrainingConfig


class Judge(Part):
    """The judge of a track's searches.

    Attributes:
        weights: the weights of ``net``, once it is trained.
    """

    weights: Path | None = None

    def check_items(self, workspace: Workspace, progress: Progress) -> None:
        """Check the validation items that judge schedules, before networks are trained.

        Args:
            workspace: the folder where the outcome is kept.
            progress: told of each item that is left out.

        Raises:
            ExperimentError: too few items can be judged.
        """

    @property
    def net(self) -> JudgeNet | None:
        """The network that judges samples; None: the track trains none."""
        return None

    @property
    def looked_up(self) -> tuple[type, ...]:
        """Classes that ``problem`` looks up by name, and that decide its judgements."""
        return ()

    @abstractmethod
    def problem(
        self,
        score_net: nn.Module,
        evaluated: EvaluatedNet,
        convention: Convention,
        config: SearchConfig,
    ) -> SearchProblem:
        """Make the search problem of a convention from validation data alone.

        Args:
            score_net: the trained score network, which encodes conditions.
            evaluated: the score network as the process evaluates it.
            convention: the setup of the process.
            config: the search; its seed decides the judge's noise, and its choice of items.
        """


class Scored(ABC):
    """The scores of all samples of a run.

    Attributes:
        records: lines of ``<track>-items.jsonl``.
    """

    records: list[dict[str, Any]]

    @abstractmethod
    def evaluate(self) -> Evaluation:
        """Estimate all metrics, and compare rows."""


class Scores(Part):
    """The scores of a track: metrics, their values, and examples for people.

    Args:
        experiment: the experiment, with margins and headline.
        progress: the display of the scoring.
    """

    margins_needed: ClassVar[tuple[str, ...]] = ()  # metrics that are compared in any case

    def __init__(self, experiment: Experiment, progress: Progress) -> None:
        self.experiment = experiment
        self.progress = progress

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

    def refuse_unknown_metrics(self) -> None:
        """Refuse names of metrics that the track does not have, and missing margins.

        Raises:
            ExperimentError: a name is unknown or a margin missing; the message names the field.
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

    @abstractmethod
    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> Scored:
        """Score all samples, or find their scores in the workspace."""

    @property
    def watched_items(self) -> int:
        """Number of first test items whose denoising is shown; 0: the track shows none."""
        return 0

    @abstractmethod
    def keep_examples(
        self, sampled: Sequence[Sampled], watched: Sequence[Watched], folder: Path
    ) -> None:
        """Write some samples for people to hear and see below the results folder.

        Args:
            sampled: all rows.
            watched: clean estimates of some rows, for ``watched_items`` items.
            folder: the results folder.
        """

    @abstractmethod
    def example_names(self) -> set[str]:
        """Files that samples may be kept in, relative to the results folder.

        Files of clean estimates have no longer names, and are left out.
        """

    @property
    def timing_notes(self) -> dict[str, Any]:
        """Facts about the timed item that the results document states beside its seconds."""
        return {}
