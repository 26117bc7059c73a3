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
from bddm_ref.searching import Propose
from bddm_ref.settings import StepLossForm
from benchmarks.searches.base import SearchInputs
from benchmarks.searches.passes import PassSearch


@dataclass(frozen=True)
class ClosedForm(PassSearch[Start]):
    """Betas at the optimum of the step loss, given the power of eps on validation examples.

    Attributes:
        form: form of the step loss; None: the experiment's.
    """

    form: StepLossForm | None = None

    def fingerprint(self, step_loss: StepLossForm) -> dict[str, Any]:
        """The entry for the form of the loss."""
        return {"loss": self.form or step_loss}

    def starts(self, inputs: SearchInputs, length: int) -> Sequence[Start]:
        """The starts of one kernel; passes without samples agree for all kernels."""
        grid = self.places(inputs)
        return [start for start in grid if start.kernel == grid[0].kernel]

    def proposer(self, inputs: SearchInputs) -> Propose[Start]:
        """Make the function that runs one pass."""
        rule = closed_form_rule(inputs.power(), self.form or inputs.step_loss)
        return lambda start: rule_betas(rule, start, inputs.training, inputs.most_steps)


@dataclass(frozen=True)
class Constants(PassSearch[ConstantStart]):
    """Betas by two constants, which are searched along with the start."""

    def starts(self, inputs: SearchInputs, length: int) -> Sequence[ConstantStart]:
        """A part of the grid, combined with pairs of constants."""
        return constant_starts(self.places(inputs))

    def proposer(self, inputs: SearchInputs) -> Propose[ConstantStart]:
        """Make the function that runs one pass."""

        def propose(start: ConstantStart) -> list[float]:
            return rule_betas(constant_rule(start), start, inputs.training, inputs.most_steps)

        return propose
