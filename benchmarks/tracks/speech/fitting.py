"""Counts and lengths of recordings, compared with the clips and crops of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import rows_of
from benchmarks.data.features import HOP, SAMPLE_RATE
from benchmarks.data.speech import SpeechCorpus
from benchmarks.tracks.base import Trained

SECONDS = HOP / SAMPLE_RATE  # of a frame


@dataclass(frozen=True)
class _Need:
    """Pieces that a run takes from a split.

    Attributes:
        split: the split.
        pieces: the plural noun for the pieces.
        count: number of recordings that are needed.
        counted_by: the fields that give the count, with their values.
        lowered: the field that is lowered where recordings are too few; None: it is 1 already.
        frames: length of a piece, in hops.
        measured_by: the field that gives the length.
    """

    split: str
    pieces: str
    count: int
    counted_by: str
    lowered: str | None
    frames: int
    measured_by: str


def refuse_fewer_clips(experiment: Experiment) -> None:
    """Refuse rows of fewer clips, since rows are compared clip by clip.

    Raises:
        ExperimentError: a row has another number of items.
    """
    wanted = experiment.test_items
    for row in rows_of(experiment):
        if row.items != wanted:
            raise ExperimentError(
                f"rows: {row.name}: items = {row.items} is for images; speech rows have all "
                f"test_items = {wanted}"
            )


def fitting(experiment: Experiment, corpus: SpeechCorpus, trained: Trained) -> list[str]:
    """Compare counts and lengths of recordings with the clips and crops that are taken.

    Args:
        experiment: the experiment.
        corpus: the recordings.
        trained: the networks that the run trains.

    Returns:
        Sentences about recordings that are left out because they are too short.

    Raises:
        ExperimentError: a split has too few recordings that are long enough.
    """
    clips = experiment.search.judge_items + experiment.search.finalist_items
    if experiment.search.pass_items > clips:
        raise ExperimentError(
            f"search.pass_items: {experiment.search.pass_items} is more than the {clips} clips of "
            "search.judge_items and search.finalist_items; lower it or raise those"
        )
    frames = {split: corpus.frames(split) for split in corpus.splits}
    told, lacking = [], []
    for need in _needs(experiment, trained):
        lengths = frames[need.split]
        long_enough = sum(length >= need.frames for length in lengths)
        if long_enough < need.count:
            lacking.append(_lack(need, long_enough, lengths, corpus.name))
        elif long_enough < len(lengths):
            told.append(
                f"{len(lengths) - long_enough} of {len(lengths)} {need.split} recordings are "
                f"shorter than {need.measured_by}: {need.frames} ({need.frames * SECONDS:.2f} s) "
                f"and give no {need.pieces}"
            )
    if lacking:
        raise ExperimentError("; ".join(lacking))
    if experiment.wav_items > experiment.test_items:
        told.append(
            f"wav_items: {experiment.wav_items} clips are asked for, and all "
            f"{experiment.test_items} of test_items are kept"
        )
    return told


def _needs(experiment: Experiment, trained: Trained) -> Iterator[_Need]:
    search = experiment.search
    crops = {
        "score_net": experiment.score_net.crop_frames,
        "schedule_net": experiment.schedule_net.crop_frames,
    }
    for role in sorted(trained):
        field, frames = f"{role}.crop_frames", crops[role]
        yield _Need("train", "crops", 1, f"{field}: {frames}", field, frames, field)
    few, many = search.judge_items, search.finalist_items
    both = f"search.judge_items: {few} and search.finalist_items: {many}"
    yield _Need(
        "valid",
        "clips",
        few + many,
        both,
        "search.finalist_items" if many > 1 else None,
        search.clip_frames,
        "search.clip_frames",
    )
    wanted, frames = experiment.test_items, experiment.clip_frames
    both = f"test_items: {wanted}"
    yield _Need(
        "test", "clips", wanted, both, "test_items" if wanted > 1 else None, frames, "clip_frames"
    )


def _lack(need: _Need, long_enough: int, lengths: list[int], corpus: str) -> str:
    """Say that a split has too few recordings that are long enough, and what to do."""
    wanted = "a recording is" if need.pieces == "crops" else f"{need.count} clips are"
    lowered = sorted({need.lowered or need.measured_by, need.measured_by})
    return (
        f"{need.counted_by}: {wanted} wanted of {need.frames * SECONDS:.2f} s ({need.measured_by}: "
        f"{need.frames}), and in the {need.split!r} split of {corpus} {long_enough} of "
        f"{len(lengths)} recordings have that length, the longest {max(lengths, default=0)} "
        f"frames; lower {' or '.join(lowered)}, or give more or longer recordings"
    )
