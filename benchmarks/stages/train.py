"""Training: the score network, then one schedule network for each convention."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from bddm_ref.checkpoint import (
    load_state,
    load_weights,
    roundable_parameters,
    save_weights,
    write_with_checksum,
)
from bddm_ref.process import q_sample
from bddm_ref.settings import TrainingConfig
from bddm_ref.training import BatchLoss, train
from benchmarks import distributed
from benchmarks.compiled import CompiledNet
from benchmarks.contestants.noise_estimation import estimator_loss
from benchmarks.experiment import (
    Convention,
    Experiment,
    as_dict,
    convention_inputs,
    evaluation_inputs,
    without,
)
from benchmarks.search_names import SearchName
from benchmarks.searches import SEARCHES
from benchmarks.stages.context import REPOSITORY, Context, weights_digest
from benchmarks.workspace import StageFolder, write_json

WEIGHTS, STATE = "weights.safetensors", "state.pt"
VERSION = 1  # raised when a change here changes the weights that come out
CURVE_POINTS = 200  # of the loss curve that is kept


def score_net_weights(context: Context, from_scratch: bool = False) -> Path:
    """Weights of the score network: those the experiment names, or trained now."""
    config = context.experiment.score_net
    if not context.track.trains_score_net:
        return _known_score_net(context)
    if config.weights is not None and not from_scratch:
        return REPOSITORY / config.weights
    inputs = {
        "version": VERSION,
        "config": without(as_dict(config) | {"weights": None}, {"amplitude": config.amplitude}),
        **context.track.training_inputs,
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": context.track.data.sha256,
    }
    return _train(
        context,
        context.workspace.stage("score_net", inputs),
        "train score network",
        context.track.build_score_net(),
        config.training,
        context.track.score_batch_loss,
    )


def schedule_net_name(experiment: Experiment, convention: str, search: SearchName) -> str:
    """The schedule network of a search: ``raw``, or ``raw/released`` if it has a loss of its own.

    Searches without a network are given the experiment's; they do not use it.
    """
    kind, own = SEARCHES[search], experiment.schedule_net.loss
    if kind.chooser != "network" or kind.loss in (None, own):
        return convention
    return f"{convention}/{kind.loss}"


def schedule_net_weights(
    context: Context,
    convention: Convention,
    search: SearchName,
    score_weights: Path,
    from_scratch: bool = False,
) -> Path:
    """Weights of a search's schedule network in one convention: those named, or trained now."""
    config = context.experiment.schedule_net
    name = schedule_net_name(context.experiment, convention.name, search)
    if name in config.weights and not from_scratch:
        return REPOSITORY / config.weights[name]
    config = dataclasses.replace(config, loss=SEARCHES[search].loss or config.loss)
    score_net = load_score_net(context, score_weights)
    inputs = {
        "version": VERSION,
        "config": as_dict(config) | {"weights": None},
        **context.track.training_inputs,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": context.track.data.sha256,
        "score_net": weights_digest(score_weights),
        **evaluation_inputs(context.experiment),
    }
    return _train(
        context,
        context.workspace.stage("schedule_net", inputs),
        f"train schedule network ({name})",
        context.track.build_schedule_net(convention),
        config.training,
        lambda module: context.track.schedule_batch_loss(
            (score_net, module), convention, config.loss
        ),
    )


def noise_estimator_weights(context: Context, convention: Convention) -> Path:
    """Weights of the network that reads the noise level off an item, trained now.

    It has the architecture, batches and budget of the schedule network.
    """
    config, track = context.experiment.schedule_net, context.track
    unused = {"weights": None, "loss": None, "tau": None}
    inputs = {
        "version": VERSION,
        "config": as_dict(config) | unused,
        **track.training_inputs,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": track.data.sha256,
    }

    def loss_of(estimator: nn.Module) -> BatchLoss:
        draw, training = track.drawn_items(convention), track.training

        def loss(step: int, generator: torch.Generator) -> Tensor:
            x_0 = draw(generator)
            t = torch.randint(len(training), (len(x_0),), generator=generator)
            noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
            x_t = q_sample(x_0, training.alphas[t].to(x_0.device), noise)
            return estimator_loss(training.deltas[t].to(x_0.device), estimator(x_t))

        return loss

    return _train(
        context,
        context.workspace.stage("noise_estimator", inputs),
        f"train noise estimator ({convention.name})",
        track.build_schedule_net(convention),
        config.training,
        loss_of,
    )


def _known_score_net(context: Context) -> Path:
    """A score network without training, as a file that has a checksum like any other."""
    inputs = {"version": VERSION, "data": context.track.data.sha256}
    inputs["conventions"] = [convention_inputs(c) for c in context.experiment.conventions]
    folder = context.workspace.stage("score_net", inputs)
    weights = folder.path / WEIGHTS
    if not folder.is_finished():
        save_weights(context.track.build_score_net(), weights)
        folder.finish([weights, weights.with_name(weights.name + ".sha256")], 0.0)
    return weights


