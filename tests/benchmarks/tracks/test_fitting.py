"""Counts and lengths of data against an experiment, found in the stage ``data``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, RowConfig, SearchConfig
from benchmarks.core.loading import load
from benchmarks.data.images import Images, ImageSet, Part
from benchmarks.data.speech import SpeechCorpus
from benchmarks.runtime.progress import Progress
from benchmarks.tracks import make_track
from benchmarks.tracks.images.enough import enough
from benchmarks.tracks.speech.fitting import fitting, refuse_fewer_clips

SEARCH = SearchConfig(judge_items=1, finalist_items=2, clip_frames=40)
TINY = Experiment(search=SEARCH, test_items=2, clip_frames=60)
BOTH: Any = frozenset({"score_net", "schedule_net"})
NONE: Any = frozenset()


def corpus(**lengths: list[int]) -> SpeechCorpus:
    """A corpus without files: split to the hops of its recordings."""
    splits = {s: [f"{s}{i}" for i in range(len(found))] for s, found in lengths.items()}
    frames = {f"{s}{i}": n for s, found in lengths.items() for i, n in enumerate(found)}
    return SpeechCorpus("mine", dict.fromkeys(frames, Path()), splits, {}, "", frames)


GOOD = {"train": [64, 70], "valid": [40, 41, 90], "test": [60, 300]}


def test_exactly_enough() -> None:
    assert fitting(TINY, corpus(**GOOD), BOTH) == []


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        (
            {"test": [60, 59]},
            r"^test_items: 2: 2 clips are wanted of 0\.96 s \(clip_frames: 60\), and in the 'test' "
            r"split of mine 1 of 2 recordings have that length, the longest 60 frames; lower "
            r"clip_frames or test_items, or give more",
        ),
        (
            {"valid": [90, 90]},
            r"^search\.judge_items: 1 and search\.finalist_items: 2: 3 clips are wanted of 0\.64 s "
            r"\(search\.clip_frames: 40\), and in the 'valid' split of mine 2 of 2 recordings",
        ),
        (
            {"train": [63, 20]},
            r"schedule_net\.crop_frames: 64: a recording is wanted of 1\.02 s .* in the 'train' "
            r"split of mine 0 of 2 .* the longest 63 frames; lower schedule_net\.crop_frames, or",
        ),
        ({"train": [63]}, r"score_net\.crop_frames: 64: a recording is wanted"),
        (
            {"test": [], "valid": [1]},
            r"'valid' split .* 0 of 1 .*'test' split .* 0 of 0 recordings",
        ),
    ],
)
def test_too_few_or_too_short(lengths: dict[str, list[int]], said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        fitting(TINY, corpus(**GOOD | lengths), BOTH)


def test_several_clips_of_a_recording_need_its_length() -> None:
    two = dataclasses.replace(TINY, test_items=4, clips_per_recording=2)
    assert fitting(two, corpus(**GOOD | {"test": [120, 300]}), BOTH) == []
    (told,) = fitting(two, corpus(**GOOD | {"test": [120, 119, 300]}), BOTH)
    assert "shorter than clips_per_recording: 2 times clip_frames: 60 (1.92 s)" in told
    said = (
        r"^test_items: 4: 4 clips are wanted of 0\.96 s \(clip_frames: 60\), 2 from each recording "
        r"\(clips_per_recording: 2\), and in the 'test' split of mine 1 of 2 recordings have "
        r"1\.92 s, the longest 300 frames; lower clip_frames or clips_per_recording or test_items"
    )
    with pytest.raises(ExperimentError, match=said):
        fitting(two, corpus(**GOOD | {"test": [119, 300]}), BOTH)


def test_recordings_give_equally_many_clips() -> None:
    odd = Experiment(rows=(RowConfig("ddpm", (1000,)),), test_items=5, clips_per_recording=2)
    with pytest.raises(ExperimentError, match="clips_per_recording: test_items = 5 is no multiple"):
        refuse_fewer_clips(odd)


def test_a_count_of_one_is_not_to_be_lowered() -> None:
    search = dataclasses.replace(SEARCH, finalist_items=1)
    tiny = dataclasses.replace(TINY, search=search, test_items=1)
    with pytest.raises(ExperimentError) as told:
        fitting(tiny, corpus(**GOOD | {"valid": [90], "test": []}), BOTH)
    assert "lower search.clip_frames, or give more" in str(told.value)
    assert "lower clip_frames, or give more" in str(told.value)


def test_crops_are_needed_by_networks_that_are_trained() -> None:
    short = corpus(**GOOD | {"train": [10]})
    assert fitting(TINY, short, NONE) == []
    with pytest.raises(ExperimentError, match=r"^score_net\.crop_frames"):
        fitting(TINY, short, frozenset({"score_net"}))


def test_recordings_that_give_nothing_are_told() -> None:
    told = fitting(TINY, corpus(train=[64, 63], valid=[40] * 3 + [39], test=[60] * 3 + [1]), BOTH)
    assert told == [
        "1 of 2 train recordings are shorter than schedule_net.crop_frames: 64 (1.02 s) and give "
        "no crops",
        "1 of 2 train recordings are shorter than score_net.crop_frames: 64 (1.02 s) and give no "
        "crops",
        "1 of 4 valid recordings are shorter than search.clip_frames: 40 (0.64 s) and give no "
        "clips",
        "1 of 4 test recordings are shorter than clip_frames: 60 (0.96 s) and give no clips",
    ]


def test_a_pass_of_more_clips_than_there_are() -> None:
    many = dataclasses.replace(TINY, search=dataclasses.replace(SEARCH, pass_items=4))
    with pytest.raises(ExperimentError, match=r"search\.pass_items: 4 is more than the 3 clips of"):
        fitting(many, corpus(**GOOD), BOTH)


# -- images and known distributions ----------------------------------------------------------------


def pictures(train: int, valid: int, test: int) -> ImageSet:
    def load_none(advance: object) -> Images:
        raise AssertionError("counts need no pixels")

    sizes = {"train": train, "valid": valid, "test": test}
    return ImageSet("mine", "", (1, 28, 28), {s: Part(n, load_none) for s, n in sizes.items()})


def test_images_that_are_fewer_than_asked_for_are_told() -> None:
    experiment = dataclasses.replace(load("images-cpu"), grid_items=300)
    assert enough(experiment, pictures(55_000, 5_000, 10_000), 64) == []
    told = enough(experiment, pictures(300, 150, 200), 64)
    assert [one.partition(":")[0] for one in told] == [
        "image.judge_reference",
        "search.finalist_items, for examples",
        "the floor, as many as the largest row",
        "grid_items",
    ]
    assert told[0].endswith("5000 images are asked for, and all 150 of the valid split serve")
    for split in ("train", "valid", "test"):
        sizes = {"train": 300, "valid": 150, "test": 200} | {split: 63}
        with pytest.raises(
            ExperimentError, match=f"mine has 63 images in its {split} split, too f"
        ):
            enough(experiment, pictures(**sizes), 64)


def test_an_energy_distance_needs_two_vectors() -> None:
    ring = load("networks-analytic-short")
    search = dataclasses.replace(ring.search, judge_items=1)
    quiet, cpu = Progress(Console(quiet=True)), torch.device("cpu")
    assert make_track(ring, quiet, cpu).check_data(NONE) == []
    with pytest.raises(ExperimentError, match=r"^search\.judge_items: an energy distance needs 2"):
        make_track(dataclasses.replace(ring, search=search), quiet, cpu).check_data(NONE)
