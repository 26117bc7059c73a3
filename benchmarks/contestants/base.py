"""The contract of contestants, which turn noise and a condition into a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, Kernel, ScoreNet
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role
from benchmarks.runtime.found import Found, no_schedule, too_long


class SkipContestantError(Exception):
    """A contestant that cannot run at these steps; the message becomes its row's reason."""


@dataclass(frozen=True)
class ContestantInputs:
    """Inputs of all contestants, without anything of the test split.

    Attributes:
        training: the training schedule.
        searched: search to steps to the schedule found, or to the reason why there is none.
        schedule_net: loads the schedule network of a tau, and the checksum of its weights.
        noise_estimator: loads the network that reads the noise level off an item, and its checksum.
        power: measures E|eps_theta|^2 / D on validation items, as a function of alpha.
        reach: search to the steps of the longest schedule, for searches that have a limit.
    """

    training: NoiseSchedule
    searched: Mapping[str, Mapping[int, Found | str]]
    schedule_net: Callable[[int], tuple[nn.Module, str]] | None = None
    noise_estimator: Callable[[], tuple[nn.Module, str]] | None = None
    power: Callable[[], Callable[[float], float]] | None = None
    reach: Mapping[str, int] = field(default_factory=dict)

    def found(self, search: str, steps: int) -> Found:
        """The schedule of ``steps`` steps that a search found.

        Raises:
            SkipContestantError: the search was not made, or has no such schedule.
        """
        if steps > self.reach.get(search, steps):
            raise SkipContestantError(too_long(self.reach[search]))
        if search not in self.searched:
            raise SkipContestantError(not_searched(search))
        found = self.searched[search].get(steps, no_schedule(steps))
        if isinstance(found, str):
            raise SkipContestantError(found)
        return found


def not_searched(search: str) -> str:
    """Reason of a row whose search was not made."""
    return f"search.searches lacks {search!r}"


@dataclass(frozen=True)
class Sampler:
    """A contestant, prepared for a number of steps.

    Attributes:
        run: ``(score_net, x_N, condition, generators) -> x_0``; x_N and x_0 are ``(B, ...)``.
        nfe: network evaluations of each item in one run.
        recipe: plain values that determine the result besides network and noise.
    """

    run: Callable[[ScoreNet, Tensor, Any, Sequence[torch.Generator]], Tensor]
    nfe: int
    recipe: dict[str, Any]


class OwnContestant(Protocol):
    """A family of samplers, one for each number of steps: the contract for users."""

    @property
    def title(self) -> str:
        """The contestant's name in tables."""

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of this many steps.

        Raises:
            SkipContestantError: no sampler has these steps; the message is the row's reason.
        """


class Contestant(OwnContestant, Protocol):
    """A contestant of the suite, with a role, a search and comparisons."""

    @property
    def role(self) -> Role:
        """The contestant's role: the papers' method, a baseline or a rival."""

    @property
    def search(self) -> SearchName | None:
        """The search whose schedules the contestant samples by, or None."""

    @property
    def compared(self) -> bool:
        """Tell whether the contestant's rows are compared with all other rows at equal steps."""


def check_two_ends(steps: int) -> None:
    """Refuse a number of levels that cannot hold the first and the last training step.

    Raises:
        SkipContestantError: there is only one level.
    """
    if steps == 1:
        raise SkipContestantError("its levels have two ends: one step is too few")


def kernel_sampler(
    schedule: NoiseSchedule, kernel: str, function: Kernel | None = None, **recipe: Any
) -> Sampler:
    """Make the sampler that drives a schedule by a reverse kernel.

    Args:
        schedule: the sampling schedule, of any length.
        kernel: key of :data:`bddm_ref.process.KERNELS`, or the name of another kernel.
        function: the other kernel.
        recipe: plain values that determine the other kernel besides its name.
    """
    step = function or KERNELS[kernel]

    def run(
        score_net: ScoreNet, x_N: Tensor, condition: Any, generators: Sequence[torch.Generator]
    ) -> Tensor:
        return sample(score_net, schedule, step, x_N, condition, generators)

    return Sampler(run, len(schedule), {"kernel": kernel, "betas": list(schedule.betas), **recipe})
