"""Whole runs on tiny experiments and a whole results folder, each made once for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import soundfile
from ran import unaccounted

from benchmarks.cli.app import main
from benchmarks.runtime import checkout
from synthetic.folder import write_results

TINY = Path(__file__).parent / "tiny"
SMALL = {
    "benchmarks.searches.beta_grid.LISTS": 27,  # of 3 steps: three values of k
    "benchmarks.tracks.analytic.data.REFERENCE": 1000,
    "benchmarks.tracks.analytic.data.JUDGE_REFERENCE": 400,
}
"""Counts of the product that no experiment can make smaller, and those of tiny runs."""


@pytest.fixture(scope="session", autouse=True)
def _checks_outside_the_users_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("benchmarks.data.checked.cache_folder", lambda: folder)
        yield


@dataclass(frozen=True)
class TinyRun:
    """A finished run of ``tiny/NAME.yaml``.

    Attributes:
        root: has ``data``, the workspace ``work``, the results ``out`` and ``tiny.yaml``.
        takes_data: whether the experiment reads files.
        unaccounted: functions that ran and are not in the code of their stage.
        small: counts of the product in these runs, by their places.
    """

    small: ClassVar[dict[str, int]] = SMALL
    root: Path
    takes_data: bool
    unaccounted: set[str]

    @property
    def text(self) -> str:
        """The experiment, in YAML."""
        return (self.root / "tiny.yaml").read_text()

    def call(self, command: str, *options: str) -> int:
        """Run a command on the experiment in the same folders; the exit status."""
        places = ["--workspace", str(self.root / "work"), "--results", str(self.root / "out")]
        if self.takes_data:
            places += ["--data", str(self.root / "data")]
        with pytest.MonkeyPatch.context() as patch:
            for place, count in self.small.items():
                patch.setattr(place, count)
            return main([command, str(self.root / "tiny.yaml"), *places, *options])


TinyRuns = Callable[[str], TinyRun]


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TinyRuns:
    """Gives the tiny run of a name; runs it when it is first asked for."""
    made: dict[str, TinyRun] = {}

    def run(name: str) -> TinyRun:
        if name not in made:
            root = tmp_path_factory.mktemp(name)
            (root / "tiny.yaml").write_text((TINY / f"{name}.yaml").read_text())
            if name in WRITERS:
                WRITERS[name](root / "data")
            with pytest.MonkeyPatch.context() as patch, unaccounted(patch) as missing:
                fresh = TinyRun(root, name in WRITERS, missing)
                assert fresh.call("run") == 0
            made[name] = fresh
        return made[name]

    return run


def write_voices(folder: Path) -> None:
    """24 recordings of two seconds."""
    folder.mkdir()
    for i in range(24):
        soundfile.write(folder / f"{i:02d}.wav", voice(i), 16_000)


def voice(seed: int) -> np.ndarray:
    """Two seconds of a gliding harmonic sum with syllables."""
    t = np.arange(32_000) / 16_000
    phase = 2 * np.pi * np.cumsum(110 + 5 * seed + 15 * np.sin(2 * np.pi * t)) / 16_000
    harmonics = sum(np.sin(k * phase) / k for k in range(1, 20))
    noise = np.random.default_rng(seed).normal(size=t.size)
    return 0.1 * harmonics * (0.55 + 0.45 * np.sin(8 * np.pi * t)) + 0.003 * noise


def write_cifar(folder: Path, per_batch: int = 150) -> None:
    """Pictures in CIFAR-10's binary layout.

    The last tenth is for validation, which must have more pictures than there are features.
    """
    folder.mkdir()
    source = np.random.default_rng(0)
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        count = per_batch if name.startswith("data") else 80
        labels = source.integers(0, 10, (count, 1))
        noise = source.integers(0, 60, (count, 3072))
        records = np.concatenate([labels, noise + 15 * labels], axis=1).astype(np.uint8)
        (folder / name).write_bytes(records.tobytes())


WRITERS: dict[str, Callable[[Path], None]] = {"speech": write_voices, "images": write_cifar}


@pytest.fixture(scope="session")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every kind of document that passes the check; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout, "git", lambda *arguments: None)  # the ledger has no dates
        return write_results(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def results_folder(whole_folder: Path, tmp_path: Path) -> Path:
    """A copy of the whole folder, with the README above it, to be spoilt."""
    shutil.copytree(whole_folder.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / whole_folder.name
