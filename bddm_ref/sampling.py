"""Sampling (arXiv 2203.13508, Algorithm 4), and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bddm_ref.levels import embed_levels, evaluate_at, level_of
from bddm_ref.process import Kernel, reverse_step
from bddm_ref.schedule import NoiseSchedule

ScoreNet = Callable[[Tensor, Tensor, Any], Tensor]
"""``score_net(x, alpha, condition) -> eps``: x ``(B, ...)``, alpha ``(B,)`` float64."""


@torch.no_grad()
def sample(
    score_net: ScoreNet,
    schedule: NoiseSchedule,
    kernel: Kernel,
    x_N: Tensor,
    condition: Any = None,
    generators: Sequence[torch.Generator] = (),
) -> Tensor:
    """Run the reverse process from ``x_N`` to the data; ``len(schedule)`` network evaluations.

    Args:
        score_net: predicts the noise; told all levels at once if :mod:`bddm_ref.levels` can.
        schedule: the sampling schedule, its last level the one of ``x_N``.
        kernel: one of :data:`bddm_ref.process.KERNELS`, or any function of its shape.
        x_N: start noise, ``(B, ...)``; not changed.
        condition: passed to the score network as it is; compute it once, outside.
        generators: one CPU generator per item, so that an item's noise does not depend on its
            batch; needed by stochastic kernels alone.

    Raises:
        ValueError: the kernel adds noise and there is not one generator per item.
    """
    alphas = schedule.alphas.tolist()
    steps = [kernel(alpha, beta) for alpha, beta in zip(alphas, schedule.betas, strict=True)]
    steps[0] = steps[0]._replace(noise=0.0)  # [n > 1]: exactly, whatever the rounding
    if any(step.noise > 0 for step in steps) and len(generators) != len(x_N):
        raise ValueError(
            f"a stochastic kernel needs one generator per item: {len(x_N)} items, "
            f"{len(generators)} generators"
        )
    levels = embed_levels(score_net, schedule.alphas.to(x_N.device))
    z = torch.empty(x_N.shape, dtype=x_N.dtype, pin_memory=x_N.is_cuda)
    x = x_N
    for n in range(len(schedule) - 1, -1, -1):
        eps = evaluate_at(score_net, x, level_of(levels, n), condition)
        if steps[n].noise > 0:
            for item, generator in zip(z, generators, strict=True):
                item.normal_(generator=generator)
            x = reverse_step(x, eps, steps[n], z.to(x.device))
        else:
            x = reverse_step(x, eps, steps[n], None)
    return x