def judge_net_weights(context: Context, from_scratch: bool = False) -> Path | None:
    """Weights of the network that samples are judged by: those named, or trained now."""
    judge = context.track.judge_net
    if judge is None:
        return None
    if judge.weights is not None and not from_scratch:
        return REPOSITORY / judge.weights
    inputs = {
        "version": VERSION,
        "training": as_dict(judge.training),
        **judge.inputs,
        "data": context.track.data.sha256,
    }
    return _train(
        context,
        context.workspace.stage("judge_net", inputs),
        f"train {judge.name}",
        judge.build(),
        judge.training,
        judge.batch_loss,
    )


def load_score_net(context: Context, weights: Path) -> nn.Module:
    """The trained score network, on the device, in evaluation mode."""
    network = context.track.build_score_net()
    load_weights(network, weights)
    if context.experiment.bf16:
        # Autocast would round them at every evaluation; once is enough, with the same result.
        for _, parameter in roundable_parameters(network):
            parameter.data = parameter.data.to(torch.bfloat16)
    network = network.to(context.device).eval().requires_grad_(False)
    network = context.track.for_inference(network)
    mode = context.experiment.compile
    return network if mode == "no" else CompiledNet(network, mode)


def load_schedule_net(context: Context, convention: Convention, weights: Path) -> nn.Module:
    """A trained schedule network, on the device, in evaluation mode."""
    network = context.track.build_schedule_net(convention)
    load_weights(network, weights)
    return network.to(context.device).eval().requires_grad_(False)


def _train(
    context: Context,
    folder: StageFolder,
    label: str,
    module: nn.Module,
    config: TrainingConfig,
    loss_of: Callable[[nn.Module], BatchLoss],
) -> Path:
    weights = folder.path / WEIGHTS
    if folder.is_finished():
        return weights
    state = folder.path / STATE
    module = module.to(context.device)
    done = _steps_in(state)
    started = time.monotonic()
    with context.progress.task(label, config.steps, done) as advance:
        result, losses = train(
            module, loss_of(module), config, state, observe=lambda step, loss: advance(1)
        )
    if distributed.is_first():
        card = {"data": context.track.data.name}
        card |= _card(result, losses, time.monotonic() - started, config.steps - done)
        _keep(folder, result, card, torch.bfloat16 if config.bf16 else None)
    distributed.wait_for_all()
    return weights


def _keep(
    folder: StageFolder, module: nn.Module, card: dict[str, Any], dtype: torch.dtype | None
) -> None:
    """Write weights and card; the training state has done its duty."""
    weights = folder.path / WEIGHTS
    save_weights(module, weights, dtype)
    card_file = weights.with_suffix(".json")
    write_with_checksum(card_file, lambda path: write_json(path, card))
    outputs = [
        file
        for path in (weights, card_file)
        for file in (path, path.with_name(path.name + ".sha256"))
    ]
    folder.finish(outputs, _whole_seconds(card) or 0.0)
    for name in (STATE, f"{STATE}.sha256"):
        (folder.path / name).unlink(missing_ok=True)


def _steps_in(state: Path) -> int:
    if not state.exists():
        return 0
    return len(load_state(state)["losses"])


def network_cost(weights: Path) -> tuple[int, int | None, float | None]:
    """Parameters of a network, and the steps and seconds of its training where a card tells."""
    with safe_open(weights, framework="pt") as tensors:
        parameters = sum(math.prod(tensors.get_slice(k).get_shape()) for k in tensors.keys())  # noqa: SIM118
    card = weights.with_suffix(".json")
    if not card.is_file():
        return parameters, None, None
    content = json.loads(card.read_text())
    return parameters, content["steps"], _whole_seconds(content)


def _whole_seconds(card: dict[str, Any]) -> float | None:
    """Seconds of a whole training: one that was resumed timed its last part alone."""
    steps_here = card["steps_in_these_seconds"]
    return card["seconds"] * card["steps"] / steps_here if steps_here else None


def _card(
    module: nn.Module, losses: list[float], seconds: float, steps_here: int
) -> dict[str, Any]:
    chunk = max(1, len(losses) // CURVE_POINTS)
    curve = [
        {"step": i + len(part), "loss": round(sum(part) / len(part), 5)}
        for i in range(0, len(losses), chunk)
        if (part := losses[i : i + chunk])
    ]
    return {
        "parameters": sum(p.numel() for p in module.parameters()),
        "steps": len(losses),
        "seconds": round(seconds, 1),
        "steps_in_these_seconds": steps_here,
        "threads": torch.get_num_threads(),
        "loss_curve": curve,
    }
