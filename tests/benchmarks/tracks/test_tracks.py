"""Tracks refuse impossible experiments before any work is done."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from bddm_ref.extras.networks.diffwave_fast import FastDiffWave
from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.extras.networks.rescaled import RescaledScoreNet
from bddm_ref.networks.diffwave import DiffWave
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import (
    Convention,
    Experiment,
    LinearSchedule,
    RowConfig,
    ScheduleNetConfig,
    ScoreNetConfig,
)
from benchmarks.core.loading import load
from benchmarks.core.schedule_nets import taus_of
from benchmarks.data.features import HOP, log_mel
from benchmarks.data.images import Images, ImageSet, Part
from benchmarks.data.speech import Utterance
from benchmarks.runtime.progress import Progress
from benchmarks.stages.networks import net_keys
from benchmarks.tracks import make_track
from benchmarks.tracks.base import Track, Work
from benchmarks.tracks.images.track import ImageTrack
from benchmarks.tracks.speech.track import SpeechTrack
from metrics.mos import _dnsmos


def images_of(name: str, **counts: int) -> ImageSet:
    """A set of no pictures that says it has so many."""
    nothing = Images(torch.empty(0), None)
    parts = {split: Part(n, lambda advance: nothing) for split, n in counts.items()}
    return ImageSet(name, "0" * 64, (1, 28, 28), parts)


FASHION = images_of("fashion-mnist", train=55_000, valid=5_000, test=10_000)
"""As large as the real one, which these tests do not need."""


def track(experiment: Experiment, **changes: object) -> Track:
    changed = dataclasses.replace(experiment, **changes)
    made = make_track(changed, Progress(Console(quiet=True)), torch.device("cpu"))
    if isinstance(made, ImageTrack):
        made.pictures.__dict__["images"] = FASHION
    return made


def test_unknown_track() -> None:
    with pytest.raises(ExperimentError, match="track: 'music' is none of speech, images"):
        track(Experiment(), track="music")


@pytest.mark.parametrize(
    "name", ["cpu", "cpu-full", "smoke", "images-cpu", "images-smoke", "analytic"]
)
def test_shipped_experiments_are_possible(name: str) -> None:
    possible = track(load(name))
    possible.scores.refuse_unknown_metrics()
    possible.refuse_impossible()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"headline": ("pesq_wb_lqo",)}, "headline: 'pesq_wb_lqo' is no metric of the images"),
        ({"margins": {"stoi": 0.01}}, "margins: 'stoi' is no metric of the images track; use fd,"),
        ({"margins": {}}, "margins: fd has none"),
        (
            {"predicted_mos": ("dnsmos",)},
            "predicted_mos: 'dnsmos_ovrl_predicted' is no metric of the images track",
        ),
    ],
)
def test_metrics_of_another_track_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        track(load("images-cpu"), **changes).scores.refuse_unknown_metrics()


def test_speech_rows_have_all_clips() -> None:
    rows = (RowConfig("ddpm", (3,), items=5), RowConfig("ddpm", (1000,)))
    with pytest.raises(ExperimentError, match=r"rows: ddpm-3: items = 5 is for images"):
        track(load("cpu"), rows=rows).refuse_impossible()


def test_predicted_mos_is_a_metric_where_it_is_asked_for() -> None:
    headline = ("distillmos_predicted",)
    asked = track(load("cpu"), headline=headline, predicted_mos=("distillmos",))
    asked.scores.refuse_unknown_metrics()
    with pytest.raises(ExperimentError, match="headline: 'distillmos_predicted' is no metric"):
        track(load("cpu"), headline=headline).scores.refuse_unknown_metrics()


def test_a_missing_predictor_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "speechmos", None)  # as if it were not installed
    _dnsmos.cache_clear()
    with pytest.raises(ExperimentError, match=r"predicted_mos: DNSMOS needs .* install 'bddm-be"):
        track(load("cpu"), predicted_mos=("dnsmos",)).refuse_impossible()


def test_images_have_amplitude_1() -> None:
    with pytest.raises(ExperimentError, match="loud: images have amplitude 1, not 8"):
        track(load("images-cpu"), conventions=(Convention("loud", 8.0),)).refuse_impossible()


def test_a_batch_of_the_judge_that_is_too_small() -> None:
    search = dataclasses.replace(load("images-cpu").search, judge_items=63)
    with pytest.raises(ExperimentError, match=r"search\.judge_items: 63 images are too few"):
        track(load("images-cpu"), search=search).refuse_impossible()


def test_a_network_that_cannot_take_the_images() -> None:
    size = {"channels": 8, "multipliers": [1, 1, 1, 1], "blocks": 1, "attention": [], "groups": 4}
    score_net = dataclasses.replace(load("images-cpu").score_net, size=size)
    with pytest.raises(
        ExperimentError, match=r"score_net: images of \(28, 28\) need sides divisible by 8"
    ):
        track(load("images-cpu"), score_net=score_net).refuse_impossible()
    with pytest.raises(ExperimentError, match=r"^score_net\.network: 'u' is none of unet"):
        track(
            load("images-cpu"), score_net=dataclasses.replace(score_net, network="u")
        ).refuse_impossible()


def test_a_split_that_is_too_small() -> None:
    few = track(load("images-cpu"))
    assert isinstance(few, ImageTrack)
    few.pictures.__dict__["images"] = images_of("mine", train=500, valid=63, test=70)
    with pytest.raises(ExperimentError, match="mine has 63 images in its valid split, too few for"):
        few.refuse_impossible()


def test_known_distributions_have_amplitude_1() -> None:
    loud = track(load("analytic"), conventions=(Convention("loud", 8.0),))
    with pytest.raises(ExperimentError, match="loud: known distributions have amplitude 1, not 8"):
        loud.refuse_impossible()


def test_only_exact_scores_need_samples_for_moments() -> None:
    few = {"data": "gaussian-16", "conventions": (Convention("few"),), "test_items": 200}
    track(load("networks-analytic-short"), **few).refuse_impossible()
    with pytest.raises(ExperimentError, match="200 samples do not determine the moments of 1000"):
        track(load("analytic"), **few).refuse_impossible()


def test_exact_scores_stay_on_the_cpu() -> None:
    on_a_gpu = make_track(load("analytic"), Progress(Console(quiet=True)), torch.device("cuda"))
    with pytest.raises(ExperimentError, match="device: the analytic track runs on the CPU"):
        on_a_gpu.refuse_impossible()


def test_a_network_may_be_trained_on_recordings_as_they_are() -> None:
    """As imported ones: their amplitude decides how a convention is seen, and what is kept."""
    net = torch.nn.Identity()
    usual = track(Experiment())
    own = track(Experiment(score_net=ScoreNetConfig(amplitude=1.0)))
    loud, raw = Convention("scaled", 8.0), Convention("raw", 1.0)
    assert usual.networks.for_convention(net, loud) is net
    assert own.networks.for_convention(net, raw) is net
    seen = own.networks.for_convention(net, loud)
    assert isinstance(seen, RescaledScoreNet)
    assert seen.factor == 1 / 8
    works: tuple[Work, ...] = ("train", "search", "sample")
    for work in works:
        assert "network_amplitude" not in usual.identity(work)
        assert own.identity(work)["network_amplitude"] == 1.0


@pytest.mark.parametrize(
    ("network", "changes", "form", "dtype"),
    [
        ("diffwave", {"bf16": False}, FastDiffWave, torch.float32),
        ("diffwave", {"bf16": True}, FastDiffWave, torch.bfloat16),
        ("diffwave", {"compile": "default", "bf16": False}, DiffWave, None),
        ("diffwave_lmnt", {}, LmntDiffWave, None),
    ],
)
def test_score_networks_are_evaluated_in_their_fast_form(
    network: str, changes: dict[str, Any], form: type[nn.Module], dtype: torch.dtype | None
) -> None:
    size = {"layers": 2, "channels": 4, "embedding": (4, 5, 6)}
    made = track(Experiment(score_net=ScoreNetConfig(network=network, size=size)), **changes)
    fast = made.networks.for_inference(made.networks.build_score_net())
    assert type(fast) is form
    assert getattr(fast, "dtype", None) is dtype
    assert not any("parametrizations" in name for name, _ in fast.named_parameters())


def test_folded_weights_are_rounded_once_where_autocast_would_do_it_each_time() -> None:
    size = {"layers": 2, "channels": 4, "embedding": (4, 5, 6)}
    made = track(Experiment(score_net=ScoreNetConfig(network="diffwave", size=size)))
    network = inference_form(made.networks.build_score_net(), bf16=True, as_it_is=True)
    assert isinstance(network, DiffWave)
    assert network.gather.weight.dtype == torch.bfloat16
    assert network.blocks[1].dilated.weight.dtype == torch.bfloat16
    assert network.gather.bias.dtype == torch.float32


@pytest.mark.parametrize("name", ["images-cpu", "analytic"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"train_items": 5}, "train_items"), ({"score_net": ScoreNetConfig(draws=2)}, "draws")],
)
def test_fields_of_speech_are_refused_elsewhere(
    name: str, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ExperimentError, match=f"{field}: the [a-z]+ track has no use for it"):
        track(load(name), **changes)


def speech_of(**changes: Any) -> Track:
    made = track(Experiment(score_net=ScoreNetConfig(batch_size=3, crop_frames=16, **changes)))
    assert isinstance(made, SpeechTrack)
    generator = torch.Generator().manual_seed(0)
    made.recordings.__dict__["train"] = [
        Utterance(str(i), wave, log_mel(wave))
        for i in range(2)
        for wave in [torch.randn(40 * HOP, generator=generator)]
    ]
    return made


class Watched(nn.Module):
    """Counts the crops it encodes and the noisy crops it denoises."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[torch.Tensor] = []
        self.seen: list[torch.Tensor] = []

    def encode(self, log_mel: torch.Tensor) -> torch.Tensor:
        self.encoded.append(log_mel)
        return log_mel

    def forward(
        self, x: torch.Tensor, alpha: torch.Tensor, condition: torch.Tensor
    ) -> torch.Tensor:
        self.seen.append(condition)
        assert len(x) == len(alpha) == len(condition)
        return torch.zeros_like(x)


