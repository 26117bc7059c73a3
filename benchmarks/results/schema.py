"""The results file: every field typed, one version, checked when written and when read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

Sha256 = str
Verdict = Literal["better", "as good", "worse", "undecided"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Interval(_Strict):
    """An estimate with its 95 % interval; null where nothing could be scored."""

    value: float | None
    low: float | None
    high: float | None
    n: int = Field(description="items behind it; noise seeds of a test clip are averaged first")


class MetricInfo(_Strict):
    """How to read one metric."""

    title: str
    digits: int = Field(description="decimals worth printing")
    unit: str
    higher_is_better: bool


class RowTime(_Strict):
    """Wall-clock of the whole sampler on one item, batch 1."""

    median_s: float
    q1_s: float
    q3_s: float
    rounds: int
    stable: bool = Field(description="inter-quartile range at most 10 % of the median")
    rtf: float | None = Field(description="speech: seconds of computing per second of audio")
    speedup: Interval | None = Field(description="reference row's median over this one's")
    step_ratio: float = Field(description="network evaluations of the reference over this row's")


class RowResult(_Strict):
    """One contestant at one number of steps in one convention."""

    key: str
    convention: str
    contestant: str
    title: str
    steps: int
    nfe: int
    seeds: int
    skipped: str | None = Field(description="why there is no result")
    metrics: dict[str, Interval]
    n_scored: dict[str, int]
    n_total: int
    betas: list[float] | None = Field(description="of the sampling schedule, data side first")
    classes: list[int] | None = Field(
        default=None, description="images: how many of them the classifier puts in each class"
    )
    time: RowTime | None


class Comparison(_Strict):
    """A paired difference between two rows, over the same items and start noise."""

    row: str
    against: str
    metric: str
    difference: Interval
    p_sign_flip: float | None
    margin: float
    verdict: Verdict
    seeds: int = Field(description="the smaller number of noise seeds of the two rows")
    items: int | None = Field(default=None, description="images: how many of each row are compared")


class Cost(_Strict):
    """What the schedules of one convention and grid cost beyond the score network."""

    schedule_net_parameters: int = Field(description="0: the search needs no schedule network")
    schedule_net_steps: int | None
    schedule_net_seconds: float | None
    search_nfe: int
    search_seconds: float
    search_scores: dict[str, list[float]]
    pays_after_samples: float | None = Field(
        description="1000-step samples whose time the search took, over those saved by 16 steps"
    )


class TimesFrom(_Strict):
    """The document of ``speed`` that a run's times are taken from."""

    file: str
    sha256: Sha256
    device: str
    network: str = Field(description="as that document calls it")
    seconds_of_audio: float | None = Field(description="of the item timed there; null: no speech")


class Training(_Strict):
    """A training on a GPU or by the clock."""

    device: str
    parameters: int
    steps: int = Field(description="updates made")
    seconds: float | None
    seconds_limit: float | None = None
    operations_per_update: float | None = None
    device_rate: float | None = Field(
        default=None, description="operations a second of a large matrix product there"
    )


class MadeOtherwise(_Strict):
    """Stages whose work was made by another commit or on another machine."""

    stage: str
    folders: int
    seconds: float
    commit: str | None
    tree: str | None
    device: str
    processor: str
    torch: str
    bf16: bool


class Results(_Strict):
    """Everything about one run of a track."""

    schema_version: Literal[1]
    track: str
    meaningless: bool = Field(description="a smoke run: its figures mean nothing")
    experiment: dict[str, Any]
    experiment_sha256: Sha256
    created: str
    provenance: dict[str, Any]
    data: dict[str, Any]
    weights: dict[str, Sha256]
    wall_seconds: dict[str, float]
    clip_seconds: float | None = Field(description="speech: length of a test clip")
    metrics: dict[str, MetricInfo]
    reference: str
    network: RowTime | None = Field(description="one network evaluation, batch 1")
    machine_busy: bool
    rows: list[RowResult]
    comparisons: list[Comparison]
    costs: dict[str, Cost]
    floors: dict[str, dict[str, Interval]] = Field(
        default_factory=dict,
        description="images: metrics of as many images of the other split; speech: predicted MOS "
        "of as many recordings, the test clips themselves",
    )
    judge: dict[str, Any] | None = Field(
        default=None, description="images: the network whose features are compared"
    )
    times_from: TimesFrom | None = Field(default=None, description="null: measured in this run")
    training: dict[str, Training] = Field(default_factory=dict)
    made_otherwise: list[MadeOtherwise] = Field(default_factory=list)
    items_sha256: Sha256 = Field(description="of the per-item scores beside this file")
