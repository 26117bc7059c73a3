"""Stage folders on their way between machines: packed in parts, checked as they are taken in."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bddm_ref.checkpoint import DamagedFileError, sha256_of
from benchmarks.workspace import RECORD, StageFolder, fingerprint, write_json

MANIFEST = "bundle.json"
ASKED = "asked.json"  # the experiments as they were run there
OF_HOME = ("data", "contestants", "device", "compile", "threads", "publish")
NAME_DIGITS = 12  # of a fingerprint, in a folder's name


@dataclass
class Merged:
    """What came of taking in the folders of another machine."""

    taken: list[StageFolder] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)  # the same work was here
    kept: list[Path] = field(default_factory=list)  # other work was here, and stays
    unfinished: list[Path] = field(default_factory=list)  # interrupted there


def note_asked(workspace: Path, name: str, experiment: dict[str, Any]) -> None:
    """Record an experiment as it is run away from home, where options may have changed it."""
    file = workspace / ASKED
    noted = json.loads(file.read_text()) if file.is_file() else {}
    workspace.mkdir(parents=True, exist_ok=True)
    write_json(file, noted | {name: experiment})


def experiments_of(workspace: Path) -> dict[str, dict[str, Any]]:
    """The experiments of merged work, as the run goes on with them at home.

    Options that were given away from home count, but for the places of data and files, and the
    device, which are home's.
    """
    if not (workspace / MANIFEST).is_file():
        return {}
    packed: dict[str, dict[str, Any]] = json.loads((workspace / MANIFEST).read_text())[
        "experiments"
    ]
    file = workspace / ASKED
    asked = json.loads(file.read_text()) if file.is_file() else {}
    return {
        name: content | asked.get(name, {}) | {field: content[field] for field in OF_HOME}
        for name, content in packed.items()
    }


def stage_folders(workspace: Path) -> Iterator[Path]:
    """Folders of stages, finished or not."""
    for stage in sorted(path for path in workspace.iterdir() if path.is_dir()):
        yield from sorted(path for path in stage.iterdir() if path.is_dir())


def write_parts(workspace: Path, folder: Path, limit: int) -> list[Path]:
    """Pack all finished stage folders into ``part-N.tar``, each below a size if it can be.

    Args:
        workspace: that holds them; its ``bundle.json`` goes along.
        folder: for the parts; older ones there are removed.
        limit: bytes of a part; one that holds a single larger folder is larger.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part-*.tar"):
        old.unlink()
    groups: list[list[Path]] = []
    size = limit
    for path in stage_folders(workspace):
        if not (path / RECORD).is_file():
            continue
        own = sum(file.stat().st_size + 1024 for file in path.rglob("*") if file.is_file())
        if size + own > limit or not groups:
            groups.append([])
            size = 0
        groups[-1].append(path)
        size += own
    parts = []
    for number, paths in enumerate(groups, start=1):
        part = folder / f"part-{number}.tar"
        with tarfile.open(part, "w") as archive:
            for name in (MANIFEST, ASKED):
                if (workspace / name).is_file():
                    archive.add(workspace / name, name)
            for path in paths:
                archive.add(path, str(path.relative_to(workspace)))
        parts.append(part)
    return parts


def merge(source: Path, workspace: Path) -> Merged:
    """Take finished stage folders into a workspace, each checked first; nothing is overwritten.

    Args:
        source: a folder of parts, one part, or a workspace.
        workspace: that they go to.

    Raises:
        DamagedFileError: a folder is not what its record says; those before it are taken in.
    """
    with tempfile.TemporaryDirectory(prefix="bddm-merge-") as scratch:
        merged = Merged()
        for root in _unpacked(source, Path(scratch)):
            for name in (MANIFEST, ASKED):
                if (root / name).is_file():
                    workspace.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(root / name, workspace / name)
            for path in stage_folders(root):
                _take(path, workspace / path.relative_to(root), merged)
        return merged


def _unpacked(source: Path, scratch: Path) -> Iterator[Path]:
    if not source.exists():
        raise DamagedFileError(f"{source} does not exist; give the folder that came back")
    parts = [source] if source.is_file() else sorted(source.rglob("part-*.tar"))
    if not parts:
        yield source
        return
    for number, part in enumerate(parts):
        target = scratch / str(number)
        try:
            with tarfile.open(part) as archive:
                archive.extractall(target, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise DamagedFileError(f"{part} cannot be unpacked ({error}); copy it again") from error
        yield target


def _take(path: Path, target: Path, merged: Merged) -> None:
    folder = _checked(path)
    if folder is None:
        merged.unfinished.append(path)
        return
    if (target / RECORD).is_file():
        same = _outputs(target) == _outputs(path)
        (merged.known if same else merged.kept).append(target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.merging")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(path, temporary)
    if target.exists():  # begun here and not finished
        shutil.rmtree(target)
    temporary.rename(target)
    merged.taken.append(StageFolder(target, folder.inputs))


def _checked(path: Path) -> StageFolder | None:
    """A folder whose files are those of its record, and its name that of its inputs."""
    if not (path / RECORD).is_file():
        return None
    try:
        content = json.loads((path / RECORD).read_text())
        inputs, outputs = dict(content["inputs"]), dict(content["outputs"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(f"{path / RECORD} is damaged; copy it again") from error
    if fingerprint(inputs)[:NAME_DIGITS] != path.name:
        raise DamagedFileError(
            f"{path} is not the folder of the inputs that its {RECORD} names; make it again with "
            "the code of this checkout"
        )
    for name, digest in outputs.items():
        file = (path / name).resolve()
        inside = file.is_relative_to(path.resolve())
        if not inside or not file.is_file() or sha256_of(file) != digest:
            raise DamagedFileError(f"{path / name} is missing or altered; copy it again")
    return StageFolder(path, inputs)


def _outputs(path: Path) -> object:
    return json.loads((path / RECORD).read_text())["outputs"]
