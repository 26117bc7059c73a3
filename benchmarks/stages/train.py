"""Training: the score network, then one schedule network for each convention."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bddm_ref.checkpoint import load_state, save_weights
from bddm_ref.files import write_with_checksum
from bddm_ref.networks.diffwave import DiffWave
from bddm_ref.settings import TrainingConfig
from bddm_ref.training import BatchLoss, train
from benchmarks.contestants.noise_estimation import estimator_batch_loss
from benchmarks.core.experiment import Convention
from benchmarks.core.identity import as_dict, convention_inputs, evaluation_inputs, without
from benchmarks.core.schedule_nets import NetKey
from benchmarks.results.cards import TrainingCard
from benchmarks.runtime import distributed, provenance
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.runtime.compiled import CompiledNet
from benchmarks.runtime.workspace import StageFolder
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.effort import effort
from benchmarks.stages.networks import (
    evaluation_code,
    load_score_net,
    network_code,
    started_from,
)

WEIGHTS, STATE = "weights.safetensors", "state.pt"
CURVE_POINTS = 200  # of the loss curve that is kept


def score_net_weights(context: Context, from_scratch: bool = False) -> Path:
    """Find the weights of the score network that the experiment names, or train it now."""
    config = context.experiment.score_net
    if not context.track.networks.trains_score_net:
        return _known_score_net(context)
    if config.weights is not None and not from_scratch:
        return REPOSITORY / config.weights
    start = REPOSITORY / config.start if config.start else None
    # Neither where weights lie nor how they are computed decides anything.
    decided: dict[str, str | None] = {"weights": None, "compile": None}
    decided["start"] = weights_digest(start) if start else None
    inputs = {
        "config": without(
            as_dict(context.identity.score_net) | decided, {"amplitude": config.amplitude}
        ),
        **context.track.identity("train"),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": context.track.data.digest("train"),
    }
    code = training_code(context.track.networks.score_batch_loss, *TRAINING)
    code |= network_code(context, "score_net")
    return _train(
        context,
        context.workspace.stage("score_net", inputs, code),
        "train score network",
        started_from(context.track.networks.build_score_net(), start),
        config.training,
        context.track.networks.score_batch_loss,
        config.compile,
    )


def schedule_net_weights(
    context: Context,
    convention: Convention,
    key: NetKey,
    score_weights: Path,
    from_scratch: bool = False,
) -> Path:
    """Find the weights of a schedule network, or train it now.

    Args:
        context: the run.
        convention: the setup of the process.
        key: the network; each repeat of its training has another seed.
        score_weights: weights of the score network, which is frozen.
        from_scratch: whether to train, whatever weights the experiment names.
    """
    config, name = context.experiment.schedule_net, key.name(context.experiment)
    if name in config.weights and not from_scratch:
        return REPOSITORY / config.weights[name]
    training = dataclasses.replace(config.training, seed=config.training.seed + key.repeat)
    score_net = load_score_net(context, score_weights)
    inputs = {
        "config": without(
            as_dict(context.identity.schedule_net)
            | {
                "weights": None,
                "loss": key.loss,
                "tau": key.tau,
                "training": as_dict(context.identity.schedule_net.training)
                | {"seed": training.seed},
            },
            {"reduction": "mean"},
        ),
        **context.track.identity("train"),
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": context.track.data.digest("train"),
        "score_net": weights_digest(score_weights),
        **evaluation_inputs(context.identity),
    }
    code = training_code(context.track.networks.schedule_batch_loss, *TRAINING)
    code |= network_code(context, "schedule_net") | evaluation_code(context)
    return _train(
        context,
        context.workspace.stage("schedule_net", inputs, code),
        f"train schedule network ({name})",
        context.track.networks.build_schedule_net(convention, key.repeat),
        training,
        lambda module: context.track.networks.schedule_batch_loss(
            (score_net, module), convention, key.loss, key.tau
        ),
    )


def noise_estimator_weights(context: Context, convention: Convention) -> Path:
    """Train the network that reads the noise level off an item; returns its weights.

    The estimator has the architecture, batches and budget of the schedule network.
    """
    config, track = context.experiment.schedule_net, context.track
    unused = {"weights": None, "loss": None, "tau": None}
    inputs = {
        "config": without(
            as_dict(context.identity.schedule_net) | unused | {"reduction": None},
            {"reduction": None},
        ),
        **track.identity("train"),
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(context.experiment.training_schedule),
        "data": track.data.digest("train"),
    }

    code = training_code(track.items.drawn, estimator_batch_loss, *TRAINING)
    return _train(
        context,
        context.workspace.stage(
            "noise_estimator", inputs, code | network_code(context, "schedule_net")
        ),
        f"train noise estimator ({convention.name})",
        track.networks.build_schedule_net(convention),
        config.training,
        lambda estimator: estimator_batch_loss(
            estimator, track.items.drawn(convention), track.training
        ),
    )


def _known_score_net(context: Context) -> Path:
    """Write a score network that needs no training to a file with a checksum."""
    inputs: dict[str, Any] = {"data": context.track.data.sha256}
    inputs["conventions"] = [convention_inputs(c) for c in context.experiment.conventions]
    folder = context.workspace.stage("score_net", inputs, network_code(context, "score_net"))
    weights = folder.path / WEIGHTS
    if not folder.is_finished():
        save_weights(context.track.networks.build_score_net(), weights)
        folder.finish([weights, weights.with_name(weights.name + ".sha256")], 0.0)
    return weights


def judge_net_weights(context: Context, from_scratch: bool = False) -> Path | None:
    """Find the weights of the network that judges samples, or train it now; None: there is none."""
    judge = context.track.judge.net
    if judge is None:
        return None
    if judge.weights is not None and not from_scratch:
        return REPOSITORY / judge.weights
    inputs = {
        "training": as_dict(context.identity.image.classifier_training),
        **context.track.identity("judge_net"),
        "data": context.track.data.digest("train"),
    }
    code = training_code((context.track.judge, "net"), *TRAINING)
    return _train(
        context,
        context.workspace.stage("judge_net", inputs, code),
        f"train {judge.name}",
        judge.build(),
        judge.training,
        judge.batch_loss,
    )


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
        told = {"device": provenance.device_name(context.device), **measured}
        if config.seconds is None:
            seconds, steps_timed = time.monotonic() - started, len(losses) - done
        else:  # the state knows what earlier parts took
            seconds, steps_timed = load_state(state)["elapsed"], len(losses)
            told["seconds_limit"] = config.seconds
        card = TrainingCard(
            data=context.track.data.name,
            parameters=sum(p.numel() for p in result.parameters()),
            steps=len(losses),
            seconds=round(seconds, 1),
            steps_in_these_seconds=steps_timed,
            threads=torch.get_num_threads(),
            loss_curve=_curve(losses),
            **told,
        )
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
    folder: StageFolder, module: nn.Module, card: TrainingCard, dtype: torch.dtype | None
) -> None:
    """Write weights and card, and remove the state of the training."""
    weights = folder.path / WEIGHTS
    if isinstance(module, DiffWave):  # half as large, and what bfloat16 products round anyway
        module.fold_weight_norm()
    save_weights(module, weights, dtype)
    card_file = weights.with_suffix(".json")
    write_with_checksum(card_file, lambda path: path.write_text(card.text))
    outputs = [
        file
        for path in (weights, card_file)
        for file in (path, path.with_name(path.name + ".sha256"))
    ]
    folder.finish(outputs, card.whole_seconds or 0.0)
    for name in (STATE, f"{STATE}.sha256"):
        (folder.path / name).unlink(missing_ok=True)


def _steps_in(state: Path) -> int:
    if not state.exists():
        return 0
    return len(load_state(state)["losses"])


def _curve(losses: list[float]) -> list[dict[str, int | float]]:
    """Means of the loss over equal parts of a training, each at its last update."""
    chunk = max(1, len(losses) // CURVE_POINTS)
    return [
        {"step": i + len(part), "loss": round(sum(part) / len(part), 5)}
        for i in range(0, len(losses), chunk)
        if (part := losses[i : i + chunk])
    ]


def training_code(*roots: object) -> Code:
    """Code of a training, beside the network and the loss."""
    return code_of(train, save_weights, *roots)


TRAINING = (Alone(_train), Alone(_keep), Alone(started_from))
"""Functions that every training goes through."""
