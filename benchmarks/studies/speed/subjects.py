"""Subjects of the performance cases: published networks, or random ones in their place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from bddm_ref.files import DamagedFileError
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.loading import load
from benchmarks.data.features import HOP, SAMPLE_RATE, log_mel
from benchmarks.results.examples import Examples, examples_of
from benchmarks.results.forms import document_file
from benchmarks.results.schema import RunResults
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.precision import in_float32, suited
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.studies.speed.random_nets import UNET, VOCODER, random_net

RESULTS = REPOSITORY / "results"
EXPERIMENTS = {"speech": "cpu-full", "images": "images-cpu-full", "analytic": "analytic"}
CONVENTIONS = {"speech": "scaled", "images": "plain", "analytic": "gaussian-16"}
RANDOM = {"speech": VOCODER, "images": UNET}


@dataclass(frozen=True)
class Subject:
    """A track's network in the form of its runs, in the track's first convention.

    Attributes:
        track: name of the track.
        device: device of the network.
        net: the network in its precision, for samplers.
        shape: shape of an item.
        condition: number of items to their condition.
        seconds_of_audio: seconds of audio in an item; None: no audio.
        not_published: reason why weights are random and schedules are sub-sequences; None: weights
            and schedules are the published ones.
    """

    track: str
    device: torch.device
    net: EvaluatedNet
    shape: tuple[int, ...]
    condition: Callable[[int], Any]
    seconds_of_audio: float | None
    not_published: str | None = None

    def schedule(self, steps: int) -> NoiseSchedule:
        """The published searched schedule, or the training schedule."""
        linear = load(EXPERIMENTS[self.track]).training_schedule
        training = NoiseSchedule.linear(linear.T, linear.start, linear.end)
        if self.not_published is not None:
            return training.subsequence(steps)
        betas = self._row(steps).betas
        return training if betas is None else NoiseSchedule(tuple(betas))

    def quality(self, steps: int) -> dict[str, float]:
        """Published scores of the row with these steps, by title of the metric."""
        if self.not_published is not None:
            return {}
        results = RunResults.read(RESULTS / f"{self.track}.json")
        row = self._row(steps)
        found = ((results.metrics[name].title, row.metrics.get(name)) for name in self._headline)
        return {
            title: one.value for title, one in found if one is not None and one.value is not None
        }

    @property
    def notes(self) -> dict[str, str]:
        """Note on random weights; empty for published weights."""
        return {} if self.not_published is None else {"weights": f"random, {self.not_published}"}

    @property
    def _headline(self) -> list[str]:
        headline: list[str] = list(load(EXPERIMENTS[self.track]).headline)
        return headline

    def _row(self, steps: int) -> Any:
        contestant = "ddpm" if steps == 1000 else "bddm"
        key = f"{CONVENTIONS[self.track]}/{contestant}-{steps}"
        return next(r for r in RunResults.read(RESULTS / f"{self.track}.json").rows if r.key == key)


def subject(name: str, device: torch.device, float32: bool = False) -> Subject:
    """The published network of a track, or a random network of the same size in its place.

    Known distributions always run on the CPU.

    Args:
        name: name of the track.
        device: device of the network.
        float32: use float32 even if the device has bfloat16.

    Raises:
        ImportError: a package for known distributions is missing; no random network replaces the
            exact score.
    """
    lacking = _lacking(name)
    if lacking is None:
        return _published(name, device, float32)
    if name not in RANDOM:
        raise ImportError(lacking)
    frames = load(EXPERIMENTS[name]).clip_frames
    made = random_net(RANDOM[name], device, frames, float32=float32)
    return Subject(
        name, device, made.net, made.shape, made.condition, made.seconds_of_audio, lacking
    )


def _lacking(name: str) -> str | None:
    """Reason why a track's published network is unavailable; None: available."""
    weights = load(EXPERIMENTS[name]).score_net.weights
    files = [
        document_file(RESULTS, f"{name}.json"),
        *([] if weights is None else [REPOSITORY / weights]),
    ]
    if not all(file.is_file() for file in files):
        return "as the published weights and schedules are not here"
    try:
        from benchmarks.stages import train  # noqa: F401, PLC0415 (stages need all packages)
    except ImportError as error:
        return f"as {missing(error)}"
    return None


def missing(error: ImportError) -> str:
    """Message about the package that an import lacks."""
    return f"the package {error.name} is not installed" if error.name else str(error)


def _published(name: str, device: torch.device, float32: bool) -> Subject:
    from benchmarks.stages.context import Context  # noqa: PLC0415 (stages need all packages)
    from benchmarks.stages.networks import load_score_net  # noqa: PLC0415

    device = torch.device("cpu") if name == "analytic" else device
    experiment = load(EXPERIMENTS[name])
    experiment = in_float32(experiment) if float32 else suited(experiment, device)
    experiment = dataclasses.replace(experiment, device=str(device))
    context = Context(experiment, Workspace(Path("unused")), Progress(Console(quiet=True)))
    track, weights = context.track, experiment.score_net.weights
    convention = next(one for one in experiment.conventions if one.name == CONVENTIONS[name])
    if weights is None:
        network = track.networks.build_score_net()
    else:
        network = load_score_net(context, REPOSITORY / weights)
    net = EvaluatedNet(track.networks.for_convention(network, convention), experiment.bf16)
    if name != "speech":
        return Subject(name, device, net, track.items.shape(convention), lambda items: None, None)
    mel = log_mel(_recording()).to(device)

    def condition(items: int) -> Any:
        with torch.no_grad(), net.precision(device):
            return network.encode(mel.expand(items, -1, -1))  # type: ignore[operator]

    frames = mel.shape[-1] - 1
    return Subject(name, device, net, (frames * HOP,), condition, frames * HOP / SAMPLE_RATE)


def published_audio() -> Examples:
    """The audio beside the published results of speech.

    Raises:
        DamagedFileError: a file is missing or altered, or there are no recordings.
    """
    document = document_file(RESULTS, "speech.json")
    found = examples_of(document, RunResults.read(document))
    if not found.recordings:
        raise DamagedFileError(f"{document} has no recordings; publish a run with wav_items")
    return found


def _recording() -> Tensor:
    """Read the first published recording, ``(L,)`` in [-1, 1]."""
    import soundfile  # noqa: PLC0415 (random networks do without it)

    first = next(iter(published_audio().recordings.values()))
    samples, _ = soundfile.read(first, dtype="float32")
    return torch.from_numpy(samples)
