"""The page of what trained networks say of the theory: ``TRACK.json`` is the truth."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict

from bddm_ref.files import write_atomically, write_with_checksum
from benchmarks.core.experiment import PAPER
from benchmarks.report.page import table
from benchmarks.report.plots.theory import plot_networks
from benchmarks.runtime import provenance
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import tau_of
from benchmarks.stages.train import schedule_net_weights, score_net_weights
from benchmarks.studies.theory.networks import DRAWS, NetworkTheory, evaluations, network_theory
from metrics.statistics import Estimate


class NetworkDocument(BaseModel):
    """What ``TRACK.json`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    track: str
    created: str
    provenance: dict[str, Any]
    data: dict[str, str]
    weights: dict[str, str]
    conventions: list[NetworkTheory]


def write_network_theory(context: Context, folder: Path) -> Path:
    """Look at an experiment's networks and write ``TRACK.json``, ``TRACK.md`` and ``TRACK.svg``.

    Args:
        context: of the experiment; networks that it does not name are trained.
        folder: where they go.

    Returns:
        The page.
    """
    experiment, track = context.experiment, context.track
    tau_of(experiment)  # refused before the training
    score_weights = score_net_weights(context)
    weights = {"score_net": score_weights} | {
        f"schedule_net/{one.name}": schedule_net_weights(context, one, PAPER, score_weights)
        for one in experiment.conventions
    }
    work = len(experiment.conventions) * evaluations(len(track.training))
    with context.progress.task("theory (NFE of each item)", work) as advance:
        found = [network_theory(context, one, advance) for one in experiment.conventions]
    document = NetworkDocument(
        schema_version=1,
        track=experiment.track,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=provenance.collect(context.device, torch.get_num_threads()),
        data={"name": track.data.name, "sha256": track.data.sha256},
        weights={name: weights_digest(path) for name, path in weights.items()},
        conventions=found,
    )
    text = document.model_dump_json(indent=1) + "\n"
    stem = folder / experiment.track
    write_with_checksum(stem.with_suffix(".json"), partial(Path.write_text, data=text))
    write_atomically(stem.with_suffix(".svg"), lambda path: plot_networks(found, path))
    page = stem.with_suffix(".md")
    write_atomically(page, lambda path: path.write_text(network_page(document)))
    return page


def network_page(document: NetworkDocument) -> str:
    """The page that a document gives."""
    track, made, found = document.track, document.provenance, document.conventions
    parts = [
        f"# Theory: what the {track} track's networks say\n",
        f"The trained networks on validation items of `{document.data['name']}`. Nats per "
        "dimension of the continuous data; brackets: 95 % intervals over items. Figures of one "
        "line are of the same items.\n",
        "## Is F_elbo ≤ F_bddm?\n",
        "F_bddm = −L_step − R at a junction t with n short steps of equal log-SNR spacing left; "
        f"F_elbo of the whole training schedule, by {DRAWS} levels of each item. *β₁*: DDPM's "
        "variance of the last step; *fitted*: the variance that makes each bound largest. log p is "
        "not known here.\n",
        f"![F_bddm over the junction t]({track}.svg)\n",
        *(_bounds(one) for one in found),
        "## What does the schedule network learn, and does it follow the item?\n",
        "r = β_n / δ_t that the network chooses: mean ± standard deviation over items; r* is the "
        "optimum of the expected loss for the measured s = E|ε_θ|² / D.\n",
        *(_ratios(one) for one in found),
        "## Does the ELBO collapse it?\n",
        "Mean of σ_φ over items and levels: of the network that the track uses, and of one trained "
        "alike on the ELBO, by number of updates.\n",
        _collapse(found),
        "## Origin\n",
        f"- commit `{(made['commit'] or 'unknown')[:12]}` (tree {made['tree'] or 'unknown'}), "
        f"{document.created}, on {made['device']}",
        f"- data `{document.data['sha256'][:12]}`, "
        + ", ".join(f"{name} `{digest[:12]}`" for name, digest in document.weights.items())
        + "\n",
    ]
    return "\n".join(parts)


def _bounds(one: NetworkTheory) -> str:
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
    return (
        f"Convention `{one.convention}`, {one.items} items: F_elbo {_cell(one.elbo)} with β₁, "
        f"{_cell(one.elbo_fitted)} fitted.\n\n{table(heads, lines)}"
    )


def _ratios(one: NetworkTheory) -> str:
    heads = ["t", "s", "r", "r*"]
    lines = [
        [str(p.t), f"{p.s:.4f}", f"{p.learned:.3f} ± {p.spread:.3f}", f"{p.closed:.3f}"]
        for p in one.ratios
    ]
    return f"Convention `{one.convention}`:\n\n{table(heads, lines)}"


def _collapse(found: Sequence[NetworkTheory]) -> str:
    heads = ["Convention", "In use", *(f"ELBO, {n}" for n in found[0].sigma_on_elbo)]
    lines = [
        [
            f"`{one.convention}`",
            f"{one.sigma:.3f}",
            *(f"{v:.4f}" for v in one.sigma_on_elbo.values()),
        ]
        for one in found
    ]
    return table(heads, lines)


def _cell(estimate: Estimate) -> str:
    value, low, high = (f"{v:.4g}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
