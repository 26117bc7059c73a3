"""The graph of imports: no circles, short chains, no loose modules."""

from __future__ import annotations

from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
LONGEST_CHAIN = 16  # files


@cache
def graph() -> dict[str, set[str]]:
    """Every module of the project to those of the project that it imports."""
    packages = ("bddm_ref", "metrics", "benchmarks")
    built = grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=True)
    return {module: built.find_modules_directly_imported_by(module) for module in built.modules}


def test_no_circles_and_no_long_chains() -> None:
    chains: dict[str, tuple[str, ...]] = {}
    for module in TopologicalSorter(graph()).static_order():  # refuses circles
        longest = max((chains[one] for one in graph()[module]), key=len, default=())
        chains[module] = (module, *longest)
    longest = max(chains.values(), key=len)
    assert len(longest) <= LONGEST_CHAIN, " -> ".join(longest)


def test_benchmarks_has_no_loose_modules() -> None:
    loose = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    assert loose == {"__init__.py", "__main__.py"}
