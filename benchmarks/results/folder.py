"""The published results as claims read them: each file verified, what is missing is a reason."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from bddm_ref.files import verify_checksum
from benchmarks.report.words import PAGES
from benchmarks.report.words.base import CLAIM_SEEDS
from benchmarks.results.documents import read_document
from benchmarks.results.schema import Comparison, Results, RowResult
from benchmarks.results.speed_schema import SpeedDocument
from benchmarks.results.store import read_results
from benchmarks.results.theory import read_theory
from benchmarks.stages.networks import network_cost


class MissingResultError(Exception):
    """The results folder lacks what a test needs; the message becomes the test's reason."""


class Books:
    """The published results, each file read and verified once.

    Attributes:
        folder: of the results.
        made: each file that was read, to when it was made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, str] = {}
        self._read: dict[str, Results] = {}

    def results(self, name: str) -> Results:
        """A track's results.

        Raises:
            MissingResultError: not published, or from a run whose figures mean nothing.
        """
        if name not in self._read:
            path = self.folder / f"{name}.json"
            if not path.is_file():
                raise MissingResultError(f"{name}.json is not published")
            found = read_results(path)
            if found.meaningless:
                raise MissingResultError(f"{name}.json is of a smoke run")
            self._read[name] = found
            self.made[f"{name}.json"] = found.created
        return self._read[name]

    def lacks_seeds(self, name: str, *keys: str) -> str | None:
        """Why the fewest noise seeds of some rows are too few for a verdict, where they are."""
        seeds = min(self.row(name, key).seeds for key in keys)
        if PAGES[self.results(name).track].counts_items or seeds >= CLAIM_SEEDS:
            return None
        return f"{seeds} noise seeds, of {CLAIM_SEEDS} that a verdict needs"

    def row(self, name: str, key: str) -> RowResult:
        """A row that was sampled.

        Raises:
            MissingResultError: there is none, or it was skipped.
        """
        for row in self.results(name).rows:
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
        for one in self.results(name).comparisons:
            if (one.row, one.against, one.metric) == (row, against, metric):
                return one
        raise MissingResultError(f"{name}.json does not compare {row} with {against} by {metric}")

    @cached_property
    def theory(self) -> dict[str, Any]:
        """What exact scores say.

        Raises:
            MissingResultError: not published.
        """
        return self._theory("theory")

    def network_theory(self, track: str, convention: str) -> dict[str, Any]:
        """What a track's networks say of the theory, in one convention.

        Raises:
            MissingResultError: not published.
        """
        for one in self._theory(track)["conventions"]:
            if one["convention"] == convention:
                return dict(one)
        raise MissingResultError(f"theory/{track}.json has no convention {convention}")

    def _theory(self, name: str) -> dict[str, Any]:
        path = self.folder / "theory" / f"{name}.json"
        if not path.is_file():
            raise MissingResultError(f"theory/{name}.json is not published")
        content = read_theory(path).model_dump(mode="json")
        self.made[f"theory/{name}.json"] = content["created"]
        return content

    def speed(self, name: str) -> SpeedDocument:
        """The document of speed that is called ``name``.

        Raises:
            MissingResultError: not published.
        """
        path = self.folder / f"{name}.json"
        if not path.is_file():
            raise MissingResultError(f"{name}.json is not published")
        document = read_document(path, SpeedDocument, "speed")
        self.made[f"{name}.json"] = document.created
        return document

    def card(self, name: str) -> dict[str, Any]:
        """The card of shipped weights: parameters, and steps and seconds of their whole training.

        Raises:
            MissingResultError: there is none, or nothing of its training was timed.
        """
        path = self.folder / "weights" / f"{name}.json"
        if not path.is_file():
            raise MissingResultError(f"weights/{name}.json is not there")
        verify_checksum(path)
        parameters, steps, seconds = network_cost(path.with_suffix(".safetensors"))
        if seconds is None:
            raise MissingResultError(f"weights/{name}.json: its training was not timed")
        return {"parameters": parameters, "steps": steps, "seconds": seconds}
