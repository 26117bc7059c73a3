"""All kinds of documents with their pages: publishing and checking are two loops over them.

The pages of the ranking and of the networks come from the documents of several runs.

A new kind of document is a schema in :mod:`benchmarks.results`, a page in
:mod:`benchmarks.report.pages`, and an entry of :data:`DOCUMENTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bddm_ref.files import DamagedFileError, verify_checksum, write_atomically, write_listed
from benchmarks.report.markdown import to_markdown
from benchmarks.report.page import Page
from benchmarks.report.pages.claims import claims_page
from benchmarks.report.pages.networks import networks_page
from benchmarks.report.pages.ranking import plot_name, ranking_page
from benchmarks.report.pages.speed import speed_page
from benchmarks.report.pages.theory import theory_page
from benchmarks.report.pages.theory_networks import network_page
from benchmarks.report.pages.track import track_page
from benchmarks.report.readme import check_readmes
from benchmarks.results.documents import Document, kind_of
from benchmarks.results.forms import beside, document_file, document_files
from benchmarks.results.ledger import Ledger
from benchmarks.results.ranking import ranking_of
from benchmarks.results.ranking_schema import RankedTrack, Ranking
from benchmarks.results.schema import RunResults
from benchmarks.results.search_pairs import search_pairs
from benchmarks.results.speed import SpeedDocument
from benchmarks.results.store import (
    contest_files,
    further_folders,
    network_folders,
    network_runs,
    run_files,
    verify_checksums,
    verify_items,
)
from benchmarks.results.theory import NetworkDocument, TheoryDocument

RANKING, NETWORKS = "contestants.md", "networks.md"
SPEED, SPEED_ON_GPU = "speed.json", "speed-cuda.json"


@dataclass(frozen=True)
class Kind:
    """One kind of document.

    Attributes:
        schema: the class that reads and writes it.
        page: gives its page.
        told: words of the line that tells that it was checked.
        plots: draws its plots beside it.
        verify: compares it with other files of its folder.
    """

    schema: type[Document]
    page: Callable[[Any, Path], Page]
    told: Callable[[Any], str]
    plots: Callable[[Any, Path], None] | None = None
    verify: Callable[[Path, Any], None] | None = None


def _speed_page(document: SpeedDocument, path: Path) -> Page:
    """The page of speed: that of the CPU also compares the folder's searches."""
    if not document.on_cpu:
        return speed_page(document, [])
    on_gpu = document_file(path.parent, SPEED_ON_GPU)
    other = SpeedDocument.read(on_gpu) if on_gpu.is_file() else None
    return speed_page(document, search_pairs(path.parent), other)


def _plot_bounds(document: TheoryDocument, path: Path) -> None:
    from benchmarks.report.plots.theory import plot_bounds  # noqa: PLC0415 (loads matplotlib)

    write_atomically(path.with_name("bounds.svg"), partial(plot_bounds, document.bounds))


def _plot_networks(document: NetworkDocument, path: Path) -> None:
    from benchmarks.report.plots.theory import plot_networks  # noqa: PLC0415 (loads matplotlib)

    write_atomically(beside(path, ".svg"), partial(plot_networks, document.conventions))


DOCUMENTS: dict[str, Kind] = {
    "run": Kind(
        RunResults,
        lambda document, path: track_page(document),
        lambda document: f"{len(document.rows)} rows",
        verify=verify_items,
    ),
    "claims": Kind(
        Ledger,
        lambda document, path: claims_page(document),
        lambda document: f"{len(document.claims)} claims",
    ),
    "speed": Kind(SpeedDocument, _speed_page, lambda document: f"{len(document.cases)} cases"),
    "theory": Kind(
        TheoryDocument,
        lambda document, path: theory_page(document),
        lambda document: f"bounds of {len(document.bounds)} distributions",
        plots=_plot_bounds,
    ),
    "network theory": Kind(
        NetworkDocument,
        lambda document, path: network_page(document),
        lambda document: f"networks of {len(document.conventions)} conventions",
        plots=_plot_networks,
    ),
}
"""Kind of document, as its files state it, to how it is read and shown."""


def publish(path: Path, document: Document) -> Path:
    """Write a document, its plots and its page.

    Args:
        path: ``NAME.json``; a large document goes to ``NAME.json.gz`` instead.
        document: the document.

    Returns:
        The page.
    """
    document.write(path)
    plots = DOCUMENTS[document.kind].plots
    if plots is not None:
        plots(document, path)
    return write_page(path, document)


