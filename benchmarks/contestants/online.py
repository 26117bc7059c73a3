"""BDDM with a schedule for each item, a test of whether sigma_phi should see each item.

The papers' schedules are static lists, found by one pass over a validation item. Here each test
item has its own pass (Algorithm 3 of arXiv 2203.13508), from the start of the searched schedule of
the same length. ``bddm-online`` keeps the pass itself as the sample. ``bddm-own`` makes the pass a
list, and samples the item by that list. The only difference between ``bddm-own`` and ``bddm`` is
the pass: the item's own, or one shared by all items. The levels of a list follow from its betas,
and differ from the levels of the pass that found the list.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, ScoreNet
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import ContestantInputs, Sampler, SkipContestantError
from benchmarks.contestants.by_item import IDLE, applied, fresh_noise, levels
from benchmarks.core.experiment import TUNED, SearchName
from benchmarks.core.rows import Role
from benchmarks.runtime.found import NetStart


@dataclass(frozen=True)
class OnlineBddm:
    """A pass of noise scheduling over each test item.

    Attributes:
        title: name in tables.
        search: the search whose schedule gives the start.
        own: False: the pass makes the sample. True: the pass makes a list, which then samples the
            item, in 2 N - 1 evaluations altogether.
    """

    title: str
    search: SearchName = TUNED
    own: bool = False

    role: ClassVar[Role] = "bddm"
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Start where the searched schedule starts, and go on with the schedule network."""
        start = inputs.found(self.search, steps).start
        if not isinstance(start, NetStart) or inputs.schedule_net is None:
            raise SkipContestantError("there is no schedule network to run")
        network, digest = inputs.schedule_net(start.tau)
        recipe = {"start": start._asdict(), "steps": steps, "schedule_net": digest}
        pass_ = _Pass(network, start, steps, inputs.training)
        if self.own:
            return Sampler(pass_.own, 2 * steps - 1, recipe)
        return Sampler(pass_.online, steps, recipe)


class _Pass:
    def __init__(
        self, schedule_net: nn.Module, start: NetStart, steps: int, training: NoiseSchedule
    ) -> None:
        self._schedule_net = schedule_net
        self._start = start
        self._steps = steps
        self._training = training

    @torch.inference_mode()
    def online(
        self,
        score_net: ScoreNet,
        x_N: Tensor,
        condition: Any,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Sample by the pass; the last evaluation removes all noise that an item still has."""
        kernel = KERNELS["ddpm"]
        x, alphas, _ = self._followed(score_net, x_N, condition, generators, "ddpm")
        eps = score_net(x, levels(alphas, x), condition)
        last = [kernel(a, 1 - a**2) if self._training.contains(a) else IDLE for a in alphas]
        return applied(x, eps, torch.zeros_like(x), last)

    @torch.inference_mode()
    def own(
        self,
        score_net: ScoreNet,
        x_N: Tensor,
        condition: Any,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Sample by each item's list; an item with a shorter list waits until its first step."""
        # The pass draws from copies, so that sampling draws the same noise as without a pass.
        copies = [_copy(generator) for generator in generators]
        _, _, betas = self._followed(score_net, x_N, condition, copies, self._start.kernel)
        lists = [NoiseSchedule(tuple(reversed(item))) for item in betas]
        lists_alphas = [schedule.alphas.tolist() for schedule in lists]
        x = x_N
        for n in range(self._steps - 1, -1, -1):
            alphas = [own[min(n, len(own) - 1)] for own in lists_alphas]
            eps = score_net(x, levels(alphas, x), condition)
            steps = [
                KERNELS["ddpm"](alpha, item.betas[n]) if n < len(item) else IDLE
                for alpha, item in zip(alphas, lists, strict=True)
            ]
            if n == 0:  # [n > 1]: no noise exactly, whatever the rounding
                steps = [step._replace(noise=0.0) for step in steps]
            x = applied(x, eps, fresh_noise(x, generators), steps)
        return x

    def _followed(
        self,
        score_net: ScoreNet,
        x_N: Tensor,
        condition: Any,
        generators: Sequence[torch.Generator],
        kernel: str,
    ) -> tuple[Tensor, list[float], list[list[float]]]:
        """Run Algorithm 3 for each item, up to N betas.

        The last beta of an item is not applied, unless the item's pass ended early.

        Returns:
            x, the items' levels, and the items' betas, noisiest first.
        """
        alphas = [self._start.alpha] * len(x_N)
        betas = [[self._start.beta] for _ in alphas]
        live = [True] * len(alphas)
        x = x_N
        for _ in range(self._steps - 1):
            eps = score_net(x, levels(alphas, x), condition)
            steps = [
                KERNELS[kernel](alpha, item[-1]) if going else IDLE
                for alpha, item, going in zip(alphas, betas, live, strict=True)
            ]
            x = applied(x, eps, fresh_noise(x, generators), steps)
            sigmas = self._schedule_net(x).double().tolist()
            for i, sigma in enumerate(sigmas):
                if live[i]:
                    alphas[i] /= math.sqrt(1 - betas[i][-1])
                    beta = min(1 - alphas[i] ** 2, betas[i][-1]) * sigma
                    inside = alphas[i] < 1 and self._training.contains(alphas[i])
                    live[i] = inside and beta >= self._training.betas[0]
                    betas[i] += [beta] if live[i] else []
        return x, alphas, betas


def _copy(generator: torch.Generator) -> torch.Generator:
    return torch.Generator().set_state(generator.get_state())
