"""DDPM and DDIM on a sub-sequence of the training schedule; all of it at T steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    Sampler,
    Setting,
    SkipContestantError,
    kernel_sampler,
)


@dataclass(frozen=True)
class Subsequence:
    """N levels of the training schedule, betas recomputed, driven by ``kernel``.

    ``log-snr`` has N equal steps from its last level to its first, each evaluated where it begins,
    so that the first itself is not among the N; they need not be levels of its steps.
    """

    title: str
    kernel: str  # key of bddm_ref.process.KERNELS
    spacing: Literal["linear", "quadratic", "log-snr"] = "linear"

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The sub-sequence of ``steps`` steps; the training schedule itself at T."""
        if steps > len(setting.training):
            raise SkipContestantError(
                f"the training schedule has only {len(setting.training)} steps"
            )
        return kernel_sampler(self._schedule(steps, setting.training), self.kernel)

    def _schedule(self, steps: int, training: NoiseSchedule) -> NoiseSchedule:
        if steps == len(training):
            return training
        if self.spacing == "log-snr":
            high, low = (float(training.log_snrs[end]) for end in (0, -1))
            return NoiseSchedule.log_snr(steps, high - (high - low) / steps, low)
        return training.subsequence(steps, self.spacing)
