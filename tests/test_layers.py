"""The contracts in pyproject.toml refuse imports that point up, sideways or at torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bddm_ref", "metrics", "benchmarks")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources and the configuration of this checkout, to be spoilt."""
    for package in PACKAGES:
        for source in (ROOT / package).rglob("*.py"):
            target = tmp_path / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def lint_imports(folder: Path) -> tuple[int, str]:
    """Exit status and output of the linter, which reads the sources of a folder."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(command), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def add_import(folder: Path, importer: str, imported: str) -> None:
    path = folder / importer
    path.write_text(f"{path.read_text()}\nimport {imported}\n")


def test_the_sources_keep_the_contracts(copy: Path) -> None:
    status, output = lint_imports(copy)
    assert "0 broken" in output
    assert status == 0


@pytest.mark.parametrize(
    ("importer", "imported", "verdict"),
    [
        (
            "benchmarks/runtime/__init__.py",
            "benchmarks.studies.theory",
            "benchmarks.runtime is not allowed to import benchmarks.studies:",
        ),
        (
            "bddm_ref/__init__.py",
            "benchmarks.core",
            "bddm_ref is not allowed to import benchmarks:",
        ),
        (
            "benchmarks/core/__init__.py",
            "torch.nn",
            "benchmarks.core is not allowed to import torch:",
        ),
    ],
    ids=["floor", "package", "torch"],
)
def test_an_import_that_points_up_is_refused(
    copy: Path, importer: str, imported: str, verdict: str
) -> None:
    add_import(copy, importer, imported)
    status, output = lint_imports(copy)
    assert status == 1
    assert verdict in output


def test_a_circle_between_two_rooms_of_a_floor_is_refused(copy: Path) -> None:
    add_import(copy, "benchmarks/interop/__init__.py", "benchmarks.bundle")
    add_import(copy, "benchmarks/bundle/__init__.py", "benchmarks.interop")
    status, output = lint_imports(copy)
    assert status == 1
    assert "benchmarks.interop is not allowed to import benchmarks.bundle:" in output
    assert "benchmarks.bundle is not allowed to import benchmarks.interop:" in output


def test_a_folder_that_stands_on_no_floor_is_refused(copy: Path) -> None:
    (copy / "benchmarks" / "attic").mkdir()
    (copy / "benchmarks" / "attic" / "__init__.py").touch()
    status, output = lint_imports(copy)
    assert status == 1
    assert "benchmarks.attic" in output
