"""Packing of code, data, weights and wheels for a machine that has torch and no network."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml

from bddm_ref.files import verify_checksum, write_with_checksum
from benchmarks.bundle.parts import MANIFEST, Manifest
from benchmarks.bundle.wheels import (
    BY_TRACK,
    EVERY_RUN,
    SPEED,
    Target,
    download,
    lacking,
    unknown_packages,
)
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.data.debian import DebianDataset, locate
from benchmarks.data.images import FASHION_MNIST
from benchmarks.data.speech import open_corpus, pack_corpus
from benchmarks.runtime import checkout
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.progress import Progress

CODE = ("bddm_ref", "metrics", "benchmarks")
SPEED_CODE = ("tests/performance", "tests/conftest.py", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
PACKAGED_IMAGES: dict[str, DebianDataset] = {"fashion-mnist": FASHION_MNIST}
SCRIPTS = ("setup.sh", "run.sh")
SPEED_SCRIPT = "speed.sh"
ROOM_LEFT = 50_000  # bytes for experiments and the manifest


@dataclass(frozen=True)
class Plan:
    """Order for a bundle.

    Attributes:
        experiments: name to experiment, resolved.
        folder: target folder, which must be empty or missing.
        limit: bytes of the whole folder; None: no limit.
        target: interpreter of the other machine.
        have: packages on the other machine.
        speed: whether the performance cases are packed.
    """

    experiments: Mapping[str, Experiment]
    folder: Path
    limit: int | None
    target: Target
    have: tuple[str, ...]
    speed: bool = False


@dataclass
class Bundle:
    """Contents of a finished bundle.

    Attributes:
        experiments: name to experiment, in the form for later stages at home.
        minutes: experiment to minutes of training speech.
        size: bytes of the folder.
    """

    experiments: dict[str, Experiment] = field(default_factory=dict)
    minutes: dict[str, float] = field(default_factory=dict)
    size: int = 0


def make_bundle(plan: Plan, progress: Progress) -> Bundle:
    """Make the folder; after an error the folder does not exist.

    Raises:
        ExperimentError: something cannot be packed, or does not fit; the message names the field
            or option.
    """
    folder = plan.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExperimentError(f"--to: {folder} exists and is not empty; name a new folder")
    half = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(half, ignore_errors=True)
    try:
        bundle = _filled(dataclasses.replace(plan, folder=half), progress)
        if folder.exists():
            folder.rmdir()
        half.rename(folder)
    except OSError as error:
        raise ExperimentError(f"--to: {folder} could not be made: {error}") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return bundle


def _filled(plan: Plan, progress: Progress) -> Bundle:
    folder, bundle = plan.folder, Bundle()
    origin = {"commit": checkout.commit(), "tree": checkout.tree_state()}
    packers = {"speech": _SpeechPacker, "images": _ImagePacker, "analytic": _Packer}
    jobs = {
        name: packers[one.track](name, one, plan, progress)
        for name, one in plan.experiments.items()
    }
    _write_code(plan, origin)
    for job in jobs.values():
        job.pack_fixed()
    _fetch_wheels(plan, progress)
    for name in (*SCRIPTS, *([SPEED_SCRIPT] if plan.speed else [])):
        shutil.copy(Path(__file__).parent / name, folder / name)
    room = None if plan.limit is None else plan.limit - size_of(folder) - ROOM_LEFT
    if room is not None and room <= 0:
        raise ExperimentError(
            f"--size: {size_of(folder) / 1e6:.1f} MB are full before the first training recording; "
            "allow more, or name the machine's packages in --have"
        )
    speech = sum(one.track == "speech" for one in plan.experiments.values())
    for name, job in jobs.items():
        bundle.experiments[name] = job.pack_rest(None if room is None else room // max(speech, 1))
        bundle.minutes |= {name: job.minutes} if job.minutes is not None else {}
        write_experiment(folder / "experiments" / f"{name}.yaml", job.there())
    experiments = {name: as_dict(one) for name, one in bundle.experiments.items()}
    manifest = Manifest(origin=origin, experiments=experiments, python=plan.target.python)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    bundle.size = size_of(folder)
    return bundle


def _fetch_wheels(plan: Plan, progress: Progress) -> None:
    wanted = {name for one in plan.experiments.values() for name in BY_TRACK[one.track]}
    wanted |= {*EVERY_RUN, *(SPEED if plan.speed else ())}
    if unknown := unknown_packages(plan.have):
        raise ExperimentError(
            f"--have: {', '.join(unknown)} is not installed here; check the spelling"
        )
    with progress.task("fetch wheels", None):
        needed = lacking(wanted, ("torch", *plan.have), plan.target)
        missing = download(needed, plan.target, plan.folder / "wheels")
    if missing:
        name, reason = next(iter(missing.items()))
        raise ExperimentError(
            f"--python {plan.target.python}: no wheel of {', '.join(missing)} ({name}: {reason}); "
            "give another version, or name the machine's packages in --have"
        )


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write_code(plan: Plan, origin: dict[str, str | None]) -> None:
    target = plan.folder / "code"
    for name in (*CODE, *(SPEED_CODE if plan.speed else ())):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=LEFT_OUT)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
    (target / checkout.PACKED).write_text(json.dumps(origin) + "\n")


def write_experiment(path: Path, experiment: Experiment) -> None:
    """Write an experiment as a YAML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(json.loads(json.dumps(as_dict(experiment))), sort_keys=False))


