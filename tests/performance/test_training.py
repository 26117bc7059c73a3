"""How much of a training update is the network's forward, backward and the optimiser."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from rich.console import Console
from torch import nn

from bddm_ref.training import train
from benchmarks.core.loading import load
from benchmarks.data.features import HOP, log_mel
from benchmarks.results.speed import OURS
from benchmarks.runtime.precision import suited
from benchmarks.runtime.progress import Progress
from benchmarks.studies.speed.case import Case
from benchmarks.studies.speed.stopwatch import Stopwatch
from benchmarks.studies.speed.subjects import missing

if TYPE_CHECKING:  # tracks need packages that not every machine with a GPU has
    from benchmarks.tracks.base import Track

UPDATES = 6
pytestmark = pytest.mark.benchmark(group="training-step")


def speech(device: torch.device) -> Track:
    """The track with white noise for recordings: speed does not depend on what is said."""
    from benchmarks.data.speech import Utterance  # noqa: PLC0415 (not everywhere)
    from benchmarks.tracks.speech.track import SpeechTrack  # noqa: PLC0415 (not everywhere)

    track = SpeechTrack(suited(load("cpu"), device), Progress(Console(quiet=True)), device)
    generator = torch.Generator().manual_seed(0)
    utterances = [
        Utterance(str(i), waveform, log_mel(waveform))
        for i in range(8)
        for waveform in [0.1 * torch.randn(200 * HOP, generator=generator)]
    ]
    track.recordings.__dict__["train"] = utterances
    return track


def images(device: torch.device) -> Track:
    """The track with random pictures."""
    from benchmarks.data.images import Images  # noqa: PLC0415 (not everywhere)
    from benchmarks.tracks.images.track import ImageTrack  # noqa: PLC0415 (not everywhere)

    track = ImageTrack(suited(load("images-cpu"), device), Progress(Console(quiet=True)), device)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (4096, 1, 28, 28), generator=generator, dtype=torch.uint8)
    track.pictures.__dict__["train"] = Images(pixels, None)
    track.pictures.__dict__["images"] = type("Set", (), {"shape": (1, 28, 28)})
    return track


@pytest.mark.slow
@pytest.mark.parametrize("make", [speech, images])
def test_training(case: Case, make: Callable[..., Track], monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        track, device = make(case.device), case.device
    except ImportError as error:
        pytest.skip(missing(error))
    config, updates = track.experiment.score_net, 2 if case.benchmark.disabled else UPDATES
    network: nn.Module = track.networks.build_score_net().to(device)
    watch = Stopwatch(device)
    for name in ("forward", "encode"):
        if hasattr(network, name):
            monkeypatch.setattr(network, name, watch.wrapped(getattr(network, name)))
    monkeypatch.setattr(torch.Tensor, "backward", watch.wrapped(torch.Tensor.backward))
    monkeypatch.setattr(torch.optim.AdamW, "step", watch.wrapped(torch.optim.AdamW.step))
    loss = track.networks.score_batch_loss(network)
    training = replace(config.training, steps=updates, checkpoint_every=updates)
    shares: list[float] = []
    losses: list[float] = []

    def run() -> None:
        shares.append(watch.share_of(lambda: losses.extend(train(network, loss, training)[1])))

    seconds = case.compare(f"{updates} updates of the {make.__name__} network", run, rounds=5)
    assert len(losses) == updates * len(shares)
    case.note(batch=config.batch_size, precision="bfloat16" if training.bf16 else "float32")
    case.figure(
        "share of time in forward, backward and optimiser",
        statistics.median(shares[-5:]),
        at_least=0.9,
        is_share=True,
    )
    case.figure("items per second", updates * config.batch_size / statistics.median(seconds[OURS]))
