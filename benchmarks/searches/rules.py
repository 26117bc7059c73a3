"""Searches without a schedule network: the betas follow from the noise level alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bddm_ref.extras.rules import (
    ConstantStart,
    closed_form_rule,
    constant_rule,
    constant_starts,
    rule_betas,
)
from bddm_ref.scheduling import Start
from bddm_ref.searching import Propose, search, starts
from bddm_ref.settings import StepLossForm
from benchmarks.runtime.found import Found
from benchmarks.searches.base import Search, SearchInputs
from benchmarks.searches.passes import Grid, PassSearch, as_found


@dataclass(frozen=True)
class ClosedForm(PassSearch):
    """Betas at the optimum of the step loss, given the power of eps on validation examples.

    Attributes:
        form: form of the step loss; None: the experiment's.
    """

    form: StepLossForm | None = None

    def fingerprint(self, step_loss: StepLossForm) -> dict[str, Any]:
        """The entry for the form of the loss."""
        return {"loss": self.form or step_loss}

    def starts(self, inputs: SearchInputs) -> Sequence[Start]:
        """The starts of one kernel; passes without samples agree for all kernels."""
        grid = super().starts(inputs)
        return [start for start in grid if start.kernel == grid[0].kernel]

    def proposer(self, inputs: SearchInputs) -> Propose[Start]:
        """Make the function that runs one pass."""
        rule = closed_form_rule(inputs.power(), self.form or inputs.step_loss)
        return lambda start: rule_betas(rule, start, inputs.training, inputs.longest)


@dataclass(frozen=True)
class Constants(Search):
    """Betas by two constants, which are searched along with the start.

    Attributes:
        grid: makes the grid whose (alpha_N, beta_N) are combined with the constants.
    """

    grid: Grid = starts

    def _starts(self, inputs: SearchInputs) -> list[ConstantStart]:
        return constant_starts(self.grid(inputs.training, inputs.config.bins))

    def _work(self, inputs: SearchInputs) -> int:
        per_length = inputs.config.refinements + inputs.config.finalists
        return len(self._starts(inputs)) + len(inputs.config.lengths) * per_length

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        """Select by the rules of :mod:`bddm_ref.searching`: the released code has no constants."""

        def propose(start: ConstantStart) -> list[float]:
            return rule_betas(constant_rule(start), start, inputs.training, inputs.longest)

        judge, training = inputs.problem.judge, inputs.training
        grid = self._starts(inputs)
        return as_found(search(propose, judge, grid, training, inputs.plan, inputs.observe))
