"""The document of the ledger: every claim of the papers, with its settings and its verdict."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from benchmarks.results.documents import Document
from benchmarks.results.strict import Sha256, Strict

PRIMARY = "primary"  # name of the setting that decides a claim
ClaimVerdict = Literal["holds", "holds in part", "does not hold", "open"]
TestVerdict = Literal["holds", "does not hold", "open", "not made"]
Level = Literal[
    "exact", "CPU-scale", "GPU-scale", "authors' audio", "third-party network", "papers' scale"
]


class TestOutcome(Strict):
    """One test of a claim: the question, the figures, and the verdict."""

    __test__ = False  # no test of pytest's

    label: str = Field(description="of a primary test, for the overview; else empty")
    asked: str
    level: Level
    command: str
    verdict: TestVerdict
    measured: str = Field(description="the figures, or why there are none")
    short: str = Field(description="the figure, for the overview")
    steps: int | None = Field(description="sampling steps that are asked about")
    p: float | None = Field(description="one-sided, on the side of the figures; null: no p value")
    p_holm: float | None = Field(description="the same after Holm's correction in its setting")


class DecidedSetting(Strict):
    """One setting of a claim, with the outcomes of its tests."""

    name: str
    setting: str = Field(description="in words; may be empty")
    verdict: ClaimVerdict
    told: str = Field(description="which tests hold, which do not, which are open")
    tests: list[TestOutcome]


class Beside(Strict):
    """The figure of the results that stands beside one of the papers'."""

    results: str = Field(description="document of a run, without .json")
    row: str
    metric: str


class PapersFigure(Strict):
    """A figure of the papers, and this suite's beside it."""

    what: str
    value: str
    setting: str
    ours: str
    beside: Beside | None = Field(
        default=None, description="where ours is from; null: nothing is beside it, or not told"
    )


class Untested(Strict):
    """A part of a claim that is not tested here, and what it would take."""

    what: str
    needs: str
    level: Level = "papers' scale"


class DecidedClaim(Strict):
    """A claim with the outcomes of its tests."""

    number: str
    file: str
    statement: str
    source: str
    reported: str
    fixed: str = Field(description="the day when the primary tests were fixed")
    seen: bool = Field(description="whether results of these tests were known on that day")
    known: str = Field(description="what was known, in one line")
    figures: list[PapersFigure]
    differs: str = Field(description="why our figure may differ from the papers'")
    verdict: ClaimVerdict = Field(description="of the primary setting")
    fails: list[str] = Field(
        description="settings that do not hold or in part, with tests or steps"
    )
    primary: DecidedSetting
    extensions: list[DecidedSetting]
    not_tested: list[Untested]
    results: dict[str, str]  # file to when it was made
    file_sha256: Sha256
    first: str | None = None  # when the claim's file was first committed
    last: str | None = None  # and last changed; null: not as it stands


class Ledger(Document):
    """All claims."""

    made_by: ClassVar[str] = "claims"

    kind: Literal["claims"]
    schema_version: Literal[3]
    claims: list[DecidedClaim]
