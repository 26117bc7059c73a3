"""The analytic track: data of known density, with exact scores or a network trained on draws.

With exact scores each convention of an experiment has a distribution of its own (``data``), and
perhaps an error of its score (``error``), so that one table shows them side by side. A network is
trained on one distribution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bddm_ref.extras.gaussian import Distance, Spectrum, divergence, wasserstein
from bddm_ref.extras.judging import PartialJudge
from bddm_ref.extras.networks.vector_ratio import VectorRatioNet
from bddm_ref.extras.networks.vector_score import VectorScoreNet
from bddm_ref.losses import schedule_loss
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import EXACT, Convention
from benchmarks.core.rows import Sampled, rows_of
from benchmarks.data.distributions import GaussianMixture, distribution
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise
from benchmarks.runtime.workspace import Workspace
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.analytic.exact_score import ExactScoreNets, affine_moments, gaussian_kl
from benchmarks.tracks.analytic.scores import METRICS, AnalyticScores, score_points
from benchmarks.tracks.base import DrawItems, NetworkMaker, Track, refuse_diverged
from benchmarks.tracks.levels import unconditional_score_loss
from metrics.points import PointReference, energy_distance

SEEDS = {"valid": 1, "test": 2, "floor": 3}  # of the draws from the data
REFERENCE = 10_000  # draws that samples are compared with
JUDGE_REFERENCE = 4_000  # draws that the search's judge compares with
SPARE_ITEMS = 1.2  # samples per unknown of the regression that finds exact moments


class KnownData:
    """The distributions of an experiment: nothing to fetch."""

    name = "analytic"

    def __init__(self, distributions: dict[str, GaussianMixture]) -> None:
        digest = hashlib.sha256()
        for name, known in sorted(distributions.items()):
            digest.update(name.encode())
            for part in (known.weights, known.means, known.variances):
                digest.update(part.numpy().tobytes())
        self.sha256 = digest.hexdigest()

    def digest(self, split: str) -> str:
        """Checksum of the distributions, which all splits are drawn from."""
        return self.sha256

    def sizes(self) -> dict[str, int]:
        """Draws that samples are compared with."""
        return {"valid": JUDGE_REFERENCE, "test": REFERENCE}


class AnalyticTrack(Track):
    """Vectors from Gaussians and mixtures of them."""

    score_nets: ClassVar[dict[str, NetworkMaker]] = {
        EXACT: lambda size, schedule: ExactScoreNets(**size),
        "vector": lambda size, schedule: VectorScoreNet(**size),
    }
    schedule_nets: ClassVar[dict[str, NetworkMaker]] = {
        "vector": lambda size, schedule: VectorRatioNet(**size)
    }
    metric_names = ("kl", "energy", "sw2")
    margins_needed = ("kl", "energy")

    def sizes(self, where: str, convention: Convention | None = None) -> dict[str, Any]:
        """The distributions of exact scores, or the dimensions of one."""
        conventions = self.experiment.conventions
        if where == "score_net":
            if self.trains_score_net:
                return {"dimensions": self.distribution(conventions[0]).dimensions}
            return {"distributions": {c.name: (self._name(c), c.error) for c in conventions}}
        assert convention is not None
        return {"dimensions": self.distribution(convention).dimensions}

    def _name(self, convention: Convention) -> str:
        return convention.data or self.experiment.data

    def distribution(self, convention: Convention) -> GaussianMixture:
        """The data of a convention."""
        return self._distributions[self._name(convention)]

    @cached_property
    def _distributions(self) -> dict[str, GaussianMixture]:
        names = {self._name(convention) for convention in self.experiment.conventions}
        try:
            return {name: distribution(name) for name in names}
        except ValueError as error:
            raise ExperimentError(f"conventions: data: {error}") from error

    @cached_property
    def data(self) -> KnownData:
        """The distributions."""
        return KnownData(self._distributions)

    def item_shape(self, convention: Convention) -> tuple[int, ...]:
        """The dimensions."""
        return (self.distribution(convention).dimensions,)

    @property
    def item_inputs(self) -> dict[str, Any]:
        """Nothing: a vector is a function of its noise alone."""
        return {}

    def refuse_impossible(self) -> None:
        """Too few samples for exact moments, bfloat16, compiling, another device, many data."""
        if self.device.type != "cpu":
            raise ExperimentError("device: the analytic track runs on the CPU; make it cpu")
        for row in rows_of(self.experiment):
            needed = int(SPARE_ITEMS * row.steps) + 2
            if self.outputs_are_gaussian(row.convention) and row.items < needed:
                raise ExperimentError(
                    f"rows: {row.name}: {row.items} samples do not determine the moments of "
                    f"{row.steps} steps; make items {needed} or more"
                )
        if self.experiment.bf16:
            raise ExperimentError("bf16: the analytic track is exact to float32; make it false")
        if self.experiment.compile != "no":
            raise ExperimentError("compile: the analytic track has no use for it; make it 'no'")
        self.refuse_amplitudes("known distributions")
        if self.trains_score_net and (
            len(self._distributions) > 1 or any(c.error for c in self.experiment.conventions)
        ):
            raise ExperimentError(
                "conventions: a trained score network is of one distribution and has no error; "
                "give each distribution an experiment, or make score_net.network exact"
            )

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """The exact score of this convention's distribution, or the one network."""
        if isinstance(score_net, ExactScoreNets):
            return score_net.nets[convention.name]
        return score_net

    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """The score loss on fresh draws.

        Raises:
            ExperimentError: an exact score is not trained.
        """
        if not self.trains_score_net:
            raise ExperimentError("score_net: an exact score is not trained")
        config = self.experiment.score_net
        draw = self._fresh(self.experiment.conventions[0], config.batch_size)
        return unconditional_score_loss(score_net, draw, config, self.training)

    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """The step loss on fresh draws."""
        draw = self.drawn_items(convention)
        score_net, schedule_net = networks
        both = (EvaluatedNet(self.for_convention(score_net, convention), False), schedule_net)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            x_0 = draw(generator)
            return schedule_loss(both, x_0, None, self.training, tau, generator, form)

        return loss

    def drawn_items(self, convention: Convention) -> DrawItems:
        """Fresh draws."""
        return self._fresh(convention, self.experiment.schedule_net.batch_size)

    def _fresh(self, convention: Convention, count: int) -> DrawItems:
        data = self.distribution(convention)
        return lambda generator: data.sample(count, generator).float()

    def outputs_are_gaussian(self, convention: Convention) -> bool:
        """Whether those of plain samplers are, as of exact scores of a Gaussian."""
        return self.distribution(convention).is_gaussian and not self.trains_score_net

    def search_problem(
        self, score_net: nn.Module, evaluated: EvaluatedNet, convention: Convention
    ) -> SearchProblem:
        """Exact KL divergence of Gaussians; energy distance of a batch of samples otherwise."""
        shape = self.item_shape(convention)
        if self.outputs_are_gaussian(convention):
            judge, score = self._exact_judge(evaluated, convention), "kl"
        else:
            judge, score = self._sampling_judge(evaluated, convention), "energy"
        title = METRICS[score].title
        return SearchProblem(judge, shape, None, (f"minus {title}",))

    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Principal components of draws of their own."""
        items = self.draws(convention, "valid")
        distance = divergence if self.outputs_are_gaussian(convention) else wasserstein
        return Spectrum.of_items(items, float(self.training.deltas[0])), distance

    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """Draws of their own."""
        return self.draws(convention, "valid"), None

    def _exact_judge(self, evaluated: EvaluatedNet, convention: Convention) -> PartialJudge:
        data = self.distribution(convention)

        def judge(
            schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
        ) -> tuple[float, ...]:
            moments = affine_moments(evaluated, schedule, KERNELS["ddpm"], data.dimensions)
            return (-gaussian_kl(data, *moments),)

        return judge

    def _sampling_judge(self, evaluated: EvaluatedNet, convention: Convention) -> PartialJudge:
        config = self.experiment.search
        reference = PointReference.of(self.draws(convention, "valid"))

        def judge(
            schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
        ) -> tuple[float, ...]:
            count = config.finalist_items if trial in (1, 2) else config.judge_items
            generators = item_generators(config.seed + trial, part_of(count, part))
            x_N = start_noise(generators, self.item_shape(convention), "cpu")
            x_0 = sample(evaluated, schedule, KERNELS["ddpm"], x_N, None, generators)
            if not bool(x_0.isfinite().all()):
                return (float("nan"),)
            return (-energy_distance(x_0, reference),)

        return judge

    def draws(self, convention: Convention, split: str) -> Tensor:
        """Draws from the data: ``valid``, ``test``, or ``floor``, as many as there are samples."""
        experiment = self.experiment
        count = {"valid": JUDGE_REFERENCE, "test": REFERENCE, "floor": experiment.test_items}
        generator = torch.Generator().manual_seed(SEEDS[split])
        return self.distribution(convention).sample(count[split], generator)

    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """There are none."""
        return None

    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Vectors as they are.

        Raises:
            DivergedError: a point is not finite.
        """
        refuse_diverged(x_0)
        return x_0

    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> AnalyticScores:
        """Every row by every metric."""
        return score_points(self, sampled)

    def keep_examples(self, sampled: Sequence[Sampled], folder: Path) -> None:
        """Nothing to see or hear."""
