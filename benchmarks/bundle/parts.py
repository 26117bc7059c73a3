"""Stage folders on their way between machines: packed in parts, checked as they are taken in."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bddm_ref.files import DamagedFileError, sha256_of
from benchmarks.core.errors import first_error
from benchmarks.core.identity import fingerprint
from benchmarks.runtime.workspace import RECORD, StageFolder, write_json

MANIFEST = "bundle.json"
ASKED = "asked.json"  # the experiments as they were run there
PARTS = "parts.json"  # in each part
STAGES = (
    "judge_net",
    "noise_estimator",
    "sample",
    "schedule_net",
    "score",
    "score_net",
    "search",
    "time",
)
OF_HOME = ("data", "contestants", "device", "compile", "threads", "publish")
NAME_DIGITS = 12  # of a fingerprint, in a folder's name
BLOCK, RECORDS = 512, 10_240  # bytes: of a tar's header, and what its size is a multiple of
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
Model = TypeVar("Model", bound=BaseModel)


class Manifest(BaseModel):
    """Description that a bundle carries of itself."""

    model_config = ConfigDict(frozen=True)

    origin: dict[str, str | None]
    experiments: dict[str, dict[str, Any]]  # as home goes on with them
    python: str


class Record(BaseModel):
    """Record of a finished stage, as ``finished.json`` holds it."""

    model_config = ConfigDict(frozen=True)

    inputs: dict[str, Any]
    outputs: dict[str, str]
    seconds: float
    made: dict[str, Any] = {}


class Asked(BaseModel):
    """Experiments as they were run."""

    experiments: dict[str, dict[str, Any]]


class PartList(BaseModel):
    """Which part this is, and what all of them hold."""

    part: int
    parts: int
    folders: list[str]


@dataclass
class Merged:
    """Outcome of taking in the stage folders of another machine."""

    taken: list[StageFolder] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)  # the same work was here
    kept: list[Path] = field(default_factory=list)  # other work was here, and stays
    unfinished: list[Path] = field(default_factory=list)  # interrupted there
    lacking: list[str] = field(default_factory=list)  # finished there, in parts not given yet
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)  # to go on with at home


def bytes_of(text: str) -> int:
    """A size as ``60MB`` (1 MB is a million bytes).

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMG])B?|B)?", text.strip().upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write it as 60MB")
    return int(float(found[1]) * UNITS[found[2] or ""])


def note_asked(workspace: Path, name: str, experiment: dict[str, Any]) -> None:
    """Record an experiment as it is run away from home, where options may have changed it."""
    file = workspace / ASKED
    noted = _read(file, Asked).experiments if file.is_file() else {}
    workspace.mkdir(parents=True, exist_ok=True)
    write_json(file, {"experiments": noted | {name: experiment}})


def experiments_of(root: Path) -> dict[str, dict[str, Any]]:
    """Experiments of a folder that came back, as the run goes on with them at home.

    Options that were given away from home count, but for the places of data and files, and for
    the device and its compiler, which are home's.
    """
    if not (root / MANIFEST).is_file():
        return {}
    file = root / ASKED
    asked = _read(file, Asked).experiments if file.is_file() else {}
    found = {}
    for name, packed in _read(root / MANIFEST, Manifest).experiments.items():
        at_home = {key: packed[key] for key in OF_HOME if key in packed}
        content = packed | asked.get(name, {}) | at_home
        score_net, own = content.get("score_net"), packed.get("score_net")
        if isinstance(score_net, dict) and isinstance(own, dict) and "compile" in own:
            content["score_net"] = score_net | {"compile": own["compile"]}
        found[name] = content
    return found


def stage_folders(workspace: Path) -> Iterator[Path]:
    """Folders of stages, finished or not."""
    for stage in STAGES:
        if (workspace / stage).is_dir():
            yield from sorted(
                path for path in (workspace / stage).iterdir() if _is_stage_name(path)
            )


