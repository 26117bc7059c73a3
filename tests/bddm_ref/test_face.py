"""Public names resolve in any order of imports, and unused names import no torch."""

from __future__ import annotations

import ast
import itertools
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bddm_ref


@pytest.mark.parametrize("name", bddm_ref.__all__)
def test_every_public_name_resolves_to_the_object_of_its_module(name: str) -> None:
    value = getattr(bddm_ref, name)
    assert value is getattr(import_module(bddm_ref._HOME_OF[name]), name)
    assert name in dir(bddm_ref)


def test_the_lists_of_names_agree() -> None:
    assert sorted(bddm_ref.__all__) == sorted(bddm_ref._HOME_OF)
    assert len(set(bddm_ref.__all__)) == len(bddm_ref.__all__)


def test_no_public_name_is_that_of_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(bddm_ref.__path__)}
    assert "searching" in modules
    assert not modules & set(bddm_ref.__all__)


def test_the_papers_part_imports_no_extras() -> None:
    root = Path(bddm_ref.__path__[0])
    papers = [path for path in root.rglob("*.py") if "extras" not in path.relative_to(root).parts]
    assert root / "searching.py" in papers
    for path in papers:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        names += [
            alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
        ]
        assert not any(name.startswith("bddm_ref.extras") for name in names), path


def test_the_names_of_the_equation_table_are_public() -> None:
    page = Path(__file__).parents[2] / "docs" / "equations.md"
    papers = page.read_text().split("## Additions")[0]
    names = re.findall(r"\| `bddm_ref\.[a-z0-9_.]+\.(\w+)[.\w]*` \|", papers)
    assert "NoiseSchedule" in names
    assert set(names) <= set(bddm_ref.__all__)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ImportError, match="cannot import name 'samplee' from 'bddm_ref'"):
        exec("from bddm_ref import samplee")


def answer(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["settings", "files"])
def test_modules_without_torch_leave_it_out(module: str) -> None:
    loaded = answer(f"import sys, bddm_ref.{module}; print('torch' in sys.modules)")
    assert loaded == "False"


STATEMENTS = (
    "import bddm_ref.searching",
    "from bddm_ref import search",
    "from bddm_ref.search_released import released_search",
)
FRESH = "[sys.modules.pop(name) for name in [*sys.modules] if name.startswith('bddm_ref')]"


@pytest.mark.slow
def test_search_is_the_function_in_any_order() -> None:
    """Each order starts without any module of the package, in one interpreter that has torch."""
    same = "print(search is bddm_ref.search is bddm_ref.searching.search, callable(search))"
    orders = [*itertools.permutations(STATEMENTS)]
    lines = [
        "import sys",
        *itertools.chain(*((*order, STATEMENTS[0], same, FRESH) for order in orders)),
    ]
    assert answer("\n".join(lines)).splitlines() == ["True True"] * len(orders)
