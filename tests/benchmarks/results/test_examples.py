"""The examples of a run are listed from its document, and verified."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError, sha256_of
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.rows import RowKey
from benchmarks.results.example_names import ExampleName
from benchmarks.results.examples import Examples, examples_of, first_seed
from benchmarks.results.points import Axis, ConventionPoints, Density, RowPoints, write_points
from benchmarks.results.schema import RepeatSchedule, RunResults
from synthetic.runs import CLIPS, analytic, images, row, speech

RAW, SCALED = RowKey("raw", "bddm", 3), RowKey("scaled", "bddm", 3)
BETAS = [0.01, 0.1, 0.4]


def left(folder: Path, results: RunResults, names: Sequence[str]) -> RunResults:
    """Write a file of each name, and list all of them in the document."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    digests = {name: sha256_of(folder / name) for name in names}
    return results.model_copy(update={"files": digests})


def listed(folder: Path, results: RunResults) -> Examples:
    return examples_of(folder / f"{results.track}.json", results)


def with_betas(results: RunResults, key: RowKey) -> RunResults:
    """The run with the schedule of one row."""
    rows = [
        one.model_copy(update={"betas": BETAS}) if one.id == key else one for one in results.rows
    ]
    return results.model_copy(update={"rows": rows})


def test_speech_has_recordings_clips_and_clean_estimates(tmp_path: Path) -> None:
    names = [ExampleName("recording", clip=clip) for clip in CLIPS[1::-1]]
    names += [ExampleName("clip", key, clip) for key in (RAW, SCALED) for clip in CLIPS[:2]]
    names += [ExampleName("denoising", RAW, CLIPS[0], after) for after in (3, 1, 2)]
    weights = "weights/speech-score.safetensors"
    results = left(tmp_path, speech(), [*(name.file for name in names), weights])
    found = listed(tmp_path, with_betas(results, RAW))
    assert list(found.recordings) == CLIPS[:2]
    assert found.recordings[CLIPS[0]] == tmp_path / "recordings/clip-0.flac"
    assert [(one.row, one.name) for one in found.clips] == [  # in the order of the rows
        (SCALED, CLIPS[0]),
        (SCALED, CLIPS[1]),
        (RAW, CLIPS[0]),
        (RAW, CLIPS[1]),
    ]
    (clip,) = (one for one in found.clips_in("raw", CLIPS[1]))
    assert clip.path == tmp_path / "clips/raw/bddm-3/clip-1.flac"
    (denoising,) = found.denoising
    assert (denoising.row, denoising.clip, denoising.seed) == (RAW, CLIPS[0], 0)
    assert [one.after for one in denoising.estimates] == [1, 2, 3]
    levels = NoiseSchedule(tuple(BETAS)).alphas.tolist()[::-1]  # the first evaluation is noisiest
    assert [one.level for one in denoising.estimates] == pytest.approx(levels)
    assert (found.grids, found.test_images, found.points) == ((), None, {})


def test_levels_are_unknown_where_the_document_has_no_betas(tmp_path: Path) -> None:
    names = [ExampleName("denoising", RAW, CLIPS[0], after).file for after in (1, 2)]
    found = listed(tmp_path, left(tmp_path, speech(), names))
    assert [one.level for one in found.denoising[0].estimates] == [None, None]


def test_images_have_grids_and_clean_estimates(tmp_path: Path) -> None:
    results = images()
    rows = [one.id for one in results.rows[:2]]
    names = [ExampleName("test images"), *(ExampleName("grid", key) for key in rows)]
    names += [ExampleName("denoising", rows[0], after=after) for after in range(1, 12)]
    found = listed(tmp_path, left(tmp_path, results, [name.file for name in names]))
    assert [one.row for one in found.grids] == rows
    assert found.test_images == tmp_path / "grids/test-images.png"
    (denoising,) = found.denoising
    assert denoising.clip is None
    assert [one.after for one in denoising.estimates] == list(range(1, 12))  # 10 is after 9


def test_points_are_read(tmp_path: Path) -> None:
    results = analytic()
    convention = results.rows[0].convention
    points = ConventionPoints(
        convention=convention,
        distribution="gaussian-1",
        dimensions=1,
        coordinates=[1],
        data=[[0.5]],
        rows=[RowPoints(key=results.rows[0].key, seed=0, points=[[0.25]])],
        density=Density(axes=[Axis(low=0, high=1, count=2)], values=[1.0, 2.0]),
    )
    name = ExampleName("points", convention=convention).file
    write_points(tmp_path / name, points)
    results = results.model_copy(update={"files": {name: sha256_of(tmp_path / name)}})
    found = listed(tmp_path, results)
    assert found.points == {convention: tmp_path / name}
    assert found.points_of(convention) == points
    assert found.points_of("another") is None


@pytest.mark.parametrize("change", ["altered", "lost"])
def test_a_damaged_example_is_named(tmp_path: Path, change: str) -> None:
    name = ExampleName("clip", RAW, CLIPS[0]).file
    results = left(tmp_path, speech(), [name])
    if change == "altered":
        (tmp_path / name).write_text("another")
    else:
        (tmp_path / name).unlink()
    with pytest.raises(DamagedFileError, match=r"clips/raw/bddm-3/clip-0\.flac is missing, or not"):
        listed(tmp_path, results)


def test_an_example_of_a_strange_row_is_refused(tmp_path: Path) -> None:
    name = ExampleName("clip", RowKey("raw", "unknown", 3), CLIPS[0]).file
    results = left(tmp_path, speech(), [name])
    with pytest.raises(DamagedFileError, match=r"is a sample of raw/unknown-3, and speech\.json"):
        listed(tmp_path, results)


@pytest.mark.parametrize("with_checksums", [True, False])
def test_clips_of_earlier_versions_are_listed(tmp_path: Path, with_checksums: bool) -> None:
    conventions = [{"name": "raw"}, {"name": "scaled"}]
    results = speech(experiment={"conventions": conventions, "wav_items": 1})
    names = ["wav/clip-0-recording.wav", "wav/clip-0-ddpm-1000.wav", "wav/clip-0-bddm-3.wav"]
    listing = left(tmp_path, results, names)
    found = listed(tmp_path, listing if with_checksums else results)
    assert found.recordings == {"clip-0": tmp_path / names[0]}
    assert [(str(one.row), one.path) for one in found.clips] == [
        ("raw/bddm-3", tmp_path / names[2]),
        ("raw/ddpm-1000", tmp_path / names[1]),
    ]


def test_grids_of_earlier_versions_are_listed(tmp_path: Path) -> None:
    results = images()
    left(tmp_path, results, ["grids/test-images.png", "grids/plain-bddm-own-7.png"])
    found = listed(tmp_path, results)  # whose files have no checksums
    assert [str(one.row) for one in found.grids] == ["plain/bddm-own-7"]
    assert found.test_images is not None


def test_the_first_seed_is_of_the_first_repeat_with_a_schedule() -> None:
    schedules = [
        RepeatSchedule(repeat=n, betas=BETAS, start=None, complete=None, scores=[0.0])
        for n in (2, 3)
    ]
    lost = {"missing": {"the search found no schedule": 2}, "search": "tuned"}
    rows = {
        "raw/bddm-3": lost | {"schedules": schedules},
        "raw/bddm-7": lost,
        "raw/bddm-16": {"search": "tuned"},
        "raw/ddpm-3": {},
    }
    results = speech({}).model_copy(update={"rows": [row(k, {}, **rows[k]) for k in rows]})
    assert [first_seed(results, one.id) for one in results.rows] == [2, None, 0, 0]
