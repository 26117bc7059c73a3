"""Commands that run an experiment: ``run``, its stages, and ``theory``."""

from __future__ import annotations

import sys
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import yaml

from benchmarks.cli.base import Command, Contestants, ExperimentNames, Folder, OptionalFolder
from benchmarks.cli.experiments import foreign_networks, print_fields, resolved
from benchmarks.cli.places import refuse_published, tables_folder
from benchmarks.core.checks import refuse_missing_weights
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.results.earlier import refuse_another
from benchmarks.runtime.room import refuse_unusable_place

if TYPE_CHECKING:
    from benchmarks.runtime.progress import Progress
    from benchmarks.stages.context import Context


@dataclass(frozen=True, kw_only=True)
class ExperimentCommand(Command):
    """A command that takes one experiment, whose fields are further options."""

    takes_fields: ClassVar[bool] = True
    # A tuple: tyro loses the default of a single name if fields follow.
    experiment: ExperimentNames = ("cpu",)
    workspace: Folder = Path("runs")  # the folder for the stages' work
    results: OptionalFolder = None  # the folder for tables; None: results/local/NAME
    publish: bool = False  # replace the published tables, in the experiment's field 'publish'
    contestant: Contestants = ()
    fresh: bool = False  # set the workspace's finished work aside, and make it anew
    dry_run: bool = False  # print the experiment with all options applied, and stop
    help_fields: bool = False  # list the experiment's fields, each an option, and stop

    def run(self) -> int:
        """Resolve the experiment, then work on it; a dry run only prints the experiment."""
        if self.help_fields:
            print_fields(self.name)
        if self.publish and self.fields and not self.fields[0].startswith("-"):
            raise UserError(f"--publish takes no folder; write --results {self.fields[0]}")
        experiment = resolved(self.name, self.fields, self.contestant)
        if not self.trains_all:
            refuse_missing_weights(experiment)
        if self.dry_run:
            sys.stdout.write(yaml.safe_dump(_plain(as_dict(experiment)), sort_keys=False))
            return 0
        place = tables_folder(self.stem, self.results, experiment.publish, self.publish)
        refuse_published(self.workspace, "--workspace", "name another folder")
        refuse_unusable_place(self.workspace, "--workspace")
        line = self.refuse(place, experiment)
        from benchmarks.contestants.ending import no_exit
        from benchmarks.runtime.progress import Progress
        from benchmarks.stages.pipeline import prepared_context

        progress = Progress()
        if line is not None:
            progress.say(line)
        context = prepared_context(experiment, self.workspace, progress, self.stem, self.fresh)
        with no_exit():
            self.work(context, place, experiment)
        return 0

    @property
    def trains_all(self) -> bool:
        """Tell whether the command trains all networks, whatever weights the experiment names."""
        return False

    @property
    def name(self) -> str:
        """Name of the one experiment.

        Raises:
            UserError: the command line names several experiments.
        """
        if len(self.experiment) > 1:
            raise UserError(f"give one experiment, not {' and '.join(self.experiment)}")
        return next(iter(self.experiment), "cpu")

    @property
    def stem(self) -> str:
        """Name of the experiment: a shipped one's, or that of a user's file without its ending."""
        return Path(self.name).stem if self.name.endswith(".yaml") else self.name

    def refuse(self, place: Path, experiment: Experiment) -> str | None:
        """Refuse a folder for tables that the command must not or cannot write to.

        Returns:
            A line for the user, if older tables of this experiment have other fields.

        Raises:
            UserError: the folder cannot be used, or has tables of another experiment.
        """
        document, kind = self.document(place, experiment)
        refuse_unusable_place(document.parent, "--results")
        return refuse_another(document, kind, self.stem, experiment)

    def document(self, place: Path, experiment: Experiment) -> tuple[Path, str]:
        """The document that the command writes into a folder of tables, and its kind."""
        return place / f"{experiment.track}.json", "run"

    def told(self, written: Path, experiment: Experiment) -> str:
        """A line on where the tables are, and on how to publish them."""
        if self.publish or self.results is not None:
            return f"written: {written}"
        if not experiment.publish:
            return f"written: {written}, which git ignores"
        return (
            f"written: {written}, which git ignores; the same command with --publish replaces the "
            f"tables in {experiment.publish}"
        )

    @abstractmethod
    def work(self, context: Context, results: Path, asked: Experiment) -> None:
        """Do the work of the command.

        Args:
            context: the experiment, adapted to this machine.
            results: the folder for tables.
            asked: the experiment of the command line, before adaptation.
        """


