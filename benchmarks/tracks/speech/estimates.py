"""Estimates of the speech track: scores of clips to intervals over recordings and repeats."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants import BILATERAL
from benchmarks.core.clip_names import recording_indices
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.results.comparisons import (
    Evaluation,
    Measured,
    RowScores,
    compared_rows,
    comparison_of,
)
from benchmarks.results.schema import Comparison
from benchmarks.results.verdicts import Interval, MetricInfo
from benchmarks.tracks.parts import Scored
from benchmarks.tracks.repeated import flipped, groups_of, repeats_of
from metrics.mos import predicted_metrics
from metrics.repeats import Seeds, of_groups, paired_table, row_table, table_interval
from metrics.speech import SPEECH_METRICS
from metrics.statistics import item_means

COMPARED = ("pesq_wb_lqo", "pesq_nb_raw", "stoi")  # and predicted MOS; where there is a margin
RECORDINGS = "recordings"  # in the place of a row key: the test clips themselves


class ScoredClips(Scored):
    """Scores of clips.

    A record is ``{row, seed, item, scores, failures, clipped}``: by metric a value or null, the
    reason for a null, and the number of samples that were clipped to 16 bit. Row `RECORDINGS`,
    without a seed, has predicted MOS alone.

    Args:
        experiment: the experiment, with margins, reference, seeds and repeats.
        sampled: the rows.
        records: the scores of the rows and of the recordings.
    """

    def __init__(
        self,
        experiment: Experiment,
        sampled: Sequence[Sampled],
        records: list[dict[str, Any]],
    ) -> None:
        self.records = records
        self._experiment = experiment
        self._rows = [one.row for one in sampled if one.files]
        self._repeats = {
            one.row.key: repeats_of(experiment, one.row, one.by_seed)
            for one in sampled
            if one.files
        }
        self._clips = list(dict.fromkeys(record["item"] for record in records))
        self._scores = _by_row(records, self._clips, experiment.seed)
        predicted = predicted_metrics(experiment.predicted_mos)
        self._metrics = SPEECH_METRICS | predicted
        self._compared = [m for m in (*COMPARED, *predicted) if m in experiment.margins]

    @cached_property
    def _recordings(self) -> list[int]:
        """The recording of each clip, by number."""
        return recording_indices(self._clips, self._experiment.clips_per_recording)

    def evaluate(self) -> Evaluation:
        """Estimate means with intervals over recordings and repeats; test paired differences."""
        return Evaluation(
            metrics={
                name: MetricInfo(
                    title=m.title,
                    digits=m.digits,
                    unit=m.unit,
                    higher_is_better=bool(m.higher_is_better),
                )
                for name, m in self._metrics.items()
            },
            rows={row.key: self._row(row.key) for row in self._rows},
            comparisons=[
                self._comparison(row, against, metric)
                for row, against in compared_rows(self._rows, self._experiment.reference, BILATERAL)
                for metric in self._compared
            ],
            test_items=self._clips,
            floors=self._floors(),
        )

    def _floors(self) -> dict[str, dict[str, Interval]]:
        if RECORDINGS not in self._scores:
            return {}
        found = self._row(RECORDINGS).metrics
        return {str(self._experiment.test_items): found}

    def _row(self, key: str) -> RowScores:
        by_metric, repeats = self._scores[key], self._repeats.get(key, 1)
        found: dict[str, Interval] = {}
        for name, scores in by_metric.items():
            table = of_groups(row_table(scores, repeats), self._recordings)
            found[name] = Interval.of(table_interval(table))
        any_seeds = next(iter(by_metric.values()))
        return RowScores(
            metrics=found,
            n_scored={
                name: sum(int(np.isfinite(values).sum()) for values in scores.values())
                for name, scores in by_metric.items()
            },
            unscored=self._unscored(key),
            repeats=groups_of(any_seeds, repeats) if repeats > 1 else 1,
            clipped=sum(r.get("clipped", 0) for r in self.records if r["row"] == key),
        )

    def _unscored(self, key: str) -> dict[str, dict[str, int]]:
        """Count a row's missing scores by metric and reason."""
        found: dict[str, Counter[str]] = {}
        for record in self.records:
            if record["row"] == key:
                for metric, reason in record.get("failures", {}).items():
                    found.setdefault(metric, Counter())[reason] += 1
        return {metric: dict(reasons) for metric, reasons in found.items()}

    def _comparison(self, row: Row, against: Row, metric: str) -> Comparison:
        margin, seed = self._experiment.margins[metric], self._experiment.seed
        a, b = (self._scores[r.key][metric] for r in (row, against))
        repeats = self._repeats[row.key], self._repeats[against.key]
        table = of_groups(paired_table(a, b, repeats), self._recordings)
        differences = item_means(table)
        differences = differences[np.isfinite(differences)]
        higher_is_better = bool(self._metrics[metric].higher_is_better)
        tested = flipped(differences, margin, higher_is_better, seed, least=2)
        found = Measured(metric, table_interval(table), tested, margin, higher_is_better)
        return comparison_of(row, against, found)


def _by_row(
    records: Sequence[Mapping[str, Any]], clips: Sequence[str], first_seed: int
) -> dict[str, dict[str, Seeds]]:
    """Scores ``(clips,)`` by row, metric and number of the noise seed; NaN where not scored."""
    place = {name: i for i, name in enumerate(clips)}
    found: dict[str, dict[str, dict[int, NDArray[np.float64]]]] = {}
    for record in records:
        seed = 0 if record["seed"] is None else record["seed"] - first_seed
        for metric, value in record["scores"].items():
            seeds = found.setdefault(record["row"], {}).setdefault(metric, {})
            scores = seeds.setdefault(seed, np.full(len(clips), np.nan))
            scores[place[record["item"]]] = math.nan if value is None else value
    return {row: dict(by_metric) for row, by_metric in found.items()}
