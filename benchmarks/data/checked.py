"""Checks of every file of a user's folder, before anything is computed from one.

A check decodes the file, and results are kept in the user's cache by the checksum of the file, so
that a folder that is opened again is decoded where its files changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bddm_ref.files import DamagedFileError, sha256_of, write_atomically
from benchmarks.data.debian import cache_folder
from benchmarks.data.files import NAMED, Found
from benchmarks.data.splits import together
from benchmarks.runtime.progress import Progress

Facts = dict[str, Any]
"""Facts about one file, plain values for JSON."""
Groups = Sequence[Sequence[str]]
"""Names of files that belong together."""


class UnusableFileError(DamagedFileError):
    """A file that cannot be used.

    Attributes:
        found: the file, and what was found.
        remedy: an order that mends the file, such as "fetch it again".
    """

    def __init__(self, path: Path, found: str, remedy: str) -> None:
        super().__init__(f"{path} {found}; {remedy}")
        self.found = f"{path} {found}"
        self.remedy = remedy


@dataclass(frozen=True)
class Check:
    """A check of one kind of files.

    Attributes:
        name: the check and everything that its facts depend on beside the file, a version too.
        fields: names of the facts.
        facts: decodes a file and states its facts; raises UnusableFileError.
        copies: finds the files, by name, that hold the same according to their facts.
    """

    name: str
    fields: frozenset[str]
    facts: Callable[[Path], Facts]
    copies: Callable[[Mapping[str, Facts]], Groups]


@dataclass(frozen=True)
class Checked:
    """The checked files of a folder: name to checksum, name to facts, and what is equal."""

    digests: dict[str, str]
    facts: dict[str, Facts]
    copies: Groups


def checked(folder: Path, found: Found, check: Check, progress: Progress) -> Checked:
    """Check every file of a folder.

    Args:
        folder: the folder.
        found: its files.
        check: the check.
        progress: receives reports of checksums and checks.

    Raises:
        DamagedFileError: files cannot be used; the message names the first ones and counts all.
    """
    digests, faults = _digests(found, progress)
    memory = _Memory(folder, check)
    facts: dict[str, Facts] = {name: memory.known[d] for name, d in digests.items() if d in memory}
    unknown = [name for name in digests if name not in facts]
    with progress.task(f"check {found.kind.items}", len(unknown)) as advance:
        for name in unknown:
            try:
                facts[name] = check.facts(found.paths[name])
            except UnusableFileError as error:
                faults.append(error)
            advance(1)
    memory.keep({digests[name]: one for name, one in facts.items()}, progress)
    refuse(faults, len(found.paths), found.kind.items)
    facts = {name: facts[name] for name in found.paths}
    return Checked(digests, facts, [*together(digests), *check.copies(facts)])


def refuse(faults: list[UnusableFileError], total: int, items: str) -> None:
    """Refuse files that cannot be used, all in one message.

    Raises:
        DamagedFileError: there are any.
    """
    if not faults:
        return
    named = "; ".join(fault.found for fault in faults[:NAMED])
    rest = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
    remedies = ", or ".join(dict.fromkeys(fault.remedy for fault in faults[:NAMED]))
    raise DamagedFileError(
        f"{len(faults)} of {total} {items} cannot be used: {named}{rest}; {remedies}"
    )


def _digests(found: Found, progress: Progress) -> tuple[dict[str, str], list[UnusableFileError]]:
    """SHA-256 of each file by name, and the files that cannot be read."""
    digests, faults = {}, []
    with progress.task(f"checksum {found.kind.items}", len(found.paths)) as advance:
        for name, path in found.paths.items():
            try:
                digests[name] = sha256_of(path)
            except OSError as error:
                told = f"cannot be read ({error.strerror})"
                faults.append(UnusableFileError(path, told, "make it readable or remove it"))
            advance(1)
    return digests, faults


class _Memory:
    """Facts of former checks of a folder, by the checksums of files."""

    def __init__(self, folder: Path, check: Check) -> None:
        place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        self.file = cache_folder() / "checks" / f"{check.name}-{place}.json"
        self.known: Mapping[str, Facts] = _read(self.file, check.fields)

    def __contains__(self, digest: str) -> bool:
        return digest in self.known

    def keep(self, facts: Mapping[str, Facts], progress: Progress) -> None:
        """Write the facts, if there are new ones; a cache that cannot be written costs time."""
        if dict(facts) == self.known:
            return
        text = json.dumps(facts) + "\n"
        try:
            write_atomically(self.file, lambda path: path.write_text(text))
        except OSError as error:
            progress.say(f"data: checks are not kept for the next run: {error}")


def _read(file: Path, fields: frozenset[str]) -> Mapping[str, Facts]:
    """Facts in a file; none if it is missing or spoilt, so that the files are checked again."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {k: v for k, v in content.items() if isinstance(v, dict) and v.keys() == fields}
