"""Tests of the wall-clock of whole samplers, from the document of speed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmarks.claims.base import Finding, Test, text_of
from benchmarks.claims.rows import ratio_finding
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.speed import SpeedCase, SpeedDocument, paired_ratio, sampler_case


class SamplerSpeedUp(Test):
    """The measured speed-up of few steps over many, on one network, is the claimed one."""

    kind: Literal["sampler_speed_up"]
    document: Literal["speed", "speed-cuda"] = "speed-cuda"
    network: str = Field(description="one of benchmarks.studies.speed.random_nets.NAMES")
    items: int = 1
    steps: int = Field(gt=0)
    against_steps: int = Field(gt=0, description="of the slower sampler")
    claimed: float = Field(gt=0)
    tolerance: float = Field(gt=0, lt=1, description="share of the claimed speed-up")

    def decide(self, folder: ResultsFolder) -> Finding:
        """Decide by the interval of the ratio, paired by round, with the tolerance below."""
        found = folder.speed(self.document)
        quick, slow = (self._case(found, steps) for steps in (self.steps, self.against_steps))
        try:
            ratio = paired_ratio(slow, quick)
        except ValueError as error:
            raise MissingResultError(str(error)) from error
        measured = f"time {text_of(ratio)}, steps {self.against_steps / self.steps:.1f}"
        measured += f"; on {found.provenance.device}"
        return ratio_finding(ratio, self.claimed * (1 - self.tolerance), measured)

    def _case(self, found: SpeedDocument, steps: int) -> SpeedCase:
        case = sampler_case(found.cases, self.network, self.items, steps)
        if case is None:
            raise MissingResultError(
                f"{self.document}.json has no sampler of {self.network} with {steps} steps at "
                f"batch {self.items}"
            )
        return case

    @property
    def at_steps(self) -> int | None:
        """The steps of the faster sampler."""
        return self.steps

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return (
            f"{self.network}, batch {self.items}: speed-up of {self.steps} steps over "
            f"{self.against_steps} in time {self.claimed:g} or more, less {self.tolerance:.0%}"
        )
