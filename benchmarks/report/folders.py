"""Where below a results folder the results of tracks lie."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import contestants, networks

ABLATION = "ablation"  # the folder that the experiments of this name publish to


def further_results(folder: Path) -> list[Path]:
    """The folders below it that hold results of other experiments."""
    places = [folder / ABLATION, folder / contestants.FOLDER, *networks.network_folders(folder)]
    return [place for place in places if place.is_dir()]
