"""Wheels of the packages that a bundle's run needs and its machine lacks."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

GLIBC = (39, 36, 35, 34, 31, 28, 27, 24, 17, 12, 5)  # minor versions of manylinux tags, 2.x
EVERY_RUN = ("numpy", "pydantic", "pyyaml", "rich", "safetensors", "tyro")
BY_TRACK = {
    "speech": ("soundfile", "torchaudio"),
    "images": ("pillow", "scipy", "threadpoolctl"),
    "analytic": ("scipy", "threadpoolctl"),
}
SPEED = ("pytest", "pytest-benchmark", "hypothesis", "scipy")
"""Packages of :mod:`benchmarks.studies.speed`; packed only with ``--speed``."""


@dataclass(frozen=True)
class Target:
    """Interpreter for the wheels, on this machine's kind of processor.

    Attributes:
        python: version of Python, as 3.12.
    """

    python: str

    @property
    def environment(self) -> dict[str, str]:
        """Values of the markers of requirements."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "platform_system": "Linux",
            "sys_platform": "linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "platform_machine": platform.machine(),
            "extra": "",
        }

    @property
    def options(self) -> list[str]:
        """Options of ``pip download``."""
        machine = platform.machine()
        tags = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC if minor <= 28]
        tags += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
        options = ["--only-binary=:all:", "--no-deps", "--implementation", "cp"]
        options += ["--python-version", self.python]
        return options + [part for tag in tags for part in ("--platform", tag)]


def lacking(wanted: Iterable[str], have: Iterable[str], target: Target) -> list[str]:
    """Wanted packages and their requirements, without the machine's packages and theirs."""
    there = set(closure(have, target))
    return sorted(set(closure(wanted, target)) - there)


def unknown_packages(names: Iterable[str]) -> list[str]:
    """Names of packages that are not installed here."""
    unknown = []
    for name in names:
        try:
            importlib.metadata.version(canonical(name))
        except importlib.metadata.PackageNotFoundError:
            unknown.append(name)
    return unknown


def closure(names: Iterable[str], target: Target) -> Iterator[str]:
    """Yield packages and all their requirements, as installed here."""
    waiting, seen = [canonical(name) for name in names], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        waiting += [canonical(one) for one in _required(name, target)]


def canonical(name: str) -> str:
    """A package's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _required(name: str, target: Target) -> Iterator[str]:
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(target.environment):
            yield requirement.name


def download(names: Iterable[str], target: Target, folder: Path) -> dict[str, str]:
    """Fetch wheels of the versions that are installed here.

    Returns:
        Package to the reason why no wheel was found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: _pinned(name) for name in names}
    # One call of pip is much faster than many, but fetches nothing if one package has no wheel.
    if not wanted or _fetch(wanted.values(), target, folder) is None:
        return {}
    reasons = {name: _fetch([one], target, folder) for name, one in wanted.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _pinned(name: str) -> str:
    try:
        return f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name


def _fetch(wanted: Iterable[str], target: Target, folder: Path) -> str | None:
    """Download wheels; returns the reason if pip could not get all of them."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *target.options, "-d", str(folder), *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("ERROR")] or lines
    return said[-1].removeprefix("ERROR: ") if said else "pip gave no reason"
