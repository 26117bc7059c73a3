"""The forward process and the two reverse kernels (arXiv 2203.13508, Eqs. 2-5).

Every reverse step of the papers is linear in its three inputs: x_{n-1} = a x_n + b eps + c z. A
kernel therefore maps (alpha_n, beta_n) to the three floats (a, b, c), and :func:`reverse_step`
applies the triple of any kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule

ScoreNet = Callable[[Tensor, Tensor, Any], Tensor]
"""``score_net(x, alpha, condition) -> eps``: x ``(B, ...)``, alpha ``(B,)`` float64."""


class Coefficients(NamedTuple):
    """Coefficients of one reverse step: x_{n-1} = signal x_n + eps eps_theta + noise z."""

    signal: float
    eps: float
    noise: float


Kernel = Callable[[float, float], Coefficients]
"""``(alpha_n, beta_n) -> (a, b, c)``."""


def q_sample(x_0: Tensor, alpha: Tensor, noise: Tensor) -> Tensor:
    """Noise data to x_t = alpha_t x_0 + sqrt(delta_t) eps (arXiv 2203.13508, Eq. 2).

    Args:
        x_0: data, ``(B, ...)``.
        alpha: noise levels, ``(B,)``; BDDM's alpha, DDPM's sqrt(alpha-bar).
        noise: eps, same shape as ``x_0``.

    Returns:
        x_t, same shape as ``x_0``.
    """
    alpha = alpha.to(torch.float64).reshape(-1, *[1] * (x_0.ndim - 1))
    deviation = torch.sqrt((1 - alpha) * (1 + alpha))
    return alpha.to(x_0.dtype) * x_0 + deviation.to(x_0.dtype) * noise


def ddpm_kernel(alpha: float, beta: float) -> Coefficients:
    """Compute the step of ancestral sampling with posterior variance (Ho et al. 2020, Algorithm 2).

    At the last step alpha_{n-1} = 1, so that the noise term vanishes.

    Args:
        alpha: alpha_n, in (0, 1).
        beta: beta_n, in (0, 1).
    """
    delta = 1 - alpha**2
    delta_before = max(0.0, (delta - beta) / (1 - beta))
    scale = 1 / math.sqrt(1 - beta)
    return Coefficients(
        scale, -scale * beta / math.sqrt(delta), math.sqrt(delta_before / delta * beta)
    )


def ddim_kernel(alpha: float, beta: float) -> Coefficients:
    """Compute DDIM's deterministic step (Song et al. 2021, Eq. 12 with sigma = 0).

    Args:
        alpha: alpha_n, in (0, 1).
        beta: beta_n, in (0, 1).
    """
    delta = 1 - alpha**2
    delta_before = max(0.0, (delta - beta) / (1 - beta))
    scale = 1 / math.sqrt(1 - beta)
    return Coefficients(scale, math.sqrt(delta_before) - scale * math.sqrt(delta), 0.0)


def reverse_step(
    x: Tensor, eps: Tensor, coefficients: Coefficients, noise: Tensor | None
) -> Tensor:
    """Apply one reverse step; ``noise`` may be None where its coefficient is 0.

    Args:
        x: x_n, ``(B, ...)``; not changed.
        eps: the score network's prediction at x_n, same shape; not changed.
        coefficients: from a kernel.
        noise: z ~ N(0, I), same shape.

    Returns:
        x_{n-1}, a new tensor.

    Raises:
        ValueError: the step adds noise, and there is none.
    """
    before = torch.mul(x, coefficients.signal).add_(eps, alpha=coefficients.eps)
    if coefficients.noise > 0.0:
        if noise is None:
            raise ValueError("this reverse step adds noise: give z, of the shape of x")
        before.add_(noise, alpha=coefficients.noise)
    return before


def reverse_steps(schedule: NoiseSchedule, kernel: Kernel) -> list[Coefficients]:
    """List the coefficients of every reverse step; index n - 1 holds step n, from x_n to x_{n-1}.

    The step to the data adds no noise, whatever the kernel rounds to (arXiv 2203.13508, Eq. 4).

    Args:
        schedule: N steps.
        kernel: one of :data:`KERNELS`, or any function of its shape.

    Returns:
        N triples.
    """
    levels = zip(schedule.alphas.tolist(), schedule.betas, strict=True)
    steps = [kernel(alpha, beta) for alpha, beta in levels]
    return [steps[0]._replace(noise=0.0), *steps[1:]]


KERNELS: dict[str, Kernel] = {"ddpm": ddpm_kernel, "ddim": ddim_kernel}
