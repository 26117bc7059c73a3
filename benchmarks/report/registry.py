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
from benchmarks.report.pages.authors_audio import authors_audio_page
from benchmarks.report.pages.claims import claims_page
from benchmarks.report.pages.networks import networks_page
from benchmarks.report.pages.ranking import plot_name, ranking_page
from benchmarks.report.pages.speed import speed_page
from benchmarks.report.pages.theory import theory_page
from benchmarks.report.pages.theory_networks import network_page
from benchmarks.report.pages.track import track_page
from benchmarks.report.readme import OVERVIEW, check_readmes
from benchmarks.results.authors_audio import AuthorsAudio
from benchmarks.results.documents import Document, kind_of
from benchmarks.results.forms import GZIP, JSON, beside, document_file, document_files
from benchmarks.results.ledger import Ledger
from benchmarks.results.owned import (
    PAGE,
    files_below,
    refuse_orphans,
    run_files_of,
    shipped_weights,
    verify_files,
    weights_named,
)
from benchmarks.results.publication import publication, refuse_unfinished
from benchmarks.results.ranking import ranking_of
from benchmarks.results.ranking_schema import RankedTrack, Ranking
from benchmarks.results.schema import RunResults
from benchmarks.results.search_pairs import search_pairs
from benchmarks.results.speed import SpeedDocument
from benchmarks.results.store import (
    CONTESTS,
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
AUTHORS_AUDIO = "authors-audio.json"
FORMS = (JSON, JSON + GZIP)  # endings of documents


@dataclass(frozen=True)
class Kind:
    """One kind of document.

    Attributes:
        schema: the class that reads and writes it.
        page: gives its page.
        told: words of the line that tells that it was checked.
        plots: draws its plots beside it.
        verify: compares it with other files of its folder.
        owned: names of the files that belong to it, given it and its name without an ending.
    """

    schema: type[Document]
    page: Callable[[Any, Path], Page]
    told: Callable[[Any], str]
    plots: Callable[[Any, Path], None] | None = None
    verify: Callable[[Path, Any], None] | None = None
    owned: Callable[[Any, str], set[str]] = lambda document, stem: {f"{stem}.md"}


def _speed_page(document: SpeedDocument, path: Path) -> Page:
    """The page of speed: that of the CPU also compares the folder's searches."""
    on_gpu = document_file(path.parent, SPEED_ON_GPU)
    other = SpeedDocument.read(on_gpu) if document.on_cpu and on_gpu.is_file() else None
    return _speed_page_beside(document, path.parent, other)


def _speed_page_beside(document: SpeedDocument, folder: Path, other: SpeedDocument | None) -> Page:
    if not document.on_cpu:
        return speed_page(document, [])
    return speed_page(document, search_pairs(folder), other)


def _verify_run(path: Path, document: RunResults) -> None:
    verify_items(path, document)
    verify_files(path, document)


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
        verify=_verify_run,
        owned=run_files_of,
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
        owned=lambda document, stem: {f"{stem}.md", "bounds.svg"},
    ),
    "network theory": Kind(
        NetworkDocument,
        lambda document, path: network_page(document),
        lambda document: f"networks of {len(document.conventions)} conventions",
        plots=_plot_networks,
        owned=lambda document, stem: {f"{stem}.md", f"{stem}.svg"},
    ),
    "authors audio": Kind(
        AuthorsAudio,
        lambda document, path: authors_audio_page(document),
        lambda document: f"{len(document.samples)} samples",
    ),
}
"""Kind of document, as its files state it, to how it is read and shown."""


def publish(path: Path, document: Document) -> Path:
    """Write a document, its plots and its page in one step.

    Args:
        path: ``NAME.json``; a large document goes to ``NAME.json.gz`` instead.
        document: the document.

    Returns:
        The page.
    """
    return publish_with(path, lambda folder: document)


