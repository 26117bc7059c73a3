"""What the performance cases run: networks with random weights, and those that are published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import soundfile
import torch
from rich.console import Console
from torch import Tensor, nn

from bddm_ref.checkpoint import load_weights
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.features import HOP, SAMPLE_RATE, log_mel
from benchmarks.experiment import load
from benchmarks.precision import multiplies_bf16
from benchmarks.progress import Progress
from benchmarks.protocol import EvaluatedNet
from benchmarks.report.check import read_results
from benchmarks.tracks import make_track

Network = TypeVar("Network", bound=nn.Module)
RESULTS = Path(__file__).resolve().parents[2] / "results"
RECORDING = RESULTS / "wav" / "ru_0094-recording.wav"
EXPERIMENTS = {"speech": "cpu-full", "images": "images-cpu-full", "analytic": "analytic"}
CONVENTIONS = {"speech": "scaled", "images": "plain", "analytic": "gaussian-16"}


def seeded(make: Callable[[], Network], device: torch.device) -> Network:
    """A network with random weights, its zero-initialised layers too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make()
        for parameter in network.parameters():
            if not bool(parameter.any()):
                nn.init.normal_(parameter, std=0.05)
    return network.to(device).eval().requires_grad_(False)


def noise(*shape: int, device: torch.device) -> Tensor:
    """White noise, the same in every run."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(device)


@dataclass(frozen=True)
class Subject:
    """A track's published network as its runs evaluate it, in its first convention."""

    track: str
    net: EvaluatedNet
    shape: tuple[int, ...]  # of an item
    condition: Callable[[int], Any]  # of so many items
    seconds_of_audio: float | None  # of an item

    def schedule(self, steps: int) -> NoiseSchedule:
        """The published searched schedule, or the training schedule."""
        betas = self._row(steps).betas
        if betas is None:
            linear = load(EXPERIMENTS[self.track]).training_schedule
            return NoiseSchedule.linear(linear.T, linear.start, linear.end)
        return NoiseSchedule(tuple(betas))

    def quality(self, steps: int) -> dict[str, float]:
        """What the published results give the row of this length, by title of the metric."""
        results = read_results(RESULTS / f"{self.track}.json")
        row = self._row(steps)
        found = ((results.metrics[name].title, row.metrics.get(name)) for name in self._headline)
        return {
            title: one.value for title, one in found if one is not None and one.value is not None
        }

    @property
    def _headline(self) -> list[str]:
        headline: list[str] = list(load(EXPERIMENTS[self.track]).headline)
        return headline

    def _row(self, steps: int) -> Any:
        contestant = "ddpm" if steps == 1000 else "bddm"
        key = f"{CONVENTIONS[self.track]}/{contestant}-{steps}"
        return next(r for r in read_results(RESULTS / f"{self.track}.json").rows if r.key == key)


def subject(name: str, device: torch.device) -> Subject:
    """The published network of a track."""
    experiment = load(EXPERIMENTS[name])
    track = make_track(experiment, Progress(Console(quiet=True)), device)
    convention = next(one for one in experiment.conventions if one.name == CONVENTIONS[name])
    network = track.build_score_net()
    if experiment.score_net.weights is not None:
        load_weights(network, RESULTS.parent / experiment.score_net.weights)
    network = network.to(device).eval().requires_grad_(False)
    bf16 = experiment.bf16 and multiplies_bf16(device)
    net = EvaluatedNet(track.for_convention(track.for_inference(network), convention), bf16)
    if name != "speech":
        return Subject(name, net, track.item_shape(convention), lambda items: None, None)
    waveform = torch.from_numpy(soundfile.read(RECORDING, dtype="float32")[0])
    mel = log_mel(waveform).to(device)

    def condition(items: int) -> Any:
        with torch.inference_mode(), net.precision(device):
            return network.encode(mel.expand(items, -1, -1))  # type: ignore[operator]

    frames = mel.shape[-1] - 1
    return Subject(name, net, (frames * HOP,), condition, frames * HOP / SAMPLE_RATE)
