"""The workspace: one folder for each stage and fingerprint of its inputs and code.

A stage is skipped if its folder is recorded as finished and all files match their checksums.
Changed inputs or code give another fingerprint, hence another folder: nothing is overwritten.
Machine and paths are no inputs, so that a folder made on one machine serves on another. The origin
of the work is recorded beside the outputs.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bddm_ref.files import TEMPORARY, DamagedFileError, sha256_of, write_atomically
from benchmarks.core.identity import fingerprint
from benchmarks.runtime.code.closure import Code

RECORD = "finished.json"  # stands in the folder of a finished stage
SET_ASIDE = "set-aside"  # folder of the work that --fresh replaces
PART_DIGITS = 12  # digits of a definition's checksum in records
NAMED = 4  # changed definitions that a message names
NO_CODE = Code({})


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step; NaN is refused."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text))


@dataclass(frozen=True)
class StageFolder:
    """The folder of one stage with one set of inputs.

    Attributes:
        path: the folder.
        inputs: plain values that decide the work, with the checksum of its code.
        made: commit, versions and machine of new work.
        code: the code that decides the work.
    """

    path: Path
    inputs: dict[str, Any]
    made: dict[str, Any] = field(default_factory=dict)
    code: Code = NO_CODE

    def is_finished(self) -> bool:
        """Tell whether the stage was completed here and its files are unchanged.

        Raises:
            DamagedFileError: the stage was completed, and a file is missing or altered.
        """
        if not self.is_recorded:
            return False
        try:
            outputs = json.loads(self._record.read_text())["outputs"].items()
        except (json.JSONDecodeError, KeyError, AttributeError) as error:
            raise DamagedFileError(f"{self._record} is damaged; remove {self.path}") from error
        for name, digest in outputs:
            path = self.path / name
            if not path.is_file() or sha256_of(path) != digest:
                raise DamagedFileError(
                    f"{path} is missing or altered; remove {self.path} to repeat the stage"
                )
        return True

    def finish(self, outputs: list[Path], seconds: float) -> None:
        """Record the finished stage: checksums of outputs, and the seconds of the work."""
        digests = {str(path.relative_to(self.path)): sha256_of(path) for path in sorted(outputs)}
        record = {
            "inputs": self.inputs,
            "outputs": digests,
            "seconds": round(seconds, 3),
            "made": self.made,
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "code": {name: digest[:PART_DIGITS] for name, digest in self.code.parts.items()},
            "files": self.code.files,
        }
        write_json(self._record, record)

    @property
    def is_recorded(self) -> bool:
        """Tell whether the stage is recorded as finished; files are not checked."""
        return self._record.is_file()

    @property
    def seconds(self) -> float:
        """Seconds of the finished work, in this run or an earlier one."""
        return float(self._content["seconds"])

    @property
    def origin(self) -> dict[str, Any]:
        """Origin of the finished work; empty in old records."""
        return dict(self._content.get("made", {}))

    @property
    def finished_on(self) -> str:
        """Day on which the work was finished; empty in old records."""
        return str(self._content.get("finished", "")).partition("T")[0]

    @property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._record.read_text())
        return content

    @property
    def _record(self) -> Path:
        return self.path / RECORD


class Workspace:
    """The folder with the work of all stages.

    Args:
        root: the folder.
        made: commit, versions and machine, for the records of new work.
        fresh: whether work of earlier runs is set aside instead of taken.
        say: told which work is taken, and which is made anew since its code has changed.
    """

    def __init__(
        self,
        root: Path,
        made: dict[str, Any] | None = None,
        fresh: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.root = root
        self.made = made or {}
        self._fresh = fresh
        self._say = say
        self._opened: dict[str, dict[Path, StageFolder]] = {}
        self._taken: dict[str, list[StageFolder]] = {}
        self._said: set[str] = set()
        self._earlier: dict[str, dict[str, dict[str, Any]]] = {}

    def stage(self, name: str, inputs: dict[str, Any], code: Code = NO_CODE) -> StageFolder:
        """Open the folder of a stage for these inputs and this code; a missing folder is created.

        Temporary files of processes that were killed are removed from the folder.
        """
        decided = inputs | {"code": code.sha256}
        path = self.root / name / fingerprint(decided)[:12]
        is_known = path in self._opened.get(name, {})
        if self._fresh and not is_known and path.is_dir() and any(path.iterdir()):
            self._set_aside(name, path)
        path.mkdir(parents=True, exist_ok=True)
        folder = StageFolder(path, decided, self.made, code)
        self._opened.setdefault(name, {})[path] = folder
        if not is_known:
            clear_temporaries(path)
            if folder.is_recorded:
                self._taken.setdefault(name, []).append(folder)
            else:
                self._tell_changed(name, inputs, code)
        return folder

    def ahead(self) -> Ahead:
        """This workspace for a look ahead, which changes nothing."""
        return Ahead(self.root, self.made, self._fresh)

    def tell_taken(self) -> None:
        """Say which stages' work was taken from earlier runs, and which commit made it."""
        for name, folders in self._taken.items():
            by_origin: dict[str, int] = {}
            for folder in folders:
                made = _told(folder.origin, folder.finished_on)
                by_origin[made] = by_origin.get(made, 0) + 1
            opened = len(self._opened[name])
            for made, count in by_origin.items():
                self._say(f"{name}: {count} of {opened} taken from {self.root}, made by {made}")
        self._taken.clear()

    def _set_aside(self, name: str, path: Path) -> None:
        """Move earlier work out of the way; nothing is deleted."""
        place = self.root / SET_ASIDE / name
        place.mkdir(parents=True, exist_ok=True)
        count = sum(1 for one in place.glob(f"{path.name}-*"))
        path.rename(place / f"{path.name}-{count + 1}")

    def _tell_changed(self, name: str, inputs: dict[str, Any], code: Code) -> None:
        """Say which changed code keeps earlier work from being taken."""
        known = self._earlier_work(name) if code.parts else {}
        earlier = known.get(fingerprint(inputs)) if known else None
        if earlier is None:
            return
        now = {part: digest[:PART_DIGITS] for part, digest in code.parts.items()}
        before: dict[str, str] = earlier["code"]
        changed = [part for part, digest in now.items() if digest not in before.values()]
        changed += [
            part
            for part, digest in before.items()
            if part not in changed and digest not in now.values()
        ]
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        line = (
            f"{name}: made anew, since code has changed after {_told(earlier['made'])}: "
            f"{', '.join(changed[:NAMED])}{more}"
        )
        if line not in self._said:
            self._said.add(line)
            self._say(line)

    def _earlier_work(self, name: str) -> dict[str, dict[str, Any]]:
        """Records of a stage's finished work, by the fingerprint of the inputs without code."""
        if name not in self._earlier:
            found = {}
            for file in sorted((self.root / name).glob(f"*/{RECORD}")):
                try:
                    record = json.loads(file.read_text())
                    inputs = {k: v for k, v in record["inputs"].items() if k != "code"}
                    if record.get("code"):
                        found[fingerprint(inputs)] = record
                except (json.JSONDecodeError, KeyError, AttributeError):
                    continue  # a damaged record counts where its folder is opened
            self._earlier[name] = found
        return self._earlier[name]

    def seconds(self) -> dict[str, float]:
        """Seconds of finished work of each stage, in this run or earlier ones."""
        return {
            name: round(sum(f.seconds for f in folders.values() if f.is_finished()), 1)
            for name, folders in self._opened.items()
        }

    def users_files(self) -> dict[str, str]:
        """Names of users' files whose code took part, and their SHA-256."""
        return {
            name: digest
            for folders in self._opened.values()
            for folder in folders.values()
            for name, digest in folder.code.files.items()
        }

    def work(self) -> list[dict[str, Any]]:
        """Finished work of all stages, in this run or earlier ones.

        Returns:
            One entry for each stage and commit: ``stage``, ``folders``, ``commit``, ``tree`` and
            ``code``, the checksum of the code of these folders.
        """
        codes: dict[tuple[str, str | None, str | None], list[str]] = {}
        for name, folders in self._opened.items():
            for folder in folders.values():
                if folder.is_recorded:
                    made = folder.origin
                    key = (name, made.get("commit"), made.get("tree"))
                    codes.setdefault(key, []).append(folder.code.sha256)
        return [
            {
                "stage": name,
                "folders": len(found),
                "commit": commit,
                "tree": tree,
                "code": hashlib.sha256(" ".join(sorted(set(found))).encode()).hexdigest(),
            }
            for (name, commit, tree), found in codes.items()
        ]

    def made_otherwise(self) -> list[dict[str, Any]]:
        """Finished work in this run that other code or another machine made.

        Returns:
            One entry for each stage and origin: ``stage``, ``folders``, ``seconds``, and the
            entries of the origin.
        """
        found: dict[str, dict[str, Any]] = {}
        for name, folders in self._opened.items():
            for folder in folders.values():
                if not folder.is_recorded or folder.origin in ({}, self.made):
                    continue
                key = json.dumps([name, folder.origin], sort_keys=True)
                entry = found.setdefault(
                    key, {"stage": name, "folders": 0, "seconds": 0.0, **folder.origin}
                )
                entry["folders"] += 1
                entry["seconds"] = round(entry["seconds"] + folder.seconds, 1)
        return list(found.values())


