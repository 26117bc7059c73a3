"""The page of the theory of known distributions, whose score is exact."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.page import (
    Block,
    Figure,
    Heading,
    Origin,
    Page,
    Prose,
    Table,
    table,
)
from benchmarks.results.theory import (
    FEW,
    MANY,
    OWN,
    RUNS,
    TAU,
    DataBounds,
    OptimismStudy,
    RatioStudy,
    TheoryDocument,
)

SHOWN_UPDATES = (0, 10, 30, 100, 300, 1_000, 4_000)


def theory_page(document: TheoryDocument) -> Page:
    """The whole page."""
    blocks: tuple[Block, ...] = (
        Heading("Theory: what exact scores decide", 1),
        Prose(
            "Data of known density, the exact score in the score network's place, training "
            f"schedule linear with T = {document.training_schedule.T}. Nats per dimension "
            "throughout."
        ),
        Heading("Is F_elbo ≤ F_bddm ≤ log p?"),
        Prose(_readings()),
        _bounds_table(document.bounds),
        Figure("bounds.svg", "Both bounds over the junction t"),
        _counts_table(document.bounds),
        Heading("What does the schedule network learn?"),
        Prose(
            f"A small network, trained with τ = {TAU} on each loss, against the optimum r* of the "
            "expected loss at its level. One level of a one-dimensional datum cannot be told from "
            "x_t: there the network averages over levels."
        ),
        _ratio_table(document.ratios),
        Heading("Does the ELBO collapse it?"),
        Prose("Mean of σ_φ over levels, by number of updates."),
        _collapse_table(document.ratios),
        Heading("How optimistic is the released search?"),
        Prose(
            f"{RUNS} searches by each rule, each judgement on {FEW} samples. *released* takes "
            "fresh noise for each and reports the score that won; *ours* judges all on the same "
            "noise, the best again on other noise, and reports a third judgement of the winner. "
            f"Winners are judged once more on {MANY}. Energy distance, smaller is better; "
            "optimism: the true distance less the reported one, in standard deviations of one "
            "judgement. Brackets: 95 % intervals over searches."
        ),
        _searches_table(document.searches),
        Origin(
            (
                f"{document.provenance.code}, {document.created}; made by "
                "`python -m benchmarks theory analytic`",
            )
        ),
    )
    return Page(blocks)


def _readings() -> str:
    return (
        "F_score = −L_score − R, F_bddm = −L_step − R, at a junction t with n short steps left; "
        "x_t is drawn from q(x_t | x_0), as in training. R needs the variance of p(x_0 | x_1), "
        "which the papers leave open: *β₁* is DDPM's choice, *fitted* the variance that makes the "
        "bound largest. *Summed* has the L_score of all n steps. The ELBO is that of the whole "
        "training schedule, with the same choice of variance. Short steps of this table: the "
        "schedule that the closed form of σ_φ gives from x_t."
    )


def _bounds_table(bounds: Sequence[DataBounds]) -> Table:
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


def _counts_table(bounds: Sequence[DataBounds]) -> Table:
    heads = ["Data", "Variance", "Points (t, n)", "F_bddm ≤ log p", "F_bddm ≥ F_elbo", "both"]
    lines = [
        [f"`{one.data}`", variance, *(str(count) for count in one.counts(variance == "fitted"))]
        for one in bounds
        for variance in ("β₁", "fitted")
    ]
    return table(heads, lines, "In how many of all points, both spacings together:")


def _ratio_table(studies: Sequence[RatioStudy]) -> Table:
    heads = ["Data", "Loss", "Mean relative error of r", "t = first", "middle", "last (r / r*)"]
    lines = []
    for study in studies:
        if study.form == "elbo":
            continue
        shown = [study.points[i] for i in (0, len(study.points) // 2, -1)]
        cells = [f"{p.learned:.3f} ± {p.spread:.3f} / {p.closed:.3f}" for p in shown]
        lines.append([f"`{study.data}`", study.form, f"{study.error:.1%}", *cells])
    return table(heads, lines)


def _searches_table(searches: Sequence[OptimismStudy]) -> Table:
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


def _collapse_table(studies: Sequence[RatioStudy]) -> Table:
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
