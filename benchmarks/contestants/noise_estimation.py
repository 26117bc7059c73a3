"""Noise estimation (San-Roman et al. 2021, arXiv 2104.02600).

A small network reads off x_n how much noise is left. The rest of the schedule is then fitted anew
to that level, for each item by itself. The paper leaves open whether the level is read before or
after a step's noise is added. Here the level is read after, since the score network sees that item
next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, ScoreNet, q_sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.training import BatchLoss
from benchmarks.contestants.base import ContestantInputs, Sampler, SkipContestantError
from benchmarks.contestants.by_item import applied, fresh_noise, levels
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role

LARGEST_BETA = 1 - 1e-6
HALVINGS = 60  # steps of the bisection for a schedule's free number


@dataclass(frozen=True)
class NoiseEstimation:
    """An estimate of the level after each step, with one way to fit the steps that are left."""

    title: str
    fit: Literal["linear", "fibonacci"]  # the paper: linear for images, Fibonacci for speech

    role: ClassVar[Role] = "rival"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler: N evaluations of the score network, N - 1 of the estimator."""
        if inputs.noise_estimator is None:
            raise SkipContestantError("there is no noise estimator")
        training, fit = inputs.training, self.fit
        if fit == "fibonacci" and _is_too_noisy(_fibonacci(steps, training.betas[0])[0], training):
            raise SkipContestantError(f"{steps} Fibonacci betas, however small, are too noisy")
        network, digest = inputs.noise_estimator()

        def run(
            score_net: ScoreNet, x_N: Tensor, condition: Any, generators: Sequence[torch.Generator]
        ) -> Tensor:
            return _sampled(
                (score_net, network), (training, fit, steps), x_N, condition, generators
            )

        recipe = {"noise_estimator": digest, "fit": fit, "steps": steps}
        return Sampler(run, steps, recipe)


@torch.inference_mode()
def _sampled(
    networks: tuple[ScoreNet, nn.Module],
    how: tuple[NoiseSchedule, str, int],
    x_N: Tensor,
    condition: Any,
    generators: Sequence[torch.Generator],
) -> Tensor:
    (score_net, estimator), (training, fit, steps) = networks, how
    highest, lowest = float(training.alphas[0]), float(training.alphas[-1])
    alphas, x = torch.full((len(x_N),), lowest, dtype=torch.float64), x_N
    for left in range(steps, 0, -1):
        eps = score_net(x, levels(alphas.tolist(), x), condition)
        betas = first_betas(alphas.square(), left, training.betas[0], fit)
        pairs = zip(alphas.tolist(), betas.tolist(), strict=True)
        reverse = [KERNELS["ddpm"](alpha, beta) for alpha, beta in pairs]
        if left > 1:
            x = applied(x, eps, fresh_noise(x, generators), reverse)
            delta = estimator(x).double().cpu()
            alphas = torch.sqrt(1 - delta).clamp(lowest, highest)
        else:  # [n > 1]: no noise exactly, whatever the rounding
            x = applied(x, eps, torch.zeros_like(x), [c._replace(noise=0.0) for c in reverse])
    return x


def first_betas(squares: Tensor, steps: int, first: float, fit: str) -> Tensor:
    """Fit a schedule to each item's level, and return its noisiest beta.

    ``linear`` grows in equal steps from ``first``. ``fibonacci`` has ``first``, a free beta, and
    then sums of the two betas before. The free number makes the product of 1 - beta the level. A
    level too close to the data even for ``first`` gets equal betas.

    Args:
        squares: alpha^2 of the items, ``(B,)`` float64.
        steps: number of steps left.
        first: the beta nearest the data.
        fit: ``linear`` or ``fibonacci``.

    Returns:
        ``(B,)`` float64.
    """
    equal = 1 - squares.pow(1 / steps)
    if steps == 1:
        return equal.clamp(max=LARGEST_BETA)
    base, slope = _fibonacci(steps, first) if fit == "fibonacci" else _linear(steps, first)
    low, high = torch.zeros_like(squares), torch.full_like(squares, 1 / float(slope.max()))
    wanted = squares.log()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        betas = base + middle[:, None] * slope
        noisy = torch.log1p(-betas.clamp(max=LARGEST_BETA)).sum(1) < wanted
        low, high = torch.where(noisy, low, middle), torch.where(noisy, middle, high)
    betas = (base + low[:, None] * slope)[:, -1].clamp(max=LARGEST_BETA)
    too_near = torch.log1p(-base.clamp(max=LARGEST_BETA)).sum() < wanted
    return torch.where(~too_near, betas, equal)


def _is_too_noisy(betas: Tensor, training: NoiseSchedule) -> bool:
    log_square = torch.log1p(-betas.clamp(max=LARGEST_BETA)).sum()
    return bool(log_square < 2 * training.alphas[-1].log())


def _linear(steps: int, first: float) -> tuple[Tensor, Tensor]:
    places = torch.arange(steps, dtype=torch.float64)
    return torch.full_like(places, first), places


def _fibonacci(steps: int, first: float) -> tuple[Tensor, Tensor]:
    """Factors of the first and of the second beta in each Fibonacci beta."""
    base, slope = [first, first], [0.0, 1.0]
    while len(base) < steps:
        base.append(base[-1] + base[-2])
        slope.append(slope[-1] + slope[-2])
    return torch.tensor(base, dtype=torch.float64), torch.tensor(slope, dtype=torch.float64)


def estimator_batch_loss(
    estimator: nn.Module, draw: Callable[[torch.Generator], Tensor], training: NoiseSchedule
) -> BatchLoss:
    """Make the estimator's loss on random batches, at uniform steps of the training schedule.

    Args:
        estimator: the network that estimates delta.
        draw: draws a batch of training items, ``(B, ...)`` on the estimator's device.
        training: the training schedule.
    """

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = draw(generator)
        t = torch.randint(len(training), (len(x_0),), generator=generator)
        noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        x_t = q_sample(x_0, training.alphas[t].to(x_0.device), noise)
        return estimator_loss(training.deltas[t].to(x_0.device), estimator(x_t))

    return loss


def estimator_loss(delta: Tensor, estimate: Tensor) -> Tensor:
    """Mean square of the difference of log noise powers over the batch (section 3.2).

    Args:
        delta: noise power 1 - alpha^2 of each item, ``(B,)``.
        estimate: the network's estimate of delta, ``(B,)``.
    """
    logs = torch.log(delta.to(estimate.dtype)) - torch.log(estimate + math.ulp(1.0))
    return logs.square().mean()
