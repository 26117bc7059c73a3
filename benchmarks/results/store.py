"""Where documents lie in a results folder, and how runs there are found and verified."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.results.documents import kind_of
from benchmarks.results.schema import RunResults

CONTESTS, LONG = "contestants", "contestants/long"  # runs that the ranking is made of
NETWORKS = "networks"  # a folder below it for each score network
FOLDERS = ("ablation", "search", "gpu")  # that the experiments of these names publish to


def run_files(folder: Path) -> list[Path]:
    """Documents of runs in a folder, but not below it."""
    return sorted(path for path in folder.glob("*.json") if kind_of(path) == "run")


def network_folders(folder: Path) -> list[Path]:
    """Folders that each hold the results of one score network."""
    return sorted(path for path in (folder / NETWORKS).glob("*") if path.is_dir())


def further_folders(folder: Path) -> list[Path]:
    """Folders below a results folder that hold results of other experiments."""
    named = [folder / name for name in (CONTESTS, LONG, *FOLDERS)]
    return [place for place in (*named, *network_folders(folder)) if place.is_dir()]


def verify_items(path: Path, results: RunResults) -> None:
    """Verify that the items beside a document are those that it was made from.

    Raises:
        DamagedFileError: the items are missing, altered, or not as many as the rows state.
    """
    items = path.with_name(f"{path.stem}-items.jsonl")
    verify_checksum(items)
    content = items.read_bytes()
    if hashlib.sha256(content).hexdigest() != results.items_sha256:
        raise DamagedFileError(f"{items} is not the one that {path.name} was made from")
    counts: Counter[str] = Counter()
    for line in content.splitlines():
        record = json.loads(line)
        counts[record["row"]] += record.get("images", record.get("points", 1))
    for row in results.rows:
        if counts[row.key] != row.n_total:
            raise DamagedFileError(
                f"{items} has {counts[row.key]} items of {row.key}, not {row.n_total}"
            )


def verify_checksums(folder: Path) -> int:
    """Verify every file below a folder that has a checksum beside it.

    Returns:
        How many there are.

    Raises:
        DamagedFileError: the first file that does not match.
    """
    sidecars = sorted(folder.rglob("*.sha256"))
    for sidecar in sidecars:
        verify_checksum(sidecar.with_suffix(""))
    return len(sidecars)


def network_runs(folder: Path) -> dict[str, RunResults]:
    """Runs on each score network, by its name: first those that a track's own results are of.

    Raises:
        DamagedFileError: there are none, or one is damaged.
    """
    found = {
        place.name: RunResults.read(file)
        for place in network_folders(folder)
        for file in run_files(place)
    }
    if not found:
        raise DamagedFileError(
            f"{folder / NETWORKS} holds no results; make them with 'run networks-images-short'"
        )
    published = {
        f"published ({track})": RunResults.read(folder / f"{track}.json")
        for track in dict.fromkeys(results.track for results in found.values())
        if (folder / f"{track}.json").is_file()
    }
    return published | found
