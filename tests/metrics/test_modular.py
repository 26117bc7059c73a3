"""The torchmetrics classes: items and their failures, merging, torchmetrics' own FID and KID."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from metrics.extractors import Extractor
from metrics.image import GaussianFit, TooFewImagesError, frechet_distance
from metrics.items import REASONS, Failure, ItemScore
from metrics.speech import SPEECH_METRICS
from synthetic.offset import Offset

pytestmark = pytest.mark.slow  # the first test imports torchmetrics
RAMP = torch.arange(8.0)
SILENT = torch.zeros(8)
BROKEN = torch.full((8,), math.nan)


@pytest.fixture(scope="module")
def modular() -> ModuleType:
    """The module, which takes seconds to import: only the process that tests it does."""
    return importlib.import_module("metrics.modular")


@pytest.fixture
def scores(modular: ModuleType) -> Callable[..., Any]:
    """Makes the class of scores of an offset, with one batch of these offsets, if any."""

    def made(*offsets: float) -> Any:
        metric = modular.ItemScores(Offset)
        if offsets:
            batch = torch.stack([RAMP + offset for offset in offsets])
            metric.update(batch, RAMP.repeat(len(offsets), 1))
        return metric

    return made


def as_pairs(scores: list[ItemScore]) -> list[tuple[float | None, str | None]]:
    """Replace NaN, which is not equal to itself, by None."""
    return [(None if math.isnan(s.value) else s.value, s.reason) for s in scores]


def test_compute_is_the_mean_of_the_items(scores: Callable[..., Any]) -> None:
    metric = scores(1.0, 4.0)
    metric.update(RAMP + 4.0, RAMP)  # (L,) is one item
    assert metric.compute() == 3.0
    assert metric.item_scores() == [ItemScore(1.0), ItemScore(4.0), ItemScore(4.0)]


def test_failed_items_have_reasons_and_stay_out_of_the_mean(scores: Callable[..., Any]) -> None:
    metric = scores()
    preds = torch.stack([RAMP + 2.0, SILENT, BROKEN, RAMP, RAMP + 9.0, RAMP + 4.0])
    target = torch.stack([RAMP, RAMP, RAMP, SILENT, RAMP, RAMP])
    metric.update(preds, target)
    failures = [0, Failure.SILENT_PREDS, Failure.NOT_FINITE, Failure.SILENT_TARGET]
    failures += [Failure.NO_VALUE, 0]
    assert metric.compute() == 3.0
    assert (metric.n_scored, metric.n_total) == (2, 6)
    assert [score.reason for score in metric.item_scores()] == [REASONS[code] for code in failures]
    assert [math.isnan(score.value) for score in metric.item_scores()] == list(map(bool, failures))


def test_no_scored_item_gives_nan(scores: Callable[..., Any]) -> None:
    metric = scores()
    metric.update(SILENT, RAMP)
    assert math.isnan(metric.compute())
    assert (metric.n_scored, metric.n_total) == (0, 1)


def test_an_unused_metric_is_nan_and_torchmetrics_says_so(scores: Callable[..., Any]) -> None:
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert math.isnan(scores().compute())
    assert scores().item_scores() == []


def test_two_processes_merge_to_one(scores: Callable[..., Any]) -> None:
    first, second, both = scores(1.0, 2.0), scores(9.0, 6.0), scores(1, 2, 9, 6)
    second.merge_state(first)  # torchmetrics puts the incoming items first
    assert second.compute() == both.compute()
    assert as_pairs(second.item_scores()) == as_pairs(both.item_scores())


def test_gathered_states_are_tensors_and_still_readable(scores: Callable[..., Any]) -> None:
    metric, both = scores(1.0, 9.0), scores(1.0, 9.0, 1.0, 9.0)

    def gather(state: Tensor, group: object) -> list[Tensor]:
        return [state, state]

    metric.sync(dist_sync_fn=gather, distributed_available=lambda: True)
    assert isinstance(metric.values, Tensor)
    assert as_pairs(metric.item_scores()) == as_pairs(both.item_scores())
    assert (metric.n_scored, metric.n_total) == (2, 4)


def test_forward_returns_the_batch_and_accumulates(scores: Callable[..., Any]) -> None:
    metric = scores()
    assert metric(RAMP + 1.0, RAMP) == 1.0
    assert metric(RAMP + 3.0, RAMP) == 3.0
    assert metric.compute() == 2.0
    metric.reset()
    assert metric.n_total == 0


def test_inputs_are_left_alone_in_any_dtype(scores: Callable[..., Any]) -> None:
    preds, target = (RAMP + 1.0).bfloat16(), RAMP.bfloat16()
    before = preds.clone()
    metric = scores()
    metric.update(preds, target)
    assert torch.equal(preds, before)
    assert metric.compute() == 1.0


@pytest.mark.parametrize("target", [torch.ones(7), torch.ones(1, 8), torch.ones(2, 2, 2)])
def test_shapes_that_differ_are_the_callers_mistake(
    scores: Callable[..., Any], target: Tensor
) -> None:
    with pytest.raises(ValueError, match=r"offset wants \(B, L\) or \(L,\)"):
        scores().update(RAMP, target)


@pytest.mark.parametrize("name", ["ls_mse", "mcd"])
def test_a_speech_metric_scores_as_its_function(modular: ModuleType, name: str) -> None:
    clean, noise = np.random.default_rng(0).normal(size=(2, 4_096))
    metric = SPEECH_METRICS[name]
    found = modular.ItemScores(metric, 22_050)
    found.update(torch.tensor(np.stack([noise, clean])), torch.tensor(np.stack([clean, clean])))
    values = [metric.score(noise, clean, 22_050), metric.score(clean, clean, 22_050)]
    assert [score.value for score in found.item_scores()] == values
    assert values[0] != metric.score(noise, clean, 16_000)  # the sample rate counts
    flags = (found.higher_is_better, found.is_differentiable, found.full_state_update)
    assert flags == (False, False, False)


class Given(nn.Module):
    """An extractor that passes features, given as images, to torchmetrics."""

    num_features = 6

    def forward(self, images: Tensor) -> Tensor:
        return images.double().flatten(1) / 16


class GivenExtractor(Extractor):
    dimensions = 6
    name = "given"

    def features(self, images: Tensor) -> Tensor:
        return Given()(images)


def pictures(n: int, seed: int, high: int = 256) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(high, (n, 3, 1, 2), generator=generator, dtype=torch.uint8)


def normal(n: int, d: int, seed: int, mean: float = 0.0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return mean + scale * torch.randn(n, d, generator=generator)


def test_torchmetrics_fid_on_the_same_features(modular: ModuleType) -> None:
    fid = importlib.import_module("torchmetrics.image.fid")
    real, made = pictures(300, 0), pictures(200, 1, 200)
    theirs = fid.FrechetInceptionDistance(feature=Given(), normalize=False)
    theirs.set_dtype(torch.float64)
    ours = modular.FrechetDistance(GivenExtractor())
    for metric in (theirs, ours):
        metric.update(real, real=True)
        metric.update(made, real=False)
    direct = frechet_distance(*(GaussianFit.of(Given()(x)) for x in (made, real)))
    assert float(ours.compute()) == pytest.approx(direct, rel=1e-9)
    assert float(theirs.compute()) == pytest.approx(direct, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_torchmetrics_kid_on_the_same_features(modular: ModuleType) -> None:
    kid = importlib.import_module("torchmetrics.image.kid")
    real, made = pictures(150, 0), pictures(150, 1, 200)
    theirs = kid.KernelInceptionDistance(feature=Given(), subsets=1, subset_size=150)
    ours = modular.KernelDistance(GivenExtractor())
    for metric in (theirs, ours):
        metric.update(real, real=True)
        metric.update(made, real=False)
    assert float(ours.compute()) == pytest.approx(float(theirs.compute()[0]), rel=1e-6)


@pytest.fixture(params=["frechet", "kernel"])
def make(request: pytest.FixtureRequest, modular: ModuleType) -> Callable[[], Any]:
    """Makes a distance of five features."""
    if request.param == "kernel":
        return modular.KernelDistance
    return lambda: modular.FrechetDistance(dimensions=5)


def test_batches_and_merging_change_nothing(make: Callable[[], Any]) -> None:
    real, made = normal(90, 5, 0), normal(80, 5, 1, 0.3)
    whole, parts = make(), make()
    whole.update(real, real=True)
    whole.update(made, real=False)
    for part in real.split(7):
        parts.update(part, real=True)
    for part in made.split(33):
        parts.update(part, real=False)
    assert float(parts.compute()) == pytest.approx(float(whole.compute()), rel=1e-9)
    parts.reset()
    parts.update(real, real=True)
    parts.update(real + 1, real=False)
    assert float(parts.compute()) > float(whole.compute())


def test_two_processes_states_add_up(make: Callable[[], Any]) -> None:
    real, made = normal(90, 5, 0), normal(80, 5, 1, 0.3)
    whole, first, second = make(), make(), make()
    for metric, rows in ((whole, slice(None)), (first, slice(0, 40)), (second, slice(40, None))):
        metric.update(real[rows], real=True)
        metric.update(made[rows], real=False)
    first.merge_state(second)
    assert float(first.compute()) == pytest.approx(float(whole.compute()), rel=1e-9)


def test_mistakes_get_one_sentence(modular: ModuleType) -> None:
    metric = modular.FrechetDistance(dimensions=8)
    metric.update(normal(9, 8, 0), real=True)
    metric.update(normal(7, 8, 0), real=False)
    with pytest.raises(TooFewImagesError, match="7 images are too few"):
        metric.compute()
    with pytest.raises(ValueError, match="give an extractor"):
        modular.FrechetDistance()
    for other in (1, 5):  # one dimension would be broadcast
        with pytest.raises(ValueError, match=f"of {other} dimensions do not fit a distance of 8"):
            metric.update(normal(9, other, 0), real=True)
    kernel = modular.KernelDistance()
    kernel.update(normal(1, 2, 0), real=True)
    assert math.isnan(float(kernel.compute()))
    with pytest.raises(ValueError, match="of 3 dimensions do not fit a distance of 2"):
        kernel.update(normal(9, 3, 0), real=False)
    for kind in (modular.FrechetDistance, modular.KernelDistance):
        with pytest.raises(ValueError, match="uint8 from 0 to 255, not float32 from 0 to 1"):
            kind(GivenExtractor()).update(pictures(4, 0, 2).float(), real=True)
