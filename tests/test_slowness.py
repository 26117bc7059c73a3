"""Slow tests are marked, and every file with examples is among those that are run."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def hooks(request: pytest.FixtureRequest) -> Any:
    """The conftest that holds for all tests."""
    plugins = request.config.pluginmanager.get_plugins()
    conftest = str(ROOT / "tests" / "conftest.py")
    (found,) = (one for one in plugins if getattr(one, "__file__", None) == conftest)
    return found


def test_unmarked_tests_have_a_bound(hooks: Any) -> None:
    assert hooks.complaint(hooks.LONGEST, marked=False) is None
    assert hooks.complaint(10 * hooks.LONGEST, marked=True) is None
    said = hooks.complaint(hooks.LONGEST + 0.1, marked=False)
    assert "5.1 s of processor time, more than 5 s" in said


def test_the_time_of_child_processes_counts(hooks: Any) -> None:
    before = hooks.processor_seconds()
    code = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)
    assert hooks.processor_seconds() - before > 0.25


def test_an_unmarked_slow_test_fails_in_ci(
    hooks: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LONGEST", -1.0)

    def called(item: Any) -> object:
        hook = hooks.pytest_runtest_call(item)
        next(hook)
        with pytest.raises(StopIteration) as stopped:
            hook.send("result")
        return stopped.value.value

    monkeypatch.delenv("CI", raising=False)
    assert called(request.node) == "result"
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="or mark it slow"):
        called(request.node)
    request.node.add_marker("slow")
    assert called(request.node) == "result"


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
