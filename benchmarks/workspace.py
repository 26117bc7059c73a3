"""Where stages leave their work: one folder for each stage and fingerprint of its inputs.

A stage whose folder says it is finished, and whose files still match their checksums, is skipped.
Inputs that change give another fingerprint, hence another folder: nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bddm_ref.checkpoint import DamagedFileError, sha256_of, write_atomically


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step; NaN is refused."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text))


def fingerprint(inputs: dict[str, Any]) -> str:
    """SHA-256 of plain values, independent of the order of keys."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class StageFolder:
    """The folder of one stage with one set of inputs."""

    path: Path
    inputs: dict[str, Any]

    def is_finished(self) -> bool:
        """Whether the stage was completed here and its files are unchanged.

        Raises:
            DamagedFileError: it was completed, and a file is missing or altered.
        """
        if not self._record.is_file():
            return False
        try:
            outputs = json.loads(self._record.read_text())["outputs"].items()
        except (json.JSONDecodeError, KeyError, AttributeError) as error:
            raise DamagedFileError(f"{self._record} is damaged; remove {self.path}") from error
        for name, digest in outputs:
            path = self.path / name
            if not path.is_file() or sha256_of(path) != digest:
                raise DamagedFileError(
                    f"{path} is missing or altered; remove {self.path} to make it again"
                )
        return True

    def finish(self, outputs: list[Path], seconds: float) -> None:
        """Record that the stage is complete: the checksum of each output, and what it took."""
        digests = {str(path.relative_to(self.path)): sha256_of(path) for path in sorted(outputs)}
        record = {"inputs": self.inputs, "outputs": digests, "seconds": round(seconds, 3)}
        write_json(self._record, record)

    @property
    def seconds(self) -> float:
        """What the finished work took, whenever it was done."""
        return float(json.loads(self._record.read_text())["seconds"])

    @property
    def _record(self) -> Path:
        return self.path / "finished.json"


class Workspace:
    """The folder that holds the work of all stages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: dict[str, dict[Path, StageFolder]] = {}

    def stage(self, name: str, inputs: dict[str, Any]) -> StageFolder:
        """The folder of a stage for these inputs; made if need be."""
        path = self.root / name / fingerprint(inputs)[:12]
        path.mkdir(parents=True, exist_ok=True)
        folder = StageFolder(path, inputs)
        self._opened.setdefault(name, {})[path] = folder
        return folder

    def seconds(self) -> dict[str, float]:
        """Seconds of the finished work behind each stage of this run, done now or before."""
        return {
            name: round(sum(f.seconds for f in folders.values() if f.is_finished()), 1)
            for name, folders in self._opened.items()
        }
