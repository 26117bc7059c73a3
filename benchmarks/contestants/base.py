"""What a contestant is: something that turns noise and a condition into a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, Kernel
from bddm_ref.sampling import ScoreNet, sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start


class SkipContestantError(Exception):
    """A contestant that cannot run at these steps; the message becomes its row's reason."""


@dataclass(frozen=True)
class Found:
    """A schedule that a search found."""

    schedule: NoiseSchedule
    start: Start | None = None  # of the schedule network's pass; None where there was none


@dataclass(frozen=True)
class Setting:
    """What contestants may use: nothing of the test split.

    Attributes:
        training: the training schedule.
        searched: search to length to what it found.
        schedule_net: gives the schedule network and its weights' checksum.
        noise_estimator: the same of the network that reads the noise level off an item.
        power: gives s of a level, measured on validation items: E|eps_theta|^2 / D.
    """

    training: NoiseSchedule
    searched: Mapping[str, Mapping[int, Found]]
    schedule_net: Callable[[], tuple[nn.Module, str]] | None = None
    noise_estimator: Callable[[], tuple[nn.Module, str]] | None = None
    power: Callable[[], Callable[[float], float]] | None = None


def not_searched(search: str) -> str:
    """Why a contestant whose search was not made cannot run."""
    return f"search.searches lacks {search!r}"


def found_by(search: str, steps: int, setting: Setting) -> Found:
    """What a search found for this length.

    Raises:
        SkipContestantError: it was not made, or found nothing.
    """
    if search not in setting.searched:
        raise SkipContestantError(not_searched(search))
    if steps not in setting.searched[search]:
        raise SkipContestantError(f"the search found no schedule of {steps} steps")
    return setting.searched[search][steps]


@dataclass(frozen=True)
class Sampler:
    """A contestant made ready for a number of steps.

    Attributes:
        run: ``(score_net, x_N, condition, generators) -> x_0``, all ``(B, ...)``.
        nfe: network evaluations of one run.
        recipe: what determines the result besides network and noise, as plain values.
    """

    run: Callable[[ScoreNet, Tensor, Any, Sequence[torch.Generator]], Tensor]
    nfe: int
    recipe: dict[str, Any]


class Contestant(Protocol):
    """A family of samplers, one for each number of steps."""

    @property
    def title(self) -> str:
        """What tables call it."""

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The sampler of this many steps.

        Raises:
            SkipContestantError: there is none.
        """


def check_two_ends(steps: int) -> None:
    """That so many levels can have the first and the last training step among them.

    Raises:
        SkipContestantError: there is only one.
    """
    if steps == 1:
        raise SkipContestantError("its levels have two ends: one step is too few")


def kernel_sampler(
    schedule: NoiseSchedule, kernel: str, function: Kernel | None = None, **recipe: Any
) -> Sampler:
    """A schedule driven by a reverse kernel.

    Args:
        schedule: of any length.
        kernel: one of :data:`bddm_ref.process.KERNELS`, or what to call another.
        function: that other kernel.
        recipe: what determines it besides its name and the betas.
    """
    step = function or KERNELS[kernel]

    def run(
        score_net: ScoreNet, x_N: Tensor, condition: Any, generators: Sequence[torch.Generator]
    ) -> Tensor:
        return sample(score_net, schedule, step, x_N, condition, generators)

    return Sampler(run, len(schedule), {"kernel": kernel, "betas": list(schedule.betas), **recipe})
