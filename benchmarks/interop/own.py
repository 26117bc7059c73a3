"""Weights of this project: any network of any track, found by tensor names and shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from bddm_ref.files import SUMS, listed_in, sha256_of
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import EXACT, Convention, Experiment
from benchmarks.core.loading import load, names
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.fitting import state_from
from benchmarks.interop.sizes import diffwave_size, galr_size
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.progress import Progress
from benchmarks.tracks import TRACKS, make_track, track_class

Role = Literal["score_net", "schedule_net"]
Shapes = Mapping[str, torch.Size]
PUBLISHED = REPOSITORY / "results" / "weights"
UNTOLD = (
    "no .yaml beside the file names these weights: convention and training_schedule are not known, "
    "and sizes that no tensor shape shows may differ"
)


@dataclass(frozen=True)
class Described:
    """An experiment that names some weights.

    Attributes:
        experiment: the experiment.
        convention: the convention of a schedule network; None: a score network.
        file: the experiment's file or name.
        weights: the path that the experiment gives.
    """

    experiment: Experiment
    convention: Convention | None
    file: Path | str
    weights: Path


@dataclass(frozen=True)
class Candidate:
    """A network that a file may hold."""

    track: str
    role: Role
    network: str
    size: str  # JSON

    def build(self) -> nn.Module:
        """Make the network; only its names and shapes are used.

        Raises:
            KeyError, TypeError, ValueError, ArithmeticError: the network does not exist, or cannot
                have this size.
        """
        known = track_class(self.track).known_networks[self.role]
        # The constructor of the vocoder reads values of a buffer, which meta tensors lack.
        with torch.device("cpu" if self.network == "spectral_vocoder" else "meta"):
            # No tensor of our networks depends on the training schedule.
            return known[self.network](json.loads(self.size), NoiseSchedule((0.5,)))


class OwnLayout:
    """A network that this project has trained or imported."""

    title = "layout of this project's networks"

    def recognises(self, content: Content) -> bool:
        """Tell whether a network of this project has the same tensor names."""
        return _closest(content) is not None

    def names(self) -> frozenset[str]:
        """Names of tensors in all networks of the shipped experiments."""
        return frozenset(name for one in _shipped() for name in _shapes(one))

    def convert(self, content: Content) -> Imported:
        """Find the network that the file holds.

        Raises:
            UserError: a tensor is misshaped.
        """
        candidate = _closest(content)
        assert candidate is not None
        found = described(content.path)
        return Imported(
            layout=self.title,
            track=candidate.track,
            role=candidate.role,
            network=candidate.network,
            size=json.loads(candidate.size),
            state=state_from(content, candidate.build, lambda name: name),
            training=found.experiment.training_schedule if found else None,
            amplitude=found.experiment.score_net.amplitude if found else None,
            told=("T", "start", "end") if found else (),
            convention=found.convention if found else None,
            notes=(*_origin(content.path, found), *_published(content.path)),
        )


LAYOUT = OwnLayout()


def described(weights: Path) -> Described | None:
    """Find the experiment that names a weights file: a YAML file beside, or a shipped one."""
    for file in sorted(weights.parent.glob("*.yaml")):
        try:
            experiment = load(str(file))
        except ValueError:  # no experiment, or no text at all
            continue
        if found := _named_in(file, experiment, lambda path: path.name == weights.name):
            return found
    same = weights.resolve()
    for name, experiment in _experiments().items():
        if found := _named_in(name, experiment, lambda path: (REPOSITORY / path).resolve() == same):
            return found
    return None


@lru_cache(maxsize=1)
def _experiments() -> Mapping[str, Experiment]:
    """The shipped experiments, read once: a file may have many readings."""
    return {name: load(name) for name in names()}


def _named_in(
    told: Path | str, experiment: Experiment, is_meant: Callable[[Path], bool]
) -> Described | None:
    score, schedule = experiment.score_net.weights, experiment.schedule_net.weights
    if score is not None and is_meant(Path(score)):
        return Described(experiment, None, told, Path(score))
    conventions = {one.name: one for one in experiment.conventions}
    for name, path in schedule.items():  # such as raw, or raw/tau-62
        convention = conventions.get(name.partition("/")[0])
        if convention is not None and is_meant(Path(path)):
            return Described(experiment, convention, told, Path(path))
    return None


def _origin(weights: Path, found: Described | None) -> Iterator[str]:
    """Say where convention and training schedule come from, if that may be another file's."""
    if found is None:
        yield UNTOLD
    elif (REPOSITORY / found.weights).resolve() != weights.resolve():
        yield (
            f"convention and training_schedule are those of {found.file}, which names another file "
            "of this name"
        )


def _published(weights: Path) -> Iterator[str]:
    """Name the published weights that a file is, by its checksum."""
    digest = sha256_of(weights) if weights.is_file() else ""
    for listed, name in listed_in(PUBLISHED / SUMS):
        if listed == digest:
            yield f"its checksum is that of the published {name}"


def _closest(content: Content) -> Candidate | None:
    """Find the network with the file's tensor names whose shapes differ least; None: no network."""
    found = {name: value.shape for name, value in content.tensors.items()}
    candidates = (*_beside(content), *_read_off(content), *_shipped())
    fitting = [one for one in candidates if _shapes(one).keys() == found.keys()]

    def differences(candidate: Candidate) -> int:
        shapes = _shapes(candidate)
        return sum(shapes[name] != found[name] for name in found)

    return min(fitting, key=differences, default=None)


def _beside(content: Content) -> Iterator[Candidate]:
    found = described(content.path)
    if found is not None:
        yield from _of_experiment(found.experiment)


def _read_off(content: Content) -> Iterator[Candidate]:
    """Yield networks whose size follows from tensor shapes."""
    readers: tuple[tuple[Role, str, Callable[..., dict[str, Any]]], ...] = (
        ("score_net", "diffwave", diffwave_size),
        ("schedule_net", "galr", galr_size),
    )
    for role, network, read in readers:
        try:
            size = read(content, lambda name: name)
        except ValueError:
            continue
        yield Candidate("speech", role, network, json.dumps(size))


@lru_cache(maxsize=1)
def _shipped() -> tuple[Candidate, ...]:
    """Every network in its default size, and in the sizes of the shipped experiments."""
    found = [one for shipped in _experiments().values() for one in _of_experiment(shipped)]
    for name in TRACKS:
        known = track_class(name).known_networks
        trained = [network for network in known["score_net"] if network != EXACT]
        found += [Candidate(name, "score_net", network, "{}") for network in trained]
        found += [Candidate(name, "schedule_net", net, "{}") for net in known["schedule_net"]]
    return tuple(dict.fromkeys(found))


def _of_experiment(experiment: Experiment) -> Iterator[Candidate]:
    networks = make_track(experiment, Progress(), torch.device("cpu")).networks
    if networks.trains_score_net:
        net = experiment.score_net
        size = json.dumps(networks.sizes("score_net") | net.size)
        yield Candidate(experiment.track, "score_net", net.network, size)
    for convention in experiment.conventions:
        schedule = experiment.schedule_net
        size = json.dumps(networks.sizes("schedule_net", convention) | schedule.size)
        yield Candidate(experiment.track, "schedule_net", schedule.network, size)


@lru_cache(maxsize=256)
def _shapes(candidate: Candidate) -> Shapes:
    """Tensor names and shapes of a network; empty for an impossible network."""
    try:
        return {name: value.shape for name, value in candidate.build().state_dict().items()}
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return {}
