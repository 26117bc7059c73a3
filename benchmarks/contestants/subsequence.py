"""DDPM and DDIM on N levels between the ends of the training schedule.

The kernels are from Ho et al. 2020 (arXiv 2006.11239) and Song et al. 2021 (arXiv 2010.02502).
Appendix D.2 of the latter has the linear and the quadratic sub-sequence. The sub-sequence with both
ends is that of DDIM in the released code of arXiv 2203.13508 (``bddm/sampler/sampler.py``): steps
``linspace(0, T - 1, N)``, counted from 0 and rounded down. There an option of 1 means T steps of
DDIM, so that no list of one step exists; DDPM takes all T steps. Equal steps of log-SNR are from Lu
et al. 2022 (arXiv 2206.00927).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    ContestantInputs,
    Sampler,
    SkipContestantError,
    check_two_ends,
    kernel_sampler,
)
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role


@dataclass(frozen=True)
class Subsequence:
    """N levels with betas of their own, driven by a kernel.

    Attributes:
        title: name in tables.
        kernel: key of :data:`bddm_ref.process.KERNELS`.
        spacing: ``linear``, ``quadratic`` and ``both-ends`` take levels of training steps.
            ``log-snr`` places N levels at equal distances of log-SNR, both ends among them.
            ``log-snr-steps`` makes N equal steps between the ends, each evaluated where it begins.
    """

    title: str
    kernel: str
    spacing: Literal["linear", "quadratic", "both-ends", "log-snr", "log-snr-steps"] = "linear"

    role: ClassVar[Role] = "baseline"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of ``steps`` levels; T steps are the training schedule itself."""
        if steps > len(inputs.training):
            raise SkipContestantError(
                f"the training schedule has only {len(inputs.training)} steps"
            )
        return kernel_sampler(self._schedule(steps, inputs.training), self.kernel)

    def _schedule(self, steps: int, training: NoiseSchedule) -> NoiseSchedule:
        if steps == len(training):
            return training
        if self.spacing in ("both-ends", "log-snr"):
            check_two_ends(steps)
        if self.spacing in ("log-snr", "log-snr-steps"):
            high, low = (float(training.log_snrs[end]) for end in (0, -1))
            if self.spacing == "log-snr-steps":
                high -= (high - low) / steps
            return NoiseSchedule.log_snr(steps, high, low)
        return training.subsequence(steps, self.spacing)
