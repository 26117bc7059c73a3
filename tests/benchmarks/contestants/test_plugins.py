"""Contestants of a user's own: from a file, from a package, in an experiment, by an option."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import ContestantInputs, SkipContestantError
from benchmarks.contestants.plugins import (
    ENTRY_POINTS,
    contestant,
    refuse_unknown_contestants,
    with_contestant,
)
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, RowConfig
from benchmarks.core.rows import rows_of
from benchmarks.runtime.noise import item_generators

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "contestants.md"
INPUTS = ContestantInputs(NoiseSchedule.linear(1000, 1e-6, 0.01), {})
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
    sampler = found.prepare(3, INPUTS)
    x_N = torch.randn(2, 8)
    x_0 = sampler.run(lambda x, alpha, c: 0.1 * x, x_N, None, item_generators(0, range(2)))
    assert x_0.shape == (2, 8)
    assert sampler.recipe["betas"] == list(NoiseSchedule.cosine(3).betas)


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
        ("{}:NoSuchClass", "my_sampler.py has no NoSuchClass"),
        ("{}:kernel_sampler", "a contestant has a 'title' and a method 'prepare"),
        ("{}:NoiseSchedule", r"NoiseSchedule\(\) failed"),
        ("ddim={}:MySampler", "give a new name"),
        ("My Own={}:MySampler", "give a new name"),
        ("../../up={}:MySampler", "give a new name"),
        ("nul={}:MySampler", "give a new name"),
        ("a|b={}:MySampler", "give a new name"),
        ("a\x1b[31m={}:MySampler", r"contestants: a\\x1b\[31m: .*give a new name"),
        ("nowhere.py:MySampler", "there is no file nowhere.py"),
        ("no_such_package:MySampler", "the import failed: ModuleNotFoundError"),
    ],
)
def test_mistakes_are_told_in_a_sentence(example: Path, option: str, reason: str) -> None:
    with pytest.raises(ExperimentError, match=reason) as told:
        with_contestant(EXPERIMENT, option.format(example))
    assert "\n" not in str(told.value)


def test_a_file_that_fails_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("1 / 0\n")
    with pytest.raises(ExperimentError, match="the import failed: ZeroDivisionError"):
        with_contestant(EXPERIMENT, f"{path}:MySampler")


@pytest.mark.parametrize(
    ("title", "fault"),
    [
        ("", "has no letter and no digit"),
        ("a\nb", "written with line breaks"),
        ("\x1b[31mred", "control characters"),
        ("a\u202eb", "control characters"),
        ("x" * 81, "has 81 characters, more than 80"),
    ],
)
def test_titles_that_no_table_can_hold(tmp_path: Path, title: str, fault: str) -> None:
    path = tmp_path / "odd.py"
    path.write_text(f"class Odd:\n    title = {title!r}\n    def prepare(self, *_): ...\n")
    with pytest.raises(ExperimentError, match=fault) as told:
        with_contestant(EXPERIMENT, f"{path}:Odd")
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    "title", ["BDDM", "bddm", "\uff22\uff24\uff24\uff2d", "DDPM, linear sub-sequence"]
)
def test_the_title_of_another_contestant_is_refused(tmp_path: Path, title: str) -> None:
    path = tmp_path / "second.py"
    path.write_text(f"class Second:\n    title = {title!r}\n    def prepare(self, *_): ...\n")
    experiment = with_contestant(EXPERIMENT, f"{path}:Second")
    told = r"contestants: second: '.*' is the title of (bddm|ddpm), too"
    with pytest.raises(ExperimentError, match=told):
        refuse_unknown_contestants(experiment)


def test_two_contestants_of_a_user_with_one_title_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.py"
    path.write_text("class Mine:\n    title = 'Mine'\n    def prepare(self, *_): ...\n")
    experiment = with_contestant(EXPERIMENT, f"one={path}:Mine")
    refuse_unknown_contestants(experiment)
    experiment = with_contestant(experiment, f"two={path}:Mine")
    with pytest.raises(ExperimentError, match="contestants: two: 'Mine' is the title of one, too"):
        refuse_unknown_contestants(experiment)


def test_a_title_that_changes_later_stays_one_line(tmp_path: Path) -> None:
    path = tmp_path / "later.py"
    path.write_text(
        "class Later:\n    title = 'Later'\n    def prepare(self, *_): ...\nlater = Later()\n"
    )
    found = contestant("later", with_contestant(EXPERIMENT, f"later={path}:later"))
    found.inner.title = "a\n| b \x1b[2J" + "x" * 100
    assert found.title == "a | b \\x1b[2J" + "x" * 66 + "…"


HEAD = """\
import torch
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import Sampler, SkipContestantError, kernel_sampler

