"""The document of published audio: scores of each sample, and means by system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from benchmarks.results.documents import Measurement
from benchmarks.results.strict import Sha256, Strict
from benchmarks.results.verdicts import Interval, MetricInfo
from metrics.statistics import Estimate, mean_interval

REFERENCE = "reference"  # the system of a real recording
AFTER_STEP = "-after-step"  # end of a system's name: the signal after reverse step `steps`
FEWEST_CLIPS = 3  # fewer give no interval
ALL = "*"  # matches any clip


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts or "\\" in text:
        raise ValueError("it must be a path below the folder, with '/'")
    return text


class AudioFile(Strict):
    """One file, as the folder's manifest states it."""

    file: Annotated[str, AfterValidator(_inside)] = Field(description="path below the folder")
    set: str = Field(min_length=1, description="the page or collection that published it")
    clip: str = Field(min_length=1)
    system: str = Field(min_length=1, description="'reference' for the real recording")
    steps: int | None = Field(default=None, gt=0, description="null: a system without steps")
    sample_rate: int = Field(gt=0, description="Hz")
    subtype: str = Field(min_length=1, description="encoding, as libsndfile names it")
    samples: int = Field(gt=0)
    repository: str = Field(min_length=1)
    commit: str = Field(min_length=1)
    path: str = Field(min_length=1, description="path in the repository")
    sha256: Sha256 = Field(pattern="^[0-9a-f]{64}$")
    note: str = ""

    @field_validator("steps")
    @classmethod
    def _fits_the_system(cls, steps: int | None, info: ValidationInfo) -> int | None:
        system = str(info.data.get("system", ""))
        if system == REFERENCE and steps is not None:
            raise ValueError("a reference has no steps")
        if system.endswith(AFTER_STEP) and steps is None:
            raise ValueError(f"a system named ...{AFTER_STEP} needs the step")
        return steps

    @property
    def is_reference(self) -> bool:
        """Tell whether the file is a real recording, with which samples are compared."""
        return self.system == REFERENCE

    @property
    def name(self) -> str:
        """The system with its number of steps, as in ``bddm-8``."""
        return self.system if self.steps is None else f"{self.system}-{self.steps}"

    @property
    def clips(self) -> str:
        """Pattern of the clips of one corpus: names agree up to the last hyphen, as in ``lj-*``."""
        start, hyphen, _ = self.clip.rpartition("-")
        return f"{start}-{ALL}" if hyphen else ALL


class ScoredAudio(Strict):
    """Scores of one sample against the recording of its clip."""

    file: str
    reference: str = Field(description="file of the recording")
    clipped: int = Field(ge=0, description="samples beyond the range of 16 bit")
    reference_clipped: int = Field(ge=0, description="likewise, in the recording")
    scores: dict[str, float]
    failures: dict[str, str] = Field(default={}, description="metric to why it has no score")
    unclipped: dict[str, float] | None = Field(
        default=None, description="scores of the floats as they are, where samples were clipped"
    )


class SystemMean(Strict):
    """Means of one system over clips of one set and corpus."""

    set: str
    clips: str = Field(description="pattern of the clips' names")
    system: str = Field(description="with its steps")
    n: int = Field(description="scored clips; a metric may have fewer")
    metrics: dict[str, Interval]


class AuthorsAudio(Measurement):
    """Scores of a folder of published audio, complete."""

    made_by: ClassVar[str] = "authors-audio"

    kind: Literal["authors audio"]
    schema_version: Literal[1]
    metrics: dict[str, MetricInfo]
    rates: dict[str, int] = Field(description="metric to the rate at which it is computed, Hz")
    files: list[AudioFile]
    samples: list[ScoredAudio]
    unscored: dict[str, str] = Field(default={}, description="file to why it is not scored")
    means: list[SystemMean]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = sorted(one.file for one in self.files if not one.is_reference)
        if sorted([*(one.file for one in self.samples), *self.unscored]) != wanted:
            raise ValueError("each file that is no reference must be scored or unscored, once")
        recordings = {one.file for one in self.files if one.is_reference}
        for one in self.samples:
            if one.reference not in recordings:
                raise ValueError(f"{one.file}: its reference {one.reference} is no recording")
            if {*one.scores, *one.failures} != {*self.metrics}:
                raise ValueError(f"{one.file}: each metric must have a score or a reason")
        return self

    @property
    def by_file(self) -> dict[str, AudioFile]:
        """The files by their paths."""
        return {one.file: one for one in self.files}

    @property
    def trajectory(self) -> list[tuple[AudioFile, ScoredAudio]]:
        """Samples that are signals after a reverse step, by system, clip and step."""
        known = self.by_file
        found = [(known[one.file], one) for one in self.samples]
        found = [pair for pair in found if pair[0].system.endswith(AFTER_STEP)]
        return sorted(found, key=lambda pair: (pair[0].system, pair[0].clip, pair[0].steps or 0))

    def scores(self, of_set: str, clips: str, system: str, metric: str) -> dict[str, float]:
        """Scores of a system by clip, without clips that have none.

        Args:
            of_set: name of the set.
            clips: pattern of the clips' names.
            system: the system with its steps.
            metric: key of the metric.
        """
        known = self.by_file
        found = {}
        for one in self.samples:
            file = known[one.file]
            ours = file.set == of_set and file.name == system and fnmatchcase(file.clip, clips)
            if ours and metric in one.scores:
                found[file.clip] = one.scores[metric]
        return found


def system_means(
    files: Sequence[AudioFile], samples: Sequence[ScoredAudio], metrics: Sequence[str]
) -> list[SystemMean]:
    """Average each system over the clips of one set and corpus, with intervals of Student's t.

    Clips whose names agree up to the last hyphen are of one corpus. Signals after a reverse step
    are left out.

    Args:
        files: all files.
        samples: their scores.
        metrics: keys of the metrics.
    """
    known = {one.file: one for one in files}
    found: dict[tuple[str, str, str], list[ScoredAudio]] = {}
    for one in samples:
        file = known[one.file]
        if not file.system.endswith(AFTER_STEP):
            found.setdefault((file.set, file.clips, file.name), []).append(one)
    return [
        SystemMean(
            set=of_set,
            clips=clips,
            system=system,
            n=len(of_system),
            metrics=_means(of_system, metrics),
        )
        for (of_set, clips, system), of_system in found.items()
    ]


def _means(samples: Sequence[ScoredAudio], metrics: Sequence[str]) -> dict[str, Interval]:
    return {
        metric: mean_over_clips([one.scores.get(metric, math.nan) for one in samples])
        for metric in metrics
    }


def mean_over_clips(values: Sequence[float]) -> Interval:
    """Average values of clips, with an interval of Student's t from three clips on."""
    found = mean_interval(values)
    if found.n < FEWEST_CLIPS:
        found = Estimate(found.value, math.nan, math.nan, found.n)
    return Interval.of(found)
