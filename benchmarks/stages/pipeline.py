"""A run: its stages in order, each skipped if its work is already there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from bddm_ref.files import DamagedFileError
from benchmarks.contestants.base import not_searched
from benchmarks.contestants.noise_estimation import NoiseEstimation
from benchmarks.contestants.plugins import contestant, refuse_unknown_contestants
from benchmarks.core.checks import refuse_missing_weights, refuse_unusable
from benchmarks.core.errors import OWN_PACKAGES, ExperimentError
from benchmarks.core.experiment import PER_LENGTH, Convention, Experiment
from benchmarks.core.rows import Sampled, rows_of
from benchmarks.core.schedule_nets import NetKey, repeats_in
from benchmarks.runtime import distributed, provenance
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.precision import suited
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.room import refuse_long_names
from benchmarks.runtime.workspace import Workspace
from benchmarks.stages.context import Context
from benchmarks.stages.denoising import watched_rows
from benchmarks.stages.networks import Weights, net_keys, started_from
from benchmarks.stages.sample import Session, sampled_rows
from benchmarks.stages.search import SearchResult, searched_schedules
from benchmarks.stages.train import (
    judge_net_weights,
    noise_estimator_weights,
    schedule_net_weights,
    score_net_weights,
)
from benchmarks.stages.usable import refuse_unusable_networks
from benchmarks.tracks.base import Trained

if TYPE_CHECKING:
    from benchmarks.stages.plan import Pace

MOST_THREADS = 8  # for each core
STAGES = ("data", "train", "search", "sample", "score", "report")
Searched = dict[str, dict[str, list[SearchResult]]]
"""Convention and search to what was found, by repeat."""


@dataclass
class Run:
    """One run of an experiment, up to some stage.

    Attributes:
        context: the experiment, the workspace and the progress.
        from_scratch: whether to train all networks, whatever weights the experiment names.
        away: whether this is a bundle's run on a machine that has torch alone. Work that needs
            other packages is then left to another machine, and no times are measured.
        seconds: wall-clock seconds of each stage.
        left: work left to another machine, and the reason.
        pace: measured evaluations of the score network; None: not measured.
    """

    context: Context
    from_scratch: bool = False
    away: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    pace: Pace | None = None

    def until(self, last: str, results: Path) -> Path | None:
        """Run every stage up to ``last``; returns the page of the stage ``report``, else None."""
        wanted = STAGES[: STAGES.index(last) + 1]
        self.refuse_unusable(wanted)  # mistakes should not wait for the data or the training
        with self._timed("data"):
            self._open_data()
            if "train" in wanted:
                self.refuse_impossible()
            self.check_data()
        if "train" not in wanted:
            return None
        if "search" in wanted and not self.away and distributed.is_first():
            self.context.track.judge.check_items(self.context.workspace, self.context.progress)
        if distributed.is_first() and not self.away:
            self._tell_plan(wanted, results)
        if wanted == STAGES:
            names = self.context.track.scores.example_names()
            refuse_long_names(results, names, "give its recording, convention or row a shorter one")
        with self._timed("train"):
            weights = self._trained()
        if "search" not in wanted or not distributed.is_first():
            return None
        with self._timed("search"):
            searched = self._searched(weights)
        if "sample" not in wanted:
            return None
        return self._measure(weights, searched, wanted, results)

    def refuse_unusable(self, wanted: tuple[str, ...]) -> None:
        """Refuse what needs no data to be refused.

        Raises:
            ExperimentError: a field, a contestant, a network or its weights cannot be used.
        """
        experiment = self.context.experiment
        refuse_unusable(experiment)
        refuse_unknown_contestants(experiment)
        if not self.from_scratch:
            refuse_missing_weights(experiment)
        if "train" not in wanted:
            return
        if not self.away:  # the names are those of scores, whose packages may not be here
            self.context.track.scores.refuse_unknown_metrics()
        keys = self._schedule_nets()
        conventions = {key.name(experiment): one for key, one in keys.items()}
        refuse_unusable_networks(self.context, conventions, self.from_scratch)

    def _tell_plan(self, wanted: tuple[str, ...], results: Path) -> None:
        from benchmarks.stages.plan import Wanted, tell_plan  # noqa: PLC0415 (imports pages' parts)

        networks = (self._schedule_nets(), self._estimated())
        plan = Wanted(*networks, wanted, self.from_scratch)
        self.pace = tell_plan(self.context, plan, results)

    def _open_data(self) -> None:
        if not distributed.is_first():
            distributed.wait_for_all()  # the first process fetches, the others find
        data = self.context.track.data
        if distributed.is_first():
            distributed.wait_for_all()
        sizes = ", ".join(f"{count} {split}" for split, count in data.sizes().items())
        self.context.progress.say(f"data: {data.name}, {sizes}")

    def check_data(self) -> None:
        """Compare the data with what the experiment takes, and say what is left out.

        Raises:
            ExperimentError: a split has too few items; the message names split and field.
        """
        for told in self.context.track.check_data(self._trained_kinds()):
            self.context.progress.say(f"data: {told}")

    def _trained_kinds(self) -> Trained:
        """The kinds of networks that are trained in this run."""
        experiment = self.context.experiment
        kinds = set[Literal["score_net", "schedule_net"]]()
        if self.from_scratch or experiment.score_net.weights is None:
            kinds.add("score_net")
        named = set() if self.from_scratch else set(experiment.schedule_net.weights)
        if self._estimated() or {key.name(experiment) for key in self._schedule_nets()} - named:
            kinds.add("schedule_net")
        return frozenset(kinds)

    def refuse_impossible(self) -> None:
        """Refuse an experiment that would fail only after hours.

        Raises:
            ExperimentError: the experiment cannot be run to its end.
        """
        experiment = self.context.experiment
        self.context.track.refuse_impossible()
        if experiment.score_net.start is not None:
            start = REPOSITORY / experiment.score_net.start
            try:
                started_from(self.context.track.networks.build_score_net(), start)
            except DamagedFileError as error:
                raise ExperimentError(f"score_net.start: {error}") from error
        known = [key.name(experiment) for key in self._schedule_nets()]
        strange = [name for name in experiment.schedule_net.weights if name not in known]
        if strange and experiment.schedule_net.tau == PER_LENGTH:
            raise ExperimentError(
                f"schedule_net.weights: {', '.join(strange)} is no network of this run, which has "
                f"one for each tau: {', '.join(known)}"
            )

    def _schedule_nets(self) -> dict[NetKey, Convention]:
        """The schedule networks of all searches and repeats, each with its convention."""
        experiment = self.context.experiment
        return {
            key: convention
            for convention in experiment.conventions
            for repeat in range(repeats_in(experiment, convention))
            for search in experiment.search.searches
            for key in net_keys(experiment, convention.name, search, repeat)
        }

    def _trained(self) -> Weights:
        """Train all networks, or take the weights that the experiment names."""
        context = self.context
        judge = context.track.judge.weights = judge_net_weights(context, self.from_scratch)
        score_weights = score_net_weights(context, self.from_scratch)
        schedule_weights = {
            key: schedule_net_weights(context, convention, key, score_weights, self.from_scratch)
            for key, convention in self._schedule_nets().items()
        }
        return Weights(score_weights, schedule_weights, self._noise_estimators(), judge)

    def _searched(self, weights: Weights) -> Searched:
        found: Searched = {}
        experiment = self.context.experiment
        for convention in experiment.conventions:
            found[convention.name] = {}
            for name in experiment.search.searches:
                with self._leaving(f"search ({convention.name}, {name}) and its rows"):
                    found[convention.name][name] = [
                        searched_schedules(self.context, convention, name, weights, repeat)
                        for repeat in range(repeats_in(experiment, convention))
                    ]
        return found

    @contextmanager
    def _leaving(self, what: str) -> Iterator[None]:
        """Leave work to another machine if its packages are missing in a run that is away."""
        try:
            yield
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if not self.away or missing in ("", *OWN_PACKAGES):
                raise
            self._leave(what, f"the package {missing} is not here")

    def _leave(self, what: str, reason: str) -> None:
        self.left[what] = reason
        self.context.progress.say(f"left: {what}: {reason}")

    def _noise_estimators(self) -> dict[str, Path]:
        """Train the noise estimators that rows need, here, where all processes are."""
        return {
            name: noise_estimator_weights(self.context, convention)
            for name, convention in self._estimated().items()
        }

    def _estimated(self) -> dict[str, Convention]:
        """The conventions, by name, whose rows need a noise estimator."""
        experiment = self.context.experiment
        return {
            row.convention.name: row.convention
            for row in rows_of(experiment)
            if isinstance(contestant(row.contestant, experiment), NoiseEstimation)
        }

    def _measure(
        self,
        weights: Weights,
        searched: Searched,
        wanted: tuple[str, ...],
        results: Path,
    ) -> Path | None:
        schedules = {
            convention: {name: [one.found for one in repeats] for name, repeats in found.items()}
            for convention, found in searched.items()
        }
        session = Session(self.context, weights, schedules)
        with self._timed("sample"):
            sampled = sampled_rows(session, None if self.pace is None else self.pace.each)
            if self.away:
                self._came_away(sampled, searched)
                return None
            # Scores and pages need packages that the stages before do without.
            from benchmarks.stages.timing import timed_rows  # noqa: PLC0415

            timings = timed_rows(session)
        if "score" not in wanted:
            return None
        with self._timed("score"):
            scored = self.context.track.scores.score(self.context.workspace, sampled)
        if "report" not in wanted:
            return None
        with self._timed("report"):
            watched = watched_rows(session, sampled)
        from benchmarks.stages.assemble import build_results  # noqa: PLC0415
        from benchmarks.stages.publish import digest_of, items_text, publish_run  # noqa: PLC0415

        evaluation = scored.evaluate()
        items = items_text(scored.records)
        records = {
            convention: {name: [one.record for one in repeats] for name, repeats in found.items()}
            for convention, found in searched.items()
        }
        named = weights.named(self.context.experiment)
        document = build_results(
            self.context, sampled, evaluation, timings, records, named, digest_of(items)
        )
        rows = sampled, watched
        return publish_run(document, items, rows, self.context, results, weights.score_net)

    def _came_away(self, sampled: list[Sampled], searched: Searched) -> None:
        """Say which rows could not be made here."""
        asked = self.context.experiment.search.searches
        for one in sampled:
            made = searched[one.row.convention.name]
            waits = one.skipped in [not_searched(name) for name in asked if name not in made]
            if one.skipped is not None:
                self._leave(one.row.key, "it needs that search" if waits else one.skipped)
        self._leave("times and scores", "they are made where the run goes on")

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - began
        if distributed.is_first():
            self.context.workspace.tell_taken()


def refuse_impossible(experiment: Experiment, progress: Progress) -> None:
    """Locate an experiment's data, and refuse what would fail only after hours.

    Raises:
        ExperimentError: the experiment cannot be run to its end.
    """
    context = Context(experiment, Workspace(Path("runs")), progress)
    run = Run(context, from_scratch=True)  # whoever packs weights verifies them, too
    run.refuse_unusable(STAGES)
    _ = context.track.data  # located, verified, cut as the experiment says
    run.refuse_impossible()
    run.check_data()


def prepare_machine(experiment: Experiment, progress: Progress) -> Experiment:
    """Set torch's threads, and join the process group under ``torchrun``.

    Returns:
        The experiment as this machine runs it: in float32 where bfloat16 would be emulated.
    """
    distributed.refuse_missing(experiment.device)
    _set_threads(experiment.threads)
    torch.backends.cudnn.benchmark = True  # shapes recur: let cuDNN choose its convolutions once
    distributed.join(experiment.device)
    device = distributed.own_device(experiment.device)
    prepared = suited(experiment, device)
    if prepared is not experiment and distributed.is_first():
        progress.say(f"float32: this {device.type} device has no bfloat16 instructions")
    return prepared


def _set_threads(wanted: int) -> None:
    """Set torch's threads: those wanted, or those of OMP_NUM_THREADS, or one for each core.

    Raises:
        ExperimentError: the machine has far fewer cores, where threads by the thousand crash torch.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    cores = os.cpu_count() or 1
    threads = wanted or (int(asked) if asked.isdecimal() else 0) or cores
    if threads > MOST_THREADS * cores:
        field = "threads" if wanted else "OMP_NUM_THREADS"
        raise ExperimentError(
            f"{field}: {threads} is not allowed on a machine of {cores} cores; give a number up to "
            f"{MOST_THREADS * cores}"
        )
    torch.set_num_threads(threads)


def prepared_context(
    asked: Experiment, workspace: Path, progress: Progress, name: str = "", fresh: bool = False
) -> Context:
    """Make the context of a run on this machine; sets threads and joins other processes.

    Args:
        asked: the experiment of the command line.
        workspace: the folder of the stages' work.
        progress: the display.
        name: the experiment's name, for the documents that it leaves.
        fresh: whether to set work of earlier runs aside, and make it anew.

    Raises:
        ExperimentError: ``fresh`` is asked of several processes.
    """
    experiment = prepare_machine(asked, progress)
    if fresh and distributed.count() > 1:
        raise ExperimentError(
            "--fresh: several processes cannot set work aside together; give a new --workspace"
        )
    device = distributed.own_device(experiment.device)
    made = provenance.origin(device, experiment.bf16)
    say = progress.say if distributed.is_first() else lambda line: None
    return Context(experiment, Workspace(workspace, made, fresh, say), progress, asked, name)


def describe(run: Run) -> dict[str, Any]:
    """Stage to seconds, for the log."""
    return {stage: round(seconds, 1) for stage, seconds in run.seconds.items()}