def publish_with(path: Path, make: Callable[[Path], Document]) -> Path:
    """Write a document, its plots, its page and further files in one step.

    Files of the older document at this place that the new one does not have are removed.

    Args:
        path: ``NAME.json``; a large document goes to ``NAME.json.gz`` instead.
        make: writes the further files into the folder that it gets, and returns the document.

    Returns:
        The page.
    """
    stem = beside(path, "").name
    kept: set[str] = set()
    with publication(path.parent, stem, lambda: _owned_now(path) - kept) as new:
        document = make(new)
        kind = DOCUMENTS[document.kind]
        kept |= kind.owned(document, stem)
        document.write(new / path.name)
        if kind.plots is not None:
            kind.plots(document, new / path.name)
        _write_text(new / f"{stem}.md", to_markdown(kind.page(document, path)))
    return beside(path, ".md")


def _owned_now(path: Path) -> set[str]:
    """Files of the document that lies at a place; none where nothing readable is there."""
    try:
        file = document_file(path.parent, path.name)
        if not file.is_file():
            return set()
        kind = DOCUMENTS[kind_of(file) or ""]
        return kind.owned(kind.schema.read(file), beside(path, "").name)
    except (DamagedFileError, KeyError):  # a damaged document is replaced, and owns nothing
        return set()


def _write_text(path: Path, text: str) -> None:
    write_atomically(path, partial(Path.write_text, data=text))


def write_pages(folder: Path) -> list[Path]:
    """Write every page of a results folder again, from its document; plots stay as they are.

    Returns:
        The pages that changed.

    Raises:
        DamagedFileError: a document is damaged.
    """
    texts = {}
    for place in (folder, *further_folders(folder), folder / "theory"):
        for path in document_files(place):
            kind = _known_kind(path)
            text = to_markdown(kind.page(kind.schema.read(path), path))
            texts[beside(path, ".md")] = text
    if contest_files(folder):
        texts[folder / RANKING] = to_markdown(ranking_page(ranking_of(folder)))
    if network_folders(folder):
        texts[folder / NETWORKS] = to_markdown(networks_page(network_runs(folder)))
    changed = [page for page, text in texts.items() if _text_of(page) != text]
    for page in changed:
        _write_text(page, texts[page])
    return changed


def _text_of(page: Path) -> str | None:
    return page.read_text() if page.is_file() else None


def write_ranking(folder: Path, into: Path | None = None) -> Path:
    """Rank the contestants of a results folder, and write the plots and the page.

    Args:
        folder: the results folder.
        into: the folder of the plots and the page; None: ``folder``.

    Raises:
        DamagedFileError: there are no runs to rank, or one is damaged.
    """
    from benchmarks.report.plots.pareto import plot_pareto  # noqa: PLC0415 (loads matplotlib)

    tracks, target = ranking_of(folder), into or folder
    with publication(target, Path(RANKING).stem, lambda: _plots_in(target)) as new:
        for name, ranking in _plotted(tracks):
            write_listed(new / name, partial(plot_pareto, ranking))
        _write_text(new / RANKING, to_markdown(ranking_page(tracks)))
    return target / RANKING


def _plots_in(folder: Path) -> list[str]:
    """Plots of an earlier ranking in a results folder."""
    pattern = str(Path(CONTESTS) / "pareto-*.svg")
    return [str(path.relative_to(folder)) for path in folder.glob(pattern)]


def _plotted(tracks: Sequence[RankedTrack]) -> Iterator[tuple[str, Ranking]]:
    """Name the plot of every convention, and the ranking that it shows."""
    for track in tracks:
        for convention in track.conventions:
            if convention.rankings:
                yield plot_name(track, convention), convention.rankings[0]


def write_networks(folder: Path, into: Path | None = None) -> Path:
    """Write the page of the score networks of a results folder.

    Args:
        folder: the results folder.
        into: the folder of the page; None: ``folder``.

    Raises:
        DamagedFileError: there are none, or one is damaged.
    """
    page = (into or folder) / NETWORKS
    _write_text(page, to_markdown(networks_page(network_runs(folder))))
    return page


