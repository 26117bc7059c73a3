"""The image track end to end, on a tiny experiment over synthetic files in CIFAR-10's layout."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from bddm_ref.files import sha256_of
from benchmarks.cli.app import main
from benchmarks.core.experiment import Convention
from benchmarks.report.registry import checked
from benchmarks.results.examples import examples_of
from benchmarks.results.schema import RunResults
from benchmarks.runtime import precision
from benchmarks.tracks.images.items import ImageItems


@pytest.fixture
def run(tiny_run: Callable[[str], Any]) -> Any:
    """The finished tiny run."""
    return tiny_run("images")


@pytest.fixture
def place(run: Any) -> Path:
    """The folder of the finished tiny run."""
    return Path(run.root)


pytestmark = pytest.mark.slow


def test_results_hold_every_row(place: Path) -> None:
    results = RunResults.read(place / "out" / "images.json")
    rows = {row.key: row for row in results.rows}
    assert len(rows) == 12
    assert rows["plain/bddm-19"].skipped == "the search found no schedule of 19 steps"
    full, reference = rows["clipped/ddpm-3"], rows["clipped/ddpm-20"]
    assert (full.n_total, reference.n_total) == (72, 66)
    for row in (full, reference):
        assert row.metrics["fd"].n == row.n_total
        assert row.metrics["fd_common"].n == 66
        assert row.classes is not None
        assert sum(row.classes) == row.n_total
        assert row.time is not None
        assert row.time.rtf is None
    assert full.metrics["fd"].value != full.metrics["fd_common"].value
    assert reference.metrics["fd"] == reference.metrics["fd_common"]
    assert set(results.floors) == {"66", "72"}
    assert results.judge is not None
    assert results.judge.distance.startswith("FD-classifier-")
    assert set(results.weights) == {
        "score_net", "schedule_net/clipped", "schedule_net/plain", "judge",
    }  # fmt: skip


def test_each_grid_has_its_schedules_and_its_cost(place: Path) -> None:
    results = RunResults.read(place / "out" / "images.json")
    rows = {row.key: row for row in results.rows}
    paper, noise = rows["plain/bddm-3"], rows["plain/bddm-noise-3"]
    assert paper.betas is not None
    assert paper.betas != noise.betas
    assert noise.betas is not None
    found = {(cost.convention, cost.contestant) for cost in results.costs}
    assert found == {(name, c) for name in ("clipped", "plain") for c in ("bddm", "bddm-noise")}
    assert results.cost("plain", "bddm").search_nfe > results.cost("plain", "bddm-noise").search_nfe
    pairs = {(c.row, c.against) for c in results.comparisons}
    assert ("plain/bddm-noise-3", "plain/bddm-3") in pairs
    page = (place / "out" / "images.md").read_text()
    assert "What the schedules cost" in page
    assert "What the schedules of `bddm-noise` cost" in page


def test_comparisons_are_at_equal_numbers_of_images(place: Path) -> None:
    results = RunResults.read(place / "out" / "images.json")
    by_pair = {(c.row, c.against): c for c in results.comparisons}
    equal = by_pair["clipped/bddm-3", "clipped/ddim-quad-3"]
    assert equal.items == 72
    to_reference = by_pair["clipped/ddpm-3", "clipped/ddpm-20"]
    assert to_reference.items == 66
    theirs = next(r for r in results.rows if r.key == "clipped/ddpm-20").metrics["fd"].value
    assert to_reference.margin == pytest.approx(0.05 * theirs)


def test_grids_come_from_the_same_noise_and_have_every_row(place: Path) -> None:
    results = RunResults.read(place / "out" / "images.json")
    wanted = {f"{r.key}.png" for r in results.rows if not r.skipped}
    folder = place / "out" / "grids"
    grids = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert grids == wanted | {"test-images.png"}
    with Image.open(place / "out" / "grids" / "test-images.png") as grid:
        assert grid.size == (96, 96)  # 5 images in a square of 9
        pixels = np.asarray(grid)
    first = np.frombuffer((place / "data" / "test_batch.bin").read_bytes()[1:3073], np.uint8)
    assert (pixels[:32, :32] == first.reshape(3, 32, 32).transpose(1, 2, 0)).all()
    # A cell is what its row makes of its noise: DDIM in one place, from item 1's start.
    for name in ("ddpm-3", "ddim-quad-3"):
        (record,) = [r for r in figures(place) if r["row"] == f"plain/{name}"]
        (folder,) = [
            file.parent
            for file in (place / "work" / "sample").glob("*/samples.safetensors")
            if sha256_of(file) == record["samples_sha256"]
        ]
        samples = load_file(folder / "samples.safetensors")["samples"]
        with Image.open(place / "out" / "grids" / "plain" / f"{name}.png") as grid:
            cell = np.asarray(grid)[:32, 32:64]
        assert (cell == samples[1].permute(1, 2, 0).numpy()).all()


def test_the_last_clean_estimates_are_the_grid(place: Path) -> None:
    document = place / "out" / "images.json"
    found = examples_of(document, RunResults.read(document))
    assert [str(one.row) for one in found.denoising] == ["clipped/bddm-3", "plain/bddm-3"]
    for one in found.denoising:
        (grid,) = (grid.path for grid in found.grids if grid.row == one.row)
        sample = np.asarray(Image.open(grid)).astype(int)
        first, _, last = (
            np.asarray(Image.open(estimate.path)).astype(int) for estimate in one.estimates
        )
        # Each place has the start noise of its sample; other batches round otherwise.
        assert abs(last - sample).max() <= 1
        assert abs(first - sample).max() > 1


def test_the_page_says_what_it_is(place: Path) -> None:
    page = (place / "out" / "images.md").read_text()
    assert "these figures mean nothing" in page
    assert "FD-classifier-" in page
    assert "which is not FID" in page
    assert "*Floor: data*" in page
    assert "RTF" not in page


def test_check_accepts_it_and_refuses_what_was_altered(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(place / "out", folder)
    assert main(["check", str(folder)]) == 0
    page = folder / "images.md"
    page.write_text(page.read_text().replace("Floor", "Roof"))
    assert main(["check", str(folder)]) == 2


def figures(root: Path) -> list[dict[str, object]]:
    items = gzip.decompress((root / "out" / "images-items.jsonl.gz").read_bytes())
    return [json.loads(line) for line in items.splitlines()]


def test_the_same_seed_reproduces_every_sample_in_any_batches(run: Any, place: Path) -> None:
    before = figures(place)
    for stage in ("sample", "score"):
        shutil.rmtree(place / "work" / stage)
    assert run.call("run", "--batch-items", "72") == 0
    after = figures(place)
    assert [r["samples_sha256"] for r in after] == [r["samples_sha256"] for r in before]


def test_flips_train_anew(run: Any, place: Path) -> None:
    assert run.call("train", "--image.no-flips") == 0
    assert len(list((place / "work" / "score_net").iterdir())) == 2


def test_too_few_images_are_refused_in_one_sentence(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.call("run", "--test-items", "20") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: ")
    assert "20 images are too few" in said
    assert "64" in said


def test_a_missing_inception_file_is_named(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--image.extractor", "inception", "--image.extractor-weights", "nowhere.pth"]
    assert run.call("run", *arguments) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "nowhere.pth" in said
    assert "image.extractor_weights" in said


def test_a_wrong_size_is_refused(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.call("data", "--image.size", "28") == 2
    assert "image.size" in capsys.readouterr().err


def test_a_folder_of_images_without_labels_needs_another_extractor(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(700):
        Image.new("RGB", (36, 32), (i % 256, i // 256, 90)).save(tmp_path / f"{i}.bmp")
    assert run.call("train", "--data", str(tmp_path)) == 2
    assert "has no labels" in capsys.readouterr().err
    for i in range(630):
        (tmp_path / f"{i}.bmp").unlink()
    assert run.call("train", "--data", str(tmp_path)) == 2
    assert "has 7 images in its test split, too few for 64" in capsys.readouterr().err


def test_a_sampler_that_diverges_is_a_row_with_a_reason(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = ImageItems.finished

    def diverging(self: ImageItems, x_0: Tensor, convention: Convention) -> Tensor:
        if convention.name == "clipped":
            x_0[1] = float("nan")
        return finished(self, x_0, convention)

    monkeypatch.setattr(ImageItems, "finished", diverging)
    for _ in range(2):  # made, then found
        assert run.call("run", "--seed", "5", "--results", str(tmp_path / "out")) == 0
        rows = {row.key: row for row in RunResults.read(tmp_path / "out" / "images.json").rows}
        assert rows["clipped/ddpm-3"].skipped == "1 of 30 samples of a batch diverged"
        assert not rows["clipped/ddpm-3"].metrics
        assert rows["plain/ddpm-3"].n_total == 72
    assert checked(tmp_path / "out")


def test_networks_are_trained_anew_for_another_schedule_or_precision(
    run: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: True)
    assert run.call("train") == 0
    counts = []
    for change in ([], ["--training-schedule.end", "0.31"], ["--no-bf16"]):
        assert run.call("train", *change) == 0
        counts.append(
            [len(list((place / "work" / n).iterdir())) for n in ("score_net", "schedule_net")]
        )
    assert counts[1] == [counts[0][0] + 1, counts[0][1] + 2]  # two conventions
    assert counts[2] == [counts[1][0], counts[1][1] + 2]


def test_the_code_of_each_stage_has_every_function_that_ran(run: Any) -> None:
    assert run.unaccounted == set()
