"""The document behind the page of speed: every case with all its times, in one version."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figure(_Strict):
    """A number that follows from a case's times."""

    name: str
    value: float
    is_share: bool = Field(description="of 1, printed as a percentage")
    at_most: float | None
    at_least: float | None


class Timed(_Strict):
    """The sampler or encoder that a case times, for programs that look for its time."""

    network: str
    what: Literal["sampler", "encoder"]
    steps: int | None = Field(description="network evaluations of an item; null: an encoder")
    items: int
    precision: Literal["float32", "bfloat16"]
    seconds_of_audio: float | None = Field(description="of an item; null: no speech")


class SpeedCase(_Strict):
    """A call and what it was compared with, in turns."""

    name: str = Field(description="of the test")
    group: str
    title: str
    seconds: dict[str, list[float]] = Field(description="of every timed round; ours first")
    bars: dict[str, float] = Field(description="how many times longer another has to take")
    absent: dict[str, str] = Field(description="what it is not compared with, and why")
    figures: list[Figure]
    notes: dict[str, str | float]
    subject: Timed | None = Field(
        default=None,
        description="samplers of one test were timed in turns: round i of one goes with round i "
        "of another",
    )


class SpeedDocument(_Strict):
    """All of a run of the performance cases."""

    schema_version: Literal[1]
    created: str
    provenance: dict[str, Any]
    machine_busy: bool | None = Field(description="null: not recorded")
    cases: list[SpeedCase]
    late: list[str] = Field(default=[], description="tests for which no time was left")
    failed: dict[str, str] = Field(default={}, description="tests to the reason in one line")
    skipped: dict[str, str] = Field(default={}, description="tests to why they are not made here")

    @property
    def on_cpu(self) -> bool:
        """Whether no GPU was measured."""
        return bool(self.provenance["device"] == "cpu")
