"""Sampling from x_N down to x_0 (arXiv 2203.13508, Algorithm 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bddm_ref.levels import embed_levels, evaluate_at, level_of
from bddm_ref.process import Coefficients, Kernel, ScoreNet, reverse_step, reverse_steps
from bddm_ref.schedule import NoiseSchedule


@torch.no_grad()
def sample(
    score_net: ScoreNet,
    schedule: NoiseSchedule,
    kernel: Kernel,
    x_N: Tensor,
    condition: Any = None,
    generators: Sequence[torch.Generator] = (),
) -> Tensor:
    """Run the reverse process from ``x_N`` to the data (arXiv 2203.13508, Algorithm 4).

    The network is evaluated ``len(schedule)`` times.

    Args:
        score_net: predicts the noise; a :class:`bddm_ref.levels.Levelled` network embeds all
            levels at once.
        schedule: the sampling schedule; its last level is the level of ``x_N``.
        kernel: one of :data:`bddm_ref.process.KERNELS`, or any function of its shape.
        x_N: start noise, ``(B, ...)``; not changed.
        condition: passed to the score network unchanged; compute it once, outside.
        generators: one CPU generator per item, so that an item's noise does not depend on its
            batch. Only kernels that add noise need generators.

    Returns:
        x_0, of the shape of ``x_N``.

    Raises:
        ValueError: the kernel adds noise and there is not one generator per item.
    """
    steps = reverse_steps(schedule, kernel)
    if any(step.noise > 0 for step in steps) and len(generators) != len(x_N):
        raise ValueError(
            f"a stochastic kernel needs one generator per item: {len(x_N)} items, "
            f"{len(generators)} generators"
        )
    levels = embed_levels(score_net, schedule.alphas.to(x_N.device))
    z = torch.empty(x_N.shape, dtype=x_N.dtype, pin_memory=x_N.is_cuda)

    def predict(x: Tensor, n: int) -> Tensor:
        return evaluate_at(score_net, x, level_of(levels, n), condition)

    def draw() -> Tensor:
        for item, generator in zip(z, generators, strict=True):
            item.normal_(generator=generator)
        return z.to(x_N.device)

    return reverse_chain(predict, steps, x_N, draw)


def reverse_chain(
    predict: Callable[[Tensor, int], Tensor],
    steps: Sequence[Coefficients],
    x_N: Tensor,
    draw: Callable[[], Tensor],
) -> Tensor:
    """Apply reverse steps from ``x_N`` down to the data: the loop of Algorithm 4.

    Args:
        predict: ``(x, n - 1) -> eps``, the predicted noise at step n, of the shape of x.
        steps: from :func:`bddm_ref.process.reverse_steps`.
        x_N: start noise, ``(B, ...)``; not changed.
        draw: returns fresh z ~ N(0, I) of the shape of ``x_N``; called at steps that add noise.

    Returns:
        x_0, of the shape of ``x_N``.
    """
    x = x_N  # x_N ~ N(0, I), drawn by the caller
    for n in range(len(steps) - 1, -1, -1):  # for n = N, .., 1
        # x_{n-1} ~ p_theta(x_{n-1} | x_n; alpha_n, beta_n), with z = 0 at n = 1.
        eps = predict(x, n)
        z = draw() if steps[n].noise > 0 else None
        x = reverse_step(x, eps, steps[n], z)
    return x  # return x_0
