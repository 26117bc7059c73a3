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
        count: number of pieces.
        counted_by: the fields that give the count, with their values.
        lowered: the field that is lowered where recordings are too few; None: it is 1 already.
        frames: length of a piece, in hops.
        measured_by: the field that gives the length.
        of_each: pieces that each recording gives.
    """

    split: str
    pieces: str
    count: int
    counted_by: str
    lowered: str | None
    frames: int
    measured_by: str
    of_each: int = 1

    @property
    def recordings(self) -> int:
        """Number of recordings that are needed."""
        return self.count // self.of_each

    @property
    def shortest(self) -> int:
        """Hops that such a recording has at least."""
        return self.frames * self.of_each


def refuse_fewer_clips(experiment: Experiment) -> None:
    """Refuse rows of fewer clips, since rows are compared clip by clip, and parts of recordings.

    Raises:
        ExperimentError: a row has another number of items, or the last recording would give fewer
            clips than the others.
    """
    wanted, of_each = experiment.test_items, experiment.clips_per_recording
    if wanted % of_each:
        raise ExperimentError(
            f"clips_per_recording: test_items = {wanted} is no multiple of {of_each}, so that one "
            f"recording would give fewer clips; make test_items a multiple of {of_each}"
        )
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
        long_enough = sum(length >= need.shortest for length in lengths)
        if long_enough < need.recordings:
            lacking.append(_lack(need, long_enough, lengths, corpus.name))
        elif long_enough < len(lengths):
            told.append(
                f"{len(lengths) - long_enough} of {len(lengths)} {need.split} recordings are "
                f"shorter than {_length(need)} and give no {need.pieces}"
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
    of_each = experiment.clips_per_recording
    lowered = "test_items" if wanted > of_each else None
    counted = f"test_items: {wanted}"
    yield _Need("test", "clips", wanted, counted, lowered, frames, "clip_frames", of_each)


def _length(need: _Need) -> str:
    """The least length of a recording, with the fields that give it."""
    told = f"{need.measured_by}: {need.frames}"
    if need.of_each > 1:
        told = f"clips_per_recording: {need.of_each} times {told}"
    return f"{told} ({need.shortest * SECONDS:.2f} s)"


def _lack(need: _Need, long_enough: int, lengths: list[int], corpus: str) -> str:
    """Say that a split has too few recordings that are long enough, and what to do."""
    wanted = "a recording is" if need.pieces == "crops" else f"{need.count} clips are"
    lowered = {need.lowered or need.measured_by, need.measured_by}
    length = f"{need.frames * SECONDS:.2f} s ({need.measured_by}: {need.frames})"
    that = "that length"
    if need.of_each > 1:
        lowered.add("clips_per_recording")
        length += f", {need.of_each} from each recording (clips_per_recording: {need.of_each})"
        that = f"{need.shortest * SECONDS:.2f} s"
    return (
        f"{need.counted_by}: {wanted} wanted of {length}, and in the {need.split!r} split of "
        f"{corpus} {long_enough} of {len(lengths)} recordings have {that}, the longest "
        f"{max(lengths, default=0)} frames; lower {' or '.join(sorted(lowered))}, or give more or "
        "longer recordings"
    )
