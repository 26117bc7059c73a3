"""Configuration dataclasses of training and losses. No torch import: ``--help`` starts fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

StepLossForm = Literal["exact", "released", "elbo"]
"""Form of the step loss: see :func:`bddm_ref.losses.step_loss`."""


@dataclass(frozen=True)
class TrainingConfig:
    """Configuration of :func:`bddm_ref.training.train`, for any network and any loss.

    Raises:
        ValueError: no step, no checkpoint interval, or seconds that are not positive.
    """

    steps: int  # largest number of parameter updates
    learning_rate: float  # scale of a half cosine down to 0
    warmup: int = 0  # updates over which the rate also rises from 0
    constant: bool = False  # no cosine (the released recipe)
    adam_betas: tuple[float, float] = (0.9, 0.99)  # the released recipe has torch's (0.9, 0.999)
    amsgrad: bool = False  # true in the released recipe
    weight_decay: float = 0.0
    clip: float = 1.0  # largest norm of the gradient of a loss that is a mean over dimensions
    ema_decay: float = 0.999  # decay of the exponential moving average, which is the result
    bf16: bool = False  # autocast the network to bfloat16
    seed: int = 0
    checkpoint_every: int = 500  # updates
    seconds: float | None = None  # wall-clock limit of training, s

    def __post_init__(self) -> None:
        if self.steps < 1 or self.checkpoint_every < 1:
            raise ValueError("steps and checkpoint_every must be at least 1")
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
