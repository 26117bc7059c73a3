"""Names of examples are read back as they were made, and no two examples share a file."""

from __future__ import annotations

import pytest

from benchmarks.core.rows import RowKey
from benchmarks.results.example_names import ExampleName

ROWS = [
    RowKey("raw", "bddm", 7),
    RowKey("raw", "bddm-noise", 7),
    RowKey("raw-bddm", "noise", 7),
    RowKey("recordings", "after", 3),
]
CLIPS = ["ru_0537@1", "wav48/p225/p225_001", "a.b-bddm-7", "bddm-7/after-3", "after-1"]
NAMES = [
    ExampleName("test images"),
    *(ExampleName("recording", clip=clip) for clip in CLIPS),
    *(ExampleName("points", convention=row.convention) for row in ROWS[1:]),
    *(ExampleName("grid", row) for row in ROWS),
    *(ExampleName("clip", row, clip) for row in ROWS for clip in CLIPS),
    *(
        ExampleName("denoising", row, clip, after)
        for row in ROWS
        for clip in (None, *CLIPS)
        for after in (1, 12)
    ),
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.file)
def test_a_name_is_read_back(name: ExampleName) -> None:
    assert ExampleName.of_file(name.file) == name


def test_no_two_examples_share_a_file() -> None:
    assert len({name.file for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    "file",
    [
        "weights/speech-score.safetensors",
        "wav/ru_0094-bddm-3.wav",
        "grids/plain-bddm-3.png",
        "grids/plain/bddm.png",
        "clips/raw/bddm-7/a.wav",
        "clips/raw/bddm/a.flac",
        "clips/raw/bddm-7",
        "denoising/raw/bddm-7/after-x.png",
        "denoising/raw/bddm-7/3.png",
        "denoising/raw/bddm-7/after-03.png",
        "points/raw.json",
        "../recordings/a.flac",
        "",
    ],
)
def test_another_file_is_no_example(file: str) -> None:
    assert ExampleName.of_file(file) is None
