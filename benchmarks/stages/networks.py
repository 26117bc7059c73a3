"""Networks of a run: which schedule networks there are, and how weights become networks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn.utils import parametrize

from bddm_ref.checkpoint import load_weights, roundable_parameters
from bddm_ref.files import verify_checksum
from bddm_ref.networks.blocks import normed
from bddm_ref.networks.diffwave import DiffWave
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import PER_LENGTH, Convention, Experiment, SearchName
from benchmarks.runtime.compiled import CompiledNet
from benchmarks.searches import SEARCHES
from benchmarks.stages.context import Context


def net_lengths(
    experiment: Experiment, search: SearchName
) -> list[tuple[int | None, tuple[int, ...]]]:
    """Schedule networks of a search: the length each is trained for, and lengths searched with it.

    The first is None where one network serves all lengths.
    """
    lengths = experiment.search.lengths
    if experiment.schedule_net.tau != PER_LENGTH:
        return [(None, lengths)]
    if SEARCHES[search].needs_schedule_net:
        return [(steps, (steps,)) for steps in lengths]
    return [(lengths[0], lengths)]  # the search makes no use of it


def tau_of(experiment: Experiment, steps: int | None = None) -> int:
    """Long steps per short step, for schedules of ``steps``: floor(T/N) if the experiment says so.

    Raises:
        ExperimentError: it depends on the length, and none is given, or leaves no junction.
    """
    tau, T = experiment.schedule_net.tau, experiment.training_schedule.T
    if isinstance(tau, int):
        return tau
    if steps is None:
        raise ExperimentError(
            "schedule_net.tau: T/N depends on the length, and this needs one number: give it as "
            "--schedule-net.tau 62"
        )
    if not 2 <= steps <= T:
        raise ExperimentError(f"search.lengths: tau = T/N needs lengths of 2 to {T}, not {steps}")
    return T // steps


def schedule_net_name(
    experiment: Experiment, convention: str, search: SearchName, steps: int | None = None
) -> str:
    """Name of the schedule network of a search, as ``raw``, ``raw/released`` or ``raw/7``.

    The loss is named if it is the search's own, the length if there is a network for each.
    Searches without a network are given the experiment's; they do not use it.
    """
    loss = SEARCHES[search].network_loss
    plain = loss in (None, experiment.schedule_net.loss)
    name = convention if plain else f"{convention}/{loss}"
    return name if steps is None else f"{name}/{steps}"


def load_score_net(context: Context, weights: Path) -> nn.Module:
    """The trained score network, on the device, in evaluation mode."""
    network = context.track.build_score_net()
    load_network(network, weights)
    if context.experiment.bf16:
        # Autocast would round them at every evaluation; once is enough, with the same result.
        for _, parameter in roundable_parameters(network):
            parameter.data = parameter.data.to(torch.bfloat16)
    network = network.to(context.device).eval().requires_grad_(False)
    network = context.track.for_inference(network)
    mode = context.experiment.compile
    return network if mode == "no" else CompiledNet(network, mode)


def load_network(network: nn.Module, weights: Path) -> None:
    """Fill a network from its weights; those of a DiffWave may lack the weight norm.

    Raises:
        DamagedFileError: missing, damaged, or of another network.
    """
    if isinstance(network, DiffWave) and not _has_weight_norm(weights):
        network.fold_weight_norm()
    load_weights(network, weights)


def _has_weight_norm(weights: Path) -> bool:
    verify_checksum(weights)
    try:
        with safe_open(weights, framework="pt") as tensors:
            return any("parametrizations" in name for name in tensors.keys())  # noqa: SIM118
    except SafetensorError:  # load_weights says what is wrong
        return True


def load_schedule_net(context: Context, convention: Convention, weights: Path) -> nn.Module:
    """A trained schedule network, on the device, in evaluation mode."""
    network = context.track.build_schedule_net(convention)
    load_weights(network, weights)
    return network.to(context.device).eval().requires_grad_(False)


def network_cost(weights: Path) -> tuple[int, int | None, float | None]:
    """Parameters of a network, and the steps and seconds of its training where a card tells."""
    with safe_open(weights, framework="pt") as tensors:
        parameters = sum(math.prod(tensors.get_slice(k).get_shape()) for k in tensors.keys())  # noqa: SIM118
    card = weights.with_suffix(".json")
    if not card.is_file():
        return parameters, None, None
    content = json.loads(card.read_text())
    return parameters, content["steps"], seconds_of_card(content)


def training_card(weights: Path) -> dict[str, Any] | None:
    """What the training of a network took, where it was limited by the clock or ran on a GPU.

    Returns:
        ``steps`` (updates), ``seconds``, ``device``, ``parameters``; where they apply
        ``seconds_limit``, ``operations_per_update`` and ``device_rate``.
    """
    file = weights.with_suffix(".json")
    content = json.loads(file.read_text()) if file.is_file() else {}
    if content.get("device", "cpu") == "cpu" and content.get("seconds_limit") is None:
        return None
    kept = ("device", "operations_per_update", "device_rate", "seconds_limit", "parameters")
    return {
        "steps": content["steps"],
        "seconds": seconds_of_card(content),
        **{name: content[name] for name in kept if name in content},
    }


def seconds_of_card(card: dict[str, Any]) -> float | None:
    """Seconds of a whole training: one that was resumed timed its last part alone."""
    steps_here = card["steps_in_these_seconds"]
    return card["seconds"] * card["steps"] / steps_here if steps_here else None


def started_from(network: nn.Module, weights: Path | None) -> nn.Module:
    """The untrained network, or the same with given weights to go on from."""
    if weights is None:
        return network
    load_network(network, weights)
    if type(network) is DiffWave:  # others have no weight norm
        restore_weight_norm(network)
    return network


def restore_weight_norm(network: DiffWave) -> None:
    """Give folded weights their length and direction again, to train on as the papers do."""
    for module in list(network.modules()):
        if module is network.predict or parametrize.is_parametrized(module, "weight"):
            continue
        if isinstance(module, nn.Conv1d | nn.ConvTranspose2d):
            normed(module)
