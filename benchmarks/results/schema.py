"""The document of a run: every field typed, one version, checked when written and when read."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field

from benchmarks.core.experiment import Convention, Experiment
from benchmarks.core.loading import from_stored
from benchmarks.core.rows import Role, RowKey
from benchmarks.results.documents import Measurement, Name, Provenance
from benchmarks.results.origins import MadeOtherwise, StageWork, TimesFrom, Training
from benchmarks.results.strict import Sha256, Strict
from benchmarks.results.verdicts import Interval, MetricInfo, Verdict, verdict


class CallTime(Strict):
    """Wall-clock of one call on one item, batch 1."""

    median_s: float
    q1_s: float
    q3_s: float
    rounds: int
    stable: bool = Field(description="inter-quartile range at most 10 % of the median")
    rtf: float | None = Field(description="speech: seconds of computing per second of audio")


class RowTime(CallTime):
    """Wall-clock of the whole sampler on one item, batch 1, without the encoder."""

    speedup: Interval | None = Field(
        description="reference row's time over this one's, paired by round; se and df are of the "
        "logarithm, and without them the ratio is of medians, not paired"
    )
    step_ratio: float = Field(description="network evaluations of the reference over this row's")
    speedup_with_encoder: Interval | None = Field(
        default=None, description="the same, with the encoder's time of the round in both"
    )
    power: float | None = Field(
        default=None,
        description="probability that the interval lies above 90 % of a claimed speed-up, if the "
        "true one is the claimed one",
    )


class RepeatSchedule(Strict):
    """The schedule that one repeat of training and search found."""

    repeat: int
    betas: list[float] = Field(description="data side first")
    start: dict[str, int | float | str] | None = Field(
        description="of the pass that proposed it: alpha_N, beta_N, kernel, and the network's tau"
    )
    complete: bool | None = Field(
        description="whether the pass ended at this length; false: a prefix of a longer pass"
    )
    scores: list[float] = Field(description="of the search's judge, on noise of its own")


class RowResult(Strict):
    """One contestant at one number of steps in one convention."""

    key: str
    convention: Name
    contestant: Name
    title: str
    role: Role = Field(description="bddm: the papers' method; baseline: DDPM and DDIM")
    search: str | None = Field(description="that found its schedule; null: none")
    compared: bool = Field(
        description="with all rows of equal steps: its schedule was chosen by a schedule network"
    )
    steps: int
    nfe: int
    seeds: int
    skipped: str | None = Field(description="why there is no result")
    metrics: dict[str, Interval]
    n_scored: dict[str, int]
    n_total: int
    unscored: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="metric to the reasons of missing scores, with numbers"
    )
    betas: list[float] | None = Field(description="of the sampling schedule, data side first")
    missing: dict[str, int] = Field(
        default_factory=dict, description="reasons of noise seeds without samples, with numbers"
    )
    schedules: list[RepeatSchedule] | None = Field(
        default=None, description="of a searched row, by repeat; null: not searched, or too long"
    )
    classes: list[int] | None = Field(
        default=None, description="images: how many of them the classifier puts in each class"
    )
    repeats: int = Field(
        default=1, description="trainings and searches that its intervals cover; 1: none"
    )
    clipped: int | None = Field(
        default=None,
        description="speech: samples beyond full scale, clipped before scoring; null: not counted",
    )
    time: RowTime | None

    @property
    def id(self) -> RowKey:
        """The row's key."""
        return RowKey(self.convention, self.contestant, self.steps)

    def value(self, metric: str) -> float | None:
        """The estimate by a metric; None where the row has none."""
        return self.metrics[metric].value if metric in self.metrics else None


class Comparison(Strict):
    """A paired difference between two rows, over the same items and start noise."""

    row: str
    against: str
    metric: str
    difference: Interval
    p_sign_flip: float | None
    margin: float
    verdict: Verdict
    p_margin: float | None = Field(
        default=None, description="of the exchange test at the margin; null: not tested"
    )
    p_margin_turned: float | None = Field(
        default=None, description="of the second row against the first; null: not tested"
    )
    margin_from: Literal["floor"] | None = Field(
        default=None, description="floor: the half-width of the floor's interval is the margin"
    )
    seeds: int = Field(description="the smaller number of noise seeds of the two rows")
    items: int | None = Field(default=None, description="images: how many of each row are compared")

    @property
    def row_key(self) -> RowKey:
        """The first row's key."""
        return RowKey.parse(self.row)

    @property
    def against_key(self) -> RowKey:
        """The second row's key."""
        return RowKey.parse(self.against)

    def turned(self, higher_is_better: bool) -> Comparison:
        """The comparison of the second row with the first, by the same margin."""
        difference, p = self.difference.turned(), self.p_margin_turned
        return self.model_copy(
            update={
                "row": self.against,
                "against": self.row,
                "difference": difference,
                "p_margin": p,
                "p_margin_turned": self.p_margin,
                "verdict": verdict(difference, self.margin, higher_is_better, self.p_sign_flip, p),
            }
        )


