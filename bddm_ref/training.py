"""One training loop for both the score network and the schedule network.

All random numbers of step i come from generators seeded with (seed, i), torch's global ones
included. A killed run that resumes from its last checkpoint therefore reaches bit-identical
weights.
A run limited by the clock resumes too, but its number of updates depends on the machine's speed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bddm_ref.checkpoint import load_state, save_state
from bddm_ref.parallel import as_first, average_gradients, from_first, processes, rank
from bddm_ref.settings import TrainingConfig

KEEP_EVERY = 60.0  # s; longest time between two states of a training limited by the clock
BatchLoss = Callable[[int, torch.Generator], Tensor]
"""``(step, generator) -> loss``: draws its batch and its noise from the generator alone."""


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Derive the seed of one training step's random numbers."""
    return ((seed * 1_000_003 + step) * 1_009 + rank) % 2**63


def step_generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """Make the CPU generator of one training step, a function of the arguments alone."""
    return torch.Generator().manual_seed(step_seed(seed, step, rank))


def train(
    module: nn.Module,
    batch_loss: BatchLoss,
    config: TrainingConfig,
    state_path: Path | None = None,
    observe: Callable[[int, float], None] = lambda step, loss: None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[nn.Module, list[float]]:
    """Minimise ``batch_loss`` over ``module``'s parameters.

    Under ``torchrun`` every process starts from the network or state of the first process and draws
    its own batches. Gradients are averaged over the processes.

    Args:
        module: the network, trained in place.
        batch_loss: computes the loss of one step.
        config: rates and counts.
        state_path: file of the training state; if it exists, training resumes from it.
        observe: called after each step with (updates done, loss).
        clock: seconds from any beginning, for ``config.seconds``.

    Returns:
        Moving average of the module, in evaluation mode, and the loss of every update.

    Raises:
        DamagedFileError: ``state_path`` is damaged.
        ValueError: ``state_path`` is of a run with another configuration, network or number of
            processes.
        FloatingPointError: the loss or its gradient is not finite; names the step.
    """
    optimizer = torch.optim.AdamW(
        module.parameters(),
        lr=config.learning_rate,
        betas=config.adam_betas,
        amsgrad=config.amsgrad,
        weight_decay=config.weight_decay,
    )
    averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
    losses: list[float] = []
    before = 0.0  # seconds that the updates in ``losses`` took
    if rank() == 0 and state_path is not None and state_path.exists():
        state = load_state(state_path)
        _refuse_foreign(state, config, module, state_path)
        losses, before = _restore(state, module, averaged, optimizer)
    if processes() > 1:
        first = from_first(_state(config, module, averaged, optimizer, (losses, before)))
        losses, before = _restore(first, module, averaged, optimizer)
    module.train()
    began, elapsed, kept = clock(), before, before
    last = _is_last(config, len(losses), elapsed)
    while not last:
        step = len(losses)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate_at(step, elapsed)
        losses.append(_update(module, optimizer, batch_loss, config, step))
        averaged.update_parameters(module)
        elapsed = as_first(before + clock() - began) if config.seconds else 0.0
        last = _is_last(config, step + 1, elapsed)
        due = (step + 1) % config.checkpoint_every == 0 or elapsed - kept >= KEEP_EVERY or last
        kept = elapsed if due else kept
        if state_path is not None and due and rank() == 0:
            state = _state(config, module, averaged, optimizer, (losses, elapsed))
            save_state(state, state_path)
        observe(step + 1, losses[-1])
    return averaged.module.eval(), losses


def _is_last(config: TrainingConfig, done: int, elapsed: float) -> bool:
    out_of_time = config.seconds is not None and elapsed >= config.seconds
    return done >= config.steps or (out_of_time and done > 0)


def _update(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch_loss: BatchLoss,
    config: TrainingConfig,
    step: int,
) -> float:
    device = next(module.parameters()).device
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16)
    # Layers that draw random numbers, like dropout, use torch's global generators.
    with autocast, torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(step_seed(config.seed, step, rank()))
        loss = batch_loss(step, step_generator(config.seed, step, rank()))
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss is {value} at training step {step}; lower the rate")
    optimizer.zero_grad()
    loss.backward()
    average_gradients(module)
    norm = float(nn.utils.clip_grad_norm_(module.parameters(), config.clip))
    if not math.isfinite(norm):
        raise FloatingPointError(f"the gradient is {norm} at training step {step}; lower the rate")
    optimizer.step()
    return value


def _state(
    config: TrainingConfig,
    module: nn.Module,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
    done: tuple[list[float], float],
) -> dict[str, Any]:
    losses, elapsed = done
    return {
        "config": _identity(config),
        "processes": processes(),
        "module": module.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": losses,
        "elapsed": elapsed,
    }


def _identity(config: TrainingConfig) -> dict[str, Any]:
    """List the settings that decide the weights: all but the checkpoint interval."""
    return {k: v for k, v in asdict(config).items() if k != "checkpoint_every"}


def _refuse_foreign(
    state: dict[str, Any], config: TrainingConfig, module: nn.Module, path: Path
) -> None:
    own: dict[str, Any] = _identity(config) | {"processes": processes()}
    other = state.get("config", {}) | {"processes": state.get("processes")}
    shapes, others = (
        {name: tuple(value.shape) for name, value in weights.items()}
        for weights in (module.state_dict(), state.get("module", {}))
    )
    differing = sorted(k for k in own | other if own.get(k) != other.get(k))
    if shapes != others:
        differing.append("the network")
    if differing:
        raise ValueError(
            f"{path} is of a run with another configuration ({', '.join(differing)}); move it "
            "away to start anew"
        )


def _restore(
    state: dict[str, Any],
    module: nn.Module,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
) -> tuple[list[float], float]:
    module.load_state_dict(state["module"])
    averaged.load_state_dict(state["averaged"])
    optimizer.load_state_dict(state["optimizer"])
    return state["losses"], state["elapsed"]
