"""A results folder as claims and pages read it: each document read and verified once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from bddm_ref.files import verify_checksum
from benchmarks.results.authors_audio import AuthorsAudio
from benchmarks.results.cards import card_of, parameters_in
from benchmarks.results.documents import Document, Measurement
from benchmarks.results.forms import document_file
from benchmarks.results.ledger import Ledger
from benchmarks.results.ranking_schema import ENOUGH_REPEATS
from benchmarks.results.schema import Comparison, RowResult, RunResults
from benchmarks.results.speed import SpeedDocument
from benchmarks.results.theory import NetworkDocument, NetworkTheory, TheoryDocument

Found = TypeVar("Found", bound=Document)
Measured = TypeVar("Measured", bound=Measurement)


class MissingResultError(Exception):
    """The results folder lacks what a test needs; the message becomes the test's reason."""


@dataclass(frozen=True)
class NetworkCost:
    """Size of a network, and its whole training."""

    parameters: int
    steps: int  # updates
    seconds: float


class ResultsFolder:
    """The documents of a results folder.

    Args:
        path: the folder.
        shared: another view of the same folder, whose documents need not be read again.

    Attributes:
        made: name of each document that was consulted, as ``speech.json``, to its date.
    """

    AUTHORS_AUDIO: ClassVar[str] = "authors-audio.json"

    def __init__(self, path: Path, shared: ResultsFolder | None = None) -> None:
        self.path = path
        self.made: dict[str, str] = {}
        self._documents: dict[str, Document] = {} if shared is None else shared._documents

    def view(self) -> ResultsFolder:
        """Another view, which notes for itself what is consulted."""
        return ResultsFolder(self.path, self)

    def run(self, name: str) -> RunResults:
        """The document of a run, by its file without ``.json``.

        Raises:
            MissingResultError: not published, or from a smoke run, whose figures mean nothing.
        """
        found = self._document(f"{name}.json", RunResults)
        if found.meaningless:
            raise MissingResultError(f"{name}.json is of a smoke run")
        return self._consulted(f"{name}.json", found)

    def run_to_show(self, name: str) -> tuple[Path, RunResults]:
        """The document of a run for people to look at, be it of a smoke run, and its file.

        Raises:
            MissingResultError: not published.
        """
        name = f"{name}.json"
        return document_file(self.path, name), self._document(name, RunResults)

    def lacks_repeats(self, name: str, *keys: str) -> str | None:
        """Why some rows rest on too few trainings and searches for a verdict, where they do.

        Noise seeds of rows without a search are not counted: their noise differs between items,
        and so is a part of every interval over items.
        """
        searched = [row for row in (self.row(name, key) for key in keys) if row.search is not None]
        repeats = min((row.repeats for row in searched), default=ENOUGH_REPEATS)
        if repeats >= ENOUGH_REPEATS:
            return None
        return f"{repeats} trainings and searches, of {ENOUGH_REPEATS} that a verdict needs"

    def row(self, name: str, key: str) -> RowResult:
        """A row that was sampled.

        Raises:
            MissingResultError: there is none, or it was skipped.
        """
        for row in self.run(name).rows:
            if row.key == key and row.skipped is None:
                return row
            if row.key == key:
                raise MissingResultError(f"{key}: {row.skipped}")
        raise MissingResultError(f"{name}.json has no row {key}")

    def comparison(self, name: str, row: str, against: str, metric: str) -> Comparison:
        """A paired difference.

        Raises:
            MissingResultError: the two were not compared by this metric.
        """
        self.row(name, row), self.row(name, against)
        for one in self.run(name).comparisons:
            if (one.row, one.against, one.metric) == (row, against, metric):
                return one
        raise MissingResultError(f"{name}.json does not compare {row} with {against} by {metric}")

    @property
    def theory(self) -> TheoryDocument:
        """The theory of known distributions.

        Raises:
            MissingResultError: not published.
        """
        name = "theory/theory.json"
        return self._consulted(name, self._document(name, TheoryDocument))

    def network_theory(self, track: str, convention: str) -> NetworkTheory:
        """The theory of a track's networks, in one convention.

        Raises:
            MissingResultError: not published.
        """
        name = f"theory/{track}.json"
        document = self._consulted(name, self._document(name, NetworkDocument))
        for one in document.conventions:
            if one.convention == convention:
                return one
        raise MissingResultError(f"{name} has no convention {convention}")

    def speed(self, name: str) -> SpeedDocument:
        """The document of speed that is called ``name``.

        Raises:
            MissingResultError: not published.
        """
        return self._consulted(f"{name}.json", self._document(f"{name}.json", SpeedDocument))

    @property
    def authors_audio(self) -> AuthorsAudio:
        """The scores of audio that authors have published.

        Raises:
            MissingResultError: not published.
        """
        name = self.AUTHORS_AUDIO
        return self._consulted(name, self._document(name, AuthorsAudio))

    @property
    def ledger(self) -> Ledger:
        """The ledger of claims.

        Raises:
            MissingResultError: not published.
        """
        return self._document("claims.json", Ledger)

    def network_cost(self, name: str) -> NetworkCost:
        """Size and training of shipped weights.

        Raises:
            MissingResultError: there are none, or nothing of their training was timed.
        """
        weights = self.path / "weights" / f"{name}.safetensors"
        card = card_of(weights)
        if card is None:
            raise MissingResultError(f"weights/{name}.json is not there")
        verify_checksum(weights.with_suffix(".json"))
        if card.whole_seconds is None:
            raise MissingResultError(f"weights/{name}.json: its training was not timed")
        return NetworkCost(parameters_in(weights), card.steps, card.whole_seconds)

    def _document(self, name: str, kind: type[Found]) -> Found:
        if name not in self._documents:
            path = document_file(self.path, name)
            if not path.is_file():
                raise MissingResultError(f"{name} is not published")
            self._documents[name] = kind.read(path)
        found = self._documents[name]
        assert isinstance(found, kind)
        return found

    def _consulted(self, name: str, document: Measured) -> Measured:
        self.made[name] = document.created
        return document
