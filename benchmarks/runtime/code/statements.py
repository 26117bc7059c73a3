"""Statements of a module that a name, a line or a key leads to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from benchmarks.runtime.code.modules import FUNCTIONS, Source


def entry(source: Source, name: str, key: str | None) -> ast.AST | None:
    """The value of a table's entry, where the table is written out in the module."""
    for statement in source.definitions.get(name, []) if key is not None else []:
        table = getattr(statement, "value", None)
        if isinstance(table, ast.Dict):
            for one, value in zip(table.keys, table.values, strict=True):
                if isinstance(one, ast.Constant) and one.value == key:
                    return value
    return None


def at_line(source: Source, line: int, nested: bool) -> Iterator[ast.AST]:
    """The lambdas that begin on a line, or the top-level statement around it."""
    for statement in source.tree.body:
        if statement.lineno <= line <= (statement.end_lineno or line):
            lambdas = [
                node
                for node in ast.walk(statement)
                if isinstance(node, ast.Lambda) and node.lineno == line
            ]
            yield from [statement] if nested or not lambdas else lambdas


@cache
def in_class(source: Source, owner: str, name: str) -> list[ast.AST]:
    """The statements of a class body that define a name."""
    return [
        statement
        for body in source.definitions.get(owner, [])
        if isinstance(body, ast.ClassDef)
        for statement in body.body
        if name in _targets(statement)
    ]


def _targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, FUNCTIONS):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [one.id for one in statement.targets if isinstance(one, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


@cache
def calls_super(node: ast.AST) -> bool:
    """Tell whether a method hands on to its base class."""
    return any(isinstance(one, ast.Name) and one.id == "super" for one in ast.walk(node))


def is_main(node: ast.stmt) -> bool:
    """Tell whether a statement runs only where its module is the program."""
    return isinstance(node, ast.If) and "__main__" in ast.dump(node.test)
