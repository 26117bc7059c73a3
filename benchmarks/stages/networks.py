"""Networks of a run: which schedule networks there are, and how weights become networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn.utils import parametrize

from bddm_ref.checkpoint import load_weights, roundable_parameters
from bddm_ref.files import verify_checksum
from bddm_ref.networks.blocks import normed
from bddm_ref.networks.diffwave import DiffWave
from benchmarks.core.experiment import Convention, Experiment, SearchName
from benchmarks.core.registry import choose
from benchmarks.core.schedule_nets import NetKey, taus_of
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.runtime.compiled import CompiledNet
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.searches import SEARCHES
from benchmarks.stages.context import Context

Role = Literal["score_net", "schedule_net"]


@dataclass(frozen=True)
class Weights:
    """Files of all networks of a run.

    Attributes:
        score_net: file of the score network.
        schedule_nets: files of the schedule networks.
        noise_estimators: files of the networks that read the noise level off an item, by
            convention.
        judge: file of the network that samples are judged by, where one is trained here.
    """

    score_net: Path
    schedule_nets: Mapping[NetKey, Path]
    noise_estimators: Mapping[str, Path]
    judge: Path | None

    def named(self, experiment: Experiment) -> dict[str, Path]:
        """All files, by the names that documents give them."""
        estimators = {f"noise_estimator/{k}": file for k, file in self.noise_estimators.items()}
        schedule_nets = {
            f"schedule_net/{key.name(experiment)}": file for key, file in self.schedule_nets.items()
        }
        judge = {} if self.judge is None else {"judge": self.judge}
        return {"score_net": self.score_net} | estimators | schedule_nets | judge


def net_keys(
    experiment: Experiment, convention: str, search: SearchName, repeat: int = 0
) -> list[NetKey]:
    """List the schedule networks that a search runs: none, one, or one for each tau."""
    made = SEARCHES[search]
    if not made.needs_schedule_net:
        return []
    loss = made.network_loss or experiment.schedule_net.loss
    taus = (
        tau for steps in experiment.search.lengths for tau in taus_of(experiment, steps, made.tuned)
    )
    return [NetKey(convention, loss, tau, repeat) for tau in dict.fromkeys(taus)]


def load_score_net(context: Context, weights: Path) -> nn.Module:
    """Load the trained score network, on the device, in evaluation mode."""
    network = context.track.networks.build_score_net()
    load_network(network, weights)
    if context.experiment.bf16:
        # Autocast would round parameters at every evaluation; once is enough, with the same result.
        for _, parameter in roundable_parameters(network):
            parameter.data = parameter.data.to(torch.bfloat16)
    network = network.to(context.device).eval().requires_grad_(False)
    network = context.track.networks.for_inference(network)
    mode = context.experiment.compile
    return network if mode == "no" else CompiledNet(network, mode)


def load_network(network: nn.Module, weights: Path) -> None:
    """Fill a network from its weights; a DiffWave's weights may lack the weight norm.

    Raises:
        DamagedFileError: the file is missing, damaged, or of another network.
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
    """Load a trained schedule network, on the device, in evaluation mode."""
    network = context.track.networks.build_schedule_net(convention)
    load_weights(network, weights)
    return network.to(context.device).eval().requires_grad_(False)


def started_from(network: nn.Module, weights: Path | None) -> nn.Module:
    """Fill an untrained network with weights to go on from, if there are any."""
    if weights is None:
        return network
    load_network(network, weights)
    if type(network) is DiffWave:  # others have no weight norm
        restore_weight_norm(network)
    return network


def restore_weight_norm(network: DiffWave) -> None:
    """Split folded weights into length and direction again, to train on as the papers do."""
    for module in list(network.modules()):
        if module is network.predict or parametrize.is_parametrized(module, "weight"):
            continue
        if isinstance(module, nn.Conv1d | nn.ConvTranspose2d):
            normed(module)


def network_code(context: Context, role: Role) -> Code:
    """Code of a network, untrained."""
    config, part = getattr(context.experiment, role), context.track.networks
    entry = choose(part.known[role], config.network, f"{role}.network")
    return code_of(entry, (part, "_build"), (part, "sizes"))


def evaluation_code(context: Context) -> Code:
    """Code of the trained score network, evaluated in a convention."""
    part, network = context.track.networks, network_code(context, "score_net")
    loading = (Alone(load_score_net), Alone(load_network))
    found = network | code_of(
        *loading, load_weights, roundable_parameters, part.for_convention, EvaluatedNet
    )
    faster = {f"{kind.__module__}.{kind.__qualname__}" for kind in part.with_inference_form}
    return found | code_of(part.for_inference) if faster & network.parts.keys() else found


def loaded_schedule_net(context: Context) -> Code:
    """Code of a trained schedule network, or of another network of its architecture."""
    loading = code_of(Alone(load_schedule_net), load_weights)
    return network_code(context, "schedule_net") | loading
