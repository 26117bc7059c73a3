"""What is measured of a score network on validation items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bddm_ref.rules import measured_power
from benchmarks.protocol import EvaluatedNet
from benchmarks.stages.context import Context


def examples_power(
    context: Context, evaluated: EvaluatedNet, examples: tuple[Tensor, Any]
) -> Callable[[float], float]:
    """The s of a level: see :func:`bddm_ref.rules.measured_power`."""
    generator = torch.Generator().manual_seed(context.experiment.search.seed)
    return measured_power(evaluated, *examples, context.track.training, generator)
