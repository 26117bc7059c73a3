"""Slow tests are marked, and every file with examples is among those that are run."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from slowness import LONGEST, complaint, processor_seconds

ROOT = Path(__file__).resolve().parents[1]


def test_unmarked_tests_have_a_bound() -> None:
    assert complaint(LONGEST, marked=False) is None
    assert complaint(10 * LONGEST, marked=True) is None
    said = complaint(LONGEST + 0.1, marked=False)
    assert said is not None
    assert "5.1 s of processor time, more than 5 s" in said


def test_the_time_of_child_processes_counts() -> None:
    before = processor_seconds()
    code = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)
    assert processor_seconds() - before > 0.25


def test_the_hook_fails_an_unmarked_test_in_ci(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hooks,) = (
        one
        for one in request.config.pluginmanager.get_plugins()
        if getattr(one, "__file__", None) == str(ROOT / "tests" / "conftest.py")
    )
    monkeypatch.setattr(hooks, "complaint", lambda seconds, marked: None if marked else "slow")

    def call(item: Any) -> object:
        hook = hooks.pytest_runtest_call(item)
        next(hook)
        try:
            hook.send("result")
        except StopIteration as stopped:
            return stopped.value
        return None

    monkeypatch.delenv("CI", raising=False)
    assert call(request.node) == "result"
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="slow"):
        call(request.node)
    request.node.add_marker("slow")
    assert call(request.node) == "result"


def test_every_file_with_examples_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["pytest"]["ini_options"]["testpaths"]
    files = [
        str(path.relative_to(ROOT))
        for package in ("bddm_ref", "benchmarks", "metrics")
        for path in sorted((ROOT / package).rglob("*.py"))
        if ">>> " in path.read_text()
    ]
    assert ["tests", *files] == listed
