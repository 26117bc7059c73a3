"""Scores of the speech track: every clip by every metric, then estimates over clips."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bddm_ref.checkpoint import sha256_of, write_atomically
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.experiment import Experiment
from benchmarks.progress import Advance, Progress
from benchmarks.report.evaluation import (
    Evaluation,
    Measured,
    RowScores,
    compared_rows,
    comparison_of,
    interval_of,
)
from benchmarks.report.schema import Comparison, MetricInfo
from benchmarks.rows import Row, Sampled
from benchmarks.samples import read_samples
from benchmarks.tracks.base import Scored
from benchmarks.workspace import StageFolder, Workspace
from metrics.items import ItemScore
from metrics.scoring import score_items, scoring_pool
from metrics.speech import SPEECH_METRICS
from metrics.statistics import item_means, mean_interval, paired_differences, sign_flip_p

SCORES = "scores.jsonl"
VERSION = 1  # raised when a change here changes the scores that come out
COMPARED = ("pesq_wb_lqo", "pesq_nb_raw", "stoi")
Scores = dict[str, dict[str, NDArray[np.float64]]]
"""Row key to metric to values ``(seeds, items)``, NaN where not scored."""


class SpeechScores(Scored):
    """Per-clip scores.

    ``records`` are ``{row, seed, item, scores, failures}``: by metric a value or null, and the
    reason where there is none.

    Args:
        experiment: margins, reference and seeds.
        sampled: the rows.
        records: their scores.
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
        self._scores = _by_row(records)

    def evaluate(self) -> Evaluation:
        """Means over clips with BCa intervals, and paired differences with sign-flip tests."""
        return Evaluation(
            metrics={
                name: MetricInfo(
                    title=m.title,
                    digits=m.digits,
                    unit=m.unit,
                    higher_is_better=bool(m.higher_is_better),
                )
                for name, m in SPEECH_METRICS.items()
            },
            rows={row.key: self._row(row) for row in self._rows},
            comparisons=[
                self._comparison(row, against, metric)
                for row, against in compared_rows(self._rows, self._experiment.reference)
                for metric in COMPARED
                if metric in self._experiment.margins
            ],
            test_items=list(dict.fromkeys(record["item"] for record in self.records)),
        )

    def _row(self, row: Row) -> RowScores:
        by_metric = self._scores[row.key]
        seed = self._experiment.seed
        return RowScores(
            metrics={
                name: interval_of(mean_interval(item_means(values), seed=seed))
                for name, values in by_metric.items()
            },
            n_scored={name: int(np.isfinite(values).sum()) for name, values in by_metric.items()},
        )

    def _comparison(self, row: Row, against: Row, metric: str) -> Comparison:
        experiment = self._experiment
        a, b = (self._scores[r.key][metric] for r in (row, against))
        differences = paired_differences(a, b)
        difference = mean_interval(differences, seed=experiment.seed)
        both = np.isfinite(differences)
        p = sign_flip_p(differences[both], seed=experiment.seed) if both.sum() > 1 else None
        margin = experiment.margins[metric]
        higher_is_better = bool(SPEECH_METRICS[metric].higher_is_better)
        found = Measured(metric, difference, p, margin, higher_is_better)
        return comparison_of(row, against, found)


def _by_row(records: Sequence[Mapping[str, Any]]) -> Scores:
    items = {name: i for i, name in enumerate(dict.fromkeys(r["item"] for r in records))}
    collected: dict[str, dict[str, dict[int, NDArray[np.float64]]]] = {}
    for record in records:
        for metric, value in record["scores"].items():
            seeds = collected.setdefault(record["row"], {}).setdefault(metric, {})
            row = seeds.setdefault(record["seed"], np.full(len(items), np.nan))
            row[items[record["item"]]] = math.nan if value is None else value
    return {
        row: {
            metric: np.stack([seeds[k] for k in sorted(seeds)])
            for metric, seeds in by_metric.items()
        }
        for row, by_metric in collected.items()
    }


def score_clips(
    experiment: Experiment,
    workspace: Workspace,
    progress: Progress,
    sampled: Sequence[Sampled],
    clips: Sequence[Clip],
    data_sha256: str,
) -> SpeechScores:
    """One record for each row, seed and clip; scored now or found in the workspace."""
    jobs = [(one, seed, file) for one in sampled for seed, file in enumerate(one.files)]
    folders = [_folder(workspace, file, clips, data_sha256) for _, _, file in jobs]
    missing = [folder for folder in folders if not folder.is_finished()]
    total, left = len(jobs) * len(clips), len(missing) * len(clips)
    workers = experiment.threads or os.cpu_count() or 1
    with progress.task("score clips", total, total - left) as advance:
        pool = scoring_pool(workers) if missing else contextlib.nullcontext()
        with pool as processes:
            for folder, (_, _, file) in zip(folders, jobs, strict=True):
                if folder in missing:
                    _score(folder, file, clips, advance, processes)
    records: list[dict[str, Any]] = []
    for folder, (one, seed, _) in zip(folders, jobs, strict=True):
        lines = (folder.path / SCORES).read_text().splitlines()
        for clip, line in zip(clips, lines, strict=True):
            head = {"row": one.row.key, "seed": experiment.seed + seed, "item": clip.name}
            records.append(head | json.loads(line))
    return SpeechScores(experiment, sampled, records)


def _folder(
    workspace: Workspace, samples: Path, clips: Sequence[Clip], data_sha256: str
) -> StageFolder:
    inputs = {
        "version": VERSION,
        "samples": sha256_of(samples),
        "metrics": sorted(SPEECH_METRICS),
        "test_items": [clip.name for clip in clips],
        "data": data_sha256,
    }
    return workspace.stage("score", inputs)


def _score(
    folder: StageFolder,
    samples: Path,
    clips: Sequence[Clip],
    advance: Advance,
    pool: ProcessPoolExecutor | None,
) -> None:
    began = time.monotonic()
    scored = score_items(
        tuple(SPEECH_METRICS),
        list(read_samples(samples).numpy()),
        [clip.waveform.numpy() for clip in clips],
        SAMPLE_RATE,
        observe=lambda done: advance(1),
        pool=pool,
    )
    lines = "".join(json.dumps(_plain(item)) + "\n" for item in scored)
    write_atomically(folder.path / SCORES, lambda path: path.write_text(lines))
    folder.finish([folder.path / SCORES], time.monotonic() - began)


def _plain(item: dict[str, ItemScore]) -> dict[str, Any]:
    return {
        "scores": {name: None if s.reason else s.value for name, s in item.items()},
        "failures": {name: s.reason for name, s in item.items() if s.reason},
    }
