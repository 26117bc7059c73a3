"""The workspace: one folder for each stage and fingerprint of its inputs.

A stage is skipped if its folder is recorded as finished and all files match their checksums.
Changed inputs give another fingerprint, hence another folder: nothing is overwritten. Machine and
paths are no inputs, so that a folder made on one machine serves on another. The origin of the work
is recorded beside the outputs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bddm_ref.files import DamagedFileError, sha256_of, write_atomically
from benchmarks.core.identity import fingerprint

RECORD = "finished.json"  # stands in the folder of a finished stage


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step; NaN is refused."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text))


@dataclass(frozen=True)
class StageFolder:
    """The folder of one stage with one set of inputs.

    Attributes:
        path: the folder.
        inputs: plain values that decide the work.
        made: commit, versions and machine of new work.
    """

    path: Path
    inputs: dict[str, Any]
    made: dict[str, Any] = field(default_factory=dict)

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
    """

    def __init__(self, root: Path, made: dict[str, Any] | None = None) -> None:
        self.root = root
        self.made = made or {}
        self._opened: dict[str, dict[Path, StageFolder]] = {}

    def stage(self, name: str, inputs: dict[str, Any]) -> StageFolder:
        """Open the folder of a stage for these inputs; a missing folder is created."""
        path = self.root / name / fingerprint(inputs)[:12]
        path.mkdir(parents=True, exist_ok=True)
        folder = StageFolder(path, inputs, self.made)
        self._opened.setdefault(name, {})[path] = folder
        return folder

    def seconds(self) -> dict[str, float]:
        """Seconds of finished work of each stage, in this run or earlier ones."""
        return {
            name: round(sum(f.seconds for f in folders.values() if f.is_finished()), 1)
            for name, folders in self._opened.items()
        }

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
