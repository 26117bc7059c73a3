"""Scoring many clips by many metrics, over all cores."""

from __future__ import annotations

import contextlib
import difflib
import functools
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from metrics.items import Clip, ItemMetric, ItemScore, score_item
from metrics.mos import MOS_METRICS
from metrics.speech import SPEECH_METRICS

KNOWN = SPEECH_METRICS | MOS_METRICS


def score_items(
    metric_names: Sequence[str],
    preds: Sequence[Clip],
    target: Sequence[Clip],
    sample_rate: int,
    workers: int = 1,
    observe: Callable[[int], None] = lambda done: None,
    pool: ProcessPoolExecutor | None = None,
) -> list[dict[str, ItemScore]]:
    """Score many pairs by many metrics; the number of workers changes only the time.

    Args:
        metric_names: keys of `SPEECH_METRICS` or `MOS_METRICS`.
        preds: scored clips, ``(L_i,)`` each.
        target: references, each as long as its scored clip.
        sample_rate: Hz.
        workers: number of processes; 1 scores in this process. Others are started by "spawn", so
            that a script needs ``if __name__ == "__main__"``.
        observe: called with the number of pairs done, in any order of the pairs.
        pool: processes to use instead of new ones: see `scoring_pool`.

    Returns:
        Scores of each pair, in order, by metric name.

    Raises:
        ValueError: an unknown metric, clips that don't pair up, or a wrong rate or worker count.
        RuntimeError: a worker process died.
    """
    metrics = {name: _known_metric(name) for name in metric_names}
    _check_pairs(preds, target, workers)
    if pool is not None:
        return _score_in_processes(metrics, preds, target, sample_rate, pool, observe)
    if workers > 1:
        with scoring_pool(workers) as own_pool:
            return _score_in_processes(metrics, preds, target, sample_rate, own_pool, observe)
    scores = []
    for pair in zip(preds, target, strict=True):
        scores.append(_score_pair(metrics, *pair, sample_rate))
        observe(len(scores))
    return scores


@contextlib.contextmanager
def scoring_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Keep processes for many calls of `score_items`: a process takes seconds to start."""
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """Find the thread pools of NumPy's and SciPy's libraries."""
    return ThreadpoolController().select(user_api="blas")


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


def _score_pair(
    metrics: Mapping[str, type[ItemMetric]], preds: Clip, target: Clip, sample_rate: int
) -> dict[str, ItemScore]:
    # Every library gets one thread: cores are for items, and sums must not depend on their number.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _linear_algebra().limit(limits=1):
            return {
                name: score_item(metric, preds, target, sample_rate)
                for name, metric in metrics.items()
            }
    finally:
        torch.set_num_threads(threads)


def _score_in_processes(
    metrics: Mapping[str, type[ItemMetric]],
    preds: Sequence[Clip],
    target: Sequence[Clip],
    sample_rate: int,
    pool: ProcessPoolExecutor,
    observe: Callable[[int], None],
) -> list[dict[str, ItemScore]]:
    try:
        futures = [
            pool.submit(_score_pair, metrics, *pair, sample_rate)
            for pair in zip(preds, target, strict=True)
        ]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()  # the first error ends the scoring
            observe(done)
        return [future.result() for future in futures]
    except BrokenProcessPool:
        raise RuntimeError(
            "a scoring process died (out of memory, or a crash inside a metric's library); "
            "score with workers=1 to see at which clip"
        ) from None
