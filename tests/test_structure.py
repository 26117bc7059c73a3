"""The habits that a machine can check: sizes, symbols, the equation table. Imports: test_layers."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bddm_ref", "metrics", "benchmarks")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """Top-level modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_torchaudio_is_imported_in_one_module() -> None:
    assert [name_of(path) for path in FILES if "torchaudio" in imports(path)] == [
        "benchmarks/data/features.py"
    ]


def test_files_are_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in FILES}
    longest = {path: 200 if path.is_relative_to(ROOT / "bddm_ref") else 400 for path in FILES}
    too_long = {name_of(path): lines for path, lines in lengths.items() if lines > longest[path]}
    assert too_long == {}


@pytest.mark.parametrize("text", ["alphas_cumprod", ".cuda("])
def test_the_papers_symbols_and_no_fixed_device(text: str) -> None:
    others = ROOT / "benchmarks" / "interop" / "betas.py"  # reads the names of other projects
    files = [path for path in FILES if path != others]
    assert [name_of(path) for path in files if text in path.read_text()] == []


def test_every_function_of_the_equation_table_exists() -> None:
    table = (ROOT / "docs" / "equations.md").read_text()
    names = re.findall(r"\| `(bddm_ref\.[\w.]+)` \|", table)
    assert len(names) > 15
    for name in names:
        parts = name.split(".")
        depth = next(n for n, part in enumerate(parts) if part[0].isupper() or n == len(parts) - 1)
        found = importlib.import_module(".".join(parts[:depth]))
        for part in parts[depth:]:
            found = getattr(found, part)
        assert found.__doc__, name
