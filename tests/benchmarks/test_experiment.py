"""Experiment files: the shipped ones load, mistakes get one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.experiment import Experiment, ExperimentError, as_dict, load, names
from benchmarks.rows import rows_of


@pytest.mark.parametrize("name", names())
def test_shipped_experiments_load(name: str) -> None:
    experiment = load(name)
    rows = rows_of(experiment)
    expected = {"speech": {"scaled", "raw"}, "images": {"plain"}}
    expected["analytic"] = {convention.name for convention in experiment.conventions}
    if name != "images-cifar10":  # clips, as DDPM's code does
        assert {row.convention.name for row in rows} == expected[experiment.track]
    assert any(row.name == experiment.reference for row in rows)


def test_cpu_full_differs_from_cpu_in_care_alone() -> None:
    cpu, full = (as_dict(load(name)) for name in ("cpu", "cpu-full"))
    differing = {key for key in cpu if cpu[key] != full[key]}
    assert differing == {"rows", "timing", "publish"}
    assert all(row.seeds >= 6 for row in rows_of(load("cpu-full")))


def test_the_published_images_are_many() -> None:
    cpu, full = (as_dict(load(name)) for name in ("images-cpu", "images-cpu-full"))
    differing = {key for key in cpu if cpu[key] != full[key]}
    assert differing == {"search", "rows", "test_items", "timing", "publish"}
    rows = rows_of(load("images-cpu-full"))
    assert all(row.items >= 5000 for row in rows if row.steps <= 100)
    contestants = {row.contestant for row in rows if row.steps == 100}
    assert contestants == {"bddm", "bddm-noise", "ddpm", "ddim", "ddpm-quad", "ddim-quad"}


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trck: speech", r"unknown field 'trck' \(did you mean 'track'\?\)"),
        ("score_net: {netwrk: diffwave}", r"score_net: unknown field 'netwrk'.*'network'"),
        ("search: {bins: many}", r"search\.bins"),
        ("rows: [{contestant: ddpm, stps: [3]}]", r"rows: unknown field 'stps'"),
        ("- a list", "must hold a mapping"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        load(write(tmp_path, text))


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ExperimentError, match=r"did you mean 'smoke'\?"):
        load("smok")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("[{contestant: dpm, steps: [3]}]", "'dpm' is none of"),
        ("[{contestant: ddpm, steps: [3, 3]}]", "occurs twice"),
        ("[{contestant: ddpm, steps: [3]}]", "'ddpm-1000' is none of the rows"),
    ],
)
def test_mistakes_in_rows(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        rows_of(load(write(tmp_path, f"rows: {rows}")))


def test_defaults_are_plain_values() -> None:
    assert as_dict(Experiment())["training_schedule"] == {"T": 1000, "start": 1e-6, "end": 0.01}
