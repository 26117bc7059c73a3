"""The page of the theory of known distributions, whose score is exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.report.contents import with_contents
from benchmarks.report.page import (
    NOTHING,
    Block,
    Bullets,
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
    LONGEST,
    MANY,
    PAPERS,
    RUNS,
    TAU,
    BoundPoint,
    CommonTerm,
    DataBounds,
    DataTraces,
    OptimismStudy,
    RatioStudy,
    SigmaTrace,
    TheoryDocument,
)

KEPT: dict[CommonTerm, str] = {
    "decoder": "the ELBO's",
    "chain": "−R, β₁",
    "chain_fitted": "−R, fitted",
}
EQUAL = 0.01  # nats per dimension to which Proposition 3 is asked to hold
SHOWN_UPDATES = (10, 20, 50)
SHOWN_LENGTH = 16  # N of the table of single points


def theory_page(document: TheoryDocument) -> Page:
    """The whole page."""
    bounds = document.bounds
    blocks: tuple[Block, ...] = (
        Heading("Theory: what exact scores decide", 1),
        Prose(
            "Data of known density, the exact score in the score network's place, training "
            f"schedule linear with T = {document.training_schedule.T}. Nats per dimension "
            "throughout. `docs/theory.md` has the definitions and the derivation."
        ),
        *_bound_blocks(bounds, document.training_schedule.T),
        Heading("What does the schedule network learn?"),
        Prose(
            f"A small network, trained with τ = {TAU} on each form of the step loss, against the "
            "optimum r* of the expected loss at its level. One level of a one-dimensional datum "
            "cannot be told from x_t: there the network averages over levels."
        ),
        _ratio_table(document.ratios),
        Heading("Does the ELBO collapse it, and how fast?"),
        Prose(
            "Mean of σ_φ over levels, in trainings without warm-up that differ in the loss and the "
            "learning rate alone. Half-time: updates until half of the final change of the mean."
        ),
        _collapse_table(document.collapses),
        Heading("How optimistic is the released search?"),
        Prose(
            f"{RUNS} searches by each rule, each judgement on {FEW} samples. *released* draws "
            "fresh noise for each pass and each judgement, keeps a candidate only if both of its "
            "scores rise, and reports the score that won. *ours* uses one noise for all passes, "
            "judges all candidates on the same noise, the best again on other noise, and reports "
            f"a third judgement of the winner. Winners are judged once more on {MANY}. Energy "
            "distance, smaller is better; optimism: the true distance less the reported one, in "
            "standard deviations of one judgement. Brackets: 95 % intervals over searches."
        ),
        _searches_table(document.searches),
        Origin(
            (
                f"{document.provenance.code}, {document.created}; made by "
                "`python -m benchmarks theory analytic`",
            )
        ),
    )
    return with_contents(Page(blocks))


def _bound_blocks(bounds: Sequence[DataBounds], T: int) -> tuple[Block, ...]:
    return (
        Heading("Is F_elbo ≤ F_bddm ≤ log p?"),
        Prose(
            "F_score = −L_score − R and F_bddm = F_score + L_step, at a junction t with n short "
            "steps left. A point (t, n) is inside the papers' assumptions if (n − 1)τ ≤ t < nτ, "
            f"with τ = ⌊T/N⌋ for a length N of at most {LONGEST}. Figures are of the points "
            "inside, unless a column says otherwise."
        ),
        Bullets(tuple(bound_findings(bounds))),
        Prose(
            "**The common term dropped, as in the authors' plot.** Their F_bddm runs from .52 to "
            ".73. Without the common term F_bddm = L_step − L_score = ½[r(1 − s) − log r], with "
            "r = β_n/δ_t and s = E|ε_θ|²/D."
        ),
        _dropped_table(bounds),
        Figure("bounds.svg", "F_bddm and one KL term of the ELBO over the junction t"),
        Prose(
            "**The common term kept.** *The ELBO's*: E log p(x₀ | x₁) with x₁ from q(x₁ | x₀). "
            "*−R*: x₁ comes from x_t by the short chain. The papers leave the variance of "
            "p(x₀ | x₁) open: *β₁* is DDPM's choice, *fitted* the variance that makes the term "
            "largest. F_elbo is the whole ELBO with the same variance. log p_θ is the density that "
            "the short chain of N steps gives; it was computed where N is known, on mixtures for "
            "the points of the plot."
        ),
        _kept_table(bounds),
        Prose(
            "**Proposition 3, log p − F_score = L_step**, with the fitted variance. Ranges over "
            "points; the last columns have the largest difference of both sides."
        ),
        _proposition_table(bounds),
        _points_table(bounds, T),
    )


def bound_findings(bounds: Sequence[DataBounds]) -> Iterable[str]:
    """One item for each question on the bound, as inline Markdown."""
    points = [(one, p) for one in bounds for p in one.points if p.length is not None]
    total = len(points)
    above = sum(one.over_term(p) > 0 for one, p in points)
    yield (
        f"**One KL term of the ELBO at t ≤ F_bddm holds at {above} of {total} points, as an "
        "identity.** The left side is minus a divergence, the right side is positive for any "
        "schedule and any network with s ≤ 1. The inequality says nothing about either."
    )
    over = sum(one.f_bddm(p, "decoder")[0] > one.log_p for one, p in points)
    loose = sum(one.over_elbo(p, "chain")[0] < 0 for one, p in points)
    fitted = [(one.over_elbo(p, "chain_fitted")[0], one, p) for one, p in points]
    both = sum(low >= 0 and one.f_bddm(p, "chain_fitted")[0] <= one.log_p for low, one, p in fitted)
    yield (
        f"**F_elbo ≤ F_bddm ≤ log p with the common term kept.** With the ELBO's own term F_bddm "
        f"exceeds log p at {over} of {total} points: it is no bound. With R and β₁ it lies below "
        f"the whole ELBO at {loose}: it is not tighter. With R and the fitted variance both sides "
        f"hold at {both}."
    )
    equal = sum(abs(one.log_p - p.f_score(True) - p.step) <= EQUAL for one, p in points)
    yield f"**Proposition 3 holds to {EQUAL:g} at {equal} of {total} points.**"


def _inside(one: DataBounds) -> list[BoundPoint]:
    return [p for p in one.points if p.length is not None]


def _outside(one: DataBounds) -> list[BoundPoint]:
    return [p for p in one.points if p.length is None]


def _range(values: Iterable[float]) -> str:
    found = list(values)
    return f"{min(found):.3f} … {max(found):.3f}" if found else "—"


def _share(holds: Iterable[bool]) -> str:
    found = list(holds)
    return f"{sum(found)} of {len(found)}"


def _dropped_table(bounds: Sequence[DataBounds]) -> Table:
    heads = ["Data", "F_bddm", "minus the KL term at t", "F_bddm ≥ one term"]
    heads += ["F_bddm ≥ F_elbo", "Off the identity", "Outside: F_bddm", "≥ one term"]
    lines = [
        [
            f"`{one.data}`",
            _range(p.dropped for p in _inside(one)),
            _range(-p.term for p in _inside(one)),
            _share(one.over_term(p) > 0 for p in _inside(one)),
            _share(one.over_elbo(p, "dropped")[0] > 0 for p in _inside(one)),
            f"{max(abs(p.dropped - p.identity) for p in one.points):.0e}",
            _range(p.dropped for p in _outside(one)),
            _share(one.over_term(p) > 0 for p in _outside(one)),
        ]
        for one in bounds
    ]
    return table(heads, lines)


def _kept_table(bounds: Sequence[DataBounds]) -> Table:
    heads = ["Data", "Common term", "log p", "F_elbo", "F_bddm", "F_bddm ≥ F_elbo"]
    heads += ["F_bddm ≤ log p", "F_bddm ≤ log p_θ", "Outside: ≥ F_elbo", "≤ log p"]
    lines = []
    for one in bounds:
        for common, words in KEPT.items():
            fitted = common == "chain_fitted"
            chains = [(p, p.log_p_of_chain(fitted)) for p in _inside(one)]
            lines.append(
                [
                    f"`{one.data}`",
                    words,
                    f"{one.log_p:.3f}",
                    f"{one.elbo(fitted):.3f}",
                    _range(one.f_bddm(p, common)[0] for p in _inside(one)),
                    _share(one.over_elbo(p, common)[0] >= 0 for p in _inside(one)),
                    _share(one.f_bddm(p, common)[0] <= one.log_p for p in _inside(one)),
                    _share(one.f_bddm(p, common)[0] <= c for p, c in chains if c is not None),
                    _share(one.over_elbo(p, common)[0] >= 0 for p in _outside(one)),
                    _share(one.f_bddm(p, common)[0] <= one.log_p for p in _outside(one)),
                ]
            )
    return table(heads, lines, keys=2)


def _proposition_table(bounds: Sequence[DataBounds]) -> Table:
    heads = ["Data", "L_step", "log p − F_score", "log p_θ − F_score", "Largest difference"]
    heads += ["with log p_θ", "Outside: L_step", "log p − F_score"]
    lines = []
    for one in bounds:
        gaps = [(one.log_p - p.f_score(True), p.step) for p in _inside(one)]
        chains = [
            (chain - p.f_score(True), p.step)
            for p in _inside(one)
            if (chain := p.log_p_of_chain(True)) is not None
        ]
        lines.append(
            [
                f"`{one.data}`",
                _range(step for _, step in gaps),
                _range(gap for gap, _ in gaps),
                _range(gap for gap, _ in chains),
                f"{max((abs(gap - step) for gap, step in gaps), default=0.0):.3f}",
                f"{max((abs(gap - step) for gap, step in chains), default=0.0):.3f}",
                _range(p.step for p in _outside(one)),
                _range(one.log_p - p.f_score(True) for p in _outside(one)),
            ]
        )
    return table(heads, lines)


def _points_table(bounds: Sequence[DataBounds], T: int) -> Table:
    heads = ["Data", "t", "n", "s", "r", "L_score", "L_step", "KL term at t", "F_bddm, dropped"]
    heads += ["R, fitted", "log p_θ, fitted"]
    tau = T // SHOWN_LENGTH
    lines = [
        [
            f"`{one.data}`",
            *(str(value) for value in (p.t, p.n)),
            *(f"{value:.4f}" for value in (p.power, p.ratio, p.score, p.step, p.term, p.dropped)),
            f"{p.reconstruction(True):.4f}",
            "—" if p.log_p_chain_fitted is None else f"{p.log_p_chain_fitted:.4f}",
        ]
        for one in bounds[1:2] or bounds
        for p in one.points
        if p.family == PAPERS and p.t == (2 * p.n - 1) * tau // 2
    ]
    caption = (
        f"All terms of one distribution for N = {SHOWN_LENGTH}, τ = {tau}, to derive the figures "
        "again:"
    )
    return table(heads, lines, caption, keys=3)


def _ratio_table(studies: Sequence[RatioStudy]) -> Table:
    heads = ["Data", "Loss", "Mean relative error of r", "t = first", "middle", "last (r / r*)"]
    lines = []
    for study in studies:
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


def _collapse_table(found: Sequence[DataTraces]) -> Table:
    return traces_table("Data", [(f"`{one.data}`", one.traces) for one in found])


def traces_table(head: str, named: Sequence[tuple[str, Sequence[SigmaTrace]]]) -> Table:
    """One line for each place, loss and learning rate.

    Args:
        head: head of the column of places.
        named: each place with its trainings.
    """
    shown = [f"σ after {update}" for update in SHOWN_UPDATES]
    heads = [head, "Learning rate", "Loss", "Half-time", "σ before", *shown, "at the end"]
    lines = [
        [
            name,
            f"{one.learning_rate:g}",
            one.form,
            NOTHING if one.half_time is None else str(one.half_time),
            f"{one.sigma[0]:.3f}",
            *(_after(one, update) for update in SHOWN_UPDATES),
            f"{one.limit:.4f}" if one.diverged is None else f"diverged at {one.diverged}",
        ]
        for name, traces in named
        for one in sorted(traces, key=lambda trace: (trace.learning_rate, trace.form))
    ]
    return table(heads, lines)


def _after(trace: SigmaTrace, update: int) -> str:
    """Mean of sigma_phi after an update that the training reached."""
    return f"{trace.sigma[update]:.4f}" if update in trace.sigma else NOTHING
