"""Contestants of users and other packages, checked against the contract while they run.

The author of a contestant can mend its mistakes. The message therefore names the contestant, and
the line of its file that raised the error.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at
from bddm_ref.process import ScoreNet
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    ContestantInputs,
    OwnContestant,
    Sampler,
    SkipContestantError,
)
from benchmarks.contestants.ending import no_exit
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import SearchName
from benchmarks.core.names import LONGEST_TITLE, one_line
from benchmarks.core.rows import Role

T = TypeVar("T")


@dataclass(frozen=True)
class CheckedContestant:
    """A contestant of a user or of another package.

    Attributes:
        inner: the contestant itself.
        where: name of the contestant in messages.
        module: the module that it was loaded from.
    """

    inner: OwnContestant
    where: str
    module: ModuleType

    role: ClassVar[Role] = "rival"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """The contestant's name in tables."""
        return one_line(self.inner.title, LONGEST_TITLE)

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the contestant's sampler, and check it.

        Raises:
            SkipContestantError: the contestant raises it.
            ExperimentError: the contestant fails, or returns no sampler.
        """
        call = f"prepare({steps}, inputs)"
        sampler = self._checked(call, lambda: self.inner.prepare(steps, inputs))
        if not isinstance(sampler, Sampler):
            raise self._broken(f"{call} returned no Sampler, but {_kind(sampler)}")
        if not _is_count(sampler.nfe):
            raise self._broken(f"the nfe of {call} is {sampler.nfe!r}; give a number from 1 on")
        self._refuse_recipe(call, sampler.recipe)

        def run(
            score_net: ScoreNet, x_N: Tensor, condition: Any, generators: Sequence[torch.Generator]
        ) -> Tensor:
            counting = _Counting(score_net)
            x_0: Any = self._checked(
                "run", lambda: sampler.run(counting, x_N, condition, generators)
            )
            if not isinstance(x_0, Tensor) or x_0.shape != x_N.shape or not x_0.is_floating_point():
                raise self._broken(f"run must return samples like x_N, not {_kind(x_0)}")
            made = counting.items / len(x_N)
            if made != sampler.nfe:
                raise self._broken(
                    f"{call} declares nfe = {sampler.nfe}, and run made {made:g} evaluations of "
                    "each item"
                )
            return x_0

        return Sampler(run, sampler.nfe, sampler.recipe)

    def _checked(self, call: str, function: Callable[[], T]) -> T:
        try:
            with no_exit():
                return function()
        except SkipContestantError as skipped:
            reason = one_line(str(skipped)) or "it gives no reason"
            raise SkipContestantError(reason) from skipped
        except Exception as error:
            lines = [
                frame.lineno
                for frame in traceback.extract_tb(error.__traceback__)
                if Path(frame.filename).resolve() == Path(self.module.__file__ or "").resolve()
            ]
            place = f" (line {lines[-1]})" if lines else ""
            message = one_line(str(error))
            raise self._broken(
                f"{call} failed{place}: {type(error).__name__}: {message}"
            ) from error

    def _refuse_recipe(self, call: str, recipe: Any) -> None:
        try:
            plain = isinstance(recipe, dict) and json.loads(json.dumps(recipe)) is not None
        except (TypeError, ValueError):
            plain = False
        if not plain:
            raise self._broken(f"the recipe of {call} must be a dictionary of plain values")
        if (betas := recipe.get("betas")) is not None:
            try:
                NoiseSchedule(tuple(betas))
            except (TypeError, ValueError) as error:
                raise self._broken(f"the recipe's betas are no schedule: {error}") from error

    def _broken(self, what: str) -> ExperimentError:
        return ExperimentError(f"{self.where}: {what}; see docs/contestants.md")


class _Counting(Levelled):
    """A score network that counts the items it evaluates."""

    def __init__(self, score_net: ScoreNet) -> None:
        self._score_net = score_net
        self.items = 0

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        return self.forward(x, alpha, condition)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        return embed_levels(self._score_net, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        self.items += len(x)
        return evaluate_at(self._score_net, x, embedded, condition)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    return f"a {type(value).__name__}"
