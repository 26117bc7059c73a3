"""The code that a function reaches: all definitions that it calls or names, and theirs in turn.

Names are followed through imports, inside the project and inside the files of users. Other packages
are not followed. A reference to a class reaches the whole class. A method of an object reaches that
method, and the members that it asks of ``self`` and of the attributes of ``self``. An annotation is
a reference too: a value of a class arrives with its methods. So more may be reached than runs.

Three kinds of code must be named by the caller. An entry of a registry is a root of its own. So is
a method of a track's part, which other code knows by its base class. Modules of :data:`ASIDE`
display, record and check, and change no result. A test runs every stage, and asserts that its code
has every function that ran.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import inspect
import json
import sys
import typing
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType
from typing import Any

from benchmarks.runtime.code.modules import (
    Binding,
    Source,
    bindings_in,
    imports_in,
    is_own,
    is_users,
    own_path,
    source_of,
)
from benchmarks.runtime.code.normalised import digest, is_text
from benchmarks.runtime.code.references import Reference, references_in
from benchmarks.runtime.code.statements import at_line, calls_super, entry, in_class, is_main

ASIDE = (
    "benchmarks.cli",
    "benchmarks.contestants.checked",
    "benchmarks.contestants.ending",
    "benchmarks.core",
    "benchmarks.data.debian",
    "benchmarks.report",
    "benchmarks.results",
    "benchmarks.runtime.checkout",
    "benchmarks.runtime.code",
    "benchmarks.runtime.compiled",
    "benchmarks.runtime.distributed",
    "benchmarks.runtime.found",
    "benchmarks.runtime.packages",
    "benchmarks.runtime.progress",
    "benchmarks.runtime.provenance",
    "benchmarks.runtime.room",
    "benchmarks.runtime.samples",
    "benchmarks.runtime.workspace",
    "benchmarks.stages.context",
    "benchmarks.tracks.speech.workers",
    "bddm_ref.checksums",
    "bddm_ref.files",
    "bddm_ref.locks",
    "bddm_ref.settings",
    "metrics.processes",
    "metrics.scoring",
    "metrics.workers",
)
"""Modules that change no result: their work is to display, to record, to look up or to check."""
REGISTRIES = (
    "benchmarks.contestants.CONTESTANTS",
    "benchmarks.contestants.SEARCHED",
    "benchmarks.contestants.BILATERAL",
    "benchmarks.searches.SEARCHES",
    "benchmarks.tracks.TRACKS",
    "benchmarks.tracks.analytic.networks.NETWORKS",
    "benchmarks.tracks.images.networks.NETWORKS",
    "benchmarks.tracks.speech.networks.NETWORKS",
    "metrics.mos.MOS_METRICS",
    "metrics.mos.MOS_PREDICTORS",
    "metrics.speech.SPEECH_METRICS",
)
"""Tables whose entries are looked up by name, so that a result depends on one entry alone."""
LOOKED_UP = {
    "benchmarks.contestants.analytic_dpm.AnalyticDpm": "bddm_ref.process.KERNELS",
    "benchmarks.contestants.base.kernel_sampler": "bddm_ref.process.KERNELS",
}
"""Code that looks one entry up in a table, which callers give as a root."""
DISPLAYED = ("title",)  # fields of contestants that change no sample


@dataclasses.dataclass(frozen=True)
class Alone:
    """A function that counts without the code that it reaches, of which a stage runs a part."""

    function: Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Code:
    """The code that decides a result.

    Attributes:
        parts: name of each definition to the SHA-256 of its syntax tree.
        attributes: names of all attributes that the code asks for.
        files: names of users' files to their SHA-256.
    """

    parts: dict[str, str]
    attributes: frozenset[str] = frozenset()
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def sha256(self) -> str:
        """Checksum of all definitions; a move to another module changes nothing."""
        return _sha256(" ".join(sorted(set(self.parts.values()))).encode())

    def __or__(self, other: Code) -> Code:
        """The code of both."""
        return Code(
            self.parts | other.parts, self.attributes | other.attributes, self.files | other.files
        )


def code_of(*roots: Any) -> Code:
    """Find the code that functions, classes and objects reach.

    Args:
        roots: functions, classes, bound methods, ``(object, name of a method or property)``,
            modules, instances, whose class and field values count, and functions alone.

    Returns:
        The code. Plain values and objects of other packages have none.
    """
    closure = _Closure()
    for root in roots:
        closure.add(root)
    return Code(closure.parts, frozenset(closure.attributes), closure.files)


class _Closure:
    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.attributes: set[str] = set()
        self.files: dict[str, str] = {}
        self._seen: set[Any] = set()
        self._packages: set[str] = set()  # installed packages that are roots

    def add(self, root: Any) -> None:
        """Add a live object, and everything that it reaches."""
        if isinstance(root, Alone):
            self._add_alone(root.function)
        elif isinstance(root, functools.partial):
            for one in (root.func, *root.args, *root.keywords.values()):
                self.add(one)
        elif isinstance(root, tuple) and len(root) == 2 and isinstance(root[1], str):
            self._add_member(type(root[0]), root[1])
        elif isinstance(root, MethodType) and not isinstance(root.__self__, type):
            self._add_member(type(root.__self__), root.__func__.__name__)
        elif isinstance(root, MethodType):
            self.add(root.__self__)
        elif isinstance(root, FunctionType):
            self._add_function(root)
        elif isinstance(root, type):
            self._add_name(root.__module__, root.__qualname__)
        elif isinstance(root, ModuleType):
            self._packages.add(root.__name__.partition(".")[0])
            self._add_bound((root.__name__, None), (), None)
        else:
            self._add_instance(root)

    def _add_alone(self, wrapped: Callable[..., Any]) -> None:
        function = inspect.unwrap(wrapped)
        owner, _, name = function.__qualname__.rpartition(".")
        source = source_of(function.__module__)
        assert source is not None
        nodes = in_class(source, owner, name) if owner else source.definitions[name]
        for node in nodes:
            self.parts[f"{function.__module__}.{function.__qualname__}"] = digest(node)

    def _add_instance(self, root: Any) -> None:
        kind = type(root)
        if not is_own(kind.__module__) and not self._is_users(kind.__module__):
            return
        self._add_name(kind.__module__, kind.__qualname__)
        if not dataclasses.is_dataclass(root):
            return
        plain = {}
        for one in dataclasses.fields(root):
            value = getattr(root, one.name)
            if one.name not in DISPLAYED and _is_plain(value):
                plain[one.name] = value
            elif one.name not in DISPLAYED:
                self.add(value)
        text = json.dumps(plain, sort_keys=True)
        self.parts[f"{kind.__module__}.{kind.__qualname__}{text}"] = _sha256(text.encode())

    def _add_function(self, function: FunctionType) -> None:
        function = inspect.unwrap(function)
        module, name = function.__module__, function.__qualname__
        if "<" not in name or not is_own(module):
            self._add_name(module, name)
            return
        source = source_of(module)
        assert source is not None
        for node in at_line(source, function.__code__.co_firstlineno, "<locals>" in name):
            self._add_node(source, f"{name}:{digest(node)[:8]}", node)

    def _add_name(self, module: str, qualified: str, key: str | None = None) -> None:
        """Add the definition of a name, or of an entry of a table with that name."""
        if not is_own(module):
            if self._is_users(module):
                self._add_users_module(module)
            return
        name = qualified.partition(".")[0]
        source = source_of(module)
        if _is_aside(module) or source is None or (module, name, key) in self._seen:
            return
        self._seen.add((module, name, key))
        value = entry(source, name, key)
        if value is not None:
            self._add_node(source, f"{name}[{key}]", value)
        elif f"{module}.{name}" in REGISTRIES:
            return
        elif name in source.definitions:
            for n, node in enumerate(source.definitions[name]):
                self._add_node(source, f"{name}#{n}" if n else name, node)
            self._add_preamble(source)
        elif name in source.bindings:
            self._add_bound(source.bindings[name], (), key)
        else:
            self._add_lazy(module, name)

    def _add_lazy(self, module: str, name: str) -> None:
        """Add what a package gives under a name that its text does not define."""
        value = getattr(sys.modules.get(module), name, None)
        if isinstance(value, FunctionType | type) and value.__module__ != module:
            self.add(value)

    def _add_bound(self, place: Binding, attributes: tuple[str, ...], key: str | None) -> None:
        """Follow an imported name and its attributes, through packages, to a definition."""
        module, name = place
        names = list(attributes) if name is None else [name, *attributes]
        while names and is_own(module) and own_path(f"{module}.{names[0]}") is not None:
            module = f"{module}.{names.pop(0)}"
        if names:
            self._add_name(module, names[0], key if len(names) == 1 else None)
        elif is_own(module):
            self._add_whole(module)
        elif self._is_users(module):
            self._add_users_module(module)

    def _is_users(self, module: str) -> bool:
        """Tell whether a module is a user's file, or belongs to an installed package of a root."""
        return is_users(module) or module.partition(".")[0] in self._packages

    def _add_whole(self, module: str) -> None:
        """Add all definitions of a module that is handed on as a value."""
        source = source_of(module)
        for name in source.definitions if source is not None else ():
            self._add_name(module, name)

    def _add_preamble(self, source: Source) -> None:
        """Add the statements that run when a module is imported, besides its definitions."""
        if (source.name, None) in self._seen:
            return
        self._seen.add((source.name, None))
        for n, node in enumerate(source.preamble):
            if not is_text(node) and not is_main(node):
                self._add_node(source, f"import:{n}", node)

    def _add_node(
        self, source: Source, name: str, node: ast.AST, parameters: bool = True
    ) -> list[Reference]:
        """Add a node and follow all of its names; returns its references."""
        place = f"{source.name}.{name}"
        self.parts[place] = digest(node)
        references = references_in(node, parameters)
        self.attributes |= references.attributes
        bindings = bindings_in(source, node)
        for one in references.found:
            if one.name in source.definitions:
                if f"{source.name}.{one.name}" != LOOKED_UP.get(place):
                    self._add_name(source.name, one.name, one.key)
            elif one.name in bindings and ".".join(map(str, bindings[one.name])) != LOOKED_UP.get(
                place
            ):
                self._add_bound(bindings[one.name], one.attributes, one.key)
        return references.found

    def _add_member(self, kind: type, name: str) -> None:
        """Add a member of a class, and the members that it asks of ``self``."""
        if (kind, name) in self._seen:
            return
        self._seen.add((kind, name))
        for constructor in ("__init__", "__post_init__"):
            self._add_member(kind, constructor)
        for owner in kind.__mro__:
            if _is_aside(owner.__module__):
                return
            source = source_of(owner.__module__) if is_own(owner.__module__) else None
            if source is None:
                if self._is_users(owner.__module__):
                    self._add_users_module(owner.__module__)
                continue
            found = in_class(source, owner.__qualname__, name)
            for node in found:
                self._add_of_self(kind, source, f"{owner.__qualname__}.{name}", node)
            if found and not any(calls_super(node) for node in found):
                return

    def _add_of_self(self, kind: type, source: Source, name: str, node: ast.AST) -> None:
        """Add one definition of a member; attributes of ``self`` are followed by their classes."""
        typed = _attribute_classes(kind)
        constructor = name.endswith(".__init__")
        found = self._add_node(source, name, node, parameters=not (constructor and typed))
        self._add_preamble(source)
        for one in found:
            if one.name not in ("self", "cls") or not one.attributes:
                continue
            first, *further = one.attributes
            if first not in typed:
                self._add_member(kind, first)
            elif further:
                self._add_member(typed[first], further[0])
            elif not constructor:  # the constructor only keeps it
                self.add(typed[first])

    def _add_users_module(self, module: str) -> None:
        """Add the whole file of a user, and all files of users that it imports."""
        source = source_of(module)
        if source is None or module in self._seen:
            return
        self._seen.add(module)
        folder = "/".join(module.split(".")[: None if source.path.name == "__init__.py" else -1])
        name = f"{folder}/{source.path.name}".removeprefix("/")
        self.files[name] = _sha256(source.path.read_bytes())
        self._add_node(source, "*", source.tree)
        for place, part in imports_in(source, source.tree).values():
            for wanted in (place, f"{place}.{part}" if part else place):
                if self._is_users(wanted):
                    self._add_users_module(wanted)


def _attribute_classes(kind: type) -> dict[str, type]:
    """Classes of the attributes that a constructor keeps from its parameters, where known."""
    source = source_of(kind.__module__) if is_own(kind.__module__) else None
    return {} if source is None else _kept(kind, source)


@functools.cache
def _kept(kind: type, source: Source) -> dict[str, type]:
    try:
        hints = typing.get_type_hints(getattr(kind, "__init__"))  # noqa: B009 (of a class)
    except (NameError, TypeError):  # an annotation for type checkers alone
        return {}
    return {
        target.attr: hints[node.value.id]
        for body in in_class(source, kind.__qualname__, "__init__")
        for node in ast.walk(body)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        for target in node.targets
        if isinstance(target, ast.Attribute) and _is_class(hints.get(node.value.id))
    }


def _is_class(hint: Any) -> bool:
    return isinstance(hint, type) and is_own(hint.__module__)


@functools.cache
def _is_aside(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in ASIDE)


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
