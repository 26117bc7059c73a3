"""What the performance cases run: networks with random weights, and those that are published."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import soundfile
import torch
from rich.console import Console
from torch import Tensor, nn

from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.features import HOP, SAMPLE_RATE, log_mel
from benchmarks.experiment import load
from benchmarks.precision import in_float32, suited
from benchmarks.progress import Progress
from benchmarks.protocol import EvaluatedNet
from benchmarks.report.check import read_results
from benchmarks.stages.context import REPOSITORY, Context
from benchmarks.stages.train import load_score_net
from benchmarks.tracks.speech import encode
from benchmarks.workspace import Workspace

Network = TypeVar("Network", bound=nn.Module)
RESULTS = REPOSITORY / "results"
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
    device: torch.device
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


def subject(name: str, device: torch.device, float32: bool = False) -> Subject:
    """The published network of a track; known distributions are on the CPU whatever is asked.

    Args:
        name: of the track.
        device: where it runs.
        float32: even where the device has bfloat16.
    """
    device = torch.device("cpu") if name == "analytic" else device
    experiment = load(EXPERIMENTS[name])
    experiment = in_float32(experiment) if float32 else suited(experiment, device)
    experiment = dataclasses.replace(experiment, device=str(device))
    context = Context(experiment, Workspace(Path("unused")), Progress(Console(quiet=True)))
    track, weights = context.track, experiment.score_net.weights
    convention = next(one for one in experiment.conventions if one.name == CONVENTIONS[name])
    if weights is None:
        network = track.build_score_net()
    else:
        network = load_score_net(context, REPOSITORY / weights)
    net = EvaluatedNet(track.for_convention(network, convention), experiment.bf16)
    if name != "speech":
        return Subject(name, device, net, track.item_shape(convention), lambda items: None, None)
    waveform = torch.from_numpy(soundfile.read(RECORDING, dtype="float32")[0])
    mel = log_mel(waveform).to(device)

    def condition(items: int) -> Any:
        with torch.no_grad(), net.precision(device):
            return encode(network, mel.expand(items, -1, -1))

    frames = mel.shape[-1] - 1
    return Subject(name, device, net, (frames * HOP,), condition, frames * HOP / SAMPLE_RATE)
