"""What pyproject.toml declares is what the code imports, and constraints.txt pins it."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.runtime.packages import EXTRAS

ROOT = Path(__file__).resolve().parents[1]
OWN = {"bddm_ref", "metrics", "benchmarks"}
TYPES_ONLY = {
    "_typeshed"
}  # known to type checkers alone, which see its imports and Python does not


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        parsed: dict[str, Any] = tomllib.load(file)["project"]
    return parsed


@pytest.fixture(scope="module")
def constraints() -> dict[str, str]:
    """Package to its pinned version."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def third_party(folder: str) -> set[str]:
    """Top-level modules that a package's files import, wherever the statement stands."""
    found = set()
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - OWN - TYPES_ONLY


def required(project: dict[str, Any], extra: str) -> Iterator[Requirement]:
    """Requirements of an extra, with those of the extras that it includes."""
    for line in project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            for included in sorted(requirement.extras):
                yield from required(project, included)
        else:
            yield requirement


def names(requirements: Iterator[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def test_the_reference_code_needs_the_base_packages_alone(project: dict[str, Any]) -> None:
    """A wheel without extras is enough to import bddm_ref, and brings nothing that it does not."""
    assert third_party("bddm_ref") == names(Requirement(line) for line in project["dependencies"])


def test_every_import_of_the_harness_is_in_the_extra_that_its_message_names(
    project: dict[str, Any],
) -> None:
    base = names(Requirement(line) for line in project["dependencies"])
    imported = third_party("benchmarks") | third_party("metrics")
    unknown = imported - base - EXTRAS.keys()
    assert unknown == set(), "neither in the base set nor in benchmarks.runtime.packages.EXTRAS"
    lacking = {
        module: extra
        for module, (package, extra) in EXTRAS.items()
        if package not in names(required(project, extra))
    }
    assert lacking == {}


def test_the_compiled_package_is_needed_for_speech_alone(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    with_pesq = {name for name in extras if "pesq" in names(required(project, name))}
    assert with_pesq == {"speech", "mos", "all", "test", "dev"}


def test_the_tested_set_pins_every_requirement_within_its_range(
    project: dict[str, Any], constraints: dict[str, str]
) -> None:
    requirements = [Requirement(line) for line in project["dependencies"]]
    requirements += [
        one for name in project["optional-dependencies"] for one in required(project, name)
    ]
    wrong = {
        str(requirement): constraints.get(canonicalize_name(requirement.name), "no pin")
        for requirement in requirements
        if canonicalize_name(requirement.name) not in constraints
        or constraints[canonicalize_name(requirement.name)] not in requirement.specifier
    }
    assert wrong == {}


def test_shipped_data_exist_and_every_package_says_that_it_is_typed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        data = tomllib.load(file)["tool"]["setuptools"]["package-data"]
    unmatched = [
        f"{package}/{pattern}"
        for package, patterns in data.items()
        for folder in (sorted(OWN) if package == "*" else [package])
        for pattern in patterns
        if not list((ROOT / folder).glob(pattern))
    ]
    assert unmatched == []
