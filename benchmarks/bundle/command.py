"""``python -m benchmarks bundle`` and ``merge``: runs that move between machines."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import tyro

from benchmarks.bundle.pack import Bundle, Plan, make_bundle, write_experiment
from benchmarks.bundle.parts import MANIFEST, Merged, bytes_of, merge
from benchmarks.bundle.wheels import Target
from benchmarks.contestants.plugins import with_contestant
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import from_content, load, names
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.stages.context import Context
from benchmarks.stages.pipeline import Run

HAVE = "torch,numpy"


def main(arguments: list[str]) -> int:
    """Run either sub-command; returns the exit status."""
    command, *rest = arguments
    return _bundle(rest) if command == "bundle" else _merge(rest)


def _bundle(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks bundle",
        description="Pack experiments for a machine that has torch and no network. Options of "
        "experiments may follow, as --score-net.training.seconds 60.",
        allow_abbrev=False,
    )
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="or a .yaml file")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--python", default="3.12", help="version of Python there")
    parser.add_argument("--size", type=bytes_of, help="of the whole folder at most, as 60MB")
    parser.add_argument("--have", default=HAVE, help=f"packages that are there ({HAVE})")
    parser.add_argument("--contestant", action="append", default=[], metavar="[NAME=]FILE.py:CLASS")
    parser.add_argument("--speed", action="store_true", help="take along what 'speed' needs")
    known, rest = parser.parse_known_args(arguments)
    if not re.fullmatch(r"3\.\d+", known.python):
        parser.error(f"--python: write {known.python} as 3.12")
    experiments: dict[str, Experiment] = {}
    for name in known.experiments:
        stem = Path(name).stem
        if stem in experiments:
            raise ExperimentError(f"two experiments are called {stem}; rename a file")
        prog = f"{parser.prog} ..."
        experiments[stem] = tyro.cli(Experiment, default=load(name), args=rest, prog=prog)
        for option in known.contestant:
            experiments[stem] = with_contestant(experiments[stem], option)
    progress = Progress()
    for experiment in experiments.values():
        _refuse_impossible(experiment, progress)
    have = tuple(name.strip() for name in known.have.split(",") if name.strip())
    plan = Plan(experiments, known.to, known.size, Target(known.python), have, known.speed)
    sys.stdout.write(_told(make_bundle(plan, progress), plan))
    return 0


def _refuse_impossible(experiment: Experiment, progress: Progress) -> None:
    """Refuse here what the other machine could not tell without the packages of scores."""
    context = Context(experiment, Workspace(Path("runs")), progress)
    _ = context.track.data  # located, verified, cut as the experiment says
    Run(context).refuse_impossible()


def _told(bundle: Bundle, plan: Plan) -> str:
    lines = [f"{plan.folder}: {bundle.size / 1e6:.1f} MB"]
    for name, minutes in bundle.minutes.items():
        asked, packed = plan.experiments[name], bundle.experiments[name]
        cut = ""
        if packed.train_items != asked.train_items:
            cut = f"; cut to {packed.train_items} recordings to fit the size"
        lines.append(f"{name}: {minutes:.1f} minutes of training speech{cut}")
    lines.append("copy it to the other machine and run: sh run.sh")
    lines.append("bring back/ home and run: python -m benchmarks merge back")
    return "".join(f"{line}\n" for line in lines)


def _merge(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks merge",
        description="Take in what a bundle's run made on another machine.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", type=Path, help="back/, one of its files, or a workspace")
    parser.add_argument("--workspace", type=Path, default=Path("runs"), help="work of the stages")
    options = parser.parse_args(arguments)
    merged = merge(options.folder, options.workspace)
    sys.stdout.write("".join(f"{line}\n" for line in _report(merged, options.workspace)))
    return 0 if merged.taken or merged.known else 1


def _report(merged: Merged, workspace: Path) -> list[str]:
    lines = []
    for stage in dict.fromkeys(folder.path.parent.name for folder in merged.taken):
        folders = [folder for folder in merged.taken if folder.path.parent.name == stage]
        devices = ", ".join(sorted({str(one.origin.get("device")) for one in folders}))
        commits = ", ".join(sorted({str(one.origin.get("commit"))[:12] for one in folders}))
        seconds = sum(one.seconds for one in folders)
        lines.append(
            f"taken: {stage}: {len(folders)} of {seconds:.0f} s, made on {devices} by commit "
            f"{commits}"
        )
    for what, paths in (
        ("already here", merged.known),
        ("kept, though other work came for it", merged.kept),
        ("not finished there", merged.unfinished),
    ):
        for stage in dict.fromkeys(path.parent.name for path in paths):
            names = ", ".join(path.name for path in paths if path.parent.name == stage)
            lines.append(f"{what}: {stage}: {names}")
    if merged.lacking:
        return [*lines, f"still to come, in other parts: {', '.join(merged.lacking)}"]
    if not (merged.taken or merged.known):
        return [*lines, "nothing was finished there"]
    goals = [_to_go_on(name, content, workspace) for name, content in merged.experiments.items()]
    return lines + [f"go on with: python -m benchmarks run {goal}" for goal in goals]


def _to_go_on(name: str, content: dict[str, Any], workspace: Path) -> str:
    """An experiment by its name, or a file where it is not the shipped one."""
    experiment = from_content(content, f"{MANIFEST}: {name}")
    if name in names() and load(name) == experiment:
        return name
    number, path = 1, workspace / "experiments" / f"{name}.yaml"
    while path.is_file() and load(str(path)) != experiment:
        number += 1
        path = path.with_name(f"{name}-{number}.yaml")
    write_experiment(path, experiment)
    return str(path)