class UnfinishedError(Exception):
    """A look ahead came to a stage whose work is not there."""


class Ahead(Workspace):
    """A workspace that opens finished stages alone, and makes no folder."""

    def stage(self, name: str, inputs: dict[str, Any], code: Code = NO_CODE) -> StageFolder:
        """Open the folder of a finished stage.

        Raises:
            UnfinishedError: the stage is not finished, or is to be made anew.
        """
        decided = inputs | {"code": code.sha256}
        path = self.root / name / fingerprint(decided)[:12]
        folder = StageFolder(path, decided, self.made, code)
        if self._fresh or not folder.is_recorded:
            raise UnfinishedError(name)
        return folder


def clear_temporaries(folder: Path) -> None:
    """Remove the temporary files of processes that are gone.

    On a system without ``/proc`` nothing tells whether a process is gone, and files stay.
    """
    for path in folder.iterdir() if Path("/proc/self").exists() else ():
        found = TEMPORARY.fullmatch(path.name)
        if found is not None and path.is_file() and not Path("/proc", found[1]).exists():
            path.unlink(missing_ok=True)


def _told(made: dict[str, Any], day: str = "") -> str:
    """The commit of some work, the state of its tree, and the day, in words."""
    commit = (made.get("commit") or "unknown")[:12]
    tree = "" if made.get("tree") == "clean" else f", tree {made.get('tree') or 'unknown'}"
    return f"commit {commit}{tree}{f' on {day}' if day else ''}"
