"""Training: the score network, then one schedule network for each convention."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bddm_ref.checkpoint import (
    load_state,
    load_weights,
    roundable_parameters,
    save_weights,
    verify_checksum,
    write_with_checksum,
)
from bddm_ref.networks.diffwave import DiffWave
from bddm_ref.process import q_sample
from bddm_ref.settings import TrainingConfig
from bddm_ref.training import BatchLoss, train
from benchmarks import distributed, provenance
from benchmarks.compiled import CompiledNet
from benchmarks.contestants.noise_estimation import estimator_loss
from benchmarks.experiment import (
    PER_LENGTH,
    Convention,
    Experiment,
    ExperimentError,
    as_dict,
    convention_inputs,
    evaluation_inputs,
    without,
)
from benchmarks.search_names import SearchName
from benchmarks.searches import SEARCHES
from benchmarks.stages.context import REPOSITORY, Context, weights_digest
from benchmarks.stages.effort import effort
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
    start = REPOSITORY / config.start if config.start else None
    decided: dict[str, str | None] = {
        "weights": None,
        "compile": None,
    }  # how it is computed decides nothing
    decided |= {"start": weights_digest(start) if start else None}
    inputs = {
        "version": VERSION,
        "config": without(
            as_dict(context.identity.score_net) | decided, {"amplitude": config.amplitude}
        ),
        **context.track.training_inputs,
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": context.track.data.digest("train"),
    }
    return _train(
        context,
        context.workspace.stage("score_net", inputs),
        "train score network",
        _started(context.track.build_score_net(), start),
        config.training,
        context.track.score_batch_loss,
        config.compile,
    )


def net_lengths(
    experiment: Experiment, search: SearchName
) -> list[tuple[int | None, tuple[int, ...]]]:
    """Schedule networks of a search: the length each is trained for, and lengths searched with it.

    The first is None where one network serves all lengths.
    """
    lengths = experiment.search.lengths
    if experiment.schedule_net.tau != PER_LENGTH:
        return [(None, lengths)]
    if SEARCHES[search].chooser in ("network", "network by level"):
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
        raise ExperimentError("schedule_net.tau: T/N depends on the length; give a number here")
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
    kind, own = SEARCHES[search], experiment.schedule_net.loss
    plain = kind.chooser != "network" or kind.loss in (None, own)
    name = convention if plain else f"{convention}/{kind.loss}"
    return name if steps is None else f"{name}/{steps}"


def _started(network: nn.Module, weights: Path | None) -> nn.Module:
    """The untrained network, or the same with given weights to go on from."""
    if weights is None:
        return network
    load_network(network, weights)
    if type(network) is DiffWave:  # others have no weight norm
        network.unfold_weight_norm()
    return network


def schedule_net_weights(
    context: Context,
    convention: Convention,
    search: SearchName,
    score_weights: Path,
    from_scratch: bool = False,
    steps: int | None = None,
) -> Path:
    """Weights of a search's schedule network in one convention: those named, or trained now.

    Args:
        context: the run.
        convention: whose process it is for.
        search: that it is for; some have a loss of their own.
        score_weights: of the score network, which is frozen.
        from_scratch: train it, whatever weights the experiment names.
        steps: of its schedules, where there is a network for each length.
    """
    config, tau = context.experiment.schedule_net, tau_of(context.experiment, steps)
    name = schedule_net_name(context.experiment, convention.name, search, steps)
    if name in config.weights and not from_scratch:
        return REPOSITORY / config.weights[name]
    config = dataclasses.replace(config, loss=SEARCHES[search].loss or config.loss)
    score_net = load_score_net(context, score_weights)
    inputs = {
        "version": VERSION,
        "config": as_dict(context.identity.schedule_net)
        | {"weights": None, "loss": config.loss, "tau": tau},
        **context.track.training_inputs,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": context.track.data.digest("train"),
        "score_net": weights_digest(score_weights),
        **evaluation_inputs(context.identity),
    }
    return _train(
        context,
        context.workspace.stage("schedule_net", inputs),
        f"train schedule network ({name})",
        context.track.build_schedule_net(convention),
        config.training,
        lambda module: context.track.schedule_batch_loss(
            (score_net, module), convention, config.loss, tau
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
        "config": as_dict(context.identity.schedule_net) | unused,
        **track.training_inputs,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": track.data.digest("train"),
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
        "training": as_dict(context.identity.image.classifier_training),
        **judge.inputs,
        "data": context.track.data.digest("train"),
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


def _train(
    context: Context,
    folder: StageFolder,
    label: str,
    module: nn.Module,
    config: TrainingConfig,
    loss_of: Callable[[nn.Module], BatchLoss],
    compiled: bool = False,
) -> Path:
    weights = folder.path / WEIGHTS
    if folder.is_finished():
        return weights
    state = folder.path / STATE
    module = module.to(context.device)
    done = _steps_in(state)
    batch_loss = loss_of(module)
    measured = effort(module, batch_loss, config) if context.device.type == "cuda" else {}
    if compiled:
        batch_loss = loss_of(CompiledNet(module, "default"))
    started = time.monotonic()
    with _training_task(context, label, config, done) as observe:
        result, losses = train(module, batch_loss, config, state, observe=observe)
    if distributed.is_first():
        card: dict[str, Any] = {"data": context.track.data.name}
        card |= _card(result, losses, time.monotonic() - started, len(losses) - done)
        card |= {"device": provenance.device_name(context.device)} | measured
        if config.seconds is not None:
            card["seconds_limit"] = config.seconds
        _keep(folder, result, card, torch.bfloat16 if config.bf16 else None)
    distributed.wait_for_all()
    return weights


@contextmanager
def _training_task(
    context: Context, label: str, config: TrainingConfig, done: int
) -> Iterator[Callable[[int, float], None]]:
    """Progress of a training in updates, or in seconds where the clock limits it."""
    if config.seconds is None:
        with context.progress.task(label, config.steps, done) as advance:
            yield lambda step, loss: advance(1)
        return
    began, shown = time.monotonic(), 0.0
    with context.progress.task(f"{label} (seconds)", config.seconds) as advance:

        def observe(step: int, loss: float) -> None:
            nonlocal shown
            now = min(time.monotonic() - began, config.seconds or 0.0)
            advance(now - shown)
            shown = now

        yield observe


def _keep(
    folder: StageFolder, module: nn.Module, card: dict[str, Any], dtype: torch.dtype | None
) -> None:
    """Write weights and card; the training state has done its duty."""
    weights = folder.path / WEIGHTS
    if isinstance(module, DiffWave):  # half as large, and what bfloat16 products round anyway
        module.fold_weight_norm()
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
        "seconds": _whole_seconds(content),
        **{name: content[name] for name in kept if name in content},
    }


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
