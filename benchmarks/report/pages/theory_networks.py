"""The page of the theory on a track's trained networks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.contents import with_contents
from benchmarks.report.inline import code, plain
from benchmarks.report.page import (
    NOTHING,
    Block,
    Figure,
    Heading,
    Origin,
    Page,
    Prose,
    Table,
    table,
)
from benchmarks.report.pages.theory import traces_table
from benchmarks.results.theory import DRAWS, NetworkDocument, NetworkTheory
from metrics.statistics import Estimate


def network_page(document: NetworkDocument) -> Page:
    """The whole page."""
    track, made, found = document.track, document.provenance, document.conventions
    weights = ", ".join(f"{name} `{sha256[:12]}`" for name, sha256 in document.weights.items())
    blocks: tuple[Block, ...] = (
        Heading(f"Theory: what the {track} track's networks say", 1),
        Prose(
            f"The trained networks on validation items of {code(document.data.name)}. Nats per "
            "dimension of the continuous data; brackets: 95 % intervals over items. Figures of "
            "one line are of the same items."
        ),
        Heading("Is F_elbo ≤ F_bddm?"),
        Prose(
            "F_bddm = F_score + L_step at a junction t with n short steps left; without the common "
            "term it is L_step − L_score. N is the length for which the point is inside the "
            "papers' assumptions, — where it is outside. At the points of the plot β_n is the "
            "schedule network's; at the others the short levels have equal log-SNR spacing. "
            f"F_elbo is of the whole training schedule, by {DRAWS} levels of each item, and is "
            "compared with the common term dropped from both, and with −R kept: *β₁* is DDPM's "
            "variance of the last step, *fitted* the variance that makes each bound largest. log p "
            "is not known here. `docs/theory.md` has the definitions."
        ),
        Figure(f"{track}.svg", "F_bddm and one KL term of the ELBO over the junction t"),
        *(_bounds(one) for one in found),
        Heading("What does the schedule network learn, and does it follow the item?"),
        Prose(
            "r = β_n / δ_t that the network chooses: mean ± standard deviation over items; r* is "
            "the optimum of the expected loss for the measured s = E|ε_θ|² / D."
        ),
        *(_ratios(one) for one in found),
        Heading("Does the ELBO collapse it, and how fast?"),
        Prose(
            "Mean of σ_φ over items and levels, in trainings without warm-up that differ in the "
            "loss and the learning rate alone. Half-time: updates until half of the final change "
            f"of the mean. The mean of the network in use: {_in_use(found)}."
        ),
        traces_table("Convention", [(code(one.convention), one.traces) for one in found]),
        Origin(
            (
                f"{made.code}, {document.created}, on {plain(made.device)}",
                f"data `{document.data.sha256[:12]}`, {weights}",
            )
        ),
    )
    return with_contents(Page(blocks))


def _bounds(one: NetworkTheory) -> Table:
    heads = ["t", "n", "N", "r", "s", "L_score", "L_step", "KL term at t", "F_bddm, dropped"]
    heads += ["less one term", "F_bddm − F_elbo, dropped", "with −R, β₁", "with −R, fitted"]
    lines = [
        [
            *(str(value) for value in (p.t, p.n, p.length or NOTHING)),
            *(f"{value:.3f}" for value in (p.ratio, p.power)),
            *(f"{v.value:.4f}" for v in (p.score, p.step, p.term, p.dropped, p.over_term)),
            *(_cell(v) for v in (p.over_elbo, p.over_elbo_chain, p.over_elbo_chain_fitted)),
        ]
        for p in one.points
    ]
    inside = [p for p in one.points if p.length is not None]
    above = sum(p.over_term.value > 0 for p in inside)
    off = max(p.identity_error for p in one.points)
    caption = (
        f"Convention {code(one.convention)}, {one.items} items: F_elbo {_cell(one.elbo)} with β₁, "
        f"{_cell(one.elbo_fitted)} fitted. F_bddm ≥ one term at {above} of {len(inside)} points "
        f"inside; each item follows the identity to {off:.0e}."
    )
    return table(heads, lines, caption, keys=3)


def _ratios(one: NetworkTheory) -> Table:
    heads = ["t", "s", "r", "r*"]
    lines = [
        [str(p.t), f"{p.s:.4f}", f"{p.learned:.3f} ± {p.spread:.3f}", f"{p.closed:.3f}"]
        for p in one.ratios
    ]
    return table(heads, lines, f"Convention {code(one.convention)}, τ = {one.tau}:")


def _in_use(found: Sequence[NetworkTheory]) -> str:
    return ", ".join(f"{one.sigma:.3f} ({code(one.convention)})" for one in found)


def _cell(estimate: Estimate) -> str:
    value, low, high = (f"{v:.4g}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
