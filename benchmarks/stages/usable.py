"""Networks that are built, and weights that are read, before the first stage asks for them."""

from __future__ import annotations

from collections.abc import Mapping

from bddm_ref.checkpoint import load_weights
from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Convention
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.stages.context import Context
from benchmarks.stages.networks import load_network


def refuse_unusable_networks(
    context: Context, schedule_nets: Mapping[str, Convention], from_scratch: bool
) -> None:
    """Refuse networks that cannot have their sizes, and weights that do not fit them.

    Args:
        context: the run.
        schedule_nets: name of each schedule network to its convention.
        from_scratch: all networks are trained, whatever weights the experiment names.

    Raises:
        ExperimentError: names the field, and the sizes or the file.
    """
    experiment, networks = context.experiment, context.track.networks
    score_net = networks.build_score_net()
    schedule = {name: networks.build_schedule_net(one) for name, one in schedule_nets.items()}
    if from_scratch:
        return
    field = "score_net.weights"
    try:
        if networks.trains_score_net and experiment.score_net.weights is not None:
            load_network(score_net, REPOSITORY / experiment.score_net.weights)
        for name, place in experiment.schedule_net.weights.items():
            if name in schedule:
                field = f"schedule_net.weights.{name}"
                load_weights(schedule[name], REPOSITORY / place)
        extractor = experiment.image
        if extractor.extractor == "classifier" and extractor.extractor_weights is not None:
            field = "image.extractor_weights"
            verify_checksum(REPOSITORY / extractor.extractor_weights)
    except DamagedFileError as error:
        raise ExperimentError(f"{field}: {error}") from error
