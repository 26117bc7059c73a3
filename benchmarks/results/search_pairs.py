"""The papers' search compared with the frugal one, from results that made both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results.forms import JSON, beside
from benchmarks.results.ranking_schema import BDDM
from benchmarks.results.schema import RunResults
from benchmarks.results.store import further_folders, run_files
from benchmarks.results.verdicts import Interval, MetricInfo, Verdict

FRUGAL = "bddm-frugal"


@dataclass(frozen=True)
class SearchPair:
    """The papers' search and the frugal one, made in one run."""

    source: str  # name of the run's document, below the results folder
    convention: str
    nfe: dict[str, int]  # of each search, by contestant
    seconds: dict[str, float]
    info: MetricInfo
    differences: dict[int, Interval]  # frugal less the papers', paired, on test items, by steps
    p: dict[int, float | None]  # of the sign-flip or exchange test, by steps
    verdicts: dict[int, Verdict]  # of the frugal one's schedules, by steps
    behind: frozenset[int]  # steps at which interval and test find the papers' better


def search_pairs(folder: Path) -> list[SearchPair]:
    """Every run below a results folder that made both searches, by convention and metric.

    Raises:
        DamagedFileError: a results file is damaged.
    """
    return [
        pair
        for place in (folder, *further_folders(folder))
        for path in run_files(place)
        for pair in _pairs_of(RunResults.read(path), path, folder)
    ]


def _pairs_of(results: RunResults, path: Path, folder: Path) -> Iterator[SearchPair]:
    for convention in results.convention_names():
        costs = {name: results.cost(convention, name) for name in (BDDM, FRUGAL)}
        made = {name: cost for name, cost in costs.items() if cost is not None}
        if len(made) < len(costs):
            continue
        for metric in results.settings.headline:
            found = {
                one.row_key.steps: one
                for one in results.comparisons
                if one.metric == metric
                and one.row_key.convention == convention
                and (one.row_key.contestant, one.against_key.contestant) == (BDDM, FRUGAL)
            }
            if not found:
                continue
            info = results.metrics[metric]
            turned = {n: one.turned(info.higher_is_better) for n, one in found.items()}
            yield SearchPair(
                source=str(beside(path, JSON).relative_to(folder)),
                convention=convention,
                nfe={name: cost.search_nfe for name, cost in made.items()},
                seconds={name: cost.search_seconds for name, cost in made.items()},
                info=info,
                differences={n: one.difference for n, one in turned.items()},
                p={n: one.p_sign_flip for n, one in found.items()},
                verdicts={n: one.verdict for n, one in turned.items()},
                behind=frozenset(n for n, one in found.items() if one.verdict == "better"),
            )
