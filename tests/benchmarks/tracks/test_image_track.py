"""Parts of the image track on images that tell left from right, and one another."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from bddm_ref.checkpoint import save_weights
from bddm_ref.files import sha256_of
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention
from benchmarks.core.loading import load
from benchmarks.core.rows import Row
from benchmarks.data.images import Images
from benchmarks.data.pictures import read_picture
from benchmarks.data.pixels import scaled
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.images import judge as judging
from benchmarks.tracks.images.batch_judge import BatchJudge
from benchmarks.tracks.images.classifier import moved
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.gallery import write_grid
from benchmarks.tracks.images.judge import ImageJudge
from benchmarks.tracks.images.scored import FeatureSets, ScoredImages
from benchmarks.tracks.images.track import ImageTrack
from benchmarks.tracks.parts import DivergedError
from metrics.extractors import ClassifierExtractor, Extractor, ImageClassifier
from metrics.image import GaussianFit

PLAIN = Convention("plain")
EXPERIMENT = load("images-cpu")
SMALL = dataclasses.replace(
    EXPERIMENT, image=dataclasses.replace(EXPERIMENT.image, resamples=20, flips=True)
)


def track(experiment: Any = SMALL) -> ImageTrack:
    return ImageTrack(experiment, Progress(Console(quiet=True)), torch.device("cpu"))


def marked() -> Images:
    """One picture, black but for a white dot near its upper left corner."""
    pixels = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    pixels[0, 0, 5, 4] = 255
    return Images(pixels, torch.zeros(1, dtype=torch.int64))


def test_another_judge_or_reference_searches_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageJudge, "sha256", "one network")
    image = dataclasses.replace(SMALL.image, judge_reference=74)
    other = track(dataclasses.replace(SMALL, image=image))
    before = track().identity("search")
    assert other.identity("search") != before
    monkeypatch.setattr(ImageJudge, "sha256", "another network")
    assert track().identity("search") != before


def test_flips_are_left_to_right_and_half_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    one = track().pictures
    monkeypatch.setattr(Pictures, "train", marked())
    batch = one.batch(400, torch.Generator().manual_seed(0))
    kept, mirrored = batch[:, 0, 5, 4] == 1, batch[:, 0, 5, 23] == 1
    assert bool((kept ^ mirrored).all())
    assert 150 < int(mirrored.sum()) < 250
    plain = track(dataclasses.replace(SMALL, image=dataclasses.replace(SMALL.image, flips=False)))
    assert bool((plain.pictures.batch(50, torch.Generator())[:, 0, 5, 4] == 1).all())


def test_moved_images_cover_all_offsets_on_black() -> None:
    generator = torch.Generator().manual_seed(0)
    places = set()
    for _ in range(400):
        image = moved(scaled(marked().pixels), generator)
        assert image.shape == (1, 1, 28, 28)
        ((row, column),) = (image[0, 0] == 1).nonzero().tolist()
        assert float(image.sum()) == -(28 * 28) + 2
        places.add((row - 5, column - 4))
    assert places == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_a_diverged_image_is_no_black_one() -> None:
    x_0 = torch.zeros(3, 1, 28, 28)
    assert track().items.finished(x_0, PLAIN).unique().tolist() == [128]
    x_0[1, 0, 3, 3] = float("inf")
    with pytest.raises(DivergedError, match="1 of 3 samples of a batch diverged"):
        track().items.finished(x_0, PLAIN)


class Corner(Extractor):
    """Two features: the mean, and one pixel."""

    name, dimensions = "corner", 2
    distance_title, kernel_title = "FD-corner", "KD-corner"

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.seen: list[int] = []

    def features(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        found = images.float().flatten(1)
        return torch.stack([found.mean(1), found[:, 0]], dim=1)


class Still(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        return self.factor * x


def judge(factor: float, extractor: Corner) -> BatchJudge:
    reference = GaussianFit.of(torch.randn(50, 2, generator=torch.Generator().manual_seed(0)))
    search = dataclasses.replace(SMALL.search, judge_items=6, finalist_items=11)
    evaluated = EvaluatedNet(Still(factor), False)
    return BatchJudge(evaluated, extractor, reference, (1, 4, 4), search, batch=4)


def test_the_judge_takes_larger_batches_for_finalists_and_equal_noise_for_equal_trials() -> None:
    extractor, schedule = Corner(), NoiseSchedule((0.1, 0.3))
    one = judge(0.1, extractor)
    scores = [one(schedule, trial) for trial in (0, 1, 2, 0, 3)]
    assert scores[0] == scores[3]
    assert len({scores[0], scores[1], scores[2], scores[4]}) == 4
    assert extractor.seen == [6, 11, 11, 6, 6]
    assert all(score < 0 for (score,) in scores)


def test_the_judge_gives_a_diverged_schedule_no_score() -> None:
    extractor = Corner()
    (score,) = judge(float("inf"), extractor)(NoiseSchedule((0.1, 0.3)), 0)
    assert np.isnan(score)
    assert extractor.seen == []


def row(name: str, seeds: int, items: int) -> Row:
    return Row(PLAIN, name, 3, seeds, items)


def scores(rows: dict[Row, Tensor], others: int = 500) -> ScoredImages:
    source = torch.Generator().manual_seed(9)
    sets = FeatureSets(torch.randn(400, 2, generator=source), torch.randn(others, 2))
    records = [
        {"row": one.key, "seed": seed, "images": one.items, "classes": [1, 2]}
        for one in rows
        for seed in range(one.seeds)
    ]
    experiment = dataclasses.replace(SMALL, reference="ddpm-3")
    by_seed = {one: dict(enumerate(features.split(one.items))) for one, features in rows.items()}
    return ScoredImages(experiment, Corner(), by_seed, sets, records)


def test_pairs_share_seed_and_item() -> None:
    """Features that tell where an image came from: (seed, item)."""

    def named(seeds: int, items: int) -> Tensor:
        every = torch.cartesian_prod(torch.arange(seeds), torch.arange(items))
        return every.double() + torch.randn(seeds * items, 2).double() * 1e-3

    long, short = row("bddm", 2, 50), row("ddpm", 2, 10)
    found = scores({long: named(2, 50), short: named(2, 10)})
    a, b = (torch.cat(sets) for sets in found._paired_sets(long, short))
    assert (a.round() == b.round()).all()
    assert len(a) == 20
    assert found._common == 20
    evaluation = found.evaluate()
    (comparison,) = [c for c in evaluation.comparisons if c.row == "plain/bddm-3"]
    assert comparison.items == 20
    assert evaluation.rows["plain/bddm-3"].classes == [2, 4]


def test_a_floor_says_how_many_images_it_had() -> None:
    one = row("ddpm", 1, 300)
    found = scores({one: torch.randn(300, 2).double()}, others=120).evaluate()
    assert set(found.floors) == {"120"}
    assert found.floors["120"]["fd"].n == 120
    many = row("ddpm", 1, 450)
    found = scores({many: torch.randn(450, 2).double()}).evaluate()
    assert found.metrics["recall"].title == "Recall of 400"  # the reference has no more


def test_nothing_sampled_is_nothing_scored() -> None:
    assert scores({}).evaluate().rows == {}


def test_the_distance_is_named_after_the_classifiers_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "judge.safetensors"
    save_weights(ImageClassifier(1, 10), weights)
    weights.with_suffix(".json").write_text(json.dumps({"data": "fashion-mnist"}))
    one = track()
    one.judge.weights = weights
    one.pictures.__dict__["images"] = dataclasses.make_dataclass("Data", ["name", "shape"])(
        "fashion-mnist", (1, 28, 28)
    )
    assert isinstance(one.judge.extractor, ClassifierExtractor)
    assert one.judge.extractor.distance_title == f"FD-classifier-{sha256_of(weights)[:8]}"
    monkeypatch.setitem(judging.PUBLISHED, sha256_of(weights), "fmnist")
    del one.judge.__dict__["extractor"]
    assert one.judge.extractor.distance_title == "FD-fmnist"


def test_a_grey_grid(tmp_path: Path) -> None:
    cells = torch.arange(3, dtype=torch.uint8).mul(100)[:, None, None, None].expand(3, 1, 2, 2)
    write_grid(cells, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.mode == "L"
        pixels = np.asarray(grid)
    assert pixels[::2, ::2].tolist() == [[0, 100], [200, 0]]


def test_a_picture_is_turned_as_its_camera_said(tmp_path: Path) -> None:
    picture = Image.new("L", (8, 8))
    picture.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    picture.save(tmp_path / "x.png", exif=exif)
    assert (read_picture(tmp_path / "x.png", 8, 1)[0] == 255).nonzero().tolist() == [[0, 7]]
