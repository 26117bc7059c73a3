"""The judge part of the analytic track: exact divergences, or distances of sampled vectors."""

from __future__ import annotations

from collections import Counter

from torch import nn

from bddm_ref.extras.judging import PartialJudge
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, SearchConfig
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.analytic.data import Distributions
from benchmarks.tracks.analytic.exact_score import affine_moments, gaussian_kl
from benchmarks.tracks.analytic.scored import METRICS
from benchmarks.tracks.parts import Judge
from metrics.points import PointReference, energy_distance

AS_GOOD = {"kl": 0.01, "energy": 0.005}  # losses that still count as good


class AnalyticJudge(Judge):
    """Search problems on known distributions.

    Args:
        distributions: the data.
    """

    def __init__(self, distributions: Distributions) -> None:
        self._distributions = distributions

    def problem(
        self,
        score_net: nn.Module,
        evaluated: EvaluatedNet,
        convention: Convention,
        config: SearchConfig,
    ) -> SearchProblem:
        """Judge Gaussian outputs by exact KL divergence, others by the samples' energy distance."""
        shape = (self._distributions.of(convention).dimensions,)
        failures = Counter[str]()
        if self._distributions.outputs_are_gaussian(convention):
            judge, score = self._exact_judge(evaluated, convention), "kl"
        else:
            judge = self._sampling_judge(evaluated, convention, config, failures)
            score = "energy"
        title, margin = METRICS[score].title, AS_GOOD[score]
        return SearchProblem(
            judge, shape, None, (f"minus {title}",), failures, lambda quality: margin
        )

    def _exact_judge(self, evaluated: EvaluatedNet, convention: Convention) -> PartialJudge:
        data = self._distributions.of(convention)

        def judge(
            schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
        ) -> tuple[float, ...]:
            moments = affine_moments(evaluated, schedule, KERNELS["ddpm"], data.dimensions)
            return (-gaussian_kl(data, *moments),)

        return judge

    def _sampling_judge(
        self,
        evaluated: EvaluatedNet,
        convention: Convention,
        config: SearchConfig,
        failures: Counter[str],
    ) -> PartialJudge:
        shape = (self._distributions.of(convention).dimensions,)
        reference = PointReference.of(self._distributions.draws(convention, "valid"))

        def judge(
            schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
        ) -> tuple[float, ...]:
            count = config.finalist_items if trial in (1, 2) else config.judge_items
            generators = item_generators(config.seed + trial, part_of(count, part))
            x_N = start_noise(generators, shape, "cpu")
            x_0 = sample(evaluated, schedule, KERNELS["ddpm"], x_N, None, generators)
            if not bool(x_0.isfinite().all()):
                failures["a sample is not finite"] += 1
                return (float("nan"),)
            return (-energy_distance(x_0, reference),)

        return judge
