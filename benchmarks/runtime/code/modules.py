"""Modules as syntax trees: their definitions, and the modules that their names come from."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from benchmarks.core.errors import OWN_PACKAGES
from benchmarks.runtime.checkout import REPOSITORY

Binding = tuple[str, str | None]
"""A module, and the name in it; None: the module itself."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SITES = ("site-packages", "dist-packages")  # folders of installed packages
STDLIB = Path(sysconfig.get_path("stdlib")).resolve()


@dataclass(frozen=True, eq=False)
class Source:
    """A module's file.

    Attributes:
        name: the module's dotted name.
        path: the file.
        tree: its syntax tree.
        definitions: name to the top-level statements that define it.
        bindings: name to the place that it is imported from.
        preamble: all other top-level statements, which run on import.
    """

    name: str
    path: Path
    tree: ast.Module
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    bindings: dict[str, Binding] = field(default_factory=dict)
    preamble: list[ast.stmt] = field(default_factory=list)


def is_own(module: str) -> bool:
    """Tell whether a module belongs to the project."""
    return module.partition(".")[0] in OWN_PACKAGES


@cache
def is_users(module: str) -> bool:
    """Tell whether a module is a user's own file, not the project's, Python's or a package's."""
    top = module.partition(".")[0]
    if is_own(module) or top in sys.stdlib_module_names or module == "__main__":
        return False
    path = path_of(module)
    return path is not None and not is_installed(path) and top not in _distributed()


@cache
def _distributed() -> frozenset[str]:
    """Names of all modules that packages install, wherever they lie."""
    return frozenset(importlib.metadata.packages_distributions())


def is_installed(path: Path) -> bool:
    """Tell whether a file belongs to Python or lies where packages are installed."""
    resolved = path.resolve()
    return any(part in SITES for part in resolved.parts) or resolved.is_relative_to(STDLIB)


def own_path(module: str) -> Path | None:
    """Find the file of a module of the project; None: there is no such module."""
    return _path_below(REPOSITORY, module)


@cache
def _path_below(root: Path, module: str) -> Path | None:
    place = root.joinpath(*module.split("."))
    for path in (place.with_name(place.name + ".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def path_of(module: str) -> Path | None:
    """Find the file of any module; None: there is none, or the module is built in."""
    if is_own(module):
        return own_path(module)
    loaded = sys.modules.get(module)
    place = getattr(loaded, "__file__", None)
    if place is None and loaded is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):  # a parent that is no package, or has no spec
            return None
        place = spec.origin if spec is not None else None
    return Path(place) if place is not None and place.endswith(".py") else None


def source_of(module: str) -> Source | None:
    """Read a module; None: it has no Python file."""
    path = path_of(module)
    return None if path is None else _parsed(module, path, path.stat().st_mtime_ns)


@cache
def _parsed(module: str, path: Path, changed: int) -> Source:
    """Parse a file, once for each time that it was changed."""
    source = Source(module, path, ast.parse(path.read_bytes()))
    for statement in source.tree.body:
        _note(source, statement)
    return source


def _note(source: Source, statement: ast.stmt) -> None:
    """File a top-level statement under the names that it defines or imports."""
    source.bindings.update(imports_in(source, statement))
    if isinstance(statement, ast.Import | ast.ImportFrom) or _only_imports(statement):
        return
    names = set(_defined(statement))
    for name in names:
        source.definitions.setdefault(name, []).append(statement)
    if not names or not isinstance(
        statement, (ast.ClassDef, ast.Assign, ast.AnnAssign, *FUNCTIONS)
    ):
        source.preamble.append(statement)


def _only_imports(statement: ast.stmt) -> bool:
    """Tell whether a statement is a block for type checkers, or does nothing but import."""
    if not isinstance(statement, ast.If):
        return False
    body = [*statement.body, *statement.orelse]
    return all(isinstance(one, ast.Import | ast.ImportFrom | ast.Pass) for one in body)


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.ClassDef, *FUNCTIONS)):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            yield node.name


@cache
def imports_in(source: Source, node: ast.AST) -> dict[str, Binding]:
    """Names that the imports inside a node bind, wherever they stand."""
    found: dict[str, Binding] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            for alias in one.names:
                whole = alias.asname is not None
                name = alias.asname or alias.name.partition(".")[0]
                found[name] = (alias.name if whole else name, None)
        elif isinstance(one, ast.ImportFrom):
            module = _absolute(source, one)
            for alias in one.names:
                found[alias.asname or alias.name] = (module, alias.name)
    return found


@cache
def bindings_in(source: Source, node: ast.AST) -> dict[str, Binding]:
    """Names that imports bind in a module and inside one of its nodes; read, not to be changed."""
    bindings = source.bindings | imports_in(source, node)
    if is_own(source.name):  # the project imports no file of a user
        bindings = {name: place for name, place in bindings.items() if is_own(place[0])}
    return bindings


def _absolute(source: Source, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    parts = source.name.split(".")
    if source.path.name != "__init__.py":
        parts = parts[:-1]
    parts = parts[: len(parts) - statement.level + 1]
    return ".".join([*parts, statement.module] if statement.module else parts)
