"""Scoring many clips by many metrics, over all cores."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from metrics.items import Clip, ItemMetric, ItemScore
from metrics.mos import MOS_METRICS
from metrics.speech import SPEECH_METRICS
from metrics.workers import Job, Workers

KNOWN = SPEECH_METRICS | MOS_METRICS


def score_items(
    metric_names: Sequence[str],
    preds: Sequence[Clip],
    target: Sequence[Clip],
    sample_rate: int,
    workers: int = 1,
    observe: Callable[[int], None] = lambda done: None,
    pool: Workers | None = None,
) -> list[dict[str, ItemScore]]:
    """Score many pairs by many metrics; the number of workers changes only the time.

    Args:
        metric_names: keys of `SPEECH_METRICS` or `MOS_METRICS`.
        preds: scored clips, ``(L_i,)`` each.
        target: references, each as long as its scored clip.
        sample_rate: Hz.
        workers: number of processes; 1 scores in this process, which a fault inside a library in C
            then ends. In processes such a fault costs one score (`metrics.workers`).
        observe: called with the number of pairs done, in any order of the pairs.
        pool: processes to use instead of new ones: see `scoring_pool`.

    Returns:
        Scores of each pair, in order, by metric name.

    Raises:
        ValueError: an unknown metric, clips that don't pair up, or a wrong rate or worker count.
        RuntimeError: no process can be started.
    """
    metrics = {name: _known_metric(name) for name in metric_names}
    _check_pairs(preds, target, workers)
    jobs = [
        Job(metrics, np.asarray(scored), np.asarray(clean), sample_rate)
        for scored, clean in zip(preds, target, strict=True)
    ]
    if pool is not None:
        return pool.score(jobs, observe)
    if workers > 1:
        with scoring_pool(workers) as own_pool:
            return own_pool.score(jobs, observe)
    scores = []
    for job in jobs:
        scores.append(dict(job.scores()))
        observe(len(scores))
    return scores


@contextlib.contextmanager
def scoring_pool(workers: int) -> Iterator[Workers]:
    """Keep processes for many calls of `score_items`: a process takes seconds to start."""
    pool = Workers(workers)
    try:
        yield pool
    finally:
        pool.close()


def _known_metric(name: str) -> type[ItemMetric]:
    if name not in KNOWN:
        nearest = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.0)[0]
        raise ValueError(f"there is no speech metric {name!r}; did you mean {nearest!r}?")
    return KNOWN[name]


def _check_pairs(preds: Sequence[Clip], target: Sequence[Clip], workers: int) -> None:
    if workers < 1:
        raise ValueError(f"scoring needs at least one worker, not {workers}")
    if len(preds) != len(target):
        raise ValueError(f"{len(preds)} clips cannot be scored against {len(target)} references")
    for i, (scored, clean) in enumerate(zip(preds, target, strict=True)):
        if np.shape(scored) != np.shape(clean) or np.ndim(scored) != 1:
            raise ValueError(
                f"pair {i} must be two clips of one shape (L,): "
                f"{np.shape(scored)} and {np.shape(clean)}"
            )