def write_page(path: Path, document: Document) -> Path:
    """Write the page of a document that lies at ``path``."""
    page = beside(path, ".md")
    text = to_markdown(DOCUMENTS[document.kind].page(document, path))
    write_atomically(page, partial(Path.write_text, data=text))
    return page


def write_ranking(folder: Path) -> Path:
    """Rank the contestants of a results folder, and write the plots and the page.

    Raises:
        DamagedFileError: there are no runs to rank, or one is damaged.
    """
    from benchmarks.report.plots.pareto import plot_pareto  # noqa: PLC0415 (loads matplotlib)

    tracks = ranking_of(folder)
    for name, ranking in _plotted(tracks):
        write_listed(folder / name, partial(plot_pareto, ranking))
    page, text = folder / RANKING, to_markdown(ranking_page(tracks))
    write_atomically(page, partial(Path.write_text, data=text))
    return page


def _plotted(tracks: Sequence[RankedTrack]) -> Iterator[tuple[str, Ranking]]:
    """Name the plot of every convention, and the ranking that it shows."""
    for track in tracks:
        for convention in track.conventions:
            if convention.rankings:
                yield plot_name(track, convention), convention.rankings[0]


def write_networks(folder: Path) -> Path:
    """Write the page of the score networks of a results folder.

    Raises:
        DamagedFileError: there are none, or one is damaged.
    """
    page, text = folder / NETWORKS, to_markdown(networks_page(network_runs(folder)))
    write_atomically(page, partial(Path.write_text, data=text))
    return page


def write_speed_pages(folder: Path) -> Path:
    """Write the pages of speed of a results folder.

    Returns:
        The first of them that there is.

    Raises:
        DamagedFileError: there is no document, or one is damaged.
    """
    files = [document_file(folder, name) for name in (SPEED, SPEED_ON_GPU)]
    found = [path for path in files if path.is_file()] or files[:1]
    pages = [write_page(path, SpeedDocument.read(path)) for path in found]
    return pages[0]


def checked(folder: Path) -> list[str]:
    """Verify a results folder: every document, its page, and all checksums.

    Returns:
        One line for each file that passed.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    if not run_files(folder):
        verify_checksums(folder)  # an altered document may not even tell its kind
        raise DamagedFileError(f"{folder} holds no results (*.json); give a results folder")
    lines = []
    for place in (folder, *further_folders(folder), folder / "theory"):
        lines += [_checked_document(path) for path in document_files(place)]
    lines.append(f"{folder}: {verify_checksums(folder)} checksums agree")
    if contest_files(folder):
        lines.append(_checked_ranking(folder))
    if network_folders(folder):
        lines.append(_checked_networks(folder))
    return lines + check_readmes(folder)


def _checked_document(path: Path) -> str:
    kind = DOCUMENTS.get(kind_of(path) or "")
    if kind is None:
        raise DamagedFileError(
            f"{path} is no document of this version; make it again, or move it out of the folder"
        )
    document = kind.schema.read(path)
    if kind.verify is not None:
        kind.verify(path, document)
    page = beside(path, ".md")
    if not page.is_file() or page.read_text() != to_markdown(kind.page(document, path)):
        raise DamagedFileError(
            f"{page} is not the page of {path.name}; make it again with {document.made_by!r}"
        )
    return f"{path}: {kind.told(document)}, checksum, schema and page agree"


def _checked_ranking(folder: Path) -> str:
    tracks, page = ranking_of(folder), folder / RANKING
    if not page.is_file() or page.read_text() != to_markdown(ranking_page(tracks)):
        raise DamagedFileError(f"{page} is not what the runs say; make it again with 'ranking'")
    for name, _ in _plotted(tracks):
        verify_checksum(folder / name)
    runs = sum(len(track.sources) for track in tracks)
    return f"{page}: follows from {runs} runs, plots agree"


def _checked_networks(folder: Path) -> str:
    runs, page = network_runs(folder), folder / NETWORKS
    if not page.is_file() or page.read_text() != to_markdown(networks_page(runs)):
        raise DamagedFileError(f"{page} is not what the runs say; make it again with 'networks'")
    return f"{page}: follows from {len(runs)} networks"
