"""The layout of a results folder: runs there are found and verified."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from bddm_ref.files import SUMS, DamagedFileError, listed_in, verify_checksum
from benchmarks.results.documents import kind_of
from benchmarks.results.forms import document_file, document_files
from benchmarks.results.items import items_file, read_items
from benchmarks.results.owned import files_below
from benchmarks.results.schema import RunResults

CONTESTS, LONG = "contestants", "contestants/long"  # runs that the ranking is made of
NETWORKS = "networks"  # a folder below it for each score network
FOLDERS = ("ablation", "search", "gpu", "papers")  # that the experiments of these names publish to
OWE_CHECKSUMS = (
    ".json",
    ".json.gz",
    ".jsonl.gz",
    ".safetensors",
)  # endings of files that need a checksum


def run_files(folder: Path) -> list[Path]:
    """List the files of runs in a folder, but not below it.

    Raises:
        DamagedFileError: a compressed file is damaged, or both forms of one document are there.
    """
    return [path for path in document_files(folder) if kind_of(path) == "run"]


def contest_files(folder: Path) -> list[Path]:
    """Documents of the runs that the ranking of a results folder is made of."""
    return [path for place in (CONTESTS, LONG) for path in run_files(folder / place)]


def network_folders(folder: Path) -> list[Path]:
    """Folders that each hold the results of one score network."""
    return sorted(path for path in (folder / NETWORKS).glob("*") if path.is_dir())


def further_folders(folder: Path) -> list[Path]:
    """Folders below a results folder that hold results of other experiments."""
    named = [folder / name for name in (CONTESTS, LONG, *FOLDERS)]
    return [place for place in (*named, *network_folders(folder)) if place.is_dir()]


def root_of(folder: Path) -> Path:
    """Find the results folder that a folder of runs belongs to, whose page shows them.

    Returns:
        The folder above ``ablation/``, ``contestants/``, ``networks/NAME/`` and the like if it has
        runs of its own; else ``folder`` itself.
    """
    known = [Path(name) for name in (*FOLDERS, CONTESTS, LONG)]
    known.append(Path(NETWORKS) / folder.name)
    for place in known:
        root = (
            folder.parents[len(place.parts) - 1] if len(folder.parts) > len(place.parts) else None
        )
        if root is not None and root / place == folder and run_files(root):
            return root
    return folder


def verify_items(path: Path, results: RunResults) -> None:
    """Verify that the items beside a document are those that it was made from.

    Raises:
        DamagedFileError: the items are missing, altered, or not as many as the rows state.
    """
    counts: Counter[str] = Counter()
    for line in read_items(path, results.items_sha256).splitlines():
        record = json.loads(line)
        counts[record["row"]] += record.get("images", record.get("points", 1))
    for row in results.rows:
        if counts[row.key] != row.n_total:
            raise DamagedFileError(
                f"{items_file(path)} has {counts[row.key]} items of {row.key}, not {row.n_total}"
            )


def verify_checksums(folder: Path) -> int:
    """Verify every file below a folder that has a checksum or should have one.

    Returns:
        The number of these files.

    Raises:
        DamagedFileError: the first file that is missing, has no checksum, or does not match it.
    """
    files_here = [*files_below(folder)]
    lists = [path for path in files_here if path.name == SUMS]
    listed = {sums.with_name(name): sums for sums in lists for _, name in listed_in(sums)}
    for path, sums in sorted(listed.items()):
        if not path.is_file():
            raise DamagedFileError(f"{path} is missing, and {sums} lists it; restore the file")
    announced = {path.with_suffix("") for path in files_here if path.suffix == ".sha256"}
    owed = {path for path in files_here if path.name.endswith(OWE_CHECKSUMS)}
    files = listed.keys() | announced | owed
    for path in sorted(files):
        verify_checksum(path)
    return len(files)


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
        if document_file(folder, f"{track}.json").is_file()
    }
    return published | found
