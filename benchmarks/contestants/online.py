"""BDDM with its schedule network running online: every item finds its own schedule.

The papers' schedules are static lists, found by one pass over a validation item. Algorithm 3 of
arXiv 2203.13508 could as well run while sampling; this contestant does so, and tells whether the
data dependence of sigma_phi pays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, Coefficients
from bddm_ref.sampling import ScoreNet
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from benchmarks.contestants.base import Sampler, Setting, SkipContestantError, found_by
from benchmarks.searches import SearchName


@dataclass(frozen=True)
class OnlineBddm:
    """From the start of the searched schedule of this length, with as many evaluations."""

    title: str = "BDDM, online"
    search: SearchName = "paper"

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The start of the schedule of this length, and the network that goes on from there."""
        start = found_by(self.search, steps, setting).start
        if start is None or setting.schedule_net is None:
            raise SkipContestantError("there is no schedule network to run")
        network, digest = setting.schedule_net()
        pass_ = _Pass(network, start, steps, setting.training)
        recipe = {"start": start._asdict(), "steps": steps, "schedule_net": digest}
        return Sampler(pass_.run, steps, recipe)


class _Pass:
    def __init__(
        self, schedule_net: nn.Module, start: Start, steps: int, training: NoiseSchedule
    ) -> None:
        self._schedule_net = schedule_net
        self._start = start
        self._steps = steps
        self._cleanest, self._smallest = float(training.alphas[0]), training.betas[0]

    @torch.inference_mode()
    def run(
        self,
        score_net: ScoreNet,
        x_N: Tensor,
        condition: Any,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Items that come to the end of their pass early stay as they are."""
        alphas, betas = ([value] * len(x_N) for value in (self._start.alpha, self._start.beta))
        live = [True] * len(x_N)
        x, z = x_N, torch.empty(x_N.shape, dtype=x_N.dtype)
        for left in range(self._steps, 0, -1):
            level = torch.tensor(alphas, dtype=torch.float64, device=x.device)
            eps = score_net(x, level, condition)
            if left == 1:  # whatever noise is left goes at once
                betas = [1 - alpha**2 for alpha in alphas]
            for item, generator in zip(z, generators, strict=True):
                item.normal_(generator=generator)
            steps = [_step(*one) for one in zip(alphas, betas, live, strict=True)]
            x = _applied(x, eps, z.to(x.device), steps)
            if left > 1:
                sigmas = self._schedule_net(x).double().tolist()
                self._go_on(alphas, betas, live, sigmas)
        return x

    def _go_on(
        self, alphas: list[float], betas: list[float], live: list[bool], sigmas: list[float]
    ) -> None:
        """Each live item's next level and beta, as in Algorithm 3."""
        for i, sigma in enumerate(sigmas):
            if not live[i]:
                continue
            alpha = alphas[i] / math.sqrt(1 - betas[i])
            beta = min((1 - alpha) * (1 + alpha), betas[i]) * sigma
            live[i] = alpha <= self._cleanest and beta >= self._smallest
            if live[i]:
                alphas[i], betas[i] = alpha, beta


def _step(alpha: float, beta: float, live: bool) -> Coefficients:
    return KERNELS["ddpm"](alpha, beta) if live else Coefficients(1.0, 0.0, 0.0)


def _applied(x: Tensor, eps: Tensor, z: Tensor, steps: list[Coefficients]) -> Tensor:
    """One reverse step, each item with its own coefficients."""
    shape = (-1, *[1] * (x.ndim - 1))
    signal, by_eps, noise = (
        torch.tensor(values, dtype=x.dtype, device=x.device).reshape(shape)
        for values in zip(*steps, strict=True)
    )
    return signal * x + by_eps * eps + noise * z
