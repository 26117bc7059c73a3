"""The base class of searches for sampling schedules, and the inputs of searches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bddm_ref.extras.by_level import measured_power
from bddm_ref.extras.judging import Distortion, PartialJudge
from bddm_ref.process import ScoreNet
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.searching import SearchPlan, no_margin
from bddm_ref.settings import StepLossForm
from benchmarks.core.experiment import SearchConfig
from benchmarks.runtime.found import Found, no_schedule, too_long

Examples = tuple[Tensor, Any]
"""Validation items ``(B, ...)`` at the amplitude of the process, and the items' condition."""


@dataclass(frozen=True)
class SearchProblem:
    """A track's judge of schedules, and the items that passes of noise scheduling follow.

    Attributes:
        judge: scores a schedule on validation items.
        item_shape: shape of one item of a pass.
        condition: condition of the items of a pass.
        scores: titles of the judge's scores.
        failures: the reasons of judgements that failed so far, with their numbers.
        margin: quality to the loss of quality that still counts as good.
        released: the judge of the released code, with the titles of its scores; None: ``judge``.
    """

    judge: PartialJudge
    item_shape: tuple[int, ...]
    condition: Any
    scores: tuple[str, ...]
    failures: Mapping[str, int] = field(default_factory=dict)
    margin: Callable[[float], float] = no_margin
    released: tuple[PartialJudge, tuple[str, ...]] | None = None


class CountedJudge:
    """A judge that counts the schedules it scores.

    Attributes:
        judged: their number so far.
    """

    def __init__(self, judge: PartialJudge) -> None:
        self._judge = judge
        self.judged = 0

    def __call__(
        self, schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        """Score a schedule."""
        self.judged += 1
        return self._judge(schedule, trial, part)


def counted(problem: SearchProblem) -> tuple[SearchProblem, list[CountedJudge]]:
    """Make the judges of a problem count the schedules they score."""
    judge = CountedJudge(problem.judge)
    if problem.released is None:
        return replace(problem, judge=judge), [judge]
    released = CountedJudge(problem.released[0])
    both = replace(problem, judge=judge, released=(released, problem.released[1]))
    return both, [judge, released]


@dataclass(frozen=True)
class SearchInputs:
    """Inputs of all searches, without anything of the test split.

    Attributes:
        config: the experiment's search; ``lengths`` are the wanted numbers of steps.
        step_loss: form of the step loss that the experiment names.
        training: the training schedule.
        problem: the judge, and the items of a pass.
        score_net: eps_theta in one convention.
        schedule_net: loads the schedule network that was trained for a tau.
        taus: length to the values of tau that its schedules are searched with.
        examples: loads the validation examples.
        distortion: makes the measure of a schedule's distortion of Gaussian data.
        device: device of the networks.
        observe: called after each of the ``work`` parts of a search.
    """

    config: SearchConfig
    step_loss: StepLossForm
    training: NoiseSchedule
    problem: SearchProblem
    score_net: ScoreNet
    schedule_net: Callable[[int], nn.Module]
    taus: Callable[[int], tuple[int, ...]]
    examples: Callable[[], Examples]
    distortion: Callable[[], Distortion]
    device: torch.device
    observe: Callable[[], None] = lambda: None

    @property
    def plan(self) -> SearchPlan:
        """Lengths, width and seed of the search."""
        return self.plan_of(self.config.lengths)

    def plan_of(self, lengths: tuple[int, ...]) -> SearchPlan:
        """The plan for some of the lengths."""
        config, margin = self.config, self.problem.margin
        return SearchPlan(lengths, config.finalists, config.refinements, config.seed, margin)

    @property
    def most_steps(self) -> int:
        """Steps of the longest pass: one more than wanted, so that the end of a pass is known."""
        return max(self.config.lengths) + 1

    def power(self) -> Callable[[float], float]:
        """Measure E|eps_theta|^2 / D on the examples, as a function of alpha."""
        return examples_power(self.score_net, self.examples, self.training, self.config.seed)


class Search(ABC):
    """One way to search for schedules.

    Attributes:
        needs_schedule_net: whether a trained schedule network takes part.
        longest: steps of the longest schedule that the search makes; None: no limit.
    """

    needs_schedule_net: ClassVar[bool] = False
    longest: ClassVar[int | None] = None

    @property
    def tuned(self) -> bool:
        """Tell whether the search tries more than the papers' tau and M."""
        return False

    def score_titles(self, problem: SearchProblem) -> tuple[str, ...]:
        """Titles of the scores that the search reports."""
        return problem.scores

    @property
    def network_loss(self) -> StepLossForm | None:
        """Form of the step loss that the schedule network is trained on; None: the experiment's."""
        return None

    def fingerprint(self, step_loss: StepLossForm) -> dict[str, Any]:
        """Entries that the search adds to the fingerprint of its stage.

        Args:
            step_loss: form of the step loss that the experiment names.
        """
        return {}

    def work(self, inputs: SearchInputs) -> int:
        """Number of calls of ``inputs.observe`` that ``find`` makes."""
        return self._work(self._reachable(inputs))

    def find(self, inputs: SearchInputs) -> dict[int, Found | str]:
        """Search for a schedule of each length in ``inputs.config.lengths``.

        A schedule whose last judgement failed is no answer: it has no score to report.

        Returns:
            Length to its schedule, or to the reason why there is none.
        """
        found = self._find(self._reachable(inputs))
        judged = {n: one for n, one in found.items() if all(map(math.isfinite, one.scores))}
        return self.answers(judged, inputs.config.lengths)

    def answers(self, found: Mapping[int, Found], lengths: Sequence[int]) -> dict[int, Found | str]:
        """Give each length its schedule, or the reason why there is none."""
        return {
            steps: too_long(self.longest)
            if self.longest is not None and steps > self.longest
            else found.get(steps, no_schedule(steps))
            for steps in lengths
        }

    def _reachable(self, inputs: SearchInputs) -> SearchInputs:
        """The inputs without the lengths beyond ``longest``."""
        lengths = inputs.config.lengths
        if self.longest is not None:
            lengths = tuple(steps for steps in lengths if steps <= self.longest)
        return replace(inputs, config=replace(inputs.config, lengths=lengths))

    @abstractmethod
    def _work(self, inputs: SearchInputs) -> int:
        """Number of calls of ``inputs.observe``; no length is beyond ``longest``."""

    @abstractmethod
    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        """The schedules found; no length is beyond ``longest``."""


def judged_last(schedules: Mapping[int, NoiseSchedule], inputs: SearchInputs) -> dict[int, Found]:
    """Score schedules on trial 2, which has no part in any search.

    The judge samples by DDPM's kernel, even if a contestant uses another kernel.
    """
    judge = inputs.problem.judge
    return {steps: Found(one, None, judge(one, 2)) for steps, one in schedules.items()}


def examples_power(
    score_net: ScoreNet, examples: Callable[[], Examples], training: NoiseSchedule, seed: int
) -> Callable[[float], float]:
    """Measure E|eps_theta|^2 / D on examples; see :func:`bddm_ref.extras.by_level.measured_power`.

    Args:
        score_net: eps_theta in one convention.
        examples: loads validation items and their condition.
        training: the training schedule.
        seed: seed of the noise that is added to the items.

    Returns:
        The power at a level alpha.
    """
    generator = torch.Generator().manual_seed(seed)
    return measured_power(score_net, *examples(), training, generator)
