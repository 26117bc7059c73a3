"""The habits that a machine can check: floors, sizes, symbols, the equation table."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("bddm_ref", "metrics", "benchmarks")
FILES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
FORBIDDEN = {"bddm_ref": {"metrics", "benchmarks"}, "metrics": {"bddm_ref", "benchmarks"}}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    assert not imports(path) & FORBIDDEN.get(floor, set())


def test_torchaudio_is_imported_in_one_module() -> None:
    assert [name_of(path) for path in FILES if "torchaudio" in imports(path)] == [
        "benchmarks/data/features.py"
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_small(path: Path) -> None:
    longest = 200 if path.relative_to(ROOT).parts[0] == "bddm_ref" else 400
    assert len(path.read_text().splitlines()) <= longest


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_symbols_and_devices(path: Path) -> None:
    text = path.read_text()
    assert "alphas_cumprod" not in text
    assert ".cuda(" not in text


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
