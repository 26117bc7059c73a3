"""Scoring: per-item scores of every row and seed against the test recordings."""

from __future__ import annotations

import contextlib
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bddm_ref.checkpoint import sha256_of, write_atomically
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.progress import Advance
from benchmarks.protocol import Clip
from benchmarks.stages.context import Context
from benchmarks.stages.sample import Sampled, read_samples, test_clips
from benchmarks.workspace import StageFolder
from metrics.items import ItemScore
from metrics.scoring import score_items, scoring_pool
from metrics.speech import SPEECH_METRICS

SCORES = "scores.jsonl"
VERSION = 1  # raised when a change here changes the scores that come out


def scored_rows(context: Context, sampled: list[Sampled]) -> list[dict[str, Any]]:
    """Per-item scores, one record for each row, seed and clip; scored now or found.

    Returns:
        Records ``{row, seed, item, scores: {metric: value or None}, failures: {metric: reason}}``.
    """
    clips = test_clips(context, "score")
    jobs = [(one, seed, file) for one in sampled for seed, file in enumerate(one.files)]
    folders = [_folder(context, file, clips) for _, _, file in jobs]
    missing = [folder for folder in folders if not folder.is_finished()]
    total, left = len(jobs) * len(clips), len(missing) * len(clips)
    workers = context.experiment.threads or os.cpu_count() or 1
    with context.progress.task("score clips", total, total - left) as advance:
        pool = scoring_pool(workers) if missing else contextlib.nullcontext()
        with pool as processes:
            for folder, (_, _, file) in zip(folders, jobs, strict=True):
                if folder in missing:
                    _score(folder, file, clips, advance, processes)
    records: list[dict[str, Any]] = []
    for folder, (one, seed, _) in zip(folders, jobs, strict=True):
        lines = (folder.path / SCORES).read_text().splitlines()
        for clip, line in zip(clips, lines, strict=True):
            head = {"row": one.row.key, "seed": context.experiment.seed + seed, "item": clip.name}
            records.append(head | json.loads(line))
    return records


def _folder(context: Context, samples: Path, clips: list[Clip]) -> StageFolder:
    inputs = {
        "version": VERSION,
        "samples": sha256_of(samples),
        "metrics": sorted(SPEECH_METRICS),
        "test_items": [clip.name for clip in clips],
        "data": context.corpus.sha256,
    }
    return context.workspace.stage("score", inputs)


def _score(
    folder: StageFolder,
    samples: Path,
    clips: list[Clip],
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
