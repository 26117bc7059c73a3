"""A run's plan at its start: work that is taken, work to do, and how long that takes."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from bddm_ref.files import DamagedFileError
from benchmarks.core.experiment import Convention, SearchName
from benchmarks.core.loading import names
from benchmarks.core.rows import rounds_of, rows_of
from benchmarks.core.schedule_nets import NetKey, repeats_in
from benchmarks.results.forms import document_file
from benchmarks.results.listing import machine_of, published_run, same_fields
from benchmarks.results.schema import RunResults
from benchmarks.runtime.noise import EvaluatedNet, item_generators, start_noise
from benchmarks.runtime.progress import in_words
from benchmarks.runtime.workspace import UnfinishedError
from benchmarks.stages.context import Context
from benchmarks.stages.networks import Weights, net_keys
from benchmarks.stages.search import searched_schedules
from benchmarks.stages.train import (
    judge_net_weights,
    noise_estimator_weights,
    schedule_net_weights,
    score_net_weights,
)

CALLS = 3  # timed evaluations of the score network, after one that is not timed
LONGEST = 5.0  # seconds that a batch may take to be timed
TRAININGS = ("judge_net", "score_net", "schedule_net", "noise_estimator")  # in the workspace


@dataclass(frozen=True)
class Wanted:
    """The networks and stages of a run.

    Attributes:
        schedule_nets: schedule networks of all searches and repeats.
        estimated: conventions whose rows need a noise estimator, by name.
        stages: stages of the run.
        from_scratch: whether all networks are trained.
    """

    schedule_nets: Mapping[NetKey, Convention]
    estimated: Mapping[str, Convention]
    stages: tuple[str, ...]
    from_scratch: bool


@dataclass(frozen=True)
class Pace:
    """Measured time of one evaluation of the score network.

    Attributes:
        single: seconds of one item.
        batch: seconds of ``items`` items at once.
        items: items of the batch.
    """

    single: float
    batch: float
    items: int

    @property
    def each(self) -> float:
        """Seconds of one item in a batch."""
        return self.batch / self.items


@dataclass(frozen=True)
class Share:
    """The parts of a stage: given by the experiment, taken from the workspace, and left to do."""

    given: int = 0
    taken: int = 0
    left: int = 0

    def told(self, noun: str) -> str:
        """The counts in words."""
        parts = [(self.given, "given"), (self.taken, "taken"), (self.left, "to do")]
        counts = ", ".join(f"{count} {word}" for count, word in parts if count)
        return f"{noun}: {counts or 'none'}"

    @property
    def undone(self) -> float:
        """The share of the work that is left, of all that is not given."""
        return self.left / max(self.left + self.taken, 1)


@dataclass(frozen=True)
class Recorded:
    """Seconds of each stage in a document with the same fields, and the machine they are of."""

    seconds: Mapping[str, float]
    machine: str


def tell_plan(context: Context, wanted: Wanted, results: Path) -> Pace | None:
    """Say what the run takes, what it does, how long that takes, and where the tables go.

    Args:
        context: the run; its data are open.
        wanted: its networks and stages.
        results: the folder for tables.

    Returns:
        The measured pace of the score network; None: nothing is sampled, or the network is compiled
        first.
    """
    say = context.progress.say
    nets, searches = found_work(context, wanted)
    parts = [nets.told("networks")]
    parts += [searches.told("searches")] if "search" in wanted.stages else []
    say(f"plan: {'; '.join(parts)}; the workspace is {context.workspace.root}")
    pace = None
    if "sample" in wanted.stages:
        pace = measured_pace(context)
    for line in durations(context, (nets, searches), wanted.stages, pace, results):
        say(f"plan: {line}")
    if "report" in wanted.stages:
        say(f"plan: tables go to {results}")
    return pace


def found_work(context: Context, wanted: Wanted) -> tuple[Share, Share]:
    """Count networks and searches that are given, finished in the workspace, or to do.

    Work that depends on unfinished work is to do.
    """
    ahead = replace(context, workspace=context.workspace.ahead())
    vars(ahead)["track"] = context.track  # its data are open; the property is cached there
    look = _Look(context.workspace.root)
    judge = look.at(partial(judge_net_weights, ahead, wanted.from_scratch))
    if judge is not None:
        context.track.judge.weights = judge
    trains = context.track.networks.trains_score_net
    of_score = look if trains else _Look(context.workspace.root)  # an exact score is not trained
    score = of_score.at(partial(score_net_weights, ahead, wanted.from_scratch))
    if score is None:
        look.counts["left"] += len(wanted.schedule_nets) + len(wanted.estimated)
        return look.share, Share(left=len(list(_searches(context))))
    known: dict[NetKey, Path] = {}
    for key, convention in wanted.schedule_nets.items():
        make = partial(schedule_net_weights, ahead, convention, key, score, wanted.from_scratch)
        if (weights := look.at(make)) is not None:
            known[key] = weights
    for convention in wanted.estimated.values():
        look.at(partial(noise_estimator_weights, ahead, convention))
    return look.share, _found_searches(ahead, Weights(score, known, {}, judge))


class _Look:
    """Counts what a look ahead finds.

    Args:
        root: the workspace; files elsewhere are given by the experiment.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.counts: Counter[str] = Counter()

    def at(self, make: Callable[[], Path | None]) -> Path | None:
        """The finished file; None: it is to do, or there is no such network."""
        try:
            found = make()
        except UnfinishedError:
            self.counts["left"] += 1
            return None
        if found is not None:
            self.counts["taken" if found.is_relative_to(self._root) else "given"] += 1
        return found

    @property
    def share(self) -> Share:
        return Share(self.counts["given"], self.counts["taken"], self.counts["left"])


