"""Configuration dataclasses of training and losses. No torch import: ``--help`` starts fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

StepLossForm = Literal["exact", "released", "elbo"]
"""Form of the step loss: see :func:`bddm_ref.losses.step_loss`."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of a numeric field, written in its annotation; NaN lies within no bounds.

    Attributes:
        low: the smallest value.
        high: the largest value.
        above: ``low`` itself is not allowed.
        below: ``high`` itself is not allowed.
    """

    low: float
    high: float
    above: bool = False
    below: bool = False

    def hold(self, value: float) -> bool:
        """Tell whether a value lies within the bounds."""
        if (self.above and value == self.low) or (self.below and value == self.high):
            return False
        return self.low <= value <= self.high

    def __str__(self) -> str:
        low = f"above {_written(self.low)}" if self.above else f"from {_written(self.low)}"
        most = "and below" if self.below else "and at most" if self.above else "to"
        return f"a number {low} {most} {_written(self.high)}"


def _written(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


Updates = Annotated[int, Bounds(1, 1_000_000_000)]
Seed = Annotated[int, Bounds(0, 2**32 - 1)]
Decay = Annotated[float, Bounds(0, 1, below=True)]


@dataclass(frozen=True)
class TrainingConfig:
    """Configuration of :func:`bddm_ref.training.train`, for any network and any loss.

    Raises:
        ValueError: no step, no checkpoint interval, or seconds that are not positive.
    """

    steps: Updates  # largest number of parameter updates
    learning_rate: Annotated[float, Bounds(0, 10, above=True)]  # scale of a half cosine down to 0
    warmup: Annotated[int, Bounds(0, 1_000_000_000)] = 0  # updates over which the rate rises from 0
    constant: bool = False  # no cosine (the released recipe)
    adam_betas: tuple[Decay, Decay] = (0.9, 0.99)  # the released recipe has torch's (0.9, 0.999)
    amsgrad: bool = False  # true in the released recipe
    weight_decay: Annotated[float, Bounds(0, 1_000)] = 0.0
    # largest norm of the gradient of a loss that is a mean over dimensions
    clip: Annotated[float, Bounds(0, 1e12, above=True)] = 1.0
    ema_decay: Decay = 0.999  # decay of the exponential moving average, which is the result
    bf16: bool = False  # autocast the network to bfloat16
    seed: Seed = 0
    checkpoint_every: Updates = 500  # updates
    # wall-clock limit of training, s
    seconds: Annotated[float, Bounds(0, 1e9, above=True)] | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds must be above 0, not {self.seconds}")

    def learning_rate_at(self, step: int, elapsed: float = 0.0) -> float:
        """Compute the learning rate of the 0-based ``step``.

        Args:
            step: updates made so far.
            elapsed: wall-clock of the updates made so far, s; used if ``seconds`` limits training.
        """
        warm = min(1.0, (step + 1) / max(self.warmup, 1))
        if self.constant:
            return self.learning_rate * warm
        done = max(step / self.steps, elapsed / self.seconds if self.seconds else 0.0)
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
