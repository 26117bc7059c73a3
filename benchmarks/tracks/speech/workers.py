"""The processes that score clips, shared by the search's judge and the scores of a run."""

from __future__ import annotations

import functools
import os

from metrics.workers import Workers


@functools.cache
def scoring_workers(threads: int) -> Workers:
    """Give the one set of processes of this program; they start when clips are to be scored.

    A fault inside a metric's library therefore costs one score, never the run.

    Args:
        threads: the experiment's ``threads``, the most processes at a time; 0: one for each core.
    """
    return Workers(threads or os.cpu_count() or 1)
