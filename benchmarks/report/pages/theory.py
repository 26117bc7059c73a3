"""The theory's page: ``theory.json`` is the truth, page and plot are derived from it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict

from bddm_ref.files import write_atomically, write_with_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.report.page import table
from benchmarks.report.plots.theory import plot_bounds
from benchmarks.runtime import provenance
from benchmarks.runtime.progress import Progress
from benchmarks.studies.theory.bounds import DATA as BOUND_DATA
from benchmarks.studies.theory.bounds import JUNCTIONS, OWN, DataBounds, bounds_of
from benchmarks.studies.theory.optimism import DATA as SEARCH_DATA
from benchmarks.studies.theory.optimism import FEW, MANY, RUNS, OptimismStudy, optimism_studies
from benchmarks.studies.theory.ratio import DATA as RATIO_DATA
from benchmarks.studies.theory.ratio import FORMS, TAU, RatioStudy, ratio_study

SHOWN_UPDATES = (0, 10, 30, 100, 300, 1_000, 4_000)


class TheoryDocument(BaseModel):
    """What ``theory.json`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    created: str
    provenance: dict[str, Any]
    training_schedule: dict[str, Any]
    bounds: list[DataBounds]
    ratios: list[RatioStudy]
    searches: list[OptimismStudy]


def write_theory(experiment: Experiment, progress: Progress, folder: Path) -> Path:
    """Decide the theory and write ``theory.json``, ``theory.md`` and ``bounds.svg``.

    Args:
        experiment: whose training schedule is used.
        progress: where work is reported.
        folder: where they go.

    Returns:
        The page.

    Raises:
        ExperimentError: the training schedule ends before the last junction that is looked at.
    """
    linear = experiment.training_schedule
    if JUNCTIONS[-1] > linear.T:
        raise ExperimentError(
            f"training_schedule.T: theory looks at steps up to {JUNCTIONS[-1]}, and there are "
            f"{linear.T}; make it {JUNCTIONS[-1]} or more"
        )
    training = NoiseSchedule.linear(linear.T, linear.start, linear.end)
    bounds, studies, searches = [], [], []
    work = len(BOUND_DATA) + len(RATIO_DATA) * len(FORMS) + len(SEARCH_DATA)
    with progress.task("theory", work) as advance:
        for name in BOUND_DATA:
            bounds.append(bounds_of(name, training))
            advance(1)
        for name in RATIO_DATA:
            for form in FORMS:
                studies.append(ratio_study(name, form, training))
                advance(1)
        for name in SEARCH_DATA:
            searches += optimism_studies(name, training)
            advance(1)
    document = TheoryDocument(
        schema_version=1,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=provenance.collect(torch.device("cpu"), torch.get_num_threads()),
        training_schedule=as_dict(linear),
        bounds=bounds,
        ratios=studies,
        searches=searches,
    )
    text = document.model_dump_json(indent=1) + "\n"
    write_with_checksum(folder / "theory.json", partial(Path.write_text, data=text))
    write_atomically(folder / "bounds.svg", lambda path: plot_bounds(bounds, path))
    page = folder / "theory.md"
    write_atomically(page, lambda path: path.write_text(theory_page(document)))
    return page


def theory_page(document: TheoryDocument) -> str:
    """The page that a document gives."""
    made, searches = document.provenance, document.searches
    parts = [
        "# Theory: what exact scores decide\n",
        "Data of known density, the exact score in the score network's place, training schedule "
        f"linear with T = {document.training_schedule['T']}. Nats per dimension throughout.\n",
        "## Is F_elbo ≤ F_bddm ≤ log p?\n",
        _readings(),
        _bounds_table(document.bounds),
        "![Both bounds over the junction t](bounds.svg)\n",
        _counts_table(document.bounds),
        "## What does the schedule network learn?\n",
        f"A small network, trained with τ = {TAU} on each loss, against the optimum r* of the "
        "expected loss at its level. One level of a one-dimensional datum cannot be told from x_t: "
        "there the network averages over levels.\n",
        _ratio_table(document.ratios),
        "## Does the ELBO collapse it?\n",
        "Mean of σ_φ over levels, by number of updates.\n",
        _collapse_table(document.ratios),
        "## How optimistic is the released search?\n",
        f"{RUNS} searches by each rule, each judgement on {FEW} samples. *released* takes fresh "
        "noise for each and reports the score that won; *ours* judges all on the same noise, the "
        "best again on other noise, and reports a third judgement of the winner. Winners are "
        f"judged once more on {MANY}. Energy distance, smaller is better; optimism: the true "
        "distance less the reported one, in standard deviations of one judgement. Brackets: 95 % "
        "intervals over searches.\n",
        _searches_table(searches),
        "## Origin\n",
        f"- commit `{(made['commit'] or 'unknown')[:12]}` (tree {made['tree'] or 'unknown'}), "
        f"{document.created}; made by `python -m benchmarks theory analytic`\n",
    ]
    return "\n".join(parts)


def _readings() -> str:
    return (
        "F_score = −L_score − R, F_bddm = −L_step − R, at a junction t with n short steps left; "
        "x_t is drawn from q(x_t | x_0), as in training. R needs the variance of p(x_0 | x_1), "
        "which the papers leave open: *β₁* is DDPM's choice, *fitted* the variance that makes the "
        "bound largest. *Summed* has the L_score of all n steps. The ELBO is that of the whole "
        "training schedule, with the same choice of variance. Short steps of this table: the "
        "schedule that the closed form of σ_φ gives from x_t.\n"
    )


def _bounds_table(bounds: Sequence[DataBounds]) -> str:
    heads = ["Data", "t", "n", "log p", "ELBO, β₁", "F_bddm, β₁", "F_score, β₁", "summed, β₁"]
    heads += ["ELBO, fitted", "F_bddm, fitted", "F_score, fitted"]
    lines = [
        [
            f"`{one.data}`",
            str(point.t),
            str(point.n),
            *(f"{v:.3f}" for v in (one.log_p, one.elbo)),
            f"{point.f_bddm:.4g}",
            f"{point.f_score:.4g}",
            f"{point.f_summed:.4g}",
            *(f"{v:.3f}" for v in (one.elbo_fitted, point.f_bddm_fitted, point.f_score_fitted)),
        ]
        for one in bounds
        for point in one.points
        if point.family == OWN
    ]
    return table(heads, lines)


def _counts_table(bounds: Sequence[DataBounds]) -> str:
    heads = ["Data", "Variance", "Points (t, n)", "F_bddm ≤ log p", "F_bddm ≥ F_elbo", "both"]
    lines = [
        [f"`{one.data}`", variance, *(str(count) for count in one.counts(variance == "fitted"))]
        for one in bounds
        for variance in ("β₁", "fitted")
    ]
    return "In how many of all points, both spacings together:\n\n" + table(heads, lines)


def _ratio_table(studies: Sequence[RatioStudy]) -> str:
    heads = ["Data", "Loss", "Mean relative error of r", "t = first", "middle", "last (r / r*)"]
    lines = []
    for study in studies:
        if study.form == "elbo":
            continue
        shown = [study.points[i] for i in (0, len(study.points) // 2, -1)]
        cells = [f"{p.learned:.3f} ± {p.spread:.3f} / {p.closed:.3f}" for p in shown]
        lines.append([f"`{study.data}`", study.form, f"{study.error:.1%}", *cells])
    return table(heads, lines)


def _searches_table(searches: Sequence[OptimismStudy]) -> str:
    heads = ["Data", "Rule", "Steps", "Reported", "True", "One judgement's deviation", "Optimism"]
    lines = [
        [
            f"`{one.data}`",
            one.rule,
            str(one.length),
            f"{one.reported.value:.4f}",
            f"{one.true.value:.4f} [{one.true.low:.4f}, {one.true.high:.4f}]",
            f"{one.noise:.4f}",
            f"{one.optimism.value:+.2f} [{one.optimism.low:+.2f}, {one.optimism.high:+.2f}]",
        ]
        for one in searches
    ]
    return table(heads, lines)


def _collapse_table(studies: Sequence[RatioStudy]) -> str:
    heads = ["Data", "Loss", *(str(update) for update in SHOWN_UPDATES)]
    lines = [
        [
            f"`{study.data}`",
            study.form,
            *(f"{study.watched[update]:.4f}" for update in SHOWN_UPDATES),
        ]
        for study in studies
    ]
    return table(heads, lines)
