"""DDPM and DDIM on N levels between the ends of the training schedule; all of it at T steps.

Kernels of Ho et al. 2020 (arXiv 2006.11239) and Song et al. 2021 (arXiv 2010.02502), whose
appendix D.2 has the linear and the quadratic sub-sequence; equal steps of log-SNR are those of Lu
et al. 2022 (arXiv 2206.00927).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    ContestantInputs,
    Role,
    Sampler,
    SkipContestantError,
    check_two_ends,
    kernel_sampler,
)
from benchmarks.core.experiment import SearchName


@dataclass(frozen=True)
class Subsequence:
    """N levels, betas recomputed, driven by ``kernel``: a sub-sequence of the training schedule's.

    ``log-snr`` has N levels equally far apart from its last to its first, which need not be levels
    of its steps; ``log-snr-steps`` has N equal steps from its last to its first, each evaluated
    where it begins, so that the first itself is not among the N.
    """

    title: str
    kernel: str  # key of bddm_ref.process.KERNELS
    spacing: Literal["linear", "quadratic", "log-snr", "log-snr-steps"] = "linear"

    role: ClassVar[Role] = "baseline"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """The sub-sequence of ``steps`` steps; the training schedule itself at T."""
        if steps > len(inputs.training):
            raise SkipContestantError(
                f"the training schedule has only {len(inputs.training)} steps"
            )
        return kernel_sampler(self._schedule(steps, inputs.training), self.kernel)

    def _schedule(self, steps: int, training: NoiseSchedule) -> NoiseSchedule:
        if steps == len(training):
            return training
        if self.spacing in ("log-snr", "log-snr-steps"):
            high, low = (float(training.log_snrs[end]) for end in (0, -1))
            if self.spacing == "log-snr-steps":
                high -= (high - low) / steps
            else:
                check_two_ends(steps)
            return NoiseSchedule.log_snr(steps, high, low)
        return training.subsequence(steps, self.spacing)
