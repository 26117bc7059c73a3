"""One training loop, for the score network and for the schedule network alike.

Everything random in step i is drawn from a generator seeded with (seed, i): a run that was killed
and resumed from its last checkpoint continues to bit-identical weights.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bddm_ref.checkpoint import load_state, save_state

BatchLoss = Callable[[int, torch.Generator], Tensor]
"""``(step, generator) -> loss``: draws its batch and its noise from the generator alone."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; what is trained, and on what, is the caller's."""

    steps: int  # parameter updates
    learning_rate: float  # peak, reached after the warm-up, then down a half cosine to 0
    warmup: int = 0  # updates
    constant: bool = False  # keep the peak rate instead of the cosine (the released recipe)
    weight_decay: float = 0.0
    clip: float = 1.0  # largest gradient norm
    ema_decay: float = 0.999  # of the exponential moving average that is kept as the result
    bf16: bool = False  # autocast the network to bfloat16
    seed: int = 0
    checkpoint_every: int = 500  # updates

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of the 0-based ``step``."""
        warm = min(1.0, (step + 1) / max(self.warmup, 1))
        if self.constant:
            return self.learning_rate * warm
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def step_generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """CPU generator of one training step, a function of its arguments alone."""
    mixed = (seed * 1_000_003 + step) * 1_009 + rank
    return torch.Generator().manual_seed(mixed % 2**63)


def train(
    module: nn.Module,
    batch_loss: BatchLoss,
    config: TrainingConfig,
    state_path: Path | None = None,
    observe: Callable[[int, float], None] = lambda step, loss: None,
) -> tuple[nn.Module, list[float]]:
    """Minimise ``batch_loss`` over ``module``'s parameters.

    Under ``torchrun`` each process draws its own batches and gradients are averaged.

    Args:
        module: trained in place.
        batch_loss: the loss of one step.
        config: rates and counts.
        state_path: where to keep the state; if it exists, training goes on from there.
        observe: called after each step with (updates done, loss).

    Returns:
        The moving average of the module, in evaluation mode, and the loss of every update.

    Raises:
        DamagedFileError: ``state_path`` is damaged.
        ValueError: ``state_path`` is of a run with another configuration.
        FloatingPointError: the loss is not finite; names the step.
    """
    optimizer = torch.optim.AdamW(
        module.parameters(),
        lr=config.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=config.weight_decay,
    )
    averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
    losses: list[float] = []
    if state_path is not None and state_path.exists():
        losses = _resume(state_path, config, module, averaged, optimizer)
    module.train()
    for step in range(len(losses), config.steps):
        losses.append(_update(module, optimizer, batch_loss, config, step))
        averaged.update_parameters(module)
        done = step + 1
        due = done % config.checkpoint_every == 0 or done == config.steps
        if state_path is not None and due and _rank() == 0:
            save_state(_state(config, module, averaged, optimizer, losses), state_path)
        observe(done, losses[-1])
    return averaged.module.eval(), losses


def _update(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch_loss: BatchLoss,
    config: TrainingConfig,
    step: int,
) -> float:
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate_at(step)
    device = next(module.parameters()).device
    autocast = (
        torch.autocast(device.type, dtype=torch.bfloat16)
        if config.bf16
        else contextlib.nullcontext()
    )
    with autocast:
        loss = batch_loss(step, step_generator(config.seed, step, _rank()))
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss is {value} at training step {step}; lower the rate")
    optimizer.zero_grad()
    loss.backward()
    _average_gradients(module)
    nn.utils.clip_grad_norm_(module.parameters(), config.clip)
    optimizer.step()
    return value


def _rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def _average_gradients(module: nn.Module) -> None:
    if not torch.distributed.is_initialized():
        return
    for parameter in module.parameters():
        if parameter.grad is not None:
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad.div_(torch.distributed.get_world_size())


def _state(
    config: TrainingConfig,
    module: nn.Module,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
    losses: list[float],
) -> dict[str, Any]:
    return {
        "config": asdict(config),
        "module": module.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": losses,
    }


def _resume(
    path: Path,
    config: TrainingConfig,
    module: nn.Module,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
) -> list[float]:
    state = load_state(path)
    if state.get("config") != asdict(config):
        raise ValueError(
            f"{path} is of a run with another configuration; move it away to start anew"
        )
    module.load_state_dict(state["module"])
    averaged.load_state_dict(state["averaged"])
    optimizer.load_state_dict(state["optimizer"])
    losses: list[float] = state["losses"]
    return losses