def write_speed_pages(folder: Path, fresh: SpeedDocument | None = None) -> Path:
    """Write the pages of speed of a results folder, and a new document, in one step.

    Args:
        folder: the results folder.
        fresh: a new document; it replaces the one of the same kind of device.

    Returns:
        The first of the pages.

    Raises:
        DamagedFileError: there is no document, or one is damaged.
    """
    mine = None if fresh is None else (SPEED if fresh.on_cpu else SPEED_ON_GPU)
    files = {name: document_file(folder, name) for name in (SPEED, SPEED_ON_GPU) if name != mine}
    documents = {name: SpeedDocument.read(file) for name, file in files.items() if file.is_file()}
    if fresh is not None and mine is not None:
        documents[mine] = fresh
    if not documents:
        SpeedDocument.read(files[SPEED])  # says that it is missing
    other = documents.get(SPEED_ON_GPU)
    with publication(folder, Path(mine or SPEED).stem) as new:
        if fresh is not None and mine is not None:
            fresh.write(new / mine)
        for name, document in documents.items():
            page = _speed_page_beside(document, folder, other)
            _write_text(beside(new / name, ".md"), to_markdown(page))
    return beside(folder / (SPEED if SPEED in documents else SPEED_ON_GPU), ".md")


def checked(folder: Path) -> list[str]:
    """Verify a results folder: every document, its page, and all checksums.

    Returns:
        One line for each file that passed.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    refuse_unfinished(folder)
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
    _refuse_orphans(folder)
    return lines + check_readmes(folder)


def _refuse_orphans(folder: Path) -> None:
    owned: set[Path] = {folder / OVERVIEW, folder / PAGE}
    weights = shipped_weights()
    for path in files_below(folder):
        kind = DOCUMENTS.get(kind_of(path) or "") if path.name.endswith(FORMS) else None
        if kind is not None:
            document, stem = kind.schema.read(path), beside(path, "").name
            owned |= {path, *(path.parent / name for name in kind.owned(document, stem))}
            if isinstance(document, RunResults):
                weights |= weights_named(document.settings)
    if contest_files(folder):
        plots = (name for name, _ in _plotted(ranking_of(folder)))
        owned |= {folder / RANKING, *(folder / name for name in plots)}
    if network_folders(folder):
        owned.add(folder / NETWORKS)
    refuse_orphans(folder, owned, weights)


def _known_kind(path: Path) -> Kind:
    kind = DOCUMENTS.get(kind_of(path) or "")
    if kind is None:
        raise DamagedFileError(
            f"{path} is no document of this version; make it again, or move it out of the folder"
        )
    return kind


def _checked_document(path: Path) -> str:
    kind = _known_kind(path)
    document = kind.schema.read(path)
    if kind.verify is not None:
        kind.verify(path, document)
    page = beside(path, ".md")
    if _text_of(page) != to_markdown(kind.page(document, path)):
        raise DamagedFileError(
            f"{page} is not the page of {path.name}; make it again with {document.made_by!r}"
        )
    return f"{path}: {kind.told(document)}, checksum, schema and page agree"


def _checked_ranking(folder: Path) -> str:
    tracks, page = ranking_of(folder), folder / RANKING
    if _text_of(page) != to_markdown(ranking_page(tracks)):
        raise DamagedFileError(f"{page} is not what the runs say; make it again with 'ranking'")
    for name, _ in _plotted(tracks):
        verify_checksum(folder / name)
    runs = sum(len(track.sources) for track in tracks)
    return f"{page}: follows from {runs} runs, plots agree"


def _checked_networks(folder: Path) -> str:
    runs, page = network_runs(folder), folder / NETWORKS
    if _text_of(page) != to_markdown(networks_page(runs)):
        raise DamagedFileError(f"{page} is not what the runs say; make it again with 'networks'")
    return f"{page}: follows from {len(runs)} networks"
