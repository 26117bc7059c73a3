"""What tests of the sub-commands import and export share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.cli.app import main

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns what it said, and checks that a refusal is one sentence."""

    def run(*arguments: object, status: int = 0) -> str:
        assert main([str(argument) for argument in arguments]) == status
        said = capsys.readouterr()
        if status:
            assert said.err.startswith("error: ")
            assert said.err.count("\n") == 1
            return said.err
        assert said.err == ""
        return said.out

    return run


@pytest.fixture
def betas(tmp_path: Path) -> Path:
    """A list of betas."""
    path = tmp_path / "steps3_0.9.json"
    path.write_text(json.dumps([1e-4, 0.01, 0.3]))
    return path
