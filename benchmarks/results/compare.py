"""Two results of one track against each other: settings, then every row and metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, JsonValue, TypeAdapter

from benchmarks.core.clip_names import recording_indices
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import Experiment
from benchmarks.core.schedule_nets import repeats_in
from benchmarks.results.forms import JSON, beside, document_file
from benchmarks.results.items import read_items
from benchmarks.results.schema import RowResult, RunResults
from benchmarks.results.store import run_files
from benchmarks.results.verdicts import Interval, MetricInfo, Verdict, verdict
from metrics.repeats import Seeds, of_groups, paired_table, table_interval
from metrics.statistics import Estimate, item_means, sign_flip_p

ORIGIN = {"provenance", "data", "weights", "judge"}  # parts of a document that are settings
RELATIVE_MARGINS = ("images",)  # tracks whose margins are shares of the value compared with
_EXPERIMENT = TypeAdapter(Experiment)


class Setting(BaseModel):
    """A setting that differs; null where a document lacks it."""

    field: str
    a: JsonValue
    b: JsonValue


class MetricChange(BaseModel):
    """One metric of one row in both results.

    Attributes:
        difference: B minus A; None where the two cannot be compared.
        paired: the interval is of differences item by item.
        p: two-sided, of flipping the differences' signs; None without pairs or without a margin.
        margin: the largest loss that still counts as good; None where the experiment gives none.
        reason: why there is no difference.
        seeds: the noise seeds of both, where only these keep the items from being paired.
    """

    row: str
    metric: str
    a: Interval
    b: Interval
    difference: Interval | None = None
    paired: bool = False
    p: float | None = None
    margin: float | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    seeds: str | None = None


class TrackChanges(BaseModel):
    """Differences between two documents of one track.

    Attributes:
        a: path of the first document, which margins are taken from.
        unpaired: why no items are paired; None where they are.
        only_in_a: rows that were sampled there alone.
    """

    track: str
    a: str
    b: str
    meaningless: bool
    settings: list[Setting]
    unpaired: str | None
    metrics: dict[str, MetricInfo]
    changes: list[MetricChange]
    only_in_a: list[str]
    only_in_b: list[str]


class Changes(BaseModel):
    """Differences between two results.

    Attributes:
        unmatched: documents that one of two folders lacks.
    """

    tracks: list[TrackChanges]
    unmatched: list[str]

    @property
    def worse(self) -> list[MetricChange]:
        """Changes for the worse by more than a margin."""
        every = (change for track in self.tracks for change in track.changes)
        return [change for change in every if change.verdict == "worse"]


def compare_results(a: Path, b: Path) -> Changes:
    """Compare two results folders, or two documents.

    Args:
        a: a folder, whose documents are taken by name, or the document of a track.
        b: likewise; a document and a folder are compared by the document's name.

    Raises:
        UserError: a path is not there, or the two have no track in common.
        DamagedFileError: a document, or its file of items, is missing, altered or invalid.
    """
    pairs, unmatched = _pairs(a, b)
    return Changes(tracks=[compare_documents(*pair) for pair in pairs], unmatched=unmatched)


def compare_documents(path_a: Path, path_b: Path) -> TrackChanges:
    """Compare the results of one track.

    Raises:
        UserError: the documents are of different tracks.
        DamagedFileError: a document, or its file of items, is missing, altered or invalid.
    """
    a, b = _Side.read(path_a), _Side.read(path_b)
    if a.results.track != b.results.track:
        raise UserError(
            f"{path_a} is of the track {a.results.track} and {path_b} of {b.results.track}; give "
            "results of one track"
        )
    unpaired = _why_unpaired(a, b)
    rows_a, rows_b = a.sampled(), b.sampled()
    return TrackChanges(
        track=a.results.track,
        a=str(path_a),
        b=str(path_b),
        meaningless=a.results.meaningless or b.results.meaningless,
        settings=list(_differing("", a.settings(), b.settings())),
        unpaired=unpaired,
        metrics=a.results.metrics,
        changes=[
            _change(a, b, key, metric, unpaired is None)
            for key in rows_a
            if key in rows_b
            for metric in a.results.metrics
            if metric in rows_a[key].metrics and metric in rows_b[key].metrics
        ],
        only_in_a=[key for key in rows_a if key not in rows_b],
        only_in_b=[key for key in rows_b if key not in rows_a],
    )


def _pairs(a: Path, b: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Documents of one name, and those that one side lacks."""
    a, b = (path if path.is_dir() else document_file(path.parent, path.name) for path in (a, b))
    for path in (a, b):
        if not path.exists():
            raise UserError(f"{path} does not exist; give a results folder or a track's document")
    if not (a.is_dir() and b.is_dir()):
        pair = (
            document_file(a, b.name) if a.is_dir() else a,
            document_file(b, a.name) if b.is_dir() else b,
        )
        return [pair], []
    in_a, in_b = (
        {beside(path, JSON).name: path for path in run_files(folder)} for folder in (a, b)
    )
    pairs = [(in_a[name], in_b[name]) for name in in_a if name in in_b]
    if not pairs:
        raise UserError(f"{a} and {b} hold no results of one track")
    return pairs, [
        str(path) for name, path in (in_a | in_b).items() if (name in in_a) != (name in in_b)
    ]


