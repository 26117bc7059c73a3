"""Checksums of syntax trees that comments, layout and messages do not change."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from typing import Any

UNUSED = {"ctx", "kind", "type_comment"}  # fields that follow from others, or that nothing runs
WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def digest(node: ast.AST) -> str:
    """SHA-256 of a syntax tree.

    Comments, layout, docstrings, places and the texts of raised errors do not count. Versions of
    Python agree: empty fields are left out.
    """
    return hashlib.sha256(repr(_plain(node)).encode()).hexdigest()


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Raise):
        return ("Raise", _raised(node.exc))
    fields = [
        (name, _plain(_without_texts(node, value) if name == "body" else value))
        for name, value in ast.iter_fields(node)
        if name not in UNUSED and value not in (None, [])
    ]
    return (type(node).__name__, fields)


def _raised(error: ast.expr | None) -> Any:
    """The kind of an error; its message and its cause change no result."""
    return _plain(error.func if isinstance(error, ast.Call) else error)


def _without_texts(node: ast.AST, body: Any) -> Any:
    """Leave out docstrings, and texts after assignments that serve as such."""
    if not isinstance(node, WITH_DOCSTRING):
        return body
    return [one for one in body if not is_text(one)]


def is_text(statement: ast.stmt) -> bool:
    """Tell whether a statement is nothing but a text."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