def test_a_crop_is_encoded_once_for_all_its_draws() -> None:
    net = Watched()
    loss = speech_of(draws=4).networks.score_batch_loss(net)(0, torch.Generator().manual_seed(1))
    assert loss.isfinite()
    ((encoded,), (seen,)) = net.encoded, net.seen
    assert len(encoded) == 3
    assert torch.equal(seen, encoded.repeat_interleave(4, dim=0))


def test_tau_of_the_papers_follows_the_length() -> None:
    papers = Experiment()
    assert [taus_of(papers, steps) for steps in (3, 7, 12, 16)] == [(333,), (142,), (83,), (62,)]
    assert taus_of(papers, 7, tuned=True) == (142, 333, 62)
    assert taus_of(papers, 3, tuned=True) == (333, 62)  # each once
    short = Experiment(training_schedule=LinearSchedule(T=12))
    assert taus_of(short, 2, tuned=True) == (6, 4)  # no tau of a length above T
    fixed = Experiment(schedule_net=ScheduleNetConfig(tau=330))
    assert taus_of(fixed, 7) == taus_of(fixed, 7, tuned=True) == (330,)
    for wrong in (1, 1001):
        with pytest.raises(ExperimentError, match="tau = T/N needs lengths of 2 to 1000, not"):
            taus_of(papers, wrong)


def test_schedule_networks_of_a_search() -> None:
    papers = Experiment()
    literal = [key.name(papers) for key in net_keys(papers, "raw", "paper")]
    assert literal == ["raw/tau-333", "raw/tau-142", "raw/tau-83", "raw/tau-62"]
    assert set(net_keys(papers, "raw", "tuned")) == set(net_keys(papers, "raw", "paper"))
    assert net_keys(papers, "raw", "constants") == []
    again = net_keys(papers, "raw", "released-loss", repeat=2)[0]
    assert again.name(papers) == "raw/released/tau-333/repeat-2"
    fixed = Experiment(schedule_net=ScheduleNetConfig(tau=330))
    assert [key.name(fixed) for key in net_keys(fixed, "raw", "tuned")] == ["raw"]
    assert net_keys(fixed, "raw", "tuned", 1)[0].name(fixed) == "raw/repeat-1"