class _Record(BaseModel):
    """A line of the file of items; tracks that score sets have no ``item`` there."""

    row: str
    seed: int | None
    item: str | None = None
    scores: dict[str, float | None] = {}


@dataclass
class _Side:
    """One of two results, with what is read from it as it is needed."""

    path: Path
    results: RunResults
    records: dict[str, list[_Record]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> _Side:
        side = cls(path, RunResults.read(path))
        for record in side._lines():
            side.records.setdefault(record.row, []).append(record)
        return side

    def _lines(self) -> Iterator[_Record]:
        for line in read_items(self.path, self.results.items_sha256).splitlines():
            yield _Record.model_validate_json(line)

    def settings(self) -> dict[str, JsonValue]:
        """The experiment, with defaults for fields that are newer than the document; and origin."""
        found: dict[str, JsonValue] = self.results.model_dump(mode="json", include=ORIGIN)
        return {"experiment": _EXPERIMENT.dump_python(self.results.settings, mode="json")} | found

    def sampled(self) -> dict[str, RowResult]:
        return {row.key: row for row in self.results.rows if row.skipped is None}

    def seeds(self, row: str) -> list[int]:
        return sorted({one.seed for one in self.records.get(row, []) if one.seed is not None})

    def scores(self, row: str, metric: str) -> Seeds:
        """Scores ``(items,)`` of a row by number of the noise seed, NaN where there is none."""
        items = {item: i for i, item in enumerate(self.results.data.test_items)}
        first = self.results.settings.seed
        found = {seed - first: np.full(len(items), np.nan) for seed in self.seeds(row)}
        for one in self.records.get(row, []):
            value = one.scores.get(metric)
            if value is not None and one.seed is not None and one.item is not None:
                found[one.seed - first][items[one.item]] = value
        return found

    def repeats(self, row: str) -> int:
        """Repeats by which a row's noise seeds are grouped; 1: its seeds differ in noise alone."""
        found, settings = self.sampled()[row], self.results.settings
        conventions = {one.name: one for one in settings.conventions}
        return repeats_in(settings, conventions[found.convention]) if found.repeats > 1 else 1

    def recordings(self) -> list[int]:
        """The recording of each test item, by number."""
        of_each = self.results.settings.clips_per_recording
        return recording_indices(self.results.data.test_items, of_each)


def _why_unpaired(a: _Side, b: _Side) -> str | None:
    """The fields that keep all items of two results from being paired; None: nothing does."""
    one, other = a.results.data, b.results.data
    if one.sha256 != other.sha256:
        asked = a.results.settings.data, b.results.settings.data
        for field, mine, theirs in (
            ("experiment.data", *asked),
            ("data.name", one.name, other.name),
            ("data.sha256", one.sha256[:12], other.sha256[:12]),
        ):
            if mine != theirs:
                return f"the data differ ({field}: {mine} in A, {theirs} in B)"
    every = [one for side in (a, b) for records in side.records.values() for one in records]
    if any(one.item is None for one in every):
        return f"the {a.results.track} track scores sets, and stores no scores of single items"
    if one.test_items != other.test_items:
        counts = f"{len(one.test_items)} in A, {len(other.test_items)} in B"
        common = len({*one.test_items} & {*other.test_items})
        return f"the test items differ (data.test_items: {counts}, {common} of them in both)"
    if a.results.clip_seconds != b.results.clip_seconds:
        lengths = f"{a.results.clip_seconds} s in A, {b.results.clip_seconds} s in B"
        return f"the test clips differ in length (clip_seconds: {lengths})"
    return None


def _other_seeds(a: _Side, b: _Side, row: str) -> str | None:
    """The field that gives a row other noise seeds in both results; None: they are the same."""
    mine, theirs = a.seeds(row), b.seeds(row)
    if mine == theirs:
        return None
    first, second = a.results.settings.seed, b.results.settings.seed
    if first != second:
        return f"experiment.seed: {first} in A, {second} in B"
    return f"experiment.rows, seeds: {_span(mine)} in A, {_span(theirs)} in B"


def _span(seeds: list[int]) -> str:
    if not seeds:
        return "none"
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _change(a: _Side, b: _Side, row: str, metric: str, may_pair: bool) -> MetricChange:
    before, after = (side.sampled()[row].metrics[metric] for side in (a, b))
    found = MetricChange(row=row, metric=metric, a=before, b=after)
    if before.value is None or after.value is None:
        return found.model_copy(update={"reason": "nothing could be scored"})
    if before.n != after.n and not any(one.item for one in a.records.get(row, [])):
        # A distance between sets depends on how many there are.
        return found.model_copy(update={"reason": f"of {before.n} and {after.n} items"})
    margin = _margin(a, metric, before.value)
    seeds = _other_seeds(a, b, row) if may_pair else None
    paired = may_pair and seeds is None and bool(a.seeds(row))
    p = at_margin = None
    if paired:
        scores = b.scores(row, metric), a.scores(row, metric)
        table = of_groups(paired_table(*scores, (b.repeats(row), a.repeats(row))), a.recordings())
        difference, differences = table_interval(table), item_means(table)
        if margin and difference.n > 1:
            loss = margin if a.results.metrics[metric].higher_is_better else -margin
            seed = a.results.settings.seed
            p, at_margin = (sign_flip_p(differences + shift, seed) for shift in (0.0, loss))
    else:
        difference = unpaired_difference(after, before)
    word = None
    if margin is not None:
        higher = a.results.metrics[metric].higher_is_better
        # Without pairs there is no exchange test: the interval alone decides.
        word = verdict(Interval.of(difference), margin, higher, p if paired else 0.0, at_margin)
    return MetricChange(
        row=row,
        metric=metric,
        a=before,
        b=after,
        difference=Interval.of(difference),
        paired=paired,
        p=p,
        margin=margin,
        verdict=word,
        seeds=seeds,
    )


def _margin(side: _Side, metric: str, value: float) -> float | None:
    margin = side.results.settings.margins.get(metric)
    if margin is not None and side.results.track in RELATIVE_MARGINS:
        margin *= abs(value)
    return margin or None


def unpaired_difference(first: Interval, second: Interval) -> Estimate:
    """Difference of two independent estimates, first minus second, from their intervals alone.

    Each bound combines half-widths of the two intervals, as variances add (Zou and Donner 2008,
    Statistics in Medicine 27, pages 1693 to 1702). The interval is wide where both estimates share
    their data.

    Returns:
        The bounds are NaN where one of the two has no interval.
    """
    a, b = first.estimate, second.estimate
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value, low, high, min(a.n, b.n))


def _differing(where: str, a: JsonValue, b: JsonValue) -> Iterator[Setting]:
    if a == b:
        return
    a, b = _by_name(a), _by_name(b)
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a | b:
            yield from _differing(f"{where}.{key}", a.get(key), b.get(key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _differing(f"{where}.{i}", one, other)
    else:
        yield Setting(field=where.removeprefix("."), a=a, b=b)


def _by_name(value: JsonValue) -> JsonValue:
    """Conventions by name and families of rows by contestant; any other value as it is."""
    named: dict[str, JsonValue] = {}
    for part in value if isinstance(value, list) else []:
        name = part.get("name", part.get("contestant")) if isinstance(part, dict) else None
        if not isinstance(name, str):
            return value
        again = sum(key.partition("#")[0] == name for key in named)
        named[f"{name}#{again + 1}" if again else name] = part
    return named or value
