"""A whole results folder, as the HTML page shows it: smoke runs and folders below it, too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import get_args

from benchmarks.results.authors_audio import AuthorsAudio
from benchmarks.results.documents import Measurement, kind_of
from benchmarks.results.folder import ResultsFolder
from benchmarks.results.forms import JSON, beside, document_files
from benchmarks.results.ranking import Part, ranked_tracks
from benchmarks.results.ranking_schema import RankedTrack
from benchmarks.results.schema import RunResults
from benchmarks.results.speed import SpeedDocument
from benchmarks.results.store import CONTESTS, LONG, further_folders, run_files
from benchmarks.results.theory import NetworkDocument, TheoryDocument

MEASUREMENTS: dict[str, type[Measurement]] = {
    get_args(schema.model_fields["kind"].annotation)[0]: schema
    for schema in (RunResults, TheoryDocument, NetworkDocument, SpeedDocument, AuthorsAudio)
}
"""Kind of a document, as its file states it, to its schema."""
TRACKS = ("speech", "images", "analytic")  # in the order of pages


class WholeFolder(ResultsFolder):
    """All documents of a results folder and of the folders below it."""

    def runs(self, place: str = ".") -> dict[str, RunResults]:
        """Every run of a folder by its track, in the order of the tracks; smoke runs, too.

        Args:
            place: a folder below the results folder; ``.``: the results folder itself.
        """
        names = (beside(path, JSON).name for path in run_files(self.path / place))
        found = [self._document((Path(place) / name).as_posix(), RunResults) for name in names]
        return {one.track: one for one in sorted(found, key=lambda one: _order(one.track))}

    @cached_property
    def ranking(self) -> list[RankedTrack]:
        """The ranking of contestants, by track; empty where the folder has no contests.

        Raises:
            DamagedFileError: the runs make no ranking together.
        """
        runs = [(place, run) for place in (CONTESTS, LONG) for run in self.runs(place).values()]
        parts = [Part(results=run, page=f"{place}/{run.track}.md") for place, run in runs]
        return ranked_tracks(parts)

    def measurements(self) -> Iterator[tuple[str, Measurement]]:
        """Name and document of everything that was measured, in this folder and below it."""
        for place in (self.path, *further_folders(self.path), self.path / "theory"):
            for path in document_files(place):
                schema = MEASUREMENTS.get(kind_of(path) or "")
                if schema is not None:
                    name = beside(path, JSON).relative_to(self.path).as_posix()
                    yield name, self._document(name, schema)

    def network_theories(self) -> list[NetworkDocument]:
        """The theory of every track's networks, in the order of the tracks."""
        place = self.path / "theory"
        names = [
            beside(path, JSON).name
            for path in document_files(place)
            if MEASUREMENTS.get(kind_of(path) or "") is NetworkDocument
        ]
        found = [self._document(f"theory/{name}", NetworkDocument) for name in names]
        return sorted(found, key=lambda one: _order(one.track))


def _order(track: str) -> tuple[int, str]:
    return (TRACKS.index(track) if track in TRACKS else len(TRACKS), track)