@dataclass(frozen=True, kw_only=True)
class StageCommand(ExperimentCommand):
    """A command that runs all stages up to one; finished stages are skipped."""

    last: ClassVar[str]
    from_scratch: bool = False  # train all networks, also those whose weights the experiment names
    away: bool = False  # leave work to another machine if packages are missing: docs/gpu.md

    @property
    def trains_all(self) -> bool:
        """Tell whether ``--from-scratch`` is given."""
        return self.from_scratch

    def work(self, context: Context, results: Path, asked: Experiment) -> None:
        """Run the stages, and say where the tables lie if the last stage makes some."""
        from benchmarks.runtime.distributed import is_first
        from benchmarks.stages.pipeline import STAGES, describe
        from benchmarks.stages.pipeline import Run as StagesRun

        if self.away:
            from benchmarks.bundle.parts import note_asked

            note_asked(self.workspace, Path(self.name).stem, as_dict(asked))
        if told := foreign_networks(asked, self.name, self.from_scratch):
            context.progress.say(told)
        if is_first():
            stages = ", ".join(STAGES[: STAGES.index(self.last) + 1])
            context.progress.say(f"{self.stem}: the stages are {stages}")
        run = StagesRun(context, self.from_scratch, self.away)
        page = run.until(self.last, results)
        context.progress.say(f"seconds: {describe(run)}")
        if page is not None:
            self.tell_end(page, asked, context.progress)
        elif self.last == STAGES[-1] and not self.away and is_first():
            raise RuntimeError("the run ended without a table")

    def tell_end(self, page: Path, asked: Experiment, progress: Progress) -> None:
        """Make the page to look at, and say where the pages and the tables lie."""
        from benchmarks.report.html.page import page_after_run

        progress.say(f"page: {page}")
        page_after_run(page.parent, progress.say)
        progress.say(self.told(page.parent, asked))

    def refuse(self, place: Path, experiment: Experiment) -> str | None:
        """Refuse a folder for tables, where the last stage writes tables."""
        return super().refuse(place, experiment) if self.last == "report" else None


@dataclass(frozen=True, kw_only=True)
class TableCommand(StageCommand):
    """A command that runs all stages, up to the tables."""

    last = "report"
    json: bool = False  # print the run's JSON document at the end, in place of the short table

    def tell_end(self, page: Path, asked: Experiment, progress: Progress) -> None:
        """Print the short table or the document, and say where the page and the tables lie."""
        from benchmarks.cli.summaries import append_summary
        from benchmarks.report.pages.ending import ending_page
        from benchmarks.report.terminal import to_terminal
        from benchmarks.results.schema import RunResults

        document, _ = self.document(page.parent, asked)
        results = RunResults.read(document)
        short = ending_page(results)
        sys.stdout.write(results.text if self.json else to_terminal(short))
        append_summary(short)
        super().tell_end(page, asked, progress)


class Run(TableCommand):
    """Train, search schedules, sample, score, and print a short table.

    Finished stages are skipped, and interrupted ones go on. Any field of the experiment is an
    option too, as in --device cuda, --data DIR or --search.bins 5; --help-fields lists them.
    """


class Data(StageCommand):
    """Fetch and verify the data alone."""

    last = "data"


class Train(StageCommand):
    """Run the stages up to training."""

    last = "train"


class Search(StageCommand):
    """Run the stages up to the search for schedules."""

    last = "search"


class Sample(StageCommand):
    """Run the stages up to sampling and timing."""

    last = "sample"


class Score(StageCommand):
    """Run the stages up to the scores."""

    last = "score"


class Report(TableCommand):
    """Run all stages, as 'run' does."""


class Theory(ExperimentCommand):
    """Compare both bounds, and study the training of schedule networks.

    An analytic experiment gives exact answers. All others evaluate their trained networks.
    """

    def work(self, context: Context, results: Path, asked: Experiment) -> None:
        """Write the page of the theory, and print it."""
        from benchmarks.report.html.page import refresh_page

        folder = results / "theory"
        if context.experiment.track == "analytic":
            from benchmarks.studies.theory.exact import write_theory

            page = write_theory(context.experiment, context.progress, folder, context.name)
        else:
            from benchmarks.studies.theory.trained import write_network_theory

            page = write_network_theory(context, folder)
        refresh_page(results)
        sys.stdout.write(page.read_text())
        context.progress.say(self.told(page, asked))

    def document(self, place: Path, experiment: Experiment) -> tuple[Path, str]:
        """The document of the theory that an experiment leaves, and its kind."""
        if experiment.track == "analytic":
            return place / "theory" / "theory.json", "theory"
        return place / "theory" / f"{experiment.track}.json", "network theory"


def _plain(value: object) -> object:
    """Replace tuples by lists, for YAML."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value
