"""The power of eps that a score network has on validation items."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from bddm_ref.extras.by_level import measured_power
from benchmarks.core.experiment import Convention
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.stages.context import Context


def examples_power(
    context: Context, score_net: nn.Module, evaluated: EvaluatedNet, convention: Convention
) -> Callable[[float], float]:
    """The s of a level: see :func:`bddm_ref.extras.by_level.measured_power`."""
    examples = context.track.examples(score_net, convention)
    generator = torch.Generator().manual_seed(context.experiment.search.seed)
    return measured_power(evaluated, *examples, context.track.training, generator)
