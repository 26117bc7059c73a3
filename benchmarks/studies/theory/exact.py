"""The theory of known distributions: every figure is an expectation under the exact score."""

from __future__ import annotations

import datetime
from pathlib import Path

import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.report.registry import publish
from benchmarks.results.documents import Provenance
from benchmarks.results.theory import TheoryDocument
from benchmarks.runtime import provenance
from benchmarks.runtime.progress import Progress
from benchmarks.studies.theory.bounds import DATA as BOUND_DATA
from benchmarks.studies.theory.bounds import JUNCTIONS, bounds_of
from benchmarks.studies.theory.collapse import collapse_study
from benchmarks.studies.theory.optimism import DATA as SEARCH_DATA
from benchmarks.studies.theory.optimism import optimism_studies
from benchmarks.studies.theory.ratio import DATA as RATIO_DATA
from benchmarks.studies.theory.ratio import FORMS, ratio_study


def write_theory(
    experiment: Experiment, progress: Progress, folder: Path, called: str = ""
) -> Path:
    """Decide the theory, and write the document, page and plot.

    Args:
        experiment: experiment with the training schedule.
        progress: receives reports of the work.
        folder: folder of the three files.
        called: the experiment's name; empty: unknown.

    Returns:
        The page.

    Raises:
        ExperimentError: the training schedule ends before the last junction.
    """
    linear = experiment.training_schedule
    if JUNCTIONS[-1] > linear.T:
        raise ExperimentError(
            f"training_schedule.T: theory needs {JUNCTIONS[-1]} steps, and there are "
            f"{linear.T}; set T to {JUNCTIONS[-1]} or more"
        )
    training = NoiseSchedule.linear(linear.T, linear.start, linear.end)
    bounds, studies, collapses, searches = [], [], [], []
    work = len(BOUND_DATA) + len(RATIO_DATA) * (len(FORMS) + 1) + len(SEARCH_DATA)
    with progress.task("theory", work) as advance:
        for name in BOUND_DATA:
            bounds.append(bounds_of(name, training))
            advance(1)
        for name in RATIO_DATA:
            for form in FORMS:
                studies.append(ratio_study(name, form, training))
                advance(1)
            collapses.append(collapse_study(name, training))
            advance(1)
        for name in SEARCH_DATA:
            searches += optimism_studies(name, training)
            advance(1)
    document = TheoryDocument(
        kind="theory",
        schema_version=3,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=Provenance(**provenance.collect(torch.device("cpu"), torch.get_num_threads())),
        training_schedule=linear,
        bounds=bounds,
        ratios=studies,
        collapses=collapses,
        searches=searches,
        experiment_name=called or None,
    )
    return publish(folder / "theory.json", document)