class _Packer:
    """Packer of one experiment; known distributions need no data."""

    minutes: float | None = None

    def __init__(self, name: str, experiment: Experiment, plan: Plan, progress: Progress) -> None:
        self.name, self.experiment, self.plan, self.progress = name, experiment, plan, progress
        self.data = experiment.data  # field ``data`` of the experiment in the bundle

    def pack_fixed(self) -> None:
        """Pack weights and contestants, whose size does not depend on the room left."""
        for name, weights in _weights(self.experiment):
            path = Path(weights)
            if path.is_absolute() or not (REPOSITORY / path).is_file():
                raise ExperimentError(
                    f"{name}: {path} is no file below {REPOSITORY}; copy the file there"
                )
            verify_checksum(REPOSITORY / path)
            copied = partial(shutil.copyfile, REPOSITORY / path)
            write_with_checksum(self.plan.folder / "code" / path, copied)
        for name, place in self.experiment.contestants.items():
            file = Path(place.rpartition(":")[0])
            if file.suffix == ".py":
                _copy(file, self.plan.folder / "contestants" / name / file.name)

    def pack_rest(self, room: int | None) -> Experiment:
        """Pack data up to ``room`` bytes, and return the experiment for later stages at home."""
        return self.experiment

    def there(self) -> Experiment:
        """The experiment inside the bundle, with paths relative to the bundle."""
        contestants = {}
        for name, place in self.experiment.contestants.items():
            file, _, attribute = place.rpartition(":")
            moved = f"contestants/{name}/{Path(file).name}:{attribute}"
            contestants[name] = moved if file.endswith(".py") else place
        return dataclasses.replace(self.experiment, data=self.data, contestants=contestants)


class _ImagePacker(_Packer):
    """Packer of image sets, which stay unchanged."""

    def pack_fixed(self) -> None:
        super().pack_fixed()
        data = self.experiment.data
        if data in PACKAGED_IMAGES:
            dataset = PACKAGED_IMAGES[data]
            cached = self.plan.folder / "cache" / "bddm-benchmark" / dataset.package
            _copy(locate(dataset, self.progress), cached / dataset.folder)
        else:
            self.data = f"data/{self.name}/{Path(data).resolve().name}"
            _copy(Path(data), self.plan.folder / self.data)


class _SpeechPacker(_Packer):
    """Packer of recordings as FLAC: all held-out ones, and as many training ones as fit."""

    def pack_rest(self, room: int | None) -> Experiment:
        """Pack held-out recordings, then training recordings up to ``room`` bytes."""
        self.data = f"data/{self.name}"
        corpus = open_corpus(self.experiment.data, self.progress)
        corpus = corpus.with_training(self.experiment.train_items)
        try:
            packed = pack_corpus(corpus, self.plan.folder / self.data, self.progress, room)
        except ValueError as error:
            raise ExperimentError(
                f"--size: {self.name}: {error} beside all other files; allow more"
            ) from error
        self.minutes = packed.train_minutes
        if packed.train_items < len(corpus.splits["train"]):
            self.experiment = dataclasses.replace(self.experiment, train_items=packed.train_items)
        return self.experiment


def _weights(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Yield each field that names weights, with its file."""
    named = {
        "score_net.weights": experiment.score_net.weights,
        "score_net.start": experiment.score_net.start,
        "image.extractor_weights": experiment.image.extractor_weights,
    }
    named |= {f"schedule_net.weights.{k}": v for k, v in experiment.schedule_net.weights.items()}
    yield from ((name, path) for name, path in named.items() if path is not None)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copyfile(source, target)
    else:
        raise ExperimentError(f"{source} does not exist; the bundle needs this file")