class Cost(Strict):
    """Cost of the schedules of one convention and search, beyond the score network."""

    convention: Name
    contestant: Name = Field(description="the first whose schedules the search found")
    search: str
    schedule_net_parameters: int = Field(description="0: the search needs no schedule network")
    schedule_net_steps: int | None
    schedule_net_seconds: float | None
    search_nfe: int
    search_seconds: float
    candidates: int | None = Field(
        default=None, description="schedules that the search's judge scored, in one repeat"
    )
    search_scores: dict[str, list[float]]
    pays_after_samples: float | None = Field(
        description="1000-step samples whose time the search took, over those saved by 16 steps"
    )


class Data(Strict):
    """The data of a run."""

    name: str
    sha256: Sha256
    splits: dict[str, int] = Field(description="number of items by split")
    test_items: list[str]


class Judge(Strict):
    """Images: the network whose features are compared."""

    name: str
    distance: str
    dimensions: int
    reference: str = Field(description="split of the images that samples are compared with")
    reference_images: int
    test_accuracy: float | None = None
    test_classes: list[int] | None = None


class RunResults(Measurement):
    """One run of a track, complete."""

    made_by: ClassVar[str] = "run"

    kind: Literal["run"]
    schema_version: Literal[2]
    track: Name
    meaningless: bool = Field(description="a smoke run: its figures mean nothing")
    experiment: dict[str, Any] = Field(description="the fields as they were; see settings")
    experiment_sha256: Sha256
    created: str
    provenance: Provenance
    data: Data
    weights: dict[str, Sha256]
    wall_seconds: dict[str, float]
    clip_seconds: float | None = Field(description="speech: length of a test clip")
    metrics: dict[str, MetricInfo]
    reference: str
    network: RowTime | None = Field(description="one network evaluation, batch 1")
    encoder: CallTime | None = Field(
        default=None, description="one encoding of the condition, which samplers' times lack"
    )
    machine_busy: bool
    rows: list[RowResult]
    comparisons: list[Comparison]
    costs: list[Cost]
    floors: dict[str, dict[str, Interval]] = Field(
        default_factory=dict,
        description="images: metrics of as many images of the other split; speech: predicted MOS "
        "of as many recordings, the test clips themselves",
    )
    judge: Judge | None = None
    times_from: TimesFrom | None = Field(default=None, description="null: measured in this run")
    training: dict[str, Training] = Field(default_factory=dict)
    made_otherwise: list[MadeOtherwise] = Field(default_factory=list)
    stages: list[StageWork] = Field(default_factory=list)
    users_files: dict[str, Sha256] = Field(
        default_factory=dict, description="files of the user's contestants, by name"
    )
    items_sha256: Sha256 = Field(description="of the per-item scores beside this file")
    experiment_name: str | None = Field(default=None, description="null: by an earlier version")
    files: dict[str, Sha256] | None = Field(
        default=None, description="examples and weights beside this file; null: not listed"
    )

    @cached_property
    def settings(self) -> Experiment:
        """The experiment; fields younger than the document have the value of its time."""
        return from_stored(self.experiment)

    @cached_property
    def by_key(self) -> dict[RowKey, RowResult]:
        """Every row by its key."""
        return {row.id: row for row in self.rows}

    @cached_property
    def titles(self) -> dict[str, str]:
        """Title of every contestant; of equal titles each has its contestant's name behind it."""
        titles = {row.contestant: row.title for row in self.rows}
        seen = Counter(titles.values())
        return {
            name: title if seen[title] == 1 else f"{title} ({name})"
            for name, title in titles.items()
        }

    def convention(self, name: str) -> Convention:
        """A convention's settings."""
        return next(one for one in self.settings.conventions if one.name == name)

    def convention_names(self) -> list[str]:
        """Conventions in the order of the rows."""
        return list(dict.fromkeys(row.convention for row in self.rows))

    def cost(self, convention: str, contestant: str) -> Cost | None:
        """Cost of the search behind a contestant; None where there was no search."""
        for cost in self.costs:
            if (cost.convention, cost.contestant) == (convention, contestant):
                return cost
        return None
