"""Where below a results folder the results of tracks lie."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.pages import networks
from benchmarks.report.pages import ranking as contestants

FOLDERS = ("ablation", "search", "gpu")  # that the experiments of these names publish to


def further_results(folder: Path) -> list[Path]:
    """The folders below it that hold results of other experiments."""
    named = [folder / name for name in (contestants.FOLDER, contestants.LONG, *FOLDERS)]
    places = [*named, *networks.network_folders(folder)]
    return [place for place in places if place.is_dir()]
