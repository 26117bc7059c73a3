"""Contestants of a user's own: from a file, from a package, in an experiment, by an option."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import Setting
from benchmarks.contestants.known import ENTRY_POINTS, contestant, with_contestant
from benchmarks.experiment import Experiment, ExperimentError, RowConfig
from benchmarks.protocol import item_generators
from benchmarks.rows import rows_of

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "contestants.md"
SETTING = Setting(NoiseSchedule.linear(1000, 1e-6, 0.01), {})
EXPERIMENT = Experiment(
    rows=(
        RowConfig("bddm", (3, 7), seeds=2),
        RowConfig("ddpm", (3, 7, 16), seeds=1),
        RowConfig("ddpm", (1000,), seeds=1),
    )
)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The file that the documentation shows."""
    text = DOCUMENT.read_text()
    code = text.split("```python\n")[1].split("```")[0]
    path = tmp_path / "my_sampler.py"
    path.write_text(code)
    return path


def test_the_documented_example_runs(example: Path) -> None:
    experiment = with_contestant(EXPERIMENT, f"{example}:MySampler")
    mine = [row for row in rows_of(experiment) if row.contestant == "mysampler"]
    assert {(row.convention.name, row.steps, row.seeds) for row in mine} == {
        (convention, steps, 2) for convention in ("scaled", "raw") for steps in (3, 7)
    }
    found = contestant("mysampler", experiment)
    assert found.title == "Mine: a cosine schedule, DDIM"
    sampler = found.prepare(3, SETTING)
    x_N = torch.randn(2, 8)
    x_0 = sampler.run(lambda x, alpha, c: 0.1 * x, x_N, None, item_generators(0, range(2)))
    assert x_0.shape == (2, 8)
    assert sampler.recipe["betas"] == list(NoiseSchedule.cosine(3).betas)


def test_its_source_is_part_of_the_recipe(example: Path) -> None:
    option = f"mine={example}:MySampler"
    first = contestant("mine", with_contestant(EXPERIMENT, option)).prepare(3, SETTING).recipe
    other = example.with_name("other.py")
    other.write_text(example.read_text() + "# changed\n")
    changed = with_contestant(EXPERIMENT, f"mine={other}:MySampler")
    second = contestant("mine", changed).prepare(3, SETTING).recipe
    assert first["betas"] == second["betas"]
    assert first["source"] != second["source"]


def test_an_installed_package_offers_one(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("theirs", "their_samplers:MySampler", ENTRY_POINTS)
    example.rename(example.with_name("their_samplers.py"))
    monkeypatch.syspath_prepend(str(example.parent))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert contestant("theirs", EXPERIMENT).title.startswith("Mine")


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("{}", "as file.py:Class"),
        ("{}:NoSuchClass", "a contestant has a 'title' and a method 'prepare"),
        ("{}:NoiseSchedule", r"NoiseSchedule\(\) failed"),
        ("ddim={}:MySampler", "the name must be new"),
        ("My Own={}:MySampler", "the name must be new"),
        ("nowhere.py:MySampler", "there is no file nowhere.py"),
        ("no_such_package:MySampler", "importing it failed: ModuleNotFoundError"),
    ],
)
def test_mistakes_are_told_in_a_sentence(example: Path, option: str, reason: str) -> None:
    with pytest.raises(ExperimentError, match=reason) as told:
        with_contestant(EXPERIMENT, option.format(example))
    assert "\n" not in str(told.value)


def test_a_file_that_fails_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("1 / 0\n")
    with pytest.raises(ExperimentError, match="importing it failed: ZeroDivisionError"):
        with_contestant(EXPERIMENT, f"{path}:MySampler")


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ExperimentError, match="'bdm' is none of bddm, "):
        contestant("bdm", EXPERIMENT)


def test_rows_of_the_reference_alone_tell_the_steps_too(example: Path) -> None:
    alone = replace(EXPERIMENT, rows=EXPERIMENT.rows[1:2])
    mine = with_contestant(alone, f"{example}:MySampler").rows[1:]
    assert [(row.contestant, row.steps) for row in mine] == [("mysampler", (3, 7, 16))]
