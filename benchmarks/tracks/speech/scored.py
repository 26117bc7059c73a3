"""Scores of the speech track: every clip by every metric, then estimates over clips."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bddm_ref.files import sha256_of, write_atomically
from benchmarks.contestants import BILATERAL
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.results.comparisons import (
    Evaluation,
    Measured,
    RowScores,
    compared_rows,
    comparison_of,
)
from benchmarks.results.schema import Comparison
from benchmarks.results.verdicts import Interval, MetricInfo
from benchmarks.runtime.code.closure import Code, code_of
from benchmarks.runtime.progress import Advance, Progress
from benchmarks.runtime.samples import read_samples
from benchmarks.runtime.workspace import StageFolder, Workspace
from benchmarks.tracks.parts import Scored
from benchmarks.tracks.speech.workers import scoring_workers
from metrics.items import ItemScore, score_item
from metrics.mos import MOS_PREDICTORS, predicted_metrics
from metrics.scoring import KNOWN, score_items
from metrics.speech import SPEECH_METRICS
from metrics.statistics import item_means, mean_interval, paired_differences, sign_flip_p
from metrics.workers import Workers, may_pass

SCORES = "scores.jsonl"
COMPARED = ("pesq_wb_lqo", "pesq_nb_raw", "stoi")  # and predicted MOS; where there is a margin
RECORDINGS = "recordings"  # in the place of a row key: the test clips themselves
Scores = dict[str, dict[str, NDArray[np.float64]]]
"""Row key to metric to values ``(seeds, items)``, NaN where not scored."""


class ScoredClips(Scored):
    """Scores of clips.

    A record is ``{row, seed, item, scores, failures}``: by metric a value or null, and the reason
    for a null. Row `RECORDINGS`, without a seed, has predicted MOS alone.

    Args:
        experiment: the experiment, with margins, reference and seeds.
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
        self._scores = _by_row(records)
        predicted = predicted_metrics(experiment.predicted_mos)
        self._metrics = SPEECH_METRICS | predicted
        self._compared = [m for m in (*COMPARED, *predicted) if m in experiment.margins]

    def evaluate(self) -> Evaluation:
        """Estimate means with BCa intervals over clips, and test paired differences."""
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
            test_items=list(dict.fromkeys(record["item"] for record in self.records)),
            floors=self._floors(),
        )

    def _floors(self) -> dict[str, dict[str, Interval]]:
        if RECORDINGS not in self._scores:
            return {}
        found = self._row(RECORDINGS).metrics
        return {str(self._experiment.test_items): found}

    def _row(self, key: str) -> RowScores:
        by_metric = self._scores[key]
        seed = self._experiment.seed
        return RowScores(
            metrics={
                name: Interval.of(mean_interval(item_means(values), seed=seed))
                for name, values in by_metric.items()
            },
            n_scored={name: int(np.isfinite(values).sum()) for name, values in by_metric.items()},
            unscored=self._unscored(key),
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
        experiment = self._experiment
        a, b = (self._scores[r.key][metric] for r in (row, against))
        differences = paired_differences(a, b)
        difference = mean_interval(differences, seed=experiment.seed)
        both = np.isfinite(differences)
        p = sign_flip_p(differences[both], seed=experiment.seed) if both.sum() > 1 else None
        margin = experiment.margins[metric]
        higher_is_better = bool(self._metrics[metric].higher_is_better)
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


@dataclass(frozen=True)
class _Source:
    """Clips to score: the samples of one row and noise seed, or the recordings."""

    row: str
    seed: int | None
    digest: str  # SHA-256 of the clips
    read: Callable[[], list[NDArray[Any]]]
    has_reference: bool = True


@dataclass(frozen=True)
class _Part:
    """Metrics that are computed at once and kept in one folder."""

    metrics: tuple[str, ...]
    folder: StageFolder


def score_clips(
    experiment: Experiment,
    workspace: Workspace,
    progress: Progress,
    sampled: Sequence[Sampled],
    clips: Sequence[Clip],
    data_sha256: str,
    clips_code: Code,
) -> ScoredClips:
    """Score each row, seed and clip, or find the scores in the workspace.

    Args:
        experiment: the experiment, with seeds and predictors of MOS.
        workspace: the folder where scores are kept.
        progress: the display of the scoring.
        sampled: the rows.
        clips: the test clips.
        data_sha256: checksum of the test split.
        clips_code: the code that loads and cuts the clips.
    """
    sources = list(_sources(experiment, sampled, clips))
    shared = {"test_items": [clip.name for clip in clips], "data": data_sha256}
    opened = partial(_parts, experiment, workspace, shared, clips_code)
    parts = [opened(source) for source in sources]
    every = [(source, part) for source, of in zip(sources, parts, strict=True) for part in of]
    missing = [(source, part) for source, part in every if not part.folder.is_finished()]
    total, left = len(every) * len(clips), len(missing) * len(clips)
    workers = scoring_workers(experiment.threads)
    with progress.task("score clips", total, total - left) as advance:
        for source, part in missing:
            _score(part, source, clips, advance, workers)
    records = [
        record
        for source, of in zip(sources, parts, strict=True)
        for record in _records(source, of, clips)
    ]
    return ScoredClips(experiment, sampled, records)


def _sources(
    experiment: Experiment, sampled: Sequence[Sampled], clips: Sequence[Clip]
) -> Iterator[_Source]:
    for one in sampled:
        for seed, file in enumerate(one.files):
            read = partial(_read_clips, file)
            yield _Source(one.row.key, experiment.seed + seed, sha256_of(file), read)
    if experiment.predicted_mos:
        recordings = [clip.waveform.numpy() for clip in clips]
        digest = hashlib.sha256(b"".join(clip.tobytes() for clip in recordings)).hexdigest()
        yield _Source(RECORDINGS, None, digest, lambda: recordings, has_reference=False)


def _read_clips(file: Path) -> list[NDArray[Any]]:
    return list(read_samples(file).numpy())


def _parts(
    experiment: Experiment,
    workspace: Workspace,
    shared: dict[str, Any],
    clips_code: Code,
    source: _Source,
) -> list[_Part]:
    """Split metrics into one part for every run, and one part for each predictor of MOS."""
    shared = {"samples": source.digest} | shared
    parts: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    if source.has_reference:
        parts.append((tuple(SPEECH_METRICS), {}))
    for name in dict.fromkeys(experiment.predicted_mos):
        version = {"predictor": MOS_PREDICTORS[name].version}
        parts.append((tuple(predicted_metrics([name])), version))
    return [
        _Part(
            metrics,
            workspace.stage(
                "score",
                shared | {"metrics": sorted(metrics)} | more,
                clips_code | _code(metrics),
            ),
        )
        for metrics, more in parts
    ]


@cache
def _code(metrics: tuple[str, ...]) -> Code:
    """Code of some metrics."""
    return code_of(score_item, *(KNOWN[name] for name in metrics))


def _score(
    part: _Part,
    source: _Source,
    clips: Sequence[Clip],
    advance: Advance,
    workers: Workers,
) -> None:
    began = time.monotonic()
    scored = score_items(
        part.metrics,
        source.read(),
        [clip.waveform.numpy() for clip in clips],
        SAMPLE_RATE,
        observe=lambda done: advance(1),
        pool=workers,
    )
    lines = "".join(json.dumps(_plain(item)) + "\n" for item in scored)
    file = part.folder.path / SCORES
    write_atomically(file, lambda path: path.write_text(lines))
    # A score that lack of memory or time may have prevented is tried again by the next run.
    if not any(may_pass(score.reason) for item in scored for score in item.values()):
        part.folder.finish([file], time.monotonic() - began)


def _records(
    source: _Source, parts: Sequence[_Part], clips: Sequence[Clip]
) -> Iterator[dict[str, Any]]:
    files = [(part.folder.path / SCORES).read_text().splitlines() for part in parts]
    for clip, *lines in zip(clips, *files, strict=True):
        found: dict[str, dict[str, Any]] = {"scores": {}, "failures": {}}
        for line in lines:
            for key, by_metric in json.loads(line).items():
                found[key].update(by_metric)
        yield {"row": source.row, "seed": source.seed, "item": clip.name} | found


def _plain(item: dict[str, ItemScore]) -> dict[str, Any]:
    return {
        "scores": {name: None if s.reason else s.value for name, s in item.items()},
        "failures": {name: s.reason for name, s in item.items() if s.reason},
    }
