"""Scores of the speech track: every clip, as 16-bit samples, by every metric."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bddm_ref.files import sha256_of, write_atomically
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Sampled
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.runtime.code.closure import Code, code_of
from benchmarks.runtime.progress import Advance, Progress
from benchmarks.runtime.samples import read_samples
from benchmarks.runtime.workspace import StageFolder, Workspace
from benchmarks.tracks.speech.estimates import RECORDINGS, ScoredClips
from benchmarks.tracks.speech.workers import scoring_workers
from metrics.items import ItemScore, score_item
from metrics.mos import MOS_PREDICTORS, predicted_metrics
from metrics.pcm import as_pcm16
from metrics.scoring import KNOWN, score_items
from metrics.speech import SPEECH_METRICS
from metrics.workers import Workers, may_pass

SCORES = "scores.jsonl"


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
        for seed, file in one.by_seed.items():
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
    return code_of(score_item, as_pcm16, *(KNOWN[name] for name in metrics))


def _score(
    part: _Part,
    source: _Source,
    clips: Sequence[Clip],
    advance: Advance,
    workers: Workers,
) -> None:
    began = time.monotonic()
    rounded = [as_pcm16(clip) for clip in source.read()]
    scored = score_items(
        part.metrics,
        [clip for clip, _ in rounded],
        [clip.waveform.numpy() for clip in clips],
        SAMPLE_RATE,
        observe=lambda done: advance(1),
        pool=workers,
    )
    lines = "".join(
        json.dumps(_plain(item) | {"clipped": clipped}) + "\n"
        for item, (_, clipped) in zip(scored, rounded, strict=True)
    )
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
        parts_of_clip = [json.loads(line) for line in lines]
        found: dict[str, Any] = {"clipped": parts_of_clip[0]["clipped"]}
        for key in ("scores", "failures"):
            found[key] = {name: one for part in parts_of_clip for name, one in part[key].items()}
        yield {"row": source.row, "seed": source.seed, "item": clip.name} | found


def _plain(item: dict[str, ItemScore]) -> dict[str, Any]:
    return {
        "scores": {name: None if s.reason else s.value for name, s in item.items()},
        "failures": {name: s.reason for name, s in item.items() if s.reason},
    }
