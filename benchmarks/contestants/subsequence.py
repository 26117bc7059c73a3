"""DDPM and DDIM on a sub-sequence of the training schedule; all of it at T steps."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contestants.base import (
    Sampler,
    Setting,
    SkipContestantError,
    kernel_sampler,
)


@dataclass(frozen=True)
class Subsequence:
    """N levels of the training schedule, betas recomputed, driven by ``kernel``."""

    title: str
    kernel: str  # key of bddm_ref.process.KERNELS
    spacing: str = "linear"

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The sub-sequence of ``steps`` steps; the training schedule itself at T."""
        if steps > len(setting.training):
            raise SkipContestantError(
                f"the training schedule has only {len(setting.training)} steps"
            )
        whole = steps == len(setting.training)
        schedule = setting.training if whole else setting.training.subsequence(steps, self.spacing)
        return kernel_sampler(schedule, self.kernel)
