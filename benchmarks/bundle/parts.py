"""Stage folders that move between machines: packing in parts, and checks before a merge."""

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
ASKED = "asked.json"  # the experiments with the options of the other machine
PARTS = "parts.json"  # list of contents in each part
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
NAME_DIGITS = 12  # digits of the fingerprint in a folder's name
BLOCK, RECORDS = 512, 10_240  # bytes: a tar's header, and the unit of a tar's size
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
Model = TypeVar("Model", bound=BaseModel)


class Manifest(BaseModel):
    """Description of a bundle, in the bundle.

    Attributes:
        origin: commit and state of the checkout.
        experiments: name to fields, in the form for later stages at home.
        python: version of the interpreter, as 3.12.
    """

    model_config = ConfigDict(frozen=True)

    origin: dict[str, str | None]
    experiments: dict[str, dict[str, Any]]
    python: str


class Record(BaseModel):
    """Record of a finished stage, the content of ``finished.json``."""

    model_config = ConfigDict(frozen=True)

    inputs: dict[str, Any]
    outputs: dict[str, str]
    seconds: float
    made: dict[str, Any] = {}


class Asked(BaseModel):
    """Experiments with the options of the run, by name."""

    experiments: dict[str, dict[str, Any]]


class PartList(BaseModel):
    """Number of a part, count of all parts, and the stage folders in all parts."""

    part: int
    parts: int
    folders: list[str]


@dataclass
class Merged:
    """Outcome of a merge of another machine's stage folders.

    Attributes:
        taken: folders that were copied.
        known: folders whose work the workspace already had.
        kept: folders of the workspace with other work, which stay.
        unfinished: folders that were interrupted on the other machine.
        lacking: finished folders in parts that are still missing.
        experiments: name to fields, for later stages at home.
    """

    taken: list[StageFolder] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)


def bytes_of(text: str) -> int:
    """Read a size such as ``60MB``, and return bytes; 1 MB is a million bytes.

    Raises:
        argparse.ArgumentTypeError: the text is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMG])B?|B)?", text.strip().upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write a size as 60MB")
    return int(float(found[1]) * UNITS[found[2] or ""])


def note_asked(workspace: Path, name: str, experiment: dict[str, Any]) -> None:
    """Record the experiment of a run away from home, with its options."""
    file = workspace / ASKED
    noted = _read(file, Asked).experiments if file.is_file() else {}
    workspace.mkdir(parents=True, exist_ok=True)
    write_json(file, {"experiments": noted | {name: experiment}})


def experiments_of(root: Path) -> dict[str, dict[str, Any]]:
    """Experiments of a returned folder, in the form for later stages at home.

    Options of the other machine are kept. Places of data and files, device and compiler are those
    of home.
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
    """Yield all folders of stages, finished or not."""
    for stage in STAGES:
        if (workspace / stage).is_dir():
            yield from sorted(
                path for path in (workspace / stage).iterdir() if _is_stage_name(path)
            )


def _is_stage_name(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


# -- there -----------------------------------------------------------------------------------------


def write_parts(workspace: Path, folder: Path, limit: int) -> list[Path]:
    """Pack all finished stage folders into ``part-N.tar``, each below a size if possible.

    Args:
        workspace: the workspace; manifest and options of the run are packed, too.
        folder: folder for the parts; older parts are removed.
        limit: bytes of a part; a part with one larger folder exceeds the limit.
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
    """Split folders, in their order, into groups of at most ``room`` bytes."""
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
        workspace: the target.

    Raises:
        DamagedFileError: a part is missing, or a folder does not match its record.
    """
    if not source.exists():
        raise DamagedFileError(f"{source} does not exist; give the returned folder, back/")
    if source.resolve() == workspace.resolve():
        raise DamagedFileError(f"{source} is the workspace itself; give the returned folder, back/")
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
    """A name that no different experiment has."""
    wanted, number = name, 1
    while wanted in taken and taken[wanted] != content:
        number += 1
        wanted = f"{name}-{number}"
    return wanted


def _unpacked(source: Path, scratch: Path) -> tuple[list[Path], list[str]]:
    """Unpack all parts; returns their folders, and the names of all packed stage folders."""
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
                f"{part} cannot be unpacked ({reason}); copy the part again"
            ) from error
        if not (root / PARTS).is_file():
            raise DamagedFileError(f"{part} is not a part that run.sh packed")
        told = _read(root / PARTS, PartList)
        digest = hashlib.sha256(json.dumps([told.folders, told.parts]).encode()).hexdigest()
        lists.setdefault(digest, set(range(1, told.parts + 1))).discard(told.part)
        folders |= dict.fromkeys(told.folders)
        roots.append(root)
    missing = sorted(number for numbers in lists.values() for number in numbers)
    if missing and not source.is_file():
        names = ", ".join(f"part-{number}.tar" for number in missing)
        raise DamagedFileError(
            f"{source} lacks {names}; copy the missing parts from the bundle's back/"
        )
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
    if target.exists():  # an unfinished stage of this machine
        shutil.rmtree(target)
    temporary.rename(target)
    merged.taken.append(StageFolder(target, _record(target).inputs))


def _check(path: Path) -> None:
    """Refuse a folder whose files or whose name do not match its record."""
    record = _record(path)
    if fingerprint(record.inputs)[:NAME_DIGITS] != path.name:
        raise DamagedFileError(
            f"the name of {path} does not match the inputs in its {RECORD}; make the folder again "
            "with the code of this checkout"
        )
    if not record.outputs:
        raise DamagedFileError(f"{path / RECORD} lists no files; copy the folder again")
    for name, digest in record.outputs.items():
        file = (path / name).resolve()
        inside = file.is_relative_to(path.resolve())
        if not inside or not file.is_file() or sha256_of(file) != digest:
            raise DamagedFileError(f"{path / name} is missing or altered; copy the file again")


def _record(path: Path) -> Record:
    return _read(path / RECORD, Record)


def _read(path: Path, kind: type[Model]) -> Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DamagedFileError(
            f"{path} is damaged ({first_error(error)}); copy the file again, or remove the file"
        ) from error
