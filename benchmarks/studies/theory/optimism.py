"""Optimism of a search that keeps the best of many noisy judgements.

Both searches run many times on known distributions, with few samples to a judgement. Their winners
are then judged with many samples. A trained schedule network proposes the schedules.

========  =========================================================================================
rule      the search
========  =========================================================================================
released  fresh noise for each pass (one item) and each judgement; a candidate replaces the best
          only if both scores rise; it reports the score that won
ours      one noise for all passes (64 items); all candidates are judged on the same noise and the
          best few again; it reports a third, fresh judgement of the winner
========  =========================================================================================

The two scores are the energy distance and the sliced Wasserstein distance of the same samples, in
the place of PESQ and STOI of one clip.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from bddm_ref.process import KERNELS, ScoreNet
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas, starts
from bddm_ref.search_released import released_search
from bddm_ref.searching import Candidate, Judge, Propose, SearchPlan, search
from benchmarks.data.distributions import distribution
from benchmarks.results.theory import FEW, MANY, RUNS, OptimismStudy
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.studies.theory.ratio import TRAINING, trained_on
from benchmarks.tracks.analytic.exact_score import ExactScoreNet
from metrics.points import PointReference, energy_distance, sliced_wasserstein
from metrics.statistics import mean_interval

DATA = ("modes-1", "modes-16")
LENGTH = 7  # N; tau = floor(T / N)
BINS = 6
UPDATES = 1_000  # of the schedule network
REFERENCE = 4_000
JUDGED_AGAIN = 40  # judgements of one schedule, for the deviation of a judgement
APART = 100_000  # trials between two runs
TRUE_TRIAL = 99_999
Scores = Callable[..., tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A search, and the noise of its passes."""

    search: Callable[..., dict[int, Candidate[Start]]]
    fresh_passes: bool  # new noise for each pass
    pass_items: int  # over which sigma_phi is averaged


RULES = {"released": Rule(released_search, True, 1), "ours": Rule(search, False, 64)}


def optimism_studies(name: str, training: NoiseSchedule, runs: int = RUNS) -> list[OptimismStudy]:
    """Run both rules on a distribution; a rule that finds no schedule of LENGTH has no study."""
    config = dataclasses.replace(TRAINING, steps=UPDATES, checkpoint_every=UPDATES)
    schedule_net = trained_on(name, "exact", training, config, len(training) // LENGTH)
    networks = (ExactScoreNet(name), schedule_net)
    judge, grid = _judge(name), starts(training, BINS)
    studies = []
    for kind, rule in RULES.items():
        winners: list[Candidate[Start]] = []
        for run in range(runs):
            plan = SearchPlan((LENGTH,), finalists=4, refinements=10, seed=run)
            propose = passes(networks, training, distribution(name).dimensions, rule, run)
            found = rule.search(propose, _shifted(judge, run), grid, training, plan)
            winners += found.values()
        if winners:
            studies.append(_study(name, kind, winners, judge))
    return studies


def passes(
    networks: tuple[ScoreNet, nn.Module],
    training: NoiseSchedule,
    dimensions: int,
    rule: Rule,
    run: int,
) -> Propose[Start]:
    """Make the passes of one search.

    Args:
        networks: score network and schedule network.
        training: the training schedule.
        dimensions: D.
        rule: the search, with the noise of its passes.
        run: number of the search, which seeds the noise.
    """
    drawn = itertools.count()

    def propose(start: Start) -> list[float]:
        seed = APART * (run + 1) + (next(drawn) if rule.fresh_passes else 0)
        generator = torch.Generator().manual_seed(seed)
        x_N = torch.randn(rule.pass_items, dimensions, generator=generator)
        return schedule_betas(networks, start, x_N, None, training, LENGTH, generator=generator)

    return propose


def _study(name: str, kind: str, found: list[Candidate[Start]], judge: Scores) -> OptimismStudy:
    true = np.array([-judge(one.schedule, TRUE_TRIAL, MANY)[0] for one in found])
    reported = np.array([-one.scores[0] for one in found])
    again = [judge(found[0].schedule, TRUE_TRIAL + i, FEW)[0] for i in range(JUDGED_AGAIN)]
    noise = float(np.std(again, ddof=1))
    return OptimismStudy(
        data=name,
        rule=kind,
        length=LENGTH,
        reported=mean_interval(reported),
        true=mean_interval(true),
        optimism=mean_interval((true - reported) / noise),
        noise=noise,
    )


def _judge(name: str) -> Scores:
    """Make the judge: ``(schedule, trial, samples) -> scores``, higher is better.

    The scores are minus the energy distance and minus the sliced Wasserstein distance.
    """
    data, net = distribution(name), ExactScoreNet(name)
    generator = torch.Generator().manual_seed(0)
    reference = PointReference.of(data.sample(REFERENCE, generator))

    def judge(schedule: NoiseSchedule, trial: int, count: int = FEW) -> tuple[float, float]:
        generators = item_generators(trial, range(count))
        x_N = start_noise(generators, (data.dimensions,), "cpu")
        x_0 = sample(net, schedule, KERNELS["ddpm"], x_N, None, generators)
        sliced = sliced_wasserstein(x_0, reference.points[:count])
        return -energy_distance(x_0, reference), -sliced

    return judge


def _shifted(judge: Scores, run: int) -> Judge:
    def shifted(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
        return judge(schedule, APART * (run + 1) + trial)

    return shifted
