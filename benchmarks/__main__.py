"""The command line: ``python -m benchmarks STAGE EXPERIMENT [options] [--field value ...]``."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
import yaml

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import load, names

if TYPE_CHECKING:
    from benchmarks.stages.context import Context

COMMANDS = [
    "run",
    "data",
    "train",
    "search",
    "sample",
    "score",
    "report",
    "theory",
    "claims",
    "contestants",
    "networks",
    "overview",
    "speed",
    "check",
    "import",
    "export",
    "bundle",
    "merge",
]
FILE_COMMANDS = ("import", "export")  # they take a file and options of their own
BUNDLE_COMMANDS = ("bundle", "merge")  # likewise
SPEED_COMMAND = "speed"  # it too has options of its own
OF_RESULTS = (
    "check",
    "claims",
    "contestants",
    "networks",
    "overview",
)  # sub-commands on a folder of results
STAGE_OF = {"run": "report"}  # sub-command to the last stage it runs, where the names differ
DESCRIPTION = """\
Train, search schedules, sample, score and report. Each sub-command runs the stages before it too,
except where their work is already there: data, train, search, sample, score, report; run is all.
'theory' decides what needs no sampler: the bounds, and what a schedule network learns. 'claims'
makes the ledger of a results folder, 'contestants' and 'networks' the pages of those, 'overview'
the figures of READMEs; 'check' verifies all. 'speed' times the suite's own parts. 'import FILE' and
'export FILE' take networks and schedules from other projects and give them back; 'import --help'
has their options. 'bundle' packs experiments for a machine without a network, and 'merge' takes in
what was made there.
Any field of the experiment can be changed by an option, as in --device cuda, --data DIR or
--search.bins 5; 'python -m benchmarks run cpu --help-fields' lists them all.
"""


@dataclass(frozen=True)
class Options:
    """What is not part of the experiment."""

    command: str
    experiment: Experiment
    workspace: Path
    results: Path
    from_scratch: bool
    dry_run: bool
    away: bool = False
    name: str = ""  # of the experiment


def main(arguments: list[str] | None = None) -> int:
    """Run a sub-command; returns the exit status."""
    try:
        try:
            return _execute(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()  # a pipe that nobody reads fails here, not as Python ends
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
        return 130
    except BrokenPipeError:  # as of "| head": whoever read the output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _expected_errors() as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _execute(arguments: list[str]) -> int:
    if arguments and arguments[0] in FILE_COMMANDS:
        from benchmarks.interop.command import main as run_file_command

        return run_file_command(arguments)
    if arguments and arguments[0] in BUNDLE_COMMANDS:
        from benchmarks.bundle.command import main as run_bundle_command

        return run_bundle_command(arguments)
    if arguments and arguments[0] == SPEED_COMMAND:
        from benchmarks.studies.speed.command import main as run_speed_command

        return run_speed_command(arguments[1:])
    return _run_stages(_parse(arguments))


def _expected_errors() -> tuple[type[Exception], ...]:
    """Mistakes of the input, told in one sentence; anything else is ours and shows its trace."""
    return (ExperimentError, ValueError, RuntimeError, OSError, FloatingPointError)


def _parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument(
        "experiment",
        nargs="?",
        help=f"{', '.join(names())}, or a .yaml file (cpu); of {', '.join(OF_RESULTS)} the results "
        "folder (results)",
    )
    parser.add_argument("--workspace", type=Path, default=Path("runs"), help="work of the stages")
    parser.add_argument("--results", type=Path, help="where tables go; the experiment says")
    parser.add_argument("--from-scratch", action="store_true", help="train all networks")
    parser.add_argument(
        "--away",
        action="store_true",
        help="leave what packages that are not here are needed for, and say so: docs/gpu.md",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the resolved experiment")
    parser.add_argument(
        "--contestant",
        action="append",
        default=[],
        metavar="[NAME=]FILE.py:CLASS",
        help="hold your own sampler against the others: docs/contestants.md",
    )
    parser.add_argument("--help-fields", action="store_true", help="list the experiment's fields")
    known, rest = parser.parse_known_args(arguments)
    if known.command in (*FILE_COMMANDS, *BUNDLE_COMMANDS, SPEED_COMMAND):
        parser.error(f"{known.command} comes first: {parser.prog} {known.command} ...")
    if known.command in OF_RESULTS:
        if rest or known.results is not None or known.contestant:
            parser.error(f"{known.command} takes a results folder and no options")
        folder = Path(known.experiment or "results")
        return Options(known.command, Experiment(), known.workspace, folder, False, False)
    rest += ["--help"] if known.help_fields else []
    known.experiment = known.experiment or "cpu"
    experiment = tyro.cli(
        Experiment, default=load(known.experiment), args=rest, prog=f"{parser.prog} ..."
    )
    if known.contestant:
        from benchmarks.contestants.plugins import with_contestant

        for option in known.contestant:
            experiment = with_contestant(experiment, option)
    results = known.results or Path(experiment.publish)
    return Options(
        known.command,
        experiment,
        known.workspace,
        results,
        known.from_scratch,
        known.dry_run,
        known.away,
        Path(known.experiment).stem,
    )


def _run_stages(options: Options) -> int:
    if options.command in OF_RESULTS:
        from benchmarks.claims.ledger import check_ledger, write_ledger
        from benchmarks.report.readme import write_overview
        from benchmarks.report.registry import checked, write_networks, write_ranking

        writers = {
            "claims": write_ledger,
            "contestants": write_ranking,
            "networks": write_networks,
            "overview": write_overview,
        }

        if options.command == "check":
            lines = checked(options.results)
            if (options.results / "claims.json").is_file():
                lines.append(check_ledger(options.results))
            sys.stdout.write("".join(f"{line}\n" for line in lines))
        else:
            made = writers[options.command](options.results)
            is_page = made.suffix == ".md"
            sys.stdout.write(made.read_text() if is_page else f"written: {made}\n")
        return 0
    if options.dry_run:
        sys.stdout.write(yaml.safe_dump(_plain(as_dict(options.experiment)), sort_keys=False))
        return 0
    # Imported late: 'import torch' takes seconds that --help and --dry-run need not wait for.
    from benchmarks.runtime.progress import Progress
    from benchmarks.stages.pipeline import Run, describe, prepared_context

    progress = Progress()
    context = prepared_context(options.experiment, options.workspace, progress)
    if options.command == "theory":
        return _theory(options, context)
    if options.away:
        from benchmarks.bundle.parts import note_asked

        note_asked(options.workspace, options.name, as_dict(options.experiment))
    run = Run(context, options.from_scratch, options.away)
    table = run.until(STAGE_OF.get(options.command, options.command), options.results)
    progress.say(f"seconds: {describe(run)}")
    if table is not None:
        sys.stdout.write(table.read_text())
        progress.say(f"written: {table.parent}")
    return 0


def _theory(options: Options, context: Context) -> int:
    folder = options.results / "theory"
    if context.experiment.track == "analytic":
        from benchmarks.studies.theory.exact import write_theory

        page = write_theory(context.experiment, context.progress, folder)
    else:
        from benchmarks.studies.theory.trained import write_network_theory

        page = write_network_theory(context, folder)
    sys.stdout.write(page.read_text())
    context.progress.say(f"written: {page}")
    return 0


def _plain(value: object) -> object:
    """Tuples as lists, for YAML."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value


if __name__ == "__main__":
    raise SystemExit(main())
