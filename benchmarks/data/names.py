"""Names of data sets in results. A published name is kept for data with the published checksums."""

from __future__ import annotations

from pathlib import Path

from benchmarks.core.names import one_line

PUBLISHED = ("festvox-ru", "fashion-mnist", "cifar-10")
SHOWN = 8  # digits of a checksum in a name


def name_of_folder(folder: Path) -> str:
    """Name of a user's folder in one line, which is never the name of a published data set."""
    name = one_line(folder.resolve().name)
    return f"folder-{name}" if name.lower() in PUBLISHED else name


def name_of_layout(layout: str, sha256: str) -> str:
    """Name of data in the layout of a published set, whose checksums are not known here."""
    return f"{layout}-layout-{sha256[:SHOWN]}"
