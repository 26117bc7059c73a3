"""The theory on a track's trained networks, in one document for all conventions."""

from __future__ import annotations

import datetime
from pathlib import Path

import torch

from benchmarks.report.registry import publish
from benchmarks.results.documents import Provenance
from benchmarks.results.theory import NetworkData, NetworkDocument
from benchmarks.runtime import provenance
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.train import schedule_net_weights, score_net_weights
from benchmarks.studies.theory.networks import evaluations, network_theory, studied_keys


def write_network_theory(context: Context, folder: Path) -> Path:
    """Evaluate an experiment's networks, and write the document, page and plot.

    Args:
        context: context of the experiment; missing networks are trained.
        folder: folder of the three files.

    Returns:
        The page.
    """
    experiment, track = context.experiment, context.track
    score_weights = score_net_weights(context)
    weights = {"score_net": score_weights} | {
        f"schedule_net/{key.name(experiment)}": schedule_net_weights(
            context, one, key, score_weights
        )
        for one in experiment.conventions
        for key in studied_keys(experiment, one.name).values()
    }
    work = len(experiment.conventions) * evaluations(len(track.training))
    with context.progress.task("theory (NFE of each item)", work) as advance:
        found = [network_theory(context, one, advance) for one in experiment.conventions]
    document = NetworkDocument(
        kind="network theory",
        schema_version=3,
        track=experiment.track,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=Provenance(**provenance.collect(context.device, torch.get_num_threads())),
        data=NetworkData(name=track.data.name, sha256=track.data.sha256),
        weights={name: weights_digest(path) for name, path in weights.items()},
        conventions=found,
        experiment_name=context.name or None,
    )
    return publish(folder / f"{experiment.track}.json", document)