def _searches(context: Context) -> Iterator[tuple[Convention, SearchName, int]]:
    experiment = context.experiment
    for convention in experiment.conventions:
        for name in experiment.search.searches:
            for repeat in range(repeats_in(experiment, convention)):
                yield convention, name, repeat


def _found_searches(ahead: Context, weights: Weights) -> Share:
    counts: Counter[str] = Counter()
    for convention, name, repeat in _searches(ahead):
        keys = net_keys(ahead.experiment, convention.name, name, repeat)
        word = "left"
        if all(key in weights.schedule_nets for key in keys):
            try:
                searched_schedules(ahead, convention, name, weights, repeat)
                word = "taken"
            except UnfinishedError:
                pass
        counts[word] += 1
    return Share(taken=counts["taken"], left=counts["left"])


def measured_pace(context: Context) -> Pace | None:
    """Time evaluations of an untrained score network, which takes as long as the trained one.

    Returns:
        None where the network is compiled before its first evaluation, which takes its own time.
    """
    experiment, track = context.experiment, context.track
    if experiment.compile != "no":
        return None
    with torch.random.fork_rng(devices=[]):
        network = track.networks.build_score_net().to(context.device).eval().requires_grad_(False)
        network = track.networks.for_inference(network)
        convention = experiment.conventions[0]
        adapted = track.networks.for_convention(network, convention)
        evaluated = EvaluatedNet(adapted, experiment.bf16)

        def seconds(items: int) -> float:
            """Median seconds of an evaluation of some test items."""
            condition = track.items.conditions(network, range(items))
            shape = track.items.shape(convention)
            x = start_noise(item_generators(0, range(items)), shape, context.device)
            level = track.training.alphas[len(track.training) // 2 :][:1].to(x.device)
            return statistics.median(
                _seconds(lambda: evaluated(x, level, condition), context.device)
                for _ in range(CALLS + 1)
            )

        single = seconds(1)
        items = min(experiment.batch_items, experiment.test_items)
        if items == 1 or single * items > LONGEST:
            return Pace(single, single, 1)
        return Pace(single, seconds(items), items)


@torch.no_grad()
def _seconds(call: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def durations(
    context: Context,
    work: tuple[Share, Share],
    stages: tuple[str, ...],
    pace: Pace | None,
    results: Path,
) -> Iterator[str]:
    """Say how long the stages take, and from what that follows.

    Args:
        context: the run.
        work: networks and searches.
        stages: stages of the run.
        pace: measured evaluations of the score network.
        results: the folder for tables, whose older document may have recorded times.
    """
    known, unknown = dict[str, str](), list[str]()
    recorded = recorded_seconds(context, results)
    nets, searches = work
    for stage, name, keys, undone in (
        ("train", "trainings", TRAININGS, nets.undone),
        ("search", "searches", ("search",), searches.undone),
        ("score", "scores", ("score",), 1.0),
    ):
        if stage not in stages or not undone:
            continue
        seconds = sum(recorded.seconds.get(key, 0.0) for key in keys) if recorded else 0.0
        if seconds:
            known[name] = in_words(undone * seconds)
        else:
            unknown.append(name)
    if pace is not None:
        evaluations, timed = evaluations_of(context)
        count = f"{evaluations:,}".replace(",", " ")
        each = f"{1000 * pace.batch:.3g} ms for {pace.items} item{'s' * (pace.items > 1)}"
        times = "" if not timed else f", and times about {in_words(timed * pace.single)}"
        yield (
            f"samples take {in_words(evaluations * pace.each)} at most{times}: {count} evaluations "
            f"of the score network, {each}, measured now; finished ones are taken"
        )
    elif "sample" in stages:
        unknown += ["samples", "times"]
    if known and recorded is not None:
        told = ", ".join(f"{name} about {words}" for name, words in known.items())
        yield f"{told}: as recorded with these fields on {recorded.machine}"
    if unknown:
        yield f"no estimate for {', '.join(unknown)}: nothing is recorded with these fields"


def evaluations_of(context: Context) -> tuple[int, int]:
    """Evaluations of the score network for all samples, and for the times of single items.

    A row counts its steps, as if its search found a schedule.
    """
    experiment = context.experiment
    rows = rows_of(experiment)
    sampled = sum(row.steps * row.items * row.seeds for row in rows)
    if experiment.timing.document is not None:
        return sampled, 0
    rounds, warmup = rounds_of(experiment), experiment.timing.warmup
    return sampled, sum(row.steps * (rounds[row.key] + warmup) for row in rows)


def recorded_seconds(context: Context, results: Path) -> Recorded | None:
    """Seconds of the stages in a document of this experiment with the same fields.

    The document is the older one in the folder for tables, or else the published one.

    Raises:
        DamagedFileError: the published document is damaged.
    """
    asked = context.identity
    older = document_file(results, f"{asked.track}.json")
    documents: list[RunResults] = []
    with contextlib.suppress(DamagedFileError):  # the run replaces it, as a line has said
        documents += [RunResults.read(older)] if older.is_file() else []
    if context.name in names() and (published := published_run(context.name, asked)) is not None:
        documents.append(published)
    for one in documents:
        if one.experiment_name in (None, context.name) and same_fields(one, asked):
            return Recorded(one.wall_seconds, machine_of(one))
    return None
