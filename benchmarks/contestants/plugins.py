"""Lookup of contestants by name: the project's, installed packages', and an experiment's.

A package offers contestants as entry points of the group ``bddm_benchmark.contestants``. An
experiment names contestants in the field ``contestants``. Both name an instance, or a class without
arguments: see :class:`benchmarks.contestants.base.OwnContestant`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.base import Contestant
from benchmarks.contestants.checked import CheckedContestant
from benchmarks.contestants.ending import no_exit
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.names import RULE, is_name, one_line, same_title, title_fault
from benchmarks.core.registry import choose

ENTRY_POINTS = "bddm_benchmark.contestants"


def contestant(name: str, experiment: Experiment) -> Contestant:
    """Find the contestant of a name.

    Raises:
        ExperimentError: the name is unknown, or the contestant cannot be loaded.
    """
    if name in CONTESTANTS and name not in experiment.contestants:
        return CONTESTANTS[name]
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    places = {point.name: point.value for point in points} | experiment.contestants
    own = dict.fromkeys(CONTESTANTS, "")  # the message lists these names, too
    return _loaded(name, choose(own | places, name, "rows.contestant"))


def refuse_unknown_contestants(experiment: Experiment) -> None:
    """Load every contestant of the experiment's rows.

    Raises:
        ExperimentError: a contestant is unknown or cannot be loaded, or two have one title.
    """
    titles = {name: known.title for name, known in CONTESTANTS.items()}
    for name in dict.fromkeys(row.contestant for row in experiment.rows):
        title = contestant(name, experiment).title
        for other, known in titles.items():
            if other != name and same_title(title, known):
                raise ExperimentError(
                    f"contestants: {name}: '{title}' is the title of {other}, too; give it another"
                )
        titles[name] = title


@cache
@no_exit()
def _loaded(name: str, place: str) -> CheckedContestant:
    """Load a contestant from ``file.py:Name`` or ``package.module:Name``."""
    where = f"contestants: {one_line(name, 60)}: {one_line(place)}"
    if not is_name(name) or name in CONTESTANTS:
        raise ExperimentError(f"{where}: give a new name: {RULE}")
    module_name, _, attribute = place.rpartition(":")
    if not module_name or not attribute.isidentifier():
        raise ExperimentError(f"{where}: write the place as file.py:Class or package.module:Class")
    module = _module(module_name, where)
    if not hasattr(module, attribute):
        raise ExperimentError(f"{where}: {module_name} has no {attribute}")
    found = getattr(module, attribute)
    try:
        with no_exit():
            made = found() if inspect.isclass(found) else found
    except Exception as error:
        raise ExperimentError(f"{where}: {attribute}() failed: {_told(error)}") from error
    title = getattr(made, "title", None)
    if not callable(getattr(made, "prepare", None)) or not isinstance(title, str):
        raise ExperimentError(
            f"{where}: a contestant has a 'title' and a method 'prepare(steps, inputs)'; see "
            "docs/contestants.md"
        )
    if fault := title_fault(title):
        raise ExperimentError(f"{where}: the title {fault}; give one short line")
    return CheckedContestant(made, where, module)  # type: ignore[arg-type]


def _module(name: str, where: str) -> ModuleType:
    try:
        if not name.endswith(".py"):
            with no_exit():
                return importlib.import_module(name)
        path = Path(name).resolve()
        key = f"contestant_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(key, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module  # dataclasses look their own module up here
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))  # for files that it imports, last of all places
        with no_exit():
            spec.loader.exec_module(module)
    except FileNotFoundError as error:
        raise ExperimentError(f"{where}: there is no file {name}") from error
    except Exception as error:
        raise ExperimentError(f"{where}: the import failed: {_told(error)}") from error
    return module


def _told(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")


def with_contestant(experiment: Experiment, option: str) -> Experiment:
    """Add a user's contestant to an experiment, at all steps of the rows of ``bddm``.

    Args:
        experiment: the experiment; without rows of ``bddm``, its other rows tell the steps.
        option: ``file.py:Class`` or ``name=file.py:Class``; the default name is the class name in
            lower case.

    Raises:
        ExperimentError: the option is mistyped, or the contestant cannot be loaded.
    """
    name, _, place = option.rpartition("=")
    if ":" not in place:
        raise ExperimentError(
            f"--contestant: write {option} as file.py:Class or name=file.py:Class"
        )
    name = name or place.rpartition(":")[2].lower()
    added = replace(experiment, contestants=experiment.contestants | {name: place})
    contestant(name, added)
    short = [row for row in experiment.rows if f"{row.contestant}-" not in experiment.reference]
    like = (
        [row for row in experiment.rows if row.contestant == "bddm"]
        or short[:1]
        or experiment.rows[:1]
    )
    rows = tuple(replace(row, contestant=name) for row in like)
    return replace(added, rows=experiment.rows + rows)
