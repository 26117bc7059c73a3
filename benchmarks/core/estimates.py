"""Estimates of memory and work, which refuse experiments that obviously cannot be run."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import rows_of

MOST_EVALUATIONS = 10**11  # of the network: more than a day at a million a second
LARGEST_VECTOR = 64  # dimensions of known distributions
HOP = 256  # samples of audio in a frame
FLOAT = 4  # bytes


def refuse_too_large(experiment: Experiment) -> None:
    """Refuse an experiment that cannot fit this machine's memory, or never ends.

    Raises:
        ExperimentError: names the field, and has the estimate.
    """
    for field, evaluations in _work(experiment).items():
        if evaluations > MOST_EVALUATIONS:
            raise ExperimentError(
                f"{field}: this asks for about {evaluations:.1e} network evaluations; make it "
                f"smaller, to at most {MOST_EVALUATIONS:.0e}"
            )
    memory = physical_memory()
    for field, size in _sizes(experiment):
        if memory is not None and size > memory:
            raise ExperimentError(
                f"{field}: this needs at least {size / 2**30:.0f} GiB of memory, and the machine "
                f"has {memory / 2**30:.0f} GiB; make it smaller"
            )


def physical_memory() -> int | None:
    """Memory of this machine, bytes; None: unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on every system
        return None


def _work(experiment: Experiment) -> dict[str, int]:
    """Network evaluations of the rows and of the searches, by field."""
    search = experiment.search
    tried = search.bins**2 * search.judge_items + search.finalists * search.finalist_items
    tried += search.refinements * search.judge_items
    contests = len(experiment.conventions) * max(len(search.searches), 1)
    rows = rows_of(experiment)
    return {
        "search": tried * sum(search.lengths) * contests,
        "rows": sum(row.steps * row.seeds * row.items for row in rows),
    }


def _sizes(experiment: Experiment) -> Iterator[tuple[str, int]]:
    """Bytes that are held at once at the least, by field."""
    score_net, schedule_net = experiment.score_net, experiment.schedule_net
    clip = _values(experiment, experiment.clip_frames)
    rows = rows_of(experiment)
    if experiment.device == "cpu":
        crop = _values(experiment, score_net.crop_frames)
        yield "score_net.batch_size", score_net.batch_size * score_net.draws * crop * FLOAT
        crop = _values(experiment, schedule_net.crop_frames)
        yield "schedule_net.batch_size", schedule_net.batch_size * crop * FLOAT
        together = min(experiment.batch_items, max(row.items for row in rows))
        yield "batch_items", together * clip * FLOAT
    width = 1 if experiment.track == "images" else FLOAT  # pixels are bytes
    for row in rows:
        yield f"rows: {row.name}", row.items * clip * width


def _values(experiment: Experiment, frames: int) -> int:
    """Numbers in one item; those of a clip of so many frames in the speech track."""
    if experiment.track == "images":
        return experiment.image.channels * experiment.image.size**2
    return LARGEST_VECTOR if experiment.track == "analytic" else frames * HOP
