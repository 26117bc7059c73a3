"""The parts of a ranking: every contestant's place at equal network evaluations."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from benchmarks.results.strict import Sha256, Strict
from benchmarks.results.verdicts import Interval, MetricInfo, Verdict

BDDM = "bddm"
ENOUGH_SEEDS = 6  # noise seeds that a verdict needs: a sign-flip test of fewer cannot reach 5 %
ENOUGH_REPEATS = 3  # trainings and searches that a verdict on a claim needs


class Against(Strict):
    """A contestant compared with BDDM, paired, at equally many evaluations."""

    difference: Interval = Field(description="the contestant less BDDM")
    bddm: Verdict = Field(description="of BDDM against the contestant")
    contestant: Verdict = Field(description="of the contestant against BDDM")
    firm: bool = Field(description="of enough noise seeds to be more than an indication")


class Place(Strict):
    """One contestant at one number of evaluations."""

    score: Interval
    rank: int = Field(description="among those with as many evaluations, 1 being the best")
    seconds: float | None = Field(description="median for one item; null: not timed")
    stable: bool | None = Field(description="whether that time is; null: not timed")
    against: Against | None = Field(description="null: not compared by this metric, or BDDM itself")


class Line(Strict):
    """One contestant."""

    title: str
    places: dict[int, Place] = Field(description="by number of evaluations, rising")


class Ranking(Strict):
    """One metric in one convention."""

    convention: str
    metric: str
    info: MetricInfo
    columns: list[int] = Field(description="numbers of evaluations, rising")
    reference: str = Field(description="row that all are compared with in the tables of results")
    reference_score: Interval | None
    lines: dict[str, Line] = Field(description="by contestant")

    def column(self, nfe: int) -> dict[str, Place]:
        """Contestants with this number of evaluations."""
        return {name: one.places[nfe] for name, one in self.lines.items() if nfe in one.places}

    def winner(self, nfe: int) -> str:
        """The best at this number of evaluations; of several BDDM, or else the first."""
        entrants = self.column(nfe)
        return min(entrants, key=lambda name: (entrants[name].rank, name != BDDM))

    def without_times(self) -> Ranking:
        """The ranking as if nothing had been timed."""
        lines = {
            name: line.model_copy(
                update={
                    "places": {
                        nfe: place.model_copy(update={"seconds": None, "stable": None})
                        for nfe, place in line.places.items()
                    }
                }
            )
            for name, line in self.lines.items()
        }
        return self.model_copy(update={"lines": lines})

    def comparisons(self) -> Iterator[tuple[str, int, Against]]:
        """Title, number of evaluations and outcome of every firm comparison with BDDM."""
        for line in self.lines.values():
            for nfe, place in line.places.items():
                if place.against is not None and place.against.firm:
                    yield line.title, nfe, place.against


class Preparation(Strict):
    """Cost of a searched contestant's schedules, all lengths together."""

    title: str
    schedule_net_steps: int | None
    schedule_net_seconds: float | None
    search_nfe: int
    search_seconds: float


class Thoroughness(Strict):
    """Fields of an experiment that say how much its search tries."""

    bins: int
    judge_items: int
    finalists: int
    finalist_items: int
    refinements: int


class Source(Strict):
    """The document of a run that a ranking comes from."""

    page: str = Field(description="its tables, below the results folder")
    experiment_sha256: Sha256
    data_sha256: Sha256
    commit: str | None
    tree: str | None
    created: str
    processor: str
    threads: int
    items: int = Field(description="of each row and noise seed")
    seeds: tuple[int, int] = Field(description="noise seeds of a row: the fewest and the most")
    search: Thoroughness
    times: int = Field(description="rows that were timed")
    unstable_times: int = Field(description="of them, those with a wide inter-quartile range")


class RankedConvention(Strict):
    """One convention of a track."""

    name: str
    rankings: list[Ranking] = Field(description="by headline metric; those of the first count")
    missing: dict[str, list[str]] = Field(description="reason to the rows that it keeps empty")
    preparation: list[Preparation]


class RankedTrack(Strict):
    """One track, of one run or of several that differ in numbers of evaluations."""

    track: str
    sources: list[Source]
    noise_estimators_seconds: float | None = Field(description="training of all; null: none")
    conventions: list[RankedConvention]

    @property
    def machines(self) -> int:
        """Number of different machines that made the runs."""
        return len({(source.processor, source.threads) for source in self.sources})
