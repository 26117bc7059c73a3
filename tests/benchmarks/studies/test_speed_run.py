"""How performance cases are run: their order and time, and what becomes of those that fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.cli.app import main
from benchmarks.core.errors import UserError
from benchmarks.results import forms
from benchmarks.results.speed import OURS, SpeedDocument
from benchmarks.runtime import provenance
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.studies.speed import command, subjects
from synthetic.runs import KL, PROVENANCE, analytic, write_run

CONFTEST = """
import pytest, torch
from benchmarks.studies.speed.case import Case

def pytest_addoption(parser):
    parser.addoption("--device")

@pytest.fixture
def case(benchmark, request):
    return Case(benchmark, torch.device(request.config.getoption("--device")))
"""
CASE = """
import pytest

@pytest.mark.benchmark(group="network")
def test_one(case):
    more = {"more": lambda: sum(range(1000))}
    case.compare("One", lambda: sum(range(10)), more, bars={"more": 2.0})
    case.figure("half", 0.5, is_share=True)
    case.note(items=1)

@pytest.mark.benchmark(group="network")
def test_wrong(case):
    case.compare("Wrong", lambda: None)
    raise ValueError("it is\\nnot equal")

def test_not_here(case):
    pytest.skip("the package x is not installed")

@pytest.mark.benchmark(group="samplers")
@pytest.mark.parametrize("items", [16, 1])
def test_samplers(case, items):
    case.compare("3 steps", lambda: None, {}, rounds=9, warmup=0)
    about = {"network": "n", "items": items, "precision": "float32", "seconds_of_audio": None}
    for steps in (3, 7):
        case.part(f"{steps} steps", [0.1] * 9, **about, what="sampler", steps=steps)
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cases of a checkout with cases of its own."""
    folder = tmp_path / "tests" / "performance"
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(CASE)
    monkeypatch.setattr(command, "CASES", folder)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return folder


@pytest.mark.slow
def test_what_cases_record_becomes_the_document(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "test_broken.py").write_text("import nothing_of_this_name")
    assert main(["speed", "--results", str(tmp_path)]) == 1  # for the cases that failed
    page = (tmp_path / "speed.md").read_text()
    assert capsys.readouterr().out == page
    made = SpeedDocument.read(tmp_path / "speed.json")
    names = [(case.name, case.title) for case in made.cases]
    assert names == [  # by importance
        ("test_samplers[1]", "3 steps"),
        ("test_samplers[1]", "7 steps"),
        ("test_one", "One"),
        ("test_samplers[16]", "3 steps"),
        ("test_samplers[16]", "7 steps"),
    ]
    case = made.cases[2]
    assert case.group == "network"
    assert [len(values) for values in case.seconds.values()] == [7, 7]
    assert case.seconds["more"] > case.seconds[OURS]
    assert made.provenance.threads == torch.get_num_threads()
    assert made.cases[0].subject is not None
    assert (made.cases[0].subject.steps, made.cases[4].subject.items) == (3, 16)  # type: ignore[union-attr]
    assert "| One (items 1) |" in page
    assert "| half | 50.0%" in page
    assert "* `test_wrong`: ValueError: it is\n" in page
    assert "* `test_broken.py`: ModuleNotFoundError: No module named 'nothing_of_this" in page
    assert "* `test_not_here`: the package x is not installed" in page
    assert made.late == []


def test_where_no_case_was_measured_the_command_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(called: list[str], **options: Any) -> SimpleNamespace:
        assert str(command.CASES / "test_none.py") in called
        (record,) = (one for one in called if one.startswith("--speed-record="))
        entry = {"name": "test_none.py", "failed": "an error", "started": True}
        Path(record.partition("=")[2]).write_text(f"{json.dumps(entry)}\n")
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr(command, "ON_GPU", ("test_none.py",))
    monkeypatch.setattr(command, "refuse_missing", lambda device: None)  # torch's device is not run
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(UserError, match="a performance case failed"):
        command.measure("meta")


@pytest.mark.slow
def test_a_case_that_comes_too_late_costs_no_other(checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "test_it.py").read_text()
    slow = text.replace("rounds=9, warmup=0)", "rounds=9)\n    __import__('time').sleep(1)")
    (checkout / "test_it.py").write_text(slow)
    assert main(["speed", "--results", str(tmp_path), "--seconds", "1"]) == 0
    page = (tmp_path / "speed.md").read_text()
    assert "### n" in page
    late = "`test_one`, `test_wrong`, `test_samplers[16]`, `test_not_here`"
    assert f"Not measured for lack of time: {late}." in page


@pytest.mark.slow
def test_a_process_that_ends_early_keeps_what_it_measured(checkout: Path) -> None:
    text = (checkout / "test_it.py").read_text()
    (checkout / "test_it.py").write_text(text.replace("raise ValueError", "import os; os._exit(3)"))
    made = command.measure("cpu")
    assert "One" in {case.title for case in made.cases}
    assert made.failed == {"test_wrong": "the process ended early, with status 3"}


def test_a_case_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    info = {"title": "One", "seconds": {OURS: [1.0]}, "bars": {}, "absent": {}, "figures": []}
    entries = [
        {"name": "test_one", "started": True},
        {"name": "test_one", "group": "network", "info": {**info, "notes": {}}},
        {"name": "test_two", "started": True},
    ]

    def run(called: list[str], timeout: float, **options: Any) -> None:
        (record,) = (one for one in called if one.startswith("--speed-record="))
        file = Path(record.partition("=")[2])
        file.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
        raise subprocess.TimeoutExpired(called, timeout)

    monkeypatch.setattr(provenance, "collect", lambda *of: PROVENANCE.model_dump())
    monkeypatch.setattr(subprocess, "run", run)
    made = command.measure("cpu", seconds=15.0)
    assert [case.title for case in made.cases] == ["One"]
    assert made.failed == {"test_two": "the case was stopped 120 s after the last start"}


WITHOUT = """
import importlib.abc, sys
import pytest

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"diffusers", "diffwave", "pesq", "pystoi", "soundfile", "tyro"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import benchmarks.studies.speed.command
raise SystemExit(pytest.main(["--collect-only", "-q", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_cases_of_a_gpu_need_no_package_that_only_scores_or_compares() -> None:
    places = [str(command.CASES / name) for name in command.ON_GPU]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *places],
        cwd=REPOSITORY,
        env=command.own_environment() | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_samplers[DiffWave of paper size-1]" in done.stdout
    assert "test_training[images]" in done.stdout


def test_subjects_find_a_compressed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    monkeypatch.setattr(subjects, "RESULTS", tmp_path)
    assert write_run(tmp_path, analytic()) == tmp_path / "analytic.json.gz"
    made = subjects.subject("analytic", torch.device("cpu"))
    assert made.notes == {}
    assert made.quality(3)["KL(data ‖ sampler)"] == KL["bddm"][3]


def test_without_results_subjects_are_random(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "RESULTS", tmp_path)
    made = subjects.subject("images", torch.device("cpu"))
    assert made.notes == {"weights": "random, as the published weights and schedules are not here"}
    assert len(made.schedule(7)) == 7
    assert made.quality(7) == {}
    assert made.condition(2) is None
    with pytest.raises(ImportError, match="are not here"):  # a closed form has no other
        subjects.subject("analytic", torch.device("cpu"))
