"""Optimism of a search that keeps the best of many noisy judgements.

The released search judges each candidate once, on fresh noise, and reports the score that won. The
suite's search judges all candidates on the same noise and the best few again, and reports a third,
fresh score. Both searches run many times on known distributions, with few samples to a judgement.
Their winners are then judged with many samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from bddm_ref.extras.rules import closed_form_rule, rule_betas
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.search_released import released_search
from bddm_ref.searching import Candidate, Judge, SearchPlan, search, starts
from benchmarks.data.distributions import distribution
from benchmarks.results.theory import FEW, MANY, RUNS, OptimismStudy
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.tracks.analytic.exact_score import ExactScoreNet
from metrics.points import PointReference, energy_distance
from metrics.statistics import mean_interval

DATA = ("modes-1", "modes-16")
LENGTHS = (3, 7)
BINS = 6
REFERENCE = 4_000
JUDGED_AGAIN = 40  # judgements of one schedule, for the deviation of a judgement
APART = 100_000  # trials between two runs
TRUE_TRIAL = 99_999
RULES: dict[str, Callable[..., dict[int, Candidate[Start]]]] = {
    "released": released_search,
    "ours": search,
}


def optimism_studies(name: str, training: NoiseSchedule, runs: int = RUNS) -> list[OptimismStudy]:
    """Run both rules on a distribution, for each length."""
    data = distribution(name)
    judge = _judge(name)
    rule = closed_form_rule(data.power)
    grid = [start for start in starts(training, BINS) if start.kernel == "ddpm"]

    def propose(start: Start) -> list[float]:
        return rule_betas(rule, start, training, max(LENGTHS))

    studies = []
    for kind, searching in RULES.items():
        winners: dict[int, list[Candidate[Start]]] = {length: [] for length in LENGTHS}
        for run in range(runs):
            plan = SearchPlan(LENGTHS, finalists=4, refinements=10, seed=run)
            shifted = _shifted(judge, run)
            for length, found in searching(propose, shifted, grid, training, plan).items():
                winners[length].append(found)
        studies += [
            _study(name, kind, length, found, judge) for length, found in winners.items() if found
        ]
    return studies


def _study(
    name: str, kind: str, length: int, found: list[Candidate[Start]], judge: Callable[..., float]
) -> OptimismStudy:
    true = np.array([-judge(one.schedule, TRUE_TRIAL, MANY) for one in found])
    reported = np.array([-one.quality for one in found])
    again = [judge(found[0].schedule, TRUE_TRIAL + i, FEW) for i in range(JUDGED_AGAIN)]
    noise = float(np.std(again, ddof=1))
    return OptimismStudy(
        data=name,
        rule=kind,
        length=length,
        reported=mean_interval(reported),
        true=mean_interval(true),
        optimism=mean_interval((true - reported) / noise),
        noise=noise,
    )


def _judge(name: str) -> Callable[..., float]:
    """Make the judge: ``(schedule, trial, samples) -> minus the energy distance``."""
    data, net = distribution(name), ExactScoreNet(name)
    generator = torch.Generator().manual_seed(0)
    reference = PointReference.of(data.sample(REFERENCE, generator))

    def judge(schedule: NoiseSchedule, trial: int, count: int = FEW) -> float:
        generators = item_generators(trial, range(count))
        x_N = start_noise(generators, (data.dimensions,), "cpu")
        x_0 = sample(net, schedule, KERNELS["ddpm"], x_N, None, generators)
        return -energy_distance(x_0, reference)

    return judge


def _shifted(judge: Callable[..., float], run: int) -> Judge:
    def shifted(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return (judge(schedule, APART * (run + 1) + trial),)

    return shifted
