"""The document of the ledger: every claim of the papers, with its tests and its verdict."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.results.documents import Document
from benchmarks.results.strict import Sha256, Strict

ClaimVerdict = Literal["reproduced", "not reproduced", "undecided", "not tested here"]
Level = Literal["analytic", "CPU-scale", "GPU", "authors' audio", "paper-scale"]


class TestOutcome(Strict):
    """One test of a claim: the question, the figures, and the verdict."""

    __test__ = False  # no test of pytest's

    asked: str
    level: Level
    command: str
    verdict: ClaimVerdict
    measured: str


class Untested(Strict):
    """A part of a claim that is not tested here, and what it would take."""

    what: str
    needs: str
    level: Level = "paper-scale"


class DecidedClaim(Strict):
    """A claim with the outcomes of its tests."""

    number: str
    file: str
    statement: str
    source: str
    reported: str
    reading: str
    verdict: ClaimVerdict
    tests: list[TestOutcome]
    not_tested: list[Untested]
    results: dict[str, str]  # file to when it was made
    file_sha256: Sha256
    first: str | None = None  # when the claim's file was first committed
    last: str | None = None  # and last changed; null: not as it stands


class Ledger(Document):
    """All claims."""

    made_by: ClassVar[str] = "claims"

    kind: Literal["claims"]
    schema_version: Literal[2]
    claims: list[DecidedClaim]
