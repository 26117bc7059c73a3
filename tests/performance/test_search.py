"""The frugal search beside the papers' full grid with both kernels, on a known distribution.

What both find on speech and images is compared by the experiments that make both.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.core.experiment import SearchName
from benchmarks.core.loading import load
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.stages.context import Context
from benchmarks.stages.networks import Weights, net_keys
from benchmarks.stages.search import SearchResult, searched_schedules
from benchmarks.stages.train import schedule_net_weights, score_net_weights
from benchmarks.studies.speed.case import Case

CONVENTION = "ring-16"
LENGTHS = (3, 7, 16)
UPDATES = 300  # of the schedule network
UNTIMED = {"bins": 3, "judge_items": 50, "finalist_items": 50, "refinements": 1}


@pytest.mark.slow
@pytest.mark.benchmark(group="search")
def test_search_of_known_data(case: Case, tmp_path: Path) -> None:
    untimed = case.benchmark.disabled
    lengths, updates = (LENGTHS[:2], 20) if untimed else (LENGTHS, UPDATES)
    experiment = load("contestants-analytic")
    convention = next(one for one in experiment.conventions if one.name == CONVENTION)
    experiment = dataclasses.replace(
        experiment,
        conventions=(convention,),
        search=dataclasses.replace(
            experiment.search, lengths=lengths, **(UNTIMED if untimed else {})
        ),
        schedule_net=dataclasses.replace(
            experiment.schedule_net,
            tau=50,
            training=dataclasses.replace(experiment.schedule_net.training, steps=updates),
        ),
    )
    progress = Progress(Console(quiet=True))
    trained = Context(experiment, Workspace(tmp_path / "trained"), progress)
    score = score_net_weights(trained, False)
    (key,) = net_keys(experiment, CONVENTION, "paper")
    weights = Weights(score, {key: schedule_net_weights(trained, convention, key, score)}, {}, None)
    count = itertools.count()
    found: dict[str, SearchResult] = {}

    def search(name: SearchName) -> None:
        context = Context(experiment, Workspace(tmp_path / str(next(count))), progress)
        found[name] = searched_schedules(context, convention, name, weights)

    rounds = {"rounds": 3, "warmup": 0}
    title = f"search for {len(lengths)} lengths on {CONVENTION}"
    case.compare(
        title, lambda: search("frugal"), {"papers' grid": lambda: search("paper")}, **rounds
    )
    assert set(found["frugal"].found) == set(found["paper"].found) == set(lengths)
    evaluations = {name: result.record.nfe for name, result in found.items()}

    case.note(
        device="cpu", **{f"evaluations, {name}": value for name, value in evaluations.items()}
    )
    share = evaluations["frugal"] / evaluations["paper"]
    case.figure("share of the papers' network evaluations", share, at_most=0.1, is_share=True)