class Broken:
    title = "Broken"

    def prepare(self, steps, inputs):
"""
RUN = """\
        def run(score_net, x_N, condition, generators):
            for _ in range({calls}):
                eps = score_net(x_N, torch.full((len(x_N),), 0.5), condition)
            return {result}

        return Sampler(run, {nfe}, {recipe})
"""


def sampled(tmp_path: Path, body: str) -> torch.Tensor:
    """What a contestant with this body makes of two items in three steps."""
    path = tmp_path / "broken.py"
    path.write_text(HEAD + body)
    experiment = with_contestant(EXPERIMENT, f"{path}:Broken")
    sampler = contestant("broken", experiment).prepare(3, INPUTS)
    generators = item_generators(0, range(2))
    return sampler.run(lambda x, alpha, c: 0.1 * x, torch.randn(2, 8), None, generators)


def body(calls: int = 3, result: str = "eps", nfe: str = "steps", recipe: str = "{}") -> str:
    return RUN.format(calls=calls, result=result, nfe=nfe, recipe=recipe)


def test_a_contestant_that_keeps_the_contract_runs(tmp_path: Path) -> None:
    assert sampled(tmp_path, body()).shape == (2, 8)


def test_a_contestant_may_say_that_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(SkipContestantError, match="not today"):
        sampled(tmp_path, "        raise SkipContestantError('not today')")


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("a\n| b |", "a | b |"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("x" * 1_000, "x" * 299 + "…"),
        ("", "it gives no reason"),
    ],
)
def test_a_reason_is_one_printable_line(tmp_path: Path, reason: str, line: str) -> None:
    with pytest.raises(SkipContestantError) as told:
        sampled(tmp_path, f"        raise SkipContestantError({reason!r})")
    assert str(told.value) == line


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("        return None", r"prepare\(3, inputs\) returned no Sampler, but a NoneType"),
        ("        raise KeyError(steps)", r"prepare\(3, inputs\) failed \(line 9\): KeyError: 3"),
        ("        raise ValueError('a\\nb')", r"ValueError: a b; see docs"),
        ("        raise ValueError('\\x1b[2J')", r"ValueError: \\x1b\[2J; see docs"),
        (
            "        return kernel_sampler(NoiseSchedule.cosine(steps), 'dim')",
            r"failed \(line 9\): KeyError: 'dim'",
        ),
        (body(calls=200), "declares nfe = 3, and run made 200 evaluations of each item"),
        (body(calls=1), "declares nfe = 3, and run made 1 evaluations"),
        (body(nfe="'3'"), "the nfe of .* is '3'; give a number from 1 on"),
        (body(nfe="1.5"), "the nfe of .* is 1.5"),
        (body(nfe="0"), "the nfe of .* is 0"),
        (body(result="eps[:1]"), r"samples like x_N, not a tensor of shape \(1, 8\)"),
        (body(result="eps.long()"), r"samples like x_N, not .* torch.int64"),
        (body(result="[eps]"), "samples like x_N, not a list"),
        (body(result="eps + nothing"), r"run failed \(line 12\): NameError"),
        (body(recipe="None"), "the recipe of .* must be a dictionary of plain values"),
        (body(recipe="{'x': torch.ones(1)}"), "the recipe of .* must be a dictionary"),
        (body(recipe="{'betas': [0.1, 2]}"), "the recipe's betas are no schedule"),
        (body(recipe="{'betas': 3}"), "the recipe's betas are no schedule"),
    ],
)
def test_a_broken_contract_is_told_in_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ExperimentError, match=reason) as told:
        sampled(tmp_path, text)
    assert "contestants: broken: " in str(told.value)
    assert "\n" not in str(told.value)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ExperimentError, match="'bdm' is none of bddm, "):
        contestant("bdm", EXPERIMENT)


def test_rows_of_the_reference_alone_tell_the_steps_too(example: Path) -> None:
    alone = replace(EXPERIMENT, rows=EXPERIMENT.rows[1:2])
    mine = with_contestant(alone, f"{example}:MySampler").rows[1:]
    assert [(row.contestant, row.steps) for row in mine] == [("mysampler", (3, 7, 16))]
