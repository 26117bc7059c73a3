"""The names that a piece of code refers to."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True)
class Reference:
    """A name, with the attributes that follow it.

    Attributes:
        name: the name.
        attributes: ``("b", "c")`` in ``a.b.c``.
        key: the text in ``table["key"]``; None: no such lookup.
    """

    name: str
    attributes: tuple[str, ...] = ()
    key: str | None = None


@dataclass
class References:
    """All references of a piece of code, and all attributes that it asks for."""

    found: list[Reference] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)


@cache
def references_in(node: ast.AST, parameters: bool = True) -> References:
    """Collect the references of a node, but for messages of errors, which change no result.

    Args:
        node: the node.
        parameters: whether annotations of the node's own parameters count.
    """
    visitor = _Visitor()
    if isinstance(node, ast.FunctionDef) and not parameters:
        defaults = [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
        for part in (*node.decorator_list, *defaults, *node.body):
            visitor.visit(part)
    else:
        visitor.visit(node)
    return visitor.references


class _Visitor(ast.NodeVisitor):
    def __init__(self) -> None:
        self.references = References()

    def visit_Raise(self, node: ast.Raise) -> None:
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if kind is not None:
            self.visit(kind)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.references.found.append(Reference(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note_chain(node, None)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(key, str) and isinstance(node.value, ast.Attribute | ast.Name):
            self._note_chain(node.value, key)
        else:
            self.generic_visit(node)

    def _note_chain(self, node: ast.expr, key: str | None) -> None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        self.references.attributes.update(attributes)
        if isinstance(node, ast.Name):
            self.references.found.append(Reference(node.id, tuple(attributes), key))
        else:
            self.visit(node)
