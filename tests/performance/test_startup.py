"""How long a command takes to begin."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.studies.speed.case import Case

CALLS = {
    "python -m benchmarks --help": ["-m", "benchmarks", "--help"],
    "python -m benchmarks run cpu --dry-run": ["-m", "benchmarks", "run", "cpu", "--dry-run"],
    "import bddm_ref.sampling": ["-c", "import bddm_ref.sampling"],
    "import benchmarks.stages.pipeline": ["-c", "import benchmarks.stages.pipeline"],
}


@pytest.mark.benchmark(group="startup")
@pytest.mark.parametrize("title", CALLS)
def test_startup(case: Case, title: str) -> None:
    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    others = {"import torch": lambda: run("-c", "import torch")}
    if "-m" in CALLS[title] or case.benchmark.disabled:
        others = {}
    case.compare(title, lambda: run(*CALLS[title]), others, rounds=5)
