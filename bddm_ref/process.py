"""The forward process and the two reverse kernels (arXiv 2203.13508, Eqs. 2-5).

Every reverse step of the papers is linear in its three inputs, x_{n-1} = a x_n + b eps + c z. A
kernel is therefore a function from (alpha_n, beta_n) to the three floats (a, b, c); applying it is
:func:`reverse_step`, for all kernels alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Coefficients(NamedTuple):
    """One reverse step: x_{n-1} = ``signal`` x_n + ``eps`` eps_theta + ``noise`` z."""

    signal: float
    eps: float
    noise: float


Kernel = Callable[[float, float], Coefficients]


def q_sample(x_0: Tensor, alpha: Tensor, noise: Tensor) -> Tensor:
    """Forward marginal x_t = alpha_t x_0 + sqrt(delta_t) eps (arXiv 2203.13508, Eq. 2).

    Args:
        x_0: data, ``(B, ...)``.
        alpha: noise levels, ``(B,)``; BDDM's alpha, DDPM's sqrt(alpha-bar).
        noise: eps, same shape as ``x_0``.
    """
    alpha = alpha.to(torch.float64).reshape(-1, *[1] * (x_0.ndim - 1))
    deviation = torch.sqrt((1 - alpha) * (1 + alpha))
    return alpha.to(x_0.dtype) * x_0 + deviation.to(x_0.dtype) * noise


def ddpm_kernel(alpha: float, beta: float) -> Coefficients:
    """Ancestral sampling with the posterior variance (Ho et al. 2020, Algorithm 2).

    At the last step alpha_{n-1} = 1, so that the noise term vanishes by itself.
    """
    delta = 1 - alpha**2
    delta_before = max(0.0, (delta - beta) / (1 - beta))
    scale = 1 / math.sqrt(1 - beta)
    return Coefficients(
        scale, -scale * beta / math.sqrt(delta), math.sqrt(delta_before / delta * beta)
    )


def ddim_kernel(alpha: float, beta: float) -> Coefficients:
    """The deterministic step of Song et al. 2021, Eq. 12 with sigma = 0."""
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


KERNELS: dict[str, Kernel] = {"ddpm": ddpm_kernel, "ddim": ddim_kernel}
