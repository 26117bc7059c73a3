"""What is refused before a bundle is made, and what is left where it cannot be."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bddm_ref.files import verify_checksum, write_listed
from benchmarks.bundle import pack
from benchmarks.bundle.wheels import Target
from benchmarks.cli.app import main

TINY = """
conventions: [{name: raw, amplitude: 1.0}]
rows: [{contestant: ddpm, steps: [1000]}]
score_net: {crop_frames: 60}
schedule_net: {crop_frames: 60}
search: {clip_frames: 60, finalist_items: 1}
test_items: 2
clip_frames: 60
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings and an experiment; wheels are not fetched."""
    (tmp_path / "voice").mkdir()
    for i in range(20):
        noise = 0.1 * np.random.default_rng(i).standard_normal(16_000)
        soundfile.write(tmp_path / "voice" / f"{i}.wav", noise, 16_000)
    (tmp_path / "tiny.yaml").write_text(TINY)
    monkeypatch.setattr(pack, "download", lambda names, target, folder: {})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bundle(*options: str, data: str = "voice", name: str = "tiny.yaml") -> int:
    return main(["bundle", name, "--data", data, "--to", "out", *options])


def test_a_bundle_holds_what_a_run_needs(place: Path) -> None:
    assert bundle("--speed", "--score-net.training.seconds", "7") == 0
    content = json.loads((place / "out" / "bundle.json").read_text())
    assert content["experiments"]["tiny"]["data"] == "voice"
    assert content["experiments"]["tiny"]["score_net"]["training"]["seconds"] == 7
    assert "data: data/tiny" in (place / "out" / "experiments" / "tiny.yaml").read_text()
    for file in ("run.sh", "speed.sh", "setup.sh", "code/benchmarks/bundle/back.py"):
        assert (place / "out" / file).is_file()
    assert len([*(place / "out" / "data" / "tiny" / "recordings").iterdir()]) == 20
    assert not [*place.glob(".out*")]


def test_the_size_cuts_the_training_recordings(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle() == 0
    whole = pack.size_of(place / "out")
    (place / "out").rename(place / "whole")
    limit = whole - 100_000
    assert bundle("--size", str(limit)) == 0
    said = capsys.readouterr().out
    assert pack.size_of(place / "out") <= limit
    kept = json.loads((place / "out" / "bundle.json").read_text())["experiments"]["tiny"]
    assert 1 <= kept["train_items"] < 16
    assert f"cut to {kept['train_items']} recordings to fit the size" in said


def test_a_contestant_of_ones_own_goes_along(place: Path) -> None:
    (place / "mine.py").write_text(
        "from bddm_ref.schedule import NoiseSchedule\n"
        "from benchmarks.contestants.base import kernel_sampler\n\n\n"
        "class Mine:\n    title = 'Mine'\n\n    def prepare(self, steps, inputs):\n"
        "        return kernel_sampler(NoiseSchedule.cosine(steps), 'ddim')\n"
    )
    assert bundle("--contestant", "mine.py:Mine") == 0
    there = (place / "out" / "experiments" / "tiny.yaml").read_text()
    assert "mine: contestants/mine/mine.py:Mine" in there
    packed = (place / "out" / "contestants" / "mine" / "mine.py").read_text()
    assert packed == (place / "mine.py").read_text()
    home = json.loads((place / "out" / "bundle.json").read_text())["experiments"]["tiny"]
    assert home["contestants"] == {"mine": "mine.py:Mine"}


def test_weights_go_along_with_their_own_checksum(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list of their folder at home would name files that the bundle lacks."""
    home = place / "home"
    weights = home / "nets" / "a.safetensors"
    write_listed(weights, partial(Path.write_bytes, data=b"weights"))
    write_listed(home / "nets" / "b.safetensors", partial(Path.write_bytes, data=b"others"))
    shutil.copytree(pack.REPOSITORY / "bddm_ref", home / "bddm_ref")
    for name in ("metrics", "benchmarks"):
        (home / name).mkdir()
    (home / "benchmarks" / "bundle").symlink_to(pack.REPOSITORY / "benchmarks" / "bundle")
    monkeypatch.setattr(pack, "REPOSITORY", home)
    assert bundle("--score-net.weights", "nets/a.safetensors") == 0
    packed = place / "out" / "code" / "nets"
    assert sorted(path.name for path in packed.iterdir()) == [
        "a.safetensors",
        "a.safetensors.sha256",
    ]
    verify_checksum(packed / "a.safetensors")
    weights.write_bytes(b"changed")
    shutil.rmtree(place / "out")
    assert bundle("--score-net.weights", "nets/a.safetensors") == 2
    assert "a.safetensors does not match its checksum in SHA256SUMS" in capsys.readouterr().err
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "10KB"], "--size: .* MB are full before the first training recording"),
        (["--have", "torch,numpi"], "--have: numpi is not installed here"),
        (
            ["--train-items", "99"],
            "train_items: 99 training recordings were asked for, and voice has 16",
        ),
        (["--score-net.start", "none.safetensors"], r"score_net\.start: .*does not exist"),
        (["--score-net.draws", "0"], r"score_net\.draws: 0 is too few"),
        (["--headline", "fid"], "headline: 'fid' is no metric"),
        (["--score-net.weights", "none.safetensors"], r"score_net\.weights: none\.safetensors is"),
    ],
)
def test_what_cannot_be_packed_leaves_nothing(
    place: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle(*options) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, said), said
    assert not (place / "out").exists()
    assert not [*place.glob(".out*")]


def test_missing_wheels_are_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pack, "download", lambda *_: {"pydantic": "no matching distribution"})
    assert bundle("--python", "3.9") == 2
    said = capsys.readouterr().err
    assert "--python 3.9: no wheel of pydantic (pydantic: no matching distribution)" in said
    assert not (place / "out").exists()


def test_a_folder_that_is_not_empty_is_left(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "mine").write_text("mine")
    assert bundle() == 2
    assert (place / "out" / "mine").read_text() == "mine"


def test_two_experiments_of_one_name_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "b").mkdir()
    (place / "b" / "tiny.yaml").write_text(TINY)
    assert main(["bundle", "tiny.yaml", "b/tiny.yaml", "--data", "voice", "--to", "out"]) == 2
    assert "two experiments are called tiny; rename a file" in capsys.readouterr().err


def test_wheels_are_of_the_version_asked_for() -> None:
    options = Target("3.12").options
    assert options[options.index("--python-version") + 1] == "3.12"
    assert "--only-binary=:all:" in options
