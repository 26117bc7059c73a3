"""The page of the theory on a track's trained networks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.inline import code, plain
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
            "F_bddm = −L_step − R at a junction t with n short steps of equal log-SNR spacing "
            f"left; F_elbo of the whole training schedule, by {DRAWS} levels of each item. *β₁*: "
            "DDPM's variance of the last step; *fitted*: the variance that makes each bound "
            "largest. log p is not known here."
        ),
        Figure(f"{track}.svg", "F_bddm over the junction t"),
        *(_bounds(one) for one in found),
        Heading("What does the schedule network learn, and does it follow the item?"),
        Prose(
            "r = β_n / δ_t that the network chooses: mean ± standard deviation over items; r* is "
            "the optimum of the expected loss for the measured s = E|ε_θ|² / D."
        ),
        *(_ratios(one) for one in found),
        Heading("Does the ELBO collapse it?"),
        Prose(
            "Mean of σ_φ over items and levels: of the network that the track uses, and of one "
            "trained alike on the ELBO, by number of updates."
        ),
        _collapse(found),
        Origin(
            (
                f"{made.code}, {document.created}, on {plain(made.device)}",
                f"data `{document.data.sha256[:12]}`, {weights}",
            )
        ),
    )
    return Page(blocks)


def _bounds(one: NetworkTheory) -> Table:
    heads = ["t", "n", "F_bddm, β₁", "F_score, β₁", "F_bddm − F_elbo, β₁"]
    heads += ["F_bddm, fitted", "F_bddm − F_elbo, fitted"]
    lines = [
        [
            str(point.t),
            str(point.n),
            f"{point.f_bddm.value:.4g}",
            f"{point.f_score.value:.4g}",
            _cell(point.f_bddm_over_elbo),
            f"{point.f_bddm_fitted.value:.3f}",
            _cell(point.f_bddm_fitted_over_elbo),
        ]
        for point in one.points
    ]
    caption = (
        f"Convention {code(one.convention)}, {one.items} items: F_elbo {_cell(one.elbo)} with β₁, "
        f"{_cell(one.elbo_fitted)} fitted."
    )
    return table(heads, lines, caption)


def _ratios(one: NetworkTheory) -> Table:
    heads = ["t", "s", "r", "r*"]
    lines = [
        [str(p.t), f"{p.s:.4f}", f"{p.learned:.3f} ± {p.spread:.3f}", f"{p.closed:.3f}"]
        for p in one.ratios
    ]
    return table(heads, lines, f"Convention {code(one.convention)}:")


def _collapse(found: Sequence[NetworkTheory]) -> Table:
    heads = ["Convention", "In use", *(f"ELBO, {n}" for n in found[0].sigma_on_elbo)]
    lines = [
        [
            code(one.convention),
            f"{one.sigma:.3f}",
            *(f"{v:.4f}" for v in one.sigma_on_elbo.values()),
        ]
        for one in found
    ]
    return table(heads, lines)


def _cell(estimate: Estimate) -> str:
    value, low, high = (f"{v:.4g}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
