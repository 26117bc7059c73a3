"""Pages that follow from a results folder alone, and its check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.claims.ledger import check_ledger, write_ledger
from benchmarks.report.pages import networks
from benchmarks.report.pages import ranking as contestants
from benchmarks.report.readme import check_readmes, write_overview
from benchmarks.results.folders import further_results
from benchmarks.results.store import LEDGER, SPEED, SPEED_ON_GPU, check_results
from benchmarks.results.theory import check_theory
from benchmarks.studies.speed.command import check_speed

WRITERS: dict[str, Callable[[Path], Path]] = {
    "claims": write_ledger,
    "contestants": contestants.write_contestants,
    "networks": networks.write_networks,
    "overview": write_overview,
}
"""Sub-command to what makes its page."""


def checked(folder: Path) -> list[str]:
    """What agrees in a results folder, one line for each file.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    lines = check_results(folder)
    for other in further_results(folder):
        lines += check_results(other)
    if (folder / contestants.FOLDER).is_dir():
        lines.append(contestants.check_contestants(folder))
    if networks.network_folders(folder):
        lines.append(networks.check_networks(folder))
    if (folder / LEDGER).is_file():
        lines.append(check_ledger(folder))
    if any((folder / name).is_file() for name in (SPEED, SPEED_ON_GPU)):
        lines.append(check_speed(folder))
    return lines + check_theory(folder) + check_readmes(folder)