def _is_stage_name(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


# -- there -----------------------------------------------------------------------------------------


def write_parts(workspace: Path, folder: Path, limit: int) -> list[Path]:
    """Pack all finished stage folders into ``part-N.tar``, each below a size if it can be.

    Args:
        workspace: that holds them; what its bundle and its runs say of themselves goes along.
        folder: for the parts; older ones there are removed.
        limit: bytes of a part; one that holds a single larger folder is larger.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part-*.tar"):
        old.unlink()
    finished = [path for path in stage_folders(workspace) if (path / RECORD).is_file()]
    names = [str(path.relative_to(workspace)) for path in finished]
    along = [path for name in (MANIFEST, ASKED) if (path := workspace / name).is_file()]
    list_size = 2 * BLOCK + len(json.dumps(names)) + 100
    room = limit - sum(_packed_size(path) for path in along) - list_size - RECORDS
    groups = _groups(finished, room)
    parts = []
    for number, paths in enumerate(groups, start=1):
        part = folder / f"part-{number}.tar"
        content = PartList(part=number, parts=len(groups), folders=names)
        with tarfile.open(part, "w") as archive:
            text = content.model_dump_json().encode()
            entry = tarfile.TarInfo(PARTS)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
            for path in (*along, *paths):
                archive.add(path, str(path.relative_to(workspace)))
        parts.append(part)
    return parts


def _groups(folders: Sequence[Path], room: int) -> list[list[Path]]:
    """Folders in their order, in groups whose size stays below the room."""
    groups: list[list[Path]] = []
    left = 0
    for path in folders:
        size = sum(_packed_size(one) for one in (path, *path.rglob("*")))
        if size > left or not groups:
            groups.append([])
            left = room
        groups[-1].append(path)
        left -= size
    return groups


def _packed_size(path: Path) -> int:
    content = path.stat().st_size if path.is_file() else 0
    return BLOCK + -(-content // BLOCK) * BLOCK


# -- at home ---------------------------------------------------------------------------------------


def merge(source: Path, workspace: Path) -> Merged:
    """Take finished stage folders into a workspace; nothing is overwritten.

    Everything is checked before the first folder is taken.

    Args:
        source: a folder of parts, one part of one, or a workspace.
        workspace: that they go to.

    Raises:
        DamagedFileError: a part is missing, or a folder is not what its record says.
    """
    if not source.exists():
        raise DamagedFileError(f"{source} does not exist; give the folder that came back")
    if source.resolve() == workspace.resolve():
        raise DamagedFileError(f"{source} is the workspace itself; give the folder that came back")
    merged = Merged()
    with tempfile.TemporaryDirectory(prefix="bddm-merge-") as scratch:
        roots, told = _unpacked(source, Path(scratch))
        found: list[tuple[Path, Path]] = []
        for root in roots:
            for name, content in experiments_of(root).items():
                merged.experiments[_free_name(name, content, merged.experiments)] = content
            for path in stage_folders(root):
                if (path / RECORD).is_file():
                    _check(path)
                    found.append((path, workspace / path.relative_to(root)))
                else:
                    merged.unfinished.append(path)
        if not found and not merged.unfinished:
            raise DamagedFileError(
                f"{source} holds no stages; give back/, one of its files, or a workspace"
            )
        for path, target in found:
            _take(path, target, merged)
    merged.lacking = [name for name in told if not (workspace / name / RECORD).is_file()]
    return merged


def _free_name(name: str, content: dict[str, Any], taken: dict[str, dict[str, Any]]) -> str:
    """A name that no other experiment has."""
    wanted, number = name, 1
    while wanted in taken and taken[wanted] != content:
        number += 1
        wanted = f"{name}-{number}"
    return wanted


def _unpacked(source: Path, scratch: Path) -> tuple[list[Path], list[str]]:
    """Folders of what came back, and the names of all stage folders that were packed there."""
    parts = [source] if source.is_file() else sorted(source.rglob("part-*.tar"))
    if not parts:
        return [source], []
    roots, folders = [], dict[str, None]()
    lists: dict[str, set[int]] = {}
    for number, part in enumerate(parts):
        root = scratch / str(number)
        root.mkdir()
        try:
            with tarfile.open(part, "r:") as archive:
                archive.extractall(root, filter="data")
        except (tarfile.TarError, OSError) as error:
            reason = " ".join(str(error).split())
            raise DamagedFileError(
                f"{part} cannot be unpacked ({reason}); copy it again"
            ) from error
        if not (root / PARTS).is_file():
            raise DamagedFileError(f"{part} is no part of what a bundle's run gives back")
        told = _read(root / PARTS, PartList)
        digest = hashlib.sha256(json.dumps([told.folders, told.parts]).encode()).hexdigest()
        lists.setdefault(digest, set(range(1, told.parts + 1))).discard(told.part)
        folders |= dict.fromkeys(told.folders)
        roots.append(root)
    missing = sorted(number for numbers in lists.values() for number in numbers)
    if missing and not source.is_file():
        names = ", ".join(f"part-{number}.tar" for number in missing)
        raise DamagedFileError(f"{source} lacks {names}; copy them from the bundle's back/")
    return roots, [*folders]


def _take(path: Path, target: Path, merged: Merged) -> None:
    if (target / RECORD).is_file():
        same = _record(target).outputs == _record(path).outputs
        (merged.known if same else merged.kept).append(target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.merging")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(path, temporary)
    if target.exists():  # begun here and not finished
        shutil.rmtree(target)
    temporary.rename(target)
    merged.taken.append(StageFolder(target, _record(target).inputs))


def _check(path: Path) -> None:
    """Refuse a folder whose files are not those of its record, or its name not of its inputs."""
    record = _record(path)
    if fingerprint(record.inputs)[:NAME_DIGITS] != path.name:
        raise DamagedFileError(
            f"{path} is not the folder of the inputs that its {RECORD} names; make it again with "
            "the code of this checkout"
        )
    if not record.outputs:
        raise DamagedFileError(f"{path / RECORD} lists no files; copy it again")
    for name, digest in record.outputs.items():
        file = (path / name).resolve()
        inside = file.is_relative_to(path.resolve())
        if not inside or not file.is_file() or sha256_of(file) != digest:
            raise DamagedFileError(f"{path / name} is missing or altered; copy it again")


def _record(path: Path) -> Record:
    return _read(path / RECORD, Record)


def _read(path: Path, kind: type[Model]) -> Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DamagedFileError(
            f"{path} is damaged ({first_error(error)}); copy it again, or remove it"
        ) from error
