"""The work of ``bundle`` and ``merge``; both report line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.bundle.pack import Plan, make_bundle, write_experiment
from benchmarks.bundle.parts import MANIFEST, Merged
from benchmarks.core.loading import from_content, load, names
from benchmarks.runtime.progress import Progress


def bundle_lines(plan: Plan) -> Iterator[str]:
    """Make a bundle, and yield lines on its contents and its use.

    Raises:
        ExperimentError: the bundle cannot be made.
    """
    bundle = make_bundle(plan, Progress())
    yield f"{plan.folder}: {bundle.size / 1e6:.1f} MB"
    for name, minutes in bundle.minutes.items():
        asked, packed = plan.experiments[name], bundle.experiments[name]
        cut = ""
        if packed.train_items != asked.train_items:
            cut = f"; cut to {packed.train_items} recordings to fit the size"
        yield f"{name}: {minutes:.1f} minutes of training speech{cut}"
    yield "copy the folder to the other machine and run there: sh run.sh"
    yield "copy back/ to this machine and run here: python -m benchmarks merge back"


def merge_lines(merged: Merged, workspace: Path) -> list[str]:
    """Lines on merged and remaining stage folders, and the next command.

    Args:
        merged: outcome of the merge.
        workspace: the target of the merge; experiments that are not shipped are written there.
    """
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
        ("kept, other work came in its place", merged.kept),
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
    """Name of a shipped experiment; any other is written to a file, whose path is returned."""
    experiment = from_content(content, f"{MANIFEST}: {name}")
    if name in names() and load(name) == experiment:
        return name
    number, path = 1, workspace / "experiments" / f"{name}.yaml"
    while path.is_file() and load(str(path)) != experiment:
        number += 1
        path = path.with_name(f"{name}-{number}.yaml")
    write_experiment(path, experiment)
    return str(path)
