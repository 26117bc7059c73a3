"""``python -m benchmarks check``: does a results folder keep the rules?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.report.pages.track import to_markdown
from benchmarks.results.documents import read_document
from benchmarks.results.schema import Results

# Documents that are no results of a track.
LEDGER = "claims.json"  # benchmarks.claims.ledger checks it
CONTESTANTS = "contestants.json"  # benchmarks.report.pages.ranking does
SPEED = "speed.json"  # benchmarks.studies.speed.command does
SPEED_ON_GPU = "speed-cuda.json"  # likewise


def read_results(path: Path) -> Results:
    """A results file, once its checksum and its schema have been verified.

    Raises:
        DamagedFileError: missing, altered, or not of the schema.
    """
    return read_document(path, Results, "run")


def results_files(folder: Path) -> list[Path]:
    """The results of tracks in a folder, but not below it."""
    others = (LEDGER, CONTESTANTS, SPEED, SPEED_ON_GPU)
    return sorted(path for path in folder.glob("*.json") if path.name not in others)


def check_results(folder: Path) -> list[str]:
    """Verify every results file of a folder: checksums, schema, items, and the table.

    Returns:
        One line for each file that passed.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    files = results_files(folder)
    if not files:
        raise DamagedFileError(f"{folder} holds no results (*.json); give a results folder")
    lines = []
    for path in files:
        results = read_results(path)
        _check_items(path, results)
        table = path.with_suffix(".md")
        if not table.is_file() or table.read_text() != to_markdown(results):
            raise DamagedFileError(
                f"{table} is not the table of {path.name}; make it again with 'report'"
            )
        lines.append(f"{path}: {len(results.rows)} rows, checksums, schema and table agree")
    sidecars = sorted(folder.rglob("*.sha256"))
    for sidecar in sidecars:
        verify_checksum(sidecar.with_suffix(""))
    return [*lines, f"{folder}: {len(sidecars)} checksums agree"]


def _check_items(path: Path, results: Results) -> None:
    items = path.with_name(f"{path.stem}-items.jsonl")
    verify_checksum(items)
    content = items.read_bytes()
    if hashlib.sha256(content).hexdigest() != results.items_sha256:
        raise DamagedFileError(f"{items} is not the one that {path.name} was made from")
    counts: dict[str, int] = {}
    for line in content.splitlines():
        record = json.loads(line)
        counts[record["row"]] = counts.get(record["row"], 0) + record.get(
            "images", record.get("points", 1)
        )
    for row in results.rows:
        if counts.get(row.key, 0) != row.n_total:
            raise DamagedFileError(
                f"{items} has {counts.get(row.key, 0)} items of {row.key}, not {row.n_total}"
            )
