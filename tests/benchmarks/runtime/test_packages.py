"""A missing optional package is told with the extra that holds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.runtime.packages import missing_extra

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys

sys.modules["pydantic"] = None  # import statements of it fail, as where it is not installed
try:
    import benchmarks.core.loading
except ModuleNotFoundError as error:
    from benchmarks.runtime.packages import missing_extra

    print(missing_extra(error))
    print("torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("pesq", "this needs the package pesq: pip install 'bddm-benchmark[speech]'"),
        ("PIL.Image", "this needs the package pillow: pip install 'bddm-benchmark[images]'"),
        ("yaml", "this needs the package pyyaml: pip install 'bddm-benchmark[harness]'"),
    ],
)
def test_the_sentence_names_package_and_extra(module: str, sentence: str) -> None:
    error = ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert missing_extra(error) == sentence


@pytest.mark.parametrize("module", ["benchmarks.nothing", "torch", None])
def test_other_modules_have_no_sentence(module: str | None) -> None:
    assert missing_extra(ModuleNotFoundError(name=module)) is None


def test_it_reads_what_an_import_statement_raises() -> None:
    """Python sets the error's name, and the sentence costs no import of torch."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "this needs the package pydantic: pip install 'bddm-benchmark[harness]'",
        "False",
    ]
