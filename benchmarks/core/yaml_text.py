"""YAML files of users: YAML 1.2 scalars, each key once, and bounded size, depth and aliases."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

try:  # the parser in C, which is ten times as fast
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

from benchmarks.core.errors import ExperimentError
from benchmarks.core.names import one_line

LONGEST_FILE = 256 * 1024  # bytes
MOST_VALUES = 100_000  # with every alias written out
DEEPEST = 50  # levels of lists and mappings
MERGE = "tag:yaml.org,2002:merge"


class _Loader(SafeLoader):
    """A safe loader in which ``1e-6`` is a number, and ``on``, ``yes`` and ``12:30`` are words."""


_PATTERNS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?(0|[1-9][0-9_]*)|0x[0-9a-fA-F_]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*\.[0-9_]*|[0-9][0-9_]*(?=[eE]))([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    "merge": (r"<<", "<"),
}
_Loader.yaml_implicit_resolvers = {}
for _kind, (_pattern, _first) in _PATTERNS.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), list(_first)
    )


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        ExperimentError: the file cannot be read, is no YAML, is too large, gives a key twice, or
            has an alias that contains itself; the message names the line.
    """
    text = _text_of(path)
    try:
        _refuse_deep(text, path)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ExperimentError(f"{path} is empty; it must hold a mapping of fields")
        _count(node, path, {}, set())
        return loader.construct_document(node)
    except ExperimentError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a word with the tag of a number
        raise ExperimentError(f"{path} is no YAML: {_told(error, text)}") from error


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: the path has a null character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ExperimentError(f"{path} cannot be read: {reason}") from error
    if len(content) > LONGEST_FILE:
        raise ExperimentError(
            f"{path} has more than {LONGEST_FILE} bytes, which no experiment needs; name data "
            "and weights by their paths"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path} is no YAML: {error}; save it as UTF-8") from error


def _refuse_deep(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = "" if event.start_mark is None else f", line {event.start_mark.line + 1}"
            raise ExperimentError(
                f"{path}{line}: values are nested more than {DEEPEST} deep; write them flatter"
            )


def _count(node: Node, path: Path, counts: dict[int, int], open_nodes: set[int]) -> int:
    """Number of values in a node with every alias written out; refuses what cannot be counted."""
    if id(node) in counts:
        return counts[id(node)]
    line = node.start_mark.line + 1
    if id(node) in open_nodes:
        raise ExperimentError(f"{path}, line {line}: the value contains itself; write it out")
    open_nodes.add(id(node))
    parts: list[Node] = []
    if isinstance(node, MappingNode):
        _refuse_twice(node, path)
        parts = [value for _, value in node.value]
    elif isinstance(node, SequenceNode):
        parts = node.value
    total = 1 + sum(_count(part, path, counts, open_nodes) for part in parts)
    if total > MOST_VALUES:
        raise ExperimentError(
            f"{path}, line {line}: more than {MOST_VALUES} values with all aliases written out; "
            "write fewer"
        )
    open_nodes.discard(id(node))
    counts[id(node)] = total
    return total


def _refuse_twice(node: MappingNode, path: Path) -> None:
    seen: dict[Hashable, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise ExperimentError(f"{path}, line {line}: a list or mapping is no field's name")
        if key.value in seen:
            raise ExperimentError(
                f"{path}, line {line}: the key '{one_line(key.value, 60)}' is there twice, first "
                f"in line {seen[key.value]}; keep one of them"
            )
        seen[key.value] = line


def _told(error: Exception, text: str) -> str:
    """The parser's message in one line."""
    said = one_line(str(error))
    mark = getattr(error, "problem_mark", None)
    line = "" if mark is None else "".join(text.split("\n")[mark.line : mark.line + 1])
    is_tab = mark is not None and line[mark.column :].startswith("\t")
    return f"{said}; indent by spaces, not by tabs" if is_tab else said
