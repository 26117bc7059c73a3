"""The shipped experiments: what each is, how long it takes, and where its tables are published."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import FOLDER, load, names
from benchmarks.results.earlier import differing
from benchmarks.results.forms import document_file
from benchmarks.results.schema import RunResults
from benchmarks.runtime.checkout import REPOSITORY

COMMENT = re.compile(r"(?:^#.*\n)+", re.MULTILINE)
TAKES = re.compile(r"\bTakes (?:about )?([^.]*)\.")


class ListedExperiment(BaseModel):
    """A shipped experiment.

    Attributes:
        name: its name on the command line.
        what: the first line of its comment.
        estimate: the duration that its comment gives, in words; None: it gives none.
        minutes: the stages' measured duration in the published document; None: there is none.
        machine: processor and threads that the duration was measured on.
        same_fields: whether the published run had the fields of the experiment as it is now.
        folder: the folder that ``--publish`` replaces; None: there is none.
    """

    name: str
    what: str
    estimate: str | None
    minutes: float | None = None
    machine: str | None = None
    same_fields: bool | None = None
    folder: str | None = None


def listed() -> list[ListedExperiment]:
    """Describe every shipped experiment.

    Raises:
        DamagedFileError: a published document is damaged.
    """
    return [_listed(name) for name in names()]


def _listed(name: str) -> ListedExperiment:
    experiment = load(name)
    what, estimate = described(FOLDER / f"{name}.yaml")
    one = ListedExperiment(
        name=name, what=what, estimate=estimate, folder=experiment.publish or None
    )
    found = published_run(name, experiment)
    if found is None:
        return one
    measured = {
        "minutes": round(sum(found.wall_seconds.values()) / 60, 1),
        "machine": machine_of(found),
        "same_fields": same_fields(found, experiment),
    }
    return one.model_copy(update=measured)


def machine_of(results: RunResults) -> str:
    """Device and threads that a run was made with, in words."""
    made = results.provenance
    device = made.processor if made.device == "cpu" else made.device
    return f"{device}, {made.threads} thread{'s' * (made.threads > 1)}"


def same_fields(results: RunResults, experiment: Experiment) -> bool:
    """Tell whether a run had the fields of an experiment, but for those of the machine."""
    return not differing(results.experiment, experiment)


def described(file: Path) -> tuple[str, str | None]:
    """The first line of an experiment's comment, and the duration that the comment gives."""
    comment = COMMENT.match(file.read_text())
    lines = [line.removeprefix("#").strip() for line in comment[0].splitlines()] if comment else []
    takes = TAKES.search(" ".join(lines))
    return (lines[0].removesuffix(".") if lines else ""), (takes[1] if takes else None)


def published_run(name: str, experiment: Experiment) -> RunResults | None:
    """The published document of an experiment; None: it is not published, or not of this name.

    Raises:
        DamagedFileError: the document is damaged.
    """
    if not experiment.publish:
        return None
    folder = REPOSITORY / experiment.publish
    file = document_file(folder, f"{experiment.track}.json")
    if not file.is_file():
        return None
    found = RunResults.read(file)
    return found if found.experiment_name in (None, name) else None
